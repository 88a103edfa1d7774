using Microsoft.Extensions.Logging;
using Vrrp.Linux;

namespace Vrrp.Daemon.Tracking;

/// <summary>
/// Tells watches of files when theirs was written, moved or deleted, as the kernel tells it of their directories. What it does not tell of,
/// a link and a file whose directory is missing, is read once a second. A file that hangs delays no other
/// by more than a second.
/// </summary>
/// <param name="open">Opens the kernel's events.</param>
/// <param name="time">For reading once a second.</param>
/// <param name="logger">Told once when all files have to be read so.</param>
internal sealed class FileMonitor(Func<Inotify> open, TimeProvider time, ILogger logger)
{
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(1);

    // Never held while a path is looked at: who leaves must not wait for a disk that hangs.
    private readonly Lock _lock = new();
    private readonly HashSet<FileWatch> _watches = [];
    private readonly Dictionary<string, int> _numbers = new(StringComparer.Ordinal);
    private readonly HashSet<int> _gone = [];
    private readonly HashSet<FileWatch> _lookedAt = [];
    private Listener? _listener;
    private ITimer? _timer;
    private int _adding;
    private bool _isToldPolling;

    /// <summary>Has a watch read its file now, and when it changes.</summary>
    public void Add(FileWatch watch)
    {
        lock (_lock)
        {
            _watches.Add(watch);
            if (_watches.Count == 1)
                Listen();
        }

        // Watched first, read later: nothing can happen between the two unseen.
        _ = IsTold(watch, out _);
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
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            TellPolling(exception.Message);
        }

        _timer = time.CreateTimer(_ => Aside.RunAsync(ReadUntold), null, Period, Period);
    }

    private void TellPolling(string reason)
    {
        if (!_isToldPolling)
            TrackingLog.FilesArePolled(logger, reason);
        _isToldPolling = true;
    }

    private void Lose(Listener listener, string reason)
    {
        lock (_lock)
        {
            if (_listener != listener)
                return;
            _listener = null;
            _numbers.Clear();
            TellPolling(reason);
        }
    }

    /// <summary>Whether the kernel tells of the directory; tried anew each time, for it may have come to be.</summary>
    private bool IsTold(FileWatch watch, out bool wasTold)
    {
        Listener? listener;
        lock (_lock)
        {
            listener = _listener;
            wasTold = listener is not null && _numbers.ContainsKey(watch.Directory);
            if (wasTold || listener is null)
                return wasTold;
            _adding++;
        }

        int number = listener.Watch(watch.Directory);
        lock (_lock)
        {
            // Its end may have been told before its number was known.
            bool isThere = number >= 0 && _listener == listener && !_gone.Contains(number) && _watches.Contains(watch);
            if (--_adding == 0)
                _gone.Clear();
            if (isThere)
                _numbers[watch.Directory] = number;
            else if (number >= 0 && _listener == listener && !_numbers.ContainsValue(number))
                listener.Events.Remove(number);
            return isThere;
        }
    }

    private void ReadUntold()
    {
        FileWatch[] watches;
        lock (_lock)
            watches = [.. _watches];
        foreach (var watch in watches)
        {
            // One that hangs keeps this look, and is left out by the next, which comes all the same.
            if (!TryLookAt(watch))
                continue;
            Guard(watch, () =>
            {
                // What happened before the directory was told of has to be read once more.
                if (!IsTold(watch, out bool wasTold) || !wasTold || watch.IsLink)
                    watch.Read();
            });
            lock (_lock)
                _lookedAt.Remove(watch);
        }
    }

    private bool TryLookAt(FileWatch watch)
    {
        lock (_lock)
            return _watches.Contains(watch) && _lookedAt.Add(watch);
    }

    private void TakeFrom(Listener listener, List<FileEvent> events)
    {
        var due = new HashSet<FileWatch>();
        var made = new HashSet<FileWatch>();
        lock (_lock)
        {
            if (_listener != listener)
                return;
            foreach (var happened in events)
            {
                if (happened.IsOverflow)
                    due.UnionWith(_watches);
                if (happened.IsDirectoryGone && _adding > 0)
                    _gone.Add(happened.Directory);
                foreach (string directory in _numbers.Where(entry => entry.Value == happened.Directory).Select(entry => entry.Key).ToArray())
                {
                    if (happened.IsDirectoryGone)
                    {
                        _numbers.Remove(directory);
                        listener.Events.Remove(happened.Directory);
                    }

                    var concerned = _watches.Where(watch => watch.Directory == directory && (happened.IsDirectoryGone || watch.FileName == happened.Name));
                    (happened.IsCreation ? made : due).UnionWith(concerned);
                }
            }
        }

        made.ExceptWith(due);
        foreach (var watch in due.Concat(made))
        {
            // Not here: one that hangs would keep the word of all others.
            if (!watch.TryLeaveToReader())
                _ = Aside.RunAsync(() => Guard(watch, due.Contains(watch) ? watch.Read : watch.ReadLink));
        }
    }

    private void Guard(FileWatch watch, Action look)
    {
        try
        {
            look();
        }
#pragma warning disable CA1031 // One file must not end the looking at others, nor the daemon.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            TrackingLog.Failed(logger, exception, watch.Name);
        }
    }

    /// <summary>A thread that waits for events, and lets go of them when it is to end.</summary>
#pragma warning disable CA1001 // Its thread lets go of them.
    private sealed class Listener
#pragma warning restore CA1001
    {
        private readonly FileMonitor _owner;
        private readonly EpollWaiter _waiter = new();
        private readonly Lock _using = new();
        private int _users;
        private bool _isClosed;
        private volatile bool _isEnding;

        public Listener(FileMonitor owner, Inotify events)
        {
            (_owner, Events) = (owner, events);
            _waiter.Add(events.Descriptor, 0);
            new Thread(Run, 256 * 1024) { IsBackground = true, Name = "vrrp-files" }.Start();
        }

        public Inotify Events { get; }

        /// <summary>Watches a directory, without the owner's lock: this may hang.</summary>
        public int Watch(string directory)
        {
            // Its descriptor must not be closed meanwhile: the number could be someone else's then.
            lock (_using)
            {
                if (_isClosed)
                    return -1;
                _users++;
            }

            int number = Events.Add(directory);
            lock (_using)
            {
                if (--_users == 0 && _isClosed)
                    Events.Dispose();
            }

            return number;
        }

        public void End()
        {
            _isEnding = true;
            _waiter.Wake();
        }

        private void Run()
        {
            Span<int> ready = stackalloc int[1];
            var happened = new List<FileEvent>();
            try
            {
                while (!_isEnding)
                {
                    if (_waiter.Wait(Instant.Never, ready) == 0)
                        continue;
                    happened.Clear();
                    Events.Receive(happened);
                    _owner.TakeFrom(this, happened);
                }
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                _owner.Lose(this, exception.Message);
            }
            finally
            {
                lock (_using)
                {
                    _isClosed = true;
                    if (_users == 0)
                        Events.Dispose();
                }

                _waiter.Dispose();
            }
        }
    }
}
