using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging.Abstractions;
using Vrrp.Daemon.Configuration.Model;
using Vrrp.Daemon.Hosting;
using Vrrp.Daemon.Ipvs;
using Vrrp.Daemon.Notifications;
using static Vrrp.Tests.Configuration.ConfigurationTesting;

namespace Vrrp.Tests.Notifications;

/// <summary>The service with scripts and pipes of the system.</summary>
#pragma warning disable CA1001 // xunit calls DisposeAsync of IAsyncLifetime.
public sealed class NotificationServiceTests : IAsyncLifetime
#pragma warning restore CA1001
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("vrrp-notify-test-");
    private readonly Lifetime _lifetime = new();
    private NotificationService _service = null!;

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        await _service.DisposeAsync();
        _lifetime.Dispose();
        _folder.Delete(recursive: true);
    }

    private string PathOf(string name) => Path.Combine(_folder.FullName, name);

    private async Task StartAsync(string globals, string instance)
    {
        _service = new(ConfigOf(globals, instance), new(TimeProvider.System), _lifetime, TimeProvider.System, NullLogger<NotificationService>.Instance);
        await _service.StartAsync(default);
    }

    private static DaemonConfig ConfigOf(string globals, string instance) => Config(InstanceText(instance, "script_user root\n" + globals) + """

        virtual_server 10.0.0.1 80 {
        lb_kind DR
        protocol TCP
        real_server 10.0.1.1 80 {
        }
        }
        """);

    private void Move(VrrpState from, VrrpState to, TransitionReason reason) =>
        _service.Take(new RouterTransition(default, "V", from, to, reason, VrrpFaults.None, new(100), IPAddressValue.Parse("10.0.0.9"), new(50), null));

    [Fact]
    public async Task Scripts_get_arguments_and_environment_and_the_stop_waits_for_the_last()
    {
        string told = PathOf("told");
        string script = $"""
            notify "/bin/sh -c 'echo $0 $* >> {told}; env | grep ^VRRP_ | sort >> {told}' first"
            """;
        await StartAsync("", script);
        Move(VrrpState.Initialize, VrrpState.Backup, TransitionReason.Started);
        Move(VrrpState.Backup, VrrpState.Master, TransitionReason.MasterLeft);
        using (var beat = new PeriodicTimer(TimeSpan.FromMilliseconds(10)))
        {
            using var limit = new CancellationTokenSource(Patience);
            while (!File.Exists(told) || !(await File.ReadAllTextAsync(told)).Contains("VRRP_STATE=MASTER", StringComparison.Ordinal))
                await beat.WaitForNextTickAsync(limit.Token);
        }

        _lifetime.StopApplication();
        Move(VrrpState.Master, VrrpState.Initialize, TransitionReason.Stopped);
        await _service.StopAsync(default).WaitAsync(Patience);

        string[] lines = await File.ReadAllLinesAsync(told);
        Assert.Equal(
            ["first INSTANCE V BACKUP 100", "first INSTANCE V MASTER 100", "first INSTANCE V STOP 100"], lines.Where(line => line.StartsWith("first", StringComparison.Ordinal)));
        Assert.Contains("VRRP_REASON=10.0.0.9 with priority 50 left (priority 0)", lines);
        Assert.Contains("VRRP_PREVIOUS_STATE=MASTER", lines);
    }

    [Fact]
    public async Task Each_pipe_has_its_lines_and_a_reload_leaves_alone_those_that_stay()
    {
        string pipes = $"notify_fifo {PathOf("all")}\nvrrp_notify_fifo {PathOf("vrrp")}\nlvs_notify_fifo {PathOf("lvs")}\n";
        await StartAsync(pipes, "");
        using var all = new StreamReader(PathOf("all"));
        using var vrrp = new StreamReader(PathOf("vrrp"));
        using var lvs = new StreamReader(PathOf("lvs"));
        var server = ConfigOf("", "").VirtualServers[0];
        Move(VrrpState.Initialize, VrrpState.Backup, TransitionReason.Started);
        _service.Take(new QuorumChanged(server, HasQuorum: true, 1));

        // The director's goes, one of the others is written to again, and one comes.
        _service.Prepare(ConfigOf($"notify_fifo {PathOf("all")}\nvrrp_notify_fifo {PathOf("new")}\nlvs_notify_fifo {PathOf("new")}\nfifo_write_vrrp_states_on_reload\n", ""));
        _service.Complete();
        await MailTesting.UntilAsync(() => File.Exists(PathOf("new")), "the new pipe is there");
        using var added = new StreamReader(PathOf("new"));
        Assert.False(File.Exists(PathOf("vrrp")) || File.Exists(PathOf("lvs")));
        _service.Take(new RealServerChanged(server, server.RealServers[0], IsUp: false, null, "refused"));
        await _service.StopAsync(default).WaitAsync(Patience);

        Assert.Equal("INSTANCE \"V\" BACKUP 100\n", await vrrp.ReadToEndAsync().WaitAsync(Patience));
        Assert.Equal("VS [10.0.0.1]:tcp:80 UP\n", await lvs.ReadToEndAsync().WaitAsync(Patience));
        // One pipe for both.
        Assert.Equal("INSTANCE \"V\" BACKUP 100\nRS [10.0.1.1]:tcp:80 [10.0.0.1]:tcp:80 DOWN\n", await added.ReadToEndAsync().WaitAsync(Patience));
        Assert.Equal(
            "INSTANCE \"V\" BACKUP 100\nVS [10.0.0.1]:tcp:80 UP\nINSTANCE \"V\" BACKUP 100\nRS [10.0.1.1]:tcp:80 [10.0.0.1]:tcp:80 DOWN\n",
            await all.ReadToEndAsync().WaitAsync(Patience));
        Assert.Empty(_folder.GetFiles());
    }

    [Fact]
    public async Task A_pipe_of_two_keywords_has_each_line_once_and_stays_while_one_of_them_wants_it()
    {
        string one = PathOf("one");
        await StartAsync($"notify_fifo {one}\nvrrp_notify_fifo {one}\n", "");
        using var reader = new StreamReader(one);
        Move(VrrpState.Initialize, VrrpState.Backup, TransitionReason.Started);
        var before = LockFile.IdentityOf(one);
        _service.Prepare(ConfigOf($"notify_fifo {one}\n", ""));
        _service.Complete();
        Assert.Equal(before, LockFile.IdentityOf(one));
        Move(VrrpState.Backup, VrrpState.Master, TransitionReason.MasterLeft);
        await _service.StopAsync(default).WaitAsync(Patience);

        Assert.Equal("INSTANCE \"V\" BACKUP 100\nINSTANCE \"V\" MASTER 100\n", await reader.ReadToEndAsync().WaitAsync(Patience));
        Assert.Empty(_folder.GetFiles());
    }

    private sealed class Lifetime : IHostApplicationLifetime, IDisposable
    {
        private readonly CancellationTokenSource _stopping = new();

        public CancellationToken ApplicationStarted => default;

        public CancellationToken ApplicationStopping => _stopping.Token;

        public CancellationToken ApplicationStopped => default;

        public void StopApplication() => _stopping.Cancel();

        public void Dispose() => _stopping.Dispose();
    }
}
