using Microsoft.Extensions.Logging;
using Vrrp.Daemon.Configuration.Model;
using Vrrp.Netlink;

namespace Vrrp.Daemon.Tracking;

/// <summary>The scripts, files and processes of this host.</summary>
internal sealed class TrackerSources(ScriptRunner scripts, TimeProvider time, ILogger logger)
{
    private static readonly TimeSpan Freshness = TimeSpan.FromSeconds(1);

    private readonly FileMonitor _files = new(() => new(), time, logger);
    private readonly ProcessFiles _processes = new();
    private readonly Lock _lock = new();
    private ProcessMonitor? _monitor;
    private ProcessFacts[] _snapshot = [];
    private long? _snapshotAt;
    private bool _snapshotHasCommandLines;

    /// <summary>Makes a tracker's watch.</summary>
    public TrackerWatch Watch(Tracker tracker, TrackerReading reading) => tracker switch
    {
        ScriptTracker script => new ScriptWatch(script, reading, RunAsync, time, logger),
        FileTracker file => new FileWatch(file, reading, _files, logger),
        ProcessTracker process => new ProcessWatch(process, reading, _monitor ??= new(_processes, ProcessConnector.Open, time, logger), time, logger),
        _ => throw new ArgumentException($"Nobody watches a {tracker.Kind}.", nameof(tracker)),
    };

    /// <summary>What is known of a tracker before anyone watches it.</summary>
    public TrackerReading Read(Tracker tracker) => tracker switch
    {
        ScriptTracker script => new(ScriptState.Initial(script).IsUp),
        FileTracker { InitialValue: { } initial, Overwrite: true } => new(null, initial),
        FileTracker { InitialValue: { } initial } file when !File.Exists(file.Path) => new(null, initial),
        FileTracker file => new(null, FileNumber.Read(file.Path, out _) is >= int.MinValue and <= int.MaxValue and var number ? (int)number : 0),
        ProcessTracker process => ProcessWatch.Read(process, Snapshot(ProcessFacts.NeedsCommandLine(process)).Count(facts => facts.IsWanted(process))),
        _ => TrackerReading.Unknown,
    };

    private async Task<ScriptResult> RunAsync(ScriptTracker script, Action<ScriptResult> timedOut, CancellationToken cancellationToken)
    {
        // Not on the caller's loop: starting a process takes milliseconds.
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        if (script.OpenedPath is not { } path)
            return await scripts.RunAsync(script.Command, [], [], script.Timeout, cancellationToken, timedOut).ConfigureAwait(false);
        string? problem = FileNumber.FindProblem(path);
        return new(problem is null ? ScriptEnd.Exited : ScriptEnd.NotStarted, 0, problem is null ? null : $"{path}: {problem}");
    }

    /// <summary>All processes; a configuration with many trackers looks once.</summary>
    private ProcessFacts[] Snapshot(bool withCommandLines)
    {
        lock (_lock)
        {
            if (_snapshotAt is not { } at || time.GetElapsedTime(at) > Freshness || (withCommandLines && !_snapshotHasCommandLines))
            {
                // Only if someone needs them: that of a process stuck in the kernel can be waited for without end.
                _snapshot = [.. _processes.List().Select(id => _processes.Read(id, withCommandLines)).OfType<ProcessFacts>()];
                _snapshotHasCommandLines = withCommandLines;
                _snapshotAt = time.GetTimestamp();
            }

            return _snapshot;
        }
    }
}
