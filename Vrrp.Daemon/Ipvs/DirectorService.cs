using System.Collections.Immutable;
using System.Threading.Channels;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Vrrp.Daemon.Configuration.Model;
using Vrrp.Daemon.HealthChecks;

namespace Vrrp.Daemon.Ipvs;

/// <summary>
/// The director: sole writer of the IPVS table. One loop takes what happens (a configuration, a probe's result, a router's state, the
/// hour) and brings the kernel to what is wanted. Nobody else waits for the kernel, and it waits for nobody else.
/// </summary>
internal sealed class DirectorService(
    DaemonConfig initial,
    IpvsLedger? ledger,
    Func<IIpvsTable> open,
    Action? loadModule,
    HealthCheckService checks,
    TimeProvider time,
    ILogger<DirectorService> logger) : IHostedService, IAsyncDisposable
{
    /// <summary>How often the whole table is compared, to find what someone else changed, and the module looked for while it is missing.</summary>
    private static readonly TimeSpan Round = TimeSpan.FromSeconds(10);

    // Every check has at most one result on its way, and the rest is rare: it cannot grow without bound.
    private readonly Channel<Message> _messages = Channel.CreateUnbounded<Message>(new() { SingleReader = true });
    private readonly DirectorState _state = new();
    private readonly HashSet<string> _dirty = new(StringComparer.Ordinal);
    private readonly HashSet<(ServiceKey, DestinationKey)> _toldForeign = [];
    private readonly Dictionary<string, string> _toldProblems = new(StringComparer.Ordinal);
    private readonly Dictionary<string, VrrpState> _routers = new(StringComparer.Ordinal);
    private readonly HashSet<SyncDaemon> _syncDaemons = [];
    private IpvsOwnership _ours = new();
    private DaemonConfig _config = new() { Path = initial.Path };
    private IIpvsTable? _table;
    private string? _toldUnavailable;
    private bool _isFirstTable = true;
    private bool _wantsWholeTable = true;
    private bool _hasSettled;
    private ITimer? _timer;
    private Task _running = Task.CompletedTask;
    /// <summary>Told what happens to servers and quorums, in order, on the director's loop: whoever takes long hands it on.</summary>
    public Action<DirectorEvent>? Occurred { get; set; }

    /// <summary>What the director knows.</summary>
    public Task<DirectorSnapshot> GetSnapshotAsync()
    {
        var answer = new TaskCompletionSource<DirectorSnapshot>(TaskCreationOptions.RunContinuationsAsynchronously);
        if (!_messages.Writer.TryWrite(new Asked(answer)))
            answer.SetResult(DirectorSnapshot.Empty);
        return answer.Task;
    }

    /// <inheritdoc/>
    public Task StartAsync(CancellationToken cancellationToken)
    {
        if (ledger is not null)
            _ours = ledger.Read();
        checks.Probed = (id, health, isNews) =>
        {
            if (isNews || health.Failures > 0)
                _messages.Writer.TryWrite(new Probed(id, health));
        };
        _running = RunAsync();
        _timer = time.CreateTimer(_ => _messages.Writer.TryWrite(new RoundPassed()), null, Round, Round);
        return ApplyAsync(initial, isStart: true);
    }

    /// <summary>Makes the running virtual servers those of a configuration.</summary>
    public Task ApplyAsync(DaemonConfig config) => ApplyAsync(config, isStart: false);

    /// <summary>Tells the state of a virtual router, which a synchronisation daemon may follow.</summary>
    public void RouterIs(string virtualRouter, VrrpState state) => _messages.Writer.TryWrite(new RouterIsNow(virtualRouter, state));

    /// <summary>Tells whether this host holds the address of a virtual server with ha_suspend.</summary>
    public void AddressIs(string virtualServer, bool isPresent) => checks.Suspend(virtualServer, !isPresent);

    /// <inheritdoc/>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        if (_timer is null)
            return;
        await _timer.DisposeAsync().ConfigureAwait(false);
        await checks.DisposeAsync().ConfigureAwait(false);
        _messages.Writer.TryWrite(new Stop());
        _messages.Writer.TryComplete();
        await _running.ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        _messages.Writer.TryComplete();
        await _running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _table?.Dispose();
    }

    private Task ApplyAsync(DaemonConfig config, bool isStart)
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        if (!_messages.Writer.TryWrite(new Configured(config, isStart, done)))
            done.SetCanceled();
        return done.Task;
    }

    private async Task RunAsync()
    {
        var done = new List<TaskCompletionSource>();
        while (await _messages.Reader.WaitToReadAsync().ConfigureAwait(false))
        {
            // What came in together is applied together: a thousand servers that come up at once are a handful of system calls.
            bool isStopping = false;
            while (_messages.Reader.TryRead(out var message))
            {
                isStopping |= message is Stop;
                if (message is Configured configured)
                    done.Add(configured.Done);
                Take(message);
            }

            if (isStopping)
                Leave();
            else
                Reconcile();
            foreach (var waiting in done)
                waiting.TrySetResult();
            done.Clear();
        }
    }

    private void Take(Message message)
    {
        switch (message)
        {
            case Configured configured:
                Configure(configured.Config, configured.IsStart);
                break;
            case Probed probed:
                LogProbe(probed);
                Tell(_state.Take(probed.Id, probed.Health));
                break;
            case RouterIsNow router:
                _routers[router.VirtualRouter] = router.State;
                FollowRouter();
                break;
            case RoundPassed:
                _wantsWholeTable = true;
                break;
            case Asked asked:
                asked.Answer.SetResult(TakeSnapshot());
                break;
        }
    }

    private void Configure(DaemonConfig config, bool isStart)
    {
        _config = config;
        Tell(_state.Configure(config.VirtualServers, isStart));
        checks.Configure([.. config.VirtualServers.SelectMany(server => server.RealServers.SelectMany(real =>
            real.Checks.Select((check, number) => (new CheckId(server.Name, DirectorState.KeyOf(real), number), check))))]);
        _wantsWholeTable = true;
        if (_table is not null)
        {
            SetTimeouts();
            FollowRouter();
        }

        if (!config.VirtualServers.IsEmpty || !isStart)
            IpvsLog.Applied(logger, config.VirtualServers.Length, config.VirtualServers.Sum(server => server.RealServers.Length));
    }

    private void Tell(ImmutableArray<DirectorEvent> events)
    {
        foreach (var happened in events)
        {
            _dirty.Add(happened.VirtualServer.Name);
            switch (happened)
            {
                case RealServerChanged { IsInitial: true } when !_config.GlobalDefs.RealServerInitNotifies:
                    continue;
                case RealServerChanged { IsUp: true, IsInitial: false } up:
                    IpvsLog.RealServerUp(logger, up.Check?.Kind ?? "-", DirectorState.KeyOf(up.RealServer).ToString(), up.VirtualServer.Name);
                    break;
                case RealServerChanged { IsUp: false, IsInitial: false } down:
                    IpvsLog.RealServerDown(
                        logger, down.Check?.Kind ?? "-", DirectorState.KeyOf(down.RealServer).ToString(), down.VirtualServer.Name, down.Reason ?? "no reason given");
                    break;
                case WeightChanged weight:
                    IpvsLog.WeightChanged(logger, weight.From, weight.To, DirectorState.KeyOf(weight.RealServer).ToString(), weight.VirtualServer.Name);
                    break;
                case QuorumChanged { HasQuorum: true } gained:
                    var server = gained.VirtualServer;
                    IpvsLog.QuorumGained(logger, server.Quorum, server.Hysteresis, (long)server.Quorum + server.Hysteresis, gained.LiveWeight, server.Name);
                    break;
                case QuorumChanged lost:
                    server = lost.VirtualServer;
                    IpvsLog.QuorumLost(logger, server.Quorum, server.Hysteresis, (long)server.Quorum - server.Hysteresis, lost.LiveWeight, server.Name);
                    break;
            }

            Occurred?.Invoke(happened);
        }
    }

    private void LogProbe(Probed probed)
    {
        if (probed.Health.LastError is not { } reason || probed.Health.Failures == 0)
            return;
        var server = _state.Servers.FirstOrDefault(server => server.Name == probed.Id.VirtualServer);
        var real = server?.RealServers.FirstOrDefault(real => DirectorState.KeyOf(real) == probed.Id.RealServer);
        if (real is not null && probed.Id.Number < real.Checks.Length && real.Checks[probed.Id.Number] is var check
            && (check.LogAllFailures || _config.GlobalDefs.CheckerLogAllFailures))
            IpvsLog.ProbeFailed(logger, check.Kind, probed.Id.RealServer.ToString(), probed.Id.VirtualServer, reason);
    }

    private void Reconcile()
    {
        if (!_wantsWholeTable && _dirty.Count == 0)
            return;
        // Without virtual servers, also none of an earlier life, the kernel is not bothered.
        if (_state.Servers.IsEmpty && !_ours.Services.Any() && _config.GlobalDefs is { LvsFlush: false, LvsSyncDaemon: null, LvsTimeouts: { Tcp: null, TcpFin: null, Udp: null } })
            return;
        try
        {
            if (!TryOpen())
                return;
            bool isWhole = _wantsWholeTable;
            var wanted = isWhole ? _state.Wanted() : [.. _state.Servers.Where(server => _dirty.Contains(server.Name)).SelectMany(_state.Wanted)];
            var actual = isWhole ? _table!.Read() : new([.. wanted.Select(want => _table!.Read(want.Service.Key)).OfType<ServiceEntry>()]);
            // By itself a round finds nothing to do, unless someone else was at the table.
            Apply(IpvsPlan.Create(wanted, actual, isWhole ? _ours : OnlyOf(wanted)), isForeignEdit: isWhole && _dirty.Count == 0 && _hasSettled);
            _hasSettled = isWhole || _hasSettled;
            _wantsWholeTable = false;
            _dirty.Clear();
        }
        catch (Exception exception) when (exception is IOException or Vrrp.Linux.LinuxException)
        {
            TellUnavailable(exception.Message);
            CloseTable();
        }
    }

    // A part of the table says nothing of services that are not in it.
    private IpvsOwnership OnlyOf(ImmutableArray<WantedService> wanted)
    {
        var part = new IpvsOwnership();
        foreach (var want in wanted)
        {
            foreach (var destination in _ours.Destinations(want.Service.Key))
                part.Add(want.Service.Key, destination);
        }

        return part;
    }

    private void Apply(IpvsPlan plan, bool isForeignEdit)
    {
        foreach (var (service, destination) in plan.Foreign)
        {
            if (_toldForeign.Add((service, destination)))
                IpvsLog.ForeignDestination(logger, service.ToString(), destination.ToString());
        }

        Claim();
        if (plan.Changes.IsEmpty)
            return;
        // Recorded before they are made: the process may be killed between the two.
        foreach (var change in plan.Changes)
        {
            if (change.Kind == IpvsChangeKind.AddService)
                _ours.Add(change.Service.Key);
            else if (change.Kind == IpvsChangeKind.AddDestination)
                _ours.Add(change.Service.Key, change.Destination!.Key);
        }

        ledger?.Write(_ours);
        var outcomes = _table!.Apply(plan.Changes);
        for (int i = 0; i < outcomes.Length; i++)
            Note(plan.Changes[i], outcomes[i], isForeignEdit);
        ledger?.Write(_ours);
    }

    // What is wanted and was there before is kept up by us from now on, so it also leaves with us, as keepalived has it.
    private void Claim()
    {
        foreach (var want in _state.Wanted())
        {
            _ours.Add(want.Service.Key);
            foreach (var destination in want.Destinations)
                _ours.Add(want.Service.Key, destination.Key);
        }
    }

    private void Note(IpvsChange change, IpvsOutcome outcome, bool isForeignEdit)
    {
        string subject = change.Destination is null ? change.Service.Key.ToString() : $"{change.Service.Key} {change.Destination.Key}";
        if (outcome.Message is { } problem)
        {
            // Said once until it is another problem or it is gone.
            if (_toldProblems.GetValueOrDefault(subject) != problem)
                IpvsLog.Refused(logger, problem);
            _toldProblems[subject] = problem;
            return;
        }

        _toldProblems.Remove(subject);
        if (isForeignEdit)
            IpvsLog.Corrected(logger, IpvsPlan.Describe(change));
        if (change.Kind == IpvsChangeKind.RemoveService)
            _ours.Remove(change.Service.Key);
        else if (change.Kind == IpvsChangeKind.RemoveDestination)
            _ours.Remove(change.Service.Key, change.Destination!.Key);
    }

    private bool TryOpen()
    {
        if (_table is not null)
            return true;
        try
        {
            _table = open();
        }
        catch (IpvsUnavailableException) when (loadModule is not null && _toldUnavailable is null)
        {
            loadModule();
            _table = open();
        }

        if (_toldUnavailable is not null)
            IpvsLog.Available(logger);
        _toldUnavailable = null;
        if (_isFirstTable && _config.GlobalDefs.LvsFlush)
            _table.Flush();
        _isFirstTable = false;
        SetTimeouts();
        FollowRouter();
        return true;
    }

    private void TellUnavailable(string problem)
    {
        if (_toldUnavailable != problem)
            IpvsLog.Unavailable(logger, problem, "Load it with 'modprobe ip_vs', or build it into the kernel; it is looked for every ten seconds.");
        _toldUnavailable = problem;
    }

    private void CloseTable()
    {
        _table?.Dispose();
        _table = null;
        _hasSettled = false;
    }

    private void SetTimeouts()
    {
        var timeouts = _config.GlobalDefs.LvsTimeouts;
        if (timeouts is { Tcp: null, TcpFin: null, Udp: null })
            return;
        try
        {
            _table!.SetTimeouts(timeouts);
        }
        catch (IOException exception)
        {
            IpvsLog.TimeoutsFailed(logger, exception.Message);
        }
    }

    /// <summary>Starts and stops synchronisation daemons: as the router is that they follow, or both when they follow none.</summary>
    private void FollowRouter()
    {
        if (_table is null)
            return;
        var wanted = new HashSet<SyncDaemon>();
        if (_config.GlobalDefs.LvsSyncDaemon is { } sync)
        {
            bool isMaster = sync.Instance is { } instance && _routers.GetValueOrDefault(instance) == VrrpState.Master;
            if (sync.Instance is null || isMaster)
                wanted.Add(Daemon(sync, SyncDaemonRole.Master));
            if (sync.Instance is null || !isMaster)
                wanted.Add(Daemon(sync, SyncDaemonRole.Backup));
        }

        foreach (var daemon in _syncDaemons.Where(daemon => !wanted.Contains(daemon)).ToArray())
        {
            StopSyncDaemon(daemon);
            _syncDaemons.Remove(daemon);
        }

        foreach (var daemon in wanted.Where(_syncDaemons.Add))
            StartSyncDaemon(daemon);
    }

    private static SyncDaemon Daemon(LvsSyncDaemon sync, SyncDaemonRole role) =>
        new(role, sync.Interface, sync.Id, sync.Group, sync.Port, sync.Ttl, sync.MaximumLength);

    private void StartSyncDaemon(SyncDaemon daemon)
    {
        try
        {
            // One that an earlier life left would be in the way, and may have other settings.
            _table!.StopSyncDaemon(daemon.Role, daemon.Id);
            _table.StartSyncDaemon(daemon);
            IpvsLog.SyncDaemonStarted(logger, daemon.Interface, RoleText(daemon));
        }
        catch (IOException exception)
        {
            IpvsLog.SyncDaemonFailed(logger, daemon.Interface, RoleText(daemon), exception.Message);
        }
    }

    private void StopSyncDaemon(SyncDaemon daemon)
    {
        try
        {
            _table!.StopSyncDaemon(daemon.Role, daemon.Id);
        }
        catch (IOException exception)
        {
            IpvsLog.SyncDaemonFailed(logger, daemon.Interface, RoleText(daemon), exception.Message);
        }
    }

    private static string RoleText(SyncDaemon daemon) => daemon.Role == SyncDaemonRole.Master ? "sending (master)" : "taking (backup)";

    /// <summary>The end: what is ours leaves the table, and servers that were up are told down where the configuration asks for it.</summary>
    private void Leave()
    {
        foreach (var server in _state.Servers.Where(server => server.Omega))
        {
            foreach (var real in server.RealServers.Where(real => _state.Health(server, real).IsUp))
                Occurred?.Invoke(new RealServerChanged(server, real, IsUp: false, null, "the daemon stops"));
            if (_state.HasQuorum(server))
                Occurred?.Invoke(new QuorumChanged(server, HasQuorum: false, 0));
        }

        if (_table is null)
            return;
        try
        {
            foreach (var daemon in _syncDaemons)
                StopSyncDaemon(daemon);
            if (_config.GlobalDefs.LvsFlushOnStop == LvsFlushOnStop.All)
                _table.Flush();
            else
                Apply(IpvsPlan.Create([], _table.Read(), _ours), isForeignEdit: false);
            ledger?.Delete();
        }
        catch (IOException exception)
        {
            TellUnavailable(exception.Message);
        }
    }

    private DirectorSnapshot TakeSnapshot() => new(
        [.. _state.Servers.Select(server => new VirtualServerStatus(
            server,
            _state.HasQuorum(server),
            [.. server.RealServers.Select(real => Status(server, real))]))],
        _toldUnavailable);

    // The loop hears only of changes; when a check last ran, only the check knows.
    private RealServerStatus Status(VirtualServer server, RealServer real)
    {
        var (isUp, weight, known) = _state.Health(server, real);
        return new(real, isUp, weight, [.. known.Select((health, number) =>
            checks.Find(new(server.Name, DirectorState.KeyOf(real), number)) is { } latest && latest.IsUp == health.IsUp ? latest : health)]);
    }

    private abstract record Message;

    private sealed record Configured(DaemonConfig Config, bool IsStart, TaskCompletionSource Done) : Message;

    private sealed record Probed(CheckId Id, HealthState Health) : Message;

    private sealed record RouterIsNow(string VirtualRouter, VrrpState State) : Message;

    private sealed record RoundPassed : Message;

    private sealed record Asked(TaskCompletionSource<DirectorSnapshot> Answer) : Message;

    private sealed record Stop : Message;
}
