using System.Buffers;
using System.Globalization;
using System.Text;
using Vrrp.Mail;

namespace Vrrp.Daemon.Notifications;

/// <summary>
/// The form of a mail on the wire (RFC 5322, MIME). Pure. Whatever the fields hold, each becomes one header of its own: control characters
/// do not get through.
/// </summary>
internal static class MailFormat
{
    /// <summary>RFC 5322 §2.1.1 allows 998 octets; room for the header's name.</summary>
    private const int MaximumLine = 900;

    /// <summary>Octets of an encoded word that stay below its 75 characters: =?utf-8?B?…?= (RFC 2047 §2).</summary>
    private const int EncodedWordOctets = 45;

    private static readonly SearchValues<char> s_atom =
        SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-/=?^_`{|}~ ");

    /// <summary>The whole message, lines ended by CR LF, not yet stuffed for SMTP.</summary>
    public static byte[] Write(OutgoingMail mail)
    {
        string body = mail.Body.ReplaceLineEndings("\n");
        bool isPlain = IsAscii(body) && !body.Split('\n').Any(line => line.Length > MaximumLine);
        var text = new StringBuilder();
        Header("Date", Date(mail.Date));
        Header("From", Mailbox(mail.From));
        Header("Subject", Unstructured(mail.Subject));
        Header("X-Mailer", "vrrp");
        Header("To", string.Join(",\r\n ", mail.To.Select(Mailbox)));
        Header("Message-ID", $"<{MessageId(mail.MessageId)}>");
        Header("Auto-Submitted", "auto-generated");
        Header("MIME-Version", "1.0");
        Header("Content-Type", "text/plain; charset=utf-8");
        Header("Content-Transfer-Encoding", isPlain ? "7bit" : "quoted-printable");
        text.Append("\r\n");
        foreach (string line in body.TrimEnd('\n').Split('\n'))
            text.Append(isPlain ? Printable(line, '\t') : QuotedPrintable(line)).Append("\r\n");
        return Encoding.ASCII.GetBytes(text.ToString());

        void Header(string name, string value) => text.Append(name).Append(": ").Append(value).Append("\r\n");
    }

    /// <summary>A free text as a header's value: as it is when it is plain ASCII, else in encoded words.</summary>
    public static string Unstructured(string text)
    {
        string clean = Printable(text);
        // What looks encoded would be decoded by the reader.
        return IsAscii(clean) && clean.Length <= MaximumLine && !clean.Contains("=?", StringComparison.Ordinal) ? clean : EncodedWords(clean);
    }

    /// <summary>As RFC 5322 §3.3 wants it, with the zone's offset.</summary>
    public static string Date(DateTimeOffset date) =>
        date.ToString("ddd, dd MMM yyyy HH:mm:ss ", CultureInfo.InvariantCulture)
        + string.Create(CultureInfo.InvariantCulture, $"{(date.Offset < TimeSpan.Zero ? '-' : '+')}{date.Offset:hhmm}");

    private static string Mailbox(string text)
    {
        if (!MailAddresses.TryRead(text, out string address, out string name))
            throw new ArgumentException("An address of the mail is none.", nameof(text));
        if (name.Length == 0)
            return address;
        name = Printable(name);
        string phrase = !IsAscii(name) || name.Length > MaximumLine / 2 || name.Contains("=?", StringComparison.Ordinal) ? EncodedWords(name)
            : name.AsSpan().ContainsAnyExcept(s_atom)
                ? $"\"{name.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)}\""
            : name;
        return $"{phrase} <{address}>";
    }

    private static string MessageId(string id) => string.Concat(Printable(id).Where(c => c is > ' ' and < '\x7f' and not ('<' or '>')));

    private static string EncodedWords(string text)
    {
        var words = new StringBuilder();
        var octets = new List<byte>(EncodedWordOctets);
        Span<byte> one = stackalloc byte[4];
        foreach (var rune in text.EnumerateRunes())
        {
            int length = rune.EncodeToUtf8(one);
            if (octets.Count + length > EncodedWordOctets)
                Flush();
            octets.AddRange(one[..length]);
        }

        Flush();
        return words.ToString();

        void Flush()
        {
            if (octets.Count == 0)
                return;
            // Blanks between encoded words are not part of the text.
            words.Append(words.Length > 0 ? "\r\n " : "").Append("=?utf-8?B?").Append(Convert.ToBase64String([.. octets])).Append("?=");
            octets.Clear();
        }
    }

    /// <summary>One line of RFC 2045 §6.7, with soft breaks.</summary>
    private static string QuotedPrintable(string line)
    {
        var text = new StringBuilder();
        int column = 0;
        byte[] octets = Encoding.UTF8.GetBytes(line);
        for (int i = 0; i < octets.Length; i++)
        {
            byte octet = octets[i];
            bool isBlankAtEnd = i == octets.Length - 1 && (octet is (byte)' ' or (byte)'\t');
            bool isLiteral = !isBlankAtEnd && (octet is (byte)'\t' or (>= 0x20 and < 0x7f and not (byte)'='));
            string part = isLiteral ? ((char)octet).ToString() : string.Create(CultureInfo.InvariantCulture, $"={octet:X2}");
            if (column + part.Length > 75)
            {
                text.Append("=\r\n");
                column = 0;
            }

            text.Append(part);
            column += part.Length;
        }

        return text.ToString();
    }

    private static bool IsAscii(string text) => Ascii.IsValid(text);

    private static string Printable(string text, char allowed = ' ') =>
        text.Any(c => char.IsControl(c) && c != allowed || c is '\u2028' or '\u2029')
            ? string.Concat(text.Select(c => char.IsControl(c) && c != allowed || c is '\u2028' or '\u2029' ? ' ' : c))
            : text;
}
