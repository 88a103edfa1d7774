using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using Vrrp.Linux;

namespace Vrrp.Daemon.Demo;

/// <summary>A director's daemon: a real one, a child process of this same command, with its configuration file and its log.</summary>
internal sealed partial class DirectorProcess(
    DemoPlan demo, DirectorPlan plan, DemoClock clock, ProcessLauncher launcher, NetworkNamespace network, string folder, Pulse pulse,
    Action<DemoEntry> tell) : IAsyncDisposable
{
    private const int SIGTERM = 15;
    private const int KeptLines = 200;
    private static readonly TimeSpan EndLimit = TimeSpan.FromSeconds(10);

    private readonly Lock _gate = new();
    private readonly Queue<string> _log = [];
    private readonly List<(TimeSpan At, string State)> _states = [];
    private Process? _process;
    private bool _isEndExpected;

    public DirectorPlan Plan => plan;

    public bool IsRunning => _process is { HasExited: false };

    /// <summary>Its exit status when it ended although nobody told it to; null otherwise.</summary>
    public int? UnexpectedEnd => !_isEndExpected && _process is { HasExited: true } process ? process.ExitCode : null;

    /// <summary>The state it last logged; null before the first and when it does not run.</summary>
    public string? State
    {
        get
        {
            if (!IsRunning)
                return null;
            lock (_gate)
                return _states.Count == 0 ? null : _states[^1].State;
        }
    }

    /// <summary>Whether its log said that an address of its killed predecessor was removed.</summary>
    public bool HasCleanedUp { get; private set; }

    public async Task StartAsync()
    {
        string configuration = Path.Combine(folder, plan.Name + ".conf");
        await File.WriteAllTextAsync(configuration, demo.Configuration(plan)).ConfigureAwait(false);
        lock (_gate)
            _states.Clear();
        _process?.Dispose();
        _process = null;
        _isEndExpected = false;
        var process = await launcher.StartAsync(network, StartInfo(configuration)).ConfigureAwait(false);
        _process = process;
        process.OutputDataReceived += (_, line) => Read(line.Data);
        process.ErrorDataReceived += (_, line) => Read(line.Data);
        process.Exited += (_, _) => pulse.Signal();
        process.EnableRaisingEvents = true;
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    /// <summary>SIGKILL: it can do nothing about it.</summary>
    public void Kill()
    {
        _isEndExpected = true;
        _process?.Kill();
    }

    /// <summary>SIGTERM: leave cleanly.</summary>
    public void Terminate()
    {
        _isEndExpected = true;
        if (_process is { HasExited: false } process)
            _ = Errno.Check(NativeMethods.Kill(process.Id, SIGTERM), $"send SIGTERM to {plan.Name}");
    }

    /// <summary>When it first logged a state at or after a moment, by the log's own time, to the millisecond.</summary>
    public TimeSpan? Entered(string state, TimeSpan after)
    {
        // The log cuts its times to milliseconds: an event of the same one may look earlier.
        after -= TimeSpan.FromMilliseconds(1);
        lock (_gate)
        {
            foreach (var (at, entered) in _states)
            {
                if (at >= after && entered == state)
                    return at;
            }

            return null;
        }
    }

    public IReadOnlyList<string> LastLines(int count)
    {
        lock (_gate)
            return [.. _log.TakeLast(count)];
    }

    public async ValueTask DisposeAsync()
    {
        if (_process is not { } process)
            return;
        process.Kill();
        using var limit = new CancellationTokenSource(EndLimit);
        await process.WaitForExitAsync(limit.Token).ConfigureAwait(false);
        process.Dispose();
    }

    private ProcessStartInfo StartInfo(string configuration)
    {
        string executable = Environment.ProcessPath ?? throw new InvalidOperationException("The path of this program is unknown.");
        var start = new ProcessStartInfo(executable) { RedirectStandardOutput = true, RedirectStandardError = true };
        if (Path.GetFileNameWithoutExtension(executable) == "dotnet")
            start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, typeof(DirectorProcess).Assembly.GetName().Name + ".dll"));
        foreach (string argument in (string[])
            ["run", "-f", configuration, "--pid", Path.Combine(folder, plan.Name + ".pid"),
             "--die-with-parent", Environment.ProcessId.ToString(CultureInfo.InvariantCulture)])
            start.ArgumentList.Add(argument);
        // They are not the service that this may be run as.
        start.Environment.Remove("JOURNAL_STREAM");
        start.Environment.Remove("NOTIFY_SOCKET");
        // A killed runtime would leave its diagnostic sockets in the temporary folder.
        start.Environment["DOTNET_EnableDiagnostics"] = "0";
        return start;
    }

    private void Read(string? line)
    {
        if (string.IsNullOrWhiteSpace(line))
            return;
        var at = clock.Now;
        string text = line;
        if (Stamped().Match(line) is { Success: true } stamped
            && DateTime.TryParseExact(
                stamped.Groups["time"].Value, "yyyy-MM-dd HH:mm:ss.fff", CultureInfo.InvariantCulture, DateTimeStyles.None, out var local))
        {
            at = clock.OfLogLine(local);
            text = stamped.Groups["text"].Value;
        }

        lock (_gate)
        {
            _log.Enqueue(line);
            if (_log.Count > KeptLines)
                _log.Dequeue();
            if (Transition().Match(text) is { Success: true } transition)
            {
                string state = transition.Groups["state"].Value;
                _states.Add((at, state));
                Tell(at, state switch
                {
                    "MASTER" => DemoEntryKind.Master,
                    "BACKUP" => DemoEntryKind.Backup,
                    _ => DemoEntryKind.Fault,
                }, transition.Groups["reason"].Value);
            }
            else if (text.Contains("was left behind", StringComparison.Ordinal))
            {
                HasCleanedUp = true;
                Tell(at, DemoEntryKind.Log, WithoutName(text));
            }
            else if (text.Contains("handed over", StringComparison.Ordinal) || text.StartsWith("received ", StringComparison.Ordinal)
                || text.StartsWith("warning:", StringComparison.Ordinal) || text.StartsWith("error:", StringComparison.Ordinal))
            {
                Tell(at, DemoEntryKind.Log, WithoutName(text));
            }
        }

        pulse.Signal();
    }

    private void Tell(TimeSpan at, DemoEntryKind kind, string text) => tell(new(at, plan.Name, kind, text));

    private static string WithoutName(string text) => text.Replace($"({DemoPlan.VirtualRouter}) ", "", StringComparison.Ordinal);

    [GeneratedRegex(@"^(?<time>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}) (?<text>.*)$")]
    private static partial Regex Stamped();

    [GeneratedRegex(@"Entering (?<state>[A-Z]+) STATE: (?<reason>.*?)( \(own priority [^()]*\))?$")]
    private static partial Regex Transition();
}
