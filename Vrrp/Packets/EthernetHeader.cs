using System.Buffers.Binary;

namespace Vrrp.Packets;

/// <summary>The 14 octets in front of a frame without VLAN tag.</summary>
/// <param name="Destination">Receiver or group.</param>
/// <param name="Source">Sender.</param>
/// <param name="EtherType">What follows, as a number: 0x0800, 0x0806 or 0x86DD here.</param>
public readonly record struct EthernetHeader(MacAddress Destination, MacAddress Source, ushort EtherType)
{
    /// <summary>Octets of the header.</summary>
    public const int Length = 14;

    /// <summary>Octets of the shortest frame, without FCS; drivers fill up what is shorter.</summary>
    public const int MinFrameLength = 60;

    /// <summary>EtherType of IPv4.</summary>
    public const ushort IPv4 = 0x0800;

    /// <summary>EtherType of ARP.</summary>
    public const ushort Arp = 0x0806;

    /// <summary>EtherType of IPv6.</summary>
    public const ushort IPv6 = 0x86DD;

    /// <summary>The group address that carries an IP group: 01-00-5E (RFC 1112 §6.4) or 33-33 (RFC 2464 §7) with its low bits.</summary>
    /// <param name="group">A multicast address.</param>
    /// <returns>The Ethernet address.</returns>
    public static MacAddress GroupAddress(IPAddressValue group)
    {
        Span<byte> ip = stackalloc byte[16];
        group.Write(ip);
        ReadOnlySpan<byte> octets = group.Family == IPFamily.IPv4
            ? [0x01, 0x00, 0x5E, (byte)(ip[1] & 0x7F), ip[2], ip[3]]
            : [0x33, 0x33, ip[12], ip[13], ip[14], ip[15]];
        return MacAddress.Read(octets);
    }

    /// <summary>Reads the header of a frame.</summary>
    /// <param name="frame">The frame.</param>
    /// <param name="header">The header.</param>
    /// <returns>False if the frame is shorter.</returns>
    public static bool TryParse(ReadOnlySpan<byte> frame, out EthernetHeader header)
    {
        header = default;
        if (frame.Length < Length)
            return false;
        header = new(MacAddress.Read(frame), MacAddress.Read(frame[6..]), BinaryPrimitives.ReadUInt16BigEndian(frame[12..]));
        return true;
    }

    /// <summary>Writes the header.</summary>
    /// <param name="frame">Room for <see cref="Length"/> octets.</param>
    /// <exception cref="ArgumentOutOfRangeException">Too little room.</exception>
    public void Write(Span<byte> frame)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(frame.Length, Length);
        Destination.Write(frame);
        Source.Write(frame[6..]);
        BinaryPrimitives.WriteUInt16BigEndian(frame[12..], EtherType);
    }
}
