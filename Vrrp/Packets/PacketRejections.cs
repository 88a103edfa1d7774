namespace Vrrp.Packets;

/// <summary>What management calls a <see cref="PacketRejection"/>, and what to tell an operator.</summary>
public static class PacketRejections
{
    /// <summary>Number of values including <see cref="PacketRejection.None"/>: the size of an array of counters.</summary>
    public const int Count = (int)PacketRejection.AddressList + 1;

    /// <summary>The counter of RFC 8347 (ietf-vrrp).</summary>
    /// <param name="rejection">The reason.</param>
    /// <returns>Name of the leaf, or null when the module has none.</returns>
    public static string? Rfc8347Counter(this PacketRejection rejection) => rejection switch
    {
        PacketRejection.HopLimit => "ip-ttl-errors",
        PacketRejection.TooShort or PacketRejection.LengthMismatch => "packet-length-errors",
        PacketRejection.Version => "version-errors",
        PacketRejection.Type => "invalid-type-pkts-rcvd",
        PacketRejection.Checksum or PacketRejection.ChecksumForm => "checksum-errors",
        PacketRejection.UnknownVirtualRouterId => "vrid-errors",
        PacketRejection.Interval => "interval-errors",
        PacketRejection.AddressCountZero or PacketRejection.FirstAddressNotLinkLocal or PacketRejection.AddressList =>
            "address-list-errors",
        _ => null,
    };

    /// <summary>The counter of RFC 2787, the MIB of version 2.</summary>
    /// <param name="rejection">The reason.</param>
    /// <returns>Name of the object, or null when the MIB has none.</returns>
    public static string? Rfc2787Counter(this PacketRejection rejection) => rejection switch
    {
        PacketRejection.HopLimit => "vrrpStatsIpTtlErrors",
        PacketRejection.TooShort or PacketRejection.LengthMismatch => "vrrpStatsPacketLengthErrors",
        PacketRejection.Version => "vrrpRouterVersionErrors",
        PacketRejection.Type => "vrrpStatsInvalidTypePktsRcvd",
        PacketRejection.Checksum or PacketRejection.ChecksumForm => "vrrpRouterChecksumErrors",
        PacketRejection.UnknownVirtualRouterId => "vrrpRouterVrIdErrors",
        PacketRejection.InvalidAuthenticationType => "vrrpStatsInvalidAuthType",
        PacketRejection.AuthenticationTypeMismatch => "vrrpStatsAuthTypeMismatch",
        PacketRejection.AuthenticationFailure => "vrrpStatsAuthFailures",
        PacketRejection.Interval => "vrrpStatsAdvertiseIntervalErrors",
        PacketRejection.AddressCountZero or PacketRejection.FirstAddressNotLinkLocal or PacketRejection.AddressList =>
            "vrrpStatsAddressListErrors",
        _ => null,
    };

    /// <summary>The counter of RFC 6527, the MIB of version 3.</summary>
    /// <param name="rejection">The reason.</param>
    /// <returns>Name of the object, or null when the MIB has none.</returns>
    public static string? Rfc6527Counter(this PacketRejection rejection) => rejection switch
    {
        PacketRejection.HopLimit => "vrrpv3StatisticsIpTtlErrors",
        PacketRejection.TooShort or PacketRejection.LengthMismatch => "vrrpv3StatisticsPacketLengthErrors",
        PacketRejection.Version => "vrrpv3RouterVersionErrors",
        PacketRejection.Type => "vrrpv3StatisticsRcvdInvalidTypePackets",
        PacketRejection.Checksum or PacketRejection.ChecksumForm => "vrrpv3RouterChecksumErrors",
        PacketRejection.UnknownVirtualRouterId => "vrrpv3RouterVrIdErrors",
        PacketRejection.Interval => "vrrpv3StatisticsAdvIntervalErrors",
        PacketRejection.AddressCountZero or PacketRejection.FirstAddressNotLinkLocal or PacketRejection.AddressList =>
            "vrrpv3StatisticsAddressListErrors",
        _ => null,
    };

    /// <summary>Whether the standard counter belongs to the node and not to one virtual router (RFC 8347 §3, global statistics).</summary>
    /// <param name="rejection">The reason.</param>
    /// <returns>Whether it is global.</returns>
    public static bool IsGlobal(this PacketRejection rejection) => rejection is PacketRejection.HopLimit or PacketRejection.Version
        or PacketRejection.Checksum or PacketRejection.ChecksumForm or PacketRejection.UnknownVirtualRouterId;

    /// <summary>One sentence for an operator, without a full stop: what is wrong and, where it is known, what to look at.</summary>
    /// <param name="rejection">The reason.</param>
    /// <returns>The sentence.</returns>
    public static string Describe(this PacketRejection rejection) => rejection switch
    {
        PacketRejection.None => "the packet was accepted",
        PacketRejection.BadSource => "the source address is not one that a router on this link can have",
        PacketRejection.WrongCastMode =>
            "the packet was multicast to a router set to unicast, or the reverse; compare unicast_peer on both sides",
        PacketRejection.NotAPeer => "the source is not among the configured unicast peers",
        PacketRejection.HopLimit => "the TTL or hop limit shows that the packet came from another link or an unexpected distance",
        PacketRejection.TooShort => "the packet is shorter than the 8 octets of a VRRP header",
        PacketRejection.Version => "the sender speaks another VRRP version than this virtual router",
        PacketRejection.Type => "the packet type is not ADVERTISEMENT",
        PacketRejection.LengthMismatch =>
            "the packet length does not fit its address count; another protocol such as CARP, or a trailer, may be in use",
        PacketRejection.Checksum => "the checksum is wrong",
        PacketRejection.ChecksumForm =>
            "the checksum was computed over another range than this virtual router takes; compare the checksum settings on both sides",
        PacketRejection.UnknownVirtualRouterId => "no virtual router with this VRID and address family is configured on the interface",
        PacketRejection.OwnerReceives => "this router owns the addresses, yet another router advertises them",
        PacketRejection.InvalidAuthenticationType => "the authentication type is unknown",
        PacketRejection.AuthenticationTypeMismatch => "the sender uses another authentication type than configured here",
        PacketRejection.AuthenticationFailure => "the password differs from the one configured here",
        PacketRejection.Interval => "the advertisement interval is zero or differs from the one configured here",
        PacketRejection.AddressCountZero => "the packet advertises no address",
        PacketRejection.FirstAddressNotLinkLocal => "the first IPv6 address of the packet is not link-local",
        PacketRejection.AddressList => "the packet advertises other addresses than configured here, and its sender does not own them",
        _ => "unknown reason",
    };
}
