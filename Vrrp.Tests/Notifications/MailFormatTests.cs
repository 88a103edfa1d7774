using System.Text;
using Vrrp.Daemon.Notifications;
using Vrrp.Mail;
using Xunit;

namespace Vrrp.Tests.Notifications;

public class MailFormatTests
{
    private static readonly OutgoingMail s_mail = new()
    {
        MessageId = "1@host",
        Date = new DateTimeOffset(2026, 3, 1, 4, 5, 6, TimeSpan.FromHours(-3.5)),
        From = "Router One <r1@example.org>",
        To = ["a@example.org", "b@example.org"],
        Recipients = ["a@example.org"],
        Subject = "[R1] VRRP Instance VI_1 - Entering MASTER state",
        Body = "=> VRRP Instance is now owning VRRP VIPs <=\n",
    };

    [Fact]
    public void Every_header_of_a_complete_mail_is_there()
    {
        Assert.Equal(
            """
            Date: Sun, 01 Mar 2026 04:05:06 -0330
            From: Router One <r1@example.org>
            Subject: [R1] VRRP Instance VI_1 - Entering MASTER state
            X-Mailer: vrrp
            To: a@example.org,
             b@example.org
            Message-ID: <1@host>
            Auto-Submitted: auto-generated
            MIME-Version: 1.0
            Content-Type: text/plain; charset=utf-8
            Content-Transfer-Encoding: 7bit

            => VRRP Instance is now owning VRRP VIPs <=

            """.ReplaceLineEndings("\r\n"),
            Text(s_mail));
    }

    [Theory]
    [InlineData("[Zürich] VRRP Instance Größe - Entering MASTER state")]
    [InlineData("[路由器一号机房甲] VRRP Instance 虚拟路由器实例名称很长很长很长很长 - Entering BACKUP state")]
    [InlineData("[r] 😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀")]
    [InlineData("=?utf-8?B?SGVsbG8=?= is what the name says")]
    public void A_subject_beyond_ascii_comes_back_as_it_was(string subject)
    {
        string value = MailFormat.Unstructured(subject);

        Assert.All(value.Split("\r\n "), word => Assert.InRange(word.Length, 1, 75));
        Assert.Equal(subject, Decode(value));
    }

    [Theory]
    [InlineData("x\r\nBcc: evil@example.org")]
    [InlineData("x\nBcc: evil@example.org")]
    [InlineData("x\rBcc: evil@example.org")]
    [InlineData("x\u0085Bcc: evil@example.org")]
    [InlineData("x\u2028Bcc: evil@example.org\0")]
    public void No_field_becomes_a_header_of_its_own(string hostile)
    {
        string text = Text(s_mail with { Subject = hostile, MessageId = hostile, Body = $"text\n.\n{hostile}\n" });
        string head = text[..text.IndexOf("\r\n\r\n", StringComparison.Ordinal)];

        Assert.Equal(10, head.Split("\r\n").Count(line => !line.StartsWith(' ')));
        Assert.DoesNotContain(head.Split("\r\n"), line => line.StartsWith("Bcc", StringComparison.OrdinalIgnoreCase));
        Assert.DoesNotContain('\n', text.Replace("\r\n", "", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("a@example.org\r\nBcc: b@example.org")]
    [InlineData("a@example.org>\r\nRCPT TO:<b@example.org")]
    [InlineData("a b")]
    [InlineData("@example.org")]
    [InlineData("a@")]
    [InlineData("")]
    [InlineData("größe@example.org")]
    public void What_is_no_address_is_not_one(string text) => Assert.False(MailAddresses.IsUsable(text));

    [Theory]
    [InlineData("a@example.org", "a@example.org", "")]
    [InlineData("root", "root", "")]
    [InlineData("Ops <ops@example.org>", "ops@example.org", "Ops")]
    [InlineData("a@zürich.example", "a@xn--zrich-kva.example", "")]
    public void Addresses_are_read_for_the_envelope(string text, string address, string name)
    {
        Assert.True(MailAddresses.TryRead(text, out string read, out string display));
        Assert.Equal((address, name), (read, display));
    }

    [Fact]
    public void A_body_beyond_ascii_or_of_long_lines_is_quoted_printable_and_comes_back()
    {
        string body = $"Größe = 1\n{new string('x', 2000)}\nends in a blank \n\n.\n";

        string text = Text(s_mail with { Body = body });
        string encoded = text[(text.IndexOf("\r\n\r\n", StringComparison.Ordinal) + 4)..];

        Assert.Contains("Content-Transfer-Encoding: quoted-printable", text, StringComparison.Ordinal);
        Assert.All(encoded.Split("\r\n"), line => Assert.InRange(line.Length, 0, 76));
        Assert.Equal(body, DecodeQuotedPrintable(encoded));
    }

    private static string Text(OutgoingMail mail) => Encoding.ASCII.GetString(MailFormat.Write(mail));

    private static string Decode(string value) => Encoding.UTF8.GetString(
        [.. value.Split("\r\n ").SelectMany(word => Convert.FromBase64String(word["=?utf-8?B?".Length..^2]))]);

    private static string DecodeQuotedPrintable(string text)
    {
        var octets = new List<byte>();
        text = text.Replace("=\r\n", "", StringComparison.Ordinal).Replace("\r\n", "\n", StringComparison.Ordinal);
        for (int i = 0; i < text.Length; i++)
        {
            if (text[i] == '=')
            {
                octets.Add(Convert.ToByte(text.Substring(i + 1, 2), 16));
                i += 2;
            }
            else
            {
                octets.Add((byte)text[i]);
            }
        }

        return Encoding.UTF8.GetString([.. octets]);
    }
}
