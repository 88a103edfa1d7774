using Vrrp.Packets;

namespace Vrrp.Tests.Packets;

/// <summary>Random messages with a fixed seed, written and read again, and the promise that the codec allocates nothing.</summary>
public class VrrpPacketRoundTripTests
{
    private const int Seed = 20241;

    private static readonly VrrpFrameCodec Codec = new();
    private static readonly IPAddressValue[] AddressesIPv4 =
        [.. Enumerable.Range(1, 255).Select(i => IPAddressValue.FromIPv4(0xC000_0200u + (uint)i))];
    private static readonly IPAddressValue[] AddressesIPv6 =
        [.. Enumerable.Range(1, 255).Select(i => IPAddressValue.Parse($"fe80::{i:x}"))];

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
        // The runtime compiles again what is called often, some of it on this thread: what counts is that it comes to an end.
        long allocated = -1;
        for (int round = 0; round < 10 && allocated != 0; round++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            for (int i = 0; i < 1000; i++)
                Exercise(buffer, frame, mac, rulesIPv4, rulesIPv6);
            allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        }

        Assert.Equal(0, allocated);
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
}
