using System.Runtime.InteropServices;
using Vrrp.Links;

namespace Vrrp;

/// <content>Interfaces as they come and go, and the addresses on them.</content>
internal sealed partial class VrrpEngine
{
    private const long RestoreNanoseconds = 100_000_000;

    void IInterfaceSink.ListingStarted()
    {
        _isListing = true;
        foreach (var at in _interfaces.Values)
        {
            at.IsListed = false;
            at.ClearAddresses();
        }
    }

    void IInterfaceSink.ListingEnded()
    {
        _isListing = false;
        foreach (var at in _interfaces.Values.ToArray())
        {
            if (!at.IsListed)
                ((IInterfaceSink)this).InterfaceRemoved(at.Index);
        }

        for (int token = 0; token < _routers.Count; token++)
        {
            if (_routers[token] is not { } router)
                continue;
            ChooseSource(router);
            UpdatePriority(router);
            UpdateFaults(router, null);
        }

        // What was lost between two listings is found by comparing.
        _addressesWereRemoved = true;
    }

    void IInterfaceSink.InterfaceChanged(InterfaceFacts facts)
    {
        if (!_interfaces.TryGetValue(facts.Index, out var at))
        {
            at = new EngineInterface(facts.Index);
            _interfaces.Add(facts.Index, at);
        }

        var before = at.Facts;
        at.IsListed = true;
        at.Facts = facts;
        if (before?.Name != facts.Name)
        {
            if (before is not null && _interfacesByName.TryGetValue(before.Name, out var named) && named == at)
                _interfacesByName.Remove(before.Name);
            foreach (var router in at.Routers.ToArray())
                Unbind(router);
            _interfacesByName[facts.Name] = at;
            foreach (var router in _byName.Values.ToArray())
            {
                if (router.Config.Interface == facts.Name)
                {
                    // A listing can name the new interface before the old one of that name is known to be gone.
                    if (router.Interface is not null)
                        Unbind(router);
                    Bind(router);
                }
                else if (UsesInterface(router, facts.Name))
                    ResolveAddresses(router);
            }
        }
        else if (before.MacAddress != facts.MacAddress)
        {
            foreach (var router in _byName.Values)
            {
                Array.Clear(router.Frames);
                // Hosts have the old address of this interface in their tables.
                if (router.Interface == at && router.State.State == VrrpState.Master)
                {
                    router.Announcements = AnnouncementSchedule.AfterTakeover(router.Config.Announcements, _now);
                    Arm(router);
                }
            }
        }

        // What the interface lacked when its sockets could not be opened may be there now.
        if (before?.Name == facts.Name)
        {
            foreach (var router in at.Routers)
            {
                if (router.Link is null)
                    Bind(router);
            }
        }

        _addressesWereRemoved |= before?.Name != facts.Name || before.IsUp != facts.IsUp;
        if (_isListing)
            return;
        if (before is not null && before.Name != facts.Name)
            UpdateFaultsOfUsers(before.Name, $"interface {before.Name} was renamed to {facts.Name}");
        UpdateFaultsOfUsers(facts.Name, before is { IsUp: true } && !facts.IsUp ? $"interface {facts.Name} went down" : null);
    }

    void IInterfaceSink.InterfaceRemoved(int index)
    {
        if (!_interfaces.Remove(index, out var at))
            return;
        string name = at.Name;
        if (_interfacesByName.TryGetValue(name, out var named) && named == at)
            _interfacesByName.Remove(name);
        at.Facts = null;
        foreach (var router in at.Routers.ToArray())
            Unbind(router);
        foreach (var router in _byName.Values)
        {
            if (UsesInterface(router, name))
                ResolveAddresses(router);
        }

        UpdateFaultsOfUsers(name, $"interface {name} was removed");
        CloseLink(at.Link4);
        CloseLink(at.Link6);
        at.Link4 = at.Link6 = null;
    }

    void IInterfaceSink.AddressAdded(in InterfaceAddress address)
    {
        if (!_interfaces.TryGetValue(address.InterfaceIndex, out var at))
            return;
        if (!_isListing && at.IsUndone(address))
            return;
        at.AddAddress(address);
        if (_isListing || (address.IsOurs && !IsStatic(at, address)))
            return;
        // A fault can complete a removal; the table of tokens only ever gets holes.
        for (int token = 0; token < _routers.Count; token++)
        {
            if (_routers[token] is { } router && router.Interface == at
                && router.Config.Family == address.Address.Family && router.PrimaryAddress.IsNone | !address.IsOurs)
            {
                ChooseSource(router);
                UpdateFaults(router, null);
            }
        }

        TellArrival(at, address);
    }

    /// <summary>Someone gave this host a virtual address that a router here does not hold: it answers for it although it should not.</summary>
    private void TellArrival(EngineInterface at, in InterfaceAddress address)
    {
        if (address.IsOurs || !_configured.ContainsKey(address.Address))
            return;
        foreach (var router in _byName.Values)
        {
            if (router.HoldsAddresses || router.Config.IsOwner || router.State.State == VrrpState.Initialize)
                continue;
            foreach (var assignment in router.Assignments)
            {
                if (assignment.InterfaceIndex == at.Index && assignment.Address.Address == address.Address)
                    TellIncident(router, assignment.Address, AddressIncidentKind.Foreign);
            }
        }
    }

    void IInterfaceSink.AddressRemoved(in InterfaceAddress address)
    {
        if (!_interfaces.TryGetValue(address.InterfaceIndex, out var at))
            return;
        if (at.IsEcho(address))
            return;
        at.RemoveAddress(address);
        _addressesWereRemoved = true;
        if (address.IsOurs && !IsStatic(at, address))
            return;
        for (int token = 0; token < _routers.Count; token++)
        {
            if (_routers[token] is { } router && router.Interface == at && router.PrimaryAddress == address.Address)
            {
                ChooseSource(router);
                UpdateFaults(router, $"address {address.Address} was removed from {at.Name}");
            }
        }
    }

    /// <summary>Finds the router's interface, opens its link and prepares what depends on it.</summary>
    private void Bind(VirtualRouter router)
    {
        if (router.Interface is null && _interfacesByName.TryGetValue(router.Config.Interface, out var at))
        {
            router.Interface = at;
            at.Attach(router);
        }

        if (router.Interface is not null && router.Link is null)
        {
            router.Link = OpenLink(router.Interface, router.Config.Family, router);
            if (router.Link is not null && router.Config.UnicastPeers.Length == 0)
            {
                try
                {
                    router.Link.JoinGroup(router.Config.Group);
                }
                catch (Linux.LinuxException exception)
                {
                    TellUnusable(router, exception.Message);
                    router.Link = null;
                }
            }

            if (router.Link is null)
                router.RetryAt = _now.AddNanoseconds(RetryNanoseconds);
        }

        ResolveAddresses(router);
        ChooseSource(router);
        if (!_isListing && router.State.State != VrrpState.Initialize)
            RemoveLeftBehind(router);
        Arm(router);
    }

    private static void Unbind(VirtualRouter router)
    {
        router.Interface?.Detach(router);
        router.Interface = null;
        router.Link = null;
        router.PrimaryAddress = default;
    }

    private IVrrpLink? OpenLink(EngineInterface at, IPFamily family, VirtualRouter router)
    {
        if (at.Facts is null || at.Link(family) is { } link)
            return at.Link(family);
        try
        {
            link = _platform.OpenLink(at.Facts, family);
            LinkOpened?.Invoke(link);
        }
        catch (Linux.LinuxException exception)
        {
            TellUnusable(router, exception.Message);
            return null;
        }

        if (family == IPFamily.IPv4)
            at.Link4 = link;
        else
            at.Link6 = link;
        _links.Add(link);
        return link;
    }

    private void CloseLink(IVrrpLink? link)
    {
        if (link is null)
            return;
        _links.Remove(link);
        LinkClosing?.Invoke(link);
        link.Dispose();
    }

    private void TellUnusable(VirtualRouter router, string message)
    {
        // It is tried again every few seconds.
        if (!router.UnusableToldAt.IsNever && _now.Nanoseconds - router.UnusableToldAt.Nanoseconds < RepeatNoticeNanoseconds)
            return;
        router.UnusableToldAt = _now;
        _notify(new LinkUnusable(_now, router.Config.Name, router.Config.Interface, message));
    }

    private static bool UsesInterface(VirtualRouter router, string name)
    {
        foreach (var address in router.Config.VirtualAddresses)
        {
            if (address.Interface == name)
                return true;
        }

        foreach (var address in router.Config.ExcludedAddresses)
        {
            if (address.Interface == name)
                return true;
        }

        return false;
    }

    /// <summary>Gives each address the interface it goes on; one whose interface is missing has index 0 and will be refused.</summary>
    private void ResolveAddresses(VirtualRouter router)
    {
        int count = router.Config.VirtualAddresses.Length + router.Config.ExcludedAddresses.Length;
        if (router.Assignments.Length != count)
        {
            router.Assignments = new AddressAssignment[count];
            router.Outcomes = new AddressOutcome[count];
        }

        router.Frames = new byte[count][];
        int i = 0;
        foreach (var address in router.Config.VirtualAddresses)
            Assign(router, i++, Resolve(router, address));
        foreach (var address in router.Config.ExcludedAddresses)
            Assign(router, i++, Resolve(router, address));
    }

    private void Assign(VirtualRouter router, int index, in AddressAssignment assignment)
    {
        var before = router.Assignments[index];
        router.Assignments[index] = assignment;
        // An interface of another number has its name now: the address leaves the old one, if that still exists.
        if (router.HoldsAddresses && before.Address is not null && before.InterfaceIndex != assignment.InterfaceIndex)
        {
            _addressesWereRemoved = true;
            if (_interfaces.ContainsKey(before.InterfaceIndex) && !IsHeldByAnother(router, before))
                Remove([before], new AddressOutcome[1]);
        }
    }

    private AddressAssignment Resolve(VirtualRouter router, VirtualAddress address)
    {
        var at = address.Interface is null ? router.Interface : _interfacesByName.GetValueOrDefault(address.Interface);
        return new(at?.Index ?? 0, address);
    }

    /// <summary>RFC 9568 §5.1.1.1, §5.1.2.1: the interface's own address, never a virtual one unless this router owns it.</summary>
    private void ChooseSource(VirtualRouter router)
    {
        var config = router.Config;
        var chosen = default(IPAddressValue);
        if (router.Interface is { } at)
        {
            if (!config.SourceAddress.IsNone)
            {
                bool isPresent = false;
                foreach (var candidate in at.Addresses)
                    isPresent |= candidate.Address == config.SourceAddress;
                chosen = isPresent || !config.TrackSourceAddress ? config.SourceAddress : default;
            }
            else
            {
                foreach (var candidate in at.Addresses)
                {
                    if (candidate.Address.Family != config.Family || !(candidate.IsOurs ? IsStatic(at, candidate) : candidate.IsUsableSource))
                        continue;
                    if (config.Family == IPFamily.IPv6 && !candidate.Address.IsIPv6LinkLocal)
                        continue;
                    if (!IsVirtual(at, candidate.Address))
                    {
                        chosen = candidate.Address;
                        break;
                    }

                    if (config.IsOwner && chosen.IsNone)
                        chosen = candidate.Address;
                }
            }
        }

        router.PrimaryAddress = chosen;
    }

    private static bool IsVirtual(EngineInterface at, IPAddressValue address)
    {
        foreach (var router in at.Routers)
        {
            foreach (var assignment in router.Assignments)
            {
                if (assignment.Address.Address == address)
                    return true;
            }
        }

        return false;
    }

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
        foreach (var tracked in config.TrackedInterfaces)
        {
            if (tracked.Weight == 0 && IsInterfaceUp(tracked.Name) == tracked.Reverse)
                faults |= VrrpFaults.TrackedInterface;
        }

        return faults;
    }

    private bool IsInterfaceUp(string name) => _interfacesByName.TryGetValue(name, out var at) && at.IsUp;

    /// <summary>Base priority and the weights of tracked interfaces; an owner is not tracked.</summary>
    private void UpdatePriority(VirtualRouter router)
    {
        var config = router.Config;
        var priority = config.Priority;
        if (!config.IsOwner)
        {
            int sum = config.Priority.Value;
            foreach (var tracked in config.TrackedInterfaces)
            {
                bool isUp = IsInterfaceUp(tracked.Name) != tracked.Reverse;
                if (tracked.Weight > 0 == isUp)
                    sum += tracked.Weight;
            }

            priority = new Priority(Math.Clamp(sum, 1, 254));
        }

        if (priority == router.State.EffectivePriority)
            return;
        if (router.State.State != VrrpState.Initialize)
            _notify(new PriorityChanged(_now, config.Name, router.State.EffectivePriority, priority));
        Dispatch(router, VrrpEvent.PriorityChanged(priority));
    }

    /// <summary>Compares the faults there are with those the machine knows, and tells it. What the group decided stays until it decides again.</summary>
    private void UpdateFaults(VirtualRouter router, string? detail)
    {
        var kept = router.Group is null ? VrrpFaults.None : router.State.Faults & VrrpFaults.SyncGroup;
        SetFaults(router, OwnFaults(router) | kept, detail);
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

    /// <summary>Through the table, and into what is known of the interfaces: the kernel tells of some changes only later.</summary>
    private bool Install(ReadOnlySpan<AddressAssignment> assignments, Span<AddressOutcome> outcomes)
    {
        bool isComplete = _addressTable.Install(assignments, outcomes);
        for (int i = 0; i < assignments.Length; i++)
        {
            if (outcomes[i].Status == AddressStatus.Done && _interfaces.TryGetValue(assignments[i].InterfaceIndex, out var at))
                at.Installed(assignments[i].Address);
        }

        return isComplete;
    }

    private bool AreAllOurs(ReadOnlySpan<AddressAssignment> assignments)
    {
        foreach (ref readonly var assignment in assignments)
        {
            if (!_interfaces.TryGetValue(assignment.InterfaceIndex, out var at) || !at.HasOurs(assignment.Address))
                return false;
        }

        return true;
    }

    private bool Remove(ReadOnlySpan<AddressAssignment> assignments, Span<AddressOutcome> outcomes)
    {
        bool isComplete = AreAllOurs(assignments) ? _addressTable.RemoveOwn(assignments, outcomes) : _addressTable.Remove(assignments, outcomes);
        for (int i = 0; i < assignments.Length; i++)
        {
            if (outcomes[i].Status == AddressStatus.Done && _interfaces.TryGetValue(assignments[i].InterfaceIndex, out var at))
                at.Removed(assignments[i].Address);
        }

        return isComplete;
    }

    private bool InstallAddresses(VirtualRouter router)
    {
        router.HoldsAddresses = true;
        router.OwesRemoval = false;
        BlockAddresses(router);
        bool isDone = router.IsInstalledAhead
            ? !Array.Exists(router.Outcomes, static outcome => outcome.Status == AddressStatus.Refused)
            : Install(router.Assignments, router.Outcomes);
        router.IsInstalledAhead = false;
        if (isDone)
        {
            router.RefusalToldAt = Instant.Never;
            for (int i = 0; i < router.Outcomes.Length; i++)
            {
                if (router.Outcomes[i].Status == AddressStatus.Foreign && router.ToldState != VrrpState.Master)
                    TellIncident(router, router.Assignments[i].Address, AddressIncidentKind.Foreign);
            }

            return true;
        }

        string? detail = null;
        // The same refusal every few seconds is told once a minute.
        bool isTold = !router.RefusalToldAt.IsNever && _now.Nanoseconds - router.RefusalToldAt.Nanoseconds < RepeatNoticeNanoseconds;
        for (int i = 0; i < router.Outcomes.Length; i++)
        {
            if (router.Outcomes[i].Status != AddressStatus.Refused)
                continue;
            var address = router.Assignments[i].Address;
            // One that is only held besides, such as an IPv6 address where IPv6 is off, is no reason to give up those that are advertised.
            if (i < router.Config.VirtualAddresses.Length)
                detail ??= $"the kernel refused {address}: {ErrorText(router.Outcomes[i].Error)}";
            if (!isTold)
                _notify(new AddressRefused(_now, router.Config.Name, address, Installing: true, router.Outcomes[i].Error));
        }

        if (!isTold)
            router.RefusalToldAt = _now;
        if (detail is null)
            return true;
        Stick(router, VrrpFaults.AddressRefused, detail);
        return false;
    }

    private void RemoveAddresses(VirtualRouter router)
    {
        router.HoldsAddresses = false;
        // After a reload another router may hold the address that this one gives up.
        var assignments = Array.Exists(router.Assignments, assignment => IsHeldByAnother(router, assignment))
            ? Array.FindAll(router.Assignments, assignment => !IsHeldByAnother(router, assignment))
            : router.Assignments;
        bool isComplete = Remove(assignments, router.Outcomes.AsSpan(0, assignments.Length));
        UnblockAddresses(router);
        bool isRepeated = router.OwesRemoval;
        router.OwesRemoval = !isComplete;
        if (isComplete)
            return;
        // This host answers for what another may hold by now.
        router.RetryAt = _now.AddNanoseconds(RetryNanoseconds);
        for (int i = 0; i < assignments.Length; i++)
        {
            if (router.Outcomes[i].Status == AddressStatus.Refused && !isRepeated)
                _notify(new AddressRefused(_now, router.Config.Name, assignments[i].Address, Installing: false, router.Outcomes[i].Error));
        }
    }

    /// <summary>Level-triggered: an address that a Master should hold and its interface has not is put back and announced.</summary>
    private void RestoreAddresses()
    {
        if (!_addressesWereRemoved)
            return;
        _addressesWereRemoved = false;
        KeepStaticAddresses();
        for (int token = 0; token < _routers.Count; token++)
        {
            if (_routers[token] is not { State.State: VrrpState.Master } router)
                continue;
            bool isMissing = false;
            bool isTold = !router.TakenAwayToldAt.IsNever && _now.Nanoseconds - router.TakenAwayToldAt.Nanoseconds < RepeatNoticeNanoseconds;
            for (int i = 0; i < router.Assignments.Length; i++)
            {
                if (IsPresent(router.Assignments[i]) || router.Outcomes[i].Status == AddressStatus.Refused)
                    continue;
                isMissing = true;
                if (!isTold)
                    TellIncident(router, router.Assignments[i].Address, AddressIncidentKind.TakenAway);
            }

            if (!isMissing)
                continue;
            // Someone who takes it away again and again is answered ten times a second, and told once a minute.
            if (_now.Nanoseconds - router.RestoredAt.Nanoseconds < RestoreNanoseconds)
            {
                router.RestoreAt = router.RestoredAt.AddNanoseconds(RestoreNanoseconds);
                Arm(router);
                continue;
            }

            if (!isTold)
                router.TakenAwayToldAt = _now;
            router.RestoredAt = _now;
            Dispatch(router, VrrpEvent.AddressLost);
        }
    }

    private bool IsPresent(in AddressAssignment assignment) =>
        _interfaces.TryGetValue(assignment.InterfaceIndex, out var at) && at.Has(assignment.Address);

    /// <summary>Before taking part: what bears our mark and no router of this node holds was left by a process that was killed.</summary>
    private void RemoveLeftBehind(VirtualRouter router)
    {
        if (router.HoldsAddresses)
            return;
        List<AddressAssignment>? leftBehind = null;
        foreach (var assignment in router.Assignments)
        {
            if (!_interfaces.TryGetValue(assignment.InterfaceIndex, out var at))
                continue;
            foreach (var present in at.Addresses)
            {
                if (present.Address != assignment.Address.Address || IsHeldByAnother(router, assignment))
                    continue;
                if (!present.IsOurs || !RemovesLeftBehind)
                {
                    if (!router.Config.IsOwner)
                        TellIncident(router, assignment.Address, AddressIncidentKind.Foreign);
                    continue;
                }

                (leftBehind ??= []).Add(new(at.Index, assignment.Address with { PrefixLength = present.PrefixLength }));
                TellIncident(router, assignment.Address, AddressIncidentKind.LeftBehind);
            }
        }

        if (leftBehind is not null)
            Remove(leftBehind.ToArray(), new AddressOutcome[leftBehind.Count]);
    }

    private void CountConfigured(VirtualRouterConfig config, int change)
    {
        foreach (var address in config.VirtualAddresses)
            CollectionsMarshal.GetValueRefOrAddDefault(_configured, address.Address, out _) += change;
        foreach (var address in config.ExcludedAddresses)
            CollectionsMarshal.GetValueRefOrAddDefault(_configured, address.Address, out _) += change;
    }

    private bool IsHeldByAnother(VirtualRouter router, in AddressAssignment assignment)
    {
        // Nearly always an address belongs to one router, and with thousands of them asking all is dear.
        if (_configured.GetValueOrDefault(assignment.Address.Address) < 2)
            return false;
        foreach (var other in _byName.Values)
        {
            if (other == router || !other.HoldsAddresses)
                continue;
            foreach (var held in other.Assignments)
            {
                if (held.InterfaceIndex == assignment.InterfaceIndex && held.Address.Address == assignment.Address.Address)
                    return true;
            }
        }

        return false;
    }

    private void TellIncident(VirtualRouter router, VirtualAddress address, AddressIncidentKind kind) =>
        _notify(new AddressIncident(_now, router.Config.Name, address, kind));

    private void TellReleased(VirtualRouter router)
    {
        foreach (var assignment in router.Assignments)
        {
            if (!IsPresent(assignment))
                _notify(new AddressIncident(_now, router.Config.Name, assignment.Address, AddressIncidentKind.Released, router.State.MasterAddress));
        }
    }

    private void Tell(VirtualRouter router, in Transition transition)
    {
        var state = router.State;
        if (state.State == VrrpState.Master)
        {
            router.Counters.MasterTransitions++;
            router.MasterSince = _now;
        }

        _notify(new RouterTransition(
            _now,
            router.Config.Name,
            router.ToldState,
            state.State,
            transition.Reason,
            state.Faults,
            state.EffectivePriority,
            state.MasterAddress,
            state.MasterPriority,
            router.PendingDetail ?? DroppedDetail(router, transition.Reason)));
        router.ToldState = state.State;
    }

    private static string ErrorText(int errno) => Marshal.GetPInvokeErrorMessage(errno);

    /// <summary>A Master whose advertisements are dropped is not silent, and an operator should look at why.</summary>
    private string? DroppedDetail(VirtualRouter router, TransitionReason reason) =>
        reason == TransitionReason.MasterSilent && !router.DroppedAt.IsNever
        && _now.Nanoseconds - router.DroppedAt.Nanoseconds < 3 * router.Config.AdvertisementInterval.Nanoseconds
            ? $"but advertisements of this VRID are being dropped: {Packets.PacketRejections.Describe(router.DroppedReason)}" : null;
}
