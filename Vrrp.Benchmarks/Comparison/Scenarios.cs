using System.Diagnostics;
using System.Globalization;

namespace Vrrp.Benchmarks.Comparison;

/// <summary>What is measured. Each scenario runs both daemons in turns, so that a disturbance of the machine meets both.</summary>
internal static class Scenarios
{
    private const int OwnPriority = 255;
    private const int MasterPriority = 200;
    private const int BackupPriority = 100;
    private static readonly Contender[] Contenders = [Contender.Ours, Contender.Keepalived];
    private static readonly (int Version, TimeSpan Interval, string Name)[] Timings =
    [
        (3, TimeSpan.FromMilliseconds(10), "v3 10 ms"),
        (3, TimeSpan.FromMilliseconds(100), "v3 100 ms"),
        (3, TimeSpan.FromSeconds(1), "v3 1 s"),
        (2, TimeSpan.FromSeconds(1), "v2 1 s"),
    ];

    /// <summary>From the start of the process to its first advert, with the priority of an owner, and the memory of one router.</summary>
    public static void Start(Report report, int rounds)
    {
        var times = Samples();
        var memory = Samples();
        for (int round = 0; round < rounds; round++)
        {
            for (int i = 0; i < Contenders.Length; i++)
            {
                using var lab = new Lab();
                using var daemon = lab.Start(Contenders[i], 0, Lab.Configuration(1, 3, TimeSpan.FromMilliseconds(100), OwnPriority));
                var first = Advert(lab, daemon, 1, daemon.StartedAt);
                times[i].Add((first.At - daemon.StartedAt) / 1e6);
                Pause(1);
                memory[i].Add(daemon.ResidentMebibytes());
            }
        }

        report.Add("Start to first advert", "ms", times[0], times[1]);
        report.Add("Resident memory, 1 router", "MiB", memory[0], memory[1]);
    }

    /// <summary>A Master is killed; how much later than the protocol's minimum the first gratuitous ARP of its successor comes.</summary>
    public static void Failover(Report report, bool isQuick)
    {
        foreach (var (version, interval, name) in Timings)
        {
            // A lab is idle nearly all the time: where intervals are long, several wait at once.
            int parallel = interval >= TimeSpan.FromSeconds(1) ? 4 : 1;
            int rounds = parallel > 1 ? (isQuick ? 2 : 5) : isQuick ? 7 : 20;
            var toArp = Samples();
            var arpAfterAdvert = Samples();
            for (int round = 0; round < rounds; round++)
            {
                for (int i = 0; i < Contenders.Length; i++)
                {
                    var contender = Contenders[i];
                    var results = new (double Overhead, double Arp)[parallel];
                    Parallel(parallel, lane => results[lane] = FailoverOnce(contender, version, interval, lane));
                    toArp[i].AddRange(results.Select(result => result.Overhead));
                    arpAfterAdvert[i].AddRange(results.Select(result => result.Arp));
                }
            }

            report.Add($"Failover overhead, {name}", "ms", toArp[0], toArp[1]);
            report.Add($"Failover overhead, {name}, worst", "ms", toArp[0], toArp[1], Statistics.Maximum);
            report.Add($"ARP after the first advert, {name}", "ms", arpAfterAdvert[0], arpAfterAdvert[1]);
        }
    }

    /// <summary>A Master is told to stop while a client sends a probe every millisecond.</summary>
    public static void HandOver(Report report, bool isQuick)
    {
        foreach (var (version, interval, name) in Timings)
        {
            var lost = Samples();
            for (int round = 0; round < (isQuick ? 2 : 5); round++)
            {
                for (int i = 0; i < Contenders.Length; i++)
                {
                    using var lab = new Lab();
                    using var master = lab.Start(Contenders[i], 0, Lab.Configuration(1, version, interval, MasterPriority));
                    using var backup = lab.Start(Contenders[i], 1, Lab.Configuration(1, version, interval, BackupPriority));
                    Advert(lab, master, 1, 0);
                    Pause(1);
                    using var probe = new Probe(lab.Client, Lab.FirstAddress);
                    Pause(0.5);
                    int from = probe.Next;
                    long stopped = Capture.RealTimeNow;
                    master.Terminate();
                    Advert(lab, backup, 2, stopped);
                    Pause(1);
                    lost[i].Add(probe.StopAndCountLost(from));
                }
            }

            report.Add($"Probes lost in a clean hand-over, {name}", "of one a ms", lost[0], lost[1]);
            report.Add($"Probes lost in a clean hand-over, {name}, worst", "of one a ms", lost[0], lost[1], Statistics.Maximum);
        }
    }

    /// <summary>How far the time between two adverts is from the interval, and how far a Master falls behind.</summary>
    public static void Jitter(Report report, bool isQuick, bool isBusy)
    {
        string condition = isBusy ? "busy" : "idle";
        foreach (var (version, interval, name) in Timings.Where(timing => timing.Version == 3))
        {
            double seconds = interval >= TimeSpan.FromSeconds(1) ? (isQuick ? 10 : 20) : isQuick ? 5 : 10;
            var errors = Samples();
            var signed = Samples();
            var drift = Samples();
            for (int round = 0; round < (isQuick ? 1 : 3); round++)
            {
                for (int i = 0; i < Contenders.Length; i++)
                {
                    using var lab = new Lab();
                    using var daemon = lab.Start(Contenders[i], 0, Lab.Configuration(1, version, interval, MasterPriority));
                    Advert(lab, daemon, 1, 0);
                    Pause(2);
                    var load = isBusy ? Burn() : [];
                    long from = Capture.RealTimeNow;
                    Pause(seconds);
                    var times = lab.Capture.Since(from).Where(sighting => sighting.IsAdvert).Select(sighting => sighting.At).ToArray();
                    foreach (var burner in load)
                    {
                        burner.Kill();
                        burner.Dispose();
                    }

                    double expected = interval.TotalNanoseconds;
                    for (int k = 1; k < times.Length; k++)
                    {
                        signed[i].Add((times[k] - times[k - 1] - expected) / 1000);
                        errors[i].Add(Math.Abs(times[k] - times[k - 1] - expected) / 1000);
                    }

                    if (times.Length > 1)
                        drift[i].Add((((times[^1] - times[0]) / (double)(times.Length - 1)) - expected) / 1000);
                }
            }

            report.Add($"Advert jitter, {name}, {condition}, p50", "µs", errors[0], errors[1]);
            report.Add($"Advert jitter, {name}, {condition}, p99", "µs", errors[0], errors[1], sample => Statistics.Percentile(sample, 0.99));
            report.Add($"Advert jitter, {name}, {condition}, max", "µs", errors[0], errors[1], Statistics.Maximum);
            report.Add($"Drift, {name}, {condition}", "µs/advert", drift[0], drift[1]);
        }
    }

    /// <summary>Processor time and memory of a Master and a Backup of many routers.</summary>
    public static void Load(Report report, bool isQuick)
    {
        foreach (int routers in (int[])[1, 255, 1000])
        {
            foreach (var (version, interval, name) in Timings.Where(timing => timing.Version == 3 && timing.Interval >= TimeSpan.FromMilliseconds(100)))
            {
                var master = Samples();
                var backup = Samples();
                var memory = Samples();
                var falseTakeovers = Samples();
                for (int round = 0; round < (isQuick ? 1 : 3); round++)
                {
                    for (int i = 0; i < Contenders.Length; i++)
                    {
                        using var lab = new Lab(Segments(routers));
                        using var first = lab.Start(Contenders[i], 0, Lab.Configuration(routers, version, interval, MasterPriority));
                        Advert(lab, first, 1, 0);
                        using var second = lab.Start(Contenders[i], 1, Lab.Configuration(routers, version, interval, BackupPriority));
                        // Past the start, the repeats of the announcements five seconds later, and the runtime's second look at hot code.
                        Pause(12);
                        lab.Capture.IsPaused = true;
                        var watch = Stopwatch.StartNew();
                        var (masterBefore, backupBefore) = (first.ProcessorTime(), second.ProcessorTime());
                        Pause(10);
                        double percent = 100 / watch.Elapsed.TotalSeconds;
                        master[i].Add((first.ProcessorTime() - masterBefore).TotalSeconds * percent);
                        backup[i].Add((second.ProcessorTime() - backupBefore).TotalSeconds * percent);
                        memory[i].Add(Math.Max(first.ResidentMebibytes(), second.ResidentMebibytes()));
                        lab.Capture.IsPaused = false;
                        falseTakeovers[i].Add(lab.Capture.Since().Count(sighting => sighting.IsAdvert && sighting.Source == 2));
                    }
                }

                report.Add($"Processor, {routers} Masters, {name}", "% of a core", master[0], master[1]);
                report.Add($"Processor, {routers} Backups, {name}", "% of a core", backup[0], backup[1]);
                report.Add($"Resident memory, {routers} routers, {name}", "MiB", memory[0], memory[1]);
                report.Add($"Adverts of Backups, {routers} routers, {name}", "adverts", falseTakeovers[0], falseTakeovers[1], Statistics.Maximum);
            }
        }
    }

    /// <summary>1,000 routers: their start, the death of their Master, and a reload.</summary>
    public static void Scale(Report report, int rounds)
    {
        const int routers = 1000;
        var interval = TimeSpan.FromMilliseconds(100);
        var starts = Samples();
        var spreads = Samples();
        var overheads = Samples();
        var worsts = Samples();
        var gaps = Samples();
        for (int round = 0; round < rounds; round++)
        {
            for (int i = 0; i < Contenders.Length; i++)
            {
                using var lab = new Lab(Segments(routers));
                using var master = lab.Start(Contenders[i], 0, Lab.Configuration(routers, 3, interval, MasterPriority));
                var first = Advert(lab, master, 1, 0);
                using var backup = lab.Start(Contenders[i], 1, Lab.Configuration(routers, 3, interval, BackupPriority));
                Pause(8);
                var all = Adverts(lab, 1, 0);
                starts[i].Add((all.GroupBy(Key).Max(router => router.Min(sighting => sighting.At)) - first.At) / 1e6);

                long reloaded = Capture.RealTimeNow;
                master.Reload(Lab.Configuration(routers, 3, interval, MasterPriority, "reloaded"));
                Pause(3);
                gaps[i].Add(Adverts(lab, 1, reloaded).GroupBy(Key).Max(LongestGap) / 1e6);

                long killed = Capture.RealTimeNow;
                master.Kill();
                Pause(2);
                var last = Adverts(lab, 1, killed - 1_000_000_000).GroupBy(Key).ToDictionary(router => router.Key, router => router.Max(sighting => sighting.At));
                var taken = Adverts(lab, 2, killed).GroupBy(Key).ToDictionary(router => router.Key, router => router.Min(sighting => sighting.At));
                if (taken.Count != routers)
                    Console.Error.WriteLine($"note: {Contenders[i].Name} took over {taken.Count} of {routers} routers");
                if (taken.Count == 0)
                    continue;
                spreads[i].Add((taken.Values.Max() - taken.Values.Min()) / 1e6);
                var late = taken.Where(router => last.ContainsKey(router.Key))
                    .Select(router => (router.Value - last[router.Key] - MasterDown(3, interval)) / 1e6).ToArray();
                overheads[i].Add(Statistics.Median(late));
                worsts[i].Add(Statistics.Maximum(late));
            }
        }

        report.Add("1,000 routers at 100 ms: first to last at the start", "ms", starts[0], starts[1]);
        report.Add("1,000 routers at 100 ms: first to last takeover", "ms", spreads[0], spreads[1]);
        report.Add("1,000 routers at 100 ms: overhead of a takeover, median", "ms", overheads[0], overheads[1]);
        report.Add("1,000 routers at 100 ms: overhead of a takeover, last", "ms", worsts[0], worsts[1]);
        report.Add("1,000 routers at 100 ms: longest pause in a reload", "ms", gaps[0], gaps[1]);
    }

    private static (double Overhead, double Arp) FailoverOnce(Contender contender, int version, TimeSpan interval, int lane)
    {
        using var lab = new Lab();
        using var master = lab.Start(contender, 0, Lab.Configuration(1, version, interval, MasterPriority));
        using var backup = lab.Start(contender, 1, Lab.Configuration(1, version, interval, BackupPriority));
        Advert(lab, master, 1, 0);
        // The Backup is up and has heard the Master; lanes are killed apart from each other.
        Pause(1.5 + (0.13 * lane));
        long killed = Capture.RealTimeNow;
        master.Kill();
        var first = Advert(lab, backup, 2, killed);
        var arp = lab.Capture.Await(killed, TimeSpan.FromSeconds(2), sighting => !sighting.IsAdvert && sighting.Source == 2)
            ?? throw new InvalidOperationException($"{contender.Name} sent no gratuitous ARP:\n{backup.Log}");
        long last = Adverts(lab, 1, 0).Max(sighting => sighting.At);
        return ((arp.At - last - MasterDown(version, interval)) / 1e6, (arp.At - first.At) / 1e6);
    }

    private static long MasterDown(int version, TimeSpan interval) => VrrpTimers.MasterDownNanoseconds(
        (VrrpVersion)version, new Priority(BackupPriority), (long)interval.TotalNanoseconds, 3);

    private static double LongestGap(IEnumerable<Sighting> adverts)
    {
        var times = adverts.Select(sighting => sighting.At).ToArray();
        double longest = 0;
        for (int i = 1; i < times.Length; i++)
            longest = Math.Max(longest, times[i] - times[i - 1]);
        return longest;
    }

    private static (byte Segment, byte Id) Key(Sighting sighting) => (sighting.Segment, sighting.Id);

    private static List<Sighting> Adverts(Lab lab, byte source, long from) =>
        lab.Capture.Since(from).FindAll(sighting => sighting.IsAdvert && sighting.Source == source && sighting.Priority != 0);

    private static Sighting Advert(Lab lab, RunningDaemon daemon, byte source, long from) =>
        lab.Capture.Await(from, TimeSpan.FromSeconds(30), sighting => sighting.IsAdvert && sighting.Source == source && sighting.Priority != 0)
        ?? throw new InvalidOperationException($"no advert was seen; the daemon said:\n{daemon.Log}");

    private static int Segments(int routers) => routers > 255 ? (routers + Lab.RoutersPerSegment - 1) / Lab.RoutersPerSegment : 1;

    private static List<double>[] Samples() => [[], []];

    private static void Pause(double seconds) => Task.Delay(TimeSpan.FromSeconds(seconds)).Wait();

    private static void Parallel(int count, Action<int> action)
    {
        var tasks = Enumerable.Range(0, count).Select(lane => Task.Factory.StartNew(
            () => action(lane), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default)).ToArray();
        Task.WaitAll(tasks);
    }

    private static Process[] Burn() =>
        [.. Enumerable.Range(0, Environment.ProcessorCount).Select(_ => Process.Start("/bin/sh", ["-c", "while :; do :; done"]))];
}
