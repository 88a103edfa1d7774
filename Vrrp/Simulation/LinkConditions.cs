namespace Vrrp.Simulation;

/// <summary>What the way from one node to another does to packets. Default: nothing, they arrive at once.</summary>
public sealed record LinkConditions
{
    private readonly TimeSpan _delay;
    private readonly TimeSpan _jitter;
    private readonly TimeSpan _reorderingDelay = TimeSpan.FromMilliseconds(10);
    private readonly double _loss;
    private readonly double _duplication;
    private readonly double _reordering;

    /// <summary>Every packet arrives at once, once.</summary>
    public static LinkConditions Ideal { get; } = new();

    /// <summary>Time that every packet travels. Default zero.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is negative, or longer than a day.</exception>
    public TimeSpan Delay { get => _delay; init => _delay = Duration(value, nameof(Delay)); }

    /// <summary>
    /// Longest time that comes on top of <see cref="Delay"/>, anew for each packet, all times up to it alike. Packets keep their order all
    /// the same. Default zero.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">It is negative, or longer than a day.</exception>
    public TimeSpan Jitter { get => _jitter; init => _jitter = Duration(value, nameof(Jitter)); }

    /// <summary>Probability that a packet is lost, 0 to 1. Default 0.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is no probability.</exception>
    public double Loss { get => _loss; init => _loss = Probability(value, nameof(Loss)); }

    /// <summary>Probability that a packet arrives twice, 0 to 1; the copy has a jitter of its own. Default 0.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is no probability.</exception>
    public double Duplication { get => _duplication; init => _duplication = Probability(value, nameof(Duplication)); }

    /// <summary>Probability that a packet is held back, so that later ones overtake it, 0 to 1. Default 0.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is no probability.</exception>
    public double Reordering { get => _reordering; init => _reordering = Probability(value, nameof(Reordering)); }

    /// <summary>
    /// Longest time that a packet is held back for <see cref="Reordering"/>, all times up to it alike: those that are sent meanwhile overtake it.
    /// Default 10 ms.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">It is negative, or longer than a day.</exception>
    public TimeSpan ReorderingDelay { get => _reorderingDelay; init => _reorderingDelay = Duration(value, nameof(ReorderingDelay)); }

    /// <summary>Whether nothing is left to chance.</summary>
    internal bool IsCertain => _loss == 0 && _duplication == 0 && _reordering == 0 && _jitter == TimeSpan.Zero;

    private static TimeSpan Duration(TimeSpan value, string name) =>
        value >= TimeSpan.Zero && value <= TimeSpan.FromDays(1)
            ? value : throw new ArgumentOutOfRangeException(name, value, "A packet is under way for nothing to a day.");

    private static double Probability(double value, string name) =>
        value is >= 0 and <= 1 ? value : throw new ArgumentOutOfRangeException(name, value, "A probability is a number from 0 to 1.");
}
