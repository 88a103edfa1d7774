using System.Globalization;
using System.Text;
using Vrrp.Tests.Linux.Lab;

namespace Vrrp.Tests.Linux.Chaos;

/// <summary>Something that must not be.</summary>
/// <param name="Text">What, and what is known about it.</param>
/// <param name="Culprit">Whose doing it was; null when it is nobody's in particular.</param>
internal sealed record ChaosViolation(string Text, DirectorKind? Culprit);

/// <summary>What was seen of one episode.</summary>
internal sealed record ChaosOutcome
{
    public required ChaosEpisode Episode { get; init; }

    public required TimeSpan LongestGap { get; init; }

    /// <summary>By the protocol, without margin.</summary>
    public required TimeSpan AllowedGap { get; init; }

    public required int TwoHostMoments { get; init; }

    public required TimeSpan LongestTwoHosts { get; init; }

    public required TimeSpan AllowedTwoHosts { get; init; }

    /// <summary>From the healing of the last fault until the first host alone had answered long enough to say so.</summary>
    public required TimeSpan Convergence { get; init; }

    public string Group => Episode.Faults.Count > 1 ? "two at once" : Episode.Faults[0].Kind.ToString();
}

/// <summary>What a run has shown.</summary>
internal sealed record ChaosReport
{
    public required ChaosPlan Plan { get; init; }

    /// <summary>How much later than the protocol says things may happen on this machine: processes run, packets delivered.</summary>
    public required TimeSpan Margin { get; init; }

    /// <summary>The margin when the machine was slowest.</summary>
    public required TimeSpan LargestMargin { get; init; }

    public required IReadOnlyList<ChaosOutcome> Outcomes { get; init; }

    /// <summary>Episodes in which the machine was so slow that nothing could be said; the daemons agreed in the end.</summary>
    public required int NotJudged { get; init; }

    public required IReadOnlyList<ChaosViolation> Violations { get; init; }

    public required TimeSpan Length { get; init; }

    public required long Questions { get; init; }

    public required TimeSpan LongestPause { get; init; }

    public required string? RealTimeRefused { get; init; }

    public required int LeakedAddresses { get; init; }

    public required int LeakedProcesses { get; init; }

    public required int Deaths { get; init; }

    public required int MemoryKills { get; init; }

    public int Faults => Outcomes.Sum(outcome => outcome.Episode.Faults.Count);

    /// <summary>Those that are not keepalived's.</summary>
    public IEnumerable<ChaosViolation> Ours => Violations.Where(violation => violation.Culprit != DirectorKind.Keepalived);

    public override string ToString()
    {
        var text = new StringBuilder();
        text.AppendLine(CultureInfo.InvariantCulture, $"{Plan.Cluster}: seed {Plan.Seed}, {Length.TotalSeconds:0} s, {Faults} faults in {Outcomes.Count} episodes");
        text.AppendLine(CultureInfo.InvariantCulture, $"  margin {Margin.TotalSeconds:0.0} s, and {LargestMargin.TotalSeconds:0.0} s when the machine was slowest; {Questions} questions, longest pause between two {LongestPause.TotalMilliseconds:0} ms{(RealTimeRefused is null ? "" : $" ({RealTimeRefused})")}");
        text.AppendLine("  fault                 count | nobody answered, s              | two hosts answered, s           | agreed, s");
        text.AppendLine("                              |  longest  allowed  most beyond  | moments   longest   most beyond | after");
        foreach (var group in Outcomes.GroupBy(outcome => outcome.Group).OrderBy(group => group.Key, StringComparer.Ordinal))
            text.AppendLine(Row(group.Key, [.. group]));
        text.AppendLine(Row("all", Outcomes));
        text.AppendLine(CultureInfo.InvariantCulture, $"  left behind: {LeakedAddresses} addresses, {LeakedProcesses} processes; daemons that ended by themselves: {Deaths}; killed for want of memory: {MemoryKills}");
        if (NotJudged > 0)
            text.AppendLine(CultureInfo.InvariantCulture, $"  {NotJudged} more episodes could not be judged: the machine was too slow. Let less run beside this.");
        var ours = Ours.Count();
        text.AppendLine(CultureInfo.InvariantCulture, $"  violations: {ours}; of keepalived: {Violations.Count - ours}");
        foreach (var violation in Violations)
            text.AppendLine(CultureInfo.InvariantCulture, $"  {(violation.Culprit == DirectorKind.Keepalived ? "keepalived" : "VIOLATION")}: {violation.Text.ReplaceLineEndings("\n      ")}");
        return text.ToString();
    }

    private static string Row(string name, IReadOnlyList<ChaosOutcome> outcomes)
    {
        if (outcomes.Count == 0)
            return $"  {name}";
        var longest = outcomes.MaxBy(outcome => outcome.LongestGap)!;
        var beyond = outcomes.Max(outcome => outcome.LongestGap - outcome.AllowedGap);
        var twoBeyond = outcomes.Max(outcome => outcome.LongestTwoHosts - outcome.AllowedTwoHosts);
        return string.Create(
            CultureInfo.InvariantCulture,
            $"  {name,-20} {outcomes.Sum(outcome => outcome.Episode.Faults.Count),6} | {longest.LongestGap.TotalSeconds,8:0.000} {longest.AllowedGap.TotalSeconds,8:0.000} {beyond.TotalSeconds,8:+0.000;-0.000;0.000}     | {outcomes.Sum(outcome => outcome.TwoHostMoments),7} {outcomes.Max(outcome => outcome.LongestTwoHosts).TotalSeconds,9:0.000} {twoBeyond.TotalSeconds,9:+0.000;-0.000;0.000}     | {outcomes.Max(outcome => outcome.Convergence).TotalSeconds,6:0.000}");
    }
}
