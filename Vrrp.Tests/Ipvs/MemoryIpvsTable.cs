using System.Collections.Immutable;
using Vrrp.Daemon.Ipvs;

namespace Vrrp.Tests.Ipvs;

/// <summary>A kernel's table in memory, with the kernel's answers. It outlives those who open it.</summary>
internal sealed class MemoryIpvsTable
{
    private const int EEXIST = 17;
    private const int ENOENT = 2;
    private const int ESRCH = 3;

    private readonly Lock _lock = new();
    private int _generation;
    private readonly Dictionary<ServiceKey, (VirtualService Service, Dictionary<DestinationKey, Destination> Destinations)> _services = [];

    /// <summary>Whether there is a kernel with IPVS.</summary>
    public bool IsMissing { get; set; }

    /// <summary>What was done to it, one line a change.</summary>
    public List<string> Changes { get; } = [];

    public List<SyncDaemon> SyncDaemons { get; } = [];

    public IpvsTimeouts Timeouts { get; private set; } = new(900, 120, 300);

    /// <summary>Changes that are refused, by what they concern.</summary>
    public Func<IpvsChange, int> Refuse { get; set; } = _ => 0;

    /// <summary>Whoever has it open gets nothing done any more, as a process that was killed.</summary>
    public void Cut() => _generation++;

    public IIpvsTable Open() => IsMissing ? throw new IpvsUnavailableException("This kernel has no IPVS.") : new Session(this);

    /// <summary>Each service and its destinations, ordered, as <c>[10.0.0.254]:tcp:80 [10.0.1.1]:80=1 [10.0.1.2]:80=2</c>.</summary>
    public string[] Lines
    {
        get
        {
            lock (_lock)
            {
                return
                [
                    .. _services.Values.Select(entry => string.Join(
                        ' ', [entry.Service.Key.ToString(), .. entry.Destinations.Values.Select(destination => $"{destination.Key}={destination.Weight}").Order(StringComparer.Ordinal)])),
                ];
            }
        }
    }

    /// <summary>Someone else does something to it.</summary>
    public int Edit(IpvsChange change)
    {
        lock (_lock)
            return Perform(change);
    }

    public string[] TakeChanges()
    {
        lock (_lock)
        {
            string[] taken = [.. Changes];
            Changes.Clear();
            return taken;
        }
    }

    private int Perform(IpvsChange change)
    {
        var key = change.Service.Key;
        bool isThere = _services.TryGetValue(key, out var entry);
        switch (change.Kind)
        {
            case IpvsChangeKind.AddService when isThere:
                return EEXIST;
            case IpvsChangeKind.AddService:
                _services[key] = (change.Service, []);
                return 0;
            case var _ when !isThere:
                return ESRCH;
            case IpvsChangeKind.UpdateService:
                _services[key] = (change.Service, entry.Destinations);
                return 0;
            case IpvsChangeKind.RemoveService:
                _services.Remove(key);
                return 0;
            case IpvsChangeKind.AddDestination:
                return entry.Destinations.TryAdd(change.Destination!.Key, change.Destination) ? 0 : EEXIST;
            case IpvsChangeKind.UpdateDestination when entry.Destinations.ContainsKey(change.Destination!.Key):
                entry.Destinations[change.Destination.Key] = change.Destination;
                return 0;
            case IpvsChangeKind.RemoveDestination:
                return entry.Destinations.Remove(change.Destination!.Key) ? 0 : ENOENT;
            default:
                return ENOENT;
        }
    }

    private sealed class Session(MemoryIpvsTable owner) : IIpvsTable
    {
        private readonly int _generation = owner._generation;

        public IpvsSnapshot Read()
        {
            lock (owner._lock)
            {
                ThrowIfMissing();
                return new([.. owner._services.Keys.Select(key => Read(key)!)]);
            }
        }

        public ServiceEntry? Read(ServiceKey service)
        {
            lock (owner._lock)
            {
                ThrowIfMissing();
                return owner._services.TryGetValue(service, out var entry)
                    ? new(entry.Service, default, [.. entry.Destinations.Values.Select(destination => new DestinationEntry(destination, 0, 0, 0, default))]) : null;
            }
        }

        public ImmutableArray<IpvsOutcome> Apply(ImmutableArray<IpvsChange> changes)
        {
            lock (owner._lock)
            {
                ThrowIfMissing();
                var outcomes = ImmutableArray.CreateBuilder<IpvsOutcome>();
                foreach (var change in changes)
                {
                    int error = owner.Refuse(change);
                    error = error != 0 ? error : owner.Perform(change);
                    if (error == 0)
                        owner.Changes.Add(DirectorSamples.Describe([change]));
                    outcomes.Add(error == 0 ? default : new(error, IpvsErrorText.Describe(change, error)));
                }

                return outcomes.DrainToImmutable();
            }
        }

        public void Flush()
        {
            lock (owner._lock)
            {
                owner._services.Clear();
                owner.Changes.Add("Flush");
            }
        }

        public void Zero(ServiceKey? service)
        {
        }

        public IpvsTimeouts ReadTimeouts() => owner.Timeouts;

        public void SetTimeouts(IpvsTimeouts timeouts) => owner.Timeouts = new(
            timeouts.Tcp ?? owner.Timeouts.Tcp, timeouts.TcpFin ?? owner.Timeouts.TcpFin, timeouts.Udp ?? owner.Timeouts.Udp);

        public ImmutableArray<SyncDaemon> ReadSyncDaemons()
        {
            lock (owner._lock)
                return [.. owner.SyncDaemons];
        }

        public void StartSyncDaemon(SyncDaemon daemon)
        {
            lock (owner._lock)
            {
                if (owner.SyncDaemons.Any(running => running.Role == daemon.Role))
                    throw new IOException("it runs already");
                owner.SyncDaemons.Add(daemon);
                owner.Changes.Add($"Start {daemon.Role} {daemon.Interface} {daemon.Id}");
            }
        }

        public void StopSyncDaemon(SyncDaemonRole role, byte id)
        {
            lock (owner._lock)
            {
                ThrowIfMissing();
                owner.SyncDaemons.RemoveAll(running => running.Role == role);
                owner.Changes.Add($"Stop {role} {id}");
            }
        }

        public void Dispose()
        {
        }

        private void ThrowIfMissing()
        {
            if (owner.IsMissing || _generation != owner._generation)
                throw new IpvsUnavailableException("The kernel has no IPVS any more.");
        }
    }
}
