using System.Collections.Immutable;
using Vrrp.Packets;

namespace Vrrp.Tests.Packets;

public class VrrpPacketTests
{
    private static readonly IPAddressValue Sender = IPAddressValue.Parse("192.0.2.1");
    private static readonly IPAddressValue Receiver = IPAddressValue.Parse("192.0.2.2");
    private static readonly IPAddressValue Address = IPAddressValue.Parse("192.0.2.254");
    private static readonly IPAddressValue SenderIPv6 = IPAddressValue.Parse("fe80::1");
    private static readonly IPAddressValue LinkLocal = IPAddressValue.Parse("fe80::254");
    private static readonly IPAddressValue Global = IPAddressValue.Parse("2001:db8::254");
    private static readonly VirtualRouterId Vrid = new(51);

    private static readonly ReceptionRules Rules = new()
    {
        Version = VrrpVersion.V3,
        Family = IPFamily.IPv4,
        AdvertisementInterval = AdvertisementInterval.OneSecond,
        Addresses = [Address],
    };

    private static readonly ReceptionRules UnicastRules = Rules with { IsUnicast = true, UnicastPeers = [new(Sender)] };

    private static readonly ReceptionRules RulesIPv6 = Rules with { Family = IPFamily.IPv6, Addresses = [LinkLocal] };

    // Octets sent by keepalived 2.2 and 2.3 (observed on a LAN of two namespaces), with its addresses and passwords.
    [Theory]
    [InlineData("213364020101028c0a0900640a0900653131313100000000", "10.9.0.1", "224.0.0.18", 100, "10.9.0.100,10.9.0.101", "1111")]
    [InlineData("213364010001705d0a0900640000000000000000", "10.9.0.1", "224.0.0.18", 100, "10.9.0.100", null)]
    [InlineData("3147c801007d11200a090078", "10.9.0.1", "224.0.0.18", 125, "10.9.0.120", null)]
    [InlineData("3133c8010032e79a0a090064", "10.9.0.1", "10.9.0.2", 50, "10.9.0.100", null)]
    [InlineData(
        "313dc8020032cb9ffe80000000000000000000000000010020010db8000000000000000000000005",
        "fe80::3040:87ff:fe45:58fb",
        "ff02::12",
        50,
        "fe80::100,2001:db8::5",
        null)]
    public void Adverts_of_keepalived_are_read_and_written_to_the_octet(
        string hex, string source, string destination, int centiseconds, string addresses, string? password)
    {
        var message = Convert.FromHexString(hex);
        var version = (VrrpVersion)(message[0] >> 4);
        var from = IPAddressValue.Parse(source);
        var to = IPAddressValue.Parse(destination);
        ImmutableArray<IPAddressValue> list = [.. addresses.Split(',').Select(IPAddressValue.Parse)];
        var rules = new ReceptionRules
        {
            Version = version,
            Family = from.Family,
            AuthenticationType = password is null ? AuthenticationType.None : AuthenticationType.SimplePassword,
            Password = password is null ? default : SimplePassword.From(password),
            AdvertisementInterval = AdvertisementInterval.FromCentiseconds(centiseconds),
            Addresses = list,
            AddressListCheck = AddressListCheck.RejectUnlessOwner,
            IsUnicast = !to.IsMulticast,
        };
        var packet = new ReceivedPacket { Source = from, Destination = to, HopLimit = 255, Message = message };
        Assert.Equal(PacketRejection.None, VrrpPacket.Read(packet, from.Family, rules, out var advertisement));
        Assert.Equal(AdvertisementNotes.None, advertisement.Notes);
        Assert.Equal(centiseconds, advertisement.IntervalCentiseconds);
        Assert.Equal(list.Length, advertisement.AddressCount);

        var content = new AdvertisementContent
        {
            Version = version,
            Family = from.Family,
            VirtualRouterId = advertisement.VirtualRouterId,
            Priority = advertisement.Priority,
            Interval = rules.AdvertisementInterval,
            Addresses = list.AsSpan(),
            AuthenticationType = rules.AuthenticationType,
            Password = rules.Password,
        };
        var buffer = new byte[64];
        Assert.Equal(message, buffer[..VrrpPacket.Write(content, from, to, buffer)]);
    }

    [Fact]
    public void The_IP_header_of_keepalived_is_written_to_the_octet()
    {
        var packet = new byte[IPv4Header.MinLength];
        new IPv4Header
        {
            Source = IPAddressValue.Parse("10.9.0.1"),
            Destination = IPAddressValue.MulticastGroupIPv4,
            Identification = 1,
            PayloadLength = 24,
        }.Write(packet);
        Assert.Equal("45c0002c00010000ff70d0840a090001e0000012", Convert.ToHexStringLower(packet));
    }

    // VR-124: what was not sent for this mode is not looked at further.
    [Fact]
    public void Multicast_at_a_unicast_router_is_dropped_and_the_reverse()
    {
        var octets = Message();
        Assert.Equal(PacketRejection.WrongCastMode, Read(octets, Sender, IPAddressValue.MulticastGroupIPv4, 255, UnicastRules));
        Assert.Equal(PacketRejection.WrongCastMode, Read(Message(Receiver), Sender, Receiver, 255, Rules));
        Assert.Equal(PacketRejection.WrongCastMode, Read(octets, Sender, IPAddressValue.Parse("224.0.0.1"), 255, Rules));
        Assert.Equal(PacketRejection.None, Read(Message(Receiver), Sender, Receiver, 255, UnicastRules));
    }

    [Theory]
    [InlineData("0.0.0.0")]
    [InlineData("224.0.0.18")]
    [InlineData("255.255.255.255")]
    [InlineData("fe80::1")]
    public void A_source_that_no_router_can_have_is_dropped(string source) =>
        Assert.Equal(
            PacketRejection.BadSource, Read(Message(), IPAddressValue.Parse(source), IPAddressValue.MulticastGroupIPv4, 255, Rules));

    // VR-148; unicast peers may be far away.
    [Fact]
    public void IPv6_multicast_comes_from_a_link_local_source_and_unicast_from_any()
    {
        var global = IPAddressValue.Parse("2001:db8::1");
        var group = IPAddressValue.MulticastGroupIPv6;
        Assert.Equal(PacketRejection.None, ReadIPv6(SenderIPv6, group, RulesIPv6));
        Assert.Equal(PacketRejection.BadSource, ReadIPv6(global, group, RulesIPv6));
        Assert.Equal(PacketRejection.BadSource, ReadIPv6(IPAddressValue.Parse("::"), group, RulesIPv6));
        Assert.Equal(PacketRejection.None, ReadIPv6(global, IPAddressValue.Parse("2001:db8::2"), RulesIPv6 with { IsUnicast = true }));
    }

    // VR-223, VR-224.
    [Fact]
    public void Unicast_is_held_to_the_range_of_its_peer_only()
    {
        var octets = Message(Receiver);
        var ranged = UnicastRules with { UnicastPeers = [new(Address), new(Sender, 250, 254)] };
        var stranger = UnicastRules with { UnicastPeers = [new(Address, 255)] };
        Assert.Equal(PacketRejection.None, Read(octets, Sender, Receiver, 3, UnicastRules));
        Assert.Equal(PacketRejection.HopLimit, Read(octets, Sender, Receiver, -1, UnicastRules));
        Assert.Equal(PacketRejection.HopLimit, Read(octets, Sender, Receiver, 249, ranged));
        Assert.Equal(PacketRejection.None, Read(octets, Sender, Receiver, 250, ranged));
        Assert.Equal(PacketRejection.None, Read(octets, Sender, Receiver, 254, ranged));
        Assert.Equal(PacketRejection.HopLimit, Read(octets, Sender, Receiver, 255, ranged));
        Assert.Equal(PacketRejection.None, Read(octets, Sender, Receiver, 3, stranger));
        Assert.Equal(PacketRejection.NotAPeer, Read(octets, Sender, Receiver, 255, stranger with { CheckUnicastSource = true }));
    }

    // VR-151.
    [Fact]
    public void A_hop_limit_that_could_not_be_read_is_a_wrong_one() =>
        Assert.Equal(PacketRejection.HopLimit, Read(Message(), Sender, IPAddressValue.MulticastGroupIPv4, -1, Rules));

    // VR-045.
    [Theory]
    [InlineData(VrrpChecksum.WithPseudoHeader, VrrpChecksum.WithPseudoHeader, PacketRejection.None)]
    [InlineData(VrrpChecksum.WithPseudoHeader, VrrpChecksum.MessageOnly, PacketRejection.ChecksumForm)]
    [InlineData(VrrpChecksum.MessageOnly, VrrpChecksum.WithPseudoHeader, PacketRejection.ChecksumForm)]
    [InlineData(VrrpChecksum.MessageOnly, VrrpChecksum.MessageOnly, PacketRejection.None)]
    [InlineData(VrrpChecksum.WithMulticastPseudoHeader, VrrpChecksum.WithMulticastPseudoHeader, PacketRejection.None)]
    [InlineData(VrrpChecksum.WithMulticastPseudoHeader, VrrpChecksum.WithPseudoHeader, PacketRejection.ChecksumForm)]
    public void A_strict_router_takes_one_checksum_form(VrrpChecksum sent, VrrpChecksum taken, PacketRejection expected)
    {
        var octets = Message(Receiver, checksum: sent);
        var packet = new ReceivedPacket { Source = Sender, Destination = Receiver, HopLimit = 255, Message = octets };
        var rules = UnicastRules with { StrictChecksumForm = taken };
        Assert.Equal(expected, VrrpPacket.Read(packet, IPFamily.IPv4, rules, out var advertisement));
        if (expected == PacketRejection.None)
            Assert.Equal(sent, advertisement.ChecksumForm);
    }

    [Fact]
    public void To_the_group_both_forms_with_pseudo_header_are_one()
    {
        var strict = Rules with { StrictChecksumForm = VrrpChecksum.WithMulticastPseudoHeader };
        var group = IPAddressValue.MulticastGroupIPv4;
        Assert.Equal(PacketRejection.None, Read(Message(), Sender, group, 255, strict));
        Assert.Equal(PacketRejection.None, Read(Message(checksum: VrrpChecksum.WithMulticastPseudoHeader), Sender, group, 255, Rules));
        Assert.Equal(PacketRejection.ChecksumForm, Read(Message(checksum: VrrpChecksum.MessageOnly), Sender, group, 255, strict));
    }

    // The order of section 4.1: with every fault at once the first one counts; each repair uncovers the next.
    [Fact]
    public void The_first_failing_check_decides()
    {
        var rules = new ReceptionRules
        {
            Version = VrrpVersion.V2,
            Family = IPFamily.IPv4,
            AuthenticationType = AuthenticationType.SimplePassword,
            Password = SimplePassword.From("secret"),
            AdvertisementInterval = AdvertisementInterval.OneSecond,
            AddressListCheck = AddressListCheck.RejectUnlessOwner,
            Addresses = [Address],
            IsOwner = true,
        };
        var source = IPAddressValue.MulticastGroupIPv4;
        var destination = Receiver;
        int hopLimit = 1;
        byte[] octets = [0x12, 0, 100, 9, 200, 7, 0];
        bool sumIsRight = false;
        Expect(PacketRejection.BadSource);
        source = Sender;
        Expect(PacketRejection.WrongCastMode);
        destination = IPAddressValue.MulticastGroupIPv4;
        Expect(PacketRejection.HopLimit);
        hopLimit = 255;
        Expect(PacketRejection.TooShort);
        octets = [.. octets, 0, 192, 0, 2, 7, 0, 0, 0, 0, 0, 0, 0, 0];
        Expect(PacketRejection.Version);
        octets[0] = 0x32;
        Expect(PacketRejection.Version);
        octets[0] = 0x22;
        Expect(PacketRejection.Type);
        octets[0] = 0x21;
        Expect(PacketRejection.LengthMismatch);
        octets[3] = 1;
        Expect(PacketRejection.Checksum);
        sumIsRight = true;
        Expect(PacketRejection.UnknownVirtualRouterId);
        octets[1] = 51;
        Expect(PacketRejection.OwnerReceives);
        rules = rules with { IsOwner = false };
        Expect(PacketRejection.InvalidAuthenticationType);
        octets[4] = 0;
        Expect(PacketRejection.AuthenticationTypeMismatch);
        octets[4] = 1;
        Expect(PacketRejection.AuthenticationFailure);
        "secret"u8.CopyTo(octets.AsSpan(12));
        Expect(PacketRejection.Interval);
        octets[5] = 1;
        Expect(PacketRejection.AddressList);
        octets[11] = 254;
        Expect(PacketRejection.None);

        void Expect(PacketRejection expected)
        {
            if (sumIsRight)
            {
                octets[6] = octets[7] = 0;
                ushort checksum = InternetChecksum.Compute(octets);
                octets[6] = (byte)(checksum >> 8);
                octets[7] = (byte)checksum;
            }

            Assert.Equal(expected, Read(octets, source, destination, hopLimit, rules));
        }
    }

    // VR-133: nothing that needs no rules is left unchecked.
    [Fact]
    public void Without_rules_the_VRID_is_unknown_after_everything_else()
    {
        var octets = Message();
        var group = IPAddressValue.MulticastGroupIPv4;
        Assert.Equal(PacketRejection.UnknownVirtualRouterId, Read(octets, Sender, group, 255, null));
        Assert.Equal(PacketRejection.UnknownVirtualRouterId, Read(octets, Sender, group, 255, RulesIPv6));
        Assert.Equal(PacketRejection.HopLimit, Read(octets, Sender, group, 254, null));
        Assert.Equal(PacketRejection.TooShort, Read(octets.AsSpan(0, 7), Sender, group, 255, null));
        octets[^1] ^= 1;
        Assert.Equal(PacketRejection.Checksum, Read(octets, Sender, group, 255, null));
    }

    [Fact]
    public void A_rejected_packet_keeps_its_claims_for_the_log()
    {
        var packet = new ReceivedPacket
        {
            Source = Sender,
            Destination = IPAddressValue.MulticastGroupIPv4,
            HopLimit = 255,
            Message = Message(interval: 300, version: VrrpVersion.V2),
        };
        var rules = Rules with { Version = VrrpVersion.V2 };
        Assert.Equal(PacketRejection.Interval, VrrpPacket.Read(packet, IPFamily.IPv4, rules, out var advertisement));
        Assert.Equal(300, advertisement.IntervalCentiseconds);
        Assert.Equal(Vrid, advertisement.VirtualRouterId);
    }

    // VR-134; erratum 8298.
    [Fact]
    public void An_owner_of_version_2_hears_nobody_and_one_of_version_3_hears_all_unless_told_otherwise()
    {
        var group = IPAddressValue.MulticastGroupIPv4;
        var owner = Rules with { IsOwner = true };
        Assert.Equal(PacketRejection.None, Read(Message(), Sender, group, 255, owner));
        Assert.Equal(PacketRejection.OwnerReceives, Read(Message(), Sender, group, 255, owner with { IgnoreWhenOwner = true }));
        owner = owner with { Version = VrrpVersion.V2 };
        var octets = Message(version: VrrpVersion.V2);
        Assert.Equal(PacketRejection.OwnerReceives, Read(octets, Sender, group, 255, owner));
        Assert.Equal(PacketRejection.None, Read(octets, Sender, group, 255, owner with { IgnoreWhenOwner = false }));
    }

    // VR-141, VR-142, VR-146.
    [Theory]
    [InlineData(VrrpVersion.V2, AddressListCheck.Off, 100, PacketRejection.None, AdvertisementNotes.None)]
    [InlineData(VrrpVersion.V2, AddressListCheck.LogOnly, 100, PacketRejection.None, AdvertisementNotes.AddressListDiffers)]
    [InlineData(VrrpVersion.V2, AddressListCheck.RejectUnlessOwner, 100, PacketRejection.AddressList, AdvertisementNotes.None)]
    [InlineData(VrrpVersion.V2, AddressListCheck.RejectUnlessOwner, 0, PacketRejection.AddressList, AdvertisementNotes.None)]
    [InlineData(VrrpVersion.V2, AddressListCheck.RejectUnlessOwner, 255, PacketRejection.None, AdvertisementNotes.AddressListDiffers)]
    [InlineData(VrrpVersion.V3, AddressListCheck.Off, 100, PacketRejection.None, AdvertisementNotes.None)]
    [InlineData(VrrpVersion.V3, AddressListCheck.LogOnly, 100, PacketRejection.None, AdvertisementNotes.AddressListDiffers)]
    [InlineData(VrrpVersion.V3, AddressListCheck.RejectUnlessOwner, 100, PacketRejection.None, AdvertisementNotes.AddressListDiffers)]
    public void Another_address_list_is_dropped_only_by_a_strict_router_of_version_2(
        VrrpVersion version, AddressListCheck check, int priority, PacketRejection expected, AdvertisementNotes notes)
    {
        var packet = new ReceivedPacket
        {
            Source = Sender,
            Destination = IPAddressValue.MulticastGroupIPv4,
            HopLimit = 255,
            Message = Message(version: version, priority: priority),
        };
        var rules = Rules with { Version = version, AddressListCheck = check, Addresses = [Address, Receiver] };
        Assert.Equal(expected, VrrpPacket.Read(packet, IPFamily.IPv4, rules, out var advertisement));
        Assert.Equal(notes, advertisement.Notes);
    }

    [Theory]
    [InlineData("192.0.2.7,192.0.2.8,192.0.2.9", true)]
    [InlineData("192.0.2.9,192.0.2.7,192.0.2.8", true)]
    [InlineData("192.0.2.9,192.0.2.7", false)]
    [InlineData("192.0.2.7,192.0.2.8,192.0.2.9,192.0.2.9", false)]
    [InlineData("192.0.2.7,192.0.2.8,192.0.2.8", false)]
    [InlineData("192.0.2.7,192.0.2.8,192.0.2.10", false)]
    public void Address_lists_are_compared_as_sets(string list, bool same)
    {
        var rules = Rules with { Addresses = [.. "192.0.2.9,192.0.2.8,192.0.2.7".Split(',').Select(IPAddressValue.Parse)] };
        var octets = new List<byte>();
        foreach (string address in list.Split(','))
            octets.AddRange(IPAddressValue.Parse(address).ToIPAddress().GetAddressBytes());
        Assert.Equal(same, rules.HasAddresses([.. octets]));
    }

    [Fact]
    public void A_full_list_is_compared_in_any_order()
    {
        var rules = Rules with { Addresses = [.. Enumerable.Range(0, 255).Select(i => IPAddressValue.FromIPv4(0x0A00_0000u + (uint)i))] };
        var octets = new byte[255 * 4];
        for (int i = 0; i < 255; i++)
            IPAddressValue.FromIPv4(0x0A00_0000u + (uint)(254 - i)).Write(octets.AsSpan(i * 4));
        Assert.True(rules.HasAddresses(octets));
        octets[7] = 0;
        Assert.False(rules.HasAddresses(octets));
    }

    // VR-220, VR-221: keepalived's HMAC, and the authentication area of version 2 that some routers append in version 3.
    [Theory]
    [InlineData(8)]
    [InlineData(12)]
    [InlineData(16)]
    [InlineData(20)]
    [InlineData(32)]
    public void A_trailer_is_a_wrong_length(int octets)
    {
        byte[] message = [.. Message(), .. new byte[octets]];
        Assert.Equal(PacketRejection.LengthMismatch, Read(message, Sender, IPAddressValue.MulticastGroupIPv4, 255, Rules));
        Assert.Contains("a trailer", PacketRejection.LengthMismatch.Describe(), StringComparison.Ordinal);
    }

    // VR-139, VR-140 and their options.
    [Fact]
    public void Lists_that_errata_forbid_are_taken_when_told_so()
    {
        var empty = Message(addresses: []);
        var group = IPAddressValue.MulticastGroupIPv4;
        Assert.Equal(PacketRejection.AddressCountZero, Read(empty, Sender, group, 255, Rules));
        Assert.Equal(PacketRejection.None, Read(empty, Sender, group, 255, Rules with { AcceptEmptyAddressList = true }));
        group = IPAddressValue.MulticastGroupIPv6;
        Assert.Equal(PacketRejection.FirstAddressNotLinkLocal, ReadIPv6(SenderIPv6, group, RulesIPv6, Global));
        Assert.Equal(PacketRejection.None, ReadIPv6(SenderIPv6, group, RulesIPv6 with { RequireLinkLocalFirst = false }, Global));
    }

    // VR-049.
    [Fact]
    public void Replacing_the_priority_gives_what_writing_anew_gives()
    {
        foreach (var version in new[] { VrrpVersion.V2, VrrpVersion.V3 })
        {
            foreach (var checksum in Enum.GetValues<VrrpChecksum>())
            {
                for (int before = 0; before < 256; before += 5)
                {
                    for (int after = 0; after < 256; after += 3)
                    {
                        var octets = Message(Receiver, version, before, checksum: checksum);
                        VrrpPacket.ReplacePriority(octets, new Priority(after));
                        Assert.Equal(Message(Receiver, version, after, checksum: checksum), octets);
                    }
                }
            }
        }
    }

    // VR-015.
    [Theory]
    [InlineData(VrrpVersion.V2, IPFamily.IPv4, 1500, 255)]
    [InlineData(VrrpVersion.V2, IPFamily.IPv4, 1056, 255)]
    [InlineData(VrrpVersion.V2, IPFamily.IPv4, 1055, 254)]
    [InlineData(VrrpVersion.V3, IPFamily.IPv4, 1048, 255)]
    [InlineData(VrrpVersion.V3, IPFamily.IPv4, 1047, 254)]
    [InlineData(VrrpVersion.V3, IPFamily.IPv6, 1500, 90)]
    [InlineData(VrrpVersion.V3, IPFamily.IPv6, 1280, 77)]
    [InlineData(VrrpVersion.V3, IPFamily.IPv6, 65535, 255)]
    [InlineData(VrrpVersion.V3, IPFamily.IPv6, 0, 0)]
    public void The_address_count_is_limited_by_the_MTU(VrrpVersion version, IPFamily family, int mtu, int expected) =>
        Assert.Equal(expected, VrrpPacket.MaxAddressCount(version, family, mtu));

    [Fact]
    public void What_a_version_cannot_say_is_the_callers_mistake()
    {
        Assert.Throws<ArgumentException>(() => Message(version: VrrpVersion.V2, interval: 150)); // VR-018
        Assert.Throws<ArgumentException>(() => Message(interval: 4096));
        Assert.Throws<ArgumentException>(() => Message(addresses: [LinkLocal]));
        Assert.Throws<ArgumentException>(() => Message(addresses: new IPAddressValue[256]));
        Assert.Throws<ArgumentException>(() => Message(SenderIPv6));
        Assert.Throws<ArgumentException>(() => Message(default(IPAddressValue)));
        Assert.Throws<ArgumentException>(() => Message(virtualRouterId: default(VirtualRouterId)));
        Assert.Throws<ArgumentException>(() => Message(authentication: AuthenticationType.SimplePassword)); // VR-032
        Assert.Throws<ArgumentException>(() =>
            Message(version: VrrpVersion.V2, authentication: AuthenticationType.SimplePassword)); // VR-027
        Assert.Throws<ArgumentException>(() => Message(version: VrrpVersion.V2, authentication: (AuthenticationType)2));
        Assert.Throws<ArgumentException>(() => Message(version: (VrrpVersion)4));
        Assert.Throws<ArgumentException>(() => Message(room: 11));
        Assert.Throws<ArgumentException>(() =>
        {
            var content = new AdvertisementContent
            {
                Version = VrrpVersion.V2,
                Family = IPFamily.IPv6,
                VirtualRouterId = Vrid,
                Priority = Priority.Default,
                Interval = AdvertisementInterval.OneSecond,
                Addresses = [LinkLocal],
            };
            VrrpPacket.Write(content, SenderIPv6, IPAddressValue.MulticastGroupIPv6, new byte[64]);
        });
    }

    // VR-030.
    [Fact]
    public void A_password_is_that_of_one_virtual_router()
    {
        var content = new AdvertisementContent
        {
            Version = VrrpVersion.V2,
            Family = IPFamily.IPv4,
            VirtualRouterId = Vrid,
            Priority = Priority.Default,
            Interval = AdvertisementInterval.OneSecond,
            Addresses = [Address],
            AuthenticationType = AuthenticationType.SimplePassword,
            Password = SimplePassword.From("first"),
        };
        var buffer = new byte[64];
        var message = buffer.AsSpan(0, VrrpPacket.Write(content, Sender, IPAddressValue.MulticastGroupIPv4, buffer));
        var first = Rules with
        {
            Version = VrrpVersion.V2, AuthenticationType = AuthenticationType.SimplePassword, Password = content.Password,
        };

        Assert.Equal(PacketRejection.None, Read(message, Sender, IPAddressValue.MulticastGroupIPv4, 255, first));
        Assert.Equal(
            PacketRejection.AuthenticationFailure,
            Read(message, Sender, IPAddressValue.MulticastGroupIPv4, 255, first with { Password = SimplePassword.From("second") }));
        Assert.Equal(
            PacketRejection.AuthenticationTypeMismatch,
            Read(message, Sender, IPAddressValue.MulticastGroupIPv4, 255, first with { AuthenticationType = AuthenticationType.None, Password = default }));
    }

    // VR-031: nothing that may end in a log shows a password.
    [Fact]
    public void The_password_is_in_no_text()
    {
        var rules = Rules with { Password = SimplePassword.From("s3cret") };
        string texts = $"{rules} {rules.Password}";
        Assert.DoesNotContain("s3cret", texts, StringComparison.Ordinal);
        Assert.DoesNotContain("s3c", texts, StringComparison.Ordinal);
        Assert.DoesNotContain("7333", texts, StringComparison.Ordinal);
        var data = System.Buffers.Binary.BinaryPrimitives.ReadUInt64BigEndian("s3cret\0\0"u8);
        Assert.DoesNotContain(data.ToString(null, null), texts, StringComparison.Ordinal);
    }

    private static byte[] Message(
        IPAddressValue? destination = null,
        VrrpVersion version = VrrpVersion.V3,
        int priority = 100,
        VrrpChecksum checksum = VrrpChecksum.WithPseudoHeader,
        int interval = 100,
        IPAddressValue[]? addresses = null,
        VirtualRouterId? virtualRouterId = null,
        AuthenticationType authentication = AuthenticationType.None,
        int room = VrrpPacket.MaxLength)
    {
        var content = new AdvertisementContent
        {
            Version = version,
            Family = IPFamily.IPv4,
            VirtualRouterId = virtualRouterId ?? Vrid,
            Priority = new Priority(priority),
            Interval = AdvertisementInterval.FromCentiseconds(interval),
            Addresses = addresses ?? [Address],
            AuthenticationType = authentication,
            Checksum = checksum,
        };
        var buffer = new byte[room];
        return buffer[..VrrpPacket.Write(content, Sender, destination ?? IPAddressValue.MulticastGroupIPv4, buffer)];
    }

    private static PacketRejection Read(
        ReadOnlySpan<byte> message, IPAddressValue source, IPAddressValue destination, int hopLimit, ReceptionRules? rules)
    {
        var packet = new ReceivedPacket { Source = source, Destination = destination, HopLimit = hopLimit, Message = message };
        return VrrpPacket.Read(packet, IPFamily.IPv4, rules, out _);
    }

    private static PacketRejection ReadIPv6(
        IPAddressValue source, IPAddressValue destination, ReceptionRules rules, params IPAddressValue[] addresses)
    {
        var content = new AdvertisementContent
        {
            Version = VrrpVersion.V3,
            Family = IPFamily.IPv6,
            VirtualRouterId = Vrid,
            Priority = Priority.Default,
            Interval = AdvertisementInterval.OneSecond,
            Addresses = addresses.Length == 0 ? [LinkLocal] : addresses,
        };
        var buffer = new byte[64];
        int length = VrrpPacket.Write(content, source, destination, buffer);
        var packet = new ReceivedPacket { Source = source, Destination = destination, HopLimit = 255, Message = buffer.AsSpan(0, length) };
        return VrrpPacket.Read(packet, IPFamily.IPv6, rules, out _);
    }
}
