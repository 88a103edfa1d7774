namespace Vrrp.Simulation;

/// <summary>
/// Chance from a seed: the same seed gives the same sequence on every machine and with every version of the framework, which
/// <see cref="Random"/> does not promise. SplitMix64. Not for secrets.
/// </summary>
/// <param name="seed">Any number.</param>
public sealed class SeededRandom(long seed)
{
    private ulong _state = (ulong)seed;

    /// <summary>64 bits, each value as likely as any other.</summary>
    /// <returns>The bits.</returns>
    public ulong NextBits()
    {
        ulong bits = _state += 0x9E37_79B9_7F4A_7C15;
        bits = (bits ^ (bits >> 30)) * 0xBF58_476D_1CE4_E5B9;
        bits = (bits ^ (bits >> 27)) * 0x94D0_49BB_1331_11EB;
        return bits ^ (bits >> 31);
    }

    /// <summary>A number from 0 to below a bound.</summary>
    /// <param name="bound">At least 1.</param>
    /// <returns>The number.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The bound is below 1.</exception>
    public int Next(int bound)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(bound, 1);
        return (int)(((NextBits() >> 32) * (ulong)bound) >> 32);
    }

    /// <summary>A number from a lowest one to below a bound.</summary>
    /// <param name="lowest">The lowest.</param>
    /// <param name="bound">Above the lowest.</param>
    /// <returns>The number.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The bound is not above the lowest.</exception>
    public int Next(int lowest, int bound)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(lowest, bound);
        ulong range = (ulong)((long)bound - lowest);
        return (int)(lowest + (long)(((NextBits() >> 32) * range) >> 32));
    }

    /// <summary>A number from 0 to below 1.</summary>
    /// <returns>The number.</returns>
    public double NextDouble() => (NextBits() >> 11) * (1.0 / (1UL << 53));

    /// <summary>Whether something of a probability happens.</summary>
    /// <param name="probability">0: never; 1: always.</param>
    /// <returns>True if it happens.</returns>
    public bool Happens(double probability) => NextDouble() < probability;

    /// <summary>A time from zero to a longest one, to 100 ns.</summary>
    /// <param name="longest">Not negative.</param>
    /// <returns>The time.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The longest is negative.</exception>
    public TimeSpan NextTime(TimeSpan longest)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(longest, TimeSpan.Zero);
        return TimeSpan.FromTicks(NextUpTo(longest.Ticks));
    }

    /// <summary>One of several.</summary>
    /// <typeparam name="T">What there is to choose.</typeparam>
    /// <param name="choices">At least one.</param>
    /// <returns>The chosen one.</returns>
    /// <exception cref="ArgumentException">There is nothing to choose from.</exception>
    public T Pick<T>(IReadOnlyList<T> choices)
    {
        ArgumentNullException.ThrowIfNull(choices);
        if (choices.Count == 0)
            throw new ArgumentException("There is nothing to choose from.", nameof(choices));
        return choices[Next(choices.Count)];
    }

    /// <summary>A number from 0 to a highest one, which is included.</summary>
    internal long NextUpTo(long highest) => (long)Math.BigMul(NextBits(), (ulong)highest + 1, out _);
}
