using System.Globalization;
using Vrrp.Linux;
using Vrrp.Tests.Linux.Lab;

namespace Vrrp.Tests.Linux.Chaos;

/// <summary>Who said on the wire to be Master, and so whose fault a violation is.</summary>
internal sealed class ChaosWitness(ChaosCluster cluster, Laboratory lab, IReadOnlyList<ChaosHost> hosts)
{
    // The capture has the wall clock's times.
    private readonly TimeSpan _wallClock = DateTime.UtcNow - DateTime.UnixEpoch - (MonotonicClock.Now - Instant.Origin);

    /// <summary>The host that had to answer: who last said to be Master, else the first that could have.</summary>
    public DirectorKind? CulpritOfGap(VirtualRouterSpec router, ProbeRun gap, IReadOnlyList<ChaosFault> faults, Instant start)
    {
        var last = Adverts(router, gap.From - (1.2 * router.Interval), gap.To).LastOrDefault(advert => advert.Priority > 0);
        if (last is not null)
            return cluster.Directors[last.Host];
        for (var host = 0; host < hosts.Count; host++)
        {
            if (!faults.Any(fault => fault.Host == host && fault.Disables && start + fault.At <= gap.To && start + fault.HealedAt >= gap.From))
                return cluster.Directors[host];
        }
        return null;
    }

    /// <summary>The host that had to yield: the lowest of those that answer.</summary>
    public DirectorKind? CulpritOfTwoHosts(IEnumerable<ProbeSample> samples)
    {
        var answering = samples.Aggregate(0, (hosts, sample) => hosts | sample.Hosts) & ~ProbeSample.Stranger;
        return answering == 0 ? null : cluster.Directors[int.Log2(answering)];
    }

    /// <summary>The advertisements around a moment, those of one host in a row as one.</summary>
    public string Describe(VirtualRouterSpec router, Instant from, Instant to)
    {
        var runs = new List<(CapturedClaim First, CapturedClaim Last, int Count)>();
        foreach (var advert in Adverts(router, from, to))
        {
            if (runs.Count > 0 && runs[^1] is var run && run.First.Host == advert.Host && run.First.Priority == advert.Priority)
                runs[^1] = (run.First, advert, run.Count + 1);
            else
                runs.Add((advert, advert, 1));
        }
        return runs.Count == 0
            ? "no advertisement"
            : string.Join(", ", runs.Select(run => string.Create(
                CultureInfo.InvariantCulture,
                $"{(char)('A' + run.First.Host)}({run.First.Priority})×{run.Count} {(run.First.Time - from).TotalSeconds:0.000}–{(run.Last.Time - from).TotalSeconds:0.000}")));
    }

    private IEnumerable<CapturedClaim> Adverts(VirtualRouterSpec router, Instant from, Instant to)
    {
        foreach (var frame in lab.Captures[router.Network].Frames)
        {
            var time = Instant.Origin + (frame.Time - _wallClock);
            if (time < from || time > to || frame.Advert is not { } advert || advert.Vrid != router.Vrid)
                continue;
            for (var host = 0; host < hosts.Count; host++)
            {
                if (hosts[host].Machine.Mac(router.Network).Equals(frame.Source))
                    yield return new(time, host, advert.Priority);
            }
        }
    }

    private sealed record CapturedClaim(Instant Time, int Host, int Priority);
}
