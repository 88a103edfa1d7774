using System.Buffers.Binary;

namespace Vrrp.Packets;

/// <summary>Writes ICMPv6 Neighbor Advertisements with their Ethernet and IPv6 headers. RFC 4861 §4.4.</summary>
// offset  0 Ethernet header (14) | 14 IPv6 header (40) | 54 type 136 (1) | 55 code 0 (1) | 56 checksum (2) | 58 flags R S O (1)
//        59 reserved (3) | 62 target address (16) | 78 option type 2, target link-layer address (1) | 79 option length 1 (1) | 80 MAC (6)
public static class NeighborAdvertisement
{
    /// <summary>Octets of a frame.</summary>
    public const int FrameLength = MessageOffset + MessageLength;

    private const int MessageOffset = EthernetHeader.Length + IPv6Header.Length;
    private const int MessageLength = 32;
    private const byte IcmpV6 = 58;
    private const byte RouterFlag = 0x80;
    private const byte SolicitedFlag = 0x40;
    private const byte OverrideFlag = 0x20;

    /// <summary>Writes an unsolicited advertisement: from the address to all nodes, S 0, O 1. RFC 9568 §8.2.2.</summary>
    /// <param name="frame">Room for <see cref="FrameLength"/> octets.</param>
    /// <param name="sender">The virtual router MAC, or the interface's without one: link-layer option and source of the frame.</param>
    /// <param name="address">The IPv6 address announced.</param>
    /// <param name="isRouter">
    /// The R flag: RFC 9568 §6.4.2 orders true. False on a host that does not forward, for else hosts take it for a default router.
    /// </param>
    /// <returns>Octets written: 86.</returns>
    /// <exception cref="ArgumentOutOfRangeException">Too little room.</exception>
    /// <exception cref="ArgumentException">The address is not IPv6.</exception>
    public static int WriteUnsolicited(Span<byte> frame, MacAddress sender, IPAddressValue address, bool isRouter)
    {
        var destination = EthernetHeader.GroupAddress(IPAddressValue.AllNodesIPv6);
        return Write(frame, destination, sender, address, IPAddressValue.AllNodesIPv6, (byte)((isRouter ? RouterFlag : 0) | OverrideFlag));
    }

    /// <summary>Writes the answer to a solicitation: S 1, O 1. RFC 4861 §7.2.4. One that came from :: is answered unsolicited.</summary>
    /// <param name="frame">Room for <see cref="FrameLength"/> octets.</param>
    /// <param name="destination">MAC of the one who asked.</param>
    /// <param name="sender">The virtual router MAC.</param>
    /// <param name="address">The IPv6 address asked for.</param>
    /// <param name="solicitor">Unicast address of the one who asked.</param>
    /// <param name="isRouter">The R flag.</param>
    /// <returns>Octets written: 86.</returns>
    /// <exception cref="ArgumentOutOfRangeException">Too little room.</exception>
    /// <exception cref="ArgumentException">An address is not IPv6, or the solicitor is a group: S must be 0 there.</exception>
    public static int WriteSolicited(
        Span<byte> frame, MacAddress destination, MacAddress sender, IPAddressValue address, IPAddressValue solicitor, bool isRouter)
    {
        if (solicitor.IsMulticast)
            throw new ArgumentException("A solicited advertisement goes to one node.", nameof(solicitor));
        return Write(frame, destination, sender, address, solicitor, (byte)((isRouter ? RouterFlag : 0) | SolicitedFlag | OverrideFlag));
    }

    private static int Write(
        Span<byte> frame, MacAddress destination, MacAddress sender, IPAddressValue address, IPAddressValue ipDestination, byte flags)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(frame.Length, FrameLength);
        new EthernetHeader(destination, sender, EthernetHeader.IPv6).Write(frame);
        var ip = new IPv6Header
        {
            Source = address,
            Destination = ipDestination,
            NextHeader = IcmpV6,
            TrafficClass = 0,
            PayloadLength = MessageLength,
        };
        ip.Write(frame[EthernetHeader.Length..]);
        var message = frame.Slice(MessageOffset, MessageLength);
        message[..8].Clear();
        message[0] = 136;
        message[4] = flags;
        address.Write(message[8..]);
        message[24] = 2;
        message[25] = 1; // units of 8 octets
        sender.Write(message[26..]);
        uint sum = InternetChecksum.Add(InternetChecksum.PseudoHeader(address, ipDestination, IcmpV6, MessageLength), message);
        BinaryPrimitives.WriteUInt16BigEndian(message[2..], InternetChecksum.Complete(sum));
        return FrameLength;
    }
}
