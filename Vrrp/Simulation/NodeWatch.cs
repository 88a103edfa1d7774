namespace Vrrp.Simulation;

/// <summary>What <see cref="SimulationInvariants"/> remember of one node.</summary>
internal sealed class NodeWatch(SimulatedNode node)
{
    public SimulatedNode Node => node;

    public List<RouterWatch> Routers { get; } = [];

    public VrrpEngine? Engine { get; private set; }

    /// <summary>Since when it is able to advertise, on its clock, as far as what was done to it says.</summary>
    public Instant AbleSince { get; set; }

    /// <summary>When its last turn was, on its clock.</summary>
    public Instant TurnAt { get; set; }

    /// <summary>Something was done to it since its last turn.</summary>
    public bool WasDisturbed { get; set; }

    public long KernelVersion { get; set; } = -1;

    public long ForeignRemovals { get; set; }

    /// <summary>Packets that processes before this one took.</summary>
    public long ReceivedBefore { get; set; }

    /// <summary>Packets that were taken until the end of the turn before.</summary>
    public long ReceivedInTurns { get; set; }

    /// <summary>Packets that were taken and used, until the end of the turn before.</summary>
    public long Accepted { get; set; }

    /// <summary>Packets that routers which are gone counted.</summary>
    public long AccountedBefore { get; private set; }

    public bool IsHeld(int interfaceIndex, IPAddressValue address)
    {
        foreach (var router in Routers)
        {
            if (router.Inner.State is not { State: VrrpState.Master } and not { IsHandingOver: true })
                continue;
            foreach (var assignment in router.Inner.Assignments)
            {
                if (assignment.InterfaceIndex == interfaceIndex && assignment.Address.Address == address)
                    return true;
            }
        }

        return false;
    }

    public RouterWatch? Find(SimulationInvariants owner, string name)
    {
        foreach (var router in Routers)
        {
            // One that was removed may be back under its name in the same turn.
            if (router.Inner.Config.Name == name && !router.Router.IsGone)
                return router;
        }

        // In the turn that adds it.
        return Synchronize(owner) ? Routers.Find(router => router.Inner.Config.Name == name) : null;
    }

    /// <summary>Takes note of routers and processes that came and went.</summary>
    /// <returns>Whether the process runs.</returns>
    public bool Synchronize(SimulationInvariants owner)
    {
        var engine = node.IsRunning ? node.Engine : null;
        if (engine != Engine)
        {
            // A process that ends when all its routers have left was told to.
            bool hasStopped = Engine is { IsStopping: true, RouterCount: 0 };
            Engine = engine;
            foreach (var router in Routers)
                Leave(owner, router, isGraceful: hasStopped);
            Routers.Clear();
            AccountedBefore = 0;
            ReceivedBefore = ReceivedInTurns = node.Platform.ReceivedCount;
            KernelVersion = -1;
        }

        if (engine is null)
            return false;
        var present = node.Routers;
        bool isSame = present.Count == Routers.Count;
        for (int i = 0; isSame && i < present.Count; i++)
            isSame = Routers[i].Router == present[i];
        if (isSame)
            return true;
        foreach (var router in Routers.ToArray())
        {
            if (present.Contains(router.Router))
                continue;
            AccountedBefore += router.Inner.Counters.AdvertisementsReceived + router.Inner.Counters.DroppedTotal;
            // Its addresses stay, and others may send from them now.
            if (router.Inner.Config.IsOwner)
                owner.BeginAnew();
            Leave(owner, router, isGraceful: true);
        }

        var known = Routers.ToArray();
        Routers.Clear();
        foreach (var router in present)
        {
            var watch = Array.Find(known, one => one.Router == router);
            if (watch is null)
            {
                watch = new(this, router, owner.Of(router), owner.Now);
                watch.VirtualRouter.Routers.Add(watch);
            }

            Routers.Add(watch);
        }

        KernelVersion = -1;
        return true;
    }

    private static void Leave(SimulationInvariants owner, RouterWatch router, bool isGraceful)
    {
        if (isGraceful && router.State == VrrpState.Master)
            owner.CheckFarewell(router);
        router.Leave(owner.Now);
        owner.CountTime(router);
    }
}
