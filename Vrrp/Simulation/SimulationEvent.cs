namespace Vrrp.Simulation;

/// <summary>The kinds of <see cref="SimulationEvent"/>; an event is of one kind, a choice may be of several.</summary>
[Flags]
public enum SimulationEventKinds
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>Something was done to a node or to the LAN: a crash, a partition, an address taken away. The text says what.</summary>
    Intervention = 1,

    /// <summary>A virtual router changed its state. The notification is a <see cref="RouterTransition"/>.</summary>
    Transition = 2,

    /// <summary>A router or its engine told something else.</summary>
    Notification = 4,

    /// <summary>A router put an address on an interface.</summary>
    AddressInstalled = 8,

    /// <summary>A router took an address off.</summary>
    AddressRemoved = 16,

    /// <summary>An advertisement left a node; the address is where it goes.</summary>
    AdvertisementSent = 32,

    /// <summary>A gratuitous ARP or an unsolicited neighbour advertisement left a node.</summary>
    AnnouncementSent = 64,

    /// <summary>A packet reached the socket of a node. The peer is the sender.</summary>
    PacketDelivered = 128,

    /// <summary>A packet did not. The node is where it should have arrived; the text says why.</summary>
    PacketLost = 256,

    /// <summary>What an operator reads: everything but the packets.</summary>
    Timeline = Intervention | Transition | Notification | AddressInstalled | AddressRemoved,

    /// <summary>All that is sent, but not what becomes of it at each receiver.</summary>
    Sent = Timeline | AdvertisementSent | AnnouncementSent,

    /// <summary>Everything.</summary>
    All = Sent | PacketDelivered | PacketLost,
}

/// <summary>Something that happened on a <see cref="SimulatedLan"/>. Only the members of its kind mean anything.</summary>
public readonly struct SimulationEvent
{
    private readonly object? _what;

    internal SimulationEvent(
        Instant at,
        SimulationEventKinds kind,
        SimulatedNode? node,
        object? what = null,
        string? virtualRouter = null,
        SimulatedNode? peer = null,
        string? network = null,
        IPAddressValue address = default,
        byte virtualRouterId = 0,
        byte priority = 0)
    {
        At = at - SimulatedLan.Start;
        Kind = kind;
        Node = node;
        _what = what;
        VirtualRouter = virtualRouter ?? "";
        Peer = peer;
        Interface = network;
        Address = address;
        VirtualRouterIdOctet = virtualRouterId;
        PriorityOctet = priority;
    }

    /// <summary>When, as time since <see cref="SimulatedLan.Start"/>, cut to 100 ns.</summary>
    public TimeSpan At { get; }

    /// <summary>What kind of event it is: one.</summary>
    public SimulationEventKinds Kind { get; }

    /// <summary>The node it happened to or at; null when it is the LAN's.</summary>
    public SimulatedNode? Node { get; }

    /// <summary>The sender of a packet that was delivered or lost; null when it came from outside the simulation.</summary>
    public SimulatedNode? Peer { get; }

    /// <summary>Name of the virtual router; empty when it concerns none, or when it is not known to whom a packet belongs.</summary>
    public string VirtualRouter { get; }

    /// <summary>Name of the node's interface; null when it concerns none.</summary>
    public string? Interface { get; }

    /// <summary>An address that was installed, removed or announced; the destination of a packet.</summary>
    public IPAddressValue Address { get; }

    /// <summary>Second octet of a packet, its VRID if it is an advertisement; 0 if it is too short.</summary>
    public byte VirtualRouterIdOctet { get; }

    /// <summary>Third octet of a packet, its priority if it is an advertisement; 0 if it is too short.</summary>
    public byte PriorityOctet { get; }

    /// <summary>What was told, for transitions and notifications; its time is that of the node's own clock. Else null.</summary>
    public VrrpNotification? Notification => _what as VrrpNotification;

    /// <summary>The intervention, or why a packet was lost, as a clause. Else null.</summary>
    public string? Text => _what as string;
}

/// <summary>Called for an event as it happens, in the midst of a node's turn: look, and change nothing.</summary>
/// <param name="what">The event; valid during the call.</param>
public delegate void SimulationObserver(in SimulationEvent what);
