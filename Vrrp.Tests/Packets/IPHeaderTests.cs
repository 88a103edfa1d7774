using Vrrp.Packets;

namespace Vrrp.Tests.Packets;

public class IPHeaderTests
{
    private static readonly IPAddressValue Sender = IPAddressValue.Parse("192.0.2.1");
    private static readonly IPAddressValue SenderIPv6 = IPAddressValue.Parse("fe80::1");

    [Fact]
    public void An_IPv4_header_is_written_and_read()
    {
        var packet = new byte[30];
        var header = new IPv4Header
        {
            Source = Sender,
            Destination = IPAddressValue.MulticastGroupIPv4,
            Identification = 0x1234,
            TimeToLive = 7,
            PayloadLength = 10,
        };
        header.Write(packet);
        Assert.True(IPv4Header.TryParse(packet, out var read));
        Assert.Equal(header, read);
        Assert.True(read.HasValidChecksum(packet));
        packet[8]++;
        Assert.False(read.HasValidChecksum(packet));
    }

    [Theory]
    [InlineData(0, 0x44)] // IHL 4
    [InlineData(0, 0x55)] // version 5
    [InlineData(0, 0x4F)] // options beyond the total length
    [InlineData(3, 19)] // total length within the header
    [InlineData(3, 31)] // total length beyond the packet
    [InlineData(6, 0x20)] // more fragments
    [InlineData(6, 0x01)] // fragment offset
    [InlineData(7, 0x01)]
    public void A_contradictory_or_fragmented_IPv4_packet_is_refused(int offset, byte value)
    {
        var packet = new byte[30];
        new IPv4Header { Source = Sender, Destination = Sender, PayloadLength = 10 }.Write(packet);
        packet[offset] = value;
        Assert.False(IPv4Header.TryParse(packet, out _));
    }

    [Fact]
    public void Do_not_fragment_is_no_fragment()
    {
        var packet = new byte[30];
        new IPv4Header { Source = Sender, Destination = Sender, PayloadLength = 10 }.Write(packet);
        packet[6] = 0x40;
        Assert.True(IPv4Header.TryParse(packet, out _));
    }

    [Fact]
    public void An_IPv6_header_is_written_and_read()
    {
        var packet = new byte[50];
        var header = new IPv6Header { Source = SenderIPv6, Destination = IPAddressValue.MulticastGroupIPv6, PayloadLength = 10 };
        header.Write(packet);
        Assert.True(IPv6Header.TryParse(packet, out var read));
        Assert.Equal(header, read);
        Assert.False(IPv6Header.TryParse(packet.AsSpan(0, 49), out _));
        packet[0] = 0x45;
        Assert.False(IPv6Header.TryParse(packet, out _));
    }

    // VR-014: extension headers are not counted.
    [Theory]
    [InlineData(0)]
    [InlineData(43)]
    [InlineData(60)]
    public void Extension_headers_are_skipped(byte extension)
    {
        var packet = new byte[40 + 16 + 8 + 12];
        new IPv6Header { Source = SenderIPv6, Destination = SenderIPv6, NextHeader = extension, PayloadLength = 36 }.Write(packet);
        packet[40] = 60; // destination options follow, after 16 octets
        packet[41] = 1;
        packet[56] = VrrpPacket.Protocol;
        packet[64] = 0x31;
        Assert.True(IPv6Header.TryParse(packet, out var header));
        Assert.True(header.TryGetPayload(packet, out byte protocol, out var payload));
        Assert.Equal(VrrpPacket.Protocol, protocol);
        Assert.Equal(12, payload.Length);
        Assert.Equal(0x31, payload[0]);
        packet[41] = 200;
        Assert.False(header.TryGetPayload(packet, out _, out _));
    }

    [Fact]
    public void A_fragment_header_is_named_as_the_protocol()
    {
        var packet = new byte[60];
        new IPv6Header { Source = SenderIPv6, Destination = SenderIPv6, NextHeader = 44, PayloadLength = 20 }.Write(packet);
        Assert.True(IPv6Header.TryParse(packet, out var header));
        Assert.True(header.TryGetPayload(packet, out byte protocol, out _));
        Assert.Equal(44, protocol);
    }

    [Fact]
    public void A_header_that_cannot_be_written_is_the_callers_mistake()
    {
        var packet = new byte[40];
        var ipv4 = new IPv4Header { Source = Sender, Destination = Sender, PayloadLength = 0 };
        var ipv6 = new IPv6Header { Source = SenderIPv6, Destination = SenderIPv6, PayloadLength = 0 };
        Assert.Throws<ArgumentException>(() => (ipv4 with { Source = SenderIPv6 }).Write(packet));
        Assert.Throws<ArgumentException>(() => (ipv6 with { Destination = Sender }).Write(packet));
        Assert.Throws<ArgumentOutOfRangeException>(() => (ipv4 with { PayloadLength = 65516 }).Write(packet));
        Assert.Throws<ArgumentOutOfRangeException>(() => (ipv6 with { PayloadLength = 65536 }).Write(packet));
        Assert.Throws<ArgumentOutOfRangeException>(() => ipv4.Write(new byte[19]));
        Assert.Throws<ArgumentOutOfRangeException>(() => ipv6.Write(new byte[39]));
    }
}
