using System.Buffers.Binary;

namespace Vrrp.Packets;

/// <summary>Parses and writes ADVERTISEMENT messages of version 2 and 3 over spans.</summary>
// Version 3 (RFC 9568 §5.1)                                         Version 2 (RFC 3768 §5.1), IPv4 only
//
//  0                   1                   2                   3     0                   1                   2                   3
//  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1   0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
// +-------+-------+---------------+---------------+---------------+ +-------+-------+---------------+---------------+---------------+
// |   3   |type 1 |     VRID      |   priority    | address count | |   2   |type 1 |     VRID      |   priority    | address count |
// +-------+-------+---------------+---------------+---------------+ +-------+-------+---------------+---------------+---------------+
// |reservd| max advertise int, cs |           checksum            | |   auth type   | adver int, s  |           checksum            |
// +-------+-----------------------+-------------------------------+ +---------------+---------------+-------------------------------+
// |                count × 4 or 16 octets of addresses            | |                   count × 4 octets of addresses               |
// +---------------------------------------------------------------+ +---------------------------------------------------------------+
//                                                                   |            8 octets of authentication data, always            |
//                                                                   +---------------------------------------------------------------+
public static class VrrpPacket
{
    /// <summary>IP protocol or next header of VRRP. RFC 9568 §5.1.1.4.</summary>
    public const byte Protocol = 112;

    /// <summary>TTL or hop limit of what is sent to the group: 255, so that a router in between shows. RFC 9568 §5.1.1.3.</summary>
    public const byte HopLimit = 255;

    /// <summary>TOS or traffic class of adverts by convention of the field: CS6, network control.</summary>
    public const byte TrafficClass = 0xC0;

    /// <summary>Octets before the address list.</summary>
    public const int HeaderLength = 8;

    /// <summary>Octets after the address list in version 2.</summary>
    public const int AuthenticationLength = 8;

    /// <summary>Most addresses that the count can express.</summary>
    public const int MaxAddresses = 255;

    /// <summary>Octets of the longest message: 255 IPv6 addresses.</summary>
    public const int MaxLength = HeaderLength + (MaxAddresses * 16);

    private const byte AdvertisementType = 1;
    private const int PriorityOffset = 2;
    private const int ChecksumOffset = 6;
    private const byte AuthenticationHeader = 2; // IP AH of RFC 2338: a type that exists, but none we can be configured for.

    /// <summary>Length of a message in octets.</summary>
    /// <param name="version">Version.</param>
    /// <param name="family">Family of the addresses.</param>
    /// <param name="addressCount">0–255.</param>
    /// <returns>16 + 4n for version 2, 8 + 4n or 8 + 16n for version 3.</returns>
    public static int GetLength(VrrpVersion version, IPFamily family, int addressCount) =>
        HeaderLength + (addressCount * AddressLength(family)) + (version == VrrpVersion.V2 ? AuthenticationLength : 0);

    /// <summary>How many addresses one unfragmented packet can carry: adverts are never fragmented.</summary>
    /// <param name="version">Version.</param>
    /// <param name="family">Family.</param>
    /// <param name="mtu">MTU of the interface in octets, the IP header included.</param>
    /// <returns>0–255: 255 for IPv4 from an MTU of 1056 on; 90 for IPv6 at 1500, 77 at 1280.</returns>
    public static int MaxAddressCount(VrrpVersion version, IPFamily family, int mtu)
    {
        int header = family == IPFamily.IPv4 ? IPv4Header.MinLength : IPv6Header.Length;
        return Math.Clamp((mtu - header - GetLength(version, family, 0)) / AddressLength(family), 0, MaxAddresses);
    }

    /// <summary>Reads the octet that names the virtual router; nothing else is checked.</summary>
    /// <param name="message">The message.</param>
    /// <param name="virtualRouterId">The octet, 0–255.</param>
    /// <returns>False if there is none.</returns>
    public static bool TryPeekVirtualRouterId(ReadOnlySpan<byte> message, out byte virtualRouterId)
    {
        virtualRouterId = message.Length > 1 ? message[1] : (byte)0;
        return message.Length > 1;
    }

    /// <summary>Checks and parses a packet; see <see cref="IFrameCodec.Read"/>.</summary>
    /// <param name="packet">The packet.</param>
    /// <param name="family">The family of the link it came in on.</param>
    /// <param name="rules">Rules of the virtual router that octet 1 of the message names; null if there is none.</param>
    /// <param name="advertisement">The advertisement; set if the checksum verified, also when the packet is dropped after that.</param>
    /// <returns><see cref="PacketRejection.None"/>, or the first check that failed.</returns>
    public static PacketRejection Read(
        scoped in ReceivedPacket packet, IPFamily family, ReceptionRules? rules, out Advertisement advertisement)
    {
        advertisement = default;
        var rejection = CheckAddresses(packet, family, rules);
        if (rejection != PacketRejection.None)
            return rejection;
        var message = packet.Message;
        if (message.Length < HeaderLength)
            return PacketRejection.TooShort;
        var version = (VrrpVersion)(message[0] >> 4);
        if (version is not (VrrpVersion.V2 or VrrpVersion.V3)
            || (version == VrrpVersion.V2 && family == IPFamily.IPv6) // RFC 3768 §1: IPv4 only
            || (rules is not null && version != rules.Version))
            return PacketRejection.Version;
        if ((message[0] & 0xF) != AdvertisementType)
            return PacketRejection.Type;
        byte count = message[3];
        if (message.Length != GetLength(version, family, count))
            return PacketRejection.LengthMismatch;
        rejection = CheckChecksum(packet, version, family, rules, out var form);
        if (rejection != PacketRejection.None)
            return rejection;

        bool isV2 = version == VrrpVersion.V2;
        byte virtualRouterId = message[1];
        advertisement = new Advertisement
        {
            Version = version,
            Family = family,
            VirtualRouterId = virtualRouterId == 0 ? default : new VirtualRouterId(virtualRouterId),
            Priority = new Priority(message[PriorityOffset]),
            // RFC 9568 §5.2.6: the four reserved bits are ignored.
            IntervalCentiseconds = isV2 ? message[5] * 100 : BinaryPrimitives.ReadUInt16BigEndian(message[4..]) & 0xFFF,
            AddressCount = count,
            Addresses = message.Slice(HeaderLength, count * AddressLength(family)),
            AuthenticationType = isV2 ? message[4] : (byte)0,
            AuthenticationData = isV2 ? BinaryPrimitives.ReadUInt64BigEndian(message[^AuthenticationLength..]) : 0,
            ChecksumForm = form,
            Source = packet.Source,
            Destination = packet.Destination,
        };

        if (rules is null || virtualRouterId == 0 || rules.Family != family)
            return PacketRejection.UnknownVirtualRouterId;
        rejection = CheckContent(advertisement, rules, out var notes);
        if (rejection == PacketRejection.None && notes != AdvertisementNotes.None)
            advertisement = advertisement with { Notes = notes };
        return rejection;
    }

    /// <summary>Writes a message with its checksum; see <see cref="IFrameCodec.Write"/>.</summary>
    /// <param name="content">What it says.</param>
    /// <param name="source">Source address of the packet.</param>
    /// <param name="destination">The group or the peer.</param>
    /// <param name="buffer">Room for <see cref="GetLength"/> octets.</param>
    /// <returns>Octets written.</returns>
    /// <exception cref="ArgumentException">The content cannot be written in its version, or the buffer is too small.</exception>
    public static int Write(in AdvertisementContent content, IPAddressValue source, IPAddressValue destination, Span<byte> buffer)
    {
        ThrowIfUnwritable(content, source, destination);
        int length = GetLength(content.Version, content.Family, content.Addresses.Length);
        if (buffer.Length < length)
            throw new ArgumentException("The buffer is too small for the message.", nameof(buffer));
        var message = buffer[..length];
        message[0] = (byte)(((byte)content.Version << 4) | AdvertisementType);
        message[1] = content.VirtualRouterId.Value;
        message[PriorityOffset] = content.Priority.Value;
        message[3] = (byte)content.Addresses.Length;
        if (content.Version == VrrpVersion.V2)
        {
            message[4] = (byte)content.AuthenticationType;
            message[5] = (byte)(content.Interval.Centiseconds / 100);
            // RFC 3768 §5.3.10: present for every type, zero without authentication.
            ulong data = content.AuthenticationType == AuthenticationType.SimplePassword ? content.Password.AuthenticationData : 0;
            BinaryPrimitives.WriteUInt64BigEndian(message[^AuthenticationLength..], data);
        }
        else
        {
            BinaryPrimitives.WriteUInt16BigEndian(message[4..], (ushort)content.Interval.Centiseconds);
        }

        BinaryPrimitives.WriteUInt16BigEndian(message[ChecksumOffset..], 0);
        int addressLength = AddressLength(content.Family);
        int offset = HeaderLength;
        foreach (var address in content.Addresses)
        {
            if (address.Family != content.Family)
                throw new ArgumentException("An address is of another family than the packet.", nameof(content));
            address.Write(message[offset..]);
            offset += addressLength;
        }

        uint sum = InternetChecksum.Add(CoveredHeader(content, source, destination, length), message);
        BinaryPrimitives.WriteUInt16BigEndian(message[ChecksumOffset..], InternetChecksum.Complete(sum));
        return length;
    }

    /// <summary>Gives a written message another priority, for example 0 on leaving, and corrects its checksum.</summary>
    /// <param name="message">A message of <see cref="Write"/>.</param>
    /// <param name="priority">The new priority.</param>
    public static void ReplacePriority(Span<byte> message, Priority priority)
    {
        ushort before = BinaryPrimitives.ReadUInt16BigEndian(message[PriorityOffset..]);
        message[PriorityOffset] = priority.Value;
        ushort after = BinaryPrimitives.ReadUInt16BigEndian(message[PriorityOffset..]);
        var field = message[ChecksumOffset..];
        BinaryPrimitives.WriteUInt16BigEndian(field, InternetChecksum.Update(BinaryPrimitives.ReadUInt16BigEndian(field), before, after));
    }

    private static int AddressLength(IPFamily family) => family == IPFamily.IPv4 ? 4 : 16;

    private static IPAddressValue Group(IPFamily family) =>
        family == IPFamily.IPv4 ? IPAddressValue.MulticastGroupIPv4 : IPAddressValue.MulticastGroupIPv6;

    private static PacketRejection CheckAddresses(in ReceivedPacket packet, IPFamily family, ReceptionRules? rules)
    {
        var source = packet.Source;
        var destination = packet.Destination;
        bool isMulticast = destination.IsMulticast;
        if (source.IsNone || source.Family != family || source.IsUnspecified || source.IsMulticast
            || source == IPAddressValue.FromIPv4(uint.MaxValue)
            // RFC 9568 §5.1.2.1; unicast peers may be routers away and then have other addresses.
            || (isMulticast && family == IPFamily.IPv6 && !source.IsIPv6LinkLocal))
            return PacketRejection.BadSource;
        if (destination.Family != family || (isMulticast && destination != (rules is null || rules.Group.IsNone ? Group(family) : rules.Group))
            || (rules is not null && rules.IsUnicast == isMulticast))
            return PacketRejection.WrongCastMode;
        if (isMulticast)
            return packet.HopLimit == HopLimit ? PacketRejection.None : PacketRejection.HopLimit;

        // keepalived 2.2 looks at the hop limit of unicast only where a peer has a range. What could not be read passes no check.
        if (packet.HopLimit < 0)
            return PacketRejection.HopLimit;
        if (rules is null)
            return PacketRejection.None;
        if (!rules.TryGetPeer(source, out var peer))
            return rules.CheckUnicastSource ? PacketRejection.NotAPeer : PacketRejection.None;
        bool inRange = packet.HopLimit >= peer.MinHopLimit && packet.HopLimit <= peer.MaxHopLimit;
        return inRange ? PacketRejection.None : PacketRejection.HopLimit;
    }

    private static PacketRejection CheckChecksum(
        in ReceivedPacket packet, VrrpVersion version, IPFamily family, ReceptionRules? rules, out VrrpChecksum form)
    {
        uint sum = InternetChecksum.Add(0, packet.Message);
        bool messageOnly = sum == InternetChecksum.Valid;
        form = VrrpChecksum.MessageOnly;
        if (version == VrrpVersion.V2)
            return messageOnly ? PacketRejection.None : PacketRejection.Checksum;

        bool withPseudoHeader = Verifies(sum, packet.Source, packet.Destination, packet.Message.Length);
        form = VrrpChecksum.WithPseudoHeader;
        if (family == IPFamily.IPv6)
        {
            // Some routers can be set to leave the IPv6 pseudo-header out; saying so finds the setting.
            return withPseudoHeader ? PacketRejection.None : messageOnly ? PacketRejection.ChecksumForm : PacketRejection.Checksum;
        }

        var strict = rules?.StrictChecksumForm;
        if (withPseudoHeader && strict is null or VrrpChecksum.WithPseudoHeader)
            return PacketRejection.None;
        if (messageOnly && strict is null or VrrpChecksum.MessageOnly)
        {
            form = VrrpChecksum.MessageOnly;
            return PacketRejection.None;
        }

        // To the group this is the same as the form with pseudo-header.
        bool legacy = Verifies(sum, packet.Source, Group(family), packet.Message.Length);
        if (legacy && (strict == VrrpChecksum.WithMulticastPseudoHeader || (strict is null && rules?.AcceptLegacyUnicastChecksum == true)))
        {
            form = VrrpChecksum.WithMulticastPseudoHeader;
            return PacketRejection.None;
        }

        return withPseudoHeader || messageOnly || legacy ? PacketRejection.ChecksumForm : PacketRejection.Checksum;
    }

    private static bool Verifies(uint sum, IPAddressValue source, IPAddressValue destination, int length) =>
        InternetChecksum.Add(InternetChecksum.PseudoHeader(source, destination, Protocol, length), (ushort)sum) == InternetChecksum.Valid;

    private static PacketRejection CheckContent(in Advertisement advertisement, ReceptionRules rules, out AdvertisementNotes notes)
    {
        notes = AdvertisementNotes.None;
        bool isV2 = advertisement.Version == VrrpVersion.V2;
        if (rules.DropsAsOwner)
            return PacketRejection.OwnerReceives;
        if (isV2)
        {
            if (advertisement.AuthenticationType > AuthenticationHeader)
                return PacketRejection.InvalidAuthenticationType;
            if (advertisement.AuthenticationType != (byte)rules.AuthenticationType)
                return PacketRejection.AuthenticationTypeMismatch;
            if (rules.AuthenticationType == AuthenticationType.SimplePassword && !rules.Password.Matches(advertisement.AuthenticationData))
                return PacketRejection.AuthenticationFailure;
        }

        bool sameInterval = advertisement.IntervalCentiseconds == rules.AdvertisementInterval.Centiseconds;
        if (advertisement.IntervalCentiseconds == 0 || (isV2 && !sameInterval))
            return PacketRejection.Interval;
        if (!sameInterval)
            notes |= AdvertisementNotes.IntervalDiffers;

        // RFC 3768 leaves no addresses to the comparison below; where that only notes a difference, none at all is more than one.
        if ((!isV2 || rules.AddressListCheck == AddressListCheck.LogOnly) && advertisement.AddressCount == 0 && !rules.AcceptEmptyAddressList)
            return PacketRejection.AddressCountZero;
        if (advertisement.Family == IPFamily.IPv6 && rules.RequireLinkLocalFirst && advertisement.AddressCount != 0
            && !advertisement.GetAddress(0).IsIPv6LinkLocal)
            return PacketRejection.FirstAddressNotLinkLocal;

        if (rules.AddressListCheck == AddressListCheck.Off || rules.HasAddresses(advertisement.Addresses))
            return PacketRejection.None;
        // RFC 3768 §7.1: a farewell with priority 0 is no exception, only the owner of the addresses is.
        if (isV2 && rules.AddressListCheck == AddressListCheck.RejectUnlessOwner && !advertisement.Priority.IsOwner)
            return PacketRejection.AddressList;
        notes |= AdvertisementNotes.AddressListDiffers;
        return PacketRejection.None;
    }

    private static void ThrowIfUnwritable(in AdvertisementContent content, IPAddressValue source, IPAddressValue destination)
    {
        if (content.VirtualRouterId.Value == 0)
            throw new ArgumentException("VRID 0 names no virtual router.", nameof(content));
        if (content.Addresses.Length > MaxAddresses)
            throw new ArgumentException("A message carries at most 255 addresses.", nameof(content));
        if (source.IsNone || source.Family != content.Family)
            throw new ArgumentException("The source is of another family than the packet.", nameof(source));
        if (destination.IsNone || destination.Family != content.Family)
            throw new ArgumentException("The destination is of another family than the packet.", nameof(destination));
        if (content.Version == VrrpVersion.V2)
        {
            if (content.Family != IPFamily.IPv4)
                throw new ArgumentException("Version 2 is for IPv4 only.", nameof(content));
            if (!content.Interval.IsWholeSeconds)
                throw new ArgumentException("Version 2 can express whole seconds only.", nameof(content));
            if (content.AuthenticationType == AuthenticationType.SimplePassword && content.Password.IsEmpty)
                throw new ArgumentException("The password is missing.", nameof(content));
            if (content.AuthenticationType > AuthenticationType.SimplePassword)
                throw new ArgumentException("The authentication type cannot be sent.", nameof(content));
        }
        else if (content.Version == VrrpVersion.V3)
        {
            if (!content.Interval.FitsVersion3)
                throw new ArgumentException("Version 3 can express 1 to 4095 centiseconds only.", nameof(content));
            if (content.AuthenticationType != AuthenticationType.None)
                throw new ArgumentException("Version 3 has no authentication.", nameof(content));
        }
        else
        {
            throw new ArgumentException("The version is neither 2 nor 3.", nameof(content));
        }
    }

    private static uint CoveredHeader(in AdvertisementContent content, IPAddressValue source, IPAddressValue destination, int length)
    {
        if (content.Version == VrrpVersion.V2)
            return 0;
        if (content.Family == IPFamily.IPv6)
            return InternetChecksum.PseudoHeader(source, destination, Protocol, length);
        return content.Checksum switch
        {
            VrrpChecksum.MessageOnly => 0,
            VrrpChecksum.WithMulticastPseudoHeader => InternetChecksum.PseudoHeader(source, Group(IPFamily.IPv4), Protocol, length),
            _ => InternetChecksum.PseudoHeader(source, destination, Protocol, length),
        };
    }
}
