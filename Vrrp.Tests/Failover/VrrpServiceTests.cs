using System.Collections.Concurrent;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Vrrp.Daemon.Configuration.Model;
using Vrrp.Daemon.Failover;
using Vrrp.Daemon.Hosting;
using Vrrp.Linux;
using Vrrp.Tests.Engine;
using static Vrrp.Tests.Configuration.ConfigurationTesting;

namespace Vrrp.Tests.Failover;

/// <summary>The service on a host that is not real: what it leaves behind, and what it refuses.</summary>
public class VrrpServiceTests
{
    private const string Owner = "state MASTER\npriority 255";
    private const int AppliedEvent = 17;
    private readonly RecordingPlatform _platform = new();
    private readonly Events _events = new();

    public VrrpServiceTests() => _platform.AddInterface(1, "eth0", "10.0.0.9");

    private VrrpService Create(DaemonConfig config) => new(
        config, new DaemonRun { ConfigurationPath = "test.conf" }, new NotificationLogger(NullLogger<NotificationLogger>.Instance), new Lifetime(), _events)
    {
        Platform = _platform.Kernel,
    };

    private string[] Addresses() => [.. _platform.Kernel.Interface("eth0").Addresses.Select(at => at.Address.ToString())];

    [Fact]
    public async Task A_start_that_fails_takes_its_addresses_back()
    {
        var before = Addresses();
        var service = Create(Config(InstanceText(Owner)));
        _events.Happens = id =>
        {
            if (id == AppliedEvent)
                throw new IOException("something at the end of the start");
        };

        await Assert.ThrowsAsync<IOException>(() => service.StartAsync(default));
        Assert.Contains(_platform.Log, line => line.StartsWith("+10.0.0.1", StringComparison.Ordinal));
        Assert.Equal(before, Addresses());
    }

    [Fact]
    public async Task A_start_that_is_interrupted_ends_as_cancelled_and_leaves_nothing()
    {
        var before = Addresses();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Create(Config(InstanceText(Owner))).StartAsync(new(canceled: true)));
        Assert.Equal(before, Addresses());
    }

    [Fact]
    public async Task A_reload_that_cannot_run_changes_nothing_and_the_next_one_is_applied()
    {
        var service = Create(Config(InstanceText("")));
        await service.StartAsync(default);
        // A host-dependent conflict: both turn out to be on eth0.
        var good = Config(InstanceText("priority 90"));
        var bad = good with
        {
            Instances = [good.Instances[0], good.Instances[0] with { Name = "W" }],
            StaticAddresses = [new() { Address = VirtualAddress.Host(IPAddressValue.Parse("10.0.0.77")) with { Interface = "eth0" } }],
        };

        await Assert.ThrowsAsync<ArgumentException>(() => service.ApplyAsync(bad, TimeSpan.Zero, default));
        Assert.DoesNotContain(_platform.Log, line => line.Contains("10.0.0.77", StringComparison.Ordinal));
        await service.ApplyAsync(good, TimeSpan.Zero, default);
        await service.LogStatusAsync();
        Assert.Equal("(V) is BACKUP: no Master heard yet (own priority 90)", _events.Texts.Last());
        await service.StopAsync(new(canceled: true));
    }

    [Fact]
    public async Task Reloads_hold_on_to_nothing_of_those_before()
    {
        const int Reloads = 200;
        var service = Create(Config(InstanceText(Owner)));
        await service.StartAsync(default);
        var addresses = new List<WeakReference>();
        for (int i = 1; i <= Reloads; i++)
            addresses.Add(await ReloadAsync(service, i));

        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect();
        // The last one runs, and some before may still be on somebody's stack.
        Assert.InRange(addresses.Count(address => address.IsAlive), 1, 10);
        Assert.Equal(3, Addresses().Length);
        await service.StopAsync(new(canceled: true));
    }

    /// <summary>A reload that gives the router one address and takes that of the reload before.</summary>
    private static async Task<WeakReference> ReloadAsync(VrrpService service, int number)
    {
        var config = Config(InstanceText($"{Owner}\nvirtual_ipaddress_excluded {{\n10.0.1.{number}\n}}"));
        await service.ApplyAsync(config, TimeSpan.Zero, default);
        return new(config.Instances[0].ExcludedAddresses[0]);
    }

    [Fact]
    public async Task Without_a_peer_it_is_in_fault_when_told_so_and_serves_again_when_not()
    {
        const string Told = Owner + "\nunicast_peer {\n}\nunicast_fault_no_peer";
        var service = Create(Config(InstanceText(Told)));
        await service.StartAsync(default);
        await service.LogStatusAsync();
        Assert.StartsWith("(V) is FAULT", _events.Texts.Last(), StringComparison.Ordinal);

        await service.ApplyAsync(Config(InstanceText(Owner)), TimeSpan.Zero, default);
        await service.LogStatusAsync();
        Assert.StartsWith("(V) is MASTER: serving (own priority 255)", _events.Texts.Last(), StringComparison.Ordinal);
        await service.StopAsync(new(canceled: true));
    }

    [Theory]
    [InlineData("set real-time priority 50 (CAP_SYS_NICE is missing)", "vrrp_rt_priority")]
    [InlineData("set nice -20 (CAP_SYS_NICE is missing)", "vrrp_priority")]
    [InlineData("lock memory (CAP_IPC_LOCK is missing)", "vrrp_no_swap")]
    [InlineData("set RLIMIT_RTTIME", "vrrp_rlimit_rttime")]
    public void A_refused_setting_names_its_keyword(string operation, string keyword) =>
        Assert.Equal(keyword, SchedulingText.Keyword(new LinuxException(operation, 1)));

    [Fact]
    public void A_limit_on_locked_memory_names_the_capability_that_lifts_it()
    {
        const int ENOMEM = 12;
        Assert.Contains("CAP_IPC_LOCK", SchedulingText.Reason(new LinuxException("lock memory", ENOMEM)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_refused_setting_is_a_warning_and_not_the_end()
    {
        // No machine has this processor, whatever the rights of the test are.
        var service = Create(Config(InstanceText("", "vrrp_cpu_affinity 1023")));
        await service.StartAsync(default);

        Assert.Contains(_events.Texts, text => text.StartsWith("vrrp_cpu_affinity has no effect: Cannot bind the thread to processors", StringComparison.Ordinal));
        await service.StopAsync(new(canceled: true));
    }

    [Fact]
    public async Task Where_there_never_was_a_virtual_router_nothing_is_said_of_one()
    {
        var service = Create(Load("").Config!);
        await service.StartAsync(default);
        await service.StopAsync(new(canceled: true));
        Assert.Equal(["stopped"], _events.Texts.Where(IsOfRouters));
    }

    [Fact]
    public async Task One_virtual_router_is_one_and_none_that_is_left_says_no_goodbye()
    {
        var service = Create(Config(InstanceText("")));
        await service.StartAsync(default);
        await service.ApplyAsync(Load("").Config!, TimeSpan.Zero, default);
        await service.StopAsync(new(canceled: true));
        Assert.Equal(["running 1 virtual router of /etc/test.conf", "running 0 virtual routers of /etc/test.conf", "stopped"], _events.Texts.Where(IsOfRouters));
    }

    // What it says of the machine does not matter here.
    private static bool IsOfRouters(string text) =>
        text.Contains("running", StringComparison.Ordinal) || text.StartsWith("stop", StringComparison.Ordinal);

    private sealed class Events : ILogger<VrrpService>
    {
        public ConcurrentQueue<string> Texts { get; } = new();

        public Action<int> Happens { get; set; } = _ => { };

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            Texts.Enqueue(formatter(state, exception));
            Happens(eventId.Id);
        }
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
