using Microsoft.Extensions.Logging;

namespace Vrrp.Daemon.Hosting;

/// <summary>What the daemon says of itself.</summary>
internal static partial class HostingLog
{
    [LoggerMessage(126, LogLevel.Information, "vrrp {Version} starts as process {ProcessId} with {Path}")]
    public static partial void Starting(ILogger logger, string version, int processId, string path);

    [LoggerMessage(127, LogLevel.Information, "process {ProcessId} ends")]
    public static partial void Ending(ILogger logger, int processId);

    [LoggerMessage(100, LogLevel.Information, "received {Signal}: stopping")]
    public static partial void Stopping(ILogger logger, string signal);

    [LoggerMessage(101, LogLevel.Warning, "received {Signal} again: giving the addresses up at once")]
    public static partial void StoppingAtOnce(ILogger logger, string signal);

    [LoggerMessage(102, LogLevel.Information, "received SIGHUP: reloading {Path}")]
    public static partial void Reloading(ILogger logger, string path);

    [LoggerMessage(103, LogLevel.Information, "reloaded {Path}")]
    public static partial void Reloaded(ILogger logger, string path);

    [LoggerMessage(104, LogLevel.Error, "{Path} was not loaded: {Errors}; what was running goes on unchanged")]
    public static partial void ReloadRefused(ILogger logger, string path, string errors);

    [LoggerMessage(105, LogLevel.Error, "{Diagnostic}")]
    public static partial void ConfigurationError(ILogger logger, string diagnostic);

    [LoggerMessage(106, LogLevel.Warning, "{Diagnostic}")]
    public static partial void ConfigurationWarning(ILogger logger, string diagnostic);

    [LoggerMessage(107, LogLevel.Information, "{Diagnostic}")]
    public static partial void ConfigurationNote(ILogger logger, string diagnostic);

    [LoggerMessage(108, LogLevel.Error, "the reload could not be applied: {Error}")]
    public static partial void ReloadFailed(ILogger logger, string error);

    [LoggerMessage(117, LogLevel.Critical, "the reload could not be applied: {Error}; what was running before is put back")]
    public static partial void ReloadUndone(ILogger logger, Exception exception, string error);

    [LoggerMessage(118, LogLevel.Warning, "what was running before the reload runs again")]
    public static partial void ReloadRestored(ILogger logger);

    [LoggerMessage(119, LogLevel.Critical, "not all that was running before the reload runs again; mend the file and reload it, or restart the daemon")]
    public static partial void ReloadNotRestored(ILogger logger);

    [LoggerMessage(120, LogLevel.Critical, "the reload failed in itself; what was running goes on")]
    public static partial void ReloadBroken(ILogger logger, Exception exception);

    [LoggerMessage(121, LogLevel.Warning, "{Path} cannot be read yet, for its disk does not answer; what was running goes on, and the reload follows when it does")]
    public static partial void ReloadWaits(ILogger logger, string path);

    [LoggerMessage(122, LogLevel.Error, "the director has not taken the configuration in {Seconds} s; it will when it answers again")]
    public static partial void DirectorIsLate(ILogger logger, long seconds);

    [LoggerMessage(123, LogLevel.Information, "{Keyword} runs, for {Seconds} s at most; the daemon waits for it")]
    public static partial void LifeScriptRuns(ILogger logger, string keyword, long seconds);

    [LoggerMessage(124, LogLevel.Warning, "{Keyword}: {Problem}; the daemon goes on")]
    public static partial void LifeScriptFailed(ILogger logger, string keyword, string problem);

    [LoggerMessage(125, LogLevel.Error, "shutdown_script would not run: {Problem}")]
    public static partial void LifeScriptUnusable(ILogger logger, string problem);

    [LoggerMessage(115, LogLevel.Critical, "{Part} failed in itself at a reload; the rest of it goes on")]
    public static partial void ReloadPartFailed(ILogger logger, string part, Exception exception);

    [LoggerMessage(116, LogLevel.Critical, "{Part} failed in itself at {Notice}; the others are told")]
    public static partial void HandlerFailed(ILogger logger, string part, string notice, Exception exception);

    [LoggerMessage(110, LogLevel.Information, "({VirtualRouter}) {Change}")]
    public static partial void InstanceChanged(ILogger logger, string virtualRouter, string change);

    [LoggerMessage(112, LogLevel.Information, "virtual server {VirtualServer}: {Change}")]
    public static partial void VirtualServerChanged(ILogger logger, string virtualServer, string change);

    [LoggerMessage(114, LogLevel.Information, "tracked scripts, files and processes that changed: {Names}")]
    public static partial void TrackersChanged(ILogger logger, string names);

    [LoggerMessage(111, LogLevel.Information, "received {Signal}: {Effect}")]
    public static partial void Received(ILogger logger, string signal, string effect);

    [LoggerMessage(109, LogLevel.Warning, "{Setting} changed and takes effect at the next start")]
    public static partial void NeedsRestart(ILogger logger, string setting);
}
