using System.Globalization;
using Vrrp.Daemon.Tracking;
using Vrrp.Tests.Linux.Lab;

namespace Vrrp.Tests.Linux;

/// <summary>The daemon as a process: the namespace it was told to run in, the signals it gets, and what stays when it has ended.</summary>
public sealed class DaemonTests : IAsyncLifetime
{
    private const string Address = "10.88.0.99";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("vrrp-daemon-test-");
    private readonly string _namespace = $"vrrp-daemon-{Guid.NewGuid():N}"[..20];
    private readonly Signal _changed = new();

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        await Tool.TryRunAsync("ip", ["netns", "del", _namespace]);
        _folder.Delete(recursive: true);
    }

    [Fact]
    public async Task It_runs_in_its_namespace_survives_every_signal_and_restarts_what_cannot_change()
    {
        await BuildAsync();
        await WriteAsync(Config(255, ""));
        var log = new LineLog(_changed);
        await using var daemon = Start(log);

        await WaitForAsync(daemon, log, "Entering MASTER STATE", 0);
        Assert.Contains(Address, await AddressesAsync(), StringComparison.Ordinal);

        int[] signals = [10, 12, 14, 16, 26, 27, 29, 30, 36, 63, 64];
        foreach (int signal in signals)
        {
            int since = log.Count;
            daemon.Send((PosixSignalNumber)signal);
            await WaitForAsync(daemon, log, "received ", since);
        }

        await WaitForAsync(daemon, log, "(V) is MASTER: serving (own priority 255)", 0);
        await WaitForAsync(daemon, log, "the statistics are in ", 0);
        Assert.StartsWith("VRRP Instance: V\n  Advertisements:\n", await File.ReadAllTextAsync(Path.Combine(_folder.FullName, "keepalived.stats")), StringComparison.Ordinal);

        // Nobody else answers: each hand-over takes all its time, and afterwards the router starts anew.
        foreach (string next in (string[])[Config(100, ""), Config(100, "unicast_peer {\n10.88.0.2\n}"), Config(100, "")])
        {
            int since = log.Count;
            await WriteAsync(next);
            daemon.Send(PosixSignalNumber.Hangup);
            await WaitForAsync(daemon, log, "restarted, because it is another router now", since);
            await WaitForAsync(daemon, log, "Entering MASTER STATE", since);
            Assert.Contains(Address, await AddressesAsync(), StringComparison.Ordinal);
        }

        int again = log.Count;
        daemon.Send(PosixSignalNumber.Hangup);
        await WaitForAsync(daemon, log, "reloaded ", again);
        Assert.False(log.Contains("could not be applied", 0), log.ToString());

        daemon.Send(PosixSignalNumber.Terminate);
        Assert.Equal(0, await daemon.WaitForEndAsync());
        Assert.DoesNotContain(Address, await AddressesAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_a_killed_one_left_is_removed_although_it_is_no_longer_configured()
    {
        await BuildAsync();
        await WriteAsync(Config(255, ""));
        var log = new LineLog(_changed);
        await using (var killed = Start(log))
        {
            await WaitForAsync(killed, log, "Entering MASTER STATE", 0);
            await killed.KillAsync();
        }

        Assert.Contains(Address, await AddressesAsync(), StringComparison.Ordinal);
        await WriteAsync(Config(255, "").Replace(Address, "10.88.0.98", StringComparison.Ordinal));
        int since = log.Count;
        await using var daemon = Start(log);
        await WaitForAsync(daemon, log, "Entering MASTER STATE", since);
        Assert.True(log.Contains($"(-) {Address}/32 dev eth0 was left behind", since), log.ToString());
        Assert.DoesNotContain(Address, await AddressesAsync(), StringComparison.Ordinal);

        string ledger = Path.Combine(_folder.FullName, "test.addresses");
        Assert.Equal(["eth0 10.88.0.98/32"], await File.ReadAllLinesAsync(ledger));
        daemon.Send(PosixSignalNumber.Terminate);
        Assert.Equal(0, await daemon.WaitForEndAsync());
        Assert.False(File.Exists(ledger));
    }

    [Fact]
    public async Task Scripts_that_a_killed_one_left_running_are_ended_by_the_next()
    {
        await BuildAsync();
        string begun = Path.Combine(_folder.FullName, "begun");
        await WriteAsync("global_defs {\nscript_user root\n}\n" + Config(255, $"notify_master \"/bin/sh -c 'echo $$ >> {begun}; sleep 100000'\"\n"));
        var log = new LineLog(_changed);
        int left;
        await using (var killed = Start(log))
        {
            await WaitForAsync(killed, log, "Entering MASTER STATE", 0);
            left = await BegunAsync(1);
            killed.Send(PosixSignalNumber.Kill);
            await killed.WaitForEndAsync();
        }

        Assert.True(Runs(left));
        int since = log.Count;
        await using var daemon = Start(log);
        await WaitForAsync(daemon, log, "Entering MASTER STATE", since);
        int now = await BegunAsync(2);
        Assert.True(log.Contains($"process {left} was left running by a daemon that was killed, and is ended: /bin/sh -c ", since), log.ToString());
        Assert.Equal((false, true), (Runs(left), Runs(now)));
        daemon.Send(PosixSignalNumber.Terminate);
        Assert.Equal(0, await daemon.WaitForEndAsync());
        Assert.Equal((false, false), (Runs(now), File.Exists(Path.Combine(_folder.FullName, "test.scripts"))));

        async Task<int> BegunAsync(int count)
        {
            using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
            using var beat = new PeriodicTimer(TimeSpan.FromMilliseconds(10));
            while (!File.Exists(begun) || (await File.ReadAllTextAsync(begun)).Count(letter => letter == '\n') < count)
                await beat.WaitForNextTickAsync(patience.Token);
            return int.Parse((await File.ReadAllLinesAsync(begun))[count - 1], CultureInfo.InvariantCulture);
        }

        // Dead, it may wait for whoever is to bury it.
        static bool Runs(int process) => new ProcessFiles().Read(process) is not null;
    }

    [Fact]
    public async Task Impatience_at_the_very_end_changes_nothing()
    {
        await BuildAsync();
        await WriteAsync(Config(255, ""));
        var log = new LineLog(_changed);
        await using var daemon = Start(log);
        await WaitForAsync(daemon, log, "Entering MASTER STATE", 0);

        var end = daemon.WaitForEndAsync();
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(1));
        while (!end.IsCompleted && await timer.WaitForNextTickAsync())
            daemon.Send(PosixSignalNumber.Terminate);
        Assert.Equal(0, await end);
        Assert.DoesNotContain(Address, await AddressesAsync(), StringComparison.Ordinal);
        Assert.Equal(["test.conf"], _folder.GetFiles("test.*").Select(file => file.Name));
    }

    [Fact]
    public async Task It_serves_while_a_process_runs_and_keeps_what_it_knows_when_it_reloads()
    {
        await BuildAsync();
        string name = $"vt{Guid.NewGuid():N}"[..14];
        string program = Path.Combine(_folder.FullName, name);
        File.Copy("/bin/sleep", program);
        string tracker = $"vrrp_track_process web {{\n process {name}\n}}\n";
        await WriteAsync(tracker + Config(255, "track_process {\nweb\n}"));
        var log = new LineLog(_changed);
        await using var daemon = Start(log);
        await WaitForAsync(daemon, log, "Entering FAULT STATE: vrrp_track_process web failed: 0 of at least 1 processes run", 0);
        Assert.DoesNotContain(Address, await AddressesAsync(), StringComparison.Ordinal);

        using (var process = System.Diagnostics.Process.Start(program, ["1000"]))
        {
            await WaitForAsync(daemon, log, "Entering MASTER STATE", 0);
            int since = log.Count;
            await WriteAsync(tracker + Config(255, "track_process {\nweb\n}\ngarp_master_refresh 60"));
            daemon.Send(PosixSignalNumber.Hangup);
            await WaitForAsync(daemon, log, "reloaded ", since);
            Assert.False(log.Contains("Entering FAULT", since), log.ToString());
            process.Kill();
            await process.WaitForExitAsync();
            await WaitForAsync(daemon, log, "vrrp_track_process web is down: 0 of at least 1 processes run", since);
            await WaitForAsync(daemon, log, "Entering FAULT STATE", since);
        }

        Assert.DoesNotContain(Address, await AddressesAsync(), StringComparison.Ordinal);
        daemon.Send(PosixSignalNumber.Terminate);
        Assert.Equal(0, await daemon.WaitForEndAsync());
    }

    private async Task BuildAsync()
    {
        LabRequirements.Demand();
        await Tool.RunAsync("ip", ["netns", "add", _namespace]);
        await Tool.RunAsync(
            "ip", ["-n", _namespace, "-batch", "-"], "link add eth0 type veth peer name port0\nlink set eth0 up\nlink set port0 up\naddr add 10.88.0.1/24 dev eth0");
    }

    private Task WriteAsync(string config) => File.WriteAllTextAsync(Path.Combine(_folder.FullName, "test.conf"), config);

    /// <summary>As nohup starts a program, with SIGHUP ignored; SIGTERM too.</summary>
    private BackgroundProcess Start(LineLog log) => BackgroundProcess.Start(
        "sh",
        ["-c", "trap '' HUP TERM; TMPDIR=$1; export TMPDIR; shift; exec \"$@\"", "sh", _folder.FullName, Director.VrrpCommand(), "run", "-f", Path.Combine(_folder.FullName, "test.conf"), "-p", Path.Combine(_folder.FullName, "test.pid")],
        log,
        _changed);

    private string Config(int priority, string lines) => $$"""
        net_namespace {{_namespace}}
        vrrp_instance V {
            version 3
            interface eth0
            virtual_router_id 51
            priority {{priority}}
            advert_int 0.1
            {{lines}}
            virtual_ipaddress {
                {{Address}}
            }
        }

        """;

    private Task<string> AddressesAsync() => Tool.RunAsync("ip", ["-n", _namespace, "addr", "show", "dev", "eth0"]);

    private async Task WaitForAsync(BackgroundProcess daemon, LineLog log, string text, int since)
    {
        await _changed.WaitForAsync(text, Patience, () => log.Contains(text, since) || daemon.HasEnded);
        Assert.True(log.Contains(text, since), log.ToString());
    }
}
