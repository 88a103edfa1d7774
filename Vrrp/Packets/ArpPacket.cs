using System.Buffers.Binary;

namespace Vrrp.Packets;

/// <summary>Operation of an ARP packet, by its value on the wire. RFC 826.</summary>
public enum ArpOperation : byte
{
    /// <summary>Request: the form of a gratuitous ARP that RFC 5227 §3 recommends, and the default of the field.</summary>
    Request = 1,

    /// <summary>Reply: may follow for hosts that learn from replies only.</summary>
    Reply = 2,
}

/// <summary>
/// Target hardware address of a gratuitous ARP. Receivers ignore it; three values are in use.
/// </summary>
public enum ArpTargetAddress : byte
{
    /// <summary>ff:ff:ff:ff:ff:ff: what keepalived sends. The default.</summary>
    Broadcast = 0,

    /// <summary>The sender's own, that is the virtual router MAC. RFC 9568 §8.1.2 with errata 7947 and 7949.</summary>
    Sender = 1,

    /// <summary>00:00:00:00:00:00: an announcement of RFC 5227 §2.3.</summary>
    Zero = 2,
}

/// <summary>Writes ARP packets with their Ethernet header.</summary>
// offset  0 Ethernet header (14) | 14 hardware type 1 (2) | 16 protocol type 0x0800 (2) | 18 hardware length 6 (1)
//        19 protocol length 4 (1) | 20 operation (2) | 22 sender MAC (6) | 28 sender IPv4 (4) | 32 target MAC (6) | 38 target IPv4 (4)
public static class ArpPacket
{
    /// <summary>Octets of a frame; the driver fills it up to 60.</summary>
    public const int FrameLength = 42;

    /// <summary>Octets of a frame that is filled with zeros already.</summary>
    public const int PaddedFrameLength = EthernetHeader.MinFrameLength;

    /// <summary>Writes a gratuitous ARP: broadcast, both protocol addresses the same. RFC 9568 §8.1.2, RFC 5227 §2.3.</summary>
    /// <param name="frame">Room for 42 octets, or 60 if padded.</param>
    /// <param name="sender">The virtual router MAC, or the interface's without one. Source of the frame too.</param>
    /// <param name="address">The IPv4 address announced.</param>
    /// <param name="operation">Request or reply form.</param>
    /// <param name="target">Target hardware address.</param>
    /// <param name="padded">Whether to fill up to 60 octets.</param>
    /// <returns>Octets written: 42 or 60.</returns>
    /// <exception cref="ArgumentOutOfRangeException">Too little room.</exception>
    /// <exception cref="ArgumentException">The address is not IPv4.</exception>
    public static int WriteGratuitous(
        Span<byte> frame,
        MacAddress sender,
        IPAddressValue address,
        ArpOperation operation = ArpOperation.Request,
        ArpTargetAddress target = ArpTargetAddress.Broadcast,
        bool padded = false)
    {
        var targetAddress = target switch
        {
            ArpTargetAddress.Sender => sender,
            ArpTargetAddress.Zero => default,
            _ => MacAddress.Broadcast,
        };
        return Write(frame, MacAddress.Broadcast, operation, sender, address, targetAddress, address, padded);
    }

    /// <summary>Writes any ARP packet.</summary>
    /// <param name="frame">Room for 42 octets, or 60 if padded.</param>
    /// <param name="destination">Destination of the frame.</param>
    /// <param name="operation">Request or reply.</param>
    /// <param name="sender">Sender hardware address, and source of the frame.</param>
    /// <param name="senderAddress">Sender protocol address, IPv4.</param>
    /// <param name="target">Target hardware address.</param>
    /// <param name="targetAddress">Target protocol address, IPv4.</param>
    /// <param name="padded">Whether to fill up to 60 octets.</param>
    /// <returns>Octets written: 42 or 60.</returns>
    /// <exception cref="ArgumentOutOfRangeException">Too little room.</exception>
    /// <exception cref="ArgumentException">An address is not IPv4.</exception>
    public static int Write(
        Span<byte> frame,
        MacAddress destination,
        ArpOperation operation,
        MacAddress sender,
        IPAddressValue senderAddress,
        MacAddress target,
        IPAddressValue targetAddress,
        bool padded = false)
    {
        int length = padded ? PaddedFrameLength : FrameLength;
        ArgumentOutOfRangeException.ThrowIfLessThan(frame.Length, length);
        if (senderAddress.Family != IPFamily.IPv4 || targetAddress.Family != IPFamily.IPv4)
            throw new ArgumentException("ARP is for IPv4 addresses.");
        frame = frame[..length];
        new EthernetHeader(destination, sender, EthernetHeader.Arp).Write(frame);
        BinaryPrimitives.WriteUInt16BigEndian(frame[14..], 1);
        BinaryPrimitives.WriteUInt16BigEndian(frame[16..], EthernetHeader.IPv4);
        frame[18] = MacAddress.Length;
        frame[19] = 4;
        BinaryPrimitives.WriteUInt16BigEndian(frame[20..], (ushort)operation);
        sender.Write(frame[22..]);
        senderAddress.Write(frame[28..]);
        target.Write(frame[32..]);
        targetAddress.Write(frame[38..]);
        frame[FrameLength..].Clear();
        return length;
    }
}
