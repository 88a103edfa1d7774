using System.Diagnostics;
using System.Globalization;
using Vrrp.Benchmarks.Comparison;

namespace Vrrp.Benchmarks.Ipvs;

/// <summary><c>ipvs</c>: both directors in one run, in the same namespaces, from the same files, in turns.</summary>
internal static class IpvsCommand
{
    private const string Usage = """
        ipvs [--quick] [--json] [--only PART]... [--against PATH]

        Measures vrrp and keepalived side by side as directors, in network namespaces. Needs root, keepalived and a kernel with ip_vs. Parts:
        start, steady, detection. With --against, the other daemon is another build of vrrp.
        """;

    private const int DelayLoop = 2;

    // So long that no check but the first falls into a start.
    private const int NoCheckSoon = 600;

    /// <summary>The checkers alone, in the foreground.</summary>
    private static readonly Contender Keepalived = Contender.Keepalived with
    {
        Arguments = (file, directory) => ["-n", "-C", "-D", "-G", "-f", file, "-p", $"{directory}/pid", "-c", $"{directory}/checkers-pid"],
    };

    public static int Run(string[] arguments)
    {
        bool isQuick = false, asJson = false;
        HashSet<string> only = [];
        var other = Keepalived;
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
        if (contenders.FirstOrDefault(contender => !File.Exists(contender.Path)) is { } missing)
        {
            Console.Error.WriteLine($"error: there is no {missing.Path}");
            return 1;
        }

        // Neither daemon is to pay for it.
        using (var modprobe = Process.Start(new ProcessStartInfo("modprobe", ["-a", "ip_vs", "ip_vs_rr"]))!)
        {
            modprobe.WaitForExit();
            if (modprobe.ExitCode != 0)
            {
                Console.Error.WriteLine("error: this kernel has no ip_vs; run it in the laboratory: Vrrp.Tests/Laboratory/laboratory run -- …");
                return 1;
            }
        }

        var report = new Report(asJson, other.Name);
        var machine = Compare.Machine();
        if (!asJson)
        {
            foreach (var (name, value) in machine)
                Console.WriteLine($"{name}: {value}");
            Console.WriteLine();
        }

        (string Name, Action Measure)[] parts =
        [
            ("start", () => Start(report, contenders, isQuick ? 3 : 7)),
            ("steady", () => Steady(report, contenders, TimeSpan.FromSeconds(isQuick ? 20 : 60))),
            ("detection", () => Detection(report, contenders, isQuick ? 10 : 30)),
        ];
        foreach (var (name, measure) in parts)
        {
            if (only.Count == 0 || only.Contains(name))
                measure();
        }

        report.Finish(machine);
        return 0;
    }

    /// <summary>From the start of the process to the last real server in the kernel.</summary>
    private static void Start(Report report, Contender[] contenders, int rounds)
    {
        foreach (int servers in (int[])[1000, 5000])
        {
            List<double>[] times = [[], []], processor = [[], []];
            string configuration = IpvsLab.Configuration(servers, NoCheckSoon);
            for (int round = 0; round < rounds; round++)
            {
                for (int i = 0; i < contenders.Length; i++)
                {
                    using var lab = new IpvsLab();
                    long since = Stopwatch.GetTimestamp();
                    var daemon = lab.Start(contenders[i], configuration);
                    times[i].Add(lab.WaitFor(servers, since, daemon).TotalMilliseconds);
                    processor[i].Add(daemon.ProcessorTime().TotalMilliseconds);
                }
            }

            string of = servers.ToString("N0", CultureInfo.InvariantCulture);
            report.Add($"Start to {of} real servers in the kernel", "ms", times[0], times[1]);
            report.Add($"Processor time for it, {of} real servers", "ms", processor[0], processor[1]);
        }
    }

    /// <summary>A thousand TCP checks each two seconds, when all have begun.</summary>
    private static void Steady(Report report, Contender[] contenders, TimeSpan time)
    {
        const int Servers = 1000;
        List<double>[] processor = [[], []], memory = [[], []];
        for (int i = 0; i < contenders.Length; i++)
        {
            using var lab = new IpvsLab();
            var daemon = lab.Start(contenders[i], IpvsLab.Configuration(Servers, DelayLoop));
            lab.WaitFor(Servers, Stopwatch.GetTimestamp(), daemon);
            // The checks of a start are spread over a first delay loop, and on an emulated processor code is compiled for long.
            Thread.Sleep(TimeSpan.FromSeconds(20 * DelayLoop));
            var before = daemon.ProcessorTime();
            long since = Stopwatch.GetTimestamp();
            Thread.Sleep(time);
            processor[i].Add(100 * (daemon.ProcessorTime() - before) / Stopwatch.GetElapsedTime(since));
            memory[i].Add(daemon.ResidentMebibytes());
            if (lab.Destinations() != Servers)
                throw new InvalidOperationException($"{contenders[i].Name} took real servers out that are alive:\n{daemon.Log}");
        }

        report.Add("Processor, 1,000 TCP checks, delay_loop 2", "% of a core", processor[0], processor[1]);
        report.Add("Resident memory, 1,000 TCP checks", "MiB", memory[0], memory[1]);
    }

    /// <summary>From the death of a real server, at any moment between two checks, to its removal from the kernel; one retry after a second.</summary>
    private static void Detection(Report report, Contender[] contenders, int servers)
    {
        List<double>[] times = [[], []];
        for (int i = 0; i < contenders.Length; i++)
        {
            using var lab = new IpvsLab();
            for (int server = 0; server < servers; server++)
                lab.Serve(server);
            var daemon = lab.Start(contenders[i], IpvsLab.MortalConfiguration(servers, DelayLoop));
            lab.WaitFor(servers, Stopwatch.GetTimestamp(), daemon);
            Thread.Sleep(TimeSpan.FromSeconds(2 * DelayLoop));
            for (int server = 0; server < servers - 1; server++)
            {
                // Another moment of the delay loop for each.
                Thread.Sleep(TimeSpan.FromSeconds(DelayLoop) * server / servers);
                long since = Stopwatch.GetTimestamp();
                lab.Die(server);
                times[i].Add(lab.WaitFor(servers - server - 1, since, daemon).TotalMilliseconds);
            }
        }

        report.Add("A dead real server is out after", "ms", times[0], times[1]);
        report.Add("A dead real server is out after, worst", "ms", times[0], times[1], Statistics.Maximum);
    }
}
