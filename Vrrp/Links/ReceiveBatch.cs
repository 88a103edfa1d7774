using System.Runtime.InteropServices;
using Vrrp.Linux;
using static Vrrp.Linux.NativeMethods;

namespace Vrrp.Links;

/// <summary>Room for one recvmmsg, in native memory that is allocated once.</summary>
internal sealed unsafe class ReceiveBatch : IDisposable
{
    public const int Slots = 32;

    // The largest advertisement has 255 IPv6 addresses, 4088 octets; what does not fit is longer than any and fails its checks.
    private const int PacketLength = 4096;
    private const int NameLength = 32;
    private const int ControlLength = 128;

    private readonly BatchedMessage* _messages;
    private readonly IOVector* _vectors;
    private readonly byte* _names;
    private readonly byte* _controls;
    private readonly byte* _packets;

    public ReceiveBatch()
    {
        _messages = (BatchedMessage*)NativeMemory.AllocZeroed(Slots, (nuint)sizeof(BatchedMessage));
        _vectors = (IOVector*)NativeMemory.AllocZeroed(Slots, (nuint)sizeof(IOVector));
        _names = (byte*)NativeMemory.AllocZeroed(Slots, NameLength);
        _controls = (byte*)NativeMemory.AllocZeroed(Slots, ControlLength);
        _packets = (byte*)NativeMemory.Alloc(Slots * PacketLength);
        for (int i = 0; i < Slots; i++)
        {
            _vectors[i] = new() { Base = _packets + (i * PacketLength), Length = PacketLength };
            ref var header = ref _messages[i].Header;
            header.Vectors = _vectors + i;
            header.VectorCount = 1;
            header.Name = _names + (i * NameLength);
            header.Control = _controls + (i * ControlLength);
        }
    }

    /// <summary>Fills the batch with what waits, at most that many.</summary>
    /// <returns>How many packets; 0 when none waits or the interface is failing, which the monitor tells.</returns>
    public int Receive(int descriptor, int limit)
    {
        int count = Math.Min(limit, Slots);
        for (int i = 0; i < count; i++)
        {
            _messages[i].Header.NameLength = NameLength;
            _messages[i].Header.ControlLength = ControlLength;
        }

        int received;
        do
            received = RecvMMsg(descriptor, _messages, (uint)count, SocketNumbers.MSG_DONTWAIT, null);
        while (received < 0 && Errno.Last == Errno.EINTR);
        return Math.Max(0, received);
    }

    /// <summary>The octets of a packet.</summary>
    public ReadOnlySpan<byte> Packet(int slot) => new(_packets + (slot * PacketLength), (int)Math.Min(_messages[slot].Length, PacketLength));

    /// <summary>The sender's socket address.</summary>
    public ReadOnlySpan<byte> Name(int slot) => new(_names + (slot * NameLength), (int)Math.Min(_messages[slot].Header.NameLength, NameLength));

    /// <summary>The value of a control message; empty when there is none.</summary>
    public ReadOnlySpan<byte> Control(int slot, int level, int type) => ReceivedDatagram.FindControl(ControlMessages(slot), level, type);

    /// <summary>All that the kernel says beside the packet.</summary>
    public ReadOnlySpan<byte> ControlMessages(int slot) =>
        new(_controls + (slot * ControlLength), (int)Math.Min(_messages[slot].Header.ControlLength, ControlLength));

    public void Dispose()
    {
        NativeMemory.Free(_messages);
        NativeMemory.Free(_vectors);
        NativeMemory.Free(_names);
        NativeMemory.Free(_controls);
        NativeMemory.Free(_packets);
    }
}
