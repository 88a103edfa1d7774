using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;

namespace Vrrp.Netlink;

/// <summary>Writes messages and nested attributes, several in a row if need be, into a span of the caller and patches their lengths.</summary>
/// <exception cref="InvalidOperationException">Any write that finds too little room.</exception>
internal ref struct NetlinkWriter(Span<byte> buffer)
{
    private readonly Span<byte> _buffer = buffer;

    /// <summary>Octets written so far.</summary>
    public int Length { get; private set; }

    /// <summary>What has been written.</summary>
    public readonly ReadOnlySpan<byte> Written => _buffer[..Length];

    /// <summary>Octets that are left.</summary>
    public readonly int Remaining => _buffer.Length - Length;

    /// <summary>Begins a message: 16 octets of header with length, type, flags, sequence number and port 0.</summary>
    /// <returns>What <see cref="EndMessage"/> wants.</returns>
    public int BeginMessage(ushort type, ushort flags, uint sequence)
    {
        int start = Length;
        var header = Reserve(Nlmsg.HeaderLength);
        MemoryMarshal.Write(header[4..], type);
        MemoryMarshal.Write(header[6..], flags);
        MemoryMarshal.Write(header[8..], sequence);
        return start;
    }

    /// <summary>Patches the length of a message.</summary>
    public readonly void EndMessage(int message) => MemoryMarshal.Write(_buffer[message..], (uint)(Length - message));

    /// <summary>Writes the fixed header of a family, such as ifaddrmsg, padded to four octets.</summary>
    public void WriteStruct<T>(in T value) where T : unmanaged => MemoryMarshal.Write(Reserve(Unsafe.SizeOf<T>()), value);

    /// <summary>Begins an attribute that holds attributes.</summary>
    /// <returns>What <see cref="EndNested"/> wants.</returns>
    public int BeginNested(ushort type)
    {
        int start = Length;
        MemoryMarshal.Write(Reserve(Nlmsg.AttributeHeaderLength)[2..], (ushort)(type | Nlmsg.NLA_F_NESTED));
        return start;
    }

    /// <summary>Patches the length of a nested attribute.</summary>
    public readonly void EndNested(int attribute) => MemoryMarshal.Write(_buffer[attribute..], checked((ushort)(Length - attribute)));

    /// <summary>Writes an attribute without a value.</summary>
    public void WriteFlag(ushort type) => BeginValue(type, 0);

    /// <summary>Writes one octet.</summary>
    public void WriteUInt8(ushort type, byte value) => BeginValue(type, 1)[0] = value;

    /// <summary>Writes 16 bits in host order.</summary>
    public void WriteUInt16(ushort type, ushort value) => MemoryMarshal.Write(BeginValue(type, 2), value);

    /// <summary>Writes 32 bits in host order.</summary>
    public void WriteUInt32(ushort type, uint value) => MemoryMarshal.Write(BeginValue(type, 4), value);

    /// <summary>Writes 32 bits in host order.</summary>
    public void WriteInt32(ushort type, int value) => MemoryMarshal.Write(BeginValue(type, 4), value);

    /// <summary>Writes 64 bits in host order.</summary>
    public void WriteUInt64(ushort type, ulong value) => MemoryMarshal.Write(BeginValue(type, 8), value);

    /// <summary>Writes 16 bits in network order.</summary>
    public void WriteUInt16BigEndian(ushort type, ushort value) => BinaryPrimitives.WriteUInt16BigEndian(BeginValue(type, 2), value);

    /// <summary>Writes 32 bits in network order.</summary>
    public void WriteUInt32BigEndian(ushort type, uint value) => BinaryPrimitives.WriteUInt32BigEndian(BeginValue(type, 4), value);

    /// <summary>Writes an address in 4 or 16 octets.</summary>
    public void WriteAddress(ushort type, IPAddressValue value) => value.Write(BeginValue(type, value.Length));

    /// <summary>Writes the six octets of a hardware address.</summary>
    public void WriteMac(ushort type, MacAddress value) => value.Write(BeginValue(type, MacAddress.Length));

    /// <summary>Writes octets as they are.</summary>
    public void WriteBytes(ushort type, scoped ReadOnlySpan<byte> value) => value.CopyTo(BeginValue(type, value.Length));

    /// <summary>Writes UTF-8 with the terminating zero the kernel wants.</summary>
    public void WriteString(ushort type, string value) =>
        Encoding.UTF8.GetBytes(value, BeginValue(type, Encoding.UTF8.GetByteCount(value) + 1));

    /// <summary>Writes a structure as an attribute's value.</summary>
    public void WriteStruct<T>(ushort type, in T value) where T : unmanaged =>
        MemoryMarshal.Write(BeginValue(type, Unsafe.SizeOf<T>()), value);

    private Span<byte> BeginValue(ushort type, int length)
    {
        int total = Nlmsg.AttributeHeaderLength + length;
        if (total > ushort.MaxValue)
            throw new InvalidOperationException("A netlink attribute holds less than 64 KiB.");
        var attribute = Reserve(total);
        MemoryMarshal.Write(attribute, (ushort)total);
        MemoryMarshal.Write(attribute[2..], type);
        return attribute.Slice(Nlmsg.AttributeHeaderLength, length);
    }

    private Span<byte> Reserve(int length)
    {
        int aligned = Nlmsg.Align(length);
        if (aligned > Remaining)
            throw new InvalidOperationException("The buffer is too small for the netlink message.");
        var room = _buffer.Slice(Length, aligned);
        room.Clear();
        Length += aligned;
        return room;
    }
}
