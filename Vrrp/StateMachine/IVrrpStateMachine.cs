using System.Collections.Immutable;

namespace Vrrp;

/// <summary>What one event leads to.</summary>
/// <param name="State">The next state.</param>
/// <param name="Actions">What is to be done, in this order: one of <see cref="VrrpActions"/>.</param>
/// <param name="Reason">Why, when <see cref="MachineState.State"/> changed.</param>
public readonly record struct Transition(
    MachineState State, ImmutableArray<VrrpAction> Actions, TransitionReason Reason = TransitionReason.None);

/// <summary>The protocol's decisions as one function: no clock, no socket, no memory of its own.</summary>
public interface IVrrpStateMachine
{
    /// <summary>Decides what an event leads to.</summary>
    /// <param name="config">What the operator set.</param>
    /// <param name="state">What the machine remembers.</param>
    /// <param name="input">The event.</param>
    /// <param name="now">When it happened.</param>
    /// <returns>The next state and what to do.</returns>
    Transition Step(VirtualRouterConfig config, in MachineState state, in VrrpEvent input, Instant now);
}
