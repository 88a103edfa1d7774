using Vrrp.Daemon.Commands;
using Vrrp.Daemon.Configuration;
using Vrrp.Tests.Notifications;

namespace Vrrp.Tests.Commands;

/// <summary><c>vrrp alert test</c> without a process of its own.</summary>
public sealed class AlertCommandTests : IDisposable
{
    private readonly string _path = Path.GetTempFileName();

    public void Dispose() => File.Delete(_path);

    [Theory]
    [InlineData("!vrrp smtp_pasword_file /etc/vrrp/password", "unknown keyword '!vrrp smtp_pasword_file'")]
    [InlineData("!vrrp smtp_starttl", "Did you mean '!vrrp smtp_starttls'?")]
    [InlineData("smtp_conect_timeout 5", "unknown keyword 'smtp_conect_timeout'")]
    [InlineData("smtp_connect_timeout nonsense", "smtp_connect_timeout")]
    [InlineData("notification_emial_from a@example.org", "unknown keyword 'notification_emial_from'")]
    public async Task What_is_wrong_with_the_lines_of_mail_is_told_beside_the_verdict(string line, string finding)
    {
        await using var server = new SmtpServerDouble();
        var (output, error) = (new StringWriter(), new StringWriter());
        await File.WriteAllTextAsync(_path, $"global_defs {{\nnotification_email {{ a@example.org }}\nsmtp_server 127.0.0.1 {server.Port}\n{line}\nvrrp_garp_nonsense 1\n}}\n");

        Assert.Equal(AlertCommand.Delivered, await AlertCommand.TestAsync(_path, new LoadOptions(), output, error, TimeProvider.System, default));
        Assert.Contains(finding, error.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("garp", error.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("unknown", output.ToString(), StringComparison.Ordinal);
        Assert.EndsWith("verdict: delivered to 1 recipient\n", output.ToString(), StringComparison.Ordinal);
    }
}
