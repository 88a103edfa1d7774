using Vrrp.Linux;

namespace Vrrp.Daemon.Notifications;

/// <summary>A time that nobody can set: which boot of the host it was in, and how long after its beginning. It goes on while the host sleeps.</summary>
/// <param name="Boot">Names the boot; empty when it is not known.</param>
/// <param name="Elapsed">Since the boot.</param>
internal readonly record struct BootTime(string Boot, TimeSpan Elapsed)
{
    private const int CLOCK_BOOTTIME = 7;
    private const int NanosecondsPerTick = 100;

    private static readonly Lazy<string> s_boot = new(ReadBoot);

    /// <summary>Now.</summary>
    public static unsafe BootTime Read()
    {
        NativeMethods.TimeSpec value;
        Errno.Check(NativeMethods.ClockGetTime(CLOCK_BOOTTIME, &value), "read the time since the boot");
        return new(s_boot.Value, TimeSpan.FromSeconds(value.Seconds) + TimeSpan.FromTicks(value.Nanoseconds / NanosecondsPerTick));
    }

    /// <summary>What has passed since an earlier one. Null: that was another boot.</summary>
    public TimeSpan? Since(BootTime earlier) => Boot.Length > 0 && Boot == earlier.Boot && Elapsed >= earlier.Elapsed ? Elapsed - earlier.Elapsed : null;

    private static string ReadBoot()
    {
        try
        {
            return File.ReadAllText("/proc/sys/kernel/random/boot_id").Trim();
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // A container without it: the wall clock has to do.
            return "";
        }
    }
}
