// Holds a virtual IP address against other copies of itself (or any VRRPv3 router) on the same LAN:
//   HoldAddress INTERFACE ADDRESS [PRIORITY [VRID]]
using System.Runtime.InteropServices;
using Vrrp;
using Vrrp.Linux;

if (args.Length < 2 || !IPAddressValue.TryParse(args[1], out var address))
{
    Console.Error.WriteLine("usage: HoldAddress INTERFACE ADDRESS [PRIORITY [VRID]]");
    return 1;
}

using var stop = new CancellationTokenSource();
using var onInterrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
using var onTerminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
try
{
    await using var node = VrrpNode.Start();
    var transitions = node.ReadTransitionsAsync(stop.Token);
    await node.AddAsync(new VirtualRouterConfig
    {
        Name = "example",
        Interface = args[0],
        Family = address.Family,
        VirtualRouterId = new VirtualRouterId(args.Length > 3 ? int.Parse(args[3], null) : 51),
        Priority = new Priority(args.Length > 2 ? int.Parse(args[2], null) : 100),
        VirtualAddresses = [VirtualAddress.Host(address)],
    });
    await foreach (var transition in transitions)
        Console.WriteLine($"{transition.From} -> {transition.To}: {transition.Reason} {transition.Detail}");
}
catch (OperationCanceledException)
{
    Console.WriteLine($"gave {address} up"); // disposing the node handed it over
}
catch (LinuxException exception)
{
    Console.Error.WriteLine(exception.Message);
    return 4;
}

return 0;

void Stop(PosixSignalContext context)
{
    context.Cancel = true;
    stop.Cancel();
}
