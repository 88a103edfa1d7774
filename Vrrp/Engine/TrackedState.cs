using System.Globalization;

namespace Vrrp;

/// <summary>
/// What the program around the library tracks for a virtual router (scripts, files, other programs), summed up. It stays when the router is
/// reconfigured, until it is set anew. Interfaces are tracked by the library itself.
/// </summary>
/// <param name="Weight">
/// Added to the configured priority, with the weights of tracked interfaces; the priority in force is kept within 1 to 254. Any number; 0 is
/// the default. An owner (priority 255) is never changed.
/// </param>
/// <param name="IsFaulty">Whether something that must work does not: the router is in Fault (<see cref="VrrpFaults.Tracked"/>), also an owner.</param>
/// <param name="Detail">Why, for the transition's detail; null: nothing to say.</param>
public readonly record struct TrackedState(int Weight, bool IsFaulty = false, string? Detail = null)
{
    /// <summary>
    /// Whether it is not known yet if this host can serve. A router that has not begun waits with that until it is known, or until something
    /// is faulty; one that runs goes on as it is. Default false.
    /// </summary>
    public bool IsPending { get; init; }

    /// <summary>
    /// What lowers the priority, or changes it otherwise, for the detail of transitions as <see cref="Detail"/> is; null: nothing to say.
    /// </summary>
    public string? WeightDetail { get; init; }

    /// <summary>What a weight does now; of one that does nothing what it would do else.</summary>
    internal static string DescribeWeight(int weight, int otherwise) => weight != 0
        ? string.Create(CultureInfo.InvariantCulture, $"({weight:+0;-0})")
        : string.Create(CultureInfo.InvariantCulture, $"({otherwise:+0;-0} not added)");

    internal bool AllowsStart => !IsPending || IsFaulty;
}
