using System.Collections.Immutable;
using Vrrp.Daemon.Configuration;
using Vrrp.Daemon.Configuration.Model;
using Vrrp.Daemon.Failover;

namespace Vrrp.Daemon.Notifications;

/// <summary>
/// What the engine tells to what scripts and pipes are told, in keepalived's order: an instance, then its group. Ends (STOP, DELETED) are
/// held until the addresses are off, as keepalived tells them. Pure but for being changed in place; for one thread at a time.
/// </summary>
internal sealed class NotifyEvents
{
    private readonly GroupStates _groups = new();
    private readonly List<NotifyEvent> _held = [];
    private readonly Dictionary<string, Router> _routers = new(StringComparer.Ordinal);
    private readonly Dictionary<string, NotifyEvent> _latest = new(StringComparer.Ordinal);
    private Dictionary<string, VrrpInstance> _instances = new(StringComparer.Ordinal);
    private Dictionary<string, SyncGroup> _groupsByName = new(StringComparer.Ordinal);
    private DaemonConfig? _config;

    /// <summary>Set when the daemon stops: what ends from now on is told STOP.</summary>
    public bool IsStopping { get; set; }

    /// <summary>The latest state of each subject that has one and has not ended, for a pipe that asks for them again.</summary>
    public IEnumerable<NotifyEvent> States => _latest.Values;

    /// <summary>Takes a configuration over, before the routers are changed: those that it lacks are still to tell their end.</summary>
    public void Configure(DaemonConfig config)
    {
        if (_config is not null)
        {
            foreach (var change in ConfigDiff.Create(_config, config).Instances.Where(change => change.Renamed))
                Rename(change.Old!.Name, change.New!.Name);
        }

        _config = config;
        var before = _instances;
        _instances = new(config.Instances.Length, StringComparer.Ordinal);
        foreach (var instance in config.Instances)
            _instances[instance.Name] = instance;
        _groupsByName = config.SyncGroups.ToDictionary(group => group.Name, StringComparer.Ordinal);
        // What runs and is not in this configuration runs on for a moment.
        foreach (var (name, instance) in before)
        {
            if (_routers.ContainsKey(name))
                _instances.TryAdd(name, instance);
        }

        _groups.Configure(config.SyncGroups);
        foreach (string subject in _latest.Values.Where(told => told.IsGroup && !_groupsByName.ContainsKey(told.Name)).Select(told => told.Subject).ToArray())
            _latest.Remove(subject);
    }

    /// <summary>What a notification of the engine has to be told as, in order.</summary>
    public ImmutableArray<NotifyEvent> Take(VrrpNotification notification)
    {
        var events = ImmutableArray.CreateBuilder<NotifyEvent>();
        switch (notification)
        {
            case RouterTransition transition:
                Take(transition, events);
                break;
            case PriorityChanged changed:
                Take(changed, events);
                break;
            case SecondMasterHeard heard when _instances.TryGetValue(heard.VirtualRouter, out var instance):
                events.Add(Describe(instance, NotifyWord.MasterReceivedLowerPriority) with
                {
                    Previous = "MASTER",
                    Reason = "another Master of lower priority was heard",
                    Peer = heard.Peer.ToString(),
                    PeerPriority = heard.PeerPriority.Value,
                });
                break;
        }

        return events.DrainToImmutable();
    }

    /// <summary>The ends that were held, now that the addresses are off.</summary>
    public ImmutableArray<NotifyEvent> Release()
    {
        ImmutableArray<NotifyEvent> ends = [.. _held];
        _held.Clear();
        return ends;
    }

    private void Rename(string from, string to)
    {
        _groups.Rename(from, to);
        if (_routers.Remove(from, out var router))
            _routers[to] = router;
        if (_latest.Remove(new NotifyEvent { Name = from, Word = default }.Subject, out var told))
            _latest[(told with { Name = to }).Subject] = told with { Name = to };
    }

    private void Take(RouterTransition transition, ImmutableArray<NotifyEvent>.Builder events)
    {
        string name = transition.VirtualRouter;
        bool isEnd = transition.To == VrrpState.Initialize;
        if (_instances.TryGetValue(name, out var instance))
        {
            _routers[name] = new(transition.To, transition.EffectivePriority);
            var told = Describe(instance, isEnd ? EndOf(instance) : WordOf(transition.To));
            Add(WithReason(told, transition, transition.From) with { IsRemoval = isEnd && !IsStopping }, events);
        }

        if (isEnd)
            _routers.Remove(name);
        if (_groups.Take(transition) is not { } group)
            return;
        // A group has no word for an end that is not the daemon's.
        if (group.To == VrrpState.Initialize && !IsStopping)
            return;
        var subject = new NotifyEvent
        {
            Name = group.Group.Name,
            IsGroup = true,
            Word = group.To == VrrpState.Initialize ? NotifyWord.Stop : WordOf(group.To),
            Scripts = group.Group.Notify,
        };
        Add(WithReason(subject, group.First, group.From), events);
    }

    private void Take(PriorityChanged changed, ImmutableArray<NotifyEvent>.Builder events)
    {
        if (!_routers.TryGetValue(changed.VirtualRouter, out var router) || !_instances.TryGetValue(changed.VirtualRouter, out var instance))
            return;
        _routers[changed.VirtualRouter] = router with { Priority = changed.To };
        bool isAsked = instance.NotifyPriorityChanges
            || (instance.SyncGroup is { } group && _groupsByName.TryGetValue(group, out var found) && found.NotifyPriorityChanges);
        if (isAsked && router.State is VrrpState.Master or VrrpState.Backup)
            events.Add(Describe(instance, router.State == VrrpState.Master ? NotifyWord.MasterPriority : NotifyWord.BackupPriority));
    }

    private void Add(NotifyEvent told, ImmutableArray<NotifyEvent>.Builder events)
    {
        if (told.IsLast)
        {
            _latest.Remove(told.Subject);
            _held.Add(told);
            return;
        }

        // One that comes again under its name, as another router, does not wait for the end of its predecessor to be told.
        foreach (var end in _held.Where(end => end.Subject == told.Subject).ToArray())
        {
            events.Add(end);
            _held.Remove(end);
        }

        _latest[told.Subject] = told;
        events.Add(told);
    }

    private NotifyEvent Describe(VrrpInstance instance, NotifyWord word) => new()
    {
        Name = instance.Name,
        Word = word,
        Priority = (_routers.TryGetValue(instance.Name, out var router) ? router.Priority : instance.Priority).Value,
        Scripts = instance.Notify,
        Group = instance.SyncGroup,
    };

    private static NotifyEvent WithReason(NotifyEvent told, RouterTransition transition, VrrpState from) => told with
    {
        Previous = from == VrrpState.Initialize ? null : TransitionText.Name(from),
        Reason = TransitionText.Reason(transition),
        Peer = transition.Peer.IsNone ? null : transition.Peer.ToString(),
        PeerPriority = transition.PeerPriority.Value,
    };

    private NotifyWord EndOf(VrrpInstance instance) =>
        IsStopping ? NotifyWord.Stop : instance.Notify.ReportDeleted ? NotifyWord.Deleted : NotifyWord.Fault;

    private static NotifyWord WordOf(VrrpState state) => state switch
    {
        VrrpState.Master => NotifyWord.Master,
        VrrpState.Backup => NotifyWord.Backup,
        _ => NotifyWord.Fault,
    };

    private readonly record struct Router(VrrpState State, Priority Priority);
}
