using System.Collections.Immutable;
using System.Globalization;
using Vrrp.Links;
using Vrrp.Linux;
using Vrrp.Packets;

namespace Vrrp.Simulation;

/// <summary>What sets a <see cref="SimulatedNode"/> apart from others.</summary>
public sealed record SimulatedNodeOptions
{
    /// <summary>Names of its interfaces; those of one name on different nodes are on one network. Default: eth0.</summary>
    public ImmutableArray<string> Interfaces { get; init; } = ["eth0"];

    /// <summary>What decides. Default: <see cref="VrrpStateMachine.Instance"/>.</summary>
    public IVrrpStateMachine StateMachine { get; init; } = VrrpStateMachine.Instance;

    /// <summary>What reads and writes packets. Default: <see cref="VrrpFrameCodec"/>.</summary>
    public IFrameCodec Codec { get; init; } = new VrrpFrameCodec();

    /// <summary>What the table of addresses is wrapped in; null: nothing.</summary>
    internal Func<IAddressTable, IAddressTable>? AddressTable { get; init; }

    /// <summary>Packets that a socket of it holds until they are read; more are lost. Default 4096, at least 1.</summary>
    public int SocketCapacity { get; init; } = 4096;
}

/// <summary>
/// One host on a <see cref="SimulatedLan"/>: a process with the engine in it, and the kernel it runs on, which goes on when the process
/// does not. All methods act at the present of the LAN; call them between runs, from scheduled actions or from
/// <see cref="SimulatedLan.TurnEnded"/>, but not from an observer.
/// </summary>
#pragma warning disable CA1001 // A simulated kernel has nothing to release.
public sealed class SimulatedNode : ISimulatedHost
#pragma warning restore CA1001
{
    private const long Million = 1_000_000;

    private readonly SimulatedNodeOptions _options;
    private readonly List<SimulatedRouter> _routers = [];
    private readonly OrderedDictionary<string, VirtualRouterConfig> _wanted = new(StringComparer.Ordinal);
    private VrrpEngine? _engine;
    private Instant? _frozenUntil;
    private Instant _clockSetAt = SimulatedLan.Start;
    private Instant _clockSetTo = SimulatedLan.Start;
    private long _clockRate = Million;
    private int _lastInterfaceIndex = 1;
    private bool _isChanged;

    internal SimulatedNode(SimulatedLan lan, string name, int index, SimulatedNodeOptions options)
    {
        if (options.Interfaces.IsDefaultOrEmpty)
            throw new ArgumentException("A node needs an interface.", nameof(options));
        ArgumentOutOfRangeException.ThrowIfLessThan(options.SocketCapacity, 1, nameof(options));
        Lan = lan;
        Name = name;
        Index = index;
        _options = options;
        Platform = new SimulatedPlatform(this, lan.Packets) { SocketCapacity = options.SocketCapacity, AddressTable = options.AddressTable };
    }

    /// <summary>The LAN it is on.</summary>
    public SimulatedLan Lan { get; }

    /// <summary>Its name.</summary>
    public string Name { get; }

    /// <summary>Number of the node on the LAN, from 0.</summary>
    public int Index { get; }

    /// <summary>Whether its process runs, frozen or not.</summary>
    public bool IsRunning => _engine is not null;

    /// <summary>Whether its process is stalled.</summary>
    public bool IsFrozen => _frozenUntil > Lan.Now;

    /// <summary>Whether its process runs and is not frozen.</summary>
    public bool CanAct => IsRunning && !IsFrozen;

    /// <summary>Its IPv4 address on its first interface; it stays the same when it is taken away for a time.</summary>
    public IPAddressValue Address { get; private set; }

    /// <summary>Its IPv6 link-local address on its first interface.</summary>
    public IPAddressValue LinkLocalAddress { get; private set; }

    /// <summary>Its virtual routers, in the order they were added. Empty while its process does not run.</summary>
    public IReadOnlyList<SimulatedRouter> Routers => _routers;

    /// <summary>Its counters that belong to no virtual router.</summary>
    /// <exception cref="InvalidOperationException">Its process does not run.</exception>
    public NodeCounters Counters => Engine.Counters;

    /// <summary>All addresses of its interfaces, those of its virtual routers included.</summary>
    public IEnumerable<InterfaceAddress> Addresses => Platform.Interfaces.SelectMany(at => at.Addresses);

    /// <summary>The present on its own monotonic clock.</summary>
    public Instant Clock => ToOwn(Lan.Now);

    /// <summary>
    /// How fast its clock runs, 1 being right: at 0.9 it thinks that 9 seconds have passed when it is 10, and its deadlines come late.
    /// 0.001 to 1000, kept to a millionth.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">It is out of range.</exception>
    public double ClockRate
    {
        get => (double)_clockRate / Million;
        set
        {
            if (value is not (>= 0.001 and <= 1000))
                throw new ArgumentOutOfRangeException(nameof(value), value, "A clock runs 0.001 to 1000 times as fast as time.");
            Lan.Intervene(this, string.Create(CultureInfo.InvariantCulture, $"its clock runs {value} times as fast as time"));
            (_clockSetTo, _clockSetAt) = (Clock, Lan.Now);
            _clockRate = (long)Math.Round(value * Million);
            Lan.Arm(this);
        }
    }

    /// <summary>Whether it can act and has done what a process does when it runs again.</summary>
    internal bool IsAwake => IsRunning && _frozenUntil is null;

    /// <summary>When the node is to be looked at next, at the latest.</summary>
    internal Instant NextWake => _engine is null ? Instant.Never : _frozenUntil ?? ToLan(_engine.NextDeadline);

    /// <summary>Deadline of the live entry among the wake-ups of the LAN.</summary>
    internal Instant ArmedAt { get; set; } = Instant.Never;

    /// <summary>Whether it has a turn in the round to come.</summary>
    internal bool IsReady { get; set; }

    internal SimulatedPlatform Platform { get; }

    internal VrrpEngine Engine => _engine ?? throw new InvalidOperationException($"The process of {Name} does not run.");

    /// <summary>Called with all that its engine tells.</summary>
    internal Action<VrrpNotification>? Told { get; set; }

    /// <summary>Finds a virtual router.</summary>
    /// <param name="name">Its name.</param>
    /// <returns>The router.</returns>
    /// <exception cref="ArgumentException">There is none of that name.</exception>
    public SimulatedRouter Router(string name) =>
        Find(name) ?? throw new ArgumentException($"{Name} has no virtual router named '{name}'.", nameof(name));

    /// <summary>Whether an address is on one of its interfaces, whoever put it there.</summary>
    /// <param name="address">The address.</param>
    /// <returns>True if it is.</returns>
    public bool HasAddress(IPAddressValue address) => Platform.Has(address);

    /// <summary>Adds a virtual router and starts it.</summary>
    /// <param name="config">What to run.</param>
    /// <param name="delay">Time on the node's clock until it takes part.</param>
    /// <returns>The router.</returns>
    /// <exception cref="ArgumentException">The configuration contradicts itself, or its name or VRID is taken.</exception>
    /// <exception cref="InvalidOperationException">The node cannot act.</exception>
    public SimulatedRouter Add(VirtualRouterConfig config, TimeSpan delay = default) => Add(config, default, delay);

    /// <summary>Adds a virtual router with what is tracked for it from its first moment on, and starts it.</summary>
    /// <param name="config">What to run.</param>
    /// <param name="tracked">Weight and fault; a restarted process begins without.</param>
    /// <param name="delay">Time on the node's clock until it takes part.</param>
    /// <returns>The router.</returns>
    /// <exception cref="ArgumentException">The configuration contradicts itself, or its name or VRID is taken.</exception>
    /// <exception cref="InvalidOperationException">The node cannot act.</exception>
    public SimulatedRouter Add(VirtualRouterConfig config, TrackedState tracked, TimeSpan delay = default)
    {
        ThrowIfInvalid(config);
        ArgumentOutOfRangeException.ThrowIfLessThan(delay, TimeSpan.Zero);
        SimulatedRouter? added = null;
        Command("is added", config.Name, (engine, now) =>
        {
            added = Add(engine, config, now + delay, now, tracked);
            _wanted[config.Name] = config;
        });
        return added!;
    }

    /// <summary>Stops a virtual router and removes it.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="handOver">Whether a Master goes on answering for its addresses until its successor is heard.</param>
    /// <exception cref="ArgumentException">There is none of that name.</exception>
    /// <exception cref="InvalidOperationException">The node cannot act.</exception>
    public void Remove(string name, bool handOver = true)
    {
        var router = Acting().Router(name);
        Command(handOver ? "is removed" : "is removed at once", name, (engine, now) => Remove(engine, router, handOver, now));
        _wanted.Remove(name);
    }

    /// <summary>Changes a running virtual router without a transition.</summary>
    /// <param name="name">Its present name.</param>
    /// <param name="config">What it is to become.</param>
    /// <exception cref="ArgumentException">There is none of that name, or what must stay would change; see <see cref="VrrpNode.CanReconfigure"/>.</exception>
    /// <exception cref="InvalidOperationException">The node cannot act.</exception>
    public void Reconfigure(string name, VirtualRouterConfig config)
    {
        ThrowIfInvalid(config);
        var router = Acting().Router(name);
        Command("is reconfigured", name, (engine, now) =>
        {
            engine.Reconfigure(name, config, now);
            Lan.History.Add(router.Key, config);
        });
        int place = _wanted.IndexOf(name);
        if (place >= 0)
        {
            _wanted.RemoveAt(place);
            _wanted.Insert(place, config.Name, config);
        }
    }

    /// <summary>Changes the priority of a virtual router, as a tracker does. A restarted process begins with the configured one again.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="priority">The new one, 1 to 254.</param>
    /// <exception cref="ArgumentException">There is none of that name, or it is or would be the owner of its addresses.</exception>
    /// <exception cref="InvalidOperationException">The node cannot act.</exception>
    public void SetPriority(string name, Priority priority)
    {
        var config = Acting().Router(name).Config with { Priority = priority };
        ThrowIfInvalid(config);
        Command($"is given priority {priority}", name, (engine, now) => engine.Reconfigure(name, config, now));
    }

    /// <summary>Declares that this host cannot serve the addresses of a virtual router, or that it can again.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="isFaulty">True puts it in Fault.</param>
    /// <param name="detail">Why, for the transition's detail.</param>
    /// <exception cref="ArgumentException">There is none of that name.</exception>
    /// <exception cref="InvalidOperationException">The node cannot act.</exception>
    public void DeclareFault(string name, bool isFaulty, string? detail = null)
    {
        Acting().Router(name);
        Command(isFaulty ? "is declared faulty" : "is declared sound", name, (engine, now) => engine.Declare(name, isFaulty, detail, now));
    }

    /// <summary>Says what the program on this node tracks for a virtual router, as <see cref="VrrpNode.SetTrackedAsync"/> does.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="tracked">The sum of all that is tracked.</param>
    /// <exception cref="ArgumentException">There is none of that name.</exception>
    /// <exception cref="InvalidOperationException">The node cannot act.</exception>
    public void SetTracked(string name, TrackedState tracked)
    {
        Acting().Router(name);
        Command(
            tracked.IsFaulty ? "tracks a failure" : FormattableString.Invariant($"is tracked with {tracked.Weight:+0;-0;0}"), name,
            (engine, now) => engine.SetTracked(name, tracked, now));
    }

    /// <summary>Leaves gracefully: all virtual routers stop, then the process ends. Asking again without hand-over ends the hand-over.</summary>
    /// <param name="handOver">Whether Masters answer for their addresses until a successor is heard.</param>
    /// <exception cref="InvalidOperationException">The node cannot act.</exception>
    public void Stop(bool handOver = true) => Command(handOver ? "stops" : "stops at once", null, (engine, now) =>
    {
        engine.IsStopping = true;
        foreach (var router in _routers.ToArray())
            Remove(engine, router, handOver, now);
    });

    /// <summary>The process is killed. The kernel goes on: the addresses that it held stay, and are answered for.</summary>
    /// <exception cref="InvalidOperationException">The process does not run.</exception>
    public void Crash()
    {
        _ = Engine;
        Lan.Intervene(this, "crashes");
        EndProcess();
    }

    /// <summary>As <see cref="VrrpNode.RemoveLeftBehindAsync"/>.</summary>
    internal void RemoveLeftBehind(VirtualAddress[] recorded) =>
        Command("removes what a record names", null, (engine, now) => engine.RemoveRecorded(recorded, now));

    /// <summary>The process is killed in its first turn of more operations of the kernel than so many, after as many; null: it is not after all.</summary>
    internal void CrashAfter(int? operations) => Platform.CrashAfter = operations;

    /// <summary>The host goes dark: process, kernel and the addresses of virtual routers.</summary>
    public void PowerOff()
    {
        Lan.Intervene(this, "loses power");
        if (IsRunning)
            EndProcess();
        foreach (var at in Platform.Interfaces)
            Platform.TakeAway(at, address => address.IsOurs);
        Platform.Blocked.Clear();
    }

    /// <summary>Starts a fresh process after a crash, a stop or a power failure. What is left in the kernel it finds.</summary>
    /// <param name="withRouters">Whether it runs the virtual routers that the process before was to run, as they were configured last.</param>
    /// <exception cref="InvalidOperationException">The process runs.</exception>
    public void Restart(bool withRouters = true)
    {
        if (IsRunning)
            throw new InvalidOperationException($"The process of {Name} runs.");
        Lan.Intervene(this, "restarts");
        Boot();
        if (!withRouters)
            _wanted.Clear();
        Turn((engine, now) =>
        {
            foreach (var config in _wanted.Values)
                Add(engine, config, now, now);
        });
    }

    /// <summary>
    /// The process is not scheduled; the kernel goes on, and packets wait in the sockets. Of one that is frozen already the end is set anew.
    /// </summary>
    /// <param name="duration">How long, more than zero.</param>
    /// <exception cref="ArgumentOutOfRangeException">The duration is not positive.</exception>
    /// <exception cref="InvalidOperationException">The process does not run.</exception>
    public void Freeze(TimeSpan duration)
    {
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(duration, TimeSpan.Zero);
        _ = Engine;
        Lan.Intervene(this, $"freezes for {SimulationTrace.Describe(duration)}");
        _frozenUntil = SimulatedLan.After(Lan.Now, duration);
        UpdateHistory();
        Lan.Arm(this);
    }

    /// <summary>Ends a freeze at once; without one nothing happens.</summary>
    public void Thaw()
    {
        Lan.ThrowIfTurning();
        if (_frozenUntil is null)
            return;
        _frozenUntil = Lan.Now;
        UpdateHistory();
        Lan.MakeReady(this);
    }

    /// <summary>Adds an interface that is up, with an IPv4 and an IPv6 link-local address; also one that was removed, which has a new index then.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="network">The network it is plugged in; null: the one of its name.</param>
    /// <param name="hasAddresses">Whether it has the two addresses.</param>
    /// <exception cref="ArgumentException">The name is empty or taken.</exception>
    public void AddInterface(string name, string? network = null, bool hasAddresses = true)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        if (Platform.Find(name) is not null)
            throw new ArgumentException($"{Name} has an interface {name} already.", nameof(name));
        Lan.Intervene(this, $"interface {name} appears");
        Plug(name, network, hasAddresses);
    }

    /// <summary>Removes an interface and what is on it.</summary>
    /// <param name="name">Its name.</param>
    /// <exception cref="ArgumentException">There is none of that name.</exception>
    public void RemoveInterface(string name)
    {
        var at = Platform.Interface(name);
        Lan.Intervene(this, $"interface {name} is removed");
        at.Port!.Interface = null;
        Platform.RemoveInterface(at);
    }

    /// <summary>Sets an interface up or down. Down, it can send nothing and loses its IPv6 addresses; up, it has the link-local one again.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="isUp">Up or down.</param>
    /// <exception cref="ArgumentException">There is none of that name.</exception>
    public void SetLink(string name, bool isUp)
    {
        var at = Platform.Interface(name);
        Lan.Intervene(this, $"interface {name} is set {(isUp ? "up" : "down")}");
        if (at.IsEnabled == isUp)
            return;
        at.IsEnabled = isUp;
        if (!isUp)
            Platform.TakeAway(at, address => address.Address.Family == IPFamily.IPv6);
        else if (!at.Has(at.Port!.LinkLocalAddress))
            Platform.AddAddress(at, at.Port!.LinkLocalAddress, 64);
        Platform.UpdateState(at);
    }

    /// <summary>Pulls the cable of an interface or plugs it in. Without, packets leave and are lost.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="isConnected">In or out.</param>
    /// <exception cref="ArgumentException">There is none of that name.</exception>
    public void SetCable(string name, bool isConnected)
    {
        var at = Platform.Interface(name);
        Lan.Intervene(this, $"the cable of {name} is {(isConnected ? "plugged in" : "pulled")}");
        at.HasCarrier = isConnected;
        Platform.UpdateState(at);
    }

    /// <summary>Someone else puts an address on an interface.</summary>
    /// <param name="interfaceName">The interface.</param>
    /// <param name="address">The address.</param>
    /// <param name="prefixLength">Its prefix length; null: the whole address.</param>
    /// <exception cref="ArgumentException">There is no such interface, or the address is on it already.</exception>
    public void AddAddress(string interfaceName, IPAddressValue address, byte? prefixLength = null)
    {
        var at = Platform.Interface(interfaceName);
        if (at.Has(address))
            throw new ArgumentException($"{address} is on {interfaceName} already.", nameof(address));
        Lan.Intervene(this, $"someone puts {address} on {interfaceName}");
        Platform.AddAddress(at, address, prefixLength ?? (byte)(address.Length * 8));
    }

    /// <summary>Someone else takes an address off.</summary>
    /// <param name="address">The address.</param>
    /// <exception cref="ArgumentException">It is on no interface.</exception>
    public void TakeAddressAway(IPAddressValue address)
    {
        if (!HasAddress(address))
            throw new ArgumentException($"{address} is on no interface of {Name}.", nameof(address));
        Lan.Intervene(this, $"someone takes {address} away");
        Platform.TakeAway(address);
    }

    /// <summary>From now on the kernel refuses to install an address.</summary>
    /// <param name="address">The address.</param>
    /// <param name="error">The errno it gives. Default EADDRNOTAVAIL.</param>
    /// <exception cref="ArgumentOutOfRangeException">The errno is not positive.</exception>
    public void RefuseAddress(IPAddressValue address, int error = Errno.EADDRNOTAVAIL)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(error, 1);
        Lan.Intervene(this, $"its kernel will refuse {address}");
        Platform.Refuse(address, error);
    }

    /// <summary>Ends <see cref="RefuseAddress"/>.</summary>
    /// <param name="address">The address.</param>
    public void AcceptAddress(IPAddressValue address)
    {
        Lan.Intervene(this, $"its kernel will accept {address}");
        Platform.Refuse(address, 0);
    }

    /// <summary>From now on the kernel takes no packet from it.</summary>
    /// <param name="error">The errno it gives. Default ENOBUFS.</param>
    /// <exception cref="ArgumentOutOfRangeException">The errno is not positive.</exception>
    public void FailSending(int error = Errno.ENOBUFS)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(error, 1);
        Lan.Intervene(this, $"its kernel will take no packet (errno {error})");
        Platform.AdvertisementError = Platform.FrameError = error;
    }

    /// <summary>Ends <see cref="FailSending"/>.</summary>
    public void RestoreSending()
    {
        Lan.Intervene(this, "its kernel will take packets");
        Platform.AdvertisementError = Platform.FrameError = 0;
    }

    /// <summary>From now on the kernel refuses to take any address off.</summary>
    /// <param name="error">The errno it gives. Default EPERM.</param>
    /// <exception cref="ArgumentOutOfRangeException">The errno is not positive.</exception>
    public void RefuseRemovals(int error = Errno.EPERM)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(error, 1);
        Lan.Intervene(this, $"its kernel will take no address off (errno {error})");
        Platform.RemovalError = error;
    }

    /// <summary>Ends <see cref="RefuseRemovals"/>.</summary>
    public void AcceptRemovals()
    {
        Lan.Intervene(this, "its kernel will take addresses off");
        Platform.RemovalError = 0;
    }

    /// <summary>From now on the kernel opens no socket; those that are open stay.</summary>
    /// <param name="error">The errno it gives. Default EPERM.</param>
    /// <exception cref="ArgumentOutOfRangeException">The errno is not positive.</exception>
    public void RefuseSockets(int error = Errno.EPERM)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(error, 1);
        Lan.Intervene(this, $"its kernel will open no socket (errno {error})");
        Platform.OpenError = error;
    }

    /// <summary>Ends <see cref="RefuseSockets"/>.</summary>
    public void AcceptSockets()
    {
        Lan.Intervene(this, "its kernel will open sockets");
        Platform.OpenError = 0;
    }

    /// <summary>
    /// The queue of what the kernel tells about interfaces and addresses overflows: what is in it is gone, and the process, told that there was
    /// something, lists what there is.
    /// </summary>
    /// <exception cref="InvalidOperationException">The process does not run.</exception>
    public void LoseEvents()
    {
        _ = Engine;
        Lan.Intervene(this, "events of its kernel are lost");
        Platform.LoseEvents();
    }

    /// <summary>
    /// A packet of protocol 112 from outside the simulation reaches the socket of an interface now, whatever it contains and whatever groups
    /// were joined. It is lost when the interface is down or nobody listens on it.
    /// </summary>
    /// <param name="interfaceName">The interface.</param>
    /// <param name="source">Source address; its family is that of the packet.</param>
    /// <param name="destination">Destination address, of the same family.</param>
    /// <param name="message">The VRRP message.</param>
    /// <param name="hopLimit">TTL or hop limit.</param>
    /// <exception cref="ArgumentException">There is no such interface, or the addresses are not of one family.</exception>
    public void Inject(
        string interfaceName, IPAddressValue source, IPAddressValue destination, ReadOnlySpan<byte> message, int hopLimit = 255)
    {
        var at = Platform.Interface(interfaceName);
        if (source.IsNone || source.Family != destination.Family)
            throw new ArgumentException("Source and destination are of one family.", nameof(destination));
        Lan.ThrowIfTurning();
        var packet = Lan.Packets.Rent();
        packet.Sender = null;
        packet.Family = source.Family;
        packet.Source = source;
        packet.Destination = destination;
        packet.HopLimit = hopLimit;
        packet.Message = message;
        packet.VirtualRouter = "";
        Lan.Arrive(at.Port!, packet, isForJoined: false);
        Lan.Packets.Release(packet);
    }

    /// <inheritdoc/>
    public override string ToString() => Name;

    void ISimulatedHost.Wake()
    {
        if (_engine is not null)
            Lan.MakeReady(this);
    }

    string ISimulatedHost.NameOf(int token) => Engine.Find(token)?.Config.Name ?? "";

    void ISimulatedHost.Sent(SimulatedInterface at, SimulatedPacket packet)
    {
        packet.Sender = this;
        if (Lan.Wants(SimulationEventKinds.AdvertisementSent))
        {
            Lan.Note(new(
                Lan.Now, SimulationEventKinds.AdvertisementSent, this, null, packet.VirtualRouter, null, at.Facts.Name, packet.Destination,
                packet.Octet(1), packet.Octet(2)));
        }

        if (at.Port is { } port)
            Lan.Transmit(port, packet);
    }

    void ISimulatedHost.Announced(SimulatedInterface at, IPAddressValue address, string virtualRouter) =>
        NoteAddress(SimulationEventKinds.AnnouncementSent, at, address, virtualRouter);

    void ISimulatedHost.Installed(SimulatedInterface at, in InterfaceAddress address) =>
        NoteAddress(SimulationEventKinds.AddressInstalled, at, address.Address, null);

    void ISimulatedHost.Removed(SimulatedInterface at, in InterfaceAddress address) =>
        NoteAddress(SimulationEventKinds.AddressRemoved, at, address.Address, null);

    /// <summary>Called when it is one of the LAN's nodes.</summary>
    internal void Begin()
    {
        foreach (string name in _options.Interfaces)
            Plug(name, null, hasAddresses: true);
        Address = Platform.Interfaces[0].Port!.Address;
        LinkLocalAddress = Platform.Interfaces[0].Port!.LinkLocalAddress;
        Boot();
    }

    /// <summary>A turn in which it reads what waits and acts on what is due, if it can.</summary>
    internal void Turn()
    {
        if (_engine is null || IsFrozen)
            return;
        if (_frozenUntil is not null)
        {
            Lan.Intervene(this, "runs again");
            _frozenUntil = null;
            _isChanged = true;
        }

        Turn(null);
    }

    /// <summary>A turn with something in it that the public methods have no word for.</summary>
    internal void Do(Action<VrrpEngine, Instant> command) => Acting().Turn(command);

    private static void ThrowIfInvalid(VirtualRouterConfig config)
    {
        ArgumentNullException.ThrowIfNull(config);
        var problems = config.Validate();
        if (problems.Count > 0)
            throw new ArgumentException(string.Join(' ', problems), nameof(config));
    }

    private SimulatedRouter? Find(string name)
    {
        foreach (var router in _routers)
        {
            if (router.Name == name)
                return router;
        }

        return null;
    }

    /// <summary>What a program around the engine asks of it; the engine's thread does it in a turn.</summary>
    private void Command(string text, string? virtualRouter, Action<VrrpEngine, Instant> command)
    {
        Acting().Lan.Intervene(this, text, virtualRouter);
        Turn(command);
    }

    /// <summary>This node, if its process can do what it is asked to.</summary>
    private SimulatedNode Acting()
    {
        _ = Engine;
        return IsFrozen ? throw new InvalidOperationException($"The process of {Name} is frozen.") : this;
    }

    private void Turn(Action<VrrpEngine, Instant>? command)
    {
        var engine = Engine;
        Platform.Operations = 0;
        Lan.Turning = this;
        try
        {
            var now = Clock;
            engine.BeginTurn(now);
            if (Platform.HasEvents)
                engine.ReceiveInterfaces();
            var links = Platform.Links;
            for (int i = 0; i < links.Count; i++)
            {
                if (links[i].WaitingCount > 0)
                    engine.Receive(links[i]);
            }

            try
            {
                command?.Invoke(engine, now);
            }
            catch (Exception exception) when (exception is not SimulatedCrashException)
            {
                engine.EndTurn();
                throw;
            }

            engine.EndTurn();
        }
        catch (SimulatedCrashException)
        {
            Lan.Turning = null;
            Lan.Intervene(this, "crashes in the midst of a turn");
            EndProcess();
            Lan.CountTurn(this);
            return;
        }
        finally
        {
            Lan.Turning = null;
        }

        AfterTurn(engine);
    }

    private void AfterTurn(VrrpEngine engine)
    {
        if (engine.IsStopping && engine.RouterCount == 0)
        {
            engine.Dispose();
            EndProcess();
        }
        else
        {
            if (_isChanged)
                UpdateHistory();
            Lan.Arm(this);
            // More came in than one turn reads.
            foreach (var link in Platform.Links)
            {
                if (link.WaitingCount > 0)
                    Lan.MakeReady(this);
            }
        }

        Lan.CountTurn(this);
    }

    private SimulatedRouter Add(VrrpEngine engine, VirtualRouterConfig config, Instant startAt, Instant now, TrackedState tracked = default)
    {
        engine.Add(config, startAt, now, tracked);
        string network = Platform.Find(config.Interface)?.Port?.Network.Name ?? config.Interface;
        var router = new SimulatedRouter(this, engine.Find(config.Name)!, network);
        Lan.History.Add(router.Key, config);
        _routers.Add(router);
        _isChanged = true;
        return router;
    }

    private void Remove(VrrpEngine engine, SimulatedRouter router, bool handOver, Instant now) => engine.Remove(
        router.Name,
        handOver,
        () =>
        {
            router.IsGone = true;
            Lan.History.Update(router, Lan.Now);
            _routers.Remove(router);
        },
        now);

    private void Boot()
    {
        _engine = new VrrpEngine(Platform, _options.Codec, _options.StateMachine, Tell);
        _engine.Start(Clock);
    }

    /// <summary>What the kernel does when a process is gone, for whatever reason.</summary>
    private void EndProcess()
    {
        Platform.CloseAll();
        Platform.CrashAfter = null;
        _engine = null;
        _frozenUntil = null;
        foreach (var router in _routers)
        {
            router.IsGone = true;
            Lan.History.Update(router, Lan.Now);
        }

        _routers.Clear();
    }

    private void UpdateHistory()
    {
        _isChanged = false;
        foreach (var router in _routers)
            Lan.History.Update(router, Lan.Now);
    }

    private void Tell(VrrpNotification notification)
    {
        var kind = notification is RouterTransition ? SimulationEventKinds.Transition : SimulationEventKinds.Notification;
        _isChanged |= kind == SimulationEventKinds.Transition;
        Told?.Invoke(notification);
        if (Lan.Wants(kind))
            Lan.Note(new(Lan.Now, kind, this, notification, notification.VirtualRouter));
    }

    private void NoteAddress(SimulationEventKinds kind, SimulatedInterface at, IPAddressValue address, string? virtualRouter)
    {
        if (Lan.Wants(kind))
            Lan.Note(new(Lan.Now, kind, this, null, virtualRouter, null, at.Facts.Name, address));
    }

    private void Plug(string name, string? network, bool hasAddresses)
    {
        var port = Lan.Network(network ?? name).Plug(this, name);
        var at = Platform.AddInterface(++_lastInterfaceIndex, name, port.MacAddress);
        at.Port = port;
        port.Interface = at;
        if (!hasAddresses)
            return;
        Platform.AddAddress(at, port.Address, 16);
        Platform.AddAddress(at, port.LinkLocalAddress, 64);
    }

    /// <summary>A moment of the LAN on the node's clock.</summary>
    private Instant ToOwn(Instant at)
    {
        long passed = at.Nanoseconds - _clockSetAt.Nanoseconds;
        return _clockSetTo.AddNanoseconds(
            _clockRate == Million ? passed : (passed / Million * _clockRate) + (passed % Million * _clockRate / Million));
    }

    /// <summary>The first moment of the LAN at which the node's clock has come to a deadline.</summary>
    private Instant ToLan(Instant deadline)
    {
        if (deadline.IsNever)
            return deadline;
        long ahead = deadline.Nanoseconds - _clockSetTo.Nanoseconds;
        if (_clockRate == Million || ahead <= 0)
            return _clockSetAt.AddNanoseconds(ahead);
        // On a slow clock what is centuries away never comes.
        if (ahead / _clockRate >= (long.MaxValue - _clockSetAt.Nanoseconds) / Million)
            return Instant.Never;
        long rest = ahead % _clockRate * Million;
        return _clockSetAt.AddNanoseconds((ahead / _clockRate * Million) + (rest / _clockRate) + (rest % _clockRate == 0 ? 0 : 1));
    }
}
