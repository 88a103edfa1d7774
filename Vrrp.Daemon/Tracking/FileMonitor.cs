using Microsoft.Extensions.Logging;
using Vrrp.Linux;

namespace Vrrp.Daemon.Tracking;

/// <summary>
/// Tells watches of files when theirs was written, moved or deleted, as the kernel tells it of their directories. What it does not tell of,
/// a link and a file whose directory is missing, is read once a second.
/// </summary>
/// <param name="open">Opens the kernel's events.</param>
/// <param name="time">For reading once a second.</param>
/// <param name="logger">Told once when all files have to be read so.</param>
internal sealed class FileMonitor(Func<Inotify> open, TimeProvider time, ILogger logger)
{
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();
    private readonly HashSet<FileWatch> _watches = [];
    private readonly Dictionary<string, int> _numbers = new(StringComparer.Ordinal);
    private Listener? _listener;
    private ITimer? _timer;
    private bool _isToldPolling;

    /// <summary>Has a watch read its file now, and when it changes.</summary>
    public void Add(FileWatch watch)
    {
        lock (_lock)
        {
            _watches.Add(watch);
            if (_watches.Count == 1)
                Listen();
            // Watched first, read later: nothing can happen between the two unseen.
            _ = IsTold(watch);
        }

        watch.Read();
    }

    /// <summary>Leaves it alone from now on.</summary>
    public void Remove(FileWatch watch)
    {
        lock (_lock)
        {
            _watches.Remove(watch);
            if (_numbers.TryGetValue(watch.Directory, out int number) && !_watches.Any(other => other.Directory == watch.Directory))
            {
                _numbers.Remove(watch.Directory);
                // Two names may lead to one directory.
                if (!_numbers.ContainsValue(number))
                    _listener?.Events.Remove(number);
            }

            if (_watches.Count > 0)
                return;
            _listener?.End();
            _listener = null;
            _timer?.Dispose();
            _timer = null;
        }
    }

    private void Listen()
    {
        try
        {
            _listener = new Listener(this, open());
        }
        catch (LinuxException exception)
        {
            if (!_isToldPolling)
                TrackingLog.FilesArePolled(logger, exception.Message);
            _isToldPolling = true;
        }

        _timer = time.CreateTimer(_ => ReadUntold(), null, Period, Period);
    }

    /// <summary>Whether the kernel tells of the directory; tried anew each time, for it may have come to be.</summary>
    private bool IsTold(FileWatch watch)
    {
        if (_listener is not { } listener || _numbers.ContainsKey(watch.Directory))
            return _listener is not null;
        int number = listener.Events.Add(watch.Directory);
        if (number < 0)
            return false;
        _numbers[watch.Directory] = number;
        return true;
    }

    private void ReadUntold()
    {
        var due = new List<FileWatch>();
        lock (_lock)
        {
            foreach (var watch in _watches)
            {
                // What happened before the directory was told of has to be read once more.
                bool wasTold = _listener is not null && _numbers.ContainsKey(watch.Directory);
                if (!IsTold(watch) || !wasTold || watch.IsLink)
                    due.Add(watch);
            }
        }

        foreach (var watch in due)
            watch.Read();
    }

    private void TakeFrom(Listener listener, List<FileEvent> events)
    {
        var due = new HashSet<FileWatch>();
        lock (_lock)
        {
            if (_listener != listener)
                return;
            foreach (var happened in events)
            {
                if (happened.IsOverflow)
                    due.UnionWith(_watches);
                foreach (string directory in _numbers.Where(entry => entry.Value == happened.Directory).Select(entry => entry.Key).ToArray())
                {
                    if (happened.IsDirectoryGone)
                    {
                        _numbers.Remove(directory);
                        listener.Events.Remove(happened.Directory);
                    }

                    due.UnionWith(_watches.Where(watch => watch.Directory == directory && (happened.IsDirectoryGone
                        || (watch.FileName == happened.Name && (!happened.IsCreation || watch.IsLink)))));
                }
            }
        }

        foreach (var watch in due)
            watch.Read();
    }

    /// <summary>A thread that waits for events, and lets go of them when it is to end.</summary>
#pragma warning disable CA1001 // Its thread lets go of them.
    private sealed class Listener
#pragma warning restore CA1001
    {
        private readonly FileMonitor _owner;
        private readonly EpollWaiter _waiter = new();
        private volatile bool _isEnding;

        public Listener(FileMonitor owner, Inotify events)
        {
            (_owner, Events) = (owner, events);
            _waiter.Add(events.Descriptor, 0);
            new Thread(Run, 256 * 1024) { IsBackground = true, Name = "vrrp-files" }.Start();
        }

        public Inotify Events { get; }

        public void End()
        {
            _isEnding = true;
            _waiter.Wake();
        }

        private void Run()
        {
            Span<int> ready = stackalloc int[1];
            var happened = new List<FileEvent>();
            while (!_isEnding)
            {
                if (_waiter.Wait(Instant.Never, ready) == 0)
                    continue;
                happened.Clear();
                Events.Receive(happened);
                _owner.TakeFrom(this, happened);
            }

            Events.Dispose();
            _waiter.Dispose();
        }
    }
}
