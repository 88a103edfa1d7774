using System.Buffers.Binary;

namespace Vrrp.Packets;

/// <summary>
/// The checksum of IP, ICMPv6 and VRRP: the complement of the one's complement sum of 16-bit words (RFC 1071).
/// Partial sums are folded to 16 bits, so any number of them may be added.
/// </summary>
public static class InternetChecksum
{
    /// <summary>What the sum over octets that contain their correct checksum amounts to.</summary>
    public const uint Valid = 0xFFFF;

    /// <summary>
    /// Adds octets to a partial sum. A last odd octet counts as the high half of a word, so only the last call may have one.
    /// </summary>
    /// <param name="sum">Partial sum so far, 0–0xFFFF; 0 to begin.</param>
    /// <param name="octets">The octets, at an even offset of what is summed.</param>
    /// <returns>The partial sum, 0–0xFFFF.</returns>
    public static uint Add(uint sum, ReadOnlySpan<byte> octets)
    {
        // The sum does not depend on the order of octets within words (RFC 1071 §2 B): add in the order the processor
        // reads, several words at a time, and swap the folded result once.
        ulong total = 0;
        while (octets.Length >= 8)
        {
            ulong words = BinaryPrimitives.ReadUInt64LittleEndian(octets);
            total += (words & 0xFFFF_FFFF) + (words >> 32);
            octets = octets[8..];
        }

        if (octets.Length >= 4)
        {
            total += BinaryPrimitives.ReadUInt32LittleEndian(octets);
            octets = octets[4..];
        }

        if (octets.Length >= 2)
        {
            total += BinaryPrimitives.ReadUInt16LittleEndian(octets);
            octets = octets[2..];
        }

        if (octets.Length != 0)
            total += octets[0];
        return Fold(sum + (uint)BinaryPrimitives.ReverseEndianness((ushort)Fold(total)));
    }

    /// <summary>Adds one 16-bit word.</summary>
    /// <param name="sum">Partial sum so far, 0–0xFFFF.</param>
    /// <param name="word">The word as a number, not as octets.</param>
    /// <returns>The partial sum, 0–0xFFFF.</returns>
    public static uint Add(uint sum, ushort word) => Fold((ulong)sum + word);

    /// <summary>
    /// Sum of a pseudo-header: 12 octets for IPv4, 40 for IPv6 (RFC 8200 §8.1). Both add up the same way: the order does not count.
    /// </summary>
    /// <param name="source">Source address of the IP header.</param>
    /// <param name="destination">Destination address, of the same family.</param>
    /// <param name="protocol">Protocol or next header: 112 for VRRP, 58 for ICMPv6.</param>
    /// <param name="length">Octets of the message behind the IP header, 0–65535.</param>
    /// <returns>The partial sum, 0–0xFFFF.</returns>
    public static uint PseudoHeader(IPAddressValue source, IPAddressValue destination, byte protocol, int length)
    {
        Span<byte> addresses = stackalloc byte[32];
        source.Write(addresses);
        destination.Write(addresses[source.Length..]);
        return Fold(Add(0, addresses[..(source.Length + destination.Length)]) + protocol + (uint)length);
    }

    /// <summary>The checksum of a sum: its complement. A result of 0 stays 0; there is no substitution as in UDP.</summary>
    /// <param name="sum">Partial sum, 0–0xFFFF, the checksum field counted as 0.</param>
    /// <returns>The value of the checksum field.</returns>
    public static ushort Complete(uint sum) => (ushort)~Fold(sum);

    /// <summary>The checksum of octets without a pseudo-header.</summary>
    /// <param name="octets">The octets, the checksum field 0.</param>
    /// <returns>The value of the checksum field.</returns>
    public static ushort Compute(ReadOnlySpan<byte> octets) => Complete(Add(0, octets));

    /// <summary>The checksum after one word changed, without reading the others. RFC 1624 §3, equation 3.</summary>
    /// <param name="checksum">The checksum before.</param>
    /// <param name="before">The word before.</param>
    /// <param name="after">The word after.</param>
    /// <returns>The value that a full computation would give.</returns>
    public static ushort Update(ushort checksum, ushort before, ushort after) =>
        Complete(Fold((ulong)(ushort)~checksum + (ushort)~before + after));

    private static uint Fold(ulong total)
    {
        total = (total & 0xFFFF_FFFF) + (total >> 32);
        total = (total & 0xFFFF_FFFF) + (total >> 32);
        uint sum = ((uint)total & 0xFFFF) + ((uint)total >> 16);
        return (sum & 0xFFFF) + (sum >> 16);
    }
}
