using System.Diagnostics;

namespace Vrrp.Linux;

/// <summary>CLOCK_MONOTONIC, the clock the waiter's deadlines are on.</summary>
internal static class MonotonicClock
{
    private static readonly double NanosecondsPerTick = 1e9 / Stopwatch.Frequency;

    /// <summary>The present instant.</summary>
    public static Instant Now =>
        new(Stopwatch.Frequency == 1_000_000_000 ? Stopwatch.GetTimestamp() : (long)(Stopwatch.GetTimestamp() * NanosecondsPerTick));
}
