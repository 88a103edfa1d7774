using System.Globalization;
using System.Text;
using Vrrp.Packets;

namespace Vrrp.Tests.Simulation.Exploration;

internal enum ChoiceKind : byte
{
    Tick,
    Deliver,
    DeliverCopy,
    Lose,
    Fire,
    Start,
    Stop,
    HandOver,
    Crash,
    Fault,
    Priority,
    Stall,
    LoseAddress,
}

/// <summary>One thing that can happen next.</summary>
/// <param name="Kind">What.</param>
/// <param name="Which">Number of the link, the router or the node.</param>
/// <param name="Code">Which packet, or which priority.</param>
internal readonly record struct Choice(ChoiceKind Kind, int Which = 0, int Code = 0);

/// <summary>Something happened that must never happen.</summary>
internal sealed class SafetyException(string message) : Exception(message);

/// <summary>
/// Routers around the real state machine, the packets between them and the addresses they hold, as far as the protocol sees them.
/// What the engine does around the machine is done here in as few words: actions in order, the rules of sync groups, a start that ends
/// a hand-over and removes addresses left by a kill.
/// </summary>
internal sealed class World
{
    private const int MaxPriorityBits = 3;
    private static readonly Instant Origin = new(1_000_000_000_000);

    private readonly Scenario _scenario;
    private readonly IVrrpStateMachine _machine;
    private readonly (int From, int To)[] _links;
    private readonly byte[] _priorities;
    private readonly AdvertisementInterval[] _intervals;
    private readonly IPAddressValue[] _addresses;
    private readonly ReceptionRules[] _rules;
    private readonly SyncMember[] _facts;
    private readonly int _deadlineBits;
    private readonly int _holdBits;
    private readonly int _intervalBits;
    private readonly int _margin;

    private readonly Presence[] _presence;
    private readonly MachineState[] _states;
    private readonly bool[] _holds;
    private readonly byte[] _packets;
    private Instant _now = Origin;
    private bool _isGroupDirty;
    private bool _hasYielded;
    private int _depth;
    private StringBuilder? _log;

    public World(Scenario scenario, IVrrpStateMachine machine)
    {
        _scenario = scenario;
        _machine = machine;
        int count = scenario.Routers.Length;
        _presence = new Presence[count];
        _states = new MachineState[count];
        _holds = new bool[count];
        _addresses = [.. Enumerable.Range(1, count).Select(host => IPAddressValue.FromIPv4(0x0A00_0000 + (uint)host))];
        _rules = [.. scenario.Routers.Select(router => new ReceptionRules
        {
            Version = router.Version,
            Family = router.Family,
            AdvertisementInterval = router.AdvertisementInterval,
            IsOwner = router.IsOwner,
            IgnoreWhenOwner = router.OwnerIgnoresAdvertisements,
        })];
        _facts = new SyncMember[scenario.RoutersPerNode];
        _links =
        [
            .. from sender in Enumerable.Range(0, count)
               from receiver in Enumerable.Range(0, count)
               where sender != receiver && sender % scenario.RoutersPerNode == receiver % scenario.RoutersPerNode
               select (sender, receiver),
        ];
        _packets = new byte[_links.Length * scenario.PacketsPerLink];
        // Code 0 is no packet, code 1 priority 0.
        _priorities = [0, 0, .. scenario.Routers.Select(router => router.Priority.Value).Concat(scenario.Priorities.Select(value => (byte)value)).Distinct().Order()];
        _intervals = [.. scenario.Routers.Select(router => router.AdvertisementInterval).Distinct().Order()];
        _intervalBits = Width(_intervals.Length - 1);
        int hold = scenario.Routers.Max(router => scenario.Ticks(router.PreemptDelay.Ticks * 100));
        _holdBits = hold == 0 ? 0 : Width(hold + 1);
        // A raised priority moves a deadline into the past by less than an interval; a late timer is in the past as well.
        _margin = scenario.Lateness + scenario.Ticks(scenario.Routers.Max(router => Scenario.Nanoseconds(router.AdvertisementInterval)));
        _deadlineBits = Width(_margin + Math.Max(scenario.LongestDownTicks, scenario.Ticks(4_000_000_000)) + 1);
    }

    private enum Presence : byte
    {
        Stopped,
        Running,
        Killed,
    }

    public int Masters => CountMasters(0);

    /// <summary>Changes of state since the world was loaded.</summary>
    public int Moves { get; private set; }

    private int Count => _states.Length;

    private int None => (1 << _deadlineBits) - 1;

    /// <summary>Becomes the same as another world of the same scenario.</summary>
    public void Load(World other)
    {
        _now = other._now;
        (_isGroupDirty, _hasYielded, _depth, Moves) = (false, false, 0, 0);
        other._presence.CopyTo(_presence, 0);
        other._states.CopyTo(_states, 0);
        other._holds.CopyTo(_holds, 0);
        other._packets.CopyTo(_packets, 0);
    }

    /// <summary>Becomes what <see cref="Save"/> gave.</summary>
    public void Load(UInt128 state)
    {
        var reader = new BitReader(state);
        _now = Origin;
        (_isGroupDirty, _hasYielded, _depth, Moves) = (false, false, 0, 0);
        for (int i = 0; i < Count; i++)
        {
            _presence[i] = (Presence)reader.Read(2);
            _holds[i] = reader.ReadFlag();
            _states[i] = default;
            if (_presence[i] != Presence.Running)
                continue;
            _states[i] = new MachineState
            {
                State = (VrrpState)reader.Read(2),
                Deadline = FromTicks(reader.Read(_deadlineBits), _margin, None),
                EffectivePriority = new(_priorities[reader.Read(MaxPriorityBits)]),
                MasterAdverInterval = _intervals[reader.Read(_intervalBits)],
                PreemptHoldUntil = _holdBits == 0 ? Instant.Never : FromTicks(reader.Read(_holdBits), 0, (1 << _holdBits) - 1),
                Faults = (reader.ReadFlag() ? VrrpFaults.Declared : VrrpFaults.None) | (reader.ReadFlag() ? VrrpFaults.SyncGroup : VrrpFaults.None),
                WantsMaster = reader.ReadFlag(),
                IsHandingOver = reader.ReadFlag(),
                IsSuspect = reader.ReadFlag(),
            };
        }

        for (int i = 0; i < _packets.Length; i++)
            _packets[i] = (byte)reader.Read(MaxPriorityBits);
    }

    /// <summary>
    /// All that decides what can happen from here on, times relative to now. What the machine remembers for reports only is left out: the
    /// other router's address and priority, and the reason a takeover would give.
    /// </summary>
    public UInt128 Save()
    {
        var writer = new BitWriter();
        for (int i = 0; i < Count; i++)
        {
            writer.Write((int)_presence[i], 2);
            writer.Write(_holds[i]);
            if (_presence[i] != Presence.Running)
                continue;
            ref readonly var state = ref _states[i];
            // A priority that changes moves a timer: between two ticks it could not be rounded before.
            if (state.State == VrrpState.Backup && _scenario.Priorities.Length > 0 && !IsWholeTick(state.Deadline))
                throw new InvalidOperationException($"{NameOf(i)}'s timer is between two ticks.");
            writer.Write((int)state.State, 2);
            writer.Write(ToTicks(state.Deadline, _margin, None), _deadlineBits);
            writer.Write(Array.IndexOf(_priorities, state.EffectivePriority.Value, 1), MaxPriorityBits);
            writer.Write(Array.IndexOf(_intervals, state.MasterAdverInterval), _intervalBits);
            // A hold that has ended has ended.
            if (_holdBits > 0)
                writer.Write(Math.Max(0, ToTicks(state.PreemptHoldUntil, 0, (1 << _holdBits) - 1)), _holdBits);
            else if (!state.PreemptHoldUntil.IsNever)
                throw new InvalidOperationException("A hold without a preempt delay.");
            writer.Write(state.Faults.HasFlag(VrrpFaults.Declared));
            writer.Write(state.Faults.HasFlag(VrrpFaults.SyncGroup));
            writer.Write(state.WantsMaster);
            writer.Write(state.IsHandingOver);
            writer.Write(state.IsSuspect);
        }

        foreach (byte packet in _packets)
            writer.Write(packet, MaxPriorityBits);
        return writer.Bits;
    }

    /// <summary>All that can happen next.</summary>
    public void Enumerate(List<Choice> choices)
    {
        choices.Clear();
        for (int link = 0; link < _links.Length; link++)
        {
            bool canReceive = _presence[_links[link].To] == Presence.Running;
            byte last = 0;
            foreach (byte packet in Packets(link))
            {
                if (packet == last)
                    continue;
                last = packet;
                if (canReceive)
                    choices.Add(new(ChoiceKind.Deliver, link, packet));
                if (canReceive && _scenario.Duplicates)
                    choices.Add(new(ChoiceKind.DeliverCopy, link, packet));
                if (!canReceive || _scenario.Losses)
                    choices.Add(new(ChoiceKind.Lose, link, packet));
            }
        }

        bool canWait = true;
        for (int router = 0; router < Count; router++)
        {
            if (_presence[router] != Presence.Running)
                continue;
            ref readonly var state = ref _states[router];
            if (state.Deadline <= _now)
                choices.Add(new(ChoiceKind.Fire, router));
            canWait &= state.Deadline.IsNever || ToTicks(state.Deadline, 0, 0) > -_scenario.Lateness;
            if (_scenario.Faults)
                choices.Add(new(ChoiceKind.Fault, router));
            if (_scenario.Stalls && state is { State: VrrpState.Master, IsSuspect: false })
                choices.Add(new(ChoiceKind.Stall, router));
            if (_scenario.AddressLosses && state.State == VrrpState.Master)
                choices.Add(new(ChoiceKind.LoseAddress, router));
            if (_scenario.Routers[router].IsOwner || state.IsHandingOver)
                continue;
            foreach (int priority in _scenario.Priorities)
            {
                if (priority != state.EffectivePriority.Value)
                    choices.Add(new(ChoiceKind.Priority, router, priority));
            }
        }

        for (int node = 0; node < _scenario.Nodes; node++)
        {
            bool isAway = true;
            bool isRunning = false;
            bool isLeaving = false;
            foreach (int router in Members(node))
            {
                isRunning |= _presence[router] == Presence.Running;
                isAway &= _presence[router] != Presence.Running || _states[router].IsHandingOver;
                isLeaving |= _states[router].IsHandingOver;
            }

            if (isAway)
                choices.Add(new(ChoiceKind.Start, node));
            if (!isRunning)
                continue;
            if (_scenario.Crashes)
                choices.Add(new(ChoiceKind.Crash, node));
            if (_scenario.Stops)
                choices.Add(new(ChoiceKind.Stop, node));
            if (_scenario.HandOvers && !isLeaving)
                choices.Add(new(ChoiceKind.HandOver, node));
        }

        if (canWait)
            choices.Add(new(ChoiceKind.Tick));
    }

    /// <summary>Lets it happen.</summary>
    /// <exception cref="SafetyException">What must never happen has happened.</exception>
    public void Apply(Choice choice)
    {
        Perform(choice);
        Check();
    }

    private void Perform(Choice choice)
    {
        switch (choice.Kind)
        {
            case ChoiceKind.Tick:
                _now = _now.AddNanoseconds(_scenario.TickNanoseconds);
                break;
            case ChoiceKind.Deliver:
                Take(choice.Which, (byte)choice.Code);
                Deliver(choice.Which, (byte)choice.Code);
                break;
            case ChoiceKind.DeliverCopy:
                Deliver(choice.Which, (byte)choice.Code);
                break;
            case ChoiceKind.Lose:
                Take(choice.Which, (byte)choice.Code);
                break;
            case ChoiceKind.Fire:
                Dispatch(choice.Which, VrrpEvent.DeadlineReached);
                break;
            case ChoiceKind.Start:
                Start(choice.Which);
                break;
            case ChoiceKind.Stop:
            case ChoiceKind.HandOver:
                foreach (int router in Members(choice.Which))
                {
                    if (_presence[router] == Presence.Running)
                        Dispatch(router, VrrpEvent.Shutdown(handOver: choice.Kind == ChoiceKind.HandOver));
                }

                ApplyGroup(choice.Which);
                break;
            case ChoiceKind.Crash:
                foreach (int router in Members(choice.Which))
                {
                    _presence[router] = Presence.Killed;
                    _states[router] = default;
                }

                break;
            case ChoiceKind.Fault:
                // The group decides about its own fault afterwards.
                Dispatch(choice.Which, VrrpEvent.FaultsChanged(_states[choice.Which].Faults ^ VrrpFaults.Declared));
                break;
            case ChoiceKind.Priority:
                Dispatch(choice.Which, VrrpEvent.PriorityChanged(new(choice.Code)));
                break;
            case ChoiceKind.Stall:
                Dispatch(choice.Which, VrrpEvent.Stalled);
                break;
            case ChoiceKind.LoseAddress:
                _holds[choice.Which] = false;
                Dispatch(choice.Which, VrrpEvent.AddressLost);
                break;
        }
    }

    /// <summary>What holds at every instant.</summary>
    private void Check()
    {
        for (int i = 0; i < Count; i++)
        {
            if (_presence[i] != Presence.Running)
            {
                if (_presence[i] == Presence.Stopped)
                    Require(!_holds[i], i, "is stopped and holds addresses");
                continue;
            }

            ref readonly var state = ref _states[i];
            var config = _scenario.Routers[i];
            bool isMaster = state.State == VrrpState.Master;
            long ahead = state.Deadline.IsNever ? long.MaxValue : state.Deadline.Nanoseconds - _now.Nanoseconds;
            Require(_holds[i] || !(isMaster || state.IsHandingOver), i, "is Master or hands over and lacks addresses");
            Require(!_holds[i] || isMaster || state.IsHandingOver, i, "is not Master and holds addresses");
            Require(!state.IsHandingOver || state.State == VrrpState.Initialize, i, "hands over although it takes part");
            Require(!state.IsSuspect || isMaster, i, "suspects itself although it is not Master");
            Require(!state.WantsMaster || (state.State == VrrpState.Backup && config.SyncGroup is not null), i, "waits for a group");
            Require(state.Faults == VrrpFaults.None || state.State is VrrpState.Fault, i, "takes part with a fault");
            Require(state.Faults != VrrpFaults.None || state.State is not VrrpState.Fault, i, "is in Fault without one");
            switch (state.State)
            {
                case VrrpState.Master:
                    Require(ahead <= Scenario.Nanoseconds(config.AdvertisementInterval), i, "advertises too late");
                    break;
                case VrrpState.Backup when state.WantsMaster:
                    Require(state.Deadline.IsNever, i, "waits for its group and for a timer");
                    break;
                case VrrpState.Backup:
                    var learned = config.Version == VrrpVersion.V3 ? state.MasterAdverInterval : config.AdvertisementInterval;
                    Require(
                        ToTicks(state.Deadline, 0, int.MaxValue) <= _scenario.DownTicks(config, state.EffectivePriority, learned), i,
                        "waits longer than the master-down interval");
                    break;
                case VrrpState.Initialize when state.IsHandingOver:
                    Require(ahead <= 4_000_000_000, i, "hands over without an end");
                    break;
                case VrrpState.Initialize:
                    Require(false, i, "runs and takes no part");
                    break;
                default:
                    Require(state.Deadline.IsNever, i, "has a timer");
                    break;
            }
        }

        if (_scenario.RoutersPerNode == 1)
            return;
        for (int node = 0; node < _scenario.Nodes; node++)
        {
            int masters = 0;
            int members = 0;
            foreach (int router in Members(node))
            {
                members += IsMember(router) ? 1 : 0;
                masters += IsMember(router) && _states[router].State == VrrpState.Master ? 1 : 0;
            }

            Require(masters == 0 || masters == members, node * _scenario.RoutersPerNode, "is in a divided group");
        }
    }

    /// <summary>
    /// Whether the election is over: among those that take part exactly one Master, and nobody who may preempt it ranks higher. A Backup
    /// preempts neither an equal priority nor, without preempt, anybody.
    /// </summary>
    public bool IsElected(out string complaint)
    {
        for (int lan = 0; lan < _scenario.RoutersPerNode; lan++)
        {
            int master = -1;
            int backups = 0;
            for (int i = lan; i < Count; i += _scenario.RoutersPerNode)
            {
                if (_presence[i] != Presence.Running)
                    continue;
                backups += _states[i].State == VrrpState.Backup ? 1 : 0;
                if (_states[i].State != VrrpState.Master)
                    continue;
                if (master >= 0)
                {
                    complaint = $"{NameOf(master)} and {NameOf(i)} are both Master";
                    return false;
                }

                master = i;
            }

            if (master < 0 && backups > 0)
            {
                complaint = "there is no Master";
                return false;
            }

            for (int i = lan; i < Count && master >= 0; i += _scenario.RoutersPerNode)
            {
                if (_presence[i] == Presence.Running && _states[i].State == VrrpState.Backup && _scenario.Routers[i].Preempt
                    && _states[i].EffectivePriority > _states[master].EffectivePriority)
                {
                    complaint = $"{NameOf(i)} ranks higher than {NameOf(master)} and stays Backup";
                    return false;
                }
            }
        }

        complaint = "";
        return true;
    }

    /// <summary>Nothing more goes wrong for a moment: every packet arrives, every timer that is due fires.</summary>
    /// <exception cref="SafetyException">It has no end.</exception>
    public void Settle()
    {
        for (int steps = 0; steps < 1000; steps++)
        {
            if (NextUndisturbed() is not { } choice)
                return;
            Apply(choice);
        }

        throw new SafetyException("Packets and timers at one instant have no end.");
    }

    /// <summary>Time goes to the next timer.</summary>
    /// <returns>Ticks that passed; 0 when no timer runs.</returns>
    public int AdvanceToDeadline()
    {
        var next = Instant.Never;
        for (int i = 0; i < Count; i++)
        {
            if (_presence[i] == Presence.Running)
                next = Instant.Min(next, _states[i].Deadline);
        }

        if (next.IsNever)
            return 0;
        int ticks = ToTicks(next, 0, 0);
        _now = _now.AddNanoseconds(ticks * _scenario.TickNanoseconds);
        return ticks;
    }

    /// <summary>Packets in order, then timers in order.</summary>
    public Choice? NextUndisturbed()
    {
        for (int link = 0; link < _links.Length; link++)
        {
            byte packet = Packets(link)[0];
            if (packet != 0)
                return new(_presence[_links[link].To] == Presence.Running ? ChoiceKind.Deliver : ChoiceKind.Lose, link, packet);
        }

        for (int i = 0; i < Count; i++)
        {
            if (_presence[i] == Presence.Running && _states[i].Deadline <= _now)
                return new(ChoiceKind.Fire, i);
        }

        return null;
    }

    /// <summary>Lets it happen and says what it was and what came of it.</summary>
    public string Tell(Choice choice)
    {
        _log = new StringBuilder();
        string what = choice.Kind switch
        {
            ChoiceKind.Tick => "a tick passes",
            ChoiceKind.Deliver => $"{LinkName(choice.Which)} delivers priority {_priorities[choice.Code]}",
            ChoiceKind.DeliverCopy => $"{LinkName(choice.Which)} delivers a copy of priority {_priorities[choice.Code]}",
            ChoiceKind.Lose => $"{LinkName(choice.Which)} loses priority {_priorities[choice.Code]}",
            ChoiceKind.Fire => $"{NameOf(choice.Which)}'s timer fires",
            ChoiceKind.Start => $"{NodeName(choice.Which)} starts",
            ChoiceKind.Stop => $"{NodeName(choice.Which)} stops",
            ChoiceKind.HandOver => $"{NodeName(choice.Which)} stops and hands over",
            ChoiceKind.Crash => $"{NodeName(choice.Which)} is killed",
            ChoiceKind.Fault => $"{NameOf(choice.Which)}'s fault {(_states[choice.Which].Faults.HasFlag(VrrpFaults.Declared) ? "ends" : "begins")}",
            ChoiceKind.Priority => $"{NameOf(choice.Which)}'s priority becomes {choice.Code}",
            ChoiceKind.Stall => $"{NameOf(choice.Which)} finds that it was stalled",
            _ => $"{NameOf(choice.Which)} loses its addresses",
        };
        try
        {
            Apply(choice);
            return $"{what}{_log}";
        }
        catch (SafetyException exception)
        {
            throw new SafetyException($"{what}{_log}{Environment.NewLine}=> {exception.Message}");
        }
        finally
        {
            _log = null;
        }
    }

    public override string ToString()
    {
        var text = new StringBuilder();
        for (int i = 0; i < Count; i++)
        {
            ref readonly var state = ref _states[i];
            text.Append(CultureInfo.InvariantCulture, $"{(i == 0 ? "" : "; ")}{NameOf(i)} ");
            if (_presence[i] == Presence.Running)
            {
                text.Append(CultureInfo.InvariantCulture, $"{state.State} {state.EffectivePriority}");
                if (!state.Deadline.IsNever)
                    text.Append(CultureInfo.InvariantCulture, $" timer {ToTicks(state.Deadline, 0, 0)}");
                if (_intervals.Length > 1)
                    text.Append(CultureInfo.InvariantCulture, $" every {state.MasterAdverInterval}");
                if (!state.PreemptHoldUntil.IsNever)
                    text.Append(CultureInfo.InvariantCulture, $" holds back {ToTicks(state.PreemptHoldUntil, 0, 0)}");
                text.Append(state.IsHandingOver ? " handing over" : "").Append(state.WantsMaster ? " waiting for the group" : "")
                    .Append(state.IsSuspect ? " suspect" : "");
            }
            else
            {
                text.Append(_presence[i]);
            }

            text.Append(_holds[i] ? " +addresses" : "");
        }

        for (int link = 0; link < _links.Length; link++)
        {
            foreach (byte packet in Packets(link))
            {
                if (packet != 0)
                    text.Append(CultureInfo.InvariantCulture, $"; {LinkName(link)} {_priorities[packet]}");
            }
        }

        return text.ToString();
    }

    private int CountMasters(int lan)
    {
        int masters = 0;
        for (int i = lan; i < Count; i += _scenario.RoutersPerNode)
            masters += _presence[i] == Presence.Running && _states[i].State == VrrpState.Master ? 1 : 0;
        return masters;
    }

    private void Start(int node)
    {
        foreach (int router in Members(node))
        {
            // One that comes back while it still answers for the successor lets go first.
            if (_presence[router] == Presence.Running)
                Dispatch(router, VrrpEvent.Shutdown());
        }

        foreach (int router in Members(node))
        {
            _presence[router] = Presence.Running;
            _states[router] = MachineState.Initial(_scenario.Routers[router]);
            // What a killed process left on the host.
            _holds[router] = false;
            Dispatch(router, VrrpEvent.Startup);
        }
    }

    private void Deliver(int link, byte code)
    {
        var (from, to) = _links[link];
        var before = _states[to];
        // Not for an owner that leaves: it listens to its successor.
        if (_rules[to].DropsAsOwner && !before.IsHandingOver)
            return;
        var priority = new Priority(_priorities[code]);
        Dispatch(to, VrrpEvent.Advertisement(priority, _scenario.Routers[from].AdvertisementInterval, _addresses[from], _addresses[to]));
        if (priority == Priority.Relinquish)
        {
            Require(before.State != VrrpState.Master || _states[to].State == VrrpState.Master, to, "yielded to a router that leaves");
            return;
        }

        bool isHigher = priority > before.EffectivePriority || (priority == before.EffectivePriority && _addresses[from] > _addresses[to]);
        Require(before.State != VrrpState.Master || !isHigher || _states[to].State == VrrpState.Backup, to, "heard a better Master and stays");
        Require(
            before.State != VrrpState.Master || isHigher || before.IsSuspect || _states[to].State == VrrpState.Master, to, "yielded to a lower Master");
    }

    private void Dispatch(int router, in VrrpEvent input)
    {
        var before = _states[router];
        var transition = _machine.Step(_scenario.Routers[router], before, input, _now);
        _states[router] = transition.State;
        _log?.Append(CultureInfo.InvariantCulture, $"; {NameOf(router)} {before.State} → {transition.State.State}")
            .Append(transition.Actions.Length == 0 ? "" : $" ({string.Join(", ", transition.Actions)})");
        foreach (var action in transition.Actions)
            Execute(router, before, action);
        bool hasMoved = before.State != transition.State.State;
        Moves += hasMoved ? 1 : 0;
        Require(
            !hasMoved || transition.State.State != VrrpState.Master || input.Kind is VrrpEventKind.GroupBecomesMaster
                || (input.Kind == VrrpEventKind.DeadlineReached && before.Deadline <= _now)
                || (input.Kind is VrrpEventKind.Startup or VrrpEventKind.FaultsChanged && _scenario.Routers[router].IsOwner),
            router,
            $"became Master on {input.Kind}");
        if (_scenario.RoutersPerNode > 1
            && (hasMoved || before.WantsMaster != transition.State.WantsMaster || before.Faults != transition.State.Faults))
        {
            _hasYielded |= before.State == VrrpState.Master && transition.State.State == VrrpState.Backup;
            _isGroupDirty = true;
        }

        if (_depth > 0)
            return;
        ApplyGroup(router / _scenario.RoutersPerNode);
        if (input.Kind == VrrpEventKind.Shutdown || before.IsHandingOver)
            CompleteRemoval(router);
    }

    private void Execute(int router, in MachineState before, VrrpAction action)
    {
        ref readonly var state = ref _states[router];
        switch (action)
        {
            case VrrpAction.InstallAddresses:
                _holds[router] = true;
                break;
            case VrrpAction.RemoveAddresses:
                _holds[router] = false;
                break;
            case VrrpAction.SendAdvertisement:
                bool isLast = _scenario.Routers[router].AdvertiseBeforeYield && before.State == VrrpState.Master && state.State == VrrpState.Backup;
                Require(isLast || state.State == VrrpState.Master, router, "advertises although it is not Master");
                Require(_holds[router], router, "advertises before it has the addresses");
                Send(router, (byte)Array.IndexOf(_priorities, state.EffectivePriority.Value, 1));
                break;
            case VrrpAction.SendRelinquish:
                Require(before.State == VrrpState.Master && state.State != VrrpState.Master, router, "says farewell without leaving Master");
                Send(router, 1);
                break;
            case VrrpAction.AnnounceAddresses:
            case VrrpAction.ReannounceAddresses:
                Require(_holds[router] && state.State == VrrpState.Master, router, "announces addresses it does not hold");
                break;
        }
    }

    /// <summary>The engine's loop around <see cref="SyncGroupRules"/>.</summary>
    private void ApplyGroup(int node)
    {
        if (!_isGroupDirty)
            return;
        _depth++;
        while (_isGroupDirty)
        {
            _isGroupDirty = false;
            bool hasYielded = _hasYielded;
            _hasYielded = false;
            bool isFaulty = SyncGroupRules.IsFaulty(ReadFacts(node));
            foreach (int router in Members(node))
            {
                if (!IsMember(router))
                    continue;
                var own = _states[router].Faults & VrrpFaults.Declared;
                var faults = isFaulty && own == VrrpFaults.None ? VrrpFaults.SyncGroup : own;
                if (faults != _states[router].Faults)
                    Dispatch(router, VrrpEvent.FaultsChanged(faults));
            }

            if (isFaulty)
                continue;
            var (from, input) = SyncGroupRules.Decide(ReadFacts(node), hasYielded) switch
            {
                SyncVerdict.BecomeMaster => (VrrpState.Backup, VrrpEvent.GroupBecomesMaster),
                SyncVerdict.BecomeBackup => (VrrpState.Master, VrrpEvent.GroupBecomesBackup),
                _ => (VrrpState.Initialize, VrrpEvent.Startup),
            };
            foreach (int router in Members(node))
            {
                if (from != VrrpState.Initialize && IsMember(router) && _states[router].State == from)
                    Dispatch(router, input);
            }
        }

        _depth--;
    }

    private ReadOnlySpan<SyncMember> ReadFacts(int node)
    {
        int count = 0;
        foreach (int router in Members(node))
        {
            if (IsMember(router))
            {
                var state = _states[router];
                _facts[count++] = new(state.State, state.WantsMaster, (state.Faults & ~VrrpFaults.SyncGroup) != VrrpFaults.None);
            }
        }

        return _facts.AsSpan(0, count);
    }

    private void CompleteRemoval(int router)
    {
        if (_states[router] is not { State: VrrpState.Initialize, IsHandingOver: false })
            return;
        _presence[router] = Presence.Stopped;
        _states[router] = default;
        // The others are told when the whole node has been.
        _isGroupDirty = _scenario.RoutersPerNode > 1;
    }

    /// <summary>One that hands over is no member any more.</summary>
    private bool IsMember(int router) => _presence[router] == Presence.Running && !_states[router].IsHandingOver;

    private MemberRange Members(int node) => new(node * _scenario.RoutersPerNode, _scenario.RoutersPerNode);

    private void Send(int router, byte code)
    {
        for (int link = 0; link < _links.Length; link++)
        {
            if (_links[link].From == router)
                Put(link, code);
        }
    }

    private Span<byte> Packets(int link) => _packets.AsSpan(link * _scenario.PacketsPerLink, _scenario.PacketsPerLink);

    // Highest first, so that the same packets are the same state.
    private void Put(int link, byte code)
    {
        var packets = Packets(link);
        int free = packets.IndexOf((byte)0);
        if (free < 0)
            return;
        for (; free > 0 && packets[free - 1] < code; free--)
            packets[free] = packets[free - 1];
        packets[free] = code;
    }

    private void Take(int link, byte code)
    {
        var packets = Packets(link);
        int at = packets.IndexOf(code);
        packets[(at + 1)..].CopyTo(packets[at..]);
        packets[^1] = 0;
    }

    private Instant FromTicks(int ticks, int margin, int none) =>
        ticks == none ? Instant.Never : Origin.AddNanoseconds((ticks - margin) * _scenario.TickNanoseconds);

    private int ToTicks(Instant instant, int margin, int none)
    {
        if (instant.IsNever)
            return none;
        long ahead = instant.Nanoseconds - _now.Nanoseconds;
        long ticks = ahead / _scenario.TickNanoseconds;
        if (ahead > ticks * _scenario.TickNanoseconds)
            ticks++;
        return (int)ticks + margin;
    }

    private bool IsWholeTick(Instant instant) =>
        instant.IsNever || (instant.Nanoseconds - _now.Nanoseconds) % _scenario.TickNanoseconds == 0;

    private void Require(bool condition, int router, string what)
    {
        if (!condition)
            throw new SafetyException($"{NameOf(router)} {what}.");
    }

    private string NameOf(int router) =>
        NodeName(router / _scenario.RoutersPerNode)
        + (_scenario.RoutersPerNode == 1 ? "" : ((router % _scenario.RoutersPerNode) + 1).ToString(CultureInfo.InvariantCulture));

    private static string NodeName(int node) => ((char)('A' + node)).ToString();

    private string LinkName(int link) => $"{NameOf(_links[link].From)}→{NameOf(_links[link].To)}";

    private static int Width(int largest) => largest == 0 ? 0 : 32 - int.LeadingZeroCount(largest);
}

/// <summary>The numbers of a node's routers; enumerating it allocates nothing.</summary>
internal readonly record struct MemberRange(int First, int Count)
{
    public Enumerator GetEnumerator() => new(First - 1, First + Count);

    internal record struct Enumerator(int Current, int End)
    {
        public bool MoveNext() => ++Current < End;
    }
}
