using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using Vrrp.Linux;

namespace Vrrp.Benchmarks.Comparison;

/// <summary>One of the two daemons that are compared: how it is started, so that neither has an advantage.</summary>
internal sealed record Contender(string Name, string Path, Func<string, string, string[]> Arguments)
{
    /// <summary>Ours, as the build made it.</summary>
    public static Contender Ours { get; } = new(
        "vrrp",
        typeof(Contender).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().First(attribute => attribute.Key == "DaemonPath").Value!,
        (file, directory) => ["run", "-f", file, "--pid", $"{directory}/pid"]);

    /// <summary>The VRRP process alone, in the foreground. Without -G, -l would write every line to the console.</summary>
    public static Contender Keepalived { get; } = new(
        "keepalived",
        "/usr/sbin/keepalived",
        (file, directory) => ["-n", "-P", "-D", "-G", "-f", file, "-p", $"{directory}/pid", "-r", $"{directory}/vrrp-pid"]);

    /// <summary>Nice value it is started with, on top of ours.</summary>
    public int Nice { get; init; }

    /// <summary>Its version, as it gives it itself.</summary>
    public string Version()
    {
        using var process = Process.Start(new ProcessStartInfo(Path, ["--version"]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd() + error.GetAwaiter().GetResult();
        process.WaitForExit();
        return output.Split('\n', 2)[0].Trim();
    }

    /// <summary>Starts it inside a namespace; its output goes nowhere.</summary>
    public RunningDaemon Start(NetworkNamespace network, string configuration)
    {
        string directory = Directory.CreateTempSubdirectory("vrrp-compare-").FullName;
        string file = System.IO.Path.Combine(directory, "keepalived.conf");
        File.WriteAllText(file, configuration);
        // The shell only redirects and is replaced by the daemon: a pipe to us would have us read, and cost us time.
        string arguments = string.Join(' ', Arguments(file, directory).Select(argument => $"'{argument}'"));
        var info = new ProcessStartInfo("/bin/sh", ["-c", $"exec nice -n {Nice} '{Path}' {arguments} >{directory}/log 2>&1 </dev/null"]);
        long startedAt = Capture.RealTimeNow;
        return new RunningDaemon(network.Start(info), directory, file, startedAt);
    }
}

/// <summary>A daemon that runs, with the processes it is made of.</summary>
internal sealed class RunningDaemon(Process process, string directory, string file, long startedAt) : IDisposable
{
    // USER_HZ, which is 100 wherever .NET runs.
    private const long TicksPerSecond = 100;

    private bool _isDisposed;

    /// <summary>When it was started, on the clock of the captures.</summary>
    public long StartedAt => startedAt;

    /// <summary>What it wrote, for an error message.</summary>
    public string Log => File.ReadAllText(LogPath);

    /// <summary>Where it writes that.</summary>
    public string LogPath => System.IO.Path.Combine(directory, "log");

    /// <summary>Its files: configuration, log, and what it leaves itself.</summary>
    public string FileDirectory => directory;

    /// <summary>Number of its first process.</summary>
    public int Id => process.Id;

    public bool HasExited => process.HasExited;

    /// <summary>Processor time of all its processes so far.</summary>
    public TimeSpan ProcessorTime()
    {
        long ticks = 0;
        foreach (int id in Processes())
        {
            string stat = File.ReadAllText($"/proc/{id}/stat");
            var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
            ticks += long.Parse(fields[11], CultureInfo.InvariantCulture) + long.Parse(fields[12], CultureInfo.InvariantCulture);
        }

        return TimeSpan.FromTicks(ticks * TimeSpan.TicksPerSecond / TicksPerSecond);
    }

    /// <summary>Resident memory of all its processes, in MiB.</summary>
    public double ResidentMebibytes()
    {
        double kibibytes = 0;
        foreach (int id in Processes())
        {
            string line = File.ReadLines($"/proc/{id}/status").First(candidate => candidate.StartsWith("VmRSS:", StringComparison.Ordinal));
            kibibytes += double.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);
        }

        return kibibytes / 1024;
    }

    /// <summary>Ends it as a power failure would: no process of it has time for a farewell.</summary>
    public void Kill()
    {
        // Children first, while their parent is stopped: it would restart them, and its death would have them say goodbye.
        Signal("STOP", process.Id);
        var all = Processes();
        foreach (int id in all.Skip(1))
            Signal("KILL", id);
        Signal("KILL", process.Id);
        process.WaitForExit();
    }

    /// <summary>Asks it for its statistics.</summary>
    public void AskForStatistics() => Signal("USR2", process.Id);

    /// <summary>Asks it to leave.</summary>
    public void Terminate() => Signal("TERM", process.Id);

    /// <summary>Waits until it has left.</summary>
    /// <returns>Its status; null when the time is over.</returns>
    public int? WaitForExit(TimeSpan limit) => process.WaitForExit(limit) ? process.ExitCode : null;

    /// <summary>Writes a new configuration and asks it to read it.</summary>
    public void Reload(string configuration)
    {
        File.WriteAllText(file, configuration);
        Signal("HUP", process.Id);
    }

    public void Dispose()
    {
        if (_isDisposed)
            return;
        _isDisposed = true;
        if (!process.HasExited)
            Kill();
        process.Dispose();
        Directory.Delete(directory, recursive: true);
    }

    private List<int> Processes()
    {
        List<int> all = [process.Id];
        for (int i = 0; i < all.Count; i++)
        {
            string path = $"/proc/{all[i]}/task/{all[i]}/children";
            if (File.Exists(path))
                all.AddRange(File.ReadAllText(path).Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(id => int.Parse(id, CultureInfo.InvariantCulture)));
        }

        return all;
    }

    private static void Signal(string name, int id)
    {
        int number = name switch { "KILL" => 9, "STOP" => 19, "TERM" => 15, "USR2" => 12, _ => 1 };
        _ = Signals.Kill(id, number);
    }
}

/// <summary>kill(2).</summary>
internal static partial class Signals
{
    [System.Runtime.InteropServices.LibraryImport("libc", EntryPoint = "kill")]
    internal static partial int Kill(int process, int signal);
}
