using Vrrp.Tests.Linux.Lab;
using Vrrp.Tests.Notifications;

namespace Vrrp.Tests.Linux;

/// <summary>Mail alerts of the daemon as a process: beside keepalived's, to a mail server of Debian's, past one that hangs, and over a kill.</summary>
public sealed class MailTests : IAsyncLifetime
{
    private static readonly TimeSpan Patience = 3 * Laboratory.Patience;

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("vrrp-mail-test-");
    private readonly string _namespace = $"vrrp-mail-{Guid.NewGuid():N}"[..20];
    private readonly Signal _changed = new();

    public Task InitializeAsync()
    {
        LabRequirements.Demand();
        return BuildAsync();
    }

    public async Task DisposeAsync()
    {
        await Tool.TryRunAsync("ip", ["netns", "del", _namespace]);
        _folder.Delete(recursive: true);
    }

    [Fact]
    public async Task Subjects_are_keepaliveds_and_the_end_is_told_too()
    {
        string[] expected = [
            "[R1] VRRP Group G - Entering BACKUP state", "[R1] VRRP Group G - Entering MASTER state",
            "[R1] VRRP Instance V - Entering BACKUP state", "[R1] VRRP Instance V - Entering MASTER state",
        ];
        await using (var sink = SmtpServerDouble.Inside(_namespace))
        {
            // It opens a connection for each mail at once; only port 25 is certain to be understood by every version.
            await WriteAsync(sink.Port, "");
            var log = new LineLog(_changed);
            await using var keepalived = BackgroundProcess.Start(
                "ip", ["netns", "exec", _namespace, "keepalived", "-n", "-l", "-D", "-P", "-f", ConfigPath, "-p", $"{ConfigPath}.k", "-r", $"{ConfigPath}.v"], log, _changed);
            await WaitForAsync("keepalived's mails", () => sink.Subjects.Length == 4, log);
            Assert.Equal(expected, sink.Subjects.Order(StringComparer.Ordinal));
        }

        await using (var sink = SmtpServerDouble.Inside(_namespace))
        {
            await WriteAsync(sink.Port, "");
            var log = new LineLog(_changed);
            await using var daemon = Start(log);
            await WaitForAsync("our mails", () => sink.Subjects.Length == 4, log);
            Assert.Equal(expected, sink.Subjects.Order(StringComparer.Ordinal));
            daemon.Send(PosixSignalNumber.Terminate);
            Assert.Equal(0, await daemon.WaitForEndAsync());
            Assert.Equal(["[R1] VRRP Group G - Stopping", "[R1] VRRP Instance V - Stopping"], sink.Subjects[4..].Order(StringComparer.Ordinal));
            string master = sink.Texts.Single(text => text.Contains("VRRP Instance V - Entering MASTER state", StringComparison.Ordinal));
            Assert.Contains("\n=> VRRP Instance is now owning VRRP VIPs <=\n", master, StringComparison.Ordinal);
            Assert.Contains("\nState:          MASTER, was BACKUP\n", master, StringComparison.Ordinal);
            Assert.Contains("\nVIP:            10.88.0.99/32\n", master, StringComparison.Ordinal);
            Assert.Empty(Directory.GetFiles(Path.ChangeExtension(PidPath, ".mail")));
        }
    }

    [Fact]
    public async Task Mails_that_wait_outlive_a_kill_and_come_once()
    {
        await using var sink = SmtpServerDouble.Inside(_namespace);
        sink.Answer = (verb, _) => verb == "GREETING" ? "421 not now" : null;
        await WriteAsync(sink.Port, "");
        var log = new LineLog(_changed);
        string spool = Path.ChangeExtension(PidPath, ".mail");
        await using (var killed = Start(log))
        {
            await WaitForAsync("mails to wait", () => Directory.Exists(spool) && Directory.GetFiles(spool, "*.mail").Length == 4 && log.Contains("mail alerts are not delivered"), log);
            await killed.KillAsync();
        }

        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(spool));
        Assert.Equal(1, log.Since(0).Count(line => line.Contains("mail alerts are not delivered", StringComparison.Ordinal)));
        sink.Answer = (_, _) => null;
        int since = log.Count;
        await using var daemon = Start(log);
        await WaitForAsync("the mails of both runs", () => sink.Subjects.Length >= 8, log);
        daemon.Send(PosixSignalNumber.Terminate);
        Assert.Equal(0, await daemon.WaitForEndAsync());

        Assert.True(log.Contains("4 mail alerts of the last run wait to be delivered", since), log.ToString());
        // Of each run BACKUP and MASTER of both, and the last one's end.
        Assert.Equal(10, sink.Subjects.Length);
        Assert.Equal(10, sink.Texts.Select(text => text.Split('\n').Single(line => line.StartsWith("Message-ID", StringComparison.Ordinal))).Distinct().Count());
        Assert.Empty(Directory.GetFiles(spool));
    }

    [Fact]
    public async Task A_reload_tells_what_was_deleted_and_takes_new_settings_over()
    {
        await using var sink = SmtpServerDouble.Inside(_namespace);
        await WriteAsync(sink.Port, Instance("W", 52));
        var log = new LineLog(_changed);
        await using var daemon = Start(log);
        await WaitForAsync("the first mails", () => sink.Subjects.Contains("[R1] VRRP Instance W - Entering MASTER state"), log);

        await WriteAsync(sink.Port, "", "R2");
        daemon.Send(PosixSignalNumber.Hangup);
        await WaitForAsync("the mail of the deleted one", () => sink.Subjects.Contains("[R2] VRRP Instance W - Deleted"), log);
        daemon.Send(PosixSignalNumber.Terminate);
        Assert.Equal(0, await daemon.WaitForEndAsync());
    }

    /// <remarks>
    /// In the clear alone: OpenSMTPD 6.8 keeps its key in another process than the one that speaks TLS, and with the OpenSSL 3 that Debian 12
    /// builds it with the two no longer find each other ("missing private key" at every handshake).
    /// </remarks>
    [Fact]
    public async Task A_mail_server_of_Debians_takes_what_we_send()
    {
        await using var sink = SmtpServerDouble.Inside(_namespace);
        var log = new LineLog(_changed);
        await using var server = await StartMailServerAsync(sink.Port, log);

        await WriteAsync(25, "", "Zürich");
        await using (var daemon = Start(log))
        {
            await WaitForAsync("mails through OpenSMTPD", () => sink.Subjects.Length == 4, log);
            daemon.Send(PosixSignalNumber.Terminate);
            Assert.Equal(0, await daemon.WaitForEndAsync());
        }

        await WaitForAsync("the mails of the end", () => sink.Subjects.Length == 6, log);
        var (exitCode, output, error) = await TestAsync();
        Assert.True(exitCode == 0, output + error + log);
        Assert.Contains("verdict: delivered to 1 recipient\n", output, StringComparison.Ordinal);
        await WaitForAsync("the mail of the test", () => sink.Subjects.Length == 7, log);
        Assert.Equal("=?utf-8?B?W1rDvHJpY2hdIEFsZXJ0IC0gVGVzdA==?=", sink.Subjects[^1]);
        Assert.All(sink.Texts, text => Assert.StartsWith("Received: ", text, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("plain login", "-> AUTH PLAIN ****\n")]
    [InlineData("login", "-> AUTH LOGIN\n")]
    public async Task A_submission_server_of_Debians_takes_it_encrypted_and_with_the_password(string mechanisms, string expected)
    {
        using var certificates = new TestCertificates("localhost");
        await using var sink = SmtpServerDouble.Inside(_namespace);
        var log = new LineLog(_changed);
        await using var server = await StartSubmissionServerAsync(certificates, mechanisms, sink.Port, log);
        string secure = await SecureAsync("s3cret", certificates.AuthorityPath);
        await WriteAsync(587, "", "R1", secure, "localhost");

        var (exitCode, output, error) = await TestAsync();
        Assert.True(exitCode == 0, output + error + log);
        Assert.Contains(expected, output, StringComparison.Ordinal);
        Assert.Contains("-- encrypted with Tls13, the certificate is valid for localhost\n", output, StringComparison.Ordinal);
        Assert.Equal(["[R1] Alert - Test"], sink.Subjects);

        await using (var daemon = Start(log))
        {
            await WaitForAsync("mails through Dovecot", () => sink.Subjects.Length == 5, log);
            daemon.Send(PosixSignalNumber.Terminate);
            Assert.Equal(0, await daemon.WaitForEndAsync());
        }

        Assert.Equal(7, sink.Subjects.Length);
        Assert.False(log.Contains("mail alerts are not delivered"), log.ToString());

        await SecureAsync("wrong", certificates.AuthorityPath);
        (exitCode, output, _) = await TestAsync();
        Assert.Equal(3, exitCode);
        Assert.Contains("the user name and password were answered with 535 5.7.8 Authentication failed", output, StringComparison.Ordinal);
        Assert.Equal(7, sink.Subjects.Length);
    }

    [Fact]
    public async Task A_server_with_a_certificate_of_another_or_of_nobody_known_gets_nothing_and_the_operator_is_told_what_to_do()
    {
        using var certificates = new TestCertificates("mail.example.org");
        await using var sink = SmtpServerDouble.Inside(_namespace);
        var log = new LineLog(_changed);
        await using var server = await StartSubmissionServerAsync(certificates, "plain", sink.Port, log);

        const string anotherName = "localhost:587: the server's certificate is for mail.example.org, not for localhost: name the server in smtp_server as its certificate does";
        await WriteAsync(587, "", "R1", await SecureAsync("s3cret", certificates.AuthorityPath), "localhost");
        var (exitCode, output, _) = await TestAsync();
        Assert.Equal((3, true), (exitCode, output.EndsWith($"verdict: no server could be used, the daemon would try again: {anotherName}\n", StringComparison.Ordinal)));

        await using (var daemon = Start(log))
        {
            await WaitForAsync("the problem to be told", () => log.Contains($"mail alerts are not delivered: {anotherName}; they wait and are tried again"), log);
            daemon.Send(PosixSignalNumber.Terminate);
            Assert.Equal(0, await daemon.WaitForEndAsync());
        }

        await WriteAsync(587, "", "R1", await SecureAsync("s3cret", null), "localhost");
        (exitCode, output, _) = await TestAsync();
        Assert.Equal(3, exitCode);
        Assert.Contains("the server's certificate is for mail.example.org", output, StringComparison.Ordinal);
        Assert.DoesNotContain("AUTH PLAIN ****", output, StringComparison.Ordinal);
        Assert.Empty(sink.Lines);
    }

    [Fact]
    public async Task The_test_shows_the_dialogue_without_its_secrets_and_the_verdict()
    {
        using var certificates = new TestCertificates("127.0.0.1");
        await using var sink = SmtpServerDouble.Inside(_namespace);
        sink.Certificate = certificates.Server;
        sink.Offers.AddRange(["STARTTLS", "AUTH PLAIN"]);
        await WriteAsync(sink.Port, "", "R1", await SecureAsync("s3cret", certificates.AuthorityPath));

        var (exitCode, output, error) = await TestAsync();
        Assert.True(exitCode == 0, output + error);
        Assert.Equal(["[R1] Alert - Test"], sink.Subjects);
        foreach (string line in (string[])["<- 220 double ESMTP", "-> STARTTLS", "-> AUTH PLAIN ****", "-> MAIL FROM:<r1@example.org>", "-> .", "verdict: delivered to 1 recipient"])
            Assert.Contains(line + "\n", output, StringComparison.Ordinal);
        Assert.Contains("-- encrypted with Tls", output, StringComparison.Ordinal);
        Assert.DoesNotContain("s3cret", output + error, StringComparison.Ordinal);
        Assert.DoesNotContain(Convert.ToBase64String("\0r1\0s3cret"u8)[..8], output, StringComparison.Ordinal);

        sink.Answer = (verb, _) => verb == "AUTH" ? "535 wrong" : null;
        (exitCode, output, _) = await TestAsync();
        Assert.Equal((3, true), (exitCode, output.Contains("the user name and password were answered with 535 wrong", StringComparison.Ordinal)));

        await WriteAsync(sink.Port, "", "R1", "!vrrp smtp_starttls");
        (exitCode, output, _) = await TestAsync();
        Assert.Equal((3, true), (exitCode, output.Contains("certificate is not trusted", StringComparison.Ordinal)));
        Assert.Contains("name the file of the authority that signed it with smtp_ca_file", output, StringComparison.Ordinal);
        Assert.Single(sink.Subjects);
    }

    [Fact]
    public async Task Without_a_server_the_test_says_what_is_missing()
    {
        await File.WriteAllTextAsync(ConfigPath, "global_defs {\nnotification_email { a@example.org }\n}\n");
        var (exitCode, output, error) = await TestAsync();

        Assert.Equal(2, exitCode);
        Assert.Contains("VRRP0601", error, StringComparison.Ordinal);
        Assert.Contains("verdict: no mail can be sent", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Keepalived_takes_our_lines_for_comments()
    {
        await WriteAsync(25, Instance("W", 52), "R1", "!vrrp smtp_server mx2.example.org submission\n!vrrp smtp_starttls\n!vrrp smtp_ca_file /etc/x.pem");

        await File.WriteAllTextAsync(ConfigPath, (await File.ReadAllTextAsync(ConfigPath)).Replace("        V\n", "        V\n        W\n", StringComparison.Ordinal));

        var (exitCode, output, error) = await Tool.TryRunAsync("ip", ["netns", "exec", _namespace, "keepalived", "-t", "-P", "-f", ConfigPath]);

        Assert.DoesNotContain("smtp", output + error, StringComparison.Ordinal);
        Assert.DoesNotContain("nknown keyword", output + error, StringComparison.Ordinal);
        Assert.True(exitCode == 0, output + error);
    }

    private string ConfigPath => Path.Combine(_folder.FullName, "test.conf");

    private string PidPath => Path.Combine(_folder.FullName, "test.pid");

    private async Task BuildAsync()
    {
        await Tool.RunAsync("ip", ["netns", "add", _namespace]);
        await Tool.RunAsync(
            "ip",
            ["-n", _namespace, "-batch", "-"],
            "link set lo up\nlink add eth0 type veth peer name port0\nlink set eth0 up\nlink set port0 up\naddr add 10.88.0.1/24 dev eth0");
    }

    private Task WriteAsync(int port, string more, string routerId = "R1", string mail = "", string host = "127.0.0.1") => File.WriteAllTextAsync(
        ConfigPath,
        $$"""
        global_defs {
            router_id {{routerId}}
            notification_email {
                night@example.org
            }
            notification_email_from r1@example.org
            smtp_server {{host}} {{port}}
            smtp_connect_timeout 20
            smtp_alert
            {{mail}}
        }
        vrrp_sync_group G {
            group {
                V
            }
        }
        {{Instance("V", 51)}}
        {{more}}
        """);

    private static string Instance(string name, int vrid) => $$"""
        vrrp_instance {{name}} {
            interface eth0
            virtual_router_id {{vrid}}
            priority 100
            advert_int 1
            virtual_ipaddress {
                10.88.0.{{vrid + 48}}
            }
        }

        """;

    private BackgroundProcess Start(LineLog log) => BackgroundProcess.Start(
        "ip", ["netns", "exec", _namespace, Director.VrrpCommand(), "run", "-f", ConfigPath, "-p", PidPath], log, _changed);

    private Task<(int ExitCode, string Output, string Error)> TestAsync() =>
        Tool.TryRunAsync("ip", ["netns", "exec", _namespace, Director.VrrpCommand(), "alert", "test", "-f", ConfigPath]);

    private async Task<string> SecureAsync(string password, string? authorityPath)
    {
        string path = Path.Combine(_folder.FullName, "password");
        await File.WriteAllTextAsync(path, password + "\n");
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        return $"""
            !vrrp smtp_starttls
            {(authorityPath is null ? "" : $"!vrrp smtp_ca_file {authorityPath}")}
            !vrrp smtp_username r1
            !vrrp smtp_password_file {path}
            """;
    }

    private async Task<BackgroundProcess> StartSubmissionServerAsync(TestCertificates certificates, string mechanisms, int next, LineLog log)
    {
        string folder = _folder.FullName;
        certificates.WriteServer($"{folder}/server.pem", $"{folder}/server.key");
        await File.WriteAllTextAsync(
            $"{folder}/dovecot.conf",
            $$"""
            protocols = submission
            listen = 127.0.0.1
            log_path = /dev/stderr
            hostname = mail.test
            ssl = required
            ssl_cert = <{{folder}}/server.pem
            ssl_key = <{{folder}}/server.key
            auth_mechanisms = {{mechanisms}}
            auth_failure_delay = 0
            passdb {
              driver = static
              args = password=s3cret
            }
            userdb {
              driver = static
              args = uid=65534 gid=65534 home=/run/mail
            }
            mail_location = maildir:/run/mail
            submission_relay_host = 127.0.0.1
            submission_relay_port = {{next}}
            service submission-login {
              inet_listener submission {
                port = 587
              }
            }

            """);
        // Its folders are the whole machine's; in the mount namespace of ip netns exec it gets its own.
        string script = """
            set -e
            mount -t tmpfs -o mode=0755 vrrp-mail /run
            mount -t tmpfs -o mode=0755 vrrp-mail /var/lib/dovecot
            mkdir -m 777 /run/mail
            exec dovecot -F -c "$1"
            """;
        var server = BackgroundProcess.Start("ip", ["netns", "exec", _namespace, "sh", "-c", script, "sh", $"{folder}/dovecot.conf"], log, _changed);
        await WaitForListenerAsync(587, server, log);
        return server;
    }

    private async Task<BackgroundProcess> StartMailServerAsync(int next, LineLog log)
    {
        string folder = _folder.FullName;
        await File.WriteAllTextAsync(
            $"{folder}/smtpd.conf",
            $$"""
            listen on 127.0.0.1 port 25 hostname mail.test
            action "on" relay host smtp://127.0.0.1:{{next}}
            match from any for any action "on"

            """);
        // Its folders are the whole machine's; in the mount namespace of ip netns exec it gets its own.
        string script = """
            set -e
            mount -t tmpfs -o mode=0755 vrrp-mail /var/spool
            mount -t tmpfs -o mode=0755 vrrp-mail /run
            mkdir -m 711 /var/spool/smtpd
            exec smtpd -d -f "$1"
            """;
        var server = BackgroundProcess.Start("ip", ["netns", "exec", _namespace, "sh", "-c", script, "sh", $"{folder}/smtpd.conf"], log, _changed);
        await WaitForListenerAsync(25, server, log);
        return server;
    }

    private async Task WaitForListenerAsync(int port, BackgroundProcess server, LineLog log)
    {
        using var patience = new CancellationTokenSource(Patience);
        while ((await Tool.RunAsync("ip", ["netns", "exec", _namespace, "ss", "-Hltn", $"sport = :{port}"])).Length == 0)
            Assert.False(server.HasEnded || patience.IsCancellationRequested, log.ToString());
    }

    private static async Task WaitForAsync(string what, Func<bool> condition, LineLog log)
    {
        using var patience = new CancellationTokenSource(Patience);
        while (!condition())
        {
            // The sink says nothing when a mail has come.
            Assert.False(patience.IsCancellationRequested, $"{what}: {log}");
            await Task.Delay(20);
        }
    }
}
