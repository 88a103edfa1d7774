using Vrrp.Packets;

namespace Vrrp.Tests.Packets;

/// <summary>Every packet of vrrp-vectors.json, through the headers and the codec as an engine would take it.</summary>
public class VrrpPacketVectorTests
{
    private static readonly VrrpFrameCodec Codec = new();

    /// <summary>The reason that each bad vector was made for.</summary>
    internal static readonly Dictionary<string, PacketRejection> Reasons = new()
    {
        ["bad-version-1"] = PacketRejection.Version,
        ["bad-version-4"] = PacketRejection.Version,
        ["bad-version-3-at-v2"] = PacketRejection.Version,
        ["bad-version-2-at-v3"] = PacketRejection.Version,
        ["bad-version-2-over-ipv6"] = PacketRejection.Version,
        ["bad-type-v2"] = PacketRejection.Type,
        ["bad-type-v3"] = PacketRejection.Type,
        ["bad-type-v3-ipv6"] = PacketRejection.Type,
        ["bad-empty-payload"] = PacketRejection.TooShort,
        ["bad-truncated-7"] = PacketRejection.TooShort,
        ["bad-truncated-no-auth-area"] = PacketRejection.LengthMismatch,
        ["bad-count-larger-v2"] = PacketRejection.LengthMismatch,
        ["bad-count-smaller-v2"] = PacketRejection.LengthMismatch,
        ["bad-count-larger-v3"] = PacketRejection.LengthMismatch,
        ["bad-count-smaller-v3"] = PacketRejection.LengthMismatch,
        ["bad-count-larger-v3-ipv6"] = PacketRejection.LengthMismatch,
        ["bad-truncated-v3-ipv6"] = PacketRejection.LengthMismatch,
        ["bad-count-zero-v3"] = PacketRejection.AddressCountZero,
        ["bad-count-zero-v2"] = PacketRejection.AddressList,
        ["bad-checksum-v2"] = PacketRejection.Checksum,
        ["bad-checksum-v2-auth-excluded"] = PacketRejection.Checksum,
        ["bad-checksum-v3-ipv4"] = PacketRejection.Checksum,
        ["bad-checksum-v3-ipv6-nops"] = PacketRejection.ChecksumForm,
        ["bad-checksum-v3-zero"] = PacketRejection.Checksum,
        ["bad-ttl-v2"] = PacketRejection.HopLimit,
        ["bad-ttl-v3"] = PacketRejection.HopLimit,
        ["bad-hoplimit-v3"] = PacketRejection.HopLimit,
        ["bad-auth-password"] = PacketRejection.AuthenticationFailure,
        ["bad-auth-password-padding"] = PacketRejection.AuthenticationFailure,
        ["bad-auth-none-received"] = PacketRejection.AuthenticationTypeMismatch,
        ["bad-auth-pass-received"] = PacketRejection.AuthenticationTypeMismatch,
        ["bad-auth-type-2"] = PacketRejection.AuthenticationTypeMismatch,
        ["bad-auth-type-unknown"] = PacketRejection.InvalidAuthenticationType,
        ["bad-interval-v2"] = PacketRejection.Interval,
        ["bad-interval-v2-zero"] = PacketRejection.Interval,
        ["bad-interval-v3-zero"] = PacketRejection.Interval,
        ["bad-vrid-unknown"] = PacketRejection.UnknownVirtualRouterId,
        ["bad-vrid-zero"] = PacketRejection.UnknownVirtualRouterId,
        ["bad-addrlist-v2-nonowner"] = PacketRejection.AddressList,
        ["bad-ipv6-first-not-linklocal"] = PacketRejection.FirstAddressNotLinkLocal,
        ["bad-owner-receives-v2"] = PacketRejection.OwnerReceives,
        ["bad-carp"] = PacketRejection.LengthMismatch,
        ["bad-unicast-at-multicast-mode"] = PacketRejection.WrongCastMode,
    };

    public static TheoryData<string> All => [.. VrrpVectors.Packets.Select(vector => vector.Name)];

    public static TheoryData<string> Accepted => [.. VrrpVectors.Packets.Where(vector => vector.IsAccepted).Select(vector => vector.Name)];

    [Fact]
    public void All_vectors_are_there_and_each_dropped_one_has_a_reason()
    {
        Assert.Equal(80, VrrpVectors.Packets.Length);
        Assert.Equal(8, VrrpVectors.Frames.Length);
        Assert.Equal(24, VrrpVectors.Timers.Length);
        Assert.Equal(VrrpVectors.Packets.Where(vector => !vector.IsAccepted).Select(vector => vector.Name).Order(), Reasons.Keys.Order());
    }

    // VR-013, VR-014: options in front and padding behind are no part of the message.
    [Theory]
    [MemberData(nameof(All))]
    public void The_message_is_found_in_the_packet_and_in_the_padded_frame(string name)
    {
        var vector = VrrpVectors.Packet(name);
        Assert.Equal(vector.Message, Open(vector.Family, vector.IPPacket).Message.ToArray());
        Assert.True(EthernetHeader.TryParse(vector.Frame, out var ethernet));
        Assert.Equal(vector.Family == IPFamily.IPv4 ? EthernetHeader.IPv4 : EthernetHeader.IPv6, ethernet.EtherType);
        Assert.Equal(vector.Message, Open(vector.Family, vector.Frame.AsSpan(EthernetHeader.Length)).Message.ToArray());
    }

    // VR-051, VR-053.
    [Theory]
    [MemberData(nameof(All))]
    public void The_verdict_and_the_counters_are_those_of_the_vector(string name)
    {
        var vector = VrrpVectors.Packet(name);
        var rejection = Read(vector, Open(vector.Family, vector.IPPacket), out var advertisement);
        Assert.Equal(vector.IsAccepted ? PacketRejection.None : Reasons[name], rejection);

        List<PacketRejection> counted = [];
        if (rejection != PacketRejection.None)
            counted.Add(rejection);
        if (advertisement.Notes.HasFlag(AdvertisementNotes.IntervalDiffers))
            counted.Add(PacketRejection.Interval);
        if (advertisement.Notes.HasFlag(AdvertisementNotes.AddressListDiffers))
            counted.Add(PacketRejection.AddressList);
        bool left = vector.IsAccepted && advertisement.Priority == Priority.Relinquish;
        AssertCounters(
            vector.Rfc8347,
            counted.Select(reason => reason.Rfc8347Counter()),
            vector.IsAccepted,
            left,
            "advertisement-rcvd",
            "priority-zero-pkts-rcvd");
        if (!vector.Rfc2787.IsEmpty)
        {
            AssertCounters(
                vector.Rfc2787,
                counted.Select(reason => reason.Rfc2787Counter()),
                vector.IsAccepted,
                left,
                "vrrpStatsAdvertiseRcvd",
                "vrrpStatsPriorityZeroPktsRcvd");
        }

        if (!vector.Rfc6527.IsEmpty)
        {
            AssertCounters(
                vector.Rfc6527,
                counted.Select(reason => reason.Rfc6527Counter()),
                vector.IsAccepted,
                left,
                "vrrpv3StatisticsRcvdAdvertisements",
                "vrrpv3StatisticsRcvdPriZeroPackets");
        }
    }

    // VR-051.
    [Theory]
    [MemberData(nameof(Accepted))]
    public void An_accepted_packet_decodes_to_the_fields_of_the_vector(string name)
    {
        var vector = VrrpVectors.Packet(name);
        var fields = vector.Decoded!;
        var packet = Open(vector.Family, vector.IPPacket);
        Assert.Equal(fields.HopLimit, packet.HopLimit);
        Assert.Equal(PacketRejection.None, Read(vector, packet, out var advertisement));
        Assert.Equal(fields.Source, advertisement.Source);
        Assert.Equal(fields.Destination, advertisement.Destination);
        Assert.Equal(vector.Family, advertisement.Family);
        Assert.Equal(fields.Version, (int)advertisement.Version);
        Assert.Equal(fields.VirtualRouterId, advertisement.VirtualRouterId.Value);
        Assert.Equal(fields.Priority, advertisement.Priority.Value);
        Assert.Equal(fields.Count, advertisement.AddressCount);
        Assert.Equal(fields.IntervalCentiseconds, advertisement.IntervalCentiseconds);
        Assert.Equal(fields.AuthenticationType ?? 0, advertisement.AuthenticationType);
        Assert.Equal(fields.AuthenticationData ?? "0000000000000000", advertisement.AuthenticationData.ToString("x16", null));
        for (int i = 0; i < fields.Count; i++)
            Assert.Equal(fields.Addresses[i], advertisement.GetAddress(i));
        Assert.Equal(Form(vector), advertisement.ChecksumForm);
    }

    // VR-052.
    [Theory]
    [MemberData(nameof(Accepted))]
    public void Writing_the_decoded_fields_gives_the_same_octets(string name)
    {
        // An encoder never sets reserved bits or authentication data without authentication.
        if (name is "v3-ipv4-reserved-f" or "v2-noauth-dirty-authdata")
            return;
        var vector = VrrpVectors.Packet(name);
        var fields = vector.Decoded!;
        Assert.Equal(PacketRejection.None, Read(vector, Open(vector.Family, vector.IPPacket), out var advertisement));
        var addresses = new IPAddressValue[advertisement.AddressCount];
        for (int i = 0; i < addresses.Length; i++)
            addresses[i] = advertisement.GetAddress(i);
        var content = new AdvertisementContent
        {
            Version = advertisement.Version,
            Family = advertisement.Family,
            VirtualRouterId = advertisement.VirtualRouterId,
            Priority = advertisement.Priority,
            Interval = AdvertisementInterval.FromCentiseconds(advertisement.IntervalCentiseconds),
            Addresses = addresses,
            AuthenticationType = (AuthenticationType)advertisement.AuthenticationType,
            Password = vector.Rules.Password,
            Checksum = advertisement.ChecksumForm,
        };
        var packet = new byte[2000];
        int headerLength = vector.Family == IPFamily.IPv4 ? IPv4Header.MinLength : IPv6Header.Length;
        int length = Codec.Write(content, fields.Source, fields.Destination, packet.AsSpan(headerLength));
        Assert.Equal(vector.Message, packet.AsSpan(headerLength, length).ToArray());
        if (name == "v3-ipv4-ihl6") // our header has no options
            return;
        if (vector.Family == IPFamily.IPv4)
            new IPv4Header { Source = fields.Source, Destination = fields.Destination, PayloadLength = length }.Write(packet);
        else
            new IPv6Header { Source = fields.Source, Destination = fields.Destination, PayloadLength = length }.Write(packet);
        Assert.Equal(vector.IPPacket, packet.AsSpan(0, headerLength + length).ToArray());
    }

    // VR-047: the old form needs the option.
    [Fact]
    public void The_legacy_unicast_checksum_is_refused_by_default()
    {
        var vector = VrrpVectors.Packet("v3-ipv4-unicast-legacy-ph");
        vector = vector with { Rules = vector.Rules with { AcceptLegacyUnicastChecksum = false } };
        Assert.Equal(PacketRejection.ChecksumForm, Read(vector, Open(vector.Family, vector.IPPacket), out _));
    }

    // VR-054: neither a shorter message nor any flipped bit makes the parser throw; the checksum finds each flipped bit.
    [Theory]
    [MemberData(nameof(All))]
    public void Every_truncation_and_every_flipped_bit_is_a_rejection_or_a_packet(string name)
    {
        var vector = VrrpVectors.Packet(name);
        var whole = Open(vector.Family, vector.IPPacket);
        for (int length = 0; length < vector.Message.Length; length++)
        {
            var packet = new ReceivedPacket
            {
                Source = whole.Source,
                Destination = whole.Destination,
                HopLimit = whole.HopLimit,
                Message = vector.Message.AsSpan(0, length),
            };
            // A bad packet with surplus octets may lose just these.
            var rejection = Read(vector, packet, out _);
            if (vector.IsAccepted)
                Assert.NotEqual(PacketRejection.None, rejection);
        }

        var octets = vector.Message.ToArray();
        for (int bit = 0; bit < octets.Length * 8; bit++)
        {
            octets[bit / 8] ^= (byte)(1 << (bit % 8));
            var packet = new ReceivedPacket
            {
                Source = whole.Source,
                Destination = whole.Destination,
                HopLimit = whole.HopLimit,
                Message = octets,
            };
            var rejection = Read(vector, packet, out _);
            if (vector.IsAccepted)
                Assert.NotEqual(PacketRejection.None, rejection);
            octets[bit / 8] ^= (byte)(1 << (bit % 8));
        }

        for (int length = 0; length < vector.Frame.Length; length++)
            ReadFrame(vector, vector.Frame.AsSpan(0, length));
        var frame = vector.Frame.ToArray();
        for (int bit = 0; bit < frame.Length * 8; bit++)
        {
            frame[bit / 8] ^= (byte)(1 << (bit % 8));
            ReadFrame(vector, frame);
            frame[bit / 8] ^= (byte)(1 << (bit % 8));
        }
    }

    /// <summary>Addresses and hop limit of the IP header.</summary>
    internal static (IPAddressValue Source, IPAddressValue Destination, int HopLimit) Header(PacketVector vector)
    {
        var packet = Open(vector.Family, vector.IPPacket);
        return (packet.Source, packet.Destination, packet.HopLimit);
    }

    private static void ReadFrame(PacketVector vector, ReadOnlySpan<byte> frame)
    {
        if (!EthernetHeader.TryParse(frame, out var ethernet))
            return;
        if (ethernet.EtherType is EthernetHeader.IPv4 or EthernetHeader.IPv6)
        {
            var family = ethernet.EtherType == EthernetHeader.IPv4 ? IPFamily.IPv4 : IPFamily.IPv6;
            if (TryOpen(family, frame[EthernetHeader.Length..], out var packet))
                Read(vector, packet, out _);
        }
    }

    private static PacketRejection Read(PacketVector vector, scoped in ReceivedPacket packet, out Advertisement advertisement)
    {
        // Copies, because what an engine gets is a buffer and not the vector itself.
        var copy = new ReceivedPacket
        {
            Source = packet.Source,
            Destination = packet.Destination,
            HopLimit = packet.HopLimit,
            Message = packet.Message.ToArray(),
        };
        Codec.TryPeekVirtualRouterId(copy, out byte virtualRouterId);
        return VrrpPacket.Read(copy, vector.Family, vector.RulesFor(virtualRouterId), out advertisement);
    }

    private static ReceivedPacket Open(IPFamily family, ReadOnlySpan<byte> octets)
    {
        Assert.True(TryOpen(family, octets, out var packet));
        return packet;
    }

    private static bool TryOpen(IPFamily family, ReadOnlySpan<byte> octets, out ReceivedPacket packet)
    {
        packet = default;
        if (family == IPFamily.IPv4)
        {
            if (!IPv4Header.TryParse(octets, out var header))
                return false;
            packet = new()
            {
                Source = header.Source,
                Destination = header.Destination,
                HopLimit = header.TimeToLive,
                Message = header.GetPayload(octets),
            };
            return true;
        }

        if (!IPv6Header.TryParse(octets, out var ipv6) || !ipv6.TryGetPayload(octets, out _, out var payload))
            return false;
        packet = new() { Source = ipv6.Source, Destination = ipv6.Destination, HopLimit = ipv6.HopLimit, Message = payload };
        return true;
    }

    private static VrrpChecksum Form(PacketVector vector) => vector.ChecksumForm switch
    {
        null or "message-only" => VrrpChecksum.MessageOnly,
        "pseudo-header" => VrrpChecksum.WithPseudoHeader,
        "pseudo-header-with-multicast-destination" => VrrpChecksum.WithMulticastPseudoHeader,
        var other => throw new InvalidDataException(other),
    };

    private static void AssertCounters(
        IEnumerable<string> expected, IEnumerable<string?> counted, bool isAccepted, bool left, string received, string priorityZero)
    {
        List<string> actual = [.. counted.OfType<string>()];
        if (isAccepted)
            actual.Add(received);
        if (left)
            actual.Add(priorityZero);
        Assert.Equal(expected.Order(), actual.Order());
    }
}
