namespace Vrrp;

/// <summary>The protocol version a virtual router speaks. One virtual router speaks one version.</summary>
public enum VrrpVersion : byte
{
    /// <summary>RFC 3768, IPv4 only, whole seconds, with RFC 2338's simple password.</summary>
    V2 = 2,

    /// <summary>RFC 9568 (and 5798), IPv4 and IPv6, centiseconds, no authentication.</summary>
    V3 = 3,
}
