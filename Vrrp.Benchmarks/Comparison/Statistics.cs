namespace Vrrp.Benchmarks.Comparison;

/// <summary>Medians and percentiles.</summary>
internal static class Statistics
{
    /// <summary>The value below which that share of the sample lies; NaN of nothing.</summary>
    public static double Percentile(IReadOnlyCollection<double> sample, double share)
    {
        if (sample.Count == 0)
            return double.NaN;
        var sorted = sample.Order().ToArray();
        double position = share * (sorted.Length - 1);
        int below = (int)position;
        return below + 1 < sorted.Length ? sorted[below] + ((position - below) * (sorted[below + 1] - sorted[below])) : sorted[below];
    }

    public static double Median(IReadOnlyCollection<double> sample) => Percentile(sample, 0.5);

    public static double Maximum(IReadOnlyCollection<double> sample) => sample.Count == 0 ? double.NaN : sample.Max();
}
