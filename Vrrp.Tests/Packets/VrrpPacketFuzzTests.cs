using Vrrp.Packets;

namespace Vrrp.Tests.Packets;

/// <summary>Random input with fixed seeds, and the promise that the codec allocates nothing.</summary>
public class VrrpPacketFuzzTests
{
    private const int Seed = 20241;

    private static readonly VrrpFrameCodec Codec = new();
    private static readonly IPAddressValue[] AddressesIPv4 =
        [.. Enumerable.Range(1, 255).Select(i => IPAddressValue.FromIPv4(0xC000_0200u + (uint)i))];
    private static readonly IPAddressValue[] AddressesIPv6 =
        [.. Enumerable.Range(1, 255).Select(i => IPAddressValue.Parse($"fe80::{i:x}"))];

    // VR-054. Half of the messages get a fitting header, length and checksum, so that the later checks are reached too.
    [Fact]
    public void Random_octets_are_a_rejection_or_a_packet()
    {
        var random = new Random(Seed);
        var noise = new byte[1 << 16]; // a seeded generator is slow: draw once, take parts
        random.NextBytes(noise);
        var buffer = new byte[2000];
        var reasons = new HashSet<PacketRejection>();
        var vectors = VrrpVectors.Packets;
        for (int i = 0; i < 200_000; i++)
        {
            var vector = vectors[i % vectors.Length];
            int length = random.Next(4) == 0 ? random.Next(buffer.Length + 1) : random.Next(64);
            var message = buffer.AsSpan(0, length);
            noise.AsSpan(random.Next(noise.Length - length), length).CopyTo(message);
            if (length >= VrrpPacket.HeaderLength && random.Next(2) == 0)
                message = MakePlausible(message, vector, random);

            var fields = vectors[random.Next(vectors.Length)].Decoded;
            var packet = new ReceivedPacket
            {
                Source = fields?.Source ?? default,
                Destination = fields?.Destination ?? default,
                HopLimit = random.Next(8) == 0 ? random.Next(-1, 256) : 255,
                Message = message,
            };
            Codec.TryPeekVirtualRouterId(packet, out byte virtualRouterId);
            var rejection = Codec.Read(packet, vector.Family, vector.RulesFor(virtualRouterId), out var advertisement);
            reasons.Add(rejection);
            for (int k = 0; k < advertisement.AddressCount; k++)
                Assert.Equal(vector.Family, advertisement.GetAddress(k).Family);
        }

        PacketRejection[] reachable =
            [PacketRejection.None, PacketRejection.Checksum, PacketRejection.LengthMismatch, PacketRejection.Version];
        Assert.Empty(reachable.Except(reasons)); // else the input is too poor to show anything
    }

    [Fact]
    public void Random_octets_are_a_header_or_none()
    {
        var random = new Random(Seed);
        var buffer = new byte[200];
        for (int i = 0; i < 50_000; i++)
        {
            var octets = buffer.AsSpan(0, random.Next(buffer.Length + 1));
            random.NextBytes(octets);
            if (!octets.IsEmpty)
                octets[0] = (byte)(random.Next(2) == 0 ? 0x40 | (octets[0] & 0xF) : 0x60);
            if (octets.Length > 5)
                octets[2] = octets[4] = 0;
            if (octets.Length > 7 && random.Next(2) == 0)
            {
                octets[6] = octets[7] = 0;
                octets[3] = (byte)octets.Length;
            }

            if (IPv4Header.TryParse(octets, out var ipv4))
                Assert.Equal(ipv4.PayloadLength, ipv4.GetPayload(octets).Length);
            if (IPv6Header.TryParse(octets, out var ipv6) && ipv6.TryGetPayload(octets, out _, out var payload))
                Assert.True(payload.Length <= ipv6.PayloadLength);
            Assert.Equal(octets.Length >= EthernetHeader.Length, EthernetHeader.TryParse(octets, out _));
        }
    }

    [Fact]
    public void What_was_written_is_read()
    {
        var random = new Random(Seed);
        var buffer = new byte[VrrpPacket.MaxLength];
        for (int i = 0; i < 20_000; i++)
        {
            var version = random.Next(3) == 0 ? VrrpVersion.V2 : VrrpVersion.V3;
            var family = version == VrrpVersion.V2 || random.Next(2) == 0 ? IPFamily.IPv4 : IPFamily.IPv6;
            var all = family == IPFamily.IPv4 ? AddressesIPv4 : AddressesIPv6;
            int count = random.Next(4) == 0 ? random.Next(1, 256) : random.Next(1, 5);
            int first = random.Next(256 - count);
            bool isUnicast = random.Next(2) == 0;
            var source = all[random.Next(255)];
            var destination = isUnicast ? all[random.Next(255)]
                : family == IPFamily.IPv4 ? IPAddressValue.MulticastGroupIPv4 : IPAddressValue.MulticastGroupIPv6;
            var interval = version == VrrpVersion.V2
                ? AdvertisementInterval.FromSeconds(random.Next(1, 256))
                : AdvertisementInterval.FromCentiseconds(random.Next(1, 4096));
            bool isProtected = version == VrrpVersion.V2 && random.Next(2) == 0;
            var password = isProtected ? SimplePassword.From("p" + random.Next()) : default;
            var form = random.Next(2) == 0 ? VrrpChecksum.MessageOnly : VrrpChecksum.WithPseudoHeader;
            var content = new AdvertisementContent
            {
                Version = version,
                Family = family,
                VirtualRouterId = new VirtualRouterId(random.Next(1, 256)),
                Priority = new Priority(random.Next(256)),
                Interval = interval,
                Addresses = all.AsSpan(first, count),
                AuthenticationType = isProtected ? AuthenticationType.SimplePassword : AuthenticationType.None,
                Password = password,
                Checksum = form,
            };
            var rules = new ReceptionRules
            {
                Version = version,
                Family = family,
                AuthenticationType = content.AuthenticationType,
                Password = password,
                AdvertisementInterval = interval,
                AddressListCheck = AddressListCheck.RejectUnlessOwner,
                Addresses = [.. content.Addresses],
                IsUnicast = isUnicast,
            };

            buffer.AsSpan().Fill(0xA5); // what the buffer held before must not show through
            int length = Codec.Write(content, source, destination, buffer);
            Assert.Equal(VrrpPacket.GetLength(version, family, count), length);
            var message = buffer.AsSpan(0, length);
            var packet = new ReceivedPacket { Source = source, Destination = destination, HopLimit = 255, Message = message };
            Assert.Equal(PacketRejection.None, Codec.Read(packet, family, rules, out var advertisement));
            Assert.Equal(content.VirtualRouterId, advertisement.VirtualRouterId);
            Assert.Equal(content.Priority, advertisement.Priority);
            Assert.Equal(interval.Centiseconds, advertisement.IntervalCentiseconds);
            Assert.Equal(AdvertisementNotes.None, advertisement.Notes);
            Assert.Equal(count, advertisement.AddressCount);
            for (int k = 0; k < count; k++)
                Assert.Equal(content.Addresses[k], advertisement.GetAddress(k));
            var expected = version == VrrpVersion.V2 ? VrrpChecksum.MessageOnly
                : family == IPFamily.IPv6 ? VrrpChecksum.WithPseudoHeader : form;
            Assert.Equal(expected, advertisement.ChecksumForm);
        }
    }

    [Fact]
    public void Reading_and_writing_allocate_nothing()
    {
        var buffer = new byte[VrrpPacket.MaxLength];
        var frame = new byte[NeighborAdvertisement.FrameLength];
        var mac = MacAddress.ForVirtualRouter(new VirtualRouterId(51), IPFamily.IPv4);
        // Reversed, so that the comparison of sets runs, not only its fast path.
        var rulesIPv4 = Rules(IPFamily.IPv4, AddressesIPv4[..20]);
        var rulesIPv6 = Rules(IPFamily.IPv6, AddressesIPv6[..20]);
        // The runtime counts calls and compiles again what is called often, some of it on this thread.
        for (int i = 0; i < 1000; i++)
            Exercise(buffer, frame, mac, rulesIPv4, rulesIPv6);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 1000; i++)
            Exercise(buffer, frame, mac, rulesIPv4, rulesIPv6);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    private static void Exercise(byte[] buffer, byte[] frame, MacAddress mac, ReceptionRules rulesIPv4, ReceptionRules rulesIPv6)
    {
        Exercise(buffer, rulesIPv4, AddressesIPv4.AsSpan(0, 20), IPAddressValue.MulticastGroupIPv4);
        Exercise(buffer, rulesIPv6, AddressesIPv6.AsSpan(0, 20), IPAddressValue.MulticastGroupIPv6);
        ArpPacket.WriteGratuitous(frame, mac, AddressesIPv4[0]);
        NeighborAdvertisement.WriteUnsolicited(frame, mac, AddressesIPv6[0], isRouter: true);
    }

    private static void Exercise(byte[] buffer, ReceptionRules rules, ReadOnlySpan<IPAddressValue> addresses, IPAddressValue group)
    {
        var content = new AdvertisementContent
        {
            Version = VrrpVersion.V3,
            Family = rules.Family,
            VirtualRouterId = new VirtualRouterId(51),
            Priority = Priority.Default,
            Interval = AdvertisementInterval.FromCentiseconds(50),
            Addresses = addresses,
        };
        int length = Codec.Write(content, addresses[0], group, buffer);
        var packet = new ReceivedPacket { Source = addresses[0], Destination = group, HopLimit = 255, Message = buffer.AsSpan(0, length) };
        if (!Codec.TryPeekVirtualRouterId(packet, out byte virtualRouterId) || virtualRouterId != 51)
            throw new InvalidOperationException();
        if (Codec.Read(packet, rules.Family, rules, out var advertisement) != PacketRejection.None
            || advertisement.Notes != AdvertisementNotes.IntervalDiffers || advertisement.GetAddress(1) != addresses[1])
            throw new InvalidOperationException();
        buffer[20] ^= 1;
        if (Codec.Read(packet, rules.Family, rules, out _) != PacketRejection.Checksum)
            throw new InvalidOperationException();
    }

    private static ReceptionRules Rules(IPFamily family, IPAddressValue[] addresses) => new()
    {
        Version = VrrpVersion.V3,
        Family = family,
        AdvertisementInterval = AdvertisementInterval.OneSecond,
        AddressListCheck = AddressListCheck.LogOnly,
        Addresses = [.. addresses.Reverse()],
    };

    private static Span<byte> MakePlausible(Span<byte> message, PacketVector vector, Random random)
    {
        var version = vector.Rules.Version;
        int addressLength = vector.Family == IPFamily.IPv4 ? 4 : 16;
        int surplus = message.Length - VrrpPacket.GetLength(version, vector.Family, 0);
        if (surplus < 0 || surplus / addressLength > VrrpPacket.MaxAddresses)
            return message;
        int count = surplus / addressLength;
        message = message[..VrrpPacket.GetLength(version, vector.Family, count)];
        message[0] = (byte)(((int)version << 4) | 1);
        message[1] = vector.ReceiverVirtualRouterId;
        message[3] = (byte)count;
        if (random.Next(2) == 0)
            vector.Message.AsSpan(0, Math.Min(vector.Message.Length, 6)).CopyTo(message);
        message[6] = message[7] = 0;
        // Message-only verifies for version 2 and, as the other accepted form, for version 3 over IPv4.
        System.Buffers.Binary.BinaryPrimitives.WriteUInt16BigEndian(message[6..], InternetChecksum.Compute(message));
        if (random.Next(8) == 0)
            message[7]++;
        return message;
    }
}
