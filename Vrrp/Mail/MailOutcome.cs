using System.Collections.Immutable;

namespace Vrrp.Mail;

/// <summary>What became of an attempt to deliver a mail.</summary>
public enum MailVerdict
{
    /// <summary>The server has taken it over for all recipients but those it will never take.</summary>
    Delivered,

    /// <summary>The server is there but does not take this mail now, at least not for everyone: worth another attempt later.</summary>
    Deferred,

    /// <summary>The server will never take this mail: another attempt is pointless.</summary>
    Refused,

    /// <summary>The server cannot be used, for this mail or any other: worth another attempt later.</summary>
    Unavailable,
}

/// <summary>The result of an attempt to deliver a mail.</summary>
/// <param name="Verdict">What became of it.</param>
/// <param name="Problem">What went wrong in few words that stay the same while the problem does, as <c>mx1:25 RCPT 450</c>; empty when nothing did.</param>
/// <param name="Detail">What went wrong as a clause for people; empty when nothing did.</param>
public sealed record MailOutcome(MailVerdict Verdict, string Problem, string Detail)
{
    /// <summary>Delivered to everyone.</summary>
    public static MailOutcome Success { get; } = new(MailVerdict.Delivered, "", "");

    /// <summary>
    /// After <see cref="MailVerdict.Deferred"/>: recipients for whom nothing is left to do, because the server has the mail for them or will
    /// never take it. Empty: everyone still waits.
    /// </summary>
    public ImmutableArray<string> Settled { get; init; } = [];

    /// <summary>
    /// After <see cref="MailVerdict.Unavailable"/>: the server had begun with this mail (RFC 5321 §3.3: its MAIL command was accepted), so the
    /// trouble may be this mail's own, and another one is worth an attempt at once. Default: false, the server is of no use to any mail.
    /// </summary>
    public bool CameWithMail { get; init; }
}
