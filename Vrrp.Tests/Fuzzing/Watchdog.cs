using System.Globalization;

namespace Vrrp.Tests.Fuzzing;

/// <summary>
/// Sees from another thread that an execution does not end. What counts is the processor time it takes, so that a busy machine is no
/// hang; one that waits and takes none is a hang after the longer limit.
/// </summary>
internal sealed class Watchdog : IDisposable
{
    private static readonly TimeSpan s_period = TimeSpan.FromMilliseconds(100);

    private readonly TimeSpan _processorLimit;
    private readonly TimeSpan _limit;
    private readonly Action _hangs;
    private readonly ManualResetEventSlim _stopped = new();
    private readonly Thread _thread;
    private readonly string _statistics;
    private long _number;

    /// <summary>Begins to watch the calling thread.</summary>
    /// <param name="processorLimit">Processor time that one execution may take.</param>
    /// <param name="limit">Time that one execution may take, if it does nothing.</param>
    /// <param name="hangs">Called once for each execution that takes longer, while it still runs.</param>
    public Watchdog(TimeSpan processorLimit, TimeSpan limit, Action hangs)
    {
        _processorLimit = processorLimit;
        _limit = limit;
        _hangs = hangs;
        // "1234/task/1240": the kernel's number of this thread.
        string self = new FileInfo("/proc/thread-self").LinkTarget!;
        _statistics = $"/proc/{self}/stat";
        _thread = new Thread(Watch) { IsBackground = true, Name = "fuzz watchdog" };
        _thread.Start();
    }

    public void Begin() => Volatile.Write(ref _number, _number + 1);

    public void End() => Volatile.Write(ref _number, _number + 1);

    public void Dispose()
    {
        _stopped.Set();
        _thread.Join();
        _stopped.Dispose();
    }

    private void Watch()
    {
        long seen = 0;
        long told = 0;
        long since = 0;
        var used = TimeSpan.Zero;
        while (!_stopped.Wait(s_period))
        {
            long number = Volatile.Read(ref _number);
            // Even: nothing runs.
            if (number % 2 == 0 || number == told)
                continue;
            if (number != seen)
            {
                (seen, since, used) = (number, Environment.TickCount64, ProcessorTime());
                continue;
            }

            if (ProcessorTime() - used < _processorLimit && Environment.TickCount64 - since < _limit.TotalMilliseconds)
                continue;
            told = number;
            _hangs();
        }
    }

    // Fields 14 and 15 of proc_pid_stat(5), hundredths of a second; the name in field 2 may hold blanks.
    private TimeSpan ProcessorTime()
    {
        string text = File.ReadAllText(_statistics);
        string[] fields = text[(text.LastIndexOf(')') + 2)..].Split(' ');
        long ticks = long.Parse(fields[11], CultureInfo.InvariantCulture) + long.Parse(fields[12], CultureInfo.InvariantCulture);
        return TimeSpan.FromMilliseconds(ticks * 10);
    }
}
