using Vrrp.Netlink;

namespace Vrrp.Tests.Linux;

public sealed class NetlinkFormatTests
{
    [Fact]
    public void What_is_written_is_read()
    {
        Span<byte> buffer = stackalloc byte[512];
        buffer.Fill(0xEE);
        var writer = new NetlinkWriter(buffer);
        int first = writer.BeginMessage(20, 5, 7);
        writer.WriteStruct(new InterfaceAddressHeader { Family = 2, PrefixLength = 24, Index = 3 });
        writer.WriteUInt8(1, 0xAB);
        writer.WriteUInt16(2, 0x1234);
        writer.WriteUInt32(3, 0xDEADBEEF);
        writer.WriteUInt64(4, ulong.MaxValue - 1);
        writer.WriteUInt16BigEndian(5, 0x1234);
        writer.WriteUInt32BigEndian(6, 0x12345678);
        writer.WriteString(7, "eth0");
        writer.WriteFlag(8);
        writer.WriteAddress(9, IPAddressValue.Parse("10.0.0.1"));
        writer.WriteAddress(10, IPAddressValue.Parse("2001:db8::1"));
        writer.WriteMac(11, MacAddress.Broadcast);
        int outer = writer.BeginNested(12);
        int inner = writer.BeginNested(13);
        writer.WriteInt32(14, -5);
        writer.EndNested(inner);
        writer.EndNested(outer);
        writer.WriteBytes(15, [1, 2, 3, 4, 5]);
        writer.EndMessage(first);
        int second = writer.BeginMessage(3, 0, 8);
        writer.EndMessage(second);

        var reader = new NetlinkReader(writer.Written);
        Assert.True(reader.Next(out var message));
        Assert.Equal((20, 5, 7u), (message.Type, message.Flags, message.Sequence));
        Assert.True(message.TryReadHeader(out InterfaceAddressHeader header));
        Assert.Equal((2, 24, 3), (header.Family, header.PrefixLength, header.Index));
        var attributes = message.Attributes<InterfaceAddressHeader>();
        Assert.Equal(0xAB, Take(ref attributes, 1).ReadUInt8());
        Assert.Equal(0x1234, Take(ref attributes, 2).ReadUInt16());
        Assert.Equal(0xDEADBEEF, Take(ref attributes, 3).ReadUInt32());
        Assert.Equal(ulong.MaxValue - 1, Take(ref attributes, 4).ReadUInt64());
        var port = Take(ref attributes, 5);
        Assert.Equal(0x1234, port.ReadUInt16BigEndian());
        Assert.Equal([0x12, 0x34], port.Value.ToArray());
        Assert.Equal(0x12345678u, Take(ref attributes, 6).ReadUInt32BigEndian());
        var name = Take(ref attributes, 7);
        Assert.Equal("eth0", name.ReadString());
        Assert.Equal(5, name.Value.Length);
        Assert.True(Take(ref attributes, 8).Value.IsEmpty);
        Assert.Equal("10.0.0.1", Take(ref attributes, 9).ReadAddress().ToString());
        Assert.Equal("2001:db8::1", Take(ref attributes, 10).ReadAddress().ToString());
        Assert.Equal(MacAddress.Broadcast, Take(ref attributes, 11).ReadMac());
        var nested = Take(ref attributes, 12).Nested;
        nested = Take(ref nested, 13).Nested;
        Assert.Equal(-5, Take(ref nested, 14).ReadInt32());
        Assert.False(nested.Next(out _));
        Assert.Equal([1, 2, 3, 4, 5], Take(ref attributes, 15).Value.ToArray());
        Assert.False(attributes.Next(out _));
        Assert.True(reader.Next(out message));
        Assert.Equal((3, 8u), (message.Type, message.Sequence));
        Assert.False(reader.Next(out _));
        Assert.False(reader.IsMalformed);
    }

    [Fact]
    public void Padding_is_zero_whatever_the_buffer_held()
    {
        byte[] buffer = new byte[64];
        buffer.AsSpan().Fill(0xEE);
        var writer = new NetlinkWriter(buffer);
        writer.WriteUInt8(1, 2);
        Assert.Equal([5, 0, 1, 0, 2, 0, 0, 0], writer.Written.ToArray());
    }

    [Fact]
    public void Too_small_a_buffer_is_a_mistake_of_the_caller_at_every_length()
    {
        for (int length = 0; length < 60; length++)
        {
            byte[] buffer = new byte[length];
            Assert.Throws<InvalidOperationException>(() =>
            {
                var writer = new NetlinkWriter(buffer);
                int message = writer.BeginMessage(1, 2, 3);
                writer.WriteStruct(default(InterfaceHeader));
                writer.WriteAddress(1, IPAddressValue.MulticastGroupIPv6);
                writer.WriteString(2, "abcd");
                writer.EndMessage(message);
            });
        }
    }

    [Fact]
    public void Error_carries_the_kernels_words()
    {
        byte[] buffer = new byte[256];
        foreach (bool capped in (bool[])[true, false])
        {
            var writer = new NetlinkWriter(buffer);
            int message = writer.BeginMessage(Nlmsg.NLMSG_ERROR, (ushort)(Nlmsg.NLM_F_ACK_TLVS | (capped ? Nlmsg.NLM_F_CAPPED : 0)), 9);
            writer.WriteStruct(-22);
            int echoed = writer.BeginMessage(20, 5, 9);
            if (!capped)
                writer.WriteUInt32(1, 1);
            writer.EndMessage(echoed);
            writer.WriteString(Nlmsg.NLMSGERR_ATTR_MSG, "Invalid prefix length");
            writer.EndMessage(message);
            var reader = new NetlinkReader(writer.Written);
            Assert.True(reader.Next(out var read));
            Assert.Equal(22, read.ReadError());
            Assert.Equal("Invalid prefix length", read.ReadExplanation());
        }
    }

    [Fact]
    public void Every_truncation_of_a_message_ends_the_walk()
    {
        byte[] sample = WriteSample(new byte[400]);
        for (int length = 0; length < sample.Length; length++)
        {
            var reader = new NetlinkReader(sample.AsSpan(0, length));
            Assert.False(reader.Next(out _));
            Assert.Equal(length > 0, reader.IsMalformed);
        }
    }

    private static byte[] WriteSample(byte[] buffer)
    {
        var writer = new NetlinkWriter(buffer);
        AddressRecord record = new()
        {
            InterfaceIndex = 3,
            Local = IPAddressValue.Parse("10.0.0.1"),
            Address = IPAddressValue.Parse("10.0.0.1"),
            Broadcast = IPAddressValue.Parse("10.0.0.255"),
            Label = "eth0:1",
            PrefixLength = 24,
            Flags = 0x200,
            HasLifetime = true,
            Protocol = 112,
        };
        RouteMessages.WriteAddress(ref writer, RouteMessages.RTM_NEWADDR, 0, 1, record);
        var reader = new NetlinkReader(writer.Written);
        Assert.True(reader.Next(out var message));
        Assert.True(RouteMessages.TryReadAddress(message, out var read));
        Assert.Equal(record, read with { Label = RouteMessages.ReadLabel(message) });
        return writer.Written.ToArray();
    }

    private static NetlinkAttribute Take(ref NetlinkAttributes attributes, ushort type)
    {
        Assert.True(attributes.Next(out var attribute));
        Assert.Equal(type, attribute.Type);
        return attribute;
    }
}
