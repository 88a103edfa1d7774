using Microsoft.Extensions.Logging;
using Vrrp.Daemon.Configuration.Model;
using Vrrp.Netlink;

namespace Vrrp.Daemon.Tracking;

/// <summary>The scripts, files and processes of this host.</summary>
internal sealed class TrackerSources(ScriptRunner scripts, TimeProvider time, ILogger logger)
{
    private readonly FileMonitor _files = new(() => new(), time, logger);
    private readonly ProcessFiles _processes = new();
    private ProcessMonitor? _monitor;

    /// <summary>Makes a tracker's watch.</summary>
    public TrackerWatch Watch(Tracker tracker, TrackerReading reading) => tracker switch
    {
        ScriptTracker script => new ScriptWatch(script, reading, RunAsync, time, logger),
        FileTracker file => new FileWatch(file, reading, _files, logger),
        ProcessTracker process => new ProcessWatch(process, reading, _monitor ??= new(_processes, ProcessConnector.Open, time, logger), time, logger),
        _ => throw new ArgumentException($"Nobody watches a {tracker.Kind}.", nameof(tracker)),
    };

    /// <summary>What is known of a tracker before anyone has looked: nothing is read for it, for that may hang.</summary>
    public static TrackerReading Initial(Tracker tracker) => tracker switch
    {
        ScriptTracker script => new(ScriptState.Initial(script).IsUp),
        FileTracker { InitialValue: { } initial, Overwrite: true } => new(true, initial),
        _ => TrackerReading.Unknown with { IsAwaited = true },
    };

    private async Task<ScriptResult> RunAsync(ScriptTracker script, Action<ScriptResult> timedOut, CancellationToken cancellationToken)
    {
        // Not on the caller's loop: starting a process takes milliseconds.
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        if (script.OpenedPath is not { } path)
            return await scripts.RunAsync(script.Command, [], [], script.Timeout, cancellationToken, timedOut).ConfigureAwait(false);
        string? problem = null;
        var looked = Aside.RunAsync(() => problem = FileNumber.FindProblem(path));
        try
        {
            await looked.WaitAsync(script.Timeout, time, cancellationToken).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            return new(ScriptEnd.TimedOut, 0, $"{path}: it does not answer") { Remains = looked };
        }

        return new(problem is null ? ScriptEnd.Exited : ScriptEnd.NotStarted, 0, problem is null ? null : $"{path}: {problem}");
    }
}
