namespace Vrrp.Tests.Engine;

/// <summary>Accept_Mode false: when addresses are blocked and when that ends.</summary>
public class AcceptModeTests
{
    private readonly TestLan _lan = new();
    private readonly TestNode _node;

    public AcceptModeTests() => _node = _lan.AddNode("A");

    private static VirtualRouterConfig Refusing(int priority = 100) => TestNode.Config(priority) with { AcceptMode = false };

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
        Assert.Equal(["10.0.0.254", "2001:db8::1"], _node.Platform.Blocked);
    }

    [Fact] // VR-199
    public void Nothing_is_blocked_for_an_owner_or_with_accept_mode()
    {
        _node.Add(Refusing(priority: 255));
        _node.Add(TestNode.Config(name: "second", virtualRouterId: 52, address: "10.0.0.253"));
        _lan.RunTo(5);
        Assert.Equal((VrrpState.Master, VrrpState.Master), (_node.State(), _node.State("second")));
        Assert.Empty(_node.Platform.Blocked);
    }

    [Fact]
    public void An_address_that_is_the_hosts_own_is_not_blocked_whatever_the_priority()
    {
        _node.Platform.AddInterface(3, "eth1", isUp: true, "10.0.0.254");
        StartMaster(Refusing() with { ExcludedAddresses = [VirtualAddress.Host(IPAddressValue.Parse("10.0.0.253"))] });
        Assert.Equal(["10.0.0.253"], _node.Platform.Blocked);
    }

    [Fact]
    public void A_router_that_answers_for_its_successor_goes_on_dropping()
    {
        StartMaster(Refusing());
        var isRemoved = _node.Remove(handOver: true);
        Assert.Equal(["10.0.0.254"], _node.Platform.Blocked);
        _lan.Run(2);
        Assert.True(isRemoved());
        Assert.Empty(_node.Platform.Blocked);
        Assert.EndsWith("-10.0.0.254, unblock 10.0.0.254", _node.TakeLog(), StringComparison.Ordinal);
    }

    [Fact]
    public void Accept_mode_changes_while_Master()
    {
        StartMaster(TestNode.Config());
        _node.TakeLog();
        _node.Reconfigure(Refusing());
        Assert.Equal(["10.0.0.254"], _node.Platform.Blocked);
        _node.Reconfigure(Refusing() with { VirtualAddresses = [VirtualAddress.Host(IPAddressValue.Parse("10.0.0.253"))] });
        Assert.Equal(["10.0.0.253"], _node.Platform.Blocked);
        _node.Reconfigure(TestNode.Config(address: "10.0.0.253"));
        Assert.Empty(_node.Platform.Blocked);
        string[] expected = ["block 10.0.0.254", "block 10.0.0.253", "+10.0.0.253", "-10.0.0.254", "unblock 10.0.0.254", "unblock 10.0.0.253"];
        var log = _node.TakeLog().Split(", ");
        Assert.Equal(expected, log.Where(line => !line.StartsWith('a')));
    }

    [Fact]
    public void An_address_that_is_put_back_was_blocked_all_the_time()
    {
        StartMaster(Refusing());
        _node.TakeLog();
        _node.Platform.TakeAway("eth0", "10.0.0.254");
        _lan.Run(0.5m);
        Assert.DoesNotContain("block", _node.TakeLog(), StringComparison.Ordinal);
        Assert.Equal(["10.0.0.254"], _node.Platform.Blocked);
    }

    [Fact]
    public void A_refused_address_is_not_left_blocked()
    {
        _node.Platform.Refusal = _ => 99;
        _node.Add(Refusing());
        _lan.RunTo(5);
        Assert.Equal(VrrpState.Fault, _node.State());
        Assert.Empty(_node.Platform.Blocked);
    }

    [Fact]
    public void Without_a_filter_it_runs_and_says_so_at_the_start_and_at_a_reload()
    {
        _node.Platform.FilterFailure = "the kernel has none";
        StartMaster(Refusing());
        var told = Assert.Single(_node.Take<AcceptModeUnenforced>());
        Assert.Equal(("vr", true, "the kernel has none"), (told.VirtualRouter, told.Blocking, told.Reason));
        Assert.True(_node.Platform.Has("10.0.0.254"));
        _node.Reconfigure(Refusing(priority: 99));
        Assert.Single(_node.Take<AcceptModeUnenforced>());
        _node.Hear(200);
        Assert.Empty(_node.Router().Blocked);

        // It comes to be, and is used from the next time on.
        _node.Platform.FilterFailure = null;
        _lan.Run(5);
        Assert.Equal(VrrpState.Master, _node.State());
        Assert.Equal(["10.0.0.254"], _node.Platform.Blocked);
        Assert.Empty(_node.Take<AcceptModeUnenforced>());
    }

    [Fact]
    public void What_a_killed_process_left_is_removed_although_nothing_is_blocked_any_more()
    {
        StartMaster(Refusing());
        _node.Kill();
        Assert.Equal(["10.0.0.254"], _node.Platform.Blocked);
        _node.Boot();
        _node.Add(TestNode.Config());
        Assert.Empty(_node.Platform.Blocked);
    }
}
