using System.Runtime.InteropServices;
using Vrrp.Links;

namespace Vrrp;

/// <summary>One interface of the host as the engine sees it.</summary>
internal sealed class EngineInterface(int index)
{
    private readonly VirtualRouter?[] _byId4 = new VirtualRouter?[256];
    private readonly VirtualRouter?[] _byId6 = new VirtualRouter?[256];

    // Held virtual addresses bear our mark and are no sign of an own packet: an owner that returns advertises from one of them.
    private readonly HashSet<IPAddressValue> _local = [];

    // Removals by this node that the kernel has yet to tell of; the address may be back by then.
    private readonly Dictionary<(IPAddressValue Address, byte PrefixLength), int> _echoes = [];

    public int Index { get; } = index;

    public InterfaceFacts? Facts { get; set; }

    public string Name => Facts?.Name ?? "";

    public bool IsUp => Facts is { IsUp: true };

    /// <summary>All addresses in the order the kernel gave them.</summary>
    public List<InterfaceAddress> Addresses { get; } = [];

    public List<VirtualRouter> Routers { get; } = [];

    public IVrrpLink? Link4 { get; set; }

    public IVrrpLink? Link6 { get; set; }

    /// <summary>Seen in the listing under way.</summary>
    public bool IsListed { get; set; }

    public bool IsLocal(IPAddressValue address) => _local.Contains(address);

    public IVrrpLink? Link(IPFamily family) => family == IPFamily.IPv4 ? Link4 : Link6;

    public VirtualRouter? First(IPFamily family, byte virtualRouterId) =>
        (family == IPFamily.IPv4 ? _byId4 : _byId6)[virtualRouterId];

    public void Attach(VirtualRouter router)
    {
        Routers.Add(router);
        ref var first = ref (router.Config.Family == IPFamily.IPv4 ? _byId4 : _byId6)[router.Config.VirtualRouterId.Value];
        router.NextSameId = first;
        first = router;
    }

    public void Detach(VirtualRouter router)
    {
        Routers.Remove(router);
        ref var slot = ref (router.Config.Family == IPFamily.IPv4 ? _byId4 : _byId6)[router.Config.VirtualRouterId.Value];
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
        int i = Find(address.Address, address.PrefixLength);
        if (i < 0)
            Addresses.Add(address);
        else
            Addresses[i] = address;
        UpdateLocal(address.Address);
    }

    public void RemoveAddress(in InterfaceAddress address)
    {
        int i = Find(address.Address, address.PrefixLength);
        if (i >= 0)
            Addresses.RemoveAt(i);
        UpdateLocal(address.Address);
    }

    private int Find(IPAddressValue address, byte prefixLength)
    {
        for (int i = 0; i < Addresses.Count; i++)
        {
            if (Addresses[i].Address == address && Addresses[i].PrefixLength == prefixLength)
                return i;
        }

        return -1;
    }

    /// <summary>This node installed an address.</summary>
    public void Installed(VirtualAddress address)
    {
        if (Find(address.Address, address.KernelPrefixLength) < 0)
            AddAddress(new(Index, address.Address, address.KernelPrefixLength, IsUsableSource: false, IsOurs: true));
    }

    /// <summary>This node removed an address; if it was there the kernel will say so.</summary>
    public void Removed(VirtualAddress address)
    {
        int i = Find(address.Address, address.KernelPrefixLength);
        if (i < 0 || !Addresses[i].IsOurs)
            return;
        RemoveAddress(Addresses[i]);
        CollectionsMarshal.GetValueRefOrAddDefault(_echoes, (address.Address, address.KernelPrefixLength), out _)++;
    }

    /// <summary>Whether the kernel tells, late, of an installation that this node has undone since.</summary>
    public bool IsUndone(in InterfaceAddress address) =>
        address.IsOurs && _echoes.ContainsKey((address.Address, address.PrefixLength)) && Find(address.Address, address.PrefixLength) < 0;

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
        Addresses.Clear();
        _local.Clear();
    }

    private void UpdateLocal(IPAddressValue address)
    {
        foreach (var candidate in Addresses)
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
