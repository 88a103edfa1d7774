namespace Vrrp.Tests.StateMachine;

public class SyncGroupTests
{
    private static readonly SyncMember Master = new(VrrpState.Master, WantsMaster: false, HasOwnFault: false);
    private static readonly SyncMember Backup = new(VrrpState.Backup, WantsMaster: false, HasOwnFault: false);
    private static readonly SyncMember Ready = new(VrrpState.Backup, WantsMaster: true, HasOwnFault: false);
    private static readonly SyncMember Dragged = new(VrrpState.Fault, WantsMaster: false, HasOwnFault: false);
    private static readonly SyncMember Faulty = new(VrrpState.Fault, WantsMaster: false, HasOwnFault: true);

    [Fact]
    public void Members_become_master_when_the_last_one_is_ready()
    {
        Assert.Equal(SyncVerdict.None, SyncGroupRules.Decide([Ready, Backup, Ready], yielded: false));
        Assert.Equal(SyncVerdict.BecomeMaster, SyncGroupRules.Decide([Ready, Ready, Ready], yielded: false));
    }

    [Fact]
    public void A_member_that_joined_masters_follows_when_it_is_ready()
    {
        Assert.Equal(SyncVerdict.None, SyncGroupRules.Decide([Master, Backup], yielded: false));
        Assert.Equal(SyncVerdict.BecomeMaster, SyncGroupRules.Decide([Master, Ready], yielded: false));
    }

    [Fact]
    public void A_member_that_joined_masters_and_heeds_another_one_makes_them_yield()
    {
        var heeding = Backup with { HeedsMaster = true };
        Assert.Equal(SyncVerdict.BecomeBackup, SyncGroupRules.Decide([Master, heeding], yielded: false));
        Assert.Equal(SyncVerdict.BecomeBackup, SyncGroupRules.Decide([Ready, Master, heeding], yielded: false));
        // What it heard before it was ready is over.
        Assert.Equal(SyncVerdict.BecomeMaster, SyncGroupRules.Decide([Master, Ready with { HeedsMaster = true }], yielded: false));
        Assert.Equal(SyncVerdict.None, SyncGroupRules.Decide([Ready, heeding], yielded: false));
    }

    [Fact]
    public void Nothing_is_to_be_done_while_all_are_master_or_none_is_ready()
    {
        Assert.Equal(SyncVerdict.None, SyncGroupRules.Decide([Master, Master], yielded: false));
        Assert.Equal(SyncVerdict.None, SyncGroupRules.Decide([Backup, Backup], yielded: false));
        Assert.Equal(SyncVerdict.None, SyncGroupRules.Decide([], yielded: false));
    }

    [Fact]
    public void One_that_yields_takes_the_others_along_even_when_they_are_ready()
    {
        Assert.Equal(SyncVerdict.BecomeBackup, SyncGroupRules.Decide([Backup, Master], yielded: true));
        Assert.Equal(SyncVerdict.BecomeBackup, SyncGroupRules.Decide([Ready, Master], yielded: true));
    }

    [Fact]
    public void A_member_in_fault_keeps_the_others_from_becoming_master()
    {
        Assert.Equal(SyncVerdict.None, SyncGroupRules.Decide([Ready, Faulty], yielded: false));
        Assert.Equal(SyncVerdict.None, SyncGroupRules.Decide([Ready, Dragged], yielded: false));
    }

    [Fact]
    public void A_group_is_faulty_by_its_members_own_faults_alone()
    {
        Assert.True(SyncGroupRules.IsFaulty([Master, Faulty]));
        // Else two members that drag each other would never come back.
        Assert.False(SyncGroupRules.IsFaulty([Dragged, Dragged]));
    }
}
