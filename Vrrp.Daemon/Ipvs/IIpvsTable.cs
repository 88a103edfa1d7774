using System.Collections.Immutable;

namespace Vrrp.Daemon.Ipvs;

/// <summary>
/// The kernel's table of virtual services. Calls are answered by the kernel at once; one caller at a time. A refusal of one change is an
/// outcome; a table that cannot be reached at all is an <see cref="IpvsUnavailableException"/>.
/// </summary>
internal interface IIpvsTable : IDisposable
{
    /// <summary>Reads all services with their destinations, connection counts and 64-bit statistics.</summary>
    IpvsSnapshot Read();

    /// <summary>Reads one service. Null: the kernel has no such service.</summary>
    ServiceEntry? Read(ServiceKey service);

    /// <summary>Applies changes in their order, in few system calls. A refused one does not stop those behind it.</summary>
    /// <param name="changes">What to do.</param>
    /// <returns>One outcome for each, same order.</returns>
    ImmutableArray<IpvsOutcome> Apply(ImmutableArray<IpvsChange> changes);

    /// <summary>Removes every service, whoever made it.</summary>
    void Flush();

    /// <summary>Sets statistics to zero; of all services without a key.</summary>
    void Zero(ServiceKey? service);

    IpvsTimeouts ReadTimeouts();

    /// <summary>Sets those timeouts that are not null.</summary>
    void SetTimeouts(IpvsTimeouts timeouts);

    ImmutableArray<SyncDaemon> ReadSyncDaemons();

    void StartSyncDaemon(SyncDaemon daemon);

    /// <summary>Stops a synchronisation daemon; one that does not run is stopped already.</summary>
    void StopSyncDaemon(SyncDaemonRole role, byte id);
}

/// <summary>The table at one moment.</summary>
internal sealed record IpvsSnapshot(ImmutableArray<ServiceEntry> Services)
{
    public static IpvsSnapshot Empty { get; } = new([]);
}

/// <summary>A service as the kernel has it.</summary>
internal sealed record ServiceEntry(VirtualService Service, IpvsStatistics Statistics, ImmutableArray<DestinationEntry> Destinations);

/// <summary>A destination as the kernel has it.</summary>
/// <param name="Destination">Identity and settings.</param>
/// <param name="ActiveConnections">Established ones.</param>
/// <param name="InactiveConnections">Others that are remembered.</param>
/// <param name="PersistentConnections">Clients bound to it.</param>
/// <param name="Statistics">Counters and rates.</param>
internal sealed record DestinationEntry(
    Destination Destination, uint ActiveConnections, uint InactiveConnections, uint PersistentConnections, IpvsStatistics Statistics);

/// <summary>Counters since the entry was made or zeroed, and rates a second over the kernel's last few seconds.</summary>
internal readonly record struct IpvsStatistics(
    ulong Connections,
    ulong IncomingPackets,
    ulong OutgoingPackets,
    ulong IncomingBytes,
    ulong OutgoingBytes,
    ulong ConnectionRate,
    ulong IncomingPacketRate,
    ulong OutgoingPacketRate,
    ulong IncomingByteRate,
    ulong OutgoingByteRate);

/// <summary>How long the kernel remembers idle connections (<c>lvs_timeouts</c>), in seconds; null: as it is.</summary>
internal readonly record struct IpvsTimeouts(uint? Tcp, uint? TcpFin, uint? Udp);

/// <summary>The kernel's IPVS itself.</summary>
/// <param name="Version">Its version, an octet for each number: 0x010201 is 1.2.1.</param>
/// <param name="ConnectionTableSize">Hash buckets of the table of connections (conn_tab_bits).</param>
internal readonly record struct IpvsInfo(uint Version, uint ConnectionTableSize);

internal enum SyncDaemonRole : uint
{
    Master = 1,
    Backup = 2,
}

/// <summary>A daemon of the kernel that sends or takes the state of connections (<c>lvs_sync_daemon</c>).</summary>
/// <param name="Role">Whether it sends or takes.</param>
/// <param name="Interface">Where.</param>
/// <param name="Id">Both ends have the same, 0–255; 0: any.</param>
/// <param name="Group">Multicast group; none: the kernel's, 224.0.0.81.</param>
/// <param name="Port">UDP port; 0: the kernel's, 8848.</param>
/// <param name="Ttl">TTL of what it sends; 0: the kernel's, 1.</param>
/// <param name="MaximumLength">Largest message in octets; 0: what the interface's MTU gives.</param>
internal sealed record SyncDaemon(
    SyncDaemonRole Role, string Interface, byte Id, IPAddressValue Group = default, ushort Port = 0, byte Ttl = 0, ushort MaximumLength = 0);

internal enum IpvsChangeKind
{
    AddService,
    UpdateService,
    RemoveService,
    AddDestination,
    UpdateDestination,
    RemoveDestination,
}

/// <summary>One change of the table.</summary>
/// <param name="Kind">What to do.</param>
/// <param name="Service">The service, wholly for adding and updating it; else only its key counts.</param>
/// <param name="Destination">The destination, for the kinds that concern one; only its key counts for removing it.</param>
internal sealed record IpvsChange(IpvsChangeKind Kind, VirtualService Service, Destination? Destination = null);

/// <summary>What became of a change.</summary>
/// <param name="Error">The errno, 0 when done.</param>
/// <param name="Message">What is wrong as a sentence with the object it concerns; null when done.</param>
internal readonly record struct IpvsOutcome(int Error, string? Message);

/// <summary>The kernel has no IPVS, or does not let this process at it.</summary>
internal sealed class IpvsUnavailableException(string message, Exception? inner = null) : IOException(message, inner);
