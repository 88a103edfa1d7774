using Vrrp.Links;

namespace Vrrp;

/// <content>Interfaces and their addresses as they come and go, and what of them a router uses.</content>
internal sealed partial class VrrpEngine
{
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
        // Also before a start that is put off: until then another router may hold them.
        if (!_isListing)
            RemoveLeftBehind(router, tellsForeign: router.State.State != VrrpState.Initialize);
        Arm(router);
    }

    private static void Unbind(VirtualRouter router)
    {
        router.Interface?.Detach(router);
        router.Interface = null;
        router.Link = null;
        router.PrimaryAddress = default;
        router.PublishVitals();
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

    /// <summary>After a turn, in which a link may have been in the midst of receiving: one without a router is a socket and a membership too many.</summary>
    private void CloseUnusedLinks()
    {
        _routersHaveLeft = false;
        foreach (var at in _interfaces.Values)
        {
            if (at.Link4 is not null && !at.Routers.Exists(router => router.Link == at.Link4))
            {
                CloseLink(at.Link4);
                at.Link4 = null;
            }

            if (at.Link6 is not null && !at.Routers.Exists(router => router.Link == at.Link6))
            {
                CloseLink(at.Link6);
                at.Link6 = null;
            }
        }
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

                    if (config.IsOwner && chosen.IsNone && Array.Exists(router.Assignments, own => own.Address.Address == candidate.Address))
                        chosen = candidate.Address;
                }
            }
        }

        router.PrimaryAddress = chosen;
        router.PublishVitals();
    }

    /// <summary>
    /// What was a virtual address of a router that left or dropped it, and is still there, is the host's own; one that a router has since is no
    /// source any more.
    /// </summary>
    private void ReviseSources()
    {
        _virtualAddressesChanged = false;
        for (int token = 0; token < _routers.Count; token++)
        {
            if (_routers[token] is not { Interface: not null } router || (!router.PrimaryAddress.IsNone && !_configured.ContainsKey(router.PrimaryAddress)))
                continue;
            ChooseSource(router);
            UpdateFaults(router, null);
        }
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
}
