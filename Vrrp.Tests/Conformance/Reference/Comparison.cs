using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace Vrrp.Tests.Conformance.Reference;

/// <summary>The machine and the reference side by side: the same inputs, and what differs afterwards.</summary>
internal sealed class Comparison
{
    private readonly IVrrpStateMachine _machine;
    private readonly FieldRouter? _field;
    private readonly RfcRouter _reference;
    private readonly byte[] _address;
    private readonly IPAddressValue _ownAddress;
    private readonly List<RfcOutput> _outputs = [];
    private readonly bool _isOwnerDeaf;
    private VirtualRouterConfig _config;
    private MachineState _state;
    private long _now = 1_000_000_000_000;

    /// <param name="machine">The machine.</param>
    /// <param name="random">Chooses the configuration.</param>
    /// <param name="isPlain">The RFC's table alone, without the second layer.</param>
    public Comparison(IVrrpStateMachine machine, Random random, bool isPlain)
    {
        _machine = machine;
        var version = random.Next(2) == 0 ? RfcVersion.Rfc3768 : RfcVersion.Rfc9568;
        _address = new byte[version == RfcVersion.Rfc9568 && random.Next(2) == 0 ? 16 : 4];
        random.NextBytes(_address);
        // Neighbours one lower and one higher exist.
        _address[^1] = (byte)random.Next(1, 255);
        _ownAddress = IPAddressValue.Read(_address);
        var parameters = new RfcParameters(
            version,
            random.Next(6) == 0 ? 255 : random.Next(3) == 0 ? random.Next(2) == 0 ? 1 : 254 : random.Next(1, 255),
            Legal(version, RandomInput.AnyInterval(random)),
            Preempt: random.Next(3) > 0,
            OwnerListens: random.Next(2) == 0,
            RfcRouter.AddressNumber(_address));
        var layer = isPlain
            ? new FieldParameters(3, 0, AnswerLower: version == RfcVersion.Rfc9568, AdvertiseBeforeYield: false, IsInGroup: false)
            : new FieldParameters(
                random.Next(2) == 0 ? 3 : random.Next(1, 101),
                random.Next(2) == 0 ? 0 : random.NextInt64(1L << random.Next(8, 38)) * 100,
                AnswerLower: random.Next(2) == 0,
                AdvertiseBeforeYield: random.Next(2) == 0,
                IsInGroup: random.Next(3) == 0);
        _field = isPlain ? null : new(parameters, layer);
        _reference = _field ?? new RfcRouter(parameters);
        // VR-134: the check of §7.1 that keeps the machine from hearing anything.
        _isOwnerDeaf = parameters.Priority == 255 && (version == RfcVersion.Rfc3768 || !parameters.OwnerListens);
        _config = new()
        {
            Name = "test",
            Interface = "eth0",
            VirtualRouterId = new(51),
            Version = version == RfcVersion.Rfc3768 ? VrrpVersion.V2 : VrrpVersion.V3,
            Family = _address.Length == 4 ? IPFamily.IPv4 : IPFamily.IPv6,
            Priority = new(parameters.Priority),
            AdvertisementInterval = AdvertisementInterval.FromCentiseconds(parameters.Interval),
            Preempt = parameters.Preempt,
            PreemptDelay = TimeSpan.FromTicks(layer.PreemptDelay / 100),
            DownTimerAdverts = layer.AdvertisementsToMiss,
            AnswerLowerPriority = layer.AnswerLower,
            AdvertiseBeforeYield = layer.AdvertiseBeforeYield,
            SyncGroup = layer.IsInGroup ? "group" : null,
        };
        _state = MachineState.Initial(_config);
        Setup = () => $"{version}, priority {parameters.Priority}, {parameters.Interval} cs, preempt {parameters.Preempt}, "
            + $"owner {(_isOwnerDeaf ? "deaf" : "listens")}, address {_ownAddress}" + (isPlain ? "" : $", {layer}");
    }

    /// <summary>The configuration in words.</summary>
    public Func<string> Setup { get; }

    /// <summary>The state with its special forms, and the actions of the last input.</summary>
    public (string State, string Actions) Seen =>
        ($"{_state.State} {_state.IsHandingOver} {_state.WantsMaster}", string.Join(",", _outputs.Select(one => one.Kind)));

    /// <summary>Sees both through one input.</summary>
    /// <returns>What differs; null when nothing does.</returns>
    public string? Apply(in RandomInput input)
    {
        _now = TimeOf(input);
        _reference.Outputs.Clear();
        _outputs.Clear();
        var at = new Instant(_now);
        var parameters = _reference.Parameters;
        switch (input.Kind)
        {
            case InputKind.Clock:
                _reference.Clock(_now);
                Step(VrrpEvent.DeadlineReached, at);
                break;
            case InputKind.Startup:
                _reference.Startup(_now);
                Step(VrrpEvent.Startup, at);
                break;
            case InputKind.Shutdown when _field is null:
                _reference.Shutdown();
                // A Backup or a router in Initialize has nothing to hand over.
                Step(VrrpEvent.Shutdown(handOver: input.Flag && _state.State != VrrpState.Master), at);
                break;
            case InputKind.Shutdown:
                _field.Shutdown(_now, handOver: false);
                Step(VrrpEvent.Shutdown(), at);
                break;
            case InputKind.HandOver:
                _field!.Shutdown(_now, handOver: true);
                Step(VrrpEvent.Shutdown(handOver: true), at);
                break;
            case InputKind.Advertisement:
                int priority = PriorityOf(input);
                int interval = Legal(parameters.Version, input.Interval);
                var source = SourceOf(input);
                _reference.Advertisement(_now, priority, RfcRouter.AddressNumber(source), interval);
                // An owner that leaves listens to its successor.
                if (!_isOwnerDeaf || _state.IsHandingOver)
                {
                    Step(
                        VrrpEvent.Advertisement(
                            new(priority), AdvertisementInterval.FromCentiseconds(interval), IPAddressValue.Read(source), _ownAddress),
                        at);
                }

                break;
            // An owner is not tracked (VR-078). Without the second layer a running Master_Down_Timer stays (VR-077).
            case InputKind.Priority when parameters.Priority == 255 || (_field is null && _reference.State == RfcState.Backup):
                break;
            case InputKind.Priority:
                if (_field is null)
                    _reference.Change(parameters with { Priority = input.Priority });
                else
                    _field.ChangePriority(input.Priority);
                Step(VrrpEvent.PriorityChanged(new(input.Priority)), at);
                break;
            case InputKind.Interval:
                interval = Legal(parameters.Version, input.Interval);
                _reference.Change(parameters with { Interval = interval });
                _config = _config with { AdvertisementInterval = AdvertisementInterval.FromCentiseconds(interval) };
                break;
            case InputKind.Preempt:
                _reference.Change(parameters with { Preempt = input.Flag });
                _config = _config with { Preempt = input.Flag };
                break;
            case InputKind.PreemptDelay:
                long delay = input.Flag ? 0 : input.Nanoseconds / 100 * 100;
                _field!.Field = _field.Field with { PreemptDelay = delay };
                _config = _config with { PreemptDelay = TimeSpan.FromTicks(delay / 100) };
                break;
            case InputKind.Faults:
                _field!.Faults(_now, input.Flag);
                Step(VrrpEvent.FaultsChanged(input.Flag ? VrrpFaults.LinkDown : VrrpFaults.None), at);
                break;
            case InputKind.AddressLost:
                _field!.AddressLost(_now);
                Step(VrrpEvent.AddressLost, at);
                break;
            case InputKind.Stalled:
                _field!.Stalled();
                Step(VrrpEvent.Stalled, at);
                break;
            case InputKind.GroupBecomesMaster:
                _field!.GroupBecomesMaster(_now);
                Step(VrrpEvent.GroupBecomesMaster, at);
                break;
            case InputKind.GroupBecomesBackup:
                _field!.GroupBecomesBackup(_now);
                Step(VrrpEvent.GroupBecomesBackup, at);
                break;
        }

        return Difference();
    }

    /// <summary>What happened last, in words.</summary>
    public string Describe(in RandomInput input)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"{_now / 1e9:0.000000000} s {input.Kind}");
        switch (input.Kind)
        {
            case InputKind.Advertisement:
                text.Append(CultureInfo.InvariantCulture,
                    $" {PriorityOf(input)} from {IPAddressValue.Read(SourceOf(input))} every {Legal(_reference.Parameters.Version, input.Interval)} cs");
                break;
            case InputKind.Priority:
                text.Append(CultureInfo.InvariantCulture, $" {input.Priority}");
                break;
            case InputKind.Interval:
                text.Append(CultureInfo.InvariantCulture, $" {Legal(_reference.Parameters.Version, input.Interval)} cs");
                break;
            case InputKind.PreemptDelay:
                text.Append(CultureInfo.InvariantCulture, $" {(input.Flag ? 0 : input.Nanoseconds / 100 * 100)} ns");
                break;
            case InputKind.Preempt or InputKind.Faults:
                text.Append(CultureInfo.InvariantCulture, $" {input.Flag}");
                break;
        }

        return text.Append(CultureInfo.InvariantCulture, $": {Machine()}").ToString();
    }

    private string? Difference()
    {
        if (_state.State == ExpectedState() && _state.Deadline.Nanoseconds == (_reference.Deadline ?? long.MaxValue)
            && _state.EffectivePriority.Value == _reference.Parameters.Priority && HasSameOutputs()
            && (_reference.State != RfcState.Backup || _config.Version == VrrpVersion.V2
                || _state.MasterAdverInterval.Centiseconds == _reference.LearnedInterval)
            && (_field is null || (_field.IsHandingOver == _state.IsHandingOver && _field.WantsMaster == _state.WantsMaster)))
        {
            return null;
        }

        return $"machine:   {Machine()}{Environment.NewLine}reference: {Reference()}";
    }

    private bool HasSameOutputs()
    {
        if (_outputs.Count != _reference.Outputs.Count)
            return false;
        for (int i = 0; i < _outputs.Count; i++)
        {
            if (_outputs[i] != _reference.Outputs[i])
                return false;
        }

        return true;
    }

    private VrrpState ExpectedState() => _field is { IsInFault: true } ? VrrpState.Fault : _reference.State switch
    {
        RfcState.Backup => VrrpState.Backup,
        RfcState.Master => VrrpState.Master,
        _ => VrrpState.Initialize,
    };

    private string Machine() =>
        $"{_state.State}, deadline {_state.Deadline}, priority {_state.EffectivePriority}, learned {_state.MasterAdverInterval.Centiseconds} cs, "
        + $"handing over {_state.IsHandingOver}, wants {_state.WantsMaster}: {string.Join(", ", _outputs)}";

    private string Reference() =>
        $"{ExpectedState()}, deadline {new Instant(_reference.Deadline ?? long.MaxValue)}, priority {_reference.Parameters.Priority}, "
        + $"learned {_reference.LearnedInterval} cs, handing over {_field?.IsHandingOver ?? false}, wants {_field?.WantsMaster ?? false}: "
        + string.Join(", ", _reference.Outputs);

    private void Step(in VrrpEvent input, Instant at)
    {
        var transition = _machine.Step(_config, _state, input, at);
        _state = transition.State;
        foreach (var action in transition.Actions)
        {
            RfcOutput? output = action switch
            {
                VrrpAction.InstallAddresses => new(RfcOutputKind.AddressesOn),
                VrrpAction.RemoveAddresses => new(RfcOutputKind.AddressesOff),
                VrrpAction.SendAdvertisement => new(RfcOutputKind.SendAdvertisement, _state.EffectivePriority.Value, _config.AdvertisementInterval.Centiseconds),
                VrrpAction.SendRelinquish => new(RfcOutputKind.SendAdvertisement, 0, _config.AdvertisementInterval.Centiseconds),
                VrrpAction.AnnounceAddresses => new(RfcOutputKind.Announce),
                // The table says nothing of repeated announcements.
                VrrpAction.ReannounceAddresses => _field is null ? null : new(RfcOutputKind.AnnounceAgain),
                VrrpAction.StopAnnouncing => _field is null ? null : new(RfcOutputKind.StopAnnouncing),
                _ => throw new InvalidOperationException($"An action that the reference does not know: {action}."),
            };
            if (output is { } known)
                _outputs.Add(known);
        }
    }

    /// <summary>Version 2 advertises in whole seconds; §7.1 drops what else there is.</summary>
    private static int Legal(RfcVersion version, int interval) => version == RfcVersion.Rfc3768 ? ((interval % 255) + 1) * 100 : interval;

    private long TimeOf(in RandomInput input)
    {
        // Time never goes back, whatever the timer says.
        long deadline = Math.Max(_now, _reference.Deadline ?? _now);
        return input.Moment switch
        {
            Moment.Same => _now,
            Moment.Later => _now + input.Nanoseconds,
            Moment.JustBeforeDeadline => Math.Max(_now, deadline - 1),
            Moment.AtDeadline => deadline,
            Moment.JustAfterDeadline => deadline + 1,
            _ => deadline + input.Nanoseconds,
        };
    }

    private int PriorityOf(in RandomInput input) => Math.Clamp(
        input.Relation switch
        {
            Relation.OneLower => _reference.Parameters.Priority - 1,
            Relation.Equal => _reference.Parameters.Priority,
            Relation.OneHigher => _reference.Parameters.Priority + 1,
            _ => input.Priority,
        },
        0,
        255);

    private byte[] SourceOf(in RandomInput input)
    {
        byte[] source = [.. _address];
        switch (input.Source)
        {
            case 0:
                source[^1]--;
                break;
            case 1:
                source[^1]++;
                break;
            case 2:
                // Far away, on either side of the sign bit.
                BinaryPrimitives.WriteInt32BigEndian(source, BinaryPrimitives.ReadInt32BigEndian(source) ^ input.Interval ^ (input.Flag ? int.MinValue : 1));
                break;
        }

        return source;
    }
}
