using Vrrp.Links;
using Vrrp.Packets;

namespace Vrrp;

/// <summary>What the engine tells. Immutable; one is made when something happens, none in steady state.</summary>
/// <param name="At">When, on the monotonic clock.</param>
/// <param name="VirtualRouter">Name of the virtual router; empty when it concerns the whole node.</param>
public abstract record VrrpNotification(Instant At, string VirtualRouter);

/// <summary>A virtual router changed its state.</summary>
/// <param name="At">When.</param>
/// <param name="VirtualRouter">Which router.</param>
/// <param name="From">State before.</param>
/// <param name="To">State now.</param>
/// <param name="Reason">Why.</param>
/// <param name="Faults">What keeps it in Fault, if it is; what kept it there, if that ended.</param>
/// <param name="EffectivePriority">Priority in force.</param>
/// <param name="Peer">The router whose advertisement led to this (one of lower priority that is preempted, one that said goodbye), or the last Master heard; none if none was.</param>
/// <param name="PeerPriority">Its priority; of one that said goodbye the one before, 0 if that is not known.</param>
/// <param name="Detail">What an operator should know besides, as a clause; also what of the tracked things changes the priority. Null if nothing.</param>
public sealed record RouterTransition(
    Instant At,
    string VirtualRouter,
    VrrpState From,
    VrrpState To,
    TransitionReason Reason,
    VrrpFaults Faults,
    Priority EffectivePriority,
    IPAddressValue Peer,
    Priority PeerPriority,
    string? Detail) : VrrpNotification(At, VirtualRouter)
{
    /// <summary>Where its advertisements come from; none if it has no address there.</summary>
    public IPAddressValue PrimaryAddress { get; init; }

    /// <summary>Of a fault that ended: what of the tracked things had failed, as it was told last; null if nothing had.</summary>
    public string? FaultDetail { get; init; }
}

/// <summary>
/// A Master heard another Master of lower rank and stays. Told once until the other changes or a minute has passed, and at most once a second.
/// </summary>
/// <param name="At">When.</param>
/// <param name="VirtualRouter">Which router.</param>
/// <param name="Peer">The other Master.</param>
/// <param name="PeerPriority">Its priority.</param>
public sealed record SecondMasterHeard(Instant At, string VirtualRouter, IPAddressValue Peer, Priority PeerPriority)
    : VrrpNotification(At, VirtualRouter);

/// <summary>The kernel refused to install or remove an address.</summary>
/// <param name="At">When.</param>
/// <param name="VirtualRouter">Which router.</param>
/// <param name="Address">The address.</param>
/// <param name="Installing">True when installing, false when removing.</param>
/// <param name="Error">The errno.</param>
public sealed record AddressRefused(Instant At, string VirtualRouter, VirtualAddress Address, bool Installing, int Error)
    : VrrpNotification(At, VirtualRouter);

/// <summary>Why an address is remarked upon.</summary>
public enum AddressIncidentKind
{
    /// <summary>Someone took it off while this router is Master; it was put back.</summary>
    TakenAway,

    /// <summary>It was on the interface, and not by us; it serves, and stays when this router leaves.</summary>
    Foreign,

    /// <summary>It bore our mark although this router had not installed it, left by a process that was killed; it was removed.</summary>
    LeftBehind,

    /// <summary>The hand-over is complete: it was removed. The peer is the successor that was heard, none if none was.</summary>
    Released,
}

/// <summary>Something happened to an address that was neither taking over nor leaving.</summary>
/// <param name="At">When.</param>
/// <param name="VirtualRouter">Which router.</param>
/// <param name="Address">The address.</param>
/// <param name="Kind">What happened.</param>
/// <param name="Peer">The other router it concerns; none if it concerns none.</param>
public sealed record AddressIncident(
    Instant At, string VirtualRouter, VirtualAddress Address, AddressIncidentKind Kind, IPAddressValue Peer = default)
    : VrrpNotification(At, VirtualRouter);

/// <summary>Packets were dropped. Told at most once a minute for a router and reason.</summary>
/// <param name="At">When.</param>
/// <param name="VirtualRouter">Which router; empty when the VRID is not ours.</param>
/// <param name="Interface">Where it came in.</param>
/// <param name="Reason">Why it was dropped.</param>
/// <param name="Source">Who sent it.</param>
/// <param name="Count">How many were dropped for this reason since it was last told, this one included.</param>
/// <param name="Detail">What differs, as a clause; null if the reason says it all.</param>
public sealed record PacketDropped(
    Instant At, string VirtualRouter, string Interface, PacketRejection Reason, IPAddressValue Source, long Count, string? Detail)
    : VrrpNotification(At, VirtualRouter);

/// <summary>An advertisement was used although it differs from this router's configuration.</summary>
/// <param name="At">When.</param>
/// <param name="VirtualRouter">Which router.</param>
/// <param name="Source">Who sent it.</param>
/// <param name="Difference">What differs, as a clause.</param>
public sealed record AdvertisementDiffers(Instant At, string VirtualRouter, IPAddressValue Source, string Difference)
    : VrrpNotification(At, VirtualRouter);

/// <summary>
/// A router became Master again and again within a minute: advertisements get lost or come late, or two routers' settings do not fit.
/// Told once a minute; each transition is told besides.
/// </summary>
/// <param name="At">When.</param>
/// <param name="VirtualRouter">Which router.</param>
/// <param name="Takeovers">How often.</param>
/// <param name="Within">Time from the first of them to the last.</param>
public sealed record MasterRestless(Instant At, string VirtualRouter, int Takeovers, TimeSpan Within) : VrrpNotification(At, VirtualRouter);

/// <summary>An advertisement came from an address of this host. Told once a minute for an interface.</summary>
/// <param name="At">When.</param>
/// <param name="Interface">Where it came in.</param>
/// <param name="Source">The address.</param>
public sealed record OwnAddressHeard(Instant At, string Interface, IPAddressValue Source) : VrrpNotification(At, "");

/// <summary>Trackers changed the priority in force.</summary>
/// <param name="At">When.</param>
/// <param name="VirtualRouter">Which router.</param>
/// <param name="From">Before.</param>
/// <param name="To">Now.</param>
public sealed record PriorityChanged(Instant At, string VirtualRouter, Priority From, Priority To) : VrrpNotification(At, VirtualRouter)
{
    /// <summary>What of the tracked things changes it now, as a clause; null if nothing does.</summary>
    public string? Detail { get; init; }
}

/// <summary>Advertisements or announcements could not be sent.</summary>
/// <param name="At">When.</param>
/// <param name="VirtualRouter">Which router.</param>
/// <param name="Error">The errno.</param>
/// <param name="Consecutive">Failures in a row.</param>
public sealed record SendFailed(Instant At, string VirtualRouter, int Error, int Consecutive) : VrrpNotification(At, VirtualRouter);

/// <summary>
/// <see cref="VirtualRouterConfig.AcceptMode"/> false cannot be kept: the router runs and its addresses answer, or it gave an address up
/// that may still be blocked. Told when the router starts or is reconfigured, and when the reason changes.
/// </summary>
/// <param name="At">When.</param>
/// <param name="VirtualRouter">Which router.</param>
/// <param name="Blocking">True when blocking, false when ending it.</param>
/// <param name="Reason">Why, as a clause.</param>
public sealed record AcceptModeUnenforced(Instant At, string VirtualRouter, bool Blocking, string Reason) : VrrpNotification(At, VirtualRouter);

/// <summary>The engine was not scheduled in time.</summary>
/// <param name="At">When it ran again.</param>
/// <param name="Lateness">By how much the earliest deadline was missed.</param>
public sealed record EngineStalled(Instant At, TimeSpan Lateness) : VrrpNotification(At, "");

/// <summary>Sockets for an interface could not be opened.</summary>
/// <param name="At">When.</param>
/// <param name="VirtualRouter">Which router.</param>
/// <param name="Interface">The interface.</param>
/// <param name="Message">The system's reason.</param>
public sealed record LinkUnusable(Instant At, string VirtualRouter, string Interface, string Message) : VrrpNotification(At, VirtualRouter);
