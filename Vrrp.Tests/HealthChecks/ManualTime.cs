using System.Runtime.ExceptionServices;

namespace Vrrp.Tests.HealthChecks;

/// <summary>Time that passes when a test says so.</summary>
internal sealed class ManualTime : TimeProvider
{
    private readonly Lock _lock = new();
    private readonly List<Timer> _timers = [];
    private long _now;

    /// <summary>Timers that wait.</summary>
    public int TimerCount
    {
        get
        {
            lock (_lock)
                return _timers.Count;
        }
    }

    /// <summary>How long until the first of them. Null: there is none.</summary>
    public TimeSpan? Next
    {
        get
        {
            lock (_lock)
                return _timers.Count == 0 ? null : TimeSpan.FromTicks(_timers.Min(timer => timer.Due) - _now);
        }
    }

    /// <summary>Called when somebody is about to set a timer, after they have looked at the clock.</summary>
    public Action? Setting { get; set; }

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override long GetTimestamp() => Interlocked.Read(ref _now);

    public override DateTimeOffset GetUtcNow() => DateTimeOffset.UnixEpoch.AddTicks(GetTimestamp());

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new Timer(this, () => callback(state));
        timer.Change(dueTime, period);
        return timer;
    }

    /// <summary>Lets time pass; what falls due meanwhile has happened in its order when this returns.</summary>
    public void Advance(TimeSpan span)
    {
        // A thread that has neither a context nor a scheduler: what waits for a timer goes on in it, not on some other thread later.
        ExceptionDispatchInfo? failure = null;
        var thread = new Thread(() =>
        {
            try
            {
                Pass(span);
            }
            catch (Exception exception)
            {
                failure = ExceptionDispatchInfo.Capture(exception);
            }
        });
        thread.Start();
        thread.Join();
        failure?.Throw();
    }

    private void Pass(TimeSpan span)
    {
        long end = GetTimestamp() + span.Ticks;
        while (true)
        {
            Timer? next;
            lock (_lock)
            {
                next = _timers.Where(timer => timer.Due <= end).MinBy(timer => timer.Due);
                Interlocked.Exchange(ref _now, next is null ? end : Math.Max(_now, next.Due));
                if (next is not null && next.Period > TimeSpan.Zero)
                    next.Due += next.Period.Ticks;
                else if (next is not null)
                    _timers.Remove(next);
            }

            if (next is null)
                return;
            next.Callback();
        }
    }

    private sealed class Timer(ManualTime owner, Action callback) : ITimer
    {
        public Action Callback => callback;

        public long Due { get; set; }

        public TimeSpan Period { get; private set; }

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            if (dueTime >= TimeSpan.Zero)
                owner.Setting?.Invoke();
            lock (owner._lock)
            {
                owner._timers.Remove(this);
                Due = owner._now + dueTime.Ticks;
                Period = period;
                if (dueTime >= TimeSpan.Zero)
                    owner._timers.Add(this);
            }

            return true;
        }

        public void Dispose()
        {
            lock (owner._lock)
                owner._timers.Remove(this);
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
