using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Vrrp.Daemon.Configuration.Model;
using Vrrp.Daemon.Ipvs;
using Vrrp.Daemon.Tracking;
using static Vrrp.Tests.Ipvs.DirectorSamples;

namespace Vrrp.Tests.Ipvs;

/// <summary>Scripts of real servers and quorums, run for real.</summary>
public sealed class DirectorScriptsTests : IDisposable
{
    private readonly string _file = Path.Combine(Path.GetTempPath(), $"vrrp-test-{Guid.NewGuid():N}");
    private readonly DirectorScripts _scripts = new(new(TimeProvider.System), TimeProvider.System, NullLogger<DirectorScripts>.Instance);

    public void Dispose() => File.Delete(_file);

    private ScriptCommand Note(string word, string before = "") => new($"/bin/sh -c '{before}echo {word} $# >> {_file}'", "0");

    [Fact]
    public async Task Scripts_of_one_virtual_server_run_one_after_another_with_their_own_arguments_alone()
    {
        var real = Real(1) with { NotifyUp = Note("up"), NotifyDown = Note("down", "sleep 0.3; ") };
        var server = Server(real) with { QuorumUp = Note("quorum_up"), QuorumDown = Note("quorum_down", "sleep 0.2; ") };
        _scripts.Take(new RealServerChanged(server, real, IsUp: false, null, "refused"));
        _scripts.Take(new QuorumChanged(server, HasQuorum: false, 0));
        _scripts.Take(new WeightChanged(server, real, 1, 2));
        _scripts.Take(new RealServerChanged(server, real, IsUp: true, null, null));
        _scripts.Take(new QuorumChanged(server, HasQuorum: true, 1));
        // Not at the end, which has only seconds.
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        using var beat = new PeriodicTimer(TimeSpan.FromMilliseconds(10));
        while (!File.Exists(_file) || !(await File.ReadAllTextAsync(_file, limit.Token)).Contains("quorum_up", StringComparison.Ordinal))
            await beat.WaitForNextTickAsync(limit.Token);
        await _scripts.DisposeAsync();

        Assert.Equal("down 0\nquorum_down 0\nup 0\nquorum_up 0\n", await File.ReadAllTextAsync(_file));
    }

    [Fact]
    public async Task A_script_that_hangs_holds_up_its_own_virtual_server_alone_and_is_ended_at_the_stop()
    {
        var hanging = Server() with { Name = "hanging", QuorumDown = new("/bin/sleep 1000", "0") };
        for (int i = 0; i < 500; i++)
            _scripts.Take(new QuorumChanged(hanging, HasQuorum: false, 0));
        var other = Server() with { QuorumDown = Note("other") };
        _scripts.Take(new QuorumChanged(other, HasQuorum: false, 0));
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        using var beat = new PeriodicTimer(TimeSpan.FromMilliseconds(10));
        while (!File.Exists(_file) || new FileInfo(_file).Length == 0)
            await beat.WaitForNextTickAsync(limit.Token);
        await _scripts.DisposeAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(60));
    }

    [Fact]
    public async Task A_script_that_cannot_be_ended_is_given_up_and_the_next_runs()
    {
        using var scripts = new Tracking.StubbornScripts();
        var log = new Logger();
        var director = new DirectorScripts(scripts.Runner, scripts.Time, log);
        var server = Server() with { QuorumDown = Tracking.StubbornScripts.Command, QuorumUp = Tracking.StubbornScripts.Command };
        director.Take(new QuorumChanged(server, HasQuorum: false, 0));
        await scripts.NextAsync();
        director.Take(new QuorumChanged(server, HasQuorum: true, 1));
        await scripts.PassUntilAsync(() => scripts.StartedCount > 0);

        Assert.Contains("cannot be ended, for process 4711 heeds no signal; it is left alone: /bin/true", Assert.Single(log.Texts), StringComparison.Ordinal);
        (await scripts.NextAsync()).Exit();
        await director.DisposeAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(60));
        Assert.Single(log.Texts);
    }

    [Fact]
    public async Task A_start_that_hangs_does_not_hold_up_the_end()
    {
        using var scripts = new Tracking.StubbornScripts();
        var director = new DirectorScripts(scripts.Runner, scripts.Time, NullLogger<DirectorScripts>.Instance);
        var server = Server() with { QuorumDown = Tracking.StubbornScripts.Command };
        scripts.MayStart.Reset();
        director.Take(new QuorumChanged(server, HasQuorum: false, 0));
        director.Take(new QuorumChanged(server, HasQuorum: false, 0));
        await scripts.NextAsync();
        var stopping = director.DisposeAsync().AsTask();
        await scripts.PassUntilAsync(() => stopping.IsCompleted);
        await stopping;
        scripts.MayStart.Set();
    }

    [Fact]
    public async Task A_script_that_cannot_be_run_stops_none_behind_it()
    {
        var server = Server() with { QuorumDown = new("/no/such/script", "0"), QuorumUp = Note("up") };
        _scripts.Take(new QuorumChanged(server, HasQuorum: false, 0));
        _scripts.Take(new QuorumChanged(server, HasQuorum: true, 1));
        await _scripts.DisposeAsync();

        Assert.Equal("up 0\n", await File.ReadAllTextAsync(_file));
    }

    private sealed class Logger : Tracking.Messages, ILogger<DirectorScripts>;
}
