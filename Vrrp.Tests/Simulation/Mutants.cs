using Vrrp.Links;
using Vrrp.Packets;
using Vrrp.Simulation;

namespace Vrrp.Tests.Simulation;

/// <summary>
/// Deliberately broken state machines, codecs, address tables and engines. The invariants must find each of them, or they are no
/// invariants.
/// </summary>
internal static class Mutants
{
    private static readonly Dictionary<string, (ScenarioOptions Options, SimulationInvariant[] Finds)> All = new()
    {
        ["ignores priority 0"] = (
            Machine((_, state, input, _, right) =>
                state.State == VrrpState.Backup && IsAdvertisement(input, 0) ? new(state, VrrpActions.None) : right),
            [SimulationInvariant.OneMaster]),
        ["never yields"] = (
            Machine((_, state, input, _, right) => IsAdvertisement(input) && state.State == VrrpState.Master && right.State.State == VrrpState.Backup
                ? new(state, VrrpActions.None) : right),
            [SimulationInvariant.MastersMeet, SimulationInvariant.OneMaster, SimulationInvariant.StalledMastersYield]),
        ["forgets the tie-break"] = (
            Machine((_, state, input, _, right) => IsAdvertisement(input, state.EffectivePriority.Value) && state.State == VrrpState.Master
                ? new(state, VrrpActions.None) : right),
            [SimulationInvariant.MastersMeet, SimulationInvariant.OneMaster]),
        ["does not preempt"] = (
            Machine((config, state, input, now, right) => state.State == VrrpState.Backup && IsAdvertisement(input)
                ? Right.Step(config with { Preempt = false, Priority = new(Math.Min(254, (int)config.Priority.Value)) }, state, input, now) : right),
            [SimulationInvariant.OneMaster]),
        ["the owner heeds Preempt_Mode"] = (
            Machine((config, state, input, now, right) => state.State == VrrpState.Backup && IsAdvertisement(input) && config is { IsOwner: true, Preempt: false }
                ? Right.Step(config with { Priority = new(254) }, state, input, now) : right),
            [SimulationInvariant.OneMaster]),
        ["learns no interval"] = (
            Machine((config, state, input, now, right) => IsAdvertisement(input)
                ? Right.Step(config, state, input with { Interval = config.AdvertisementInterval }, now) : right),
            [SimulationInvariant.OneMaster, SimulationInvariant.TakeoversJustified]),
        ["never announces what it installs nor installs"] = (
            Machine((_, _, _, _, right) => right.Actions == VrrpActions.BecomeMaster ? right with { Actions = VrrpActions.Advertise } : right),
            [SimulationInvariant.AddressesOnMaster]),
        ["keeps its addresses when it yields"] = (
            Machine((_, _, _, _, right) => right.Actions == VrrpActions.YieldToPeer ? right with { Actions = [VrrpAction.StopAnnouncing] } : right),
            [SimulationInvariant.AddressesOnMaster]),
        ["keeps its addresses when it leaves"] = (
            Machine((_, _, _, _, right) => right.Actions == VrrpActions.Leave ? right with { Actions = VrrpActions.BeginHandOver } : right),
            [SimulationInvariant.AddressesOnMaster, SimulationInvariant.CleanAfterCrash]),
        ["keeps announcing when it yields"] = (
            Machine((_, _, _, _, right) => right.Actions == VrrpActions.YieldToPeer ? right with { Actions = VrrpActions.Release } : right),
            [SimulationInvariant.AddressesOnMaster]),
        ["hands over for ever"] = (
            Machine((_, state, input, now, right) => state.IsHandingOver && input.Kind == VrrpEventKind.DeadlineReached
                ? new(state with { Deadline = now + TimeSpan.FromSeconds(1) }, VrrpActions.None) : right),
            [SimulationInvariant.AddressesOnMaster]),
        ["catches up after a stall"] = (
            Machine((config, state, input, _, right) => IsDue(state, input)
                ? right with { State = right.State with { Deadline = state.Deadline + config.AdvertisementInterval.Duration } } : right),
            [SimulationInvariant.AdvertisementsOnTime]),
        ["drifts by a thousandth"] = (
            Machine((config, state, input, _, right) => IsDue(state, input)
                ? right with { State = right.State with { Deadline = right.State.Deadline + (config.AdvertisementInterval.Duration / 1000) } } : right),
            [SimulationInvariant.AdvertisementsOnTime]),
        ["misses every hundredth advertisement"] = (
            Machine((_, state, input, _, right) => IsDue(state, input) && state.Deadline.Nanoseconds / 10_000_000 % 100 == 0
                ? right with { Actions = VrrpActions.None } : right),
            [SimulationInvariant.AdvertisementsOnTime]),
        ["advertises as Backup"] = (
            Machine((config, state, input, now, right) => state.State == VrrpState.Backup && input.Kind == VrrpEventKind.PriorityChanged
                ? right with { Actions = VrrpActions.Advertise } : right),
            [SimulationInvariant.OnlyMastersAdvertise]),
        ["says goodbye as Backup"] = (
            Machine((_, state, input, _, right) => state.State == VrrpState.Backup && input.Kind == VrrpEventKind.Shutdown
                ? right with { Actions = [VrrpAction.SendRelinquish] } : right),
            [SimulationInvariant.OnlyMastersAdvertise]),
        ["a member of a group goes alone"] = (
            Machine((config, state, input, now, right) => state.State == VrrpState.Backup && config.SyncGroup is not null && input.Kind == VrrpEventKind.DeadlineReached
                ? Right.Step(config with { SyncGroup = null }, state, input, now) : right),
            [SimulationInvariant.GroupsTogether]),
        ["stays in Fault"] = (
            Machine((_, state, input, _, right) => state.State == VrrpState.Fault && input is { Kind: VrrpEventKind.FaultsChanged, Faults: VrrpFaults.None }
                ? new(state with { Faults = VrrpFaults.None }, VrrpActions.None) : right),
            [SimulationInvariant.OneMaster]),
        ["never wakes up again"] = (
            Machine((_, _, input, _, right) => input.Kind == VrrpEventKind.PriorityChanged
                ? right with { State = right.State with { Deadline = Instant.Never } } : right),
            [SimulationInvariant.OneMaster, SimulationInvariant.AdvertisementsOnTime, SimulationInvariant.MastersMeet]),
        ["runs in a circle"] = (
            Machine((_, state, input, now, right) => state.State == VrrpState.Backup && IsAdvertisement(input, 0) ? new(state with { Deadline = now }, VrrpActions.None)
                : input.Kind == VrrpEventKind.DeadlineReached && state.State == VrrpState.Backup ? new(state, VrrpActions.None) : right),
            [SimulationInvariant.Rest, SimulationInvariant.OneMaster]),
        ["never announces"] = (
            Machine((_, _, _, _, right) => right.Actions == VrrpActions.BecomeMaster
                ? right with { Actions = [VrrpAction.InstallAddresses, VrrpAction.SendAdvertisement] } : right),
            [SimulationInvariant.TakeoversAnnounced]),
        ["never says goodbye"] = (
            Machine((_, _, _, _, right) => right.Actions == VrrpActions.Leave ? right with { Actions = VrrpActions.YieldToPeer }
                : right.Actions == VrrpActions.BeginHandOver ? right with { Actions = [VrrpAction.StopAnnouncing] } : right),
            [SimulationInvariant.LeaversSayGoodbye]),
        ["preempts although it may not"] = (
            Machine((config, state, input, now, right) => state.State == VrrpState.Backup && IsAdvertisement(input) && !config.Preempt
                ? Right.Step(config with { Preempt = true }, state, input, now) : right),
            [SimulationInvariant.TakeoversJustified]),
        ["ignores the preempt delay"] = (
            Machine((config, state, input, now, right) => state.State == VrrpState.Backup && IsAdvertisement(input)
                ? Right.Step(config with { PreemptDelay = TimeSpan.Zero }, state, input, now) : right),
            [SimulationInvariant.TakeoversJustified]),
        ["takes over from its equals"] = (
            Machine((config, state, input, now, right) => state.State == VrrpState.Backup && IsAdvertisement(input, state.EffectivePriority.Value)
                ? new(state, VrrpActions.None) : right),
            [SimulationInvariant.TakeoversJustified]),
        ["never answers a lower Master"] = (
            Machine((_, _, _, _, right) => right.Actions == VrrpActions.Reassert ? right with { Actions = VrrpActions.ReannounceOnly } : right),
            [SimulationInvariant.LowerMastersAnswered]),
        ["has no doubt after a stall"] = (
            Machine((_, state, input, _, right) => input.Kind == VrrpEventKind.Stalled ? new(state, VrrpActions.None) : right),
            [SimulationInvariant.StalledMastersYield]),
        ["ignores a changed priority"] = (
            Machine((_, state, input, _, right) => input.Kind == VrrpEventKind.PriorityChanged ? new(state, VrrpActions.None) : right),
            [SimulationInvariant.PriorityInForce, SimulationInvariant.OneMaster]),
        ["falls silent"] = (
            Machine((_, state, input, _, right) => IsDue(state, input) && state.Deadline.Nanoseconds / 10_000_000 % 100 == 0
                ? right with { State = right.State with { Deadline = Instant.Never } } : right),
            [SimulationInvariant.AdvertisementsOnTime]),
        ["installs none that is not advertised"] = (
            new() { AddressTable = table => new MutantTable(table) { InstallsExcluded = false } },
            [SimulationInvariant.AddressesOnMaster]),
        ["takes any hop limit"] = (
            new() { Codec = new MutantCodec(anyHopLimit: true) },
            [SimulationInvariant.PacketsAccounted]),
        ["counts a checksum as a length"] = (
            new() { Codec = new MutantCodec(anyHopLimit: false) },
            [SimulationInvariant.PacketsAccounted]),
        ["counts a packet twice"] = (
            Engine((node, invariants) =>
            {
                if (node.IsRunning && node.Counters.Dropped(PacketRejection.UnknownVirtualRouterId) == 1)
                    node.Counters.CountDropped(PacketRejection.UnknownVirtualRouterId);
            }),
            [SimulationInvariant.PacketsAccounted]),
        ["says that it removed an address"] = (
            new() { AddressTable = table => new MutantTable(table) { Removes = false } },
            [SimulationInvariant.AddressesOnMaster]),
        ["says that it installed an address"] = (
            new() { AddressTable = table => new MutantTable(table) { InstallsLate = true } },
            [SimulationInvariant.AddressesOnMaster]),
        ["removes what is another's"] = (
            new() { AddressTable = table => new MutantTable(table) { RemovesForeign = true } },
            [SimulationInvariant.CleanAfterCrash]),
        ["looks for nothing that was left behind"] = (
            Engine((node, _) =>
            {
                if (node.IsRunning)
                    node.Engine.RemovesLeftBehind = false;
            }),
            [SimulationInvariant.AddressesOnMaster, SimulationInvariant.CleanAfterCrash]),
    };

    private delegate Transition Mutation(VirtualRouterConfig config, MachineState state, VrrpEvent input, Instant now, Transition right);

    public static IEnumerable<string> Names => All.Keys;

    /// <summary>Two Masters of which one leaves before it has heard the other: too rare for random scenarios.</summary>
    public static ScenarioOptions NeverAnswersGoodbyes => Machine((_, state, input, _, right) =>
        state.State == VrrpState.Master && IsAdvertisement(input, 0) ? new(state, VrrpActions.None) : right);

    private static VrrpStateMachine Right => VrrpStateMachine.Instance;

    public static ScenarioOptions Options(string name) => All[name].Options with { Records = SimulationEventKinds.None };

    public static SimulationInvariant[] Finds(string name) => All[name].Finds;

    private static ScenarioOptions Machine(Mutation mutation) => new() { StateMachine = new MutantMachine(mutation) };

    private static ScenarioOptions Engine(Action<SimulatedNode, SimulationInvariants> afterTurn) =>
        new() { Prepare = (lan, invariants) => lan.TurnEnded += node => afterTurn(node, invariants) };

    private static bool IsAdvertisement(in VrrpEvent input, int? priority = null) =>
        input.Kind == VrrpEventKind.AdvertisementReceived && (priority is null ? input.Priority != Priority.Relinquish : input.Priority.Value == priority);

    private static bool IsDue(in MachineState state, in VrrpEvent input) =>
        state.State == VrrpState.Master && input.Kind == VrrpEventKind.DeadlineReached;

    private sealed class MutantMachine(Mutation mutation) : IVrrpStateMachine
    {
        public Transition Step(VirtualRouterConfig config, in MachineState state, in VrrpEvent input, Instant now) =>
            mutation(config, state, input, now, Right.Step(config, state, input, now));
    }

    private sealed class MutantCodec(bool anyHopLimit) : IFrameCodec
    {
        private readonly VrrpFrameCodec _right = new();

        public bool TryPeekVirtualRouterId(scoped in ReceivedPacket packet, out byte virtualRouterId) => _right.TryPeekVirtualRouterId(packet, out virtualRouterId);

        public PacketRejection Read(scoped in ReceivedPacket packet, IPFamily family, ReceptionRules? rules, out Advertisement advertisement)
        {
            var rejection = _right.Read(packet, family, rules, out advertisement);
            if (anyHopLimit && rejection == PacketRejection.HopLimit)
            {
                // Not through the ref struct of the caller, whose message would have to live as long.
                byte[] message = packet.Message.ToArray();
                return _right.Read(
                    new() { Source = packet.Source, Destination = packet.Destination, HopLimit = 255, Message = message }, family, rules, out advertisement);
            }

            return !anyHopLimit && rejection == PacketRejection.Checksum ? PacketRejection.LengthMismatch : rejection;
        }

        public int Write(in AdvertisementContent content, IPAddressValue source, IPAddressValue destination, Span<byte> buffer) =>
            _right.Write(content, source, destination, buffer);
    }

    private sealed class MutantTable(IAddressTable table) : IAddressTable
    {
        private AddressAssignment[] _owed = [];

        public bool Removes { get; init; } = true;

        public bool InstallsLate { get; init; }

        public bool RemovesForeign { get; init; }

        public bool InstallsExcluded { get; init; } = true;

        public bool Install(ReadOnlySpan<AddressAssignment> addresses, Span<AddressOutcome> outcomes)
        {
            if (!InstallsExcluded)
            {
                // The number that random scenarios give them.
                AddressAssignment[] advertised = [.. addresses.ToArray().Where(assignment => !assignment.Address.Address.ToString().EndsWith('9'))];
                outcomes[..addresses.Length].Fill(new(AddressStatus.Done, 0));
                return table.Install(advertised, new AddressOutcome[advertised.Length]);
            }

            if (!InstallsLate)
                return table.Install(addresses, outcomes);
            if (_owed.Length > 0)
                table.Install(_owed, new AddressOutcome[_owed.Length]);
            _owed = addresses.ToArray();
            outcomes[..addresses.Length].Fill(new(AddressStatus.Done, 0));
            return true;
        }

        public bool Remove(ReadOnlySpan<AddressAssignment> addresses, Span<AddressOutcome> outcomes)
        {
            if (RemovesForeign)
                return table.RemoveOwn(addresses, outcomes);
            if (Removes)
                return table.Remove(addresses, outcomes);
            outcomes[..addresses.Length].Fill(new(AddressStatus.Done, 0));
            return true;
        }

        public bool RemoveOwn(ReadOnlySpan<AddressAssignment> addresses, Span<AddressOutcome> outcomes) =>
            Removes ? table.RemoveOwn(addresses, outcomes) : Remove(addresses, outcomes);

        public void Dispose() => table.Dispose();
    }
}
