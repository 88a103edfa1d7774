using Vrrp.Packets;
using Vrrp.Simulation;
using static Vrrp.Tests.Simulation.Rehearsal;

namespace Vrrp.Tests.Simulation;

/// <summary>What can be done to a node, and what its kernel does then.</summary>
public class SimulatedNodeTests
{
    [Fact]
    public void A_crash_leaves_the_address_and_a_restart_finds_it()
    {
        var (lan, a, b) = RunningPair();
        var router = a.Router("web");
        a.Crash();
        Assert.Equal((false, false, true), (a.IsRunning, a.CanAct, a.HasAddress(Address)));
        Assert.Equal((true, VrrpState.Master), (router.IsGone, router.State));
        Assert.Empty(a.Routers);
        lan.Run(Seconds(5));
        Assert.Equal(VrrpState.Master, b.State());

        a.Restart();
        Assert.False(a.HasAddress(Address));
        Assert.Equal(VrrpState.Backup, a.State());
        Assert.Contains("web  10.0.0.254/32 was left behind and is removed", lan.Trace.ToString(), StringComparison.Ordinal);
        lan.Run(Seconds(5));
        Assert.Equal((VrrpState.Master, VrrpState.Backup), (a.State(), b.State()));
    }

    [Fact]
    public void A_restart_runs_what_was_configured_last_or_nothing()
    {
        var (lan, a, _) = RunningPair();
        a.Add(Config() with { Name = "gone", VirtualRouterId = new(52) });
        a.Reconfigure("web", Config(150) with { Name = "renamed" });
        a.Remove("gone");
        a.SetPriority("renamed", new(10));
        a.Crash();
        a.Restart();
        Assert.Equal(["renamed"], a.Routers.Select(router => router.Name));
        Assert.Equal(150, a.Routers[0].EffectivePriority.Value);

        a.Crash();
        a.Restart(withRouters: false);
        Assert.Empty(a.Routers);
        a.Crash();
        a.Restart();
        Assert.Empty(a.Routers);
        Assert.NotNull(lan);
    }

    [Fact]
    public void A_power_failure_takes_the_address_along()
    {
        var (lan, a, b) = RunningPair();
        a.PowerOff();
        Assert.Equal((false, false), (a.IsRunning, a.HasAddress(Address)));
        lan.Run(Seconds(5));
        Assert.Equal(VrrpState.Master, b.State());
        a.Restart();
        lan.Run(Seconds(5));
        Assert.Equal(VrrpState.Master, a.State());
        Assert.DoesNotContain("left behind", lan.Trace.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_frozen_node_reads_its_sockets_when_it_runs_again()
    {
        var (lan, _, b) = RunningPair();
        long heard = b.Routers[0].Counters.AdvertisementsReceived;
        b.Freeze(Seconds(20));
        Assert.Equal((true, true, false), (b.IsRunning, b.IsFrozen, b.CanAct));
        lan.Run(Seconds(19.99));
        Assert.Equal(heard, b.Routers[0].Counters.AdvertisementsReceived);
        lan.Run(Seconds(0.02));

        Assert.Equal(heard + 20, b.Routers[0].Counters.AdvertisementsReceived);
        Assert.Equal((VrrpState.Backup, true), (b.State(), b.CanAct));
    }

    [Fact]
    public void A_socket_holds_so_many_packets_and_loses_the_newest()
    {
        var lan = new SimulatedLan();
        var (a, b) = (lan.AddNode("a"), lan.AddNode("b", new() { SocketCapacity = 5 }));
        a.Add(Config(200));
        b.Add(Config());
        lan.RunUntil(Seconds(10.21875));
        long heard = b.Routers[0].Counters.AdvertisementsReceived;
        var lost = lan.Times(SimulationEventKinds.PacketLost, b);
        b.Freeze(Seconds(20.5));
        lan.Run(Seconds(20.9));

        Assert.Equal(15, lost.Count);
        Assert.Equal(16.21875, lost[0]);
        Assert.Equal(heard + 5, b.Routers[0].Counters.AdvertisementsReceived);
        Assert.Equal(VrrpState.Backup, b.State());
    }

    [Fact]
    public void More_packets_than_one_turn_reads_are_read_in_the_next()
    {
        var lan = new SimulatedLan();
        var node = lan.AddNode("a");
        node.Add(Config());
        for (int i = 0; i < 2000; i++)
            node.Inject("eth0", Address, IPAddressValue.MulticastGroupIPv4, [0x31, 51]);
        lan.Run(Seconds(0.1));

        Assert.Equal(2000, node.Routers[0].Counters.Dropped(PacketRejection.TooShort));
    }

    [Fact]
    public void A_freeze_can_be_ended_early_and_prolonged()
    {
        var (lan, a, b) = RunningPair();
        a.Freeze(Seconds(60));
        lan.Run(Seconds(10));
        Assert.Equal((VrrpState.Master, VrrpState.Master), (a.State(), b.State()));
        a.Thaw();
        lan.Run(TimeSpan.Zero);
        Assert.Equal((VrrpState.Backup, VrrpState.Master), (a.State(), b.State()));
        a.Thaw();

        b.Freeze(Seconds(5));
        lan.Run(Seconds(1));
        b.Freeze(Seconds(60));
        lan.Run(Seconds(30));
        Assert.True(b.IsFrozen);
        b.Crash();
        Assert.False(b.IsFrozen);
        b.Restart();
        Assert.True(b.CanAct);
    }

    [Fact]
    public void A_freeze_may_last_for_ever()
    {
        var (lan, a, b) = RunningPair();
        a.Freeze(TimeSpan.MaxValue);
        lan.Run(TimeSpan.FromDays(1));
        Assert.True(a.IsFrozen);
        Assert.Equal(VrrpState.Master, b.State());
        a.Thaw();
        lan.Run(Seconds(5));
        Assert.Equal((VrrpState.Master, VrrpState.Backup), (a.State(), b.State()));
    }

    [Theory]
    [InlineData(1, 3.609375)]
    [InlineData(0.5, 7.21875)]
    [InlineData(2, 1.8046875)]
    [InlineData(0.9, 4.0104166)]
    public void A_slow_clock_comes_to_its_deadlines_late(double rate, double expected)
    {
        var lan = new SimulatedLan();
        var node = lan.AddNode("a");
        node.ClockRate = rate;
        node.Add(Config());
        var masters = lan.Times(SimulationEventKinds.AddressInstalled);
        var sent = lan.Times(SimulationEventKinds.AdvertisementSent);
        lan.Run(Seconds(20));

        Assert.Equal(expected, Assert.Single(masters), 7);
        Assert.Equal(1 / rate, sent[3] - sent[2], 6);
        Assert.Equal(SimulatedLan.Start + Seconds(20 * rate), node.Clock);
    }

    [Fact]
    public void A_clock_that_changes_its_rate_does_not_jump()
    {
        var lan = new SimulatedLan();
        var node = lan.AddNode("a");
        node.Add(Config());
        lan.Run(Seconds(2));
        node.ClockRate = 0.1;
        lan.Run(Seconds(10));
        Assert.Equal(SimulatedLan.Start + Seconds(3), node.Clock);
        Assert.Equal(VrrpState.Backup, node.State());
        node.ClockRate = 10;
        Assert.Equal(10, node.ClockRate);
        lan.Run(Seconds(0.0609375));
        Assert.Equal(VrrpState.Master, node.State());
        Assert.Equal(SimulatedLan.Start + Seconds(3.609375), node.Clock);
    }

    [Fact]
    public void A_backup_whose_clock_is_fast_enough_takes_over_from_a_healthy_master()
    {
        var (lan, a, b) = RunningPair();
        b.ClockRate = 3.7;
        lan.Run(Seconds(1));
        Assert.Equal(VrrpState.Master, a.State());
        Assert.Equal(2, lan.MasterPeriods(Id).Count);
    }

    [Fact]
    public void A_link_that_is_set_down_loses_its_IPv6_addresses_and_can_send_nothing()
    {
        var (lan, a, b) = RunningPair();
        a.AddAddress("eth0", IPAddressValue.Parse("2001:db8::1"), 64);
        var sent = lan.Times(SimulationEventKinds.AdvertisementSent, a);
        a.SetLink("eth0", isUp: false);
        lan.Run(Seconds(5));
        Assert.Empty(sent);
        Assert.Equal((VrrpState.Fault, VrrpState.Master), (a.State(), b.State()));
        Assert.Equal(VrrpFaults.LinkDown, a.Routers[0].Faults);
        Assert.Equal(["10.0.0.1"], a.Addresses.Select(at => at.Address.ToString()));

        a.SetLink("eth0", isUp: true);
        lan.Run(Seconds(5));
        Assert.Equal((VrrpState.Master, VrrpState.Backup), (a.State(), b.State()));
        Assert.True(a.HasAddress(a.LinkLocalAddress));
        Assert.False(a.HasAddress(IPAddressValue.Parse("2001:db8::1")));
    }

    [Fact]
    public void Without_a_cable_nothing_goes_out_or_comes_in()
    {
        var (lan, a, b) = RunningPair();
        a.SetCable("eth0", isConnected: false);
        lan.Run(Seconds(5));
        Assert.Equal((VrrpState.Fault, VrrpState.Master), (a.State(), b.State()));
        Assert.True(a.HasAddress(a.LinkLocalAddress));
        // The farewell left a and did not arrive.
        Assert.Equal(0, b.Routers[0].Counters.PriorityZeroReceived);
        var lost = lan.Times(SimulationEventKinds.PacketLost, a);
        lan.Run(Seconds(2));
        Assert.Equal(2, lost.Count);

        a.SetCable("eth0", isConnected: true);
        lan.Run(Seconds(5));
        Assert.Equal(VrrpState.Master, a.State());
    }

    [Fact]
    public void An_interface_can_be_removed_and_come_back()
    {
        var (lan, a, b) = RunningPair();
        a.RemoveInterface("eth0");
        lan.Run(Seconds(5));
        Assert.Equal((VrrpState.Fault, VrrpFaults.InterfaceMissing), (a.State(), a.Routers[0].Faults));
        Assert.Equal(VrrpState.Master, b.State());
        Assert.Empty(a.Addresses);

        a.AddInterface("eth0");
        lan.Run(Seconds(5));
        Assert.Equal(VrrpState.Master, a.State());
        Assert.Equal("10.0.0.1", a.Routers[0].PrimaryAddress.ToString());
        Assert.True(a.HasAddress(Address));
    }

    [Fact]
    public void A_refused_address_makes_the_other_one_master_until_it_is_accepted()
    {
        var (lan, a, b) = Pair();
        a.RefuseAddress(Address, 13);
        lan.Run(Seconds(8));
        Assert.Equal((VrrpState.Fault, VrrpState.Master), (a.State(), b.State()));
        Assert.Contains("was refused 10.0.0.254/32 (errno 13)", lan.Trace.ToString(), StringComparison.Ordinal);
        a.AcceptAddress(Address);
        lan.Run(Seconds(10));
        Assert.Equal((VrrpState.Master, VrrpState.Backup), (a.State(), b.State()));
    }

    [Fact]
    public void An_address_that_is_taken_away_is_put_back()
    {
        var (lan, a, _) = RunningPair();
        a.TakeAddressAway(Address);
        Assert.False(a.HasAddress(Address));
        lan.Run(TimeSpan.Zero);
        Assert.True(a.HasAddress(Address));
    }

    [Fact]
    public void A_tracker_changes_the_priority_and_with_it_the_master()
    {
        var (lan, a, b) = RunningPair();
        a.SetPriority("web", new(50));
        lan.Run(Seconds(5));
        Assert.Equal((VrrpState.Backup, VrrpState.Master), (a.State(), b.State()));
        a.SetPriority("web", new(200));
        lan.Run(Seconds(5));
        Assert.Equal((VrrpState.Master, VrrpState.Backup), (a.State(), b.State()));
        Assert.Throws<ArgumentException>(() => a.SetPriority("web", Priority.Owner));
        Assert.Throws<ArgumentException>(() => a.SetPriority("web", Priority.Relinquish));
    }

    [Fact]
    public void A_declared_fault_lasts_until_it_is_taken_back()
    {
        var (lan, a, b) = RunningPair();
        a.DeclareFault("web", isFaulty: true, "the disk is full");
        lan.Run(Seconds(1));
        Assert.Equal((VrrpState.Fault, VrrpState.Master), (a.State(), b.State()));
        Assert.Contains("Master → Fault (FaultBegan: Declared), the disk is full", lan.Trace.ToString(), StringComparison.Ordinal);
        a.DeclareFault("web", isFaulty: false);
        lan.Run(Seconds(5));
        Assert.Equal(VrrpState.Master, a.State());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_node_that_stops_leaves_at_once_or_when_its_successor_is_there(bool handOver)
    {
        var (lan, a, b) = RunningPair();
        a.Stop(handOver);
        Assert.Equal(handOver, a.IsRunning);
        Assert.Equal(handOver, a.HasAddress(Address));
        if (handOver)
            Assert.Throws<ObjectDisposedException>(() => a.Add(Config() with { Name = "new", VirtualRouterId = new(60) }));
        bool wasDark = false;
        lan.TurnEnded += _ => wasDark |= !a.HasAddress(Address) && !b.HasAddress(Address);
        lan.Run(Seconds(2));
        Assert.Equal((false, VrrpState.Master, !handOver), (a.IsRunning, b.State(), wasDark));
        Assert.False(a.HasAddress(Address));

        a.Restart();
        lan.Run(Seconds(5));
        Assert.Equal(VrrpState.Master, a.State());
    }

    [Fact]
    public void A_stop_that_is_asked_for_again_ends_the_hand_over()
    {
        var lan = new SimulatedLan();
        var node = lan.AddNode("a");
        node.Add(Config());
        lan.Run(Seconds(5));
        node.Stop();
        lan.Run(Seconds(0.1));
        Assert.True(node.HasAddress(Address));
        node.Stop(handOver: false);
        Assert.Equal((false, false), (node.IsRunning, node.HasAddress(Address)));
    }

    [Fact]
    public void A_removed_router_hands_over_and_is_gone()
    {
        var (lan, a, b) = RunningPair();
        var router = a.Router("web");
        a.Remove("web");
        Assert.Equal((true, false), (router.IsHandingOver, router.IsGone));
        lan.Run(Seconds(2));
        Assert.True(router.IsGone);
        Assert.Empty(a.Routers);
        Assert.Equal((true, VrrpState.Master), (a.IsRunning, b.State()));
    }

    [Fact]
    public void Sends_that_fail_make_a_master_resign_until_they_succeed()
    {
        var (lan, a, b) = RunningPair();
        a.FailSending();
        lan.Run(Seconds(5));
        Assert.Equal((VrrpState.Fault, VrrpFaults.SendFailing), (a.State(), a.Routers[0].Faults));
        Assert.Equal(VrrpState.Master, b.State());
        a.RestoreSending();
        lan.Run(Seconds(15));
        Assert.Equal(VrrpState.Master, a.State());
    }

    [Fact]
    public void A_packet_from_outside_is_read_like_any_other()
    {
        var (lan, a, _) = RunningPair();
        var outside = IPAddressValue.Parse("10.0.0.99");
        a.Inject("eth0", outside, IPAddressValue.MulticastGroupIPv4, [0x31, 51, 255, 1, 0, 100, 0, 0, 10, 0, 0, 254]);
        a.Inject("eth0", outside, IPAddressValue.MulticastGroupIPv4, [0x31, 51, 255], hopLimit: 1);
        lan.Run(TimeSpan.Zero);
        var counters = a.Routers[0].Counters;
        Assert.Equal((1, 1), (counters.Dropped(PacketRejection.Checksum), counters.Dropped(PacketRejection.HopLimit)));
        Assert.Equal(VrrpState.Master, a.State());

        var good = Engine.ScenarioNode.Packet(255, "10.0.0.99");
        a.Inject("eth0", good.Source, good.Destination, good.Message);
        lan.Run(TimeSpan.Zero);
        Assert.Equal(VrrpState.Backup, a.State());
    }

    [Fact]
    public void A_node_can_bring_its_own_state_machine()
    {
        var machine = new NeverMaster();
        var lan = new SimulatedLan();
        lan.AddNode("a", new() { StateMachine = machine }).Add(Config());
        lan.Run(Seconds(10));

        Assert.True(machine.Steps > 1);
        Assert.Empty(lan.Masters(Id));
    }

    [Fact]
    public void A_sync_group_moves_as_one()
    {
        var lan = new SimulatedLan();
        var (a, b) = (lan.AddNode("a"), lan.AddNode("b"));
        foreach (var node in lan.Nodes)
        {
            node.AddInterface("eth1");
            node.Add(Config(node == a ? 200 : 100) with { SyncGroup = "both" });
            node.Add(Config(node == a ? 200 : 100) with
            {
                Name = "inner", Interface = "eth1", SyncGroup = "both", VirtualAddresses = [VirtualAddress.Host(IPAddressValue.Parse("10.1.0.254"))],
            });
        }

        lan.Run(Seconds(10));
        a.SetCable("eth1", isConnected: false);
        lan.Run(Seconds(10));
        Assert.All(a.Routers, router => Assert.Equal(VrrpState.Fault, router.State));
        Assert.All(b.Routers, router => Assert.Equal(VrrpState.Master, router.State));
        SimulationAssertions.ExactlyOneMaster(lan, Id);
    }

    [Fact]
    public void Invalid_use_is_refused()
    {
        var (lan, a, _) = RunningPair();
        Assert.Throws<ArgumentException>(() => a.Router("none"));
        Assert.Throws<ArgumentException>(() => a.Remove("none"));
        Assert.Throws<ArgumentException>(() => a.Reconfigure("none", Config()));
        Assert.Throws<ArgumentException>(() => a.Reconfigure("web", Config() with { VirtualRouterId = new(52) }));
        Assert.Throws<ArgumentException>(() => a.SetPriority("none", new(1)));
        Assert.Throws<ArgumentException>(() => a.DeclareFault("none", isFaulty: true));
        Assert.Throws<ArgumentException>(() => a.Add(Config()));
        Assert.Throws<ArgumentException>(() => a.Add(Config() with { Name = "b", VirtualAddresses = [] }));
        Assert.Throws<ArgumentOutOfRangeException>(() => a.Add(Config() with { Name = "b", VirtualRouterId = new(9) }, Seconds(-1)));
        Assert.Throws<ArgumentException>(() => a.AddInterface("eth0"));
        Assert.Throws<ArgumentException>(() => a.RemoveInterface("eth1"));
        Assert.Throws<ArgumentException>(() => a.SetLink("eth1", isUp: true));
        Assert.Throws<ArgumentException>(() => a.SetCable("eth1", isConnected: true));
        Assert.Throws<ArgumentException>(() => a.AddAddress("eth0", a.Address));
        Assert.Throws<ArgumentException>(() => a.TakeAddressAway(IPAddressValue.Parse("10.9.9.9")));
        Assert.Throws<ArgumentException>(() => a.Inject("eth1", a.Address, a.Address, []));
        Assert.Throws<ArgumentException>(() => a.Inject("eth0", a.Address, a.LinkLocalAddress, []));
        Assert.Throws<ArgumentOutOfRangeException>(() => a.RefuseAddress(Address, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => a.FailSending(-1));
        Assert.Throws<ArgumentOutOfRangeException>(() => a.ClockRate = 0);
        Assert.Throws<ArgumentOutOfRangeException>(() => a.ClockRate = double.NaN);
        Assert.Throws<ArgumentOutOfRangeException>(() => a.Freeze(TimeSpan.Zero));
        Assert.Throws<InvalidOperationException>(() => a.Restart());
        a.Freeze(Seconds(1));
        Assert.Throws<InvalidOperationException>(() => a.SetPriority("web", new(1)));
        Assert.Throws<InvalidOperationException>(() => a.Stop());
        a.Crash();
        Assert.Throws<InvalidOperationException>(a.Crash);
        Assert.Throws<InvalidOperationException>(() => a.Freeze(Seconds(1)));
        Assert.Throws<InvalidOperationException>(() => a.Add(Config()));
        Assert.Throws<InvalidOperationException>(() => a.Counters);
        Assert.Throws<InvalidOperationException>(() => a.Remove("web"));
        Assert.NotNull(lan);
    }

    private sealed class NeverMaster : IVrrpStateMachine
    {
        public int Steps { get; private set; }

        public Transition Step(VirtualRouterConfig config, in MachineState state, in VrrpEvent input, Instant now)
        {
            Steps++;
            return input.Kind == VrrpEventKind.DeadlineReached
                ? new(state with { Deadline = now.AddNanoseconds(1_000_000_000) }, VrrpActions.None)
                : VrrpStateMachine.Instance.Step(config, state, input, now);
        }
    }
}
