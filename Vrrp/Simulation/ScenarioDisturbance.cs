namespace Vrrp.Simulation;

/// <summary>What can happen in a <see cref="Scenario"/>. The summaries give the line of the text form that follows <c>at TIME</c>.</summary>
public enum ScenarioDisturbanceKind
{
    /// <summary><c>heal</c>: the LAN carries everything again, as it did at the start.</summary>
    Heal,

    /// <summary><c>loss 0.3</c>: that part of all packets is lost, by chance. <c>loss 0.3 A B</c>: of those from A to B.</summary>
    Loss,

    /// <summary><c>delay 20ms</c>: how long every packet travels; with <c>A B</c>, those from A to B.</summary>
    Delay,

    /// <summary><c>jitter 20ms</c>: how much longer it may travel, by chance; with <c>A B</c>, from A to B.</summary>
    Jitter,

    /// <summary><c>duplication 0.5</c>: that part of all packets arrives twice; with <c>A B</c>, of those from A to B.</summary>
    Duplication,

    /// <summary>
    /// <c>reordering 0.2 2s</c>: that part of all packets is held back for up to so long, by chance, and those that are sent meanwhile overtake
    /// them; with <c>A B</c>, of those from A to B.
    /// </summary>
    Reordering,

    /// <summary><c>cut A B</c>: what A sends does not reach B; the other direction is as it was.</summary>
    Cut,

    /// <summary><c>join A B</c>: what A sends reaches B again.</summary>
    Join,

    /// <summary><c>part A,B</c>: nothing passes between these nodes and all others.</summary>
    Part,

    /// <summary><c>crash A</c>: the process is killed, its kernel goes on. <c>crash A 3</c>: in the next turn that does as much, after three operations of the kernel.</summary>
    Crash,

    /// <summary><c>start A</c>: a new process with the routers that the old one was told of.</summary>
    Start,

    /// <summary><c>freeze A 3s</c>: the process is not scheduled; packets wait in its sockets.</summary>
    Freeze,

    /// <summary><c>clock A 0.9</c>: how fast its clock runs.</summary>
    Clock,

    /// <summary><c>down A</c>: its interface is shut down. <c>down A eth1</c>: the one that routers track.</summary>
    LinkDown,

    /// <summary><c>up A</c>, or <c>up A eth1</c>: it is up again.</summary>
    LinkUp,

    /// <summary><c>unplug A</c>: its interface loses the carrier.</summary>
    CableOut,

    /// <summary><c>plug A</c>: it has the carrier again.</summary>
    CableIn,

    /// <summary><c>remove A</c>: its interface vanishes, addresses and all.</summary>
    InterfaceRemoved,

    /// <summary><c>create A</c>: there is an interface of that name again, with the node's own addresses and another index.</summary>
    InterfaceCreated,

    /// <summary><c>refuse A</c>: its kernel refuses every virtual address. <c>refuse A 10.0.0.254</c>: that one.</summary>
    AddressesRefused,

    /// <summary><c>accept A</c>, or with an address: it takes them again.</summary>
    AddressesAccepted,

    /// <summary><c>take A 10.0.0.254</c>: someone removes an address from its interface.</summary>
    AddressTaken,

    /// <summary><c>give A 10.0.0.254</c>: someone else puts an address on its interface, virtual or not.</summary>
    AddressGiven,

    /// <summary><c>mute A</c>: its kernel takes no packet for sending.</summary>
    SendingFails,

    /// <summary><c>unmute A</c>: it takes them again.</summary>
    SendingWorks,

    /// <summary><c>priority A web 120</c>: the router is reconfigured to another priority.</summary>
    Priority,

    /// <summary><c>fault A web</c>: the program declares a fault.</summary>
    FaultDeclared,

    /// <summary><c>well A web</c>: the fault has ended.</summary>
    FaultEnded,

    /// <summary><c>leave A web</c>: the router is removed at once.</summary>
    Leave,

    /// <summary><c>handover A web</c>: the router is removed and answers until its successor is heard.</summary>
    HandOver,

    /// <summary><c>rejoin A web</c>: a removed router is added again.</summary>
    Rejoin,

    /// <summary><c>reconfigure A web interval 2s nopreempt</c>: a running router changes; words as in a router's line.</summary>
    Reconfigure,

    /// <summary><c>misconfigure A web vrid 52</c>: a change that has to be refused, and to change nothing.</summary>
    Misconfigure,

    /// <summary><c>malformed A web checksum</c>: a packet arrives that has to be dropped; the last word says what is wrong with it.</summary>
    Malformed,

    /// <summary><c>hold A</c>: its kernel refuses to take addresses off.</summary>
    RemovalsRefused,

    /// <summary><c>release A</c>: it takes them off again.</summary>
    RemovalsAccepted,

    /// <summary><c>lose-events A</c>: of what happened to its interfaces and addresses its process is told no more than that there was something.</summary>
    EventsLost,

    /// <summary><c>deny A</c>: its kernel refuses to open sockets; those that are open stay.</summary>
    SocketsRefused,

    /// <summary><c>allow A</c>: it opens them again.</summary>
    SocketsAccepted,

    /// <summary>
    /// <c>tracked A web -50</c>: what the program tracks for the router changes its priority by that much. <c>tracked A web 0 faulty</c>: something
    /// that must work does not; <c>pending</c>: it is not known yet, and the router does not begin before it is. It stays when a process ends.
    /// </summary>
    Tracked,
}

/// <summary>One thing that happens in a <see cref="Scenario"/>; only the members that its kind's line has mean anything.</summary>
public sealed record ScenarioDisturbance
{
    /// <summary>When, from the start of the run.</summary>
    public required TimeSpan At { get; init; }

    /// <summary>What.</summary>
    public required ScenarioDisturbanceKind Kind { get; init; }

    /// <summary>
    /// To which node; for <see cref="ScenarioDisturbanceKind.Part"/> several, with commas; for the conditions of one way the one that sends. Null
    /// for the whole LAN.
    /// </summary>
    public string? Node { get; init; }

    /// <summary>To which virtual router of it, or which other node.</summary>
    public string? Target { get; init; }

    /// <summary>A probability, a clock rate, a priority, a weight, or a number of operations.</summary>
    public double Value { get; init; }

    /// <summary>A delay, how long packets are held back, or the length of a freeze.</summary>
    public TimeSpan Duration { get; init; }

    /// <summary>An address, the second interface, the words of a configuration, what is wrong with a packet, or with what is tracked.</summary>
    public string? Words { get; init; }

    /// <summary>Whether <see cref="Target"/> is another node and not a virtual router.</summary>
    internal bool IsOfWay => Kind is ScenarioDisturbanceKind.Cut or ScenarioDisturbanceKind.Join or ScenarioDisturbanceKind.Loss or ScenarioDisturbanceKind.Delay
        or ScenarioDisturbanceKind.Jitter or ScenarioDisturbanceKind.Duplication or ScenarioDisturbanceKind.Reordering;

    /// <inheritdoc/>
    public override string ToString() => ScenarioText.Format(this);
}
