using System.Collections.Immutable;

namespace Vrrp.Daemon.Ipvs;

/// <summary>
/// Pure: what is wanted and what the kernel has, to an ordered list of changes. What nobody of ours made is left alone and named.
/// Servers come before others go, so that a service never lacks one in between.
/// </summary>
internal sealed record IpvsPlan
{
    public ImmutableArray<IpvsChange> Changes { get; init; } = [];

    /// <summary>Destinations in our services that are neither wanted nor ours; they stay.</summary>
    public ImmutableArray<(ServiceKey Service, DestinationKey Destination)> Foreign { get; init; } = [];

    /// <summary>Compares.</summary>
    /// <param name="wanted">All that is wanted; keys are unique.</param>
    /// <param name="actual">What the kernel has.</param>
    /// <param name="ours">Whether we made a service or, with its key, a destination.</param>
    public static IpvsPlan Create(ImmutableArray<WantedService> wanted, IpvsSnapshot actual, IpvsOwnership ours)
    {
        var changes = ImmutableArray.CreateBuilder<IpvsChange>();
        var removals = new List<IpvsChange>();
        var foreign = ImmutableArray.CreateBuilder<(ServiceKey, DestinationKey)>();
        var present = new Dictionary<ServiceKey, ServiceEntry>(actual.Services.Length);
        foreach (var entry in actual.Services)
            present[entry.Service.Key] = entry;

        foreach (var want in wanted)
        {
            var key = want.Service.Key;
            var destinations = ImmutableArray<DestinationEntry>.Empty;
            if (!present.Remove(key, out var entry))
                changes.Add(new(IpvsChangeKind.AddService, want.Service));
            else
            {
                destinations = entry.Destinations;
                if (!Same(want.Service, entry.Service))
                    changes.Add(new(IpvsChangeKind.UpdateService, want.Service));
            }

            Compare(want, destinations, ours, changes, removals, foreign);
        }

        // In the order of the kernel's list, for a log that can be followed.
        foreach (var entry in actual.Services)
        {
            if (present.ContainsKey(entry.Service.Key) && ours.Contains(entry.Service.Key))
                removals.Add(new(IpvsChangeKind.RemoveService, entry.Service));
        }

        changes.AddRange(removals);
        return new() { Changes = changes.DrainToImmutable(), Foreign = foreign.DrainToImmutable() };
    }

    private static void Compare(
        WantedService want,
        ImmutableArray<DestinationEntry> destinations,
        IpvsOwnership ours,
        ImmutableArray<IpvsChange>.Builder changes,
        List<IpvsChange> removals,
        ImmutableArray<(ServiceKey, DestinationKey)>.Builder foreign)
    {
        var present = new Dictionary<DestinationKey, Destination>(destinations.Length);
        foreach (var entry in destinations)
            present[entry.Destination.Key] = entry.Destination;
        foreach (var destination in want.Destinations)
        {
            if (!present.Remove(destination.Key, out var now))
                changes.Add(new(IpvsChangeKind.AddDestination, want.Service, destination));
            else if (!Same(destination, now))
                changes.Add(new(IpvsChangeKind.UpdateDestination, want.Service, destination));
        }

        foreach (var entry in destinations)
        {
            if (!present.ContainsKey(entry.Destination.Key))
                continue;
            if (ours.Contains(want.Service.Key, entry.Destination.Key))
                removals.Add(new(IpvsChangeKind.RemoveDestination, want.Service, entry.Destination));
            else
                foreign.Add((want.Service.Key, entry.Destination.Key));
        }
    }

    /// <summary>A change as a clause for a log: what, of which real server, in which virtual server.</summary>
    public static string Describe(IpvsChange change) => change.Kind switch
    {
        IpvsChangeKind.AddService => $"virtual server {change.Service.Key} was missing",
        IpvsChangeKind.UpdateService => $"settings of virtual server {change.Service.Key}",
        IpvsChangeKind.RemoveService => $"virtual server {change.Service.Key} was there",
        IpvsChangeKind.AddDestination => $"real server {change.Destination!.Key} of {change.Service.Key} was missing",
        IpvsChangeKind.UpdateDestination => $"settings of real server {change.Destination!.Key} of {change.Service.Key}",
        _ => $"real server {change.Destination!.Key} of {change.Service.Key} was there",
    };

    private static bool Same(VirtualService a, VirtualService b)
    {
        var flags = (a.Flags ^ b.Flags) & ServiceFlags.Settable;
        bool isPersistent = (a.Flags & ServiceFlags.Persistent) != 0;
        return flags == 0 && a.Scheduler == b.Scheduler && a.PersistenceEngine == b.PersistenceEngine
            && (!isPersistent || (a.PersistenceTimeout == b.PersistenceTimeout && a.PersistencePrefix == b.PersistencePrefix));
    }

    private static bool Same(Destination a, Destination b) =>
        a.Forwarding == b.Forwarding && a.Weight == b.Weight && a.UpperThreshold == b.UpperThreshold && a.LowerThreshold == b.LowerThreshold;
}

/// <summary>What this daemon made in the table, also in an earlier life: only that is its to remove.</summary>
internal sealed class IpvsOwnership
{
    private readonly Dictionary<ServiceKey, HashSet<DestinationKey>> _services = [];

    /// <summary>Counts what has changed, so that an unchanged one need not be looked through.</summary>
    public long Version { get; private set; }

    public IEnumerable<ServiceKey> Services => _services.Keys;

    public bool Contains(ServiceKey service) => _services.ContainsKey(service);

    public bool Contains(ServiceKey service, DestinationKey destination) =>
        _services.TryGetValue(service, out var destinations) && destinations.Contains(destination);

    public IEnumerable<DestinationKey> Destinations(ServiceKey service) => _services.TryGetValue(service, out var destinations) ? destinations : [];

    public void Add(ServiceKey service)
    {
        if (_services.TryAdd(service, []))
            Version++;
    }

    public void Add(ServiceKey service, DestinationKey destination)
    {
        Add(service);
        if (_services[service].Add(destination))
            Version++;
    }

    public void Remove(ServiceKey service)
    {
        if (_services.Remove(service))
            Version++;
    }

    public void Remove(ServiceKey service, DestinationKey destination)
    {
        if (_services.TryGetValue(service, out var destinations))
            Version += destinations.Remove(destination) ? 1 : 0;
    }
}
