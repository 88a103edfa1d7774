using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;

namespace Vrrp.Netlink;

/// <summary>Walks the messages of one datagram. Whatever the octets say, it reads none outside of them and throws nothing.</summary>
internal ref struct NetlinkReader(ReadOnlySpan<byte> datagram)
{
    private ReadOnlySpan<byte> _rest = datagram;

    /// <summary>Whether walking ended at something that is no message.</summary>
    public bool IsMalformed { get; private set; }

    /// <summary>Reads the next message.</summary>
    /// <returns>False at the end, or where a length does not fit.</returns>
    public bool Next(out NetlinkMessage message)
    {
        message = default;
        if (_rest.Length < Nlmsg.HeaderLength)
        {
            IsMalformed |= !_rest.IsEmpty;
            return false;
        }

        uint length = MemoryMarshal.Read<uint>(_rest);
        if (length < Nlmsg.HeaderLength || length > (uint)_rest.Length)
        {
            IsMalformed = true;
            _rest = default;
            return false;
        }

        message = new(
            MemoryMarshal.Read<ushort>(_rest[4..]),
            MemoryMarshal.Read<ushort>(_rest[6..]),
            MemoryMarshal.Read<uint>(_rest[8..]),
            _rest[Nlmsg.HeaderLength..(int)length]);
        _rest = _rest[Math.Min(Nlmsg.Align((int)length), _rest.Length)..];
        return true;
    }
}

/// <summary>One message; borrows the datagram.</summary>
internal readonly ref struct NetlinkMessage(ushort type, ushort flags, uint sequence, ReadOnlySpan<byte> body)
{
    /// <summary>RTM_…, a generic family's number, or NLMSG_….</summary>
    public ushort Type { get; } = type;

    /// <summary>NLM_F_….</summary>
    public ushort Flags { get; } = flags;

    /// <summary>The sequence number of the request this answers; of no meaning in notifications.</summary>
    public uint Sequence { get; } = sequence;

    /// <summary>What follows the header.</summary>
    public ReadOnlySpan<byte> Body { get; } = body;

    /// <summary>Reads the fixed header of the family; false when the body is too short.</summary>
    public bool TryReadHeader<T>(out T header) where T : unmanaged => MemoryMarshal.TryRead(Body, out header);

    /// <summary>The attributes behind a fixed header of that size.</summary>
    public NetlinkAttributes Attributes(int headerLength) =>
        new(Nlmsg.Align(headerLength) <= Body.Length ? Body[Nlmsg.Align(headerLength)..] : default);

    /// <summary>The attributes behind a fixed header of that type.</summary>
    public NetlinkAttributes Attributes<T>() where T : unmanaged => Attributes(Unsafe.SizeOf<T>());

    /// <summary>Reads NLMSG_ERROR, or NLMSG_DONE, which ends a dump that may have failed.</summary>
    /// <returns>The errno, 0 for an acknowledgement.</returns>
    public int ReadError() => MemoryMarshal.TryRead(Body, out int error) && error != int.MinValue ? Math.Abs(error) : 0;

    /// <summary>Reads the kernel's explanation from an extended acknowledgement; null when there is none.</summary>
    public string? ReadExplanation()
    {
        if ((Flags & Nlmsg.NLM_F_ACK_TLVS) == 0)
            return null;
        // The request's header comes back; its body too unless capped. NLMSG_DONE has the error alone.
        int skip = sizeof(int);
        if (Type == Nlmsg.NLMSG_ERROR)
        {
            if (Body.Length < sizeof(int) + Nlmsg.HeaderLength)
                return null;
            uint echoed = MemoryMarshal.Read<uint>(Body[sizeof(int)..]);
            skip += (Flags & Nlmsg.NLM_F_CAPPED) != 0 || echoed > (uint)Body.Length ? Nlmsg.HeaderLength : (int)echoed;
        }

        var attributes = Attributes(skip);
        while (attributes.Next(out var attribute))
        {
            if (attribute.Type == Nlmsg.NLMSGERR_ATTR_MSG)
                return attribute.ReadString();
        }

        return null;
    }
}

/// <summary>Walks attributes, with the same promise as <see cref="NetlinkReader"/>.</summary>
internal ref struct NetlinkAttributes(ReadOnlySpan<byte> octets)
{
    private ReadOnlySpan<byte> _rest = octets;

    /// <summary>Reads the next attribute.</summary>
    /// <returns>False at the end, or where a length does not fit.</returns>
    public bool Next(out NetlinkAttribute attribute)
    {
        attribute = default;
        if (_rest.Length < Nlmsg.AttributeHeaderLength)
            return false;
        int length = MemoryMarshal.Read<ushort>(_rest);
        if (length < Nlmsg.AttributeHeaderLength || length > _rest.Length)
        {
            _rest = default;
            return false;
        }

        attribute = new((ushort)(MemoryMarshal.Read<ushort>(_rest[2..]) & Nlmsg.NLA_TYPE_MASK), _rest[Nlmsg.AttributeHeaderLength..length]);
        _rest = _rest[Math.Min(Nlmsg.Align(length), _rest.Length)..];
        return true;
    }
}

/// <summary>One attribute. A value that is too short for what is read from it reads as zero.</summary>
internal readonly ref struct NetlinkAttribute(ushort type, ReadOnlySpan<byte> value)
{
    /// <summary>The number, without the flags.</summary>
    public ushort Type { get; } = type;

    /// <summary>The octets.</summary>
    public ReadOnlySpan<byte> Value { get; } = value;

    /// <summary>The attributes inside.</summary>
    public NetlinkAttributes Nested => new(Value);

    /// <summary>Reads one octet.</summary>
    public byte ReadUInt8() => Value.IsEmpty ? (byte)0 : Value[0];

    /// <summary>Reads 16 bits in host order.</summary>
    public ushort ReadUInt16() => Read<ushort>();

    /// <summary>Reads 32 bits in host order.</summary>
    public uint ReadUInt32() => Read<uint>();

    /// <summary>Reads 32 bits in host order.</summary>
    public int ReadInt32() => Read<int>();

    /// <summary>Reads 64 bits in host order.</summary>
    public ulong ReadUInt64() => Read<ulong>();

    /// <summary>Reads 16 bits in network order.</summary>
    public ushort ReadUInt16BigEndian() => BitConverter.IsLittleEndian
        ? System.Buffers.Binary.BinaryPrimitives.ReverseEndianness(Read<ushort>()) : Read<ushort>();

    /// <summary>Reads 32 bits in network order.</summary>
    public uint ReadUInt32BigEndian() => BitConverter.IsLittleEndian
        ? System.Buffers.Binary.BinaryPrimitives.ReverseEndianness(Read<uint>()) : Read<uint>();

    /// <summary>Reads an address of 4 or 16 octets; none for any other length.</summary>
    public IPAddressValue ReadAddress() => Value.Length is 4 or 16 ? IPAddressValue.Read(Value) : default;

    /// <summary>Reads a hardware address; zero unless it has six octets.</summary>
    public MacAddress ReadMac() => Value.Length == MacAddress.Length ? MacAddress.Read(Value) : default;

    /// <summary>Reads UTF-8 up to the terminating zero, or to the end.</summary>
    public string ReadString() => Encoding.UTF8.GetString(ReadText());

    /// <summary>The octets before the terminating zero, for comparing without making a string.</summary>
    public ReadOnlySpan<byte> ReadText()
    {
        int end = Value.IndexOf((byte)0);
        return end < 0 ? Value : Value[..end];
    }

    /// <summary>Reads a structure; a shorter value fills its beginning, as the kernel's own structures grow.</summary>
    public T Read<T>() where T : unmanaged
    {
        T result = default;
        var target = MemoryMarshal.AsBytes(new Span<T>(ref result));
        Value[..Math.Min(Value.Length, target.Length)].CopyTo(target);
        return result;
    }
}
