using Vrrp.Packets;

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
