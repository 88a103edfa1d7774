namespace Vrrp;

/// <content>What keeps a router from taking part, and what changes its priority.</content>
internal sealed partial class VrrpEngine
{
    private void UpdateFaultsOfUsers(string interfaceName, string? detail)
    {
        // Dispatch may remove a router; the table of tokens only ever gets holes.
        for (int token = 0; token < _routers.Count; token++)
        {
            if (_routers[token] is not { } router)
                continue;
            bool isUser = router.Config.Interface == interfaceName;
            foreach (var tracked in router.Config.TrackedInterfaces)
                isUser |= tracked.Name == interfaceName;
            if (!isUser)
                continue;
            ChooseSource(router);
            UpdatePriority(router);
            UpdateFaults(router, detail);
        }
    }

    private VrrpFaults OwnFaults(VirtualRouter router)
    {
        var faults = router.StickyFaults;
        var config = router.Config;
        if (router.Interface is null)
            faults |= VrrpFaults.InterfaceMissing;
        else if (config.TrackPrimaryInterface && !router.Interface.IsUp)
            faults |= VrrpFaults.LinkDown;
        else if (router.Link is null)
            faults |= VrrpFaults.LinkUnusable;
        else if (router.PrimaryAddress.IsNone)
            faults |= VrrpFaults.NoSourceAddress;
        if (router.Tracked.IsFaulty)
            faults |= VrrpFaults.Tracked;
        foreach (var tracked in config.TrackedInterfaces)
        {
            if (tracked.Weight == 0 && IsInterfaceUp(tracked.Name) == tracked.Reverse)
                faults |= VrrpFaults.TrackedInterface;
        }

        return faults;
    }

    private bool IsInterfaceUp(string name) => _interfacesByName.TryGetValue(name, out var at) && at.IsUp;

    /// <summary>Base priority, the weights of tracked interfaces and what the program tracks; an owner is not tracked.</summary>
    private void UpdatePriority(VirtualRouter router)
    {
        var config = router.Config;
        var priority = config.Priority;
        if (!config.IsOwner)
        {
            long sum = (long)config.Priority.Value + router.Tracked.Weight;
            foreach (var tracked in config.TrackedInterfaces)
                sum += tracked.WeightWhen(IsInterfaceUp(tracked.Name));
            priority = new Priority((int)Math.Clamp(sum, 1, 254));
        }

        if (priority == router.State.EffectivePriority)
            return;
        if (router.State.State != VrrpState.Initialize)
            _notify(new PriorityChanged(_now, config.Name, router.State.EffectivePriority, priority) { Detail = WeightDetail(router) });
        Dispatch(router, VrrpEvent.PriorityChanged(priority));
    }

    /// <summary>Compares the faults there are with those the machine knows, and tells it. What the group decided stays until it decides again.</summary>
    private void UpdateFaults(VirtualRouter router, string? detail)
    {
        var kept = router.Group is null ? VrrpFaults.None : router.State.Faults & VrrpFaults.SyncGroup;
        var own = OwnFaults(router);
        // Its own ended before another's: it stays in Fault for that one, and is not Backup for a moment.
        if (own == VrrpFaults.None && router.State.State == VrrpState.Fault && HasFaultyCompanion(router))
            kept = VrrpFaults.SyncGroup;
        SetFaults(router, own | kept, detail);
    }

    private static bool HasFaultyCompanion(VirtualRouter router)
    {
        if (router.Group is null)
            return false;
        foreach (var member in router.Group.Members)
        {
            if (member != router && (member.State.Faults & ~VrrpFaults.SyncGroup) != VrrpFaults.None)
                return true;
        }

        return false;
    }

    private void SetFaults(VirtualRouter router, VrrpFaults faults, string? detail)
    {
        if (faults == router.State.Faults)
            return;
        router.PendingDetail = detail;
        Dispatch(router, VrrpEvent.FaultsChanged(faults));
        router.PendingDetail = null;
    }

    /// <summary>A fault that no event will end: tried again after a while.</summary>
    private void Stick(VirtualRouter router, VrrpFaults fault, string detail)
    {
        router.StickyFaults |= fault;
        router.RetryAt = _now.AddNanoseconds(RetryNanoseconds);
        UpdateFaults(router, detail);
        Arm(router);
    }
}
