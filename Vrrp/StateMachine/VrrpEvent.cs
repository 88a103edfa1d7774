namespace Vrrp;

/// <summary>The closed set of inputs of the state machine.</summary>
public enum VrrpEventKind : byte
{
    /// <summary>Begin to take part. RFC 9568 §6.4.1.</summary>
    Startup,

    /// <summary>Stop taking part. RFC 9568 §6.4.2, §6.4.3.</summary>
    Shutdown,

    /// <summary>An advertisement passed every check.</summary>
    AdvertisementReceived,

    /// <summary>The deadline was reached. Early and stale calls change nothing.</summary>
    DeadlineReached,

    /// <summary>Faults began or ended; the event carries all that hold now.</summary>
    FaultsChanged,

    /// <summary>Trackers or reconfiguration changed the priority in force.</summary>
    PriorityChanged,

    /// <summary>An address of this router was taken off its interface by someone else.</summary>
    AddressLost,

    /// <summary>The engine found that it was not scheduled for longer than the master-down interval.</summary>
    Stalled,

    /// <summary>All members of the sync group are ready: become Master.</summary>
    GroupBecomesMaster,

    /// <summary>A member of the sync group yielded: become Backup.</summary>
    GroupBecomesBackup,
}

/// <summary>One input. A plain value; only the members of its kind mean anything.</summary>
public readonly record struct VrrpEvent
{
    /// <summary>Which input it is.</summary>
    public required VrrpEventKind Kind { get; init; }

    /// <summary>Priority in the advertisement, or the new priority in force.</summary>
    public Priority Priority { get; init; }

    /// <summary>Interval in the advertisement.</summary>
    public AdvertisementInterval Interval { get; init; }

    /// <summary>Source of the advertisement.</summary>
    public IPAddressValue Source { get; init; }

    /// <summary>This router's primary address, for the tie-break of RFC 9568 §6.4.3.</summary>
    public IPAddressValue OwnAddress { get; init; }

    /// <summary>All faults that hold now.</summary>
    public VrrpFaults Faults { get; init; }

    /// <summary>Shutdown: keep answering for the addresses until the successor is heard.</summary>
    public bool HandOver { get; init; }

    /// <summary>Begin to take part.</summary>
    public static VrrpEvent Startup => new() { Kind = VrrpEventKind.Startup };

    /// <summary>The deadline was reached.</summary>
    public static VrrpEvent DeadlineReached => new() { Kind = VrrpEventKind.DeadlineReached };

    /// <summary>An address was lost.</summary>
    public static VrrpEvent AddressLost => new() { Kind = VrrpEventKind.AddressLost };

    /// <summary>The engine was stalled.</summary>
    public static VrrpEvent Stalled => new() { Kind = VrrpEventKind.Stalled };

    /// <summary>The group becomes Master.</summary>
    public static VrrpEvent GroupBecomesMaster => new() { Kind = VrrpEventKind.GroupBecomesMaster };

    /// <summary>The group becomes Backup.</summary>
    public static VrrpEvent GroupBecomesBackup => new() { Kind = VrrpEventKind.GroupBecomesBackup };

    /// <summary>Stop taking part.</summary>
    /// <param name="handOver">Whether a Master keeps its addresses until the successor is heard.</param>
    /// <returns>The event.</returns>
    public static VrrpEvent Shutdown(bool handOver = false) => new() { Kind = VrrpEventKind.Shutdown, HandOver = handOver };

    /// <summary>An advertisement passed every check.</summary>
    /// <param name="priority">Its priority.</param>
    /// <param name="interval">Its interval.</param>
    /// <param name="source">Its source address.</param>
    /// <param name="ownAddress">This router's primary address.</param>
    /// <returns>The event.</returns>
    public static VrrpEvent Advertisement(Priority priority, AdvertisementInterval interval, IPAddressValue source, IPAddressValue ownAddress) =>
        new() { Kind = VrrpEventKind.AdvertisementReceived, Priority = priority, Interval = interval, Source = source, OwnAddress = ownAddress };

    /// <summary>Faults began or ended.</summary>
    /// <param name="faults">All that hold now.</param>
    /// <returns>The event.</returns>
    public static VrrpEvent FaultsChanged(VrrpFaults faults) => new() { Kind = VrrpEventKind.FaultsChanged, Faults = faults };

    /// <summary>The priority in force changed.</summary>
    /// <param name="priority">The new one.</param>
    /// <returns>The event.</returns>
    public static VrrpEvent PriorityChanged(Priority priority) => new() { Kind = VrrpEventKind.PriorityChanged, Priority = priority };
}
