namespace Vrrp;

/// <summary>What a sync group looks at in one member.</summary>
/// <param name="State">The member's state.</param>
/// <param name="WantsMaster">Whether its timer ran out and it waits for the others.</param>
/// <param name="HasOwnFault">Whether it has a fault other than <see cref="VrrpFaults.SyncGroup"/>.</param>
/// <param name="HeedsMaster">Whether it is Backup of a Master that it has heard and lets be.</param>
public readonly record struct SyncMember(VrrpState State, bool WantsMaster, bool HasOwnFault, bool HeedsMaster = false);

/// <summary>What the members of a group must do.</summary>
public enum SyncVerdict : byte
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>Those in Backup become Master: all are ready.</summary>
    BecomeMaster,

    /// <summary>Those that are Master become Backup: one yielded.</summary>
    BecomeBackup,
}

/// <summary>The rules of <c>vrrp_sync_group</c>: members are Master all together or not at all. Pure.</summary>
public static class SyncGroupRules
{
    /// <summary>Whether members without a fault of their own must be in Fault because another has one.</summary>
    /// <param name="members">All members.</param>
    /// <returns>Whether any has a fault of its own.</returns>
    public static bool IsFaulty(ReadOnlySpan<SyncMember> members)
    {
        foreach (var member in members)
        {
            if (member.HasOwnFault)
                return true;
        }

        return false;
    }

    /// <summary>Decides after one member changed.</summary>
    /// <param name="members">All members, the changed one included.</param>
    /// <param name="yielded">Whether the changed member went from Master to Backup.</param>
    /// <returns>What the members must do.</returns>
    public static SyncVerdict Decide(ReadOnlySpan<SyncMember> members, bool yielded)
    {
        if (yielded)
            return SyncVerdict.BecomeBackup;
        bool anyWaits = false;
        bool areReady = true;
        bool anyMaster = false;
        bool anyHeeds = false;
        foreach (var member in members)
        {
            areReady &= member.State == VrrpState.Master || member.WantsMaster;
            anyWaits |= member.WantsMaster;
            anyMaster |= member.State == VrrpState.Master;
            anyHeeds |= member.HeedsMaster && !member.WantsMaster;
        }

        // One that joined Masters and has a Master elsewhere: they would be divided for good.
        if (anyMaster && anyHeeds)
            return SyncVerdict.BecomeBackup;
        return areReady && anyWaits ? SyncVerdict.BecomeMaster : SyncVerdict.None;
    }
}
