using System.Globalization;

namespace Vrrp.Daemon.Hosting;

/// <summary>A number with its noun: "1 error", "2 errors".</summary>
internal static class Counted
{
    public static string Of(int count, string noun, string plural = "s") =>
        string.Create(CultureInfo.InvariantCulture, $"{count} {noun}{(count == 1 ? "" : plural)}");
}
