using System.Collections.Immutable;
using Vrrp.Daemon.Configuration.Model;
using Vrrp.Daemon.HealthChecks;

namespace Vrrp.Daemon.Ipvs;

/// <summary>What the director knew at one moment.</summary>
/// <param name="VirtualServers">In the order of the file.</param>
/// <param name="Problem">Why the kernel's table cannot be reached; null when it can.</param>
internal sealed record DirectorSnapshot(ImmutableArray<VirtualServerStatus> VirtualServers, string? Problem)
{
    public static DirectorSnapshot Empty { get; } = new([], null);
}

/// <summary>A virtual server and whether it has its quorum.</summary>
internal sealed record VirtualServerStatus(VirtualServer Config, bool HasQuorum, ImmutableArray<RealServerStatus> RealServers);

/// <summary>A real server, its weight in force, and what each of its checks found.</summary>
internal sealed record RealServerStatus(RealServer Config, bool IsUp, int Weight, ImmutableArray<HealthState> Checks);
