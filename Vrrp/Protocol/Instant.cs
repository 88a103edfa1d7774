using System.Globalization;

namespace Vrrp;

/// <summary>
/// A point on the monotonic clock, in nanoseconds from an arbitrary origin. Setting the wall clock moves nothing.
/// </summary>
/// <param name="Nanoseconds">Nanoseconds since the origin.</param>
public readonly record struct Instant(long Nanoseconds) : IComparable<Instant>
{
    /// <summary>Later than any deadline: nothing is due.</summary>
    public static Instant Never => new(long.MaxValue);

    /// <summary>Earlier than any deadline.</summary>
    public static Instant Origin => default;

    /// <summary>Whether this is <see cref="Never"/>.</summary>
    public bool IsNever => Nanoseconds == long.MaxValue;

    /// <inheritdoc/>
    public int CompareTo(Instant other) => Nanoseconds.CompareTo(other.Nanoseconds);

    /// <summary>A later instant; <see cref="Never"/> stays <see cref="Never"/>.</summary>
    /// <param name="nanoseconds">How much later.</param>
    /// <returns>The later instant.</returns>
    public Instant AddNanoseconds(long nanoseconds) => IsNever ? this : new(Nanoseconds + nanoseconds);

    /// <summary>The earlier of two.</summary>
    /// <param name="left">One instant.</param>
    /// <param name="right">Another.</param>
    /// <returns>The earlier one.</returns>
    public static Instant Min(Instant left, Instant right) => left <= right ? left : right;

    /// <inheritdoc/>
    public override string ToString() =>
        IsNever ? "never" : (Nanoseconds / 1_000_000_000m).ToString("0.000000###", CultureInfo.InvariantCulture) + " s";

    /// <summary>The instant after a duration.</summary>
    public static Instant operator +(Instant left, TimeSpan right) => left.AddNanoseconds(right.Ticks * 100);

    /// <summary>The instant before a duration.</summary>
    public static Instant operator -(Instant left, TimeSpan right) => left.AddNanoseconds(-right.Ticks * 100);

    /// <summary>The time between two instants.</summary>
    public static TimeSpan operator -(Instant left, Instant right) => TimeSpan.FromTicks((left.Nanoseconds - right.Nanoseconds) / 100);

    /// <summary>Orders by time.</summary>
    public static bool operator <(Instant left, Instant right) => left.Nanoseconds < right.Nanoseconds;

    /// <summary>Orders by time.</summary>
    public static bool operator >(Instant left, Instant right) => left.Nanoseconds > right.Nanoseconds;

    /// <summary>Orders by time.</summary>
    public static bool operator <=(Instant left, Instant right) => left.Nanoseconds <= right.Nanoseconds;

    /// <summary>Orders by time.</summary>
    public static bool operator >=(Instant left, Instant right) => left.Nanoseconds >= right.Nanoseconds;

    /// <summary>The instant after a duration.</summary>
    /// <param name="left">The instant.</param>
    /// <param name="right">The duration.</param>
    /// <returns>The later instant.</returns>
    public static Instant Add(Instant left, TimeSpan right) => left + right;

    /// <summary>The instant before a duration.</summary>
    /// <param name="left">The instant.</param>
    /// <param name="right">The duration.</param>
    /// <returns>The earlier instant.</returns>
    public static Instant Subtract(Instant left, TimeSpan right) => left - right;
}
