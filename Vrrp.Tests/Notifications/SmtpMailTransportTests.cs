using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Vrrp.Daemon.Configuration.Model;
using Vrrp.Daemon.Notifications;
using Vrrp.Mail;
using Vrrp.Tests.HealthChecks;
using Xunit;

namespace Vrrp.Tests.Notifications;

public class SmtpMailTransportTests
{
    private readonly ManualTime _time = new();
    private readonly List<string> _dialogue = [];

    [Fact]
    public async Task A_mail_reaches_every_recipient_in_one_dialogue()
    {
        await using var server = new SmtpServerDouble();

        var outcome = await DeliverAsync(MailTesting.Settings(server.Port), MailTesting.Mail("a@example.org", "Ops <b@example.org>"));

        Assert.Equal(MailOutcome.Success, outcome);
        var (recipients, text) = Assert.Single(server.Messages);
        Assert.Equal(["a@example.org", "b@example.org"], recipients);
        Assert.Contains("\nSubject: [R1] VRRP Instance VI_1 - Entering MASTER state\n", text, StringComparison.Ordinal);
        Assert.EndsWith("\n\n=> VRRP Instance is now owning VRRP VIPs <=\n.dot\n", text, StringComparison.Ordinal);
        Assert.Equal(
            ["EHLO r1.example.org", "MAIL FROM:<r1@example.org>", "RCPT TO:<a@example.org>", "RCPT TO:<b@example.org>", "DATA", "QUIT"], server.Lines);
    }

    [Fact]
    public async Task A_server_without_EHLO_is_greeted_with_HELO()
    {
        await using var server = new SmtpServerDouble { Answer = (verb, _) => verb == "EHLO" ? "502 what?" : null };

        Assert.Equal(MailOutcome.Success, await DeliverAsync(MailTesting.Settings(server.Port), MailTesting.Mail("a@example.org")));
        Assert.Contains("HELO r1.example.org", server.Lines);
    }

    [Fact]
    public async Task A_server_over_IPv6_is_reached()
    {
        await using var server = new SmtpServerDouble(IPAddress.IPv6Loopback);
        var settings = MailTesting.Settings(server.Port) with { Servers = [new MailServer("::1", $"{server.Port}")] };

        Assert.Equal(MailOutcome.Success, await DeliverAsync(settings, MailTesting.Mail("a@example.org")));
    }

    [Fact]
    public async Task A_refused_connection_is_trouble_of_the_server()
    {
        // Taken, so that no other test listens there either.
        using var silent = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        silent.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        int port = ((IPEndPoint)silent.LocalEndPoint!).Port;

        var outcome = await DeliverAsync(MailTesting.Settings(port), MailTesting.Mail("a@example.org"));

        Assert.Equal((MailVerdict.Unavailable, $"127.0.0.1:{port}: connection refused"), (outcome.Verdict, outcome.Detail));
    }

    [Fact]
    public async Task A_name_that_cannot_be_resolved_is_trouble_of_the_server()
    {
        var settings = MailTesting.Settings(25) with { Servers = [new MailServer("no-such-host.invalid")] };

        var outcome = await DeliverAsync(settings, MailTesting.Mail("a@example.org"));

        Assert.Equal(MailVerdict.Unavailable, outcome.Verdict);
        Assert.Contains("the name no-such-host.invalid cannot be resolved", outcome.Detail, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("GREETING", "554 go away", MailVerdict.Unavailable)]
    [InlineData("GREETING", "HTTP/1.1 400 Bad Request", MailVerdict.Unavailable)]
    [InlineData("GREETING", "DROP", MailVerdict.Unavailable)]
    [InlineData("EHLO", "421 closing", MailVerdict.Unavailable)]
    [InlineData("MAIL", "530 must authenticate", MailVerdict.Unavailable)]
    [InlineData("MAIL", "DROP", MailVerdict.Unavailable)]
    [InlineData("RCPT", "421 closing", MailVerdict.Unavailable, true)]
    [InlineData("DATA", "DROP", MailVerdict.Unavailable, true)]
    [InlineData("MAIL", "451 later", MailVerdict.Deferred)]
    [InlineData("MAIL", "550 not you", MailVerdict.Refused)]
    [InlineData("RCPT", "450 greylisted", MailVerdict.Deferred)]
    [InlineData("RCPT", "550 no such user", MailVerdict.Refused)]
    [InlineData("DATA", "554 no valid recipients", MailVerdict.Refused)]
    [InlineData("MESSAGE", "452 disk full", MailVerdict.Deferred)]
    [InlineData("MESSAGE", "554 looks like spam", MailVerdict.Refused)]
    [InlineData("MESSAGE", "DROP", MailVerdict.Unavailable, true)]
    internal async Task What_a_server_answers_decides_whether_to_try_again(string step, string answer, MailVerdict expected, bool cameWithMail = false)
    {
        await using var server = new SmtpServerDouble { Answer = (verb, _) => verb == step ? answer : null };

        var outcome = await DeliverAsync(MailTesting.Settings(server.Port), MailTesting.Mail("a@example.org"));

        Assert.Equal((expected, cameWithMail), (outcome.Verdict, outcome.CameWithMail));
        Assert.NotEmpty(outcome.Problem);
        Assert.StartsWith($"127.0.0.1:{server.Port}: ", outcome.Detail, StringComparison.Ordinal);
        Assert.Empty(server.Messages);
    }

    [Fact]
    public async Task A_line_cut_in_the_middle_of_a_mail_is_trouble_with_that_mail()
    {
        await using var server = new SmtpServerDouble { CutsInData = 1 };

        var outcome = await DeliverAsync(MailTesting.Settings(server.Port), MailTesting.Mail("a@example.org"));

        Assert.Equal((MailVerdict.Unavailable, true), (outcome.Verdict, outcome.CameWithMail));
        Assert.Empty(server.Messages);
    }

    [Theory]
    [InlineData("GREETING", 30)]
    [InlineData("EHLO", 30)]
    [InlineData("RCPT", 30)]
    [InlineData("DATA", 30)]
    [InlineData("MESSAGE", 600)]
    public async Task A_server_that_hangs_is_given_up_when_its_time_is_over(string step, int seconds)
    {
        var reached = new TaskCompletionSource();
        await using var server = new SmtpServerDouble
        {
            Answer = (verb, _) =>
            {
                if (verb != step)
                    return null;
                reached.TrySetResult();
                return "HANG";
            },
        };
        var delivering = DeliverAsync(MailTesting.Settings(server.Port), MailTesting.Mail("a@example.org"));
        await reached.Task;
        // The client waits for the answer once the server has what it answers to.
        await MailTesting.UntilAsync(() => _time.TimerCount > 0, "the client waits");

        _time.Advance(TimeSpan.FromSeconds(seconds - 1));
        Assert.False(delivering.IsCompleted);
        // It may have begun to wait a little after the server did not answer.
        await MailTesting.UntilAsync(
            () =>
            {
                _time.Advance(TimeSpan.FromSeconds(1));
                return delivering.IsCompleted;
            },
            "the client gives up");

        var outcome = await delivering;
        Assert.Equal(MailVerdict.Unavailable, outcome.Verdict);
        Assert.Contains($"took longer than {seconds} s", outcome.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Recipients_that_have_it_are_not_asked_for_again()
    {
        await using var server = new SmtpServerDouble
        {
            Answer = (verb, line) => verb != "RCPT" ? null
                : line.Contains("late", StringComparison.Ordinal) ? "450 greylisted"
                : line.Contains("never", StringComparison.Ordinal) ? "550 no such user" : null,
        };

        var outcome = await DeliverAsync(MailTesting.Settings(server.Port), MailTesting.Mail("a@example.org", "late@example.org", "never@example.org"));

        Assert.Equal(MailVerdict.Deferred, outcome.Verdict);
        Assert.Equal(["a@example.org", "never@example.org"], outcome.Settled.ToArray());
        Assert.Equal(["a@example.org"], Assert.Single(server.Messages).Recipients);
    }

    [Fact]
    public async Task The_moment_before_the_server_has_the_mail_is_told_once()
    {
        var order = new List<string>();
        await using var server = new SmtpServerDouble { Answer = (verb, _) => { order.Add(verb); return null; } };

        await Transport(MailTesting.Settings(server.Port)).DeliverAsync(MailTesting.Mail("a@example.org"), done => order.Add($"committing {string.Join(' ', done)}"), default);

        Assert.Equal(["GREETING", "EHLO", "MAIL", "RCPT", "DATA", "committing a@example.org", "MESSAGE", "QUIT"], order);
    }

    [Fact]
    public async Task Before_the_server_has_the_mail_it_is_told_for_whom_nothing_is_left_to_do()
    {
        var told = new List<string>();
        await using var first = new SmtpServerDouble
        {
            Answer = (verb, line) => verb != "RCPT" ? null
                : line.Contains("late", StringComparison.Ordinal) ? "450 greylisted"
                : line.Contains("never", StringComparison.Ordinal) ? "550 no such user" : null,
        };
        await using var second = new SmtpServerDouble();

        await Several(first.Port, second.Port).DeliverAsync(
            MailTesting.Mail("a@example.org", "late@example.org", "never@example.org"), done => told.Add(string.Join(' ', done.Order())), default);

        Assert.Equal(["a@example.org never@example.org", "a@example.org late@example.org never@example.org"], told);
    }

    [Fact]
    public async Task A_slow_goodbye_does_not_keep_back_that_a_mail_is_delivered()
    {
        await using var server = new SmtpServerDouble { Answer = (verb, _) => verb == "QUIT" ? "HANG" : null };
        var settings = MailTesting.Settings(server.Port);

        // No time passes.
        Assert.Equal(MailOutcome.Success, await new SmtpMailTransport(settings.Servers[0], settings, _time).DeliverAsync(MailTesting.Mail("a@example.org"), null, default).WaitAsync(TimeSpan.FromSeconds(60)));

        await MailTesting.UntilAsync(() => server.Lines.Contains("QUIT") && _time.TimerCount > 0, "it says goodbye");
        await MailTesting.UntilAsync(
            () =>
            {
                _time.Advance(TimeSpan.FromSeconds(2));
                return _time.TimerCount == 0;
            },
            "it leaves without an answer");
    }

    [Fact]
    public async Task A_socket_that_cannot_be_made_is_trouble_of_the_server_and_the_next_is_asked()
    {
        await using var second = new SmtpServerDouble();
        var settings = MailTesting.Settings(25, second.Port);
        var first = new SmtpMailTransport(settings.Servers[0], settings, _time) { OpenSocket = _ => throw new SocketException((int)SocketError.TooManyOpenSockets) };

        var alone = await first.DeliverAsync(MailTesting.Mail("a@example.org"), null, default);
        Assert.Equal((MailVerdict.Unavailable, "127.0.0.1:25 connect TooManyOpenSockets", false), (alone.Verdict, alone.Problem, alone.CameWithMail));

        var both = new SeveralMailTransports([first, new SmtpMailTransport(settings.Servers[1], settings, _time)], _time);
        Assert.Equal(MailOutcome.Success, await both.DeliverAsync(MailTesting.Mail("a@example.org"), null, default));
        Assert.Single(second.Messages);
    }

    [Fact]
    public async Task STARTTLS_with_a_certificate_that_is_valid_encrypts_all_that_follows()
    {
        using var certificates = new TestCertificates("127.0.0.1");
        await using var server = new SmtpServerDouble { Certificate = certificates.Server };
        server.Offers.AddRange(["STARTTLS", "AUTH PLAIN LOGIN"]);
        using var password = new PasswordOnDisk("s3cret ö");
        var settings = MailTesting.Settings(server.Port) with { StartTls = true, AuthorityFile = certificates.AuthorityPath, UserName = "r1", PasswordFile = password.Path };

        var outcome = await DeliverAsync(settings, MailTesting.Mail("a@example.org"));

        Assert.Equal(MailOutcome.Success, outcome);
        Assert.Contains($"AUTH PLAIN {Convert.ToBase64String(Encoding.UTF8.GetBytes("\0r1\0s3cret ö"))}", server.Lines);
        Assert.Contains("-> AUTH PLAIN ****", _dialogue);
        Assert.DoesNotContain(_dialogue, line => line.Contains("s3cret", StringComparison.Ordinal) || line.Contains(Convert.ToBase64String("s3cret"u8)[..7], StringComparison.Ordinal));
    }

    [Fact]
    public async Task AUTH_LOGIN_is_spoken_where_PLAIN_is_not_offered_and_its_secrets_are_masked()
    {
        int asked = 0;
        await using var server = new SmtpServerDouble { Answer = (verb, _) => verb == "AUTH" || (asked is > 0 and < 3 && verb is not ("EHLO" or "MAIL" or "GREETING")) ? ++asked < 3 ? "334 VXNlcm5hbWU6" : "235 welcome" : null };
        server.Offers.Add("AUTH LOGIN");
        using var password = new PasswordOnDisk("s3cret");
        var settings = MailTesting.Settings(server.Port) with { UserName = "r1", PasswordFile = password.Path };

        Assert.Equal(MailOutcome.Success, await DeliverAsync(settings, MailTesting.Mail("a@example.org")));
        Assert.Contains(Convert.ToBase64String("s3cret"u8), server.Lines);
        Assert.Equal(2, _dialogue.Count(line => line == "-> ****"));
    }

    [Theory]
    [InlineData("AUTH PLAIN", "535 no: {0} {1} {2} ok")]
    [InlineData("AUTH PLAIN", "535-no: {1}=\r\n535 {2}{0}")]
    [InlineData("AUTH LOGIN", "535 no: {0}, {1}, {2}")]
    [InlineData("AUTH LOGIN", "599-{2}\r\n599 {1} {0}")]
    public async Task What_a_server_repeats_of_the_credentials_is_masked_everywhere(string offer, string answer)
    {
        const string Secret = "geheim123";
        string plain = Convert.ToBase64String(Encoding.UTF8.GetBytes($"\0r1\0{Secret}")), encoded = Convert.ToBase64String(Encoding.UTF8.GetBytes(Secret));
        string repeated = string.Format(CultureInfo.InvariantCulture, answer, Secret, encoded.TrimEnd('='), plain);
        await using var server = new SmtpServerDouble { Answer = (verb, _) => verb is "EHLO" or "GREETING" or "QUIT" ? null : repeated };
        server.Offers.Add(offer);
        using var password = new PasswordOnDisk(Secret);

        var outcome = await DeliverAsync(MailTesting.Settings(server.Port) with { UserName = "r1", PasswordFile = password.Path }, MailTesting.Mail("a@example.org"));

        Assert.Equal(MailVerdict.Unavailable, outcome.Verdict);
        Assert.Contains("****", outcome.Detail, StringComparison.Ordinal);
        Assert.All(
            [outcome.Detail, .. _dialogue],
            line => Assert.All([Secret, encoded.TrimEnd('='), plain.TrimEnd('=')], secret => Assert.DoesNotContain(secret, line, StringComparison.OrdinalIgnoreCase)));
    }

    [Fact]
    public async Task A_password_of_digits_hides_no_code_of_a_reply()
    {
        await using var server = new SmtpServerDouble { Answer = (verb, _) => verb == "MAIL" ? "550 5 is not welcome" : null };
        server.Offers.Add("AUTH PLAIN");
        using var password = new PasswordOnDisk("5");

        var outcome = await DeliverAsync(MailTesting.Settings(server.Port) with { UserName = "r1", PasswordFile = password.Path }, MailTesting.Mail("a@example.org"));

        Assert.Equal(MailVerdict.Refused, outcome.Verdict);
        Assert.EndsWith("answered with 550 **** is not welcome", outcome.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Every_recipient_that_is_not_taken_is_named()
    {
        await using var server = new SmtpServerDouble { Answer = (verb, line) => verb == "RCPT" ? $"550 no {line.Length}" : null };

        var outcome = await DeliverAsync(MailTesting.Settings(server.Port), MailTesting.Mail("a@example.org", "bb@example.org"));
        var many = await DeliverAsync(MailTesting.Settings(server.Port), MailTesting.Mail([.. Enumerable.Range(0, 9).Select(i => $"{i}@example.org")]));

        Assert.EndsWith(
            ": the recipient a@example.org was answered with 550 no 23; the recipient bb@example.org was answered with 550 no 24", outcome.Detail, StringComparison.Ordinal);
        Assert.EndsWith("the recipient 4@example.org was answered with 550 no 23; and 4 more were not taken", many.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_certificate_nobody_trusts_ends_it_before_anything_is_said()
    {
        using var certificates = new TestCertificates("127.0.0.1");
        await using var server = new SmtpServerDouble { Certificate = certificates.Server };
        server.Offers.Add("STARTTLS");

        var outcome = await DeliverAsync(MailTesting.Settings(server.Port) with { StartTls = true }, MailTesting.Mail("a@example.org"));

        Assert.Equal(MailVerdict.Unavailable, outcome.Verdict);
        Assert.Contains("certificate is not trusted", outcome.Detail, StringComparison.Ordinal);
        Assert.Equal(["EHLO r1.example.org", "STARTTLS"], server.Lines);
    }

    [Fact]
    public async Task A_certificate_for_another_name_is_as_bad()
    {
        using var certificates = new TestCertificates("127.0.0.2");
        await using var server = new SmtpServerDouble { Certificate = certificates.Server };
        server.Offers.Add("STARTTLS");

        var outcome = await DeliverAsync(MailTesting.Settings(server.Port) with { StartTls = true, AuthorityFile = certificates.AuthorityPath }, MailTesting.Mail("a@example.org"));

        Assert.Equal(MailVerdict.Unavailable, outcome.Verdict);
        Assert.EndsWith("the server's certificate is for 127.0.0.2, not for 127.0.0.1: name the server in smtp_server as its certificate does", outcome.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_STARTTLS_offered_nothing_is_sent_that_was_to_be_encrypted()
    {
        await using var server = new SmtpServerDouble();

        var outcome = await DeliverAsync(MailTesting.Settings(server.Port) with { StartTls = true }, MailTesting.Mail("a@example.org"));

        Assert.Equal(MailVerdict.Unavailable, outcome.Verdict);
        Assert.Equal(["EHLO r1.example.org"], server.Lines);
    }

    [Fact]
    public async Task What_was_said_in_the_clear_behind_STARTTLS_ends_it()
    {
        using var certificates = new TestCertificates("127.0.0.1");
        await using var server = new SmtpServerDouble { Certificate = certificates.Server, Answer = (verb, _) => verb == "STARTTLS" ? "220 go ahead\r\n250-AUTH PLAIN" : null };
        server.Offers.Add("STARTTLS");

        var outcome = await DeliverAsync(MailTesting.Settings(server.Port) with { StartTls = true, AuthorityFile = certificates.AuthorityPath }, MailTesting.Mail("a@example.org"));

        Assert.Equal((MailVerdict.Unavailable, true), (outcome.Verdict, outcome.Detail.Contains("in the clear", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData(UnixFileMode.UserRead | UnixFileMode.GroupRead, "x", "chmod 600")]
    [InlineData(UnixFileMode.UserRead | UnixFileMode.OtherWrite, "x", "chmod 600")]
    [InlineData(UnixFileMode.UserRead, "\n", "empty first line")]
    public void A_password_others_could_read_is_not_used(UnixFileMode mode, string content, string expected)
    {
        using var password = new PasswordOnDisk(content);
        File.SetUnixFileMode(password.Path, mode);

        Assert.Null(PasswordFile.Read(password.Path, out string? problem));
        Assert.Contains(expected, problem, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_second_server_stands_in_for_the_first()
    {
        await using var first = new SmtpServerDouble { Answer = (_, _) => "421 not today" };
        await using var second = new SmtpServerDouble();
        var transport = Several(first.Port, second.Port);

        Assert.Equal(MailVerdict.Delivered, (await transport.DeliverAsync(MailTesting.Mail("a@example.org"), null, default)).Verdict);
        Assert.Single(second.Messages);
    }

    [Fact]
    public async Task Recipients_the_first_server_took_are_not_given_to_the_second()
    {
        await using var first = new SmtpServerDouble { Answer = (verb, line) => verb == "RCPT" && line.Contains("late", StringComparison.Ordinal) ? "450 later" : null };
        await using var second = new SmtpServerDouble();

        var outcome = await Several(first.Port, second.Port).DeliverAsync(MailTesting.Mail("a@example.org", "late@example.org"), null, default);

        Assert.Equal(MailVerdict.Delivered, outcome.Verdict);
        Assert.Equal(["a@example.org"], Assert.Single(first.Messages).Recipients);
        Assert.Equal(["late@example.org"], Assert.Single(second.Messages).Recipients);
    }

    [Fact]
    public async Task With_one_server_away_a_refusal_of_the_other_is_not_the_last_word_nor_one_on_other_mail()
    {
        await using var away = new SmtpServerDouble { Answer = (_, _) => "421 not today" };
        await using var there = new SmtpServerDouble { Answer = (verb, _) => verb == "RCPT" ? "550 relaying denied" : null };

        Assert.Equal(MailVerdict.Deferred, (await Several(away.Port, there.Port).DeliverAsync(MailTesting.Mail("a@example.org"), null, default)).Verdict);
        Assert.Equal(MailVerdict.Deferred, (await Several(there.Port, away.Port).DeliverAsync(MailTesting.Mail("a@example.org"), null, default)).Verdict);
    }

    [Fact]
    public async Task A_mail_that_one_server_cuts_with_the_other_away_says_nothing_of_other_mail()
    {
        await using var cutting = new SmtpServerDouble { Answer = (verb, _) => verb == "MESSAGE" ? "DROP" : null };
        await using var away = new SmtpServerDouble { Answer = (_, _) => "421 not today" };

        var outcome = await Several(away.Port, cutting.Port).DeliverAsync(MailTesting.Mail("a@example.org"), null, default);

        Assert.Equal((MailVerdict.Unavailable, true), (outcome.Verdict, outcome.CameWithMail));
    }

    [Fact]
    public async Task A_server_that_could_not_be_used_is_asked_last_for_a_while()
    {
        await using var first = new SmtpServerDouble { Answer = (_, _) => "421 not today" };
        await using var second = new SmtpServerDouble();
        var transport = Several(first.Port, second.Port);
        await transport.DeliverAsync(MailTesting.Mail("a@example.org"), null, default);
        first.Answer = (_, _) => null;

        _time.Advance(SeveralMailTransports.Rest - TimeSpan.FromTicks(1));
        await transport.DeliverAsync(MailTesting.Mail("a@example.org"), null, default);
        Assert.Equal((0, 2), (first.Messages.Count, second.Messages.Count));

        _time.Advance(TimeSpan.FromTicks(1));
        await transport.DeliverAsync(MailTesting.Mail("a@example.org"), null, default);
        Assert.Equal((1, 2), (first.Messages.Count, second.Messages.Count));
    }

    [Fact]
    public async Task A_server_that_lets_its_answer_wait_is_asked_last_meanwhile()
    {
        var reached = new TaskCompletionSource();
        await using var first = new SmtpServerDouble
        {
            Answer = (verb, _) =>
            {
                if (verb != "MESSAGE")
                    return null;
                reached.TrySetResult();
                return "HANG";
            },
        };
        await using var second = new SmtpServerDouble();
        using var given = new CancellationTokenSource();
        var transport = Several(first.Port, second.Port);
        var hanging = transport.DeliverAsync(MailTesting.Mail("a@example.org"), null, given.Token);
        await reached.Task;

        Assert.Equal(MailVerdict.Delivered, (await transport.DeliverAsync(MailTesting.Mail("b@example.org"), null, default)).Verdict);
        Assert.Equal(["b@example.org"], Assert.Single(second.Messages).Recipients);
        Assert.Equal(1, first.Connections);
        await given.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => hanging);
    }

    private SeveralMailTransports Several(params int[] ports)
    {
        var settings = MailTesting.Settings(ports);
        return new([.. settings.Servers.Select(server => new SmtpMailTransport(server, settings, _time))], _time);
    }

    private SmtpMailTransport Transport(MailSettings settings) => new(settings.Servers[0], settings, _time) { Dialogue = _dialogue.Add };

    private Task<MailOutcome> DeliverAsync(MailSettings settings, OutgoingMail mail) => Transport(settings).DeliverAsync(mail, null, default);

    private sealed class PasswordOnDisk : IDisposable
    {
        public PasswordOnDisk(string content)
        {
            File.WriteAllText(Path, content + "\n");
            File.SetUnixFileMode(Path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        }

        public string Path { get; } = System.IO.Path.GetTempFileName();

        public void Dispose() => File.Delete(Path);
    }
}
