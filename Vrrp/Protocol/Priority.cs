using System.Globalization;

namespace Vrrp;

/// <summary>Rank of a router among those of its virtual router. RFC 9568 §5.2.4.</summary>
public readonly record struct Priority : IComparable<Priority>
{
    private readonly byte _value;

    /// <summary>Makes a priority of a number.</summary>
    /// <param name="value">1–254, 255 for the address owner, 0 (only on the wire) for a Master that leaves.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="value"/> is not 0–255.</exception>
    public Priority(int value)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(value, 0);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(value, 255);
        _value = (byte)value;
    }

    /// <summary>0: the Master stops taking part; Backups take over after their skew time.</summary>
    public static Priority Relinquish => default;

    /// <summary>100: what a backup has that was given none. RFC 9568 §5.2.4.</summary>
    public static Priority Default => new(100);

    /// <summary>255: the router whose own interface addresses the virtual addresses are.</summary>
    public static Priority Owner => new(255);

    /// <summary>The number, 0–255.</summary>
    public byte Value => _value;

    /// <summary>Whether this is 255, the owner of the addresses.</summary>
    public bool IsOwner => _value == 255;

    /// <inheritdoc/>
    public int CompareTo(Priority other) => _value.CompareTo(other._value);

    /// <inheritdoc/>
    public override string ToString() => _value.ToString(CultureInfo.InvariantCulture);

    /// <summary>Orders by rank.</summary>
    public static bool operator <(Priority left, Priority right) => left._value < right._value;

    /// <summary>Orders by rank.</summary>
    public static bool operator >(Priority left, Priority right) => left._value > right._value;

    /// <summary>Orders by rank.</summary>
    public static bool operator <=(Priority left, Priority right) => left._value <= right._value;

    /// <summary>Orders by rank.</summary>
    public static bool operator >=(Priority left, Priority right) => left._value >= right._value;
}
