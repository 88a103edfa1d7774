using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using Vrrp.Linux;
using Vrrp.Packets;
using static Vrrp.Linux.NativeMethods;
using static Vrrp.Linux.SocketNumbers;

namespace Vrrp.Links;

/// <summary>
/// One interface and family on Linux: a raw socket of protocol 112 that is bound to the interface, and a packet socket for whole frames.
/// All virtual routers of the interface share it. Receiving and sending allocate nothing.
/// </summary>
public sealed unsafe class LinuxVrrpLink : IVrrpLink
{
    private const int IPv4HeaderLength = 20;

    // RFC 9568 has no word on it; all implementations send routing protocols as internetwork control, precedence 6.
    private const byte InternetworkControl = 0xC0;
    private const int ReceiveBuffer = 4 * 1024 * 1024;

    private readonly string _name;
    private readonly int _raw = -1;
    private readonly int _packet = -1;
    private readonly ReceiveBatch _received;
    private readonly SendQueue _adverts;
    private readonly SendQueue _frames;
    private readonly List<SendFailure> _failures = new(2 * SendQueue.Slots);
    private readonly List<IPAddressValue> _groups = [];
    private ushort _identification;
    private bool _disposed;

    /// <summary>Opens the sockets in the calling thread's network namespace.</summary>
    /// <param name="facts">The interface.</param>
    /// <param name="family">The family.</param>
    /// <exception cref="LinuxException">CAP_NET_RAW is missing, or the interface is gone.</exception>
    public LinuxVrrpLink(InterfaceFacts facts, IPFamily family)
    {
        ArgumentNullException.ThrowIfNull(facts);
        if (family is not (IPFamily.IPv4 or IPFamily.IPv6))
            throw new ArgumentOutOfRangeException(nameof(family));
        _name = facts.Name;
        InterfaceIndex = facts.Index;
        Family = family;
        try
        {
            _raw = Open(family == IPFamily.IPv4 ? AF_INET : AF_INET6, IPPROTO_VRRP, "raw");
            BindToInterface();
            if (family == IPFamily.IPv4)
                PrepareIPv4();
            else
                PrepareIPv6();
            // Protocol 0: it sends, and the kernel copies nothing to it.
            _packet = Open(AF_PACKET, 0, "packet");
            foreach (int descriptor in (ReadOnlySpan<int>)[_raw, _packet])
            {
                // 7 is TC_PRIO_CONTROL and needs CAP_NET_ADMIN; without it, 6 is the highest.
                if (!TrySet(descriptor, SOL_SOCKET, SO_PRIORITY, 7))
                    _ = TrySet(descriptor, SOL_SOCKET, SO_PRIORITY, 6);
            }

            if (!TrySet(_raw, SOL_SOCKET, SO_RCVBUFFORCE, ReceiveBuffer))
                _ = TrySet(_raw, SOL_SOCKET, SO_RCVBUF, ReceiveBuffer);
        }
        catch
        {
            CloseSockets();
            throw;
        }

        _received = new();
        _adverts = family == IPFamily.IPv4
            ? new((uint)sizeof(SocketAddressIPv4), 0)
            : new((uint)sizeof(SocketAddressIPv6), (uint)sizeof(SendControlIPv6));
        _frames = new((uint)sizeof(SocketAddressPacket), 0);
    }

    // A link without sockets; see Rehearsal.
    private LinuxVrrpLink(int interfaceIndex, IPFamily family)
    {
        _name = "";
        InterfaceIndex = interfaceIndex;
        Family = family;
        _received = new();
        _adverts = family == IPFamily.IPv4
            ? new((uint)sizeof(SocketAddressIPv4), 0)
            : new((uint)sizeof(SocketAddressIPv6), (uint)sizeof(SendControlIPv6));
        _frames = new((uint)sizeof(SocketAddressPacket), 0);
    }

    /// <summary>A link that goes through every motion of sending and sends to no socket: what runs before the first takeover.</summary>
    internal static LinuxVrrpLink Rehearsal(int interfaceIndex, IPFamily family) => new(interfaceIndex, family);

    /// <inheritdoc/>
    public int InterfaceIndex { get; }

    /// <inheritdoc/>
    public IPFamily Family { get; }

    /// <inheritdoc/>
    public int Descriptor => _raw;

    /// <inheritdoc/>
    public void JoinGroup(IPAddressValue group)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (group.Family != Family || !group.IsMulticast)
            throw new ArgumentException($"'{group}' is no multicast group of {Family}.", nameof(group));
        if (_raw < 0)
            return;
        int result;
        if (Family == IPFamily.IPv4)
        {
            GroupRequestIPv4 request = new() { Index = InterfaceIndex };
            group.Write(new(request.Group, 4));
            result = SetSockOpt(_raw, SOL_IP, IP_ADD_MEMBERSHIP, &request, (uint)sizeof(GroupRequestIPv4));
        }
        else
        {
            GroupRequestIPv6 request = new() { Index = InterfaceIndex };
            group.Write(new(request.Group, 16));
            result = SetSockOpt(_raw, SOL_IPV6, IPV6_JOIN_GROUP, &request, (uint)sizeof(GroupRequestIPv6));
        }

        // EADDRINUSE: a member already.
        if (result < 0 && Errno.Last != Errno.EADDRINUSE)
            throw new LinuxException($"join {group} on {_name}", Errno.Last);
        if (!_groups.Contains(group))
            _groups.Add(group);
    }

    /// <inheritdoc/>
    public int Receive(IPacketSink sink, int limit)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        ArgumentNullException.ThrowIfNull(sink);
        int taken = 0;
        while (taken < limit)
        {
            int wanted = Math.Min(limit - taken, ReceiveBatch.Slots);
            int count = _received.Receive(_raw, wanted);
            for (int i = 0; i < count; i++)
                Pass(sink, i);

            taken += count;
            if (count < wanted)
                break;
        }

        return taken;
    }

    /// <inheritdoc/>
    public void SendAdvertisement(int token, IPAddressValue source, IPAddressValue destination, byte hopLimit, ReadOnlySpan<byte> message)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (source.Family != Family || destination.Family != Family)
            throw new ArgumentException($"This link is for {Family}.", nameof(destination));
        int length = message.Length + (Family == IPFamily.IPv4 ? IPv4HeaderLength : 0);
        if (length > ushort.MaxValue || !SendQueue.CanHold(length))
            throw new ArgumentException("The message is longer than a packet.", nameof(message));
        if (!_adverts.HasRoom(length))
            SendQueued();
        var packet = _adverts.Append(token, length, out var name, out var control);
        if (Family == IPFamily.IPv4)
        {
            WriteIPv4Header(packet, source, destination, hopLimit);
            message.CopyTo(packet[IPv4HeaderLength..]);
            SocketAddressIPv4 address = new() { Family = AF_INET };
            destination.Write(new(address.Address, 4));
            MemoryMarshal.Write(name, address);
        }
        else
        {
            message.CopyTo(packet);
            SocketAddressIPv6 address = new() { Family = AF_INET6, Scope = InterfaceIndex };
            destination.Write(new(address.Address, 16));
            MemoryMarshal.Write(name, address);
            WriteControlIPv6(control, source, hopLimit);
        }
    }

    /// <inheritdoc/>
    public void SendFrame(int token, ReadOnlySpan<byte> frame)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (frame.Length < 14 || !SendQueue.CanHold(frame.Length))
            throw new ArgumentException("A frame has an Ethernet header and is no longer than the largest packet.", nameof(frame));
        if (!_frames.HasRoom(frame.Length))
            SendQueued();
        frame.CopyTo(_frames.Append(token, frame.Length, out var name, out _));
        SocketAddressPacket address = new() { Family = AF_PACKET, Index = InterfaceIndex, HardwareAddressLength = MacAddress.Length };
        frame.Slice(12, 2).CopyTo(new(&address.Protocol, 2));
        frame[..MacAddress.Length].CopyTo(new(address.HardwareAddress, 8));
        MemoryMarshal.Write(name, address);
    }

    /// <inheritdoc/>
    public void Flush(ISendFailureSink sink)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        ArgumentNullException.ThrowIfNull(sink);
        SendQueued();
        if (_failures.Count == 0)
            return;
        // By index: the taker may send more, and what fails of that joins the end.
        for (int i = 0; i < _failures.Count && _raw >= 0; i++)
            sink.SendFailed(_failures[i].Token, _failures[i].Error);
        _failures.Clear();
    }

    /// <summary>Closes the sockets, which ends the memberships; what is queued is not sent.</summary>
    public void Dispose()
    {
        if (_disposed)
            return;
        _disposed = true;
        CloseSockets();
        _received.Dispose();
        _adverts.Dispose();
        _frames.Dispose();
    }

    private void SendQueued()
    {
        _adverts.Send(_raw, _failures);
        _frames.Send(_packet, _failures);
    }

    private void Pass(IPacketSink sink, int slot)
    {
        ReceivedPacket packet;
        if (Family == IPFamily.IPv4)
        {
            if (!ReceivedDatagram.TryReadIPv4(_received.Packet(slot), _received.ControlMessages(slot), InterfaceIndex, out packet))
                return;
        }
        else if (!ReceivedDatagram.TryReadIPv6(_received.Packet(slot), _received.Name(slot), _received.ControlMessages(slot), InterfaceIndex, out packet)
            // A raw IPv6 socket hears all groups of the interface, whoever joined them.
            || (packet.Destination.IsMulticast && !_groups.Contains(packet.Destination)))
        {
            return;
        }

        sink.PacketReceived(this, packet);
    }

    private void WriteIPv4Header(Span<byte> packet, IPAddressValue source, IPAddressValue destination, byte hopLimit)
    {
        // The kernel fills in an identification of 0 by itself, and the checksum always.
        if (++_identification == 0)
            _identification = 1;
        packet[0] = 0x45;
        packet[1] = InternetworkControl;
        BinaryPrimitives.WriteUInt16BigEndian(packet[2..], (ushort)packet.Length);
        BinaryPrimitives.WriteUInt16BigEndian(packet[4..], _identification);
        packet[6] = 0;
        packet[7] = 0;
        packet[8] = hopLimit;
        packet[9] = IPPROTO_VRRP;
        packet[10] = 0;
        packet[11] = 0;
        source.Write(packet[12..]);
        destination.Write(packet[16..]);
    }

    private void WriteControlIPv6(Span<byte> control, IPAddressValue source, byte hopLimit)
    {
        SendControlIPv6 value = new()
        {
            InformationHeader = new() { Length = (nuint)(sizeof(ControlHeader) + 20), Level = SOL_IPV6, Type = IPV6_PKTINFO },
            Index = InterfaceIndex,
            HopLimitHeader = new() { Length = (nuint)(sizeof(ControlHeader) + sizeof(int)), Level = SOL_IPV6, Type = IPV6_HOPLIMIT },
            HopLimit = hopLimit,
        };
        source.Write(new(value.Source, 16));
        MemoryMarshal.Write(control, value);
    }

    private void PrepareIPv4()
    {
        Set(SOL_IP, IP_HDRINCL, 1);
        Set(SOL_IP, IP_PKTINFO, 1);
        Set(SOL_IP, IP_MULTICAST_LOOP, 0);
        // Otherwise the socket hears every group that anyone on this host has joined.
        Set(SOL_IP, IP_MULTICAST_ALL, 0);
        GroupRequestIPv4 outgoing = new() { Index = InterfaceIndex };
        if (SetSockOpt(_raw, SOL_IP, IP_MULTICAST_IF, &outgoing, (uint)sizeof(GroupRequestIPv4)) < 0)
            throw new LinuxException($"send multicast on {_name}", Errno.Last == Errno.EADDRNOTAVAIL ? Errno.ENODEV : Errno.Last);
    }

    private void PrepareIPv6()
    {
        Set(SOL_IPV6, IPV6_RECVPKTINFO, 1);
        Set(SOL_IPV6, IPV6_RECVHOPLIMIT, 1);
        Set(SOL_IPV6, IPV6_MULTICAST_LOOP, 0);
        Set(SOL_IPV6, IPV6_MULTICAST_IF, InterfaceIndex);
        Set(SOL_IPV6, IPV6_TCLASS, InternetworkControl);
        // The codec writes and checks the checksum, so that a wrong one is counted and not lost in the kernel.
        Set(SOL_IPV6, IPV6_CHECKSUM, -1);
    }

    private void BindToInterface()
    {
        // By index, which survives a rename; kernels before 5.1 know only the name.
        if (TrySet(_raw, SOL_SOCKET, SO_BINDTOIFINDEX, InterfaceIndex))
            return;
        if (Errno.Last == Errno.ENOPROTOOPT)
        {
            byte* name = stackalloc byte[16];
            int length = Encoding.UTF8.GetBytes(_name, new Span<byte>(name, 15));
            if (SetSockOpt(_raw, SOL_SOCKET, SO_BINDTODEVICE, name, (uint)length) == 0)
                return;
        }

        throw Capabilities.Failure($"bind a raw socket to {_name}", Errno.Last, Capability.NetRaw);
    }

    private int Open(int domain, int protocol, string kind)
    {
        int descriptor = Socket(domain, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
        return descriptor >= 0 ? descriptor : throw Capabilities.Failure($"open a {kind} socket for {_name}", Errno.Last, Capability.NetRaw);
    }

    private void Set(int level, int option, int value)
    {
        if (!TrySet(_raw, level, option, value))
            throw new LinuxException($"set option {option} of level {level} on the socket of {_name}", Errno.Last);
    }

    private static bool TrySet(int descriptor, int level, int option, int value) =>
        SetSockOpt(descriptor, level, option, &value, sizeof(int)) == 0;

    private void CloseSockets()
    {
        if (_raw >= 0)
            _ = Close(_raw);
        if (_packet >= 0)
            _ = Close(_packet);
    }

    // struct sockaddr_in.
    [StructLayout(LayoutKind.Sequential)]
    private struct SocketAddressIPv4
    {
        public ushort Family;
        public ushort Port;
        public fixed byte Address[4];
        public ulong Padding;
    }

    // struct sockaddr_in6.
    [StructLayout(LayoutKind.Sequential)]
    private struct SocketAddressIPv6
    {
        public ushort Family;
        public ushort Port;
        public uint FlowInformation;
        public fixed byte Address[16];
        public int Scope;
    }

    // struct sockaddr_ll.
    [StructLayout(LayoutKind.Sequential)]
    private struct SocketAddressPacket
    {
        public ushort Family;
        public ushort Protocol;
        public int Index;
        public ushort HardwareType;
        public byte PacketType;
        public byte HardwareAddressLength;
        public fixed byte HardwareAddress[8];
    }

    // struct ip_mreqn.
    [StructLayout(LayoutKind.Sequential)]
    private struct GroupRequestIPv4
    {
        public fixed byte Group[4];
        public uint Address;
        public int Index;
    }

    // struct ipv6_mreq.
    [StructLayout(LayoutKind.Sequential)]
    private struct GroupRequestIPv6
    {
        public fixed byte Group[16];
        public int Index;
    }

    // Two control messages as they lie behind one another on 64-bit Linux: in6_pktinfo and the hop limit.
    [StructLayout(LayoutKind.Sequential)]
    private struct SendControlIPv6
    {
        public ControlHeader InformationHeader;
        public fixed byte Source[16];
        public int Index;
        public int Padding;
        public ControlHeader HopLimitHeader;
        public int HopLimit;
        public int Padding2;
    }
}
