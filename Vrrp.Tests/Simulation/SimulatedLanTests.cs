using System.Collections.Immutable;
using System.Globalization;
using Vrrp.Simulation;
using static Vrrp.Tests.Simulation.Rehearsal;

namespace Vrrp.Tests.Simulation;

/// <summary>The LAN itself: its time, the order of what happens, who reaches whom.</summary>
public class SimulatedLanTests
{
    [Fact]
    public void Time_passes_only_when_it_is_told_to()
    {
        var lan = new SimulatedLan();
        Assert.Equal((SimulatedLan.Start, TimeSpan.Zero), (lan.Now, lan.Elapsed));
        lan.Run(Seconds(1.5));
        lan.RunUntil(Seconds(4));

        Assert.Equal((SimulatedLan.Start + Seconds(4), Seconds(4)), (lan.Now, lan.Elapsed));
    }

    [Fact]
    public void What_is_scheduled_happens_at_its_time_and_in_the_order_of_scheduling()
    {
        var lan = new SimulatedLan();
        var happened = new List<string>();
        void Schedule(double at, string what) => lan.Schedule(Seconds(at), () => happened.Add($"{what} {lan.Elapsed.TotalSeconds}"));
        Schedule(2, "c");
        Schedule(1, "a");
        Schedule(2, "d");
        lan.Schedule(Seconds(1), () => Schedule(1, "b"));
        Schedule(3, "late");
        lan.RunUntil(Seconds(2));

        Assert.Equal(["a 1", "b 1", "c 2", "d 2"], happened);
    }

    [Fact]
    public void At_one_instant_actions_come_before_turns_and_turns_in_the_order_of_the_nodes()
    {
        var (lan, a, b) = RunningPair();
        var happened = new List<string>();
        lan.TurnEnded += node => happened.Add($"{node.Name} {lan.Elapsed.TotalSeconds}");
        // The advertisement of a, heard by b; at the same instant both get a packet, b first.
        lan.Schedule(Seconds(11.21875), () =>
        {
            happened.Add("action");
            b.Inject("eth0", a.Address, IPAddressValue.MulticastGroupIPv4, [1, 2, 3]);
            a.Inject("eth0", b.Address, IPAddressValue.MulticastGroupIPv4, [1, 2, 3]);
        });
        lan.RunUntil(Seconds(11.3));

        Assert.Equal(["action", "a 11.21875", "b 11.21875", "b 11.21875"], happened);
    }

    [Fact]
    public void A_node_that_is_added_late_takes_part()
    {
        var lan = new SimulatedLan();
        for (int i = 0; i < 9; i++)
        {
            lan.AddNode($"n{i}").Add(Config(100 + i));
            lan.Run(Seconds(5));
            Assert.Equal(i, Assert.Single(lan.Masters(Id)).Index);
        }

        Assert.Equal(["10.0.0.1", "10.0.0.9"], [lan.Nodes[0].Address.ToString(), lan.Nodes[^1].Address.ToString()]);
        Assert.Equal("fe80::9", lan.Nodes[^1].LinkLocalAddress.ToString());
        Assert.Same(lan.Nodes[4], lan.Node("n4"));
    }

    [Fact]
    public void More_than_64_nodes_hear_one_advertisement()
    {
        var lan = new SimulatedLan();
        for (int i = 0; i < 150; i++)
            lan.AddNode($"n{i}").Add(Config(i == 70 ? 200 : 100));
        lan.Run(Seconds(20));

        Assert.Equal(70, Assert.Single(lan.Masters(Id)).Index);
        Assert.All(lan.Nodes, node => Assert.Equal(node.Index == 70 ? 0 : 17, node.Routers[0].Counters.AdvertisementsReceived));
    }

    [Fact]
    public void A_cut_is_one_way()
    {
        var (lan, a, b) = RunningPair();
        lan.Cut(a, b);
        lan.Run(Seconds(5));
        // b hears nothing and takes over; a hears b and stays.
        Assert.Equal((VrrpState.Master, VrrpState.Master), (a.State(), b.State()));
        Assert.Equal(0, b.Routers[0].Counters.LowerMastersHeard);
        Assert.True(a.Routers[0].Counters.LowerMastersHeard > 0);
        lan.Mend(a, b);
        lan.Run(Seconds(2));
        Assert.Equal((VrrpState.Master, VrrpState.Backup), (a.State(), b.State()));

        lan.Cut(b, a);
        lan.Run(Seconds(20));
        Assert.Equal((VrrpState.Master, VrrpState.Backup), (a.State(), b.State()));
    }

    [Fact]
    public void A_partition_has_a_master_on_each_side_until_it_heals()
    {
        var lan = new SimulatedLan();
        for (int i = 0; i < 4; i++)
            lan.AddNode($"n{i}").Add(Config(100 + i));
        lan.Run(Seconds(5));
        lan.Partition(lan.Nodes[0], lan.Nodes[2]);
        lan.Run(Seconds(5));
        Assert.Equal(["n2", "n3"], lan.Masters(Id).Select(node => node.Name));
        lan.Heal();
        lan.Run(Seconds(2));

        Assert.Equal(["n3"], lan.Masters(Id).Select(node => node.Name));
        Assert.Contains("partition: n0, n2 | n1, n3", lan.Trace.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Networks_are_apart()
    {
        var lan = new SimulatedLan();
        var options = new SimulatedNodeOptions { Interfaces = ["eth0", "eth1"] };
        var (a, b) = (lan.AddNode("a", options), lan.AddNode("b", options));
        ImmutableArray<VirtualAddress> inner = [VirtualAddress.Host(IPAddressValue.Parse("10.1.0.254"))];
        foreach (var node in lan.Nodes)
        {
            node.Add(Config(node == a ? 200 : 100));
            node.Add(Config(node == a ? 100 : 200) with { Name = "inner", Interface = "eth1", VirtualAddresses = inner });
        }

        lan.Run(Seconds(10));
        Assert.Equal((VrrpState.Master, VrrpState.Backup), (a.State(), b.State()));
        Assert.Equal((VrrpState.Backup, VrrpState.Master), (a.Router("inner").State, b.Router("inner").State));
        Assert.Equal(["10.0.0.2", "10.1.0.2"], b.Routers.Select(router => router.PrimaryAddress.ToString()));

        // An interface of another name, plugged into the same network, hears the others.
        var c = lan.AddNode("c");
        c.AddInterface("lan", network: "eth1");
        c.Add(Config(250) with { Interface = "lan", VirtualAddresses = inner });
        lan.Run(Seconds(10));
        Assert.Equal((VrrpState.Master, VrrpState.Backup), (c.State(), b.Router("inner").State));
        Assert.Equal(VrrpState.Master, a.State());
    }

    [Fact]
    public void IPv6_and_unicast_and_version_2_elect_like_the_others()
    {
        var lan = new SimulatedLan();
        var (a, b) = (lan.AddNode("a"), lan.AddNode("b"));
        foreach (var (node, peer) in new[] { (a, b), (b, a) })
        {
            int priority = node == a ? 200 : 100;
            node.Add(Config(priority) with
            {
                Name = "v6", Family = IPFamily.IPv6, VirtualAddresses = [VirtualAddress.Host(IPAddressValue.Parse("fe80::100"))],
            });
            node.Add(Config(priority) with { Name = "unicast", VirtualRouterId = new(52), UnicastPeers = [new(peer.Address)] });
            node.Add(Config(priority) with
            {
                Name = "v2",
                VirtualRouterId = new(53),
                Version = VrrpVersion.V2,
                VirtualAddresses = [VirtualAddress.Host(IPAddressValue.Parse("10.0.0.253"))],
            });
            node.Add(Config(priority) with
            {
                Name = "unicast6",
                VirtualRouterId = new(54),
                Family = IPFamily.IPv6,
                UnicastPeers = [new(peer.LinkLocalAddress)],
                VirtualAddresses = [VirtualAddress.Host(IPAddressValue.Parse("fe80::101"))],
            });
        }

        lan.Run(Seconds(30));
        Assert.All(a.Routers, router => Assert.Equal(VrrpState.Master, router.State));
        Assert.All(b.Routers, router => Assert.Equal(VrrpState.Backup, router.State));
        Assert.All(b.Routers, router => Assert.True(router.Counters.AdvertisementsReceived > 20, router.Name));
        a.Crash();
        lan.Run(Seconds(5));
        Assert.All(b.Routers, router => Assert.Equal(VrrpState.Master, router.State));
    }

    [Fact]
    public void Who_was_Master_when_is_remembered()
    {
        var (lan, a, b) = RunningPair();
        a.Crash();
        lan.RunUntil(Seconds(20));
        a.Restart();
        lan.RunUntil(Seconds(30));

        var periods = lan.MasterPeriods(Id);
        Assert.Equal([a, b, a], periods.Select(period => period.Node));
        Assert.Equal([3.21875, 13.828125, 23.21875], periods.Select(period => period.From.TotalSeconds));
        Assert.Equal([10.21875, 23.21875], periods.Take(2).Select(period => period.To!.Value.TotalSeconds));
        Assert.Null(periods[2].To);
        Assert.Empty(lan.MasterPeriods(Id, IPFamily.IPv6));
    }

    [Fact]
    public void Checks_run_after_every_turn_and_one_that_fails_ends_the_run()
    {
        var (lan, a, _) = Pair();
        lan.TurnEnded += node =>
        {
            if (node == a && node.State() == VrrpState.Master)
                throw new InvalidDataException(node.Name);
        };

        Assert.Throws<InvalidDataException>(() => lan.Run(Seconds(60)));
        Assert.Equal(Seconds(3.21875), lan.Elapsed);
    }

    [Fact]
    public void A_run_that_was_ended_by_a_check_can_go_on()
    {
        var (lan, _, b) = Pair();
        bool isFirst = true;
        lan.TurnEnded += _ =>
        {
            if (isFirst && lan.Elapsed == Seconds(4.21875))
            {
                isFirst = false;
                throw new InvalidDataException();
            }
        };
        Assert.Throws<InvalidDataException>(() => lan.Run(Seconds(60)));
        lan.Run(Seconds(60));

        Assert.Equal(62, b.Routers[0].Counters.AdvertisementsReceived);
        SimulationAssertions.ExactlyOneMaster(lan, Id);
    }

    [Fact]
    public void Nodes_that_never_come_to_rest_are_an_error()
    {
        var (lan, a, _) = Pair();
        lan.TurnEnded += _ => lan.Schedule(lan.Elapsed, () => a.Inject("eth0", a.Address, a.Address, []));

        var exception = Assert.Throws<SimulationRestlessException>(() => lan.Run(Seconds(60)));
        Assert.Contains("never come to rest", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void All_the_time_there_is_passes_where_nothing_happens()
    {
        var lan = new SimulatedLan();
        lan.AddNode("a");
        bool hasHappened = false;
        lan.Schedule(TimeSpan.MaxValue, () => hasHappened = true);
        lan.Run(TimeSpan.FromDays(36_500));
        Assert.Equal(36_500, lan.Elapsed.TotalDays);
        lan.Run(TimeSpan.MaxValue);
        Assert.True(lan.Now.IsNever);
        lan.Run(TimeSpan.MaxValue);
        lan.Run(Seconds(1));
        Assert.False(hasHappened);
    }

    [Fact]
    public void A_deadline_of_a_slow_clock_may_be_centuries_away()
    {
        var (lan, a, b) = RunningPair();
        b.Reconfigure("web", Config(220) with { PreemptDelay = TimeSpan.FromDays(10_000) });
        b.ClockRate = 0.001;
        lan.Run(Seconds(10));
        Assert.Equal((VrrpState.Master, VrrpState.Backup), (a.State(), b.State()));
    }

    [Fact]
    public void What_is_told_does_not_depend_on_the_culture()
    {
        var culture = (CultureInfo)CultureInfo.InvariantCulture.Clone();
        culture.NumberFormat = new() { NumberDecimalSeparator = ",", PercentDecimalSeparator = ",", NegativeSign = "~" };
        string expected = Timeline();
        var before = CultureInfo.CurrentCulture;
        CultureInfo.CurrentCulture = culture;
        try
        {
            Assert.Equal("1,5", 1.5.ToString());
            Assert.Equal(expected, Timeline());
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }

        Assert.Contains("loss 12.5%, duplication 0.25%, reordering 1.5%", expected, StringComparison.Ordinal);
        Assert.Contains("its clock runs 0.97 times as fast as time", expected, StringComparison.Ordinal);

        static string Timeline()
        {
            var (lan, a, _) = RunningPair();
            lan.Conditions = new() { Delay = Seconds(0.0015), Jitter = Seconds(0.0005), Loss = 0.125, Duplication = 0.0025, Reordering = 0.015 };
            a.ClockRate = 0.97;
            a.Freeze(Seconds(1.25));
            lan.Run(Seconds(20));
            var scenario = Scenario.Parse("node A clock 0.98\n router web vrid 51 address 10.0.0.254\nat 1.5s loss 0.5\nat 2s start A");
            var violation = new InvariantViolation(Seconds(1.5), SimulationInvariant.Rest, "LAN", "");
            return $"{lan.Trace.Print(SimulationEventKinds.All)}{scenario}{scenario.Run().Timeline}{violation}"
                + Assert.Throws<SimulationAssertionException>(() => SimulationAssertions.NoMasterlessGapLongerThan(lan, Id, Seconds(0.5), since: Seconds(0))).Message;
        }
    }

    [Fact]
    public void An_observer_that_has_seen_enough_hears_no_more()
    {
        var (lan, a, _) = RunningPair();
        var (first, second, all) = (0, 0, 0);
        IDisposable? once = null;
        using var whole = lan.Observe(SimulationEventKinds.AdvertisementSent, (in SimulationEvent _) => all++);
        once = lan.Observe(SimulationEventKinds.AdvertisementSent, (in SimulationEvent _) =>
        {
            first++;
            once!.Dispose();
        });
        var other = lan.Observe(SimulationEventKinds.AdvertisementSent | SimulationEventKinds.PacketDelivered, (in SimulationEvent _) => second++);
        lan.Run(Seconds(3));
        other.Dispose();
        other.Dispose();
        lan.Run(Seconds(2));

        // Three advertisements, each sent and delivered to one; then two that only one observer hears of.
        Assert.Equal((1, 6, 5), (first, second, all));
        Assert.False(lan.Wants(SimulationEventKinds.PacketDelivered));
        Assert.True(lan.Wants(SimulationEventKinds.AdvertisementSent));
    }

    [Fact]
    public void Invalid_use_is_refused()
    {
        var (lan, a, b) = Pair();
        var stranger = new SimulatedLan().AddNode("stranger");
        lan.Run(Seconds(1));
        Assert.Throws<ArgumentException>(() => lan.AddNode("a"));
        Assert.Throws<ArgumentException>(() => lan.AddNode(" "));
        Assert.Throws<ArgumentException>(() => lan.AddNode("c", new() { Interfaces = [] }));
        Assert.Throws<ArgumentOutOfRangeException>(() => lan.AddNode("c", new() { SocketCapacity = 0 }));
        Assert.Throws<ArgumentException>(() => lan.Node("c"));
        Assert.Throws<ArgumentException>(() => lan.Cut(a, stranger));
        Assert.Throws<ArgumentException>(() => lan.Cut(a, a));
        Assert.Throws<ArgumentException>(() => lan.Mend(stranger, a));
        Assert.Throws<ArgumentException>(() => lan.Partition(a, stranger));
        Assert.Throws<ArgumentException>(() => lan.SetConditions(b, b, LinkConditions.Ideal));
        Assert.Throws<ArgumentNullException>(() => lan.Conditions = null!);
        Assert.Throws<ArgumentOutOfRangeException>(() => lan.Schedule(Seconds(0.5), () => { }));
        Assert.Throws<ArgumentOutOfRangeException>(() => lan.RunUntil(Seconds(0.5)));
        Assert.Throws<ArgumentOutOfRangeException>(() => lan.Run(Seconds(-1)));
        lan.Schedule(Seconds(1), () => lan.Run(Seconds(1)));
        Assert.Throws<InvalidOperationException>(() => lan.Run(Seconds(1)));
        lan.RunUntil(Seconds(2));
        Assert.Equal(2, lan.Nodes.Count);
    }

    [Fact]
    public void An_observer_looks_and_changes_nothing()
    {
        var (lan, a, _) = Pair();
        lan.Observe(SimulationEventKinds.AdvertisementSent, (in SimulationEvent what) => what.Node!.Crash());

        Assert.Throws<InvalidOperationException>(() => lan.Run(Seconds(5)));
        Assert.True(a.IsRunning);
    }
}
