namespace Vrrp.Tests.Linux.Chaos;

/// <summary>One question for an address and who answered it before the next one.</summary>
/// <param name="Time">When it was asked.</param>
/// <param name="Hosts">A bit for each host that answered; <see cref="Stranger"/> for somebody else.</param>
internal readonly record struct ProbeSample(Instant Time, byte Hosts)
{
    public const byte Stranger = 0x80;
}

/// <summary>A run of questions of which the same is true.</summary>
internal readonly record struct ProbeRun(Instant From, Instant To)
{
    public TimeSpan Length => To - From;
}

/// <summary>All questions for one address. One thread writes, others read.</summary>
internal sealed class ProbeTrack
{
    private readonly List<ProbeSample> _samples = [];

    public int Count
    {
        get
        {
            lock (_samples)
                return _samples.Count;
        }
    }

    public void Asked(Instant time)
    {
        lock (_samples)
            _samples.Add(new(time, 0));
    }

    /// <summary>An answer to the latest question: answers come at once, and which question one belongs to is not in it.</summary>
    public void Answered(byte host)
    {
        lock (_samples)
        {
            if (_samples.Count > 0)
                _samples[^1] = _samples[^1] with { Hosts = (byte)(_samples[^1].Hosts | host) };
        }
    }

    /// <summary>The questions from a moment on.</summary>
    public ProbeSample[] Since(Instant from)
    {
        lock (_samples)
        {
            // The last moments are asked for most of the time.
            var first = _samples.Count;
            while (first > 0 && _samples[first - 1].Time >= from)
                first--;
            return [.. _samples[first..]];
        }
    }

    /// <summary>
    /// Each run of unanswered questions, from the first of them to the first answered one. The questioner's own pauses within count: what
    /// was not asked was not answered.
    /// </summary>
    public static IEnumerable<ProbeRun> Gaps(IReadOnlyList<ProbeSample> samples) => Runs(samples, hosts => hosts == 0, bridged: 0);

    /// <summary>Each run of questions that two hosts answered; a few between them that one answered do not end it.</summary>
    public static IEnumerable<ProbeRun> TwoHosts(IReadOnlyList<ProbeSample> samples) =>
        Runs(samples, hosts => (hosts & (hosts - 1)) != 0, bridged: 3);

    private static IEnumerable<ProbeRun> Runs(IReadOnlyList<ProbeSample> samples, Func<byte, bool> belongs, int bridged)
    {
        int? first = null;
        var others = 0;
        for (var i = 0; i < samples.Count; i++)
        {
            if (belongs(samples[i].Hosts))
            {
                first ??= i;
                others = 0;
            }
            else if (first is { } start && ++others > bridged)
            {
                yield return new(samples[start].Time, samples[i + 1 - others].Time);
                (first, others) = (null, 0);
            }
        }
        if (first is { } open)
            yield return new(samples[open].Time, samples[^Math.Max(1, others)].Time);
    }
}
