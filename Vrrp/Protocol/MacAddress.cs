using System.Buffers.Binary;

namespace Vrrp;

/// <summary>A 48-bit Ethernet address.</summary>
public readonly record struct MacAddress
{
    /// <summary>Octets of an address.</summary>
    public const int Length = 6;

    private readonly ulong _bits;

    private MacAddress(ulong bits) => _bits = bits;

    /// <summary>ff:ff:ff:ff:ff:ff.</summary>
    public static MacAddress Broadcast => new(0xFFFF_FFFF_FFFF);

    /// <summary>Whether all octets are zero: no address is known.</summary>
    public bool IsZero => _bits == 0;

    /// <summary>Reads six octets.</summary>
    /// <param name="octets">At least six octets, the first ones are read.</param>
    /// <returns>The address.</returns>
    /// <exception cref="ArgumentOutOfRangeException">Fewer than six octets.</exception>
    public static MacAddress Read(ReadOnlySpan<byte> octets) =>
        new(((ulong)BinaryPrimitives.ReadUInt16BigEndian(octets) << 32) | BinaryPrimitives.ReadUInt32BigEndian(octets[2..]));

    /// <summary>The virtual router MAC: 00-00-5E-00-01-{VRID} for IPv4, 00-00-5E-00-02-{VRID} for IPv6. RFC 9568 §7.3.</summary>
    /// <param name="virtualRouterId">The VRID.</param>
    /// <param name="family">The address family.</param>
    /// <returns>The address.</returns>
    public static MacAddress ForVirtualRouter(VirtualRouterId virtualRouterId, IPFamily family) =>
        new((family == IPFamily.IPv4 ? 0x0000_5E00_0100UL : 0x0000_5E00_0200UL) | virtualRouterId.Value);

    /// <summary>Writes the six octets.</summary>
    /// <param name="destination">At least six octets.</param>
    /// <exception cref="ArgumentOutOfRangeException">Fewer than six octets.</exception>
    public void Write(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt16BigEndian(destination, (ushort)(_bits >> 32));
        BinaryPrimitives.WriteUInt32BigEndian(destination[2..], (uint)_bits);
    }

    /// <summary>Six hexadecimal pairs in lower case joined by colons.</summary>
    /// <returns>The text.</returns>
    public override string ToString()
    {
        Span<byte> octets = stackalloc byte[Length];
        Write(octets);
        return $"{octets[0]:x2}:{octets[1]:x2}:{octets[2]:x2}:{octets[3]:x2}:{octets[4]:x2}:{octets[5]:x2}";
    }
}
