using Vrrp.Tests.Linux.Lab;

namespace Vrrp.Tests.Linux.Chaos;

/// <summary>
/// What the protocol lets the client see of a fault, without any margin for machines that are busy. RFC 9568 §6.1: a Backup waits three
/// intervals and its skew time for a silent Master; a Master of lower priority yields to the next advertisement it hears.
/// </summary>
internal static class ChaosAllowance
{
    /// <summary>The longest time in which no host answers for an address.</summary>
    public static TimeSpan Gap(ChaosCluster cluster, IReadOnlyList<ChaosFault> faults) =>
        faults.Aggregate(TimeSpan.Zero, (sum, fault) => sum + Gap(cluster, fault, LongestDownInterval(cluster, faults))) + NobodyAble(cluster, faults);

    /// <summary>The longest time in which two hosts answer for an address.</summary>
    public static TimeSpan TwoHosts(ChaosCluster cluster, IReadOnlyList<ChaosFault> faults) =>
        faults.Aggregate(TimeSpan.Zero, (sum, fault) => sum + TwoHosts(cluster, fault));

    /// <summary>How long it may take after the last fault is healed until the first host alone answers.</summary>
    public static TimeSpan Convergence(ChaosCluster cluster, IReadOnlyList<ChaosFault> faults) =>
        // The first host may have heard its last advertisement just before, wait its down interval, and be heard by the others at once;
        // where it stayed Master all the time, they hear it within an interval.
        cluster.DownInterval(0) + cluster.Interval + (faults.Any(fault => fault.Kind == ChaosFaultKind.FrameDelay) ? cluster.Interval : TimeSpan.Zero);

    /// <summary>How long the lowest that there is meanwhile waits for a silent Master.</summary>
    private static TimeSpan LongestDownInterval(ChaosCluster cluster, IReadOnlyList<ChaosFault> faults) =>
        faults.Any(fault => fault.Kind == ChaosFaultKind.LowerPriority)
            ? cluster.Routers.Max(router => router.DownInterval(ChaosCluster.LowestPriority))
            : cluster.LongestDownInterval;

    private static TimeSpan Gap(ChaosCluster cluster, ChaosFault fault, TimeSpan longestDownInterval)
    {
        var isKeepalived = cluster.Directors[fault.Host] == DirectorKind.Keepalived;
        return fault.Kind switch
        {
            // A killed one's addresses answer until it is started again and removes them, which may be before another takes over.
            ChaosFaultKind.Kill or ChaosFaultKind.KillStarting or ChaosFaultKind.FurtherAddress or ChaosFaultKind.DiskFull => longestDownInterval,
            // With a sync group the members on other networks leave by a farewell, when the group has noticed.
            ChaosFaultKind.LinkDown or ChaosFaultKind.CableOut or ChaosFaultKind.InterfaceRemoved =>
                longestDownInterval + (cluster.IsSyncGroup ? cluster.LongestSkew : TimeSpan.Zero),
            // Ours answers until its successor is heard; keepalived removes the addresses with its farewell.
            ChaosFaultKind.Leave => isKeepalived ? cluster.LongestSkew : TimeSpan.Zero,
            // Ours puts them back; keepalived becomes Backup and waits.
            ChaosFaultKind.AddressRemoved => isKeepalived ? longestDownInterval : TimeSpan.Zero,
            ChaosFaultKind.FrameLoss => UnansweredRun(fault.Amount / 100.0),
            ChaosFaultKind.FrameDelay => 4 * TimeSpan.FromMilliseconds(fault.Amount),
            _ => TimeSpan.Zero,
        };
    }

    private static TimeSpan TwoHosts(ChaosCluster cluster, ChaosFault fault) => fault.Kind switch
    {
        // It cannot remove an address while it does not execute, and cannot yield to what it does not hear.
        ChaosFaultKind.Kill or ChaosFaultKind.KillStarting or ChaosFaultKind.FurtherAddress or ChaosFaultKind.DiskFull or ChaosFaultKind.Freeze
            or ChaosFaultKind.MemoryPressure => fault.Duration,
        ChaosFaultKind.Partition or ChaosFaultKind.OneWayPartition or ChaosFaultKind.AdvertLoss or ChaosFaultKind.FrameLoss =>
            fault.Duration + cluster.Interval,
        ChaosFaultKind.FrameDelay => fault.Duration + cluster.Interval + (4 * TimeSpan.FromMilliseconds(fault.Amount)),
        _ => TimeSpan.Zero,
    };

    /// <summary>A request or its answer is lost with this probability each: the run of lost ones that once in a billion is longer.</summary>
    private static TimeSpan UnansweredRun(double loss)
    {
        var unanswered = 1 - ((1 - loss) * (1 - loss));
        return Math.Ceiling(Math.Log(1e-9) / Math.Log(unanswered)) * VipProber.Period;
    }

    /// <summary>The time in which each host has some fault that keeps it from answering or from taking over.</summary>
    private static TimeSpan NobodyAble(ChaosCluster cluster, IReadOnlyList<ChaosFault> faults)
    {
        var disabling = faults.Where(fault => fault.Disables).ToArray();
        TimeSpan[] moments = [.. disabling.SelectMany(fault => new[] { fault.At, fault.HealedAt }).Order()];
        var sum = TimeSpan.Zero;
        for (var i = 1; i < moments.Length; i++)
        {
            var (from, to) = (moments[i - 1], moments[i]);
            var disabled = disabling.Where(fault => fault.At <= from && fault.HealedAt >= to).Select(fault => fault.Host).Distinct().Count();
            if (disabled == cluster.Directors.Count)
                sum += to - from;
        }
        return sum;
    }
}
