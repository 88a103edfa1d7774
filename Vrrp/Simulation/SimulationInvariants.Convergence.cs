using System.Globalization;

namespace Vrrp.Simulation;

/// <content>
/// I1 and liveness. After a disturbance the bound is computed from the state that the routers are in, whatever it is: by then one of them
/// must be Master, and nothing may change any more.
/// </content>
public sealed partial class SimulationInvariants
{
    /// <summary>What processors and clocks add to the RFC's arithmetic, in nanoseconds.</summary>
    private const long Margin = 2_000_000;

    /// <summary>After what the kernel refused there is another attempt in this time.</summary>
    private const long RetryNanoseconds = 5_000_000_000;

    private readonly List<VirtualRouterWatch[]> _domains = [];

    private void Look()
    {
        _lookAt = Instant.Never;
        if (_disturbedUntil >= _lan.Now)
        {
            LookSoon();
            return;
        }

        if (_looked == _disturbance)
            return;
        _looked = _disturbance;
        Synchronize();
        CheckLeftovers(areOwed: true);
        FindDomains();
        long disturbance = _disturbance;
        double slowest = _lan.Nodes.Select(node => node.ClockRate).DefaultIfEmpty(1).Min();
        _lan.Schedule(_lan.Now.AddNanoseconds((long)((RetryNanoseconds + Margin) / slowest)), () =>
        {
            if (disturbance == _disturbance)
                CheckLeftovers(areOwed: false);
        });
        foreach (var domain in _domains)
        {
            // What is not at rest in itself is not waited for: a lossy LAN, a way that is cut in one direction, a node without voice.
            if (ComponentsOf(domain) is not { Count: > 0 } components)
                continue;
            _lan.Schedule(_lan.Now.AddNanoseconds(Bound(domain, components)), () => CheckRest(domain, disturbance));
            if (domain is [{ Farewell: { Node: { } leaver } farewell } virtualRouter] && farewell.Disturbance == disturbance)
                AwaitSuccessor(virtualRouter, leaver, components);
        }
    }

    /// <summary>I6: when a process has started and nothing happens any more, no address of ours is there that nobody holds.</summary>
    /// <param name="areOwed">Whether those that the kernel would not take off may still be there, until the next attempt.</param>
    private void CheckLeftovers(bool areOwed)
    {
        foreach (var watch in _nodes)
        {
            var platform = watch.Node.Platform;
            if (!watch.Node.IsAwake || watch.WasDisturbed || platform.RemovalError != 0
                || (areOwed && (watch.Engine?.OwesRemovals == true || watch.Routers.Exists(router => router.Inner.OwesRemoval))))
            {
                continue;
            }

            foreach (var at in platform.Interfaces)
            {
                foreach (var present in at.Addresses)
                {
                    if (present.IsOurs && !watch.IsHeld(at.Facts.Index, present.Address))
                        Report(SimulationInvariant.CleanAfterCrash, watch.Node.Name, $"has {present.Address}, which no router of it holds");
                }
            }
        }
    }

    /// <summary>Virtual routers that decide together: those that a sync group joins on any node, each other alone.</summary>
    private void FindDomains()
    {
        _domains.Clear();
        var left = _virtualRouters.Values.Where(virtualRouter => virtualRouter.Routers.Count > 0).ToList();
        while (left.Count > 0)
        {
            var domain = new List<VirtualRouterWatch> { left[0] };
            left.RemoveAt(0);
            for (int i = 0; i < domain.Count; i++)
            {
                foreach (var router in domain[i].Routers)
                {
                    if (router.Inner.Config.SyncGroup is not { } group)
                        continue;
                    foreach (var member in router.Node.Routers)
                    {
                        if (member.Inner.Config.SyncGroup == group && left.Remove(member.VirtualRouter))
                            domain.Add(member.VirtualRouter);
                    }
                }
            }

            _domains.Add([.. domain]);
        }
    }

    /// <summary>The sets of nodes that hear each other and nobody else; null when that cannot be said.</summary>
    private List<List<SimulatedNode>>? ComponentsOf(VirtualRouterWatch[] domain)
    {
        var able = new List<SimulatedNode>();
        foreach (var router in domain.SelectMany(virtualRouter => virtualRouter.Routers))
        {
            // One that hears and is not heard takes over again and again.
            if (router.Node.Node.IsAwake && router.Node.Node.Platform.AdvertisementError != 0)
                return null;
            if (!able.Contains(router.Node.Node) && IsEligible(router))
                able.Add(router.Node.Node);
        }

        // A group decides as one where all nodes have all of it, in one order of rank.
        if (domain.Length > 1 && !IsOneOrder(domain, able))
            return null;
        foreach (var virtualRouter in domain)
        {
            foreach (var one in virtualRouter.Routers)
            {
                foreach (var other in virtualRouter.Routers)
                {
                    if (one == other || !IsEligible(one) || !IsEligible(other))
                        continue;
                    // A host takes no packet that comes from an address of its own.
                    if (!AreAgreed(one, other) || !IsAwaited(one, other, ShortestTaught(one, other)) || Has(other, one.Inner.PrimaryAddress))
                        return null;
                }
            }
        }

        var components = new List<List<SimulatedNode>>();
        foreach (var node in able)
        {
            var component = components.Find(component => Hear(component[0], node) is true);
            if (component is null)
                components.Add([node]);
            else
                component.Add(node);
        }

        foreach (var one in able)
        {
            foreach (var other in able)
            {
                bool areTogether = components.Exists(component => component.Contains(one) && component.Contains(other));
                if (one != other && Hear(one, other) != areTogether)
                    return null;
            }
        }

        return components;
    }

    /// <summary>
    /// What a Backup goes by when a Master prevails: the Master's interval, or that of one which yields to it, where that one advertises once more
    /// before it does, as keepalived's vrrp_higher_prio_send_advert has it.
    /// </summary>
    private static long ShortestTaught(RouterWatch master, RouterWatch backup)
    {
        long shortest = master.Inner.Config.AdvertisementInterval.Nanoseconds;
        foreach (var third in master.VirtualRouter.Routers)
        {
            if (third != master && third != backup && third.Inner.Config.AdvertiseBeforeYield && IsEligible(third))
                shortest = Math.Min(shortest, third.Inner.Config.AdvertisementInterval.Nanoseconds);
        }

        return shortest;
    }

    private static bool Has(RouterWatch router, IPAddressValue address) =>
        router.Node.Node.Platform.Find(router.Inner.Config.Interface) is { } at && at.Has(address);

    /// <summary>Whether two nodes hear each other, always or never; null for now and then, or one way only.</summary>
    private bool? Hear(SimulatedNode one, SimulatedNode other)
    {
        var (isCut, conditions) = _lan.Way(one, other);
        var (isCutBack, back) = _lan.Way(other, one);
        if (isCut != isCutBack || (!isCut && (conditions.Loss > 0 || back.Loss > 0)))
            return null;
        return !isCut;
    }

    /// <summary>Whether a Backup's timer is longer than the time between two advertisements of a Master, their clocks and the LAN being as they are.</summary>
    /// <param name="master">The Master.</param>
    /// <param name="backup">The Backup.</param>
    /// <param name="learned">The shortest interval that the Backup has learned, where it learns any, in nanoseconds.</param>
    private bool IsAwaited(RouterWatch master, RouterWatch backup, long learned)
    {
        var config = backup.Inner.Config;
        long interval = config.Version == VrrpVersion.V3 ? learned : config.AdvertisementInterval.Nanoseconds;
        double down = VrrpTimers.MasterDownNanoseconds(config.Version, Rank(backup), interval, config.DownTimerAdverts);
        return IntervalOnLan(master) + LongestWay() + Margin / 4 < down / backup.Node.Node.ClockRate;
    }

    private static bool IsOneOrder(VirtualRouterWatch[] domain, List<SimulatedNode> able)
    {
        RouterWatch[]? first = null;
        foreach (var virtualRouter in domain)
        {
            var routers = virtualRouter.Routers.Where(router => able.Contains(router.Node.Node) && !router.Inner.IsRemoving && router.Inner.HeldBackUntil.IsNever)
                .OrderBy(router => Rank(router)).ThenBy(router => router.Inner.PrimaryAddress).ToArray();
            if (routers.Length != able.Count || Array.Exists(routers, router => router.Inner.Config.SyncGroup is null))
                return false;
            first ??= routers;
            for (int i = 0; i < routers.Length; i++)
            {
                if (routers[i].Node != first[i].Node)
                    return false;
                if (i > 0 && IsEqual(routers[i], routers[i - 1]) != IsEqual(first[i], first[i - 1]))
                    return false;
            }
        }

        return true;

        static bool IsEqual(RouterWatch one, RouterWatch other) => Rank(one) == Rank(other);
    }

    /// <summary>Whether a router can be Master, going by what was done to its host and not by what it thinks of itself.</summary>
    private static bool IsEligible(RouterWatch router) => IsEligible(router, ofGroup: true);

    private static bool IsEligible(RouterWatch router, bool ofGroup)
    {
        var inner = router.Inner;
        var node = router.Node.Node;
        var platform = node.Platform;
        if (!node.IsAwake || router.Router.IsGone || inner.IsRemoving || (inner.StickyFaults & VrrpFaults.Declared) != 0 || inner.Tracked.IsFaulty
            // The others of its group do not wait for one of which it is not known whether it can serve.
            || (ofGroup && !inner.HeldBackUntil.IsNever)
            || platform.Find(inner.Config.Interface) is not { IsEnabled: true, HasCarrier: true } at || (platform.OpenError != 0 && inner.Link is null)
            || !HasSource(router, at))
        {
            return false;
        }

        foreach (var address in inner.Config.VirtualAddresses)
        {
            // What it holds it keeps.
            if ((platform.IsRefused(address.Address) && inner.State.State != VrrpState.Master) || (address.Interface is { } name && platform.Find(name) is null))
                return false;
        }

        foreach (var tracked in inner.Config.TrackedInterfaces)
        {
            if (tracked.Weight == 0 && platform.Find(tracked.Name) is { Facts.IsUp: true } == tracked.Reverse)
                return false;
        }

        if (ofGroup && inner.Config.SyncGroup is { } group)
        {
            foreach (var member in router.Node.Routers)
            {
                if (member.Inner.Config.SyncGroup == group && !member.Inner.IsRemoving && !IsEligible(member, ofGroup: false))
                    return false;
            }
        }

        return true;
    }

    /// <summary>RFC 9568 §5.1.1.1, §5.1.2.1: an address of the host's own, not a virtual one of its routers unless it owns it.</summary>
    private static bool HasSource(RouterWatch router, SimulatedInterface at)
    {
        var config = router.Inner.Config;
        foreach (var present in at.Addresses)
        {
            if (present.IsOurs || present.Address.Family != config.Family || (config.Family == IPFamily.IPv6 && !present.Address.IsIPv6LinkLocal))
                continue;
            if (!router.Node.Routers.Exists(other => IsVirtual(other.Inner.Config, present.Address)) || (config.IsOwner && IsVirtual(config, present.Address)))
                return true;
        }

        return false;

        static bool IsVirtual(VirtualRouterConfig config, IPAddressValue address)
        {
            foreach (var held in config.VirtualAddresses)
            {
                if (held.Address == address)
                    return true;
            }

            return config.ExcludedAddresses.Any(held => held.Address == address);
        }
    }

    /// <summary>How long the routers have from the state they are in, in nanoseconds of the LAN.</summary>
    private long Bound(VirtualRouterWatch[] domain, List<List<SimulatedNode>> components)
    {
        double wait = 0;
        double down = 0;
        double interval = 0;
        double hold = 0;
        bool isRefused = false;
        foreach (var virtualRouter in domain)
        {
            // In version 3 a router counts with what it learned, and may learn from any other what that one uses or learned before it was Master.
            long longest = 0;
            foreach (var router in virtualRouter.Routers)
                longest = Math.Max(longest, Math.Max(router.Inner.Config.AdvertisementInterval.Nanoseconds, router.Inner.State.MasterAdverInterval.Nanoseconds));
            foreach (var router in virtualRouter.Routers)
            {
                if (!components.Exists(component => component.Contains(router.Node.Node)))
                {
                    isRefused = true;
                    // The others of its group may be Master until it starts, and finds that it cannot be.
                    if (router.Node.Node.IsAwake && router.Inner.Group is not null && !router.Inner.StartAt.IsNever)
                        wait = Math.Max(wait, (router.Inner.StartAt.Nanoseconds - router.Node.Node.Clock.Nanoseconds) / router.Node.Node.ClockRate);
                    continue;
                }

                var (inner, rate, now) = (router.Inner, router.Node.Node.ClockRate, router.Node.Node.Clock);
                long awaited = inner.Config.Version == VrrpVersion.V3 ? longest : inner.Config.AdvertisementInterval.Nanoseconds;
                // The start that was put off, and the next attempt after a refusal: 5 s after the last one.
                wait = Math.Max(wait, Math.Max(Until(inner.StartAt), Until(inner.RetryAt)) / rate);
                down = Math.Max(down, VrrpTimers.MasterDownNanoseconds(
                    inner.Config.Version, Rank(router), awaited, inner.Config.DownTimerAdverts) / rate);
                interval = Math.Max(interval, awaited / rate);
                hold = Math.Max(hold, inner.Config.PreemptDelay.Ticks * 100 / rate);

                double Until(Instant at) => at.IsNever ? 0 : Math.Max(0, at.Nanoseconds - now.Nanoseconds);
            }
        }

        // One down interval until there is a Master and the best has preempted it, one interval for VR-263.
        double bound = wait + down + interval;
        // The hold begins when a lower Master is heard, and a down interval at the last advertisement that came within it.
        if (hold > 0)
            bound += hold + down + interval;
        // One that says goodbye again and again makes a Backup wait for its skew once more.
        if (isRefused)
            bound += interval;
        return (long)bound + (4 * LongestWay()) + Margin;
    }

    /// <summary>RFC 9568 §6.4.2: of those that hear a Master leave, one is Master after its skew time.</summary>
    private void AwaitSuccessor(VirtualRouterWatch virtualRouter, SimulatedNode leaver, List<List<SimulatedNode>> components)
    {
        long disturbance = _disturbance;
        foreach (var component in components)
        {
            var successors = virtualRouter.Routers.FindAll(router => router.Node.Node != leaver && component.Contains(router.Node.Node)
                && IsEligible(router) && router.State == VrrpState.Backup && Hear(leaver, router.Node.Node) is true);
            if (successors.Count == 0)
                continue;
            double skew = successors.Max(router => VrrpTimers.SkewNanoseconds(
                router.Inner.Config.Version,
                Rank(router),
                Math.Max(router.Inner.Config.AdvertisementInterval.Nanoseconds, router.Inner.State.MasterAdverInterval.Nanoseconds)) / router.Node.Node.ClockRate);
            _lan.Schedule(_lan.Now.AddNanoseconds((long)skew + (2 * LongestWay()) + Margin), () =>
            {
                if (disturbance == _disturbance && !virtualRouter.Masters.Exists(router => component.Contains(router.Node.Node)))
                    Report(SimulationInvariant.OneMaster, virtualRouter.Key.ToString(), $"has no Master {Seconds((long)skew)} after one said goodbye");
            });
        }
    }

    /// <summary>I1, when the bound has passed: one Master in each part of the LAN, and from now on nothing moves.</summary>
    private void CheckRest(VirtualRouterWatch[] domain, long disturbance)
    {
        if (disturbance != _disturbance || ComponentsOf(domain) is not { } components)
            return;
        foreach (var virtualRouter in domain)
        {
            foreach (var component in components)
            {
                var routers = virtualRouter.Routers.Where(router => component.Contains(router.Node.Node) && IsEligible(router)).ToArray();
                if (routers.Length == 0)
                    continue;
                int before = _violations.Count;
                CheckRest(virtualRouter, routers);
                if (_violations.Count > before)
                    continue;
                Convergences++;
                foreach (var router in routers)
                    router.RestsSince = disturbance;
            }

            foreach (var router in virtualRouter.Routers)
            {
                if (router.Node.Node.IsAwake && !router.Inner.IsRemoving && router.Inner.State.State == VrrpState.Master && !IsEligible(router))
                    Report(SimulationInvariant.OneMaster, router, "is Master, and its host cannot serve");
                if (router.Node.Node.IsAwake && router.IsJoining && router.Inner.Group is { } group && group.Members.Exists(member => member.State.State == VrrpState.Master))
                    Report(SimulationInvariant.GroupsTogether, router, $"has not joined the Masters of its group and is {router.State}");
            }
        }
    }

    private void CheckRest(VirtualRouterWatch virtualRouter, RouterWatch[] routers)
    {
        var masters = Array.FindAll(routers, router => router.Inner.State.State == VrrpState.Master);
        if (masters.Length != 1)
        {
            string states = string.Join(", ", routers.Select(router => string.Create(
                CultureInfo.InvariantCulture, $"{router.Node.Node.Name} {router.Inner.State.State} {Rank(router)}")));
            Report(SimulationInvariant.OneMaster, virtualRouter.Key.ToString(), $"has {masters.Length} Masters although the bound has passed: {states}");
            return;
        }

        var master = masters[0];
        foreach (var router in routers)
        {
            if (router != master && router.Inner.State.State != VrrpState.Backup)
            {
                Report(SimulationInvariant.OneMaster, router, $"is {router.Inner.State.State} ({router.Inner.State.Faults}) although nothing keeps it from taking part");
            }
            else if (Rank(router) > Rank(master) && MayPreempt(router))
            {
                Report(
                    SimulationInvariant.OneMaster,
                    router,
                    $"has priority {Rank(router)} and leaves {master.Node.Node.Name} with {Rank(master)} Master");
            }
        }
    }

    /// <summary>RFC 9568 §6.1: the owner preempts whatever its Preempt_Mode says. A group preempts when all of it may.</summary>
    private static bool MayPreempt(RouterWatch router)
    {
        if (router.Inner.Config.SyncGroup is not { } group)
            return router.Inner.Config.Preempt || router.Inner.Config.IsOwner;
        return router.Node.Routers.TrueForAll(member => member.Inner.Config.SyncGroup != group || member.Inner.Config.Preempt || member.Inner.Config.IsOwner);
    }
}
