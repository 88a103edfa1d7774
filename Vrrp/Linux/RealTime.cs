using static Vrrp.Linux.NativeMethods;

namespace Vrrp.Linux;

/// <summary>Makes the calling thread punctual. What is refused throws; the caller decides whether that matters.</summary>
internal static unsafe class RealTime
{
    private const int SCHED_FIFO = 1;
    private const int SCHED_RR = 2;
    private const int SCHED_RESET_ON_FORK = 0x4000_0000;
    private const int PR_SET_TIMERSLACK = 29;
    private const int RLIMIT_RTTIME = 15;
    private const int MCL_CURRENT = 1;
    private const int MCL_FUTURE = 2;
    private const int MCL_ONFAULT = 4;
    private const int MaximumProcessors = 1024;

    /// <summary>Takes timers of the calling thread from 50 µs of slack to 1 ns.</summary>
    /// <exception cref="LinuxException">The kernel refused.</exception>
    public static void SetTimerSlack() => Errno.Check(PrCtl(PR_SET_TIMERSLACK, 1, 0, 0, 0), "set the timer slack");

    /// <summary>Schedules the calling thread as SCHED_RR. Threads and processes it starts are scheduled normally.</summary>
    /// <param name="priority">1–99.</param>
    /// <exception cref="LinuxException">Not permitted (CAP_SYS_NICE or RLIMIT_RTPRIO).</exception>
    public static void SetRoundRobin(int priority) => SetScheduler(SCHED_RR, priority);

    /// <summary>Schedules the calling thread as SCHED_FIFO. Threads and processes it starts are scheduled normally.</summary>
    /// <param name="priority">1–99.</param>
    /// <exception cref="LinuxException">Not permitted (CAP_SYS_NICE or RLIMIT_RTPRIO).</exception>
    public static void SetFirstInFirstOut(int priority) => SetScheduler(SCHED_FIFO, priority);

    /// <summary>Sets the nice value of the calling thread.</summary>
    /// <param name="nice">−20 (most favoured) to 19.</param>
    /// <exception cref="LinuxException">Not permitted (CAP_SYS_NICE or RLIMIT_NICE).</exception>
    public static void SetNice(int nice)
    {
        // Zero names the calling thread: Linux applies nice by thread, whatever POSIX says.
        if (SetPriority(0, 0, nice) < 0)
            throw Capabilities.Failure($"set nice {nice}", Errno.Last, Capability.SysNice);
    }

    /// <summary>Binds the calling thread to processors.</summary>
    /// <param name="processors">Numbers from 0 to 1023.</param>
    /// <exception cref="LinuxException">No such processor is usable.</exception>
    public static void SetAffinity(ReadOnlySpan<int> processors)
    {
        ulong* mask = stackalloc ulong[MaximumProcessors / 64];
        new Span<ulong>(mask, MaximumProcessors / 64).Clear();
        foreach (int processor in processors)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(processor);
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(processor, MaximumProcessors);
            mask[processor / 64] |= 1UL << (processor % 64);
        }

        _ = Errno.Check(SchedSetAffinity(0, MaximumProcessors / 8, mask), "bind the thread to processors");
    }

    /// <summary>Keeps pages of the process in memory once they are touched; reserved memory that is never touched costs nothing.</summary>
    /// <exception cref="LinuxException">Not permitted (CAP_IPC_LOCK or RLIMIT_MEMLOCK).</exception>
    public static void LockMemory()
    {
        if (MLockAll(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) < 0)
            throw Capabilities.Failure("lock memory", Errno.Last, Capability.IpcLock);
    }

    /// <summary>Has the kernel end the process when a real-time thread computes that long without once waiting (RLIMIT_RTTIME).</summary>
    /// <param name="limit">The limit, in steps of 1 µs.</param>
    /// <exception cref="LinuxException">Above the hard limit.</exception>
    public static void SetTimeLimit(TimeSpan limit)
    {
        ResourceLimit value;
        _ = Errno.Check(GetRLimit(RLIMIT_RTTIME, &value), "read RLIMIT_RTTIME");
        value.Soft = (ulong)Math.Max(1, limit.Ticks / 10);
        _ = Errno.Check(SetRLimit(RLIMIT_RTTIME, &value), "set RLIMIT_RTTIME");
    }

    private static void SetScheduler(int policy, int priority)
    {
        if (SchedSetScheduler(0, policy | SCHED_RESET_ON_FORK, &priority) < 0)
            throw Capabilities.Failure($"set real-time priority {priority}", Errno.Last, Capability.SysNice);
    }
}
