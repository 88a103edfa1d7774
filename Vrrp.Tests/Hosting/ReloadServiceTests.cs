using System.Threading.Channels;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Vrrp.Daemon.Configuration;
using Vrrp.Daemon.Configuration.Model;
using Vrrp.Daemon.Failover;
using Vrrp.Daemon.HealthChecks;
using Vrrp.Daemon.Hosting;
using Vrrp.Daemon.Ipvs;
using Vrrp.Daemon.Tracking;
using Vrrp.Tests.Engine;
using Vrrp.Tests.HealthChecks;
using Vrrp.Tests.Ipvs;

namespace Vrrp.Tests.Hosting;

/// <summary>A reload reaches routers and virtual servers, or neither.</summary>
#pragma warning disable CA1001 // xunit calls DisposeAsync of IAsyncLifetime.
public sealed class ReloadServiceTests : IAsyncLifetime
#pragma warning restore CA1001
{
    private const string Router = """
        vrrp_instance V {
        interface eth0
        virtual_router_id 51
        priority 255
        state MASTER
        virtual_ipaddress {
        10.0.0.1
        }
        }

        """;

    private readonly string _path = Path.Combine(Path.GetTempPath(), $"vrrp-test-{Guid.NewGuid():N}.conf");
    private readonly RecordingPlatform _platform = new();
    private readonly MemoryIpvsTable _kernel = new();
    private readonly ManualTime _time = new();
    private Func<string, LoadOptions, LoadResult> _load = (path, options) => ConfigLoader.Load(path, options);
    private string _failing = "";
    private readonly ReloadQueue _queue = new();
    private readonly Lines _log = new();
    private readonly Observer _observer = new();
    private readonly ScriptRunner _scripts = new(TimeProvider.System);
    private DirectorService _director = null!;
    private VrrpService _vrrp = null!;
    private TrackingService _tracking = null!;
    private ReloadService _reload = null!;

    public Task InitializeAsync()
    {
        _platform.AddInterface(1, "eth0", "10.0.0.9");
        return Task.CompletedTask;
    }

    public async Task DisposeAsync()
    {
        await _reload.StopAsync(default);
        await _tracking.DisposeAsync();
        await _vrrp.StopAsync(new(canceled: true));
        await _director.DisposeAsync();
        _reload.Dispose();
        File.Delete(_path);
    }

    private static string Server(int port, int weight = 1) => $$"""
        virtual_server 10.0.0.1 {{port}} {
        lb_algo wrr
        lb_kind DR
        protocol TCP
        real_server 10.0.1.1 {{port}} {
        weight {{weight}}
        }
        }

        """;

    private async Task StartAsync(string text, bool runsVrrp = true, bool runsDirector = true)
    {
        await File.WriteAllTextAsync(_path, text);
        var run = new DaemonRun { ConfigurationPath = _path, RunsVrrp = runsVrrp, RunsDirector = runsDirector };
        var config = run.Select(ConfigLoader.Load(_path).Config!);
        var checks = new HealthCheckService(
            check => throw new InvalidOperationException(check.Kind), _time, new Random(1), NullLogger<HealthCheckService>.Instance);
        _director = new(config, null, 
            new()
            {
                Open = _kernel.Open,
                // Asked only for ha_suspend.
                WatchAddresses = (_, _) => _failing == "director" ? throw new InvalidOperationException("the director broke") : null!,
            },
            checks,
            _time,
            NullLogger<DirectorService>.Instance);
        _vrrp = new(config, run, new(NullLogger<NotificationLogger>.Instance), new Lifetime(), NullLogger<VrrpService>.Instance)
        {
            Platform = _platform.Kernel,
            Notified = _director.Take,
            Tracked = config =>
            {
                var prepared = _tracking.Prepare(config);
                return name => _failing == "routers" && name == "W" ? throw new ArgumentException("W broke") : prepared(name);
            },
        };
        var sources = new TrackerSources(_scripts, TimeProvider.System, NullLogger.Instance);
        _tracking = new(config, sources.Watch, _vrrp.SetTracked, TimeProvider.System, _log);
        _reload = new(run, config, _queue, _vrrp, _director, _tracking, _scripts, [_observer], new SystemdNotifier(), _time, _log) { Load = (path, options) => _load(path, options) };
        foreach (var service in (IHostedService[])[_director, _vrrp, _tracking, _reload])
            await service.StartAsync(default);
        await _director.GetSnapshotAsync();
    }

    /// <summary>Reloads a text and returns what was logged up to its end.</summary>
    private async Task<string> ReloadAsync(string text)
    {
        await File.WriteAllTextAsync(_path, text);
        _queue.Request();
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        var lines = new List<string>();
        await foreach (var (id, line) in _log.Texts.Reader.ReadAllAsync(patience.Token))
        {
            lines.Add(line);
            if (id is 103 or 104 or 108 or 118 or 119 or 120)
                break;
        }

        return string.Join('\n', lines);
    }

    private string Addresses() => string.Join(' ', _platform.Kernel.Interface("eth0").Addresses.Select(at => at.Address.ToString()));

    [Fact]
    public async Task A_good_file_reaches_both_and_the_log_says_what_became_of_each()
    {
        await StartAsync(Router + Server(80));
        Assert.Equal(["[10.0.0.1]:tcp:80 [10.0.1.1]:80=1"], _kernel.Lines);
        string log = await ReloadAsync("global_defs {\nenable_script_security\n}\n" + Router.Replace("10.0.0.1", "10.0.0.2", StringComparison.Ordinal) + Server(80, 7) + Server(443));

        Assert.Equal(["[10.0.0.1]:tcp:80 [10.0.1.1]:80=7", "[10.0.0.1]:tcp:443 [10.0.1.1]:443=1"], _kernel.Lines);
        Assert.Contains("10.0.0.2", Addresses(), StringComparison.Ordinal);
        Assert.Contains("virtual server [10.0.0.1]:tcp:80: real servers changed: [10.0.1.1]:80\n", log, StringComparison.Ordinal);
        Assert.Contains("virtual server [10.0.0.1]:tcp:443: added, real servers [10.0.1.1]:443\n", log, StringComparison.Ordinal);
        Assert.True(_scripts.IsSecure);
        Assert.Equal("prepare 2 servers, complete", _observer.Text);
    }

    [Theory]
    [InlineData("vrrp_instance V {\n", " was not loaded: 2 errors; what was running goes on unchanged")]
    [InlineData("vrrp_instance V {\ninterface eth0\n}", " was not loaded: 1 error; what was running goes on unchanged")]
    [InlineData("", "has no vrrp_instance and no virtual_server")]
    [InlineData("global_defs {\n}\n", "has no vrrp_instance and no virtual_server")]
    public async Task A_bad_file_changes_nothing(string text, string expected)
    {
        await StartAsync(Router + Server(80));
        string before = Addresses();
        Assert.Contains(expected, await ReloadAsync(text), StringComparison.Ordinal);

        Assert.Equal(["[10.0.0.1]:tcp:80 [10.0.1.1]:80=1"], _kernel.Lines);
        Assert.Equal(before, Addresses());
        Assert.Equal("", _observer.Text);
    }

    [Fact]
    public async Task An_observer_that_fails_is_logged_and_the_reload_goes_on()
    {
        await StartAsync(Server(80));
        _observer.Fails = true;
        string log = await ReloadAsync(Server(80) + Server(443));

        Assert.Equal(2, _kernel.Lines.Length);
        Assert.Equal(2, log.Split("Observer failed in itself at a reload").Length - 1);
        _observer.Fails = false;
        await ReloadAsync(Server(80));
        Assert.Single(_kernel.Lines);
    }

    [Theory]
    [InlineData("routers", "the reload could not be applied: W broke; what was running before is put back")]
    [InlineData("director", "the reload could not be applied: the director broke; what was running before is put back")]
    public async Task A_reload_that_fails_midway_is_taken_back(string part, string expected)
    {
        await StartAsync(Router + Server(80));
        string before = Addresses();
        string second = Router.Replace("instance V", "instance W", StringComparison.Ordinal).Replace("51", "52", StringComparison.Ordinal).Replace("10.0.0.1", "10.0.0.3", StringComparison.Ordinal);
        string next = "global_defs {\nenable_script_security\n}\n" + Router.Replace("10.0.0.1\n", "10.0.0.2\n", StringComparison.Ordinal) + second
            + Server(443, 7).Replace("lb_algo", "ha_suspend\nlb_algo", StringComparison.Ordinal);
        _failing = part;
        string log = await ReloadAsync(next);

        Assert.Contains(expected, log, StringComparison.Ordinal);
        Assert.EndsWith("what was running before the reload runs again", log, StringComparison.Ordinal);
        Assert.Equal(before, Addresses());
        Assert.Equal("V", Assert.Single(_vrrp.Routers).Config.Name);
        Assert.Equal(["[10.0.0.1]:tcp:80 [10.0.1.1]:80=1"], _kernel.Lines);
        Assert.False(_scripts.IsSecure);
        Assert.Equal("prepare 1 servers, prepare 1 servers, complete", _observer.Text);
        _failing = "";
        await ReloadAsync(next);
        Assert.Equal(["[10.0.0.1]:tcp:443 [10.0.1.1]:443=7"], _kernel.Lines);
        Assert.Equal(2, _vrrp.Routers.Count);
    }

    [Fact]
    public async Task A_reload_that_cannot_be_taken_back_says_so_and_the_next_one_works()
    {
        await StartAsync(Router.Replace("instance V", "instance W", StringComparison.Ordinal) + Server(80));
        _failing = "routers";
        string log = await ReloadAsync(Router + Server(80) + Router.Replace("instance V", "instance W", StringComparison.Ordinal).Replace("51", "52", StringComparison.Ordinal).Replace("10.0.0.1", "10.0.0.3", StringComparison.Ordinal));
        Assert.Contains("VrrpService failed in itself at a reload", log, StringComparison.Ordinal);
        Assert.EndsWith("not all that was running before the reload runs again; mend the file and reload it, or restart the daemon", log, StringComparison.Ordinal);
        _failing = "";
        Assert.Contains("reloaded ", await ReloadAsync(Router + Server(80)), StringComparison.Ordinal);
        Assert.Equal("V", Assert.Single(_vrrp.Routers).Config.Name);
    }

    [Fact]
    public async Task A_reading_that_fails_in_itself_is_said_and_ends_nothing()
    {
        await StartAsync(Server(80));
        var load = _load;
        _load = (_, _) => throw new InvalidOperationException("broken");
        Assert.EndsWith("the reload failed in itself; what was running goes on", await ReloadAsync(Server(443)), StringComparison.Ordinal);
        _load = load;
        await ReloadAsync(Server(443));
        Assert.Equal(["[10.0.0.1]:tcp:443 [10.0.1.1]:443=1"], _kernel.Lines);
    }

    [Fact]
    public async Task A_file_that_cannot_be_read_at_all_is_said_and_holds_up_no_stop()
    {
        using var release = new ManualResetEventSlim();
        using var begun = new ManualResetEventSlim();
        await StartAsync(Server(80));
        _load = (path, options) =>
        {
            begun.Set();
            release.Wait();
            return ConfigLoader.Load(path, options);
        };
        _queue.Request();
        await Task.Run(begun.Wait);
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        using var beat = new PeriodicTimer(TimeSpan.FromMilliseconds(5));
        string text = "";
        while (!text.Contains("its disk does not answer", StringComparison.Ordinal))
        {
            _time.Advance(TimeSpan.FromSeconds(1));
            while (_log.Texts.Reader.TryRead(out var line))
                text += line.Line;
            await beat.WaitForNextTickAsync(patience.Token);
        }

        await _reload.StopAsync(default).WaitAsync(TimeSpan.FromSeconds(60));
        Assert.True(_reload.ExecuteTask!.IsCompleted);
        release.Set();
    }

    [Fact]
    public async Task A_file_may_have_virtual_servers_alone()
    {
        await StartAsync(Server(80));
        Assert.Equal(["[10.0.0.1]:tcp:80 [10.0.1.1]:80=1"], _kernel.Lines);
        await ReloadAsync(Server(80) + Server(443));
        Assert.Equal(2, _kernel.Lines.Length);
        Assert.Contains("no virtual_server", await ReloadAsync("\n"), StringComparison.Ordinal);
        Assert.Equal(2, _kernel.Lines.Length);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task One_half_can_be_left_out_also_by_a_reload(bool runsVrrp)
    {
        string addresses = Addresses();
        await StartAsync(Router + Server(80), runsVrrp, !runsVrrp);
        await ReloadAsync(Router + Server(80) + Server(443));

        Assert.Equal(runsVrrp ? 0 : 2, _kernel.Lines.Length);
        Assert.Equal(runsVrrp, Addresses() != addresses);
    }

    [Theory]
    [InlineData(true, true, 3)]
    [InlineData(true, false, 2)]
    [InlineData(false, true, 2)]
    public async Task A_half_has_no_pipe_of_the_other(bool runsVrrp, bool runsDirector, int expected)
    {
        await StartAsync(Router + Server(80), runsVrrp, runsDirector);
        var globals = new GlobalDefs
        {
            NotifyFifos = [.. Enum.GetValues<NotifyFifoKind>().Select(kind => new NotifyFifo(kind, $"/run/{kind}", null, null, null))],
        };
        var run = new DaemonRun { ConfigurationPath = _path, RunsVrrp = runsVrrp, RunsDirector = runsDirector };

        var kept = run.Select(new DaemonConfig { Path = _path, GlobalDefs = globals }).GlobalDefs.NotifyFifos;
        Assert.Equal(expected, kept.Length);
        Assert.Equal((runsVrrp, runsDirector), (kept.Any(pipe => pipe.Kind == NotifyFifoKind.Vrrp), kept.Any(pipe => pipe.Kind == NotifyFifoKind.Lvs)));
    }

    [Theory]
    [InlineData(true, "the file has no vrrp_instance, ")]
    [InlineData(false, "the file has no virtual_server, ")]
    public async Task A_half_that_would_be_empty_is_refused_by_its_name(bool runsVrrp, string expected)
    {
        await StartAsync(Router + Server(80), runsVrrp, !runsVrrp);

        Assert.Contains(expected, await ReloadAsync(runsVrrp ? Server(80) : Router), StringComparison.Ordinal);
    }

    /// <summary>A log line has its severity already.</summary>
    [Fact]
    public async Task A_finding_in_the_log_says_its_severity_once()
    {
        await StartAsync(Router);
        string log = await ReloadAsync("bogus\nvrrp_instance V {\ninterface eth0\n}");

        Assert.Contains($"{_path}:1:1: VRRP0101: unknown keyword 'bogus'", log, StringComparison.Ordinal);
        Assert.Contains($"{_path}:2:15: VRRP0201: instance 'V' has no virtual_router_id", log, StringComparison.Ordinal);
        Assert.DoesNotContain("error VRRP", log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_script_that_cannot_be_run_keeps_the_router_out_until_it_is_taken_out()
    {
        string tracked = "vrrp_script none {\nscript \"/no/such/script\"\n}\n" + Router.Replace("state MASTER\n", "state MASTER\ntrack_script {\nnone\n}\n", StringComparison.Ordinal);
        await StartAsync(tracked, runsDirector: false);
        var router = Assert.Single(_vrrp.Routers);
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        using var beat = new PeriodicTimer(TimeSpan.FromMilliseconds(5));
        while (router.Vitals.State != VrrpState.Fault)
            await beat.WaitForNextTickAsync(limit.Token);
        Assert.Equal("vrrp_script none failed: there is no file /no/such/script", router.Vitals.Tracked.Detail);
        await ReloadAsync(tracked.Replace("priority 255", "priority 255\nadvert_int 2", StringComparison.Ordinal));
        Assert.Equal(VrrpFaults.Tracked, router.Vitals.Faults);
        Assert.DoesNotContain("adv 255", _platform.Log);
        await ReloadAsync(Router);

        Assert.Equal((VrrpState.Master, VrrpFaults.None), (router.Vitals.State, router.Vitals.Faults));
        Assert.Contains("adv 255", _platform.Log);
    }

    private sealed class Observer : IReloadObserver
    {
        private readonly List<string> _told = [];

        public string Text => string.Join(", ", _told);

        public bool Fails { get; set; }

        public void Prepare(DaemonConfig config) => Add($"prepare {config.VirtualServers.Length} servers");

        public void Complete() => Add("complete");

        private void Add(string text)
        {
            if (Fails)
                throw new InvalidOperationException("a test");
            _told.Add(text);
        }
    }

    private sealed class Lines : ILogger<ReloadService>
    {
        public Channel<(int Id, string Line)> Texts { get; } = Channel.CreateUnbounded<(int, string)>();

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            Texts.Writer.TryWrite((eventId.Id, formatter(state, exception)));
    }

    private sealed class Lifetime : IHostApplicationLifetime
    {
        public CancellationToken ApplicationStarted => default;

        public CancellationToken ApplicationStopping => default;

        public CancellationToken ApplicationStopped => default;

        public void StopApplication()
        {
        }
    }
}
