using System.Collections.Immutable;
using Vrrp.Daemon.Configuration.Model;
using Vrrp.Daemon.HealthChecks;

namespace Vrrp.Daemon.Ipvs;

/// <summary>Names a check: the service, the real server in it, and its number there.</summary>
internal readonly record struct CheckId(string VirtualServer, DestinationKey RealServer, int Number);

/// <summary>What happened to a virtual server or one of its real servers, for logs, scripts and mail.</summary>
internal abstract record DirectorEvent(VirtualServer VirtualServer);

/// <summary>A real server came up or went down.</summary>
/// <param name="VirtualServer">Its virtual server.</param>
/// <param name="RealServer">Which.</param>
/// <param name="IsUp">What it is now.</param>
/// <param name="Check">The check that decided; null when none did, as at the end of the daemon.</param>
/// <param name="Reason">Why it is down; null when it is up.</param>
/// <param name="IsInitial">What it is at the start, which is told only when asked for (rs_init_notifies).</param>
internal sealed record RealServerChanged(
    VirtualServer VirtualServer, RealServer RealServer, bool IsUp, HealthCheck? Check, string? Reason, bool IsInitial = false)
    : DirectorEvent(VirtualServer);

/// <summary>The weight in force of a real server changed, because its check asked for it.</summary>
internal sealed record WeightChanged(VirtualServer VirtualServer, RealServer RealServer, int From, int To) : DirectorEvent(VirtualServer);

/// <summary>A virtual server gained or lost its quorum.</summary>
/// <param name="VirtualServer">Which.</param>
/// <param name="HasQuorum">What it has now.</param>
/// <param name="LiveWeight">Sum of the weights of its servers that are up.</param>
/// <param name="IsInitial">At the start or after a reload rather than by a check.</param>
internal sealed record QuorumChanged(VirtualServer VirtualServer, bool HasQuorum, long LiveWeight, bool IsInitial = false) : DirectorEvent(VirtualServer);

/// <summary>
/// What the director knows: each virtual server, its real servers and what their checks found. Pure but for being changed in place:
/// no kernel, no clock, no log. For one thread at a time.
/// </summary>
internal sealed class DirectorState
{
    private Dictionary<string, ServerState> _servers = new(StringComparer.Ordinal);

    /// <summary>The virtual servers, in the order of the file.</summary>
    public ImmutableArray<VirtualServer> Servers { get; private set; } = [];

    /// <summary>Takes a configuration over. What stays of it keeps its health.</summary>
    /// <param name="servers">The virtual servers wanted from now on.</param>
    /// <param name="isStart">Whether the daemon has just begun.</param>
    /// <returns>What has changed by it.</returns>
    public ImmutableArray<DirectorEvent> Configure(ImmutableArray<VirtualServer> servers, bool isStart)
    {
        var events = ImmutableArray.CreateBuilder<DirectorEvent>();
        var before = _servers;
        _servers = new(servers.Length, StringComparer.Ordinal);
        Servers = servers;
        // What is configured no more is told down, where down is told at the end as well.
        foreach (var gone in before.Values.Where(gone => gone.Config.Omega))
        {
            var stays = servers.FirstOrDefault(server => server.Name == gone.Config.Name)?.RealServers.Select(KeyOf).ToHashSet();
            foreach (var real in gone.Reals.Where(real => real.IsUp && stays?.Contains(KeyOf(real.Config)) != true))
                events.Add(new RealServerChanged(gone.Config, real.Config, IsUp: false, null, "it is configured no more"));
            if (stays is null && gone.HasQuorum)
                events.Add(new QuorumChanged(gone.Config, HasQuorum: false, 0, IsInitial: true));
        }

        foreach (var server in servers)
        {
            before.TryGetValue(server.Name, out var old);
            var state = new ServerState(server, old);
            _servers.Add(server.Name, state);
            if (isStart)
            {
                foreach (var real in state.Reals)
                    events.Add(new RealServerChanged(server, real.Config, real.IsUp, null, null, IsInitial: true));
            }

            state.HasQuorum = QuorumState.After(server, old?.HasQuorum ?? !state.Reals.All(real => !real.IsUp), state.LiveWeight);
            if (old is null || old.HasQuorum != state.HasQuorum)
                events.Add(new QuorumChanged(server, state.HasQuorum, state.LiveWeight, IsInitial: true));
        }

        return events.DrainToImmutable();
    }

    /// <summary>Takes what a check found.</summary>
    /// <returns>What has changed by it; nothing when the check is no longer configured.</returns>
    public ImmutableArray<DirectorEvent> Take(CheckId id, HealthState health)
    {
        if (!_servers.TryGetValue(id.VirtualServer, out var server) || server.Find(id.RealServer) is not { } real || id.Number >= real.Checks.Length)
            return [];
        var events = ImmutableArray.CreateBuilder<DirectorEvent>();
        bool wasUp = real.IsUp;
        int weight = real.Weight;
        real.Checks[id.Number] = health;
        if (real.IsUp == wasUp && real.Weight == weight)
            return [];
        if (real.IsUp != wasUp)
            events.Add(new RealServerChanged(server.Config, real.Config, real.IsUp, real.Config.Checks[id.Number], real.IsUp ? null : health.LastError));
        if (real.Weight != weight)
            events.Add(new WeightChanged(server.Config, real.Config, weight, real.Weight));
        bool hasQuorum = QuorumState.After(server.Config, server.HasQuorum, server.LiveWeight);
        if (hasQuorum != server.HasQuorum)
        {
            server.HasQuorum = hasQuorum;
            events.Add(new QuorumChanged(server.Config, hasQuorum, server.LiveWeight));
        }

        return events.DrainToImmutable();
    }

    /// <summary>The table as it is wanted now.</summary>
    public ImmutableArray<WantedService> Wanted() => [.. Servers.SelectMany(Wanted)];

    /// <summary>The part of it that is one virtual server's.</summary>
    public IEnumerable<WantedService> Wanted(VirtualServer server)
    {
        var state = _servers[server.Name];
        return WantedService.Create(server, state.Health(), state.HasQuorum);
    }

    /// <summary>Whether a virtual server has its quorum.</summary>
    public bool HasQuorum(VirtualServer server) => _servers[server.Name].HasQuorum;

    /// <summary>What is known of a real server: whether it is up, its weight in force, and each of its checks.</summary>
    public (bool IsUp, int Weight, ImmutableArray<HealthState> Checks) Health(VirtualServer server, RealServer real)
    {
        var state = _servers[server.Name].Find(KeyOf(real))!;
        return (state.IsUp, state.Weight, [.. state.Checks]);
    }

    /// <summary>The name of a real server within its virtual server.</summary>
    public static DestinationKey KeyOf(RealServer real) => new(real.Address, real.Port);

    private sealed class ServerState
    {
        private readonly Dictionary<DestinationKey, RealState> _byKey;

        public ServerState(VirtualServer config, ServerState? before)
        {
            Config = config;
            Reals = [.. config.RealServers.Select(real => new RealState(real, before?.Find(KeyOf(real))))];
            _byKey = Reals.ToDictionary(real => KeyOf(real.Config));
        }

        public VirtualServer Config { get; }

        public RealState[] Reals { get; }

        public bool HasQuorum { get; set; }

        public long LiveWeight
        {
            get
            {
                long sum = 0;
                foreach (var real in Reals)
                    sum += real.IsUp ? real.Weight : 0;
                return sum;
            }
        }

        public RealState? Find(DestinationKey key) => _byKey.GetValueOrDefault(key);

        public RealServerHealth[] Health() => [.. Reals.Select(real => new RealServerHealth(real.IsUp, real.Weight))];
    }

    private sealed class RealState
    {
        public RealState(RealServer config, RealState? before)
        {
            Config = config;
            Checks = new HealthState[config.Checks.Length];
            for (int i = 0; i < Checks.Length; i++)
            {
                // A check that is as it was goes on as it was; a new one of a server that was down begins down.
                bool isSame = before is not null && i < before.Checks.Length && before.Config.Checks[i].IsSameAs(config.Checks[i]);
                Checks[i] = isSame ? before!.Checks[i] : new HealthState { IsUp = before?.IsUp ?? !config.Checks[i].Alpha };
            }
        }

        public RealServer Config { get; }

        public HealthState[] Checks { get; }

        public bool IsUp
        {
            get
            {
                foreach (var check in Checks)
                {
                    if (!check.IsUp)
                        return false;
                }

                return true;
            }
        }

        /// <summary>The configured weight unless a check asks for another; of several the first that does.</summary>
        public int Weight
        {
            get
            {
                foreach (var check in Checks)
                {
                    if (check.Weight is { } weight)
                        return weight;
                }

                return Config.Weight;
            }
        }
    }
}
