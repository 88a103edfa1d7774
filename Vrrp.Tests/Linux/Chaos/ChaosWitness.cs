using System.Globalization;
using Vrrp.Linux;
using Vrrp.Tests.Linux.Lab;

namespace Vrrp.Tests.Linux.Chaos;

/// <summary>Who said on the wire to be Master, and so whose fault a violation is.</summary>
internal sealed class ChaosWitness(ChaosCluster cluster, Laboratory lab, IReadOnlyList<ChaosHost> hosts)
{
    // The capture has the wall clock's times.
    private readonly TimeSpan _wallClock = DateTime.UtcNow - DateTime.UnixEpoch - (MonotonicClock.Now - Instant.Origin);

    /// <summary>The host that had to answer.</summary>
    public DirectorKind? CulpritOfGap(VirtualRouterSpec router, ProbeRun gap, IReadOnlyList<ChaosFault> faults, Instant start)
    {
        var claims = Adverts(router, gap.From - (1.2 * router.Interval), gap.To).Where(advert => advert.Priority > 0).Select(advert => advert.Host);
        int[] able = [.. Enumerable.Range(0, hosts.Count)
            .Where(host => !faults.Any(fault => fault.Host == host && fault.Disables && start + fault.At <= gap.To && start + fault.HealedAt >= gap.From))];
        return HadToAnswer(claims, able) is { } host ? cluster.Directors[host] : null;
    }

    /// <summary>The host that should not have answered.</summary>
    public DirectorKind? CulpritOfTwoHosts(VirtualRouterSpec router, ProbeRun two, IEnumerable<ProbeSample> samples)
    {
        var answering = samples.Aggregate(0, (all, sample) => all | sample.Hosts) & ~ProbeSample.Stranger;
        var advertising = Adverts(router, two.From, two.To).Aggregate(0, (all, advert) => all | (1 << advert.Host));
        return HadToYield(answering, advertising) is { } host ? cluster.Directors[host] : null;
    }

    /// <summary>Who last said to be Master of those that could answer, else the first of them: what a host said before its cable was pulled binds it to nothing.</summary>
    /// <param name="claims">The hosts that advertised, in this order.</param>
    /// <param name="able">The hosts that nothing kept from answering, the highest first.</param>
    internal static int? HadToAnswer(IEnumerable<int> claims, IReadOnlyList<int> able)
    {
        int[] valid = [.. claims.Where(able.Contains)];
        return valid.Length > 0 ? valid[^1] : able.Count > 0 ? able[0] : null;
    }

    /// <summary>Who answers without a word to the others, else the lowest: nobody can yield to what is not said.</summary>
    /// <param name="answering">A bit for each host that answers.</param>
    /// <param name="advertising">A bit for each host that advertised meanwhile.</param>
    internal static int? HadToYield(int answering, int advertising)
    {
        var silent = answering & ~advertising;
        return answering == 0 ? null : silent == 0 ? int.Log2(answering) : int.TrailingZeroCount(silent);
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
