using System.Collections.Immutable;
using Vrrp.Daemon.Configuration.Model;

namespace Vrrp.Daemon.Notifications;

/// <summary>A sync group changed its state: all of its members have come to another one.</summary>
/// <param name="At">When, on the monotonic clock.</param>
/// <param name="Group">Which group.</param>
/// <param name="From">State before; Initialize at the start.</param>
/// <param name="To">State now; Initialize when all have stopped.</param>
/// <param name="Members">Names of its members, in the file's order.</param>
/// <param name="First">
/// The transition that set the group moving, which has the reason: that of the member whose own change it was. The others only followed.
/// </param>
internal sealed record GroupTransition(
    Instant At, SyncGroup Group, VrrpState From, VrrpState To, ImmutableArray<string> Members, RouterTransition First);

/// <summary>
/// Derives the states of sync groups from those of their members. A group is in the state in which all of its members are; while they
/// differ, which lasts for one turn of the engine, it stays where it was. Pure but for being changed in place; for one thread at a time.
/// </summary>
internal sealed class GroupStates
{
    private readonly Dictionary<string, VrrpState> _routers = new(StringComparer.Ordinal);
    private readonly Dictionary<string, State> _groupOf = new(StringComparer.Ordinal);
    private Dictionary<string, State> _groups = new(StringComparer.Ordinal);

    /// <summary>
    /// Takes the groups of a configuration over. A group that stays keeps its state until a member moves, one that goes is forgotten
    /// without a word. Members keep theirs also when they change the group.
    /// </summary>
    public void Configure(ImmutableArray<SyncGroup> groups)
    {
        var before = _groups;
        _groups = new(groups.Length, StringComparer.Ordinal);
        _groupOf.Clear();
        foreach (var group in groups)
        {
            var state = new State(group, before.TryGetValue(group.Name, out var old) ? old.Now : Common(group) ?? VrrpState.Initialize);
            _groups.Add(group.Name, state);
            foreach (string name in group.Members)
                _groupOf[name] = state;
        }
    }

    /// <summary>A member goes on under another name. To be told before <see cref="Configure"/>.</summary>
    public void Rename(string from, string to)
    {
        if (_routers.Remove(from, out var state))
            _routers[to] = state;
    }

    /// <summary>The state of a group; null when there is none of that name.</summary>
    public VrrpState? this[string group] => _groups.TryGetValue(group, out var state) ? state.Now : null;

    /// <summary>Notes a member's transition.</summary>
    /// <returns>The transition of its group, if this one completes it.</returns>
    public GroupTransition? Take(RouterTransition transition)
    {
        if (transition.To == VrrpState.Initialize)
            _routers.Remove(transition.VirtualRouter);
        else
            _routers[transition.VirtualRouter] = transition.To;
        if (!_groupOf.TryGetValue(transition.VirtualRouter, out var group))
            return null;
        // A member that was brought along says only that it was.
        if (group.First is null || (IsFollower(group.First) && !IsFollower(transition)) || group.First.To != transition.To)
            group.First = transition;
        if (Common(group.Config) is not { } common)
            return null;
        var (from, first) = (group.Now, group.First);
        (group.Now, group.First) = (common, null);
        return common == from ? null : new(transition.At, group.Config, from, common, group.Config.Members, first);
    }

    private static bool IsFollower(RouterTransition transition) =>
        transition.Reason == TransitionReason.SyncGroup || transition.Faults == VrrpFaults.SyncGroup;

    /// <summary>Null: they differ, or there are none.</summary>
    private VrrpState? Common(SyncGroup group)
    {
        VrrpState? common = null;
        foreach (string name in group.Members)
        {
            var state = _routers.GetValueOrDefault(name, VrrpState.Initialize);
            if (common is not null && common != state)
                return null;
            common = state;
        }

        return common;
    }

    private sealed class State(SyncGroup config, VrrpState now)
    {
        public SyncGroup Config { get; } = config;

        public VrrpState Now { get; set; } = now;

        /// <summary>What set it moving, while it moves.</summary>
        public RouterTransition? First { get; set; }
    }
}
