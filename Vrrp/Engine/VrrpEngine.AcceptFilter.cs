using Vrrp.Links;

namespace Vrrp;

/// <content>
/// Accept_Mode false, RFC 9568 §6.1: what is for the addresses of a Master that does not own them is dropped. Blocked before they are
/// installed and unblocked after they were removed, so that no packet is ever taken. What cannot be blocked is told, and served.
/// </content>
internal sealed partial class VrrpEngine
{
    private readonly IAcceptFilter? _acceptFilter;
    private bool _filterIsClean;

    /// <summary>Before a router takes part, and after its leftover addresses went: so does the leftover filter, and a missing one is told now.</summary>
    private void PrepareFilter(VirtualRouter router)
    {
        if (NeedsFilter(router))
            Block(router, []);
        else if (!_filterIsClean)
            _acceptFilter?.RemoveLeftBehind();
        _filterIsClean = true;
    }

    private void BlockAddresses(VirtualRouter router)
    {
        if (!NeedsFilter(router))
            return;
        var wanted = Array.FindAll(router.Assignments, assignment => IsToBeBlocked(assignment) && Array.IndexOf(router.Blocked, assignment) < 0);
        if (wanted.Length > 0 && Block(router, wanted))
            router.Blocked = [.. router.Blocked, .. wanted];
    }

    private void UnblockAddresses(VirtualRouter router)
    {
        if (router.Blocked.Length == 0)
            return;
        bool keepsAny = router.HoldsAddresses && NeedsFilter(router);
        var unwanted = Array.FindAll(
            router.Blocked, blocked => !keepsAny || Array.IndexOf(router.Assignments, blocked) < 0 || !IsToBeBlocked(blocked));
        if (unwanted.Length == 0)
            return;
        router.Blocked = [.. router.Blocked.Except(unwanted)];
        if (!_acceptFilter!.TryUnblock(unwanted, out string? failure))
            TellFilter(router, failure, isBlocking: false);
    }

    private bool Block(VirtualRouter router, ReadOnlySpan<AddressAssignment> addresses)
    {
        string? failure = "there is no packet filter";
        if (_acceptFilter is not null && _acceptFilter.TryBlock(addresses, out failure))
        {
            router.FilterFailure = null;
            return true;
        }

        if (router.FilterFailure != failure)
            TellFilter(router, failure, isBlocking: true);
        router.FilterFailure = failure;
        return false;
    }

    private void TellFilter(VirtualRouter router, string failure, bool isBlocking) =>
        _notify(new AcceptModeUnenforced(_now, router.Config.Name, isBlocking, failure));

    private static bool NeedsFilter(VirtualRouter router) => !router.Config.AcceptMode && !router.Config.IsOwner;

    /// <summary>An address that is the host's own makes it the owner of it, whatever the priority says.</summary>
    private bool IsToBeBlocked(in AddressAssignment assignment)
    {
        var address = assignment.Address.Address;
        if (address.IsIPv6LinkLocal)
            return _interfaces.TryGetValue(assignment.InterfaceIndex, out var on) && !on.IsLocal(address);
        foreach (var at in _interfaces.Values)
        {
            if (at.IsLocal(address))
                return false;
        }

        return assignment.InterfaceIndex != 0;
    }
}
