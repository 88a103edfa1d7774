using System.CommandLine;
using System.Globalization;
using Vrrp.Daemon.Configuration;
using Vrrp.Daemon.Configuration.Binding;
using Vrrp.Daemon.Configuration.Diagnostics;
using Vrrp.Daemon.Configuration.Model;
using Vrrp.Daemon.Hosting;
using Vrrp.Daemon.Notifications;
using Vrrp.Mail;

namespace Vrrp.Daemon.Commands;

/// <summary><c>vrrp alert</c>: what concerns mail alerts, without a daemon.</summary>
internal static class AlertCommand
{
    public const int Delivered = 0;
    public const int NotDelivered = 3;

    public static Command Create()
    {
        var file = new Option<string>("--use-file", "-f")
        {
            Description = "Configuration file.",
            HelpName = "FILE",
            DefaultValueFactory = _ => ConfigLoader.DefaultPath,
        };
        var configId = new Option<string?>("--config-id", "-i") { Description = "Identifier for lines that begin with @ID; the host's name by default.", HelpName = "ID" };
        var test = new Command(
            "test",
            """
            Send one mail with the configuration's servers, sender and recipients, and print the dialogue with the server, passwords masked.
            What is wrong with the lines that concern mail is told first, on standard error. The running daemon, if there is one, takes no part
            in it.

            Exit status: 0 the server took the mail over for every recipient, 1 wrong command line, 2 the configuration has errors or no mail
            server or recipients, 3 it was not delivered to everyone, 6 the configuration cannot be read.
            """)
        {
            file, configId,
        };
        test.SetAction((result, cancellationToken) => TestAsync(
            result.GetValue(file)!,
            new LoadOptions { ConfigId = result.GetValue(configId) },
            result.InvocationConfiguration.Output,
            result.InvocationConfiguration.Error,
            TimeProvider.System,
            cancellationToken));
        return new Command("alert", "Try out mail alerts.") { test };
    }

    public static async Task<int> TestAsync(string path, LoadOptions options, TextWriter output, TextWriter error, TimeProvider time, CancellationToken cancellationToken)
    {
        var loaded = ConfigLoader.Load(path, options);
        // What concerns something else, vrrp check tells.
        await error.WriteAsync(DiagnosticPrinter.ToText([.. loaded.Diagnostics.Where(d => d.Severity == DiagnosticSeverity.Error || IsOfMail(d))])).ConfigureAwait(false);
        if (loaded.Config is not { } config)
            return loaded.FileRead ? ExitCode.Configuration : ExitCode.NoConfiguration;
        string host = HostName.Qualified;
        if (MailSettings.Create(config.GlobalDefs, host) is not { } settings)
        {
            await output.WriteLineAsync("verdict: no mail can be sent: the configuration names no mail server (smtp_server) or no usable recipient (notification_email)").ConfigureAwait(false);
            return ExitCode.Configuration;
        }

        var composer = new AlertComposer(host);
        composer.Configure(config);
        var alert = composer.ComposeTest(time.GetLocalNow());
        var lines = TextWriter.Synchronized(output);
        var outcome = await AlertService.CreateTransport(settings, time, lines.WriteLine).DeliverAsync(
            new OutgoingMail
            {
                MessageId = $"{Guid.NewGuid():N}@{host}",
                Date = alert.At,
                From = settings.From,
                To = settings.To,
                Recipients = settings.To,
                Subject = alert.Subject,
                Body = alert.Body,
            },
            null,
            cancellationToken).ConfigureAwait(false);
        bool isForAll = outcome is { Verdict: MailVerdict.Delivered, Problem.Length: 0 };
        await output.WriteLineAsync("verdict: " + outcome.Verdict switch
        {
            MailVerdict.Delivered when isForAll => string.Create(CultureInfo.InvariantCulture, $"delivered to {settings.To.Length} {(settings.To.Length == 1 ? "recipient" : "recipients")}"),
            MailVerdict.Delivered => $"delivered, but not to everyone: {outcome.Detail}",
            MailVerdict.Deferred => $"not delivered now, the daemon would try again: {outcome.Detail}",
            MailVerdict.Refused => $"refused for good: {outcome.Detail}",
            _ => $"no server could be used, the daemon would try again: {outcome.Detail}",
        }).ConfigureAwait(false);
        return isForAll ? Delivered : NotDelivered;
    }

    // Also a misspelt one, which is no keyword of mail any more.
    private static bool IsOfMail(Diagnostic diagnostic)
    {
        if (diagnostic.Code.StartsWith("VRRP06", StringComparison.Ordinal))
            return true;
        if (diagnostic.Span.File is not { } file)
            return false;
        var line = file.GetLine(diagnostic.Span.Line).TrimStart();
        return line.StartsWith(KeywordTable.OwnPrefix, StringComparison.Ordinal) || line.Contains("smtp", StringComparison.OrdinalIgnoreCase)
            || line.Contains("mail", StringComparison.OrdinalIgnoreCase) || line.StartsWith("notif", StringComparison.Ordinal) || line.StartsWith("router_id", StringComparison.Ordinal);
    }
}
