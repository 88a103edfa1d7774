using System.Collections.Immutable;
using System.Net.Mail;
using Vrrp.Daemon.Configuration.Model;

namespace Vrrp.Daemon.Notifications;

/// <summary>Where mail goes and how; made of a configuration that has servers and recipients.</summary>
internal sealed record MailSettings
{
    public required ImmutableArray<MailServer> Servers { get; init; }

    public required string From { get; init; }

    public required ImmutableArray<string> To { get; init; }

    /// <summary>What the client calls itself to the server.</summary>
    public required string HeloName { get; init; }

    /// <summary>Bound of connecting, and again of each step of the dialogue.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Whether the connection must be encrypted by STARTTLS, with a certificate that is valid for the server's name.</summary>
    public bool StartTls { get; init; }

    /// <summary>Authorities that certificates are checked with. Null: those of the system.</summary>
    public string? AuthorityFile { get; init; }

    /// <summary>Null: no authentication.</summary>
    public string? UserName { get; init; }

    public string? PasswordFile { get; init; }

    /// <summary>What a configuration says of mail; null: it has no server or no recipient that mail could be sent to.</summary>
    public static MailSettings? Create(GlobalDefs globals, string hostName)
    {
        ImmutableArray<string> to = [.. globals.NotificationEmail.Where(MailAddresses.IsUsable).Distinct(StringComparer.Ordinal)];
        if (to.IsEmpty || globals.MailServers.IsEmpty)
            return null;
        string from = globals.NotificationEmailFrom is { } set && MailAddresses.IsUsable(set) ? set : $"{Environment.UserName}@{hostName}";
        return new MailSettings
        {
            Servers = globals.MailServers,
            From = from,
            To = to,
            HeloName = globals.SmtpHeloName ?? hostName,
            Timeout = globals.SmtpConnectTimeout,
            StartTls = globals.SmtpStartTls,
            AuthorityFile = globals.SmtpAuthorityFile,
            UserName = globals.SmtpUserName,
            PasswordFile = globals.SmtpPasswordFile,
        };
    }

    public bool Equals(MailSettings? other) => other is not null
        && Servers.SequenceEqual(other.Servers) && To.SequenceEqual(other.To)
        && (From, HeloName, Timeout, StartTls, AuthorityFile, UserName, PasswordFile)
            == (other.From, other.HeloName, other.Timeout, other.StartTls, other.AuthorityFile, other.UserName, other.PasswordFile);

    public override int GetHashCode() => HashCode.Combine(From, HeloName, Servers.Length, To.Length);
}

/// <summary>Addresses as they stand in configurations: <c>a@example.org</c>, <c>Name &lt;a@example.org&gt;</c>.</summary>
internal static class MailAddresses
{
    /// <summary>Longest that a mailbox may be (RFC 5321 §4.5.3.1.3).</summary>
    private const int MaximumLength = 254;

    private const int MaximumUser = 64;

    /// <summary>Whether mail can be addressed so. Only ASCII before the @: what lies beyond it not every server takes.</summary>
    public static bool IsUsable(string text) => TryRead(text, out _, out _);

    /// <summary>The bare address for the envelope, its host in the form of the wire, and the name before it.</summary>
    public static bool TryRead(string text, out string address, out string displayName)
    {
        (address, displayName) = ("", "");
        // A user of the mail server's own host, to whose name it adds what is missing.
        if (text.Length is > 0 and <= MaximumUser && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-' or '+'))
        {
            address = text;
            return true;
        }

        if (text.AsSpan().ContainsAnyInRange('\0', '\x1f') || !MailAddress.TryCreate(text, out var parsed))
            return false;
        string user = parsed.User;
        if (!IsVisibleAscii(user) || user.AsSpan().ContainsAny('<', '>'))
            return false;
        string host = parsed.Host;
        if (!IsVisibleAscii(host))
        {
            try
            {
                host = new System.Globalization.IdnMapping().GetAscii(host);
            }
            catch (ArgumentException)
            {
                return false;
            }
        }

        (address, displayName) = ($"{user}@{host}", parsed.DisplayName);
        return address.Length <= MaximumLength && !host.AsSpan().ContainsAny('<', '>');
    }

    private static bool IsVisibleAscii(string text) => !text.AsSpan().ContainsAnyExceptInRange('\x21', '\x7e');
}
