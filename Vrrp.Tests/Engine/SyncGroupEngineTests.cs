namespace Vrrp.Tests.Engine;

/// <summary>Sync groups of two and three through the engine: all Master or none (I4).</summary>
public class SyncGroupEngineTests
{
    private readonly ScenarioLan _lan = new();
    private readonly ScenarioNode _node;

    public SyncGroupEngineTests() => _node = _lan.AddNode("A");

    private static VirtualRouterConfig Member(int number, int priority = 100) =>
        ScenarioNode.Config(priority, $"m{number}", 50 + number, $"10.0.0.{250 - number}") with { SyncGroup = "group" };

    private void AddMembers(params int[] priorities)
    {
        for (int i = 0; i < priorities.Length; i++)
            _node.Add(Member(i + 1, priorities[i]));
    }

    private void StartMasters(params int[] priorities)
    {
        AddMembers(priorities);
        _lan.RunTo(10);
        AssertAll(VrrpState.Master);
        _lan.Mark();
        _node.TakeLog();
    }

    private void AssertAll(VrrpState state) =>
        Assert.All(_node.Engine.Routers, router => Assert.True(router.State.State == state, _lan.Trace));

    [Fact]
    public void The_last_one_ready_decides_when_all_become_master()
    {
        AddMembers(200, 100, 150);
        _lan.RunTo(3.609374m);
        AssertAll(VrrpState.Backup);
        _lan.RunTo(3.61m);

        AssertAll(VrrpState.Master);
        Assert.All(_node.Take<RouterTransition>()[3..], transition => Assert.Equal(VrrpState.Master, transition.To));
    }

    [Fact]
    public void Owners_in_a_group_are_master_at_once()
    {
        _node.AddAddress("eth0", "10.0.0.249");
        _node.AddAddress("eth0", "10.0.0.248");
        AddMembers(255, 255);
        _lan.RunTo(0.0001m);

        AssertAll(VrrpState.Master);
    }

    [Fact]
    public void A_member_that_hears_a_master_keeps_the_others_back()
    {
        AddMembers(100, 100);
        for (int i = 0; i < 20; i++)
        {
            _lan.RunTo(i);
            _node.Hear(200, virtualRouterId: 52);
        }

        AssertAll(VrrpState.Backup);
        _lan.RunTo(30);
        AssertAll(VrrpState.Master);
    }

    [Fact]
    public void A_member_that_yields_takes_the_others_along()
    {
        StartMasters(100, 100, 100);
        _node.Hear(200, virtualRouterId: 52);

        AssertAll(VrrpState.Backup);
        Assert.Equal("-10.0.0.248, -10.0.0.249, -10.0.0.247", _node.TakeLog());
        Assert.Equal(
            [TransitionReason.HigherPriorityHeard, TransitionReason.SyncGroup, TransitionReason.SyncGroup],
            _node.Take<RouterTransition>().Select(transition => transition.Reason));
    }

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    public void A_fault_drags_the_others_and_its_end_frees_them(int members)
    {
        StartMasters([.. Enumerable.Repeat(100, members)]);
        _node.Declare(isFaulty: true, "m1");

        AssertAll(VrrpState.Fault);
        Assert.Equal(VrrpFaults.Declared, _node.Router("m1").State.Faults);
        Assert.Equal(VrrpFaults.SyncGroup, _node.Router("m2").State.Faults);
        // One farewell each, and no address stays.
        Assert.Equal(members, _node.TakeLog().Split(", ").Count(entry => entry == "adv 0"));
        Assert.Contains("sync group", _node.Take<RouterTransition>()[^1].Detail, StringComparison.Ordinal);

        _node.Declare(isFaulty: true, "m2");
        _node.Declare(isFaulty: false, "m1");
        AssertAll(VrrpState.Fault);
        // Not even for a moment was it Backup: scripts would be told so.
        Assert.Empty(_node.Take<RouterTransition>());
        Assert.Equal(VrrpFaults.SyncGroup, _node.Router("m1").State.Faults);
        _node.Declare(isFaulty: false, "m2");
        AssertAll(VrrpState.Backup);
        _lan.RunTo(10);
        AssertAll(VrrpState.Master);
    }

    [Fact]
    public void A_refusal_in_one_member_takes_all_out_of_service()
    {
        _node.Refuse("10.0.0.248", 99);
        AddMembers(100, 100, 100);
        _lan.RunTo(4);

        AssertAll(VrrpState.Fault);
        Assert.All(_node.Platform.Interface("eth0").Addresses, address => Assert.False(address.IsOurs));
        // All have their addresses before one of them says a word: a peer of the first would yield to it.
        Assert.Equal("+10.0.0.249, +10.0.0.247, -10.0.0.249, -10.0.0.247", _node.TakeLog());
        Assert.Equal([VrrpFaults.SyncGroup, VrrpFaults.AddressRefused, VrrpFaults.SyncGroup], _node.Engine.Routers.Select(router => router.State.Faults));
        _node.Accept("10.0.0.248");
        _lan.RunTo(20);
        AssertAll(VrrpState.Master);
    }

    [Fact]
    public void A_second_master_of_one_member_makes_all_announce_again()
    {
        StartMasters(100, 100);
        _node.Hear(50, virtualRouterId: 51);
        _lan.Run(0.0001m);

        Assert.Equal("adv 100, arp 10.0.0.249, arp 10.0.0.248", _node.TakeLog());
        Assert.Equal("m1", Assert.Single(_node.Take<SecondMasterHeard>()).VirtualRouter);
    }

    [Fact]
    public void A_removed_member_frees_the_others_of_its_fault()
    {
        AddMembers(100, 100);
        _node.Declare(isFaulty: true, "m1");
        AssertAll(VrrpState.Fault);
        _node.Remove("m1");

        Assert.Equal(VrrpState.Backup, _node.State("m2"));
        _lan.RunTo(10);
        Assert.Equal(VrrpState.Master, _node.State("m2"));
    }

    [Fact]
    public void A_member_that_leaves_the_group_keeps_neither_its_fault_nor_its_wait()
    {
        AddMembers(100, 50);
        _lan.RunTo(3.7m);
        Assert.True(_node.Router("m1").State.WantsMaster);
        _node.Reconfigure(Member(1) with { SyncGroup = null }, "m1");
        _lan.Run(0.0001m);
        Assert.Equal(VrrpState.Master, _node.State("m1"));

        _node.Reconfigure(Member(1), "m1");
        _node.Declare(isFaulty: true, "m2");
        AssertAll(VrrpState.Fault);
        _node.Reconfigure(Member(1) with { SyncGroup = null }, "m1");
        Assert.Equal(VrrpState.Backup, _node.State("m1"));
    }

    [Fact]
    public void A_member_that_joins_masters_and_heeds_another_makes_them_yield()
    {
        StartMasters(100, 100);
        _node.Remove("m1");
        _node.Add(Member(1));
        _lan.Run(1);
        Assert.Equal((VrrpState.Backup, VrrpState.Master), (_node.State("m1"), _node.State("m2")));
        // One that it will preempt is no reason.
        _node.Hear(50, virtualRouterId: 51);
        Assert.Equal(VrrpState.Master, _node.State("m2"));
        _node.Hear(200, virtualRouterId: 51);
        AssertAll(VrrpState.Backup);
        Assert.False(_node.Has("10.0.0.248"));
    }

    [Fact]
    public void Hand_overs_of_members_complete_although_another_fails()
    {
        StartMasters(100, 100, 100);
        var first = _node.Remove("m1", handOver: true);
        var second = _node.Remove("m2", handOver: true);
        _node.Declare(isFaulty: true, "m3");
        Assert.Equal(VrrpState.Fault, _node.State("m3"));
        // The fault of one that stays is no reason for those that go to let go early.
        Assert.True(_node.Has("10.0.0.249"));
        _lan.RunTo(2);

        Assert.True(first() && second());
        Assert.Equal(1, _node.Engine.RouterCount);
    }
}
