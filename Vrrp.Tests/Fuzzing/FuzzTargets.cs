using Vrrp.Packets;
using Vrrp.Tests.Fuzzing.Targets;

namespace Vrrp.Tests.Fuzzing;

/// <summary>Everything that is fuzzed.</summary>
internal static class FuzzTargets
{
    private static readonly Func<IFuzzTarget>[] s_all =
    [
        () => new FrameTarget(new VrrpFrameCodec()),
        () => new EngineTarget(new VrrpFrameCodec()),
        () => new DatagramTarget(),
        () => new AnnouncementTarget(),
        () => new NetlinkTarget(),
        () => new IpvsTarget(),
        () => new LedgerTarget(),
        () => new PidFileTarget(),
        () => new RealServerTarget(),
        () => new DnsTarget(),
        () => new ConfigurationTarget(),
        () => new ReloadTarget(),
        () => new PrinterTarget(),
    ];

    public static IEnumerable<string> Names => s_all.Select(make => NameOf(make));

    public static IFuzzTarget Make(string name) => s_all.First(make => NameOf(make) == name)();

    private static string NameOf(Func<IFuzzTarget> make)
    {
        using var target = make();
        return target.Name;
    }
}
