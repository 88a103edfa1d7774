using System.Net;
using System.Net.Sockets;
using Vrrp.Daemon.Configuration.Model;
using Vrrp.Daemon.HealthChecks;
using Vrrp.Linux;

namespace Vrrp.Tests.HealthChecks;

/// <summary>Connections that are made, refused, never answered and given up, on the one thread of the checks.</summary>
public sealed class CheckLoopTests : IDisposable
{
    private static readonly TimeSpan Patient = TimeSpan.FromSeconds(60);

    private readonly CheckLoop _loop = new();
    private readonly Socket _listener = Listen(4096);

    public void Dispose()
    {
        _loop.Dispose();
        _listener.Dispose();
    }

    private static Socket Listen(int backlog)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        socket.Listen(backlog);
        return socket;
    }

    private static TcpCheck Check(Socket listener, TimeSpan limit) => new()
    {
        Address = IPAddressValue.Parse("127.0.0.1"),
        Port = (ushort)((IPEndPoint)listener.LocalEndPoint!).Port,
        ConnectTimeout = limit,
    };

    private async Task<CheckResult> ConnectAsync(TcpCheck check, CancellationToken token = default)
    {
        Task<CheckResult> result = new TcpChecker(check, _loop).CheckAsync(token);
        Task ended = result.WaitAsync(Patient, TimeProvider.System, default);
        // The test is not to go on on the thread of the loop, which it ends.
        await ended.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        Assert.True(result.IsCompleted, "no answer");
        return await result;
    }

    /// <summary>A listener whose queue is full: the kernel answers nobody any more.</summary>
    private static async Task<(Socket Listener, Socket Filler)> SilentAsync()
    {
        var listener = Listen(0);
        var filler = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await filler.ConnectAsync(listener.LocalEndPoint!);
        return (listener, filler);
    }

    /// <summary>Runs something on the thread of the loop.</summary>
    private async Task OnLoopAsync(Action action)
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var timer = _loop.CreateTimer(
            _ =>
            {
                action();
                done.SetResult();
            },
            null,
            TimeSpan.Zero,
            Timeout.InfiniteTimeSpan);
        await done.Task.WaitAsync(Patient);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Thousands_of_connections_are_made_at_once(bool fromLoop)
    {
        const int Count = 2000;
        Task<CheckResult>[] results = [];
        void Start() => results = [.. Enumerable.Range(0, Count).Select(_ => ConnectAsync(Check(_listener, Patient)))];
        if (fromLoop)
            await OnLoopAsync(Start);
        else
            Start();
        Assert.All(await Task.WhenAll(results), result => Assert.Equal(CheckResult.Success, result));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Nobody_listens(bool fromLoop)
    {
        // Taken, so that no other test listens there either.
        using var silent = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        silent.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        var check = Check(silent, Patient);
        Task<CheckResult>? result = null;
        void Start() => result = ConnectAsync(check);
        if (fromLoop)
            await OnLoopAsync(Start);
        else
            Start();
        Assert.Equal(CheckResult.Failure("connection refused"), await result!);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Who_never_answers_has_its_time_and_delays_no_other(bool fromLoop)
    {
        var (silent, filler) = await SilentAsync();
        using (silent)
        using (filler)
        {
            Task<CheckResult>[] hanging = [];
            Task<CheckResult>? limited = null, answered = null;
            void Start()
            {
                hanging = [.. Enumerable.Range(0, 700).Select(_ => ConnectAsync(Check(silent, TimeSpan.FromHours(1))))];
                limited = ConnectAsync(Check(silent, TimeSpan.FromMilliseconds(50)));
                answered = ConnectAsync(Check(_listener, Patient));
            }

            if (fromLoop)
                await OnLoopAsync(Start);
            else
                Start();
            Assert.Equal(CheckResult.Success, await answered!);
            Assert.Equal(CheckResult.Failure("connecting took longer than 0.05 s"), await limited!);
            Assert.DoesNotContain(hanging, task => task.IsCompleted);
            _loop.Dispose();
            foreach (var task in hanging)
                await Assert.ThrowsAnyAsync<OperationCanceledException>(() => task);
        }
    }

    [Fact]
    public async Task What_was_connected_in_time_counts_although_the_process_stood_still_meanwhile()
    {
        using var standing = new ManualResetEventSlim();
        using var released = new ManualResetEventSlim();
        var stall = OnLoopAsync(() =>
        {
            standing.Set();
            released.Wait();
        });
        standing.Wait();
        var limit = TimeSpan.FromMilliseconds(1);
        var results = Enumerable.Range(0, 200).Select(_ => ConnectAsync(Check(_listener, limit))).ToArray();
        var over = MonotonicClock.Now + limit;
        SpinWait.SpinUntil(() => MonotonicClock.Now > over);
        released.Set();
        await stall;
        Assert.All(await Task.WhenAll(results), result => Assert.Equal(CheckResult.Success, result));
    }

    [Fact]
    public async Task An_attempt_that_is_given_up_ends_at_once_and_leaves_no_socket()
    {
        var (silent, filler) = await SilentAsync();
        using (silent)
        using (filler)
        {
            using var end = new CancellationTokenSource();
            var given = Enumerable.Range(0, 20).Select(_ => ConnectAsync(Check(silent, TimeSpan.FromHours(1)), end.Token)).ToArray();
            int port = ((IPEndPoint)silent.LocalEndPoint!).Port;
            await UntilAsync(20);
            await end.CancelAsync();
            foreach (var task in given)
                await Assert.ThrowsAnyAsync<OperationCanceledException>(() => task);
            await UntilAsync(0);

            // The kernel's list is not read in one piece: while others come and go it may miss one.
            async Task UntilAsync(int count)
            {
                using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
                while (SocketsTo(port, "02") != count)
                    await Task.Delay(10, limit.Token);
            }
        }
    }

    [Fact]
    public async Task A_check_comes_from_the_address_it_is_bound_to()
    {
        var accepted = _listener.AcceptAsync();
        Assert.Equal(CheckResult.Success, await ConnectAsync(Check(_listener, Patient) with { BindAddress = IPAddressValue.Parse("127.0.0.9") }));
        using var connection = await accepted.WaitAsync(Patient);
        Assert.Equal(IPAddress.Parse("127.0.0.9"), ((IPEndPoint)connection.RemoteEndPoint!).Address);
        Assert.Equal(
            CheckResult.Failure("the address to connect from is not on this host"),
            await ConnectAsync(Check(_listener, Patient) with { BindAddress = IPAddressValue.Parse("192.0.2.77") }));
    }

    /// <summary>Of this network namespace, those in a state (02: asking for a connection) with that port at the other end.</summary>
    private static int SocketsTo(int port, string state) => File.ReadLines("/proc/net/tcp").Skip(1)
        .Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        .Count(fields => fields[2].EndsWith($":{port:X4}", StringComparison.Ordinal) && fields[3] == state);
}
