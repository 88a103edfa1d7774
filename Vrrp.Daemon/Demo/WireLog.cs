using System.Buffers.Binary;
using Vrrp.Packets;

namespace Vrrp.Daemon.Demo;

/// <summary>One line of the timeline.</summary>
/// <param name="At">Since the start of the demonstration.</param>
/// <param name="Actor">Who: a director, the client, or "demo" for what was done to them.</param>
/// <param name="Kind">What sort of thing.</param>
/// <param name="Text">What happened.</param>
internal sealed record DemoEntry(TimeSpan At, string Actor, DemoEntryKind Kind, string Text);

internal enum DemoEntryKind
{
    /// <summary>A new chapter of the story.</summary>
    Chapter,

    /// <summary>Something done to a director.</summary>
    Cause,

    Master,
    Backup,
    Fault,

    /// <summary>Another line of a daemon's log.</summary>
    Log,

    /// <summary>Heard on the wire by the client.</summary>
    Wire,

    /// <summary>The client's probes are answered again, or by somebody else.</summary>
    Answered,

    /// <summary>The client's probes are not answered.</summary>
    Silent,
}

/// <summary>
/// All that the client saw on its wire, with the kernel's times: adverts, gratuitous ARP, and each probe with its answer and who gave it.
/// </summary>
internal sealed class WireLog(DemoPlan plan, Pulse pulse, Action<DemoEntry> tell)
{
    private const int IcmpEchoReply = 0;
    private const byte Icmp = 1;

    private readonly Lock _gate = new();
    private readonly List<Advert> _adverts = [];
    private readonly List<Announcement> _announcements = [];
    private readonly List<Probe> _probes = [];
    private int _advertiser = -1;
    private int _announcer = -1;
    private int _answerer = -1;
    private int _unanswered;
    private bool _silent = true;
    private int _lastAnswered = -1;

    private readonly record struct Advert(TimeSpan At, int Director, Priority Priority);

    private readonly record struct Announcement(TimeSpan At, int Director);

    private readonly record struct Probe(TimeSpan SentAt, TimeSpan AnsweredAt, int Director)
    {
        public bool IsAnswered => AnsweredAt - SentAt <= DemoPlan.ProbeTimeout;
    }

    /// <summary>How many probes went out, and how many were not answered; the last few may be on their way.</summary>
    public (int Sent, int Lost) Totals
    {
        get
        {
            lock (_gate)
                return (_probes.Count, _probes.Count(probe => !probe.IsAnswered));
        }
    }

    /// <summary>Who answered last; null while nobody does.</summary>
    public DirectorPlan? Answerer
    {
        get
        {
            lock (_gate)
                return _silent || _answerer < 0 ? null : DemoPlan.Directors[_answerer];
        }
    }

    /// <summary>A probe goes out.</summary>
    /// <returns>Its number, which its answer carries.</returns>
    public int Sending(TimeSpan at)
    {
        lock (_gate)
        {
            _probes.Add(new(at, TimeSpan.MaxValue, -1));
            // A few answers may be late on a busy machine; what lasts longer is an outage.
            if (!_silent && ++_unanswered * plan.ProbeInterval >= DemoPlan.ProbeTimeout)
            {
                _silent = true;
                tell(new(_probes[_lastAnswered + 1].SentAt, "client", DemoEntryKind.Silent, $"pings of {DemoPlan.VirtualAddress} go unanswered"));
            }

            return _probes.Count - 1;
        }
    }

    /// <summary>Takes a frame from the client's interface.</summary>
    public void Heard(TimeSpan at, ReadOnlySpan<byte> frame)
    {
        if (!EthernetHeader.TryParse(frame, out var ethernet))
            return;
        var payload = frame[EthernetHeader.Length..];
        bool isNews = ethernet.EtherType switch
        {
            EthernetHeader.Arp => HeardArp(at, ethernet.Source, payload),
            EthernetHeader.IPv4 => HeardPacket(at, ethernet.Source, payload),
            _ => false,
        };
        if (isNews)
            pulse.Signal();
    }

    public TimeSpan? FirstAdvert(DirectorPlan director, TimeSpan after, bool farewell = false)
    {
        lock (_gate)
        {
            foreach (var advert in _adverts)
            {
                if (advert.At >= after && advert.Director == director.Index && (advert.Priority == Priority.Relinquish) == farewell)
                    return advert.At;
            }

            return null;
        }
    }

    public TimeSpan? LastAdvert(DirectorPlan director, TimeSpan before)
    {
        lock (_gate)
        {
            TimeSpan? found = null;
            foreach (var advert in _adverts)
            {
                if (advert.At < before && advert.Director == director.Index)
                    found = advert.At;
            }

            return found;
        }
    }

    public TimeSpan? FirstAnnouncement(DirectorPlan director, TimeSpan after)
    {
        lock (_gate)
        {
            foreach (var announcement in _announcements)
            {
                if (announcement.At >= after && announcement.Director == director.Index)
                    return announcement.At;
            }

            return null;
        }
    }

    public TimeSpan? FirstAnswer(DirectorPlan director, TimeSpan after)
    {
        lock (_gate)
        {
            foreach (var probe in _probes)
            {
                if (probe.SentAt >= after && probe.Director == director.Index && probe.IsAnswered)
                    return probe.AnsweredAt;
            }

            return null;
        }
    }

    /// <summary>Probes of a stretch of time: how many, how many lost, and the longest time without an answer.</summary>
    public (int Sent, int Lost, TimeSpan LongestSilence) Probes(TimeSpan from, TimeSpan to)
    {
        int sent = 0, lost = 0;
        TimeSpan longest = TimeSpan.Zero, lastAnswer = from;
        lock (_gate)
        {
            foreach (var probe in _probes)
            {
                if (probe.SentAt < from || probe.SentAt >= to)
                    continue;
                sent++;
                if (!probe.IsAnswered)
                {
                    lost++;
                    continue;
                }

                longest = Max(longest, probe.AnsweredAt - lastAnswer);
                lastAnswer = probe.AnsweredAt;
            }
        }

        return (sent, lost, Max(longest, to - lastAnswer));
    }

    private bool HeardArp(TimeSpan at, MacAddress source, ReadOnlySpan<byte> packet)
    {
        // Offsets within ARP: sender address at 14, target address at 24; the same in a gratuitous one.
        if (packet.Length < 28 || IPAddressValue.Read(packet.Slice(14, 4)) != DemoPlan.VirtualAddress
            || IPAddressValue.Read(packet.Slice(24, 4)) != DemoPlan.VirtualAddress || DirectorOf(source) is not { } director)
            return false;
        lock (_gate)
        {
            _announcements.Add(new(at, director.Index));
            if (_announcer != director.Index)
            {
                _announcer = director.Index;
                tell(new(at, director.Name, DemoEntryKind.Wire, $"gratuitous ARP: {DemoPlan.VirtualAddress} is at {source}"));
            }
        }

        return true;
    }

    private bool HeardPacket(TimeSpan at, MacAddress source, ReadOnlySpan<byte> packet)
    {
        if (!IPv4Header.TryParse(packet, out var header) || DirectorOf(source) is not { } director)
            return false;
        var payload = header.GetPayload(packet);
        return header.Protocol switch
        {
            VrrpPacket.Protocol => HeardAdvert(at, director, header, payload),
            Icmp => HeardEcho(at, director, header, payload),
            _ => false,
        };
    }

    private bool HeardAdvert(TimeSpan at, DirectorPlan director, IPv4Header header, ReadOnlySpan<byte> message)
    {
        ReceivedPacket packet = new() { Source = header.Source, Destination = header.Destination, HopLimit = header.TimeToLive, Message = message };
        // Without rules of a router of its own the listener knows no VRID; all checks before that have passed.
        if (VrrpPacket.Read(packet, IPFamily.IPv4, null, out var advertisement) != PacketRejection.UnknownVirtualRouterId
            || advertisement.VirtualRouterId != DemoPlan.VirtualRouterId)
            return false;
        lock (_gate)
        {
            _adverts.Add(new(at, director.Index, advertisement.Priority));
            if (advertisement.Priority == Priority.Relinquish)
            {
                _advertiser = -1;
                tell(new(at, director.Name, DemoEntryKind.Wire, "advert with priority 0: it leaves"));
            }
            else if (_advertiser != director.Index)
            {
                _advertiser = director.Index;
                tell(new(at, director.Name, DemoEntryKind.Wire, $"first advert, priority {advertisement.Priority}"));
            }
        }

        return true;
    }

    private bool HeardEcho(TimeSpan at, DirectorPlan director, IPv4Header header, ReadOnlySpan<byte> message)
    {
        if (header.Source != DemoPlan.VirtualAddress || message.Length < ClientProbe.MessageLength || message[0] != IcmpEchoReply)
            return false;
        int number = BinaryPrimitives.ReadInt32BigEndian(message[ClientProbe.NumberOffset..]);
        lock (_gate)
        {
            if (number < 0 || number >= _probes.Count || _probes[number].Director >= 0)
                return false;
            var probe = _probes[number] = _probes[number] with { AnsweredAt = at, Director = director.Index };
            if (!probe.IsAnswered)
                return false;
            if (_silent || _answerer != director.Index)
                TellAnswer(probe, number, director);
            bool isNews = _silent || _answerer != director.Index;
            _answerer = director.Index;
            _lastAnswered = Math.Max(_lastAnswered, number);
            _unanswered = 0;
            _silent = false;
            return isNews;
        }
    }

    private void TellAnswer(Probe probe, int number, DirectorPlan director)
    {
        int missed = number - _lastAnswered - 1;
        string outage = _lastAnswered >= 0 && _silent
            ? $" after {DemoText.Duration(probe.AnsweredAt - _probes[_lastAnswered].AnsweredAt)} of silence, {missed} pings lost"
            : "";
        string verb = _lastAnswered >= 0 && !_silent ? "now answered by" : "answered by";
        tell(new(probe.AnsweredAt, "client", DemoEntryKind.Answered, $"ping {verb} {director.Name}{outage}"));
    }

    private static DirectorPlan? DirectorOf(MacAddress mac)
    {
        foreach (var director in DemoPlan.Directors)
        {
            if (director.Mac == mac)
                return director;
        }

        return null;
    }

    private static TimeSpan Max(TimeSpan left, TimeSpan right) => left > right ? left : right;
}
