namespace Vrrp.Daemon.Demo;

/// <summary>Time since the demonstration began, on the clock that the kernel stamps packets with.</summary>
internal sealed class DemoClock(TimeProvider time)
{
    private readonly DateTimeOffset _start = time.GetUtcNow();

    public TimeSpan Now => time.GetUtcNow() - _start;

    public TimeSpan At(long seconds, long nanoseconds) =>
        DateTimeOffset.UnixEpoch.AddSeconds(seconds).AddTicks(nanoseconds / TimeSpan.NanosecondsPerTick) - _start;

    /// <summary>The time of a log line that was just read, by its own stamp in local time unless that is nonsense.</summary>
    public TimeSpan OfLogLine(DateTime local)
    {
        var now = Now;
        var at = new DateTimeOffset(local, time.LocalTimeZone.GetUtcOffset(local)) - _start;
        // When daylight saving time ends an hour is ambiguous.
        return (now - at).Duration() < TimeSpan.FromMinutes(1) ? at : now;
    }
}
