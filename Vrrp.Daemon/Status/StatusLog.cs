using Microsoft.Extensions.Logging;

namespace Vrrp.Daemon.Status;

internal static partial class StatusLog
{
    [LoggerMessage(300, LogLevel.Warning, "status is not served at {Path}: {Problem}")]
    public static partial void NotServed(ILogger logger, string path, string problem);

    [LoggerMessage(301, LogLevel.Warning, "a request for status could not be taken: {Problem}")]
    public static partial void NotAccepted(ILogger logger, string problem);

    [LoggerMessage(302, LogLevel.Error, "the document {Path} could not be made")]
    public static partial void DocumentFailed(ILogger logger, Exception exception, string path);
}
