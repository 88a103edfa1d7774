using System.Globalization;

namespace Vrrp.Daemon.Ipvs;

/// <summary>Transport of a virtual service, by its number in the IP header.</summary>
internal enum TransportProtocol : ushort
{
    /// <summary>A service by firewall mark has none.</summary>
    None = 0,
    Tcp = 6,
    Udp = 17,
    Sctp = 132,
}

/// <summary>What makes a virtual service this one: a firewall mark, or protocol, address and port. Two with equal keys are one service to the kernel.</summary>
/// <param name="Family">Address family; of a firewall mark too, for the kernel keeps one service a mark and family.</param>
/// <param name="Protocol"><see cref="TransportProtocol.None"/> for a firewall mark.</param>
/// <param name="Address">None for a firewall mark.</param>
/// <param name="Port">0: every port of the address, which wants persistence.</param>
/// <param name="FirewallMark">0: by address.</param>
internal readonly record struct ServiceKey(IPFamily Family, TransportProtocol Protocol, IPAddressValue Address, ushort Port, uint FirewallMark)
{
    public static ServiceKey ByAddress(TransportProtocol protocol, IPAddressValue address, ushort port) =>
        new(address.Family, protocol, address, port, 0);

    public static ServiceKey ByMark(uint mark, IPFamily family) => new(family, TransportProtocol.None, default, 0, mark);

    /// <summary>As keepalived's log and mails name it: <c>[10.0.0.1]:tcp:80</c>, <c>FWM 5</c>.</summary>
    public override string ToString() => FirewallMark != 0
        ? string.Create(CultureInfo.InvariantCulture, $"FWM {FirewallMark}{(Family == IPFamily.IPv6 ? " IPv6" : "")}")
        : string.Create(CultureInfo.InvariantCulture, $"[{Address}]:{ProtocolName(Protocol)}:{Port}");

    public static string ProtocolName(TransportProtocol protocol) => protocol switch
    {
        TransportProtocol.Tcp => "tcp",
        TransportProtocol.Udp => "udp",
        TransportProtocol.Sctp => "sctp",
        _ => "none",
    };
}

/// <summary>What makes a destination this one within its service.</summary>
/// <param name="Address">Address of the real server; its family may differ from the service's when it is tunnelled to.</param>
/// <param name="Port">Port; the service's own for direct routing and tunnels.</param>
internal readonly record struct DestinationKey(IPAddressValue Address, ushort Port)
{
    /// <summary>As keepalived's log and mails name a real server: <c>[10.0.0.2]:80</c>.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"[{Address}]:{Port}");
}
