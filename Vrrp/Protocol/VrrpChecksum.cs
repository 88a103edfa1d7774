namespace Vrrp;

/// <summary>
/// What the checksum of a version 3 advertisement over IPv4 covers. Both forms are accepted on reception; this selects the one sent.
/// </summary>
public enum VrrpChecksum : byte
{
    /// <summary>An IPv4 pseudo-header and the message: what keepalived and FRR send and expect. The default.</summary>
    WithPseudoHeader = 0,

    /// <summary>The message alone, as RFC 9568 §5.2.8 has it (keepalived: <c>v3_checksum_as_v2</c>).</summary>
    MessageOnly = 1,

    /// <summary>A pseudo-header that names 224.0.0.18 although the packet goes to a unicast peer: keepalived up to 1.3.6.</summary>
    WithMulticastPseudoHeader = 2,
}
