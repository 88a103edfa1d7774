using Microsoft.Extensions.Logging;

namespace Vrrp.Daemon.HealthChecks;

/// <summary>What the health checks say.</summary>
internal static partial class HealthLog
{
    [LoggerMessage(200, LogLevel.Critical, "{Check} of real server {RealServer} of virtual server {VirtualServer} failed in itself; the server counts as down until a reload")]
    public static partial void CheckerFailed(ILogger logger, Exception exception, string check, string realServer, string virtualServer);
}
