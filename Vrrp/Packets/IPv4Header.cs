using System.Buffers.Binary;

namespace Vrrp.Packets;

/// <summary>An IPv4 header (RFC 791 §3.1) of a packet that is not a fragment.</summary>
//  0                   1                   2                   3
//  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
// +-------+-------+---------------+-------------------------------+
// |   4   |  IHL  |      TOS      |         total length          |
// +-------+-------+---------------+-----+-------------------------+
// |        identification         |flags|     fragment offset     |
// +---------------+---------------+-----+-------------------------+
// |      TTL      |   protocol    |        header checksum        |
// +---------------+---------------+-------------------------------+
// |                            source                             |
// +---------------------------------------------------------------+
// |                          destination                          |
// +---------------------------------------------------------------+
// |                    options, IHL − 5 words                     |
// +---------------------------------------------------------------+
public readonly record struct IPv4Header
{
    /// <summary>Octets of a header without options.</summary>
    public const int MinLength = 20;

    /// <summary>Source address.</summary>
    public required IPAddressValue Source { get; init; }

    /// <summary>Destination address.</summary>
    public required IPAddressValue Destination { get; init; }

    /// <summary>TTL, 0–255.</summary>
    public byte TimeToLive { get; init; } = VrrpPacket.HopLimit;

    /// <summary>Protocol of the payload: 112 for VRRP.</summary>
    public byte Protocol { get; init; } = VrrpPacket.Protocol;

    /// <summary>TOS octet; CS6 (0xC0) by convention of the field.</summary>
    public byte TypeOfService { get; init; } = VrrpPacket.TrafficClass;

    /// <summary>Identification; free for packets that are not fragmented.</summary>
    public ushort Identification { get; init; }

    /// <summary>Octets before the payload: 20–60. <see cref="Write"/> makes 20.</summary>
    public int HeaderLength { get; init; } = MinLength;

    /// <summary>Octets of the payload. What follows it in a buffer is Ethernet padding.</summary>
    public required int PayloadLength { get; init; }

    /// <summary>Makes a header for an advert: TOS 0xC0, TTL 255, protocol 112.</summary>
    public IPv4Header()
    {
    }

    /// <summary>
    /// Reads a header and checks it against the packet. The checksum is not looked at: a kernel that delivers has verified it.
    /// </summary>
    /// <param name="packet">The packet, padding included.</param>
    /// <param name="header">The header.</param>
    /// <returns>False if it is not IPv4, is cut short, contradicts itself or is a fragment.</returns>
    public static bool TryParse(ReadOnlySpan<byte> packet, out IPv4Header header)
    {
        header = default;
        if (packet.Length < MinLength || packet[0] >> 4 != 4)
            return false;
        int headerLength = (packet[0] & 0xF) * 4;
        int totalLength = BinaryPrimitives.ReadUInt16BigEndian(packet[2..]);
        // A fragment has an offset or more to come; an advert is never fragmented.
        if (headerLength < MinLength || totalLength < headerLength || totalLength > packet.Length
            || (BinaryPrimitives.ReadUInt16BigEndian(packet[6..]) & 0x3FFF) != 0)
            return false;
        header = new()
        {
            Source = IPAddressValue.Read(packet.Slice(12, 4)),
            Destination = IPAddressValue.Read(packet.Slice(16, 4)),
            TimeToLive = packet[8],
            Protocol = packet[9],
            TypeOfService = packet[1],
            Identification = BinaryPrimitives.ReadUInt16BigEndian(packet[4..]),
            HeaderLength = headerLength,
            PayloadLength = totalLength - headerLength,
        };
        return true;
    }

    /// <summary>Whether the checksum of a header is right, options included.</summary>
    /// <param name="packet">A packet that <see cref="TryParse"/> took.</param>
    /// <returns>Whether it is right.</returns>
    public bool HasValidChecksum(ReadOnlySpan<byte> packet) => InternetChecksum.Add(0, packet[..HeaderLength]) == InternetChecksum.Valid;

    /// <summary>The payload: without options in front and padding behind.</summary>
    /// <param name="packet">The packet that this header was read from.</param>
    /// <returns>The part of it.</returns>
    public ReadOnlySpan<byte> GetPayload(ReadOnlySpan<byte> packet) => packet.Slice(HeaderLength, PayloadLength);

    /// <summary>Writes a header without options and with its checksum.</summary>
    /// <param name="packet">Room for <see cref="MinLength"/> octets.</param>
    /// <exception cref="ArgumentOutOfRangeException">Too little room, or a payload beyond 65515 octets.</exception>
    /// <exception cref="ArgumentException">An address is not IPv4.</exception>
    public void Write(Span<byte> packet)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(packet.Length, MinLength);
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)PayloadLength, (uint)(ushort.MaxValue - MinLength));
        if (Source.Family != IPFamily.IPv4 || Destination.Family != IPFamily.IPv4)
            throw new ArgumentException("The addresses of an IPv4 header are IPv4.");
        packet = packet[..MinLength];
        packet[0] = 0x45;
        packet[1] = TypeOfService;
        BinaryPrimitives.WriteUInt16BigEndian(packet[2..], (ushort)(MinLength + PayloadLength));
        BinaryPrimitives.WriteUInt16BigEndian(packet[4..], Identification);
        BinaryPrimitives.WriteUInt16BigEndian(packet[6..], 0);
        packet[8] = TimeToLive;
        packet[9] = Protocol;
        BinaryPrimitives.WriteUInt16BigEndian(packet[10..], 0);
        Source.Write(packet[12..]);
        Destination.Write(packet[16..]);
        BinaryPrimitives.WriteUInt16BigEndian(packet[10..], InternetChecksum.Compute(packet));
    }
}
