namespace Vrrp;

/// <summary>State of a virtual router on this host.</summary>
/// <remarks>RFC 9568 calls <see cref="Master"/> "Active"; everything operators use says Master.</remarks>
public enum VrrpState : byte
{
    /// <summary>Not taking part: not started, stopped, or holding its addresses for the successor while leaving. RFC 9568 §6.4.1.</summary>
    Initialize = 0,

    /// <summary>Listening to the Master, ready to replace it. RFC 9568 §6.4.2.</summary>
    Backup = 1,

    /// <summary>Holding the addresses and advertising. RFC 9568 §6.4.3.</summary>
    Master = 2,

    /// <summary>Unable to do the job (link down, no source address, address refused …); becomes Backup when that ends.</summary>
    Fault = 3,
}

/// <summary>Why a virtual router cannot take part. Several can hold at once; it leaves Fault when none does.</summary>
[Flags]
public enum VrrpFaults
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>There is no interface of the configured name.</summary>
    InterfaceMissing = 1,

    /// <summary>The interface is down or without carrier.</summary>
    LinkDown = 2,

    /// <summary>The interface has no address to advertise from.</summary>
    NoSourceAddress = 4,

    /// <summary>The kernel refused a virtual address. Retried after a while.</summary>
    AddressRefused = 8,

    /// <summary>A tracked interface without weight is down or missing.</summary>
    TrackedInterface = 16,

    /// <summary>Another member of the sync group is in Fault.</summary>
    SyncGroup = 32,

    /// <summary>Advertisements cannot be sent. Retried after a while.</summary>
    SendFailing = 64,

    /// <summary>Sockets for the interface could not be opened. Retried when the interface changes and after a while.</summary>
    LinkUnusable = 128,

    /// <summary>The program that uses the library said so.</summary>
    Declared = 256,

    /// <summary>Something that the program tracks for the router failed; see <see cref="TrackedState"/>.</summary>
    Tracked = 512,
}

/// <summary>Why a transition happened.</summary>
public enum TransitionReason : byte
{
    /// <summary>No transition, or none worth a reason.</summary>
    None,

    /// <summary>The router was started.</summary>
    Started,

    /// <summary>The router was stopped or removed.</summary>
    Stopped,

    /// <summary>This router owns the addresses (priority 255) and waits for nobody.</summary>
    AddressOwner,

    /// <summary>Nothing was heard of a Master for the master-down interval.</summary>
    MasterSilent,

    /// <summary>The Master left with priority 0.</summary>
    MasterLeft,

    /// <summary>The Master had a lower priority than this router.</summary>
    Preempted,

    /// <summary>A router of higher priority advertises.</summary>
    HigherPriorityHeard,

    /// <summary>A router of equal priority and higher address advertises.</summary>
    HigherAddressHeard,

    /// <summary>This process was stalled for so long that another router was elected meanwhile.</summary>
    ReplacedWhileStalled,

    /// <summary>A fault began.</summary>
    FaultBegan,

    /// <summary>The last fault ended.</summary>
    FaultEnded,

    /// <summary>The sync group moved and this member with it.</summary>
    SyncGroup,
}
