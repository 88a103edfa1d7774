namespace Vrrp.Tests.StateMachine;

/// <summary>The rows of RFC 9568 §6.4 and RFC 3768 §6.4, each with the number it has in the conformance list.</summary>
public class TransitionTableTests : MachineTests
{
    [Theory, MemberData(nameof(Versions))] // VR-080, VR-100
    public void Initialize_starts_up_as_owner_and_becomes_master(VrrpVersion version)
    {
        var config = Config(version, 255) with { Preempt = false };
        var state = MachineState.Initial(config);

        Assert.Equal(
            new Transition(state with { State = VrrpState.Master, Deadline = After(1) }, VrrpActions.BecomeMaster, TransitionReason.AddressOwner),
            Step(config, state, VrrpEvent.Startup));
    }

    [Theory, MemberData(nameof(Versions))] // VR-081, VR-061
    public void Initialize_starts_up_and_waits_master_down_interval_as_backup(VrrpVersion version)
    {
        var config = Config(version);
        var before = MachineState.Initial(config) with { MasterAdverInterval = ThreeSeconds, MasterPriority = new(7), MasterAddress = Lower };

        Assert.Equal(
            new Transition(
                MachineState.Initial(config) with { State = VrrpState.Backup, Deadline = After(3.609375m) },
                VrrpActions.None,
                TransitionReason.Started),
            Step(config, before, VrrpEvent.Startup));
    }

    [Theory, MemberData(nameof(Versions))] // VR-082
    public void Initialize_hears_an_advertisement_and_does_nothing(VrrpVersion version)
    {
        var config = Config(version);

        foreach (int priority in (int[])[0, 1, 100, 255])
            AssertIgnored(config, MachineState.Initial(config), Hears(priority));
    }

    [Theory, MemberData(nameof(Versions))] // VR-083, VR-105
    public void Backup_shuts_down_and_sends_nothing(VrrpVersion version)
    {
        var config = Config(version);
        var state = Backup(config);

        foreach (bool handOver in (bool[])[false, true])
        {
            Assert.Equal(
                new Transition(state with { State = VrrpState.Initialize, Deadline = Instant.Never }, VrrpActions.None, TransitionReason.Stopped),
                Step(config, state, VrrpEvent.Shutdown(handOver)));
        }
    }

    [Theory, MemberData(nameof(Versions))] // VR-084
    public void Backup_timer_fires_and_it_becomes_master(VrrpVersion version)
    {
        var config = Config(version) with { AdvertisementInterval = ThreeSeconds };
        var state = Backup(config, firesAfter: 0) with { MasterAdverInterval = Second };

        // VR-066: it advertises at its own interval, whatever it learned.
        Assert.Equal(
            new Transition(state with { State = VrrpState.Master, Deadline = After(3) }, VrrpActions.BecomeMaster, TransitionReason.MasterSilent),
            Step(config, state, VrrpEvent.DeadlineReached));
    }

    [Theory] // VR-085, VR-063, VR-064
    [InlineData(VrrpVersion.V2, 0.609375)]
    [InlineData(VrrpVersion.V3, 1.828125)]
    public void Backup_hears_priority_zero_and_waits_skew_time(VrrpVersion version, double skew)
    {
        foreach (bool preempt in (bool[])[true, false])
        {
            var config = Config(version) with { Preempt = preempt };
            var state = Backup(config) with { MasterAdverInterval = version == VrrpVersion.V3 ? ThreeSeconds : Second };

            Assert.Equal(
                new Transition(state with { Deadline = After((decimal)skew), Awaited = AwaitedMaster.Left }, VrrpActions.None),
                Step(config, state, Hears(0, AdvertisementInterval.FromSeconds(9))));
        }
    }

    [Fact]
    public void Backup_takes_over_from_a_master_that_left_and_says_so()
    {
        var config = Config();
        var state = Step(config, Backup(config), Hears(0)).State;

        Assert.Equal(TransitionReason.MasterLeft, Step(config, state, VrrpEvent.DeadlineReached, After(0.609375m)).Reason);
    }

    [Fact] // VR-086, VR-062
    public void Backup_without_preempt_hears_a_lower_master_and_waits_master_down_interval()
    {
        var config = Config() with { Preempt = false };
        var state = Backup(config);

        Assert.Equal(
            new Transition(Heard(state, 1, ThreeSeconds) with { Deadline = After(10.828125m) }, VrrpActions.None),
            Step(config, state, Hears(1, ThreeSeconds)));
    }

    [Theory] // VR-087, VR-062
    [InlineData(100)]
    [InlineData(101)]
    [InlineData(255)]
    public void Backup_hears_its_own_priority_or_a_higher_one_and_waits_master_down_interval(int priority)
    {
        var config = Config();
        var state = Backup(config);

        // No tie-break in Backup: a lower source address with equal priority is a Master all the same.
        Assert.Equal(
            new Transition(Heard(state, priority, ThreeSeconds, Lower) with { Deadline = After(10.828125m) }, VrrpActions.None),
            Step(config, state, Hears(priority, ThreeSeconds, Lower)));
    }

    [Fact] // VR-086, VR-087, VR-067
    public void Backup_of_version_2_learns_no_interval()
    {
        var config = Config(VrrpVersion.V2);
        var state = Backup(config);

        Assert.Equal(
            new Transition(Heard(state, 100) with { Deadline = After(3.609375m) }, VrrpActions.None),
            Step(config, state, Hears(100, ThreeSeconds)));
    }

    [Theory, MemberData(nameof(Versions))] // VR-088, VR-064
    public void Backup_hears_a_lower_priority_and_its_timer_runs_on(VrrpVersion version)
    {
        var config = Config(version);
        var state = Backup(config);

        Assert.Equal(
            new Transition(state with { Awaited = AwaitedMaster.Lower }, VrrpActions.None),
            Step(config, state, Hears(99, ThreeSeconds)));
    }

    [Theory, MemberData(nameof(Versions))] // VR-089, VR-105
    public void Master_shuts_down_with_priority_zero(VrrpVersion version)
    {
        var config = Config(version);
        var state = Master(config);

        Assert.Equal(
            new Transition(state with { State = VrrpState.Initialize, Deadline = Instant.Never }, VrrpActions.Leave, TransitionReason.Stopped),
            Step(config, state, VrrpEvent.Shutdown()));
    }

    [Theory, MemberData(nameof(Versions))] // VR-090, VR-074
    public void Master_timer_fires_and_it_advertises(VrrpVersion version)
    {
        var config = Config(version);
        var state = Master(config, firesAfter: 0);

        Assert.Equal(
            new Transition(state with { Deadline = After(1) }, VrrpActions.Advertise),
            Step(config, state, VrrpEvent.DeadlineReached));
    }

    [Fact] // VR-074
    public void Master_counts_from_the_due_time_while_late_and_from_now_after_a_stall()
    {
        var config = Config();

        Assert.Equal(After(1), Step(config, Master(config, 0), VrrpEvent.DeadlineReached, After(0.9m)).State.Deadline);
        Assert.Equal(After(8.5m), Step(config, Master(config, 0), VrrpEvent.DeadlineReached, After(7.5m)).State.Deadline);
    }

    [Theory, MemberData(nameof(Versions))] // VR-091
    public void Master_hears_priority_zero_and_advertises(VrrpVersion version)
    {
        var config = Config(version);
        var state = Master(config);

        Assert.Equal(
            new Transition(state with { Deadline = After(1) }, VrrpActions.Advertise),
            Step(config, state, Hears(0)));
    }

    [Theory] // VR-092, VR-065, VR-098
    [InlineData(VrrpVersion.V2, 3.609375)]
    [InlineData(VrrpVersion.V3, 10.828125)]
    public void Master_hears_a_higher_priority_and_yields(VrrpVersion version, double down)
    {
        var config = Config(version) with { Preempt = false };
        var state = Master(config);
        var learned = version == VrrpVersion.V3 ? ThreeSeconds : Second;

        Assert.Equal(
            new Transition(
                Heard(state, 101, learned, Lower) with { State = VrrpState.Backup, Deadline = After((decimal)down) },
                VrrpActions.YieldToPeer,
                TransitionReason.HigherPriorityHeard),
            Step(config, state, Hears(101, ThreeSeconds, Lower)));
    }

    [Theory, MemberData(nameof(Versions))] // VR-093
    public void Master_hears_its_own_priority_from_a_higher_address_and_yields(VrrpVersion version)
    {
        var config = Config(version);
        var state = Master(config);

        Assert.Equal(
            new Transition(
                Heard(state, 100) with { State = VrrpState.Backup, Deadline = After(3.609375m) },
                VrrpActions.YieldToPeer,
                TransitionReason.HigherAddressHeard),
            Step(config, state, Hears(100)));
    }

    [Theory, MemberData(nameof(Versions))] // VR-094
    public void Master_hears_a_lower_priority_and_reasserts_itself_while_its_timer_runs_on(VrrpVersion version)
    {
        var config = Config(version);

        Assert.Equal(new Transition(Master(config), VrrpActions.Reassert), Step(config, Master(config), Hears(99)));
    }

    [Theory, MemberData(nameof(Versions))] // VR-095
    public void Master_hears_its_own_priority_from_a_lower_address_and_reasserts_itself(VrrpVersion version)
    {
        var config = Config(version);

        Assert.Equal(new Transition(Master(config), VrrpActions.Reassert), Step(config, Master(config), Hears(100, source: Lower)));
    }

    [Theory, MemberData(nameof(Versions))] // VR-096
    public void Master_hears_its_own_address_and_does_not_answer(VrrpVersion version)
    {
        var config = Config(version);

        AssertIgnored(config, Master(config), Hears(100, source: Me));
        AssertIgnored(config, Master(config) with { IsSuspect = true }, Hears(100, source: Me));
    }

    [Theory] // VR-099
    [InlineData("10.0.0.9", "10.0.0.10")]
    [InlineData("9.255.255.255", "10.0.0.0")]
    [InlineData("127.255.255.255", "128.0.0.1")]
    [InlineData("fe80::1", "fe80::8000")]
    [InlineData("fe80::7fff:ffff:ffff:ffff", "fe80::8000:0:0:0")]
    public void The_tie_break_compares_addresses_as_unsigned_integers(string lower, string higher)
    {
        var config = Config();
        var (low, high) = (IPAddressValue.Parse(lower), IPAddressValue.Parse(higher));

        Assert.Equal(
            VrrpState.Master,
            Step(config, Master(config), VrrpEvent.Advertisement(new(100), Second, source: low, ownAddress: high)).State.State);
        Assert.Equal(
            VrrpState.Backup,
            Step(config, Master(config), VrrpEvent.Advertisement(new(100), Second, source: high, ownAddress: low)).State.State);
    }

    [Fact]
    public void Master_that_shall_not_answer_only_announces_its_addresses()
    {
        var config = Config() with { AnswerLowerPriority = false };

        Assert.Equal(new Transition(Master(config), VrrpActions.ReannounceOnly), Step(config, Master(config), Hears(99)));
    }

    [Fact]
    public void Master_that_shall_advertise_before_it_yields_does_so()
    {
        var config = Config() with { AdvertiseBeforeYield = true };

        Assert.Equal(VrrpActions.AdvertiseAndYield, Step(config, Master(config), Hears(200)).Actions);
        // The router that replaced it while it was stalled is Master by right: one more advertisement would demote it.
        Assert.Equal(VrrpActions.YieldToPeer, Step(config, Master(config) with { IsSuspect = true }, Hears(50)).Actions);
    }

    [Fact] // E8298, SIM-12
    public void Owner_hears_an_owner_with_a_higher_address_and_yields()
    {
        var config = Config(priority: 255);

        Assert.Equal(TransitionReason.HigherAddressHeard, Step(config, Master(config), Hears(255)).Reason);
        Assert.Equal(VrrpActions.Reassert, Step(config, Master(config), Hears(255, source: Lower)).Actions);
        Assert.Equal(VrrpActions.Reassert, Step(config, Master(config), Hears(254)).Actions);
    }
}
