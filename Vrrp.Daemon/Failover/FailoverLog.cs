using Microsoft.Extensions.Logging;

namespace Vrrp.Daemon.Failover;

/// <summary>What the failover says. The transition lines carry keepalived's words, because log watchers look for them.</summary>
internal static partial class FailoverLog
{
    [LoggerMessage(1, LogLevel.Information, "({VirtualRouter}) Entering {State} STATE: {Reason}")]
    public static partial void Transition(ILogger logger, string virtualRouter, string state, string reason);

    [LoggerMessage(2, LogLevel.Warning, "({VirtualRouter}) Entering FAULT STATE: {Reason}")]
    public static partial void Fault(ILogger logger, string virtualRouter, string reason);

    [LoggerMessage(3, LogLevel.Information, "({VirtualRouter}) stopped: {Reason}")]
    public static partial void Stopped(ILogger logger, string virtualRouter, string reason);

    [LoggerMessage(4, LogLevel.Warning, "({VirtualRouter}) heard another Master, {Peer} with priority {PeerPriority}: staying Master and announcing the addresses again")]
    public static partial void SecondMaster(ILogger logger, string virtualRouter, IPAddressValue peer, Priority peerPriority);

    [LoggerMessage(5, LogLevel.Error, "({VirtualRouter}) the kernel refused to {Operation} {Address}: {Error}")]
    public static partial void AddressRefused(ILogger logger, string virtualRouter, string operation, string address, string error);

    [LoggerMessage(6, LogLevel.Warning, "({VirtualRouter}) {Address} was taken away while Master: put back and announced again")]
    public static partial void AddressTakenAway(ILogger logger, string virtualRouter, string address);

    [LoggerMessage(7, LogLevel.Warning, "({VirtualRouter}) {Address} is on the interface and was not put there by this program: it is left alone, also when this router is not Master")]
    public static partial void AddressForeign(ILogger logger, string virtualRouter, string address);

    [LoggerMessage(8, LogLevel.Warning, "({VirtualRouter}) {Address} was left behind by a process that was killed: removed")]
    public static partial void AddressLeftBehind(ILogger logger, string virtualRouter, string address);

    [LoggerMessage(9, LogLevel.Information, "({VirtualRouter}) {Address} removed")]
    public static partial void AddressReleased(ILogger logger, string virtualRouter, string address);

    [LoggerMessage(25, LogLevel.Information, "({VirtualRouter}) {Address} handed over to {Peer}")]
    public static partial void AddressHandedOver(ILogger logger, string virtualRouter, string address, IPAddressValue peer);

    [LoggerMessage(10, LogLevel.Warning, "({VirtualRouter}) dropped an advertisement of {Source} on {Interface}: {Reason} ({Count} since this was last said)")]
    public static partial void PacketDropped(ILogger logger, string virtualRouter, IPAddressValue source, string @interface, string reason, long count);

    [LoggerMessage(11, LogLevel.Debug, "dropped an advertisement of {Source} on {Interface}: {Reason} ({Count} since this was last said)")]
    public static partial void UnknownPacketDropped(ILogger logger, IPAddressValue source, string @interface, string reason, long count);

    [LoggerMessage(12, LogLevel.Warning, "({VirtualRouter}) the configuration of {Source} differs: {Difference}")]
    public static partial void Differs(ILogger logger, string virtualRouter, IPAddressValue source, string difference);

    [LoggerMessage(13, LogLevel.Information, "({VirtualRouter}) effective priority changed from {From} to {To}{Because}")]
    public static partial void PriorityChanged(ILogger logger, string virtualRouter, Priority from, Priority to, string because);

    [LoggerMessage(14, LogLevel.Warning, "({VirtualRouter}) could not send: {Error} ({Consecutive} in a row)")]
    public static partial void SendFailed(ILogger logger, string virtualRouter, string error, int consecutive);

    [LoggerMessage(15, LogLevel.Warning, "this process did not run for {Milliseconds} ms after an advertisement was due: peers may have taken over; give it real-time priority (vrrp_rt_priority) or more processor")]
    public static partial void Stalled(ILogger logger, long milliseconds);

    [LoggerMessage(16, LogLevel.Error, "({VirtualRouter}) {Interface} cannot be used: {Error}")]
    public static partial void LinkUnusable(ILogger logger, string virtualRouter, string @interface, string error);

    [LoggerMessage(17, LogLevel.Information, "running {Routers} of {Path}")]
    public static partial void Applied(ILogger logger, string routers, string path);

    [LoggerMessage(18, LogLevel.Critical, "the engine failed and gave its addresses up")]
    public static partial void EngineFailed(ILogger logger, Exception exception);

    [LoggerMessage(19, LogLevel.Information, "stopping: saying goodbye, and answering for the addresses until the successors are heard")]
    public static partial void Stopping(ILogger logger);

    [LoggerMessage(20, LogLevel.Information, "stopped")]
    public static partial void AllStopped(ILogger logger);

    [LoggerMessage(21, LogLevel.Error, "({VirtualRouter}) no_accept cannot be kept, {Reason}: it runs, and packets to its addresses are accepted")]
    public static partial void AcceptModeUnenforced(ILogger logger, string virtualRouter, string reason);

    [LoggerMessage(22, LogLevel.Warning, "{Keyword} has no effect: {Error}")]
    public static partial void SchedulingRefused(ILogger logger, string keyword, string error);

    [LoggerMessage(23, LogLevel.Error, "({VirtualRouter}) packets to addresses that it gave up may still be dropped, {Reason}")]
    public static partial void StillBlocked(ILogger logger, string virtualRouter, string reason);

    [LoggerMessage(24, LogLevel.Information, "({VirtualRouter}) is {Status}")]
    public static partial void Status(ILogger logger, string virtualRouter, string status);

    [LoggerMessage(25, LogLevel.Information, "the statistics are in {Path}; the latest timer was {Milliseconds:0.000} ms late, one of ({VirtualRouter})")]
    public static partial void StatisticsWritten(ILogger logger, string path, double milliseconds, string virtualRouter);

    [LoggerMessage(26, LogLevel.Error, "the statistics cannot be written to {Path}: {Error}")]
    public static partial void StatisticsFailed(ILogger logger, string path, string error);

    [LoggerMessage(40, LogLevel.Warning, "the record of our addresses, {Path}, cannot be used: {Error}; after a kill -9, addresses no longer configured would be left")]
    public static partial void LedgerFailed(ILogger logger, string path, string error);

    [LoggerMessage(41, LogLevel.Warning, "an advertisement on {Interface} came from {Source}, an address of this host: another host has it too, or the network sends our packets back")]
    public static partial void OwnAddressHeard(ILogger logger, string @interface, IPAddressValue source);

    [LoggerMessage(43, LogLevel.Warning, "({VirtualRouter}) became Master {Takeovers} times within {Seconds} s: advertisements get lost or come late, or the settings of two routers do not fit")]
    public static partial void MasterRestless(ILogger logger, string virtualRouter, int takeovers, long seconds);

    [LoggerMessage(42, LogLevel.Warning, "another process of this network namespace marks its addresses as this one does, probably another vrrp: no address is taken for left behind while it runs")]
    public static partial void NotAlone(ILogger logger);
}
