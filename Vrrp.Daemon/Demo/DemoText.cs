using System.Globalization;

namespace Vrrp.Daemon.Demo;

/// <summary>Times as an operator reads them.</summary>
internal static class DemoText
{
    /// <summary>Microseconds below ten milliseconds, milliseconds below a second, seconds above.</summary>
    public static string Duration(TimeSpan time)
    {
        double milliseconds = time.TotalMilliseconds;
        string text = Math.Abs(milliseconds) switch
        {
            < 10 => milliseconds.ToString("0.00", CultureInfo.InvariantCulture) + " ms",
            < 1000 => milliseconds.ToString("0", CultureInfo.InvariantCulture) + " ms",
            _ => time.TotalSeconds.ToString("0.000", CultureInfo.InvariantCulture) + " s",
        };
        return text;
    }
}
