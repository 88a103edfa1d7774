using Microsoft.Extensions.Logging;

namespace Vrrp.Daemon.Ipvs;

/// <summary>What the director says. The lines on real servers and quorums carry keepalived's words, because log watchers look for them.</summary>
internal static partial class IpvsLog
{
    [LoggerMessage(100, LogLevel.Error, "{Problem} The virtual servers wait for it; everything else goes on. {Advice}")]
    public static partial void Unavailable(ILogger logger, string problem, string advice);

    [LoggerMessage(101, LogLevel.Information, "IPVS has become available: the virtual servers are put into the kernel")]
    public static partial void Available(ILogger logger);

    [LoggerMessage(102, LogLevel.Error, "{Problem}")]
    public static partial void Refused(ILogger logger, string problem);

    [LoggerMessage(103, LogLevel.Warning, "someone else changed the IPVS table: {Change}; corrected")]
    public static partial void Corrected(ILogger logger, string change);

    [LoggerMessage(104, LogLevel.Warning, "virtual server {VirtualServer} has a real server {RealServer} that is not ours: it is left alone")]
    public static partial void ForeignDestination(ILogger logger, string virtualServer, string realServer);

    [LoggerMessage(105, LogLevel.Warning, "the record of our IPVS entries, {Path}, cannot be used: {Error}; after a kill -9, entries no longer configured would be left")]
    public static partial void LedgerFailed(ILogger logger, string path, string error);

    [LoggerMessage(106, LogLevel.Information, "running {VirtualServers} with {RealServers}")]
    public static partial void Applied(ILogger logger, string virtualServers, string realServers);

    [LoggerMessage(107, LogLevel.Critical, "the director failed in itself; it tries again from what it finds")]
    public static partial void Failed(ILogger logger, Exception exception);

    [LoggerMessage(109, LogLevel.Information, "virtual server {VirtualServer}: {Quorum}, {Up} of {RealServers} up")]
    public static partial void Status(ILogger logger, string virtualServer, string quorum, int up, string realServers);

    [LoggerMessage(110, LogLevel.Information, "{Check} on service {RealServer} success: real server of {VirtualServer} is up")]
    public static partial void RealServerUp(ILogger logger, string check, string realServer, string virtualServer);

    [LoggerMessage(111, LogLevel.Warning, "{Check} on service {RealServer} failed: real server of {VirtualServer} is down: {Reason}")]
    public static partial void RealServerDown(ILogger logger, string check, string realServer, string virtualServer, string reason);

    [LoggerMessage(113, LogLevel.Information, "Gained quorum {Quorum}+{Hysteresis}={Needed} <= {LiveWeight} for VS {VirtualServer}")]
    public static partial void QuorumGained(ILogger logger, uint quorum, uint hysteresis, long needed, long liveWeight, string virtualServer);

    [LoggerMessage(114, LogLevel.Warning, "Lost quorum {Quorum}-{Hysteresis}={Needed} > {LiveWeight} for VS {VirtualServer}")]
    public static partial void QuorumLost(ILogger logger, uint quorum, uint hysteresis, long needed, long liveWeight, string virtualServer);

    [LoggerMessage(115, LogLevel.Information, "Changing weight from {From} to {To} for service {RealServer} of VS {VirtualServer}")]
    public static partial void WeightChanged(ILogger logger, int from, int to, string realServer, string virtualServer);

    [LoggerMessage(116, LogLevel.Information, "{Check} on service {RealServer} of VS {VirtualServer} failed: {Reason}")]
    public static partial void ProbeFailed(ILogger logger, string check, string realServer, string virtualServer, string reason);

    [LoggerMessage(120, LogLevel.Information, "synchronisation of connections on {Interface}: {Role}")]
    public static partial void SyncDaemonStarted(ILogger logger, string @interface, string role);

    [LoggerMessage(121, LogLevel.Error, "synchronisation of connections on {Interface} as {Role} cannot be started: {Error}")]
    public static partial void SyncDaemonFailed(ILogger logger, string @interface, string role, string error);

    [LoggerMessage(122, LogLevel.Error, "IPVS timeouts cannot be set: {Error}")]
    public static partial void TimeoutsFailed(ILogger logger, string error);

    [LoggerMessage(123, LogLevel.Information, "Suspending the checks of VS {VirtualServer}: its address is not on this host (ha_suspend)")]
    public static partial void ChecksRest(ILogger logger, string virtualServer);

    [LoggerMessage(124, LogLevel.Information, "Activating the checks of VS {VirtualServer}: its address is on this host")]
    public static partial void ChecksGoOn(ILogger logger, string virtualServer);

    [LoggerMessage(125, LogLevel.Warning, "{Keyword} of {Subject} of VS {VirtualServer}: {Problem}")]
    public static partial void ScriptFailed(ILogger logger, string keyword, string subject, string virtualServer, string problem);

    [LoggerMessage(126, LogLevel.Warning, "scripts of VS {VirtualServer} take longer than what happens: {Keyword} of {Subject} is not run")]
    public static partial void ScriptDropped(ILogger logger, string virtualServer, string keyword, string subject);

    [LoggerMessage(127, LogLevel.Error, "whether the addresses of virtual servers are on this host (ha_suspend) cannot be told: {Problem}; looked for again every ten seconds")]
    public static partial void AddressesUnknown(ILogger logger, string problem);
}
