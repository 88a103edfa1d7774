using System.Buffers.Binary;
using Vrrp.Packets;

namespace Vrrp.Simulation;

/// <summary>
/// Packets that a virtual router has to drop, each with one thing wrong, and the one reason that has to be counted for it: decided here
/// by what was done to the packet, not by reading it.
/// </summary>
internal sealed record ScenarioMalformedPacket(
    IPAddressValue Source, IPAddressValue Destination, int HopLimit, byte[] Message, PacketRejection? Rejection, bool IsOwnAddress = false)
{
    private const string Flip = "flip";

    private static readonly string[] Kinds =
    [
        "source", "cast", "hop-limit", "short", "version", "type", "length", "checksum", "vrid", "authentication", "interval", "empty", "echo",
    ];

    /// <summary>What a scenario can say.</summary>
    public static IEnumerable<string> Words => [.. Kinds, "flipN"];

    public static bool TryParse(string word, out int bit)
    {
        bit = -1;
        return Array.IndexOf(Kinds, word) >= 0
            || (word.StartsWith(Flip, StringComparison.Ordinal) && int.TryParse(word.AsSpan(Flip.Length), out bit) && bit is >= 0 and < 1000);
    }

    /// <summary>Makes one.</summary>
    /// <param name="word">What is wrong.</param>
    /// <param name="config">The router it is for.</param>
    /// <param name="own">The address of the node it arrives at.</param>
    /// <param name="foreign">An address of its family that no node has.</param>
    public static ScenarioMalformedPacket Create(string word, VirtualRouterConfig config, IPAddressValue own, IPAddressValue foreign)
    {
        if (!TryParse(word, out int bit))
            throw new ArgumentException($"No packet is malformed by '{word}'.", nameof(word));
        bool isUnicast = config.UnicastPeers.Length > 0;
        var group = config.Group;
        var destination = isUnicast ? own : group;
        byte[] message = Valid(config, foreign, destination);
        bool dropsAsOwner = config.IsOwner && (config.OwnerIgnoresAdvertisements ?? config.Version == VrrpVersion.V2);
        // Of what the checks of §7.1 come to after those of the packet's form, an owner of version 2 sees nothing.
        PacketRejection Content(PacketRejection rejection) => dropsAsOwner ? PacketRejection.OwnerReceives : rejection;
        bool isV2 = config.Version == VrrpVersion.V2;
        var packet = new ScenarioMalformedPacket(foreign, destination, 255, message, null);
        switch (word)
        {
            case "source":
                return packet with { Source = group, Rejection = PacketRejection.BadSource };
            case "cast":
                return packet with { Destination = isUnicast ? group : own, Rejection = PacketRejection.WrongCastMode };
            case "hop-limit":
                return packet with { HopLimit = isUnicast ? -1 : 254, Rejection = PacketRejection.HopLimit };
            case "short":
                return packet with { Message = message[..7], Rejection = PacketRejection.TooShort };
            case "version":
                message[0] ^= 0x10;
                return packet with { Rejection = PacketRejection.Version };
            case "type":
                message[0] = (byte)((message[0] & 0xF0) | 2);
                return packet with { Rejection = PacketRejection.Type };
            case "length":
                return packet with { Message = [.. message, 0, 0, 0, 0], Rejection = PacketRejection.LengthMismatch };
            case "checksum":
                message[6] ^= 0x5A;
                return packet with { Rejection = PacketRejection.Checksum };
            case "vrid":
                // No router of a scenario has it: the packet is right, and concerns nobody here.
                return packet with
                {
                    Message = Valid(config with { VirtualRouterId = new(255) }, foreign, destination),
                    Rejection = PacketRejection.UnknownVirtualRouterId,
                };
            case "authentication" when isV2:
                var other = config with { Password = config.Password is null ? SimplePassword.From("wrong") : null };
                return packet with
                {
                    Message = Valid(other, foreign, destination),
                    Rejection = Content(PacketRejection.AuthenticationTypeMismatch),
                };
            case "interval" when isV2:
                return packet with
                {
                    Message = Valid(config with { AdvertisementInterval = AdvertisementInterval.FromSeconds(200) }, foreign, destination),
                    Rejection = Content(PacketRejection.Interval),
                };
            case "interval":
                message[4] = 0;
                message[5] = 0;
                return packet with { Message = WithChecksum(message, config, foreign, destination), Rejection = PacketRejection.Interval };
            case "authentication" or "empty":
                byte[] empty = new byte[isV2 ? 16 : 8];
                message.AsSpan(0, 8).CopyTo(empty);
                empty[3] = 0;
                if (isV2)
                    message.AsSpan(message.Length - 8).CopyTo(empty.AsSpan(8));
                return packet with
                {
                    Message = WithChecksum(empty, config, foreign, destination),
                    Rejection = Content(PacketRejection.AddressCountZero),
                };
            case "echo":
                return packet with { Source = own, Message = Valid(config, own, destination), IsOwnAddress = true };
            default:
                // One bit of the message: no sum of either form survives that.
                bit %= message.Length * 8;
                message[bit / 8] ^= (byte)(1 << (bit % 8));
                return packet;
        }
    }

    private static byte[] Valid(VirtualRouterConfig config, IPAddressValue source, IPAddressValue destination)
    {
        IPAddressValue[] addresses = [.. config.VirtualAddresses.Select(address => address.Address)];
        var buffer = new byte[VrrpPacket.MaxLength];
        int length = VrrpPacket.Write(
            new()
            {
                Version = config.Version,
                Family = config.Family,
                VirtualRouterId = config.VirtualRouterId,
                // Whoever took one of these for good would yield to it.
                Priority = new(254),
                Interval = config.AdvertisementInterval,
                Addresses = addresses,
                AuthenticationType = config.Password is null ? AuthenticationType.None : AuthenticationType.SimplePassword,
                Password = config.Password ?? default,
            },
            source,
            destination,
            buffer);
        return buffer[..length];
    }

    private static byte[] WithChecksum(byte[] message, VirtualRouterConfig config, IPAddressValue source, IPAddressValue destination)
    {
        message[6] = message[7] = 0;
        uint covered = config.Version == VrrpVersion.V2 ? 0
            : InternetChecksum.PseudoHeader(source, destination, VrrpPacket.Protocol, message.Length);
        BinaryPrimitives.WriteUInt16BigEndian(message.AsSpan(6), InternetChecksum.Complete(InternetChecksum.Add(covered, message)));
        return message;
    }
}
