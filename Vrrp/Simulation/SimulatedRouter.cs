namespace Vrrp.Simulation;

/// <summary>A virtual router on a <see cref="SimulatedNode"/>, as it is at the moment: reading it costs nothing and changes nothing.</summary>
public sealed class SimulatedRouter
{
    private readonly VirtualRouter _router;

    internal SimulatedRouter(SimulatedNode node, VirtualRouter router, string network)
    {
        Node = node;
        _router = router;
        Key = new(network, router.Config.Family, router.Config.VirtualRouterId);
    }

    /// <summary>The node it runs on.</summary>
    public SimulatedNode Node { get; }

    /// <summary>Its name.</summary>
    public string Name => _router.Config.Name;

    /// <summary>The configuration in force.</summary>
    public VirtualRouterConfig Config => _router.Config;

    /// <summary>Its state.</summary>
    public VrrpState State => _router.State.State;

    /// <summary>Priority in force.</summary>
    public Priority EffectivePriority => _router.State.EffectivePriority;

    /// <summary>What keeps it in Fault.</summary>
    public VrrpFaults Faults => _router.State.Faults;

    /// <summary>Whether it stopped as Master and answers for its addresses until the successor is heard.</summary>
    public bool IsHandingOver => _router.State.IsHandingOver;

    /// <summary>Whether it holds its addresses, also while handing over.</summary>
    public bool HoldsAddresses => _router.HoldsAddresses;

    /// <summary>All that its state machine remembers; the times are of the node's own clock.</summary>
    public MachineState Machine => _router.State;

    /// <summary>Its counters; they go on counting.</summary>
    public VirtualRouterCounters Counters => _router.Counters;

    /// <summary>Source address of its advertisements; none when it has none.</summary>
    public IPAddressValue PrimaryAddress => _router.PrimaryAddress;

    /// <summary>Whether it is no more: removed, or its process is gone. It then stays as it was last.</summary>
    public bool IsGone { get; internal set; }

    internal VirtualRouter Inner => _router;

    internal VirtualRouterKey Key { get; }

    /// <summary>The period under way; null while it does not count as Master.</summary>
    internal MasterPeriod? Period { get; set; }

    /// <summary>A snapshot, as <see cref="VrrpNode.GetStatusAsync"/> gives it.</summary>
    /// <returns>The snapshot.</returns>
    public VirtualRouterStatus GetStatus() => _router.Snapshot();

    /// <inheritdoc/>
    public override string ToString() => $"{Node.Name}/{Name}: {State}";
}
