namespace Vrrp.Daemon.Ipvs;

/// <summary>A destination of a virtual service in the kernel: a real server's identity and settings.</summary>
internal sealed record Destination
{
    public required DestinationKey Key { get; init; }

    public required Forwarding Forwarding { get; init; }

    /// <summary>Share of new connections; 0: none, those that exist go on.</summary>
    public int Weight { get; init; } = 1;

    /// <summary>Connections from which the server gets no new ones; 0: no limit.</summary>
    public uint UpperThreshold { get; init; }

    /// <summary>Connections below which it gets new ones again; 0: three quarters of the upper one.</summary>
    public uint LowerThreshold { get; init; }
}
