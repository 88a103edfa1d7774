using System.Text;
using Vrrp.Daemon.RealServers;
using Vrrp.Tests.RealServers;

namespace Vrrp.Tests.Fuzzing.Targets;

/// <summary>The state file of <c>vrrp realserver</c>: nothing in it makes root write elsewhere than <c>up</c> could have.</summary>
internal sealed class RealServerTarget : IFuzzTarget
{
    private const string Boot = "boot";

    private static readonly RealServerMemory s_memory = new()
    {
        Vips = [new(FakeRealServerKernel.Dr("10.0.0.100"), false), new(FakeRealServerKernel.Tun("2001:db8::1"), true)],
        Settings = [new(FakeRealServerKernel.AllIgnore, 0, 1), new(FakeRealServerKernel.TunnelFilter, 2, 0)],
        Devices = [new(RealServerVip.IPv4Tunnel, true, true), new(RealServerVip.Loopback, false, true)],
    };

    public string Name => "real-server";

    public int Executions => 5000;

    public bool IsText => true;

    public IReadOnlyList<byte[]> Seeds { get; } =
    [
        Encoding.UTF8.GetBytes(s_memory.Format(Boot)), Encoding.UTF8.GetBytes(RealServerMemory.Empty.Format(Boot)), Encoding.UTF8.GetBytes(s_memory.Format("another")),
    ];

    public IReadOnlyList<byte[]> Tokens { get; } =
    [
        .. ((string[])["lo", "tunl0", "ip6tnl0", "all", "default", "..", "/", "eth0", "arp_ignore", "rp_filter", "dr", "tun", "true", "false", "null", "10.0.0.1", "::1"])
            .Select(Encoding.UTF8.GetBytes),
    ];

    public void Execute(ReadOnlySpan<byte> input, FuzzContext context)
    {
        var memory = RealServerMemory.Parse(Encoding.UTF8.GetString(input), Boot);
        if (memory is null)
        {
            context.Reached("refused");
            return;
        }

        context.ReachedCount("addresses", memory.Vips.Length);
        context.ReachedCount("settings", memory.Settings.Length);
        context.ReachedCount("devices", memory.Devices.Length);
        if (memory.Settings.Any(setting => Path.GetFullPath(setting.Setting.Path) != setting.Setting.Path || setting.Setting.Path.Split('/').Length != 8))
            throw new BrokenPromiseException("a setting is somewhere else");
        if (RealServerMemory.Parse(memory.Format(Boot), Boot)?.Format(Boot) != memory.Format(Boot))
            throw new BrokenPromiseException("what is read is not what is written");

        var kernel = new FakeRealServerKernel(RealServerVip.IPv4Tunnel, RealServerVip.IPv6Tunnel);
        var plan = RealServerPlan.Down(kernel.Facts, memory, [.. memory.Vips.Select(vip => vip.Vip.Address)]);
        if (!plan.Memory.IsEmpty)
            throw new BrokenPromiseException("something is remembered for nobody");
        if (plan.Changes.Any(change => change is RealServerChange.DeleteTunnel { Device: RealServerVip.Loopback } or RealServerChange.CreateTunnel))
            throw new BrokenPromiseException("a device is made, or lo removed");
        context.ReachedCount("changes", plan.Changes.Length);
    }
}
