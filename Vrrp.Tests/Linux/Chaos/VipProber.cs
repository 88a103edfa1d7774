using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using Vrrp.Links;
using Vrrp.Linux;
using Vrrp.Packets;
using Vrrp.Tests.Linux.Lab;
using static Vrrp.Linux.NativeMethods;

namespace Vrrp.Tests.Linux.Chaos;

/// <summary>An address that is asked for, and the network it is asked for on.</summary>
internal sealed record ProbeTarget(IPAddressValue Address, int Network)
{
    public ProbeTrack Track { get; } = new();
}

/// <summary>
/// The client: every 5 ms it asks its network who has each address (ARP request to all, neighbour solicitation) and notes whose hardware
/// addresses the answers come from. The kernels of the hosts answer, so what it sees is where the addresses are.
/// </summary>
internal sealed unsafe class VipProber : IDisposable
{
    public static readonly TimeSpan Period = TimeSpan.FromMilliseconds(5);

    // Above the daemons: a questioner that waits for the processor would see gaps that are its own.
    private const int RealTimePriority = 60;

    private const ushort ETH_P_ALL = 3;
    private const int AddressLength = 20;
    private const int PacketTypeOffset = 10;
    private const byte PACKET_OUTGOING = 4;
    private const int PulseEvery = 8;

    private readonly LabHost _client;
    private readonly IReadOnlyList<ProbeTarget> _targets;
    private readonly Dictionary<MacAddress, byte>[] _hosts;
    private readonly byte[][] _questions;
    private readonly int[] _sockets;
    private readonly Signal _changed;
    private readonly EpollWaiter _waiter = new();
    private readonly ReceiveBatch _batch = new();
    private readonly Thread _thread;
    private volatile bool _isStopping;

    /// <param name="lab">Asks from its client.</param>
    /// <param name="directors">The hosts whose answers are told apart, by their order.</param>
    /// <param name="networks">How many networks there are.</param>
    /// <param name="targets">What is asked for.</param>
    /// <exception cref="LinuxException">CAP_NET_RAW is missing.</exception>
    public VipProber(Laboratory lab, IReadOnlyList<LabHost> directors, int networks, IReadOnlyList<ProbeTarget> targets)
    {
        _client = lab.Client;
        _changed = lab.Changed;
        _targets = targets;
        _hosts = [.. Enumerable.Range(0, networks).Select(network => directors
            .Select((host, index) => (Mac: MacAddress.Read(host.Mac(network).GetAddressBytes()), Bit: (byte)(1 << index)))
            .ToDictionary(host => host.Mac, host => host.Bit))];
        _questions = [.. targets.Select(Question)];
        using var inside = NetworkNamespace.OpenNamed(_client.Namespace);
        _sockets = inside.Run(() => Enumerable.Range(0, networks).Select(OpenSocket).ToArray());
        for (var network = 0; network < networks; network++)
            _waiter.Add(_sockets[network], network);
        _thread = new Thread(Run) { IsBackground = true, Name = "VIP prober" };
        _thread.Start();
    }

    /// <summary>Why it is scheduled like any other thread; null when it has real-time priority.</summary>
    public string? RealTimeRefused { get; private set; }

    /// <summary>The longest time between two rounds of questions.</summary>
    public TimeSpan LongestPause { get; private set; }

    /// <summary>Hardware addresses that answered and are no director's.</summary>
    public ConcurrentDictionary<string, int> Strangers { get; } = new();

    /// <summary>What ended the thread before its time; null as long as all is well.</summary>
    public Exception? Failure { get; private set; }

    public void Dispose()
    {
        _isStopping = true;
        _waiter.Wake();
        _thread.Join();
        foreach (var socket in _sockets)
            _ = Close(socket);
        _waiter.Dispose();
        _batch.Dispose();
    }

    private static int OpenSocket(int network)
    {
        var protocol = BinaryPrimitives.ReverseEndianness(ETH_P_ALL);
        var descriptor = Errno.Check(
            NativeMethods.Socket(SocketNumbers.AF_PACKET, SocketNumbers.SOCK_RAW | SocketNumbers.SOCK_CLOEXEC | SocketNumbers.SOCK_NONBLOCK, protocol),
            "open a packet socket");
        var index = NetworkInterface.GetAllNetworkInterfaces().Single(card => card.Name == LabHost.Device(network)).GetIPProperties().GetIPv4Properties().Index;
        var address = stackalloc byte[AddressLength];
        Span<byte> link = new(address, AddressLength);
        link.Clear();
        BinaryPrimitives.WriteUInt16LittleEndian(link, SocketNumbers.AF_PACKET);
        BinaryPrimitives.WriteUInt16BigEndian(link[2..], ETH_P_ALL);
        BinaryPrimitives.WriteInt32LittleEndian(link[4..], index);
        _ = Errno.Check(Bind(descriptor, address, AddressLength), "bind a packet socket");
        return descriptor;
    }

    private void Run()
    {
        try
        {
            try
            {
                RealTime.SetRoundRobin(RealTimePriority);
            }
            catch (LinuxException exception)
            {
                RealTimeRefused = exception.Message;
            }
            RealTime.SetTimerSlack();
            Probe();
        }
#pragma warning disable CA1031 // It fails the run that reads it, not the process.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            Failure = exception;
        }
    }

    private void Probe()
    {
        Span<int> ready = stackalloc int[4];
        var next = MonotonicClock.Now;
        var last = next;
        for (var round = 1; !_isStopping;)
        {
            // Answers first, so that they count for the question before.
            var count = _waiter.Wait(next, ready);
            foreach (var network in ready[..count])
                Listen(network);
            var now = MonotonicClock.Now;
            if (now < next)
                continue;
            for (var i = 0; i < _targets.Count; i++)
                Ask(_targets[i], _questions[i], now);
            LongestPause = TimeSpan.FromTicks(Math.Max(LongestPause.Ticks, (now - last).Ticks));
            last = now;
            // After a pause it goes on from now: a burst would tell nothing more.
            next = next + Period < now ? now + Period : next + Period;
            if (round++ % PulseEvery == 0)
                _changed.Pulse();
        }
    }

    private void Ask(ProbeTarget target, byte[] question, Instant now)
    {
        target.Track.Asked(now);
        fixed (byte* octets = question)
        {
            // What cannot be sent is not answered.
            _ = Write(_sockets[target.Network], octets, (nuint)question.Length);
        }
    }

    private void Listen(int network)
    {
        for (var count = ReceiveBatch.Slots; count == ReceiveBatch.Slots;)
        {
            count = _batch.Receive(_sockets[network], ReceiveBatch.Slots);
            for (var i = 0; i < count; i++)
            {
                if (_batch.Name(i)[PacketTypeOffset] != PACKET_OUTGOING)
                    Heard(_batch.Packet(i), network);
            }
        }
    }

    private void Heard(ReadOnlySpan<byte> frame, int network)
    {
        if (Answer(frame) is not { } address)
            return;
        var sender = MacAddress.Read(frame[6..12]);
        if (!_hosts[network].TryGetValue(sender, out var host))
        {
            host = ProbeSample.Stranger;
            Strangers.AddOrUpdate(sender.ToString(), 1, (_, count) => count + 1);
        }
        foreach (var target in _targets)
        {
            if (target.Network == network && target.Address == address)
                target.Track.Answered(host);
        }
    }

    /// <summary>The address that a frame answers for; null if it is another frame, or one that nobody asked for.</summary>
    private static IPAddressValue? Answer(ReadOnlySpan<byte> frame)
    {
        if (frame.Length < ArpPacket.FrameLength)
            return null;
        switch (BinaryPrimitives.ReadUInt16BigEndian(frame[12..]))
        {
            case EthernetHeader.Arp:
                var sender = frame[28..32];
                var isReply = BinaryPrimitives.ReadUInt16BigEndian(frame[20..]) == (ushort)ArpOperation.Reply;
                return isReply && !sender.SequenceEqual(frame[38..42]) ? IPAddressValue.Read(sender) : null;
            case EthernetHeader.IPv6:
                const int Message = EthernetHeader.Length + IPv6Header.Length;
                const byte Advertisement = 136;
                const byte Solicited = 0x40;
                return frame.Length >= Message + 24 && frame[20] == NeighborSolicitation.IcmpV6 && frame[Message] == Advertisement
                    && (frame[Message + 4] & Solicited) != 0
                    ? IPAddressValue.Read(frame.Slice(Message + 8, 16))
                    : null;
            default:
                return null;
        }
    }

    private byte[] Question(ProbeTarget target)
    {
        var mac = MacAddress.Read(_client.Mac(target.Network).GetAddressBytes());
        if (target.Address.Family == IPFamily.IPv6)
            return NeighborSolicitation.Write(mac, IPAddressValue.From(_client.LinkLocal(target.Network)), target.Address);
        var frame = new byte[ArpPacket.FrameLength];
        ArpPacket.Write(
            frame, MacAddress.Broadcast, ArpOperation.Request, mac, IPAddressValue.From(_client.IPv4(target.Network)), default, target.Address);
        return frame;
    }
}

/// <summary>The question for an IPv6 address: to its solicited-node group, with the asker's hardware address. RFC 4861 §4.3.</summary>
// offset  0 Ethernet header (14) | 14 IPv6 header (40) | 54 type 135 (1) | 55 code 0 (1) | 56 checksum (2) | 58 reserved (4)
//        62 target address (16) | 78 option type 1, source link-layer address (1) | 79 option length 1 (1) | 80 MAC (6)
internal static class NeighborSolicitation
{
    public const byte IcmpV6 = 58;

    private const int MessageLength = 32;

    public static byte[] Write(MacAddress sender, IPAddressValue source, IPAddressValue target)
    {
        var frame = new byte[EthernetHeader.Length + IPv6Header.Length + MessageLength];
        Span<byte> group = stackalloc byte[16];
        target.Write(group);
        // RFC 4291 §2.7.1: ff02::1:ff and the last 24 bits.
        Span<byte> prefix = stackalloc byte[16];
        IPAddressValue.Parse("ff02::1:ff00:0").Write(prefix);
        prefix[..13].CopyTo(group);
        var destination = IPAddressValue.Read(group);
        new EthernetHeader(EthernetHeader.GroupAddress(destination), sender, EthernetHeader.IPv6).Write(frame);
        new IPv6Header
        {
            Source = source,
            Destination = destination,
            NextHeader = IcmpV6,
            PayloadLength = MessageLength,
        }.Write(frame.AsSpan(EthernetHeader.Length));
        var message = frame.AsSpan(EthernetHeader.Length + IPv6Header.Length);
        message[0] = 135;
        target.Write(message[8..]);
        message[24] = 1;
        message[25] = 1; // units of 8 octets
        sender.Write(message[26..]);
        var sum = InternetChecksum.Add(InternetChecksum.PseudoHeader(source, destination, IcmpV6, MessageLength), message);
        BinaryPrimitives.WriteUInt16BigEndian(message[2..], InternetChecksum.Complete(sum));
        return frame;
    }
}
