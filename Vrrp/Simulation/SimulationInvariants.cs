using System.Globalization;

namespace Vrrp.Simulation;

/// <summary>
/// Watches a <see cref="SimulatedLan"/> and checks the invariants: after every turn those that concern the node that had it, at the moment
/// the RFC's arithmetic names those that need the whole LAN. Whatever is done to the LAN counts as a disturbance; the checks begin anew
/// after the last one.
/// </summary>
public sealed partial class SimulationInvariants
{
    /// <summary>Rounding of clocks, in nanoseconds.</summary>
    private const long Rounding = 2_000;

    /// <summary>A Master answers lower ones at most once in this time (VR-160).</summary>
    private const long AnswerNanoseconds = 10_000_000;

    /// <summary>Advertisements of one router in one turn: its own, an answer, and one for an address that was put back.</summary>
    private const int MostInOneTurn = 3;

    /// <summary>Violations that are kept; what follows the first is often its consequence.</summary>
    private const int MostViolations = 100;

    private readonly SimulatedLan _lan;
    private readonly List<NodeWatch> _nodes = [];
    private readonly Dictionary<VirtualRouterKey, VirtualRouterWatch> _virtualRouters = [];
    private readonly List<InvariantViolation> _violations = [];
    private long _disturbance;
    private long _looked = -1;
    private Instant _disturbedUntil;
    private Instant _orderedUntil;
    private Instant _disorderedUntil;
    private Instant _lookAt = Instant.Never;
    private long _routerTicks;

    private SimulationInvariants(SimulatedLan lan)
    {
        _lan = lan;
        _disturbedUntil = lan.Now;
        lan.Observe(SimulationEventKinds.Intervention, Disturbed);
        lan.Observe(SimulationEventKinds.AdvertisementSent, AdvertisementSent);
        lan.Observe(SimulationEventKinds.AnnouncementSent, AnnouncementSent);
        lan.Observe(SimulationEventKinds.Transition, Moved);
        lan.TurnEnded += TurnEnded;
        // What runs already has moved before.
        Synchronize();
        foreach (var router in _nodes.SelectMany(node => node.Routers))
        {
            router.Moved(router.Router.State, router.Router.IsHandingOver, router.Node.Node.Clock, lan.Now);
            Patrol(router);
        }

        LookSoon();
    }

    /// <summary>What was violated, in the order it happened.</summary>
    public IReadOnlyList<InvariantViolation> Violations => _violations;

    /// <summary>How often a virtual router was found to have converged after a disturbance, and to rest.</summary>
    public long Convergences { get; private set; }

    /// <summary>Virtual time that virtual routers have lived, added up over all of them.</summary>
    public TimeSpan RouterTime
    {
        get
        {
            Synchronize();
            long ticks = _routerTicks;
            foreach (var node in _nodes)
            {
                foreach (var router in node.Routers)
                    ticks += (_lan.Now - router.Since).Ticks;
            }

            return TimeSpan.FromTicks(ticks);
        }
    }

    /// <summary>Watches a LAN from now on.</summary>
    /// <param name="lan">The LAN.</param>
    /// <returns>The watch.</returns>
    public static SimulationInvariants Watch(SimulatedLan lan)
    {
        ArgumentNullException.ThrowIfNull(lan);
        return new(lan);
    }

    /// <summary>Adds a violation that was found elsewhere.</summary>
    internal void Report(SimulationInvariant invariant, string where, string detail)
    {
        if (_violations.Count < MostViolations)
            _violations.Add(new(_lan.Elapsed, invariant, where, detail));
    }

    private void Report(SimulationInvariant invariant, RouterWatch router, string detail) =>
        Report(invariant, $"{router.Node.Node.Name}/{router.Inner.Config.Name}", detail);

    internal Instant Now => _lan.Now;

    /// <summary>The virtual router that a router is one of.</summary>
    internal VirtualRouterWatch Of(SimulatedRouter router)
    {
        if (!_virtualRouters.TryGetValue(router.Key, out var watch))
        {
            watch = new(router.Key);
            _virtualRouters.Add(router.Key, watch);
        }

        return watch;
    }

    /// <summary>Adds the time that a router lived which is no more.</summary>
    internal void CountTime(RouterWatch router) => _routerTicks += (_lan.Now - router.Since).Ticks;

    private static string Seconds(long nanoseconds) =>
        (nanoseconds / 1_000_000_000m).ToString("0.######", CultureInfo.InvariantCulture) + " s";

    private NodeWatch Find(SimulatedNode node)
    {
        while (_nodes.Count <= node.Index)
            _nodes.Add(new(_lan.Nodes[_nodes.Count]));
        return _nodes[node.Index];
    }

    /// <summary>Something is about to be done: what holds now need not hold in a moment.</summary>
    private void Disturbed(in SimulationEvent what)
    {
        _disturbance++;
        // What is on its way arrives as the LAN was until now.
        var (ordered, disordered) = LongestWays();
        // Packets keep their order behind one that was slower; what is held back or comes twice does not.
        _orderedUntil = Later(_orderedUntil, _lan.Now.AddNanoseconds(ordered));
        var underWay = _orderedUntil.AddNanoseconds(disordered);
        _disturbedUntil = Later(_disturbedUntil, underWay);
        if (disordered > 0)
            _disorderedUntil = Later(_disorderedUntil, underWay);
        if (what.Node is { } node)
        {
            var watch = Find(node);
            watch.WasDisturbed = true;
            watch.AbleSince = node.Clock;
            foreach (var router in watch.Routers)
                router.IsReplaced = router.State == VrrpState.Master && HasBeenReplaced(router);
        }

        LookSoon();
    }

    private static Instant Later(Instant one, Instant other) => one > other ? one : other;

    /// <summary>Nobody did anything, but others can be Master than a moment ago.</summary>
    internal void BeginAnew()
    {
        _disturbance++;
        LookSoon();
    }

    /// <summary>When all that happens at this instant is over, the bound is computed.</summary>
    private void LookSoon()
    {
        var at = _disturbedUntil > _lan.Now ? _disturbedUntil : _lan.Now;
        if (!_lookAt.IsNever && _lookAt > at)
            return;
        _lookAt = at.AddNanoseconds(1);
        _lan.Schedule(_lookAt, Look);
    }

    private void TurnEnded(SimulatedNode node)
    {
        var watch = Find(node);
        if (!watch.Synchronize(this) || watch.Engine is not { } engine)
            return;
        var platform = node.Platform;
        var now = node.Clock;
        bool isChanged = watch.KernelVersion != platform.Version;
        bool haveMet = true;
        long accepted = 0;
        long accounted = watch.AccountedBefore + engine.Counters.DroppedTotal + engine.Counters.OwnAddressHeard;
        foreach (var router in watch.Routers)
        {
            var inner = router.Inner;
            var state = inner.State.State;
            accepted += inner.Counters.AdvertisementsReceived;
            accounted += inner.Counters.AdvertisementsReceived + inner.Counters.DroppedTotal;
            if (state != router.State || inner.State.IsHandingOver != router.IsHandingOver)
            {
                isChanged = true;
                if (router.State == VrrpState.Master && state is VrrpState.Initialize or VrrpState.Fault)
                    CheckFarewell(router);
                if (router.State != VrrpState.Master && state == VrrpState.Master)
                    CheckAnnounced(router);
                router.Moved(state, inner.State.IsHandingOver, now, _lan.Now);
            }

            if (state == VrrpState.Master)
            {
                CheckLateness(router, now);
                Patrol(router);
                haveMet &= router.VirtualRouter.Masters.Count < 2;
                if (router.HasSaidGoodbye)
                    Report(SimulationInvariant.OnlyMastersAdvertise, router, "says goodbye, and is Master");
                if (router.IsReplaced)
                    Report(SimulationInvariant.StalledMastersYield, router, "is Master, and stood still for so long that another was elected, which it could hear");
            }
            else if (router.IsHandingOver)
            {
                CheckHandOver(router, now);
            }

            if (inner.Config.PreemptDelay < router.PreemptDelay)
                router.PreemptDelay = inner.Config.PreemptDelay;
            if (router.Announced.Count > 0)
                router.Announced.Clear();
            router.HasSaidGoodbye = router.IsReplaced = false;
        }

        if (accounted != platform.ReceivedCount - watch.ReceivedBefore)
            CheckAccounts(watch, accounted);
        if (accepted == watch.Accepted && platform.ReceivedCount != watch.ReceivedInTurns && !watch.WasDisturbed && platform.Version == watch.KernelVersion)
            CheckDropped(watch, now);
        watch.Accepted = accepted;
        foreach (var router in watch.Routers)
        {
            router.Machine = Remembered(router.Inner);
            router.SentInTurn = 0;
        }

        if (isChanged)
        {
            watch.KernelVersion = platform.Version;
            CheckAddresses(watch);
            CheckGroups(watch);
        }

        if (!haveMet)
            CheckMasters(watch);
        watch.ReceivedInTurns = platform.ReceivedCount;
        watch.WasDisturbed = false;
        watch.TurnAt = now;
    }

    private void AdvertisementSent(in SimulationEvent what)
    {
        var watch = Find(what.Node!);
        if (watch.Find(this, what.VirtualRouter) is not { } router)
            return;
        var inner = router.Inner;
        var peers = inner.Config.UnicastPeers;
        // Of the copies for several peers one is looked at.
        if (peers.Length > 1 && what.Address != peers[0].Address)
            return;
        router.HasSaidGoodbye = what.PriorityOctet == 0;
        AwaitAnswers(router, what.PriorityOctet);
        if (what.PriorityOctet == 0)
        {
            if (router.State != VrrpState.Master && inner.State is not { State: VrrpState.Fault } and not { IsHandingOver: true })
                Report(SimulationInvariant.OnlyMastersAdvertise, router, $"says goodbye, and was {router.State}");
            return;
        }

        // What was said as Master may leave while it gives its addresses up, before they are gone.
        if (inner.State.State != VrrpState.Master && (!inner.HoldsAddresses || inner.State.IsHandingOver))
        {
            Report(SimulationInvariant.OnlyMastersAdvertise, router, $"advertises priority {what.PriorityOctet}, and is {inner.State.State}");
            return;
        }

        if (what.PriorityOctet != Rank(router).Value)
            Report(SimulationInvariant.PriorityInForce, router, $"advertises priority {what.PriorityOctet}, and {Rank(router)} is in force");
        if (router.IsReplaced && inner.State.State == VrrpState.Master)
            Report(SimulationInvariant.StalledMastersYield, router, "advertises before it yields to the one that was elected while it stood still");
        if (router.AddressesSeenAt != watch.Node.Platform.Version)
        {
            router.AddressesSeenAt = watch.Node.Platform.Version;
            CheckAddressesBehind(router);
        }

        CheckPace(watch, router);
    }

    /// <summary>I5: no advertisement without a reason, and answers to others at most every 10 ms.</summary>
    private void CheckPace(NodeWatch watch, RouterWatch router)
    {
        var now = watch.Node.Clock;
        var inner = router.Inner;
        long gap = now.Nanoseconds - router.AdvertisedAt.Nanoseconds;
        long early = router.DueAt.Nanoseconds - now.Nanoseconds;
        router.AdvertisedAt = now;
        router.AdvertisedOnLan = _lan.Now;
        router.AdvertisedOn = inner.Interface?.Index ?? 0;
        router.Interval = inner.Config.AdvertisementInterval.Nanoseconds;
        var next = now.AddNanoseconds(router.Interval);
        if (++router.SentInTurn > MostInOneTurn)
            Report(SimulationInvariant.AdvertisementsOnTime, router, $"advertises {router.SentInTurn} times in one turn");
        // By so little it may be an answer before the one that is due.
        if (early is > 0 and <= Rounding && watch.Node.Platform.ReceivedCount != watch.ReceivedInTurns)
            return;
        // Nothing is known of what is due since the one before it in this turn.
        if (router.SentInTurn > 1 && router.DueAt == now)
            return;
        // Due long ago, when it could not send: this may be the one that was due or an answer with that one still to come.
        if (early < -Rounding && router.State == VrrpState.Master && (watch.WasDisturbed || watch.Node.Platform.ReceivedCount != watch.ReceivedInTurns))
        {
            router.DueAt = now;
            return;
        }

        if (early <= Rounding || router.State != VrrpState.Master)
        {
            router.DueAt = Math.Abs(early) <= Rounding ? router.DueAt.AddNanoseconds(router.Interval) : next;
            return;
        }

        // After one for a reason the timer may run on or begin anew.
        router.DueAt = Instant.Min(router.DueAt, next);
        var platform = watch.Node.Platform;
        if (watch.WasDisturbed || platform.Version != watch.KernelVersion)
            return;
        if (platform.ReceivedCount == watch.ReceivedInTurns)
        {
            Report(SimulationInvariant.AdvertisementsOnTime, router, $"advertises again after {Seconds(gap)}, {Seconds(early)} early, and heard nothing");
            return;
        }

        // One more goes out before it yields, where that is wanted.
        if (now.Nanoseconds - router.AnsweredAt.Nanoseconds < AnswerNanoseconds - Rounding && inner.State.State == VrrpState.Master)
            Report(SimulationInvariant.AdvertisementsOnTime, router, $"answers again after {Seconds(now.Nanoseconds - router.AnsweredAt.Nanoseconds)}");
        router.AnsweredAt = now;
    }

    private void AnnouncementSent(in SimulationEvent what)
    {
        var node = what.Node!;
        if (!node.HasAddress(what.Address))
            Report(SimulationInvariant.AddressesOnMaster, $"{node.Name}/{what.VirtualRouter}", $"announces {what.Address}, which is not on the host");
        Find(node).Find(this, what.VirtualRouter)?.Announced.Add(what.Address);
    }

    private void Moved(in SimulationEvent what)
    {
        if (Find(what.Node!).Find(this, what.VirtualRouter) is not { } router || what.Notification is not RouterTransition moved)
            return;
        if (moved is { From: VrrpState.Backup, To: VrrpState.Master })
            CheckTakeover(router, moved.Reason);
        // I1: of a LAN at rest nothing moves.
        if (router.RestsSince == _disturbance)
            Report(SimulationInvariant.OneMaster, router, $"goes from {moved.From} to {moved.To} ({moved.Reason}) although nothing disturbs the LAN");
    }

    private void CheckLateness(RouterWatch router, Instant now)
    {
        long since = Math.Max(Math.Max(router.AdvertisedAt.Nanoseconds, router.MovedAt.Nanoseconds), router.Node.AbleSince.Nanoseconds);
        long interval = Math.Max(router.Interval, router.Inner.Config.AdvertisementInterval.Nanoseconds);
        if (now.Nanoseconds - since <= interval + Rounding || !CanSend(router))
            return;
        Report(SimulationInvariant.AdvertisementsOnTime, router, $"is Master and has sent nothing for {Seconds(now.Nanoseconds - since)}, its interval is {Seconds(interval)}");
        router.AdvertisedAt = now;
    }

    private static bool CanSend(RouterWatch router) =>
        router.Node.Node.Platform.AdvertisementError == 0 && router.Inner.Interface is { IsUp: true } && !router.Inner.PrimaryAddress.IsNone;

    /// <summary>I2: the skew of the lowest priority, and an interval of at least half a second and at most two.</summary>
    private void CheckHandOver(RouterWatch router, Instant now)
    {
        var config = router.Inner.Config;
        long interval = config.AdvertisementInterval.Nanoseconds;
        long limit = VrrpTimers.SkewNanoseconds(config.Version, new Priority(1), interval) + Math.Clamp(interval, 500_000_000, 2_000_000_000);
        long lasts = now.Nanoseconds - router.MovedAt.Nanoseconds;
        if (lasts <= limit + Rounding || now == router.Node.AbleSince)
            return;
        Report(SimulationInvariant.AddressesOnMaster, router, $"hands over for {Seconds(lasts)}, at most {Seconds(limit)} is right");
    }

    /// <summary>I2, after a turn: what a router may not hold it does not, what a Master has to hold it does.</summary>
    private void CheckAddresses(NodeWatch watch)
    {
        var platform = watch.Node.Platform;
        if (platform.ForeignRemovals != watch.ForeignRemovals)
        {
            watch.ForeignRemovals = platform.ForeignRemovals;
            Report(SimulationInvariant.CleanAfterCrash, watch.Node.Name, "an address that is not ours was removed");
        }

        foreach (var router in watch.Routers)
        {
            var inner = router.Inner;
            bool isMaster = inner.State.State == VrrpState.Master;
            if (isMaster)
                CheckAddressesBehind(router);
            if (isMaster || inner.State.IsHandingOver || inner.OwesRemoval || watch.Engine!.OwesRemovals || platform.RemovalError != 0)
                continue;
            foreach (var assignment in inner.Assignments)
            {
                if (platform.Find(assignment.InterfaceIndex) is not { } at || watch.IsHeld(assignment.InterfaceIndex, assignment.Address.Address))
                    continue;
                foreach (var present in at.Addresses)
                {
                    if (present.IsOurs && present.Address == assignment.Address.Address)
                        Report(SimulationInvariant.AddressesOnMaster, router, $"is {inner.State.State} and has {present.Address}");
                }
            }
        }
    }

    /// <summary>I2: all addresses are there, but for those held besides that the kernel refused. One that someone takes away again and again may be missing for 100 ms.</summary>
    private void CheckAddressesBehind(RouterWatch router)
    {
        var inner = router.Inner;
        if (!inner.RestoreAt.IsNever)
            return;
        var platform = router.Node.Node.Platform;
        for (int i = 0; i < inner.Assignments.Length; i++)
        {
            var assignment = inner.Assignments[i];
            if (!IsRefusedBesides(inner, i) && platform.Find(assignment.InterfaceIndex)?.Has(assignment.Address.Address) != true)
                Report(SimulationInvariant.AddressesOnMaster, router, $"is Master and {assignment.Address.Address} is not on the host");
        }
    }

    /// <summary>Whether an address was refused that is no reason to give up those that are advertised.</summary>
    private static bool IsRefusedBesides(VirtualRouter router, int assignment) =>
        assignment >= router.Config.VirtualAddresses.Length && router.Outcomes[assignment].Status == Links.AddressStatus.Refused;

    /// <summary>I4.</summary>
    private void CheckGroups(NodeWatch watch)
    {
        foreach (var router in watch.Routers)
        {
            if (router.Inner.Group is not { } group)
                continue;
            bool isMaster = router.State == VrrpState.Master;
            bool isOtherMaster = false;
            foreach (var other in watch.Routers)
            {
                if (other.Inner.Group != group)
                    continue;
                isOtherMaster |= other.State == VrrpState.Master;
                // One that joins Masters waits for its down interval, as every Backup, and is one of them from then on.
                if (other.State == VrrpState.Master == isMaster || router.IsJoining || other.IsJoining)
                    continue;
                Report(SimulationInvariant.GroupsTogether, router, $"is {router.State} and {other.Inner.Config.Name} of its group is {other.State}");
                return;
            }

            router.IsJoining &= isOtherMaster && !isMaster;
        }
    }

    /// <summary>I3: what was taken from the sockets is in one counter each.</summary>
    private void CheckAccounts(NodeWatch watch, long accounted)
    {
        Report(
            SimulationInvariant.PacketsAccounted,
            watch.Node.Name,
            $"took {watch.Node.Platform.ReceivedCount - watch.ReceivedBefore} packets and counted {accounted}");
        watch.ReceivedBefore = watch.Node.Platform.ReceivedCount - accounted;
    }

    private static (MachineState State, Instant StartAt, Instant RetryAt, Instant RestoreAt) Remembered(VirtualRouter router) =>
        (router.State, router.StartAt, router.RetryAt, router.RestoreAt);

    /// <summary>I3, after a turn in which packets were taken and none was used: nothing was due, so nothing is another.</summary>
    private void CheckDropped(NodeWatch watch, Instant now)
    {
        foreach (var router in watch.Routers)
        {
            var (state, startAt, retryAt, restoreAt) = router.Machine;
            if (state.Deadline <= now || startAt <= now || retryAt <= now || restoreAt <= now)
                return;
        }

        foreach (var router in watch.Routers)
        {
            if (router.Machine != Remembered(router.Inner) || router.SentInTurn > 0)
                Report(SimulationInvariant.PacketsAccounted, router, "is not as it was, although all that came was dropped");
        }
    }

    /// <summary>Two Masters that hear each other: the lower one has heard the higher one after an interval of it.</summary>
    private void CheckMasters(NodeWatch watch)
    {
        foreach (var one in watch.Routers)
        {
            if (one.State != VrrpState.Master)
                continue;
            foreach (var other in one.VirtualRouter.Masters)
            {
                if (other == one || !other.Node.Node.IsAwake || !CanHear(one, other) || !CanHear(other, one))
                    continue;
                long since = Math.Max(Math.Max(one.MovedOnLan.Nanoseconds, other.MovedOnLan.Nanoseconds), _disturbedUntil.Nanoseconds);
                long bound = Math.Max(IntervalOnLan(one), IntervalOnLan(other)) + (2 * LongestWay()) + 1_000_000;
                if (_lan.Now.Nanoseconds - since <= bound)
                    continue;
                Report(SimulationInvariant.MastersMeet, one, $"and {other.Node.Node.Name} have both been Master for {Seconds(_lan.Now.Nanoseconds - since)}, at most {Seconds(bound)} is right");
                // Told once, until something happens.
                one.MovedOnLan = _lan.Now;
            }
        }
    }

    private static long IntervalOnLan(RouterWatch router) =>
        (long)(router.Inner.Config.AdvertisementInterval.Nanoseconds / router.Node.Node.ClockRate);

    private bool CanHear(RouterWatch from, RouterWatch to) => CanHear(from, to, mostLoss: 0);

    private bool CanHear(RouterWatch from, RouterWatch to, double mostLoss)
    {
        if (!CanSend(from) || !CanSend(to) || !AreAgreed(from, to) || to.Node.Node.Platform.Find(to.Inner.Config.Interface)!.Has(from.Inner.PrimaryAddress))
            return false;
        var (isCut, conditions) = _lan.Way(from.Node.Node, to.Node.Node);
        return !isCut && conditions.Loss <= mostLoss;
    }

    /// <summary>Whether two routers take each other's advertisements.</summary>
    private static bool AreAgreed(RouterWatch one, RouterWatch other)
    {
        var (left, right) = (one.Inner.Config, other.Inner.Config);
        if (left.Version != right.Version || left.Group != right.Group || (left.UnicastPeers.Length == 0) != (right.UnicastPeers.Length == 0))
            return false;
        if (left.Version == VrrpVersion.V2 && (left.AdvertisementInterval != right.AdvertisementInterval || left.Password != right.Password))
            return false;
        return left.UnicastPeers.Length == 0 || (Knows(left, other.Inner) && Knows(right, one.Inner));

        static bool Knows(VirtualRouterConfig config, VirtualRouter peer)
        {
            foreach (var known in config.UnicastPeers)
            {
                if (known.Address == peer.PrimaryAddress)
                    return true;
            }

            return false;
        }
    }

    /// <summary>The longest time that a packet travels as the LAN is now, in nanoseconds.</summary>
    private long LongestWay()
    {
        var (ordered, disordered) = LongestWays();
        return ordered + disordered;
    }

    /// <summary>The longest time that a packet travels in its order, and by how much one may come behind it.</summary>
    private (long Ordered, long Disordered) LongestWays()
    {
        long ordered = 0;
        long disordered = 0;
        foreach (var from in _lan.Nodes)
        {
            foreach (var to in _lan.Nodes)
            {
                if (from == to)
                    continue;
                var conditions = _lan.Way(from, to).Conditions;
                ordered = Math.Max(ordered, 100 * (conditions.Delay.Ticks + conditions.Jitter.Ticks));
                // What is held back can come twice as well.
                disordered = Math.Max(disordered, 100 * ((conditions.Duplication > 0 ? conditions.Jitter.Ticks : 0)
                    + (conditions.Reordering > 0 ? conditions.ReorderingDelay.Ticks : 0)));
            }
        }

        return (ordered, disordered);
    }

    private void Synchronize()
    {
        foreach (var node in _lan.Nodes)
            Find(node).Synchronize(this);
    }

}
