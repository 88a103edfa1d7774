namespace Vrrp.Tests.Engine;

/// <summary>A new configuration for a running router: no gap, and nothing stays that is no longer wanted.</summary>
public class ReconfigureTests
{
    private readonly ScenarioLan _lan = new();
    private readonly ScenarioNode _node;

    public ReconfigureTests() => _node = _lan.AddNode("A");

    private void StartMaster(VirtualRouterConfig? config = null)
    {
        _node.Add(config ?? ScenarioNode.Config());
        _lan.RunTo(10);
        Assert.Equal(VrrpState.Master, _node.State());
        _lan.Mark();
        _node.TakeLog();
    }

    private static VirtualAddress Host(string address) => VirtualAddress.Host(IPAddressValue.Parse(address));

    [Fact]
    public void A_new_address_is_installed_and_announced_and_an_old_one_removed()
    {
        StartMaster();
        _node.Reconfigure(ScenarioNode.Config() with { VirtualAddresses = [Host("10.0.0.254"), Host("10.0.0.253")] });
        Assert.Equal("+10.0.0.253, adv 100, arp 10.0.0.254, arp 10.0.0.253", _node.TakeLog());
        Assert.Equal(2, _node.Sent[^1].Packet.Message[3]);
        _node.Reconfigure(ScenarioNode.Config() with { VirtualAddresses = [Host("10.0.0.253")] });
        Assert.Equal("-10.0.0.254, adv 100", _node.TakeLog());
        _lan.RunTo(10);

        _lan.AssertTransitions();
        Assert.Empty(_node.Take<AddressIncident>());
    }

    [Fact]
    public void Refreshes_that_are_switched_off_end_and_others_that_are_switched_on_begin()
    {
        var refreshed = ScenarioNode.Config() with { Announcements = new() { Refresh = TimeSpan.FromSeconds(3) } };
        StartMaster(refreshed);
        _node.Reconfigure(ScenarioNode.Config());
        _lan.Run(20);
        _node.TakeLog();
        _lan.Run(20);
        Assert.DoesNotContain("arp", _node.TakeLog(), StringComparison.Ordinal);

        _node.Reconfigure(refreshed);
        _lan.Run(10);
        Assert.Equal(3, _node.TakeLog().Split(", ").Count(entry => entry.StartsWith("arp", StringComparison.Ordinal)));
    }

    [Fact]
    public void A_changed_prefix_is_installed_before_the_old_one_goes()
    {
        StartMaster();
        _node.Reconfigure(ScenarioNode.Config() with { VirtualAddresses = [Host("10.0.0.254") with { PrefixLength = 24 }] });

        Assert.StartsWith("+10.0.0.254", _node.TakeLog(), StringComparison.Ordinal);
        Assert.True(_node.Has("10.0.0.254"));
    }

    [Fact]
    public void A_changed_label_takes_the_address_off_for_a_moment_as_the_kernel_has_it()
    {
        StartMaster();
        _node.Reconfigure(ScenarioNode.Config() with { VirtualAddresses = [Host("10.0.0.254") with { Label = "eth0:1" }] });

        Assert.StartsWith("-10.0.0.254, +10.0.0.254", _node.TakeLog(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_changed_priority_is_advertised_at_once()
    {
        StartMaster();
        _node.Reconfigure(ScenarioNode.Config(70));

        Assert.Equal("adv 70", _node.TakeLog());
        Assert.Equal(new PriorityChanged(_lan.Now, "vr", new(100), new(70)), Assert.Single(_node.Take<PriorityChanged>()));
    }

    [Fact]
    public void A_shorter_interval_counts_from_now()
    {
        StartMaster(ScenarioNode.Config() with { AdvertisementInterval = AdvertisementInterval.FromCentiseconds(200) });
        _node.TakeLog();
        _node.Reconfigure(ScenarioNode.Config() with { AdvertisementInterval = AdvertisementInterval.FromCentiseconds(10) });
        _lan.RunTo(0.25m);

        Assert.Equal("adv 100, adv 100, adv 100", _node.TakeLog());
        Assert.Equal(10, _node.Sent[^1].Packet.Message[5]);
    }

    [Fact]
    public void A_refused_new_address_makes_it_resign()
    {
        StartMaster();
        _node.Refuse("10.0.0.253", 99);
        _node.Reconfigure(ScenarioNode.Config() with { VirtualAddresses = [Host("10.0.0.254"), Host("10.0.0.253")] });

        Assert.Equal((VrrpState.Fault, VrrpFaults.AddressRefused), (_node.State(), _node.Router().State.Faults));
        Assert.Equal("adv 0, -10.0.0.254", _node.TakeLog());
    }

    [Fact]
    public void A_backup_keeps_waiting_with_its_new_priority()
    {
        _node.Add(ScenarioNode.Config());
        _lan.RunTo(1);
        _node.Reconfigure(ScenarioNode.Config(200));
        _lan.RunTo(10);

        _lan.AssertTransitions("0 A Backup", "3.21875 A Master");
    }

    [Theory]
    [InlineData(VrrpVersion.V2, true, "3.609375 A Master")]
    [InlineData(VrrpVersion.V3, false, "3.609375 A Master")]
    [InlineData(VrrpVersion.V3, true, "35.09375 A Master")]
    public void A_backup_waits_no_longer_than_a_shorter_interval_of_its_own_has_it(VrrpVersion version, bool hasHeard, string expected)
    {
        var config = ScenarioNode.Config() with { Version = version, AdvertisementInterval = AdvertisementInterval.FromSeconds(10) };
        _node.Add(config);
        if (hasHeard && version == VrrpVersion.V3)
            _node.Hear(150, centiseconds: 1000);
        _lan.RunTo(1);
        _lan.Mark();
        _node.Reconfigure(config with { AdvertisementInterval = AdvertisementInterval.FromSeconds(1) });
        _lan.Run(60);

        _lan.AssertTransitions(expected);
    }

    [Fact]
    public void A_new_name_is_the_one_it_answers_to()
    {
        StartMaster();
        _node.Reconfigure(ScenarioNode.Config(name: "other"));

        Assert.Equal(VrrpState.Master, _node.State("other"));
        Assert.False(_node.Engine.Remove("vr", handOver: false, () => { }, _lan.Now));
    }

    [Fact]
    public void What_names_it_on_the_wire_cannot_change()
    {
        StartMaster();
        foreach (var config in (VirtualRouterConfig[])
        [
            ScenarioNode.Config(virtualRouterId: 52), ScenarioNode.Config() with { Interface = "eth1" }, ScenarioNode.Config(255),
            ScenarioNode.Config() with { Version = VrrpVersion.V2 }, ScenarioNode.Config() with { UnicastPeers = [new(IPAddressValue.Parse("10.0.0.3"))] },
        ])
        {
            Assert.Throws<ArgumentException>(() => _node.Reconfigure(config));
        }

        Assert.Equal("", _node.TakeLog());
    }

    [Fact]
    public void A_name_or_a_vrid_is_not_given_twice()
    {
        StartMaster();

        Assert.Throws<ArgumentException>(() => _node.Add(ScenarioNode.Config(virtualRouterId: 60)));
        Assert.Throws<ArgumentException>(() => _node.Add(ScenarioNode.Config(name: "other")));
    }

    [Fact]
    public void An_address_that_another_router_holds_stays()
    {
        StartMaster();
        _node.Add(ScenarioNode.Config(100, "other", 52, "10.0.0.253") with { ExcludedAddresses = [Host("10.0.0.254")] });
        _lan.RunTo(10);
        Assert.Equal(VrrpState.Master, _node.State("other"));
        _node.Reconfigure(ScenarioNode.Config(100, "other", 52, "10.0.0.253"), "other");

        Assert.True(_node.Has("10.0.0.254"));
    }

    [Fact]
    public void An_address_that_nobody_wants_any_more_is_left_behind_like_any_other()
    {
        StartMaster();
        _node.Reconfigure(ScenarioNode.Config() with { VirtualAddresses = [Host("10.0.0.253")] });
        _node.Platform.AddAddress(_node.Platform.Interface("eth0"), IPAddressValue.Parse("10.0.0.254"), 32, isOurs: true);
        _lan.Run(1);
        _node.Simulated.Do((engine, now) => engine.RemoveRecorded([Host("10.0.0.254") with { Interface = "eth0" }], now));

        Assert.False(_node.Has("10.0.0.254"));
    }

    [Fact]
    public void The_last_router_of_an_interface_takes_its_sockets_with_it_and_the_next_one_opens_them_again()
    {
        StartMaster();
        _node.Add(ScenarioNode.Config(name: "other", virtualRouterId: 52, address: "10.0.0.252"));
        _node.Remove("other");
        Assert.Single(_node.Platform.Links);
        _node.Remove();
        Assert.Empty(_node.Platform.Links);

        _node.Add(ScenarioNode.Config());
        Assert.Equal([IPAddressValue.MulticastGroupIPv4], Assert.Single(_node.Platform.Links).Groups);
        _lan.Run(10);
        Assert.Equal(VrrpState.Master, _node.State());
    }
}
