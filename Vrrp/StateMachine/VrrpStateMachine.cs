using System.Collections.Immutable;

namespace Vrrp;

/// <summary>
/// The state machine of RFC 9568 §6.4 and RFC 3768 §6.4, with what the field adds: Fault, the preempt delay, sync groups and a
/// hand-over that keeps answering until the successor is heard.
/// </summary>
public sealed class VrrpStateMachine : IVrrpStateMachine
{
    /// <summary>The one instance; it remembers nothing.</summary>
    public static VrrpStateMachine Instance { get; } = new();

    /// <inheritdoc/>
    public Transition Step(VirtualRouterConfig config, in MachineState state, in VrrpEvent input, Instant now)
    {
        ArgumentNullException.ThrowIfNull(config);
        return state.State switch
        {
            VrrpState.Backup => Backup(config, state, input, now),
            VrrpState.Master => Master(config, state, input, now),
            VrrpState.Fault => Fault(config, state, input, now),
            _ => Initialize(config, state, input, now),
        };
    }

    private static Transition Initialize(VirtualRouterConfig config, in MachineState state, in VrrpEvent input, Instant now)
    {
        switch (input.Kind)
        {
            case VrrpEventKind.Startup when !state.IsHandingOver:
                return Start(config, state, now, TransitionReason.Started);

            case VrrpEventKind.FaultsChanged:
                // A link that failed leaves nobody to hand over to.
                return state.IsHandingOver && input.Faults != VrrpFaults.None
                    ? Release(state with { Faults = input.Faults })
                    : Stay(state with { Faults = input.Faults });

            case VrrpEventKind.PriorityChanged:
                return Stay(state with { EffectivePriority = input.Priority });

            case VrrpEventKind.AdvertisementReceived when state.IsHandingOver && input.Priority != Priority.Relinquish:
                // The successor is there. Hosts hear its announcement a moment later than we hear its advertisement.
                return Stay(Heard(config, state, input) with { Deadline = Instant.Min(state.Deadline, now.AddNanoseconds(LingerNanoseconds(config))) });

            case VrrpEventKind.DeadlineReached when state.IsHandingOver && now >= state.Deadline:
            // Asked again in the same manner it goes on; asked to go at once it goes.
            case VrrpEventKind.Shutdown when state.IsHandingOver && !input.HandOver:
                return Release(state);

            default:
                return Stay(state);
        }
    }

    private static Transition Backup(VirtualRouterConfig config, in MachineState state, in VrrpEvent input, Instant now)
    {
        switch (input.Kind)
        {
            case VrrpEventKind.AdvertisementReceived:
                return BackupHears(config, state, input, now);

            case VrrpEventKind.DeadlineReached when now >= state.Deadline:
                if (config.SyncGroup is not null)
                    return Stay(state with { WantsMaster = true, Deadline = Instant.Never });
                return BecomeMaster(config, state, now, TakeoverReason(state));

            case VrrpEventKind.GroupBecomesMaster:
                return BecomeMaster(config, state, now, state.WantsMaster ? TakeoverReason(state) : TransitionReason.SyncGroup);

            case VrrpEventKind.Shutdown:
                // §6.4.2: a Backup that leaves sends nothing.
                return Stop(state, VrrpActions.None);

            case VrrpEventKind.FaultsChanged:
                return input.Faults == VrrpFaults.None
                    ? Stay(state with { Faults = VrrpFaults.None })
                    : ToFault(state, input.Faults, VrrpActions.None);

            case VrrpEventKind.PriorityChanged:
                // The running timer moves by the difference that the new skew makes, so a raised priority wins sooner.
                long shift = Skew(config, state with { EffectivePriority = input.Priority }) - Skew(config, state);
                return Stay(state with { EffectivePriority = input.Priority, Deadline = state.Deadline.AddNanoseconds(shift) });

            default:
                return Stay(state);
        }
    }

    private static Transition BackupHears(VirtualRouterConfig config, in MachineState state, in VrrpEvent input, Instant now)
    {
        // §6.4.2: priority 0 is looked at before anything else, preempt or not; the wait is the skew, and nothing is learned.
        if (input.Priority == Priority.Relinquish)
        {
            return Stay(state with
            {
                Deadline = now.AddNanoseconds(Skew(config, state)),
                Awaited = AwaitedMaster.Left,
                WantsMaster = false,
            });
        }

        bool isLower = input.Priority < state.EffectivePriority;
        var hold = isLower ? state.PreemptHoldUntil : Instant.Never;
        // §6.1: the owner of the addresses preempts whatever Preempt_Mode says, and waits for nobody.
        if (isLower && (config.Preempt || config.IsOwner))
        {
            // A delay that was shortened or taken away while it ran counts from this advertisement.
            hold = config.PreemptDelay > TimeSpan.Zero && !config.IsOwner ? Instant.Min(hold, now + config.PreemptDelay) : Instant.Never;
            // Without a hold, or after it: discard, so that the running timer ends in a takeover.
            if (hold.IsNever || now >= hold)
                return Stay(state with { PreemptHoldUntil = hold, Awaited = AwaitedMaster.Lower });
        }

        return Stay(AwaitMaster(config, Heard(config, state, input), now) with { PreemptHoldUntil = hold });
    }

    private static Transition Master(VirtualRouterConfig config, in MachineState state, in VrrpEvent input, Instant now)
    {
        switch (input.Kind)
        {
            case VrrpEventKind.AdvertisementReceived:
                return MasterHears(config, state, input, now);

            case VrrpEventKind.DeadlineReached when now >= state.Deadline:
                return new(state with { Deadline = NextAdvertisement(config, state, now), IsSuspect = false }, VrrpActions.Advertise);

            case VrrpEventKind.Shutdown when input.HandOver:
                return new(
                    Stopped(state) with
                    {
                        IsHandingOver = true,
                        Deadline = now.AddNanoseconds(HandOverNanoseconds(config)),
                        MasterAddress = default,
                        MasterPriority = default,
                    },
                    VrrpActions.BeginHandOver,
                    TransitionReason.Stopped);

            case VrrpEventKind.Shutdown:
                return Stop(state, VrrpActions.Leave);

            case VrrpEventKind.FaultsChanged when input.Faults != VrrpFaults.None:
                return ToFault(state, input.Faults, VrrpActions.Leave);

            case VrrpEventKind.AddressLost:
                return new(
                    state with { Deadline = now.AddNanoseconds(config.AdvertisementInterval.Nanoseconds), IsSuspect = false }, VrrpActions.BecomeMaster);

            case VrrpEventKind.Stalled:
                return Stay(state with { IsSuspect = true });

            case VrrpEventKind.GroupBecomesBackup:
                return ToBackup(config, state, now, VrrpActions.YieldToPeer, TransitionReason.SyncGroup);

            case VrrpEventKind.PriorityChanged:
                return Stay(state with { EffectivePriority = input.Priority });

            default:
                return Stay(state);
        }
    }

    private static Transition MasterHears(VirtualRouterConfig config, in MachineState state, in VrrpEvent input, Instant now)
    {
        // §6.4.3: another Master leaves; make sure that everyone knows this one stays. One that does not know whether it is still Master
        // reads on first: its advertisement is overdue and goes out when nobody else was heard.
        if (input.Priority == Priority.Relinquish && state.IsSuspect)
            return Stay(state);
        if (input.Priority == Priority.Relinquish)
            return new(state with { Deadline = now.AddNanoseconds(config.AdvertisementInterval.Nanoseconds) }, VrrpActions.Advertise);

        int rank = input.Priority.CompareTo(state.EffectivePriority);
        if (rank == 0)
        {
            rank = input.Source.CompareTo(input.OwnAddress);
            // An advertisement from our own address is an echo or a duplicate address: an answer could loop for ever.
            if (rank == 0)
                return Stay(state);
        }

        if (rank > 0 || state.IsSuspect)
        {
            var reason = rank <= 0 ? TransitionReason.ReplacedWhileStalled
                : input.Priority > state.EffectivePriority ? TransitionReason.HigherPriorityHeard
                : TransitionReason.HigherAddressHeard;
            var actions = config.AdvertiseBeforeYield && rank > 0 ? VrrpActions.AdvertiseAndYield : VrrpActions.YieldToPeer;
            return ToBackup(config, Heard(config, state, input), now, actions, reason);
        }

        // §6.4.3: the lower one is told at once; the Adver_Timer runs on. Hosts may have learned the other router's MAC.
        return new(state, config.AnswerLowerPriority ? VrrpActions.Reassert : VrrpActions.ReannounceOnly);
    }

    private static Transition Fault(VirtualRouterConfig config, in MachineState state, in VrrpEvent input, Instant now)
    {
        switch (input.Kind)
        {
            case VrrpEventKind.FaultsChanged when input.Faults == VrrpFaults.None:
                return Start(config, state with { Faults = VrrpFaults.None }, now, TransitionReason.FaultEnded);

            case VrrpEventKind.FaultsChanged:
                return Stay(state with { Faults = input.Faults });

            case VrrpEventKind.Shutdown:
                return Stop(state, VrrpActions.None);

            case VrrpEventKind.PriorityChanged:
                return Stay(state with { EffectivePriority = input.Priority });

            default:
                return Stay(state);
        }
    }

    /// <summary>The Startup row of §6.4.1.</summary>
    private static Transition Start(VirtualRouterConfig config, in MachineState state, Instant now, TransitionReason reason)
    {
        var fresh = state with
        {
            MasterAdverInterval = config.AdvertisementInterval,
            PreemptHoldUntil = Instant.Never,
            Awaited = AwaitedMaster.Silent,
            WantsMaster = false,
            IsSuspect = false,
            MasterAddress = default,
            MasterPriority = default,
        };
        if (state.Faults != VrrpFaults.None)
            return new(fresh with { State = VrrpState.Fault, Deadline = Instant.Never }, VrrpActions.None, TransitionReason.FaultBegan);
        if (config.IsOwner && config.SyncGroup is null)
            return BecomeMaster(config, fresh, now, TransitionReason.AddressOwner);
        var backup = AwaitMaster(config, fresh with { State = VrrpState.Backup }, now);
        // An owner in a group is ready at once, but goes with the others.
        return new(config.IsOwner ? backup with { Deadline = now } : backup, VrrpActions.None, reason);
    }

    private static Transition BecomeMaster(VirtualRouterConfig config, in MachineState state, Instant now, TransitionReason reason) =>
        new(
            state with
            {
                State = VrrpState.Master,
                Deadline = now.AddNanoseconds(config.AdvertisementInterval.Nanoseconds),
                PreemptHoldUntil = Instant.Never,
                WantsMaster = false,
                IsSuspect = false,
            },
            VrrpActions.BecomeMaster,
            reason);

    private static Transition ToBackup(
        VirtualRouterConfig config, in MachineState state, Instant now, ImmutableArray<VrrpAction> actions, TransitionReason reason) =>
        new(AwaitMaster(config, state with { State = VrrpState.Backup, PreemptHoldUntil = Instant.Never, IsSuspect = false }, now), actions, reason);

    private static Transition ToFault(in MachineState state, VrrpFaults faults, ImmutableArray<VrrpAction> actions) =>
        new(
            state with { State = VrrpState.Fault, Faults = faults, Deadline = Instant.Never, WantsMaster = false, IsSuspect = false },
            actions,
            TransitionReason.FaultBegan);

    private static Transition Stop(in MachineState state, ImmutableArray<VrrpAction> actions) =>
        new(Stopped(state), actions, TransitionReason.Stopped);

    private static Transition Release(in MachineState state) =>
        new(state with { IsHandingOver = false, Deadline = Instant.Never }, VrrpActions.Release);

    private static Transition Stay(in MachineState state) => new(state, VrrpActions.None);

    private static MachineState Stopped(in MachineState state) => state with
    {
        State = VrrpState.Initialize,
        Deadline = Instant.Never,
        WantsMaster = false,
        IsSuspect = false,
        PreemptHoldUntil = Instant.Never,
    };

    /// <summary>Remembers who was heard, and in version 3 learns the interval. RFC 9568 §6.4.2, §6.4.3.</summary>
    private static MachineState Heard(VirtualRouterConfig config, in MachineState state, in VrrpEvent input) => state with
    {
        MasterAdverInterval = config.Version == VrrpVersion.V3 ? input.Interval : config.AdvertisementInterval,
        MasterAddress = input.Source,
        MasterPriority = input.Priority,
    };

    /// <summary>Starts the Master_Down_Timer.</summary>
    private static MachineState AwaitMaster(VirtualRouterConfig config, in MachineState state, Instant now) => state with
    {
        Deadline = now.AddNanoseconds(VrrpTimers.MasterDownNanoseconds(
            config.Version, state.EffectivePriority, Awaited(config, state), config.DownTimerAdverts)),
        Awaited = AwaitedMaster.Silent,
        WantsMaster = false,
    };

    private static long Skew(VirtualRouterConfig config, in MachineState state) =>
        VrrpTimers.SkewNanoseconds(config.Version, state.EffectivePriority, Awaited(config, state));

    private static long Awaited(VirtualRouterConfig config, in MachineState state) =>
        (config.Version == VrrpVersion.V3 ? state.MasterAdverInterval : config.AdvertisementInterval).Nanoseconds;

    private static Instant NextAdvertisement(VirtualRouterConfig config, in MachineState state, Instant now)
    {
        // From the previous one, so that the period does not drift; after a stall from now, so that there is no burst.
        long interval = config.AdvertisementInterval.Nanoseconds;
        var next = state.Deadline.AddNanoseconds(interval);
        return next > now ? next : now.AddNanoseconds(interval);
    }

    private static TransitionReason TakeoverReason(in MachineState state) => state.Awaited switch
    {
        AwaitedMaster.Left => TransitionReason.MasterLeft,
        AwaitedMaster.Lower => TransitionReason.Preempted,
        _ => TransitionReason.MasterSilent,
    };

    /// <summary>The skew of the lowest priority, and a margin in which even a busy successor gets its first advertisement out.</summary>
    private static long HandOverNanoseconds(VirtualRouterConfig config)
    {
        long interval = config.AdvertisementInterval.Nanoseconds;
        return VrrpTimers.SkewNanoseconds(config.Version, new Priority(1), interval) + Math.Clamp(interval, 500_000_000, 2_000_000_000);
    }

    private static long LingerNanoseconds(VirtualRouterConfig config) =>
        Math.Clamp(config.AdvertisementInterval.Nanoseconds / 4, 10_000_000, 100_000_000);
}
