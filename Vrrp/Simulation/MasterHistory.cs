using System.Diagnostics.CodeAnalysis;

namespace Vrrp.Simulation;

/// <summary>What routers of different nodes have in common when they replace each other.</summary>
internal readonly record struct VirtualRouterKey(string Network, IPFamily Family, VirtualRouterId VirtualRouterId)
{
    /// <param name="virtualRouterId">The VRID.</param>
    /// <param name="family">Null: of any family.</param>
    /// <param name="network">Null: of any network.</param>
    public bool Is(VirtualRouterId virtualRouterId, IPFamily? family, string? network) =>
        VirtualRouterId == virtualRouterId && (family is null || Family == family) && (network is null || Network == network);

    public override string ToString() => $"VRID {VirtualRouterId} ({Family}, {Network})";
}

/// <summary>A time during which a node was Master and able to act: from a takeover to the end of it, a crash or a freeze.</summary>
public sealed class MasterPeriod
{
    internal MasterPeriod(SimulatedNode node, Instant from)
    {
        Node = node;
        Began = from;
        Ended = Instant.Never;
    }

    /// <summary>The node.</summary>
    public SimulatedNode Node { get; }

    /// <summary>When it began, as time since <see cref="SimulatedLan.Start"/>, cut to 100 ns.</summary>
    public TimeSpan From => Began - SimulatedLan.Start;

    /// <summary>When it ended, as time since <see cref="SimulatedLan.Start"/>, cut to 100 ns; null while it lasts.</summary>
    public TimeSpan? To => Ended.IsNever ? null : Ended - SimulatedLan.Start;

    internal Instant Began { get; }

    /// <summary><see cref="Instant.Never"/> while it lasts.</summary>
    internal Instant Ended { get; set; }
}

/// <summary>Who was Master when, of every virtual router of a LAN.</summary>
internal sealed class MasterHistory
{
    private readonly Dictionary<VirtualRouterKey, List<MasterPeriod>> _periods = [];
    private readonly Dictionary<VirtualRouterKey, HashSet<IPAddressValue>> _addresses = [];

    public IEnumerable<VirtualRouterKey> Keys => _periods.Keys;

    public bool TryGet(VirtualRouterKey key, [NotNullWhen(true)] out List<MasterPeriod>? periods) => _periods.TryGetValue(key, out periods);

    /// <summary>All addresses that a virtual router ever had on any node, those held besides included.</summary>
    public IReadOnlyCollection<IPAddressValue> Addresses(VirtualRouterKey key) => _addresses[key];

    /// <summary>A router has a configuration: its first, or another.</summary>
    public void Add(VirtualRouterKey key, VirtualRouterConfig config)
    {
        if (_periods.TryAdd(key, []))
            _addresses.Add(key, []);
        foreach (var address in config.VirtualAddresses)
            _addresses[key].Add(address.Address);
        foreach (var address in config.ExcludedAddresses)
            _addresses[key].Add(address.Address);
    }

    /// <summary>After something happened to a router or its node.</summary>
    public void Update(SimulatedRouter router, Instant now)
    {
        bool isMaster = router is { IsGone: false, State: VrrpState.Master, Node.CanAct: true };
        if (isMaster == router.Period is not null)
            return;
        if (router.Period is { } ended)
        {
            ended.Ended = now;
            router.Period = null;
            return;
        }

        router.Period = new(router.Node, now);
        _periods[router.Key].Add(router.Period);
    }
}
