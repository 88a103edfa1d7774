using Vrrp.Links;

namespace Vrrp;

/// <summary>One interface of the host as the engine sees it.</summary>
internal sealed class EngineInterface(int index)
{
    private readonly VirtualRouter?[] _byId4 = new VirtualRouter?[256];
    private readonly VirtualRouter?[] _byId6 = new VirtualRouter?[256];

    // Held virtual addresses bear our mark and are no sign of an own packet: an owner that returns advertises from one of them.
    private readonly HashSet<IPAddressValue> _local = [];

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
        for (int i = 0; i < Addresses.Count; i++)
        {
            if (Addresses[i].Address == address.Address && Addresses[i].PrefixLength == address.PrefixLength)
            {
                Addresses[i] = address;
                UpdateLocal(address.Address);
                return;
            }
        }

        Addresses.Add(address);
        UpdateLocal(address.Address);
    }

    public void RemoveAddress(in InterfaceAddress address)
    {
        for (int i = 0; i < Addresses.Count; i++)
        {
            if (Addresses[i].Address == address.Address && Addresses[i].PrefixLength == address.PrefixLength)
            {
                Addresses.RemoveAt(i);
                break;
            }
        }

        UpdateLocal(address.Address);
    }

    public void ClearAddresses()
    {
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
