using Vrrp.Simulation;

namespace Vrrp.Tests.Simulation;

/// <summary>What the tests of the simulation have in common.</summary>
internal static class Rehearsal
{
    public static IPAddressValue Address { get; } = IPAddressValue.Parse("10.0.0.254");

    public static VirtualRouterId Id { get; } = new(51);

    /// <summary>A virtual router of VRID 51 with 10.0.0.254 on eth0, at one advertisement a second.</summary>
    public static VirtualRouterConfig Config(int priority = 100) => new()
    {
        Name = "web",
        Interface = "eth0",
        VirtualRouterId = Id,
        Priority = new(priority),
        VirtualAddresses = [VirtualAddress.Host(Address)],
    };

    public static TimeSpan Seconds(double seconds) => TimeSpan.FromTicks((long)Math.Round(seconds * TimeSpan.TicksPerSecond));

    /// <summary>Two nodes; a has priority 200, b 100.</summary>
    public static (SimulatedLan Lan, SimulatedNode A, SimulatedNode B) Pair(long seed = 1)
    {
        var lan = new SimulatedLan(seed);
        var (a, b) = (lan.AddNode("a"), lan.AddNode("b"));
        a.Add(Config(200));
        b.Add(Config());
        return (lan, a, b);
    }

    /// <summary>The same, with a as Master for a while; 10.21875 s, the moment of its last advertisement.</summary>
    public static (SimulatedLan Lan, SimulatedNode A, SimulatedNode B) RunningPair(long seed = 1)
    {
        var (lan, a, b) = Pair(seed);
        lan.RunUntil(Seconds(10.21875));
        SimulationAssertions.ExactlyOneMaster(lan, Id);
        return (lan, a, b);
    }

    public static VrrpState State(this SimulatedNode node) => node.Router("web").State;

    /// <summary>When each event of a kind happened, in seconds since the start.</summary>
    public static List<double> Times(this SimulatedLan lan, SimulationEventKinds kinds, SimulatedNode? node = null)
    {
        var times = new List<double>();
        lan.Observe(kinds, (in SimulationEvent what) =>
        {
            if (node is null || what.Node == node)
                times.Add(what.At.TotalSeconds);
        });
        return times;
    }
}
