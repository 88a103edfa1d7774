using System.Collections.Immutable;

namespace Vrrp.Simulation;

/// <summary>How a <see cref="Scenario"/> is run.</summary>
public sealed record ScenarioOptions
{
    /// <summary>What decides on all nodes. Default: <see cref="VrrpStateMachine.Instance"/>.</summary>
    public IVrrpStateMachine StateMachine { get; init; } = VrrpStateMachine.Instance;

    /// <summary>What the timeline tells. Default <see cref="SimulationEventKinds.Timeline"/>; a campaign wants none of it.</summary>
    public SimulationEventKinds Records { get; init; } = SimulationEventKinds.Timeline;

    /// <summary>Whether the run ends with the first violation. Default true: what follows is often its consequence.</summary>
    public bool EndAtViolation { get; init; } = true;

    /// <summary>What reads and writes packets on all nodes. Default: <see cref="Packets.VrrpFrameCodec"/>.</summary>
    public Packets.IFrameCodec Codec { get; init; } = new Packets.VrrpFrameCodec();

    /// <summary>What the address tables of all nodes are wrapped in; null: nothing.</summary>
    internal Func<Links.IAddressTable, Links.IAddressTable>? AddressTable { get; init; }

    /// <summary>Called with the LAN before anything happens on it, and with what checks it.</summary>
    internal Action<SimulatedLan, SimulationInvariants>? Prepare { get; init; }
}

/// <summary>A transition of a virtual router.</summary>
/// <param name="From">State before.</param>
/// <param name="To">State after.</param>
/// <param name="Reason">Why.</param>
public readonly record struct ScenarioTransition(VrrpState From, VrrpState To, TransitionReason Reason);

/// <summary>What happened in the run of a <see cref="Scenario"/>.</summary>
public sealed record ScenarioResult
{
    /// <summary>The scenario.</summary>
    public required Scenario Scenario { get; init; }

    /// <summary>What was violated, in the order it happened.</summary>
    public required ImmutableArray<InvariantViolation> Violations { get; init; }

    /// <summary>What happened, line by line; empty unless something was recorded.</summary>
    public required string Timeline { get; init; }

    /// <summary>Virtual time that virtual routers have lived, added up over all of them.</summary>
    public required TimeSpan RouterTime { get; init; }

    /// <summary>That part of <see cref="RouterTime"/> that lies before the last disturbance; zero when a violation ended the run before it.</summary>
    public required TimeSpan DisturbedRouterTime { get; init; }

    /// <summary>Advertisements sent.</summary>
    public required long Advertisements { get; init; }

    /// <summary>Packets read from sockets.</summary>
    public required long Packets { get; init; }

    /// <summary>How often a virtual router was found to have converged after a disturbance, within its bound.</summary>
    public required long Convergences { get; init; }

    /// <summary>Disturbances that had an effect, by kind. One that finds nothing to disturb, such as the crash of a process that does not run, has none.</summary>
    public required IReadOnlyDictionary<ScenarioDisturbanceKind, int> Disturbances { get; init; }

    /// <summary>Transitions, by kind.</summary>
    public required IReadOnlyDictionary<ScenarioTransition, int> Transitions { get; init; }
}
