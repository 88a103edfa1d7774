using System.Globalization;
using System.Text;
using Vrrp.Tests.Linux.Lab;

namespace Vrrp.Tests.Linux.Chaos;

/// <summary>One or two faults that overlap, and the time in which the daemons are to agree again.</summary>
/// <param name="Number">From 1.</param>
/// <param name="Faults">In the order in which they begin.</param>
/// <param name="Until">When the next episode may begin.</param>
internal sealed record ChaosEpisode(int Number, IReadOnlyList<ChaosFault> Faults, TimeSpan Until)
{
    public TimeSpan At => Faults[0].At;

    public TimeSpan HealedAt => Faults.Max(fault => fault.HealedAt);

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"#{Number} {string.Join(" + ", Faults)}");
}

/// <summary>What will happen to a cluster, decided beforehand: the same cluster, kinds, seed and length give the same plan.</summary>
internal sealed record ChaosPlan(ChaosCluster Cluster, int Seed, TimeSpan Length, IReadOnlyList<ChaosEpisode> Episodes)
{
    // For a daemon to start when nothing else wants the processor; the plan goes on later when it takes longer.
    private static readonly TimeSpan UsualStart = TimeSpan.FromMilliseconds(700);
    private static readonly TimeSpan Breath = TimeSpan.FromMilliseconds(400);

    public static ChaosPlan Create(ChaosCluster cluster, IReadOnlyCollection<ChaosFaultKind> kinds, int seed, TimeSpan length)
    {
        var draw = new Draw(cluster, [.. kinds.Where(kind => IsPossible(cluster, kind))], new Random(seed));
        var episodes = new List<ChaosEpisode>();
        var now = TimeSpan.Zero;
        for (;;)
        {
            var episode = draw.Next(episodes.Count + 1, now);
            if (episode.Until > length && episodes.Count > 0)
                return new(cluster, seed, length, episodes);
            episodes.Add(episode);
            now = episode.Until;
        }
    }

    public override string ToString()
    {
        var text = new StringBuilder();
        text.AppendLine(CultureInfo.InvariantCulture, $"{Cluster}, seed {Seed}, {Length.TotalSeconds:0} s, {Episodes.Count} episodes");
        foreach (var episode in Episodes)
        {
            var gap = ChaosAllowance.Gap(Cluster, episode.Faults);
            var two = ChaosAllowance.TwoHosts(Cluster, episode.Faults);
            text.AppendLine(CultureInfo.InvariantCulture, $"  {episode}; dark at most {gap.TotalSeconds:0.000} s, two hosts at most {two.TotalSeconds:0.000} s");
        }
        return text.ToString();
    }

    private static bool IsPossible(ChaosCluster cluster, ChaosFaultKind kind) => kind switch
    {
        // keepalived 2.2 drops advertisements whose addresses are not its own.
        ChaosFaultKind.FurtherAddress => !cluster.Directors.Contains(DirectorKind.Keepalived),
        _ => !NeedsOurs(kind) || cluster.Directors.Contains(DirectorKind.Vrrp),
    };

    // keepalived makes the best of a broken file, and keeps no record of its addresses.
    private static bool NeedsOurs(ChaosFaultKind kind) => kind is ChaosFaultKind.BrokenReload or ChaosFaultKind.DiskFull;

    /// <summary>Each kind comes once before any comes again.</summary>
    private sealed class Draw(ChaosCluster cluster, IReadOnlyList<ChaosFaultKind> kinds, Random random)
    {
        private readonly Queue<ChaosFaultKind> _bag = new();

        public ChaosEpisode Next(int number, TimeSpan now)
        {
            // Not in step with the advertisements.
            var at = now + TimeSpan.FromMilliseconds(100) + Part(cluster.Interval);
            var kind = NextKind();
            List<ChaosFault> faults = [Fault(kind, HostFor(kind), at)];
            if (number > 1 && random.Next(4) == 0)
            {
                var second = NextKind();
                var host = HostFor(second);
                if (MayMeet(faults[0], second, host))
                    faults.Add(Fault(second, host, at + Part(faults[0].Duration)));
                else
                    _bag.Enqueue(second);
            }
            var episode = new ChaosEpisode(number, faults, TimeSpan.Zero);
            var settling = cluster.DownInterval(0) + cluster.Interval + Breath + (faults.Any(fault => fault.Restarts) ? UsualStart : TimeSpan.Zero);
            return episode with { Until = episode.HealedAt + settling };
        }

        private static bool MayMeet(ChaosFault first, ChaosFaultKind kind, int host)
        {
            var second = new ChaosFault(kind, host, default, default);
            return first.Subject == second.Subject ? first.Host != host && first.Subject != ChaosSubject.Network : first.Kind != kind;
        }

        private ChaosFaultKind NextKind()
        {
            if (_bag.Count == 0)
            {
                var shuffled = kinds.ToArray();
                random.Shuffle(shuffled);
                foreach (var kind in shuffled)
                    _bag.Enqueue(kind);
            }
            return _bag.Dequeue();
        }

        /// <summary>Mostly the Master.</summary>
        private int HostFor(ChaosFaultKind kind)
        {
            int[] candidates = kind switch
            {
                ChaosFaultKind.AddressRemoved => [0],
                _ when NeedsOurs(kind) => [.. Enumerable.Range(0, cluster.Directors.Count).Where(host => cluster.Directors[host] == DirectorKind.Vrrp)],
                _ => [.. Enumerable.Range(0, cluster.Directors.Count)],
            };
            return random.Next(10) < 6 ? candidates[0] : candidates[random.Next(candidates.Length)];
        }

        private ChaosFault Fault(ChaosFaultKind kind, int host, TimeSpan at)
        {
            var duration = kind switch
            {
                ChaosFaultKind.AddressRemoved => TimeSpan.Zero,
                ChaosFaultKind.BrokenReload => TimeSpan.FromMilliseconds(300) + Part(TimeSpan.FromSeconds(0.5)),
                ChaosFaultKind.FurtherAddress or ChaosFaultKind.LowerPriority or ChaosFaultKind.AdvertLoss or ChaosFaultKind.FrameLoss or ChaosFaultKind.FrameDelay
                    or ChaosFaultKind.MemoryPressure or ChaosFaultKind.ClockStep => Long() + Part(TimeSpan.FromSeconds(1)),
                _ => random.Next(3) == 0 ? (0.2 * cluster.LongestDownInterval) + Part(0.7 * cluster.LongestDownInterval) : Long(),
            };
            var amount = kind switch
            {
                ChaosFaultKind.AdvertLoss => random.Next(20, 71),
                ChaosFaultKind.FrameLoss => random.Next(5, 26),
                ChaosFaultKind.FrameDelay => random.Next(5, 41),
                ChaosFaultKind.KillStarting => random.Next(600),
                ChaosFaultKind.BrokenReload => random.Next(ChaosCluster.BrokenConfigCount),
                ChaosFaultKind.ClockStep => random.Next(2) == 0 ? random.Next(2, 60) : random.Next(3600, 100_000),
                _ => 0,
            };
            var network = kind is ChaosFaultKind.LinkDown or ChaosFaultKind.CableOut or ChaosFaultKind.InterfaceRemoved or ChaosFaultKind.AddressRemoved
                ? random.Next(cluster.Networks)
                : 0;
            return new(kind, host, at, Whole(duration), amount, network);
        }

        /// <summary>Long enough for another to take over.</summary>
        private TimeSpan Long() => (1.3 * cluster.LongestDownInterval) + Part(TimeSpan.FromSeconds(1));

        private TimeSpan Part(TimeSpan most) => Whole(most * random.NextDouble());

        private static TimeSpan Whole(TimeSpan time) => TimeSpan.FromMilliseconds(Math.Floor(time.TotalMilliseconds));
    }
}
