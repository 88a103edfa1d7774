namespace Vrrp.Tests.StateMachine;

/// <summary>What the field adds to the table: Fault, preempt delay, tracking, suspicion, hand-over; and what is ignored.</summary>
public class VrrpStateMachineTests : MachineTests
{
    [Fact] // VR-097
    public void Every_event_that_a_state_has_no_row_for_changes_nothing()
    {
        var config = Config();
        VrrpEvent[] events =
        [
            VrrpEvent.Startup, VrrpEvent.Shutdown(), VrrpEvent.Shutdown(handOver: true), Hears(0), Hears(1), Hears(100), Hears(255),
            VrrpEvent.DeadlineReached, VrrpEvent.FaultsChanged(VrrpFaults.None), VrrpEvent.FaultsChanged(VrrpFaults.LinkDown),
            VrrpEvent.PriorityChanged(new(90)), VrrpEvent.AddressLost, VrrpEvent.Stalled,
            VrrpEvent.GroupBecomesMaster, VrrpEvent.GroupBecomesBackup,
        ];
        (MachineState State, VrrpEventKind[] Handled)[] states =
        [
            (MachineState.Initial(config), [VrrpEventKind.Startup, VrrpEventKind.FaultsChanged, VrrpEventKind.PriorityChanged]),
            (HandingOver(config), [VrrpEventKind.Shutdown, VrrpEventKind.AdvertisementReceived, VrrpEventKind.FaultsChanged, VrrpEventKind.PriorityChanged]),
            (Backup(config), [VrrpEventKind.Shutdown, VrrpEventKind.AdvertisementReceived, VrrpEventKind.FaultsChanged,
                VrrpEventKind.PriorityChanged, VrrpEventKind.GroupBecomesMaster]),
            (Master(config), [VrrpEventKind.Shutdown, VrrpEventKind.AdvertisementReceived, VrrpEventKind.FaultsChanged,
                VrrpEventKind.PriorityChanged, VrrpEventKind.AddressLost, VrrpEventKind.Stalled, VrrpEventKind.GroupBecomesBackup]),
            (Fault(config), [VrrpEventKind.Shutdown, VrrpEventKind.FaultsChanged, VrrpEventKind.PriorityChanged]),
        ];

        // Deadlines of these states lie ahead: a timer that fires early, or was cancelled, is such an event too.
        foreach (var (state, handled) in states)
        {
            foreach (var input in events.Where(input => !handled.Contains(input.Kind)))
                AssertIgnored(config, state, input);
        }
    }

    [Fact]
    public void A_timer_that_was_cancelled_never_fires()
    {
        var config = Config();

        foreach (var state in (MachineState[])[MachineState.Initial(config), Fault(config)])
            Assert.Equal(new Transition(state, VrrpActions.None), Step(config, state, VrrpEvent.DeadlineReached, After(1_000_000)));
    }

    [Fact]
    public void An_owner_preempts_whatever_Preempt_Mode_says_and_waits_for_no_hold()
    {
        var config = Config() with { Priority = Priority.Owner, Preempt = false, PreemptDelay = TimeSpan.FromSeconds(5) };
        var state = Backup(config) with { EffectivePriority = Priority.Owner };

        Assert.Equal(new Transition(state with { Awaited = AwaitedMaster.Lower }, VrrpActions.None), Step(config, state, Hears(254)));
    }

    [Fact]
    public void A_master_in_doubt_answers_no_goodbye()
    {
        var config = Config();
        var doubtful = Master(config) with { IsSuspect = true };

        AssertIgnored(config, doubtful, Hears(0));
        // When it has put an address back it has advertised too.
        Assert.False(Step(config, doubtful, VrrpEvent.AddressLost).State.IsSuspect);
    }

    [Fact]
    public void Preempt_delay_tolerates_a_lower_master_until_it_ends()
    {
        var config = Config() with { PreemptDelay = TimeSpan.FromSeconds(5) };

        var first = Step(config, Backup(config), Hears(50));
        Assert.Equal(
            new Transition(Heard(Backup(config), 50) with { Deadline = After(3.609375m), PreemptHoldUntil = After(5) }, VrrpActions.None),
            first);
        var last = Step(config, first.State, Hears(50), After(4));
        Assert.Equal(new Transition(first.State with { Deadline = After(7.609375m) }, VrrpActions.None), last);
        var over = Step(config, last.State, Hears(50), After(5));
        Assert.Equal(new Transition(last.State with { Awaited = AwaitedMaster.Lower }, VrrpActions.None), over);
        Assert.Equal(TransitionReason.Preempted, Step(config, over.State, VrrpEvent.DeadlineReached, After(7.609375m)).Reason);
    }

    [Fact]
    public void Preempt_delay_is_cancelled_by_a_master_of_equal_or_higher_priority()
    {
        var config = Config() with { PreemptDelay = TimeSpan.FromSeconds(5) };
        var held = Backup(config) with { PreemptHoldUntil = After(1) };

        Assert.Equal(Instant.Never, Step(config, held, Hears(100)).State.PreemptHoldUntil);
    }

    [Fact]
    public void Preempt_delay_delays_no_takeover_from_a_master_that_is_silent_or_left()
    {
        var config = Config() with { PreemptDelay = TimeSpan.FromSeconds(500) };
        var held = Step(config, Backup(config), Hears(50)).State;

        Assert.Equal(VrrpState.Master, Step(config, held, VrrpEvent.DeadlineReached, After(3.609375m)).State.State);
        var left = Step(config, held, Hears(0)).State;
        Assert.Equal(VrrpState.Master, Step(config, left, VrrpEvent.DeadlineReached, After(0.609375m)).State.State);
    }

    [Theory] // VR-077
    [InlineData(0)]
    [InlineData(10)]
    [InlineData(900)]
    public void Preempt_delay_that_was_changed_while_it_ran_counts_from_the_next_advertisement_unless_it_ends_sooner(int seconds)
    {
        var config = Config() with { PreemptDelay = TimeSpan.FromSeconds(500) };
        var held = Step(config, Backup(config), Hears(50)).State;

        var changed = Step(config with { PreemptDelay = TimeSpan.FromSeconds(seconds) }, held, Hears(50), After(1)).State;

        var hold = seconds switch { 0 => Instant.Never, 10 => After(11), _ => After(500) };
        Assert.Equal(hold, changed.PreemptHoldUntil);
        // Without a delay the timer runs on and ends in the takeover.
        Assert.Equal(seconds == 0 ? held.Deadline : After(4.609375m), changed.Deadline);
    }

    [Fact]
    public void Preempt_delay_begins_anew_when_a_master_yields()
    {
        var config = Config() with { PreemptDelay = TimeSpan.FromSeconds(5) };

        Assert.Equal(Instant.Never, Step(config, Master(config) with { PreemptHoldUntil = After(-3) }, Hears(200)).State.PreemptHoldUntil);
    }

    [Theory]
    [InlineData(VrrpVersion.V2, 1, -0.1953125)]
    [InlineData(VrrpVersion.V3, 1, -0.1953125)]
    [InlineData(VrrpVersion.V3, 3, -0.5859375)]
    public void Backup_whose_priority_is_raised_has_its_running_timer_shifted_by_the_skew(VrrpVersion version, int learned, double shift)
    {
        var config = Config(version);
        var state = Backup(config) with { MasterAdverInterval = AdvertisementInterval.FromSeconds(learned) };

        Assert.Equal(
            new Transition(state with { EffectivePriority = new(150), Deadline = After(2 + (decimal)shift) }, VrrpActions.None),
            Step(config, state, VrrpEvent.PriorityChanged(new(150))));
    }

    [Fact]
    public void Priority_changes_leave_the_timers_of_other_states_alone()
    {
        var config = Config();

        foreach (var state in (MachineState[])[MachineState.Initial(config), HandingOver(config), Master(config), Fault(config)])
        {
            Assert.Equal(
                new Transition(state with { EffectivePriority = new(1) }, VrrpActions.None),
                Step(config, state, VrrpEvent.PriorityChanged(new(1))));
        }

        var waiting = Backup(config) with { WantsMaster = true, Deadline = Instant.Never };
        Assert.Equal(Instant.Never, Step(config, waiting, VrrpEvent.PriorityChanged(new(1))).State.Deadline);
    }

    [Fact]
    public void Master_with_lowered_priority_yields_only_to_an_advertisement()
    {
        var config = Config();
        var lowered = Step(config, Master(config), VrrpEvent.PriorityChanged(new(50)));

        Assert.Equal(VrrpState.Master, lowered.State.State);
        Assert.Equal(VrrpState.Backup, Step(config, lowered.State, Hears(60)).State.State);
    }

    [Theory]
    [InlineData(99, false)]
    [InlineData(100, false)]
    [InlineData(101, true)]
    public void Master_that_was_stalled_yields_to_any_master_it_hears(int priority, bool isHigher)
    {
        var config = Config();
        var suspect = Step(config, Master(config, firesAfter: -10), VrrpEvent.Stalled);

        Assert.Equal(new Transition(Master(config, firesAfter: -10) with { IsSuspect = true }, VrrpActions.None), suspect);
        Assert.Equal(
            new Transition(
                Heard(Master(config), priority, source: Lower) with { State = VrrpState.Backup, Deadline = After(3.609375m) },
                VrrpActions.YieldToPeer,
                isHigher ? TransitionReason.HigherPriorityHeard : TransitionReason.ReplacedWhileStalled),
            Step(config, suspect.State, Hears(priority, source: Lower)));
    }

    [Fact]
    public void Master_that_was_stalled_and_heard_nobody_goes_on()
    {
        var config = Config();
        var suspect = Master(config, firesAfter: -10) with { IsSuspect = true };

        Assert.Equal(new Transition(Master(config, firesAfter: 1), VrrpActions.Advertise), Step(config, suspect, VrrpEvent.DeadlineReached));
    }

    [Fact]
    public void Hand_over_keeps_the_addresses_for_the_longest_skew_and_a_margin()
    {
        foreach (var (config, wait) in ((VirtualRouterConfig, decimal)[])
        [
            (Config(), 0.99609375m + 1m),
            (Config() with { AdvertisementInterval = AdvertisementInterval.FromCentiseconds(1) }, 0.009960937m + 0.5m),
            (Config(VrrpVersion.V2) with { AdvertisementInterval = ThreeSeconds }, 0.99609375m + 2m),
        ])
        {
            var begun = Step(config, Master(config), VrrpEvent.Shutdown(handOver: true));

            Assert.Equal(new Transition(HandingOver(config, wait), VrrpActions.BeginHandOver, TransitionReason.Stopped), begun);
            Assert.Equal(
                new Transition(MachineState.Initial(config), VrrpActions.Release),
                Step(config, begun.State, VrrpEvent.DeadlineReached, After(wait)));
        }
    }

    [Fact]
    public void Hand_over_ends_a_moment_after_the_successor_is_heard()
    {
        var config = Config();
        var state = HandingOver(config);

        var heard = state with { MasterAddress = IPAddressValue.Parse("10.0.0.10"), MasterPriority = new(1) };
        Assert.Equal(new Transition(heard with { Deadline = After(0.1m) }, VrrpActions.None), Step(config, state, Hears(1)));
        // A second advertisement does not prolong it, and a farewell is no successor.
        AssertIgnored(config, heard with { Deadline = After(0.05m) }, Hears(1));
        AssertIgnored(config, state, Hears(0));
    }

    [Fact]
    public void Hand_over_ends_at_once_when_asked_again_or_when_the_link_fails()
    {
        var config = Config();

        Assert.Equal(
            new Transition(MachineState.Initial(config), VrrpActions.Release),
            Step(config, HandingOver(config), VrrpEvent.Shutdown()));
        AssertIgnored(config, HandingOver(config), VrrpEvent.Shutdown(handOver: true));
        Assert.Equal(
            new Transition(MachineState.Initial(config) with { Faults = VrrpFaults.LinkDown }, VrrpActions.Release),
            Step(config, HandingOver(config), VrrpEvent.FaultsChanged(VrrpFaults.LinkDown)));
    }

    [Fact] // VR-107
    public void Master_with_a_fault_leaves_with_priority_zero()
    {
        var config = Config();
        var state = Master(config);

        Assert.Equal(
            new Transition(
                state with { State = VrrpState.Fault, Faults = VrrpFaults.LinkDown, Deadline = Instant.Never },
                VrrpActions.Leave,
                TransitionReason.FaultBegan),
            Step(config, state, VrrpEvent.FaultsChanged(VrrpFaults.LinkDown)));
    }

    [Fact]
    public void Backup_with_a_fault_leaves_silently()
    {
        var config = Config();
        var state = Backup(config);

        Assert.Equal(
            new Transition(
                state with { State = VrrpState.Fault, Faults = VrrpFaults.NoSourceAddress, Deadline = Instant.Never },
                VrrpActions.None,
                TransitionReason.FaultBegan),
            Step(config, state, VrrpEvent.FaultsChanged(VrrpFaults.NoSourceAddress)));
    }

    [Fact]
    public void Fault_stays_until_the_last_fault_ends()
    {
        var config = Config();
        var both = Fault(config, VrrpFaults.LinkDown | VrrpFaults.TrackedInterface);

        Assert.Equal(
            new Transition(Fault(config), VrrpActions.None),
            Step(config, both, VrrpEvent.FaultsChanged(VrrpFaults.LinkDown)));
        // VR-108: then the whole Startup row again.
        Assert.Equal(
            new Transition(Backup(config, 3.609375m), VrrpActions.None, TransitionReason.FaultEnded),
            Step(config, Fault(config), VrrpEvent.FaultsChanged(VrrpFaults.None)));
    }

    [Fact]
    public void Owner_leaves_fault_as_master()
    {
        var config = Config(priority: 255);

        Assert.Equal(
            new Transition(Master(config, 1), VrrpActions.BecomeMaster, TransitionReason.AddressOwner),
            Step(config, Fault(config), VrrpEvent.FaultsChanged(VrrpFaults.None)));
    }

    [Fact]
    public void Fault_shuts_down_and_sends_nothing()
    {
        var config = Config();

        Assert.Equal(
            new Transition(MachineState.Initial(config) with { Faults = VrrpFaults.LinkDown }, VrrpActions.None, TransitionReason.Stopped),
            Step(config, Fault(config), VrrpEvent.Shutdown()));
    }

    [Fact]
    public void Startup_with_a_fault_leads_to_fault()
    {
        var config = Config();
        var faulty = Step(config, MachineState.Initial(config), VrrpEvent.FaultsChanged(VrrpFaults.LinkDown));

        Assert.Equal(new Transition(MachineState.Initial(config) with { Faults = VrrpFaults.LinkDown }, VrrpActions.None), faulty);
        Assert.Equal(
            new Transition(Fault(config), VrrpActions.None, TransitionReason.FaultBegan),
            Step(config, faulty.State, VrrpEvent.Startup));
    }

    [Fact]
    public void Master_that_lost_an_address_does_the_whole_takeover_again()
    {
        var config = Config();

        Assert.Equal(new Transition(Master(config, 1), VrrpActions.BecomeMaster), Step(config, Master(config), VrrpEvent.AddressLost));
    }

    [Fact]
    public void Member_of_a_group_waits_for_the_others_and_goes_with_them()
    {
        var config = Config() with { SyncGroup = "group" };
        var waiting = Step(config, Backup(config, 0) with { Awaited = AwaitedMaster.Left }, VrrpEvent.DeadlineReached);

        Assert.Equal(
            new Transition(Backup(config) with { Awaited = AwaitedMaster.Left, WantsMaster = true, Deadline = Instant.Never }, VrrpActions.None),
            waiting);
        Assert.Equal(
            new Transition(Master(config, 1) with { Awaited = AwaitedMaster.Left }, VrrpActions.BecomeMaster, TransitionReason.MasterLeft),
            Step(config, waiting.State, VrrpEvent.GroupBecomesMaster));
        Assert.Equal(
            new Transition(Master(config, 1), VrrpActions.BecomeMaster, TransitionReason.SyncGroup),
            Step(config, Backup(config), VrrpEvent.GroupBecomesMaster));
    }

    [Fact]
    public void Member_of_a_group_that_waits_stops_waiting_when_it_hears_a_master()
    {
        var config = Config() with { SyncGroup = "group" };
        var waiting = Backup(config) with { WantsMaster = true, Deadline = Instant.Never };

        Assert.Equal(Heard(Backup(config), 100) with { Deadline = After(3.609375m) }, Step(config, waiting, Hears(100)).State);
        Assert.Equal(
            Backup(config) with { Deadline = After(0.609375m), Awaited = AwaitedMaster.Left },
            Step(config, waiting, Hears(0)).State);
        // A lower one is discarded, and it waits on.
        Assert.Equal(waiting with { Awaited = AwaitedMaster.Lower }, Step(config, waiting, Hears(99)).State);
    }

    [Fact]
    public void Member_of_a_group_yields_with_the_others()
    {
        var config = Config() with { SyncGroup = "group" };

        Assert.Equal(
            new Transition(Backup(config, 3.609375m), VrrpActions.YieldToPeer, TransitionReason.SyncGroup),
            Step(config, Master(config), VrrpEvent.GroupBecomesBackup));
    }

    [Fact]
    public void Owner_in_a_group_is_ready_at_once_and_goes_with_the_others()
    {
        var config = Config(priority: 255) with { SyncGroup = "group" };

        Assert.Equal(
            new Transition(Backup(config, 0), VrrpActions.None, TransitionReason.Started),
            Step(config, MachineState.Initial(config), VrrpEvent.Startup));
    }
}
