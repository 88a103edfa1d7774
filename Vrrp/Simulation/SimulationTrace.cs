using System.Globalization;
using System.Text;

namespace Vrrp.Simulation;

/// <summary>
/// What happened on a <see cref="SimulatedLan"/>, in order. It is kept as it was and put into words only when it is printed; equal seeds
/// print equal timelines.
/// </summary>
public sealed class SimulationTrace
{
    private SimulationEvent[] _ring = new SimulationEvent[256];
    private int _first;
    private int _capacity = 100_000;

    internal SimulationTrace()
    {
    }

    /// <summary>What is kept from now on. Default <see cref="SimulationEventKinds.Sent"/>.</summary>
    public SimulationEventKinds Records { get; set; } = SimulationEventKinds.Sent;

    /// <summary>How many events are kept, the last ones. Default 100,000, at least 1.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is below 1.</exception>
    public int Capacity
    {
        get => _capacity;
        set
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, 1);
            var kept = new SimulationEvent[Math.Min(Count, value)];
            for (int i = 0; i < kept.Length; i++)
                kept[i] = this[Count - kept.Length + i];
            Forgotten += Count - kept.Length;
            (_first, Count, _capacity) = (0, kept.Length, value);
            _ring = new SimulationEvent[Math.Clamp(256, kept.Length, value)];
            kept.CopyTo(_ring, 0);
        }
    }

    /// <summary>How many events there are.</summary>
    public int Count { get; private set; }

    /// <summary>How many earlier events there were that are no longer kept.</summary>
    public long Forgotten { get; private set; }

    /// <summary>An event, by its place from the first that is kept.</summary>
    /// <param name="index">0 to <see cref="Count"/> − 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such place.</exception>
    public SimulationEvent this[int index]
    {
        get
        {
            ArgumentOutOfRangeException.ThrowIfNegative(index);
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Count);
            int at = _first + index;
            return _ring[at < _ring.Length ? at : at - _ring.Length];
        }
    }

    /// <summary>Forgets everything.</summary>
    public void Clear()
    {
        Array.Clear(_ring);
        (_first, Count, Forgotten) = (0, 0, 0);
    }

    /// <summary>The timeline: a line for each event with its time since the start, its node, its virtual router and what happened.</summary>
    /// <param name="kinds">Which kinds are printed, as far as they were kept. Default: all but packets.</param>
    /// <param name="last">How many lines at most, the last ones.</param>
    /// <returns>The lines, each with its end.</returns>
    public string Print(SimulationEventKinds kinds = SimulationEventKinds.Timeline, int last = int.MaxValue)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(last);
        var lines = new List<(string Time, string Node, string Router, string What)>();
        int from = Count;
        while (from > 0 && lines.Count < last)
        {
            var entry = this[--from];
            if ((entry.Kind & kinds) != 0)
                lines.Add((DescribeTime(entry.At), entry.Node?.Name ?? "LAN", entry.VirtualRouter, Describe(entry)));
        }

        lines.Reverse();
        var text = new StringBuilder();
        if (from == 0 && Forgotten > 0)
            text.Append(CultureInfo.InvariantCulture, $"({Forgotten} earlier events are not kept)\n");
        if (lines.Count == 0)
            return text.ToString();
        int time = lines.Max(line => line.Time.Length);
        int node = lines.Max(line => line.Node.Length);
        int router = lines.Max(line => line.Router.Length);
        foreach (var line in lines)
        {
            text.Append(line.Time.PadLeft(time)).Append(" s  ").Append(line.Node.PadRight(node)).Append("  ");
            if (router > 0)
                text.Append(line.Router.PadRight(router)).Append("  ");
            text.Append(line.What).Append('\n');
        }

        return text.ToString();
    }

    /// <summary>The timeline without packets.</summary>
    /// <returns>As <see cref="Print"/> gives it.</returns>
    public override string ToString() => Print();

    internal void Add(in SimulationEvent what)
    {
        if (Count == _capacity)
        {
            _ring[_first++] = what;
            if (_first == _ring.Length)
                _first = 0;
            Forgotten++;
            return;
        }

        // Until the capacity is reached nothing is overwritten, so the first is at the beginning.
        if (Count == _ring.Length)
            Array.Resize(ref _ring, (int)Math.Min((long)_ring.Length * 2, _capacity));
        _ring[Count++] = what;
    }

    /// <summary>A duration with the unit that suits it.</summary>
    internal static string Describe(TimeSpan duration) => duration >= TimeSpan.FromSeconds(1)
        ? string.Create(CultureInfo.InvariantCulture, $"{duration.Ticks / 10_000_000m:0.#######} s")
        : string.Create(CultureInfo.InvariantCulture, $"{duration.Ticks / 10_000m:0.####} ms");

    /// <summary>Seconds since the start.</summary>
    internal static string DescribeTime(TimeSpan at)
    {
        long microseconds = at.Ticks / TimeSpan.TicksPerMicrosecond;
        return string.Create(CultureInfo.InvariantCulture, $"{microseconds / 1_000_000}.{microseconds % 1_000_000:D6}");
    }

    private static string Describe(in SimulationEvent what) => what.Kind switch
    {
        SimulationEventKinds.Transition or SimulationEventKinds.Notification => Describe(what.Notification!),
        SimulationEventKinds.AddressInstalled => $"installs {what.Address} on {what.Interface}",
        SimulationEventKinds.AddressRemoved => $"removes {what.Address} from {what.Interface}",
        SimulationEventKinds.AdvertisementSent => $"advertises {DescribePacket(what)}",
        SimulationEventKinds.AnnouncementSent => $"announces {what.Address} ({(what.Address.Family == IPFamily.IPv4 ? "ARP" : "NA")})",
        SimulationEventKinds.PacketDelivered => $"gets {DescribePacket(what)} from {what.Peer?.Name ?? "outside"}",
        SimulationEventKinds.PacketLost => $"misses {DescribePacket(what)} from {what.Peer?.Name ?? "outside"}: {what.Text}",
        _ => what.Text ?? "",
    };

    private static string DescribePacket(in SimulationEvent what) =>
        string.Create(CultureInfo.InvariantCulture, $"VRID {what.VirtualRouterIdOctet}, priority {what.PriorityOctet}, to {what.Address}");

    private static string Describe(VrrpNotification notification) => notification switch
    {
        RouterTransition transition => DescribeTransition(transition),
        SecondMasterHeard heard => $"hears a second Master, {heard.Peer} with priority {heard.PeerPriority}",
        AddressRefused { Installing: true } refused => $"was refused {refused.Address} (errno {refused.Error})",
        AddressRefused refused => $"could not remove {refused.Address} (errno {refused.Error})",
        AddressIncident { Kind: AddressIncidentKind.TakenAway } incident => $"{incident.Address} was taken away and is put back",
        AddressIncident { Kind: AddressIncidentKind.Foreign } incident => $"{incident.Address} was put there by someone else",
        AddressIncident { Kind: AddressIncidentKind.LeftBehind } incident => $"{incident.Address} was left behind and is removed",
        AddressIncident { Kind: AddressIncidentKind.Released } incident => incident.Peer.IsNone
            ? $"{incident.Address} is released, and no successor was heard"
            : $"{incident.Address} is released to {incident.Peer}",
        PacketDropped dropped => $"drops packets of {dropped.Source} ({dropped.Reason}){Detail(dropped.Detail)}",
        AdvertisementDiffers differs => $"advertisements of {differs.Source} differ: {differs.Difference}",
        MasterRestless restless => $"became Master {restless.Takeovers} times within {Describe(restless.Within)}",
        OwnAddressHeard heard => $"hears an advertisement from its own address {heard.Source} on {heard.Interface}",
        PriorityChanged changed => $"priority {changed.From} → {changed.To}",
        SendFailed failed => $"could not send (errno {failed.Error}, {failed.Consecutive} in a row)",
        AcceptModeUnenforced unenforced => $"accept mode false cannot be kept: {unenforced.Reason}",
        EngineStalled stalled => $"was stalled for {Describe(stalled.Lateness)}",
        LinkUnusable unusable => $"cannot use {unusable.Interface}: {unusable.Message}",
        _ => notification.GetType().Name,
    };

    private static string DescribeTransition(RouterTransition transition)
    {
        string why = transition.To == VrrpState.Fault ? $"{transition.Reason}: {transition.Faults}" : $"{transition.Reason}";
        // The words for an errno differ from system to system; the refusal before it has the number.
        bool hasErrorText = transition.To == VrrpState.Fault && (transition.Faults & (VrrpFaults.AddressRefused | VrrpFaults.SendFailing)) != 0;
        return $"{transition.From} → {transition.To} ({why}){(hasErrorText ? "" : Detail(transition.Detail))}";
    }

    private static string Detail(string? detail) => detail is null ? "" : ", " + detail;
}
