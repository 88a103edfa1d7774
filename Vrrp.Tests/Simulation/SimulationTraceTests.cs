using System.Security.Cryptography;
using System.Text;
using Vrrp.Simulation;
using static Vrrp.Tests.Simulation.Rehearsal;

namespace Vrrp.Tests.Simulation;

/// <summary>What is kept, how it reads, and that equal seeds give equal traces, byte for byte.</summary>
public class SimulationTraceTests
{
    /// <summary>SHA-256 of the trace of seed 1, all packets included. It changes when the engine or the LAN behaves otherwise.</summary>
    private const string TraceHash = "AA2AA25F01B0D0353FD1D75B5C644D32C7C5582459D56A6F38A33D325FC426BA";

    /// <summary>Every fault of nodes and ways, on three nodes with two virtual routers each.</summary>
    private static string Disturbed(long seed)
    {
        var lan = new SimulatedLan(seed);
        lan.Trace.Records = SimulationEventKinds.All;
        lan.Conditions = new()
        {
            Delay = TimeSpan.FromMilliseconds(1), Jitter = TimeSpan.FromMilliseconds(5), Loss = 0.2, Duplication = 0.2, Reordering = 0.2,
        };
        for (int i = 0; i < 3; i++)
        {
            var node = lan.AddNode($"n{i}");
            node.Add(Config(100 + i));
            node.Add(Config(100 - i) with
            {
                Name = "v6", Family = IPFamily.IPv6, VirtualAddresses = [VirtualAddress.Host(IPAddressValue.Parse("fe80::100"))],
            });
        }

        var (a, b, c) = (lan.Nodes[0], lan.Nodes[1], lan.Nodes[2]);
        lan.Schedule(Seconds(10), c.Crash);
        lan.Schedule(Seconds(15), () => c.Restart());
        lan.Schedule(Seconds(20), () => c.Freeze(Seconds(7.3)));
        lan.Schedule(Seconds(30), () => lan.Partition(a));
        lan.Schedule(Seconds(35), lan.Heal);
        lan.Schedule(Seconds(40), () => b.ClockRate = 0.9);
        lan.Schedule(Seconds(42), () => c.SetCable("eth0", isConnected: false));
        lan.Schedule(Seconds(44), () => c.SetCable("eth0", isConnected: true));
        lan.Schedule(Seconds(50), () => c.SetPriority("web", new(90)));
        lan.Schedule(Seconds(55), () => a.Stop());
        lan.Schedule(Seconds(60), () => a.Restart());
        lan.Schedule(Seconds(52), () => b.RefuseAddress(Address));
        lan.Schedule(Seconds(70), c.PowerOff);
        lan.RunUntil(Seconds(90));
        return lan.Trace.Print(SimulationEventKinds.All);
    }

    [Fact]
    public void Equal_seeds_give_equal_traces_and_others_do_not()
    {
        Assert.Equal(Disturbed(1), Disturbed(1));
        Assert.NotEqual(Disturbed(1), Disturbed(2));
    }

    [Fact]
    public void The_trace_is_the_same_on_every_machine()
    {
        string trace = Disturbed(1);
        string hash = Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(trace)));
        Assert.True(hash == TraceHash, $"The hash is {hash}:{Environment.NewLine}{trace}");
    }

    [Fact]
    public void A_timeline_reads_like_one()
    {
        var lan = new SimulatedLan();
        var (a, b) = (lan.AddNode("director1"), lan.AddNode("director2"));
        var config = Config() with { Announcements = new() { Repeat = 1, Delay = TimeSpan.Zero } };
        a.Add(config with { Priority = new(200) });
        b.Add(config);
        lan.Schedule(Seconds(8), () => a.Freeze(Seconds(10)));
        lan.Schedule(Seconds(9.9), () => lan.Conditions = new() { Loss = 0.2, Delay = TimeSpan.FromMilliseconds(0.5) });
        lan.Schedule(Seconds(20), () => b.TakeAddressAway(b.Address));
        lan.Schedule(Seconds(21), () => b.PowerOff());
        lan.RunUntil(Seconds(21));

        Assert.Equal(
            """
             0.000000 s  director1  web  is added
             0.000000 s  director1  web  Initialize → Backup (Started)
             0.000000 s  director2  web  is added
             0.000000 s  director2  web  Initialize → Backup (Started)
             3.218750 s  director1       installs 10.0.0.254 on eth0
             3.218750 s  director1  web  Backup → Master (MasterSilent)
             8.000000 s  director1       freezes for 10 s
             9.900000 s  LAN             every way: delay 0.5 ms, loss 20%
            10.828125 s  director2       installs 10.0.0.254 on eth0
            10.828125 s  director2  web  Backup → Master (MasterSilent)
            18.000000 s  director1       runs again
            18.000000 s  director1       was stalled for 9.78125 s
            18.000000 s  director1       removes 10.0.0.254 from eth0
            18.000000 s  director1  web  Master → Backup (ReplacedWhileStalled)
            20.000000 s  director2       someone takes 10.0.0.2 away
            20.000000 s  director2       removes 10.0.0.254 from eth0
            20.000000 s  director2  web  Master → Fault (FaultBegan: NoSourceAddress), address 10.0.0.2 was removed from eth0
            20.219250 s  director1       installs 10.0.0.254 on eth0
            20.219250 s  director1  web  Backup → Master (MasterLeft)
            21.000000 s  director2       loses power

            """,
            lan.Trace.ToString());
        Assert.Equal(
            """
            19.828125 s  director2  web  advertises VRID 51, priority 100, to 224.0.0.18
            20.000000 s  director2  web  advertises VRID 51, priority 0, to 224.0.0.18
            20.219250 s  director1  web  advertises VRID 51, priority 200, to 224.0.0.18

            """,
            lan.Trace.Print(SimulationEventKinds.AdvertisementSent, last: 3));
        Assert.Equal(
            "10.828125 s  director2  web  announces 10.0.0.254 (ARP)\n20.219250 s  director1  web  announces 10.0.0.254 (ARP)\n",
            lan.Trace.Print(SimulationEventKinds.AnnouncementSent, last: 2));
    }

    [Fact]
    public void Packets_are_followed_when_asked_for()
    {
        var (lan, a, b) = RunningPair();
        lan.Trace.Records = SimulationEventKinds.All;
        lan.Trace.Clear();
        lan.Run(Seconds(1));
        lan.Cut(a, b);
        lan.Run(Seconds(1));
        b.Inject("eth0", Address, IPAddressValue.MulticastGroupIPv4, [0x31]);

        Assert.Equal(
            """
            11.218750 s  a    web  advertises VRID 51, priority 200, to 224.0.0.18
            11.218750 s  b    web  gets VRID 51, priority 200, to 224.0.0.18 from a
            11.218750 s  LAN       a no longer reaches b
            12.218750 s  a    web  advertises VRID 51, priority 200, to 224.0.0.18
            12.218750 s  b    web  misses VRID 51, priority 200, to 224.0.0.18 from a: the way is cut
            12.218750 s  b         gets VRID 0, priority 0, to 224.0.0.18 from outside

            """,
            lan.Trace.Print(SimulationEventKinds.All));
    }

    [Fact]
    public void Only_what_is_asked_for_is_kept()
    {
        var (lan, a, _) = RunningPair();
        lan.Trace.Clear();
        lan.Trace.Records = SimulationEventKinds.None;
        a.Crash();
        lan.Run(Seconds(10));
        Assert.Equal((0, ""), (lan.Trace.Count, lan.Trace.ToString()));
        lan.Trace.Records = SimulationEventKinds.AdvertisementSent;
        lan.Run(Seconds(3));
        Assert.Equal(3, lan.Trace.Count);
        Assert.Equal("", lan.Trace.ToString());
        Assert.Throws<ArgumentOutOfRangeException>(() => lan.Trace[3]);
        Assert.Throws<ArgumentOutOfRangeException>(() => lan.Trace[-1]);
    }

    [Fact]
    public void The_last_events_are_kept_when_there_is_no_room_for_all()
    {
        var (lan, _, _) = RunningPair();
        lan.Trace.Records = SimulationEventKinds.AdvertisementSent;
        lan.Trace.Clear();
        lan.Trace.Capacity = 300;
        lan.Run(Seconds(1000));
        Assert.Equal((300, 700L), (lan.Trace.Count, lan.Trace.Forgotten));
        Assert.Equal(Enumerable.Range(711, 300).Select(second => second + 0.21875), Times());

        lan.Trace.Capacity = 10;
        Assert.Equal((10, 990L), (lan.Trace.Count, lan.Trace.Forgotten));
        lan.Run(Seconds(2));
        Assert.Equal(Enumerable.Range(1003, 10).Select(second => second + 0.21875), Times());
        lan.Trace.Capacity = 20;
        lan.Run(Seconds(15));
        Assert.Equal(Enumerable.Range(1008, 20).Select(second => second + 0.21875), Times());
        Assert.StartsWith("(997 earlier events are not kept)\n", lan.Trace.Print(SimulationEventKinds.All), StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => lan.Trace.Capacity = 0);

        IEnumerable<double> Times() =>
            Enumerable.Range(0, lan.Trace.Count).Select(index => lan.Trace[index].At.TotalSeconds);
    }

    [Fact]
    public void An_event_says_what_happened_where()
    {
        var lan = new SimulatedLan();
        var node = lan.AddNode("a");
        var seen = new List<SimulationEvent>();
        lan.Observe(SimulationEventKinds.All, (in SimulationEvent what) => seen.Add(what));
        node.Add(Config() with { Announcements = new() { Repeat = 1, Delay = TimeSpan.Zero } });
        lan.Run(Seconds(3.7));

        Assert.Equal(
            [
                SimulationEventKinds.Intervention, SimulationEventKinds.Transition, SimulationEventKinds.AddressInstalled,
                SimulationEventKinds.Transition, SimulationEventKinds.AdvertisementSent, SimulationEventKinds.AnnouncementSent,
            ],
            seen.Select(what => what.Kind));
        Assert.All(seen, what => Assert.Same(node, what.Node));
        Assert.Equal(("is added", "web"), (seen[0].Text, seen[0].VirtualRouter));
        Assert.Equal(VrrpState.Master, ((RouterTransition)seen[3].Notification!).To);
        Assert.Equal((Address, "eth0"), (seen[2].Address, seen[2].Interface));
        var sent = seen[4];
        Assert.Equal(
            (IPAddressValue.MulticastGroupIPv4, (byte)51, (byte)100, "web"),
            (sent.Address, sent.VirtualRouterIdOctet, sent.PriorityOctet, sent.VirtualRouter));
        Assert.Equal((Address, "web", null), (seen[5].Address, seen[5].VirtualRouter, seen[5].Text));
    }
}
