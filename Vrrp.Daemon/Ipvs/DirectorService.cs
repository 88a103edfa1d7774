using System.Collections.Immutable;
using System.Threading.Channels;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Vrrp.Daemon.Configuration.Model;
using Vrrp.Daemon.HealthChecks;
using Vrrp.Daemon.Hosting;

namespace Vrrp.Daemon.Ipvs;

/// <summary>
/// The director: sole writer of the IPVS table. One loop takes what happens (a configuration, a probe's result, a router's state, the
/// hour) and brings the kernel to what is wanted. Nobody else waits for the kernel, and it waits for nobody else.
/// </summary>
internal sealed class DirectorService(
    DaemonConfig initial, IpvsLedger? ledger, DirectorHost host, HealthCheckService checks, TimeProvider time, ILogger<DirectorService> logger)
    : IHostedService, IAsyncDisposable
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
    // Read by the checks as well.
    private volatile DaemonConfig _config = new() { Path = initial.Path };
    private IIpvsTable? _table;
    private IDisposable? _watch;
    private HashSet<string> _resting = [];
    private IReadOnlySet<IPAddressValue>? _addresses;
    private string? _toldUnavailable;
    private bool _hasTriedModule;
    private string? _moduleProblem;
    private bool _isFirstTable = true;
    private bool _wantsWholeTable = true;
    private bool _wantsSync = true;
    private bool _hasSettled;
    private ITimer? _timer;
    private Task _running = Task.CompletedTask;

    /// <summary>Told what happens to servers and quorums, in order, on the director's loop: whoever takes long hands it on.</summary>
    public Action<DirectorEvent>? Occurred { get; set; }

    /// <summary>Told as a sentence why the table cannot be kept, and null once it can again; on the director's loop.</summary>
    public Action<string?>? Troubled { get; init; }

    /// <summary>What the director knows.</summary>
    public Task<DirectorSnapshot> GetSnapshotAsync()
    {
        var answer = new TaskCompletionSource<DirectorSnapshot>(TaskCreationOptions.RunContinuationsAsynchronously);
        if (!_messages.Writer.TryWrite(new Asked(answer)))
            answer.SetResult(DirectorSnapshot.Empty);
        return answer.Task;
    }

    /// <summary>Begins, and waits for nothing: VRRP is not to be late because of the table.</summary>
    public Task StartAsync(CancellationToken cancellationToken)
    {
        if (ledger is not null)
            _ours = ledger.Read();
        checks.Probed = (id, check, health, isNews) =>
        {
            bool isLogged = health.Failures > 0 && (check.LogAllFailures || _config.GlobalDefs.CheckerLogAllFailures);
            if (isNews || isLogged)
                _messages.Writer.TryWrite(new Probed(id, check, health, isLogged));
        };
        _running = RunAsync();
        _timer = time.CreateTimer(_ => _messages.Writer.TryWrite(new RoundPassed()), null, Round, Round);
        _ = ApplyAsync(initial, isStart: true);
        return Task.CompletedTask;
    }

    /// <summary>Makes the running virtual servers those of a configuration.</summary>
    /// <returns>Fails when that failed in itself; what the kernel refuses is logged and tried again.</returns>
    public Task ApplyAsync(DaemonConfig config) => ApplyAsync(config, isStart: false);

    /// <summary>Tells what the engine tells, of which states are of interest.</summary>
    public void Take(VrrpNotification notification)
    {
        if (notification is RouterTransition transition)
            RouterIs(transition.VirtualRouter, transition.To);
    }

    /// <summary>Tells the state of a virtual router, which a synchronisation daemon may follow.</summary>
    public void RouterIs(string virtualRouter, VrrpState state) => _messages.Writer.TryWrite(new RouterIsNow(virtualRouter, state));

    /// <summary>Logs a line for each virtual server: what it is now.</summary>
    public async Task LogStatusAsync()
    {
        foreach (var server in (await GetSnapshotAsync().ConfigureAwait(false)).VirtualServers)
        {
            IpvsLog.Status(
                logger,
                server.Config.Name,
                server.HasQuorum ? "quorum" : "no quorum",
                server.RealServers.Count(real => real.IsUp),
                Counted.Of(server.RealServers.Length, "real server"));
        }
    }

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
        _timer = null;
    }

    /// <summary>Also after a start of the daemon that failed elsewhere nothing of ours stays in the table.</summary>
    public async ValueTask DisposeAsync()
    {
        await StopAsync(CancellationToken.None).ConfigureAwait(false);
        _messages.Writer.TryComplete();
        await _running.ConfigureAwait(false);
        _watch?.Dispose();
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
        var asked = new List<TaskCompletionSource<DirectorSnapshot>>();
        while (await _messages.Reader.WaitToReadAsync().ConfigureAwait(false))
        {
            Exception? failure = null;
            // What came in together is applied together: a thousand servers that come up at once are a handful of system calls.
            try
            {
                bool isStopping = false;
                while (_messages.Reader.TryRead(out var message))
                {
                    isStopping |= message is Stop;
                    if (message is Configured configured)
                        done.Add(configured.Done);
                    if (message is Asked question)
                        asked.Add(question.Answer);
                    Take(message);
                }

                if (isStopping)
                    Leave();
                else
                    Reconcile();
            }
#pragma warning disable CA1031 // Ours to mend; until then the next round tries again from what it finds, and VRRP goes on.
            catch (Exception exception)
#pragma warning restore CA1031
            {
                IpvsLog.Failed(logger, exception);
                _wantsWholeTable = true;
                failure = exception;
            }

            foreach (var waiting in done)
            {
                if (failure is null)
                    waiting.TrySetResult();
                else
                    waiting.TrySetException(failure);
            }

            foreach (var answer in asked)
                answer.SetResult(TakeSnapshot());
            done.Clear();
            asked.Clear();
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
                if (probed is { IsLogged: true, Health.LastError: { } reason })
                    IpvsLog.ProbeFailed(logger, probed.Check.Kind, probed.Id.RealServer.ToString(), probed.Id.VirtualServer, reason);
                Tell(_state.Take(probed.Id, probed.Health));
                break;
            case RouterIsNow router:
                _routers[router.VirtualRouter] = router.State;
                _wantsSync |= _config.GlobalDefs.LvsSyncDaemon?.Instance == router.VirtualRouter;
                break;
            case RoundPassed:
                _wantsWholeTable = true;
                WatchAddresses();
                break;
            case ModuleTried tried:
                _moduleProblem = tried.Problem;
                _wantsWholeTable = true;
                break;
            case AddressesAreNow addresses:
                _addresses = addresses.Addresses;
                SuspendChecks();
                break;
            case AddressesUnknown unknown:
                // What was known last holds until the next round, which looks again.
                IpvsLog.AddressesUnknown(logger, unknown.Problem);
                _watch?.Dispose();
                _watch = null;
                break;
        }
    }

    private void Configure(DaemonConfig config, bool isStart)
    {
        bool hadServers = !_config.VirtualServers.IsEmpty;
        _config = config;
        Tell(_state.Configure(config.VirtualServers, isStart));
        checks.Configure([.. config.VirtualServers.SelectMany(server => server.RealServers.SelectMany(real =>
            real.Checks.Select((check, number) => (new CheckId(server.Name, DirectorState.KeyOf(real), number), check))))]);
        WatchAddresses();
        SuspendChecks();
        _wantsWholeTable = true;
        // What differs now differs because of us.
        _hasSettled = false;
        if (_table is not null)
            SetTimeouts();

        if (!config.VirtualServers.IsEmpty || hadServers)
            {
            IpvsLog.Applied(
                logger,
                Counted.Of(config.VirtualServers.Length, "virtual server"),
                Counted.Of(config.VirtualServers.Sum(server => server.RealServers.Length), "real server"));
        }
    }

    private void WatchAddresses()
    {
        bool isNeeded = _config.VirtualServers.Any(server => server.HaSuspend);
        if (!isNeeded)
        {
            _watch?.Dispose();
            (_watch, _addresses) = (null, null);
            return;
        }

        try
        {
            _watch ??= host.WatchAddresses?.Invoke(
                addresses => _messages.Writer.TryWrite(new AddressesAreNow(addresses)), problem => _messages.Writer.TryWrite(new AddressesUnknown(problem)));
        }
        catch (Exception exception) when (exception is IOException or Vrrp.Linux.LinuxException)
        {
            IpvsLog.AddressesUnknown(logger, exception.Message);
        }
    }

    // Until the addresses are known none is here; the first check begins later than that.
    private void SuspendChecks()
    {
        var resting = _config.VirtualServers
            .Where(server => server.HaSuspend && !server.Services.Any(service => !service.Address.IsNone && _addresses?.Contains(service.Address) == true))
            .Select(server => server.Name).ToHashSet(StringComparer.Ordinal);
        foreach (string name in _resting.Except(resting))
            IpvsLog.ChecksGoOn(logger, name);
        foreach (string name in resting.Except(_resting))
            IpvsLog.ChecksRest(logger, name);
        _resting = resting;
        checks.Suspend(resting);
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

            Handlers.Tell(Occurred, happened, logger);
        }
    }

    private void Reconcile()
    {
        if (!_wantsWholeTable && !_wantsSync && _dirty.Count == 0)
            return;
        // Without virtual servers, also none of an earlier life, the kernel is not bothered.
        if (_state.Servers.IsEmpty && !_ours.Services.Any() && _syncDaemons.Count == 0 && _config.GlobalDefs is { LvsFlush: false, LvsSyncDaemon: null, LvsTimeouts: { Tcp: null, TcpFin: null, Udp: null } })
            return;
        try
        {
            if (!TryOpen())
                return;
            bool isWhole = _wantsWholeTable;
            var wanted = isWhole ? _state.Wanted() : [.. _state.Servers.Where(server => _dirty.Contains(server.Name)).SelectMany(_state.Wanted)];
            var actual = isWhole ? _table!.Read() : new([.. wanted.Select(want => _table!.Read(want.Service.Key)).OfType<ServiceEntry>()]);
            // A round by itself finds nothing to do, unless someone else was at the table.
            Apply(wanted, IpvsPlan.Create(wanted, actual, isWhole ? _ours : OnlyOf(wanted)), isForeignEdit: isWhole && _dirty.Count == 0 && _hasSettled);
            _hasSettled = isWhole || _hasSettled;
            _wantsWholeTable = false;
            _dirty.Clear();
            if (isWhole || _wantsSync)
                FollowRouter();
            _wantsSync = false;
        }
        catch (Exception exception) when (exception is IOException or Vrrp.Linux.LinuxException)
        {
            TellUnavailable(exception);
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

    private void Apply(ImmutableArray<WantedService> wanted, IpvsPlan plan, bool isForeignEdit)
    {
        foreach (var (service, destination) in plan.Foreign)
        {
            if (_toldForeign.Add((service, destination)))
                IpvsLog.ForeignDestination(logger, service.ToString(), destination.ToString());
        }

        // Recorded before they are made: the process may be killed between the two.
        Claim(wanted);
        ledger?.Write(_ours);
        if (plan.Changes.IsEmpty)
            return;
        var outcomes = _table!.Apply(plan.Changes);
        for (int i = 0; i < outcomes.Length; i++)
            Note(plan.Changes[i], outcomes[i], isForeignEdit);
        ledger?.Write(_ours);
    }

    // What is wanted and was there before is kept up by us from now on, so it also leaves with us, as keepalived has it.
    private void Claim(ImmutableArray<WantedService> wanted)
    {
        foreach (var want in wanted)
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
            // Said once until it is another problem or it is gone; of a service that was refused itself its servers say nothing new.
            bool isOfRefusedService = change.Destination is not null && _toldProblems.ContainsKey(change.Service.Key.ToString());
            if (!isOfRefusedService && _toldProblems.GetValueOrDefault(subject) != problem)
                IpvsLog.Refused(logger, problem);
            _toldProblems[subject] = problem;
            return;
        }

        bool wasRefused = _toldProblems.Remove(subject);
        if (isForeignEdit && !wasRefused)
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
            _table = host.Open();
        }
        catch (IpvsUnavailableException) when (host.LoadModule is not null && !_hasTriedModule)
        {
            // Once; whether it helped shows in the next round, which comes at its end.
            _hasTriedModule = true;
            _ = LoadModuleAsync(host.LoadModule);
            return false;
        }

        if (_toldUnavailable is not null)
        {
            IpvsLog.Available(logger);
            Handlers.Tell(Troubled, null, logger);
        }

        _toldUnavailable = null;
        (_hasTriedModule, _moduleProblem) = (false, null);
        if (_isFirstTable && _config.GlobalDefs.LvsFlush)
            _table.Flush();
        _isFirstTable = false;
        SetTimeouts();
        return true;
    }

    private async Task LoadModuleAsync(Func<Task<string?>> load)
    {
        string? problem = await load().ConfigureAwait(false);
        _messages.Writer.TryWrite(new ModuleTried(problem));
    }

    private void TellUnavailable(Exception exception)
    {
        if (_toldUnavailable != exception.Message)
        {
            string advice = exception is not IpvsUnavailableException ? "It is tried again every ten seconds."
                : _moduleProblem is not null ? $"{_moduleProblem} It is looked for every ten seconds."
                : "Load it with 'modprobe ip_vs', or build it into the kernel; it is looked for every ten seconds.";
            IpvsLog.Unavailable(logger, exception.Message, advice);
            Handlers.Tell(Troubled, $"{exception.Message} {advice}", logger);
        }

        _toldUnavailable = exception.Message;
    }

    private void CloseTable()
    {
        _table?.Dispose();
        _table = null;
        _hasSettled = false;
        _syncDaemons.Clear();
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
        var wanted = WantedSyncDaemons();
        // Without the keyword the kernel's daemons are somebody else's.
        if (wanted.IsEmpty && _syncDaemons.Count == 0)
            return;
        var running = _table!.ReadSyncDaemons();
        foreach (var daemon in running.Where(daemon => !wanted.IsEmpty || _syncDaemons.Any(ours => ours.Role == daemon.Role)).ToArray())
        {
            bool isWanted = wanted.Any(want => Is(daemon, want) && (_syncDaemons.Count == 0 || _syncDaemons.Contains(want)));
            if (!isWanted && TrySync(daemon, () => _table.StopSyncDaemon(daemon.Role, daemon.Id)))
                running = running.Remove(daemon);
        }

        foreach (var want in wanted)
        {
            if (!running.Any(daemon => Is(daemon, want)) && TrySync(want, () => _table.StartSyncDaemon(want)))
                IpvsLog.SyncDaemonStarted(logger, want.Interface, RoleText(want));
        }

        _syncDaemons.Clear();
        _syncDaemons.UnionWith(wanted);
    }

    private ImmutableArray<SyncDaemon> WantedSyncDaemons()
    {
        if (_config.GlobalDefs.LvsSyncDaemon is not { } sync)
            return [];
        var master = new SyncDaemon(SyncDaemonRole.Master, sync.Interface, sync.Id, sync.Group, sync.Port, sync.Ttl, sync.MaximumLength);
        var backup = master with { Role = SyncDaemonRole.Backup };
        if (sync.Instance is null)
            return [master, backup];
        return [_routers.GetValueOrDefault(sync.Instance) == VrrpState.Master ? master : backup];
    }

    // What is not asked for is as the kernel has it, and it may take a shorter length than was asked for.
    private static bool Is(SyncDaemon running, SyncDaemon wanted) => running.Role == wanted.Role && running.Interface == wanted.Interface
        && running.Id == wanted.Id && (wanted.Group.IsNone || running.Group == wanted.Group) && (wanted.Port == 0 || running.Port == wanted.Port)
        && (wanted.Ttl == 0 || running.Ttl == wanted.Ttl);

    private bool TrySync(SyncDaemon daemon, Action change)
    {
        string subject = "synchronisation " + daemon.Role;
        try
        {
            change();
            _toldProblems.Remove(subject);
            return true;
        }
        catch (IOException exception)
        {
            // Said once until it is another problem or it is gone; tried again every round.
            if (_toldProblems.GetValueOrDefault(subject) != exception.Message)
                IpvsLog.SyncDaemonFailed(logger, daemon.Interface, RoleText(daemon), exception.Message);
            _toldProblems[subject] = exception.Message;
            return false;
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
                TrySync(daemon, () => _table.StopSyncDaemon(daemon.Role, daemon.Id));
            if (_config.GlobalDefs.LvsFlushOnStop == LvsFlushOnStop.All)
                _table.Flush();
            else
                Apply([], IpvsPlan.Create([], _table.Read(), _ours), isForeignEdit: false);
            ledger?.Delete();
        }
        catch (IOException exception)
        {
            TellUnavailable(exception);
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

    private sealed record Probed(CheckId Id, HealthCheck Check, HealthState Health, bool IsLogged) : Message;

    private sealed record RouterIsNow(string VirtualRouter, VrrpState State) : Message;

    private sealed record RoundPassed : Message;

    private sealed record ModuleTried(string? Problem) : Message;

    private sealed record AddressesUnknown(string Problem) : Message;

    private sealed record AddressesAreNow(IReadOnlySet<IPAddressValue> Addresses) : Message;

    private sealed record Asked(TaskCompletionSource<DirectorSnapshot> Answer) : Message;

    private sealed record Stop : Message;
}
