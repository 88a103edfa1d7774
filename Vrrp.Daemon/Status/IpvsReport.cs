using System.Collections.Immutable;
using Vrrp.Daemon.Ipvs;

namespace Vrrp.Daemon.Status;

/// <summary>The kernel's table joined with what a daemon knows of its servers: what <c>vrrp ipvs</c> shows. Property names are a contract.</summary>
internal sealed record IpvsReport
{
    /// <summary>Version of the kernel's IPVS, as <c>1.2.1</c>.</summary>
    public required string Version { get; init; }

    /// <summary>Hash buckets of the table of connections.</summary>
    public required uint ConnectionTableSize { get; init; }

    public required TimeoutsReport Timeouts { get; init; }

    public required ImmutableArray<SyncDaemonReport> SyncDaemons { get; init; }

    public required HealthSource Health { get; init; }

    /// <summary>By protocol, address and port; firewall marks last.</summary>
    public required ImmutableArray<ServiceReport> Services { get; init; }

    /// <summary>Services that the daemon's configuration has and the kernel has not.</summary>
    public required ImmutableArray<MissingServiceReport> MissingServices { get; init; }

    /// <summary>Joins both.</summary>
    /// <param name="info">What the table is.</param>
    /// <param name="timeouts">Its timeouts.</param>
    /// <param name="syncDaemons">Its synchronisation daemons.</param>
    /// <param name="table">Its services.</param>
    /// <param name="health">Where health comes from, or why it is unknown.</param>
    /// <param name="director">What the daemon knows. Null: there is none.</param>
    public static IpvsReport Create(
        IpvsInfo info, IpvsTimeouts timeouts, IEnumerable<SyncDaemon> syncDaemons, IpvsSnapshot table, HealthSource health, DirectorReport? director)
    {
        var owners = new Dictionary<ServiceName, VirtualServerReport>();
        foreach (var server in director?.VirtualServers ?? [])
        {
            foreach (var service in server.Services)
                owners.TryAdd(service, server);
        }

        var services = table.Services
            .OrderBy(entry => entry.Service.Key.FirewallMark)
            .ThenBy(entry => entry.Service.Key.Protocol)
            .ThenBy(entry => entry.Service.Key.Family)
            .ThenBy(entry => entry.Service.Key.Address)
            .ThenBy(entry => entry.Service.Key.Port)
            .Select(entry => ServiceReport.Create(entry, owners.GetValueOrDefault(ServiceName.Of(entry.Service.Key)), director is not null))
            .ToImmutableArray();
        var present = services.Select(service => service.Name).ToHashSet();
        return new()
        {
            Version = FormattableString.Invariant($"{info.Version >> 16 & 0xFF}.{info.Version >> 8 & 0xFF}.{info.Version & 0xFF}"),
            ConnectionTableSize = info.ConnectionTableSize,
            Timeouts = new() { Tcp = timeouts.Tcp, TcpFin = timeouts.TcpFin, Udp = timeouts.Udp },
            SyncDaemons = [.. syncDaemons.OrderBy(daemon => daemon.Role).Select(SyncDaemonReport.Create)],
            Health = health,
            Services = services,
            MissingServices =
            [
                .. (director?.VirtualServers ?? []).SelectMany(server => server.Services
                    .Where(name => !present.Contains(name))
                    .Select(name => new MissingServiceReport { Name = name, VirtualServer = server.Name })),
            ],
        };
    }
}

/// <summary>Where health comes from.</summary>
internal sealed record HealthSource
{
    /// <summary>The daemon's status socket. Null: none was asked.</summary>
    public required string? Socket { get; init; }

    /// <summary>The daemon. Null: none answered.</summary>
    public required int? ProcessId { get; init; }

    /// <summary>Why health is unknown, or what keeps the daemon from the table. Null: nothing does.</summary>
    public required string? Problem { get; init; }
}

/// <summary>How long the kernel remembers idle connections, in seconds.</summary>
internal sealed record TimeoutsReport
{
    public required uint? Tcp { get; init; }

    public required uint? TcpFin { get; init; }

    public required uint? Udp { get; init; }
}

/// <summary>A synchronisation daemon of the kernel.</summary>
internal sealed record SyncDaemonReport
{
    /// <summary><c>master</c> sends, <c>backup</c> takes.</summary>
    public required string Role { get; init; }

    public required string Interface { get; init; }

    public required int Id { get; init; }

    /// <summary>Largest message in octets.</summary>
    public required int MaximumLength { get; init; }

    public required string? Group { get; init; }

    public required int Port { get; init; }

    public required int Ttl { get; init; }

    public static SyncDaemonReport Create(SyncDaemon daemon) => new()
    {
        Role = daemon.Role == SyncDaemonRole.Master ? "master" : "backup",
        Interface = daemon.Interface,
        Id = daemon.Id,
        MaximumLength = daemon.MaximumLength,
        Group = ReportText.Address(daemon.Group),
        Port = daemon.Port,
        Ttl = daemon.Ttl,
    };
}

/// <summary>A service that is configured and not in the kernel.</summary>
internal sealed record MissingServiceReport
{
    public required ServiceName Name { get; init; }

    public required string VirtualServer { get; init; }
}

/// <summary>Counters since the entry was made or zeroed.</summary>
internal sealed record CountersReport
{
    public required ulong Connections { get; init; }

    public required ulong IncomingPackets { get; init; }

    public required ulong OutgoingPackets { get; init; }

    public required ulong IncomingBytes { get; init; }

    public required ulong OutgoingBytes { get; init; }

    public static CountersReport OfTotals(IpvsStatistics statistics) => new()
    {
        Connections = statistics.Connections,
        IncomingPackets = statistics.IncomingPackets,
        OutgoingPackets = statistics.OutgoingPackets,
        IncomingBytes = statistics.IncomingBytes,
        OutgoingBytes = statistics.OutgoingBytes,
    };

    /// <summary>The same a second, over the kernel's last few seconds.</summary>
    public static CountersReport OfRates(IpvsStatistics statistics) => new()
    {
        Connections = statistics.ConnectionRate,
        IncomingPackets = statistics.IncomingPacketRate,
        OutgoingPackets = statistics.OutgoingPacketRate,
        IncomingBytes = statistics.IncomingByteRate,
        OutgoingBytes = statistics.OutgoingByteRate,
    };
}

/// <summary>A service of the kernel.</summary>
internal sealed record ServiceReport
{
    public required ServiceName Name { get; init; }

    public required string Scheduler { get; init; }

    /// <summary><c>ops</c> and the scheduler's <c>flag-1</c> to <c>flag-3</c>.</summary>
    public required ImmutableArray<string> Flags { get; init; }

    /// <summary>Seconds. Null: not persistent.</summary>
    public required uint? PersistenceTimeout { get; init; }

    /// <summary>Prefix length by which clients are taken for one. Null: not persistent.</summary>
    public required int? PersistencePrefix { get; init; }

    public required string? PersistenceEngine { get; init; }

    public required CountersReport Totals { get; init; }

    /// <summary>A second.</summary>
    public required CountersReport Rates { get; init; }

    /// <summary>The daemon's virtual server. Null: it has none for this service, or no daemon was asked.</summary>
    public required string? VirtualServer { get; init; }

    public required bool? HasQuorum { get; init; }

    public required uint? Quorum { get; init; }

    public required long? LiveWeight { get; init; }

    /// <summary>By address and port.</summary>
    public required ImmutableArray<DestinationReport> Destinations { get; init; }

    /// <summary>Servers that the daemon knows and the kernel has not: those that are down.</summary>
    public required ImmutableArray<DestinationHealth> AbsentServers { get; init; }

    public static ServiceReport Create(ServiceEntry entry, VirtualServerReport? owner, bool hasDaemon)
    {
        var service = entry.Service;
        bool isPersistent = service.Flags.HasFlag(ServiceFlags.Persistent);
        var known = (owner?.RealServers ?? [])
            .Select(real => DestinationHealth.Of(real, service.Key.Port))
            .Concat(owner?.SorryServer is { } sorry ? [DestinationHealth.Of(sorry, service.Key.Port)] : [])
            .ToList();
        var byKey = known.GroupBy(health => (health.Address, health.Port)).ToDictionary(group => group.Key, group => group.First());
        DestinationReport[] destinations =
        [
            .. entry.Destinations
                .OrderBy(destination => destination.Destination.Key.Address)
                .ThenBy(destination => destination.Destination.Key.Port)
                .Select(destination => DestinationReport.Create(
                    destination,
                    byKey.GetValueOrDefault((destination.Destination.Key.Address.ToString(), destination.Destination.Key.Port)),
                    hasDaemon)),
        ];
        var present = destinations.Select(destination => (destination.Address, destination.Port)).ToHashSet();
        return new()
        {
            Name = ServiceName.Of(service.Key),
            Scheduler = service.Scheduler,
            Flags = [.. FlagNames(service.Flags)],
            PersistenceTimeout = isPersistent ? service.PersistenceTimeout : null,
            PersistencePrefix = isPersistent ? service.PersistencePrefix : null,
            PersistenceEngine = service.PersistenceEngine,
            Totals = CountersReport.OfTotals(entry.Statistics),
            Rates = CountersReport.OfRates(entry.Statistics),
            VirtualServer = owner?.Name,
            HasQuorum = owner?.HasQuorum,
            Quorum = owner?.Quorum,
            LiveWeight = owner?.LiveWeight,
            Destinations = [.. destinations],
            AbsentServers = [.. known.Where(health => !present.Contains((health.Address, health.Port)) && health.State != DestinationHealth.Sorry)],
        };
    }

    private static IEnumerable<string> FlagNames(ServiceFlags flags)
    {
        if (flags.HasFlag(ServiceFlags.OnePacket))
            yield return "ops";
        if (flags.HasFlag(ServiceFlags.Scheduler1))
            yield return "flag-1";
        if (flags.HasFlag(ServiceFlags.Scheduler2))
            yield return "flag-2";
        if (flags.HasFlag(ServiceFlags.Scheduler3))
            yield return "flag-3";
    }
}

/// <summary>A destination of the kernel.</summary>
internal sealed record DestinationReport
{
    public required string Address { get; init; }

    public required int Port { get; init; }

    /// <summary><c>masq</c>, <c>route</c>, <c>tunnel</c> or <c>local</c>.</summary>
    public required string Forwarding { get; init; }

    /// <summary><c>ipip</c>, <c>gre</c> or <c>gue</c>. Null: not tunnelled to.</summary>
    public required string? Tunnel { get; init; }

    /// <summary>UDP port of a gue tunnel.</summary>
    public required int? TunnelPort { get; init; }

    /// <summary><c>csum</c> or <c>remcsum</c>. Null: none.</summary>
    public required string? TunnelChecksum { get; init; }

    public required int Weight { get; init; }

    /// <summary>0: none.</summary>
    public required uint UpperThreshold { get; init; }

    /// <summary>0: none.</summary>
    public required uint LowerThreshold { get; init; }

    public required uint ActiveConnections { get; init; }

    public required uint InactiveConnections { get; init; }

    public required uint PersistentConnections { get; init; }

    public required CountersReport Totals { get; init; }

    /// <summary>A second.</summary>
    public required CountersReport Rates { get; init; }

    public required DestinationHealth Health { get; init; }

    public static DestinationReport Create(DestinationEntry entry, DestinationHealth? health, bool hasDaemon)
    {
        var destination = entry.Destination;
        var forwarding = destination.Forwarding;
        bool isTunnel = forwarding.Method == ForwardingMethod.Tunnel;
        string address = destination.Key.Address.ToString();
        return new()
        {
            Address = address,
            Port = destination.Key.Port,
            Forwarding = ReportText.Forwarding(forwarding.Method),
            Tunnel = isTunnel ? ReportText.Tunnel(forwarding.Tunnel) : null,
            TunnelPort = isTunnel && forwarding.Tunnel == TunnelType.Gue ? forwarding.TunnelPort : null,
            TunnelChecksum = isTunnel ? ReportText.Checksum(forwarding.Checksum) : null,
            Weight = destination.Weight,
            UpperThreshold = destination.UpperThreshold,
            LowerThreshold = destination.LowerThreshold,
            ActiveConnections = entry.ActiveConnections,
            InactiveConnections = entry.InactiveConnections,
            PersistentConnections = entry.PersistentConnections,
            Totals = CountersReport.OfTotals(entry.Statistics),
            Rates = CountersReport.OfRates(entry.Statistics),
            Health = health ?? new()
            {
                State = hasDaemon ? DestinationHealth.Foreign : DestinationHealth.Unknown,
                Address = address,
                Port = destination.Key.Port,
            },
        };
    }
}

/// <summary>What a daemon knows of a destination.</summary>
internal sealed record DestinationHealth
{
    public const string Unknown = "unknown";
    public const string Foreign = "foreign";
    public const string Sorry = "sorry";
    public const string Up = "up";
    public const string Down = "down";

    /// <summary>
    /// <c>up</c>, <c>down</c>; <c>sorry</c>: the sorry server, which nothing checks; <c>foreign</c>: the daemon's configuration has no such
    /// server; <c>unknown</c>: no daemon was asked.
    /// </summary>
    public required string State { get; init; }

    public required string Address { get; init; }

    /// <summary>In the table.</summary>
    public required int Port { get; init; }

    /// <summary>Since when it is up or down. Null: nothing checks it, or it is unknown.</summary>
    public DateTimeOffset? Since { get; init; }

    public ImmutableArray<CheckReport> Checks { get; init; } = [];

    public static DestinationHealth Of(RealServerReport real, int servicePort) => new()
    {
        State = real.IsUp ? Up : Down,
        Address = real.Address,
        Port = PortOf(real.Forwarding, real.Port, servicePort),
        Since = real.Since,
        Checks = real.Checks,
    };

    public static DestinationHealth Of(SorryServerReport sorry, int servicePort) => new()
    {
        State = Sorry,
        Address = sorry.Address,
        Port = PortOf(sorry.Forwarding, sorry.Port, servicePort),
    };

    // As the director puts it into the table: only NAT rewrites ports.
    private static int PortOf(string forwarding, int port, int servicePort) => forwarding == ReportText.Masquerade ? port : servicePort;
}
