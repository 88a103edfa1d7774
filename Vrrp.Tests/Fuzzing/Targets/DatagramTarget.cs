using System.Buffers.Binary;
using Vrrp.Links;
using Vrrp.Packets;

namespace Vrrp.Tests.Fuzzing.Targets;

/// <summary>
/// What a raw socket delivers: octet 0 is the family (even: IPv4), octet 1 the length of the sender's address, octet 2 that of the control
/// messages; these two and the octets of the packet follow.
/// </summary>
internal sealed class DatagramTarget : IFuzzTarget
{
    private const int InterfaceIndex = 2;

    public string Name => "datagram";

    public int Executions => 200_000;

    public int MaxLength => 512;

    public IReadOnlyList<byte[]> Seeds { get; } = [SeedIPv4(), SeedIPv6()];

    public IReadOnlyList<byte[]> Tokens { get; } =
    [
        ControlMessage(0, 8, [2, 0, 0, 0, 192, 0, 2, 1, 192, 0, 2, 1]),
        ControlMessage(41, 50, [0xFF, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x12, 2, 0, 0, 0]),
        ControlMessage(41, 52, [255, 0, 0, 0]),
        ControlMessage(1, 29, [1, 2, 3]),
    ];

    public void Execute(ReadOnlySpan<byte> input, FuzzContext context)
    {
        if (input.Length < 3)
            return;
        var rest = input[3..];
        var name = rest[..Math.Min(input[1], rest.Length)];
        rest = rest[name.Length..];
        var control = rest[..Math.Min(input[2], rest.Length)];
        var datagram = rest[control.Length..];
        var guarded = context.Guard(control);
        bool isIPv4 = input[0] % 2 == 0;

        long before = GC.GetAllocatedBytesForCurrentThread();
        bool isRead = isIPv4
            ? ReceivedDatagram.TryReadIPv4(datagram, guarded, InterfaceIndex, out var packet)
            : ReceivedDatagram.TryReadIPv6(datagram, name, guarded, InterfaceIndex, out packet);
        context.Allocated(GC.GetAllocatedBytesForCurrentThread() - before, 0);

        context.Reached(isIPv4 ? "IPv4 read" : "IPv6 read", isRead ? 1 : 0);
        for (int level = 0; level <= 41; level += 41)
        {
            for (int type = 8; type <= 52; type += type == 8 ? 42 : 2)
                context.ReachedCount($"control {level}/{type}", ReceivedDatagram.FindControl(guarded, level, type).Length);
        }

        if (!isRead)
            return;
        context.Reached("hop limit", packet.HopLimit is -1 or 255 ? packet.HopLimit : 0);
        context.ReachedCount("message", packet.Message.Length);
        var family = isIPv4 ? IPFamily.IPv4 : IPFamily.IPv6;
        if (packet.Source.Family != family || packet.Destination.Family != family || packet.Message.Length > datagram.Length)
            throw new BrokenPromiseException("a packet is of another family or longer than what was received");
        // The library's other reading of the same header.
        if (isIPv4 && IPv4Header.TryParse(datagram, out var header)
            && (header.Source != packet.Source || header.Destination != packet.Destination || header.TimeToLive != packet.HopLimit
                || !header.GetPayload(datagram).SequenceEqual(packet.Message)))
            throw new BrokenPromiseException("two readings of an IPv4 header differ");
    }

    private static byte[] SeedIPv4()
    {
        byte[] control = ControlMessage(0, 8, [InterfaceIndex, 0, 0, 0, 192, 0, 2, 1, 192, 0, 2, 1]);
        var packet = AdvertisementMutator.ValidFrame(Receivers.All[1]).AsSpan(EthernetHeader.Length);
        return [0, 0, (byte)control.Length, .. control, .. packet];
    }

    private static byte[] SeedIPv6()
    {
        byte[] name = [10, 0, 0, 0, 0, 0, 0, 0, 0xFE, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 0, 0, 0];
        byte[] control =
        [
            .. ControlMessage(41, 50, [0xFF, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x12, InterfaceIndex, 0, 0, 0]),
            .. ControlMessage(41, 52, [255, 0, 0, 0]),
        ];
        var message = AdvertisementMutator.ValidFrame(Receivers.All[20]).AsSpan(EthernetHeader.Length + IPv6Header.Length);
        return [1, (byte)name.Length, (byte)control.Length, .. name, .. control, .. message];
    }

    private static byte[] ControlMessage(int level, int type, byte[] value)
    {
        var message = new byte[(16 + value.Length + 7) & ~7];
        BinaryPrimitives.WriteInt64LittleEndian(message, 16 + value.Length);
        BinaryPrimitives.WriteInt32LittleEndian(message.AsSpan(8), level);
        BinaryPrimitives.WriteInt32LittleEndian(message.AsSpan(12), type);
        value.CopyTo(message, 16);
        return message;
    }
}
