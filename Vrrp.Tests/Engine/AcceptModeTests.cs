namespace Vrrp.Tests.Engine;

/// <summary>Accept_Mode false: when addresses are blocked and when that ends.</summary>
public class AcceptModeTests
{
    private readonly ScenarioLan _lan = new();
    private readonly ScenarioNode _node;

    public AcceptModeTests() => _node = _lan.AddNode("A");

    private static VirtualRouterConfig Refusing(int priority = 100) => ScenarioNode.Config(priority) with { AcceptMode = false };

    private void StartMaster(VirtualRouterConfig config)
    {
        _node.Add(config);
        _lan.RunTo(3.61m);
        Assert.Equal(VrrpState.Master, _node.State());
    }

    [Fact] // VR-198, VR-199
    public void An_address_is_blocked_before_it_is_installed_and_unblocked_after_it_was_removed()
    {
        StartMaster(Refusing());
        Assert.Equal("block 10.0.0.254, +10.0.0.254, adv 100, arp 10.0.0.254", _node.TakeLog());
        _node.Hear(200);
        Assert.Equal("-10.0.0.254, unblock 10.0.0.254", _node.TakeLog());
        Assert.Empty(_node.Router().Blocked);
    }

    [Fact]
    public void Excluded_addresses_are_blocked_like_the_others()
    {
        StartMaster(Refusing() with { ExcludedAddresses = [VirtualAddress.Host(IPAddressValue.Parse("2001:db8::1"))] });
        Assert.Equal(["10.0.0.254", "2001:db8::1"], _node.Blocked);
    }

    [Fact] // VR-199
    public void Nothing_is_blocked_for_an_owner_or_with_accept_mode()
    {
        _node.Add(Refusing(priority: 255));
        _node.Add(ScenarioNode.Config(name: "second", virtualRouterId: 52, address: "10.0.0.253"));
        _lan.RunTo(5);
        Assert.Equal((VrrpState.Master, VrrpState.Master), (_node.State(), _node.State("second")));
        Assert.Empty(_node.Blocked);
    }

    [Fact]
    public void An_address_that_is_the_hosts_own_is_not_blocked_whatever_the_priority()
    {
        _node.AddInterface("eth1", "10.0.0.254");
        StartMaster(Refusing() with { ExcludedAddresses = [VirtualAddress.Host(IPAddressValue.Parse("10.0.0.253"))] });
        Assert.Equal(["10.0.0.253"], _node.Blocked);
    }

    [Fact]
    public void A_router_that_answers_for_its_successor_goes_on_dropping()
    {
        StartMaster(Refusing());
        var isRemoved = _node.Remove(handOver: true);
        Assert.Equal(["10.0.0.254"], _node.Blocked);
        _lan.Run(2);
        Assert.True(isRemoved());
        Assert.Empty(_node.Blocked);
        Assert.EndsWith("-10.0.0.254, unblock 10.0.0.254", _node.TakeLog(), StringComparison.Ordinal);
    }

    [Fact]
    public void Accept_mode_changes_while_Master()
    {
        StartMaster(ScenarioNode.Config());
        _node.TakeLog();
        _node.Reconfigure(Refusing());
        Assert.Equal(["10.0.0.254"], _node.Blocked);
        _node.Reconfigure(Refusing() with { VirtualAddresses = [VirtualAddress.Host(IPAddressValue.Parse("10.0.0.253"))] });
        Assert.Equal(["10.0.0.253"], _node.Blocked);
        _node.Reconfigure(ScenarioNode.Config(address: "10.0.0.253"));
        Assert.Empty(_node.Blocked);
        string[] expected = ["block 10.0.0.254", "block 10.0.0.253", "+10.0.0.253", "-10.0.0.254", "unblock 10.0.0.254", "unblock 10.0.0.253"];
        var log = _node.TakeLog().Split(", ");
        Assert.Equal(expected, log.Where(line => !line.StartsWith('a')));
    }

    [Fact]
    public void An_address_that_is_put_back_was_blocked_all_the_time()
    {
        StartMaster(Refusing());
        _node.TakeLog();
        _node.TakeAway("10.0.0.254");
        _lan.Run(0.5m);
        Assert.DoesNotContain("block", _node.TakeLog(), StringComparison.Ordinal);
        Assert.Equal(["10.0.0.254"], _node.Blocked);
    }

    [Fact]
    public void A_refused_address_is_not_left_blocked()
    {
        _node.Refuse("10.0.0.254");
        _node.Add(Refusing());
        _lan.RunTo(5);
        Assert.Equal(VrrpState.Fault, _node.State());
        Assert.Empty(_node.Blocked);
    }

    [Fact]
    public void Without_a_filter_it_runs_and_says_so_at_the_start_and_at_a_reload()
    {
        _node.Platform.FilterFailure = "the kernel has none";
        StartMaster(Refusing());
        var told = Assert.Single(_node.Take<AcceptModeUnenforced>());
        Assert.Equal(("vr", true, "the kernel has none"), (told.VirtualRouter, told.Blocking, told.Reason));
        Assert.True(_node.Has("10.0.0.254"));
        _node.Reconfigure(Refusing(priority: 99));
        Assert.Single(_node.Take<AcceptModeUnenforced>());
        _node.Hear(200);
        Assert.Empty(_node.Router().Blocked);

        // It comes to be, and is used from the next time on.
        _node.Platform.FilterFailure = null;
        _lan.Run(5);
        Assert.Equal(VrrpState.Master, _node.State());
        Assert.Equal(["10.0.0.254"], _node.Blocked);
        Assert.Empty(_node.Take<AcceptModeUnenforced>());
    }

    [Fact]
    public void What_a_killed_process_left_is_removed_although_nothing_is_blocked_any_more()
    {
        StartMaster(Refusing());
        _node.Kill();
        Assert.Equal(["10.0.0.254"], _node.Blocked);
        _node.Boot();
        _node.Add(ScenarioNode.Config());
        Assert.Empty(_node.Blocked);
    }
}
