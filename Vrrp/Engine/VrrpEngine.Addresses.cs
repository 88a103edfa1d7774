using System.Runtime.InteropServices;
using Vrrp.Links;

namespace Vrrp;

/// <content>The addresses that routers hold: installed, removed, put back, and found when a killed process left them.</content>
internal sealed partial class VrrpEngine
{
    private const long RestoreNanoseconds = 100_000_000;

    /// <summary>Routers that gave up their addresses while changes of interfaces are read; they go when all is read.</summary>
    private readonly List<VirtualRouter> _givingUp = [];

    /// <summary>Changes of interfaces are being read: what is known of them is older than those that still wait.</summary>
    private bool _isHearing;

    /// <summary>Addresses that the kernel would not take off and that no router answers for any more; and when that is tried again.</summary>
    private readonly List<AddressAssignment> _owed = [];
    private Instant _owedAt = Instant.Never;

    /// <summary>Whether addresses are on this host that no router holds, because the kernel would not take them off.</summary>
    public bool OwesRemovals => _owed.Count > 0;

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
        // One that is known to be ours may be another's in what was not read yet.
        bool isComplete = !_isHearing && AreAllOurs(assignments) ? _addressTable.RemoveOwn(assignments, outcomes) : _addressTable.Remove(assignments, outcomes);
        for (int i = 0; i < assignments.Length; i++)
        {
            if (outcomes[i].Status == AddressStatus.Done && _interfaces.TryGetValue(assignments[i].InterfaceIndex, out var at))
                at.Removed(assignments[i].Address);
        }

        return isComplete;
    }

    /// <summary>All members have their addresses before one of them tells anyone; or none has, and those that were refused are in Fault.</summary>
    private bool TakeAddresses(SyncGroupState group)
    {
        bool isComplete = true;
        foreach (var member in group.Members)
        {
            if (member.State.State == VrrpState.Backup && !TakeAddresses(member))
                isComplete = false;
        }

        if (isComplete)
            return true;
        foreach (var member in group.Members)
        {
            if (member.State.State != VrrpState.Backup)
                continue;
            if (member.HasTakenAddresses)
                GiveUpAddresses(member);
            else
                Decline(member);
        }

        return false;
    }

    private bool TakeAddresses(VirtualRouter router) => router.HasTakenAddresses || (router.HasTakenAddresses = InstallAddresses(router));

    private void GiveUpAddresses(VirtualRouter router)
    {
        router.HasTakenAddresses = false;
        RemoveAddresses(router);
    }

    /// <summary>
    /// A router that would have become Master was refused an address. It has told nobody anything and takes nothing back: priority 0 would
    /// have the Backups of a Master that lives wait for their skew alone.
    /// </summary>
    private void Decline(VirtualRouter router)
    {
        string detail = RefusalDetail(router);
        GiveUpAddresses(router);
        Stick(router, VrrpFaults.AddressRefused, detail);
        // An owner that starts.
        if (router.State is { State: VrrpState.Initialize, IsHandingOver: false })
            Dispatch(router, VrrpEvent.Startup);
    }

    /// <summary>A Master was refused an address that it needs besides, or had.</summary>
    private void Resign(VirtualRouter router) => Stick(router, VrrpFaults.AddressRefused, RefusalDetail(router));

    private static string RefusalDetail(VirtualRouter router)
    {
        int refused = Array.FindIndex(router.Outcomes, static outcome => outcome.Status == AddressStatus.Refused);
        return $"the kernel refused {router.Assignments[refused].Address}: {ErrorText(router.Outcomes[refused].Error)}";
    }

    /// <returns>False when one that is advertised was refused.</returns>
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

        bool isEnough = true;
        // The same refusal every few seconds is told once a minute.
        bool isTold = !router.RefusalToldAt.IsNever && _now.Nanoseconds - router.RefusalToldAt.Nanoseconds < RepeatNoticeNanoseconds;
        for (int i = 0; i < router.Outcomes.Length; i++)
        {
            if (router.Outcomes[i].Status != AddressStatus.Refused)
                continue;
            var address = router.Assignments[i].Address;
            // One that is only held besides, such as an IPv6 address where IPv6 is off, is no reason to give up those that are advertised.
            isEnough &= i >= router.Config.VirtualAddresses.Length;
            if (!isTold)
                _notify(new AddressRefused(_now, router.Config.Name, address, Installing: true, router.Outcomes[i].Error));
        }

        if (!isTold)
            router.RefusalToldAt = _now;
        return isEnough;
    }

    /// <summary>What was put off while changes of interfaces were read, before anything else happens to the router.</summary>
    private void GiveUp(VirtualRouter router)
    {
        RemoveAddresses(router);
        router.IsGivingUp = false;
        if (router.Untold is var (transition, faultsBefore, detail))
        {
            (router.PendingDetail, detail) = (detail, router.PendingDetail);
            Tell(router, transition, faultsBefore);
            router.PendingDetail = detail;
            router.Untold = null;
        }

        router.PublishVitals();
        Arm(router);
    }

    private void RemoveAddresses(VirtualRouter router)
    {
        if (_isHearing && router is { IsRemoving: false, IsGivingUp: false })
        {
            router.IsGivingUp = true;
            _givingUp.Add(router);
            return;
        }

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

    private void Owe(ReadOnlySpan<AddressAssignment> assignments, ReadOnlySpan<AddressOutcome> outcomes)
    {
        for (int i = 0; i < assignments.Length; i++)
        {
            if (outcomes[i].Status == AddressStatus.Refused)
                Owe(assignments[i]);
        }
    }

    private void Owe(in AddressAssignment assignment)
    {
        _owedAt = _now.AddNanoseconds(RetryNanoseconds);
        if (!_owed.Contains(assignment))
            _owed.Add(assignment);
    }

    private void RemoveOwed()
    {
        // One that a router holds by now is its own again.
        AddressAssignment[] owed = [.. _owed.Where(assignment => !_byName.Values.Any(router => router.HoldsAddresses
            && Array.Exists(router.Assignments, held => IsSamePlace(held, assignment))))];
        _owed.Clear();
        _owedAt = Instant.Never;
        var outcomes = new AddressOutcome[owed.Length];
        if (owed.Length > 0 && !Remove(owed, outcomes))
            Owe(owed, outcomes);
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
                if (!IsMissing(router, i))
                    continue;
                isMissing = true;
                if (!isTold)
                    TellIncident(router, router.Assignments[i].Address, AddressIncidentKind.TakenAway);
            }

            if (!isMissing)
                continue;
            // Someone who takes it away again and again is answered ten times a second, and told once a minute.
            if (IsRestorationPutOff(router))
            {
                Arm(router);
                continue;
            }

            if (!isTold)
                router.TakenAwayToldAt = _now;
            router.RestoredAt = _now;
            Dispatch(router, VrrpEvent.AddressLost);
        }
    }

    /// <summary>
    /// Whether addresses of a Master were taken away that are put back when the sockets were read, with an advertisement, unless it yields before.
    /// Until then it says nothing.
    /// </summary>
    private bool AwaitsRestoration(VirtualRouter router)
    {
        if (!_addressesWereRemoved)
            return false;
        for (int i = 0; i < router.Assignments.Length; i++)
        {
            if (IsMissing(router, i))
                return !IsRestorationPutOff(router);
        }

        return false;
    }

    private bool IsRestorationPutOff(VirtualRouter router)
    {
        if (_now.Nanoseconds - router.RestoredAt.Nanoseconds >= RestoreNanoseconds)
            return false;
        router.RestoreAt = router.RestoredAt.AddNanoseconds(RestoreNanoseconds);
        return true;
    }

    private bool IsMissing(VirtualRouter router, int assignment) =>
        router.Outcomes[assignment].Status != AddressStatus.Refused && !IsPresent(router.Assignments[assignment]);

    private bool IsPresent(in AddressAssignment assignment) =>
        _interfaces.TryGetValue(assignment.InterfaceIndex, out var at) && at.Has(assignment.Address);

    /// <summary>Before taking part: what bears our mark and no router of this node holds was left by a process that was killed.</summary>
    private void RemoveLeftBehind(VirtualRouter router, bool tellsForeign = true)
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
                    if (!router.Config.IsOwner && tellsForeign)
                        TellIncident(router, assignment.Address, AddressIncidentKind.Foreign);
                    continue;
                }

                (leftBehind ??= []).Add(new(at.Index, assignment.Address with { PrefixLength = present.PrefixLength }));
                TellIncident(router, assignment.Address, AddressIncidentKind.LeftBehind);
            }
        }

        if (leftBehind is not null)
            RemoveOrOwe([.. leftBehind]);
    }

    private void RemoveOrOwe(AddressAssignment[] assignments)
    {
        var outcomes = new AddressOutcome[assignments.Length];
        if (!Remove(assignments, outcomes))
            Owe(assignments, outcomes);
    }

    private void CountConfigured(VirtualRouterConfig config, int change)
    {
        foreach (var address in config.VirtualAddresses)
            CountConfigured(address.Address, change);
        foreach (var address in config.ExcludedAddresses)
            CountConfigured(address.Address, change);
    }

    private void CountConfigured(IPAddressValue address, int change)
    {
        ref int count = ref CollectionsMarshal.GetValueRefOrAddDefault(_configured, address, out _);
        count += change;
        // What nobody wants any more is looked for as a key: whether it was left behind, whether its arrival concerns anyone.
        if (count == 0)
            _configured.Remove(address);
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
}
