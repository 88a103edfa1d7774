using System.Collections.Immutable;
using Vrrp.Daemon.Configuration.Model;
using Vrrp.Daemon.HealthChecks;
using Vrrp.Daemon.Ipvs;

namespace Vrrp.Daemon.Status;

/// <summary>The virtual servers of a daemon and their health: the document <c>/v1/ipvs</c>. Property names are a contract with its readers.</summary>
internal sealed record DirectorReport
{
    public required int ProcessId { get; init; }

    /// <summary>The network namespace whose table it keeps, as <c>net:[4026531840]</c>.</summary>
    public required string NetworkNamespace { get; init; }

    /// <summary>When this was put together.</summary>
    public required DateTimeOffset Time { get; init; }

    /// <summary>Why the kernel's table cannot be reached. Null: it can.</summary>
    public required string? Problem { get; init; }

    /// <summary>In the order of the file.</summary>
    public required ImmutableArray<VirtualServerReport> VirtualServers { get; init; }

    public static DirectorReport Create(DirectorSnapshot snapshot, int processId, string networkNamespace, DateTimeOffset now) => new()
    {
        ProcessId = processId,
        NetworkNamespace = networkNamespace,
        Time = now,
        Problem = snapshot.Problem,
        VirtualServers = [.. snapshot.VirtualServers.Select(VirtualServerReport.Create)],
    };
}

/// <summary>What names a service in the kernel.</summary>
internal sealed record ServiceName
{
    /// <summary><c>ipv4</c> or <c>ipv6</c>.</summary>
    public required string Family { get; init; }

    /// <summary><c>tcp</c>, <c>udp</c>, <c>sctp</c>; null for a firewall mark.</summary>
    public required string? Protocol { get; init; }

    /// <summary>Null for a firewall mark.</summary>
    public required string? Address { get; init; }

    /// <summary>Null for a firewall mark; 0: every port.</summary>
    public required int? Port { get; init; }

    /// <summary>Null for an address.</summary>
    public required uint? FirewallMark { get; init; }

    public static ServiceName Of(ServiceKey key) => new()
    {
        Family = ReportText.Family(key.Family),
        Protocol = key.FirewallMark != 0 ? null : ServiceKey.ProtocolName(key.Protocol),
        Address = key.FirewallMark != 0 ? null : key.Address.ToString(),
        Port = key.FirewallMark != 0 ? null : key.Port,
        FirewallMark = key.FirewallMark != 0 ? key.FirewallMark : null,
    };
}

/// <summary>One virtual_server block.</summary>
internal sealed record VirtualServerReport
{
    /// <summary>As the log and mails name it.</summary>
    public required string Name { get; init; }

    /// <summary>What it is in the kernel; more than one only with a virtual_server_group.</summary>
    public required ImmutableArray<ServiceName> Services { get; init; }

    public required bool HasQuorum { get; init; }

    /// <summary>Live weight from which it has one.</summary>
    public required uint Quorum { get; init; }

    public required uint Hysteresis { get; init; }

    /// <summary>Sum of the weights of the servers that are up.</summary>
    public required long LiveWeight { get; init; }

    /// <summary>Null: none is configured.</summary>
    public required SorryServerReport? SorryServer { get; init; }

    /// <summary>In the order of the file.</summary>
    public required ImmutableArray<RealServerReport> RealServers { get; init; }

    public static VirtualServerReport Create(VirtualServerStatus status)
    {
        var server = status.Config;
        return new()
        {
            Name = server.Name,
            Services = [.. server.Services.Select(ServiceName.Of)],
            HasQuorum = status.HasQuorum,
            Quorum = server.Quorum,
            Hysteresis = server.Hysteresis,
            LiveWeight = status.RealServers.Sum(real => real.IsUp ? (long)real.Weight : 0),
            SorryServer = server.SorryServer is { } sorry
                ? new()
                {
                    Address = sorry.Address.ToString(),
                    Port = sorry.Port,
                    Forwarding = ReportText.Forwarding(sorry.Forwarding.Method),
                    IsServing = !status.HasQuorum,
                }
                : null,
            RealServers = [.. status.RealServers.Select(RealServerReport.Create)],
        };
    }
}

/// <summary>The last resort.</summary>
internal sealed record SorryServerReport
{
    public required string Address { get; init; }

    public required int Port { get; init; }

    /// <summary><c>masq</c>, <c>route</c>, <c>tunnel</c> or <c>local</c>.</summary>
    public required string Forwarding { get; init; }

    public required bool IsServing { get; init; }
}

/// <summary>One real_server block.</summary>
internal sealed record RealServerReport
{
    public required string Address { get; init; }

    /// <summary>As configured; in the table it is the service's own with all forwarding methods but <c>masq</c>.</summary>
    public required int Port { get; init; }

    /// <summary><c>masq</c>, <c>route</c>, <c>tunnel</c> or <c>local</c>.</summary>
    public required string Forwarding { get; init; }

    public required bool IsUp { get; init; }

    /// <summary>Weight in force while it is up.</summary>
    public required int Weight { get; init; }

    /// <summary>Since when it is up or down. Null: nothing checks it.</summary>
    public required DateTimeOffset? Since { get; init; }

    /// <summary>All must be up for the server to be up; none: it always is.</summary>
    public required ImmutableArray<CheckReport> Checks { get; init; }

    public static RealServerReport Create(RealServerStatus status)
    {
        var checks = status.Checks.Select((health, number) => CheckReport.Create(status.Config.Checks[number], health)).ToImmutableArray();
        return new()
        {
            Address = status.Config.Address.ToString(),
            Port = status.Config.Port,
            Forwarding = ReportText.Forwarding(status.Config.Forwarding.Method),
            IsUp = status.IsUp,
            Weight = status.Weight,
            // Up since the last of its checks came up, down since the first of those that are down went down.
            Since = status.IsUp ? checks.Max(check => check.Since) : checks.Where(check => !check.IsUp).Min(check => check.Since),
            Checks = checks,
        };
    }
}

/// <summary>One check of a real server.</summary>
internal sealed record CheckReport
{
    /// <summary>The block's keyword, as <c>TCP_CHECK</c>.</summary>
    public required string Kind { get; init; }

    public required bool IsUp { get; init; }

    /// <summary>Since when it is up or down; the start until the first change.</summary>
    public required DateTimeOffset? Since { get; init; }

    /// <summary>When a probe ended last. Null: none has.</summary>
    public required DateTimeOffset? LastProbe { get; init; }

    /// <summary>Failures in a row.</summary>
    public required int Failures { get; init; }

    /// <summary>Why the last failure was one. Null: none has failed since the last success.</summary>
    public required string? LastError { get; init; }

    /// <summary>Weight that the check asks for. Null: the configured one.</summary>
    public required int? Weight { get; init; }

    public static CheckReport Create(HealthCheck check, HealthState health) => new()
    {
        Kind = check.Kind,
        IsUp = health.IsUp,
        Since = health.Since == default ? null : health.Since,
        LastProbe = health.LastProbe,
        Failures = health.Failures,
        LastError = health.LastError,
        Weight = health.Weight,
    };
}
