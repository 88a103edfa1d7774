using System.Collections.Concurrent;
using Microsoft.Extensions.Logging.Abstractions;
using Vrrp.Daemon.Configuration.Model;
using Vrrp.Daemon.HealthChecks;
using Vrrp.Daemon.Ipvs;

namespace Vrrp.Tests.HealthChecks;

/// <summary>The rhythm of many checks, in time that a test moves.</summary>
#pragma warning disable CA1001 // xunit calls DisposeAsync of IAsyncLifetime.
public sealed class HealthCheckServiceTests : IAsyncLifetime
#pragma warning restore CA1001
{
    private readonly ManualTime _time = new();
    private readonly ConcurrentDictionary<int, int> _probes = [];
    private readonly ConcurrentQueue<(int Server, HealthState State, bool IsNews)> _told = [];
    private readonly HealthCheckService _service;
    private Func<int, CancellationToken, Task<CheckResult>> _probe = (_, _) => Task.FromResult(CheckResult.Success);

    public HealthCheckServiceTests()
    {
        _service = new(check => new Probe(this, check), _time, new Random(7), NullLogger<HealthCheckService>.Instance)
        {
            Probed = (id, _, state, isNews) => _told.Enqueue((Number(id), state, isNews)),
        };
    }

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync() => await _service.DisposeAsync();

    private static TcpCheck Check(int server, int interval = 10) => new()
    {
        Address = Address(server),
        Port = 80,
        Interval = TimeSpan.FromSeconds(interval),
        WarmUp = TimeSpan.FromSeconds(interval),
        Retries = 2,
        RetryDelay = TimeSpan.FromSeconds(1),
    };

    private static IPAddressValue Address(int server) => IPAddressValue.Parse($"10.{server >> 16}.{(server >> 8) & 255}.{server & 255}");

    private static CheckId Id(int server) => new("web", new(Address(server), 80), 0);

    private static int Number(CheckId id)
    {
        Span<byte> octets = stackalloc byte[4];
        id.RealServer.Address.Write(octets);
        return (octets[1] << 16) | (octets[2] << 8) | octets[3];
    }

    private void Configure(params TcpCheck[] checks) =>
        _service.Configure([.. checks.Select(check => (new CheckId("web", new(check.Address, 80), 0), (HealthCheck)check))]);

    private int Probes(int server) => _probes.GetValueOrDefault(server);

    [Fact]
    public void First_checks_are_spread_over_the_warm_up_and_none_is_forgotten()
    {
        const int Count = 3000;
        Configure([.. Enumerable.Range(0, Count).Select(server => Check(server))]);
        Assert.Empty(_probes);
        _time.Advance(TimeSpan.FromSeconds(1));
        int before = 0;
        for (int second = 0; second < 10; second++)
        {
            _time.Advance(TimeSpan.FromSeconds(1));
            Assert.InRange(_probes.Count - before, Count / 20, Count / 5);
            before = _probes.Count;
        }

        Assert.Equal(Count, _probes.Count);
    }

    [Fact]
    public void A_target_that_hangs_delays_no_other()
    {
        const int Count = 2000;
        var never = new TaskCompletionSource<CheckResult>();
        _probe = (server, token) => server % 2 == 0 ? never.Task.WaitAsync(token) : Task.FromResult(CheckResult.Success);
        Configure([.. Enumerable.Range(0, Count).Select(server => Check(server))]);
        _time.Advance(TimeSpan.FromSeconds(41));

        for (int server = 1; server < Count; server += 2)
            Assert.InRange(Probes(server), 4, 5);
        for (int server = 0; server < Count; server += 2)
            Assert.Equal(1, Probes(server));
    }

    [Fact]
    public void Failures_are_repeated_soon_and_then_come_at_the_interval()
    {
        Configure(Check(1) with { WarmUp = TimeSpan.Zero });
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.True(_service.Find(Id(1))!.Value.IsUp);
        _probe = (_, _) => Task.FromResult(CheckResult.Failure("refused"));
        _time.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal((true, 1), (_service.Find(Id(1))!.Value.IsUp, _service.Find(Id(1))!.Value.Failures));
        _time.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal((false, 3), (_service.Find(Id(1))!.Value.IsUp, _service.Find(Id(1))!.Value.Failures));
        Assert.Equal("refused", _service.Find(Id(1))!.Value.LastError);
        _time.Advance(TimeSpan.FromSeconds(9));
        Assert.Equal(4, Probes(1));
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(5, Probes(1));
        Assert.Equal([true, false, false, true, false], _told.Select(told => told.IsNews));
    }

    [Fact]
    public void A_check_that_is_as_it_was_goes_on_and_another_begins_anew()
    {
        Configure(Check(1), Check(2));
        _time.Advance(TimeSpan.FromSeconds(11));
        Assert.Equal((1, 1), (Probes(1), Probes(2)));
        Configure(Check(1), Check(2) with { Port = 81 }, Check(3));
        Assert.True(_service.Find(Id(1))!.Value.HasResult);
        Assert.False(_service.Find(Id(2))!.Value.HasResult);
        _time.Advance(TimeSpan.FromSeconds(11));
        Assert.Equal((2, 2, 1), (Probes(1), Probes(2), Probes(3)));
        Configure(Check(3));
        _time.Advance(TimeSpan.FromSeconds(100));
        Assert.Equal((2, 2), (Probes(1), Probes(2)));
        Assert.Null(_service.Find(Id(1)));
    }

    [Fact]
    public void A_checker_that_fails_in_itself_leaves_its_server_down()
    {
        _probe = (_, _) => throw new InvalidOperationException("a mistake of ours");
        Configure(Check(1));
        _time.Advance(TimeSpan.FromSeconds(11));

        var told = Assert.Single(_told);
        Assert.Equal((false, true, "the checker itself failed: a mistake of ours"), (told.State.IsUp, told.IsNews, told.State.LastError));
    }

    [Fact]
    public async Task The_end_waits_for_all_checks_and_lets_none_go_on()
    {
        int running = 0;
        _probe = async (_, token) =>
        {
            Interlocked.Increment(ref running);
            try
            {
                await Task.Delay(Timeout.Infinite, token);
            }
            finally
            {
                Interlocked.Decrement(ref running);
            }

            return CheckResult.Success;
        };
        Configure([.. Enumerable.Range(0, 100).Select(server => Check(server))]);
        _time.Advance(TimeSpan.FromSeconds(11));
        Assert.Equal(100, running);
        await _service.DisposeAsync();

        Assert.Equal(0, running);
        Assert.Empty(_told);
    }

    private sealed class Probe(HealthCheckServiceTests owner, HealthCheck check) : IHealthChecker
    {
        private readonly int _server = Number(new("", new(((NetworkCheck)check).Address, 0), 0));

        public Task<CheckResult> CheckAsync(CancellationToken cancellationToken)
        {
            owner._probes.AddOrUpdate(_server, 1, (_, count) => count + 1);
            return owner._probe(_server, cancellationToken);
        }
    }
}
