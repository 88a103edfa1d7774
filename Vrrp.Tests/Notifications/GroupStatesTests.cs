using Vrrp.Daemon.Configuration.Model;
using Vrrp.Daemon.Notifications;

namespace Vrrp.Tests.Notifications;

public sealed class GroupStatesTests
{
    private readonly GroupStates _states = new();

    public GroupStatesTests() => _states.Configure([Group("G", "A", "B", "C")]);

    private static SyncGroup Group(string name, params ReadOnlySpan<string> members) => new() { Name = name, Members = [.. members] };

    private static RouterTransition Move(
        string router, VrrpState from, VrrpState to, TransitionReason reason = TransitionReason.SyncGroup, VrrpFaults faults = VrrpFaults.None) =>
        new(default, router, from, to, reason, faults, Priority.Default, default, default, null);

    private void Start()
    {
        foreach (string name in (string[])["A", "B", "C"])
            _states.Take(Move(name, VrrpState.Initialize, VrrpState.Backup, TransitionReason.Started));
    }

    [Fact]
    public void A_group_moves_when_its_last_member_has_moved()
    {
        Assert.Null(_states.Take(Move("A", VrrpState.Initialize, VrrpState.Backup, TransitionReason.Started)));
        Assert.Null(_states.Take(Move("X", VrrpState.Initialize, VrrpState.Backup, TransitionReason.Started)));
        Assert.Null(_states.Take(Move("B", VrrpState.Initialize, VrrpState.Backup, TransitionReason.Started)));
        var started = _states.Take(Move("C", VrrpState.Initialize, VrrpState.Backup, TransitionReason.Started));

        Assert.NotNull(started);
        Assert.Equal((VrrpState.Initialize, VrrpState.Backup), (started.From, started.To));
        Assert.Equal("A B C", string.Join(" ", started.Members));
        Assert.Equal("A", started.First.VirtualRouter);
        Assert.Equal(VrrpState.Backup, _states["G"]);
        Assert.Null(_states["X"]);
    }

    [Fact]
    public void The_reason_is_that_of_the_member_whose_own_change_it_was()
    {
        Start();
        _states.Take(Move("A", VrrpState.Backup, VrrpState.Fault, TransitionReason.FaultBegan, VrrpFaults.SyncGroup));
        _states.Take(Move("B", VrrpState.Backup, VrrpState.Fault, TransitionReason.FaultBegan, VrrpFaults.LinkDown));
        var fault = _states.Take(Move("C", VrrpState.Backup, VrrpState.Fault, TransitionReason.FaultBegan, VrrpFaults.SyncGroup));

        Assert.Equal(("B", VrrpFaults.LinkDown), (fault!.First.VirtualRouter, fault.First.Faults));
    }

    [Fact]
    public void Members_that_come_back_before_all_have_moved_are_no_transition_of_the_group()
    {
        Start();
        Assert.Null(_states.Take(Move("A", VrrpState.Backup, VrrpState.Master, TransitionReason.MasterSilent)));
        Assert.Null(_states.Take(Move("A", VrrpState.Master, VrrpState.Backup, TransitionReason.HigherPriorityHeard)));
        _states.Take(Move("B", VrrpState.Backup, VrrpState.Master));
        _states.Take(Move("C", VrrpState.Backup, VrrpState.Master));
        var master = _states.Take(Move("A", VrrpState.Backup, VrrpState.Master, TransitionReason.MasterLeft));

        Assert.Equal((VrrpState.Backup, VrrpState.Master, "A"), (master!.From, master.To, master.First.VirtualRouter));
    }

    [Fact]
    public void A_group_has_stopped_when_all_have()
    {
        Start();
        Assert.Null(_states.Take(Move("C", VrrpState.Backup, VrrpState.Initialize, TransitionReason.Stopped)));
        Assert.Null(_states.Take(Move("B", VrrpState.Backup, VrrpState.Initialize, TransitionReason.Stopped)));
        var stopped = _states.Take(Move("A", VrrpState.Backup, VrrpState.Initialize, TransitionReason.Stopped));

        Assert.Equal((VrrpState.Backup, VrrpState.Initialize), (stopped!.From, stopped.To));
    }

    [Fact]
    public void A_new_configuration_changes_members_and_keeps_states()
    {
        Start();
        _states.Configure([Group("G", "A", "B"), Group("H", "C", "D"), Group("I", "E")]);
        Assert.Equal(VrrpState.Backup, _states["G"]);
        Assert.Equal(VrrpState.Initialize, _states["H"]);

        var whole = _states.Take(Move("D", VrrpState.Initialize, VrrpState.Backup, TransitionReason.Started));
        Assert.Equal((VrrpState.Initialize, VrrpState.Backup, "H"), (whole!.From, whole.To, whole.Group.Name));
        _states.Take(Move("A", VrrpState.Backup, VrrpState.Master, TransitionReason.MasterSilent));
        var master = _states.Take(Move("B", VrrpState.Backup, VrrpState.Master));
        Assert.Equal((VrrpState.Backup, VrrpState.Master, "G"), (master!.From, master.To, master.Group.Name));
        Assert.Null(_states.Take(Move("C", VrrpState.Backup, VrrpState.Fault, TransitionReason.FaultBegan, VrrpFaults.LinkDown)));
    }

    [Fact]
    public void A_group_of_members_that_run_already_begins_where_they_are()
    {
        Start();
        _states.Configure([]);
        _states.Configure([Group("N", "A", "B")]);

        Assert.Equal(VrrpState.Backup, _states["N"]);
    }
}
