using System.Globalization;
using Vrrp.Benchmarks.Comparison;

namespace Vrrp.Benchmarks.Soak;

/// <summary>Prints what a run found, as the tables of docs/reliability.md, and judges it.</summary>
internal sealed class SoakReport(SoakOptions options)
{
    private const double Mebibyte = 1024;

    // What is dead stays resident until its generation is collected, many reloads later: a saw with teeth of megabytes. What is alive is
    // exact, and judged more strictly.
    private const double ResidentTolerance = 8.0;
    private const double LiveTolerance = 64.0;
    private const double HandleTolerance = 0.5;
    private const double ThreadTolerance = 1.0;
    private const double WorkerTolerance = 8.0;

    private readonly List<string> _failures = [];

    public void Print(SoakResult result)
    {
        var samples = result.Samples;
        double seconds = samples.Count > 0 ? samples[^1].At - samples[0].At : 0;
        int reloads = result.ReloadTimes.Sum(times => times.Value.Count);
        int refused = result.ReloadTimes.GetValueOrDefault(ReloadKind.Broken)?.Count ?? 0;
        Console.WriteLine($"""

            {(result.HasPeer ? "Master of one half, Backup of the other" : "Master of all")}: {options.Routers} routers at {options.Interval.TotalMilliseconds:0} ms,
            {Number(options.Minutes)} min, of which the last {Number(seconds / 60)} count; {reloads} reloads in them, {refused} of a broken file; seed {options.Seed};
            {(options.RealTimePriority > 0 ? $"real-time priority {options.RealTimePriority}" : "normal priority")}, nice {options.Nice}; load at the end {Compare.LoadAverage()}.

            | Quantity | Unit | First third | Last third | Growth of the line | Least | Most | Tolerance | |
            |---|---|--:|--:|--:|--:|--:|--:|---|
            """);
        Trend("Resident memory", "MiB", Of(samples, sample => sample.ResidentKibibytes / Mebibyte), ResidentTolerance);
        Trend("of that of no file", "MiB", Of(samples, sample => sample.AnonymousKibibytes / Mebibyte), ResidentTolerance);
        Trend("Proportional share (PSS)", "MiB", Of(samples, sample => sample.ProportionalKibibytes / Mebibyte), ResidentTolerance);
        Trend("Managed heap after the last collection", "MiB", [.. result.Heap.Select(heap => (heap.At, heap.Bytes / Mebibyte / Mebibyte))], null);
        Trend("Handles of the runtime", "", [.. result.Heap.Select(heap => (heap.At, heap.Handles))], null);
        Trend("Open handles", "", Of(samples, sample => sample.HandleCount), HandleTolerance);
        foreach (string kind in samples.SelectMany(sample => sample.Handles.Keys).Distinct().Where(kind => kind != ProcessSample.Assembly).Order(StringComparer.Ordinal))
            Trend($"of these {kind}", "", Of(samples, sample => sample.Handles.GetValueOrDefault(kind)), HandleTolerance);
        Trend("Open assemblies", "", Of(samples, sample => sample.Handles.GetValueOrDefault(ProcessSample.Assembly)), null);
        Trend("Threads, but for the pool's workers", "", Of(samples, sample => sample.Threads), ThreadTolerance);
        Trend("Workers of the pool", "", Of(samples, sample => sample.PoolWorkers), WorkerTolerance);
        Live(result);

        Console.WriteLine("""

            | Quantity | Unit | |
            |---|---|--:|
            """);
        if (result.Unwatched is { } unwatched)
            Value("After the start, before it was watched: resident / of no file / proportional share", "MiB", unwatched.ResidentKibibytes / Mebibyte, unwatched.AnonymousKibibytes / Mebibyte, unwatched.ProportionalKibibytes / Mebibyte);
        Value("Processor", "% of a core", samples.Count > 1 ? 100 * (samples[^1].ProcessorSeconds - samples[0].ProcessorSeconds) / seconds : double.NaN);
        foreach (var (kind, times) in result.ReloadTimes.OrderBy(times => times.Key))
            Value($"Reload, {Name(kind)}: median / longest", "ms", Statistics.Median(times), Statistics.Maximum(times));
        Collections(result, seconds);
        var wire = result.Wire;
        Value("Adverts seen", "", wire.Adverts);
        Lateness("Advert late, in seconds without a reload", wire.Quiet);
        Lateness("Advert late, in the second from a reload on", wire.AtReload);
        Value("Latest advert of a reload: median / p90", "ms", Statistics.Median(wire.WorstAtReload) / 1000, Statistics.Percentile(wire.WorstAtReload, 0.9) / 1000);
        Value("Latest timer by the engine's own measure, from the start to the first snapshot", "ms", result.LatestTimer);
        Value("Pauses of three intervals and more", "", wire.LongPauses);
        if (result.HasPeer)
            Value("Takeovers by the peer that nobody asked for", "", wire.FalseTakeovers);
        Value("Stalls that the daemon told of (at most one a minute)", "", result.Stalls);
        Expect("Frames lost by the capture", result.FramesLost);
        Expect("Events lost by the runtime", (long)result.EventsLost);
        Expect("Reloads after which addresses or priorities were others than configured", result.Deviations.Count);
        Expect("Errors in the log", result.Errors.Count);
        Expect("Left behind in the end: addresses, tables, processes, files", result.LeftBehind.Count);
        Expect("Exit status", result.ExitCode ?? -1);
        foreach (string detail in result.Deviations.Concat(result.Errors).Concat(result.LeftBehind).Take(20))
            Console.Error.WriteLine($"note: {detail}");
        Console.Error.WriteLine($"threads: {string.Join(", ", result.ThreadNames.Select(thread => $"{thread.Value} {thread.Key}").Order(StringComparer.Ordinal))}");
    }

    /// <summary>Prints the verdict on all that was printed.</summary>
    /// <returns>Whether all is well.</returns>
    public bool Conclude()
    {
        Console.WriteLine();
        Console.WriteLine(_failures.Count == 0 ? "Flat, and nothing left behind." : $"Not flat: {string.Join("; ", _failures)}.");
        return _failures.Count == 0;
    }

    private void Trend(string quantity, string unit, IReadOnlyList<(double At, double Value)> samples, double? tolerance)
    {
        var trend = Soak.Trend.Of([.. samples.Where(sample => !double.IsNaN(sample.Value))]);
        Row(quantity, unit, trend, tolerance, tolerance is null || trend.IsFlat(tolerance.Value));
    }

    /// <summary>Two snapshots at the same place of a cycle: what is alive in both cases is what the configuration needs.</summary>
    private void Live(SoakResult result)
    {
        if (result is not { Before: { } before, After: { } after })
            return;
        double growth = (after.Bytes - before.Bytes) / 1024.0;
        var trend = new Trend(before.Bytes / 1024.0, after.Bytes / 1024.0, growth, double.NaN, double.NaN);
        Row("Live objects after a full collection", "KiB", trend, LiveTolerance, growth <= LiveTolerance);
        foreach (var (type, objects, bytes) in after.GrowthSince(before, result.TypeNames).Take(12))
            Console.Error.WriteLine($"more alive: {bytes} bytes, {objects} objects, {type}");
    }

    private void Row(string quantity, string unit, Trend trend, double? tolerance, bool isFlat)
    {
        Console.WriteLine(
            $"| {quantity} | {unit} | {Number(trend.First)} | {Number(trend.Last)} | {Number(trend.Growth)} | {Number(trend.Least)} | {Number(trend.Most)} | {(tolerance is { } limit ? Number(limit) : "–")} | {(tolerance is null ? "" : isFlat ? "flat" : "grows")} |");
        if (!isFlat)
            _failures.Add($"{quantity} grows");
    }

    private static void Collections(SoakResult result, double seconds)
    {
        var pauses = result.Collections.Select(collection => collection.PauseMilliseconds).ToArray();
        for (int generation = 0; generation <= 2; generation++)
        {
            var some = result.Collections.Where(collection => collection.Generation == generation).Select(collection => collection.PauseMilliseconds).ToArray();
            Value($"Collections of generation {generation}: number / median pause / longest", "–, ms", some.Length, Statistics.Median(some), Statistics.Maximum(some));
        }

        Value("Pauses, of all the time", "%", pauses.Sum() / 10 / seconds);
    }

    private static void Lateness(string quantity, Histogram late) => Value(
        $"{quantity}: p50 / p99 / p99.9 / most",
        "ms",
        late.Percentile(0.5) / 1000,
        late.Percentile(0.99) / 1000,
        late.Percentile(0.999) / 1000,
        late.MaxMicroseconds / 1000);

    private static void Value(string quantity, string unit, params double[] values) =>
        Console.WriteLine($"| {quantity} | {unit} | {string.Join(" / ", values.Select(Number))} |");

    private void Expect(string quantity, long count)
    {
        Value(quantity, "", count);
        if (count != 0)
            _failures.Add($"{quantity}: {count}");
    }

    private static List<(double At, double Value)> Of(IEnumerable<ProcessSample> samples, Func<ProcessSample, double> value) =>
        [.. samples.Select(sample => (sample.At, value(sample)))];

    private static string Name(ReloadKind kind) => kind switch
    {
        ReloadKind.Unchanged => "nothing changed",
        ReloadKind.Priority => "priorities",
        ReloadKind.Interval => "intervals",
        ReloadKind.MoreAddresses => "more addresses",
        ReloadKind.FewerAddresses => "fewer addresses",
        ReloadKind.Removal => "routers removed (hand-over included)",
        ReloadKind.Addition => "routers added",
        _ => "broken file",
    };

    private static string Number(double value) => double.IsNaN(value) ? "–" : value.ToString(
        value == Math.Round(value) ? "0" : Math.Abs(value) >= 100 ? "0" : Math.Abs(value) >= 10 ? "0.0" : Math.Abs(value) >= 0.1 ? "0.00" : "0.000",
        CultureInfo.InvariantCulture);
}
