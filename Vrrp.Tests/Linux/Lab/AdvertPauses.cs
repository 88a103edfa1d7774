using System.Globalization;

namespace Vrrp.Tests.Linux.Lab;

/// <summary>
/// Pauses in a daemon's adverts that the machine does not explain: another daemon, which nothing holds up, advertised beside it on the same
/// wire meanwhile. So a slow or busy machine, which stalls both, is told from a daemon that waits for something.
/// </summary>
internal static class AdvertPauses
{
    /// <summary>Routers of the control.</summary>
    public const int ControlRouters = 20;

    private const int FirstControl = 200;

    /// <summary>Ten intervals. After less than four a Backup takes over; who waits for a mail server or a script waits for hundreds.</summary>
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(1);

    private static readonly int[] ControlVrids = [.. Enumerable.Range(FirstControl, ControlRouters)];

    /// <summary>Starts the control on a laboratory's host B, and returns once all its routers advertise.</summary>
    public static async Task StartControlAsync(Laboratory lab)
    {
        var control = lab.AddDirector(lab.B, DirectorKind.Vrrp);
        await control.StartAsync(string.Concat(ControlVrids.Select(Instance)));
        await WaitForAdvertsAsync(lab, ControlVrids, lab.Captures[0].Mark, 2);
    }

    /// <summary>Returns once each of the routers has advertised so often.</summary>
    public static Task WaitForAdvertsAsync(Laboratory lab, IReadOnlyCollection<int> vrids, int mark, int count) => lab.WaitForAsync(
        "adverts of all",
        3 * Laboratory.Patience,
        () =>
        {
            var adverts = Adverts(lab, mark);
            return vrids.All(vrid => adverts[vrid].Count() >= count);
        });

    /// <summary>Returns once the control has advertised so often: for what has no sign of its own.</summary>
    public static Task WaitForControlAsync(Laboratory lab, int mark, int count) => WaitForAdvertsAsync(lab, ControlVrids, mark, count);

    /// <summary>Pauses since a mark in the capture, a line each.</summary>
    public static string[] Find(Laboratory lab, IEnumerable<int> vrids, int mark)
    {
        var adverts = Adverts(lab, mark);
        TimeSpan[] control = [.. ControlVrids.SelectMany(vrid => adverts[vrid]).Order()];
        return [.. vrids.SelectMany(vrid => Find([.. adverts[vrid].Order()], control).Select(pause => string.Create(CultureInfo.InvariantCulture, $"VRID {vrid} {pause}")))];
    }

    /// <summary>Pauses of one router, by its adverts and those of all routers of the control, each in their order.</summary>
    public static IEnumerable<string> Find(TimeSpan[] times, TimeSpan[] control)
    {
        for (int i = 1; i < times.Length; i++)
        {
            var (from, to) = (times[i - 1], times[i]);
            if (to - from < Longest)
                continue;
            TimeSpan[] meanwhile = [from, .. control.Where(time => time > from && time < to), to];
            var silence = meanwhile.Zip(meanwhile.Skip(1), (first, second) => second - first).Max();
            if (silence < (to - from) / 2)
                yield return string.Create(CultureInfo.InvariantCulture, $"was silent for {(to - from).TotalSeconds:0.000} s, the control for {silence.TotalSeconds:0.000} s of them");
        }

        // Many short pauses.
        double expected = control.Count(time => time >= times[0] && time <= times[^1]) / (double)ControlRouters;
        if (times.Length < expected / 2)
            yield return string.Create(CultureInfo.InvariantCulture, $"advertised {times.Length} times, a router of the control {expected:0} times");
    }

    private static ILookup<int, TimeSpan> Adverts(Laboratory lab, int mark) =>
        lab.Captures[0].Since(mark).Where(frame => frame.Advert is not null).ToLookup(frame => frame.Advert!.Vrid, frame => frame.Time);

    private static string Instance(int vrid) => string.Create(CultureInfo.InvariantCulture, $$"""
        vrrp_instance C{{vrid}} {
            interface eth0
            version 3
            virtual_router_id {{vrid}}
            advert_int 0.1
            virtual_ipaddress {
                10.77.1.{{vrid}}
            }
        }

        """);
}
