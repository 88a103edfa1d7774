using System.Buffers.Binary;
using System.Net;
using System.Net.NetworkInformation;

namespace Vrrp.Tests.Linux.Lab;

/// <summary>
/// One frame as the kernel saw it on the bridge. The decoding below serves waiting and timing only and shares nothing with the library;
/// whether a frame is well formed is tshark's word (<see cref="Dissection"/>).
/// </summary>
/// <param name="Number">Position in the capture, from 1, as tshark counts.</param>
/// <param name="Time">The kernel's time stamp.</param>
/// <param name="Source">The Ethernet source.</param>
/// <param name="Payload">What was recognised in it; null for all that no scenario asks about.</param>
internal sealed record CapturedFrame(int Number, TimeSpan Time, PhysicalAddress Source, FramePayload? Payload)
{
    private const int EthernetLength = 14;

    public AdvertPayload? Advert => Payload as AdvertPayload;

    public static CapturedFrame Decode(int number, TimeSpan time, ReadOnlySpan<byte> frame)
    {
        if (frame.Length < EthernetLength)
            return new(number, time, PhysicalAddress.None, null);
        var source = new PhysicalAddress(frame[6..12].ToArray());
        var packet = frame[EthernetLength..];
        var payload = BinaryPrimitives.ReadUInt16BigEndian(frame[12..]) switch
        {
            0x0800 => DecodeIPv4(packet),
            0x86DD => DecodeIPv6(packet),
            0x0806 => DecodeArp(packet),
            _ => null,
        };
        return new(number, time, source, payload);
    }

    private static FramePayload? DecodeIPv4(ReadOnlySpan<byte> packet)
    {
        if (packet.Length < 20)
            return null;
        var body = packet[((packet[0] & 0xF) * 4)..];
        var from = new IPAddress(packet[12..16]);
        return packet[9] switch
        {
            112 when body.Length >= 8 => DecodeAdvert(body, from),
            1 when body.Length >= 8 && body[0] is 0 or 8 => DecodeEcho(body, isReply: body[0] == 0),
            _ => null,
        };
    }

    private static FramePayload? DecodeIPv6(ReadOnlySpan<byte> packet)
    {
        if (packet.Length < 48)
            return null;
        var body = packet[40..];
        return (packet[6], body[0]) switch
        {
            (112, _) => DecodeAdvert(body, new IPAddress(packet[8..24])),
            (58, 128 or 129) => DecodeEcho(body, isReply: body[0] == 129),
            (58, 136) when body.Length >= 24 => new AnnouncementPayload(new IPAddress(body[8..24])) { IsUnsolicited = (body[4] & 0x40) == 0 },
            _ => null,
        };
    }

    private static AnnouncementPayload? DecodeArp(ReadOnlySpan<byte> packet)
    {
        if (packet.Length < 28)
            return null;
        var sender = packet[14..18];
        return sender.SequenceEqual(packet[24..28]) ? new(new IPAddress(sender)) { IsUnsolicited = true } : null;
    }

    private static AdvertPayload DecodeAdvert(ReadOnlySpan<byte> body, IPAddress from) => new(body[1], body[2], from);

    private static EchoPayload DecodeEcho(ReadOnlySpan<byte> body, bool isReply) =>
        new(isReply, BinaryPrimitives.ReadUInt16BigEndian(body[4..]), BinaryPrimitives.ReadUInt16BigEndian(body[6..]));
}

internal abstract record FramePayload;

/// <summary>A VRRP advertisement.</summary>
internal sealed record AdvertPayload(int Vrid, int Priority, IPAddress From) : FramePayload;

/// <summary>A gratuitous ARP or a neighbour advertisement: somebody says where an address is.</summary>
internal sealed record AnnouncementPayload(IPAddress Address) : FramePayload
{
    public bool IsUnsolicited { get; init; }
}

/// <summary>A ping or its answer.</summary>
internal sealed record EchoPayload(bool IsReply, int Id, int Sequence) : FramePayload;
