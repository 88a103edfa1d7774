using System.Collections.Concurrent;
using System.Collections.Frozen;
using System.Collections.Immutable;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Vrrp.Daemon.Configuration.Model;
using Vrrp.Daemon.HealthChecks;
using Vrrp.Daemon.Ipvs;
using Vrrp.Tests.HealthChecks;
using static Vrrp.Tests.Ipvs.DirectorSamples;

namespace Vrrp.Tests.Ipvs;

/// <summary>The director between a configuration, checks and a table in memory.</summary>
#pragma warning disable CA1001 // xunit calls DisposeAsync of IAsyncLifetime.
public sealed class DirectorServiceTests : IAsyncLifetime
#pragma warning restore CA1001
{
    private static readonly IPAddressValue Vip = IPAddressValue.Parse("10.0.0.254");

    private readonly MemoryIpvsTable _kernel = new();
    private readonly ManualTime _time = new();
    private readonly ConcurrentDictionary<IPAddressValue, CheckResult> _results = [];
    private readonly ConcurrentDictionary<IPAddressValue, int> _probes = [];
    private readonly Lines _log = new();
    private readonly List<DirectorEvent> _events = [];
    private readonly List<string?> _troubles = [];
    private readonly string _ledger = Path.Combine(Path.GetTempPath(), $"vrrp-test-{Guid.NewGuid():N}.ipvs");
    private DirectorService? _director;
    private Action<IReadOnlySet<IPAddressValue>>? _tellAddresses;
    private int _modprobes;

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        if (_director is not null)
            await _director.DisposeAsync();
        File.Delete(_ledger);
    }

    private static DaemonConfig Config(params VirtualServer[] servers) => new() { Path = "test.conf", VirtualServers = [.. servers] };

    private static RealServer Inhibited(RealServer real) => real with { InhibitOnFailure = true };

    private static DaemonConfig Synchronised(string? instance) => new()
    {
        Path = "test.conf",
        GlobalDefs = new() { LvsSyncDaemon = new("eth0", instance, 7) },
    };

    private async Task<DirectorService> StartAsync(DaemonConfig config)
    {
        var checks = new HealthCheckService(
            check => new Probe(this, ((NetworkCheck)check).Address), _time, new Random(1), NullLogger<HealthCheckService>.Instance);
        var host = new DirectorHost
        {
            Open = _kernel.Open,
            LoadModule = () =>
            {
                _modprobes++;
                return Task.FromResult<string?>("There is no such module.");
            },
            WatchAddresses = (tell, _) =>
            {
                _tellAddresses = tell;
                tell(FrozenSet<IPAddressValue>.Empty);
                return new Nothing();
            },
        };
        _director = new(config, new IpvsLedger(_ledger, NullLogger.Instance), host, checks, _time, _log) { Occurred = _events.Add, Troubled = _troubles.Add };
        await _director.StartAsync(default);
        await _director.GetSnapshotAsync();
        return _director;
    }

    /// <summary>Ends the process without a goodbye; the kernel and the ledger stay as they are.</summary>
    private async Task KillAsync()
    {
        _kernel.Cut();
        await _director!.DisposeAsync();
        _director = null;
    }

    /// <summary>Lets time pass until something is so.</summary>
    private async Task UntilAsync(Func<bool> isSo)
    {
        for (int i = 0; i < 2000; i++)
        {
            await _director!.GetSnapshotAsync();
            if (isSo())
                return;
            _time.Advance(TimeSpan.FromMilliseconds(100));
        }

        Assert.Fail("It has not come to be: " + string.Join("; ", _kernel.Lines) + "\n" + string.Join('\n', _log.Texts));
    }

    /// <summary>Lets three rounds pass in which nothing is to happen.</summary>
    private async Task PassAsync()
    {
        for (int i = 0; i < 30; i++)
        {
            _time.Advance(TimeSpan.FromSeconds(1));
            await _director!.GetSnapshotAsync();
        }
    }

    private void Dies(int number) => _results[IPAddressValue.Parse($"10.0.1.{number}")] = CheckResult.Failure("connection refused");

    private void Lives(int number) => _results.TryRemove(IPAddressValue.Parse($"10.0.1.{number}"), out _);

    private int Probes(int number) => _probes.GetValueOrDefault(IPAddressValue.Parse($"10.0.1.{number}"));

    private bool Is(params string[] lines) => _kernel.Lines.SequenceEqual(lines);

    [Fact]
    public async Task A_start_puts_everything_into_the_table_before_any_check_has_run()
    {
        await StartAsync(Config(Server(Real(1, 2), Real(2, 4))));

        Assert.Equal(["[10.0.0.254]:tcp:80 [10.0.1.1]:80=2 [10.0.1.2]:80=4"], _kernel.Lines);
        Assert.Equal(0, Probes(1));
    }

    [Fact]
    public async Task A_server_that_dies_leaves_and_comes_back()
    {
        await StartAsync(Config(Server(Real(1), Real(2))));
        Dies(1);
        await UntilAsync(() => Is("[10.0.0.254]:tcp:80 [10.0.1.2]:80=1"));
        Lives(1);
        await UntilAsync(() => Is("[10.0.0.254]:tcp:80 [10.0.1.1]:80=1 [10.0.1.2]:80=1"));

        Assert.Contains(_log.Texts, line => line.Contains("TCP_CHECK on service [10.0.1.1]:80 failed", StringComparison.Ordinal)
            && line.EndsWith("connection refused", StringComparison.Ordinal));
    }

    [Fact]
    public async Task An_inhibited_server_that_dies_stays_with_weight_zero()
    {
        await StartAsync(Config(Server(Inhibited(Real(1, 3)), Real(2))));
        Dies(1);
        await UntilAsync(() => Is("[10.0.0.254]:tcp:80 [10.0.1.1]:80=0 [10.0.1.2]:80=1"));
        Lives(1);
        await UntilAsync(() => Is("[10.0.0.254]:tcp:80 [10.0.1.1]:80=3 [10.0.1.2]:80=1"));

        Assert.DoesNotContain(_kernel.Changes, change => change.StartsWith("Remove", StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_sorry_server_serves_while_the_quorum_is_lost()
    {
        var sorry = new SorryServer(IPAddressValue.Parse("10.0.1.9"), 80, new(ForwardingMethod.DirectRoute), Inhibit: false);
        await StartAsync(Config(Server(Real(1), Real(2)) with { Quorum = 2, SorryServer = sorry }));
        Assert.Equal(["[10.0.0.254]:tcp:80 [10.0.1.1]:80=1 [10.0.1.2]:80=1"], _kernel.Lines);
        Dies(2);
        await UntilAsync(() => Is("[10.0.0.254]:tcp:80 [10.0.1.9]:80=1"));
        Lives(2);
        await UntilAsync(() => Is("[10.0.0.254]:tcp:80 [10.0.1.1]:80=1 [10.0.1.2]:80=1"));

        Assert.Equal([true, false, true], _events.OfType<QuorumChanged>().Select(change => change.HasQuorum));
    }

    [Fact]
    public async Task Without_a_sorry_server_the_rest_go_on_serving_below_the_quorum()
    {
        await StartAsync(Config(Server(Real(1), Real(2)) with { Quorum = 2 }));
        Dies(2);
        await UntilAsync(() => Is("[10.0.0.254]:tcp:80 [10.0.1.1]:80=1"));

        Assert.Contains(_log.Texts, line => line.StartsWith("Lost quorum 2-0=2 > 1 for VS [10.0.0.254]:tcp:80", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_reload_adds_drains_and_removes_and_touches_nothing_else()
    {
        var director = await StartAsync(Config(Server(Real(1), Real(2), Real(3))));
        _kernel.TakeChanges();
        await director.ApplyAsync(Config(Server(Real(1), Real(2, 0), Real(4))));

        Assert.Equal(["[10.0.0.254]:tcp:80 [10.0.1.1]:80=1 [10.0.1.2]:80=0 [10.0.1.4]:80=1"], _kernel.Lines);
        Assert.Equal(["UpdateDestination [10.0.1.2]:80 0", "AddDestination [10.0.1.4]:80 1", "RemoveDestination [10.0.1.3]:80 1"], _kernel.TakeChanges());
        await director.ApplyAsync(Config());
        Assert.Empty(_kernel.Lines);
    }

    [Fact]
    public async Task What_is_known_of_a_server_outlives_a_reload()
    {
        var director = await StartAsync(Config(Server(Real(1), Real(2))));
        Dies(1);
        await UntilAsync(() => Is("[10.0.0.254]:tcp:80 [10.0.1.2]:80=1"));
        int before = Probes(1);
        await director.ApplyAsync(Config(Server(Real(1), Real(2), Real(3))));

        Assert.Equal(["[10.0.0.254]:tcp:80 [10.0.1.2]:80=1 [10.0.1.3]:80=1"], _kernel.Lines);
        Assert.Equal(before, Probes(1));
    }

    [Fact]
    public async Task What_someone_else_changed_is_told_and_put_right_and_what_they_added_stays()
    {
        var server = Server(Real(1), Real(2));
        await StartAsync(Config(server));
        var service = new VirtualService { Key = Web, Scheduler = "wrr" };
        var foreign = new Destination { Key = new(IPAddressValue.Parse("10.0.1.77"), 80), Forwarding = new(ForwardingMethod.DirectRoute) };
        _kernel.Edit(new(IpvsChangeKind.AddDestination, service, foreign));
        _kernel.Edit(new(IpvsChangeKind.RemoveDestination, service, new Destination { Key = new(IPAddressValue.Parse("10.0.1.2"), 80), Forwarding = default }));
        await UntilAsync(() => Is("[10.0.0.254]:tcp:80 [10.0.1.1]:80=1 [10.0.1.2]:80=1 [10.0.1.77]:80=1"));

        Assert.Single(_log.Texts, "someone else changed the IPVS table: real server [10.0.1.2]:80 of [10.0.0.254]:tcp:80 was missing; corrected");
        await PassAsync();
        Assert.Single(_log.Texts, line => line.Contains("[10.0.1.77]:80 that is not ours", StringComparison.Ordinal));
        _kernel.Edit(new(IpvsChangeKind.RemoveService, service));
        await UntilAsync(() => Is("[10.0.0.254]:tcp:80 [10.0.1.1]:80=1 [10.0.1.2]:80=1"));
    }

    [Fact]
    public async Task A_stop_removes_what_is_ours_and_leaves_what_is_not()
    {
        var other = new VirtualService { Key = ServiceKey.ByMark(9, IPFamily.IPv4), Scheduler = "rr" };
        _kernel.Edit(new(IpvsChangeKind.AddService, other));
        var director = await StartAsync(Config(Server(Real(1))));
        await director.StopAsync(default);

        Assert.Equal(["FWM 9"], _kernel.Lines);
        Assert.False(File.Exists(_ledger));
    }

    [Fact]
    public async Task Flushing_is_done_when_asked_for_and_takes_everything()
    {
        var other = new VirtualService { Key = ServiceKey.ByMark(9, IPFamily.IPv4), Scheduler = "rr" };
        _kernel.Edit(new(IpvsChangeKind.AddService, other));
        var config = Config(Server(Real(1)));
        var director = await StartAsync(config with { GlobalDefs = new() { LvsFlush = true, LvsFlushOnStop = LvsFlushOnStop.All } });
        Assert.Equal(["[10.0.0.254]:tcp:80 [10.0.1.1]:80=1"], _kernel.Lines);
        _kernel.Edit(new(IpvsChangeKind.AddService, other));
        await director.StopAsync(default);

        Assert.Empty(_kernel.Lines);
    }

    [Fact]
    public async Task After_a_kill_the_next_start_removes_what_is_wanted_no_more_and_disturbs_nothing_that_stays()
    {
        await StartAsync(Config(Server(Real(1), Real(2))));
        await KillAsync();
        _kernel.TakeChanges();
        await StartAsync(Config(Server(Real(1), Real(3))));

        Assert.Equal(["AddDestination [10.0.1.3]:80 1", "RemoveDestination [10.0.1.2]:80 1"], _kernel.TakeChanges());
        await KillAsync();
        await StartAsync(Config());
        Assert.Empty(_kernel.Lines);
    }

    [Fact]
    public async Task A_kernel_without_ipvs_is_told_once_and_used_when_it_has_it()
    {
        _kernel.IsMissing = true;
        var director = await StartAsync(Config(Server(Real(1))));
        await PassAsync();

        Assert.Single(
            _log.Texts, "This kernel has no IPVS. The virtual servers wait for it; everything else goes on. There is no such module. It is looked for every ten seconds.");
        Assert.Equal(1, _modprobes);
        Assert.Equal("This kernel has no IPVS.", (await director.GetSnapshotAsync()).Problem);
        _kernel.IsMissing = false;
        await UntilAsync(() => Is("[10.0.0.254]:tcp:80 [10.0.1.1]:80=1"));
        Assert.Single(_log.Texts, line => line.StartsWith("IPVS has become available", StringComparison.Ordinal));
        // A mail alert each.
        Assert.Equal(["This kernel has no IPVS. There is no such module. It is looked for every ten seconds.", null], _troubles);
        _kernel.IsMissing = true;
        await UntilAsync(() => _log.Texts.Contains(
            "The kernel has no IPVS any more. The virtual servers wait for it; everything else goes on. Load it with 'modprobe ip_vs', or build it into the kernel; it is looked for every ten seconds."));
    }

    [Fact]
    public async Task A_refusal_is_told_once_and_tried_again()
    {
        _kernel.Refuse = change => change.Kind == IpvsChangeKind.AddService ? 2 : 0;
        await StartAsync(Config(Server(Real(1))));
        await PassAsync();

        Assert.Single(_log.Texts, "The virtual server [10.0.0.254]:tcp:80 cannot be added: the kernel has no scheduler 'wrr' (module ip_vs_wrr).");
        _kernel.Refuse = _ => 0;
        await UntilAsync(() => Is("[10.0.0.254]:tcp:80 [10.0.1.1]:80=1"));
    }

    [Fact]
    public async Task The_synchronisation_daemon_is_master_where_the_router_is()
    {
        var director = await StartAsync(Synchronised("VI_1"));
        Assert.Equal(["Start Backup eth0 7"], _kernel.TakeChanges());
        director.RouterIs("VI_2", VrrpState.Master);
        await director.GetSnapshotAsync();
        Assert.Empty(_kernel.TakeChanges());
        director.RouterIs("VI_1", VrrpState.Master);
        await UntilAsync(() => _kernel.SyncDaemons is [{ Role: SyncDaemonRole.Master }]);
        Assert.Equal(["Stop Backup 7", "Start Master eth0 7"], _kernel.TakeChanges());
        director.RouterIs("VI_1", VrrpState.Fault);
        await UntilAsync(() => _kernel.SyncDaemons is [{ Role: SyncDaemonRole.Backup }]);
        await director.StopAsync(default);
        Assert.Empty(_kernel.SyncDaemons);
    }

    [Fact]
    public async Task A_synchronisation_daemon_that_someone_stopped_or_that_could_not_start_is_started_again()
    {
        await StartAsync(Synchronised(null));
        Assert.Equal(2, _kernel.SyncDaemons.Count);
        _kernel.SyncDaemons.Clear();
        await UntilAsync(() => _kernel.SyncDaemons.Count == 2);
    }

    [Fact]
    public async Task After_a_kill_the_synchronisation_daemon_of_the_other_role_goes()
    {
        var director = await StartAsync(Synchronised("VI_1"));
        director.RouterIs("VI_1", VrrpState.Master);
        await UntilAsync(() => _kernel.SyncDaemons is [{ Role: SyncDaemonRole.Master }]);
        await KillAsync();
        await StartAsync(Synchronised("VI_1"));

        Assert.Equal(SyncDaemonRole.Backup, Assert.Single(_kernel.SyncDaemons).Role);
    }

    [Fact]
    public async Task A_reload_without_the_keyword_stops_our_synchronisation_daemon_alone()
    {
        var director = await StartAsync(Synchronised("VI_1"));
        _kernel.SyncDaemons.Add(new(SyncDaemonRole.Master, "eth9", 1));
        await director.ApplyAsync(Config());

        Assert.Equal("eth9", Assert.Single(_kernel.SyncDaemons).Interface);
    }

    [Fact]
    public async Task Somebody_elses_synchronisation_daemon_is_left_alone()
    {
        _kernel.SyncDaemons.Add(new(SyncDaemonRole.Backup, "eth9", 1));
        var director = await StartAsync(Config(Server(Real(1))));
        await director.StopAsync(default);

        Assert.Single(_kernel.SyncDaemons);
    }

    [Fact]
    public async Task Checks_rest_while_the_address_is_elsewhere_and_what_they_found_holds()
    {
        var director = await StartAsync(Config(Server(Real(1)) with { HaSuspend = true }, Server(Real(2)) with { Name = "other", Services = [ServiceKey.ByMark(3, IPFamily.IPv4)] }));
        Dies(1);
        await PassAsync();
        Assert.Equal(0, Probes(1));
        Assert.NotEqual(0, Probes(2));
        Assert.Equal(["[10.0.0.254]:tcp:80 [10.0.1.1]:80=1", "FWM 3 [10.0.1.2]:0=1"], _kernel.Lines);

        _tellAddresses!(new[] { Vip, IPAddressValue.Parse("10.0.0.9") }.ToFrozenSet());
        await UntilAsync(() => Is("[10.0.0.254]:tcp:80", "FWM 3 [10.0.1.2]:0=1"));
        _tellAddresses(FrozenSet<IPAddressValue>.Empty);
        await director.GetSnapshotAsync();
        Lives(1);
        await PassAsync();
        Assert.Equal(["[10.0.0.254]:tcp:80", "FWM 3 [10.0.1.2]:0=1"], _kernel.Lines);

        // A new check of such a server rests as well, and without the keyword none does.
        await director.ApplyAsync(Config(Server(Real(1), Real(4)) with { HaSuspend = true }));
        await PassAsync();
        Assert.Equal(0, Probes(4));
        await director.ApplyAsync(Config(Server(Real(1), Real(4))));
        await UntilAsync(() => Is("[10.0.0.254]:tcp:80 [10.0.1.1]:80=1 [10.0.1.4]:80=1"));
    }

    [Fact]
    public async Task Down_is_told_at_the_stop_with_omega_alone()
    {
        var director = await StartAsync(Config(Server(Real(1)) with { Omega = true }));
        _events.Clear();
        await director.StopAsync(default);

        Assert.False(Assert.Single(_events.OfType<RealServerChanged>()).IsUp);
        Assert.False(Assert.Single(_events.OfType<QuorumChanged>()).HasQuorum);
    }

    [Fact]
    public async Task Timeouts_are_set_at_the_start_and_by_a_reload()
    {
        var config = Config(Server(Real(1)));
        var director = await StartAsync(config with { GlobalDefs = new() { LvsTimeouts = new(800, null, null) } });
        Assert.Equal(new IpvsTimeouts(800, 120, 300), _kernel.Timeouts);
        await director.ApplyAsync(config with { GlobalDefs = new() { LvsTimeouts = new(800, null, 100) } });

        Assert.Equal(new IpvsTimeouts(800, 120, 100), _kernel.Timeouts);
    }

    [Fact]
    public async Task A_thousand_servers_that_die_together_are_one_change_of_the_table()
    {
        var servers = Enumerable.Range(1, 20).Select(group => Server([.. Enumerable.Range(1, 50).Select(number => Real(1) with
        {
            Address = IPAddressValue.Parse($"10.1.{group}.{number}"),
            Checks = [new TcpCheck { Address = IPAddressValue.Parse($"10.1.{group}.{number}"), Port = 80, WarmUp = TimeSpan.Zero }],
        })]) with
        {
            Name = $"group {group}",
            Services = [ServiceKey.ByAddress(TransportProtocol.Tcp, Vip, (ushort)group)],
        }).ToArray();
        foreach (var real in servers.SelectMany(server => server.RealServers))
            _results[real.Address] = CheckResult.Failure("connection refused");
        await StartAsync(Config(servers));
        await UntilAsync(() => _kernel.Lines.Length == 20 && _kernel.Lines.All(line => !line.Contains('=', StringComparison.Ordinal)));
    }

    private sealed class Probe(DirectorServiceTests owner, IPAddressValue address) : IHealthChecker
    {
        public Task<CheckResult> CheckAsync(CancellationToken cancellationToken)
        {
            owner._probes.AddOrUpdate(address, 1, (_, count) => count + 1);
            return Task.FromResult(owner._results.GetValueOrDefault(address, CheckResult.Success));
        }
    }

    private sealed class Nothing : IDisposable
    {
        public void Dispose()
        {
        }
    }

    private sealed class Lines : ILogger<DirectorService>
    {
        public ConcurrentQueue<string> Texts { get; } = new();

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            Texts.Enqueue(formatter(state, exception) + exception);
    }
}
