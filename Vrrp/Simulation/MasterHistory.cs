using System.Diagnostics.CodeAnalysis;

namespace Vrrp.Simulation;

/// <summary>What routers of different nodes have in common when they replace each other.</summary>
internal readonly record struct VirtualRouterKey(string Network, IPFamily Family, VirtualRouterId VirtualRouterId)
{
    public override string ToString() => $"VRID {VirtualRouterId} ({Family}, {Network})";
}

/// <summary>A time during which a node was Master and able to act: from a takeover to the end of it, a crash or a freeze.</summary>
public sealed class MasterPeriod
{
    internal MasterPeriod(SimulatedNode node, Instant from)
    {
        Node = node;
        From = from;
        To = Instant.Never;
    }

    /// <summary>The node.</summary>
    public SimulatedNode Node { get; }

    /// <summary>When it began, on the clock of the LAN.</summary>
    public Instant From { get; }

    /// <summary>When it ended; <see cref="Instant.Never"/> while it lasts.</summary>
    public Instant To { get; internal set; }
}

/// <summary>Who was Master when, of every virtual router of a LAN.</summary>
internal sealed class MasterHistory
{
    private readonly Dictionary<VirtualRouterKey, List<MasterPeriod>> _periods = [];

    public IEnumerable<VirtualRouterKey> Keys => _periods.Keys;

    public bool TryGet(VirtualRouterKey key, [NotNullWhen(true)] out List<MasterPeriod>? periods) => _periods.TryGetValue(key, out periods);

    public void Add(VirtualRouterKey key) => _periods.TryAdd(key, []);

    /// <summary>After something happened to a router or its node.</summary>
    public void Update(SimulatedRouter router, Instant now)
    {
        bool isMaster = router is { IsGone: false, State: VrrpState.Master, Node.CanAct: true };
        if (isMaster == router.Period is not null)
            return;
        if (router.Period is { } ended)
        {
            ended.To = now;
            router.Period = null;
            return;
        }

        router.Period = new(router.Node, now);
        _periods[router.Key].Add(router.Period);
    }
}
