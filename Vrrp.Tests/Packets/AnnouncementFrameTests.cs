using Vrrp.Packets;

namespace Vrrp.Tests.Packets;

/// <summary>The announcement frames of vrrp-vectors.json, octet for octet.</summary>
public class AnnouncementFrameTests
{
    private static readonly MacAddress VirtualMacIPv4 = MacAddress.ForVirtualRouter(new VirtualRouterId(51), IPFamily.IPv4);
    private static readonly MacAddress VirtualMacIPv6 = MacAddress.ForVirtualRouter(new VirtualRouterId(51), IPFamily.IPv6);
    private static readonly MacAddress Host = MacAddress.Read([0x02, 0, 0, 0, 0, 0x99]);
    private static readonly IPAddressValue Address = IPAddressValue.Parse("192.0.2.254");
    private static readonly IPAddressValue GlobalIPv6 = IPAddressValue.Parse("2001:db8::254");

    [Theory]
    [InlineData("garp-request-rfc9568", ArpOperation.Request, ArpTargetAddress.Sender)]
    [InlineData("garp-request-zero-tha", ArpOperation.Request, ArpTargetAddress.Zero)]
    [InlineData("garp-request-bcast-tha", ArpOperation.Request, ArpTargetAddress.Broadcast)]
    [InlineData("garp-reply", ArpOperation.Reply, ArpTargetAddress.Sender)]
    public void A_gratuitous_ARP_has_the_form_asked_for(string name, ArpOperation operation, ArpTargetAddress target)
    {
        var expected = VrrpVectors.Frame(name).Frame;
        var frame = Dirty(64);
        Assert.Equal(60, ArpPacket.WriteGratuitous(frame, VirtualMacIPv4, Address, operation, target, padded: true));
        Assert.Equal(expected, frame[..60]);
        frame = Dirty(42);
        Assert.Equal(42, ArpPacket.WriteGratuitous(frame, VirtualMacIPv4, Address, operation, target));
        Assert.Equal(expected[..42], frame);
    }

    [Fact]
    public void An_ARP_reply_answers_a_host_with_the_virtual_MAC()
    {
        var frame = Dirty(60);
        int length = ArpPacket.Write(
            frame, Host, ArpOperation.Reply, VirtualMacIPv4, Address, Host, IPAddressValue.Parse("192.0.2.99"), padded: true);
        Assert.Equal(60, length);
        Assert.Equal(VrrpVectors.Frame("arp-reply-host").Frame, frame);
    }

    [Theory]
    [InlineData("na-unsolicited-ll", "fe80::254")]
    [InlineData("na-unsolicited-global", "2001:db8::254")]
    public void An_unsolicited_NA_goes_to_all_nodes(string name, string address)
    {
        var frame = Dirty(NeighborAdvertisement.FrameLength);
        Assert.Equal(86, NeighborAdvertisement.WriteUnsolicited(frame, VirtualMacIPv6, IPAddressValue.Parse(address), isRouter: true));
        Assert.Equal(VrrpVectors.Frame(name).Frame, frame);
    }

    [Fact]
    public void A_solicited_NA_goes_to_who_asked()
    {
        var frame = Dirty(NeighborAdvertisement.FrameLength);
        int length = NeighborAdvertisement.WriteSolicited(
            frame, Host, VirtualMacIPv6, GlobalIPv6, IPAddressValue.Parse("fe80::99"), isRouter: true);
        Assert.Equal(86, length);
        Assert.Equal(VrrpVectors.Frame("na-solicited").Frame, frame);
        Assert.Throws<ArgumentException>(() =>
            NeighborAdvertisement.WriteSolicited(frame, Host, VirtualMacIPv6, GlobalIPv6, IPAddressValue.AllNodesIPv6, isRouter: true));
    }

    [Fact]
    public void An_NA_of_a_host_has_no_router_flag_and_a_valid_checksum()
    {
        var frame = Dirty(NeighborAdvertisement.FrameLength);
        NeighborAdvertisement.WriteUnsolicited(frame, VirtualMacIPv6, GlobalIPv6, isRouter: false);
        Assert.Equal(0x20, frame[58]);
        uint pseudoHeader = InternetChecksum.PseudoHeader(GlobalIPv6, IPAddressValue.AllNodesIPv6, 58, 32);
        Assert.Equal(InternetChecksum.Valid, InternetChecksum.Add(pseudoHeader, frame.AsSpan(54)));
    }

    [Fact]
    public void An_announcement_of_the_other_family_or_without_room_is_the_callers_mistake()
    {
        Assert.Throws<ArgumentException>(() => ArpPacket.WriteGratuitous(new byte[60], VirtualMacIPv4, GlobalIPv6));
        Assert.Throws<ArgumentOutOfRangeException>(() => ArpPacket.WriteGratuitous(new byte[41], VirtualMacIPv4, Address));
        Assert.Throws<ArgumentOutOfRangeException>(() => ArpPacket.WriteGratuitous(new byte[59], VirtualMacIPv4, Address, padded: true));
        Assert.Throws<ArgumentException>(() => NeighborAdvertisement.WriteUnsolicited(new byte[86], VirtualMacIPv6, Address, true));
        Assert.Throws<ArgumentOutOfRangeException>(() =>
            NeighborAdvertisement.WriteUnsolicited(new byte[85], VirtualMacIPv6, GlobalIPv6, true));
    }

    [Theory]
    [InlineData("224.0.0.18", "01:00:5e:00:00:12")]
    [InlineData("239.129.2.3", "01:00:5e:01:02:03")]
    [InlineData("ff02::12", "33:33:00:00:00:12")]
    [InlineData("ff02::1:ff00:254", "33:33:ff:00:02:54")]
    public void A_group_has_its_Ethernet_address(string group, string expected) =>
        Assert.Equal(expected, EthernetHeader.GroupAddress(IPAddressValue.Parse(group)).ToString());

    // What the buffer held before must not show through.
    private static byte[] Dirty(int length)
    {
        var frame = new byte[length];
        frame.AsSpan().Fill(0xA5);
        return frame;
    }
}
