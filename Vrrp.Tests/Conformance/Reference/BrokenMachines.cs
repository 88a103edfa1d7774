using System.Collections.Immutable;

namespace Vrrp.Tests.Conformance.Reference;

/// <summary>The machine with one thing wrong, to show that a test sees it.</summary>
/// <param name="Fault">What is wrong.</param>
/// <param name="Wrong">Step, given the right machine.</param>
internal sealed record BrokenMachine(string Fault, BrokenMachine.WrongStep Wrong) : IVrrpStateMachine
{
    internal delegate Transition WrongStep(VirtualRouterConfig config, MachineState state, VrrpEvent input, Instant now);

    public Transition Step(VirtualRouterConfig config, in MachineState state, in VrrpEvent input, Instant now) => Wrong(config, state, input, now);

    public override string ToString() => Fault;
}

/// <summary>Mistakes that implementations of VRRP make, or could.</summary>
internal static class BrokenMachines
{
    private static readonly VrrpStateMachine Right = VrrpStateMachine.Instance;

    public static BrokenMachine SwallowsPriorityZero { get; } = new("swallows priority 0", (config, state, input, now) =>
        IsHeard(input, Priority.Relinquish) ? Nothing(state) : Right.Step(config, state, input, now));

    public static BrokenMachine SkewOfAnotherPriority { get; } = new("skew of the priority above", (config, state, input, now) =>
    {
        var transition = Right.Step(config, state, input, now);
        return transition.State is { State: VrrpState.Backup } after && after.Deadline != state.Deadline
            ? transition with { State = after with { Deadline = after.Deadline.AddNanoseconds(-after.MasterAdverInterval.Nanoseconds / 256) } }
            : transition;
    });

    public static BrokenMachine NoTieBreak { get; } = new("no tie-break", (config, state, input, now) =>
        IsHeard(input, state.EffectivePriority) ? Nothing(state) : Right.Step(config, state, input, now));

    public static BrokenMachine ComparesAddressesAsText { get; } = new("compares addresses as text", (config, state, input, now) =>
    {
        if (state.State != VrrpState.Master || !IsHeard(input, state.EffectivePriority) || input.Source == input.OwnAddress)
            return Right.Step(config, state, input, now);
        bool isHigher = string.CompareOrdinal(input.Source.ToString(), input.OwnAddress.ToString()) > 0;
        return isHigher == input.Source > input.OwnAddress
            ? Right.Step(config, state, input, now)
            : Right.Step(config, state, input with { Source = input.OwnAddress, OwnAddress = input.Source }, now);
    });

    public static BrokenMachine PreemptsAlways { get; } = new("preempts when not allowed", (config, state, input, now) =>
        Right.Step(config with { Preempt = true }, state, input, now));

    public static BrokenMachine PreemptConsultedInMaster { get; } = new("a Master without preempt stays when a better one is heard",
        (config, state, input, now) => state.State == VrrpState.Master && !config.Preempt && input.Kind == VrrpEventKind.AdvertisementReceived
            && input.Priority > state.EffectivePriority ? Nothing(state) : Right.Step(config, state, input, now));

    public static BrokenMachine TieBreakInBackup { get; } = new("a Backup discards an equal priority of lower address", (config, state, input, now) =>
        state.State == VrrpState.Backup && config.Preempt && IsHeard(input, state.EffectivePriority) && input.Source < input.OwnAddress
            ? Nothing(state) : Right.Step(config, state, input, now));

    public static BrokenMachine BackupDiscardsAll { get; } = new("a Backup discards whatever it hears", (config, state, input, now) =>
        state.State == VrrpState.Backup && input.Kind == VrrpEventKind.AdvertisementReceived ? Nothing(state) : Right.Step(config, state, input, now));

    public static BrokenMachine LearnsFromFarewell { get; } = new("learns the interval of a farewell", (config, state, input, now) =>
        Right.Step(
            config,
            state.State == VrrpState.Backup && config.Version == VrrpVersion.V3 && IsHeard(input, Priority.Relinquish)
                ? state with { MasterAdverInterval = input.Interval } : state,
            input,
            now));

    public static BrokenMachine LearnsNothing { get; } = new("learns no interval", (config, state, input, now) =>
        Right.Step(
            config,
            state,
            input.Kind == VrrpEventKind.AdvertisementReceived ? input with { Interval = config.AdvertisementInterval } : input,
            now));

    public static BrokenMachine PeriodDrifts { get; } = new("counts the next advertisement from now", (config, state, input, now) =>
    {
        var transition = Right.Step(config, state, input, now);
        return state.State == VrrpState.Master && input.Kind == VrrpEventKind.DeadlineReached && transition.Actions.Length > 0
            ? transition with { State = transition.State with { Deadline = now.AddNanoseconds(Interval(config)) } }
            : transition;
    });

    public static BrokenMachine CatchesUpInABurst { get; } = new("catches up with a burst", (config, state, input, now) =>
    {
        var transition = Right.Step(config, state, input, now);
        return state.State == VrrpState.Master && input.Kind == VrrpEventKind.DeadlineReached && transition.Actions.Length > 0
            ? transition with { State = transition.State with { Deadline = state.Deadline.AddNanoseconds(Interval(config)) } }
            : transition;
    });

    public static BrokenMachine FiresEarly { get; } = new("takes an early call for its timer", (config, state, input, now) =>
        Right.Step(config, input.Kind == VrrpEventKind.DeadlineReached ? state with { Deadline = Instant.Min(state.Deadline, now) } : state, input, now));

    public static BrokenMachine AnswersItsEcho { get; } = new("answers its own echo", (config, state, input, now) =>
        state.State == VrrpState.Master && IsHeard(input, state.EffectivePriority) && input.Source == input.OwnAddress
            ? new(state, VrrpActions.Advertise) : Right.Step(config, state, input, now));

    public static BrokenMachine AnnouncesFirst { get; } = new("announces before it advertises", (config, state, input, now) =>
        Replace(Right.Step(config, state, input, now), VrrpActions.BecomeMaster,
            [VrrpAction.InstallAddresses, VrrpAction.AnnounceAddresses, VrrpAction.SendAdvertisement]));

    public static BrokenMachine AdvertisesFirst { get; } = new("advertises before it has the addresses", (config, state, input, now) =>
        Replace(Right.Step(config, state, input, now), VrrpActions.BecomeMaster,
            [VrrpAction.SendAdvertisement, VrrpAction.InstallAddresses, VrrpAction.AnnounceAddresses]));

    public static BrokenMachine KeepsAddresses { get; } = new("keeps the addresses when it yields", (config, state, input, now) =>
        Replace(Right.Step(config, state, input, now), VrrpActions.YieldToPeer, [VrrpAction.StopAnnouncing]));

    public static BrokenMachine LeavesSilently { get; } = new("leaves without a farewell", (config, state, input, now) =>
        Replace(Right.Step(config, state, input, now), VrrpActions.Leave, [VrrpAction.StopAnnouncing, VrrpAction.RemoveAddresses]));

    public static BrokenMachine BackupSaysFarewell { get; } = new("a Backup that leaves says farewell", (config, state, input, now) =>
        state.State == VrrpState.Backup && input.Kind == VrrpEventKind.Shutdown
            ? Right.Step(config, state, input, now) with { Actions = VrrpActions.Leave } : Right.Step(config, state, input, now));

    public static BrokenMachine NoTimerAfterYield { get; } = new("no timer runs after it yielded", (config, state, input, now) =>
    {
        var transition = Right.Step(config, state, input, now);
        return state.State == VrrpState.Master && transition.State.State == VrrpState.Backup
            ? transition with { State = transition.State with { Deadline = Instant.Never } } : transition;
    });

    public static BrokenMachine NeverYields { get; } = new("a Master never yields", (config, state, input, now) =>
        state.State == VrrpState.Master && input.Kind == VrrpEventKind.AdvertisementReceived && input.Priority != Priority.Relinquish
            ? new(state, VrrpActions.Reassert) : Right.Step(config, state, input, now));

    public static BrokenMachine YieldsToAnyone { get; } = new("a Master yields to whomever it hears", (config, state, input, now) =>
        Right.Step(
            config,
            state.State == VrrpState.Master && input.Kind == VrrpEventKind.AdvertisementReceived ? state with { IsSuspect = true } : state,
            input,
            now));

    public static BrokenMachine WaitsTwice { get; } = new("waits for twice the master-down interval", (config, state, input, now) =>
    {
        var transition = Right.Step(config, state, input, now);
        return transition.State is { State: VrrpState.Backup, Deadline.IsNever: false } after && after.Deadline != state.Deadline
            ? transition with { State = after with { Deadline = after.Deadline + (after.Deadline - now) } } : transition;
    });

    public static BrokenMachine StandsStillAfterFarewell { get; } = new("stops its timer at a farewell", (config, state, input, now) =>
    {
        var transition = Right.Step(config, state, input, now);
        return transition.State.State == VrrpState.Backup && IsHeard(input, Priority.Relinquish)
            ? transition with { State = transition.State with { Deadline = Instant.Never } } : transition;
    });

    public static BrokenMachine HandsOverForEver { get; } = new("a hand-over without an end", (config, state, input, now) =>
    {
        var transition = Right.Step(config, state, input, now);
        return transition.State.IsHandingOver && !state.IsHandingOver
            ? transition with { State = transition.State with { Deadline = Instant.Never } } : transition;
    });

    public static BrokenMachine AdvertisesInFault { get; } = new("goes on as Master with a fault", (config, state, input, now) =>
        state.State == VrrpState.Master && input.Kind == VrrpEventKind.FaultsChanged
            ? Nothing(state with { Faults = input.Faults }) : Right.Step(config, state, input, now));

    public static BrokenMachine StaysSuspect { get; } = new("goes on suspecting itself", (config, state, input, now) =>
    {
        var transition = Right.Step(config, state, input, now);
        return state.IsSuspect && transition.State.State == VrrpState.Master
            ? transition with { State = transition.State with { IsSuspect = true } } : transition;
    });

    public static BrokenMachine ForgetsTheHold { get; } = new("preempts at once although a delay is set", (config, state, input, now) =>
        Right.Step(config with { PreemptDelay = TimeSpan.Zero }, state, input, now));

    public static BrokenMachine GroupMemberGoesAlone { get; } = new("a member of a group goes alone", (config, state, input, now) =>
        Right.Step(config with { SyncGroup = null }, state, input, now));

    /// <summary>Mistakes that the rows of the RFC show.</summary>
    public static ImmutableArray<BrokenMachine> Plain { get; } =
    [
        SwallowsPriorityZero, SkewOfAnotherPriority, NoTieBreak, ComparesAddressesAsText, PreemptsAlways, PreemptConsultedInMaster,
        TieBreakInBackup, BackupDiscardsAll, LearnsFromFarewell, LearnsNothing, PeriodDrifts, CatchesUpInABurst, FiresEarly, AnswersItsEcho,
        AnnouncesFirst, AdvertisesFirst, KeepsAddresses, LeavesSilently, BackupSaysFarewell, NoTimerAfterYield, NeverYields, YieldsToAnyone, WaitsTwice,
        StandsStillAfterFarewell,
    ];

    /// <summary>Mistakes in what the field adds.</summary>
    public static ImmutableArray<BrokenMachine> Field { get; } =
        [HandsOverForEver, AdvertisesInFault, StaysSuspect, ForgetsTheHold, GroupMemberGoesAlone];

    public static BrokenMachine With(string fault) => Plain.Concat(Field).Single(machine => machine.Fault == fault);

    private static long Interval(VirtualRouterConfig config) => config.AdvertisementInterval.Centiseconds * 10_000_000L;

    private static bool IsHeard(in VrrpEvent input, Priority priority) =>
        input.Kind == VrrpEventKind.AdvertisementReceived && input.Priority == priority;

    private static Transition Nothing(in MachineState state) => new(state, VrrpActions.None);

    private static Transition Replace(in Transition transition, ImmutableArray<VrrpAction> actions, ImmutableArray<VrrpAction> by) =>
        transition.Actions == actions ? transition with { Actions = by } : transition;
}
