using System.Buffers.Binary;
using Vrrp.Packets;

namespace Vrrp.Tests.Packets;

public class InternetChecksumTests
{
    [Fact]
    public void The_sum_is_that_of_the_definition_for_every_length_and_content()
    {
        var random = new Random(7);
        for (int length = 0; length < 300; length++)
        {
            var octets = new byte[length];
            random.NextBytes(octets);
            if (length % 3 == 0)
                octets.AsSpan().Fill(0xFF);
            Assert.Equal(Definition(octets), InternetChecksum.Add(0, octets));
            int half = length / 4 * 2;
            Assert.Equal(Definition(octets), InternetChecksum.Add(InternetChecksum.Add(0, octets.AsSpan(0, half)), octets.AsSpan(half)));
        }
    }

    // The example of RFC 1071 §3.
    [Fact]
    public void The_example_of_RFC_1071_sums_to_its_value() =>
        Assert.Equal(0xDDF2u, InternetChecksum.Add(0, [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]));

    [Fact]
    public void A_pseudo_header_is_the_sum_of_its_octets()
    {
        var group = IPAddressValue.MulticastGroupIPv4;
        byte[] ipv4 = [192, 0, 2, 1, 224, 0, 0, 18, 0, 112, 0, 20];
        Assert.Equal(Definition(ipv4), InternetChecksum.PseudoHeader(IPAddressValue.Parse("192.0.2.1"), group, 112, 20));
        group = IPAddressValue.MulticastGroupIPv6;
        var ipv6 = new byte[40];
        IPAddressValue.Parse("fe80::1").Write(ipv6);
        group.Write(ipv6.AsSpan(16));
        ipv6[34] = 0x10;
        ipv6[39] = 112;
        Assert.Equal(Definition(ipv6), InternetChecksum.PseudoHeader(IPAddressValue.Parse("fe80::1"), group, 112, 0x1000));
    }

    // RFC 1624 §4: the case that equation 4 of RFC 1141 gets wrong.
    [Fact]
    public void An_update_is_a_full_computation()
    {
        Assert.Equal(0x0000, InternetChecksum.Update(0xDD2F, 0x5555, 0x3285));
        var random = new Random(11);
        var octets = new byte[20];
        for (int i = 0; i < 10_000; i++)
        {
            random.NextBytes(octets);
            ushort before = BinaryPrimitives.ReadUInt16BigEndian(octets);
            ushort checksum = InternetChecksum.Compute(octets);
            ushort after = (ushort)random.Next(65536);
            BinaryPrimitives.WriteUInt16BigEndian(octets, after);
            Assert.Equal(InternetChecksum.Compute(octets), InternetChecksum.Update(checksum, before, after));
        }
    }

    private static uint Definition(ReadOnlySpan<byte> octets)
    {
        uint sum = 0;
        for (int i = 0; i < octets.Length; i++)
            sum += i % 2 == 0 ? (uint)octets[i] << 8 : octets[i];
        while (sum > 0xFFFF)
            sum = (sum & 0xFFFF) + (sum >> 16);
        return sum;
    }
}
