namespace Vrrp;

/// <summary>
/// Skew and down intervals, exact to the nanosecond and never rounded to centiseconds: at a one-centisecond interval a step of
/// priority is 39 µs. RFC 9568 §6.1; RFC 3768 §6.1.
/// </summary>
public static class VrrpTimers
{
    private const long NanosecondsPerSecond = 1_000_000_000;

    /// <summary>Skew_Time: how much longer a lower priority waits.</summary>
    /// <param name="version">Version 2 has (256 − priority)/256 s whatever the interval; version 3 scales with the interval.</param>
    /// <param name="priority">The waiting router's priority.</param>
    /// <param name="interval">Interval of the Master being waited for.</param>
    /// <returns>The time.</returns>
    public static TimeSpan SkewTime(VrrpVersion version, Priority priority, AdvertisementInterval interval) =>
        TimeSpan.FromTicks(SkewNanoseconds(version, priority, interval.Nanoseconds) / 100);

    /// <summary>Master_Down_Interval: silence after which a Backup takes over.</summary>
    /// <param name="version">The version.</param>
    /// <param name="priority">The waiting router's priority.</param>
    /// <param name="interval">Interval of the Master being waited for; version 2 uses its own.</param>
    /// <param name="adverts">Intervals to miss before the skew; 3 by RFC 9568 §6.1.</param>
    /// <returns>The time.</returns>
    public static TimeSpan MasterDownInterval(VrrpVersion version, Priority priority, AdvertisementInterval interval, int adverts = 3) =>
        TimeSpan.FromTicks(MasterDownNanoseconds(version, priority, interval.Nanoseconds, adverts) / 100);

    internal static long SkewNanoseconds(VrrpVersion version, Priority priority, long intervalNanoseconds) =>
        (256 - priority.Value) * (version == VrrpVersion.V2 ? NanosecondsPerSecond : intervalNanoseconds) / 256;

    internal static long MasterDownNanoseconds(VrrpVersion version, Priority priority, long intervalNanoseconds, int adverts) =>
        (adverts * intervalNanoseconds) + SkewNanoseconds(version, priority, intervalNanoseconds);
}
