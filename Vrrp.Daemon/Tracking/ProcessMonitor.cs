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

    // Never held while something is read: who leaves must not wait for a process stuck in the kernel.
    private readonly Lock _lock = new();
    // Held from reading to telling, and taken first: what is told is told in the order in which it was counted.
    private readonly Lock _counting = new();
    private readonly Dictionary<ProcessWatch, Counted> _watches = [];
    private Listener? _listener;
    private Repeater? _repeater;
    private bool _isToldPolling;
    private int? _toldProblem;
    private bool _needsCommandLines;

    /// <summary>Counts for a watch from now on, and tells it the number there is.</summary>
    public void Add(ProcessWatch watch)
    {
        lock (_lock)
        {
            _watches.Add(watch, new());
            _needsCommandLines |= ProcessFacts.NeedsCommandLine(watch.Process);
            // Listened first, counted later: nothing can happen between the two unseen.
            if (_watches.Count == 1)
                Listen();
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
            _needsCommandLines = false;
            _listener?.End();
            _listener = null;
            _repeater?.End();
            _repeater = null;
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

        lock (_counting)
        {
            var watches = Watches(out bool needsCommandLines);
            try
            {
                foreach (var (id, kind) in last)
                {
                    // One that ends can still be seen for a moment.
                    var facts = kind == ProcessEventKind.Ended ? null : files.Read(id, needsCommandLines);
                    foreach (var (watch, counted) in watches)
                    {
                        // A new one is counted as a whole first.
                        if (!counted.IsWhole)
                            continue;
                        if (facts?.IsWanted(watch.Process) == true ? counted.Ids.Add(id) : counted.Ids.Remove(id))
                            watch.Take(counted.Ids.Count);
                    }
                }
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                TryAgain(exception);
            }
        }
    }

    private KeyValuePair<ProcessWatch, Counted>[] Watches(out bool needsCommandLines)
    {
        lock (_lock)
        {
            needsCommandLines = _needsCommandLines;
            return [.. _watches];
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
            Poll(exception.Message);
        }
    }

    private void Poll(string reason)
    {
        if (!_isToldPolling)
            TrackingLog.ProcessesArePolled(logger, reason);
        _isToldPolling = true;
        _repeater ??= new(time, Period, Scan);
    }

    private void Scan()
    {
        lock (_counting)
        {
            var watches = Watches(out bool needsCommandLines);
            if (watches.Length == 0)
                return;
            var found = watches.Select(_ => new HashSet<int>()).ToArray();
            try
            {
                foreach (int id in files.List())
                {
                    if (files.Read(id, needsCommandLines) is not { } facts)
                        continue;
                    for (int i = 0; i < watches.Length; i++)
                    {
                        if (facts.IsWanted(watches[i].Key.Process))
                            found[i].Add(id);
                    }
                }
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                TryAgain(exception);
                return;
            }

            lock (_lock)
            {
                _toldProblem = null;
                if (_listener is not null)
                {
                    _repeater?.End();
                    _repeater = null;
                }
            }

            for (int i = 0; i < watches.Length; i++)
            {
                var (watch, counted) = watches[i];
                (counted.Ids, counted.IsWhole) = (found[i], true);
                watch.Take(found[i].Count);
            }
        }
    }

    /// <summary>Leaves the numbers as they are and counts all in a second.</summary>
    private void TryAgain(Exception exception)
    {
        lock (_lock)
        {
            // Its text may name another process each time.
            if (_toldProblem != exception.HResult)
                TrackingLog.ProcessesNotCounted(logger, exception.Message);
            _toldProblem = exception.HResult;
            if (_watches.Count > 0)
                _repeater ??= new(time, Period, Scan);
        }
    }

    private void TakeFrom(Listener listener, List<ProcessEvent> events, bool isComplete)
    {
        lock (_lock)
        {
            if (_listener != listener)
                return;
        }

        if (isComplete)
            Take(events);
        else
            Scan();
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

    /// <summary>The processes that a watch wants, and whether all were looked at since it came.</summary>
    private sealed class Counted
    {
        public HashSet<int> Ids { get; set; } = [];

        public bool IsWhole { get; set; }
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
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
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
