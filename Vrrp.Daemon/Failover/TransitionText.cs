using System.Globalization;

namespace Vrrp.Daemon.Failover;

/// <summary>A transition or a state in words. Pure.</summary>
internal static class TransitionText
{
    /// <summary>Faults that are not seen to end, but tried again.</summary>
    private const VrrpFaults Retried = VrrpFaults.AddressRefused | VrrpFaults.SendFailing | VrrpFaults.LinkUnusable;

    public static string Describe(RouterTransition transition) => string.Create(
        CultureInfo.InvariantCulture, $"{Reason(transition)} (own priority {transition.EffectivePriority}, was {Name(transition.From)})");

    /// <summary>Why it happened, as a clause.</summary>
    public static string Reason(RouterTransition transition)
    {
        string reason = transition.Reason switch
        {
            TransitionReason.Started => "started, waiting for a Master to be heard",
            TransitionReason.Stopped => "told to stop",
            TransitionReason.AddressOwner => "this router owns the addresses (priority 255)",
            TransitionReason.MasterSilent when transition.Peer.IsNone => "no Master was heard",
            TransitionReason.MasterSilent => $"{Peer(transition)} fell silent",
            TransitionReason.MasterLeft when transition.Peer.IsNone => "the Master left (priority 0)",
            TransitionReason.MasterLeft => $"{Peer(transition)} left (priority 0)",
            TransitionReason.Preempted when transition.Peer.IsNone => "the Master heard has a lower priority",
            TransitionReason.Preempted => $"{Peer(transition)} has the lower priority",
            TransitionReason.HigherPriorityHeard => $"{Peer(transition)} has the higher priority",
            TransitionReason.HigherAddressHeard => $"{Peer(transition)} has the same priority and the higher address",
            TransitionReason.ReplacedWhileStalled => $"this process was stalled and {Peer(transition)} was elected meanwhile",
            TransitionReason.FaultEnded when (transition.Faults & Retried) != VrrpFaults.None =>
                $"trying again after: {Faults(transition.Faults, transition.FaultDetail)}; waiting for a Master to be heard",
            TransitionReason.FaultEnded => $"over: {Faults(transition.Faults, transition.FaultDetail)}; waiting for a Master to be heard",
            TransitionReason.FaultBegan => Faults(transition.Faults),
            TransitionReason.SyncGroup => "its sync group moved",
            _ => transition.Reason.ToString(),
        };
        return transition switch
        {
            { Detail: null } => reason,
            { Reason: TransitionReason.FaultBegan } => transition.Detail,
            _ => $"{reason}; {transition.Detail}",
        };
    }

    /// <summary>One router as it is now, for the log.</summary>
    public static string Describe(VirtualRouterStatus router)
    {
        string detail = router.State switch
        {
            VrrpState.Fault => Faults(router.Faults, router.Tracked.Detail),
            VrrpState.Master => "serving",
            _ when router.HoldsAddresses => "handing over",
            VrrpState.Backup when router.MasterAddress.IsNone => "no Master heard yet",
            VrrpState.Backup => $"Master {router.MasterAddress} with priority {router.MasterPriority}",
            _ when router.Tracked.IsPending => $"waits: {router.Tracked.Detail ?? "it is not known yet whether it can serve"}",
            _ => "not started yet",
        };
        return string.Create(CultureInfo.InvariantCulture, $"{Name(router.State)}: {detail} (own priority {router.EffectivePriority})");
    }

    public static string Name(VrrpState state) => state switch
    {
        VrrpState.Master => "MASTER",
        VrrpState.Backup => "BACKUP",
        VrrpState.Fault => "FAULT",
        _ => "INIT",
    };

    private static string Peer(RouterTransition transition) => Peer(transition.Peer, transition.PeerPriority);

    /// <summary>Another router; one of which only the goodbye was heard has no priority to tell.</summary>
    public static string Peer(IPAddressValue address, Priority priority) =>
        priority == Priority.Relinquish ? address.ToString() : $"{address} with priority {priority}";

    /// <summary>What keeps a router in Fault, in words.</summary>
    /// <param name="faults">The faults.</param>
    /// <param name="tracked">What of the tracked things failed; null: unknown.</param>
    public static string Faults(VrrpFaults faults, string? tracked = null)
    {
        var words = new List<string>();
        Add(VrrpFaults.InterfaceMissing, "its interface does not exist; the router starts when it appears");
        Add(VrrpFaults.LinkDown, "its interface is down or has no carrier");
        Add(VrrpFaults.NoSourceAddress, "its interface has no address to advertise from");
        Add(VrrpFaults.AddressRefused, "the kernel refused a virtual address; tried again every 5 s");
        Add(VrrpFaults.TrackedInterface, "a tracked interface is down");
        Add(VrrpFaults.SyncGroup, "another member of its sync group is in fault");
        Add(VrrpFaults.SendFailing, "advertisements cannot be sent; tried again every 5 s");
        Add(VrrpFaults.LinkUnusable, "its interface cannot be used; tried again every 5 s");
        Add(VrrpFaults.Tracked, tracked ?? "a tracked script, file or process failed");
        Add(VrrpFaults.Declared, "declared unable to serve");
        return string.Join("; ", words);

        void Add(VrrpFaults fault, string text)
        {
            if (faults.HasFlag(fault))
                words.Add(text);
        }
    }
}
