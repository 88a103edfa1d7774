using Vrrp.Benchmarks.Comparison;

namespace Vrrp.Benchmarks.Soak;

/// <summary>How a quantity went over the part of the run that counts.</summary>
/// <param name="First">Median of its first third.</param>
/// <param name="Last">Median of its last third.</param>
/// <param name="Growth">What the straight line through all samples gains from the first to the last.</param>
/// <param name="Least">Smallest.</param>
/// <param name="Most">Largest.</param>
internal sealed record Trend(double First, double Last, double Growth, double Least, double Most)
{
    /// <summary>Least squares over the samples.</summary>
    public static Trend Of(IReadOnlyList<(double At, double Value)> samples)
    {
        if (samples.Count < 3)
            return new(double.NaN, double.NaN, double.NaN, double.NaN, double.NaN);
        double meanAt = samples.Average(sample => sample.At);
        double mean = samples.Average(sample => sample.Value);
        double spread = samples.Sum(sample => (sample.At - meanAt) * (sample.At - meanAt));
        double slope = samples.Sum(sample => (sample.At - meanAt) * (sample.Value - mean)) / spread;
        int third = samples.Count / 3;
        return new(
            Statistics.Median([.. samples.Take(third).Select(sample => sample.Value)]),
            Statistics.Median([.. samples.TakeLast(third).Select(sample => sample.Value)]),
            slope * (samples[^1].At - samples[0].At),
            samples.Min(sample => sample.Value),
            samples.Max(sample => sample.Value));
    }

    /// <summary>Whether neither the line nor the medians grew by more than that. Falling is no leak.</summary>
    public bool IsFlat(double tolerance) => Growth <= tolerance && Last - First <= tolerance;
}
