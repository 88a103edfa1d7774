namespace Vrrp.Simulation;

/// <summary>One router of one node.</summary>
internal sealed class RouterWatch(NodeWatch node, SimulatedRouter router, VirtualRouterWatch virtualRouter, Instant since)
{
    public NodeWatch Node => node;

    public SimulatedRouter Router => router;

    public VirtualRouter Inner { get; } = router.Inner;

    public VirtualRouterWatch VirtualRouter => virtualRouter;

    public Instant Since => since;

    /// <summary>As they were at the end of the turn before.</summary>
    public VrrpState State { get; private set; }

    public bool IsHandingOver { get; private set; }

    /// <summary>All that it remembered, and what it was to do besides the machine's deadline.</summary>
    public (MachineState State, Instant StartAt, Instant RetryAt, Instant RestoreAt) Machine { get; set; }

    /// <summary>It was added to a group, and has not moved with it yet.</summary>
    public bool IsJoining { get; set; } = true;

    /// <summary>When that began, on the node's clock and on the LAN's.</summary>
    public Instant MovedAt { get; private set; }

    public Instant MovedOnLan { get; set; }

    /// <summary>When it advertised last, on the node's clock and on the LAN's.</summary>
    public Instant AdvertisedAt { get; set; }

    public Instant AdvertisedOnLan { get; set; }

    /// <summary>Index of the interface through which it advertised last.</summary>
    public int AdvertisedOn { get; set; }

    /// <summary>When the next advertisement is due that nothing but the timer asks for.</summary>
    public Instant DueAt { get; set; }

    public Instant AnsweredAt { get; set; }

    /// <summary>The interval in force when it advertised last.</summary>
    public long Interval { get; set; }

    public int SentInTurn { get; set; }

    /// <summary>What it said last in this turn was goodbye.</summary>
    public bool HasSaidGoodbye { get; set; }

    /// <summary>Addresses that it announced in this turn.</summary>
    public HashSet<IPAddressValue> Announced { get; } = [];

    /// <summary>It stood still as Master for longer than a Backup waits, and advertisements of another wait in its socket.</summary>
    public bool IsReplaced { get; set; }

    /// <summary>The shortest preempt delay in force since it moved last.</summary>
    public TimeSpan PreemptDelay { get; set; }

    /// <summary>Its advertisements are looked for, whether it has a turn or not.</summary>
    public bool IsPatrolled { get; set; }

    /// <summary>The state of the kernel for which the addresses behind an advertisement were looked at.</summary>
    public long AddressesSeenAt { get; set; } = -1;

    /// <summary>Number of the disturbance since which it was found at rest.</summary>
    public long RestsSince { get; set; } = -1;

    public void Moved(VrrpState state, bool isHandingOver, Instant now, Instant onLan)
    {
        if (State == VrrpState.Master && state != VrrpState.Master)
            virtualRouter.Masters.Remove(this);
        if (State != VrrpState.Master && state == VrrpState.Master)
            virtualRouter.Masters.Add(this);
        if (State == VrrpState.Master || state == VrrpState.Master)
            virtualRouter.MastersSince = onLan;
        PreemptDelay = Inner.Config.PreemptDelay;
        (State, IsHandingOver, MovedAt, MovedOnLan) = (state, isHandingOver, now, onLan);
        AddressesSeenAt = -1;
    }

    public void Leave(Instant onLan)
    {
        if (virtualRouter.Masters.Remove(this))
            virtualRouter.MastersSince = onLan;
        virtualRouter.Routers.Remove(this);
    }
}
