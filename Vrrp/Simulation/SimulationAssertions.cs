namespace Vrrp.Simulation;

/// <summary>Something that should hold on a <see cref="SimulatedLan"/> does not.</summary>
public sealed class SimulationAssertionException : Exception
{
    internal SimulationAssertionException(SimulatedLan lan, string reason)
        : this(reason, lan.Trace.Print(last: SimulationAssertions.TimelineLines), SimulationTrace.DescribeTime(lan.Now), lan.Seed)
    {
    }

    private SimulationAssertionException(string reason, string timeline, string time, long seed)
        : base($"At {time} s (seed {seed}): {reason}{Environment.NewLine}{timeline}")
    {
        Reason = reason;
        Timeline = timeline;
    }

    /// <summary>What does not hold, as a sentence.</summary>
    public string Reason { get; }

    /// <summary>The last part of the timeline.</summary>
    public string Timeline { get; }
}

/// <summary>
/// What a test says about a <see cref="SimulatedLan"/>; each throws a <see cref="SimulationAssertionException"/> if it does not hold. A node
/// that crashed or is frozen can do nothing about what it holds, so it is not counted.
/// </summary>
public static class SimulationAssertions
{
    /// <summary>Lines of the timeline in the message of an exception.</summary>
    internal const int TimelineLines = 30;

    /// <summary>Exactly one node is Master of a virtual router at the moment.</summary>
    /// <param name="lan">The LAN.</param>
    /// <param name="virtualRouterId">The VRID.</param>
    /// <param name="family">The address family; null: of each family that has the VRID there is one.</param>
    /// <exception cref="SimulationAssertionException">There is none or more than one.</exception>
    /// <exception cref="ArgumentException">No node ever had such a virtual router.</exception>
    public static void ExactlyOneMaster(SimulatedLan lan, VirtualRouterId virtualRouterId, IPFamily? family = null)
    {
        foreach (var key in Keys(lan, virtualRouterId, family))
        {
            var masters = lan.Nodes.Where(node => node.CanAct && node.Routers.Any(router => router.Key == key && router.State == VrrpState.Master));
            string names = string.Join(", ", masters.Select(node => node.Name));
            int count = masters.Count();
            if (count != 1)
                throw new SimulationAssertionException(lan, $"{key} has {(count == 0 ? "no Master" : $"{count} Masters: {names}")}.");
        }
    }

    /// <summary>
    /// From the first time that a virtual router had a Master to the present, it was never without one for longer than a time.
    /// </summary>
    /// <param name="lan">The LAN.</param>
    /// <param name="virtualRouterId">The VRID.</param>
    /// <param name="longest">The longest time that is allowed.</param>
    /// <param name="since">Count from there, as time since the start of the simulation; null: from the first Master.</param>
    /// <param name="family">The address family; null: of each family that has the VRID.</param>
    /// <exception cref="SimulationAssertionException">There was a longer gap, or no Master at all.</exception>
    /// <exception cref="ArgumentException">No node ever had such a virtual router.</exception>
    public static void NoMasterlessGapLongerThan(
        SimulatedLan lan, VirtualRouterId virtualRouterId, TimeSpan longest, TimeSpan? since = null, IPFamily? family = null)
    {
        foreach (var key in Keys(lan, virtualRouterId, family))
        {
            var (from, gap) = LongestGap(lan, key, since);
            if (gap > longest)
            {
                throw new SimulationAssertionException(
                    lan,
                    $"{key} had no Master for {SimulationTrace.Describe(gap)} from {SimulationTrace.DescribeTime(from)} s; {SimulationTrace.Describe(longest)} is allowed.");
            }
        }
    }

    /// <summary>
    /// At the moment every Master holds all addresses of its virtual router, and no other node has them. A node that hands over may have
    /// them, and so may the owner of the addresses.
    /// </summary>
    /// <param name="lan">The LAN.</param>
    /// <param name="virtualRouterId">The VRID.</param>
    /// <param name="family">The address family; null: of each family that has the VRID.</param>
    /// <exception cref="SimulationAssertionException">A Master lacks an address, or another node has it.</exception>
    /// <exception cref="ArgumentException">No node ever had such a virtual router.</exception>
    public static void AddressOnlyOnMaster(SimulatedLan lan, VirtualRouterId virtualRouterId, IPFamily? family = null)
    {
        var keys = Keys(lan, virtualRouterId, family);
        foreach (var node in lan.Nodes)
        {
            if (!node.CanAct)
                continue;
            foreach (var key in keys)
                AssertAddresses(lan, node, key);
        }
    }

    private static void AssertAddresses(SimulatedLan lan, SimulatedNode node, VirtualRouterKey key)
    {
        foreach (var other in lan.Nodes)
        {
            foreach (var router in other.Routers)
            {
                if (router.Key != key)
                    continue;
                foreach (var address in router.Config.VirtualAddresses)
                {
                    bool isThere = node.HasAddress(address.Address);
                    bool mayHold = MayHold(node, address.Address, out bool mustHold);
                    if (isThere && !mayHold)
                        throw new SimulationAssertionException(lan, $"{node.Name} has {address.Address} and is not Master of {key}.");
                    if (!isThere && mustHold)
                        throw new SimulationAssertionException(lan, $"{node.Name} is Master of {key} and has no {address.Address}.");
                }
            }
        }
    }

    private static bool MayHold(SimulatedNode node, IPAddressValue address, out bool mustHold)
    {
        mustHold = false;
        bool mayHold = false;
        foreach (var router in node.Routers)
        {
            foreach (var own in router.Config.VirtualAddresses)
            {
                if (own.Address != address)
                    continue;
                mustHold |= router.State == VrrpState.Master;
                mayHold |= mustHold || router.IsHandingOver || router.Config.IsOwner;
            }
        }

        return mayHold;
    }

    private static (Instant From, TimeSpan Gap) LongestGap(SimulatedLan lan, VirtualRouterKey key, TimeSpan? since)
    {
        lan.History.TryGet(key, out var periods);
        var from = since is { } time ? SimulatedLan.Start + time : periods is [var first, ..] ? first.From : SimulatedLan.Start;
        var (longestFrom, longest) = (from, TimeSpan.Zero);
        var covered = from;
        foreach (var period in periods!)
        {
            if (period.From > covered && period.From - covered > longest)
                (longestFrom, longest) = (covered, period.From - covered);
            covered = period.To > covered ? period.To : covered;
        }

        var end = covered.IsNever ? covered : lan.Now;
        if (end > covered && end - covered > longest)
            (longestFrom, longest) = (covered, end - covered);
        return (longestFrom, longest);
    }

    private static List<VirtualRouterKey> Keys(SimulatedLan lan, VirtualRouterId virtualRouterId, IPFamily? family)
    {
        ArgumentNullException.ThrowIfNull(lan);
        var keys = lan.History.Keys.Where(key => key.VirtualRouterId == virtualRouterId && (family is null || key.Family == family)).ToList();
        if (keys.Count == 0)
            throw new ArgumentException($"No node has had a virtual router of VRID {virtualRouterId}.", nameof(virtualRouterId));
        return keys;
    }
}
