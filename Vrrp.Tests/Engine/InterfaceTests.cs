namespace Vrrp.Tests.Engine;

/// <summary>Interfaces and addresses that come, go and change.</summary>
public class InterfaceTests
{
    private readonly ScenarioLan _lan = new();
    private readonly ScenarioNode _node;

    public InterfaceTests() => _node = _lan.AddNode("A");

    private void StartMaster(VirtualRouterConfig? config = null)
    {
        _node.Add(config ?? ScenarioNode.Config());
        _lan.RunTo(10);
        Assert.Equal(VrrpState.Master, _node.State());
        _lan.Mark();
        _node.TakeLog();
    }

    private VrrpFaults Faults => _node.Router().State.Faults;

    [Fact]
    public void A_missing_interface_is_a_fault_until_it_appears()
    {
        _node.Add(ScenarioNode.Config() with { Interface = "eth1" });
        Assert.Equal((VrrpState.Fault, VrrpFaults.InterfaceMissing), (_node.State(), Faults));
        _node.AddInterface("eth1", "10.0.0.77");
        _lan.RunTo(10);

        _lan.AssertTransitions("0 A Fault", "0 A Backup", "3.609375 A Master");
        Assert.True(_node.Has("10.0.0.254", "eth1"));
    }

    [Fact]
    public void A_link_that_goes_down_is_a_fault_and_its_return_an_election()
    {
        StartMaster();
        _node.Simulated.SetCable("eth0", isConnected: false);
        _lan.RunTo(1);
        Assert.Equal("adv 0, -10.0.0.254", _node.TakeLog());
        Assert.Equal("interface eth0 went down", Assert.Single(_node.Take<RouterTransition>()).Detail);
        _lan.Mark();
        _node.Simulated.SetCable("eth0", isConnected: true);
        _lan.RunTo(10);

        _lan.AssertTransitions("0 A Backup", "3.609375 A Master");
    }

    [Fact]
    public void A_link_that_is_not_tracked_may_go_down()
    {
        StartMaster(ScenarioNode.Config() with { TrackPrimaryInterface = false });
        _node.Simulated.SetCable("eth0", isConnected: false);
        _lan.RunTo(10);

        _lan.AssertTransitions();
    }

    [Fact]
    public void A_renamed_interface_is_missing_until_it_is_renamed_back()
    {
        StartMaster();
        _node.Rename("eth0", "lan0");
        _lan.RunTo(1);
        Assert.Equal((VrrpState.Fault, VrrpFaults.InterfaceMissing), (_node.State(), Faults));
        Assert.False(_node.Has("10.0.0.254"));
        _node.Rename("lan0", "eth0");
        _lan.RunTo(10);

        _lan.AssertTransitions("0 A Fault", "1 A Backup", "4.609375 A Master");
        Assert.True(_node.Has("10.0.0.254"));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void An_interface_that_is_recreated_has_another_index(bool eventsAreLost)
    {
        StartMaster();
        int before = _node.Router().Interface!.Index;
        _node.Simulated.RemoveInterface("eth0");
        _node.AddInterface("eth0", "10.0.0.1");
        if (eventsAreLost)
            _node.Platform.LoseEvents();
        _lan.RunTo(10);

        Assert.Equal((VrrpState.Master, VrrpFaults.None), (_node.State(), Faults));
        int index = _node.Platform.Interface("eth0").Facts.Index;
        Assert.NotEqual(before, index);
        Assert.Equal(index, _node.Router().Interface!.Index);
        Assert.True(_node.Has("10.0.0.254", "eth0"));
        Assert.Equal(index, Assert.Single(_node.Platform.Links).InterfaceIndex);
    }

    [Fact]
    public void An_interface_that_takes_the_name_of_another_unseen_takes_the_addresses_too()
    {
        StartMaster();
        _node.Rename("eth0", "old0");
        _node.AddInterface("eth0", "10.0.0.1");
        _node.Platform.LoseEvents();
        _lan.RunTo(10);

        Assert.Equal(VrrpState.Master, _node.State());
        Assert.False(_node.Has("10.0.0.254", "old0"));
        Assert.True(_node.Has("10.0.0.254", "eth0"));
    }

    [Fact]
    public void The_source_address_is_waited_for_and_missed()
    {
        StartMaster();
        _node.TakeAway("10.0.0.1");
        _lan.RunTo(1);
        Assert.Equal((VrrpState.Fault, VrrpFaults.NoSourceAddress), (_node.State(), Faults));
        _node.AddAddress("eth0", "10.0.0.9");
        _lan.RunTo(10);

        Assert.Equal(VrrpState.Master, _node.State());
        Assert.Equal("10.0.0.9", _node.Router().PrimaryAddress.ToString());
    }

    [Fact] // VR-007
    public void A_virtual_address_is_no_source()
    {
        _node.TakeAway("10.0.0.1");
        _node.AddAddress("eth0", "10.0.0.254");
        _node.Add(ScenarioNode.Config());
        _lan.Run(0.001m);

        Assert.Equal(VrrpFaults.NoSourceAddress, Faults);
    }

    [Fact] // VR-007
    public void An_owner_takes_for_its_source_what_it_owns_and_no_other_virtual_address()
    {
        _node.TakeAway("10.0.0.1");
        _node.AddAddress("eth0", "10.0.0.253");
        _node.Add(ScenarioNode.Config(name: "other", virtualRouterId: 52, address: "10.0.0.253"));
        _node.Add(ScenarioNode.Config(255));
        _lan.Run(0.001m);

        Assert.Equal(VrrpFaults.NoSourceAddress, Faults);
    }

    [Fact] // VR-007
    public void An_address_that_becomes_virtual_is_a_source_no_longer_and_is_one_again_when_its_router_leaves()
    {
        _node.TakeAway("10.0.0.1");
        _node.AddAddress("eth0", "10.0.0.253");
        _node.Add(ScenarioNode.Config());
        Assert.Equal("10.0.0.253", _node.Router().PrimaryAddress.ToString());
        _node.Add(ScenarioNode.Config(name: "other", virtualRouterId: 52, address: "10.0.0.253"));
        Assert.Equal((VrrpState.Fault, VrrpFaults.NoSourceAddress), (_node.State(), Faults));
        _node.Remove("other");

        Assert.Equal(VrrpState.Backup, _node.State());
        _node.Reconfigure(ScenarioNode.Config() with { ExcludedAddresses = [VirtualAddress.Host(IPAddressValue.Parse("10.0.0.253"))] });
        Assert.Equal(VrrpFaults.NoSourceAddress, Faults);
    }

    [Fact]
    public void What_somebody_else_put_back_before_its_loss_was_read_stays()
    {
        StartMaster();
        _node.Freeze(0.5m);
        _node.TakeAway("10.0.0.1");
        _node.TakeAway("10.0.0.254");
        _node.AddAddress("eth0", "10.0.0.254");
        _lan.RunTo(1);

        Assert.Equal(VrrpFaults.NoSourceAddress, Faults);
        Assert.Equal("adv 0", _node.TakeLog());
        Assert.True(_node.Has("10.0.0.254"));
    }

    [Fact]
    public void A_transition_is_told_when_the_addresses_are_off()
    {
        StartMaster();
        bool? hadAddress = null;
        _node.Simulated.Told = told =>
        {
            if (told is RouterTransition { To: VrrpState.Fault, Detail: "interface eth0 went down" })
                hadAddress = _node.Has("10.0.0.254");
        };
        _node.Simulated.SetCable("eth0", isConnected: false);
        _lan.RunTo(1);

        Assert.False(hadAddress);
    }

    [Fact]
    public void A_link_that_is_back_before_its_loss_was_read_is_told_in_order()
    {
        StartMaster();
        _node.Freeze(0.5m);
        _node.Simulated.SetCable("eth0", isConnected: false);
        _node.Simulated.SetCable("eth0", isConnected: true);
        _lan.RunTo(0.6m);

        Assert.Equal("adv 0, -10.0.0.254", _node.TakeLog());
        Assert.Equal([VrrpState.Fault, VrrpState.Backup], _node.Take<RouterTransition>().Select(transition => transition.To));
        Assert.False(_node.Router().HoldsAddresses);
    }

    [Fact] // VR-009
    public void Without_a_source_nothing_is_ever_sent()
    {
        _node.TakeAway("10.0.0.1");
        _node.Add(ScenarioNode.Config());
        _lan.Run(60);

        Assert.Equal((VrrpState.Fault, VrrpFaults.NoSourceAddress), (_node.State(), Faults));
        Assert.Empty(_node.Sent);
        Assert.Equal("", _node.TakeLog());
    }

    [Fact] // VR-007, VR-019, VR-038
    public void An_owner_advertises_255_from_the_address_it_owns()
    {
        _node.TakeAway("10.0.0.1");
        _node.AddAddress("eth0", "10.0.0.254");
        _node.Add(ScenarioNode.Config(255));
        _lan.Run(0.001m);

        var packet = Assert.Single(_node.Sent).Packet;
        Assert.Equal(("10.0.0.254", 255), (packet.Source.ToString(), packet.Message[2]));
    }

    [Fact] // VR-008
    public void An_IPv6_router_advertises_from_the_link_local_address_whatever_others_there_are()
    {
        _node.AddAddress("eth0", "2001:db8::7");
        _node.Add(ScenarioNode.Config(address: "2001:db8::254") with { Family = IPFamily.IPv6 });
        _lan.RunTo(10);
        Assert.NotEmpty(_node.Sent);
        Assert.All(_node.Sent, sent => Assert.Equal(("fe80::1", "ff02::12"), (sent.Packet.Source.ToString(), sent.Packet.Destination.ToString())));

        _node.TakeAway("fe80::1");
        _lan.Run(0.001m);
        Assert.Equal(VrrpFaults.NoSourceAddress, Faults);
    }

    [Fact] // VR-078
    public void An_owner_is_not_tracked()
    {
        _node.AddInterface("eth1");
        _node.Add(ScenarioNode.Config(255) with { TrackedInterfaces = [new("eth1", -50)] });
        _node.Simulated.SetCable("eth1", isConnected: false);
        _lan.RunTo(5);

        Assert.Equal(255, _node.Router().State.EffectivePriority.Value);
        Assert.All(_node.Sent, sent => Assert.Equal(255, sent.Packet.Message[2]));
    }

    [Fact]
    public void A_tracked_interface_without_weight_is_a_fault_while_it_is_down()
    {
        _node.AddInterface("eth1");
        StartMaster(ScenarioNode.Config() with { TrackedInterfaces = [new("eth1")] });
        _node.Simulated.SetCable("eth1", isConnected: false);
        _lan.RunTo(1);
        Assert.Equal((VrrpState.Fault, VrrpFaults.TrackedInterface), (_node.State(), Faults));
        _node.Simulated.SetCable("eth1", isConnected: true);
        _lan.RunTo(2);
        Assert.Equal(VrrpState.Backup, _node.State());
        _node.Simulated.RemoveInterface("eth1");
        _lan.RunTo(3);

        Assert.Equal(VrrpState.Fault, _node.State());
    }

    [Fact]
    public void A_tracked_interface_in_reverse_is_a_fault_while_it_is_up()
    {
        StartMaster(ScenarioNode.Config() with { TrackedInterfaces = [new("eth1", Weight: 0, Reverse: true)] });
        _node.AddInterface("eth1");
        _lan.RunTo(1);

        Assert.Equal(VrrpFaults.TrackedInterface, Faults);
    }

    [Theory]
    [InlineData(50, false, 150, 100)]
    [InlineData(-50, false, 100, 50)]
    [InlineData(50, true, 50, 100)]
    [InlineData(-50, true, 100, 150)]
    [InlineData(-253, false, 100, 1)]
    [InlineData(253, false, 254, 100)]
    public void A_tracked_interface_with_weight_changes_the_priority(int weight, bool reverse, int whileUp, int whileDown)
    {
        _node.AddInterface("eth1");
        _node.Add(ScenarioNode.Config() with { TrackedInterfaces = [new("eth1", weight, reverse)] });
        _lan.RunTo(10);
        Assert.Equal(whileUp, _node.Router().State.EffectivePriority.Value);
        _node.Simulated.SetCable("eth1", isConnected: false);
        _lan.RunTo(11);
        Assert.Equal(whileDown, _node.Router().State.EffectivePriority.Value);
        Assert.Equal(whileDown, _node.Sent[^1].Packet.Message[2]);
        _node.Simulated.SetCable("eth1", isConnected: true);
        _node.Platform.LoseEvents();
        _lan.RunTo(12);

        Assert.Equal(whileUp, _node.Router().State.EffectivePriority.Value);
        Assert.Equal(VrrpState.Master, _node.State());
    }

    [Fact]
    public void Sockets_that_cannot_be_opened_are_tried_again_after_a_while_and_when_the_interface_changes()
    {
        _node.Platform.OpenError = 1;
        _node.Add(ScenarioNode.Config());
        Assert.Equal((VrrpState.Fault, VrrpFaults.LinkUnusable), (_node.State(), Faults));
        _lan.RunTo(5.5m);
        Assert.Single(_node.Take<LinkUnusable>());
        _node.Platform.OpenError = 0;
        _node.Change("eth0", facts => facts with { Mtu = 9000 });
        _lan.RunTo(6);

        Assert.Equal((VrrpState.Backup, VrrpFaults.None), (_node.State(), Faults));
    }

    [Fact]
    public void A_changed_hardware_address_is_announced()
    {
        StartMaster();
        _node.Change("eth0", facts => facts with { MacAddress = MacAddress.Read([2, 9, 9, 9, 9, 9]) });
        _lan.Run(0.0001m);

        Assert.Equal("arp 10.0.0.254", _node.TakeLog());
    }

    [Fact]
    public void An_address_on_another_interface_follows_that_interface()
    {
        _node.AddInterface("eth1");
        StartMaster(ScenarioNode.Config() with
        {
            ExcludedAddresses = [VirtualAddress.Host(IPAddressValue.Parse("192.0.2.1")) with { Interface = "eth1" }],
        });
        Assert.True(_node.Has("192.0.2.1", "eth1"));
        _node.Simulated.RemoveInterface("eth1");
        _node.AddInterface("eth1");
        _lan.RunTo(30);

        Assert.Equal(VrrpState.Master, _node.State());
        Assert.True(_node.Has("192.0.2.1", "eth1"));
    }
}
