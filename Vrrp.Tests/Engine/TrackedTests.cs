namespace Vrrp.Tests.Engine;

/// <summary>What the program around the library tracks for a router.</summary>
public class TrackedTests
{
    private readonly ScenarioLan _lan = new();
    private readonly ScenarioNode _node;

    public TrackedTests() => _node = _lan.AddNode("A");

    private int Effective => _node.Router().State.EffectivePriority.Value;

    private void StartMaster(VirtualRouterConfig? config = null)
    {
        _node.Add(config ?? ScenarioNode.Config());
        _lan.RunTo(10);
        Assert.Equal(VrrpState.Master, _node.State());
        _lan.Mark();
        _node.TakeLog();
    }

    private void Track(int weight, bool isFaulty = false, string? detail = null) => _node.Simulated.SetTracked("vr", new(weight, isFaulty, detail));

    [Theory]
    [InlineData(20, 120)]
    [InlineData(-20, 80)]
    [InlineData(-300, 1)]
    [InlineData(300, 254)]
    [InlineData(int.MaxValue, 254)]
    [InlineData(int.MinValue, 1)]
    public void A_weight_is_added_within_bounds_and_advertised(int weight, int expected)
    {
        StartMaster();
        Track(weight);
        Assert.Equal(expected, Effective);
        Assert.Equal(new PriorityChanged(_lan.Now, "vr", new(100), new(expected)), Assert.Single(_node.Take<PriorityChanged>()));
        _lan.Run(1);

        Assert.Equal($"adv {expected}", _node.TakeLog());
        Assert.Equal(new TrackedState(weight), _node.Simulated.Router("vr").GetStatus().Tracked);
        Assert.Equal(weight, _node.Router().Vitals.Tracked.Weight);
        _lan.AssertTransitions();
        Track(0);
        Assert.Equal(100, Effective);
    }

    [Fact]
    public void It_adds_up_with_the_weights_of_interfaces()
    {
        _node.AddInterface("eth1");
        StartMaster(ScenarioNode.Config() with { TrackedInterfaces = [new("eth1", 30)] });
        Track(-50);
        Assert.Equal(80, Effective);
        _node.Simulated.SetCable("eth1", isConnected: false);
        _lan.Run(1);

        Assert.Equal(50, Effective);
    }

    [Fact]
    public void An_owner_keeps_its_priority_but_not_its_health()
    {
        StartMaster(ScenarioNode.Config(255));
        Track(-50);
        Assert.Equal(255, Effective);
        Track(-50, isFaulty: true);
        _lan.Run(1);

        _lan.AssertTransitions("0 A Fault");
    }

    [Fact]
    public void A_fault_says_why_and_its_end_is_an_election()
    {
        StartMaster();
        Track(0, isFaulty: true, "vrrp_script web failed");
        Assert.Equal("adv 0, -10.0.0.254", _node.TakeLog());
        var transition = Assert.Single(_node.Take<RouterTransition>());
        Assert.Equal((VrrpState.Fault, VrrpFaults.Tracked, "vrrp_script web failed"), (transition.To, transition.Faults, transition.Detail));
        _lan.Mark();
        Track(0);
        _lan.RunTo(10);

        _lan.AssertTransitions("0 A Backup", "3.609375 A Master");
    }

    [Fact]
    public void The_end_of_a_fault_says_what_had_failed()
    {
        StartMaster();
        Track(0, isFaulty: true, "vrrp_script web failed: it exited with status 1");
        Track(0, isFaulty: true, "vrrp_script web failed: it exited with status 2");
        Track(0);

        var end = _node.Take<RouterTransition>()[^1];
        Assert.Equal((VrrpState.Backup, "vrrp_script web failed: it exited with status 2"), (end.To, end.FaultDetail));
        _node.Declare(isFaulty: true);
        _node.Declare(isFaulty: false);
        Assert.All(_node.Take<RouterTransition>(), transition => Assert.Null(transition.FaultDetail));
    }

    [Fact]
    public void A_failover_says_what_changed_the_priority_and_from_where_it_advertised()
    {
        var other = _lan.AddNode("B");
        _node.AddInterface("eth1");
        _node.Add(ScenarioNode.Config(120) with { TrackedInterfaces = [new("eth1", -5), new("eth9", 7), new("eth8", -6, Reverse: true)] });
        other.Add(ScenarioNode.Config(110));
        _lan.RunTo(10);
        Assert.Equal("interface eth9 is down (+7 not added)", _node.Take<RouterTransition>()[^1].Detail);
        _node.Simulated.SetTracked("vr", new(-20) { WeightDetail = "vrrp_script web is down (-20)" });
        _node.Simulated.SetCable("eth1", isConnected: false);
        _lan.Run(5);

        Assert.Equal(
            ["vrrp_script web is down (-20), interface eth9 is down (+7 not added)", "vrrp_script web is down (-20), interface eth1 is down (-5), interface eth9 is down (+7 not added)"],
            _node.Take<PriorityChanged>().Select(changed => changed.Detail));
        var yielded = Assert.Single(_node.Take<RouterTransition>());
        Assert.Equal((VrrpState.Backup, new Priority(101), _node.Address), (yielded.To, yielded.EffectivePriority, yielded.PrimaryAddress));
        Assert.Equal("vrrp_script web is down (-20), interface eth1 is down (-5), interface eth9 is down (+7 not added)", yielded.Detail);
    }

    [Fact]
    public void A_tracked_fault_and_a_declared_one_end_apart()
    {
        StartMaster();
        _node.Declare(isFaulty: true);
        Track(0, isFaulty: true);
        _node.Declare(isFaulty: false);
        Assert.Equal(VrrpFaults.Tracked, _node.Router().State.Faults);
        // What is tried again after a while is another fault.
        _lan.Run(20);
        Assert.Equal(VrrpFaults.Tracked, _node.Router().State.Faults);
        Track(0);

        Assert.Equal(VrrpState.Backup, _node.State());
    }

    [Fact]
    public void It_survives_a_reconfiguration_unless_that_brings_another()
    {
        StartMaster();
        Track(-20);
        _node.TakeLog();
        _node.Reconfigure(ScenarioNode.Config(150));
        Assert.Equal((130, "adv 130"), (Effective, _node.TakeLog()));
        _node.Simulated.Do((engine, now) => engine.Reconfigure("vr", ScenarioNode.Config(150, name: "renamed"), now, new(-30)));
        Assert.Equal((120, "adv 120"), (_node.Router("renamed").State.EffectivePriority.Value, _node.TakeLog()));
        _node.Simulated.Do((engine, now) => engine.Reconfigure("renamed", ScenarioNode.Config(200), now, new(0, true)));

        Assert.Equal((VrrpState.Fault, 200), (_node.State(), Effective));
        _lan.AssertTransitions("0 A Fault");
    }

    [Fact]
    public void A_router_can_begin_with_it_and_serves_for_no_moment()
    {
        _node.Simulated.Add(ScenarioNode.Config(255), new TrackedState(0, true, "no result yet"));
        _lan.Run(5);
        Assert.Empty(_node.Sent);
        Assert.Equal("no result yet", Assert.Single(_node.Take<RouterTransition>()).Detail);
        Assert.True(_node.Engine.SetTracked("vr", default, _lan.Now));
        Assert.False(_node.Engine.SetTracked("other", default, _lan.Now));

        Assert.Equal(VrrpState.Master, _node.State());
    }

    [Theory]
    [InlineData(100)]
    [InlineData(255)]
    public void A_router_that_is_not_known_to_be_well_begins_when_it_is(int priority)
    {
        var pending = new TrackedState(0, Detail: "no result yet") { IsPending = true };
        _node.Simulated.Add(ScenarioNode.Config(priority), pending);
        _lan.Run(20);
        Assert.Equal((VrrpState.Initialize, pending), (_node.State(), _node.Simulated.Router("vr").GetStatus().Tracked));
        Assert.Empty(_node.Take<RouterTransition>());
        Assert.Empty(_node.Sent);
        Track(20);
        _lan.Run(10);
        Assert.Equal((VrrpState.Master, priority == 255 ? 255 : 120), (_node.State(), Effective));

        // One that runs goes on.
        _lan.Mark();
        _node.Simulated.SetTracked("vr", pending);
        _lan.Run(10);
        _lan.AssertTransitions();
        Track(0, isFaulty: true);
        Assert.Equal(VrrpState.Fault, _node.State());
    }

    [Fact]
    public void A_router_that_waits_begins_with_a_failure_too_and_not_before_its_time()
    {
        var pending = new TrackedState(0) { IsPending = true };
        _node.Simulated.Add(ScenarioNode.Config(), pending, TimeSpan.FromSeconds(5));
        _node.Simulated.Add(ScenarioNode.Config(name: "b", virtualRouterId: 52, address: "10.0.0.253"), pending);
        _node.Simulated.Add(ScenarioNode.Config(name: "c", virtualRouterId: 53, address: "10.0.0.252"), pending);
        Track(0);
        _lan.RunTo(4);
        Assert.Equal(VrrpState.Initialize, _node.State());
        _node.Simulated.Do((engine, now) => engine.SetTracked("b", pending with { IsFaulty = true }, now));
        Assert.Equal(VrrpState.Fault, _node.State("b"));
        _node.Simulated.Do((engine, now) => engine.Reconfigure("c", ScenarioNode.Config(90, "c", 53, "10.0.0.252"), now));
        Assert.Equal(VrrpState.Initialize, _node.State("c"));
        _node.Simulated.Do((engine, now) => engine.Reconfigure("c", ScenarioNode.Config(95, "c", 53, "10.0.0.252"), now, default(TrackedState)));
        Assert.Equal((VrrpState.Backup, 95), (_node.State("c"), _node.Router("c").State.EffectivePriority.Value));
        _lan.RunTo(20);

        Assert.Equal((VrrpState.Master, VrrpState.Fault, VrrpState.Master), (_node.State(), _node.State("b"), _node.State("c")));
    }

    [Fact]
    public void A_router_that_waits_can_be_removed()
    {
        _node.Simulated.Add(ScenarioNode.Config(255), new TrackedState(0) { IsPending = true });
        var isGone = _node.Remove();
        Assert.True(isGone());
        _node.Add(ScenarioNode.Config(255));
        Assert.Equal(VrrpState.Master, _node.State());
    }

    [Fact]
    public void The_rank_decides_between_two_that_are_tracked()
    {
        var other = _lan.AddNode("B");
        _node.Add(ScenarioNode.Config(120));
        other.Add(ScenarioNode.Config(110));
        _lan.RunTo(10);
        _lan.AssertStates(VrrpState.Master, VrrpState.Backup);
        _lan.Mark();
        Track(-20);
        _lan.RunTo(10);
        _lan.AssertStates(VrrpState.Backup, VrrpState.Master);
        Track(0);
        _lan.Run(10);

        _lan.AssertStates(VrrpState.Master, VrrpState.Backup);
    }

    [Fact]
    public void A_member_of_a_group_takes_the_others_with_it()
    {
        _node.Add(ScenarioNode.Config() with { SyncGroup = "G" });
        _node.Add(ScenarioNode.Config(name: "vr2", virtualRouterId: 52, address: "10.0.0.253") with { SyncGroup = "G" });
        _lan.RunTo(10);
        Assert.Equal(VrrpState.Master, _node.State("vr2"));
        Track(0, isFaulty: true);
        Assert.Equal((VrrpFaults.Tracked, VrrpFaults.SyncGroup), (_node.Router().State.Faults, _node.Router("vr2").State.Faults));
        Track(0);
        _lan.Run(10);

        Assert.Equal((VrrpState.Master, VrrpState.Master), (_node.State(), _node.State("vr2")));
    }

    [Fact]
    public void The_same_again_tells_nothing_and_allocates_nothing()
    {
        StartMaster();
        Track(-20);
        _lan.Mark();
        var engine = _node.Engine;
        var now = _lan.Now;
        long allocated = long.MaxValue;
        for (int round = 0; round < 10 && allocated != 0; round++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            for (int i = 0; i < 1000; i++)
                engine.SetTracked("vr", new(-20), now);
            allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        }

        Assert.Equal(0, allocated);
        Assert.Empty(_node.Notifications);
    }
}
