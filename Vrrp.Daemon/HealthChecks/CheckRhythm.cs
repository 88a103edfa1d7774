namespace Vrrp.Daemon.HealthChecks;

/// <summary>
/// The waits between all checks, on one timer that looks every ten milliseconds at most: a thousand checks that fall due one by one would
/// wake this process a thousand times, and waking is most of what a check costs.
/// </summary>
internal sealed class CheckRhythm(TimeProvider time) : IDisposable
{
    private static readonly TimeSpan Grain = TimeSpan.FromMilliseconds(10);

    private readonly long _grain = Math.Max(1, (long)(Grain.TotalSeconds * time.TimestampFrequency));
    private readonly Lock _lock = new();
    private readonly SortedSet<Wait> _waits = new(Comparer<Wait>.Create((a, b) => a.Due != b.Due ? a.Due.CompareTo(b.Due) : a.Number.CompareTo(b.Number)));
    private ITimer? _timer;
    private long _wakesAt = long.MaxValue;
    private long _lastNumber;

    /// <summary>Waits, never less than asked for. All that fall due together go on one after another on one thread.</summary>
    /// <exception cref="OperationCanceledException">Through the returned task.</exception>
    public Task WaitAsync(TimeSpan delay, CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            long due = time.GetTimestamp() + (long)Math.Ceiling(delay.TotalSeconds * time.TimestampFrequency);
            var wait = new Wait((due + _grain - 1) / _grain * _grain, ++_lastNumber);
            _waits.Add(wait);
            if (wait.Due < _wakesAt)
                WakeAt(wait.Due);
            // Under the lock, so that whoever ends the wait finds the registration.
            wait.Cancellation = cancellationToken.UnsafeRegister((state, token) => GiveUp((Wait)state!, token), wait);
            return wait.Done.Task;
        }
    }

    public void Dispose() => _timer?.Dispose();

    private void GiveUp(Wait wait, CancellationToken token)
    {
        lock (_lock)
        {
            if (!_waits.Remove(wait))
                return;
        }

        wait.Done.TrySetCanceled(token);
    }

    private void WakeAt(long due)
    {
        _wakesAt = due;
        var after = due == long.MaxValue ? Timeout.InfiniteTimeSpan : TimeSpan.FromMilliseconds(Math.Ceiling(Math.Max(0, due - time.GetTimestamp()) * 1000d / time.TimestampFrequency));
        if (_timer is null)
            _timer = time.CreateTimer(_ => Pass(), null, after, Timeout.InfiniteTimeSpan);
        else
            _timer.Change(after, Timeout.InfiniteTimeSpan);
    }

    private void Pass()
    {
        while (true)
        {
            Wait? first;
            lock (_lock)
            {
                first = _waits.Min;
                if (first is null || first.Due > time.GetTimestamp())
                {
                    WakeAt(first?.Due ?? long.MaxValue);
                    return;
                }

                _waits.Remove(first);
            }

            _ = first.Cancellation.Unregister();
            first.Done.TrySetResult();
        }
    }

    private sealed class Wait(long due, long number)
    {
        public long Due => due;

        public long Number => number;

        public TaskCompletionSource Done { get; } = new();

        public CancellationTokenRegistration Cancellation { get; set; }
    }
}
