using Microsoft.Extensions.Logging;
using Vrrp.Daemon.Configuration.Model;
using Vrrp.Daemon.Hosting;
using Vrrp.Daemon.Tracking;
using Vrrp.Tests.Tracking;
using static Vrrp.Tests.Configuration.ConfigurationTesting;

namespace Vrrp.Tests.Hosting;

/// <summary>startup_script and shutdown_script.</summary>
public sealed class LifeScriptsTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly string _file = Path.Combine(Path.GetTempPath(), $"vrrp-test-{Guid.NewGuid():N}");
    private readonly Log _log = new();

    public void Dispose() => File.Delete(_file);

    private static DaemonConfig Of(string globals) => Config(InstanceText("", globals));

    private string Note(string word, string after = "") => $"\"/bin/sh -c 'echo {word} >> {_file}{after}'\" root";

    private string[] Noted => File.Exists(_file) ? File.ReadAllLines(_file) : [];

    [Fact]
    public async Task Each_runs_once_and_what_it_finds_changes_nothing()
    {
        using var runner = new ScriptRunner(TimeProvider.System);
        await using var scripts = new LifeScripts(
            Of($"startup_script {Note("start", "; exit 3")}\nshutdown_script {Note("old")}\nstartup_script_timeout 1000\nshutdown_script_timeout 1000"), runner, _log);
        await scripts.StartAsync(default);
        Assert.Equal(["start"], Noted);
        scripts.Prepare(Of($"shutdown_script {Note("new")}\nshutdown_script_timeout 1000"));
        scripts.Complete();
        await scripts.StopAsync(default);
        await scripts.StopAsync(default);

        Assert.Equal(["start", "new"], Noted);
        Assert.Equal(
            [
                "startup_script runs, for 1000 s at most; the daemon waits for it", "startup_script: it exited with status 3; the daemon goes on",
                "shutdown_script runs, for 1000 s at most; the daemon waits for it",
            ], _log.Texts);
    }

    [Fact]
    public async Task After_a_start_that_failed_elsewhere_the_second_runs_too_and_without_a_start_neither()
    {
        using var runner = new ScriptRunner(TimeProvider.System);
        var config = Of($"shutdown_script {Note("stop")}\nshutdown_script_timeout 1000");
        await new LifeScripts(config, runner, _log).DisposeAsync();
        Assert.Empty(Noted);
        var scripts = new LifeScripts(config, runner, _log);
        await scripts.StartAsync(default);
        await scripts.DisposeAsync();
        Assert.Equal(["stop"], Noted);
    }

    [Fact]
    public async Task One_that_hangs_has_its_time_and_no_more()
    {
        using var stubborn = new StubbornScripts();
        await using var scripts = new LifeScripts(Of("startup_script \"/bin/true\" root\nstartup_script_timeout 3"), stubborn.Runner, _log);
        var starting = scripts.StartAsync(default);
        await stubborn.NextAsync();
        stubborn.Time.Advance(TimeSpan.FromSeconds(2.9));
        Assert.False(starting.IsCompleted);
        stubborn.Time.Advance(TimeSpan.FromSeconds(0.1));
        await starting.WaitAsync(Patience);
        Assert.Equal("startup_script: it ran longer than 3 s and was ended; the daemon goes on", _log.Texts.Last());
    }

    [Fact]
    public async Task A_stop_ends_the_first_and_a_second_signal_the_second()
    {
        using var stubborn = new StubbornScripts();
        using var now = new CancellationTokenSource();
        await using var scripts = new LifeScripts(Of("startup_script \"/bin/true\" root\nshutdown_script \"/bin/true\" root"), stubborn.Runner, _log);
        var starting = scripts.StartAsync(now.Token);
        (await stubborn.NextAsync()).Exit();
        await starting.WaitAsync(Patience);
        var stopping = scripts.StopAsync(now.Token);
        var last = await stubborn.NextAsync();
        await now.CancelAsync();
        await stubborn.PassUntilAsync(() => stopping.IsCompleted);
        await stopping;
        Assert.Equal(("15 9", "shutdown_script: it was ended, because the daemon is to stop at once; the daemon goes on"), (last.Signals, _log.Texts.Last()));
    }

    [Fact]
    public async Task One_that_cannot_run_at_the_end_is_said_at_the_start()
    {
        using var runner = new ScriptRunner(TimeProvider.System);
        await using var scripts = new LifeScripts(Of("shutdown_script \"/no/such\" root"), runner, _log);
        await scripts.StartAsync(default);
        using var limit = new CancellationTokenSource(Patience);
        using var beat = new PeriodicTimer(TimeSpan.FromMilliseconds(5));
        while (_log.Texts.IsEmpty)
            await beat.WaitForNextTickAsync(limit.Token);
        Assert.Equal("shutdown_script would not run: there is no file /no/such", Assert.Single(_log.Texts));
    }

    private sealed class Log : Messages, ILogger<LifeScripts>;
}
