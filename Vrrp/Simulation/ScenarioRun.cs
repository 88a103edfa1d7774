using System.Collections.Immutable;
using Vrrp.Packets;
using Kind = Vrrp.Simulation.ScenarioDisturbanceKind;

namespace Vrrp.Simulation;

/// <summary>One run of a scenario: builds the LAN, disturbs it, and checks what only whoever disturbs can check.</summary>
internal sealed class ScenarioRun
{
    private readonly Scenario _scenario;
    private readonly ScenarioOptions _options;
    private readonly SimulatedLan _lan;
    private readonly SimulationInvariants _invariants;
    private readonly Dictionary<SimulatedNode, List<ScenarioRouter>> _wanted = [];

    // What is tracked goes on when a process ends: the next one is told.
    private readonly Dictionary<(SimulatedNode Node, string Router), TrackedState> _tracked = [];
    private readonly Dictionary<Kind, int> _applied = [];
    private readonly Dictionary<ScenarioTransition, int> _transitions = [];
    private readonly List<(SimulatedNode From, SimulatedNode To)> _ways = [];
    private long _advertisements;
    private TimeSpan _disturbed;

    public ScenarioRun(Scenario scenario, ScenarioOptions options)
    {
        _scenario = scenario;
        _options = options;
        _lan = new SimulatedLan(scenario.Seed);
        _lan.Trace.Records = options.Records;
        _invariants = SimulationInvariants.Watch(_lan);
        _lan.Observe(SimulationEventKinds.Transition, (in what) =>
        {
            if (what.Notification is RouterTransition moved)
            {
                var key = new ScenarioTransition(moved.From, moved.To, moved.Reason);
                _transitions[key] = _transitions.GetValueOrDefault(key) + 1;
            }
        });
        _lan.Observe(SimulationEventKinds.AdvertisementSent, (in _) => _advertisements++);
    }

    private LinkConditions Healthy => new() { Delay = _scenario.Delay, Jitter = _scenario.Jitter };

    private bool IsOver => _options.EndAtViolation && _invariants.Violations.Count > 0;

    public ScenarioResult Run()
    {
        _lan.Conditions = Healthy;
        bool isSecondUsed = _scenario.Nodes.Any(node => node.Routers.Any(router => !router.Config.TrackedInterfaces.IsEmpty))
            || _scenario.Disturbances.Any(disturbance => disturbance is { Kind: Kind.LinkDown or Kind.LinkUp, Words: ScenarioText.SecondInterface });
        ImmutableArray<string> interfaces = isSecondUsed ? [ScenarioText.Interface, ScenarioText.SecondInterface] : [ScenarioText.Interface];
        foreach (var node in _scenario.Nodes)
            _wanted.Add(_lan.AddNode(node.Name, new() { Interfaces = interfaces, StateMachine = _options.StateMachine, Codec = _options.Codec, AddressTable = _options.AddressTable }), [.. node.Routers]);
        _options.Prepare?.Invoke(_lan, _invariants);
        try
        {
            foreach (var (node, plan) in _scenario.Nodes.Select(plan => (_lan.Node(plan.Name), plan)))
            {
                if (plan.ClockRate != 1)
                    node.ClockRate = plan.ClockRate;
                GiveOwned(node);
                AddRouters(node);
            }

            foreach (var disturbance in _scenario.Disturbances)
            {
                RunUntil(disturbance.At);
                if (IsOver)
                    break;
                if (Apply(disturbance))
                    _applied[disturbance.Kind] = _applied.GetValueOrDefault(disturbance.Kind) + 1;
                else
                    TellOfNoEffect(disturbance);
            }

            _disturbed = _invariants.RouterTime;
            RunUntil(_scenario.LastsUntil);
        }
        catch (SimulationRestlessException exception)
        {
            _invariants.Report(SimulationInvariant.Rest, "LAN", exception.Message);
        }

        return new()
        {
            Scenario = _scenario,
            Violations = [.. _invariants.Violations],
            Timeline = _lan.Trace.Print(_options.Records),
            RouterTime = _invariants.RouterTime,
            DisturbedRouterTime = _disturbed,
            Advertisements = _advertisements,
            Packets = _lan.Nodes.Sum(node => node.Platform.ReceivedCount),
            Convergences = _invariants.Convergences,
            Disturbances = _applied,
            Transitions = _transitions,
        };
    }

    /// <summary>In steps, so that a run that fails need not go on for days.</summary>
    private void RunUntil(TimeSpan end)
    {
        while (_lan.Elapsed < end && !IsOver)
        {
            var next = _lan.Elapsed + TimeSpan.FromMinutes(10);
            _lan.RunUntil(next < end ? next : end);
        }

        if (!IsOver)
            _lan.RunUntil(_lan.Elapsed);
    }

    /// <summary>A line of the timeline that nobody who watches hears of: nothing was disturbed.</summary>
    private void TellOfNoEffect(ScenarioDisturbance disturbance)
    {
        if ((_lan.Trace.Records & SimulationEventKinds.Intervention) == 0)
            return;
        var node = _lan.Nodes.FirstOrDefault(node => node.Name == disturbance.Node);
        _lan.Trace.Add(new(_lan.Now, SimulationEventKinds.Intervention, node, $"'{ScenarioText.FormatWhat(disturbance)}' has no effect"));
    }

    /// <returns>Whether it had an effect.</returns>
    private bool Apply(ScenarioDisturbance disturbance)
    {
        switch (disturbance.Kind)
        {
            case Kind.Heal:
                _lan.Conditions = Healthy;
                foreach (var (from, to) in _ways)
                    _lan.SetConditions(from, to, null);
                _ways.Clear();
                _lan.Heal();
                return true;
            case Kind.Loss or Kind.Delay or Kind.Jitter or Kind.Duplication or Kind.Reordering when disturbance.Node is null:
                _lan.Conditions = Changed(_lan.Conditions, disturbance);
                return true;
            case Kind.Part:
                _lan.Partition([.. disturbance.Node!.Split(',').Select(_lan.Node)]);
                return true;
        }

        var node = _lan.Node(disturbance.Node!);
        return disturbance.IsOfWay ? ApplyToWay(disturbance, node)
            : disturbance.Target is null ? ApplyToNode(disturbance, node)
            : ApplyToRouter(disturbance, node, disturbance.Target);
    }

    private bool ApplyToWay(ScenarioDisturbance disturbance, SimulatedNode node)
    {
        var other = _lan.Node(disturbance.Target!);
        switch (disturbance.Kind)
        {
            case Kind.Cut:
                _lan.Cut(node, other);
                break;
            case Kind.Join:
                _lan.Mend(node, other);
                break;
            default:
                _lan.SetConditions(node, other, Changed(_lan.Way(node, other).Conditions, disturbance));
                if (!_ways.Contains((node, other)))
                    _ways.Add((node, other));
                break;
        }

        return true;
    }

    private static LinkConditions Changed(LinkConditions conditions, ScenarioDisturbance disturbance) => disturbance.Kind switch
    {
        Kind.Loss => conditions with { Loss = disturbance.Value },
        Kind.Delay => conditions with { Delay = disturbance.Duration },
        Kind.Jitter => conditions with { Jitter = disturbance.Duration },
        Kind.Duplication => conditions with { Duplication = disturbance.Value },
        _ => conditions with { Reordering = disturbance.Value, ReorderingDelay = disturbance.Duration },
    };

    private bool ApplyToNode(ScenarioDisturbance disturbance, SimulatedNode node)
    {
        const string Name = ScenarioText.Interface;
        var at = node.Platform.Find(Name);
        switch (disturbance.Kind)
        {
            case Kind.Crash when node.IsRunning && disturbance.Value > 0:
                node.CrashAfter((int)disturbance.Value);
                return true;
            case Kind.Crash when node.IsRunning:
                node.Crash();
                return true;
            case Kind.Start when !node.IsRunning:
                node.Restart(withRouters: false);
                // A program keeps a record of what it holds; configured addresses need none.
                node.RemoveLeftBehind(Unwanted(node));
                AddRouters(node);
                return true;
            case Kind.Start:
                // One that was to crash in its next turn of some work, and had none, need not.
                node.CrashAfter(null);
                return false;
            case Kind.Freeze when node.IsRunning && disturbance.Duration > TimeSpan.Zero:
                node.Freeze(disturbance.Duration);
                return true;
            case Kind.Clock:
                node.ClockRate = disturbance.Value;
                return true;
            case Kind.LinkDown or Kind.LinkUp when node.Platform.Find(disturbance.Words ?? Name) is { } link && link.IsEnabled != (disturbance.Kind == Kind.LinkUp):
                node.SetLink(link.Facts.Name, disturbance.Kind == Kind.LinkUp);
                return true;
            case Kind.CableOut or Kind.CableIn when at is not null && at.HasCarrier != (disturbance.Kind == Kind.CableIn):
                node.SetCable(Name, disturbance.Kind == Kind.CableIn);
                return true;
            case Kind.InterfaceRemoved when at is not null:
                node.RemoveInterface(Name);
                return true;
            case Kind.InterfaceCreated when at is null:
                node.AddInterface(Name);
                return true;
            case Kind.AddressesRefused or Kind.AddressesAccepted:
                foreach (var address in IPAddressValue.TryParse(disturbance.Words, out var only) ? [only] : Virtual(node))
                {
                    if (disturbance.Kind == Kind.AddressesRefused)
                        node.RefuseAddress(address);
                    else
                        node.AcceptAddress(address);
                }

                return true;
            case Kind.AddressTaken when IPAddressValue.TryParse(disturbance.Words, out var taken) && node.HasAddress(taken):
                node.TakeAddressAway(taken);
                return true;
            case Kind.AddressGiven when at is not null && IPAddressValue.TryParse(disturbance.Words, out var given) && !at.Has(given)
                && (given.Family == IPFamily.IPv4 || at.IsEnabled):
                byte? prefix = given == node.Address ? 16 : given == node.LinkLocalAddress ? 64 : null;
                node.AddAddress(Name, given, prefix);
                return true;
            case Kind.SendingFails:
                node.FailSending();
                return true;
            case Kind.SendingWorks:
                node.RestoreSending();
                return true;
            case Kind.RemovalsRefused:
                node.RefuseRemovals();
                return true;
            case Kind.RemovalsAccepted:
                node.AcceptRemovals();
                return true;
            case Kind.EventsLost when node.IsRunning:
                node.LoseEvents();
                return true;
            case Kind.SocketsRefused:
                node.RefuseSockets();
                return true;
            case Kind.SocketsAccepted:
                node.AcceptSockets();
                return true;
            default:
                return false;
        }
    }

    private bool ApplyToRouter(ScenarioDisturbance disturbance, SimulatedNode node, string name)
    {
        var wanted = _wanted[node];
        int place = wanted.FindIndex(router => router.Config.Name == name);
        // A process that stands still takes no command.
        if (node.IsFrozen)
            return false;
        var running = node.CanAct ? node.Routers.FirstOrDefault(router => router.Name == name && !router.Inner.IsRemoving) : null;
        switch (disturbance.Kind)
        {
            case Kind.Leave or Kind.HandOver:
                if (place >= 0)
                    wanted.RemoveAt(place);
                if (running is null)
                    return false;
                node.Remove(name, disturbance.Kind == Kind.HandOver);
                return true;
            case Kind.Rejoin when place < 0:
                var back = _scenario.Nodes.Single(plan => plan.Name == node.Name).Routers.Single(router => router.Config.Name == name);
                // It is still there, under another name.
                if (wanted.Exists(other => other.Config.ConflictsWith(back.Config)))
                    return false;
                wanted.Add(back);
                if (!node.CanAct)
                    return false;
                node.Add(back.Config, _tracked.GetValueOrDefault((node, name)), back.StartAfter);
                return true;
            case Kind.Priority or Kind.Reconfigure when place >= 0:
                var config = disturbance.Kind == Kind.Priority ? wanted[place].Config with { Priority = new((int)disturbance.Value) }
                    : ScenarioText.Change(wanted[place].Config, disturbance.Words!);
                if (IsTaken(wanted.Select(router => router.Config).Concat(node.Routers.Select(router => router.Config)), name, config))
                    return false;
                wanted[place] = wanted[place] with { Config = config };
                if (running is null)
                    return false;
                node.Reconfigure(name, config);
                return true;
            case Kind.Tracked:
                var tracked = new TrackedState((int)disturbance.Value, disturbance.Words == ScenarioText.Faulty) { IsPending = disturbance.Words == ScenarioText.Pending };
                _tracked[(node, name)] = tracked;
                if (running is null)
                    return false;
                node.SetTracked(name, tracked);
                return true;
            case Kind.FaultDeclared or Kind.FaultEnded when running is not null:
                node.DeclareFault(name, disturbance.Kind == Kind.FaultDeclared);
                return true;
            case Kind.Misconfigure when running is not null:
                return Misconfigure(node, running, ScenarioText.Change(running.Config, disturbance.Words!));
            case Kind.Malformed when running is not null:
                return SendMalformed(node, running, disturbance.Words!);
            default:
                return false;
        }
    }

    /// <summary>Whether another router has the name or the VRID that one is to have.</summary>
    private static bool IsTaken(IEnumerable<VirtualRouterConfig> present, string name, VirtualRouterConfig config) =>
        present.Any(other => other.Name != name && (other.Name == config.Name || other.ConflictsWith(config)));

    /// <summary>I7: what is refused leaves everything as it is.</summary>
    private bool Misconfigure(SimulatedNode node, SimulatedRouter router, VirtualRouterConfig config)
    {
        // What the words describe could be done after all: the router whose name they take is not there.
        if (VrrpNode.CanReconfigure(router.Config, config) && config.Validate().Count == 0 && !IsTaken(node.Routers.Select(other => other.Config), router.Name, config))
            return false;
        var before = Snapshot.Of(node, _advertisements);
        try
        {
            node.Reconfigure(router.Name, config);
        }
        catch (ArgumentException)
        {
            if (!before.Equals(Snapshot.Of(node, _advertisements), out string? difference))
                _invariants.Report(SimulationInvariant.RefusalChangesNothing, $"{node.Name}/{router.Name}", $"a change was refused, and {difference}");
            return true;
        }

        _invariants.Report(SimulationInvariant.RefusalChangesNothing, $"{node.Name}/{router.Name}", $"'{config}' was not refused");
        return true;
    }

    /// <summary>I3: it is counted once, for its reason, and nothing else changes.</summary>
    private bool SendMalformed(SimulatedNode node, SimulatedRouter router, string word)
    {
        if (router.Inner.Interface is not { IsUp: true } || router.Inner.Link is null || router.PrimaryAddress.IsNone)
            return false;
        var foreign = IPAddressValue.Parse(router.Config.Family == IPFamily.IPv4 ? "10.0.0.250" : "fe80::fa");
        var packet = ScenarioMalformedPacket.Create(word, router.Config, router.PrimaryAddress, foreign);
        // A router of unicast peers alone joins no group: its kernel drops what comes for one.
        if (packet.Destination.IsMulticast && router.Inner.Link is SimulatedLink link && !link.HasJoined(packet.Destination))
            return false;
        var before = Snapshot.Of(node, _advertisements);
        node.Inject(ScenarioText.Interface, packet.Source, packet.Destination, packet.Message, packet.HopLimit);
        _lan.RunUntil(_lan.Elapsed);
        var after = Snapshot.Of(node, _advertisements);
        string where = $"{node.Name}/{router.Name}";
        if (packet.IsOwnAddress ? after.OwnAddressHeard != before.OwnAddressHeard + 1 || after.Dropped != before.Dropped
            : after.Dropped != before.Dropped + 1 || after.OwnAddressHeard != before.OwnAddressHeard)
        {
            _invariants.Report(SimulationInvariant.PacketsAccounted, where, $"'{word}': {after.Dropped - before.Dropped} packets were counted as dropped, {after.OwnAddressHeard - before.OwnAddressHeard} as heard from an own address");
        }
        else if (packet.Rejection is { } rejection && after.Reasons[(int)rejection] != before.Reasons[(int)rejection] + 1)
        {
            int counted = Enumerable.Range(0, PacketRejections.Count).First(i => after.Reasons[i] != before.Reasons[i]);
            _invariants.Report(SimulationInvariant.PacketsAccounted, where, $"'{word}' was dropped as {(PacketRejection)counted} and not as {rejection}");
        }

        if (!(before with { Dropped = after.Dropped, OwnAddressHeard = after.OwnAddressHeard }).Equals(after, out string? difference))
            _invariants.Report(SimulationInvariant.PacketsAccounted, where, $"'{word}' was dropped, and {difference}");
        return true;
    }

    private void AddRouters(SimulatedNode node)
    {
        // The process may crash while it starts.
        foreach (var router in _wanted[node].ToArray())
        {
            if (node.IsRunning)
                node.Add(router.Config, _tracked.GetValueOrDefault((node, router.Config.Name)), router.StartAfter);
        }
    }

    /// <summary>An owner's addresses are its host's own.</summary>
    private void GiveOwned(SimulatedNode node)
    {
        foreach (var router in _wanted[node].Where(router => router.Config.IsOwner))
        {
            foreach (var address in router.Config.VirtualAddresses)
            {
                if (!node.HasAddress(address.Address))
                    node.AddAddress(ScenarioText.Interface, address.Address);
            }
        }
    }

    /// <summary>What the process before held and the one that starts is told nothing of.</summary>
    private VirtualAddress[] Unwanted(SimulatedNode node)
    {
        var wanted = _wanted[node].SelectMany(router => router.Config.VirtualAddresses.Concat(router.Config.ExcludedAddresses))
            .Select(address => address.Address).ToHashSet();
        return
        [
            .. node.Addresses.Where(present => present.IsOurs && !wanted.Contains(present.Address))
                .Select(present => VirtualAddress.Host(present.Address) with { PrefixLength = present.PrefixLength, Interface = ScenarioText.Interface }),
        ];
    }

    private static IEnumerable<IPAddressValue> Virtual(SimulatedNode node) =>
        node.Routers.SelectMany(router => router.Config.VirtualAddresses).Select(address => address.Address);

    /// <summary>All of a node that a packet or a command could change, but for the counters of what was dropped.</summary>
    private sealed record Snapshot(
        ImmutableArray<(string Name, VirtualRouterConfig Config, MachineState State, bool HoldsAddresses, long Accepted, long Sent, long Announced)> Routers,
        ImmutableArray<(string Interface, IPAddressValue Address, bool IsOurs)> Addresses,
        Instant NextDeadline,
        long Advertisements,
        long Dropped,
        long OwnAddressHeard,
        ImmutableArray<long> Reasons)
    {
        public static Snapshot Of(SimulatedNode node, long advertisements) => new(
            [
                .. node.Routers.Select(router => (router.Name, router.Config, router.Machine, router.HoldsAddresses,
                    router.Counters.AdvertisementsReceived, router.Counters.AdvertisementsSent, router.Counters.AnnouncementsSent)),
            ],
            [.. node.Platform.Interfaces.SelectMany(at => at.Addresses.Select(address => (at.Facts.Name, address.Address, address.IsOurs)))],
            node.Engine.NextDeadline,
            advertisements,
            node.Counters.DroppedTotal + node.Routers.Sum(router => router.Counters.DroppedTotal),
            node.Counters.OwnAddressHeard,
            [
                .. Enumerable.Range(0, PacketRejections.Count).Select(i =>
                    node.Counters.Dropped((PacketRejection)i) + node.Routers.Sum(router => router.Counters.Dropped((PacketRejection)i))),
            ]);

        public bool Equals(Snapshot other, out string? difference)
        {
            difference = !Routers.SequenceEqual(other.Routers) ? "a router is not as it was"
                : !Addresses.SequenceEqual(other.Addresses) ? "an address is not as it was"
                : NextDeadline != other.NextDeadline ? "the next deadline is another one"
                : Advertisements != other.Advertisements ? "an advertisement was sent"
                : Dropped != other.Dropped ? "a packet was counted"
                : null;
            return difference is null;
        }
    }
}
