namespace Vrrp.Daemon.Ipvs;

/// <summary>How packets reach a real server; the values are the kernel's (IP_VS_CONN_F_…).</summary>
internal enum ForwardingMethod : byte
{
    /// <summary>NAT: addresses are rewritten both ways, so replies pass the director.</summary>
    Masquerade = 0,

    /// <summary>Handed to a server process on the director itself.</summary>
    Local = 1,

    /// <summary>TUN: put into another packet; the real server replies by itself.</summary>
    Tunnel = 2,

    /// <summary>DR: sent to the real server's MAC address as it is; the real server replies by itself.</summary>
    DirectRoute = 3,
}

/// <summary>What a tunnelled packet is put into; the values are the kernel's.</summary>
internal enum TunnelType : byte
{
    IPIP = 0,
    Gue = 1,
    Gre = 2,
}

/// <summary>Checksum of the outer header; the values are the kernel's flags.</summary>
internal enum TunnelChecksum : ushort
{
    None = 0,
    Checksum = 1,

    /// <summary>GUE's remote checksum offload.</summary>
    Remote = 2,
}

/// <summary>Forwarding method with what a tunnel needs (<c>lb_kind</c>, <c>lvs_method</c>).</summary>
/// <param name="Method">The method.</param>
/// <param name="Tunnel">Kind of tunnel; of no meaning to other methods.</param>
/// <param name="TunnelPort">UDP port of GUE, else 0.</param>
/// <param name="Checksum">Checksum of GUE and GRE.</param>
internal readonly record struct Forwarding(
    ForwardingMethod Method, TunnelType Tunnel = TunnelType.IPIP, ushort TunnelPort = 0, TunnelChecksum Checksum = TunnelChecksum.None);
