using System.Collections.Immutable;

namespace Vrrp.Mail;

/// <summary>A mail of plain text as it is handed to an <see cref="IMailTransport"/>, which gives it its form on the wire.</summary>
public sealed record OutgoingMail
{
    /// <summary>Value of Message-ID without the angle brackets; the same at each attempt, so that a receiver can tell a repetition.</summary>
    public required string MessageId { get; init; }

    /// <summary>Value of Date: when what it tells happened, with the zone of the sender.</summary>
    public required DateTimeOffset Date { get; init; }

    /// <summary>Value of From, as <c>a@example.org</c> or <c>Name &lt;a@example.org&gt;</c>; the address is also the sender of the envelope.</summary>
    public required string From { get; init; }

    /// <summary>Value of To, in the form of <see cref="From"/>: all whom the mail is for.</summary>
    public required ImmutableArray<string> To { get; init; }

    /// <summary>Those of <see cref="To"/> who are to get it now; fewer than all when the others have it already.</summary>
    public required ImmutableArray<string> Recipients { get; init; }

    /// <summary>Value of Subject in plain characters; a transport encodes it where it must, and lets no line end through.</summary>
    public required string Subject { get; init; }

    /// <summary>The text; its lines end with a line feed.</summary>
    public required string Body { get; init; }
}
