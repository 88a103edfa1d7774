namespace Vrrp.Packets;

/// <summary>
/// A packet of protocol 112 as a link received it: what the IP header said, and the VRRP message behind it.
/// It borrows the link's buffer and lives only as long as the call that passes it.
/// </summary>
public readonly ref struct ReceivedPacket
{
    /// <summary>Source address of the IP header.</summary>
    public required IPAddressValue Source { get; init; }

    /// <summary>Destination address of the IP header: the group, or an address of this host.</summary>
    public required IPAddressValue Destination { get; init; }

    /// <summary>TTL or hop limit, 0–255; −1 when the link could not read it, which fails the check of RFC 9568 §5.1.1.3.</summary>
    public required int HopLimit { get; init; }

    /// <summary>The VRRP message: IP payload without options, extension headers or Ethernet padding.</summary>
    public required ReadOnlySpan<byte> Message { get; init; }
}
