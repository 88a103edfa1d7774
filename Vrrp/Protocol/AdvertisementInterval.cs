using System.Globalization;

namespace Vrrp;

/// <summary>Time between advertisements, in steps of one centisecond (10 ms). RFC 9568 §5.2.7, RFC 3768 §5.3.7.</summary>
public readonly record struct AdvertisementInterval : IComparable<AdvertisementInterval>
{
    /// <summary>Longest interval of version 3: the field has 12 bits.</summary>
    public const int MaxVersion3Centiseconds = 4095;

    /// <summary>Longest interval of version 2: the field is 8 bits of whole seconds.</summary>
    public const int MaxVersion2Seconds = 255;

    private readonly ushort _centiseconds;

    private AdvertisementInterval(int centiseconds) => _centiseconds = (ushort)centiseconds;

    /// <summary>1 s, the default of both versions.</summary>
    public static AdvertisementInterval OneSecond => new(100);

    /// <summary>The interval in centiseconds; 0 only in a default value.</summary>
    public int Centiseconds => _centiseconds;

    /// <summary>The interval as a duration.</summary>
    public TimeSpan Duration => TimeSpan.FromTicks(_centiseconds * (TimeSpan.TicksPerMillisecond * 10));

    /// <summary>Whether version 2 can express the interval: whole seconds, 1–255.</summary>
    public bool IsWholeSeconds => _centiseconds != 0 && _centiseconds % 100 == 0 && _centiseconds <= MaxVersion2Seconds * 100;

    /// <summary>Whether version 3 can express the interval: 1–4095 centiseconds.</summary>
    public bool FitsVersion3 => _centiseconds is > 0 and <= MaxVersion3Centiseconds;

    internal long Nanoseconds => _centiseconds * 10_000_000L;

    /// <summary>Makes an interval of centiseconds.</summary>
    /// <param name="centiseconds">1–25500; version 3 takes 1–4095, version 2 multiples of 100.</param>
    /// <returns>The interval.</returns>
    /// <exception cref="ArgumentOutOfRangeException">Out of range.</exception>
    public static AdvertisementInterval FromCentiseconds(int centiseconds)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(centiseconds, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(centiseconds, MaxVersion2Seconds * 100);
        return new(centiseconds);
    }

    /// <summary>Makes an interval of whole seconds.</summary>
    /// <param name="seconds">1–255; version 3 ends at 40.</param>
    /// <returns>The interval.</returns>
    /// <exception cref="ArgumentOutOfRangeException">Out of range.</exception>
    public static AdvertisementInterval FromSeconds(int seconds)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(seconds, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(seconds, MaxVersion2Seconds);
        return new(seconds * 100);
    }

    /// <inheritdoc/>
    public int CompareTo(AdvertisementInterval other) => _centiseconds.CompareTo(other._centiseconds);

    /// <summary>Seconds with up to two decimals and the unit: <c>1 s</c>, <c>0.25 s</c>.</summary>
    /// <returns>The text.</returns>
    public override string ToString() => (_centiseconds / 100m).ToString("0.##", CultureInfo.InvariantCulture) + " s";

    /// <summary>Orders by length.</summary>
    public static bool operator <(AdvertisementInterval left, AdvertisementInterval right) => left._centiseconds < right._centiseconds;

    /// <summary>Orders by length.</summary>
    public static bool operator >(AdvertisementInterval left, AdvertisementInterval right) => left._centiseconds > right._centiseconds;

    /// <summary>Orders by length.</summary>
    public static bool operator <=(AdvertisementInterval left, AdvertisementInterval right) => left._centiseconds <= right._centiseconds;

    /// <summary>Orders by length.</summary>
    public static bool operator >=(AdvertisementInterval left, AdvertisementInterval right) => left._centiseconds >= right._centiseconds;
}
