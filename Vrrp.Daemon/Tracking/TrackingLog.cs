using Microsoft.Extensions.Logging;

namespace Vrrp.Daemon.Tracking;

/// <summary>What the trackers say.</summary>
internal static partial class TrackingLog
{
    [LoggerMessage(400, LogLevel.Information, "{Tracker} is up")]
    public static partial void Up(ILogger logger, string tracker);

    [LoggerMessage(401, LogLevel.Warning, "{Tracker} is down: {Problem}")]
    public static partial void Down(ILogger logger, string tracker, string problem);

    [LoggerMessage(411, LogLevel.Warning, "{Tracker} is still down: {Problem}")]
    public static partial void StillDown(ILogger logger, string tracker, string problem);

    [LoggerMessage(402, LogLevel.Information, "{Tracker} says {Value}")]
    public static partial void Says(ILogger logger, string tracker, int value);

    [LoggerMessage(412, LogLevel.Information, "{Tracker} counts as 0: {Reason}")]
    public static partial void CountsAsZero(ILogger logger, string tracker, string reason);

    [LoggerMessage(403, LogLevel.Warning, "{Tracker}: {Problem}")]
    public static partial void Problem(ILogger logger, string tracker, string problem);

    [LoggerMessage(404, LogLevel.Critical, "{Tracker} failed in itself; that counts as a failed run, and the next follows in its turn")]
    public static partial void Failed(ILogger logger, Exception exception, string tracker);

    [LoggerMessage(405, LogLevel.Warning, "processes are looked for once a second, because the kernel does not tell of them: {Reason}")]
    public static partial void ProcessesArePolled(ILogger logger, string reason);

    [LoggerMessage(406, LogLevel.Warning, "tracked files are read once a second, because the kernel does not tell of their changes: {Reason}")]
    public static partial void FilesArePolled(ILogger logger, string reason);

    [LoggerMessage(407, LogLevel.Warning, "processes could not be counted; the last number counts until they can be: {Reason}")]
    public static partial void ProcessesNotCounted(ILogger logger, string reason);

    [LoggerMessage(409, LogLevel.Warning, "{Tracker} has no result after {Seconds} s, for what is to be read does not answer: an instance that has not begun and follows it with weight 0 waits for it, all others go on without it")]
    public static partial void NoFirstResult(ILogger logger, string tracker, long seconds);

    [LoggerMessage(410, LogLevel.Warning, "{Tracker} has no result after {Seconds} s, for what is to be read does not answer: what it said before counts until then")]
    public static partial void EarlierResult(ILogger logger, string tracker, long seconds);

    [LoggerMessage(420, LogLevel.Warning, "process {Process} was left running by a daemon that was killed, and is ended: {Command}")]
    public static partial void LeftBehindEnded(ILogger logger, int process, string command);

    [LoggerMessage(421, LogLevel.Warning, "{Path} does not record which scripts run, so a daemon that is killed would leave them running: {Problem}")]
    public static partial void ScriptsNotRecorded(ILogger logger, string path, string problem);

    [LoggerMessage(408, LogLevel.Critical, "{Tracker} failed in itself and may not be watched until a reload")]
    public static partial void NotWatched(ILogger logger, Exception exception, string tracker);
}
