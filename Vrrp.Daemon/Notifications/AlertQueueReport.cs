namespace Vrrp.Daemon.Notifications;

/// <summary>Mail alerts of this run of the daemon, for those who ask.</summary>
internal sealed record AlertQueueReport
{
    /// <summary>Mails that are not delivered yet.</summary>
    public required int Waiting { get; init; }

    /// <summary>Those of them that a server has and has not answered in time.</summary>
    public required int Unanswered { get; init; }

    /// <summary>Alerts that a later mail will tell together.</summary>
    public required int HeldBack { get; init; }

    /// <summary>Mails that were delivered.</summary>
    public required long Delivered { get; init; }

    /// <summary>Mails that were refused, or could not be delivered in a day.</summary>
    public required long GivenUp { get; init; }

    public required DateTimeOffset? LastDelivery { get; init; }

    /// <summary>In words. Null: there was none.</summary>
    public required string? LastError { get; init; }

    public required DateTimeOffset? LastErrorTime { get; init; }

    /// <summary>The last error in a few words that stay the same while the problem does. Null: nothing was in the way of the last mail.</summary>
    public required string? Problem { get; init; }
}
