using Vrrp.Links;

namespace Vrrp;

/// <content>Addresses that are there as long as the node runs, whatever the state of its routers (<c>static_ipaddress</c>).</content>
internal sealed partial class VrrpEngine
{
    private readonly AddressOutcome[] _staticOutcome = new AddressOutcome[1];
    private readonly AddressAssignment[] _staticAssignment = new AddressAssignment[1];
    private VirtualAddress[] _staticAddresses = [];
    private HashSet<VirtualAddress> _staticRefusals = [];

    /// <summary>Replaces the set: what is no longer in it is removed, what is new is installed as soon as its interface exists.</summary>
    public void SetStaticAddresses(VirtualAddress[] addresses, Instant now)
    {
        _now = now;
        foreach (var address in _staticAddresses)
        {
            if (!addresses.Contains(address))
                RemoveStaticAddress(address);
        }

        _staticAddresses = addresses;
        _staticRefusals = [];
        KeepStaticAddresses();
        UpdateSources();
    }

    private void KeepStaticAddresses()
    {
        foreach (var address in _staticAddresses)
        {
            if (!TryAssignStatic(address) || IsPresent(_staticAssignment[0]))
                continue;
            if (Install(_staticAssignment, _staticOutcome))
                _staticRefusals.Remove(address);
            else if (_staticRefusals.Add(address))
                _notify(new AddressRefused(_now, "", address, Installing: true, _staticOutcome[0].Error));
        }
    }

    private void RemoveStaticAddress(VirtualAddress address)
    {
        if (TryAssignStatic(address) && !Remove(_staticAssignment, _staticOutcome))
            _notify(new AddressRefused(_now, "", address, Installing: false, _staticOutcome[0].Error));
    }

    private bool TryAssignStatic(VirtualAddress address)
    {
        if (address.Interface is null || !_interfacesByName.TryGetValue(address.Interface, out var at))
            return false;
        _staticAssignment[0] = new(at.Index, address);
        return true;
    }

    /// <summary>Ours, but there whatever the routers do: as good a source of advertisements as any.</summary>
    private bool IsStatic(EngineInterface at, in InterfaceAddress present)
    {
        foreach (var address in _staticAddresses)
        {
            if (address.Address == present.Address && address.Interface == at.Name)
                return true;
        }

        return false;
    }

    private void UpdateSources()
    {
        for (int token = 0; token < _routers.Count; token++)
        {
            if (_routers[token] is not { } router)
                continue;
            ChooseSource(router);
            UpdateFaults(router, null);
        }
    }
}
