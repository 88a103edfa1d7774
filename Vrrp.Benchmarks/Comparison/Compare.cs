using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;

namespace Vrrp.Benchmarks.Comparison;

/// <summary><c>compare</c>: both daemons in one run, in the same namespaces, from the same files, in turns.</summary>
internal static class Compare
{
    private const string Usage = """
        compare [--quick] [--json] [--only PART]...

        Measures vrrp and keepalived side by side, in network namespaces. Needs root and keepalived. Parts: failover, handover, start, jitter,
        busy, load, scale. All of them take about 25 minutes, with --quick about 8.
        """;

    public static int Run(string[] arguments)
    {
        bool isQuick = false;
        bool asJson = false;
        HashSet<string> only = [];
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
                case "--only" when i + 1 < arguments.Length:
                    only.Add(arguments[++i]);
                    break;
                default:
                    Console.Error.WriteLine(Usage);
                    return 1;
            }
        }

        foreach (var contender in (Contender[])[Contender.Ours, Contender.Keepalived])
        {
            if (!File.Exists(contender.Path))
            {
                Console.Error.WriteLine($"error: there is no {contender.Path}");
                return 1;
            }
        }

        var report = new Report(asJson);
        var machine = Machine();
        if (!asJson)
        {
            foreach (var (name, value) in machine)
                Console.WriteLine($"{name}: {value}");
            Console.WriteLine();
        }

        (string Name, Action Measure)[] parts =
        [
            ("start", () => Scenarios.Start(report, isQuick ? 5 : 11)),
            ("failover", () => Scenarios.Failover(report, isQuick)),
            ("handover", () => Scenarios.HandOver(report, isQuick)),
            ("jitter", () => Scenarios.Jitter(report, isQuick, isBusy: false)),
            ("busy", () => Scenarios.Jitter(report, isQuick, isBusy: true)),
            ("load", () => Scenarios.Load(report, isQuick)),
            ("scale", () => Scenarios.Scale(report, isQuick ? 2 : 5)),
        ];
        foreach (var (name, measure) in parts)
        {
            if (only.Count == 0 || only.Contains(name))
                measure();
        }

        report.Finish(machine);
        return 0;
    }

    private static Dictionary<string, string> Machine() => new()
    {
        ["Date"] = DateTime.UtcNow.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture),
        ["Processor"] = File.ReadLines("/proc/cpuinfo").FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal))?.Split(": ")[1] ?? "unknown",
        ["Processors"] = Environment.ProcessorCount.ToString(CultureInfo.InvariantCulture),
        ["Kernel"] = File.ReadAllText("/proc/sys/kernel/osrelease").Trim(),
        ["Runtime"] = RuntimeInformation.FrameworkDescription,
        ["Load before"] = File.ReadAllText("/proc/loadavg").Split(' ')[0],
        ["keepalived"] = Contender.Keepalived.Version(),
    };
}
