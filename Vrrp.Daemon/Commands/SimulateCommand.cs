using System.CommandLine;
using System.Globalization;
using Vrrp.Simulation;

namespace Vrrp.Daemon.Commands;

/// <summary><c>vrrp simulate</c>: random scenarios, one of them, or one from a file, in virtual time and under every invariant.</summary>
internal static class SimulateCommand
{
    public const int Sound = 0;
    public const int Unusable = 1;
    public const int Violated = 2;
    private const int DefaultCount = 100;
    private const double MostDays = 1_000_000;

    public static Command Create()
    {
        var seed = CommandLine.WholeNumber("--seed", int.MinValue, int.MaxValue);
        seed.Description = string.Create(
            CultureInfo.InvariantCulture, $"Run the scenario of this seed, {int.MinValue} to {int.MaxValue}; with --count or --days, begin with it. Default: begin with 1.");
        var count = CommandLine.WholeNumber("--count", 1, int.MaxValue);
        count.Description = $"How many seeds to run, one after the other. Default: {DefaultCount}, or 1 with --seed.";
        var days = new Option<double?>("--days")
        {
            Description = "Run seeds until virtual routers have lived so many days, added up over all of them.",
            HelpName = "D",
            CustomParser = result =>
            {
                string text = result.Tokens[0].Value;
                if (double.TryParse(text, CultureInfo.InvariantCulture, out double number) && number is > 0 and <= MostDays)
                    return number;
                result.AddError(string.Create(CultureInfo.InvariantCulture, $"--days takes a number above 0 and up to {MostDays:0}, not '{text}'."));
                return null;
            },
        };
        var file = new Option<string?>("--scenario") { Description = "Run the scenario in this file instead of a random one.", HelpName = "FILE" };
        var shrink = new Option<bool>("--shrink") { Description = "Make a scenario that violates an invariant as small as it gets, and print it as a file and as a test." };
        var timeline = new Option<bool>("--timeline") { Description = "Print what happens, line by line. For one seed or a file." };
        var command = new Command("simulate", """
            Run virtual routers in virtual time on a LAN where everything goes wrong, and check after every turn that no invariant is
            violated: one Master, its addresses on it and nowhere else, advertisements on time. Needs no privilege and touches nothing.

            Exit status: 0 no invariant was violated; 1 bad command line, or a scenario that cannot be read; 2 one was.
            """)
        {
            seed, count, days, file, shrink, timeline,
        };
        command.Validators.Add(parsed =>
        {
            bool isOne = parsed.GetResult(file) is not null || (parsed.GetResult(seed) is not null && parsed.GetResult(count) is null && parsed.GetResult(days) is null);
            if (parsed.GetResult(timeline) is { Implicit: false } && !isOne)
                parsed.AddError("--timeline is for one scenario: name it with --seed or --scenario.");
            if (parsed.GetResult(file) is not null && (parsed.GetResult(seed) ?? parsed.GetResult(count) ?? parsed.GetResult(days)) is not null)
                parsed.AddError("A scenario from a file has no seed, count or days to choose.");
            if (parsed.GetResult(count) is not null && parsed.GetResult(days) is not null)
                parsed.AddError("--count and --days each say when to end: give one of them.");
        });
        file.Validators.Add(result =>
        {
            if (string.IsNullOrWhiteSpace(result.GetValueOrDefault<string?>()))
                result.AddError("--scenario takes the name of a file.");
        });
        command.SetAction(parsed => Run(
            new(parsed.GetValue(seed), parsed.GetValue(count), parsed.GetValue(days), parsed.GetValue(file), parsed.GetValue(shrink), parsed.GetValue(timeline)),
            parsed.InvocationConfiguration.Output,
            parsed.InvocationConfiguration.Error));
        return command;
    }

    public static int Run(Choice choice, TextWriter output, TextWriter error)
    {
        if (choice.File is null)
            return RunSeeds(choice, output, error);
        if (Directory.Exists(choice.File))
        {
            error.WriteLine($"error: {choice.File} is a directory: --scenario takes the name of a file");
            return Unusable;
        }

        Scenario scenario;
        try
        {
            scenario = Scenario.Parse(File.ReadAllText(choice.File));
        }
        catch (Exception exception) when (exception is FormatException or IOException or UnauthorizedAccessException)
        {
            error.WriteLine($"error: {choice.File}: {exception.Message}");
            return Unusable;
        }

        if (!scenario.Nodes.Any(node => node.Routers.Length > 0))
        {
            error.WriteLine($"error: {choice.File}: there is no router in it, so nothing would be checked");
            return Unusable;
        }

        var last = scenario.Disturbances.IsEmpty ? TimeSpan.Zero : scenario.Disturbances[^1].At;
        if (scenario.End == last)
        {
            error.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"warning: {choice.File}: the run ends {(last == TimeSpan.Zero ? "as it begins" : $"with the last disturbance, after {last.TotalSeconds} s")}, so nothing is checked that would come after. Say when, as in 'end 1m'."));
        }

        var summary = new Summary();
        summary.Add(scenario.Run(Options(choice)));
        return Finish(choice, summary, choice.File, output);
    }

    private static int RunSeeds(Choice choice, TextWriter output, TextWriter error)
    {
        int first = choice.Seed ?? 1;
        long end = choice.Days is null ? first + (long)(choice.Count ?? (choice.Seed is null ? DefaultCount : 1)) : int.MaxValue + 1L;
        if (end > int.MaxValue + 1L)
        {
            error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"error: the last seed is {int.MaxValue}: from {first} there are {int.MaxValue - (long)first + 1}."));
            return Unusable;
        }

        var summary = new Summary();
        long next = first;
        // A handful at a time, so that it ends soon after the days are full, and the first of the seeds that fail is the one that is told.
        while (next < end && summary.RouterTime.TotalDays < (choice.Days ?? double.MaxValue) && summary.Failed is null)
        {
            long from = next;
            next = Math.Min(end, from + (4 * Environment.ProcessorCount));
            var results = new ScenarioResult[next - from];
            Parallel.For(0, results.Length, i => results[i] = RandomScenario.Create((int)(from + i)).Run(Options(choice)));
            foreach (var result in results)
                summary.Add(result);
        }

        if (summary.Failed is null && summary.RouterTime.TotalDays < choice.Days)
        {
            error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"error: the seeds from {first} to {int.MaxValue} are used up after {summary.RouterTime.TotalDays:0.##} router-days."));
            return Unusable;
        }

        long last = next - 1;
        string name = first == last ? string.Create(CultureInfo.InvariantCulture, $"seed {first}") : string.Create(CultureInfo.InvariantCulture, $"seeds {first} to {last}");
        return Finish(choice, summary, name, output);
    }

    private static ScenarioOptions Options(Choice choice) =>
        new() { Records = choice.Timeline ? SimulationEventKinds.Timeline : SimulationEventKinds.None };

    private static int Finish(Choice choice, Summary summary, string name, TextWriter output)
    {
        if (choice.Timeline)
            output.WriteLine(summary.Last!.Timeline);
        output.Write(summary.Print(name));
        if (summary.Failed is not { } failed)
            return Sound;
        foreach (var violation in failed.Violations)
            output.WriteLine($"  {violation}");
        if (choice.File is null)
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"Replay it with: vrrp simulate --seed {failed.Scenario.Seed} --timeline"));
        if (choice.Shrink)
            PrintShrunk(failed, output);
        return Violated;
    }

    private static void PrintShrunk(ScenarioResult failed, TextWriter output)
    {
        var invariant = failed.Violations[0].Invariant;
        var small = ScenarioShrinker.Shrink(
            failed.Scenario,
            candidate => candidate.Run(new() { Records = SimulationEventKinds.None }).Violations is [var first, ..] && first.Invariant == invariant);
        output.WriteLine();
        output.WriteLine("As small as it gets:");
        output.WriteLine();
        output.WriteLine(small.ToString());
        output.WriteLine("As a test:");
        output.WriteLine();
        output.WriteLine(ScenarioShrinker.ToTest(small, $"{invariant}_holds"));
    }

    /// <summary>What the command line says.</summary>
    public sealed record Choice(int? Seed, int? Count, double? Days, string? File, bool Shrink, bool Timeline);

    /// <summary>What several runs have in common.</summary>
    private sealed class Summary
    {
        private readonly SortedDictionary<string, long> _disturbances = new(StringComparer.Ordinal);
        private readonly SortedDictionary<string, long> _transitions = new(StringComparer.Ordinal);
        private long _scenarios;
        private long _advertisements;
        private long _packets;
        private long _convergences;
        private long _violations;
        private TimeSpan _disturbed;

        public TimeSpan RouterTime { get; private set; }

        public ScenarioResult? Last { get; private set; }

        /// <summary>The first of those that violated an invariant.</summary>
        public ScenarioResult? Failed { get; private set; }

        public void Add(ScenarioResult result)
        {
            _scenarios++;
            RouterTime += result.RouterTime;
            _disturbed += result.DisturbedRouterTime;
            _advertisements += result.Advertisements;
            _packets += result.Packets;
            _convergences += result.Convergences;
            _violations += result.Violations.Length;
            foreach (var (kind, times) in result.Disturbances)
                Count(_disturbances, kind.ToString(), times);
            foreach (var (transition, times) in result.Transitions)
                Count(_transitions, $"{transition.From} → {transition.To} ({transition.Reason})", times);
            Last = result;
            if (!result.Violations.IsEmpty)
                Failed ??= result;
        }

        public string Print(string name) => string.Create(CultureInfo.InvariantCulture, $"""
            {name}: {_scenarios:N0} scenario{(_scenarios == 1 ? "" : "s")}, {RouterTime.TotalDays:N2} router-days, {_disturbed.TotalDays:N2} of them before the last disturbance
              advertisements sent   {_advertisements:N0}
              packets read          {_packets:N0}
              convergences in time  {_convergences:N0}
              disturbances          {_disturbances.Values.Sum():N0}{List(_disturbances)}
              transitions           {_transitions.Values.Sum():N0}{List(_transitions)}
              violations            {_violations:N0}

            """);

        private static void Count(SortedDictionary<string, long> counts, string key, int times) =>
            counts[key] = counts.GetValueOrDefault(key) + times;

        private static string List(SortedDictionary<string, long> counts) => string.Concat(counts.Select(
            count => string.Create(CultureInfo.InvariantCulture, $"{Environment.NewLine}    {count.Value,10:N0}  {count.Key}")));
    }
}
