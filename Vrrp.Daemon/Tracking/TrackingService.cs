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
/// <param name="read">What a tracker that nobody watches yet begins with.</param>
/// <param name="set">Tells an instance's sum; posts and returns.</param>
internal sealed class TrackingService(
    DaemonConfig initial,
    Func<Tracker, TrackerReading, TrackerWatch> watch,
    Func<Tracker, TrackerReading> read,
    Action<string, TrackedState> set) : IHostedService, IAsyncDisposable
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, TrackedState> _told = new(StringComparer.Ordinal);
    private readonly List<Task> _ended = [];
    private Dictionary<(TrackedObjectKind, string), TrackerWatch> _watches = [];
    private ImmutableArray<VrrpInstance> _instances = [];

    public Task StartAsync(CancellationToken cancellationToken)
    {
        Apply(initial);
        return Task.CompletedTask;
    }

    /// <summary>What instances of a configuration begin with, or go on with, once it is applied.</summary>
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
            if (_watches.TryGetValue(key, out var running) && running.Tracker.IsSameAs(tracker))
            {
                watches.Add(key, running);
                continue;
            }

            var next = watch(tracker, ReadingOf(tracker));
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
            next.Start();
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

    /// <summary>Waits until no script runs any more.</summary>
    public async ValueTask DisposeAsync()
    {
        await StopAsync(CancellationToken.None).ConfigureAwait(false);
        await Task.WhenAll(_ended).ConfigureAwait(false);
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
        return running is null || (tracker is FileTracker file && running.Tracker is FileTracker old && old.Path != file.Path) ? read(tracker) : running.Reading;
    }

    private void End(TrackerWatch gone)
    {
        gone.Changed = null;
        // Not under the lock: its monitor may be telling something and wait for that.
        var ended = gone.StopAsync();
        lock (_lock)
        {
            _ended.RemoveAll(task => task.IsCompleted);
            _ended.Add(ended);
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
}
