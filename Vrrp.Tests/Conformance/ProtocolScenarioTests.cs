using Vrrp.Packets;
using Vrrp.Tests.Engine;
using ScenarioNode = Vrrp.Tests.Engine.ScenarioNode;

namespace Vrrp.Tests.Conformance;

/// <summary>SIM-01 to SIM-20 of the conformance list, with engines on a LAN and to the nanosecond.</summary>
public class ProtocolScenarioTests
{
    private readonly ScenarioLan _lan = new();

    private ScenarioNode Start(string name, VirtualRouterConfig config)
    {
        var node = _lan.AddNode(name);
        node.Add(config);
        return node;
    }

    private static VirtualRouterConfig Config(int priority, int centiseconds = 100) =>
        ScenarioNode.Config(priority) with { AdvertisementInterval = AdvertisementInterval.FromCentiseconds(centiseconds) };

    private static VirtualRouterConfig Version2(int priority, int seconds = 1) => Config(priority, seconds * 100) with { Version = VrrpVersion.V2 };

    /// <summary>A with 200 is Master and B with 150 Backup; the mark is A's last advertisement.</summary>
    private (ScenarioNode A, ScenarioNode B) StartPair(VirtualRouterConfig? a = null, VirtualRouterConfig? b = null)
    {
        var nodes = (Start("A", a ?? Config(200)), Start("B", b ?? Config(150)));
        _lan.RunTo(40);
        MarkAdvertisement(nodes.Item1);
        _lan.AssertStates(VrrpState.Master, VrrpState.Backup);
        return nodes;
    }

    /// <summary>Runs up to the next advertisement of a node and counts from there.</summary>
    private void MarkAdvertisement(ScenarioNode node)
    {
        int count = node.Sent.Count;
        while (node.Sent.Count == count)
            _lan.RunTo((node.Simulated.NextWake.Nanoseconds - _lan.Epoch.Nanoseconds) / 1_000_000_000m);
        _lan.Mark();
    }

    [Fact]
    public void Sim_01_the_highest_priority_wins_the_start()
    {
        Start("A", Config(200));
        Start("B", Config(150));
        Start("C", Config(100));
        _lan.RunTo(60);

        _lan.AssertTransitions("0 A Backup", "0 B Backup", "0 C Backup", "3.21875 A Master");
    }

    [Fact]
    public void Sim_02_a_crash_is_noticed_after_the_master_down_interval()
    {
        var (a, _) = StartPair();
        var c = Start("C", Config(100));
        _lan.Run(5);
        MarkAdvertisement(a);
        a.Kill();
        _lan.RunTo(60);

        _lan.AssertTransitions("3.4140625 B Master");
        Assert.Equal(VrrpState.Backup, c.State());
    }

    [Fact]
    public void Sim_03_a_clean_stop_costs_the_skew_time()
    {
        var (a, b) = StartPair();
        var c = Start("C", Config(100));
        _lan.Run(5);
        MarkAdvertisement(a);
        var isRemoved = a.Remove();
        _lan.RunTo(60);

        Assert.True(isRemoved());
        _lan.AssertTransitions("0 A Initialize", "0.4140625 B Master");
        Assert.Equal((_lan.Epoch, 0), (a.Sent[^1].At, a.Sent[^1].Packet.Message[2]));
        Assert.Equal(VrrpState.Backup, c.State());
        Assert.Equal(1, b.Router().Counters.PriorityZeroReceived);
    }

    [Fact]
    public void Sim_04_a_router_that_returns_preempts_after_its_down_interval()
    {
        var (a, _) = StartPair();
        a.Remove();
        _lan.Run(10.1m);
        _lan.Mark();
        a.Add(Config(200));
        _lan.RunTo(60);

        _lan.AssertTransitions("0 A Backup", "3.21875 A Master", "3.21875 B Backup");
    }

    [Fact]
    public void Sim_05_a_router_that_must_not_preempt_waits_for_silence()
    {
        var (a, b) = StartPair();
        a.Remove();
        _lan.Run(10);
        a.Add(Config(200) with { Preempt = false });
        _lan.Run(60);
        _lan.AssertTransitions("0 A Initialize", "0.4140625 B Master", "10 A Backup");

        MarkAdvertisement(b);
        b.Kill();
        _lan.RunTo(60);
        _lan.AssertTransitions("3.21875 A Master");
    }

    [Fact]
    public void Sim_06_an_owner_waits_for_nobody()
    {
        Start("B", Config(150));
        _lan.RunTo(10);
        _lan.Mark();
        var owner = _lan.AddNode("A", "10.0.0.254");
        owner.Add(Config(255));
        _lan.RunTo(60);

        _lan.AssertTransitions("0 B Backup", "0 A Master");
    }

    [Fact]
    public void Sim_07_of_equals_the_higher_address_wins()
    {
        Start("A", Config(100));
        Start("B", Config(100));
        _lan.RunTo(60);

        _lan.AssertTransitions("0 A Backup", "0 B Backup", "3.609375 A Master", "3.609375 A Backup", "3.609375 B Master");
    }

    [Fact]
    public void Sim_08_a_backup_learns_the_interval_and_advertises_its_own()
    {
        var (a, b) = StartPair(Config(200, 300), Config(100));
        a.Kill();
        _lan.RunTo(14);

        _lan.AssertTransitions("10.828125 B Master");
        Assert.Equal(
            [10.828125m, 11.828125m, 12.828125m, 13.828125m],
            b.Sent.Where(sent => sent.At >= _lan.Epoch).Select(sent => (sent.At.Nanoseconds - _lan.Epoch.Nanoseconds) / 1_000_000_000m));
        Assert.All(b.Sent, sent => Assert.Equal(100, sent.Packet.Message[5]));
    }

    [Fact]
    public void Sim_09_version_2_with_two_intervals_has_two_masters_and_says_why()
    {
        var a = Start("A", Version2(200));
        var b = Start("B", Version2(100, 2));
        _lan.RunTo(30);

        _lan.AssertTransitions("0 A Backup", "0 B Backup", "3.21875 A Master", "6.609375 B Master");
        _lan.AssertStates(VrrpState.Master, VrrpState.Master);
        Assert.True(a.Router().Counters.Dropped(PacketRejection.Interval) > 5);
        Assert.True(b.Router().Counters.Dropped(PacketRejection.Interval) > 5);
        Assert.Contains("both routers will be Master", Assert.Single(b.Take<PacketDropped>()).Detail, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true, "0.1953125 B Backup", "adv 200, adv 200, arp 10.0.0.254")]
    // RFC 3768 and RFC 5798 let it wait for the next regular advertisement.
    [InlineData(false, "1 B Backup", "adv 200, arp 10.0.0.254, adv 200")]
    public void Sim_10_a_partition_heals_at_the_first_advertisement(bool answers, string expected, string log)
    {
        var a = Start("A", Config(200) with { AnswerLowerPriority = answers });
        var b = Start("B", Config(150));
        _lan.Simulated.Partition(a.Simulated);
        _lan.RunTo(20);
        _lan.AssertStates(VrrpState.Master, VrrpState.Master);
        a.TakeLog();
        MarkAdvertisement(a);
        _lan.RunTo(0.1m);
        _lan.Simulated.Heal();
        _lan.RunTo(answers ? 0.9m : 1.1m);

        // B advertises 0.1953125 s after A; A answers at once and does not wait for its own timer.
        _lan.AssertTransitions(expected);
        Assert.Equal(log, a.TakeLog());
        Assert.Equal(b.Address, Assert.Single(a.Take<SecondMasterHeard>()).Peer);
        Assert.False(b.Has("10.0.0.254"));
    }

    [Theory]
    [InlineData(1, "3.609375 B Master")]
    [InlineData(3, "9.609375 B Master")]
    public void Sim_11_version_2_has_a_skew_of_its_own(int seconds, string expected)
    {
        var (a, _) = StartPair(Version2(200, seconds), Version2(100, seconds));
        a.Kill();
        _lan.RunTo(60);

        _lan.AssertTransitions(expected);
    }

    [Theory]
    [InlineData(true, "0 A Master", "0 B Master")]
    [InlineData(null, "0 A Master", "0 A Backup", "0 B Master")]
    public void Sim_12_of_two_owners_the_higher_address_stays_unless_owners_hear_nothing(bool? ignores, params string[] expected)
    {
        var config = Config(255) with { OwnerIgnoresAdvertisements = ignores };
        var a = _lan.AddNode("A", "10.0.0.254");
        var b = _lan.AddNode("B", "10.0.0.254");
        a.Add(config);
        b.Add(config);
        _lan.RunTo(10);

        _lan.AssertTransitions(expected);
    }

    [Fact]
    public void Sim_13_both_checksum_forms_are_understood()
    {
        Start("A", Config(200) with { Checksum = VrrpChecksum.WithPseudoHeader });
        Start("B", Config(150) with { Checksum = VrrpChecksum.MessageOnly });
        _lan.RunTo(10);
        _lan.AssertStates(VrrpState.Master, VrrpState.Backup);
        _lan.Nodes[0].Remove();
        _lan.RunTo(20);
        _lan.Nodes[0].Add(Config(100));
        _lan.RunTo(60);

        _lan.AssertStates(VrrpState.Backup, VrrpState.Master);
    }

    [Fact]
    public void Sim_13_a_router_that_takes_one_checksum_form_only_hears_nothing_of_the_other()
    {
        Start("A", Config(200) with { Checksum = VrrpChecksum.WithPseudoHeader });
        var b = Start("B", Config(150) with { Checksum = VrrpChecksum.MessageOnly, RequireSameChecksum = true });
        _lan.RunTo(30);

        _lan.AssertTransitions("0 A Backup", "0 B Backup", "3.21875 A Master", "3.4140625 B Master");
        Assert.True(b.Router().Counters.Dropped(PacketRejection.ChecksumForm) > 20);
    }

    [Theory]
    [InlineData("secret78", "secret79", VrrpState.Master)]
    [InlineData("secret789", "secret780", VrrpState.Backup)]
    public void Sim_14_eight_characters_of_a_password_count(string ours, string theirs, VrrpState expected)
    {
        var a = Start("A", Version2(200) with { Password = SimplePassword.From(ours) });
        var b = Start("B", Version2(100) with { Password = SimplePassword.From(theirs) });
        _lan.RunTo(20);

        _lan.AssertTransitions(["0 A Backup", "0 B Backup", "3.21875 A Master", .. expected == VrrpState.Master ? (string[])["3.609375 B Master"] : []]);
        _lan.AssertStates(VrrpState.Master, expected);
        Assert.Equal(expected == VrrpState.Master, b.Router().Counters.Dropped(PacketRejection.AuthenticationFailure) > 0);
        Assert.Equal(expected == VrrpState.Master, a.Router().Counters.Dropped(PacketRejection.AuthenticationFailure) > 0);
    }

    [Theory] // VR-059
    [InlineData(10)]
    [InlineData(1)]
    public void Backups_one_step_of_priority_apart_never_take_over_both(int centiseconds)
    {
        var a = Start("A", Config(200, centiseconds));
        Start("B", Config(101, centiseconds));
        Start("C", Config(100, centiseconds));
        _lan.RunTo(5);
        MarkAdvertisement(a);
        a.Kill();
        _lan.RunTo(5);

        _lan.AssertTransitions(centiseconds == 10 ? "0.360546875 B Master" : "0.036054687 B Master");
    }

    [Fact]
    public void Sim_15_two_of_three_advertisements_may_be_lost()
    {
        var (a, b) = StartPair();
        long before = b.Router().Counters.AdvertisementsReceived;
        _lan.Simulated.Cut(a.Simulated, b.Simulated);
        for (int second = 3; second <= 600; second += 3)
        {
            _lan.At(second - 0.5m, () => _lan.Simulated.Mend(a.Simulated, b.Simulated));
            _lan.At(second + 0.5m, () => _lan.Simulated.Cut(a.Simulated, b.Simulated));
        }

        _lan.RunTo(600);

        _lan.AssertTransitions();
        Assert.Equal(200, b.Router().Counters.AdvertisementsReceived - before);
    }

    [Theory]
    [InlineData(true, "3.4140625 B Backup")]
    // RFC 3768 and RFC 5798 let it wait for the next regular advertisement.
    [InlineData(false, "4 B Backup")]
    public void Sim_16_after_a_burst_of_losses_the_master_answers_at_once(bool answers, string expected)
    {
        var (a, b) = StartPair(Config(200) with { AnswerLowerPriority = answers });
        _lan.Simulated.Cut(a.Simulated, b.Simulated);
        _lan.At(3.2m, _lan.Simulated.Heal);
        _lan.RunTo(10);

        _lan.AssertTransitions("3.4140625 B Master", expected);
        Assert.Equal(VrrpState.Master, a.State());
    }

    [Fact]
    public void Sim_17_each_farewell_restarts_the_skew_timer()
    {
        var node = Start("A", Config(100));
        _lan.RunTo(1);
        for (int i = 0; i < 50; i++)
        {
            _lan.RunTo(1 + (i / 10m));
            node.Hear(0);
        }

        _lan.RunTo(60);
        _lan.AssertTransitions("0 A Backup", "6.509375 A Master");
        Assert.Equal(TransitionReason.MasterLeft, node.Take<RouterTransition>()[^1].Reason);
    }

    [Fact]
    public void Sim_18_a_farewell_is_heeded_without_preempt_too()
    {
        var node = Start("A", Config(100) with { Preempt = false });
        _lan.RunTo(1);
        node.Hear(50);
        _lan.Mark();
        node.Hear(0);
        _lan.RunTo(60);

        _lan.AssertTransitions("0.609375 A Master");
    }

    [Fact]
    public void Sim_19_a_demoted_master_learns_the_interval()
    {
        var node = Start("A", Config(100));
        _lan.RunTo(10.3m);
        _lan.Mark();
        node.Hear(200, centiseconds: 50);
        _lan.RunTo(60);

        _lan.AssertTransitions("0 A Backup", "1.8046875 A Master");
    }

    [Fact]
    public void Sim_20_two_families_are_two_routers()
    {
        var node = Start("A", Config(100));
        node.Add(ScenarioNode.Config(100, "vr6", address: "fe80::254") with { Family = IPFamily.IPv6 });
        _lan.RunTo(10);
        Assert.Equal((VrrpState.Master, VrrpState.Master), (node.State(), node.State("vr6")));
        node.TakeLog();
        node.Remove();
        _lan.RunTo(10.1m);

        Assert.Equal("adv 0, -10.0.0.254", node.TakeLog());
        Assert.Equal(VrrpState.Master, node.State("vr6"));
        Assert.True(node.Has("fe80::254"));
    }
}
