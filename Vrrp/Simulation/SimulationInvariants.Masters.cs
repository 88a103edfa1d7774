namespace Vrrp.Simulation;

/// <content>What who becomes Master, is Master and leaves owes to hosts and peers.</content>
public sealed partial class SimulationInvariants
{
    /// <summary>A stall that is longer by less than this than a Backup waits may be taken for one or not, in nanoseconds.</summary>
    private const long StallMargin = 20_000_000;

    /// <summary>The priority in force, going by the configuration and the host and not by what the router thinks.</summary>
    private static Priority Rank(RouterWatch router)
    {
        var config = router.Inner.Config;
        if (config.IsOwner)
            return config.Priority;
        long sum = (long)config.Priority.Value + router.Inner.Tracked.Weight;
        foreach (var tracked in config.TrackedInterfaces)
        {
            bool isUp = router.Node.Node.Platform.Find(tracked.Name) is { Facts.IsUp: true };
            if (tracked.Weight > 0 == isUp)
                sum += tracked.Reverse ? -tracked.Weight : tracked.Weight;
        }

        return new((int)Math.Clamp(sum, 1, 254));
    }

    /// <summary>After the turn that made it Master.</summary>
    private void CheckAnnounced(RouterWatch router)
    {
        var inner = router.Inner;
        var platform = router.Node.Node.Platform;
        if (platform.FrameError != 0 || platform.OpenError != 0)
            return;
        for (int i = 0; i < inner.Assignments.Length; i++)
        {
            var (index, address) = inner.Assignments[i];
            if (router.Announced.Contains(address.Address) || IsRefusedBesides(inner, i) || platform.Find(index) is not { IsEnabled: true })
                continue;
            // Where they are spaced only the first goes out at once.
            if (inner.Config.Announcements.Spacing > TimeSpan.Zero && router.Announced.Count > 0)
                continue;
            Report(SimulationInvariant.TakeoversAnnounced, router, $"becomes Master and does not announce {address.Address}");
            return;
        }
    }

    /// <summary>After the turn in which a Master left: for good, or because it cannot serve.</summary>
    internal void CheckFarewell(RouterWatch router)
    {
        var node = router.Node.Node;
        if (node.Platform.AdvertisementError != 0 || node.Platform.Find(router.Inner.Config.Interface) is not { IsEnabled: true } at
            || at.Facts.Index != router.AdvertisedOn)
        {
            return;
        }

        // Whether it was said or not: who listens to this Master has a successor in a moment. Not where it may hear something older after it.
        if (at.HasCarrier && _lan.Now >= _disorderedUntil)
            router.VirtualRouter.Farewell = (_disturbance, node);
        if (!router.HasSaidGoodbye)
            Report(SimulationInvariant.LeaversSayGoodbye, router, "was Master and leaves without a goodbye");
    }

    private void CheckTakeover(RouterWatch router, TransitionReason reason)
    {
        var config = router.Inner.Config;
        // Another member of its group, which may not, may have found nobody to preempt.
        bool mayPreempt = config.Preempt || config.IsOwner;
        long waited = router.Node.Node.Clock.Nanoseconds - router.MovedAt.Nanoseconds;
        bool hasWaited = config.IsOwner || waited + Rounding >= router.PreemptDelay.Ticks * 100;
        // By what it says itself; a group preempts when the last of its members is ready.
        if (reason == TransitionReason.Preempted && config.SyncGroup is null && !hasWaited)
            Report(SimulationInvariant.TakeoversJustified, router, $"preempts after {Seconds(waited)}, its preempt delay is {Seconds(router.PreemptDelay.Ticks * 100)}");
        foreach (var master in router.VirtualRouter.Masters)
        {
            if (master == router || !master.Node.Node.IsAwake || !CanHear(master, router) || IgnoresAll(router) || !IsAwaited(master, router, ShortestLearned(router)))
                continue;
            long since = Math.Max(_disturbedUntil.Nanoseconds, Math.Max(router.VirtualRouter.MastersSince.Nanoseconds, router.MovedOnLan.Nanoseconds));
            // Until then it may not have heard this one.
            if (_lan.Now.Nanoseconds - since <= IntervalOnLan(master) + (2 * LongestWay()) + Margin)
                continue;
            if (Rank(router) > Rank(master) && mayPreempt && hasWaited)
                continue;
            Report(
                SimulationInvariant.TakeoversJustified,
                router,
                $"takes over with priority {Rank(router)} from {master.Node.Node.Name}, which it hears and which has {Rank(master)}{(mayPreempt ? "" : ", and may not preempt")}");
        }
    }

    /// <summary>RFC 9568 §6.4.2: of several Masters that a Backup hears it goes by the interval of the last one, whichever that was.</summary>
    private long ShortestLearned(RouterWatch router)
    {
        long shortest = long.MaxValue;
        foreach (var master in router.VirtualRouter.Masters)
        {
            // Also of one that it hears now and then.
            if (master != router && CanHear(master, router, mostLoss: 1))
                shortest = Math.Min(shortest, master.Inner.Config.AdvertisementInterval.Nanoseconds);
        }

        return shortest;
    }

    /// <summary>RFC 3768 §7.1: an owner that takes no advertisements of its virtual router.</summary>
    private static bool IgnoresAll(RouterWatch router)
    {
        var config = router.Inner.Config;
        return config.IsOwner && (config.OwnerIgnoresAdvertisements ?? config.Version == VrrpVersion.V2);
    }

    /// <summary>Those that are Master as well hear what is said now, and answer it.</summary>
    private void AwaitAnswers(RouterWatch speaker, byte priority)
    {
        foreach (var master in speaker.VirtualRouter.Masters)
        {
            if (master == speaker || !IsAnswered(master, speaker, priority))
                continue;
            var (said, disturbance) = (_lan.Now, _disturbance);
            var heard = (_disturbedUntil > said ? _disturbedUntil : said).AddNanoseconds(LongestWay() + Margin);
            _lan.Schedule(heard, () =>
            {
                // What it said a moment before answers this one too.
                long answered = said.Nanoseconds - (long)(AnswerNanoseconds / master.Node.Node.ClockRate) - Margin;
                if (disturbance == _disturbance && master.VirtualRouter.Masters.Contains(master) && master.AdvertisedOnLan.Nanoseconds < answered)
                    Report(SimulationInvariant.LowerMastersAnswered, master, $"does not answer the priority {priority} of {speaker.Node.Node.Name}");
            });
        }
    }

    private bool IsAnswered(RouterWatch master, RouterWatch speaker, byte priority)
    {
        if (!master.Node.Node.IsAwake || !master.Inner.Config.AnswerLowerPriority || IgnoresAll(master) || !CanHear(speaker, master))
            return false;
        int rank = priority.CompareTo(Rank(master).Value);
        return rank < 0 || (rank == 0 && speaker.Inner.PrimaryAddress < master.Inner.PrimaryAddress);
    }

    /// <summary>Whether a Master that runs again finds that another was elected.</summary>
    private bool HasBeenReplaced(RouterWatch router)
    {
        var (config, node) = (router.Inner.Config, router.Node.Node);
        long waits = (config.DownTimerAdverts * config.AdvertisementInterval.Nanoseconds) + StallMargin;
        if (node.Clock.Nanoseconds - router.Node.TurnAt.Nanoseconds <= waits || config.IsOwner
            || node.Platform.Find(config.Interface)?.Link(config.Family) is not { } link)
        {
            return false;
        }

        foreach (var packet in link.Waiting)
        {
            if (packet.Sender is not { } sender || packet.Octet(1) != config.VirtualRouterId.Value || packet.Octet(2) == 0 || node.HasAddress(packet.Source))
                continue;
            if (Find(sender).Routers.Exists(other => other.VirtualRouter == router.VirtualRouter && other.Inner.PrimaryAddress == packet.Source && AreAgreed(router, other)))
                return true;
        }

        return false;
    }

    /// <summary>
    /// I5 for one that has no turn any more. Looked at every other interval: as often as it takes to find it, and as seldom as it costs little.
    /// </summary>
    private void Patrol(RouterWatch router)
    {
        if (router.IsPatrolled || router.State != VrrpState.Master)
            return;
        router.IsPatrolled = true;
        Action look = null!;
        look = () =>
        {
            router.IsPatrolled = router.VirtualRouter.Masters.Contains(router);
            if (!router.IsPatrolled)
                return;
            if (router.Node.Node.IsAwake)
                CheckLateness(router, router.Node.Node.Clock);
            _lan.Schedule(_lan.Now.AddNanoseconds(2 * IntervalOnLan(router)), look);
        };
        _lan.Schedule(_lan.Now.AddNanoseconds(2 * IntervalOnLan(router)), look);
    }
}
