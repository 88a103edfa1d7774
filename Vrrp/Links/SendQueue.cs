using System.Runtime.InteropServices;
using Vrrp.Linux;
using static Vrrp.Linux.NativeMethods;

namespace Vrrp.Links;

/// <summary>Packets that wait for one sendmmsg, in native memory that is allocated once.</summary>
internal sealed unsafe class SendQueue : IDisposable
{
    /// <summary>How many packets fit.</summary>
    public const int Slots = 64;

    /// <summary>Octets of the largest address and of the largest control data.</summary>
    public const int NameLength = 32;
    public const int ControlLength = 64;
    private const int ArenaLength = 64 * 1024;

    private readonly BatchedMessage* _messages;
    private readonly IOVector* _vectors;
    private readonly byte* _names;
    private readonly byte* _controls;
    private readonly byte* _arena;
    private readonly int[] _tokens = new int[Slots];
    private int _used;

    public SendQueue(uint nameLength, uint controlLength)
    {
        _messages = (BatchedMessage*)NativeMemory.AllocZeroed(Slots, (nuint)sizeof(BatchedMessage));
        _vectors = (IOVector*)NativeMemory.AllocZeroed(Slots, (nuint)sizeof(IOVector));
        _names = (byte*)NativeMemory.AllocZeroed(Slots, NameLength);
        _controls = (byte*)NativeMemory.AllocZeroed(Slots, ControlLength);
        _arena = (byte*)NativeMemory.Alloc(ArenaLength);
        for (int i = 0; i < Slots; i++)
        {
            ref var header = ref _messages[i].Header;
            header.Vectors = _vectors + i;
            header.VectorCount = 1;
            header.Name = _names + (i * NameLength);
            header.NameLength = nameLength;
            header.Control = controlLength == 0 ? null : _controls + (i * ControlLength);
            header.ControlLength = controlLength;
        }
    }

    /// <summary>How many packets wait.</summary>
    public int Count { get; private set; }

    /// <summary>Whether a packet of that many octets fits beside those that wait.</summary>
    public bool HasRoom(int length) => Count < Slots && length <= ArenaLength - _used;

    /// <summary>Whether a packet of that many octets can ever fit.</summary>
    public static bool CanHold(int length) => length <= ArenaLength;

    /// <summary>Appends a packet; there must be room. The caller fills it, its address and its control data.</summary>
    public Span<byte> Append(int token, int length, out Span<byte> name, out Span<byte> control)
    {
        int slot = Count++;
        byte* start = _arena + _used;
        _used += (length + 7) & ~7;
        _vectors[slot] = new() { Base = start, Length = (nuint)length };
        _tokens[slot] = token;
        name = new(_names + (slot * NameLength), NameLength);
        control = new(_controls + (slot * ControlLength), ControlLength);
        return new(start, length);
    }

    /// <summary>Sends all that waits and notes what failed.</summary>
    public void Send(int descriptor, List<SendFailure> failures)
    {
        int next = 0;
        while (next < Count)
        {
            int sent = SendMMsg(descriptor, _messages + next, (uint)(Count - next), SocketNumbers.MSG_DONTWAIT | SocketNumbers.MSG_NOSIGNAL);
            if (sent > 0)
            {
                next += sent;
                continue;
            }

            int error = Errno.Last;
            if (error == Errno.EINTR)
                continue;
            failures.Add(new(_tokens[next++], error));
            // The send buffer is full: what follows would fare no better, and a late advert is worse than none.
            while (error == Errno.EAGAIN && next < Count)
                failures.Add(new(_tokens[next++], error));
        }

        Count = 0;
        _used = 0;
    }

    public void Dispose()
    {
        NativeMemory.Free(_messages);
        NativeMemory.Free(_vectors);
        NativeMemory.Free(_names);
        NativeMemory.Free(_controls);
        NativeMemory.Free(_arena);
    }
}

/// <summary>A packet that was not sent.</summary>
internal readonly record struct SendFailure(int Token, int Error);
