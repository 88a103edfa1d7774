using Microsoft.Extensions.Logging;
using Vrrp.Linux;
using Vrrp.Netlink;

namespace Vrrp.Daemon.Tracking;

/// <summary>
/// Counts processes for all who ask: all of them once at first, then as the kernel tells that they come and go, or once a second where it
/// does not tell.
/// </summary>
/// <param name="files">What is known of a process.</param>
/// <param name="open">Opens the kernel's events.</param>
/// <param name="time">For counting once a second.</param>
/// <param name="logger">Told once when that is what it comes to.</param>
internal sealed class ProcessMonitor(ProcessFiles files, Func<IProcessEvents> open, TimeProvider time, ILogger logger)
{
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();
    private readonly Dictionary<ProcessWatch, HashSet<int>> _watches = [];
    private Listener? _listener;
    private ITimer? _timer;
    private bool _isToldPolling;
    private bool _needsCommandLines;

    /// <summary>Counts for a watch from now on, and tells it the number there is.</summary>
    public void Add(ProcessWatch watch)
    {
        lock (_lock)
        {
            _watches.Add(watch, []);
            _needsCommandLines |= ProcessFacts.NeedsCommandLine(watch.Process);
            // Listened first, counted later: nothing can happen between the two unseen.
            if (_watches.Count == 1)
                Listen();
            Scan();
        }
    }

    /// <summary>Counts for it no more.</summary>
    public void Remove(ProcessWatch watch)
    {
        lock (_lock)
        {
            _watches.Remove(watch);
            if (_watches.Count > 0)
                return;
            _needsCommandLines = false;
            _listener?.End();
            _listener = null;
            _timer?.Dispose();
            _timer = null;
        }
    }

    /// <summary>Takes what happened, in its order: of each process the last word counts.</summary>
    public void Take(IEnumerable<ProcessEvent> events)
    {
        var last = new Dictionary<int, ProcessEventKind>();
        foreach (var happened in events)
        {
            if (happened.Kind != ProcessEventKind.Answer)
                last[happened.Id] = happened.Kind;
        }

        lock (_lock)
        {
            foreach (var (id, kind) in last)
            {
                // One that ends can still be seen for a moment.
                var facts = kind == ProcessEventKind.Ended ? null : files.Read(id, _needsCommandLines);
                foreach (var (watch, wanted) in _watches)
                {
                    if (facts?.IsWanted(watch.Process) == true ? wanted.Add(id) : wanted.Remove(id))
                        watch.Take(wanted.Count);
                }
            }
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
            Poll(exception.Message);
        }
    }

    private void Poll(string reason)
    {
        if (!_isToldPolling)
            TrackingLog.ProcessesArePolled(logger, reason);
        _isToldPolling = true;
        _timer = time.CreateTimer(
            _ =>
            {
                lock (_lock)
                    Scan();
            },
            null,
            Period,
            Period);
    }

    // What is told is told in the order in which it was counted: under the lock.
    private void Scan()
    {
        if (_watches.Count == 0)
            return;
        foreach (var wanted in _watches.Values)
            wanted.Clear();
        foreach (int id in files.List())
        {
            if (files.Read(id, _needsCommandLines) is not { } facts)
                continue;
            foreach (var (watch, wanted) in _watches)
            {
                if (facts.IsWanted(watch.Process))
                    wanted.Add(id);
            }
        }

        foreach (var (watch, wanted) in _watches)
            watch.Take(wanted.Count);
    }

    private void TakeFrom(Listener listener, List<ProcessEvent> events, bool isComplete)
    {
        lock (_lock)
        {
            if (_listener != listener)
                return;
            if (isComplete)
                Take(events);
            else
                Scan();
        }
    }

    private void Lose(Listener listener, string reason)
    {
        lock (_lock)
        {
            if (_listener != listener)
                return;
            _listener = null;
            Poll(reason);
        }
    }

    /// <summary>A thread that waits for events, and lets go of them when it is to end.</summary>
#pragma warning disable CA1001 // Its thread lets go of them.
    private sealed class Listener
#pragma warning restore CA1001
    {
        private readonly ProcessMonitor _owner;
        private readonly IProcessEvents _events;
        private readonly EpollWaiter _waiter = new();
        private volatile bool _isEnding;

        public Listener(ProcessMonitor owner, IProcessEvents events)
        {
            (_owner, _events) = (owner, events);
            _waiter.Add(events.Descriptor, 0);
            new Thread(Run, 256 * 1024) { IsBackground = true, Name = "vrrp-processes" }.Start();
        }

        public void End()
        {
            _isEnding = true;
            _waiter.Wake();
        }

        private void Run()
        {
            Span<int> ready = stackalloc int[1];
            var happened = new List<ProcessEvent>();
            try
            {
                while (!_isEnding)
                {
                    if (_waiter.Wait(Instant.Never, ready) == 0)
                        continue;
                    happened.Clear();
                    bool isComplete = _events.Receive(happened);
                    _owner.TakeFrom(this, happened, isComplete);
                }
            }
            catch (LinuxException exception)
            {
                _owner.Lose(this, exception.Message);
            }
            finally
            {
                _events.Dispose();
                _waiter.Dispose();
            }
        }
    }
}
