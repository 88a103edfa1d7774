using Vrrp.Daemon.Ipvs;
using Vrrp.Netlink;

namespace Vrrp.Tests.Fuzzing.Targets;

/// <summary>Datagrams of the kernel's IPVS family to what reads services, destinations, timeouts, sizes and synchronisation daemons of them.</summary>
internal sealed class IpvsTarget : IFuzzTarget
{
    private const ushort Family = 0x1f;

    public string Name => "ipvs";

    public int Executions => 60_000;

    public int MaxLength => 1024;

    public IReadOnlyList<byte[]> Seeds { get; } = [.. WriteSeeds()];

    public IReadOnlyList<byte[]> Tokens { get; } =
    [
        [0, 0], [4, 0], [5, 0], [8, 0], [20, 0], [0xFF, 0xFF], [1, 0x80], [2, 0x80], [2, 0, 0, 0], [10, 0, 0, 0], [0xFF, 0xFF, 0xFF, 0xFF], [0, 0, 0, 0x80],
    ];

    public void Execute(ReadOnlySpan<byte> input, FuzzContext context)
    {
        var reader = new NetlinkReader(input);
        while (reader.Next(out var message))
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            var service = IpvsMessages.ReadService(message);
            var destinations = (IpvsMessages.ReadDestination(message, IPFamily.IPv4), IpvsMessages.ReadDestination(message, IPFamily.IPv6));
            var timeouts = IpvsMessages.ReadTimeouts(message);
            var info = IpvsMessages.ReadInfo(message);
            var daemon = IpvsMessages.ReadDaemon(message);
            // Names, and a record of each.
            context.Allocated(GC.GetAllocatedBytesForCurrentThread() - before, 2048 + (20L * input.Length));

            context.Reached("timeouts", timeouts == default ? 0 : 1);
            context.Reached("info", info == default ? 0 : 1);
            context.Reached("daemon", daemon is null ? 0 : 1);
            if (service is { } found)
                LookAt(found.Service, context);
            LookAt(destinations.Item1, context);
            LookAt(destinations.Item2, context);
        }

        context.Reached("malformed", reader.IsMalformed ? 1 : 0);
    }

    private static void LookAt(VirtualService service, FuzzContext context)
    {
        var key = service.Key;
        if (key.Family is not (IPFamily.IPv4 or IPFamily.IPv6))
            throw new BrokenPromiseException("a service of no family");
        if (key.FirewallMark == 0 && (key.Address.IsNone || key.Address.Family != key.Family))
            throw new BrokenPromiseException("a service has neither a mark nor an address of its family");
        context.Reached(key.FirewallMark != 0 ? "service by mark" : "service by address");
        context.Reached("service of family", (long)key.Family);
        context.Reached("engine", service.PersistenceEngine is null ? 0 : 1);
        context.ReachedCount("prefix", service.PersistencePrefix);
        // What is read can be named and compared, whatever it says.
        _ = key.ToString() + service;
    }

    private static void LookAt(DestinationEntry? entry, FuzzContext context)
    {
        if (entry is null)
        {
            context.Reached("no destination");
            return;
        }

        if (entry.Destination.Key.Address.IsNone)
            throw new BrokenPromiseException("a destination without an address");
        context.Reached("method", (long)entry.Destination.Forwarding.Method & 7);
        context.Reached("tunnel", (long)entry.Destination.Forwarding.Tunnel & 3);
        _ = entry.Destination.Key.ToString() + entry;
    }

    private static IEnumerable<byte[]> WriteSeeds()
    {
        foreach (string address in (string[])["10.0.0.1", "2001:db8::1"])
        {
            var value = IPAddressValue.Parse(address);
            var service = new VirtualService
            {
                Key = ServiceKey.ByAddress(TransportProtocol.Tcp, value, 80),
                Scheduler = "wrr",
                Flags = ServiceFlags.Persistent,
                PersistenceTimeout = 50,
                PersistencePrefix = 24,
                PersistenceEngine = "sip",
            };
            yield return Change(IpvsChangeKind.AddService, service);
            yield return Change(IpvsChangeKind.AddService, service with { Key = ServiceKey.ByMark(7, value.Family) });
            foreach (var forwarding in (Forwarding[])[new(ForwardingMethod.Masquerade), new(ForwardingMethod.Tunnel, TunnelType.Gue, 6080, TunnelChecksum.Checksum)])
                yield return Change(IpvsChangeKind.AddDestination, service, new() { Key = new(value, 80), Forwarding = forwarding, Weight = 3, UpperThreshold = 9, LowerThreshold = 1 });
        }

        yield return Written((ref NetlinkWriter writer) => IpvsMessages.WriteTimeouts(ref writer, Family, 1, new(900, 120, 300)));
        foreach (bool isStart in (bool[])[true, false])
            yield return Written((ref NetlinkWriter writer) => IpvsMessages.WriteDaemon(ref writer, Family, 1, isStart, new(SyncDaemonRole.Master, "eth0", 7, IPAddressValue.MulticastGroupIPv4, 8848, 1, 1472)));
        yield return Written((ref NetlinkWriter writer) => IpvsMessages.WriteBare(ref writer, Family, 1, command: 13, isDump: false));
    }

    private static byte[] Change(IpvsChangeKind kind, VirtualService service, Destination? destination = null) =>
        Written((ref NetlinkWriter writer) => IpvsMessages.WriteChange(ref writer, Family, 1, new(kind, service, destination)));

    private static byte[] Written(Writing write)
    {
        var writer = new NetlinkWriter(new byte[IpvsMessages.MaximumChange]);
        write(ref writer);
        return writer.Written.ToArray();
    }

    private delegate void Writing(ref NetlinkWriter writer);
}
