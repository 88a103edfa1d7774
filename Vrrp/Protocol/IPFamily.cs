namespace Vrrp;

/// <summary>The address family of a virtual router. One VRID may be used once for each family of an interface.</summary>
public enum IPFamily : byte
{
    /// <summary>Internet Protocol version 4.</summary>
    IPv4 = 4,

    /// <summary>Internet Protocol version 6.</summary>
    IPv6 = 6,
}
