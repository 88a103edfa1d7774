using System.Collections.Immutable;
using Vrrp.Daemon.Configuration.Syntax;
using Vrrp.Daemon.Ipvs;

namespace Vrrp.Daemon.Configuration.Model;

/// <summary>A virtual_server block with every default applied: one or, with a group, many services that share their real servers.</summary>
internal sealed record VirtualServer
{
    /// <summary>The words after the keyword as keepalived shows them: <c>[10.0.0.1]:tcp:80</c>, <c>FWM 5</c>, the group's name.</summary>
    public required string Name { get; init; }

    public SourceSpan Span { get; init; }

    /// <summary>The group it is configured by. Null: by address or mark.</summary>
    public string? GroupName { get; init; }

    /// <summary>The services it is in the kernel; more than one only with a group.</summary>
    public ImmutableArray<ServiceKey> Services { get; init; } = [];

    public string Scheduler { get; init; } = "wlc";

    /// <summary>Scheduler flags, persistence and one-packet scheduling, as the kernel wants them.</summary>
    public ServiceFlags Flags { get; init; }

    /// <summary>In seconds; 0 without persistence.</summary>
    public uint PersistenceTimeout { get; init; }

    /// <summary>Prefix length by which clients are taken for one. Null: the whole address.</summary>
    public byte? PersistencePrefix { get; init; }

    public string? PersistenceEngine { get; init; }

    public Forwarding Forwarding { get; init; }

    public SorryServer? SorryServer { get; init; }

    /// <summary>Live weight from which it is in service.</summary>
    public uint Quorum { get; init; } = 1;

    public uint Hysteresis { get; init; }

    public ScriptCommand? QuorumUp { get; init; }

    public ScriptCommand? QuorumDown { get; init; }

    /// <summary>Checks rest while this host does not hold the virtual address.</summary>
    public bool HaSuspend { get; init; }

    /// <summary>Down notifications are sent at shutdown.</summary>
    public bool Omega { get; init; }

    /// <summary>Mail on gain and loss of quorum.</summary>
    public bool SmtpAlert { get; init; }

    public ImmutableArray<RealServer> RealServers { get; init; } = [];
}

/// <summary>The last resort while quorum is lost.</summary>
/// <param name="Address">Where it is.</param>
/// <param name="Port">Its port.</param>
/// <param name="Forwarding">How packets reach it.</param>
/// <param name="Inhibit">It stays in the table with weight 0 instead of being added and removed.</param>
internal sealed record SorryServer(IPAddressValue Address, ushort Port, Forwarding Forwarding, bool Inhibit);

/// <summary>A real_server block with every default applied.</summary>
internal sealed record RealServer
{
    public required IPAddressValue Address { get; init; }

    /// <summary>The port in the table; the service's for direct routing and tunnels.</summary>
    public required ushort Port { get; init; }

    public SourceSpan Span { get; init; }

    public int Weight { get; init; } = 1;

    public Forwarding Forwarding { get; init; }

    /// <summary>Down means weight 0 instead of removal.</summary>
    public bool InhibitOnFailure { get; init; }

    public uint UpperThreshold { get; init; }

    public uint LowerThreshold { get; init; }

    public ScriptCommand? NotifyUp { get; init; }

    public ScriptCommand? NotifyDown { get; init; }

    /// <summary>Mail when it comes and goes.</summary>
    public bool SmtpAlert { get; init; }

    /// <summary>All of them must be up for the server to be up; none: it always is.</summary>
    public ImmutableArray<HealthCheck> Checks { get; init; } = [];
}
