using Vrrp.Links;
using Vrrp.Packets;

namespace Vrrp;

/// <content>What other threads ask of the engine, on the engine's thread.</content>
internal sealed partial class VrrpEngine
{
    /// <summary>Adds a virtual router; it takes part from <paramref name="startAt"/>.</summary>
    /// <exception cref="ArgumentException">Its name or its VRID is taken.</exception>
    public void Add(VirtualRouterConfig config, Instant startAt, Instant now, TrackedState tracked = default)
    {
        _now = now;
        ThrowIfStopping();
        FinishHandOver(config);
        if (_byName.ContainsKey(config.Name))
            throw new ArgumentException($"There is a virtual router named '{config.Name}' already.");
        if (FindConflict(config) is { } other)
        {
            throw new ArgumentException(
                $"'{config.Name}' has the VRID {config.VirtualRouterId} on {config.Interface} that '{other.Config.Name}' uses for {config.Family} already.");
        }

        int token = _freeTokens.Count > 0 ? _freeTokens.Pop() : _routers.Count;
        var router = new VirtualRouter(token, config, startAt, now) { Tracked = tracked };
        if (token == _routers.Count)
            _routers.Add(router);
        else
            _routers[token] = router;
        _byName.Add(config.Name, router);
        _isRosterStale = true;
        CountConfigured(config, 1);
        _virtualAddressesChanged = true;
        Configure(router);
        JoinGroup(router);
        Bind(router);
        UpdatePriority(router);
        SetFaults(router, OwnFaults(router), null);
        if (!tracked.AllowsStart)
        {
            (router.HeldBackUntil, router.StartAt) = (startAt, Instant.Never);
        }
        else if (startAt <= now)
        {
            router.StartAt = Instant.Never;
            Begin(router);
        }

        Arm(router);
    }

    /// <summary>Stops a virtual router and removes it; <paramref name="removed"/> is called when its addresses are off.</summary>
    /// <returns>False when there is none of that name.</returns>
    public bool Remove(string name, bool handOver, Action removed, Instant now)
    {
        _now = now;
        if (!_byName.TryGetValue(name, out var router))
            return false;
        router.Removed += removed;
        router.StartAt = router.HeldBackUntil = Instant.Never;
        Dispatch(router, VrrpEvent.Shutdown(handOver));
        // One that still answers for its successor is no member any more: the faults of the others are not its own.
        LeaveGroup(router);
        return true;
    }

    /// <summary>Changes a running router. What names it on the wire cannot change; see <see cref="CanReconfigure"/>.</summary>
    public void Reconfigure(string name, VirtualRouterConfig config, Instant now, TrackedState? tracked = null)
    {
        _now = now;
        ThrowIfStopping();
        if (!_byName.TryGetValue(name, out var router))
            throw new ArgumentException($"There is no virtual router named '{name}'.");
        if (!CanReconfigure(router.Config, config))
        {
            throw new ArgumentException(
                "Interface, VRID, family, version, group, ownership and unicast of a running virtual router cannot change; remove it and add another.");
        }

        if (FindConflict(config, router) is { } other)
            throw new ArgumentException($"'{config.Name}' would conflict with '{other.Config.Name}'.");
        if (config.Name != name && _byName.ContainsKey(config.Name))
            throw new ArgumentException($"There is a virtual router named '{config.Name}' already.");

        var heldBefore = router.HoldsAddresses ? router.Assignments : [];
        var owedBefore = router.OwesRemoval ? router.Assignments : [];
        LeaveGroup(router);
        if (config.Name != name)
        {
            _byName.Remove(name);
            _byName.Add(config.Name, router);
        }

        // What it held counts as its own until the end.
        CountConfigured(config, 1);
        var before = router.Config;
        router.Config = config;
        router.Tracked = tracked ?? router.Tracked;
        Configure(router);
        JoinGroup(router);
        // Nobody else will tell it that the others are ready.
        if (router.Group is null && router.State.WantsMaster)
            router.State = router.State with { WantsMaster = false, Deadline = now };
        router.Assignments = [];
        ResolveAddresses(router);
        foreach (var owed in owedBefore)
        {
            if (!Array.Exists(router.Assignments, wanted => IsSamePlace(owed, wanted)))
                Owe(owed);
        }

        ChooseSource(router);
        // What no Master taught is this router's own.
        if (router.State.MasterAddress.IsNone)
            router.State = router.State with { MasterAdverInterval = config.AdvertisementInterval };
        UpdatePriority(router);
        ShortenWait(router);
        router.FilterFailure = null;
        PrepareFilter(router);

        if (router.HoldsAddresses && router.State.State == VrrpState.Master)
        {
            BlockAddresses(router);
            // What only gets another label or scope has to go first; what is new comes before the rest goes, so that no moment is dark.
            var gone = Gone(router, heldBefore);
            Remove(Array.FindAll(gone, held => Array.Exists(router.Assignments, wanted => IsSamePlace(held, wanted))));
            bool isNew = false;
            foreach (var assignment in router.Assignments)
                isNew |= Array.IndexOf(heldBefore, assignment) < 0;
            if (isNew && !InstallAddresses(router))
            {
                Resign(router);
            }
            else if (isNew)
            {
                router.Announcements = AnnouncementSchedule.AfterTakeover(config.Announcements, now);
                AnnounceRound(router);
            }

            Remove(Array.FindAll(gone, held => !Array.Exists(router.Assignments, wanted => IsSamePlace(held, wanted))));

            router.Announcements = router.Announcements.AfterReconfiguration(config.Announcements, now);
            // The peers learn the new priority and interval at once, and a shorter interval counts from now.
            if (router.State.State == VrrpState.Master)
            {
                router.State = router.State with { Deadline = now.AddNanoseconds(config.AdvertisementInterval.Nanoseconds) };
                SendAdvertisement(router, router.State.EffectivePriority);
            }
        }
        else if (router.HoldsAddresses)
        {
            Remove(Gone(router, heldBefore));
        }

        UnblockAddresses(router);
        CountConfigured(before, -1);
        _virtualAddressesChanged = true;
        UpdateFaults(router, tracked?.Detail);
        LetBegin(router);
        router.PublishVitals();
        Arm(router);
    }

    /// <summary>A Backup that goes by its own interval waits no longer than a shorter one has it, from now.</summary>
    private void ShortenWait(VirtualRouter router)
    {
        var (state, config) = (router.State, router.Config);
        if (state.State != VrrpState.Backup || state.WantsMaster || (config.Version == VrrpVersion.V3 && !state.MasterAddress.IsNone))
            return;
        long wait = VrrpTimers.MasterDownNanoseconds(config.Version, state.EffectivePriority, config.AdvertisementInterval.Nanoseconds, config.DownTimerAdverts);
        router.State = state with { Deadline = Instant.Min(state.Deadline, _now.AddNanoseconds(wait)) };
    }

    /// <summary>Whether a running router can take a new configuration without leaving.</summary>
    public static bool CanReconfigure(VirtualRouterConfig from, VirtualRouterConfig to) =>
        from.Interface == to.Interface && from.VirtualRouterId == to.VirtualRouterId && from.Family == to.Family
        && from.Version == to.Version && from.Group == to.Group && from.IsOwner == to.IsOwner && (from.UnicastPeers.Length == 0) == (to.UnicastPeers.Length == 0);

    /// <summary>
    /// Addresses that an earlier process recorded as its own and that no router or static address of this node wants: removed if they are
    /// there and ours.
    /// </summary>
    public void RemoveRecorded(VirtualAddress[] recorded, Instant now)
    {
        _now = now;
        if (!RemovesLeftBehind)
            return;
        var present = new List<AddressAssignment>();
        foreach (var address in recorded)
        {
            if (address.Interface is not null && _interfacesByName.TryGetValue(address.Interface, out var at) && at.Has(address))
                present.Add(new(at.Index, address));
        }

        _addressTable.Adopt(present.ToArray());
        // What is adopted is known as ours only when it is seen again.
        _monitor.List(this);
        var leftBehind = present.Where(assignment => _interfaces.TryGetValue(assignment.InterfaceIndex, out var at)
            && at.HasOurs(assignment.Address)
            && !_configured.ContainsKey(assignment.Address.Address)
            && !_staticAddresses.Any(wanted => wanted.Address == assignment.Address.Address)).ToArray();
        if (leftBehind.Length == 0)
            return;
        RemoveOrOwe(leftBehind);
        foreach (var assignment in leftBehind)
            _notify(new AddressIncident(now, "", assignment.Address, AddressIncidentKind.LeftBehind));
    }

    /// <summary>A fault that the program around the library declares or ends.</summary>
    public bool Declare(string name, bool isFaulty, string? detail, Instant now)
    {
        _now = now;
        if (!_byName.TryGetValue(name, out var router))
            return false;
        router.StickyFaults = isFaulty ? router.StickyFaults | VrrpFaults.Declared : router.StickyFaults & ~VrrpFaults.Declared;
        UpdateFaults(router, detail);
        return true;
    }

    /// <summary>What the program around the library tracks for a router has changed.</summary>
    public bool SetTracked(string name, in TrackedState tracked, Instant now)
    {
        _now = now;
        if (!_byName.TryGetValue(name, out var router))
            return false;
        router.Tracked = tracked;
        UpdatePriority(router);
        UpdateFaults(router, tracked.Detail);
        LetBegin(router);
        router.PublishVitals();
        return true;
    }

    /// <summary>One that was held back begins once it is known whether it can serve.</summary>
    private void LetBegin(VirtualRouter router)
    {
        if (router.HeldBackUntil.IsNever || !router.Tracked.AllowsStart)
            return;
        router.StartAt = router.HeldBackUntil;
        router.HeldBackUntil = Instant.Never;
        if (router.StartAt <= _now)
        {
            router.StartAt = Instant.Never;
            Begin(router);
        }

        Arm(router);
    }

    public IEnumerable<VirtualRouter> Routers => _byName.Values;

    public VirtualRouter? Find(string name) => _byName.GetValueOrDefault(name);

    public VirtualRouter? Find(int token) => token < _routers.Count ? _routers[token] : null;

    /// <summary>The node stops: what leaves leaves, and nothing new begins.</summary>
    public bool IsStopping { get; set; }

    private void ThrowIfStopping()
    {
        if (IsStopping)
            throw new ObjectDisposedException(nameof(VrrpNode), "The node is stopping.");
    }

    private AddressAssignment[] Gone(VirtualRouter router, AddressAssignment[] heldBefore) =>
        Array.FindAll(heldBefore, held => Array.IndexOf(router.Assignments, held) < 0 && !IsHeldByAnother(router, held));

    private void Remove(AddressAssignment[] addresses)
    {
        if (addresses.Length > 0)
            RemoveOrOwe(addresses);
    }

    /// <summary>Whether the kernel takes two for the same address, so that it cannot have both at once.</summary>
    private static bool IsSamePlace(in AddressAssignment left, in AddressAssignment right) =>
        left.InterfaceIndex == right.InterfaceIndex && left.Address.Address == right.Address.Address
        && left.Address.KernelPrefixLength == right.Address.KernelPrefixLength;

    private static void Configure(VirtualRouter router)
    {
        var config = router.Config;
        router.Messages = [];
        router.Rules = new ReceptionRules
        {
            Version = config.Version,
            Family = config.Family,
            AuthenticationType = config.Password is null ? AuthenticationType.None : AuthenticationType.SimplePassword,
            Password = config.Password ?? default,
            AdvertisementInterval = config.AdvertisementInterval,
            IsOwner = config.IsOwner,
            IgnoreWhenOwner = config.OwnerIgnoresAdvertisements,
            AddressListCheck = config.AddressListCheck,
            Addresses = [.. config.VirtualAddresses.Select(address => address.Address)],
            Group = config.Group,
            IsUnicast = config.UnicastPeers.Length > 0,
            UnicastPeers = config.UnicastPeers,
            CheckUnicastSource = config.CheckUnicastSource,
            AcceptLegacyUnicastChecksum = config.UnicastPeers.Length > 0,
            RequireLinkLocalFirst = config.RequireLinkLocalFirst,
            StrictChecksumForm = config.RequireSameChecksum ? config.Checksum : null,
            AcceptEmptyAddressList = config.VirtualAddresses.Length == 0,
        };
    }

    private VirtualRouter? FindConflict(VirtualRouterConfig config, VirtualRouter? self = null)
    {
        foreach (var other in _byName.Values)
        {
            if (other != self && other.Config.ConflictsWith(config))
                return other;
        }

        return null;
    }

    /// <summary>A router that comes back while its predecessor still answers for the successor: the predecessor lets go now.</summary>
    private void FinishHandOver(VirtualRouterConfig config)
    {
        if (!_byName.Values.Any(static router => router.IsRemoving))
            return;
        foreach (var router in _byName.Values.ToArray())
        {
            if (router.IsRemoving && (router.Config.Name == config.Name || FindConflict(config) == router))
                Dispatch(router, VrrpEvent.Shutdown());
        }
    }

    private void CompleteRemoval(VirtualRouter router)
    {
        // Nobody else tries again.
        if (router.OwesRemoval)
        {
            foreach (var assignment in router.Assignments)
                Owe(assignment);
        }

        LeaveGroup(router);
        router.Interface?.Detach(router);
        router.Interface = null;
        router.Link = null;
        _routersHaveLeft = true;
        _virtualAddressesChanged = true;
        _byName.Remove(router.Config.Name);
        _isRosterStale = true;
        CountConfigured(router.Config, -1);
        _routers[router.Token] = null;
        // Entries of this number may still be in the queue; a successor must not take them for its own.
        router.ArmedAt = Instant.Never;
        _freeTokens.Push(router.Token);
        var removed = router.Removed;
        router.Removed = null;
        removed?.Invoke();
    }

    private void JoinGroup(VirtualRouter router)
    {
        if (router.Config.SyncGroup is not { } name)
            return;
        if (!_groups.TryGetValue(name, out var group))
        {
            group = new SyncGroupState(name);
            _groups.Add(name, group);
        }

        router.Group = group;
        group.Members.Add(router);
        MarkDirty(group);
    }

    private void LeaveGroup(VirtualRouter router)
    {
        if (router.Group is not { } group)
            return;
        group.Members.Remove(router);
        router.Group = null;
        if (group.Members.Count == 0)
        {
            _groups.Remove(group.Name);
        }
        else
        {
            MarkDirty(group);
        }
    }

    private void MarkDirty(SyncGroupState group)
    {
        if (group.IsDirty)
            return;
        group.IsDirty = true;
        _dirtyGroups.Add(group);
    }
}
