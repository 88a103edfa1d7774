using System.Globalization;
using System.Numerics;

namespace Vrrp.Simulation;

/// <summary>
/// Nodes on a LAN in virtual time: each runs the engine that <see cref="VrrpNode"/> runs, on a kernel that is simulated. There is no
/// thread, no clock and no socket in it; hours pass in a second, and the same seed gives the same run, event by event.
/// </summary>
/// <remarks>
/// What happens at one instant happens in rounds. First all that was scheduled for it or arrives at it, in the order it was scheduled or
/// sent; then each node that has something to do has one turn, in the order the nodes were added. What that causes at the same instant is
/// the next round. Not safe for use by several threads at a time; several LANs are independent.
/// </remarks>
/// <example>
/// <code>
/// var lan = new SimulatedLan(seed: 1);
/// var (a, b) = (lan.AddNode("a"), lan.AddNode("b"));
/// var config = new VirtualRouterConfig
/// {
///     Name = "web", Interface = "eth0", VirtualRouterId = new(51),
///     VirtualAddresses = [VirtualAddress.Host(IPAddressValue.Parse("10.0.0.254"))],
/// };
/// a.Add(config with { Priority = new(200) });
/// b.Add(config);
/// lan.Schedule(TimeSpan.FromSeconds(60), a.Crash);
/// lan.Run(TimeSpan.FromSeconds(120));
/// SimulationAssertions.ExactlyOneMaster(lan, new(51));
/// Console.WriteLine(lan.Trace);
/// </code>
/// </example>
public sealed class SimulatedLan
{
    /// <summary>Rounds at one instant from which something runs in a circle.</summary>
    private const int RoundLimit = 10_000;

    private readonly EventQueue _events = new();
    private readonly DeadlineQueue _wakes = new();
    private readonly List<SimulatedNode> _nodes = [];
    private readonly List<SimulatedNetwork> _networks = [];
    private readonly Stack<SimulatedDelivery> _freeDeliveries = new();
    private readonly SeededRandom _chance;
    private Observation[] _observations = [];
    private SimulationEventKinds _observed;
    private List<SimulatedNode> _ready = [];
    private List<SimulatedNode> _turns = [];
    private LinkState[] _links = [];
    private int _linkStride;
    private LinkConditions _conditions = LinkConditions.Ideal;
    private bool _isRunning;

    /// <summary>Makes a LAN without nodes.</summary>
    /// <param name="seed">Decides all that is left to chance.</param>
    public SimulatedLan(long seed = 0)
    {
        Seed = seed;
        _chance = new SeededRandom(seed);
        Random = new SeededRandom((long)new SeededRandom(~seed).NextBits());
        Trace = new SimulationTrace();
    }

    /// <summary>The moment at which every simulation starts.</summary>
    public static Instant Start { get; } = new(1_000_000_000_000);

    /// <summary>The seed.</summary>
    public long Seed { get; }

    /// <summary>Chance for the program around the LAN, from the same seed; drawing from it changes nothing about what the LAN draws.</summary>
    public SeededRandom Random { get; }

    /// <summary>The present, on the clock of the LAN.</summary>
    public Instant Now { get; private set; } = Start;

    /// <summary>Time since <see cref="Start"/>, cut to 100 ns.</summary>
    public TimeSpan Elapsed => Now - Start;

    /// <summary>Nodes in the order they were added.</summary>
    public IReadOnlyList<SimulatedNode> Nodes => _nodes;

    /// <summary>What happened.</summary>
    public SimulationTrace Trace { get; }

    /// <summary>Turns of nodes so far.</summary>
    public long TurnCount { get; private set; }

    /// <summary>What every way does to packets that has no conditions of its own. Default <see cref="LinkConditions.Ideal"/>.</summary>
    public LinkConditions Conditions
    {
        get => _conditions;
        set
        {
            ArgumentNullException.ThrowIfNull(value);
            Intervene(null, $"every way: {Describe(value)}");
            _conditions = value;
        }
    }

    /// <summary>
    /// Called after each turn of a node, with the node: the place for checks. It may do to the LAN and its nodes what a scheduled action may.
    /// </summary>
    public event Action<SimulatedNode>? TurnEnded;

    internal MasterHistory History { get; } = new();

    internal SimulatedPacketPool Packets { get; } = new();

    /// <summary>Called for each packet that leaves a node, before it is on its way.</summary>
    internal Action<SimulatedNode, SimulatedPacket>? Sniffer { get; set; }

    /// <summary>The node that has its turn; null between turns.</summary>
    internal SimulatedNode? Turning { get; set; }

    /// <summary>
    /// Adds a node whose process runs and has no virtual router yet. Its first interface, eth0, has 10.0.0.N and fe80::N, with N the number of
    /// the node on the network.
    /// </summary>
    /// <param name="name">A name for the trace; unique on the LAN.</param>
    /// <param name="options">What sets it apart; null for the defaults.</param>
    /// <returns>The node.</returns>
    /// <exception cref="ArgumentException">The name is empty or taken.</exception>
    public SimulatedNode AddNode(string name, SimulatedNodeOptions? options = null)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        ThrowIfTurning();
        if (_nodes.Exists(node => node.Name == name))
            throw new ArgumentException($"There is a node named '{name}' already.", nameof(name));
        var node = new SimulatedNode(this, name, _nodes.Count, options ?? new());
        _nodes.Add(node);
        if (_nodes.Count > _linkStride)
            GrowLinks();
        node.Begin();
        return node;
    }

    /// <summary>Finds a node.</summary>
    /// <param name="name">Its name.</param>
    /// <returns>The node.</returns>
    /// <exception cref="ArgumentException">There is none of that name.</exception>
    public SimulatedNode Node(string name) =>
        _nodes.Find(node => node.Name == name) ?? throw new ArgumentException($"There is no node named '{name}'.", nameof(name));

    /// <summary>Gives the way from one node to another conditions of its own; the way back keeps its.</summary>
    /// <param name="from">The sender.</param>
    /// <param name="to">The receiver.</param>
    /// <param name="conditions">The conditions; null: those of the LAN again.</param>
    /// <exception cref="ArgumentException">A node is of another LAN, or it is twice the same one.</exception>
    public void SetConditions(SimulatedNode from, SimulatedNode to, LinkConditions? conditions)
    {
        ref var link = ref Link(from, to);
        Intervene(null, $"{from.Name} to {to.Name}: {(conditions is null ? "like every way" : Describe(conditions))}");
        link.Conditions = conditions;
    }

    /// <summary>From now on nothing that one node sends reaches another. The way back stays as it is.</summary>
    /// <param name="from">The sender.</param>
    /// <param name="to">The receiver.</param>
    /// <exception cref="ArgumentException">A node is of another LAN, or it is twice the same one.</exception>
    public void Cut(SimulatedNode from, SimulatedNode to)
    {
        ref var link = ref Link(from, to);
        Intervene(null, $"{from.Name} no longer reaches {to.Name}");
        link.IsCut = true;
    }

    /// <summary>Ends a <see cref="Cut"/>, or the part of a <see cref="Partition"/> that it is.</summary>
    /// <param name="from">The sender.</param>
    /// <param name="to">The receiver.</param>
    /// <exception cref="ArgumentException">A node is of another LAN, or it is twice the same one.</exception>
    public void Mend(SimulatedNode from, SimulatedNode to)
    {
        ref var link = ref Link(from, to);
        Intervene(null, $"{from.Name} reaches {to.Name} again");
        link.IsCut = false;
    }

    /// <summary>Cuts every way between some nodes and all others, in both directions.</summary>
    /// <param name="side">The nodes of one side.</param>
    /// <exception cref="ArgumentException">A node is of another LAN.</exception>
    public void Partition(params IReadOnlyList<SimulatedNode> side)
    {
        ArgumentNullException.ThrowIfNull(side);
        foreach (var node in side)
            ThrowIfForeign(node);
        Intervene(null, $"partition: {Join(_nodes.Where(side.Contains))} | {Join(_nodes.Where(node => !side.Contains(node)))}");
        foreach (var one in side)
        {
            foreach (var other in _nodes)
            {
                if (side.Contains(other))
                    continue;
                Link(one, other).IsCut = true;
                Link(other, one).IsCut = true;
            }
        }

        static string Join(IEnumerable<SimulatedNode> nodes) => string.Join(", ", nodes.Select(node => node.Name));
    }

    /// <summary>Ends every cut and partition. Conditions, cables and links stay as they are.</summary>
    public void Heal()
    {
        Intervene(null, "the partitions heal");
        foreach (ref var link in _links.AsSpan())
            link.IsCut = false;
    }

    /// <summary>Calls an action when its time comes, before the nodes have their turns of that instant.</summary>
    /// <param name="at">Time since <see cref="Start"/>.</param>
    /// <param name="action">What to do.</param>
    /// <exception cref="ArgumentOutOfRangeException">The time is past.</exception>
    public void Schedule(TimeSpan at, Action action) => Schedule(At(at), action);

    /// <summary>Lets time pass, with all that happens in it.</summary>
    /// <param name="duration">How long; of what is centuries away nothing happens.</param>
    /// <exception cref="ArgumentOutOfRangeException">The duration is negative.</exception>
    /// <exception cref="InvalidOperationException">It is running already, or the nodes never come to rest.</exception>
    public void Run(TimeSpan duration)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(duration, TimeSpan.Zero);
        RunUntil(After(Now, duration));
    }

    /// <summary>Lets time pass up to a moment, which is included.</summary>
    /// <param name="time">Time since <see cref="Start"/>.</param>
    /// <exception cref="ArgumentOutOfRangeException">The time is past.</exception>
    /// <exception cref="InvalidOperationException">It is running already, or the nodes never come to rest.</exception>
    public void RunUntil(TimeSpan time) => RunUntil(At(time));

    /// <summary>Has an observer called for every event of some kinds from now on.</summary>
    /// <param name="kinds">The kinds; what nobody asks for costs nothing.</param>
    /// <param name="observer">The observer.</param>
    /// <returns>Ends it when it is disposed; also from the observer itself, which is then called no more.</returns>
    public IDisposable Observe(SimulationEventKinds kinds, SimulationObserver observer)
    {
        ArgumentNullException.ThrowIfNull(observer);
        var observation = new Observation(this, kinds, observer);
        _observations = [.. _observations, observation];
        _observed |= kinds;
        return observation;
    }

    /// <summary>The nodes on which a virtual router is Master and that can act: neither crashed nor frozen.</summary>
    /// <param name="virtualRouterId">The VRID.</param>
    /// <param name="family">The address family; null: every one.</param>
    /// <param name="network">The network; null: every one.</param>
    /// <returns>The nodes in their order.</returns>
    public IReadOnlyList<SimulatedNode> Masters(VirtualRouterId virtualRouterId, IPFamily? family = null, string? network = null) =>
    [
        .. _nodes.Where(node => node.CanAct
            && node.Routers.Any(router => router.State == VrrpState.Master && router.Key.Is(virtualRouterId, family, network))),
    ];

    /// <summary>Who was Master of a virtual router when, from the start of the simulation, in the order the periods began.</summary>
    /// <param name="virtualRouterId">The VRID.</param>
    /// <param name="family">The address family; null: every one.</param>
    /// <param name="network">The network; null: every one.</param>
    /// <returns>The periods; empty when there was none.</returns>
    public IReadOnlyList<MasterPeriod> MasterPeriods(VirtualRouterId virtualRouterId, IPFamily? family = null, string? network = null) =>
    [
        .. History.Keys.Where(key => key.Is(virtualRouterId, family, network))
            .SelectMany(key => History.TryGet(key, out var periods) ? periods : []).OrderBy(period => period.Began),
    ];

    internal void Schedule(Instant at, Action action)
    {
        ArgumentNullException.ThrowIfNull(action);
        if (at < Now)
            throw new ArgumentOutOfRangeException(nameof(at), at - Start, $"It is {Elapsed} already.");
        _events.Add(at.Nanoseconds, action);
    }

    internal void RunUntil(Instant end)
    {
        if (end < Now)
            throw new ArgumentOutOfRangeException(nameof(end), end - Start, $"It is {Elapsed} already.");
        if (_isRunning)
            throw new InvalidOperationException("The LAN is running: schedule an action instead.");
        _isRunning = true;
        try
        {
            Loop(end.Nanoseconds);
        }
        finally
        {
            _isRunning = false;
        }

        Now = end;
    }

    /// <summary>The way from one node to another as it is now.</summary>
    internal (bool IsCut, LinkConditions Conditions) Way(SimulatedNode from, SimulatedNode to)
    {
        ref var link = ref Link(from, to);
        return (link.IsCut, link.Conditions ?? _conditions);
    }

    internal bool Wants(SimulationEventKinds kind) => ((Trace.Records | _observed) & kind) != 0;

    internal void Note(in SimulationEvent what)
    {
        if ((Trace.Records & what.Kind) != 0)
            Trace.Add(what);
        if ((_observed & what.Kind) == 0)
            return;
        foreach (var observation in _observations)
        {
            if ((observation.Kinds & what.Kind) != 0)
                observation.Observer(what);
        }
    }

    /// <summary>Something is about to be done from outside; not in the midst of a turn.</summary>
    internal void Intervene(SimulatedNode? node, string text, string? virtualRouter = null)
    {
        ThrowIfTurning();
        if (Wants(SimulationEventKinds.Intervention))
            Note(new(Now, SimulationEventKinds.Intervention, node, text, virtualRouter));
    }

    internal void ThrowIfTurning()
    {
        if (Turning is not null)
            throw new InvalidOperationException($"{Turning.Name} is in the midst of a turn: schedule an action instead.");
    }

    internal void CountTurn(SimulatedNode node)
    {
        TurnCount++;
        TurnEnded?.Invoke(node);
    }

    /// <summary>A node has something to do now.</summary>
    internal void MakeReady(SimulatedNode node)
    {
        if (node.IsReady)
            return;
        node.IsReady = true;
        _ready.Add(node);
    }

    /// <summary>A node has something to do at its time, and may have had less to do before.</summary>
    internal void Arm(SimulatedNode node)
    {
        var next = node.NextWake;
        if (next < node.ArmedAt)
        {
            node.ArmedAt = next;
            _wakes.Add(next, node.Index);
        }
    }

    internal SimulatedNetwork Network(string name)
    {
        var network = _networks.Find(network => network.Name == name);
        if (network is not null)
            return network;
        if (_networks.Count == 256)
            throw new InvalidOperationException("A LAN has at most 256 networks.");
        network = new SimulatedNetwork(name, _networks.Count);
        _networks.Add(network);
        return network;
    }

    /// <summary>A packet leaves a port for all others of its network, or for those that have its destination.</summary>
    internal void Transmit(NetworkPort from, SimulatedPacket packet)
    {
        Sniffer?.Invoke(from.Node, packet);
        if (from.Interface is not { HasCarrier: true })
        {
            Lose(from, packet, "the sender's cable is out");
            return;
        }

        SimulatedDelivery? last = null;
        long lastArrival = 0;
        var ports = from.Network.Ports;
        bool isMulticast = packet.Destination.IsMulticast;
        for (int i = 0; i < ports.Count; i++)
        {
            var to = ports[i];
            if (to == from || to.Interface is null || (!isMulticast && !to.Interface.Has(packet.Destination)))
                continue;
            ref var link = ref _links[(from.Node.Index * _linkStride) + to.Node.Index];
            if (link.IsCut)
            {
                Lose(to, packet, "the way is cut");
                continue;
            }

            var conditions = link.Conditions ?? _conditions;
            bool isTwice = false;
            long arrival = Now.Nanoseconds + (conditions.Delay.Ticks * 100);
            if (conditions.IsCertain)
            {
                arrival = link.LastArrival = Math.Max(arrival, link.LastArrival);
            }
            else
            {
                if (_chance.Happens(conditions.Loss))
                {
                    Lose(to, packet, "lost");
                    continue;
                }

                arrival += Jitter(conditions);
                if (_chance.Happens(conditions.Reordering))
                    arrival = Math.Max(arrival, link.LastArrival) + 1 + _chance.NextUpTo(conditions.ReorderingDelay.Ticks * 100);
                else
                    arrival = link.LastArrival = Math.Max(arrival, link.LastArrival);
                isTwice = _chance.Happens(conditions.Duplication);
            }

            if (last is not null && arrival == lastArrival && i - last.FirstPort < 64)
            {
                last.Targets |= 1UL << (i - last.FirstPort);
            }
            else
            {
                last = Send(from.Network, packet, i, arrival);
                lastArrival = arrival;
            }

            if (isTwice)
                Send(from.Network, packet, i, arrival + Jitter(conditions));
        }
    }

    /// <summary>A packet is there; the socket takes it or not.</summary>
    internal void Arrive(NetworkPort to, SimulatedPacket packet, bool isForJoined = true)
    {
        if (to.Interface is not { Facts.IsUp: true } at)
        {
            Lose(to, packet, "the interface is down");
            return;
        }

        if (at.Link(packet.Family) is not { } link || (isForJoined && packet.Destination.IsMulticast && !link.HasJoined(packet.Destination)))
        {
            Lose(to, packet, "nobody listens");
            return;
        }

        if (!link.Arrive(packet))
        {
            Lose(to, packet, "the socket is full");
            return;
        }

        if (Wants(SimulationEventKinds.PacketDelivered))
            NotePacket(SimulationEventKinds.PacketDelivered, to, packet, null);
        MakeReady(to.Node);
    }

    /// <summary>The moment of a time since the start: what was cut from <see cref="Elapsed"/> is no step back.</summary>
    private Instant At(TimeSpan time) => time == Elapsed ? Now : After(Start, time);

    /// <summary>A later moment; what is centuries away never comes.</summary>
    internal static Instant After(Instant from, TimeSpan time) =>
        time.Ticks > (long.MaxValue - from.Nanoseconds) / 100 ? Instant.Never : from + time;

    private static string Describe(LinkConditions conditions)
    {
        if (conditions == LinkConditions.Ideal)
            return "ideal";
        var parts = new List<string>();
        if (conditions.Delay > TimeSpan.Zero)
            parts.Add($"delay {SimulationTrace.Describe(conditions.Delay)}");
        if (conditions.Jitter > TimeSpan.Zero)
            parts.Add($"jitter {SimulationTrace.Describe(conditions.Jitter)}");
        if (conditions.Loss > 0)
            parts.Add(string.Create(CultureInfo.InvariantCulture, $"loss {conditions.Loss:0.##%}"));
        if (conditions.Duplication > 0)
            parts.Add(string.Create(CultureInfo.InvariantCulture, $"duplication {conditions.Duplication:0.##%}"));
        if (conditions.Reordering > 0)
            parts.Add(string.Create(CultureInfo.InvariantCulture, $"reordering {conditions.Reordering:0.##%}"));
        return parts.Count == 0 ? "ideal" : string.Join(", ", parts);
    }

    private long Jitter(LinkConditions conditions) =>
        conditions.Jitter > TimeSpan.Zero ? _chance.NextUpTo(conditions.Jitter.Ticks * 100) : 0;

    private void Loop(long end)
    {
        int rounds = 0;
        while (true)
        {
            // What was done to a node between two runs is seen first.
            long next = _ready.Count > 0 ? Now.Nanoseconds : Math.Min(_events.Earliest, _wakes.Earliest.Nanoseconds);
            // What is never due is not even due at the end of time.
            if (next > end || next == long.MaxValue)
                return;
            if (next > Now.Nanoseconds)
            {
                Now = new(next);
                rounds = 0;
            }
            else if (++rounds > RoundLimit)
            {
                throw new SimulationRestlessException($"The nodes never come to rest.{Environment.NewLine}{Trace.Print(last: 40)}");
            }

            Round();
        }
    }

    private void Round()
    {
        while (_events.Earliest <= Now.Nanoseconds)
        {
            object taken = _events.Take();
            if (taken is SimulatedDelivery delivery)
                Deliver(delivery);
            else
                ((Action)taken)();
        }

        while (_wakes.TryTake(Now, out var at, out int index))
        {
            var node = _nodes[index];
            if (node.ArmedAt != at)
                continue;
            node.ArmedAt = Instant.Never;
            if (node.NextWake <= Now)
                MakeReady(node);
            else
                Arm(node);
        }

        (_turns, _ready) = (_ready, _turns);
        SortTurns();
        int next = 0;
        try
        {
            while (next < _turns.Count)
            {
                var node = _turns[next++];
                node.IsReady = false;
                node.Turn();
            }
        }
        finally
        {
            // A check that failed ended the run: the others have their turns when it goes on.
            while (next < _turns.Count)
                _ready.Add(_turns[next++]);
            _turns.Clear();
        }
    }

    /// <summary>By insertion: they are few, and nearly in order.</summary>
    private void SortTurns()
    {
        for (int i = 1; i < _turns.Count; i++)
        {
            var node = _turns[i];
            int at = i;
            while (at > 0 && _turns[at - 1].Index > node.Index)
            {
                _turns[at] = _turns[at - 1];
                at--;
            }

            _turns[at] = node;
        }
    }

    private SimulatedDelivery Send(SimulatedNetwork network, SimulatedPacket packet, int port, long arrival)
    {
        var delivery = _freeDeliveries.Count > 0 ? _freeDeliveries.Pop() : new SimulatedDelivery();
        delivery.Network = network;
        delivery.Packet = packet;
        delivery.FirstPort = port;
        delivery.Targets = 1;
        packet.References++;
        _events.Add(arrival, delivery);
        return delivery;
    }

    private void Deliver(SimulatedDelivery delivery)
    {
        var packet = delivery.Packet;
        for (ulong targets = delivery.Targets; targets != 0; targets &= targets - 1)
            Arrive(delivery.Network.Ports[delivery.FirstPort + BitOperations.TrailingZeroCount(targets)], packet);
        Packets.Release(packet);
        _freeDeliveries.Push(delivery);
    }

    private void Lose(NetworkPort to, SimulatedPacket packet, string why)
    {
        if (Wants(SimulationEventKinds.PacketLost))
            NotePacket(SimulationEventKinds.PacketLost, to, packet, why);
    }

    private void NotePacket(SimulationEventKinds kind, NetworkPort to, SimulatedPacket packet, string? text) => Note(new(
        Now, kind, to.Node, text, packet.VirtualRouter, packet.Sender, to.InterfaceName, packet.Destination, packet.Octet(1), packet.Octet(2)));

    private ref LinkState Link(SimulatedNode from, SimulatedNode to)
    {
        ThrowIfForeign(from);
        ThrowIfForeign(to);
        if (from == to)
            throw new ArgumentException($"{from.Name} has no way to itself.", nameof(to));
        return ref _links[(from.Index * _linkStride) + to.Index];
    }

    private void ThrowIfForeign(SimulatedNode node)
    {
        ArgumentNullException.ThrowIfNull(node);
        if (node.Lan != this)
            throw new ArgumentException($"{node.Name} is on another LAN.", nameof(node));
    }

    private void GrowLinks()
    {
        int stride = Math.Max(4, _linkStride * 2);
        var links = new LinkState[stride * stride];
        for (int from = 0; from < _linkStride; from++)
            Array.Copy(_links, from * _linkStride, links, from * stride, _linkStride);
        (_links, _linkStride) = (links, stride);
    }

    private void End(Observation observation)
    {
        // The array that is gone through at the moment stays as it is.
        _observations = Array.FindAll(_observations, other => other != observation);
        _observed = SimulationEventKinds.None;
        foreach (var other in _observations)
            _observed |= other.Kinds;
    }

    private sealed class Observation(SimulatedLan lan, SimulationEventKinds kinds, SimulationObserver observer) : IDisposable
    {
        /// <summary>None when it has ended.</summary>
        public SimulationEventKinds Kinds { get; private set; } = kinds;

        public SimulationObserver Observer => observer;

        public void Dispose()
        {
            Kinds = SimulationEventKinds.None;
            lan.End(this);
        }
    }
}

/// <summary>Ever more happens at one instant.</summary>
internal sealed class SimulationRestlessException(string message) : InvalidOperationException(message);
