using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Vrrp.Packets;

namespace Vrrp.Simulation;

/// <summary>The text form of scenarios. A line is a statement, words are separated by spaces, indentation is for the eye.</summary>
internal static class ScenarioText
{
    /// <summary>The name of the interface that every node has.</summary>
    public const string Interface = "eth0";

    /// <summary>The name of the one that routers may track; every node has it where a router does.</summary>
    public const string SecondInterface = "eth1";

    /// <summary>What is tracked fails, or is not known yet.</summary>
    public const string Faulty = "faulty";
    public const string Pending = "pending";

    private static readonly (string Word, ScenarioDisturbanceKind Kind, string Arguments)[] Verbs =
    [
        ("heal", ScenarioDisturbanceKind.Heal, ""),
        ("loss", ScenarioDisturbanceKind.Loss, "value node? target?"),
        ("delay", ScenarioDisturbanceKind.Delay, "time node? target?"),
        ("jitter", ScenarioDisturbanceKind.Jitter, "time node? target?"),
        ("duplication", ScenarioDisturbanceKind.Duplication, "value node? target?"),
        ("reordering", ScenarioDisturbanceKind.Reordering, "value time node? target?"),
        ("cut", ScenarioDisturbanceKind.Cut, "node target"),
        ("join", ScenarioDisturbanceKind.Join, "node target"),
        ("part", ScenarioDisturbanceKind.Part, "node"),
        ("crash", ScenarioDisturbanceKind.Crash, "node value?"),
        ("start", ScenarioDisturbanceKind.Start, "node"),
        ("freeze", ScenarioDisturbanceKind.Freeze, "node time"),
        ("clock", ScenarioDisturbanceKind.Clock, "node value"),
        ("down", ScenarioDisturbanceKind.LinkDown, "node word?"),
        ("up", ScenarioDisturbanceKind.LinkUp, "node word?"),
        ("unplug", ScenarioDisturbanceKind.CableOut, "node"),
        ("plug", ScenarioDisturbanceKind.CableIn, "node"),
        ("remove", ScenarioDisturbanceKind.InterfaceRemoved, "node"),
        ("create", ScenarioDisturbanceKind.InterfaceCreated, "node"),
        ("refuse", ScenarioDisturbanceKind.AddressesRefused, "node word?"),
        ("accept", ScenarioDisturbanceKind.AddressesAccepted, "node word?"),
        ("take", ScenarioDisturbanceKind.AddressTaken, "node word"),
        ("give", ScenarioDisturbanceKind.AddressGiven, "node word"),
        ("mute", ScenarioDisturbanceKind.SendingFails, "node"),
        ("unmute", ScenarioDisturbanceKind.SendingWorks, "node"),
        ("priority", ScenarioDisturbanceKind.Priority, "node target value"),
        ("fault", ScenarioDisturbanceKind.FaultDeclared, "node target"),
        ("well", ScenarioDisturbanceKind.FaultEnded, "node target"),
        ("leave", ScenarioDisturbanceKind.Leave, "node target"),
        ("handover", ScenarioDisturbanceKind.HandOver, "node target"),
        ("rejoin", ScenarioDisturbanceKind.Rejoin, "node target"),
        ("reconfigure", ScenarioDisturbanceKind.Reconfigure, "node target words"),
        ("misconfigure", ScenarioDisturbanceKind.Misconfigure, "node target words"),
        ("malformed", ScenarioDisturbanceKind.Malformed, "node target word"),
        ("hold", ScenarioDisturbanceKind.RemovalsRefused, "node"),
        ("release", ScenarioDisturbanceKind.RemovalsAccepted, "node"),
        ("lose-events", ScenarioDisturbanceKind.EventsLost, "node"),
        ("deny", ScenarioDisturbanceKind.SocketsRefused, "node"),
        ("allow", ScenarioDisturbanceKind.SocketsAccepted, "node"),
        ("tracked", ScenarioDisturbanceKind.Tracked, "node target value word?"),
    ];

    private static readonly (string Unit, long Ticks)[] Units =
    [
        ("d", TimeSpan.TicksPerDay),
        ("h", TimeSpan.TicksPerHour),
        ("m", TimeSpan.TicksPerMinute),
        ("s", TimeSpan.TicksPerSecond),
        ("ms", TimeSpan.TicksPerMillisecond),
        ("us", TimeSpan.TicksPerMicrosecond),
    ];

    public static Scenario Parse(string text)
    {
        var scenario = new Scenario();
        var nodes = new List<ScenarioNode>();
        var disturbances = new List<ScenarioDisturbance>();
        var lines = new Dictionary<string, int>();
        TimeSpan? end = null;
        int number = 0;
        foreach (string raw in text.Split('\n'))
        {
            number++;
            string line = raw.Split('#')[0];
            var words = new Words(line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries), number);
            if (words.IsAtEnd)
                continue;
            switch (words.Next("a statement"))
            {
                case "seed":
                    scenario = scenario with { Seed = words.Number(int.MinValue, int.MaxValue) };
                    break;
                case "delay":
                    lines[nameof(Scenario.Delay)] = number;
                    scenario = scenario with { Delay = words.Time() };
                    break;
                case "jitter":
                    lines[nameof(Scenario.Jitter)] = number;
                    scenario = scenario with { Jitter = words.Time() };
                    break;
                case "node":
                    lines[ScenarioRules.Node(nodes.Count)] = number;
                    nodes.Add(ReadNode(words));
                    break;
                case "router":
                    if (nodes.Count == 0)
                        throw words.Error("a router belongs to a node: write 'node NAME' before it");
                    lines[ScenarioRules.Router(nodes.Count - 1, nodes[^1].Routers.Length)] = number;
                    nodes[^1] = nodes[^1] with { Routers = [.. nodes[^1].Routers, ReadRouter(words)] };
                    break;
                case "at":
                    lines[ScenarioRules.Disturbance(disturbances.Count)] = number;
                    disturbances.Add(ReadDisturbance(words));
                    break;
                case "end":
                    lines[nameof(Scenario.End)] = number;
                    end = words.Time();
                    break;
                case var word:
                    throw words.Error($"'{word}' is not a statement: seed, delay, jitter, node, router, at and end are");
            }

            words.ThrowIfMore();
        }

        var last = disturbances.Count == 0 ? TimeSpan.Zero : disturbances[^1].At;
        scenario = scenario with { Nodes = [.. nodes], Disturbances = [.. disturbances], End = end ?? last };
        if (ScenarioRules.Find(scenario) is { } problem)
            throw new FormatException($"line {lines.GetValueOrDefault(problem.Where, number)}: {problem.Message}");
        // Only a program that says nothing about the end means the last disturbance by zero.
        if (end < last)
            throw new FormatException($"line {lines[nameof(Scenario.End)]}: the end at {Time(end.Value)} comes before the last disturbance at {Time(last)}");
        return scenario;
    }

    /// <exception cref="NotSupportedException">A setting of a router has no word.</exception>
    public static string Format(Scenario scenario)
    {
        var text = new StringBuilder();
        var plain = new Scenario();
        if (scenario.Seed != plain.Seed)
            text.Append(CultureInfo.InvariantCulture, $"seed {scenario.Seed}\n");
        if (scenario.Delay != plain.Delay)
            text.Append(CultureInfo.InvariantCulture, $"delay {Time(scenario.Delay)}\n");
        if (scenario.Jitter != plain.Jitter)
            text.Append(CultureInfo.InvariantCulture, $"jitter {Time(scenario.Jitter)}\n");
        foreach (var node in scenario.Nodes)
        {
            text.Append(CultureInfo.InvariantCulture, $"node {node.Name}");
            if (node.ClockRate != 1)
                text.Append(CultureInfo.InvariantCulture, $" clock {Value(node.ClockRate)}");
            text.Append('\n');
            foreach (var router in node.Routers)
            {
                text.Append(CultureInfo.InvariantCulture, $"  router {router.Config.Name}");
                if (router.StartAfter != TimeSpan.Zero)
                    text.Append(CultureInfo.InvariantCulture, $" start {Time(router.StartAfter)}");
                text.Append(' ').Append(FormatConfig(router.Config, node.Name)).Append('\n');
            }
        }

        foreach (var disturbance in scenario.Disturbances)
            text.Append(Format(disturbance)).Append('\n');
        text.Append(CultureInfo.InvariantCulture, $"end {Time(scenario.LastsUntil)}\n");
        return text.ToString();
    }

    public static string Format(ScenarioDisturbance disturbance)
    {
        return $"at {Time(disturbance.At)} {FormatWhat(disturbance)}";
    }

    /// <summary>What happens, without the time.</summary>
    public static string FormatWhat(ScenarioDisturbance disturbance)
    {
        var text = new StringBuilder();
        text.Append(Array.Find(Verbs, verb => verb.Kind == disturbance.Kind).Word);
        foreach (string argument in ArgumentsOf(disturbance.Kind) ?? [])
        {
            string? value = argument switch
            {
                "node" or "node?" => disturbance.Node,
                "target" => disturbance.Target,
                "target?" => disturbance.Node is null ? null : disturbance.Target,
                "time" => Time(disturbance.Duration),
                "value" => Value(disturbance.Value),
                "value?" => disturbance.Value == 0 ? null : Value(disturbance.Value),
                _ => disturbance.Words is null ? null : string.Join(' ', disturbance.Words.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)),
            };
            if (value is not null)
                text.Append(' ').Append(value);
        }

        return text.ToString();
    }

    /// <summary>What comes after the word of a kind of disturbance, in its order; null when there is no such kind.</summary>
    public static string[]? ArgumentsOf(ScenarioDisturbanceKind kind) =>
        Array.Find(Verbs, verb => verb.Kind == kind).Arguments?.Split(' ', StringSplitOptions.RemoveEmptyEntries);

    /// <summary>The numbers that a kind of disturbance takes.</summary>
    public static (double Minimum, double Maximum, bool IsWhole) RangeOf(ScenarioDisturbanceKind kind) => kind switch
    {
        ScenarioDisturbanceKind.Clock => (0.01, 100, false),
        ScenarioDisturbanceKind.Priority => (1, 254, true),
        ScenarioDisturbanceKind.Crash => (0, 10_000, true),
        ScenarioDisturbanceKind.Tracked => (-10_000, 10_000, true),
        _ => (0, 1, false),
    };

    /// <summary>The words that make a plain configuration into this one.</summary>
    /// <exception cref="NotSupportedException">They would not: a setting has no word.</exception>
    private static string FormatConfig(VirtualRouterConfig config, string node)
    {
        string words = FormatConfig(config);
        var read = Change(new() { Name = config.Name, Interface = Interface, VirtualRouterId = default }, words);
        if (!ScenarioConfig.AreSame(config, read) || words.AsSpan().ContainsAny('#', '\n'))
            throw new NotSupportedException($"Router {node}/{config.Name} cannot be written: there is no word for {ScenarioConfig.Differences(config, read)}.");
        return words;
    }

    private static string FormatConfig(VirtualRouterConfig config)
    {
        var text = new StringBuilder();
        var plain = new VirtualRouterConfig { Name = "", Interface = "", VirtualRouterId = default };
        Add(config.Interface != Interface, $"interface {config.Interface}");
        Add(config.Version == VrrpVersion.V2, "v2");
        Add(config.Family == IPFamily.IPv6, "ipv6");
        Add(true, $"vrid {config.VirtualRouterId}");
        Add(config.Priority != plain.Priority, $"priority {config.Priority}");
        Add(config.AdvertisementInterval != plain.AdvertisementInterval, $"interval {Time(config.AdvertisementInterval.Duration)}");
        Add(!config.Preempt, "nopreempt");
        Add(config.PreemptDelay != TimeSpan.Zero, $"preempt-delay {Time(config.PreemptDelay)}");
        Add(config.DownTimerAdverts != plain.DownTimerAdverts, $"down-adverts {config.DownTimerAdverts}");
        Add(!config.AnswerLowerPriority, "noanswer");
        Add(config.AdvertiseBeforeYield, "advertise-before-yield");
        Add(!config.AcceptMode, "noaccept");
        Add(config.Checksum == VrrpChecksum.MessageOnly, "message-checksum");
        Add(config.Password is not null, "password");
        Add(config.TrackedInterfaces.Length > 0, $"track {string.Join(',', config.TrackedInterfaces.Select(Tracked))}");
        Add(config.SyncGroup is not null, $"group {config.SyncGroup}");
        Add(config.UnicastPeers.Length > 0, $"peers {string.Join(',', config.UnicastPeers.Select(peer => peer.Address.ToString()))}");
        Add(config.VirtualAddresses.Length > 0, $"address {Addresses(config.VirtualAddresses)}");
        Add(config.ExcludedAddresses.Length > 0, $"excluded {Addresses(config.ExcludedAddresses)}");
        return text.ToString();

        void Add(bool isSet, string words)
        {
            if (!isSet)
                return;
            if (text.Length > 0)
                text.Append(' ');
            text.Append(words);
        }
    }

    /// <summary>Applies words, as in a router's line, to a configuration.</summary>
    /// <exception cref="FormatException">A word means nothing.</exception>
    public static VirtualRouterConfig Change(VirtualRouterConfig config, string words)
    {
        var read = new Words(words.Split(' ', StringSplitOptions.RemoveEmptyEntries), 0);
        while (!read.IsAtEnd)
            config = Change(config, read.Next("a setting"), read);
        return config;
    }

    public static string Time(TimeSpan time)
    {
        if (time == TimeSpan.Zero)
            return "0s";
        // The largest unit of which there is at least one, and for what is not a whole number of hours or days, seconds.
        foreach (var (unit, ticks) in Units)
        {
            if (time.Ticks >= ticks && (ticks <= TimeSpan.TicksPerSecond || time.Ticks % ticks == 0))
                return (time.Ticks / (decimal)ticks).ToString("0.#######", CultureInfo.InvariantCulture) + unit;
        }

        return (time.Ticks / (decimal)TimeSpan.TicksPerMicrosecond).ToString("0.#", CultureInfo.InvariantCulture) + "us";
    }

    /// <summary>Without an exponent, as people write numbers, unless that would not give it back.</summary>
    public static string Value(double value)
    {
        string text = value.ToString("R", CultureInfo.InvariantCulture);
        return text.Contains('E', StringComparison.Ordinal)
            && decimal.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out decimal exact) && (double)exact == value
            ? exact.ToString("0.############################", CultureInfo.InvariantCulture) : text;
    }

    private static string Tracked(TrackedInterface tracked) =>
        string.Create(CultureInfo.InvariantCulture, $"{tracked.Name}:{tracked.Weight}{(tracked.Reverse ? ":reverse" : "")}");

    private static string Addresses(ImmutableArray<VirtualAddress> addresses) =>
        string.Join(',', addresses.Select(address => address == VirtualAddress.Host(address.Address)
            ? address.Address.ToString() : $"{address.Address}/{address.PrefixLength}"));

    private static ScenarioNode ReadNode(Words words)
    {
        var node = new ScenarioNode { Name = words.Next("the node's name") };
        while (!words.IsAtEnd)
        {
            node = words.Next("a setting") switch
            {
                "clock" => node with { ClockRate = words.Value(0.01, 100) },
                var word => throw words.Error($"'{word}' is no setting of a node: clock is"),
            };
        }

        return node;
    }

    private static ScenarioRouter ReadRouter(Words words)
    {
        var config = new VirtualRouterConfig { Name = words.Next("the router's name"), Interface = Interface, VirtualRouterId = default };
        var startAfter = TimeSpan.Zero;
        while (!words.IsAtEnd)
        {
            string word = words.Next("a setting");
            if (word == "start")
                startAfter = words.Time();
            else
                config = Change(config, word, words);
        }

        return new(config, startAfter);
    }

    private static VirtualRouterConfig Change(VirtualRouterConfig config, string word, Words words)
    {
        return word switch
        {
            "v2" => config with { Version = VrrpVersion.V2 },
            "v3" => config with { Version = VrrpVersion.V3 },
            "ipv4" => config with { Family = IPFamily.IPv4 },
            "ipv6" => config with { Family = IPFamily.IPv6 },
            "vrid" => config with { VirtualRouterId = new(words.Number(1, 255)) },
            "priority" => config with { Priority = new(words.Number(0, 255)) },
            "interval" => config with { AdvertisementInterval = words.Interval() },
            "preempt" => config with { Preempt = true },
            "nopreempt" => config with { Preempt = false },
            "preempt-delay" => config with { PreemptDelay = words.Time() },
            "down-adverts" => config with { DownTimerAdverts = words.Number(1, 100) },
            "answer" => config with { AnswerLowerPriority = true },
            "noanswer" => config with { AnswerLowerPriority = false },
            "advertise-before-yield" => config with { AdvertiseBeforeYield = true },
            "accept" => config with { AcceptMode = true },
            "noaccept" => config with { AcceptMode = false },
            "message-checksum" => config with { Checksum = VrrpChecksum.MessageOnly },
            // A password is never given back as text: all routers of a scenario that have one have the same.
            "track" => config with { TrackedInterfaces = words.Tracked() },
            "notrack" => config with { TrackedInterfaces = [] },
            "password" => config with { Password = SimplePassword.From("scenario") },
            "group" => config with { SyncGroup = words.Next("the group's name") },
            "nogroup" => config with { SyncGroup = null },
            "peers" => config with { UnicastPeers = [.. words.Addresses().Select(address => new UnicastPeer(address.Address))] },
            "address" => config with { VirtualAddresses = words.Addresses() },
            "excluded" => config with { ExcludedAddresses = words.Addresses() },
            "name" => config with { Name = words.Next("a name") },
            "interface" => config with { Interface = words.Next("an interface") },
            _ => throw words.Error($"'{word}' is no setting of a router"),
        };
    }

    private static ScenarioDisturbance ReadDisturbance(Words words)
    {
        var at = words.Time();
        string verb = words.Next("what happens");
        int index = Array.FindIndex(Verbs, known => known.Word == verb);
        if (index < 0)
            throw words.Error($"'{verb}' is no disturbance; there are {string.Join(", ", Verbs.Select(known => known.Word))}");
        var disturbance = new ScenarioDisturbance { At = at, Kind = Verbs[index].Kind };
        foreach (string argument in ArgumentsOf(disturbance.Kind)!)
        {
            disturbance = argument switch
            {
                "node?" or "target?" when words.IsAtEnd && disturbance.Node is null => disturbance,
                "node" or "node?" => disturbance with { Node = words.Next("a node") },
                "target" or "target?" => disturbance with { Target = words.Next(disturbance.IsOfWay ? "another node" : "a router") },
                "time" => disturbance with { Duration = words.Time() },
                "value?" or "word?" when words.IsAtEnd => disturbance,
                "value" or "value?" => disturbance with { Value = ReadValue(disturbance.Kind, words) },
                "word" or "word?" => disturbance with { Words = words.Next("one word more") },
                _ => disturbance with { Words = words.Rest() },
            };
        }

        return disturbance;
    }

    private static double ReadValue(ScenarioDisturbanceKind kind, Words words)
    {
        var (minimum, maximum, isWhole) = RangeOf(kind);
        return isWhole ? words.Number((int)minimum, (int)maximum) : words.Value(minimum, maximum);
    }

    /// <summary>The words of one line, read from left to right.</summary>
    private sealed class Words(string[] words, int line)
    {
        private int _next;

        public bool IsAtEnd => _next == words.Length;

        public FormatException Error(string message) => new(line == 0 ? message : $"line {line}: {message}");

        public string Next(string what) => IsAtEnd ? throw Error($"{what} is missing at the end") : words[_next++];

        public string Rest()
        {
            string rest = string.Join(' ', words[_next..]);
            if (rest.Length == 0)
                throw Error("a setting is missing at the end");
            _next = words.Length;
            return rest;
        }

        public void ThrowIfMore()
        {
            if (!IsAtEnd)
                throw Error($"'{words[_next]}' is one word too many");
        }

        public int Number(int minimum, int maximum)
        {
            string word = Next("a number");
            return int.TryParse(word, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int value) && value >= minimum && value <= maximum
                ? value : throw Error($"'{word}' is no whole number from {minimum} to {maximum}");
        }

        public double Value(double minimum, double maximum)
        {
            string word = Next("a number");
            return double.TryParse(word, NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent, CultureInfo.InvariantCulture, out double value) && value >= minimum && value <= maximum
                ? value : throw Error(string.Create(CultureInfo.InvariantCulture, $"'{word}' is no number from {minimum} to {maximum}"));
        }

        public TimeSpan Time()
        {
            string word = Next("a time");
            int length = word.Length;
            while (length > 0 && char.IsAsciiLetter(word[length - 1]))
                length--;
            foreach (var (unit, ticks) in Units)
            {
                if (!word.AsSpan(length).SequenceEqual(unit)
                    || !decimal.TryParse(word.AsSpan(0, length), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out decimal number))
                {
                    continue;
                }

                if (number > ScenarioRules.LongestTime.Ticks / (decimal)ticks)
                    throw Error($"'{word}' is too long: no time is longer than {ScenarioText.Time(ScenarioRules.LongestTime)}");
                if (number * ticks is var exact && exact == decimal.Truncate(exact))
                    return TimeSpan.FromTicks((long)exact);
            }

            throw Error($"'{word}' is no time: a number and, without a space, one of {string.Join(", ", Units.Select(unit => unit.Unit))}");
        }

        public AdvertisementInterval Interval()
        {
            var time = Time();
            long centiseconds = time.Ticks / (TimeSpan.TicksPerMillisecond * 10);
            return time.Ticks % (TimeSpan.TicksPerMillisecond * 10) == 0 && centiseconds is >= 1 and <= AdvertisementInterval.MaxVersion2Seconds * 100
                ? AdvertisementInterval.FromCentiseconds((int)centiseconds)
                : throw Error($"{ScenarioText.Time(time)} is no interval: 10ms to 255s in steps of 10ms");
        }

        public ImmutableArray<TrackedInterface> Tracked()
        {
            var tracked = ImmutableArray.CreateBuilder<TrackedInterface>();
            foreach (string word in Next("an interface").Split(','))
            {
                string[] parts = word.Split(':');
                bool isReverse = parts is [_, _, "reverse"];
                if (parts.Length > (isReverse ? 3 : 2) || parts[0].Length == 0)
                    throw Error($"'{word}' is no interface with a weight, as in {SecondInterface}:-50");
                int weight = 0;
                if (parts.Length > 1 && !int.TryParse(parts[1], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out weight))
                    throw Error($"'{parts[1]}' is no weight from -253 to 253");
                tracked.Add(new(parts[0], weight, isReverse));
            }

            return tracked.ToImmutable();
        }

        public ImmutableArray<VirtualAddress> Addresses()
        {
            var addresses = ImmutableArray.CreateBuilder<VirtualAddress>();
            foreach (string word in Next("an address").Split(','))
            {
                string[] parts = word.Split('/');
                if (!IPAddressValue.TryParse(parts[0], out var address) || parts.Length > 2)
                    throw Error($"'{word}' is no address");
                var host = VirtualAddress.Host(address);
                if (parts.Length == 1)
                    addresses.Add(host);
                else if (byte.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out byte prefix) && prefix <= host.PrefixLength)
                    addresses.Add(host with { PrefixLength = prefix });
                else
                    throw Error($"'{parts[1]}' is no prefix length");
            }

            return addresses.ToImmutable();
        }
    }
}
