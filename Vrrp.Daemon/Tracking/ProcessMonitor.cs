namespace Vrrp.Daemon.Tracking;

/// <summary>Counts processes for all who ask: all of them once at first, then as they come and go, or once a second where the kernel does not tell.</summary>
internal sealed class ProcessMonitor(ProcessFiles files, TimeProvider time)
{
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();
    private readonly Dictionary<ProcessWatch, HashSet<int>> _watches = [];
    private readonly Dictionary<int, ProcessFacts> _processes = [];
    private ITimer? _timer;

    /// <summary>Counts for a watch from now on, and tells it the number there is.</summary>
    public void Add(ProcessWatch watch)
    {
        lock (_lock)
        {
            if (_watches.Count == 0)
                _timer = time.CreateTimer(_ => Scan(), null, Period, Period);
            _watches.Add(watch, []);
        }

        Scan();
    }

    /// <summary>Counts for it no more.</summary>
    public void Remove(ProcessWatch watch)
    {
        lock (_lock)
        {
            _watches.Remove(watch);
            if (_watches.Count > 0)
                return;
            _timer?.Dispose();
            _timer = null;
            _processes.Clear();
        }
    }

    /// <summary>Looks at all processes.</summary>
    public void Scan()
    {
        var counts = new List<(ProcessWatch, int)>();
        lock (_lock)
        {
            if (_watches.Count == 0)
                return;
            _processes.Clear();
            foreach (int id in files.List())
            {
                if (files.Read(id) is { } facts)
                    _processes[id] = facts;
            }

            foreach (var (watch, wanted) in _watches)
            {
                wanted.Clear();
                foreach (var (id, facts) in _processes)
                {
                    if (facts.IsWanted(watch.Process))
                        wanted.Add(id);
                }

                counts.Add((watch, wanted.Count));
            }

            Tell(counts);
        }
    }

    // In the order in which it was counted: under the lock.
    private static void Tell(List<(ProcessWatch Watch, int Count)> counts)
    {
        foreach (var (watch, count) in counts)
            watch.Take(count);
    }
}
