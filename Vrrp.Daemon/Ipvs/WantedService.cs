using System.Collections.Immutable;
using Vrrp.Daemon.Configuration.Model;

namespace Vrrp.Daemon.Ipvs;

/// <summary>A real server's part in what is wanted of the table.</summary>
/// <param name="IsUp">Whether its checks let it serve.</param>
/// <param name="Weight">Weight in force.</param>
internal readonly record struct RealServerHealth(bool IsUp, int Weight);

/// <summary>A service with its destinations as they are wanted in the kernel.</summary>
internal sealed record WantedService(VirtualService Service, ImmutableArray<Destination> Destinations)
{
    /// <summary>Weight of a sorry server in use.</summary>
    private const int SorryWeight = 1;

    /// <summary>What a virtual server wants in the table: the same destinations for each of its services.</summary>
    /// <param name="server">Its configuration.</param>
    /// <param name="health">One entry for each real server, same order.</param>
    /// <param name="hasQuorum">Whether the live weight suffices.</param>
    public static IEnumerable<WantedService> Create(VirtualServer server, IReadOnlyList<RealServerHealth> health, bool hasQuorum)
    {
        foreach (var key in server.Services)
        {
            var service = new VirtualService
            {
                Key = key,
                Scheduler = server.Scheduler,
                Flags = server.Flags,
                PersistenceTimeout = server.PersistenceTimeout,
                PersistencePrefix = server.PersistencePrefix ?? (byte)(key.Family == IPFamily.IPv4 ? 32 : 128),
                PersistenceEngine = server.PersistenceEngine,
            };
            yield return new(service, [.. Choose(server, health, hasQuorum, key)]);
        }
    }

    private static IEnumerable<Destination> Choose(
        VirtualServer server, IReadOnlyList<RealServerHealth> health, bool hasQuorum, ServiceKey service)
    {
        // Without quorum servers go on serving, unless there is a sorry server to serve instead.
        bool isSorry = !hasQuorum && server.SorryServer is not null;
        for (int i = 0; i < server.RealServers.Length; i++)
        {
            var real = server.RealServers[i];
            bool serves = health[i].IsUp && !isSorry;
            if (!serves && !real.InhibitOnFailure)
                continue;
            yield return new()
            {
                Key = new(real.Address, PortFor(real.Port, real.Forwarding, service)),
                Forwarding = real.Forwarding,
                Weight = serves ? health[i].Weight : 0,
                UpperThreshold = real.UpperThreshold,
                LowerThreshold = real.LowerThreshold,
            };
        }

        if (server.SorryServer is { } sorry && (isSorry || sorry.Inhibit))
        {
            yield return new()
            {
                Key = new(sorry.Address, PortFor(sorry.Port, sorry.Forwarding, service)),
                Forwarding = sorry.Forwarding,
                Weight = isSorry ? SorryWeight : 0,
            };
        }
    }

    // Only NAT rewrites ports: by other methods a packet arrives at the port it was sent to.
    private static ushort PortFor(ushort port, Forwarding forwarding, ServiceKey service) =>
        forwarding.Method == ForwardingMethod.Masquerade ? port : service.Port;
}
