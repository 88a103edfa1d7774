using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using static Vrrp.Linux.NativeMethods;

namespace Vrrp.Linux;

/// <summary>Waits for descriptors, a wake-up or a deadline. One thread waits; any thread may wake it.</summary>
internal sealed unsafe class EpollWaiter : IDisposable
{
    // Nanoseconds; a thousandth of it is lateness that nobody sees.
    private const long ShortWait = 2_000_000;

    private const int Capacity = 256;
    private const uint EPOLLIN = 1;
    private const uint EPOLLOUT = 4;
    private const int EPOLL_CLOEXEC = 0x80000;
    private const int EPOLL_CTL_ADD = 1;
    private const int EPOLL_CTL_DEL = 2;
    private const int SYS_epoll_pwait2 = 441;
    private const int CLOCK_MONOTONIC = 1;
    private const int TFD_TIMER_ABSTIME = 1;
    private const int NonBlockCloseOnExec = 0x80800;
    private const long WakeData = -1;
    private const long TimerData = -2;

    // struct epoll_event is packed on x86-64 alone.
    private static readonly int EventSize = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 12 : 16;
    private static readonly int DataOffset = EventSize - 8;

    private readonly int _epoll;
    private readonly int _wake;
    private readonly byte* _events;
    private readonly Lock _wakeLock = new();
    private int _timer = -1;
    private bool _hasPreciseWait;
    private bool _disposed;

    /// <summary>Makes a waiter.</summary>
    /// <param name="preferTimer">Use a timerfd even where <c>epoll_pwait2</c> exists (kernels before 5.11 lack it).</param>
    /// <exception cref="LinuxException">Out of descriptors.</exception>
    public EpollWaiter(bool preferTimer = false)
    {
        _epoll = Errno.Check(EpollCreate(EPOLL_CLOEXEC), "create an epoll instance");
        _wake = EventFd(0, NonBlockCloseOnExec);
        if (_wake < 0)
        {
            int error = Errno.Last;
            _ = Close(_epoll);
            throw new LinuxException("create an eventfd", error);
        }

        _events = (byte*)NativeMemory.AllocZeroed(Capacity, (nuint)EventSize);
        _hasPreciseWait = !preferTimer;
        Control(EPOLL_CTL_ADD, _wake, WakeData);
    }

    /// <summary>Readable while <see cref="Wait"/> would return at once.</summary>
    public int Descriptor => _epoll;

    /// <summary>Watches a descriptor for input and errors, as long as either lasts.</summary>
    /// <param name="descriptor">The descriptor.</param>
    /// <param name="token">Not negative; names it in what <see cref="Wait"/> returns.</param>
    /// <exception cref="LinuxException">The descriptor is watched already, or cannot be.</exception>
    public void Add(int descriptor, int token)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(token);
        Control(EPOLL_CTL_ADD, descriptor, token);
    }

    /// <summary>Watches a socket that is connecting: it is ready when it is connected or has failed, as long as it is watched. Any thread.</summary>
    /// <param name="descriptor">The descriptor.</param>
    /// <param name="token">Not negative; names it in what <see cref="Wait"/> returns.</param>
    /// <exception cref="LinuxException">The descriptor is watched already, or cannot be.</exception>
    public void AddOutput(int descriptor, int token)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(token);
        Control(EPOLL_CTL_ADD, descriptor, token, EPOLLOUT);
    }

    /// <summary>Stops watching a descriptor; to be called before it is closed.</summary>
    /// <param name="descriptor">The descriptor.</param>
    public void Remove(int descriptor)
    {
        _ = EpollControl(_epoll, EPOLL_CTL_DEL, descriptor, null);
    }

    /// <summary>Waits until a descriptor is ready, someone wakes the waiter, or the deadline has been reached.</summary>
    /// <param name="deadline">When to return at the latest; one in the past only looks.</param>
    /// <param name="ready">Receives the tokens of what is ready; what does not fit is told by the next call.</param>
    /// <returns>How many tokens; 0 after a wake-up or at the deadline, never before it otherwise.</returns>
    /// <exception cref="LinuxException">The wait failed.</exception>
    public int Wait(Instant deadline, Span<int> ready)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        // More than asked for, so that the wake-up and the timer do not crowd out a descriptor.
        int maximum = Math.Min(ready.Length + 2, Capacity);
        while (true)
        {
            int count = WaitOnce(deadline, maximum);
            if (count < 0)
            {
                if (Errno.Last == Errno.EINTR)
                    continue;
                throw new LinuxException("wait for sockets", Errno.Last);
            }

            int found = 0;
            bool woken = false;
            for (int i = 0; i < count; i++)
            {
                long data = Unsafe.ReadUnaligned<long>(_events + (i * EventSize) + DataOffset);
                if (data >= 0)
                {
                    if (found < ready.Length)
                        ready[found++] = (int)data;
                }
                else
                {
                    ulong value;
                    _ = Read(data == WakeData ? _wake : _timer, &value, sizeof(ulong));
                    woken |= data == WakeData;
                }
            }

            if (found > 0 || woken || MonotonicClock.Now >= deadline)
                return found;
        }
    }

    /// <summary>Makes a <see cref="Wait"/> return, the present one or else the next. Any thread, also after Dispose; never waits.</summary>
    public void Wake()
    {
        ulong one = 1;
        // After Dispose the number may belong to a descriptor of someone else.
        lock (_wakeLock)
        {
            if (!_disposed)
                _ = Write(_wake, &one, sizeof(ulong));
        }
    }

    /// <summary>Closes what was opened; watched descriptors stay open.</summary>
    public void Dispose()
    {
        lock (_wakeLock)
        {
            if (_disposed)
                return;
            _disposed = true;
        }

        _ = Close(_epoll);
        _ = Close(_wake);
        if (_timer >= 0)
            _ = Close(_timer);
        NativeMemory.Free(_events);
    }

    private int WaitOnce(Instant deadline, int maximum)
    {
        if (deadline.IsNever)
        {
            if (_timer >= 0)
                SetTimer(0);
            return EpollWait(_epoll, _events, maximum, -1);
        }

        long remaining = deadline.Nanoseconds - MonotonicClock.Now.Nanoseconds;
        if (remaining <= 0)
            return EpollWait(_epoll, _events, maximum, 0);
        if (_hasPreciseWait)
        {
            // The kernel lets a long wait end a thousandth late, whatever the thread's timer slack is (five thousandths when it is nice):
            // 3 ms after a wait of 3 s. So a long one ends early, and the rest is waited for by itself.
            TimeSpec timeout = ToTimeSpec(remaining > ShortWait ? remaining - (remaining / 128) : remaining);
            int count = (int)EpollPWait2(SYS_epoll_pwait2, _epoll, _events, maximum, &timeout, null, 0);
            // EPERM: sandboxes refuse system calls they do not know.
            if (count >= 0 || Errno.Last is not (Errno.ENOSYS or Errno.EPERM))
                return count;
            _hasPreciseWait = false;
        }

        if (_timer < 0)
        {
            _timer = Errno.Check(TimerFdCreate(CLOCK_MONOTONIC, NonBlockCloseOnExec), "create a timer");
            Control(EPOLL_CTL_ADD, _timer, TimerData);
        }

        SetTimer(deadline.Nanoseconds);
        return EpollWait(_epoll, _events, maximum, -1);
    }

    private void SetTimer(long absolute)
    {
        TimerSpec spec = new() { Value = ToTimeSpec(absolute) };
        _ = Errno.Check(TimerFdSet(_timer, TFD_TIMER_ABSTIME, &spec, null), "set a timer");
    }

    private void Control(int operation, int descriptor, long data, uint events = EPOLLIN)
    {
        byte* item = stackalloc byte[16];
        Unsafe.WriteUnaligned(item, events);
        Unsafe.WriteUnaligned(item + DataOffset, data);
        _ = Errno.Check(EpollControl(_epoll, operation, descriptor, item), $"watch descriptor {descriptor}");
    }

    private static TimeSpec ToTimeSpec(long nanoseconds) =>
        new() { Seconds = (nint)(nanoseconds / 1_000_000_000), Nanoseconds = (nint)(nanoseconds % 1_000_000_000) };
}
