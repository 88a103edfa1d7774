using Vrrp.Links;
using Vrrp.Packets;

namespace Vrrp;

/// <summary>One running instance: what the operator set, what the machine remembers, and what the engine prepared of both.</summary>
internal sealed class VirtualRouter
{
    private RouterVitals _vitals;

    public VirtualRouter(int token, VirtualRouterConfig config, Instant startAt, Instant addedAt)
    {
        Token = token;
        Config = config;
        State = MachineState.Initial(config);
        StartAt = startAt;
        AddedAt = addedAt;
        _vitals = TakeVitals();
    }

    /// <summary>Number in the engine's table and in the deadline queue.</summary>
    public int Token { get; }

    /// <summary>When its counters began.</summary>
    public Instant AddedAt { get; }

    public VirtualRouterConfig Config { get; set; }

    public MachineState State { get; set; }

    public AnnouncementSchedule Announcements = AnnouncementSchedule.Idle;

    public VirtualRouterCounters Counters { get; } = new();

    /// <summary>What other threads read of it, beside the counters.</summary>
    public RouterVitals Vitals => Volatile.Read(ref _vitals);

    /// <summary>Why it became Master last.</summary>
    public TransitionReason MasterReason { get; set; }

    /// <summary>The checksum form heard last, of version 3 over IPv4.</summary>
    public VrrpChecksum? PeerChecksum { get; set; }

    public ReceptionRules? Rules { get; set; }

    public EngineInterface? Interface { get; set; }

    public IVrrpLink? Link { get; set; }

    public SyncGroupState? Group { get; set; }

    /// <summary>Another router of the same VRID on the interface; legal for unicast with different peers.</summary>
    public VirtualRouter? NextSameId { get; set; }

    /// <summary>Source of advertisements; none when the interface has no usable one.</summary>
    public IPAddressValue PrimaryAddress { get; set; }

    /// <summary>Faults that stay until a retry: refused addresses, failing sockets.</summary>
    public VrrpFaults StickyFaults { get; set; }

    /// <summary>What the program around the library tracks for it.</summary>
    public TrackedState Tracked
    {
        get;
        set
        {
            field = value;
            if (value.IsFaulty)
                TrackedFault = value.Detail;
        }
    }

    /// <summary>What <see cref="Tracked"/> said when it was faulty last.</summary>
    public string? TrackedFault { get; private set; }

    /// <summary>As Backup: who advertised last with a lower priority or said goodbye; none if nobody did.</summary>
    public IPAddressValue LowerHeard { get; set; }

    /// <summary>Its priority; of one that said goodbye the one before, 0 if that is not known.</summary>
    public Priority LowerHeardPriority { get; set; }

    /// <summary>When sticky faults are dropped to try again.</summary>
    public Instant RetryAt { get; set; } = Instant.Never;

    /// <summary>When the router begins to take part.</summary>
    public Instant StartAt { get; set; }

    /// <summary>When it would begin, if it were known that it can serve; never once it may begin.</summary>
    public Instant HeldBackUntil { get; set; } = Instant.Never;

    /// <summary>Deadline of the live entry in the queue.</summary>
    public Instant ArmedAt { get; set; } = Instant.Never;

    /// <summary>Addresses with the interfaces they go on, as far as those exist.</summary>
    public AddressAssignment[] Assignments { get; set; } = [];

    public AddressOutcome[] Outcomes { get; set; } = [];

    /// <summary>An announcement frame for each assignment; null until first needed.</summary>
    public byte[]?[] Frames { get; set; } = [];

    public bool HoldsAddresses { get; set; }

    /// <summary>It gave up its addresses while changes of interfaces are read, which go when all is read.</summary>
    public bool IsGivingUp { get; set; }

    /// <summary>The transition that is told when they are off.</summary>
    public (Transition Transition, VrrpFaults FaultsBefore, string? Detail)? Untold { get; set; }

    /// <summary>The kernel refused to take an address off; it is tried again.</summary>
    public bool OwesRemoval { get; set; }

    /// <summary>What the machine decided for the deadline at hand, while the addresses of several routers are installed together.</summary>
    public Transition? Ahead { get; set; }

    /// <summary>Whether <see cref="Outcomes"/> are those of the installation that comes next.</summary>
    public bool IsInstalledAhead { get; set; }

    /// <summary>It has its addresses, and becomes Master at once.</summary>
    public bool HasTakenAddresses { get; set; }

    /// <summary>What the packet filter drops packets for on behalf of this router.</summary>
    public AddressAssignment[] Blocked { get; set; } = [];

    /// <summary>Why addresses could not be blocked, as it was told last; null while they can.</summary>
    public string? FilterFailure { get; set; }

    /// <summary>The advertisement as last sent, one for each destination, and what it was made of.</summary>
    public byte[]?[] Messages { get; set; } = [];

    public Priority MessagePriority { get; set; }

    public IPAddressValue MessageSource { get; set; }

    public int ConsecutiveSendFailures { get; set; }

    /// <summary>When the first of <see cref="ConsecutiveSendFailures"/> was.</summary>
    public Instant FailingSince { get; set; }

    public bool LastSendFailed { get; set; }

    /// <summary>Announcements of the present takeover that could not be sent.</summary>
    public int AnnouncementFailures { get; set; }

    /// <summary>State that was told last, the From of the next transition.</summary>
    public VrrpState ToldState { get; set; }

    /// <summary>When an advertisement for this router was dropped last, and why.</summary>
    public Instant DroppedAt { get; set; } = Instant.Never;

    public PacketRejection DroppedReason { get; set; }

    public Instant RefusalToldAt { get; set; } = Instant.Never;

    public Instant TakenAwayToldAt { get; set; } = Instant.Never;

    /// <summary>When addresses that were taken away were put back last.</summary>
    public Instant RestoredAt { get; set; }

    /// <summary>When that is worth doing again.</summary>
    public Instant RestoreAt { get; set; } = Instant.Never;

    public Instant UnusableToldAt { get; set; } = Instant.Never;

    public string? PendingDetail { get; set; }

    /// <summary>When the router became Master last.</summary>
    public Instant MasterSince { get; set; }

    /// <summary>When a lower Master was answered last.</summary>
    public Instant AnsweredAt { get; set; } = Instant.Never;

    public Instant SecondMasterToldAt { get; set; } = Instant.Never;

    public IPAddressValue SecondMasterTold { get; set; }

    public Instant IntervalToldAt { get; set; } = Instant.Never;

    public Instant AddressListToldAt { get; set; } = Instant.Never;

    public Instant ChecksumToldAt { get; set; } = Instant.Never;

    public Instant TwoOwnersToldAt { get; set; } = Instant.Never;

    /// <summary>When the minute began in which <see cref="Takeovers"/> are counted.</summary>
    public Instant TakeoversSince { get; set; }

    public int Takeovers { get; set; }

    /// <summary>When each kind of rejection was told last, and how often it happened since.</summary>
    public Dictionary<PacketRejection, (Instant At, long Untold)> ToldRejections { get; } = [];

    public Action? Removed { get; set; }

    public bool IsRemoving => Removed is not null;

    public Instant NextDeadline =>
        Instant.Min(Instant.Min(State.Deadline, Announcements.NextAt), Instant.Min(RetryAt, Instant.Min(StartAt, RestoreAt)));

    public VirtualRouterStatus Snapshot() => new()
    {
        Config = Config,
        State = State.State,
        Faults = State.Faults,
        EffectivePriority = State.EffectivePriority,
        Tracked = Tracked,
        HoldsAddresses = HoldsAddresses,
        PrimaryAddress = PrimaryAddress,
        MasterAddress = State.MasterAddress,
        MasterPriority = State.MasterPriority,
        MasterAdverInterval = State.MasterAdverInterval,
        MasterReason = MasterReason,
        PeerChecksum = PeerChecksum,
        AddedAt = AddedAt,
        Counters = Counters.Copy(),
    };

    /// <summary>After anything that other threads may want to know; makes a new value only if there is one.</summary>
    public void PublishVitals()
    {
        var last = _vitals;
        if (!ReferenceEquals(last.Config, Config) || last.State != State.State || last.EffectivePriority != State.EffectivePriority
            || last.MasterAdverInterval != State.MasterAdverInterval || last.MasterReason != MasterReason || last.PeerChecksum != PeerChecksum
            || last.Faults != State.Faults || last.Tracked != Tracked || last.HoldsAddresses != HoldsAddresses || last.PrimaryAddress != PrimaryAddress
            || last.MasterAddress != State.MasterAddress || last.MasterPriority != State.MasterPriority)
        {
            Volatile.Write(ref _vitals, TakeVitals());
        }
    }

    private RouterVitals TakeVitals() =>
        new(Config, State.State, State.EffectivePriority, State.MasterAdverInterval, MasterReason, PeerChecksum)
        {
            Faults = State.Faults,
            Tracked = Tracked,
            HoldsAddresses = HoldsAddresses,
            PrimaryAddress = PrimaryAddress,
            MasterAddress = State.MasterAddress,
            MasterPriority = State.MasterPriority,
        };
}

/// <summary>A router as it was at one moment, in a reference that can be swapped.</summary>
internal sealed record RouterVitals(
    VirtualRouterConfig Config,
    VrrpState State,
    Priority EffectivePriority,
    AdvertisementInterval MasterAdverInterval,
    TransitionReason MasterReason,
    VrrpChecksum? PeerChecksum)
{
    public VrrpFaults Faults { get; init; }

    public TrackedState Tracked { get; init; }

    public bool HoldsAddresses { get; init; }

    public IPAddressValue PrimaryAddress { get; init; }

    public IPAddressValue MasterAddress { get; init; }

    public Priority MasterPriority { get; init; }
}

/// <summary>The running members of a sync group.</summary>
internal sealed class SyncGroupState(string name)
{
    public string Name { get; } = name;

    public List<VirtualRouter> Members { get; } = [];

    public SyncMember[] Facts { get; set; } = [];

    /// <summary>A member changed and the rules have not been applied yet.</summary>
    public bool IsDirty { get; set; }

    /// <summary>Since the rules were applied, a member went from Master to Backup.</summary>
    public bool HasYielded { get; set; }
}
