namespace Vrrp.Benchmarks.Soak;

/// <summary>Counts of durations in steps of a microsecond, as many as an hour of adverts needs.</summary>
internal sealed class Histogram
{
    private const int Steps = 200_000;

    private readonly long[] _counts = new long[Steps + 1];

    public long Count { get; private set; }

    public double MaxMicroseconds { get; private set; }

    public void Add(double microseconds)
    {
        Count++;
        MaxMicroseconds = Math.Max(MaxMicroseconds, microseconds);
        _counts[(int)Math.Clamp(microseconds, 0, Steps)]++;
    }

    /// <summary>The value below which that share lies; NaN of nothing.</summary>
    public double Percentile(double share)
    {
        if (Count == 0)
            return double.NaN;
        long left = (long)Math.Ceiling(share * Count);
        for (int step = 0; step < Steps; step++)
        {
            left -= _counts[step];
            if (left <= 0)
                return step;
        }

        return MaxMicroseconds;
    }
}
