using System.Buffers.Binary;
using Vrrp.Links;
using Vrrp.Packets;

namespace Vrrp.Simulation;

/// <summary>The sockets of one interface and family: what the engine sends until it flushes, and what waits to be received.</summary>
internal sealed class SimulatedLink(SimulatedPlatform platform, int interfaceIndex, IPFamily family) : IVrrpLink
{
    /// <summary>Where an ARP frame has the sender's address and a neighbour advertisement its target.</summary>
    private const int ArpAddress = 28;
    private const int NeighborAddress = 62;

    private readonly List<(int Token, SimulatedPacket Packet)> _adverts = [];
    private readonly List<(int Token, IPAddressValue Address, string VirtualRouter)> _frames = [];
    private readonly Queue<SimulatedPacket> _incoming = new();
    private readonly List<IPAddressValue> _groups = [];

    public int InterfaceIndex => interfaceIndex;

    public IPFamily Family => family;

    public int Descriptor => -1;

    public int WaitingCount => _incoming.Count;

    public IReadOnlyList<IPAddressValue> Groups => _groups;

    public void JoinGroup(IPAddressValue group)
    {
        if (!_groups.Contains(group))
            _groups.Add(group);
    }

    public bool HasJoined(IPAddressValue group) => _groups.Contains(group);

    /// <summary>A packet reaches the socket; false when the socket is full.</summary>
    public bool Arrive(SimulatedPacket packet)
    {
        if (_incoming.Count >= platform.SocketCapacity)
            return false;
        packet.References++;
        _incoming.Enqueue(packet);
        return true;
    }

    public int Receive(IPacketSink sink, int limit)
    {
        int count = 0;
        while (count < limit && _incoming.TryDequeue(out var packet))
        {
            count++;
            platform.ReceivedCount++;
            sink.PacketReceived(
                this,
                new() { Source = packet.Source, Destination = packet.Destination, HopLimit = packet.HopLimit, Message = packet.Message });
            platform.Packets.Release(packet);
        }

        return count;
    }

    public void SendAdvertisement(int token, IPAddressValue source, IPAddressValue destination, byte hopLimit, ReadOnlySpan<byte> message)
    {
        var packet = platform.Packets.Rent();
        packet.Family = family;
        packet.Source = source;
        packet.Destination = destination;
        packet.HopLimit = hopLimit;
        packet.Message = message;
        packet.VirtualRouter = platform.Host.NameOf(token);
        _adverts.Add((token, packet));
    }

    public void SendFrame(int token, ReadOnlySpan<byte> frame)
    {
        bool isArp = BinaryPrimitives.ReadUInt16BigEndian(frame[12..]) == 0x0806;
        var address = isArp ? IPAddressValue.Read(frame.Slice(ArpAddress, 4)) : IPAddressValue.Read(frame.Slice(NeighborAddress, 16));
        _frames.Add((token, address, platform.Host.NameOf(~token)));
    }

    public void Flush(ISendFailureSink sink)
    {
        if (_adverts.Count + _frames.Count == 0)
            return;
        var at = platform.Find(interfaceIndex);
        int failure = platform.AdvertisementError != 0 ? platform.AdvertisementError : Failure(at);
        for (int i = 0; i < _adverts.Count; i++)
        {
            var (token, packet) = _adverts[i];
            if (failure != 0)
                sink.SendFailed(token, failure);
            else
                Send(at!, i, packet);
            platform.Packets.Release(packet);
        }

        _adverts.Clear();
        failure = platform.FrameError != 0 ? platform.FrameError : Failure(at);
        for (int i = 0; i < _frames.Count; i++)
        {
            var (token, address, virtualRouter) = _frames[i];
            if (failure != 0)
            {
                sink.SendFailed(token, failure);
                continue;
            }

            platform.Operate();
            platform.Host.Announced(at!, address, virtualRouter);
        }

        _frames.Clear();
    }

    private void Send(SimulatedInterface at, int index, SimulatedPacket packet)
    {
        try
        {
            platform.Operate();
        }
        catch (SimulatedCrashException)
        {
            // Those before it have left and are no longer this link's.
            _adverts.RemoveRange(0, index);
            throw;
        }

        platform.Host.Sent(at, packet);
    }

    /// <summary>The sockets are closed: by the engine, or by the kernel because the process is gone.</summary>
    public void Close()
    {
        while (_incoming.TryDequeue(out var packet))
            platform.Packets.Release(packet);
        foreach (var (_, packet) in _adverts)
            platform.Packets.Release(packet);
        _adverts.Clear();
        _frames.Clear();
    }

    public void Dispose() => platform.Close(this);

    private static int Failure(SimulatedInterface? at) => at is null ? Linux.Errno.ENODEV : at.IsEnabled ? 0 : Linux.Errno.ENETDOWN;
}
