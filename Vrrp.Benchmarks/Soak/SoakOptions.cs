using System.Globalization;
using Vrrp.Benchmarks.Comparison;

namespace Vrrp.Benchmarks.Soak;

/// <summary>The command line of <c>soak</c>.</summary>
internal sealed record SoakOptions
{
    public const string Usage = """
        soak [--minutes N] [--routers N] [--interval 10ms] [--reload-every 3s] [--seed N] [--only masters|half] [--rt-priority N] [--nice N]
             [--daemon PATH]

        Runs vrrp with many routers at a short interval in network namespaces and has it reload again and again: valid changes, none, and files
        with an error. Twice: once as Master of all, once with a peer that is Master of half of them. Says how memory, handles and threads went,
        how long garbage collections paused it, and how late its adverts were on the wire. Needs root and nft. Minutes (10) are for each.
        --rt-priority adds vrrp_rt_priority to the files, --nice starts the daemons with that nice value; --daemon names another build of vrrp.

        Exit status: 0 everything stayed flat and nothing was left behind, 1 not so, 2 wrong command line.
        """;

    public const int MaxRouters = 250;

    public double Minutes { get; private init; } = 10;

    public int Routers { get; private init; } = 200;

    public TimeSpan Interval { get; private init; } = TimeSpan.FromMilliseconds(10);

    public TimeSpan ReloadEvery { get; private init; } = TimeSpan.FromSeconds(3);

    public int Seed { get; private init; } = 1;

    /// <summary>Real-time priority of the engine; 0: none.</summary>
    public int RealTimePriority { get; private init; }

    /// <summary>Nice value of the daemons; 0: that of this process.</summary>
    public int Nice { get; private init; }

    /// <summary>What is soaked.</summary>
    public Contender Daemon { get; private init; } = Contender.Ours;

    /// <summary>Without a peer, and with one.</summary>
    public IReadOnlyList<bool> HasPeer { get; private init; } = [false, true];

    /// <returns>Null when something is not understood.</returns>
    public static SoakOptions? Parse(string[] arguments)
    {
        var options = new SoakOptions();
        for (int i = 0; i < arguments.Length; i += 2)
        {
            string value = i + 1 < arguments.Length ? arguments[i + 1] : "";
            var next = (arguments[i], Number(value), Duration(value)) switch
            {
                ("--minutes", > 0 and var minutes, _) => options with { Minutes = minutes },
                ("--routers", >= 10 and <= MaxRouters and var routers, _) => options with { Routers = (int)routers },
                ("--rt-priority", >= 0 and <= 99 and var priority, _) => options with { RealTimePriority = (int)priority },
                ("--seed", >= 0 and var seed, _) => options with { Seed = (int)seed },
                ("--interval", _, { } interval) when interval >= TimeSpan.FromMilliseconds(10) => options with { Interval = interval },
                ("--reload-every", _, { } every) => options with { ReloadEvery = every },
                ("--nice", >= -20 and <= 19 and var nice, _) => options with { Nice = (int)nice },
                ("--daemon", _, _) when value.Length > 0 => options with { Daemon = options.Daemon with { Path = Path.GetFullPath(value) } },
                ("--only", _, _) when value is "masters" or "half" => options with { HasPeer = [value == "half"] },
                _ => null,
            };
            if (next is null)
                return null;
            options = next;
        }

        return options;
    }

    private static double Number(string text) =>
        double.TryParse(text, NumberStyles.AllowDecimalPoint | NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out double number) ? number : double.NaN;

    private static TimeSpan? Duration(string text)
    {
        var (number, unit) = text.EndsWith("ms", StringComparison.Ordinal) ? (Number(text[..^2]), 1) : text.EndsWith('s') ? (Number(text[..^1]), 1000) : (double.NaN, 0);
        return number >= 0 ? TimeSpan.FromMilliseconds(number * unit) : null;
    }
}
