using System.Collections.Immutable;
using Vrrp.Daemon.Configuration.Model;
using Vrrp.Daemon.Ipvs;

namespace Vrrp.Daemon.Configuration;

/// <summary>What a reload does to one virtual router.</summary>
internal enum InstanceChangeKind
{
    Unchanged,

    /// <summary>Settings change while it runs; a Master stays Master.</summary>
    Changed,

    /// <summary>
    /// It is another router on the wire now (interface, VRID, family, version, group, owner or not, unicast or not): the old one leaves, then the
    /// new one starts.
    /// </summary>
    Restarted,
    Added,
    Removed,
}

/// <summary>One virtual router before and after.</summary>
/// <param name="Kind">What happens to it.</param>
/// <param name="Old">Null when added.</param>
/// <param name="New">Null when removed.</param>
/// <param name="Settings">Names of the settings that differ; <c>Name</c> alone leaves the router unchanged.</param>
internal sealed record InstanceChange(InstanceChangeKind Kind, VrrpInstance? Old, VrrpInstance? New, ImmutableArray<string> Settings)
{
    public bool Renamed => Old is not null && New is not null && Old.Name != New.Name;

    /// <summary>What happened to it, in words.</summary>
    public string Describe() => Kind switch
    {
        InstanceChangeKind.Added => "added",
        InstanceChangeKind.Removed => "removed",
        InstanceChangeKind.Restarted => $"restarted, because it is another router now: {string.Join(", ", Settings)}",
        _ when Renamed => $"was {Old!.Name}; changed: {string.Join(", ", Settings)}",
        _ => $"changed: {string.Join(", ", Settings)}",
    };
}

/// <summary>One virtual server before and after; those that stay as they are have none.</summary>
/// <param name="Old">Null when added.</param>
/// <param name="New">Null when removed.</param>
/// <param name="Settings">Names of the settings that differ.</param>
/// <param name="Added">Real servers that are new.</param>
/// <param name="Changed">Real servers whose settings differ.</param>
/// <param name="Removed">Real servers that go.</param>
internal sealed record VirtualServerChange(
    VirtualServer? Old,
    VirtualServer? New,
    ImmutableArray<string> Settings,
    ImmutableArray<RealServer> Added,
    ImmutableArray<RealServer> Changed,
    ImmutableArray<RealServer> Removed)
{
    public string Name => (New ?? Old!).Name;

    /// <summary>What happened to it, in words.</summary>
    public string Describe()
    {
        if (Old is null)
            return $"added, real servers {Names(New!.RealServers)}";
        if (New is null)
            return "removed";
        string[] parts =
        [
            .. Settings.IsEmpty ? Array.Empty<string>() : [$"changed: {string.Join(", ", Settings)}"],
            .. Added.IsEmpty ? Array.Empty<string>() : [$"real servers added: {Names(Added)}"],
            .. Changed.IsEmpty ? Array.Empty<string>() : [$"real servers changed: {Names(Changed)}"],
            .. Removed.IsEmpty ? Array.Empty<string>() : [$"real servers removed: {Names(Removed)}"],
        ];
        return string.Join("; ", parts);
    }

    private static string Names(ImmutableArray<RealServer> servers)
    {
        const int Shown = 10;
        string names = string.Join(", ", servers.Take(Shown).Select(server => DirectorState.KeyOf(server)));
        return servers.Length > Shown ? $"{names} and {servers.Length - Shown} more" : names;
    }
}

/// <summary>The changes from one configuration to another, for the log of a reload and for <c>plan</c>; RouterPlan applies them. Pure.</summary>
internal sealed record ConfigDiff
{
    /// <summary>The new configuration's instances in its order, then the removed ones.</summary>
    public required ImmutableArray<InstanceChange> Instances { get; init; }

    /// <summary>Groups are rebuilt by every reload; these differ.</summary>
    public ImmutableArray<string> ChangedGroups { get; init; } = [];

    public ImmutableArray<StaticAddress> AddedAddresses { get; init; } = [];

    public ImmutableArray<StaticAddress> RemovedAddresses { get; init; } = [];

    /// <summary>Names of scripts, files and processes that are new, differ or are gone.</summary>
    public ImmutableArray<string> ChangedTrackers { get; init; } = [];

    /// <summary>Those that differ: the new configuration's in its order, then the removed ones.</summary>
    public ImmutableArray<VirtualServerChange> VirtualServers { get; init; } = [];

    public bool GlobalsChanged { get; init; }

    public bool IsEmpty => !GlobalsChanged && VirtualServers.IsEmpty && ChangedTrackers.IsEmpty && ChangedGroups.IsEmpty && AddedAddresses.IsEmpty && RemovedAddresses.IsEmpty
        && Instances.All(i => i.Kind == InstanceChangeKind.Unchanged && !i.Renamed);

    /// <summary>Every setting of an instance, with how it is compared; a test sees to it that none is forgotten.</summary>
    internal static ImmutableArray<(string Name, Func<VrrpInstance, VrrpInstance, bool> Same)> Settings { get; } =
    [
        (nameof(VrrpInstance.Name), (a, b) => a.Name == b.Name),
        (nameof(VrrpInstance.InitialState), (a, b) => a.InitialState == b.InitialState),
        (nameof(VrrpInstance.Interface), (a, b) => a.Interface == b.Interface),
        (nameof(VrrpInstance.VirtualRouterId), (a, b) => a.VirtualRouterId == b.VirtualRouterId),
        (nameof(VrrpInstance.Priority), (a, b) => a.Priority == b.Priority),
        (nameof(VrrpInstance.AdvertisementInterval), (a, b) => a.AdvertisementInterval == b.AdvertisementInterval),
        (nameof(VrrpInstance.Version), (a, b) => a.Version == b.Version),
        (nameof(VrrpInstance.Family), (a, b) => a.Family == b.Family),
        (nameof(VrrpInstance.Authentication), (a, b) => a.Authentication == b.Authentication),
        (nameof(VrrpInstance.VirtualAddresses), (a, b) => a.VirtualAddresses.SequenceEqual(b.VirtualAddresses)),
        (nameof(VrrpInstance.ExcludedAddresses), (a, b) => a.ExcludedAddresses.SequenceEqual(b.ExcludedAddresses)),
        (nameof(VrrpInstance.UnicastPeers), (a, b) => a.UnicastPeers.SequenceEqual(b.UnicastPeers)),
        (nameof(VrrpInstance.UnicastSource), (a, b) => a.UnicastSource == b.UnicastSource),
        (nameof(VrrpInstance.UnicastTtl), (a, b) => a.UnicastTtl == b.UnicastTtl),
        (nameof(VrrpInstance.CheckUnicastSource), (a, b) => a.CheckUnicastSource == b.CheckUnicastSource),
        (nameof(VrrpInstance.FaultWithoutPeers), (a, b) => a.FaultWithoutPeers == b.FaultWithoutPeers),
        (nameof(VrrpInstance.MulticastSource), (a, b) => a.MulticastSource == b.MulticastSource),
        (nameof(VrrpInstance.MulticastGroup), (a, b) => a.MulticastGroup == b.MulticastGroup),
        (nameof(VrrpInstance.TrackSourceAddress), (a, b) => a.TrackSourceAddress == b.TrackSourceAddress),
        (nameof(VrrpInstance.Preempt), (a, b) => a.Preempt == b.Preempt),
        (nameof(VrrpInstance.PreemptDelay), (a, b) => a.PreemptDelay == b.PreemptDelay),
        (nameof(VrrpInstance.TrackInterfaces), (a, b) => a.TrackInterfaces.SequenceEqual(b.TrackInterfaces)),
        (nameof(VrrpInstance.TrackPrimaryInterface), (a, b) => a.TrackPrimaryInterface == b.TrackPrimaryInterface),
        (nameof(VrrpInstance.TrackedObjects), (a, b) => a.TrackedObjects.SequenceEqual(b.TrackedObjects)),
        (nameof(VrrpInstance.Announcements), (a, b) => a.Announcements == b.Announcements),
        (nameof(VrrpInstance.LowerPriorityNoAdvert), (a, b) => a.LowerPriorityNoAdvert == b.LowerPriorityNoAdvert),
        (nameof(VrrpInstance.HigherPrioritySendAdvert), (a, b) => a.HigherPrioritySendAdvert == b.HigherPrioritySendAdvert),
        (nameof(VrrpInstance.DownTimerAdverts), (a, b) => a.DownTimerAdverts == b.DownTimerAdverts),
        (nameof(VrrpInstance.Checksum), (a, b) => a.Checksum == b.Checksum),
        (nameof(VrrpInstance.SkipCheckAdvertisedAddresses), (a, b) => a.SkipCheckAdvertisedAddresses == b.SkipCheckAdvertisedAddresses),
        (nameof(VrrpInstance.Strict), (a, b) => a.Strict == b.Strict),
        (nameof(VrrpInstance.Accept), (a, b) => a.Accept == b.Accept),
        (nameof(VrrpInstance.OwnerIgnoreAdverts), (a, b) => a.OwnerIgnoreAdverts == b.OwnerIgnoreAdverts),
        (nameof(VrrpInstance.PromoteSecondaries), (a, b) => a.PromoteSecondaries == b.PromoteSecondaries),
        (nameof(VrrpInstance.SyncGroup), (a, b) => a.SyncGroup == b.SyncGroup),
        (nameof(VrrpInstance.Notify), (a, b) => a.Notify == b.Notify),
        (nameof(VrrpInstance.SmtpAlert), (a, b) => a.SmtpAlert == b.SmtpAlert),
        (nameof(VrrpInstance.NotifyPriorityChanges), (a, b) => a.NotifyPriorityChanges == b.NotifyPriorityChanges),
    ];

    /// <summary>Every setting of a virtual server but its real servers, with how it is compared.</summary>
    internal static ImmutableArray<(string Name, Func<VirtualServer, VirtualServer, bool> Same)> ServerSettings { get; } =
    [
        (nameof(VirtualServer.Name), (a, b) => a.Name == b.Name),
        (nameof(VirtualServer.GroupName), (a, b) => a.GroupName == b.GroupName),
        (nameof(VirtualServer.Services), (a, b) => a.Services.SequenceEqual(b.Services)),
        (nameof(VirtualServer.Scheduler), (a, b) => a.Scheduler == b.Scheduler),
        (nameof(VirtualServer.Flags), (a, b) => a.Flags == b.Flags),
        (nameof(VirtualServer.PersistenceTimeout), (a, b) => a.PersistenceTimeout == b.PersistenceTimeout),
        (nameof(VirtualServer.PersistencePrefix), (a, b) => a.PersistencePrefix == b.PersistencePrefix),
        (nameof(VirtualServer.PersistenceEngine), (a, b) => a.PersistenceEngine == b.PersistenceEngine),
        (nameof(VirtualServer.Forwarding), (a, b) => a.Forwarding == b.Forwarding),
        (nameof(VirtualServer.SorryServer), (a, b) => a.SorryServer == b.SorryServer),
        (nameof(VirtualServer.Quorum), (a, b) => a.Quorum == b.Quorum),
        (nameof(VirtualServer.Hysteresis), (a, b) => a.Hysteresis == b.Hysteresis),
        (nameof(VirtualServer.QuorumUp), (a, b) => a.QuorumUp == b.QuorumUp),
        (nameof(VirtualServer.QuorumDown), (a, b) => a.QuorumDown == b.QuorumDown),
        (nameof(VirtualServer.HaSuspend), (a, b) => a.HaSuspend == b.HaSuspend),
        (nameof(VirtualServer.Omega), (a, b) => a.Omega == b.Omega),
        (nameof(VirtualServer.SmtpAlert), (a, b) => a.SmtpAlert == b.SmtpAlert),
    ];

    public static ConfigDiff Create(DaemonConfig before, DaemonConfig after)
    {
        var changes = new InstanceChange?[after.Instances.Length];
        var left = before.Instances.ToList();
        // keepalived matches by what peers see, not by name; unicast twins of one VRID are told apart by their peers.
        Match(after, left, changes, i => (RouterOf(i), i.Name));
        Match(after, left, changes, i => (RouterOf(i), i.UnicastSource, string.Join(' ', i.UnicastPeers)));
        Match(after, left, changes, i => (RouterOf(i), i.UnicastPeers.IsEmpty));
        Match(after, left, changes, RouterOf);
        Match(after, left, changes, i => i.Name);
        var instances = after.Instances.Select((n, i) => changes[i] ?? new(InstanceChangeKind.Added, null, n, []));
        return new()
        {
            Instances = [.. instances, .. left.Select(o => new InstanceChange(InstanceChangeKind.Removed, o, null, []))],
            ChangedGroups = ChangedGroupNames(before, after),
            AddedAddresses = [.. after.StaticAddresses.Except(before.StaticAddresses)],
            RemovedAddresses = [.. before.StaticAddresses.Except(after.StaticAddresses)],
            ChangedTrackers = ChangedTrackerNames(before, after),
            VirtualServers = [.. CompareServers(before, after)],
            GlobalsChanged = !Same(before.GlobalDefs, after.GlobalDefs),
        };
    }

    /// <summary>What peers see of an instance.</summary>
    private static (VirtualRouterId, IPFamily, string?) RouterOf(VrrpInstance instance) => (instance.VirtualRouterId, instance.Family, instance.Interface);

    /// <summary>Gives each new instance without a match the first old one that has the same key and is still left.</summary>
    private static void Match<TKey>(DaemonConfig after, List<VrrpInstance> left, InstanceChange?[] changes, Func<VrrpInstance, TKey> key)
        where TKey : notnull
    {
        // Thousands of instances are not compared with each other.
        var waiting = new Dictionary<TKey, Queue<VrrpInstance>>();
        foreach (var old in left)
        {
            var name = key(old);
            if (!waiting.TryGetValue(name, out var queue))
                waiting[name] = queue = new();
            queue.Enqueue(old);
        }

        var taken = new HashSet<VrrpInstance>(ReferenceEqualityComparer.Instance);
        for (int i = 0; i < changes.Length; i++)
        {
            var now = after.Instances[i];
            if (changes[i] is not null || !waiting.TryGetValue(key(now), out var queue) || !queue.TryDequeue(out var old))
                continue;
            taken.Add(old);
            changes[i] = Compare(old, now);
        }

        left.RemoveAll(taken.Contains);
    }

    private static InstanceChange Compare(VrrpInstance old, VrrpInstance now)
    {
        ImmutableArray<string> settings = [.. Settings.Where(s => !s.Same(old, now)).Select(s => s.Name)];
        bool restarts = RouterOf(old) != RouterOf(now) || old.Version != now.Version || old.Priority.IsOwner != now.Priority.IsOwner
            || old.MulticastGroup != now.MulticastGroup || old.UnicastPeers.IsEmpty != now.UnicastPeers.IsEmpty;
        var kind = restarts ? InstanceChangeKind.Restarted
            : settings.Any(s => s != nameof(VrrpInstance.Name)) ? InstanceChangeKind.Changed
            : InstanceChangeKind.Unchanged;
        return new(kind, old, now, settings);
    }

    private static IEnumerable<VirtualServerChange> CompareServers(DaemonConfig before, DaemonConfig after)
    {
        var left = before.VirtualServers.ToDictionary(server => server.Name, StringComparer.Ordinal);
        foreach (var now in after.VirtualServers)
        {
            if (!left.Remove(now.Name, out var old))
            {
                yield return new(null, now, [], now.RealServers, [], []);
                continue;
            }

            var reals = old.RealServers.ToDictionary(DirectorState.KeyOf);
            var added = ImmutableArray.CreateBuilder<RealServer>();
            var changed = ImmutableArray.CreateBuilder<RealServer>();
            foreach (var real in now.RealServers)
            {
                if (!reals.Remove(DirectorState.KeyOf(real), out var earlier))
                    added.Add(real);
                else if (!Same(earlier, real))
                    changed.Add(real);
            }

            ImmutableArray<string> settings = [.. ServerSettings.Where(setting => !setting.Same(old, now)).Select(setting => setting.Name)];
            if (!settings.IsEmpty || added.Count + changed.Count + reals.Count > 0)
                yield return new(old, now, settings, added.DrainToImmutable(), changed.DrainToImmutable(), [.. old.RealServers.Where(real => reals.ContainsKey(DirectorState.KeyOf(real)))]);
        }

        foreach (var old in before.VirtualServers.Where(server => left.ContainsKey(server.Name)))
            yield return new(old, null, [], [], [], old.RealServers);
    }

    private static bool Same(RealServer a, RealServer b) => a.Checks.Length == b.Checks.Length
        && a.Checks.Zip(b.Checks).All(pair => pair.First.IsSameAs(pair.Second)) && a with { Checks = b.Checks, Span = b.Span } == b;

    private static ImmutableArray<string> ChangedGroupNames(DaemonConfig before, DaemonConfig after)
    {
        var old = before.SyncGroups.ToDictionary(g => g.Name, StringComparer.Ordinal);
        var changed = new List<string>();
        foreach (var group in after.SyncGroups)
        {
            if (!old.Remove(group.Name, out var earlier) || !Same(earlier, group))
                changed.Add(group.Name);
        }

        return [.. changed, .. old.Keys.Order(StringComparer.Ordinal)];
    }

    private static ImmutableArray<string> ChangedTrackerNames(DaemonConfig before, DaemonConfig after)
    {
        var old = before.Trackers.ToDictionary(tracker => (tracker.Kind, tracker.Name));
        var changed = new List<string>();
        foreach (var tracker in after.Trackers)
        {
            if (!old.Remove((tracker.Kind, tracker.Name), out var earlier) || !earlier.IsSameAs(tracker))
                changed.Add(tracker.Name);
        }

        return [.. changed, .. old.Keys.Select(key => key.Name).Order(StringComparer.Ordinal)];
    }

    // Immutable arrays compare by identity: they are compared by content first and then made equal for the rest.
    private static bool Same(SyncGroup a, SyncGroup b) =>
        a.Members.SequenceEqual(b.Members) && a.TrackInterfaces.SequenceEqual(b.TrackInterfaces) && a.TrackedObjects.SequenceEqual(b.TrackedObjects)
        && a with { Members = b.Members, TrackInterfaces = b.TrackInterfaces, TrackedObjects = b.TrackedObjects, Span = b.Span } == b;

    private static bool Same(GlobalDefs a, GlobalDefs b) =>
        a.NotificationEmail.SequenceEqual(b.NotificationEmail) && a.CpuAffinity.SequenceEqual(b.CpuAffinity) && a.NotifyFifos.SequenceEqual(b.NotifyFifos)
        && a.FurtherMailServers.SequenceEqual(b.FurtherMailServers)
        && a with
        {
            NotificationEmail = b.NotificationEmail, CpuAffinity = b.CpuAffinity, NotifyFifos = b.NotifyFifos, FurtherMailServers = b.FurtherMailServers,
        } == b;
}
