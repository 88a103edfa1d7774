using System.Globalization;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using Vrrp.Benchmarks.Comparison;

namespace Vrrp.Benchmarks.Hang;

/// <summary><c>hang</c>: whether a mail server or scripts that hang delay adverts, for both daemons in turns.</summary>
internal static class HangCommand
{
    private const string Usage = """
        hang [--quick] [--json] [--only PART]... [--against PATH]

        Measures the time between the adverts of 250 routers at 100 ms, at the wire: with nothing else to do (quiet), with a mail server that takes
        connections and says nothing, and 500 alerts for it (mail), with notify, tracking and check scripts that never end (scripts; keepalived has
        no check scripts, because it runs its VRRP process alone). Needs root and keepalived. All of it takes about 5 minutes, with --quick about 2. With --against, the other daemon is another build of vrrp.
        """;

    private const int Routers = 250;
    private const int MasterPriority = 200;
    private const int CheckScripts = 20;
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    public static int Run(string[] arguments)
    {
        bool isQuick = false, asJson = false;
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
        if (contenders.FirstOrDefault(contender => !File.Exists(contender.Path)) is { } missing)
        {
            Console.Error.WriteLine($"error: there is no {missing.Path}");
            return 1;
        }

        var report = new Report(asJson, other.Name);
        var machine = Compare.Machine();
        if (!asJson)
        {
            foreach (var (name, value) in machine)
                Console.WriteLine($"{name}: {value}");
            Console.WriteLine();
        }

        using var interrupted = PosixSignalRegistration.Create(PosixSignal.SIGINT, _ => Lab.KillAll());
        using var terminated = PosixSignalRegistration.Create(PosixSignal.SIGTERM, _ => Lab.KillAll());
        var time = TimeSpan.FromSeconds(isQuick ? 10 : 20);
        int rounds = isQuick ? 1 : 3;
        (string Name, Action Measure)[] parts =
        [
            ("quiet", () => Measure(report, contenders, "quiet", rounds, time, Quiet)),
            ("mail", () => Measure(report, contenders, "mail server hangs", rounds, time, Mail)),
            ("scripts", () => Measure(report, contenders, "scripts hang", rounds, time, Scripts)),
        ];
        foreach (var (name, measure) in parts)
        {
            if (only.Count == 0 || only.Contains(name))
                measure();
        }

        report.Finish(machine);
        return 0;
    }

    private delegate (string What, double Count) Case(Lab lab, Contender contender, Func<RunningDaemon, double> measured);

    private static void Measure(Report report, Contender[] contenders, string name, int rounds, TimeSpan time, Case measure)
    {
        List<double>[] gaps = [[], []], counts = [[], []];
        string what = "";
        for (int round = 0; round < rounds; round++)
        {
            for (int i = 0; i < contenders.Length; i++)
            {
                using var lab = new Lab();
                var sample = gaps[i];
                (what, double count) = measure(lab, contenders[i], daemon =>
                {
                    // Past what a start does once.
                    Thread.Sleep(TimeSpan.FromSeconds(5));
                    long from = Capture.RealTimeNow;
                    Thread.Sleep(time);
                    sample.AddRange(Gaps(lab, from));
                    return sample.Count;
                });
                counts[i].Add(count);
            }
        }

        report.Add($"Time between adverts, {name}, p50", "µs", gaps[0], gaps[1]);
        report.Add($"Time between adverts, {name}, p99", "µs", gaps[0], gaps[1], sample => Statistics.Percentile(sample, 0.99));
        report.Add($"Time between adverts, {name}, max", "µs", gaps[0], gaps[1], Statistics.Maximum);
        report.Add(what, "", counts[0], counts[1]);
    }

    private static (string What, double Count) Quiet(Lab lab, Contender contender, Func<RunningDaemon, double> measured)
    {
        var daemon = lab.Start(contender, 0, Configuration("", "", ""));
        AwaitMasters(lab, daemon);
        return ("Times, quiet", measured(daemon));
    }

    private static (string What, double Count) Mail(Lab lab, Contender contender, Func<RunningDaemon, double> measured)
    {
        // Each router enters Backup and then Master: two alerts. Ours tells how many wait; of keepalived each has a connection.
        using var server = lab.Director(0).Run(() => new SilentServer());
        var daemon = lab.Start(contender, 0, Configuration(FormattableString.Invariant($$"""
             notification_email {
               night@example.org
             }
             notification_email_from lab@example.org
             smtp_server 127.0.0.1 {{server.Port}}
             smtp_connect_timeout 300
             smtp_alert
            """), "", ""));
        AwaitMasters(lab, daemon);
        Await("500 alerts to wait", daemon, () => AlertsThatWait(daemon, server) >= 2 * Routers);
        measured(daemon);
        return ("Alerts that wait", AlertsThatWait(daemon, server));
    }

    private static (string What, double Count) Scripts(Lab lab, Contender contender, Func<RunningDaemon, double> measured)
    {
        string directory = Directory.CreateTempSubdirectory("vrrp-hang-").FullName;
        try
        {
            string script = $"{directory}/hang.sh", begun = $"{directory}/begun";
            File.WriteAllText(script, $"#!/bin/sh\necho \"$1\" >> {begun}\nwhile :; do sleep 1000; done\n");
            File.SetUnixFileMode(script, (UnixFileMode)0x1ED);
            var daemon = lab.Start(contender, 0, Configuration(
                " script_user root",
                FormattableString.Invariant($$"""
                    vrrp_script hangs {
                      script "{{script}} tracking"
                      interval 1
                      timeout 3
                      weight 1
                    }
                    virtual_server 10.90.1.1 80 {
                      delay_loop 1
                      protocol TCP
                      lvs_sched rr
                      lvs_method NAT
                    {{string.Concat(Enumerable.Range(1, CheckScripts).Select(port => CheckScript(script, port)))}}
                    }

                    """),
                FormattableString.Invariant($$"""
                      notify_master "{{script}} master"
                      notify "{{script}} any"
                      track_script {
                        hangs
                      }

                    """)));
            AwaitMasters(lab, daemon);
            // Ours runs 32 at a time, keepalived all.
            Await("scripts to hang", daemon, () => File.Exists(begun) && File.ReadAllLines(begun) is var lines && lines.Contains("tracking") && lines.Count(line => line is "master" or "any") >= 32);
            measured(daemon);
            double count = File.ReadAllLines(begun).Length;
            daemon.Kill();
            return ("Scripts that were started", count);
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private static string CheckScript(string script, int port) => FormattableString.Invariant($$"""
          real_server 10.90.0.9 {{port}} {
            MISC_CHECK {
              misc_path "{{script}} check"
              misc_timeout 3
            }
          }

        """);

    private static string Configuration(string globals, string blocks, string instance)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"global_defs {{\n router_id lab\n{globals}\n}}\n{blocks}");
        for (int id = 1; id <= Routers; id++)
        {
            text.Append(CultureInfo.InvariantCulture, $$"""
                vrrp_instance VI_{{id}} {
                  state BACKUP
                  interface e0
                  version 3
                  virtual_router_id {{id}}
                  priority {{MasterPriority}}
                  advert_int {{Interval.TotalSeconds}}
                  virtual_ipaddress {
                    10.90.1.{{id}}
                  }
                {{instance}}}

                """);
        }

        return text.ToString();
    }

    private static void AwaitMasters(Lab lab, RunningDaemon daemon) => Await(
        "all routers to advertise",
        daemon,
        () => lab.Capture.Since().Where(sighting => sighting.IsAdvert).Select(sighting => sighting.Id).Distinct().Count() == Routers);

    private static void Await(string what, RunningDaemon daemon, Func<bool> condition)
    {
        long end = Environment.TickCount64 + (long)Patience.TotalMilliseconds;
        while (!condition())
        {
            if (Environment.TickCount64 > end)
                throw new InvalidOperationException($"Waited in vain for {what}:\n{daemon.Log}");
            Thread.Sleep(100);
        }
    }

    /// <summary>Of all routers, in microseconds.</summary>
    private static IEnumerable<double> Gaps(Lab lab, long from) => lab.Capture.Since(from).Where(sighting => sighting.IsAdvert).GroupBy(sighting => sighting.Id).SelectMany(router =>
    {
        long[] times = [.. router.Select(sighting => sighting.At)];
        return times.Zip(times.Skip(1), (first, second) => (second - first) / 1e3);
    });

    private static double AlertsThatWait(RunningDaemon daemon, SilentServer server)
    {
        string path = $"{daemon.FileDirectory}/pid.sock";
        if (!File.Exists(path))
            return server.Connections;
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Connect(new UnixDomainSocketEndPoint(path));
        using var stream = new NetworkStream(socket);
        stream.Write("GET /v1/status HTTP/1.1\r\nHost: localhost\r\n\r\n"u8);
        using var reader = new StreamReader(stream, Encoding.UTF8);
        string answer = reader.ReadToEnd();
        using var document = JsonDocument.Parse(answer[answer.IndexOf('{', StringComparison.Ordinal)..]);
        var mail = document.RootElement.GetProperty("mail");
        return mail.GetProperty("waiting").GetInt32() + mail.GetProperty("heldBack").GetInt32();
    }
}
