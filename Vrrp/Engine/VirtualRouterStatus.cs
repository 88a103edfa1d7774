namespace Vrrp;

/// <summary>One virtual router as it was at one moment.</summary>
public sealed record VirtualRouterStatus
{
    /// <summary>The configuration in force.</summary>
    public required VirtualRouterConfig Config { get; init; }

    /// <summary>Its state.</summary>
    public required VrrpState State { get; init; }

    /// <summary>What keeps it in Fault.</summary>
    public required VrrpFaults Faults { get; init; }

    /// <summary>Priority in force.</summary>
    public required Priority EffectivePriority { get; init; }

    /// <summary>What the program tracks for it, as it was set last.</summary>
    public TrackedState Tracked { get; init; }

    /// <summary>Whether it holds its addresses, also while handing over.</summary>
    public required bool HoldsAddresses { get; init; }

    /// <summary>Source address of its advertisements; none when it has none.</summary>
    public required IPAddressValue PrimaryAddress { get; init; }

    /// <summary>The last other Master heard; none if none was.</summary>
    public required IPAddressValue MasterAddress { get; init; }

    /// <summary>Priority of the last other Master heard.</summary>
    public required Priority MasterPriority { get; init; }

    /// <summary>Interval the Master_Down_Timer counts with.</summary>
    public required AdvertisementInterval MasterAdverInterval { get; init; }

    /// <summary>
    /// Why it became Master last; <see cref="TransitionReason.None"/> if it never was. RFC 8347 calls it new-master-reason and has fewer:
    /// <see cref="VrrpMetrics"/> translates.
    /// </summary>
    public required TransitionReason MasterReason { get; init; }

    /// <summary>
    /// Version 3 over IPv4: the form in which the checksum of the last accepted advertisement verified. Null if none was heard, and for all
    /// other routers, which have one form.
    /// </summary>
    public required VrrpChecksum? PeerChecksum { get; init; }

    /// <summary>When the router was added, on the monotonic clock: its counters began at zero then.</summary>
    public required Instant AddedAt { get; init; }

    /// <summary>Counters, a copy.</summary>
    public required VirtualRouterCounters Counters { get; init; }
}
