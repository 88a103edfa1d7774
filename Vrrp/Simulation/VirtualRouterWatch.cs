namespace Vrrp.Simulation;

/// <summary>One virtual router of the LAN: those of all nodes that replace each other.</summary>
internal sealed class VirtualRouterWatch(VirtualRouterKey key)
{
    public VirtualRouterKey Key => key;

    public List<RouterWatch> Routers { get; } = [];

    public List<RouterWatch> Masters { get; } = [];

    /// <summary>When the set of Masters changed last, on the LAN's clock.</summary>
    public Instant MastersSince { get; set; }

    /// <summary>Number of the disturbance in which a Master left last that could say goodbye, and its node.</summary>
    public (long Disturbance, SimulatedNode? Node) Farewell { get; set; }
}
