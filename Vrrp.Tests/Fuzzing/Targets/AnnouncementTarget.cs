using System.Buffers.Binary;
using Vrrp.Packets;

namespace Vrrp.Tests.Fuzzing.Targets;

/// <summary>
/// What writes frames and packets, called with any arguments and any room: either the promised octets, which read back as what was asked
/// for and beyond which nothing is touched, or an ArgumentException. An input is the call, its room and its arguments.
/// </summary>
internal sealed class AnnouncementTarget : IFuzzTarget
{
    private const byte Untouched = 0xA5;
    private const int MaxRoom = 300;

    public string Name => "announcement";

    public int Executions => 200_000;

    public int MaxLength => 64;

    public IReadOnlyList<byte[]> Seeds { get; } =
    [
        .. from call in Enumerable.Range(0, 7)
           from address in (byte[][])[[4, 192, 0, 2, 254, 4, 192, 0, 2, 1], [6, .. V6(254), 6, .. V6(1)], [0, 0]]
           select (byte[])[(byte)call, 0, 100, 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 1, .. address],
    ];

    public void Execute(ReadOnlySpan<byte> input, FuzzContext context)
    {
        var arguments = new Arguments(input);
        int call = arguments.Octet() % 7;
        var room = context.GuardedRoom(arguments.Number() % MaxRoom);
        room.Fill(Untouched);
        var destination = arguments.Mac();
        var sender = arguments.Mac();
        byte option = arguments.Octet();
        var first = arguments.Address();
        var second = arguments.Address();
        bool flag = (option & 0x80) != 0;

        int promised = 0;
        bool isRight = false;
        int written = -1;
        long before = GC.GetAllocatedBytesForCurrentThread();
        try
        {
            switch (call)
            {
                case 0:
                    (promised, isRight) = (flag ? 60 : 42, first.Family == IPFamily.IPv4);
                    written = ArpPacket.WriteGratuitous(room, sender, first, (ArpOperation)(option & 3), (ArpTargetAddress)((option >> 2) & 3), flag);
                    break;
                case 1:
                    (promised, isRight) = (flag ? 60 : 42, first.Family == IPFamily.IPv4 && second.Family == IPFamily.IPv4);
                    written = ArpPacket.Write(room, destination, (ArpOperation)(option & 3), sender, first, destination, second, flag);
                    break;
                case 2:
                    (promised, isRight) = (86, first.Family == IPFamily.IPv6);
                    written = NeighborAdvertisement.WriteUnsolicited(room, sender, first, flag);
                    break;
                case 3:
                    (promised, isRight) = (86, first.Family == IPFamily.IPv6 && second.Family == IPFamily.IPv6 && !second.IsMulticast);
                    written = NeighborAdvertisement.WriteSolicited(room, destination, sender, first, second, flag);
                    break;
                case 4:
                    (promised, isRight) = (IPv4Header.MinLength, first.Family == IPFamily.IPv4 && second.Family == IPFamily.IPv4 && option < 0xF0);
                    new IPv4Header { Source = first, Destination = second, TimeToLive = option, PayloadLength = PayloadLength(option, 65515) }.Write(room);
                    written = promised;
                    break;
                case 5:
                    (promised, isRight) = (IPv6Header.Length, first.Family == IPFamily.IPv6 && second.Family == IPFamily.IPv6 && option < 0xF0);
                    new IPv6Header { Source = first, Destination = second, HopLimit = option, PayloadLength = PayloadLength(option, 65535) }.Write(room);
                    written = promised;
                    break;
                default:
                    WriteAdvertisement(room, option, first, second, out promised, out isRight, ref written);
                    break;
            }
        }
        catch (ArgumentException)
        {
            if (isRight && room.Length >= promised)
                throw new BrokenPromiseException($"arguments that are right were refused: call {call}");
            context.Reached(room.Length < promised ? "refused for its room" : "refused for its arguments", call);
            return;
        }

        if (written >= 0 && call != 6)
            context.Allocated(GC.GetAllocatedBytesForCurrentThread() - before, 0);
        if (!isRight || room.Length < promised)
            throw new BrokenPromiseException($"arguments that are wrong were taken: call {call}");
        if (written != promised)
            throw new BrokenPromiseException($"another length was written than promised: call {call}");
        if (room[written..].ContainsAnyExcept(Untouched))
            throw new BrokenPromiseException($"octets behind what was promised were touched: call {call}");
        context.Reached("written", call);
        string? wrong = call switch
        {
            0 => WrongArp(room, MacAddress.Broadcast, (byte)(option & 3), sender, first, ((option >> 2) & 3) switch { 1 => sender, 2 => default, _ => MacAddress.Broadcast }, first, written),
            1 => WrongArp(room, destination, (byte)(option & 3), sender, first, destination, second, written),
            2 => WrongAdvertisement(room, MacAddress.Read([0x33, 0x33, 0, 0, 0, 1]), sender, first, IPAddressValue.AllNodesIPv6, (byte)(flag ? 0xA0 : 0x20)),
            3 => WrongAdvertisement(room, destination, sender, first, second, (byte)(flag ? 0xE0 : 0x60)),
            4 => !IPv4Header.TryParse(Padded(room, PayloadLength(option, 65515)), out var ipv4) || ipv4.Source != first || ipv4.Destination != second
                || ipv4.TimeToLive != option || ipv4.PayloadLength != PayloadLength(option, 65515) || !ipv4.HasValidChecksum(room) ? "the header reads back differently" : null,
            5 => !IPv6Header.TryParse(Padded(room, PayloadLength(option, 65535)), out var ipv6) || ipv6.Source != first || ipv6.Destination != second
                || ipv6.HopLimit != option || ipv6.PayloadLength != PayloadLength(option, 65535) ? "the header reads back differently" : null,
            _ => WrongMessage(room[..written], option, first, second),
        };
        if (wrong is not null)
            throw new BrokenPromiseException($"{wrong}: call {call}");
    }

    private static byte[] V6(byte last) => [0xFE, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last];

    // The highest options ask for more than a packet can hold, or less than nothing.
    private static int PayloadLength(byte option, int limit) => option switch { >= 0xF8 => limit + (option - 0xF7), >= 0xF0 => 0xEF - option, 0xEF => limit, _ => option };

    private static byte[] Padded(ReadOnlySpan<byte> header, int payload)
    {
        var packet = new byte[header.Length + payload];
        header.CopyTo(packet);
        return packet;
    }

    private static void WriteAdvertisement(
        Span<byte> room, byte option, IPAddressValue first, IPAddressValue second, out int promised, out bool isRight, ref int written)
    {
        var content = Content(option, [first, first]);
        bool isVersion = content.Version is VrrpVersion.V3 || (content.Version is VrrpVersion.V2 && content.Family == IPFamily.IPv4);
        promised = VrrpPacket.GetLength(content.Version, content.Family, content.Addresses.Length);
        isRight = isVersion && first.Family == content.Family && second.Family == content.Family && content.VirtualRouterId.Value != 0
            && content.Interval.Centiseconds != 0
            && (content.Version == VrrpVersion.V2 ? content.Interval.IsWholeSeconds : content.Interval.FitsVersion3 && content.AuthenticationType == AuthenticationType.None);
        written = VrrpPacket.Write(content, first, second, room);
    }

    private static AdvertisementContent Content(byte option, ReadOnlySpan<IPAddressValue> addresses) => new()
    {
        Version = (option & 3) switch { 0 => VrrpVersion.V2, 3 => (VrrpVersion)1, _ => VrrpVersion.V3 },
        Family = (option & 4) == 0 ? IPFamily.IPv4 : IPFamily.IPv6,
        VirtualRouterId = (option & 0x38) == 0x38 ? default : new VirtualRouterId(77),
        Priority = new(option),
        Interval = (option & 0x30) switch { 0 => AdvertisementInterval.OneSecond, 0x10 => AdvertisementInterval.FromCentiseconds(150), 0x20 => AdvertisementInterval.FromSeconds(255), _ => default },
        Addresses = addresses[..((option >> 6) % 3)],
        AuthenticationType = (option & 8) == 0 ? AuthenticationType.None : AuthenticationType.SimplePassword,
        Password = Receivers.Password,
    };

    private static string? WrongArp(
        ReadOnlySpan<byte> frame, MacAddress destination, byte operation, MacAddress sender, IPAddressValue senderAddress, MacAddress target,
        IPAddressValue targetAddress, int length)
    {
        if (!EthernetHeader.TryParse(frame, out var ethernet) || ethernet != new EthernetHeader(destination, sender, EthernetHeader.Arp))
            return "the Ethernet header is another";
        if (!frame.Slice(14, 8).SequenceEqual((ReadOnlySpan<byte>)[0, 1, 8, 0, 6, 4, 0, operation]))
            return "the ARP header is another";
        return MacAddress.Read(frame[22..]) != sender || IPAddressValue.Read(frame.Slice(28, 4)) != senderAddress
            || MacAddress.Read(frame[32..]) != target || IPAddressValue.Read(frame.Slice(38, 4)) != targetAddress
            || frame[42..length].ContainsAnyExcept((byte)0) ? "the ARP packet says something else" : null;
    }

    private static string? WrongAdvertisement(
        ReadOnlySpan<byte> frame, MacAddress destination, MacAddress sender, IPAddressValue address, IPAddressValue ipDestination, byte flags)
    {
        if (!EthernetHeader.TryParse(frame, out var ethernet) || ethernet != new EthernetHeader(destination, sender, EthernetHeader.IPv6))
            return "the Ethernet header is another";
        if (!IPv6Header.TryParse(frame[14..86], out var ip) || ip.Source != address || ip.Destination != ipDestination || ip.HopLimit != 255
            || !ip.TryGetPayload(frame[14..86], out byte protocol, out var message) || protocol != 58 || message.Length != 32)
            return "the IPv6 header is another";
        if (message[0] != 136 || message[1] != 0 || BinaryPrimitives.ReadUInt32BigEndian(message[4..]) != (uint)flags << 24
            || IPAddressValue.Read(message.Slice(8, 16)) != address || message[24] != 2 || message[25] != 1 || MacAddress.Read(message[26..]) != sender)
            return "the Neighbor Advertisement says something else";
        uint sum = InternetChecksum.Add(InternetChecksum.PseudoHeader(address, ipDestination, 58, 32), message);
        return sum == InternetChecksum.Valid ? null : "the checksum is wrong";
    }

    private static string? WrongMessage(ReadOnlySpan<byte> message, byte option, IPAddressValue first, IPAddressValue second)
    {
        var content = Content(option, [first, first]);
        var rules = new ReceptionRules
        {
            Version = content.Version,
            Family = content.Family,
            AdvertisementInterval = content.Interval,
            AuthenticationType = content.AuthenticationType,
            Password = content.Password,
            IsUnicast = !second.IsMulticast,
            Group = second.IsMulticast ? second : default,
            AcceptEmptyAddressList = true,
            RequireLinkLocalFirst = false,
        };
        var packet = new ReceivedPacket { Source = first, Destination = second, HopLimit = 255, Message = message };
        var verdict = VrrpPacket.Read(packet, content.Family, rules, out var read);
        // A source that no router can have is written all the same: the engine has none such.
        if (verdict == PacketRejection.BadSource)
            return null;
        return verdict != PacketRejection.None ? $"what was written is {verdict}"
            : read.AddressCount != content.Addresses.Length || read.Priority != content.Priority || read.IntervalCentiseconds != content.Interval.Centiseconds
            ? "the message reads back differently" : null;
    }

    /// <summary>Takes arguments off an input; behind its end all is zero.</summary>
    private ref struct Arguments(ReadOnlySpan<byte> octets)
    {
        private ReadOnlySpan<byte> _rest = octets;

        public byte Octet()
        {
            if (_rest.IsEmpty)
                return 0;
            byte octet = _rest[0];
            _rest = _rest[1..];
            return octet;
        }

        public int Number() => (Octet() << 8) | Octet();

        public MacAddress Mac()
        {
            Span<byte> octets = stackalloc byte[MacAddress.Length];
            foreach (ref byte octet in octets)
                octet = Octet();
            return MacAddress.Read(octets);
        }

        /// <summary>An address behind an octet that is 4 or 6 for its family; anything else is no address.</summary>
        public IPAddressValue Address()
        {
            int length = Octet() switch { 4 => 4, 6 => 16, _ => 0 };
            Span<byte> octets = stackalloc byte[16];
            for (int i = 0; i < length; i++)
                octets[i] = Octet();
            return length == 0 ? default : IPAddressValue.Read(octets[..length]);
        }
    }
}
