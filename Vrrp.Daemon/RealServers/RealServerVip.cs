namespace Vrrp.Daemon.RealServers;

/// <summary>How the director's packets reach a real server that answers the client itself.</summary>
internal enum RealServerMode
{
    /// <summary>As they are, in a frame to its hardware address (<c>lvs_method DR</c>).</summary>
    DirectRoute,

    /// <summary>In an IP packet to its own address (<c>lvs_method TUN</c>).</summary>
    Tunnel,
}

/// <summary>A virtual address that a real server takes packets for, and never announces.</summary>
internal readonly record struct RealServerVip(IPAddressValue Address, RealServerMode Mode)
{
    public const string Loopback = "lo";

    /// <summary>The kernel's own tunnel device that takes packets from any peer, IPv4 in IPv4.</summary>
    public const string IPv4Tunnel = "tunl0";

    /// <summary>The same, IPv6 in IPv6.</summary>
    public const string IPv6Tunnel = "ip6tnl0";

    public bool IsIPv4 => Address.Family == IPFamily.IPv4;

    /// <summary>A whole address: a shorter prefix on lo would make all of its network local.</summary>
    public byte PrefixLength => IsIPv4 ? (byte)32 : (byte)128;

    /// <summary>Where the address belongs.</summary>
    public string Device => Mode == RealServerMode.DirectRoute ? Loopback : IsIPv4 ? IPv4Tunnel : IPv6Tunnel;

    /// <summary>The mode as the command line spells it.</summary>
    public static string NameOf(RealServerMode mode) => mode == RealServerMode.DirectRoute ? "dr" : "tun";

    /// <summary>Reads a mode; null when it is none.</summary>
    public static RealServerMode? ParseMode(string? text) => text?.ToUpperInvariant() switch
    {
        "DR" => RealServerMode.DirectRoute,
        "TUN" => RealServerMode.Tunnel,
        _ => null,
    };

    /// <summary>What is wrong with an address as a virtual one, as a clause; null: nothing.</summary>
    public static string? FindProblem(IPAddressValue address) => address switch
    {
        { IsUnspecified: true } => "it is no host's address",
        { IsMulticast: true } => "it is a multicast address",
        { IsIPv6LinkLocal: true } => "it is link-local, and clients come from elsewhere",
        _ when address == IPAddressValue.FromIPv4(uint.MaxValue) => "it is the broadcast address",
        _ when address.ToIPAddress().IsIPv4MappedToIPv6 => "it is an IPv4 address written as IPv6",
        _ when IsAutomatic(address) => "it is a loopback address",
        _ => null,
    };

    /// <summary>Whether the kernel gives a device such an address by itself.</summary>
    public static bool IsAutomatic(IPAddressValue address)
    {
        Span<byte> octets = stackalloc byte[16];
        address.Write(octets);
        return address.Family == IPFamily.IPv4
            ? octets[0] == 127
            : address.IsIPv6LinkLocal || (octets[15] == 1 && octets[..15].IndexOfAnyExcept((byte)0) < 0);
    }

    public override string ToString() => $"{Address}/{PrefixLength}";
}
