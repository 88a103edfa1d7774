using System.Buffers.Binary;

namespace Vrrp.Packets;

/// <summary>An IPv6 header. RFC 8200 §3.</summary>
//  0                   1                   2                   3
//  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
// +-------+---------------+---------------------------------------+
// |   6   | traffic class |              flow label               |
// +-------+---------------+-------+---------------+---------------+
// |        payload length         |  next header  |   hop limit   |
// +-------------------------------+---------------+---------------+
// |                       source, 16 octets                       |
// +---------------------------------------------------------------+
// |                     destination, 16 octets                    |
// +---------------------------------------------------------------+
public readonly record struct IPv6Header
{
    /// <summary>Octets of the header, without extension headers.</summary>
    public const int Length = 40;

    private const byte HopByHop = 0;
    private const byte Routing = 43;
    private const byte DestinationOptions = 60;

    /// <summary>Source address.</summary>
    public required IPAddressValue Source { get; init; }

    /// <summary>Destination address.</summary>
    public required IPAddressValue Destination { get; init; }

    /// <summary>Hop limit, 0–255.</summary>
    public byte HopLimit { get; init; } = VrrpPacket.HopLimit;

    /// <summary>What follows this header: 112 for VRRP, or an extension header.</summary>
    public byte NextHeader { get; init; } = VrrpPacket.Protocol;

    /// <summary>Traffic class; CS6 (0xC0) by convention of the field. The flow label is written as 0.</summary>
    public byte TrafficClass { get; init; } = VrrpPacket.TrafficClass;

    /// <summary>Octets behind this header, extension headers included, 0–65535.</summary>
    public required int PayloadLength { get; init; }

    /// <summary>Makes a header for an advert: traffic class 0xC0, hop limit 255, next header 112.</summary>
    public IPv6Header()
    {
    }

    /// <summary>Reads a header and checks it against the packet.</summary>
    /// <param name="packet">The packet, padding included.</param>
    /// <param name="header">The header.</param>
    /// <returns>False if it is not IPv6 or is cut short.</returns>
    public static bool TryParse(ReadOnlySpan<byte> packet, out IPv6Header header)
    {
        header = default;
        if (packet.Length < Length || packet[0] >> 4 != 6)
            return false;
        int payloadLength = BinaryPrimitives.ReadUInt16BigEndian(packet[4..]);
        if (payloadLength > packet.Length - Length)
            return false;
        header = new()
        {
            Source = IPAddressValue.Read(packet.Slice(8, 16)),
            Destination = IPAddressValue.Read(packet.Slice(24, 16)),
            HopLimit = packet[7],
            NextHeader = packet[6],
            TrafficClass = (byte)(BinaryPrimitives.ReadUInt16BigEndian(packet) >> 4),
            PayloadLength = payloadLength,
        };
        return true;
    }

    /// <summary>The message behind this header and its extension headers, without padding.</summary>
    /// <param name="packet">The packet that this header was read from.</param>
    /// <param name="protocol">The protocol of the message.</param>
    /// <param name="payload">The message.</param>
    /// <returns>False if an extension header is cut short. A fragment header is not skipped but named as the protocol, 44.</returns>
    public bool TryGetPayload(ReadOnlySpan<byte> packet, out byte protocol, out ReadOnlySpan<byte> payload)
    {
        protocol = NextHeader;
        payload = packet.Slice(Length, PayloadLength);
        while (protocol is HopByHop or Routing or DestinationOptions)
        {
            // RFC 8200 §4.3: length in units of 8 octets, the first one not counted.
            if (payload.Length < 8 || payload.Length < (payload[1] + 1) * 8)
                return false;
            protocol = payload[0];
            payload = payload[((payload[1] + 1) * 8)..];
        }

        return true;
    }

    /// <summary>Writes the header.</summary>
    /// <param name="packet">Room for <see cref="Length"/> octets.</param>
    /// <exception cref="ArgumentOutOfRangeException">Too little room, or a payload beyond 65535 octets.</exception>
    /// <exception cref="ArgumentException">An address is not IPv6.</exception>
    public void Write(Span<byte> packet)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(packet.Length, Length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)PayloadLength, ushort.MaxValue);
        if (Source.Family != IPFamily.IPv6 || Destination.Family != IPFamily.IPv6)
            throw new ArgumentException("The addresses of an IPv6 header are IPv6.");
        BinaryPrimitives.WriteUInt32BigEndian(packet, 0x6000_0000u | ((uint)TrafficClass << 20));
        BinaryPrimitives.WriteUInt16BigEndian(packet[4..], (ushort)PayloadLength);
        packet[6] = NextHeader;
        packet[7] = HopLimit;
        Source.Write(packet[8..]);
        Destination.Write(packet[24..]);
    }
}
