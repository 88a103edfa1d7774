using System.Collections.Immutable;

namespace Vrrp.Daemon.Demo;

/// <summary>One transition, measured at the client.</summary>
internal sealed record TransitionFigures
{
    /// <summary>"start", "failover", "return" or "handover".</summary>
    public required string Name { get; init; }

    /// <summary>What made it happen.</summary>
    public required string Cause { get; init; }

    /// <summary>Who was Master before; null at the start.</summary>
    public required string? From { get; init; }

    public required string To { get; init; }

    /// <summary>When the cause happened, since the start of the demonstration.</summary>
    public required TimeSpan At { get; init; }

    /// <summary>From what the new Master's timer counts: the last advert it heard, a farewell, or its own start, which nobody hears.</summary>
    public required string CountedFrom { get; init; }

    /// <summary>The least that the protocol allows from there.</summary>
    public required TimeSpan Minimum { get; init; }

    /// <summary>How long it was from there to the new Master's first gratuitous ARP; null when it counts from its own start.</summary>
    public required TimeSpan? Measured { get; init; }

    /// <summary>From the cause to the former Master's last advert: negative when that was before. Null where there was none.</summary>
    public TimeSpan? CauseToLastAdvert { get; init; }

    public required TimeSpan CauseToFirstAdvert { get; init; }

    public required TimeSpan CauseToAnnouncement { get; init; }

    /// <summary>From the cause to the first probe that the new Master answered.</summary>
    public required TimeSpan CauseToAnswer { get; init; }

    /// <summary>Probes sent from the cause until the new state had been watched for a while.</summary>
    public required int Probes { get; init; }

    public required int LostProbes { get; init; }

    /// <summary>Longest time between two answers.</summary>
    public required TimeSpan LongestSilence { get; init; }

    public TimeSpan? Overhead => Measured - Minimum;
}

/// <summary>How the demonstration went.</summary>
/// <param name="Plan">What was set up.</param>
/// <param name="Transitions">The transitions that happened, in order.</param>
/// <param name="Mails">What the operators got by mail, in its order.</param>
/// <param name="Problems">What went otherwise than it must; empty when all is well.</param>
/// <param name="Duration">From start to end.</param>
/// <param name="IsInterrupted">Whether it was ended from outside.</param>
internal sealed record DemoResult(
    DemoPlan Plan,
    ImmutableArray<TransitionFigures> Transitions,
    ImmutableArray<DemoMail> Mails,
    ImmutableArray<string> Problems,
    TimeSpan Duration,
    bool IsInterrupted)
{
    public bool HasSucceeded => Problems.IsEmpty && !IsInterrupted;
}
