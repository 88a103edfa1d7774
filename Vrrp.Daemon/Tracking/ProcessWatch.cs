using Microsoft.Extensions.Logging;
using Vrrp.Daemon.Configuration.Model;

namespace Vrrp.Daemon.Tracking;

/// <summary>Compares the number of processes that the monitor counts for a vrrp_track_process with its quorum, after the delays.</summary>
internal sealed class ProcessWatch(ProcessTracker process, TrackerReading reading, ProcessMonitor monitor, TimeProvider time, ILogger logger)
    : TrackerWatch(process, reading)
{
    private readonly Lock _lock = new();
    private bool _isEnding;
    private int? _count;
    private ITimer? _delay;

    public ProcessTracker Process => process;

    public override void Start() => monitor.Add(this);

    public override Task StopAsync()
    {
        lock (_lock)
        {
            _isEnding = true;
            _delay?.Dispose();
        }

        monitor.Remove(this);
        return Task.CompletedTask;
    }

    /// <summary>Takes the number of processes that run now.</summary>
    public void Take(int count)
    {
        lock (_lock)
        {
            if (_isEnding || _count == count)
                return;
            bool hasGrown = count > _count;
            bool isFirstCount = _count is null;
            bool isFirst = isFirstCount && Reading.IsUp is null;
            _count = count;
            if (IsUp(process, count) == Reading.IsUp)
            {
                _delay?.Dispose();
                _delay = null;
                // What was found before anyone watched counts already, and nobody has told it.
                if (isFirstCount)
                    Tell(Read(process, count));
                return;
            }

            var delay = isFirst ? TimeSpan.Zero : hasGrown ? process.ForkDelay : process.TerminateDelay;
            if (delay > TimeSpan.Zero)
            {
                _delay ??= time.CreateTimer(_ => Decide(), null, delay, Timeout.InfiniteTimeSpan);
                return;
            }

            Decide();
        }
    }

    /// <summary>What a number of processes means.</summary>
    public static TrackerReading Read(ProcessTracker process, int count) => new(IsUp(process, count), 0, Problem(process, count));

    private static bool IsUp(ProcessTracker process, int count) => count >= process.Quorum && !(count > process.QuorumMax);

    private static string? Problem(ProcessTracker process, int count) => IsUp(process, count) ? null
        : count < process.Quorum ? FormattableString.Invariant($"{count} of at least {process.Quorum} processes run")
        : FormattableString.Invariant($"{count} processes run, at most {process.QuorumMax} may");

    private void Decide()
    {
        lock (_lock)
        {
            _delay?.Dispose();
            _delay = null;
            if (_isEnding || _count is not { } count)
                return;
            var next = Read(process, count);
            if (next.IsUp == Reading.IsUp)
                return;
            Tell(next);
            // Under the lock: who counts meanwhile must not compare with a state that is about to change.
            Publish(next);
        }
    }

    private void Tell(TrackerReading reading)
    {
        if (reading.IsUp == true)
            TrackingLog.Up(logger, Name);
        else
            TrackingLog.Down(logger, Name, reading.Problem!);
    }
}
