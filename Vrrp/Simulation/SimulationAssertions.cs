namespace Vrrp.Simulation;

/// <summary>Something that should hold on a <see cref="SimulatedLan"/> does not.</summary>
public sealed class SimulationAssertionException : Exception
{
    internal SimulationAssertionException(SimulatedLan lan, string reason)
        : this(reason, lan.Trace.Print(last: SimulationAssertions.TimelineLines), SimulationTrace.DescribeTime(lan.Elapsed), lan.Seed)
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
    /// <param name="network">The network; null: on each network that has the VRID there is one.</param>
    /// <exception cref="SimulationAssertionException">There is none or more than one.</exception>
    /// <exception cref="ArgumentException">No node ever had such a virtual router.</exception>
    public static void ExactlyOneMaster(SimulatedLan lan, VirtualRouterId virtualRouterId, IPFamily? family = null, string? network = null)
    {
        foreach (var key in Keys(lan, virtualRouterId, family, network))
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
    /// <param name="network">The network; null: of each network that has the VRID.</param>
    /// <exception cref="SimulationAssertionException">There was a longer gap, or no Master at all.</exception>
    /// <exception cref="ArgumentException">No node ever had such a virtual router.</exception>
    public static void NoMasterlessGapLongerThan(
        SimulatedLan lan, VirtualRouterId virtualRouterId, TimeSpan longest, TimeSpan? since = null, IPFamily? family = null, string? network = null)
    {
        foreach (var key in Keys(lan, virtualRouterId, family, network))
        {
            if (!lan.History.TryGet(key, out var periods) || periods.Count == 0)
                throw new SimulationAssertionException(lan, $"{key} has had no Master at all.");
            var (from, gap) = LongestGap(lan, periods, since);
            if (gap > longest)
            {
                throw new SimulationAssertionException(
                    lan,
                    $"{key} had no Master for {SimulationTrace.Describe(gap)} from {SimulationTrace.DescribeTime(from - SimulatedLan.Start)} s; {SimulationTrace.Describe(longest)} is allowed.");
            }
        }
    }

    /// <summary>
    /// At the moment every Master holds all addresses of its virtual router, and no other node has them: neither those that are advertised nor
    /// those that are held besides, of which a Master may lack what its kernel refused. A node that hands over may have them, and so may the owner
    /// of the addresses. What was an address of the virtual router once and is of none any more may be where someone else put it.
    /// </summary>
    /// <param name="lan">The LAN.</param>
    /// <param name="virtualRouterId">The VRID.</param>
    /// <param name="family">The address family; null: of each family that has the VRID.</param>
    /// <param name="network">The network; null: of each network that has the VRID.</param>
    /// <exception cref="SimulationAssertionException">A Master lacks an address, or another node has it.</exception>
    /// <exception cref="ArgumentException">No node ever had such a virtual router.</exception>
    public static void AddressOnlyOnMaster(SimulatedLan lan, VirtualRouterId virtualRouterId, IPFamily? family = null, string? network = null)
    {
        var keys = Keys(lan, virtualRouterId, family, network);
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
        foreach (var address in lan.History.Addresses(key))
        {
            bool isThere = node.HasAddress(address) && (IsWanted(lan, key, address) || node.Addresses.Any(present => present.IsOurs && present.Address == address));
            bool mayHold = MayHold(node, address, out bool mustHold);
            if (isThere && !mayHold)
                throw new SimulationAssertionException(lan, $"{node.Name} has {address} and is not Master of {key}.");
            if (!isThere && mustHold)
                throw new SimulationAssertionException(lan, $"{node.Name} is Master of {key} and has no {address}.");
        }
    }

    private static bool IsWanted(SimulatedLan lan, VirtualRouterKey key, IPAddressValue address)
    {
        foreach (var node in lan.Nodes)
        {
            foreach (var router in node.Routers)
            {
                if (router.Key == key && Array.Exists(router.Inner.Assignments, assignment => assignment.Address.Address == address))
                    return true;
            }
        }

        return false;
    }

    private static bool MayHold(SimulatedNode node, IPAddressValue address, out bool mustHold)
    {
        mustHold = false;
        bool mayHold = false;
        foreach (var router in node.Routers)
        {
            var inner = router.Inner;
            for (int i = 0; i < inner.Assignments.Length; i++)
            {
                if (inner.Assignments[i].Address.Address != address)
                    continue;
                bool isMaster = router.State == VrrpState.Master;
                bool isRefusedBesides = i >= router.Config.VirtualAddresses.Length && inner.Outcomes[i].Status == Links.AddressStatus.Refused;
                mustHold |= isMaster && !isRefusedBesides;
                mayHold |= isMaster || router.IsHandingOver || (router.Config.IsOwner && i < router.Config.VirtualAddresses.Length);
            }
        }

        return mayHold;
    }

    private static (Instant From, TimeSpan Gap) LongestGap(SimulatedLan lan, List<MasterPeriod> periods, TimeSpan? since)
    {
        var from = since is { } time ? SimulatedLan.Start + time : periods[0].Began;
        var (longestFrom, longest) = (from, TimeSpan.Zero);
        var covered = from;
        foreach (var period in periods)
        {
            if (period.Began > covered && period.Began - covered > longest)
                (longestFrom, longest) = (covered, period.Began - covered);
            covered = period.Ended > covered ? period.Ended : covered;
        }

        var end = covered.IsNever ? covered : lan.Now;
        if (end > covered && end - covered > longest)
            (longestFrom, longest) = (covered, end - covered);
        return (longestFrom, longest);
    }

    private static List<VirtualRouterKey> Keys(SimulatedLan lan, VirtualRouterId virtualRouterId, IPFamily? family, string? network)
    {
        ArgumentNullException.ThrowIfNull(lan);
        var keys = lan.History.Keys.Where(key => key.Is(virtualRouterId, family, network)).ToList();
        if (keys.Count == 0)
        {
            string what = $"{virtualRouterId}{(family is null ? "" : $" for {family}")}{(network is null ? "" : $" on {network}")}";
            throw new ArgumentException($"No node has had a virtual router of VRID {what}.", nameof(virtualRouterId));
        }

        return keys;
    }
}
