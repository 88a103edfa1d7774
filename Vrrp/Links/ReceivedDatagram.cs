using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Vrrp.Packets;
using static Vrrp.Linux.NativeMethods;
using static Vrrp.Linux.SocketNumbers;

namespace Vrrp.Links;

/// <summary>What a raw socket of protocol 112 delivers, with what the kernel says beside it, to a packet for the engine.</summary>
internal static class ReceivedDatagram
{
    private const int IPv4HeaderLength = 20;

    /// <summary>Reads a datagram of IPv4, which begins with its IP header.</summary>
    /// <param name="datagram">The octets.</param>
    /// <param name="control">The control messages.</param>
    /// <param name="interfaceIndex">The interface it must have come in on: before a socket is bound, it is open to all for a moment.</param>
    /// <param name="packet">The packet; borrows the octets.</param>
    /// <returns>False for another interface's, and for what is no whole packet; the kernel delivers no such thing.</returns>
    public static bool TryReadIPv4(ReadOnlySpan<byte> datagram, ReadOnlySpan<byte> control, int interfaceIndex, out ReceivedPacket packet)
    {
        packet = default;
        if (datagram.Length < IPv4HeaderLength || datagram[0] >> 4 != 4)
            return false;
        int headerLength = (datagram[0] & 0xF) * 4;
        int totalLength = BinaryPrimitives.ReadUInt16BigEndian(datagram[2..]);
        // More fragments, or an offset: the kernel hands over only what it has put together.
        bool isFragment = (BinaryPrimitives.ReadUInt16BigEndian(datagram[6..]) & 0x3FFF) != 0;
        if (headerLength < IPv4HeaderLength || headerLength > datagram.Length || isFragment
            || !IsOf(interfaceIndex, FindControl(control, SOL_IP, IP_PKTINFO), 0))
            return false;
        int end = Math.Clamp(totalLength, headerLength, datagram.Length);
        packet = new()
        {
            Source = IPAddressValue.Read(datagram.Slice(12, 4)),
            Destination = IPAddressValue.Read(datagram.Slice(16, 4)),
            HopLimit = datagram[8],
            Message = datagram[headerLength..end],
        };
        return true;
    }

    /// <summary>Reads a datagram of IPv6, which is the message alone.</summary>
    /// <param name="datagram">The octets.</param>
    /// <param name="name">The sender's socket address.</param>
    /// <param name="control">The control messages.</param>
    /// <param name="interfaceIndex">The interface it must have come in on.</param>
    /// <param name="packet">The packet; borrows the octets.</param>
    /// <returns>False for another interface's, and when the kernel left out where it came from.</returns>
    public static bool TryReadIPv6(
        ReadOnlySpan<byte> datagram, ReadOnlySpan<byte> name, ReadOnlySpan<byte> control, int interfaceIndex, out ReceivedPacket packet)
    {
        packet = default;
        var information = FindControl(control, SOL_IPV6, IPV6_PKTINFO);
        if (name.Length < 24 || !IsOf(interfaceIndex, information, 16))
            return false;
        packet = new()
        {
            Source = IPAddressValue.Read(name.Slice(8, 16)),
            Destination = IPAddressValue.Read(information[..16]),
            HopLimit = MemoryMarshal.TryRead(FindControl(control, SOL_IPV6, IPV6_HOPLIMIT), out int value) ? value : -1,
            Message = datagram,
        };
        return true;
    }

    /// <summary>The value of a control message; empty when there is none.</summary>
    public static ReadOnlySpan<byte> FindControl(ReadOnlySpan<byte> control, int level, int type)
    {
        int size = Unsafe.SizeOf<ControlHeader>();
        while (MemoryMarshal.TryRead(control, out ControlHeader header))
        {
            if (header.Length < (nuint)size || header.Length > (nuint)control.Length)
                break;
            if (header.Level == level && header.Type == type)
                return control[size..(int)header.Length];
            control = control[Math.Min(control.Length, ((int)header.Length + nint.Size - 1) & ~(nint.Size - 1))..];
        }

        return default;
    }

    private static bool IsOf(int interfaceIndex, ReadOnlySpan<byte> information, int offset) =>
        information.Length >= offset + sizeof(int) && MemoryMarshal.Read<int>(information[offset..]) == interfaceIndex;
}
