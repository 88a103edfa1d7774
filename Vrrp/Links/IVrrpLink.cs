using Vrrp.Packets;

namespace Vrrp.Links;

/// <summary>
/// Sends and receives on one interface for one address family. Knows nothing of VRRP state; all calls come from the engine's thread.
/// What is sent may be queued until <see cref="Flush"/>, so that a turn of the engine costs few system calls.
/// </summary>
public interface IVrrpLink : IDisposable
{
    /// <summary>Index of the interface.</summary>
    int InterfaceIndex { get; }

    /// <summary>The address family.</summary>
    IPFamily Family { get; }

    /// <summary>Descriptor that polls readable when a packet waits, or −1 when the link wakes its owner by other means.</summary>
    int Descriptor { get; }

    /// <summary>Joins a multicast group on the interface. Joining twice is one membership; it ends with the link.</summary>
    /// <param name="group">The group.</param>
    /// <exception cref="Linux.LinuxException">The kernel refused.</exception>
    void JoinGroup(IPAddressValue group);

    /// <summary>Hands waiting packets to <paramref name="sink"/>, at most <paramref name="limit"/> of them, without waiting.</summary>
    /// <param name="sink">Called for each packet.</param>
    /// <param name="limit">Upper bound, so that a flood cannot hold up deadlines.</param>
    /// <returns>How many packets were handed over; fewer than <paramref name="limit"/> means none waits.</returns>
    int Receive(IPacketSink sink, int limit);

    /// <summary>Sends one VRRP message with protocol 112.</summary>
    /// <param name="token">Returned to the sink of <see cref="Flush"/> if this packet fails.</param>
    /// <param name="source">Source address of the IP header.</param>
    /// <param name="destination">Group or peer.</param>
    /// <param name="hopLimit">TTL or hop limit; 255 except to distant unicast peers.</param>
    /// <param name="message">The message with its checksum.</param>
    void SendAdvertisement(int token, IPAddressValue source, IPAddressValue destination, byte hopLimit, ReadOnlySpan<byte> message);

    /// <summary>Sends a whole Ethernet frame: gratuitous ARP or unsolicited neighbour advertisement.</summary>
    /// <param name="token">Returned to the sink of <see cref="Flush"/> if this frame fails.</param>
    /// <param name="frame">The frame without FCS.</param>
    void SendFrame(int token, ReadOnlySpan<byte> frame);

    /// <summary>Sends what is queued, adverts before frames. Reports failures; never throws for them and never waits.</summary>
    /// <param name="sink">Told of each packet that was not sent.</param>
    void Flush(ISendFailureSink sink);
}

/// <summary>Takes the packets of a link.</summary>
public interface IPacketSink
{
    /// <summary>One packet of protocol 112.</summary>
    /// <param name="link">The link it came in on.</param>
    /// <param name="packet">The packet; valid during the call.</param>
    void PacketReceived(IVrrpLink link, in ReceivedPacket packet);
}

/// <summary>Takes the failures of sending.</summary>
public interface ISendFailureSink
{
    /// <summary>A packet was not sent.</summary>
    /// <param name="token">The token it was given.</param>
    /// <param name="errno">The errno.</param>
    void SendFailed(int token, int errno);
}
