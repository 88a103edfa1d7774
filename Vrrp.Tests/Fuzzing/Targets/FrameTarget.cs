using Vrrp.Packets;

namespace Vrrp.Tests.Fuzzing.Targets;

/// <summary>
/// Frames through the headers to the codec. Octet 0 names the receiver (bits 0–5) and says that the link is for the other family (bit 6) or
/// that the hop limit could not be read (bit 7); the frame follows. Nothing is allocated, and a verdict is checked against a second,
/// plainer reading of the octets.
/// </summary>
internal sealed class FrameTarget(IFrameCodec codec) : IFuzzTarget
{
    private const byte OtherFamily = 0x40;
    private const byte NoHopLimit = 0x80;

    public string Name => "frame";

    public int Executions => 250_000;

    public int MaxLength => 1 + EthernetHeader.Length + IPv6Header.Length + VrrpPacket.MaxLength + 64;

    public IReadOnlyList<byte[]> Seeds { get; } =
        [.. Receivers.All.Select((receiver, i) => (byte[])[(byte)i, .. AdvertisementMutator.ValidFrame(receiver)])];

    public void Mutate(FuzzInput input, ReadOnlySpan<byte> other, FuzzRandom random)
    {
        if (input.Length == 0)
            input.Insert(0, [0]);
        if (random.OneIn(16))
            input.Span[0] = (byte)(random.Next(Receivers.All.Length) | (random.OneIn(4) ? random.Pick(OtherFamily, NoHopLimit) : 0));
        AdvertisementMutator.Apply(input, 1, other, ReceiverOf(input.Span[0]), random);
    }

    public void Execute(ReadOnlySpan<byte> input, FuzzContext context)
    {
        if (input.IsEmpty)
            return;
        var receiver = ReceiverOf(input[0]);
        var frame = input[1..];
        long before = GC.GetAllocatedBytesForCurrentThread();
        bool isWhole = TryReadHeaders(frame, context, out var family, out var source, out var destination, out int hopLimit, out var payload);
        context.Allocated(GC.GetAllocatedBytesForCurrentThread() - before, 0);
        if (!isWhole)
            return;
        if ((input[0] & OtherFamily) != 0)
            family = family == IPFamily.IPv4 ? IPFamily.IPv6 : IPFamily.IPv4;

        var packet = new ReceivedPacket
        {
            Source = source,
            Destination = destination,
            HopLimit = (input[0] & NoHopLimit) != 0 ? -1 : hopLimit,
            Message = context.Guard(payload),
        };
        before = GC.GetAllocatedBytesForCurrentThread();
        bool hasId = codec.TryPeekVirtualRouterId(packet, out byte id);
        var rejection = codec.Read(packet, family, receiver.Rules, out var advertisement);
        context.Allocated(GC.GetAllocatedBytesForCurrentThread() - before, 0);

        context.Reached(RejectionFeatures.Of(rejection));
        if (hasId != packet.Message.Length > 1 || (hasId && id != packet.Message[1]))
            throw new BrokenPromiseException("the VRID that was peeked is not that of the message");
        if (PlainReading.Contradiction(packet, family, receiver.Rules, rejection) is { } contradiction)
            throw new BrokenPromiseException($"{rejection}: {contradiction}, receiver {receiver.Name}");
        if (rejection == PacketRejection.None)
            LookAt(advertisement, packet, receiver, context);
    }

    private static Receiver ReceiverOf(byte octet) => Receivers.All[(octet & 0x3F) % Receivers.All.Length];

    private static bool TryReadHeaders(
        ReadOnlySpan<byte> frame, FuzzContext context, out IPFamily family, out IPAddressValue source, out IPAddressValue destination,
        out int hopLimit, out ReadOnlySpan<byte> payload)
    {
        (family, source, destination, hopLimit) = (IPFamily.IPv4, default, default, -1);
        payload = default;
        if (!EthernetHeader.TryParse(frame, out var ethernet))
        {
            context.Reached("header: no Ethernet");
            return false;
        }

        var packet = frame[EthernetHeader.Length..];
        switch (ethernet.EtherType)
        {
            case EthernetHeader.IPv4 when IPv4Header.TryParse(packet, out var ipv4):
                (source, destination, hopLimit) = (ipv4.Source, ipv4.Destination, ipv4.TimeToLive);
                payload = ipv4.GetPayload(packet);
                context.Reached(ipv4.HeaderLength > IPv4Header.MinLength ? "header: IPv4 with options" : "header: IPv4");
                context.Reached(ipv4.HasValidChecksum(packet) ? "header: IPv4 checksum right" : "header: IPv4 checksum wrong");
                return ipv4.Protocol == VrrpPacket.Protocol;
            case EthernetHeader.IPv6 when IPv6Header.TryParse(packet, out var ipv6):
                (family, source, destination, hopLimit) = (IPFamily.IPv6, ipv6.Source, ipv6.Destination, ipv6.HopLimit);
                bool isWhole = ipv6.TryGetPayload(packet, out byte protocol, out payload);
                context.Reached(!isWhole ? "header: IPv6 cut short" : ipv6.NextHeader != protocol ? "header: IPv6 with more headers" : "header: IPv6");
                return isWhole && protocol == VrrpPacket.Protocol;
            case EthernetHeader.IPv4 or EthernetHeader.IPv6:
                context.Reached("header: no IP", ethernet.EtherType);
                return false;
            default:
                context.Reached("header: other EtherType");
                return false;
        }
    }

    private static void LookAt(in Advertisement advertisement, in ReceivedPacket packet, Receiver receiver, FuzzContext context)
    {
        context.Reached(receiver.WasAccepted);
        context.Reached("accepted with notes", (long)advertisement.Notes);
        context.Reached("accepted with checksum", (long)advertisement.ChecksumForm);
        context.ReachedCount("accepted with addresses", advertisement.AddressCount);
        context.Reached("accepted priority", advertisement.Priority.Value is 0 or 255 ? advertisement.Priority.Value : 1);
        if (advertisement.Addresses.Length != advertisement.AddressCount * (advertisement.Family == IPFamily.IPv4 ? 4 : 16))
            throw new BrokenPromiseException("the list has another length than its count says");
        for (int i = 0; i < advertisement.AddressCount; i++)
        {
            if (advertisement.GetAddress(i).Family != advertisement.Family)
                throw new BrokenPromiseException("an address of the list is of another family");
        }

        if (advertisement.Source != packet.Source || advertisement.Destination != packet.Destination
            || advertisement.VirtualRouterId.Value != packet.Message[1] || advertisement.Priority.Value != packet.Message[2])
            throw new BrokenPromiseException("the advertisement says something else than the packet");
    }
}
