using System.Globalization;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Logging.Console;

namespace Vrrp.Daemon.Hosting;

/// <summary>
/// One line for one message. Under journald it begins with the syslog priority, which the journal takes off again and which carries the
/// severity; elsewhere with the time.
/// </summary>
internal sealed class LineFormatter(TimeProvider time) : ConsoleFormatter(FormatterName)
{
    public const string FormatterName = "line";

    private readonly bool _isJournal = Environment.GetEnvironmentVariable("JOURNAL_STREAM") is not null;

    public override void Write<TState>(in LogEntry<TState> logEntry, IExternalScopeProvider? scopeProvider, TextWriter textWriter)
    {
        string message = logEntry.Formatter(logEntry.State, logEntry.Exception);
        if (_isJournal)
        {
            textWriter.Write(logEntry.LogLevel switch
            {
                LogLevel.Critical => "<2>",
                LogLevel.Error => "<3>",
                LogLevel.Warning => "<4>",
                LogLevel.Information => "<6>",
                _ => "<7>",
            });
        }
        else
        {
            textWriter.Write(time.GetLocalNow().ToString("yyyy-MM-dd HH:mm:ss.fff ", CultureInfo.InvariantCulture));
            if (logEntry.LogLevel >= LogLevel.Warning)
                textWriter.Write(logEntry.LogLevel == LogLevel.Warning ? "warning: " : "error: ");
        }

        // Names in messages come from files and packets: no control character of theirs reaches a terminal or starts a line.
        textWriter.WriteLine(Clean(message));
        if (logEntry.Exception is { } exception)
            textWriter.WriteLine(exception.ToString());
    }

    private static string Clean(string text) =>
        text.AsSpan().ContainsAnyInRange('\0', '\u001F') || text.Contains('\u007F', StringComparison.Ordinal)
            ? string.Concat(text.Select(c => char.IsControl(c) ? '?' : c))
            : text;
}
