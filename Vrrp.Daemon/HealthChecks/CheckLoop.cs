using System.Net;
using System.Runtime.InteropServices;
using System.Text;
using Vrrp.Daemon.Configuration.Model;
using Vrrp.Linux;
using static Vrrp.Linux.NativeMethods;
using static Vrrp.Linux.SocketNumbers;
using AddressFamily = System.Net.Sockets.AddressFamily;

namespace Vrrp.Daemon.HealthChecks;

/// <summary>
/// The one thread of the checks: it keeps the time of all of them and makes the connections of TCP checks. A director makes hundreds a
/// second, and waking threads of a pool for each costs more than what the kernel does for it. What the kernel has achieved in time counts,
/// also when this process came to see it late: a host that stood still must not declare its servers dead.
/// </summary>
/// <remarks>As a <see cref="TimeProvider"/> its timers run on that thread, so whomever they call must return at once.</remarks>
internal sealed unsafe class CheckLoop : TimeProvider, IDisposable
{
    private const int SO_REUSEADDR = 2;
    private const int SO_ERROR = 4;
    private const int SO_MARK = 36;
    private const int SOCK_STREAM = 1;
    private const short POLLIN = 1;
    private const short POLLOUT = 4;
    private const int StackSize = 256 * 1024;

    /// <summary>More are watched from the start: each poll looks at all it is given.</summary>
    private const int MaximumYoung = 512;

    /// <summary>In a near network a connection is made or refused by then; so long it is polled with its like, which saves the calls of a watch.</summary>
    private static readonly TimeSpan Youth = TimeSpan.FromMilliseconds(20);

    private readonly Lock _lock = new();
    private readonly EpollWaiter _waiter = new();
    private readonly Dictionary<int, Attempt> _attempts = [];
    private readonly SortedSet<Attempt> _byDeadline = new(Comparer<Attempt>.Create(
        (a, b) => a.Deadline != b.Deadline ? a.Deadline.CompareTo(b.Deadline) : a.Token.CompareTo(b.Token)));

    private readonly List<LoopTimer> _timers = [];
    private Thread? _thread;
    private Instant _wakesAt = Instant.Never;
    private int _lastToken;
    private bool _disposed;

    // The thread's own; in the order of birth.
    private readonly List<Attempt> _young = [];
    private readonly PollDescriptor[] _polled = new PollDescriptor[MaximumYoung + 1];

    public override long TimestampFrequency => 1_000_000_000;

    public override long GetTimestamp() => MonotonicClock.Now.Nanoseconds;

    /// <summary>A timer whose callback runs on the thread of the loop.</summary>
    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new LoopTimer(this, callback, state);
        timer.Change(dueTime, period);
        return timer;
    }

    /// <summary>Connects, and closes the connection at once. Returns without waiting; whoever awaits it goes on on the thread of the loop.</summary>
    /// <param name="check">From where, and how long.</param>
    /// <param name="target">Where to.</param>
    /// <param name="cancellationToken">Gives it up.</param>
    public Task<CheckResult> ConnectAsync(NetworkCheck check, SocketAddress target, CancellationToken cancellationToken)
    {
        int family = target.Family == AddressFamily.InterNetworkV6 ? AF_INET6 : AF_INET;
        int descriptor = Socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (descriptor < 0)
            return Task.FromResult(Result(Errno.Last));
        int error = Begin(descriptor, check, target);
        if (error == Errno.EINPROGRESS)
            return FinishAsync(descriptor, check.ConnectTimeout, cancellationToken);
        _ = Close(descriptor);
        return Task.FromResult(Result(error));
    }

    /// <summary>Ends the thread; attempts are given up.</summary>
    public void Dispose()
    {
        Thread? thread;
        lock (_lock)
        {
            if (_disposed)
                return;
            _disposed = true;
            thread = _thread;
        }

        _waiter.Wake();
        if (thread is null)
            _waiter.Dispose();
        // Whoever waited for the last check may go on on the thread itself.
        else if (thread != Thread.CurrentThread)
            thread.Join();
    }

    private static int Begin(int descriptor, NetworkCheck check, SocketAddress target)
    {
        if (check.FirewallMark != 0 && !SetOption(descriptor, SO_MARK, BitConverter.GetBytes(check.FirewallMark)))
            return Errno.Last;
        if (check.BindInterface is { } device && !SetOption(descriptor, SO_BINDTODEVICE, Encoding.UTF8.GetBytes(device + "\0")))
            return Errno.Last;
        if (!check.BindAddress.IsNone || check.BindPort != 0)
        {
            if (check.BindPort != 0 && !SetOption(descriptor, SO_REUSEADDR, BitConverter.GetBytes(1)))
                return Errno.Last;
            var source = CheckSocket.Source(check).Serialize();
            fixed (byte* address = source.Buffer.Span)
            {
                if (Bind(descriptor, address, (uint)source.Size) < 0)
                    return Errno.Last;
            }
        }

        fixed (byte* address = target.Buffer.Span)
            return Connect(descriptor, address, (uint)target.Size) < 0 ? Errno.Last : 0;
    }

    private static bool SetOption(int descriptor, int option, byte[] value)
    {
        fixed (byte* octets = value)
            return SetSockOpt(descriptor, SOL_SOCKET, option, octets, (uint)value.Length) == 0;
    }

    private static CheckResult Result(int error) => error == 0 ? CheckResult.Success : CheckResult.Failure(CheckSocket.Describe(error));

    private static int ErrorOf(int descriptor)
    {
        int error;
        uint length = sizeof(int);
        return GetSockOpt(descriptor, SOL_SOCKET, SO_ERROR, &error, &length) < 0 ? Errno.Last : error;
    }

    private Task<CheckResult> FinishAsync(int descriptor, TimeSpan limit, CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            if (_disposed)
            {
                _ = Close(descriptor);
                return Task.FromCanceled<CheckResult>(new(canceled: true));
            }

            _lastToken = (_lastToken + 1) & int.MaxValue;
            var attempt = new Attempt(descriptor, _lastToken, MonotonicClock.Now, limit);
            if (Thread.CurrentThread == _thread && _young.Count < MaximumYoung)
            {
                _young.Add(attempt);
            }
            else if (Watch(attempt) is { } problem)
            {
                _ = Close(descriptor);
                return Task.FromResult(CheckResult.Failure(problem));
            }

            _attempts.Add(attempt.Token, attempt);
            _byDeadline.Add(attempt);
            WakeAt(attempt.Deadline);
            // Under the lock, so that whoever ends it finds the registration.
            attempt.Cancellation = cancellationToken.UnsafeRegister((state, token) => GiveUp((Attempt)state!, token), attempt);
            return attempt.Result.Task;
        }
    }

    /// <summary>Under the lock.</summary>
    private void WakeAt(Instant due)
    {
        if (_disposed || due >= _wakesAt)
            return;
        if (_thread is null)
        {
            _thread = new(Run, StackSize) { IsBackground = true, Name = "checks" };
            _thread.Start();
        }
        else if (Thread.CurrentThread != _thread)
        {
            _wakesAt = due;
            _waiter.Wake();
        }
    }

    private string? Watch(Attempt attempt)
    {
        try
        {
            _waiter.AddOutput(attempt.Descriptor, attempt.Token);
            attempt.IsWatched = true;
            return null;
        }
        catch (LinuxException exception)
        {
            return exception.Message;
        }
    }

    private void GiveUp(Attempt attempt, CancellationToken token)
    {
        if (!TryEnd(attempt))
            return;
        // Whoever cancels does not do the work of whoever waits.
        ThreadPool.UnsafeQueueUserWorkItem(given => given.Result.TrySetCanceled(given.Token), (attempt.Result, Token: token), preferLocal: false);
    }

    private void Run()
    {
        Turn();
        foreach (var attempt in _attempts.Values.ToArray())
            GiveUp(attempt, new(canceled: true));
        _waiter.Dispose();
    }

    private void Turn()
    {
        while (true)
        {
            Instant until;
            lock (_lock)
            {
                if (_disposed)
                    return;
                until = _byDeadline.Min?.Deadline ?? Instant.Never;
                foreach (var timer in _timers)
                    until = Instant.Min(until, timer.Due);
                _wakesAt = until;
            }

            // Nobody's time is up before all that was ready has been asked: the next look finds the rest.
            if (WaitUntil(until))
                continue;
            Expire();
            while (TakeDueTimer() is { } timer)
                timer.Call();
        }
    }

    /// <summary>Waits, and finishes what is ready.</summary>
    /// <returns>Whether anything was.</returns>
    private bool WaitUntil(Instant until)
    {
        SortYoung();
        if (_young.Count == 0)
            return FinishWatched(until);
        int count = _young.Count;
        _polled[0] = new() { Descriptor = _waiter.Descriptor, Events = POLLIN };
        for (int i = 0; i < count; i++)
            _polled[i + 1] = new() { Descriptor = _young[i].Descriptor, Events = POLLOUT };
        var wait = Instant.Min(until, _young[0].Born + Youth) - MonotonicClock.Now;
        fixed (PollDescriptor* polled = _polled)
        {
            if (Poll(polled, (nuint)count + 1, (int)Math.Ceiling(Math.Max(0, wait.TotalMilliseconds))) < 0 && Errno.Last != Errno.EINTR)
                throw new LinuxException("poll the sockets of checks", Errno.Last);
        }

        bool found = false;
        for (int i = 0; i < count; i++)
        {
            short returned = _polled[i + 1].Returned;
            if (returned == 0)
                continue;
            found = true;
            if (returned == POLLOUT)
                Finish(_young[i], CheckResult.Success);
            else if (Outcome(_young[i].Token) is { } outcome)
                Finish(outcome.Attempt, outcome.Result);
        }

        return (_polled[0].Returned != 0 && FinishWatched(Instant.Origin)) || found;
    }

    /// <summary>Those that are over are young no more, and those that take longer are watched.</summary>
    private void SortYoung()
    {
        var grown = MonotonicClock.Now - Youth;
        int kept = 0;
        for (int i = 0; i < _young.Count; i++)
        {
            var attempt = _young[i];
            if (attempt.Born > grown)
            {
                if (!attempt.IsOver)
                    _young[kept++] = attempt;
                continue;
            }

            string? problem = null;
            lock (_lock)
            {
                // Whoever gives it up closes its socket, whose number may be another's at once.
                if (!attempt.IsOver)
                    problem = Watch(attempt);
            }

            if (problem is not null)
                Finish(attempt, CheckResult.Failure(problem));
        }

        _young.RemoveRange(kept, _young.Count - kept);
    }

    private bool FinishWatched(Instant until)
    {
        Span<int> ready = stackalloc int[128];
        bool found = false;
        int count = _waiter.Wait(until, ready);
        foreach (int token in ready[..count])
        {
            if (Outcome(token) is not { } outcome)
                continue;
            Finish(outcome.Attempt, outcome.Result);
            found = true;
        }

        return found;
    }

    /// <summary>What the kernel says of an attempt; null: it is over. Under the lock its socket cannot be closed meanwhile.</summary>
    private (Attempt Attempt, CheckResult Result)? Outcome(int token)
    {
        lock (_lock)
            return _attempts.TryGetValue(token, out var attempt) ? (attempt, Result(ErrorOf(attempt.Descriptor))) : null;
    }

    private void Expire()
    {
        var now = MonotonicClock.Now;
        while (true)
        {
            Attempt? first;
            lock (_lock)
                first = _byDeadline.Min;
            if (first is null || first.Deadline > now)
                return;
            Finish(first, CheckResult.Failure(CheckSocket.TookTooLong("connecting", first.Limit)));
        }
    }

    private LoopTimer? TakeDueTimer()
    {
        var now = MonotonicClock.Now;
        lock (_lock)
        {
            foreach (var timer in _timers)
            {
                if (timer.Due <= now)
                {
                    timer.Due = timer.Period > TimeSpan.Zero ? timer.Due + timer.Period : Instant.Never;
                    return timer;
                }
            }

            return null;
        }
    }

    private void Finish(Attempt attempt, CheckResult result)
    {
        if (!TryEnd(attempt))
            return;
        _ = attempt.Cancellation.Unregister();
        attempt.Result.TrySetResult(result);
    }

    /// <summary>Closes the socket, unless somebody has.</summary>
    private bool TryEnd(Attempt attempt)
    {
        lock (_lock)
        {
            if (!_attempts.Remove(attempt.Token))
                return false;
            _byDeadline.Remove(attempt);
            attempt.IsOver = true;
            // A child that is being started may hold a copy for a moment, and closing ours would not end the watch.
            if (attempt.IsWatched)
                _waiter.Remove(attempt.Descriptor);
            _ = Close(attempt.Descriptor);
            return true;
        }
    }

    private sealed class Attempt(int descriptor, int token, Instant born, TimeSpan limit)
    {
        private volatile bool _isOver;

        public int Descriptor => descriptor;

        public int Token => token;

        public Instant Born => born;

        public TimeSpan Limit => limit;

        public Instant Deadline { get; } = born + limit;

        public bool IsWatched { get; set; }

        public bool IsOver
        {
            get => _isOver;
            set => _isOver = value;
        }

        public TaskCompletionSource<CheckResult> Result { get; } = new();

        public CancellationTokenRegistration Cancellation { get; set; }
    }

    private sealed class LoopTimer(CheckLoop loop, TimerCallback callback, object? state) : ITimer
    {
        public Instant Due { get; set; } = Instant.Never;

        public TimeSpan Period { get; private set; }

        public void Call() => callback(state);

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            lock (loop._lock)
            {
                if (!loop._timers.Contains(this))
                    loop._timers.Add(this);
                Due = dueTime == Timeout.InfiniteTimeSpan ? Instant.Never : MonotonicClock.Now + dueTime;
                Period = period;
                loop.WakeAt(Due);
                return true;
            }
        }

        public void Dispose()
        {
            lock (loop._lock)
                loop._timers.Remove(this);
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
