using Microsoft.Extensions.Logging;

namespace Vrrp.Daemon.Notifications;

/// <summary>What notify scripts and pipes have to say.</summary>
internal static partial class NotifyLog
{
    [LoggerMessage(400, LogLevel.Warning, "{Keyword} of {Subject}: {Problem}")]
    public static partial void ScriptFailed(ILogger logger, string keyword, string subject, string problem);

    [LoggerMessage(401, LogLevel.Warning, "scripts of {Subject} take longer than what happens: some of its changes are told to none; the last one will be")]
    public static partial void ScriptsBehind(ILogger logger, string subject);

    [LoggerMessage(403, LogLevel.Warning, "{Keyword} of {Subject} has been running for {Seconds} s, and what came after it waits")]
    public static partial void ScriptWaitedFor(ILogger logger, string keyword, string subject, long seconds);

    [LoggerMessage(402, LogLevel.Error, "{Keyword} of {Subject} would not run: {Problem}")]
    public static partial void ScriptUnusable(ILogger logger, string keyword, string subject, string problem);

    [LoggerMessage(410, LogLevel.Error, "the pipe {Path} is not written to: {Problem}")]
    public static partial void PipeUnusable(ILogger logger, string path, string problem);

    [LoggerMessage(414, LogLevel.Warning, "the pipe {Path} cannot be removed: {Problem}")]
    public static partial void PipeLeft(ILogger logger, string path, string problem);

    [LoggerMessage(415, LogLevel.Warning, "the pipe {Path} was taken away: it is there again, and its script is started anew")]
    public static partial void PipeMadeAgain(ILogger logger, string path);

    [LoggerMessage(416, LogLevel.Error, "the pipe {Path} was taken away and cannot be made again: {Problem}; only who has it open still reads it")]
    public static partial void PipeLost(ILogger logger, string path, string problem);

    [LoggerMessage(411, LogLevel.Warning, "the pipe {Path} is full, because nobody reads it: of each state that changes only the last is kept for it")]
    public static partial void PipeFull(ILogger logger, string path);

    [LoggerMessage(412, LogLevel.Information, "the pipe {Path} is read again")]
    public static partial void PipeDrained(ILogger logger, string path);

    [LoggerMessage(413, LogLevel.Warning, "the script that reads the pipe {Path} has ended ({Problem}): started again in {Seconds} s, and ever more seldom if that goes on")]
    public static partial void ReaderEnded(ILogger logger, string path, string problem, long seconds);

    [LoggerMessage(417, LogLevel.Warning, "the script that reads the pipe {Path} cannot be started ({Problem}): tried again in {Seconds} s, and ever more seldom if that goes on")]
    public static partial void ReaderNotStarted(ILogger logger, string path, string problem, long seconds);
}
