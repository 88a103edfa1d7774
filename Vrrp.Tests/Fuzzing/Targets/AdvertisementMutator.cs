using System.Buffers.Binary;
using Vrrp.Packets;

namespace Vrrp.Tests.Fuzzing.Targets;

/// <summary>Changes Ethernet frames that carry VRRP: field by field, with lengths and checksums put right afterwards or not.</summary>
internal static class AdvertisementMutator
{
    private const int Ethernet = EthernetHeader.Length;
    private const int ChecksumOffset = 6;

    private static readonly IPAddressValue[] s_sources =
    [
        .. new[]
        {
            "192.0.2.1", "192.0.2.3", "192.0.2.2", "10.0.0.1", "10.0.0.200", "0.0.0.0", "255.255.255.255", "224.0.0.18", "127.0.0.1",
            "fe80::1", "fe80::2", "fe80::200", "2001:db8::1", "::", "ff02::12", "::1", "febf::1",
        }.Select(IPAddressValue.Parse),
    ];

    private static readonly IPAddressValue[] s_destinations =
    [
        .. new[]
        {
            "224.0.0.18", "224.0.0.99", "224.0.0.1", "192.0.2.2", "10.0.0.1", "255.255.255.255", "0.0.0.0",
            "ff02::12", "ff02::1", "fe80::2", "fe80::99", "2001:db8::2", "::",
        }.Select(IPAddressValue.Parse),
    ];

    /// <summary>One change to the frame that an input is from an offset on.</summary>
    public static void Apply(FuzzInput input, int frame, ReadOnlySpan<byte> other, Receiver receiver, FuzzRandom random)
    {
        if (random.OneIn(12) || !Layout.TryFind(input.Span, frame, out var layout))
        {
            if (random.OneIn(2))
                Aim(input, frame, receiver, random);
            else
                ByteMutations.Apply(input, other, [], random);
            return;
        }

        switch (random.Next(10))
        {
            case 0:
                Aim(input, frame, receiver, random);
                return;
            case 1:
                ByteMutations.Apply(input, other, [], random);
                return;
            case 2:
                ChangeHeader(input.Span, layout, random);
                break;
            case 3:
                ChangeLength(input, layout, random);
                break;
            case 4:
                ChangeAddresses(input, layout, receiver, random);
                break;
            case 5 when layout.IsIPv6:
                InsertExtensionHeader(input, layout, random);
                break;
            case 5:
                InsertOptions(input, layout, random);
                break;
            default:
                ChangeField(input.Span, layout, random);
                break;
        }

        if (!random.OneIn(8))
            FixLengths(input.Span, frame);
        if (!random.OneIn(8))
            FixChecksum(input.Span, frame, random);
    }

    /// <summary>A packet that this receiver takes.</summary>
    public static byte[] ValidFrame(Receiver receiver, int priority = 100)
    {
        var rules = receiver.Rules ?? new ReceptionRules
        {
            Version = VrrpVersion.V3,
            Family = IPFamily.IPv4,
            AdvertisementInterval = AdvertisementInterval.OneSecond,
        };
        var message = new byte[VrrpPacket.MaxLength];
        int length = VrrpPacket.Write(
            new AdvertisementContent
            {
                Version = rules.Version,
                Family = rules.Family,
                VirtualRouterId = new(receiver.VirtualRouterId),
                Priority = new(priority),
                Interval = rules.AdvertisementInterval,
                Addresses = rules.Addresses.AsSpan(),
                AuthenticationType = rules.AuthenticationType,
                Password = rules.Password,
                Checksum = rules.StrictChecksumForm ?? VrrpChecksum.WithPseudoHeader,
            },
            receiver.Peer,
            receiver.Destination,
            message);
        byte hopLimit = rules.UnicastPeers.IsEmpty ? (byte)255 : rules.UnicastPeers[0].MaxHopLimit;
        bool isIPv6 = receiver.Family == IPFamily.IPv6;
        int header = isIPv6 ? IPv6Header.Length : IPv4Header.MinLength;
        var frame = new byte[Ethernet + header + length];
        new EthernetHeader(EthernetHeader.GroupAddress(receiver.Destination), MacAddress.Broadcast, isIPv6 ? EthernetHeader.IPv6 : EthernetHeader.IPv4)
            .Write(frame);
        if (isIPv6)
            new IPv6Header { Source = receiver.Peer, Destination = receiver.Destination, HopLimit = hopLimit, PayloadLength = length }.Write(frame.AsSpan(Ethernet));
        else
            new IPv4Header { Source = receiver.Peer, Destination = receiver.Destination, TimeToLive = hopLimit, PayloadLength = length }.Write(frame.AsSpan(Ethernet));
        message.AsSpan(0, length).CopyTo(frame.AsSpan(Ethernet + header));
        return frame;
    }

    private static void Aim(FuzzInput input, int frame, Receiver receiver, FuzzRandom random)
    {
        frame = Math.Min(frame, input.Length);
        input.Replace(frame, input.Length - frame, ValidFrame(receiver, random.Pick(0, 1, 100, 254, 255)));
    }

    private static void ChangeField(Span<byte> input, Layout layout, FuzzRandom random)
    {
        var message = input[layout.Message..];
        if (message.Length < VrrpPacket.HeaderLength)
            return;
        switch (random.Next(8))
        {
            case 0:
                message[0] = random.Pick<byte>(0x21, 0x31, 0x11, 0x41, 0x32, 0x20, 0x3F, 0xFF, 0x00);
                break;
            case 1:
                message[1] = random.Pick<byte>(0, 1, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 51, 255, random.NextByte());
                break;
            case 2:
                message[2] = random.Pick<byte>(0, 1, 99, 100, 101, 254, 255, random.NextByte());
                break;
            case 3:
                message[3] = random.Pick<byte>(0, 1, 2, 3, 4, 255, (byte)(message[3] + 1), (byte)(message[3] - 1));
                break;
            case 4:
                message[4] = random.Pick<byte>(0, 1, 2, 3, 0x0F, 0xF0, 254, 255);
                break;
            case 5:
                message[5] = random.Pick<byte>(0, 1, 2, 100, 200, 255);
                break;
            case 6:
                BinaryPrimitives.WriteUInt16BigEndian(message[4..], random.Pick<ushort>(0, 1, 50, 100, 200, 4095, 0xF064, 0xF000, 0xFFFF));
                break;
            default:
                // Authentication data, or the last address.
                int at = message.Length - 1 - random.Next(Math.Min(8, message.Length));
                message[at] ^= (byte)(1 << random.Next(8));
                break;
        }
    }

    private static void ChangeHeader(Span<byte> input, Layout layout, FuzzRandom random)
    {
        var ip = input[layout.IP..];
        int choice = random.Next(8);
        if (choice < 2)
        {
            var source = random.Pick<IPAddressValue>(s_sources);
            if (source.Family == layout.Family)
                source.Write(ip[(layout.IsIPv6 ? 8 : 12)..]);
        }
        else if (choice < 4)
        {
            var destination = random.Pick<IPAddressValue>(s_destinations);
            if (destination.Family == layout.Family)
                destination.Write(ip[(layout.IsIPv6 ? 24 : 16)..]);
        }
        else if (choice < 6)
        {
            ip[layout.IsIPv6 ? 7 : 8] = random.Pick<byte>(0, 1, 63, 64, 128, 129, 254, 255);
        }
        else if (choice == 6 && !layout.IsIPv6)
        {
            ip[0] = random.Pick<byte>(0x45, 0x44, 0x46, 0x4F, 0x65, 0x40, 0x05);
            ip[6] = random.Pick<byte>(0, 0x20, 0x40, 0x80, 0x1F);
        }
        else
        {
            BinaryPrimitives.WriteUInt16BigEndian(input[(layout.IP - 2)..], random.Pick<ushort>(0x0800, 0x86DD, 0x0806, 0));
        }
    }

    private static void ChangeLength(FuzzInput input, Layout layout, FuzzRandom random)
    {
        var ip = input.Span[layout.IP..];
        switch (random.Next(4))
        {
            case 0:
                input.Truncate(random.Next(layout.IP, input.Length + 1));
                break;
            case 1:
                Span<byte> more = stackalloc byte[random.Pick(1, 2, 4, 8, 16, 24)];
                random.Fill(more);
                input.Insert(input.Length, more);
                break;
            case 2:
                ushort length = random.Pick<ushort>(0, 1, 7, 8, 19, 20, 28, 40, 0xFFFF, (ushort)(input.Length - layout.IP));
                BinaryPrimitives.WriteUInt16BigEndian(ip[(layout.IsIPv6 ? 4 : 2)..], length);
                break;
            default:
                input.Truncate(layout.Message + random.Pick(0, 1, 2, 7, 8, 12, 20));
                break;
        }
    }

    private static void ChangeAddresses(FuzzInput input, Layout layout, Receiver receiver, FuzzRandom random)
    {
        var message = input.Span[layout.Message..];
        if (message.Length < VrrpPacket.HeaderLength)
            return;
        int size = layout.IsIPv6 ? 16 : 4;
        int list = layout.Message + VrrpPacket.HeaderLength;
        int count = Math.Min(message[3], (input.Length - list) / size);
        int at = list + (random.Next(count + 1) * size);
        switch (random.Next(5))
        {
            case 0 when count > 0:
                input.Remove(list + (random.Next(count) * size), size);
                input.Span[layout.Message + 3]--;
                break;
            case 1 when count > 0:
                // Reversed, or one of them twice.
                int a = list + (random.Next(count) * size);
                int b = list + (random.Next(count) * size);
                byte[] first = input.Span.Slice(a, size).ToArray();
                input.Span.Slice(b, size).CopyTo(input.Span[a..]);
                if (random.OneIn(2))
                    first.CopyTo(input.Span[b..]);
                break;
            case 2:
                int copies = random.Pick(1, 2, 60, 254 - count);
                byte[] address = count > 0 ? input.Span.Slice(list, size).ToArray() : new byte[size];
                for (int i = 0; i < copies && input.Length + size <= input.Capacity; i++)
                    input.Insert(at, address);
                input.Span[layout.Message + 3] = (byte)(count + copies);
                break;
            case 3 when receiver.Rules is { Addresses.IsEmpty: false } rules && rules.Family == layout.Family && count > 0:
                rules.Addresses[random.Next(rules.Addresses.Length)].Write(input.Span[(at - (at == list ? 0 : size))..]);
                break;
            default:
                if (at < input.Length)
                    input.Span[at] = random.Pick<byte>(0xFE, 0xFF, 0xE0, 0x00, 0xC0);
                break;
        }
    }

    private static void InsertExtensionHeader(FuzzInput input, Layout layout, FuzzRandom random)
    {
        var ip = input.Span[layout.IP..];
        Span<byte> header = stackalloc byte[8 * random.Pick(1, 1, 2)];
        header.Clear();
        header[0] = ip[6];
        header[1] = random.OneIn(4) ? random.Pick<byte>(1, 2, 255) : (byte)((header.Length / 8) - 1);
        ip[6] = random.Pick<byte>(0, 43, 60, 44, 51);
        input.Insert(layout.IP + IPv6Header.Length, header);
    }

    private static void InsertOptions(FuzzInput input, Layout layout, FuzzRandom random)
    {
        int words = random.Pick(1, 2, 10);
        Span<byte> options = stackalloc byte[words * 4];
        options.Fill(1);
        input.Insert(layout.IP + IPv4Header.MinLength, options);
        input.Span[layout.IP] = (byte)(0x45 + words);
    }

    private static void FixLengths(Span<byte> input, int frame)
    {
        if (!Layout.TryFind(input, frame, out var layout))
            return;
        int length = input.Length - layout.IP;
        if (layout.IsIPv6)
            BinaryPrimitives.WriteUInt16BigEndian(input[(layout.IP + 4)..], (ushort)(length - IPv6Header.Length));
        else
            BinaryPrimitives.WriteUInt16BigEndian(input[(layout.IP + 2)..], (ushort)length);
    }

    private static void FixChecksum(Span<byte> input, int frame, FuzzRandom random)
    {
        if (!Layout.TryFind(input, frame, out var layout) || input.Length - layout.Message < VrrpPacket.HeaderLength)
            return;
        var message = input[layout.Message..];
        var source = IPAddressValue.Read(input.Slice(layout.IP + (layout.IsIPv6 ? 8 : 12), layout.IsIPv6 ? 16 : 4));
        var destination = IPAddressValue.Read(input.Slice(layout.IP + (layout.IsIPv6 ? 24 : 16), layout.IsIPv6 ? 16 : 4));
        bool isV2 = message[0] >> 4 == 2;
        uint sum = random.Next(8) switch
        {
            _ when isV2 && !random.OneIn(16) => 0,
            0 when !layout.IsIPv6 => InternetChecksum.PseudoHeader(source, IPAddressValue.MulticastGroupIPv4, VrrpPacket.Protocol, message.Length),
            1 or 2 => 0,
            _ => InternetChecksum.PseudoHeader(source, destination, VrrpPacket.Protocol, message.Length),
        };
        BinaryPrimitives.WriteUInt16BigEndian(message[ChecksumOffset..], 0);
        BinaryPrimitives.WriteUInt16BigEndian(message[ChecksumOffset..], InternetChecksum.Complete(InternetChecksum.Add(sum, message)));
    }

    /// <summary>Where the headers are, as far as the octets are plausible at all.</summary>
    private readonly record struct Layout(int IP, int Message, bool IsIPv6)
    {
        public IPFamily Family => IsIPv6 ? IPFamily.IPv6 : IPFamily.IPv4;

        public static bool TryFind(ReadOnlySpan<byte> input, int frame, out Layout layout)
        {
            layout = default;
            int ip = frame + Ethernet;
            if (input.Length < ip + IPv4Header.MinLength)
                return false;
            bool isIPv6 = BinaryPrimitives.ReadUInt16BigEndian(input[(ip - 2)..]) == EthernetHeader.IPv6;
            int message = ip + (isIPv6 ? IPv6Header.Length : Math.Max(5, input[ip] & 15) * 4);
            byte next = isIPv6 && input.Length > ip + 6 ? input[ip + 6] : (byte)0;
            while (isIPv6 && next is 0 or 43 or 60 && message + 8 <= input.Length)
            {
                next = input[message];
                message += (input[message + 1] + 1) * 8;
            }

            layout = new(ip, message, isIPv6);
            return message <= input.Length;
        }
    }
}
