using System.Collections.Immutable;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Vrrp.Daemon.Configuration.Model;

namespace Vrrp.Daemon.Tracking;

/// <summary>
/// Looks after the scripts, files and processes that instances follow, and tells what they add up to. Each has a loop of its own: one that
/// hangs delays no other, and the engine is only told.
/// </summary>
/// <param name="initial">What to begin with.</param>
/// <param name="watch">Makes the watch of a tracker, with what is known of it already.</param>
/// <param name="set">Tells an instance's sum; posts and returns.</param>
/// <param name="time">For the end, which waits for what runs, but not long.</param>
/// <param name="logger">Told of a tracker that fails in itself.</param>
internal sealed class TrackingService(
    DaemonConfig initial,
    Func<Tracker, TrackerReading, TrackerWatch> watch,
    Action<string, TrackedState> set,
    TimeProvider time,
    ILogger logger) : IHostedService, IAsyncDisposable
{
    /// <summary>For the first look at a file or at processes; then an instance whose priority alone depends on it begins without.</summary>
    internal static readonly TimeSpan FirstLimit = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    private readonly Lock _lock = new();
    private readonly Dictionary<string, TrackedState> _told = new(StringComparer.Ordinal);
    private readonly List<Task> _ended = [];
    private readonly Dictionary<TrackerWatch, Task> _begun = [];
    private Dictionary<(TrackedObjectKind, string), TrackerWatch> _watches = [];
    private ImmutableArray<VrrpInstance> _instances = [];

    public Task StartAsync(CancellationToken cancellationToken)
    {
        Apply(initial);
        return Task.CompletedTask;
    }

    /// <summary>What instances of a configuration begin with, or go on with, once it is applied: what is known now. Nothing is looked at for it.</summary>
    /// <returns>The sum of an instance by its name.</returns>
    public Func<string, TrackedState> Prepare(DaemonConfig config)
    {
        var readings = new Dictionary<(TrackedObjectKind, string), TrackerReading>();
        foreach (var tracker in Followed(config))
            readings.Add((tracker.Kind, tracker.Name), ReadingOf(tracker));
        var states = config.Instances.ToDictionary(
            instance => instance.Name, instance => PriorityTracker.Sum(instance.TrackedObjects, one => readings[(one.Kind, one.Name)]), StringComparer.Ordinal);
        return name => states.GetValueOrDefault(name);
    }

    /// <summary>Watches what a configuration follows; what is followed as before goes on undisturbed. To be called when its routers run.</summary>
    public void Apply(DaemonConfig config)
    {
        var begun = new List<TrackerWatch>();
        var watches = new Dictionary<(TrackedObjectKind, string), TrackerWatch>();
        foreach (var tracker in Followed(config))
        {
            var key = (tracker.Kind, tracker.Name);
            if (_watches.TryGetValue(key, out var running) && running is not Failure && running.Tracker.IsSameAs(tracker))
            {
                watches.Add(key, running);
                continue;
            }

            var next = Make(tracker);
            next.Changed = _ => Publish(all: false);
            watches.Add(key, next);
            begun.Add(next);
        }

        TrackerWatch[] gone = [.. _watches.Values.Except(watches.Values)];
        lock (_lock)
        {
            _watches = watches;
            _instances = config.Instances;
        }

        foreach (var one in gone)
            End(one);
        Publish(all: true);
        foreach (var next in begun)
            Begin(next);
        if (begun.Any(next => next.Reading.IsAwaited))
            _ = LimitAsync(begun);
    }

    private async Task LimitAsync(List<TrackerWatch> begun)
    {
        await Task.Delay(FirstLimit, time).ConfigureAwait(false);
        foreach (var next in begun)
        {
            bool isWatched;
            lock (_lock)
                isWatched = _watches.GetValueOrDefault((next.Tracker.Kind, next.Tracker.Name)) == next;
            if (!isWatched || !next.EndWait())
                continue;
            if (next.Reading.IsUp is null)
                TrackingLog.NoFirstResult(logger, next.Name, (long)FirstLimit.TotalSeconds);
            else
                TrackingLog.EarlierResult(logger, next.Name, (long)FirstLimit.TotalSeconds);
        }
    }

    /// <summary>Ends all watches and waits for none: the routers stop next, in the state they are in.</summary>
    public Task StopAsync(CancellationToken cancellationToken)
    {
        TrackerWatch[] watches;
        lock (_lock)
        {
            watches = [.. _watches.Values];
            _watches = [];
            _instances = [];
        }

        foreach (var one in watches)
            End(one);
        return Task.CompletedTask;
    }

    /// <summary>Waits until no script runs any more, unless something hangs.</summary>
    public async ValueTask DisposeAsync()
    {
        await StopAsync(CancellationToken.None).ConfigureAwait(false);
        Task[] ended;
        lock (_lock)
            ended = [.. _ended];
        try
        {
            await Task.WhenAll(ended).WaitAsync(Patience, time).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            // A read that hangs ends with the process.
        }
    }

    private static IEnumerable<Tracker> Followed(DaemonConfig config)
    {
        var followed = config.Instances.SelectMany(instance => instance.TrackedObjects).Select(one => (one.Kind, one.Name)).ToHashSet();
        return config.Trackers.Where(tracker => followed.Contains((tracker.Kind, tracker.Name)));
    }

    /// <summary>What is known of it; a script or process that only changed its settings is what it was, as with keepalived.</summary>
    private TrackerReading ReadingOf(Tracker tracker)
    {
        TrackerWatch? running;
        lock (_lock)
            running = _watches.GetValueOrDefault((tracker.Kind, tracker.Name));
        if (running is null or Failure)
            return TrackerSources.Initial(tracker);
        // What an overwritten file says is known, what another one says is not.
        if (tracker is not FileTracker file || running.Tracker is not FileTracker old || old.Path == file.Path)
            return running.Reading;
        var initial = TrackerSources.Initial(tracker);
        return initial.IsAwaited ? running.Reading with { IsAwaited = true } : initial;
    }

    private static string NameOf(Tracker tracker) => $"{PriorityTracker.Keyword(tracker.Kind)} {tracker.Name}";

    private TrackerWatch Make(Tracker tracker)
    {
        try
        {
            return watch(tracker, ReadingOf(tracker));
        }
#pragma warning disable CA1031 // As above.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            TrackingLog.NotWatched(logger, exception, NameOf(tracker));
            return new Failure(tracker, exception.Message);
        }
    }

    private void Begin(TrackerWatch next)
    {
        // A script runs elsewhere anyway; a file or a process is read, and that may hang.
        if (next.Tracker.Kind == TrackedObjectKind.Script)
        {
            Start(next);
            return;
        }

        var begun = Aside.RunAsync(() => Start(next));
        lock (_lock)
            _begun[next] = begun;
    }

    private void Start(TrackerWatch next)
    {
        try
        {
            next.Start();
        }
#pragma warning disable CA1031 // As above.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            TrackingLog.NotWatched(logger, exception, next.Name);
            next.Fail(exception.Message);
        }
    }

    private void End(TrackerWatch gone)
    {
        gone.Changed = null;
        Task? begun;
        lock (_lock)
            _begun.Remove(gone, out begun);
        // Not under the lock: its monitor may be telling something and wait for that. One that is still beginning ends after that.
        var ended = gone.Tracker.Kind == TrackedObjectKind.Script ? StopAsync(gone, begun) : Task.Run(() => StopAsync(gone, begun));
        lock (_lock)
        {
            _ended.RemoveAll(task => task.IsCompleted);
            _ended.Add(ended);
        }
    }

    private async Task StopAsync(TrackerWatch gone, Task? begun)
    {
        try
        {
            if (begun is not null)
                await begun.ConfigureAwait(false);
            await gone.StopAsync().ConfigureAwait(false);
        }
#pragma warning disable CA1031 // As above: the others end all the same.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            TrackingLog.Failed(logger, exception, gone.Name);
        }
    }

    /// <summary>Tells the sums that changed, or all of them: posted in the order in which they came to be.</summary>
    private void Publish(bool all)
    {
        lock (_lock)
        {
            if (all)
                _told.Clear();
            foreach (var instance in _instances)
            {
                if (instance.TrackedObjects.IsEmpty && !all)
                    continue;
                var sum = PriorityTracker.Sum(instance.TrackedObjects, one => _watches[(one.Kind, one.Name)].Reading);
                if (_told.TryGetValue(instance.Name, out var told) && told == sum)
                    continue;
                _told[instance.Name] = sum;
                set(instance.Name, sum);
            }
        }
    }

    /// <summary>A tracker that nobody can watch: down until a reload.</summary>
    private sealed class Failure(Tracker tracker, string problem) : TrackerWatch(tracker, new(false, 0, problem))
    {
        public override void Start()
        {
        }

        public override Task StopAsync() => Task.CompletedTask;
    }
}
