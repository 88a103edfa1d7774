using System.Globalization;

namespace Vrrp;

/// <summary>VRID: names a virtual router on one interface and address family. 1–255. RFC 9568 §5.2.3.</summary>
public readonly record struct VirtualRouterId : IComparable<VirtualRouterId>
{
    private readonly byte _value;

    /// <summary>Makes a VRID of a number.</summary>
    /// <param name="value">1–255.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="value"/> is not 1–255.</exception>
    public VirtualRouterId(int value)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(value, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(value, 255);
        _value = (byte)value;
    }

    /// <summary>The number, 1–255; 0 only in a default value, which names no router.</summary>
    public byte Value => _value;

    /// <inheritdoc/>
    public int CompareTo(VirtualRouterId other) => _value.CompareTo(other._value);

    /// <inheritdoc/>
    public override string ToString() => _value.ToString(CultureInfo.InvariantCulture);

    /// <summary>Orders by number.</summary>
    public static bool operator <(VirtualRouterId left, VirtualRouterId right) => left._value < right._value;

    /// <summary>Orders by number.</summary>
    public static bool operator >(VirtualRouterId left, VirtualRouterId right) => left._value > right._value;

    /// <summary>Orders by number.</summary>
    public static bool operator <=(VirtualRouterId left, VirtualRouterId right) => left._value <= right._value;

    /// <summary>Orders by number.</summary>
    public static bool operator >=(VirtualRouterId left, VirtualRouterId right) => left._value >= right._value;
}
