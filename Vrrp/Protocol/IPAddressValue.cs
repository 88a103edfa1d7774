using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Net.Sockets;

namespace Vrrp;

/// <summary>
/// An IPv4 or IPv6 address as a plain value: comparing and storing it allocates nothing.
/// Ordered as an unsigned integer, as the tie-break of RFC 9568 §6.4.3 compares primary addresses.
/// </summary>
public readonly record struct IPAddressValue : IComparable<IPAddressValue>
{
    // Not a UInt128: its layout is no promise between framework builds, so no method that touches one can be compiled ahead of time.
    private readonly ulong _high;
    private readonly ulong _low;
    private readonly IPFamily _family;

    private IPAddressValue(ulong high, ulong low, IPFamily family)
    {
        _high = high;
        _low = low;
        _family = family;
    }

    /// <summary>The VRRP group of IPv4: 224.0.0.18.</summary>
    public static IPAddressValue MulticastGroupIPv4 => FromIPv4(0xE000_0012);

    /// <summary>The VRRP group of IPv6: ff02::12.</summary>
    public static IPAddressValue MulticastGroupIPv6 => new(0xFF02UL << 48, 0x12, IPFamily.IPv6);

    /// <summary>All IPv6 nodes of the link: ff02::1.</summary>
    public static IPAddressValue AllNodesIPv6 => new(0xFF02UL << 48, 1, IPFamily.IPv6);

    /// <summary>The family. Meaningless when <see cref="IsNone"/>.</summary>
    public IPFamily Family => _family;

    /// <summary>Whether this is the default value: no address at all.</summary>
    public bool IsNone => _family == 0;

    /// <summary>Whether the address is 0.0.0.0 or ::.</summary>
    public bool IsUnspecified => _family != 0 && (_high | _low) == 0;

    /// <summary>Whether the address is in fe80::/10. False for IPv4.</summary>
    public bool IsIPv6LinkLocal => _family == IPFamily.IPv6 && (ushort)(_high >> 48) is >= 0xFE80 and <= 0xFEBF;

    /// <summary>Whether the address is in 224.0.0.0/4 or ff00::/8.</summary>
    public bool IsMulticast => _family == IPFamily.IPv6 ? (byte)(_high >> 56) == 0xFF : _family == IPFamily.IPv4 && ((uint)_low >> 28) == 0xE;

    /// <summary>Octets of the address: 4 or 16.</summary>
    public int Length => _family == IPFamily.IPv4 ? 4 : 16;

    /// <summary>The 32 bits of an IPv4 address, first octet highest.</summary>
    /// <param name="bits">The bits.</param>
    /// <returns>The address.</returns>
    public static IPAddressValue FromIPv4(uint bits) => new(0, bits, IPFamily.IPv4);

    /// <summary>Converts an address of the framework; an IPv6 scope is dropped.</summary>
    /// <param name="address">An IPv4 or IPv6 address.</param>
    /// <returns>The value.</returns>
    /// <exception cref="ArgumentException">The address is of another family.</exception>
    public static IPAddressValue From(IPAddress address)
    {
        ArgumentNullException.ThrowIfNull(address);
        if (address.AddressFamily is not (AddressFamily.InterNetwork or AddressFamily.InterNetworkV6))
            throw new ArgumentException($"'{address}' is neither an IPv4 nor an IPv6 address.", nameof(address));
        Span<byte> octets = stackalloc byte[16];
        address.TryWriteBytes(octets, out int length);
        return Read(octets[..length]);
    }

    /// <summary>Reads 4 or 16 octets in network order.</summary>
    /// <param name="octets">Exactly 4 or 16 octets.</param>
    /// <returns>The value.</returns>
    /// <exception cref="ArgumentException">Another length.</exception>
    public static IPAddressValue Read(ReadOnlySpan<byte> octets) => octets.Length switch
    {
        4 => new(0, BinaryPrimitives.ReadUInt32BigEndian(octets), IPFamily.IPv4),
        16 => new(BinaryPrimitives.ReadUInt64BigEndian(octets), BinaryPrimitives.ReadUInt64BigEndian(octets[8..]), IPFamily.IPv6),
        _ => throw new ArgumentException("An IP address has 4 or 16 octets.", nameof(octets)),
    };

    /// <summary>Parses dotted-quad IPv4 or textual IPv6.</summary>
    /// <param name="text">The text, without prefix length or scope.</param>
    /// <returns>The value.</returns>
    /// <exception cref="FormatException">Not an address.</exception>
    public static IPAddressValue Parse(string text) =>
        TryParse(text, out var value) ? value : throw new FormatException($"'{text}' is not an IP address.");

    /// <summary>Parses dotted-quad IPv4 (four decimal parts, nothing shorter) or textual IPv6 without a scope.</summary>
    /// <param name="text">The text.</param>
    /// <param name="value">The value, if it was one.</param>
    /// <returns>Whether the text was an address.</returns>
    public static bool TryParse([NotNullWhen(true)] string? text, out IPAddressValue value)
    {
        value = default;
        // The framework takes "1" and "0x7f.1" for IPv4 too; configuration and packets know four decimal parts only.
        if (string.IsNullOrEmpty(text) || text.AsSpan().IndexOfAny('%', '[', '/') >= 0)
            return false;
        if (!text.Contains(':', StringComparison.Ordinal) && !IsDottedQuad(text))
            return false;
        if (!IPAddress.TryParse(text, out var address))
            return false;
        value = From(address);
        return true;
    }

    /// <summary>Writes 4 or 16 octets in network order.</summary>
    /// <param name="destination">Room for <see cref="Length"/> octets.</param>
    /// <exception cref="ArgumentOutOfRangeException">Too little room.</exception>
    public void Write(Span<byte> destination)
    {
        if (_family == IPFamily.IPv4)
        {
            BinaryPrimitives.WriteUInt32BigEndian(destination, (uint)_low);
            return;
        }

        BinaryPrimitives.WriteUInt64BigEndian(destination[8..], _low);
        BinaryPrimitives.WriteUInt64BigEndian(destination, _high);
    }

    /// <summary>Converts to an address of the framework.</summary>
    /// <returns>The address; 0.0.0.0 for a default value.</returns>
    public IPAddress ToIPAddress()
    {
        if (_family != IPFamily.IPv6)
            return new IPAddress(BinaryPrimitives.ReverseEndianness((uint)_low));
        Span<byte> octets = stackalloc byte[16];
        Write(octets);
        return new IPAddress(octets);
    }

    /// <inheritdoc/>
    public int CompareTo(IPAddressValue other)
    {
        int byFamily = ((byte)_family).CompareTo((byte)other._family);
        if (byFamily != 0)
            return byFamily;
        return _high != other._high ? _high.CompareTo(other._high) : _low.CompareTo(other._low);
    }

    /// <inheritdoc/>
    public bool Equals(IPAddressValue other) => _low == other._low && _high == other._high && _family == other._family;

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(_high, _low, _family);

    /// <inheritdoc/>
    public override string ToString() => IsNone ? "none" : ToIPAddress().ToString();

    /// <summary>Orders as unsigned integers; IPv4 before IPv6.</summary>
    public static bool operator <(IPAddressValue left, IPAddressValue right) => left.CompareTo(right) < 0;

    /// <summary>Orders as unsigned integers; IPv4 before IPv6.</summary>
    public static bool operator >(IPAddressValue left, IPAddressValue right) => left.CompareTo(right) > 0;

    /// <summary>Orders as unsigned integers; IPv4 before IPv6.</summary>
    public static bool operator <=(IPAddressValue left, IPAddressValue right) => left.CompareTo(right) <= 0;

    /// <summary>Orders as unsigned integers; IPv4 before IPv6.</summary>
    public static bool operator >=(IPAddressValue left, IPAddressValue right) => left.CompareTo(right) >= 0;

    private static bool IsDottedQuad(string text)
    {
        int parts = 0;
        foreach (var range in text.AsSpan().Split('.'))
        {
            var part = text.AsSpan(range);
            if (part.Length is 0 or > 3 || part.ContainsAnyExceptInRange('0', '9') || (part.Length > 1 && part[0] == '0'))
                return false;
            parts++;
        }

        return parts == 4;
    }
}
