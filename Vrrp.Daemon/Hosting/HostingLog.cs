using Microsoft.Extensions.Logging;

namespace Vrrp.Daemon.Hosting;

/// <summary>What the daemon says of itself.</summary>
internal static partial class HostingLog
{
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
