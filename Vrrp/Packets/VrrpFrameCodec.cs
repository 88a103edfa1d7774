namespace Vrrp.Packets;

/// <summary>The codec of RFC 9568, RFC 5798 and RFC 3768: <see cref="VrrpPacket"/> behind the interface. It has no state.</summary>
public sealed class VrrpFrameCodec : IFrameCodec
{
    /// <inheritdoc/>
    public bool TryPeekVirtualRouterId(in ReceivedPacket packet, out byte virtualRouterId) =>
        VrrpPacket.TryPeekVirtualRouterId(packet.Message, out virtualRouterId);

    /// <inheritdoc/>
    public PacketRejection Read(scoped in ReceivedPacket packet, IPFamily family, ReceptionRules? rules, out Advertisement advertisement) =>
        VrrpPacket.Read(packet, family, rules, out advertisement);

    /// <inheritdoc/>
    public int Write(in AdvertisementContent content, IPAddressValue source, IPAddressValue destination, Span<byte> buffer) =>
        VrrpPacket.Write(content, source, destination, buffer);
}
