namespace Vrrp.Packets;

/// <summary>
/// Why a received packet was dropped: one value is one counter and one log message. The first failing check decides
/// (RFC 9568 §7.1, RFC 3768 §7.1 name the checks, in no order); a dropped packet changes neither state nor timers.
/// </summary>
public enum PacketRejection : byte
{
    /// <summary>Not dropped.</summary>
    None = 0,

    /// <summary>The source is not unicast, of another family, or over IPv6 not link-local. RFC 9568 §5.1.1.1, §5.1.2.1.</summary>
    BadSource,

    /// <summary>Multicast at a unicast router or the reverse, or another group than VRRP's. RFC 9568 §5.1.1.2, §5.1.2.2.</summary>
    WrongCastMode,

    /// <summary>The router checks sources, and this one is none of its unicast peers.</summary>
    NotAPeer,

    /// <summary>TTL or hop limit is not 255, outside the range of a unicast peer, or unknown. RFC 9568 §5.1.1.3, RFC 5082.</summary>
    HopLimit,

    /// <summary>Fewer octets than the fixed header of 8.</summary>
    TooShort,

    /// <summary>Version is neither 2 nor 3, is 2 over IPv6, or is not that of the virtual router. RFC 9568 §5.2.1.</summary>
    Version,

    /// <summary>Type is not 1, ADVERTISEMENT. RFC 9568 §5.2.2.</summary>
    Type,

    /// <summary>More or fewer octets than the version and the address count say. CARP and HMAC trailers end here.</summary>
    LengthMismatch,

    /// <summary>The checksum verifies in no form. RFC 9568 §5.2.8, RFC 3768 §5.3.8.</summary>
    Checksum,

    /// <summary>The checksum is wrong here but verifies in a form that the router does not take: the peer is set differently.</summary>
    ChecksumForm,

    /// <summary>The VRID is 0 or not configured on the interface for this family. RFC 9568 §7.1.</summary>
    UnknownVirtualRouterId,

    /// <summary>This router owns the addresses and heeds nobody. RFC 3768 §7.1; erratum 8298 lifts it for version 3.</summary>
    OwnerReceives,

    /// <summary>Version 2: the authentication type is none of RFC 2338 §5.3.6.</summary>
    InvalidAuthenticationType,

    /// <summary>Version 2: the authentication type is not the configured one. RFC 3768 §7.1.</summary>
    AuthenticationTypeMismatch,

    /// <summary>Version 2: another password. RFC 2338 §5.3.6.2.</summary>
    AuthenticationFailure,

    /// <summary>Version 2: not the configured interval (RFC 3768 §7.1). Version 3: 0 (erratum 8301).</summary>
    Interval,

    /// <summary>Version 3: no address. Erratum 8299 to RFC 9568 §5.2.5.</summary>
    AddressCountZero,

    /// <summary>IPv6: the first address is not link-local. Erratum 8300 to RFC 9568 §5.2.9.</summary>
    FirstAddressNotLinkLocal,

    /// <summary>Version 2, strict: other addresses than configured, sent by a router that does not own them. RFC 3768 §7.1.</summary>
    AddressList,
}
