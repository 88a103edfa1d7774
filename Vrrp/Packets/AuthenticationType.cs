namespace Vrrp.Packets;

/// <summary>
/// Authentication of version 2, by its value on the wire. RFC 2338 §5.3.6; RFC 3768 reserves all but 0, version 3 has none.
/// </summary>
public enum AuthenticationType : byte
{
    /// <summary>None: the authentication data is sent as zeros and ignored on reception. The default.</summary>
    None = 0,

    /// <summary>
    /// A password of up to 8 octets in clear (keepalived: <c>auth_type PASS</c>). Guards against mistakes, not against attackers.
    /// </summary>
    SimplePassword = 1,
}
