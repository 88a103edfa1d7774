using Vrrp.Daemon.Configuration.Diagnostics;
using Vrrp.Daemon.Configuration.Model;
using Vrrp.Daemon.Notifications;
using static Vrrp.Tests.Configuration.ConfigurationTesting;

namespace Vrrp.Tests.Configuration;

/// <summary>Mail in the configuration, and the lines that keepalived takes for comments.</summary>
public class MailConfigurationTests
{
    private const string Complete = """
        global_defs {
            notification_email { a@example.org }
            smtp_server 192.0.2.25 587
            !vrrp smtp_server "mx2.example.org"   # the second
              !vrrp	smtp_server 2001:db8::25 submission
            !vrrp smtp_starttls
            !vrrp smtp_ca_file /etc/ssl/ours.pem
            !vrrp smtp_username "r1@example.org"
        }
        """;

    [Fact]
    public void Lines_of_our_own_are_read_where_keepalived_sees_comments()
    {
        var globals = Load(Complete).Config!.GlobalDefs;

        Assert.Equal([new MailServer("192.0.2.25", "587"), new("mx2.example.org"), new("2001:db8::25", "submission")], globals.MailServers.ToArray());
        Assert.Equal((ushort)587, globals.MailServers[2].PortNumber);
        Assert.Equal((true, "/etc/ssl/ours.pem", "r1@example.org"), (globals.SmtpStartTls, globals.SmtpAuthorityFile, globals.SmtpUserName));
    }

    [Theory]
    [InlineData("!vrrp")]
    [InlineData("!vrrp   ")]
    [InlineData("! vrrp smtp_starttls")]
    [InlineData("!vrrpsmtp_starttls")]
    [InlineData("# !vrrp smtp_starttls")]
    [InlineData("!! vrrp smtp_starttls")]
    public void Other_comments_stay_comments(string line)
    {
        var result = Load($"global_defs {{\n{line}\n}}\n");

        Assert.Empty(result.Diagnostics);
        Assert.False(result.Config!.GlobalDefs.SmtpStartTls);
    }

    [Theory]
    [InlineData("!vrrp smtp_starttl", "unknown keyword '!vrrp smtp_starttl' in global_defs; the line is ignored, as keepalived ignores it. Did you mean '!vrrp smtp_starttls'?")]
    [InlineData("!vrrp router_id x", "unknown keyword '!vrrp router_id' in global_defs; the line is ignored, as keepalived ignores it.")]
    public void What_is_no_keyword_of_ours_is_told(string line, string message) =>
        Assert.StartsWith(message, Assert.Single(Load($"global_defs {{\n{line}\n}}\n").Diagnostics).Message, StringComparison.Ordinal);

    [Fact]
    public void A_password_in_the_file_itself_is_never_shown()
    {
        string text = DiagnosticPrinter.ToText(Load("global_defs {\n!vrrp smtp_password hunter2 hunter3\n}\n").Diagnostics);

        Assert.Contains("unknown keyword", text, StringComparison.Ordinal);
        Assert.DoesNotContain("hunter", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Definitions_work_in_such_lines_too() =>
        Assert.Equal("mx2", Load("$MX=mx2\nglobal_defs {\nnotification_email { a@b }\n!vrrp smtp_server $MX\n}\n").Config!.GlobalDefs.MailServers[0].Host);

    [Fact]
    public void A_port_that_begins_with_TLS_is_told_at_each_server()
    {
        var result = Load("global_defs {\nnotification_email { a@example.org }\nsmtp_server mx1.example.org 465\n!vrrp smtp_server mx2.example.org 465\n}\n");

        Assert.Equal(["VRRP0611", "VRRP0611"], result.Diagnostics.Where(finding => finding.Code.StartsWith("VRRP06", StringComparison.Ordinal)).Select(finding => finding.Code));
    }

    [Theory]
    [InlineData("smtp_server 127.0.0.1", false)]
    [InlineData("smtp_server ::1 587\n!vrrp smtp_server localhost", false)]
    [InlineData("smtp_server 127.0.0.1\n!vrrp smtp_server 192.0.2.25", true)]
    [InlineData("smtp_server mx.example.org", true)]
    [InlineData("smtp_server mx.example.org\n!vrrp smtp_starttls", false)]
    public void A_password_crosses_the_network_only_when_a_server_is_elsewhere(string servers, bool crosses)
    {
        var result = Load($"global_defs {{\nnotification_email {{ a@example.org }}\n{servers}\n!vrrp smtp_username r1\n!vrrp smtp_password_file /no/such/file\n}}\n");

        Assert.Equal(crosses, result.Diagnostics.Any(d => d.Code == "VRRP0606"));
    }

    [Theory]
    [InlineData("s3cret\n", null)]
    [InlineData("", "has an empty first line")]
    [InlineData("\ns3cret\n", "has an empty first line")]
    public void A_password_file_without_a_password_is_found(string content, string? expected)
    {
        string path = Path.GetTempFileName();
        try
        {
            File.WriteAllText(path, content);
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
            var found = Load(Complete.Replace("!vrrp smtp_ca_file /etc/ssl/ours.pem", $"!vrrp smtp_password_file {path}", StringComparison.Ordinal)).Diagnostics;

            Assert.Equal(expected is null ? [] : ["VRRP0607"], found.Select(d => d.Code));
            Assert.All(found, d => Assert.Contains(expected!, d.Message, StringComparison.Ordinal));
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Theory]
    [InlineData("", false)]
    [InlineData("notification_email { a@example.org }", false)]
    [InlineData("smtp_server mx.example.org", false)]
    [InlineData("notification_email { not@an@address }\nsmtp_server mx.example.org", false)]
    [InlineData("notification_email { a@example.org }\nsmtp_server mx.example.org", true)]
    public void Mail_needs_a_server_and_a_recipient(string lines, bool isComplete)
    {
        var result = Load($"global_defs {{\n{lines}\n}}\n");

        Assert.Equal(isComplete, MailSettings.Create(result.Config!.GlobalDefs, "r1.example.org") is not null);
        Assert.Equal(isComplete || lines.Length == 0, !result.Diagnostics.Any(d => d.Code == "VRRP0601"));
    }

    [Fact]
    public void Sender_and_greeting_have_defaults_of_this_host()
    {
        var settings = MailSettings.Create(Load(Complete).Config!.GlobalDefs, "r1.example.org")!;

        Assert.Equal(($"{Environment.UserName}@r1.example.org", "r1.example.org", 30), (settings.From, settings.HeloName, settings.Timeout.TotalSeconds));
    }
}
