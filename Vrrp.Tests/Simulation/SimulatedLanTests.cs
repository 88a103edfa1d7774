using Vrrp.Simulation;

namespace Vrrp.Tests.Simulation;

/// <summary>The LAN itself: its time, its order, its seed.</summary>
public class SimulatedLanTests
{
    private static readonly IPAddressValue Address = IPAddressValue.Parse("10.0.0.254");

    private static VirtualRouterConfig Config(int priority = 100) => new()
    {
        Name = "web",
        Interface = "eth0",
        VirtualRouterId = new(51),
        Priority = new(priority),
        VirtualAddresses = [VirtualAddress.Host(Address)],
    };

    private static SimulatedLan Pair(long seed = 1)
    {
        var lan = new SimulatedLan(seed);
        lan.AddNode("a").Add(Config(200));
        lan.AddNode("b").Add(Config());
        return lan;
    }

    [Fact]
    public void A_crash_is_survived_and_the_timeline_tells_it()
    {
        var lan = Pair();
        var (a, b) = (lan.Nodes[0], lan.Nodes[1]);
        lan.Schedule(TimeSpan.FromSeconds(10), a.Crash);
        lan.RunUntil(TimeSpan.FromSeconds(20));

        Assert.Equal("b", Assert.Single(lan.Masters(new(51))).Name);
        SimulationAssertions.ExactlyOneMaster(lan, new(51));
        SimulationAssertions.AddressOnlyOnMaster(lan, new(51));
        SimulationAssertions.NoMasterlessGapLongerThan(lan, new(51), TimeSpan.FromSeconds(3.61));
        Assert.Throws<SimulationAssertionException>(
            () => SimulationAssertions.NoMasterlessGapLongerThan(lan, new(51), TimeSpan.FromSeconds(2)));
        Assert.True(a.HasAddress(Address) && b.HasAddress(Address));
        Assert.Equal(
            """
             0.000000 s  a  web  is added
             0.000000 s  a  web  Initialize → Backup (Started)
             0.000000 s  b  web  is added
             0.000000 s  b  web  Initialize → Backup (Started)
             3.218750 s  a       installs 10.0.0.254 on eth0
             3.218750 s  a  web  Backup → Master (MasterSilent)
            10.000000 s  a       crashes
            12.828125 s  b       installs 10.0.0.254 on eth0
            12.828125 s  b  web  Backup → Master (MasterSilent)

            """,
            lan.Trace.ToString());
    }

    [Fact]
    public void Equal_seeds_give_equal_traces_and_others_do_not()
    {
        Assert.Equal(Disturbed(1), Disturbed(1));
        Assert.NotEqual(Disturbed(1), Disturbed(2));

        static string Disturbed(long seed)
        {
            var lan = Pair(seed);
            lan.Trace.Records = SimulationEventKinds.All;
            lan.Conditions = new()
            {
                Delay = TimeSpan.FromMilliseconds(1), Jitter = TimeSpan.FromMilliseconds(5), Loss = 0.3, Duplication = 0.2, Reordering = 0.2,
            };
            lan.Run(TimeSpan.FromSeconds(100));
            return lan.Trace.Print(SimulationEventKinds.All);
        }
    }
}
