namespace Vrrp.Daemon.Tracking;

/// <summary>Tells watches of files when theirs may have changed.</summary>
internal sealed class FileMonitor(TimeProvider time)
{
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();
    private readonly HashSet<FileWatch> _watches = [];
    private ITimer? _timer;

    /// <summary>Has a watch read its file now, and when it changes.</summary>
    public void Add(FileWatch watch)
    {
        lock (_lock)
        {
            if (_watches.Count == 0)
                _timer = time.CreateTimer(_ => ReadAll(), null, Period, Period);
            _watches.Add(watch);
        }

        watch.Read();
    }

    /// <summary>Leaves it alone from now on.</summary>
    public void Remove(FileWatch watch)
    {
        lock (_lock)
        {
            _watches.Remove(watch);
            if (_watches.Count > 0)
                return;
            _timer?.Dispose();
            _timer = null;
        }
    }

    private void ReadAll()
    {
        FileWatch[] watches;
        lock (_lock)
            watches = [.. _watches];
        foreach (var watch in watches)
            watch.Read();
    }
}
