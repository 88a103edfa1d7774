using Vrrp.Packets;
using Vrrp.Tests.Packets;

namespace Vrrp.Tests.Engine;

/// <summary>Which packets reach which router, and what is told of those that do not.</summary>
public class PacketTests
{
    private readonly ScenarioLan _lan = new();
    private readonly ScenarioNode _node;

    public PacketTests() => _node = _lan.AddNode("A");

    private void StartMaster(VirtualRouterConfig? config = null)
    {
        _node.Add(config ?? ScenarioNode.Config());
        _lan.RunTo(10);
        Assert.Equal(VrrpState.Master, _node.State());
        _lan.Mark();
        _node.TakeLog();
    }

    [Fact]
    public void What_it_says_as_master_leaves_before_its_addresses_do()
    {
        StartMaster();
        _node.Arrive(ScenarioNode.Packet(50, "10.0.0.200"));
        _node.Arrive(ScenarioNode.Packet(200, "10.0.0.201"));
        _lan.Run(0.0001m);

        Assert.Equal("adv 100, -10.0.0.254", _node.TakeLog());
        Assert.Equal(VrrpState.Backup, _node.State());
    }

    [Fact] // VR-125
    public void Own_packets_are_ignored()
    {
        StartMaster();
        long received = _node.Router().Counters.AdvertisementsReceived;
        _node.Hear(100, source: "10.0.0.1");
        _node.Hear(255, source: "10.0.0.1");

        Assert.Equal(VrrpState.Master, _node.State());
        Assert.Equal(received, _node.Router().Counters.AdvertisementsReceived);
        Assert.Equal("", _node.TakeLog());
    }

    [Fact]
    public void An_owner_that_advertises_from_the_address_we_hold_is_heard()
    {
        StartMaster();
        _node.Hear(255, source: "10.0.0.254");

        Assert.Equal(VrrpState.Backup, _node.State());
        Assert.False(_node.Has("10.0.0.254"));
    }

    [Fact]
    public void A_second_master_is_told_once_a_minute()
    {
        StartMaster();
        for (int i = 0; i < 130; i++)
        {
            _lan.RunTo(i);
            _node.Hear(50);
        }

        Assert.Equal([0, 60, 120], _node.Take<SecondMasterHeard>().Select(heard => (heard.At - _lan.Epoch).TotalSeconds));
        Assert.Equal(130, _node.Router().Counters.LowerMastersHeard);
        _node.Hear(50, source: "10.0.0.201");
        Assert.Equal("10.0.0.201", Assert.Single(_node.Take<SecondMasterHeard>()).Peer.ToString());
    }

    [Fact]
    public void A_flood_of_sources_tells_of_a_second_master_once_a_second()
    {
        StartMaster();
        for (int i = 0; i < 300; i++)
        {
            _lan.RunTo(i * 0.01m);
            _node.Hear(50, source: $"10.0.1.{i % 250}");
        }

        Assert.Equal([0, 1, 2], _node.Take<SecondMasterHeard>().Select(heard => (heard.At - _lan.Epoch).TotalSeconds));
        Assert.Equal(300, _node.Router().Counters.LowerMastersHeard);
    }

    [Fact]
    public void A_group_of_ones_own_is_where_peers_are_heard()
    {
        var config = ScenarioNode.Config() with { MulticastGroup = IPAddressValue.Parse("224.0.0.99") };
        _node.Add(config);
        _lan.RunTo(1);
        _node.Hear(200, destination: "224.0.0.18");
        Assert.Equal(1, _node.Router().Counters.Dropped(PacketRejection.WrongCastMode));
        _node.Hear(200, destination: "224.0.0.99");

        Assert.Equal(200, _node.Router().State.MasterPriority.Value);
    }

    [Fact]
    public void An_advert_from_our_own_address_is_told_and_counted()
    {
        StartMaster();
        _node.Hear(100, source: "10.0.0.1");
        _node.Hear(100, source: "10.0.0.1");

        Assert.Equal("10.0.0.1", Assert.Single(_node.Take<OwnAddressHeard>()).Source.ToString());
        Assert.Equal(2, _node.Engine.Counters.OwnAddressHeard);
    }

    [Fact] // VR-160
    public void A_flood_of_lower_adverts_is_answered_at_once_and_then_every_10_ms()
    {
        StartMaster();
        long sent = _node.Router().Counters.AdvertisementsSent;
        for (int i = 0; i < 50; i++)
            _lan.At(_lan.Seconds + (i * 0.001m), () => _node.Hear(50));
        _lan.Run(0.0495m);

        Assert.Equal(sent + 5, _node.Router().Counters.AdvertisementsSent);
        Assert.Equal(VrrpState.Master, _node.State());
    }

    [Fact] // I3, VR-143, VR-144
    public void Dropped_packets_are_counted_once_and_told_at_most_once_a_minute()
    {
        StartMaster();
        var bad = ScenarioNode.Packet(255, "10.0.0.200");
        bad.Message[7] ^= 1;
        var before = _node.Router().State;
        for (int i = 0; i < 1000; i++)
        {
            _lan.At(i * 0.1m, () => _node.Arrive(bad));
            _lan.At(i * 0.1m, () => _node.Arrive(bad with { HopLimit = 254 }));
        }

        _lan.RunTo(99.95m);
        var counters = _node.Router().Counters;
        Assert.Equal((1000, 1000), (counters.Dropped(PacketRejection.Checksum), counters.Dropped(PacketRejection.HopLimit)));
        Assert.Equal(2000, Enum.GetValues<PacketRejection>().Sum(counters.Dropped));
        Assert.Equal(0, counters.AdvertisementsReceived);
        Assert.Equal(before with { Deadline = default }, _node.Router().State with { Deadline = default });
        var told = _node.Take<PacketDropped>();
        Assert.Equal([1, 600], told.Where(drop => drop.Reason == PacketRejection.Checksum).Select(drop => drop.Count));
        Assert.Equal([1, 600], told.Where(drop => drop.Reason == PacketRejection.HopLimit).Select(drop => drop.Count));
    }

    [Fact]
    public void A_packet_of_an_unknown_virtual_router_changes_nothing_and_is_told()
    {
        StartMaster();
        _node.Hear(255, virtualRouterId: 52);
        _node.Hear(255, virtualRouterId: 52);

        var drop = Assert.Single(_node.Take<PacketDropped>());
        Assert.Equal(("", PacketRejection.UnknownVirtualRouterId, "VRID 52"), (drop.VirtualRouter, drop.Reason, drop.Detail));
        Assert.Equal(VrrpState.Master, _node.State());
    }

    [Fact]
    public void Unicast_routers_of_one_vrid_are_told_apart_by_their_peers()
    {
        var config = ScenarioNode.Config();
        _node.Add(config with { Name = "p", UnicastPeers = [new(IPAddressValue.Parse("10.0.0.101"))] });
        _node.Add(config with
        {
            Name = "q",
            UnicastPeers = [new(IPAddressValue.Parse("10.0.0.102"))],
            VirtualAddresses = [VirtualAddress.Host(IPAddressValue.Parse("10.0.0.253"))],
        });
        _lan.RunTo(10);
        Assert.Equal((VrrpState.Master, VrrpState.Master), (_node.State("p"), _node.State("q")));
        _node.Hear(200, "10.0.0.102", destination: "10.0.0.1");

        Assert.Equal((VrrpState.Master, VrrpState.Backup), (_node.State("p"), _node.State("q")));
        Assert.All(_node.Sent, sent => Assert.False(sent.Packet.Destination.IsMulticast));
        Assert.Throws<ArgumentException>(() => _node.Add(config with { Name = "r", UnicastPeers = [new(IPAddressValue.Parse("10.0.0.102"))] }));
    }

    [Fact]
    public void Unicast_pairs_elect_one_master()
    {
        var other = _lan.AddNode("B");
        _node.Add(ScenarioNode.Config(200) with { UnicastPeers = [new(other.Address)] });
        other.Add(ScenarioNode.Config(100) with { UnicastPeers = [new(_node.Address)] });
        _lan.RunTo(20);

        _lan.AssertTransitions("0 A Backup", "0 B Backup", "3.21875 A Master");
        Assert.True(other.Router().Counters.AdvertisementsReceived > 10);
    }

    [Fact]
    public void Multicast_at_a_unicast_router_is_dropped()
    {
        StartMaster(ScenarioNode.Config() with { UnicastPeers = [new(IPAddressValue.Parse("10.0.0.101"))] });
        _node.Hear(200);

        Assert.Equal(1, _node.Router().Counters.Dropped(PacketRejection.WrongCastMode));
        Assert.Equal(VrrpState.Master, _node.State());
    }

    [Fact]
    public void A_differing_interval_is_told_once_a_minute_and_used()
    {
        _node.Add(ScenarioNode.Config());
        for (int i = 0; i < 65; i++)
        {
            _lan.RunTo(i);
            _node.Hear(200, centiseconds: 200);
        }

        Assert.Equal(2, _node.Take<AdvertisementDiffers>().Length);
        Assert.Equal(200, _node.Router().State.MasterAdverInterval.Centiseconds);
    }

    // VR-051, VR-053, VR-152, VR-257: through the headers of the packet to the state machine and the counters.
    [Theory]
    [MemberData(nameof(VrrpPacketVectorTests.All), MemberType = typeof(VrrpPacketVectorTests))]
    public void A_vector_counts_as_its_verdict_says_and_a_bad_one_changes_nothing(string name)
    {
        // The senders of the vectors have the first address of their families; this is the second host.
        var node = _lan.AddNode("B");
        var vector = VrrpVectors.Packet(name);
        var rules = vector.Rules;
        node.Add(new VirtualRouterConfig
        {
            Name = "vr",
            Interface = "eth0",
            VirtualRouterId = new(vector.ReceiverVirtualRouterId),
            Version = rules.Version,
            Family = rules.Family,
            Priority = rules.IsOwner ? Priority.Owner : new(90),
            AdvertisementInterval = rules.AdvertisementInterval,
            VirtualAddresses = [.. rules.Addresses.Select(VirtualAddress.Host)],
            Password = rules.AuthenticationType == AuthenticationType.SimplePassword ? rules.Password : null,
            UnicastPeers = rules.UnicastPeers,
            CheckUnicastSource = rules.CheckUnicastSource,
            AddressListCheck = rules.AddressListCheck,
            RequireLinkLocalFirst = true,
        });
        var before = node.Router().State;
        var (source, destination, hopLimit) = VrrpPacketVectorTests.Header(vector);
        node.Read(new(source, destination, hopLimit, vector.Message));

        var (router, counters) = (node.Router().Counters, node.Engine.Counters);
        PacketRejection[] dropped = [.. Enum.GetValues<PacketRejection>()
            .SelectMany(reason => Enumerable.Repeat(reason, (int)(router.Dropped(reason) + counters.Dropped(reason))))];
        if (vector.IsAccepted)
        {
            Assert.Empty(dropped);
            Assert.Equal(vector.Rfc8347.Contains("priority-zero-pkts-rcvd") ? 1 : 0, router.PriorityZeroReceived);
            Assert.Equal(vector.Rfc8347.Contains("interval-errors") ? 1 : 0, router.IntervalsDiffering);
            Assert.Equal(vector.Rfc8347.Contains("address-list-errors") ? 1 : 0, router.AddressListsDiffering);
            Assert.Equal(1, router.AdvertisementsReceived);
            Assert.NotEqual(before, node.Router().State);
        }
        else
        {
            Assert.Equal(VrrpPacketVectorTests.Reasons[name], Assert.Single(dropped));
            Assert.Equal((0, 0, 0), (router.AdvertisementsReceived, router.IntervalsDiffering, router.AddressListsDiffering));
            Assert.Equal(before, node.Router().State);
            Assert.DoesNotContain("ecret", string.Join("", node.Notifications), StringComparison.Ordinal);
        }
    }

    [Fact] // VR-133, VR-150, VR-257
    public void A_packet_is_for_the_router_of_its_interface()
    {
        _node.AddInterface("eth1", "10.0.1.1");
        _node.AddInterface("eth2", "10.0.2.1");
        _node.Add(ScenarioNode.Config());
        _node.Add(ScenarioNode.Config(name: "other", address: "10.0.1.254") with { Interface = "eth1" });
        var packet = ScenarioNode.Packet(200, "10.0.1.200");
        foreach (string name in (string[])["eth1", "eth2"])
        {
            _node.Simulated.Inject(name, packet.Source, packet.Destination, packet.Message);
            _node.Simulated.Turn();
        }

        Assert.Equal((0, 1), (_node.Router().Counters.AdvertisementsReceived, _node.Router("other").Counters.AdvertisementsReceived));
        Assert.True(_node.Router().State.MasterAddress.IsNone);
    }

    [Fact] // VR-030, VR-031
    public void Routers_of_one_interface_have_passwords_of_their_own_and_a_failure_shows_none()
    {
        var config = ScenarioNode.Config() with { Version = VrrpVersion.V2 };
        _node.Add(config with { Password = SimplePassword.From("first") });
        _node.Add(config with
        {
            Name = "other", VirtualRouterId = new(52), Password = SimplePassword.From("second"),
            VirtualAddresses = [VirtualAddress.Host(IPAddressValue.Parse("10.0.0.253"))],
        });
        _node.Read(Version2(51, "first"));
        _node.Read(Version2(52, "first"));

        Assert.Equal((1, 0), (_node.Router().Counters.AdvertisementsReceived, _node.Router("other").Counters.AdvertisementsReceived));
        Assert.Equal(1, _node.Router("other").Counters.Dropped(PacketRejection.AuthenticationFailure));
        string told = string.Join(Environment.NewLine, _node.Notifications);
        Assert.Contains(nameof(PacketRejection.AuthenticationFailure), told, StringComparison.Ordinal);
        Assert.DoesNotContain("first", told, StringComparison.Ordinal);
        Assert.DoesNotContain("second", told, StringComparison.Ordinal);
    }

    [Theory] // VR-229
    [InlineData(null, "secret", "type 1, ours is 0 (none)")]
    [InlineData("secret", null, "type 0, ours is 1 (PASS)")]
    public void A_mismatch_of_authentication_names_both_types(string? own, string? theirs, string detail)
    {
        _node.Add(ScenarioNode.Config() with { Version = VrrpVersion.V2, Password = own is null ? null : SimplePassword.From(own) });
        _node.Read(Version2(51, theirs));

        var dropped = Assert.Single(_node.Take<PacketDropped>());
        Assert.Equal((PacketRejection.AuthenticationTypeMismatch, detail), (dropped.Reason, dropped.Detail));
    }

    [Fact] // VR-222, VR-255
    public void Every_peer_gets_a_copy_and_every_copy_is_counted()
    {
        StartMaster(ScenarioNode.Config() with { UnicastPeers = [new(IPAddressValue.Parse("10.0.0.101")), new(IPAddressValue.Parse("10.0.0.102"))] });
        _lan.Run(2);
        var counters = _node.Router().Counters;
        _node.Remove();

        Assert.Equal(_node.Sent.Count, counters.AdvertisementsSent);
        Assert.Equal(2, counters.PriorityZeroSent);
        Assert.Equal(["10.0.0.101", "10.0.0.102"], _node.Sent.TakeLast(2).Select(sent => sent.Packet.Destination.ToString()));
        Assert.All(_node.Sent.TakeLast(2), sent => Assert.Equal(0, sent.Packet.Message[2]));
    }

    [Fact] // VR-153
    public void Two_routers_with_priority_255_are_told_once_a_minute()
    {
        _node.Add(ScenarioNode.Config());
        for (int i = 0; i < 100; i++)
        {
            _lan.RunTo(i);
            _node.Hear(255, "10.0.0.200");
            _node.Hear(255, "10.0.0.201");
        }

        var told = _node.Take<AdvertisementDiffers>();
        Assert.Equal([0, 60], told.Select(differs => (differs.At - _lan.Epoch).TotalSeconds));
        Assert.Equal("it has priority 255 as 10.0.0.200 had, and only one router can own the addresses", told[0].Difference);
    }

    [Fact] // VR-102, VR-261
    public void An_owner_counts_other_owners()
    {
        _node.Add(ScenarioNode.Config(255));
        _node.Hear(255, "10.0.0.0");
        _node.Hear(100, "10.0.0.0");
        Assert.Equal(1, _node.Router().Counters.OwnerConflicts);

        var strict = _lan.AddNode("B");
        strict.Add(ScenarioNode.Config(255) with { OwnerIgnoresAdvertisements = true });
        strict.Hear(255);
        Assert.Equal((1, 1), (strict.Router().Counters.OwnerConflicts, strict.Router().Counters.Dropped(PacketRejection.OwnerReceives)));
    }

    [Fact] // VR-138, VR-142
    public void Differences_are_counted_and_each_kind_is_told_for_itself()
    {
        _node.Add(ScenarioNode.Config() with
        {
            VirtualAddresses = [VirtualAddress.Host(IPAddressValue.Parse("10.0.0.254")), VirtualAddress.Host(IPAddressValue.Parse("10.0.0.253"))],
        });
        _node.Hear(200, centiseconds: 200);
        _node.Hear(200, centiseconds: 200);

        var counters = _node.Router().Counters;
        Assert.Equal((2, 2, 2), (counters.AdvertisementsReceived, counters.IntervalsDiffering, counters.AddressListsDiffering));
        Assert.Equal(
            ["it advertises every 2 s, this router every 1 s", "its 1 virtual addresses are not the 2 of this router"],
            _node.Take<AdvertisementDiffers>().Select(differs => differs.Difference));
    }

    [Fact] // VR-045
    public void The_checksum_form_of_the_peer_is_kept_and_a_change_told()
    {
        _node.Add(ScenarioNode.Config());
        Assert.Null(_node.Router().PeerChecksum);
        _node.Read(WithChecksum(VrrpChecksum.WithPseudoHeader));
        Assert.Equal(VrrpChecksum.WithPseudoHeader, _node.Router().PeerChecksum);
        Assert.Empty(_node.Take<AdvertisementDiffers>());

        _node.Read(WithChecksum(VrrpChecksum.MessageOnly));
        _node.Read(WithChecksum(VrrpChecksum.MessageOnly));
        Assert.Equal(VrrpChecksum.MessageOnly, _node.Router().Snapshot().PeerChecksum);
        Assert.Equal(
            "its checksums cover the message alone, those of this router include a pseudo-header; both forms are taken",
            Assert.Single(_node.Take<AdvertisementDiffers>()).Difference);
        _lan.Run(61);
        _node.Read(WithChecksum(VrrpChecksum.WithPseudoHeader));
        Assert.Single(_node.Take<AdvertisementDiffers>());
    }

    [Theory] // VR-045, VR-216
    [InlineData(VrrpChecksum.WithPseudoHeader, VrrpChecksum.MessageOnly)]
    [InlineData(VrrpChecksum.MessageOnly, VrrpChecksum.WithPseudoHeader)]
    public void A_router_may_take_no_other_checksum_form_and_says_why_it_drops(VrrpChecksum own, VrrpChecksum theirs)
    {
        _node.Add(ScenarioNode.Config() with { Checksum = own, RequireSameChecksum = true });
        _node.Read(WithChecksum(theirs));
        Assert.Equal(PacketRejection.ChecksumForm, Assert.Single(_node.Take<PacketDropped>()).Reason);
        _node.Read(WithChecksum(own));
        Assert.Equal(1, _node.Router().Counters.AdvertisementsReceived);
    }

    private static ScenarioPacket WithChecksum(VrrpChecksum form) => Packet(VrrpVersion.V3, 51, null, form);

    private static ScenarioPacket Version2(int virtualRouterId, string? password) =>
        Packet(VrrpVersion.V2, virtualRouterId, password, VrrpChecksum.MessageOnly);

    private static ScenarioPacket Packet(VrrpVersion version, int virtualRouterId, string? password, VrrpChecksum form)
    {
        var buffer = new byte[64];
        var source = IPAddressValue.Parse("10.0.0.200");
        int length = VrrpPacket.Write(
            new AdvertisementContent
            {
                Version = version,
                Family = IPFamily.IPv4,
                VirtualRouterId = new(virtualRouterId),
                Priority = new(200),
                Interval = AdvertisementInterval.OneSecond,
                Addresses = [IPAddressValue.Parse("10.0.0.254")],
                AuthenticationType = password is null ? AuthenticationType.None : AuthenticationType.SimplePassword,
                Password = password is null ? default : SimplePassword.From(password),
                Checksum = form,
            },
            source,
            IPAddressValue.MulticastGroupIPv4,
            buffer);
        return new(source, IPAddressValue.MulticastGroupIPv4, 255, buffer[..length]);
    }

    [Fact]
    public void Noise_of_any_kind_is_a_drop_and_never_an_exception()
    {
        StartMaster();
        var random = new Random(4711);
        for (int i = 0; i < 5_000; i++)
        {
            var message = ScenarioNode.Packet(200, "10.0.0.200").Message;
            message = random.Next(3) == 0 ? message[..random.Next(message.Length)] : message;
            if (message.Length > 0)
                message[random.Next(message.Length)] ^= (byte)random.Next(1, 256);
            _node.Read(new(IPAddressValue.Parse("10.0.0.200"), IPAddressValue.MulticastGroupIPv4, 255, message));
        }

        Assert.Equal(VrrpState.Master, _node.State());
        Assert.Equal(0, _node.Router().Counters.AdvertisementsReceived);
        Assert.True(Enum.GetValues<PacketRejection>().Sum(_node.Router().Counters.Dropped) > 1000);
    }
}
