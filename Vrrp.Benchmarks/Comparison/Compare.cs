using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;

namespace Vrrp.Benchmarks.Comparison;

/// <summary><c>compare</c>: both daemons in one run, in the same namespaces, from the same files, in turns.</summary>
internal static class Compare
{
    private const string Usage = """
        compare [--quick] [--json] [--only PART]... [--against PATH]

        Measures vrrp and keepalived side by side, in network namespaces. Needs root and keepalived. Parts: failover, handover, start, jitter,
        busy, load, scale. With --against, the other daemon is another build of vrrp: before and after a change in one run. All of them take about 25 minutes, with --quick about 8.
        """;

    public static int Run(string[] arguments)
    {
        bool isQuick = false;
        bool asJson = false;
        HashSet<string> only = [];
        var other = Contender.Keepalived;
        for (int i = 0; i < arguments.Length; i++)
        {
            switch (arguments[i])
            {
                case "--quick":
                    isQuick = true;
                    break;
                case "--json":
                    asJson = true;
                    break;
                case "--against" when i + 1 < arguments.Length:
                    other = Contender.Ours with { Name = "other", Path = Path.GetFullPath(arguments[++i]) };
                    break;
                case "--only" when i + 1 < arguments.Length:
                    only.Add(arguments[++i]);
                    break;
                default:
                    Console.Error.WriteLine(Usage);
                    return 1;
            }
        }

        Contender[] contenders = [Contender.Ours, other];
        foreach (var contender in contenders)
        {
            if (!File.Exists(contender.Path))
            {
                Console.Error.WriteLine($"error: there is no {contender.Path}");
                return 1;
            }
        }

        var report = new Report(asJson, other.Name);
        var scenarios = new Scenarios(contenders);
        var machine = Machine();
        if (!asJson)
        {
            foreach (var (name, value) in machine)
                Console.WriteLine($"{name}: {value}");
            Console.WriteLine();
        }

        using var interrupted = PosixSignalRegistration.Create(PosixSignal.SIGINT, _ => Lab.KillAll());
        using var terminated = PosixSignalRegistration.Create(PosixSignal.SIGTERM, _ => Lab.KillAll());
        (string Name, Action Measure)[] parts =
        [
            ("start", () => scenarios.Start(report, isQuick ? 5 : 11)),
            ("failover", () => scenarios.Failover(report, isQuick)),
            ("handover", () => scenarios.HandOver(report, isQuick)),
            ("jitter", () => scenarios.Jitter(report, isQuick, isBusy: false)),
            ("busy", () => scenarios.Jitter(report, isQuick, isBusy: true)),
            ("load", () => scenarios.Load(report, isQuick)),
            ("scale", () => scenarios.Scale(report, isQuick ? 2 : 5)),
        ];
        foreach (var (name, measure) in parts)
        {
            if (only.Count == 0 || only.Contains(name))
                measure();
        }

        report.Finish(machine);
        return 0;
    }

    /// <summary>Processes that ran or waited to, in the mean of the last minute.</summary>
    public static string LoadAverage() => File.ReadAllText("/proc/loadavg").Split(' ')[0];

    public static Dictionary<string, string> Machine() => new()
    {
        ["Date"] = DateTime.UtcNow.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture),
        ["Processor"] = File.ReadLines("/proc/cpuinfo").FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal))?.Split(": ")[1] ?? "unknown",
        ["Processors"] = Environment.ProcessorCount.ToString(CultureInfo.InvariantCulture),
        ["Kernel"] = File.ReadAllText("/proc/sys/kernel/osrelease").Trim(),
        ["Runtime"] = RuntimeInformation.FrameworkDescription,
        ["Load before"] = LoadAverage(),
        ["keepalived"] = Contender.Keepalived.Version(),
    };
}
