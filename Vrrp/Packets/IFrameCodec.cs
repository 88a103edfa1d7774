namespace Vrrp.Packets;

/// <summary>Turns received messages into advertisements and the other way. <see cref="VrrpFrameCodec"/> is the one of the RFCs.</summary>
public interface IFrameCodec
{
    /// <summary>Reads the octet that names the virtual router, before anything is checked, to find the rules.</summary>
    /// <param name="packet">The packet.</param>
    /// <param name="virtualRouterId">The octet, 0–255.</param>
    /// <returns>False if the message is too short to have it.</returns>
    bool TryPeekVirtualRouterId(in ReceivedPacket packet, out byte virtualRouterId);

    /// <summary>Checks and parses a packet. Never throws for what a packet contains, and allocates nothing.</summary>
    /// <param name="packet">The packet.</param>
    /// <param name="family">The family of the link it came in on.</param>
    /// <param name="rules">Rules of the virtual router that <see cref="TryPeekVirtualRouterId"/> names; null if there is none.</param>
    /// <param name="advertisement">
    /// The advertisement. After a rejection it holds the packet's claims, for the log, if the checksum verified; else its default value.
    /// </param>
    /// <returns><see cref="PacketRejection.None"/>, or the first check that failed.</returns>
    PacketRejection Read(scoped in ReceivedPacket packet, IPFamily family, ReceptionRules? rules, out Advertisement advertisement);

    /// <summary>Writes a message with its checksum.</summary>
    /// <param name="content">What it says.</param>
    /// <param name="source">Source address of the packet; part of some checksums.</param>
    /// <param name="destination">The group or the peer; part of some checksums.</param>
    /// <param name="buffer">Room for the message.</param>
    /// <returns>Octets written.</returns>
    /// <exception cref="ArgumentException">The content cannot be written in its version, or the buffer is too small.</exception>
    int Write(in AdvertisementContent content, IPAddressValue source, IPAddressValue destination, Span<byte> buffer);
}
