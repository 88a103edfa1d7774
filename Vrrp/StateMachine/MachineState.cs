namespace Vrrp;

/// <summary>What a Backup's running timer would take over from, for the reason it gives when it fires.</summary>
public enum AwaitedMaster : byte
{
    /// <summary>A Master that was heard or supposed, and may fall silent.</summary>
    Silent,

    /// <summary>One that said goodbye with priority 0.</summary>
    Left,

    /// <summary>One of lower priority that goes on advertising and is being preempted.</summary>
    Lower,
}

/// <summary>All that the state machine of one virtual router remembers between events. A plain value.</summary>
public readonly record struct MachineState
{
    /// <summary>A machine before its Startup, with the priority its configuration gives.</summary>
    /// <param name="config">The configuration.</param>
    /// <returns>The state.</returns>
    public static MachineState Initial(VirtualRouterConfig config)
    {
        ArgumentNullException.ThrowIfNull(config);
        return new()
        {
            EffectivePriority = config.Priority,
            MasterAdverInterval = config.AdvertisementInterval,
            Deadline = Instant.Never,
            PreemptHoldUntil = Instant.Never,
        };
    }

    /// <summary>What operators see.</summary>
    public VrrpState State { get; init; }

    /// <summary>Priority in force: the configured one and what trackers add, 1–254; 255 for an owner.</summary>
    public Priority EffectivePriority { get; init; }

    /// <summary>Master_Adver_Interval: in version 3 what the current Master advertised last, else the own interval. RFC 9568 §6.1.</summary>
    public AdvertisementInterval MasterAdverInterval { get; init; }

    /// <summary>
    /// The one timer: Master_Down_Timer in Backup, Adver_Timer in Master, the end of the hand-over in Initialize.
    /// <see cref="Instant.Never"/> when it does not run.
    /// </summary>
    public Instant Deadline { get; init; }

    /// <summary>End of the hold before preempting a lower Master; <see cref="Instant.Never"/> when it has not begun.</summary>
    public Instant PreemptHoldUntil { get; init; }

    /// <summary>What keeps the router in Fault.</summary>
    public VrrpFaults Faults { get; init; }

    /// <summary>What the Master_Down_Timer waits for.</summary>
    public AwaitedMaster Awaited { get; init; }

    /// <summary>A member of a sync group whose timer ran out and that waits for the other members.</summary>
    public bool WantsMaster { get; init; }

    /// <summary>Stopped as Master and still answering for its addresses until the successor is heard.</summary>
    public bool IsHandingOver { get; init; }

    /// <summary>This process was stalled beyond the master-down interval: another Master may have been elected.</summary>
    public bool IsSuspect { get; init; }

    /// <summary>Source of the last accepted advertisement of another router; default when none was heard.</summary>
    public IPAddressValue MasterAddress { get; init; }

    /// <summary>Priority in the last accepted advertisement.</summary>
    public Priority MasterPriority { get; init; }
}
