namespace Vrrp.Daemon.Tracking;

/// <summary>Does something again and again, each time a while after it was done: what hangs is not begun twice.</summary>
internal sealed class Repeater
{
    private readonly Lock _lock = new();
    private readonly TimeSpan _pause;
    private readonly Action _action;
    private readonly ITimer _timer;
    private bool _isEnded;

    public Repeater(TimeProvider time, TimeSpan pause, Action action)
    {
        (_pause, _action) = (pause, action);
        _timer = time.CreateTimer(_ => Run(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _timer.Change(pause, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Ends it and waits for nothing.</summary>
    public void End()
    {
        lock (_lock)
            _isEnded = true;
        _timer.Dispose();
    }

    private void Run()
    {
        _action();
        lock (_lock)
        {
            if (!_isEnded)
                _timer.Change(_pause, Timeout.InfiniteTimeSpan);
        }
    }
}
