using System.Collections.Immutable;

namespace Vrrp.Daemon.Notifications;

/// <summary>One thing to tell the operators by mail.</summary>
/// <param name="About">What it is about, the same for all alerts whose order matters: <c>VRRP Instance VI_1</c>.</param>
/// <param name="Event">What happened to it, as <c>Entering MASTER state</c>.</param>
/// <param name="Reason">Why, as a clause.</param>
/// <param name="At">When, with the zone of this host.</param>
/// <param name="Subject">Subject of its mail.</param>
/// <param name="Body">Text of its mail.</param>
internal sealed record Alert(string About, string Event, string Reason, DateTimeOffset At, string Subject, string Body)
{
    /// <summary>How many alerts it stands for.</summary>
    public int Count { get; init; } = 1;

    /// <summary>Names of what was held back and is told by it; empty for an alert that was not.</summary>
    public ImmutableArray<string> Parts { get; init; } = [];

    /// <summary>All that it is about, if that is more than one thing.</summary>
    public ImmutableArray<string>? Abouts { get; init; }
}
