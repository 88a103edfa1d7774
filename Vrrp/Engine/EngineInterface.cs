using System.Runtime.InteropServices;
using Vrrp.Links;

namespace Vrrp;

/// <summary>One interface of the host as the engine sees it.</summary>
internal sealed class EngineInterface(int index)
{
    // Made for the first router: most interfaces of a host have none.
    private VirtualRouter?[]? _byId4;
    private VirtualRouter?[]? _byId6;

    // Held virtual addresses bear our mark and are no sign of an own packet: an owner that returns advertises from one of them.
    private readonly HashSet<IPAddressValue> _local = [];

    // Removals by this node that the kernel has yet to tell of; the address may be back by then.
    private readonly Dictionary<(IPAddressValue Address, byte PrefixLength), int> _echoes = [];

    public int Index { get; } = index;

    public InterfaceFacts? Facts { get; set; }

    public string Name => Facts?.Name ?? "";

    public bool IsUp => Facts is { IsUp: true };

    // In the order the kernel gave them: the first usable one is the source of advertisements.
    private readonly OrderedDictionary<(IPAddressValue Address, byte PrefixLength), InterfaceAddress> _addresses = [];

    /// <summary>All addresses in the order the kernel gave them.</summary>
    public OrderedDictionary<(IPAddressValue Address, byte PrefixLength), InterfaceAddress>.ValueCollection Addresses => _addresses.Values;

    public List<VirtualRouter> Routers { get; } = [];

    public Instant OwnAddressToldAt { get; set; } = Instant.Never;

    public IVrrpLink? Link4 { get; set; }

    public IVrrpLink? Link6 { get; set; }

    /// <summary>Seen in the listing under way.</summary>
    public bool IsListed { get; set; }

    public bool IsLocal(IPAddressValue address) => _local.Contains(address);

    public IVrrpLink? Link(IPFamily family) => family == IPFamily.IPv4 ? Link4 : Link6;

    public VirtualRouter? First(IPFamily family, byte virtualRouterId) =>
        (family == IPFamily.IPv4 ? _byId4 : _byId6)?[virtualRouterId];

    private ref VirtualRouter? Slot(VirtualRouterConfig config)
    {
        ref var table = ref _byId4;
        if (config.Family == IPFamily.IPv6)
            table = ref _byId6;
        table ??= new VirtualRouter?[256];
        return ref table[config.VirtualRouterId.Value];
    }

    public void Attach(VirtualRouter router)
    {
        Routers.Add(router);
        ref var first = ref Slot(router.Config);
        router.NextSameId = first;
        first = router;
    }

    public void Detach(VirtualRouter router)
    {
        Routers.Remove(router);
        ref var slot = ref Slot(router.Config);
        if (slot == router)
        {
            slot = router.NextSameId;
        }
        else
        {
            for (var other = slot; other is not null; other = other.NextSameId)
            {
                if (other.NextSameId == router)
                    other.NextSameId = router.NextSameId;
            }
        }

        router.NextSameId = null;
    }

    public void AddAddress(in InterfaceAddress address)
    {
        var key = (address.Address, address.PrefixLength);
        bool wasForeign = _addresses.TryGetValue(key, out var before) && !before.IsOurs;
        _addresses[key] = address;
        if (!address.IsOurs)
            _local.Add(address.Address);
        else if (wasForeign)
            UpdateLocal(address.Address);
    }

    public void RemoveAddress(in InterfaceAddress address)
    {
        if (_addresses.Remove((address.Address, address.PrefixLength), out var before) && !before.IsOurs)
            UpdateLocal(address.Address);
    }

    public bool Has(VirtualAddress address) => _addresses.ContainsKey((address.Address, address.KernelPrefixLength));

    /// <summary>Whether an address is known to bear our mark.</summary>
    public bool HasOurs(VirtualAddress address) =>
        _addresses.TryGetValue((address.Address, address.KernelPrefixLength), out var present) && present.IsOurs;

    /// <summary>This node installed an address.</summary>
    public void Installed(VirtualAddress address)
    {
        if (!Has(address))
            AddAddress(new(Index, address.Address, address.KernelPrefixLength, IsUsableSource: false, IsOurs: true));
    }

    /// <summary>This node removed an address; if it was there the kernel will say so.</summary>
    public void Removed(VirtualAddress address)
    {
        if (!HasOurs(address))
            return;
        _addresses.Remove((address.Address, address.KernelPrefixLength));
        CollectionsMarshal.GetValueRefOrAddDefault(_echoes, (address.Address, address.KernelPrefixLength), out _)++;
    }

    /// <summary>Whether the kernel tells, late, of an installation that this node has undone since.</summary>
    public bool IsUndone(in InterfaceAddress address) =>
        address.IsOurs && _echoes.ContainsKey((address.Address, address.PrefixLength))
        && !_addresses.ContainsKey((address.Address, address.PrefixLength));

    /// <summary>Whether the kernel tells of a removal by this node, which is known already.</summary>
    public bool IsEcho(in InterfaceAddress address)
    {
        var key = (address.Address, address.PrefixLength);
        if (!_echoes.TryGetValue(key, out int count))
            return false;
        if (count > 1)
            _echoes[key] = count - 1;
        else
            _echoes.Remove(key);
        return true;
    }

    public void ClearAddresses()
    {
        _echoes.Clear();
        _addresses.Clear();
        _local.Clear();
    }

    private void UpdateLocal(IPAddressValue address)
    {
        foreach (var candidate in _addresses.Values)
        {
            if (candidate.Address == address && !candidate.IsOurs)
            {
                _local.Add(address);
                return;
            }
        }

        _local.Remove(address);
    }
}
