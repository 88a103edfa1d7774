using Vrrp.Packets;

namespace Vrrp.Tests.Fuzzing.Targets;

/// <summary>RFC 9568 §7.1 and RFC 3768 §7.1 read a second time, octet by octet: what must hold for a verdict to be right.</summary>
internal static class PlainReading
{
    /// <summary>Why a verdict is wrong; null: it may be right.</summary>
    public static string? Contradiction(in ReceivedPacket packet, IPFamily family, ReceptionRules? rules, PacketRejection verdict)
    {
        var message = packet.Message;
        switch (verdict)
        {
            case PacketRejection.None:
                return rules is null ? "nobody is there to accept it" : WhyNotAcceptable(packet, family, rules);
            case PacketRejection.TooShort:
                return message.Length < 8 ? null : "it has 8 octets";
            case PacketRejection.Version:
                return message[0] >> 4 is 2 or 3 && (rules is null || (byte)rules.Version == message[0] >> 4) && !(message[0] >> 4 == 2 && family == IPFamily.IPv6)
                    ? "the version is right" : null;
            case PacketRejection.Type:
                return (message[0] & 15) == 1 ? "it is an ADVERTISEMENT" : null;
            case PacketRejection.LengthMismatch:
                return message.Length == LengthOf(message, family) ? "the length is right" : null;
            case PacketRejection.Checksum:
                var forms = FormsOf(packet);
                return (message[0] >> 4 == 2 ? forms.MessageOnly : forms.Any) ? "the checksum is right in a form" : null;
            case PacketRejection.ChecksumForm:
                return FormsOf(packet).Any ? null : "the checksum is right in no form";
            case PacketRejection.HopLimit:
                return packet.Destination.IsMulticast && packet.HopLimit == 255 ? "the hop limit is 255" : null;
            case PacketRejection.UnknownVirtualRouterId:
                return rules is not null && message[1] != 0 && rules.Family == family ? "the virtual router is known" : null;
            default:
                // All others come after the checksum.
                return verdict > PacketRejection.ChecksumForm && !FormsOf(packet).Any ? "the checksum was wrong before that"
                    : (int)verdict >= PacketRejections.Count ? "there is no such reason" : null;
        }
    }

    private static string? WhyNotAcceptable(in ReceivedPacket packet, IPFamily family, ReceptionRules rules)
    {
        var message = packet.Message;
        if (message.Length < 8 || message.Length != LengthOf(message, family))
            return "the length is wrong";
        bool isV2 = message[0] == 0x21;
        if (message[0] != ((int)rules.Version << 4 | 1) || (isV2 && family == IPFamily.IPv6) || rules.Family != family)
            return "version, type or family is wrong";
        if (message[1] == 0)
            return "there is no VRID 0";
        if (packet.Source.Family != family || packet.Destination.Family != family || packet.Source.IsMulticast || packet.Source.IsUnspecified)
            return "an address cannot be";
        if (packet.Destination.IsMulticast == rules.IsUnicast || packet.HopLimit < 0 || (!rules.IsUnicast && packet.HopLimit != 255))
            return "unicast, multicast or the hop limit is wrong";
        var forms = FormsOf(packet);
        if (isV2 ? !forms.MessageOnly : family == IPFamily.IPv6 ? !forms.PseudoHeader : !forms.Any)
            return "the checksum is wrong";
        if (isV2 && message[4] != (byte)rules.AuthenticationType)
            return "the authentication type is wrong";
        if (isV2 && rules.AuthenticationType == AuthenticationType.SimplePassword && !message[^8..].SequenceEqual("secret\0\0"u8))
            return "the password is wrong";
        int interval = isV2 ? message[5] * 100 : ((message[4] & 15) << 8) | message[5];
        if (interval == 0 || (isV2 && interval != rules.AdvertisementInterval.Centiseconds))
            return "the interval is wrong";
        if (!isV2 && message[3] == 0 && !rules.AcceptEmptyAddressList)
            return "there is no address";
        return null;
    }

    private static int LengthOf(ReadOnlySpan<byte> message, IPFamily family) =>
        8 + (message[3] * (family == IPFamily.IPv4 ? 4 : 16)) + (message[0] >> 4 == 2 ? 8 : 0);

    private static (bool MessageOnly, bool PseudoHeader, bool Legacy, bool Any) FormsOf(in ReceivedPacket packet)
    {
        ulong message = Sum(packet.Message);
        var group = packet.Source.Family == IPFamily.IPv4 ? IPAddressValue.MulticastGroupIPv4 : IPAddressValue.MulticastGroupIPv6;
        bool messageOnly = message % 0xFFFF == 0;
        bool pseudoHeader = (message + PseudoHeader(packet, packet.Destination)) % 0xFFFF == 0;
        bool legacy = packet.Source.Family == IPFamily.IPv4 && (message + PseudoHeader(packet, group)) % 0xFFFF == 0;
        return (messageOnly, pseudoHeader, legacy, messageOnly || pseudoHeader || legacy);
    }

    private static ulong PseudoHeader(in ReceivedPacket packet, IPAddressValue destination)
    {
        Span<byte> addresses = stackalloc byte[32];
        packet.Source.Write(addresses);
        destination.Write(addresses[packet.Source.Length..]);
        return Sum(addresses[..(packet.Source.Length + destination.Length)]) + VrrpPacket.Protocol + (ulong)packet.Message.Length;
    }

    private static ulong Sum(ReadOnlySpan<byte> octets)
    {
        ulong sum = 0;
        for (int i = 0; i < octets.Length; i++)
            sum += i % 2 == 0 ? (ulong)octets[i] << 8 : octets[i];
        return sum;
    }
}
