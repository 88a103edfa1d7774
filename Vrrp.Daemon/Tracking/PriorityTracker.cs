using System.Globalization;
using Vrrp.Daemon.Configuration.Model;

namespace Vrrp.Daemon.Tracking;

/// <summary>What is known of a tracker.</summary>
/// <param name="IsUp">Null: nothing yet. Of a file: true once its number is known.</param>
/// <param name="Value">A file's number.</param>
/// <param name="Problem">Why it is not as it should be, as a clause; null: nothing to say.</param>
internal readonly record struct TrackerReading(bool? IsUp, int Value = 0, string? Problem = null)
{
    public static TrackerReading Unknown => default;

    /// <summary>Nobody has looked yet and somebody is about to: whoever has not begun waits for that, whatever the weight.</summary>
    public bool IsAwaited { get; init; }
}

/// <summary>Trackers and weights to what they do to an instance's priority. Pure; the rules are keepalived's.</summary>
internal static class PriorityTracker
{
    /// <summary>A file's number times its weight counts up to this.</summary>
    public const int MaxFileEffect = 253;

    /// <summary>What one tracker does.</summary>
    public static TrackedState Effect(TrackedObject tracked, in TrackerReading reading)
    {
        var effect = tracked.Kind == TrackedObjectKind.File ? OfNumber(tracked, reading) : OfState(tracked, reading);
        return reading.IsAwaited ? effect with { IsPending = true, Detail = effect.Detail ?? NoResult(tracked) } : effect;
    }

    /// <summary>All of them together: weights add up, one fault is enough, one unknown is pending; the first one is named.</summary>
    public static TrackedState Sum(IEnumerable<TrackedObject> tracked, Func<TrackedObject, TrackerReading> read)
    {
        long weight = 0;
        string? fault = null, pending = null;
        var weights = new List<string>();
        foreach (var one in tracked)
        {
            var effect = Effect(one, read(one));
            weight += effect.Weight;
            if (effect.WeightDetail is { } detail)
                weights.Add(detail);
            if (effect.IsFaulty)
                fault ??= effect.Detail;
            if (effect.IsPending)
                pending ??= effect.Detail;
        }

        return new((int)Math.Clamp(weight, int.MinValue, int.MaxValue), fault is not null, fault ?? pending)
        {
            IsPending = pending is not null,
            WeightDetail = weights.Count == 0 ? null : string.Join(", ", weights),
        };
    }

    private static TrackedState OfState(TrackedObject tracked, in TrackerReading reading)
    {
        if (tracked.Weight == 0)
        {
            // Until the first result nobody knows whether this host can serve: who has not begun waits, a Master goes on.
            if (reading.IsUp is not { } isUp)
                return Pending(tracked);
            return isUp != tracked.Reverse ? default
                : Fault(tracked, isUp ? "is up, and counts in reverse" : reading.Problem is { } problem ? $"failed: {problem}" : "failed");
        }

        int change = Change(tracked, reading.IsUp);
        // The state in which the priority is lower is the bad one, whichever way it counts.
        if (reading.IsUp is not { } state || state != tracked.Reverse)
            return new(change);
        return new(change)
        {
            WeightDetail = $"{Keyword(tracked.Kind)} {tracked.Name} is {(state ? "up" : "down")} {TrackedState.DescribeWeight(change, Change(tracked, !state))}",
        };
    }

    private static int Change(TrackedObject tracked, bool? isUp)
    {
        int change = (tracked.Weight, isUp) switch
        {
            ( > 0, true) or ( < 0, false) => tracked.Weight,
            _ => 0,
        };
        return tracked.Reverse ? -change : change;
    }

    private static TrackedState OfNumber(TrackedObject tracked, in TrackerReading reading)
    {
        if (reading.IsUp is null)
            return tracked.Weight == 0 ? Pending(tracked) : default;
        if (tracked.Weight == 0)
            return reading.Value != 0 == tracked.Reverse ? default : Fault(tracked, $"says {Text(reading.Value)}");
        long change = (long)reading.Value * (tracked.Reverse ? -tracked.Weight : tracked.Weight);
        if (change < -MaxFileEffect)
            return Fault(tracked, $"says {Text(reading.Value)}");
        int effect = (int)Math.Min(change, MaxFileEffect);
        return effect == 0 ? default : new(effect)
        {
            WeightDetail = $"{Keyword(tracked.Kind)} {tracked.Name} says {Text(reading.Value)} {TrackedState.DescribeWeight(effect, 0)}",
        };
    }

    private static TrackedState Pending(TrackedObject tracked) => new(0, Detail: NoResult(tracked)) { IsPending = true };

    private static string NoResult(TrackedObject tracked) => $"{Keyword(tracked.Kind)} {tracked.Name} has no result yet";

    private static TrackedState Fault(TrackedObject tracked, string what) => new(0, IsFaulty: true, $"{Keyword(tracked.Kind)} {tracked.Name} {what}");

    public static string Keyword(TrackedObjectKind kind) => kind switch
    {
        TrackedObjectKind.Script => "vrrp_script",
        TrackedObjectKind.File => "track_file",
        TrackedObjectKind.Process => "vrrp_track_process",
        _ => "bfd_instance",
    };

    private static string Text(int value) => value.ToString(CultureInfo.InvariantCulture);
}
