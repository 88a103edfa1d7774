using System.Globalization;
using Vrrp.Packets;

namespace Vrrp.Tests.Engine;

/// <summary>
/// Engines on one LAN in virtual time: a queue of deliveries and the deadlines of the engines, taken in one order that depends on
/// nothing else. No thread, no clock.
/// </summary>
internal sealed class TestLan
{
    private readonly PriorityQueue<Action, (Instant At, long Number)> _events = new();
    private readonly List<(Instant At, string Node, object What)> _trace = [];
    private long _number;

    public Instant Now { get; private set; } = new(1_000_000_000_000);

    public Instant Epoch { get; private set; } = new(1_000_000_000_000);

    public List<TestNode> Nodes { get; } = [];

    /// <summary>Whether a packet from one node reaches another. Default: always.</summary>
    public Func<TestNode, TestNode, FakePacket, bool> Delivers { get; set; } = (_, _, _) => true;

    /// <summary>How long a packet travels.</summary>
    public Func<TimeSpan> Delay { get; set; } = () => TimeSpan.Zero;

    /// <summary>How often a packet arrives.</summary>
    public Func<int> Copies { get; set; } = () => 1;

    /// <summary>What happened, one line each.</summary>
    public string Trace => string.Join(
        Environment.NewLine,
        _trace.TakeLast(200).Select(entry => string.Create(
            CultureInfo.InvariantCulture,
            $"{(entry.At.Nanoseconds - 1_000_000_000_000) / 1_000_000_000m:0.000000000} {entry.Node} {entry.What}")));

    public decimal Seconds => (Now.Nanoseconds - Epoch.Nanoseconds) / 1_000_000_000m;

    public TestNode AddNode(string name, params string[] moreAddresses)
    {
        var node = new TestNode(this, name, Nodes.Count + 1, moreAddresses);
        Nodes.Add(node);
        return node;
    }

    /// <summary>Counts seconds from now, and forgets the transitions so far.</summary>
    public void Mark()
    {
        Epoch = Now;
        foreach (var node in Nodes)
            node.Notifications.Clear();
    }

    /// <summary>Adds to the trace; it is put into words only when a test fails.</summary>
    public void Note(TestNode node, object what) => _trace.Add((Now, node.Name, what));

    public void At(decimal seconds, Action action) =>
        _events.Enqueue(action, (Epoch.AddNanoseconds((long)(seconds * 1_000_000_000m)), _number++));

    /// <summary>Runs until so many seconds after the mark.</summary>
    public void RunTo(decimal seconds)
    {
        var end = Epoch.AddNanoseconds((long)(seconds * 1_000_000_000m));
        int turnsNow = 0;
        while (true)
        {
            // What the test did to a node between two runs is seen first.
            var next = Nodes.Any(node => node.IsReady) ? Now : Instant.Never;
            if (_events.TryPeek(out _, out var first))
                next = Instant.Min(next, first.At);
            foreach (var node in Nodes)
                next = Instant.Min(next, node.NextDeadline);
            if (next > end)
                break;
            turnsNow = next > Now ? 0 : turnsNow + 1;
            if (turnsNow > 10_000)
                Assert.Fail($"The engines never come to rest.{Environment.NewLine}{Trace}");
            if (next > Now)
                Now = next;
            while (_events.TryPeek(out var action, out var due) && due.At <= Now)
            {
                _events.Dequeue();
                action();
            }

            foreach (var node in Nodes.ToArray())
                node.TurnIfDue();
        }

        Now = end;
    }

    public void Run(decimal seconds) => RunTo(Seconds + seconds);

    public void Transmit(TestNode sender, FakeLink link, FakePacket packet)
    {
        foreach (var node in Nodes)
        {
            if (node == sender || !node.IsReachable(packet.Destination) || !Delivers(sender, node, packet))
                continue;
            for (int copies = Copies(); copies > 0; copies--)
                _events.Enqueue(() => node.Arrive(link.Family, packet), (Now + Delay(), _number++));
        }
    }

    /// <summary>The transitions since the mark, as "seconds node[/router] state", against those expected.</summary>
    public void AssertTransitions(params string[] expected)
    {
        var actual = Nodes
            .SelectMany(node => node.Notifications.OfType<RouterTransition>().Select(transition => (node, transition)))
            .OrderBy(pair => pair.transition.At)
            .Select(pair => string.Create(
                CultureInfo.InvariantCulture,
                $"{(pair.transition.At.Nanoseconds - Epoch.Nanoseconds) / 1_000_000_000m:0.#########} {pair.node.Name} {pair.transition.To}"))
            .ToArray();
        Assert.True(
            expected.SequenceEqual(actual),
            $"Expected: {string.Join("; ", expected)}{Environment.NewLine}Actual:   {string.Join("; ", actual)}{Environment.NewLine}{Trace}");
    }

    public void AssertStates(params VrrpState[] expected)
    {
        var actual = Nodes.Select(node => node.State()).ToArray();
        Assert.True(
            expected.SequenceEqual(actual),
            $"Expected: {string.Join(", ", expected)}{Environment.NewLine}Actual:   {string.Join(", ", actual)}{Environment.NewLine}{Trace}");
    }
}

/// <summary>One host on a <see cref="TestLan"/>: its kernel, and the engine that runs on it or not.</summary>
#pragma warning disable CA1001 // A fake platform has nothing to release.
internal sealed class TestNode
#pragma warning restore CA1001
{
    private readonly TestLan _lan;
    private VrrpEngine? _engine;
    private Instant _frozenUntil;

    public TestNode(TestLan lan, string name, int number, string[] moreAddresses)
    {
        _lan = lan;
        Name = name;
        Address = IPAddressValue.Parse($"10.0.0.{number}");
        LinkLocal = IPAddressValue.Parse($"fe80::{number}");
        Platform.AddInterface(2, "eth0", isUp: true, [$"10.0.0.{number}", $"fe80::{number}", .. moreAddresses]);
        Platform.Sent = (link, packet) =>
        {
            _lan.Note(this, (Advertises: packet.Message[2], VirtualRouterId: packet.Message[1]));
            Sent.Add((_lan.Now, packet));
            _lan.Transmit(this, link, packet);
        };
        Boot();
    }

    public string Name { get; }

    public IPAddressValue Address { get; }

    public IPAddressValue LinkLocal { get; }

    public FakePlatform Platform { get; } = new();

    public List<VrrpNotification> Notifications { get; } = [];

    public List<(Instant At, FakePacket Packet)> Sent { get; } = [];

    public VrrpEngine Engine => _engine ?? throw new InvalidOperationException($"{Name} is not running.");

    public bool IsRunning => _engine is not null;

    public bool IsFrozen => _lan.Now < _frozenUntil;

    public bool IsReady => IsRunning && !IsFrozen && (Platform.HasEvents || Platform.Links.Any(link => link.Incoming.Count > 0));

    public Instant NextDeadline => _engine is null ? Instant.Never
        : IsFrozen ? _frozenUntil : _engine.NextDeadline;

    /// <summary>Starts a fresh process on this host's kernel.</summary>
    public void Boot()
    {
        Platform.Links.Clear();
        _engine = new VrrpEngine(Platform, new VrrpFrameCodec(), VrrpStateMachine.Instance, notification =>
        {
            Notifications.Add(notification);
            _lan.Note(this, notification);
        });
        _engine.Start(_lan.Now);
    }

    /// <summary>The process is killed; the kernel goes on.</summary>
    public void Kill()
    {
        _lan.Note(this, "is killed");
        Platform.Links.Clear();
        _engine = null;
    }

    /// <summary>The process is not scheduled; packets wait in its sockets.</summary>
    public void Freeze(decimal seconds) => _frozenUntil = _lan.Now.AddNanoseconds((long)(seconds * 1_000_000_000m));

    public void Add(VirtualRouterConfig config, decimal startAfter = 0) =>
        Do(engine => engine.Add(config, _lan.Now.AddNanoseconds((long)(startAfter * 1_000_000_000m)), _lan.Now));

    /// <summary>Stops and removes; returns a probe of whether that is complete.</summary>
    public Func<bool> Remove(string name = "vr", bool handOver = false)
    {
        bool isRemoved = false;
        Do(engine => Assert.True(engine.Remove(name, handOver, () => isRemoved = true, _lan.Now)));
        return () => isRemoved;
    }

    public void Reconfigure(VirtualRouterConfig config, string name = "vr") => Do(engine => engine.Reconfigure(name, config, _lan.Now));

    public void Declare(bool isFaulty, string name = "vr") => Do(engine => Assert.True(engine.Declare(name, isFaulty, "declared", _lan.Now)));

    /// <summary>A turn of the engine with a command in it.</summary>
    public void Do(Action<VrrpEngine> command)
    {
        Engine.BeginTurn(_lan.Now);
        command(Engine);
        Engine.EndTurn();
    }

    public void TurnIfDue()
    {
        if (_engine is null || IsFrozen || (!IsReady && _engine.NextDeadline > _lan.Now))
            return;
        _engine.BeginTurn(_lan.Now);
        if (Platform.HasEvents)
            _engine.ReceiveInterfaces();
        foreach (var link in Platform.Links.ToArray())
        {
            if (link.Incoming.Count > 0)
                _engine.Receive(link);
        }

        _engine.EndTurn();
    }

    public bool IsReachable(IPAddressValue destination) => destination.IsMulticast || Platform.Has(destination.ToString());

    public void Arrive(IPFamily family, FakePacket packet)
    {
        foreach (var link in Platform.Links)
        {
            if (link.Family == family && link.InterfaceIndex == 2)
                link.Incoming.Enqueue(packet);
        }
    }

    /// <summary>An advertisement of a router that is not simulated arrives now.</summary>
    public void Hear(int priority, string source = "10.0.0.200", int centiseconds = 100, int virtualRouterId = 51, string? destination = null)
    {
        Arrive(IPFamily.IPv4, Packet(priority, source, centiseconds, virtualRouterId, destination));
        TurnIfDue();
    }

    public static FakePacket Packet(int priority, string source, int centiseconds = 100, int virtualRouterId = 51, string? destination = null)
    {
        var buffer = new byte[64];
        var (from, to) = (IPAddressValue.Parse(source), destination is null ? IPAddressValue.MulticastGroupIPv4 : IPAddressValue.Parse(destination));
        int length = VrrpPacket.Write(
            new AdvertisementContent
            {
                Version = VrrpVersion.V3,
                Family = IPFamily.IPv4,
                VirtualRouterId = new(virtualRouterId),
                Priority = new(priority),
                Interval = AdvertisementInterval.FromCentiseconds(centiseconds),
                Addresses = [IPAddressValue.Parse("10.0.0.254")],
            },
            from,
            to,
            buffer);
        return new(from, to, 255, buffer[..length]);
    }

    public VirtualRouter Router(string name = "vr") => Engine.Routers.Single(router => router.Config.Name == name);

    public VrrpState State(string name = "vr") => Router(name).State.State;

    /// <summary>The notifications of a kind since the last call or mark; forgets all of that kind.</summary>
    public T[] Take<T>() where T : VrrpNotification
    {
        T[] taken = [.. Notifications.OfType<T>()];
        Notifications.RemoveAll(notification => notification is T);
        return taken;
    }

    /// <summary>What was done to the outside since the last call.</summary>
    public string TakeLog() => Platform.TakeLog();

    /// <summary>A virtual router of VRID 51 with 10.0.0.254 on eth0, that announces once.</summary>
    public static VirtualRouterConfig Config(int priority = 100, string name = "vr", int virtualRouterId = 51, string address = "10.0.0.254") => new()
    {
        Name = name,
        Interface = "eth0",
        VirtualRouterId = new(virtualRouterId),
        Priority = new(priority),
        VirtualAddresses = [VirtualAddress.Host(IPAddressValue.Parse(address))],
        Announcements = new() { Repeat = 1, Delay = TimeSpan.Zero, LowerPriorityRepeat = 1, LowerPriorityDelay = TimeSpan.Zero },
    };
}
