using Kind = Vrrp.Simulation.ScenarioDisturbanceKind;

namespace Vrrp.Simulation;

/// <summary>Something in a scenario that cannot be.</summary>
/// <param name="Where">The member of the scenario: <c>Nodes[0].Routers[1]</c>, <c>Disturbances[3]</c>, <c>End</c>.</param>
/// <param name="Message">What is wrong, as a clause.</param>
internal readonly record struct ScenarioProblem(string Where, string Message);

/// <summary>What a scenario has to be so that it can run, whether it was read or a program made it.</summary>
internal static class ScenarioRules
{
    /// <summary>No time of a scenario is longer: three of them added up are still a moment on the clock.</summary>
    public static readonly TimeSpan LongestTime = TimeSpan.FromDays(36_500);

    /// <summary>On the slowest clock that is <see cref="LongestTime"/>.</summary>
    private static readonly TimeSpan LongestWait = TimeSpan.FromDays(365);

    private static readonly TimeSpan LongestWay = TimeSpan.FromDays(1);

    public static string Node(int index) => $"Nodes[{index}]";

    public static string Router(int node, int index) => $"{Node(node)}.Routers[{index}]";

    public static string Disturbance(int index) => $"Disturbances[{index}]";

    /// <exception cref="ArgumentException">Something in it cannot be; the message begins with the member.</exception>
    public static void ThrowIfInvalid(Scenario scenario)
    {
        if (Find(scenario) is { } problem)
            throw new ArgumentException($"{problem.Where}: {problem.Message}");
    }

    /// <summary>The first thing that cannot be; null when it can run.</summary>
    public static ScenarioProblem? Find(Scenario scenario)
    {
        if (WayProblem(scenario.Delay) is { } delay)
            return new(nameof(Scenario.Delay), delay);
        if (WayProblem(scenario.Jitter) is { } jitter)
            return new(nameof(Scenario.Jitter), jitter);
        if (scenario.Nodes.IsDefault)
            return new(nameof(Scenario.Nodes), "there is no list");
        if (scenario.Disturbances.IsDefault)
            return new(nameof(Scenario.Disturbances), "there is no list");
        for (int i = 0; i < scenario.Nodes.Length; i++)
        {
            if (FindIn(scenario, i) is { } problem)
                return problem;
        }

        var before = TimeSpan.Zero;
        for (int i = 0; i < scenario.Disturbances.Length; i++)
        {
            if (FindIn(scenario, scenario.Disturbances[i], before) is { } problem)
                return new(Disturbance(i), problem);
            before = scenario.Disturbances[i].At;
        }

        return EndProblem(scenario, before) is { } end ? new(nameof(Scenario.End), end) : null;
    }

    private static ScenarioProblem? FindIn(Scenario scenario, int index)
    {
        var node = scenario.Nodes[index];
        if (!IsWord(node.Name) || node.Name.Contains(',', StringComparison.Ordinal))
            return new(Node(index), $"'{node.Name}' cannot be a name: it is one word, and a comma separates names");
        for (int i = 0; i < index; i++)
        {
            if (scenario.Nodes[i].Name == node.Name)
                return new(Node(index), $"there is a node '{node.Name}' already");
        }

        if (node.ClockRate is not (>= 0.01 and <= 100))
            return new(Node(index), $"a clock runs 0.01 to 100 times as fast as time, not {ScenarioText.Value(node.ClockRate)} times");
        if (node.Routers.IsDefault)
            return new(Node(index), "there is no list of routers");
        for (int i = 0; i < node.Routers.Length; i++)
        {
            if (FindIn(node, i) is { } problem)
                return new(Router(index, i), problem);
        }

        return null;
    }

    private static string? FindIn(ScenarioNode node, int index)
    {
        var (config, startAfter) = node.Routers[index];
        if (!IsWord(config.Name))
            return $"'{config.Name}' cannot be a name: it is one word";
        for (int i = 0; i < index; i++)
        {
            if (node.Routers[i].Config.Name == config.Name)
                return $"node {node.Name} has a router '{config.Name}' already";
        }

        if (config.Validate() is [var problem, ..])
            return problem;
        if (TrackingProblem(config) is { } tracking)
            return tracking;
        if (WaitProblem(startAfter) is { } start)
            return start;
        if (WaitProblem(config.PreemptDelay) is { } delay)
            return delay;
        for (int i = 0; i < index; i++)
        {
            if (node.Routers[i].Config.ConflictsWith(config))
                return $"VRID {config.VirtualRouterId} is taken on node {node.Name}";
        }

        return null;
    }

    private static string? FindIn(Scenario scenario, ScenarioDisturbance disturbance, TimeSpan before)
    {
        if (TimeProblem(disturbance.At) is { } problem)
            return problem;
        if (disturbance.At < before)
            return $"{ScenarioText.Time(disturbance.At)} comes before {ScenarioText.Time(before)}, the time of the disturbance above";
        if (ScenarioText.ArgumentsOf(disturbance.Kind) is not { } arguments)
            return $"'{disturbance.Kind}' is no disturbance";
        foreach (string argument in arguments)
        {
            string? found = argument switch
            {
                "node?" or "target?" when disturbance.Node is null => disturbance.Target is null ? null : "it names no node that sends",
                "node" or "node?" => NodeProblem(scenario, disturbance),
                "target" or "target?" => TargetProblem(scenario, disturbance),
                "time" => DurationProblem(disturbance),
                "value" or "value?" => ValueProblem(disturbance),
                "word?" when disturbance.Words is null => null,
                "word" or "word?" => WordProblem(disturbance),
                "words" => WordsProblem(scenario, disturbance),
                _ => null,
            };
            if (found is not null)
                return found;
        }

        return null;
    }

    private static string? NodeProblem(Scenario scenario, ScenarioDisturbance disturbance)
    {
        if (disturbance.Node is null)
            return "it names no node";
        string[] names = disturbance.Kind == Kind.Part ? disturbance.Node.Split(',') : [disturbance.Node];
        foreach (string name in names)
        {
            if (FindNode(scenario, name) is null)
                return $"there is no node '{name}'";
        }

        return null;
    }

    private static string? TargetProblem(Scenario scenario, ScenarioDisturbance disturbance)
    {
        if (disturbance.IsOfWay)
        {
            return disturbance.Target is null ? "it names no other node"
                : FindNode(scenario, disturbance.Target) is null ? $"there is no node '{disturbance.Target}'"
                : disturbance.Target == disturbance.Node ? $"{disturbance.Node} has no way to itself"
                : null;
        }

        return disturbance.Target is null ? "it names no router"
            : FindRouter(scenario, disturbance) is not { } router ? $"node {disturbance.Node} has no router '{disturbance.Target}'"
            : disturbance.Kind == Kind.Priority && router.Config.IsOwner ? $"router {disturbance.Target} of node {disturbance.Node} is the owner of its addresses"
            : null;
    }

    private static string? DurationProblem(ScenarioDisturbance disturbance) =>
        disturbance.Kind is Kind.Delay or Kind.Jitter or Kind.Reordering ? WayProblem(disturbance.Duration)
            : disturbance.Duration == TimeSpan.Zero ? "it has to last"
            : TimeProblem(disturbance.Duration);

    private static string? ValueProblem(ScenarioDisturbance disturbance)
    {
        var (minimum, maximum, isWhole) = ScenarioText.RangeOf(disturbance.Kind);
        double value = disturbance.Value;
        return value >= minimum && value <= maximum && (!isWhole || Math.Truncate(value) == value) ? null
            : $"'{ScenarioText.Value(value)}' is no {(isWhole ? "whole " : "")}number from {ScenarioText.Value(minimum)} to {ScenarioText.Value(maximum)}";
    }

    private static string? WordProblem(ScenarioDisturbance disturbance)
    {
        if (disturbance.Kind is Kind.LinkDown or Kind.LinkUp)
            return InterfaceProblem(disturbance.Words);
        if (disturbance.Kind == Kind.Tracked)
        {
            return disturbance.Words is ScenarioText.Faulty or ScenarioText.Pending
                ? null : $"'{disturbance.Words}' is nothing that is tracked; there are {ScenarioText.Faulty} and {ScenarioText.Pending}";
        }

        if (disturbance.Kind != Kind.Malformed)
            return IPAddressValue.TryParse(disturbance.Words, out _) ? null : $"'{disturbance.Words}' is no address";
        return disturbance.Words is { } word && ScenarioMalformedPacket.TryParse(word, out _) ? null
            : $"'{disturbance.Words}' is no way for a packet to be malformed; there are {string.Join(", ", ScenarioMalformedPacket.Words)}";
    }

    /// <summary>What a running router cannot change is as it was configured, whatever came before: so it is known here what can be done.</summary>
    private static string? WordsProblem(Scenario scenario, ScenarioDisturbance disturbance)
    {
        if (string.IsNullOrWhiteSpace(disturbance.Words))
            return "a setting is missing at the end";
        if (disturbance.Words.AsSpan().IndexOfAny('#', '\n') >= 0)
            return $"'{disturbance.Words}' is more than one line says";
        var config = FindRouter(scenario, disturbance)!.Config;
        VirtualRouterConfig changed;
        try
        {
            changed = ScenarioText.Change(config, disturbance.Words);
        }
        catch (FormatException exception)
        {
            return exception.Message;
        }

        string? problem = !VrrpNode.CanReconfigure(config, changed)
            ? "interface, VRID, family, version, group, ownership and unicast of a running router cannot change"
            : changed.Validate() is [var first, ..] ? first
            : TrackingProblem(changed) ?? WaitProblem(changed.PreemptDelay);
        if (disturbance.Kind != Kind.Misconfigure)
            return problem;
        bool mayBeTaken = FindNode(scenario, disturbance.Node!)!.Routers.Any(other => other.Config.Name != config.Name
            && (other.Config.Name == changed.Name || other.Config.ConflictsWith(changed)));
        return problem is not null || mayBeTaken ? null : $"'{disturbance.Words}' would not be refused; such a change is 'reconfigure'";
    }

    private static string? EndProblem(Scenario scenario, TimeSpan last)
    {
        if (TimeProblem(scenario.End) is { } problem)
            return problem;
        if (scenario.End != TimeSpan.Zero && scenario.End < last)
            return $"the end at {ScenarioText.Time(scenario.End)} comes before the last disturbance at {ScenarioText.Time(last)}";
        double fastest = scenario.Nodes.Select(node => node.ClockRate)
            .Concat(scenario.Disturbances.Where(disturbance => disturbance.Kind == Kind.Clock).Select(disturbance => disturbance.Value))
            .DefaultIfEmpty(1).Max();
        return scenario.LastsUntil.TotalDays * fastest > LongestTime.TotalDays
            ? $"the fastest clock would come to more than {ScenarioText.Time(LongestTime)}" : null;
    }

    private static string? TimeProblem(TimeSpan time) => time >= TimeSpan.Zero && time <= LongestTime
        ? null : $"{ScenarioText.Time(time)} is no time from 0s to {ScenarioText.Time(LongestTime)}";

    private static string? WaitProblem(TimeSpan time) => time >= TimeSpan.Zero && time <= LongestWait
        ? null : $"{ScenarioText.Time(time)} is too long: a router waits for 0s to {ScenarioText.Time(LongestWait)}";

    private static string? WayProblem(TimeSpan time) => time >= TimeSpan.Zero && time <= LongestWay
        ? null : $"{ScenarioText.Time(time)} is too long: a packet is under way for 0s to {ScenarioText.Time(LongestWay)}";

    private static string? TrackingProblem(VirtualRouterConfig config)
    {
        foreach (var tracked in config.TrackedInterfaces)
        {
            if (InterfaceProblem(tracked.Name) is { } problem)
                return problem;
            if (tracked.Weight is < -253 or > 253)
                return $"'{tracked.Weight}' is no weight from -253 to 253";
        }

        return null;
    }

    private static string? InterfaceProblem(string? name) => name is ScenarioText.Interface or ScenarioText.SecondInterface
        ? null : $"'{name}' is no interface; there are {ScenarioText.Interface} and {ScenarioText.SecondInterface}";

    private static bool IsWord(string? name) =>
        !string.IsNullOrEmpty(name) && !name.Contains('#', StringComparison.Ordinal) && !name.Any(char.IsWhiteSpace);

    private static ScenarioNode? FindNode(Scenario scenario, string name) => scenario.Nodes.FirstOrDefault(node => node.Name == name);

    private static ScenarioRouter? FindRouter(Scenario scenario, ScenarioDisturbance disturbance) =>
        FindNode(scenario, disturbance.Node!)?.Routers.FirstOrDefault(router => router.Config.Name == disturbance.Target);
}
