using System.Globalization;
using Vrrp.Packets;
using Vrrp.Simulation;

namespace Vrrp.Tests.Engine;

/// <summary>
/// A <see cref="SimulatedLan"/> as tests of the engine speak of it: times in seconds from a mark, expected transitions as text.
/// </summary>
internal sealed class ScenarioLan
{
    public ScenarioLan()
    {
        Simulated.Trace.Capacity = 500;
        Simulated.Trace.Records = SimulationEventKinds.Sent;
        Simulated.Sniffer = (node, packet) => Nodes[node.Index].Sent.Add(
            (Simulated.Now, new(packet.Source, packet.Destination, packet.HopLimit, packet.Message.ToArray())));
        Simulated.Observe(SimulationEventKinds.Sent, Log);
    }

    public SimulatedLan Simulated { get; } = new();

    public Instant Now => Simulated.Now;

    public Instant Epoch { get; private set; } = SimulatedLan.Start;

    public List<ScenarioNode> Nodes { get; } = [];

    /// <summary>The last things that happened, packets included.</summary>
    public string Trace => Simulated.Trace.Print(SimulationEventKinds.All, last: 200);

    public decimal Seconds => (Now.Nanoseconds - Epoch.Nanoseconds) / 1_000_000_000m;

    /// <summary>Adds a host with 10.0.0.N and fe80::N on eth0, and what more addresses are named.</summary>
    public ScenarioNode AddNode(string name, params string[] moreAddresses)
    {
        var node = new ScenarioNode(Simulated.AddNode(name));
        Nodes.Add(node);
        foreach (string address in moreAddresses)
            node.AddAddress("eth0", address);
        return node;
    }

    /// <summary>Counts seconds from now, and forgets the transitions so far.</summary>
    public void Mark()
    {
        Epoch = Now;
        foreach (var node in Nodes)
            node.Notifications.Clear();
    }

    public void At(decimal seconds, Action action) => Simulated.Schedule(At(seconds), action);

    /// <summary>Runs until so many seconds after the mark.</summary>
    public void RunTo(decimal seconds) => Simulated.RunUntil(At(seconds));

    public void Run(decimal seconds) => RunTo(Seconds + seconds);

    /// <summary>The transitions since the mark, as "seconds node state", against those expected.</summary>
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

    private Instant At(decimal seconds) => Epoch.AddNanoseconds((long)(seconds * 1_000_000_000m));

    private void Log(in SimulationEvent what)
    {
        string? entry = what.Kind switch
        {
            SimulationEventKinds.AddressInstalled => $"+{what.Address}",
            SimulationEventKinds.AddressRemoved => $"-{what.Address}",
            SimulationEventKinds.AdvertisementSent => string.Create(CultureInfo.InvariantCulture, $"adv {what.PriorityOctet}"),
            SimulationEventKinds.AnnouncementSent => $"{(what.Address.Family == IPFamily.IPv4 ? "arp" : "na")} {what.Address}",
            _ => null,
        };
        if (entry is not null)
            Nodes[what.Node!.Index].Log.Add(entry);
    }
}

/// <summary>A packet of protocol 112, as it left a node or reaches one.</summary>
internal sealed record ScenarioPacket(IPAddressValue Source, IPAddressValue Destination, int HopLimit, byte[] Message);

/// <summary>One host on a <see cref="ScenarioLan"/>, with a log of what its engine did to the outside.</summary>
internal sealed class ScenarioNode
{
    public ScenarioNode(SimulatedNode simulated)
    {
        Simulated = simulated;
        simulated.Told = Notifications.Add;
        Platform.Filtered = (isBlocking, address) => Log.Add($"{(isBlocking ? "block" : "unblock")} {address}");
    }

    public SimulatedNode Simulated { get; }

    public SimulatedPlatform Platform => Simulated.Platform;

    public string Name => Simulated.Name;

    public IPAddressValue Address => Simulated.Address;

    public VrrpEngine Engine => Simulated.Engine;

    public List<VrrpNotification> Notifications { get; } = [];

    public List<(Instant At, ScenarioPacket Packet)> Sent { get; } = [];

    /// <summary>What the engine did, in order: +address, -address, adv priority, arp address, na address, block address, unblock address.</summary>
    public List<string> Log { get; } = [];

    /// <summary>What the packet filter blocks.</summary>
    public IEnumerable<string> Blocked => Platform.Blocked.Select(address => address.ToString());

    public void Add(VirtualRouterConfig config, decimal startAfter = 0) => Simulated.Add(config, Time(startAfter));

    /// <summary>Stops and removes; returns a probe of whether that is complete.</summary>
    public Func<bool> Remove(string name = "vr", bool handOver = false)
    {
        var router = Simulated.Router(name);
        Simulated.Remove(name, handOver);
        return () => router.IsGone;
    }

    public void Reconfigure(VirtualRouterConfig config, string name = "vr") => Simulated.Reconfigure(name, config);

    public void Declare(bool isFaulty, string name = "vr") => Simulated.DeclareFault(name, isFaulty, "declared");

    /// <summary>Starts a fresh process without routers.</summary>
    public void Boot() => Simulated.Restart(withRouters: false);

    public void Kill() => Simulated.Crash();

    public void Freeze(decimal seconds) => Simulated.Freeze(Time(seconds));

    /// <summary>Whether an address is on an interface.</summary>
    public bool Has(string address, string? name = null) => Platform.Interfaces.Exists(
        at => (name is null || at.Facts.Name == name) && at.Has(IPAddressValue.Parse(address)));

    public void AddInterface(string name, params string[] addresses)
    {
        Simulated.AddInterface(name, hasAddresses: false);
        foreach (string address in addresses)
            AddAddress(name, address);
    }

    public void AddAddress(string name, string address) => Simulated.AddAddress(name, IPAddressValue.Parse(address));

    public void TakeAway(string address) => Simulated.TakeAddressAway(IPAddressValue.Parse(address));

    public void Refuse(string address, int error = 99) => Simulated.RefuseAddress(IPAddressValue.Parse(address), error);

    public void Accept(string address) => Simulated.AcceptAddress(IPAddressValue.Parse(address));

    /// <summary>Changes an interface as its owner may, by name, hardware address or MTU.</summary>
    public void Change(string name, Func<Vrrp.Links.InterfaceFacts, Vrrp.Links.InterfaceFacts> change) =>
        Platform.Change(Platform.Interface(name), change);

    public void Rename(string name, string newName) => Change(name, facts => facts with { Name = newName });

    /// <summary>A packet reaches the socket; it is read when the LAN runs.</summary>
    public void Arrive(ScenarioPacket packet) =>
        Simulated.Inject("eth0", packet.Source, packet.Destination, packet.Message, packet.HopLimit);

    /// <summary>An advertisement of a router that is not simulated arrives and is read.</summary>
    public void Hear(int priority, string source = "10.0.0.200", int centiseconds = 100, int virtualRouterId = 51, string? destination = null) =>
        Read(Packet(priority, source, centiseconds, virtualRouterId, destination));

    /// <summary>A packet arrives and is read.</summary>
    public void Read(ScenarioPacket packet)
    {
        Arrive(packet);
        Simulated.Turn();
    }

    public static ScenarioPacket Packet(
        int priority, string source, int centiseconds = 100, int virtualRouterId = 51, string? destination = null)
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

    public VirtualRouter Router(string name = "vr") => Simulated.Router(name).Inner;

    public VrrpState State(string name = "vr") => Router(name).State.State;

    /// <summary>The notifications of a kind since the last call or mark; forgets all of that kind.</summary>
    public T[] Take<T>() where T : VrrpNotification
    {
        T[] taken = [.. Notifications.OfType<T>()];
        Notifications.RemoveAll(notification => notification is T);
        return taken;
    }

    /// <summary>What was done to the outside since the last call.</summary>
    public string TakeLog()
    {
        string log = string.Join(", ", Log);
        Log.Clear();
        return log;
    }

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

    private static TimeSpan Time(decimal seconds) => TimeSpan.FromTicks((long)(seconds * TimeSpan.TicksPerSecond));
}
