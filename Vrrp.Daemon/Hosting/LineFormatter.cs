using System.Globalization;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Logging.Console;

namespace Vrrp.Daemon.Hosting;

/// <summary>
/// One line for one message, and one for each line of an exception. Under journald it begins with the syslog priority, which the journal
/// takes off again and which carries the severity; elsewhere with the time.
/// </summary>
internal sealed class LineFormatter : ConsoleFormatter
{
    public const string FormatterName = "line";

    private readonly TimeProvider _time;
    private readonly bool _isJournal;

    public LineFormatter(TimeProvider time)
        : this(time, Environment.GetEnvironmentVariable("JOURNAL_STREAM") is not null)
    {
    }

    internal LineFormatter(TimeProvider time, bool isJournal)
        : base(FormatterName) => (_time, _isJournal) = (time, isJournal);

    public override void Write<TState>(in LogEntry<TState> logEntry, IExternalScopeProvider? scopeProvider, TextWriter textWriter)
    {
        string prefix = Prefix(logEntry.LogLevel);
        WriteLine(textWriter, prefix, logEntry.Formatter(logEntry.State, logEntry.Exception));
        if (logEntry.Exception is not { } exception)
            return;
        foreach (string line in exception.ToString().Split('\n'))
            WriteLine(textWriter, prefix, line.TrimEnd('\r'));
    }

    /// <summary>Names in messages come from files and packets: no control character of theirs reaches a terminal or starts a line.</summary>
    private static void WriteLine(TextWriter textWriter, string prefix, string text)
    {
        textWriter.Write(prefix);
        textWriter.WriteLine(text.Any(char.IsControl) ? string.Concat(text.Select(c => char.IsControl(c) ? '?' : c)) : text);
    }

    private string Prefix(LogLevel level)
    {
        if (_isJournal)
        {
            return level switch
            {
                LogLevel.Critical => "<2>",
                LogLevel.Error => "<3>",
                LogLevel.Warning => "<4>",
                LogLevel.Information => "<6>",
                _ => "<7>",
            };
        }

        string now = _time.GetLocalNow().ToString("yyyy-MM-dd HH:mm:ss.fff ", CultureInfo.InvariantCulture);
        return level switch
        {
            < LogLevel.Warning => now,
            LogLevel.Warning => now + "warning: ",
            _ => now + "error: ",
        };
    }
}
