using Vrrp.Packets;

namespace Vrrp.Tests.Engine;

/// <summary>Becoming Master, staying it and leaving: the order of what is done, and what is done when the kernel refuses.</summary>
public class TakeoverTests
{
    private readonly ScenarioLan _lan = new();
    private readonly ScenarioNode _node;

    public TakeoverTests() => _node = _lan.AddNode("A");

    private void StartMaster(VirtualRouterConfig? config = null)
    {
        _node.Add(config ?? ScenarioNode.Config());
        _lan.RunTo(10);
        Assert.Equal(VrrpState.Master, _node.State());
        _lan.Mark();
        _node.TakeLog();
    }

    [Fact] // VR-103, VR-104, I2
    public void The_address_is_installed_before_it_is_advertised_and_announced()
    {
        _node.Add(ScenarioNode.Config());
        _lan.RunTo(3.61m);

        Assert.Equal("+10.0.0.254, adv 100, arp 10.0.0.254", _node.TakeLog());
        Assert.True(_node.Router().HoldsAddresses);
    }

    [Fact]
    public void Rounds_of_announcements_cover_all_addresses_before_they_repeat()
    {
        _node.Add(ScenarioNode.Config() with
        {
            ExcludedAddresses = [VirtualAddress.Host(IPAddressValue.Parse("10.0.0.253"))],
            Announcements = new() { Repeat = 2 },
        });
        _lan.RunTo(3.61m);

        Assert.Equal(
            "+10.0.0.254, +10.0.0.253, adv 100, arp 10.0.0.254, arp 10.0.0.253, arp 10.0.0.254, arp 10.0.0.253",
            _node.TakeLog());
        _lan.RunTo(8.6m);
        _node.TakeLog();
        _lan.RunTo(8.61m);
        // The second set, five seconds after the takeover and beside the advertisement due then.
        Assert.Equal("adv 100, arp 10.0.0.254, arp 10.0.0.253, arp 10.0.0.254, arp 10.0.0.253", _node.TakeLog());
    }

    private static VirtualAddress Host(string address) => VirtualAddress.Host(IPAddressValue.Parse(address));

    [Fact]
    public void A_refused_address_makes_it_resign_with_the_kernels_reason_and_try_again()
    {
        _node.Refuse("10.0.0.253", 99);
        _node.Add(ScenarioNode.Config() with { VirtualAddresses = [Host("10.0.0.254"), Host("10.0.0.253")] });
        _lan.RunTo(5);

        // It has told nobody anything: there is nothing to say goodbye for.
        Assert.Equal("+10.0.0.254, -10.0.0.254", _node.TakeLog());
        _lan.AssertTransitions("0 A Backup", "3.609375 A Fault");
        var refusal = Assert.Single(_node.Take<AddressRefused>());
        Assert.Equal(("10.0.0.253", true, 99), (refusal.Address.Address.ToString(), refusal.Installing, refusal.Error));
        var transition = _node.Take<RouterTransition>()[^1];
        Assert.Equal(VrrpFaults.AddressRefused, transition.Faults);
        Assert.Contains("the kernel refused 10.0.0.253/32", transition.Detail, StringComparison.Ordinal);
        Assert.False(_node.Router().HoldsAddresses);
        Assert.Equal(0, _node.Router().Counters.MasterTransitions);

        _node.Accept("10.0.0.253");
        _lan.RunTo(20);
        _lan.AssertTransitions("8.609375 A Backup", "12.21875 A Master");
        Assert.Equal(1, _node.Router().Counters.MasterTransitions);
    }

    [Fact]
    public void An_owner_whose_address_is_refused_starts_in_fault_and_becomes_master_when_it_can()
    {
        _node.Refuse("10.0.0.254");
        _node.Add(ScenarioNode.Config(255));
        _lan.RunTo(12);

        _lan.AssertTransitions("0 A Fault");
        Assert.Equal("", _node.TakeLog());
        _node.Accept("10.0.0.254");
        _lan.RunTo(16);
        _lan.AssertTransitions("0 A Fault", "15 A Master");
        Assert.Equal("+10.0.0.254, adv 255, arp 10.0.0.254, adv 255", _node.TakeLog());
    }

    [Fact]
    public void A_master_that_is_refused_an_address_it_lost_says_goodbye()
    {
        StartMaster();
        _node.TakeLog();
        _node.Refuse("10.0.0.254");
        _node.TakeAway("10.0.0.254");
        _lan.Run(0.0001m);

        Assert.Equal("adv 0", _node.TakeLog());
        Assert.Equal((VrrpState.Fault, VrrpFaults.AddressRefused), (_node.State(), _node.Router().State.Faults));
    }

    [Fact]
    public void What_a_killed_process_left_goes_at_once_also_when_the_start_is_put_off()
    {
        StartMaster();
        _node.Kill();
        _node.Boot();
        _node.TakeLog();
        _node.Add(ScenarioNode.Config(), startAfter: 60);

        Assert.Equal("-10.0.0.254", _node.TakeLog());
        Assert.Equal(AddressIncidentKind.LeftBehind, Assert.Single(_node.Take<AddressIncident>()).Kind);
        Assert.Equal(VrrpState.Initialize, _node.State());
    }

    [Fact]
    public void A_refused_address_that_is_not_advertised_is_told_once_and_the_others_are_held()
    {
        _node.Refuse("2001:db8::1", 13);
        _node.Add(ScenarioNode.Config() with { ExcludedAddresses = [Host("2001:db8::1")] });
        _lan.RunTo(30);

        _lan.AssertTransitions("0 A Backup", "3.609375 A Master");
        Assert.Equal("2001:db8::1", Assert.Single(_node.Take<AddressRefused>()).Address.Address.ToString());
        Assert.Empty(_node.Take<AddressIncident>());
    }

    [Fact]
    public void An_address_that_is_taken_away_in_a_loop_is_told_once_a_minute_and_put_back_ten_times_a_second()
    {
        StartMaster();
        for (int i = 0; i < 100; i++)
            _lan.At(_lan.Seconds + (i * 0.01m), () =>
            {
                if (_node.Has("10.0.0.254"))
                    _node.TakeAway("10.0.0.254");
            });
        _lan.Run(2);

        Assert.Single(_node.Take<AddressIncident>());
        Assert.InRange(_node.TakeLog().Split(", ").Count(entry => entry == "+10.0.0.254"), 9, 12);
        Assert.True(_node.Has("10.0.0.254"));
    }

    [Fact]
    public void An_address_that_is_not_put_back_yet_is_not_announced()
    {
        StartMaster();
        _node.TakeAway("10.0.0.254");
        _lan.RunTo(0.02m);
        _node.TakeAway("10.0.0.254");
        _lan.RunTo(0.03m);
        _node.TakeLog();
        _node.Hear(50);
        _lan.RunTo(0.09m);
        Assert.Equal("adv 100", _node.TakeLog());
        _lan.RunTo(0.11m);

        Assert.Equal("+10.0.0.254, adv 100, arp 10.0.0.254", _node.TakeLog());
    }

    [Fact]
    public void A_router_that_loses_its_only_address_says_goodbye_from_it()
    {
        StartMaster();
        _node.TakeAway("10.0.0.1");
        _lan.Run(0.01m);

        Assert.Equal((VrrpState.Fault, VrrpFaults.NoSourceAddress), (_node.State(), _node.Router().State.Faults));
        Assert.Equal("adv 0, -10.0.0.254", _node.TakeLog());
        Assert.Equal("10.0.0.1", _node.Sent[^1].Packet.Source.ToString());
    }

    [Fact]
    public void An_address_that_could_not_be_removed_is_tried_again_until_it_is()
    {
        StartMaster();
        _node.Platform.RemovalError = 105;
        _node.Declare(isFaulty: true);
        _lan.Run(12);
        Assert.True(_node.Has("10.0.0.254"));
        Assert.Single(_node.Take<AddressRefused>());
        _node.Platform.RemovalError = 0;
        _lan.Run(5.5m);

        Assert.False(_node.Has("10.0.0.254"));
    }

    [Fact]
    public void An_address_that_is_taken_away_is_put_back_advertised_and_announced()
    {
        StartMaster();
        _node.TakeAway("10.0.0.254");
        _lan.Run(0.0001m);

        Assert.Equal("+10.0.0.254, adv 100, arp 10.0.0.254", _node.TakeLog());
        Assert.Equal(AddressIncidentKind.TakenAway, Assert.Single(_node.Take<AddressIncident>()).Kind);
        _lan.AssertTransitions();
    }

    [Fact]
    public void An_address_that_was_lost_with_the_events_is_put_back()
    {
        StartMaster();
        _node.TakeAway("10.0.0.254");
        _node.Platform.LoseEvents();
        _lan.Run(0.0001m);

        Assert.Equal("+10.0.0.254, adv 100, arp 10.0.0.254", _node.TakeLog());
    }

    [Fact]
    public void Own_removals_that_the_kernel_tells_late_are_nobodys_doing()
    {
        StartMaster();
        // Leaves and becomes Master again before it reads a single event.
        _node.Engine.BeginTurn(_lan.Now);
        Assert.True(_node.Engine.Declare("vr", isFaulty: true, null, _lan.Now));
        Assert.True(_node.Engine.Declare("vr", isFaulty: false, null, _lan.Now));
        _node.Engine.EndTurn();
        var late = _lan.Now.AddNanoseconds(3_609_375_000);
        _node.Engine.BeginTurn(late);
        _node.Engine.EndTurn();
        Assert.Equal(VrrpState.Master, _node.State());
        _node.Engine.BeginTurn(late);
        _node.Engine.ReceiveInterfaces();
        _node.Engine.EndTurn();

        Assert.Empty(_node.Take<AddressIncident>());
        Assert.Equal("adv 0, -10.0.0.254, +10.0.0.254, adv 100, arp 10.0.0.254", _node.TakeLog());
    }

    [Fact]
    public void A_foreign_address_serves_and_stays()
    {
        _node.AddAddress("eth0", "10.0.0.254");
        StartMasterWithForeignAddress();
        _node.Remove();

        Assert.Equal("adv 0", _node.TakeLog());
        Assert.True(_node.Has("10.0.0.254"));
    }

    private void StartMasterWithForeignAddress()
    {
        _node.Add(ScenarioNode.Config());
        _lan.RunTo(3.61m);
        Assert.Equal("adv 100, arp 10.0.0.254", _node.TakeLog());
        Assert.All(_node.Take<AddressIncident>(), incident => Assert.Equal(AddressIncidentKind.Foreign, incident.Kind));
    }

    [Fact] // I6
    public void What_a_killed_process_left_behind_is_removed_at_the_start()
    {
        StartMaster();
        _node.Kill();
        Assert.True(_node.Has("10.0.0.254"));
        _node.Boot();
        _node.Add(ScenarioNode.Config());

        Assert.Equal("-10.0.0.254", _node.TakeLog());
        Assert.Equal(AddressIncidentKind.LeftBehind, Assert.Single(_node.Take<AddressIncident>()).Kind);
        _lan.Run(3.7m);
        Assert.Empty(_node.Take<AddressIncident>());
        Assert.True(_node.Has("10.0.0.254"));
    }

    [Fact]
    public void Hand_over_answers_until_a_moment_after_the_successor_is_heard()
    {
        StartMaster();
        var isRemoved = _node.Remove(handOver: true);
        Assert.Equal("adv 0", _node.TakeLog());
        _lan.RunTo(0.3m);
        Assert.False(isRemoved());
        _node.Hear(50);
        _lan.RunTo(0.3999m);
        Assert.True(_node.Has("10.0.0.254"));
        _lan.RunTo(0.4m);

        Assert.True(isRemoved());
        Assert.Equal("-10.0.0.254", _node.TakeLog());
        Assert.Equal(AddressIncidentKind.Released, Assert.Single(_node.Take<AddressIncident>()).Kind);
    }

    [Fact]
    public void Hand_over_ends_without_a_successor_after_the_longest_skew_and_a_margin()
    {
        StartMaster();
        var isRemoved = _node.Remove(handOver: true);
        _lan.RunTo(1.996m);
        Assert.False(isRemoved());
        _lan.RunTo(1.99609375m);

        Assert.True(isRemoved());
        Assert.Equal("adv 0, -10.0.0.254", _node.TakeLog());
        Assert.Equal(0, _node.Engine.RouterCount);
    }

    [Fact]
    public void Hand_over_leaves_no_moment_without_an_answer()
    {
        var successor = _lan.AddNode("B");
        successor.Add(ScenarioNode.Config(50));
        StartMaster();
        _node.Remove(handOver: true);
        while (_node.Has("10.0.0.254"))
            _lan.Run(0.001m);

        Assert.True(successor.Has("10.0.0.254"));
    }

    [Fact]
    public void A_router_added_again_during_its_hand_over_starts_afresh()
    {
        StartMaster();
        var isRemoved = _node.Remove(handOver: true);
        _lan.Run(0.1m);
        _node.Add(ScenarioNode.Config());

        Assert.True(isRemoved());
        Assert.Equal("adv 0, -10.0.0.254", _node.TakeLog());
        // The removal was our own: nothing was left behind.
        Assert.Equal([AddressIncidentKind.Released], _node.Take<AddressIncident>().Select(incident => incident.Kind));
        _lan.Run(3.7m);
        Assert.Equal(VrrpState.Master, _node.State());
        Assert.Empty(_node.Take<AddressIncident>());
    }

    [Fact]
    public void Hand_over_ends_when_the_source_address_goes()
    {
        StartMaster();
        var isRemoved = _node.Remove(handOver: true);
        _node.TakeAway("10.0.0.1");
        _lan.Run(0.001m);

        Assert.True(isRemoved());
        Assert.False(_node.Has("10.0.0.254"));
    }

    [Fact]
    public void Advertisements_that_cannot_be_sent_make_it_resign_and_try_again()
    {
        StartMaster();
        _node.Platform.AdvertisementError = 100;
        _lan.RunTo(5);

        var fault = Assert.Single(_node.Take<RouterTransition>());
        Assert.Equal((VrrpState.Fault, VrrpFaults.SendFailing), (fault.To, fault.Faults));
        Assert.Contains("3 packets in a row", fault.Detail, StringComparison.Ordinal);
        Assert.False(_node.Has("10.0.0.254"));
        _node.Platform.AdvertisementError = 0;
        _lan.RunTo(20);
        Assert.Equal(VrrpState.Master, _node.State());
    }

    [Fact]
    public void Announcements_that_cannot_be_sent_are_no_reason_to_resign()
    {
        _node.Platform.FrameError = 105;
        _node.Add(ScenarioNode.Config() with { Announcements = new() { Repeat = 5 } });
        _lan.RunTo(20);

        Assert.Equal(VrrpState.Master, _node.State());
        Assert.Equal(10, _node.Router().Counters.SendFailures);
        Assert.Equal([1, 2, 4, 8], _node.Take<SendFailed>().Select(failure => failure.Consecutive));
    }

    [Fact] // VR-170
    public void Announcements_end_with_the_mastership()
    {
        _node.Add(ScenarioNode.Config() with { Announcements = new() { Refresh = TimeSpan.FromSeconds(2) } });
        _lan.RunTo(4);
        Assert.Equal(5, _node.TakeLog().Split(", ").Count(entry => entry == "arp 10.0.0.254"));
        for (int i = 4; i < 30; i++)
        {
            _lan.RunTo(i);
            _node.Hear(200);
        }

        Assert.Equal("-10.0.0.254", _node.TakeLog());
    }

    [Fact] // VR-015
    public void An_advertisement_names_the_addresses_that_fit_its_packet_and_all_are_held()
    {
        VirtualAddress[] addresses = [.. Enumerable.Range(1, 100).Select(i => Host($"2001:db8::{i:x}"))];
        StartMaster(ScenarioNode.Config() with { Family = IPFamily.IPv6, VirtualAddresses = [.. addresses] });

        var message = _node.Sent[^1].Packet.Message;
        Assert.Equal((90, 8 + (90 * 16)), (message[3], message.Length));
        Assert.All(addresses, address => Assert.True(_node.Has(address.Address.ToString())));
    }

    [Theory] // VR-106
    [InlineData(VrrpVersion.V2)]
    [InlineData(VrrpVersion.V3)]
    public void The_farewell_is_the_advertisement_with_priority_0(VrrpVersion version)
    {
        StartMaster(ScenarioNode.Config() with { Version = version, Password = version == VrrpVersion.V2 ? SimplePassword.From("secret") : null });
        byte[] expected = [.. _node.Sent[^1].Packet.Message];
        VrrpPacket.ReplacePriority(expected, Priority.Relinquish);
        _node.Remove();

        Assert.Equal(expected, _node.Sent[^1].Packet.Message);
        Assert.Single(_node.Sent, sent => sent.Packet.Message[2] == 0);
    }

    [Fact] // VR-076
    public void Takeovers_that_follow_each_other_are_told_once_a_minute()
    {
        _node.Add(ScenarioNode.Config() with { AdvertisementInterval = AdvertisementInterval.FromCentiseconds(10) });
        for (int i = 1; i <= 100; i++)
        {
            _lan.RunTo(i);
            Assert.Equal(VrrpState.Master, _node.State());
            _node.Hear(200, centiseconds: 10);
            Assert.Equal(VrrpState.Backup, _node.State());
        }

        var told = _node.Take<MasterRestless>();
        Assert.Equal(2, told.Length);
        Assert.All(told, restless => Assert.Equal(4, restless.Takeovers));
        Assert.InRange(told[0].Within.TotalSeconds, 3, 3.5);
        // A failover and the return are nothing to remark upon.
        _lan.Run(200);
        _node.Hear(200, centiseconds: 10);
        _lan.Run(200);
        Assert.Empty(_node.Take<MasterRestless>());
    }

    [Fact] // VR-253, VR-254
    public void The_reason_of_the_last_takeover_is_kept_and_every_takeover_counted()
    {
        _node.Add(ScenarioNode.Config());
        Check(TransitionReason.None, 0);
        _lan.RunTo(10);
        Check(TransitionReason.MasterSilent, 1);
        _node.Hear(200);
        Check(TransitionReason.MasterSilent, 1);
        _node.Hear(0);
        _lan.Run(1);
        Check(TransitionReason.MasterLeft, 2);
        _node.Hear(200);
        _node.Hear(50);
        _lan.Run(3.5m);
        _node.Hear(50);
        _lan.Run(0.2m);
        Check(TransitionReason.Preempted, 3);
        // Putting an address back is no takeover.
        _node.TakeAway("10.0.0.254");
        _lan.Run(1);
        Check(TransitionReason.Preempted, 3);
        _node.Remove();
        _node.Add(ScenarioNode.Config(255));
        Check(TransitionReason.AddressOwner, 1);

        void Check(TransitionReason reason, long takeovers)
        {
            var status = _node.Router().Snapshot();
            Assert.Equal((reason, takeovers), (status.MasterReason, status.Counters.MasterTransitions));
        }
    }

    [Fact]
    public void Startup_can_be_delayed()
    {
        _node.Add(ScenarioNode.Config(), startAfter: 30);
        _lan.RunTo(31);
        _lan.AssertTransitions("30 A Backup");
    }

    [Fact]
    public void Who_is_preempted_is_named_although_it_was_never_heeded()
    {
        _node.Add(ScenarioNode.Config(100));
        _lan.RunTo(1);
        _node.Hear(40, "10.0.0.201");
        _node.Hear(50, "10.0.0.200");
        _lan.RunTo(10);

        var takeover = _node.Take<RouterTransition>()[^1];
        Assert.Equal((TransitionReason.Preempted, IPAddressValue.Parse("10.0.0.200"), new Priority(50)), (takeover.Reason, takeover.Peer, takeover.PeerPriority));
    }

    [Fact]
    public void A_master_whose_priority_fell_is_named_with_the_one_it_has_now()
    {
        _node.Add(ScenarioNode.Config(100));
        _lan.RunTo(1);
        _node.Hear(150);
        _node.Hear(50);
        _lan.RunTo(10);

        var takeover = _node.Take<RouterTransition>()[^1];
        Assert.Equal((IPAddressValue.Parse("10.0.0.200"), new Priority(50)), (takeover.Peer, takeover.PeerPriority));
    }

    [Theory]
    [InlineData(150, "10.0.0.200", 150)]
    [InlineData(50, "10.0.0.200", 50)]
    [InlineData(150, "10.0.0.201", 0)]
    [InlineData(0, "10.0.0.201", 0)]
    public void Who_said_goodbye_is_named_with_the_priority_it_had(int before, string source, int expected)
    {
        _node.Add(ScenarioNode.Config(100));
        _lan.RunTo(1);
        _node.Hear(before);
        _node.Hear(0, source);
        _node.Hear(0, source);
        _lan.RunTo(10);

        var takeover = _node.Take<RouterTransition>()[^1];
        Assert.Equal((TransitionReason.MasterLeft, IPAddressValue.Parse(source), new Priority(expected)), (takeover.Reason, takeover.Peer, takeover.PeerPriority));
    }
}
