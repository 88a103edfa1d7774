using Vrrp.Daemon.Configuration.Model;

namespace Vrrp.Daemon.Tracking;

/// <summary>Someone who looks after one tracker and tells when there is something new.</summary>
internal abstract class TrackerWatch(Tracker tracker, TrackerReading reading)
{
    private readonly Lock _lock = new();
    private TrackerReading _reading = reading;

    public Tracker Tracker => tracker;

    /// <summary>What is known now. Any thread.</summary>
    public TrackerReading Reading
    {
        get
        {
            lock (_lock)
                return _reading;
        }
    }

    /// <summary>As logs and details name it.</summary>
    public string Name => $"{PriorityTracker.Keyword(tracker.Kind)} {tracker.Name}";

    /// <summary>Told after <see cref="Reading"/> changed, on any thread.</summary>
    public Action<TrackerWatch>? Changed { get; set; }

    /// <summary>Begins to look. Once; returns soon.</summary>
    public abstract void Start();

    /// <summary>Ends the looking.</summary>
    /// <returns>A task that completes when nothing runs any more.</returns>
    public abstract Task StopAsync();

    /// <summary>Counts as down for what went wrong in itself.</summary>
    public void Fail(string problem) => Publish(Reading with { IsUp = false, Problem = problem, IsAwaited = false });

    /// <summary>Waits no more for the first look at it: what is known counts until that comes.</summary>
    /// <returns>Whether it was awaited.</returns>
    public bool EndWait()
    {
        lock (_lock)
        {
            if (!_reading.IsAwaited)
                return false;
            _reading = _reading with { IsAwaited = false };
        }

        Changed?.Invoke(this);
        return true;
    }

    protected void Publish(TrackerReading reading)
    {
        lock (_lock)
        {
            if (reading == _reading)
                return;
            _reading = reading;
        }

        Changed?.Invoke(this);
    }
}
