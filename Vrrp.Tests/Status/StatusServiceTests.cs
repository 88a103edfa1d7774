using System.Net.Sockets;
using System.Text;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Vrrp.Daemon.Hosting;
using Vrrp.Daemon.Ipvs;
using Vrrp.Daemon.Status;

namespace Vrrp.Tests.Status;

/// <summary>The socket's life, and what those who connect can and cannot do.</summary>
public sealed class StatusServiceTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("vrrp-status-test-");
    private readonly HeldTime _time = new();

    private string SocketPath => Path.Combine(_folder.FullName, "test.sock");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public async Task It_answers_what_is_known_and_refuses_the_rest()
    {
        using var service = await StartAsync();
        Assert.Equal(("200", "{\"document\":1}"), await GetAsync("GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\n"));
        Assert.Equal(("404", "{\"error\":\"there is /v1/status\"}"), await GetAsync("GET /v1/none HTTP/1.1\r\n\r\n"));
        Assert.Equal("405", (await GetAsync("DELETE /v1/status HTTP/1.1\r\n\r\n")).Status);
        Assert.Equal("431", (await GetAsync(new string('x', StatusRequest.MaximumLength))).Status);
        Assert.Equal("200", (await GetAsync("GET /v1/status HTTP/1.0\r\n\r\n")).Status);
        await service.StopAsync(default);
        Assert.False(File.Exists(SocketPath));
    }

    [Fact]
    public async Task Only_the_owner_may_connect()
    {
        using var service = await StartAsync();
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(SocketPath));
    }

    [Fact]
    public async Task A_socket_that_a_killed_process_left_is_replaced()
    {
        Leave(SocketPath);
        using var service = await StartAsync();
        Assert.Equal("200", (await GetAsync("GET /v1/status HTTP/1.1\r\n\r\n")).Status);
    }

    [Fact]
    public async Task A_socket_of_a_living_process_is_left_to_it()
    {
        using var first = await StartAsync();
        var log = new Warnings();
        using (var second = await StartAsync(log: log))
            Assert.Equal($"status is not served at {SocketPath}: another process serves {SocketPath}", Assert.Single(log.Lines));
        Assert.Equal("200", (await GetAsync("GET /v1/status HTTP/1.1\r\n\r\n")).Status);
    }

    /// <summary>Both may have found that the one there was left; who comes second must not remove what the first has made since.</summary>
    [Fact]
    public async Task A_socket_that_another_process_is_about_to_replace_is_left_to_it()
    {
        Leave(SocketPath);
        var log = new Warnings();
        using (LockFile.TryTake(StatusSocket.LockOf(SocketPath)))
        using (await StartAsync(log: log))
            Assert.Equal($"status is not served at {SocketPath}: another process serves {SocketPath}", Assert.Single(log.Lines));
        Assert.True(File.Exists(SocketPath));
        using var service = await StartAsync();
        Assert.Equal("200", (await GetAsync("GET /v1/status HTTP/1.1\r\n\r\n")).Status);
        await service.StopAsync(default);
        Assert.Empty(_folder.GetFileSystemInfos());
    }

    [Fact]
    public async Task Of_many_that_start_at_once_one_serves_and_can_be_reached()
    {
        for (int round = 0; round < 20; round++)
        {
            Leave(SocketPath);
            using var start = new Barrier(8);
            var services = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Factory.StartNew(
                () =>
                {
                    var log = new Warnings();
                    start.SignalAndWait();
                    return (Service: StartAsync(log: log).GetAwaiter().GetResult(), Serves: log.Lines.Count == 0);
                },
                TaskCreationOptions.LongRunning)));
            Assert.Single(services, service => service.Serves);
            foreach (var (service, _) in services.Where(service => !service.Serves))
                service.Dispose();
            Assert.Equal("200", (await GetAsync("GET /v1/status HTTP/1.1\r\n\r\n")).Status);
            services.Single(service => service.Serves).Service.Dispose();
            Assert.Empty(_folder.GetFileSystemInfos());
        }
    }

    [Fact]
    public async Task One_whose_queue_is_full_is_alive()
    {
        using var busy = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        busy.Bind(new UnixDomainSocketEndPoint(SocketPath));
        busy.Listen(0);
        using var waiting = await ConnectAsync();
        var log = new Warnings();
        using var service = await StartAsync(log: log);
        Assert.Contains("another process serves", Assert.Single(log.Lines), StringComparison.Ordinal);
        Assert.True(File.Exists(SocketPath));
    }

    [Fact]
    public async Task What_is_no_socket_is_not_touched()
    {
        await File.WriteAllTextAsync(SocketPath, "precious");
        var log = new Warnings();
        using (var service = await StartAsync(log: log))
            Assert.Contains("exists and is no socket", Assert.Single(log.Lines), StringComparison.Ordinal);
        Assert.Equal("precious", await File.ReadAllTextAsync(SocketPath));
    }

    [Fact]
    public async Task A_directory_that_others_may_write_to_is_refused_by_both_sides()
    {
        File.SetUnixFileMode(_folder.FullName, (UnixFileMode)Convert.ToInt32("1777", 8));
        var log = new Warnings();
        using (var service = await StartAsync(log: log))
            Assert.Contains($"others may write to {_folder.FullName}", Assert.Single(log.Lines), StringComparison.Ordinal);
        Leave(SocketPath);
        Assert.Contains("others may write to", Assert.Throws<IOException>(() => Ask()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_name_too_long_for_a_socket_is_said_so()
    {
        var log = new Warnings();
        using var service = await StartAsync(Path.Combine(_folder.FullName, new string('n', 120)), log);
        Assert.Contains("107 characters", Assert.Single(log.Lines), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_client_gets_the_document_or_is_told_why_not()
    {
        Assert.Equal($"no vrrp runs that serves {SocketPath}", Assert.Throws<IOException>(() => Ask()).Message);
        Leave(SocketPath);
        Assert.Equal($"the vrrp that served {SocketPath} is gone", Assert.Throws<IOException>(() => Ask()).Message);

        var answers = new Queue<Func<Task<DirectorSnapshot>>>(
        [
            () => Task.FromResult(new DirectorSnapshot([StatusSamples.WebStatus], "no table")),
            () => throw new TimeoutException("the director is busy"),
        ]);
        using var service = await StartAsync(documents: Documents(() => answers.Dequeue()()));
        var report = Ask();
        Assert.Equal("no table", report.Problem);
        Assert.Equal(Environment.ProcessId, report.ProcessId);
        Assert.Equal(3, report.VirtualServers[0].RealServers.Length);
        _time.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(
            $"the vrrp at {SocketPath} answers: the director is busy and has not answered in time", Assert.Throws<IOException>(() => Ask()).Message);
    }

    [Fact]
    public async Task Those_who_say_nothing_cannot_keep_others_out_for_long()
    {
        using var service = await StartAsync();
        var silent = new List<Socket>();
        try
        {
            for (int i = 0; i < 16; i++)
                silent.Add(await ConnectAsync());
            var waiting = GetAsync("GET /v1/status HTTP/1.1\r\n\r\n");
            // Each of them has its own time limit, which begins when it is taken.
            await _time.WaitForTimersAsync(16);
            Assert.False(waiting.IsCompleted);
            _time.Advance(StatusService.TimeLimit);
            Assert.Equal("200", (await waiting.WaitAsync(Patience)).Status);
            foreach (var socket in silent)
                Assert.Equal(0, await socket.ReceiveAsync(new byte[1]).WaitAsync(Patience));
        }
        finally
        {
            silent.ForEach(socket => socket.Dispose());
        }
    }

    [Fact]
    public async Task One_who_does_not_read_is_cut_off()
    {
        using var service = await StartAsync(documents: new() { ["/v1/status"] = () => Task.FromResult(new byte[16 * 1024 * 1024]) });
        using var socket = await ConnectAsync();
        await socket.SendAsync("GET /v1/status HTTP/1.1\r\n\r\n"u8.ToArray());
        // The first octet has come: the answer is under way, and does not fit into any buffer.
        Assert.Equal(1, await socket.ReceiveAsync(new byte[1]).WaitAsync(Patience));
        _time.Advance(StatusService.TimeLimit);
        long total = 1;
        int count;
        byte[] buffer = new byte[65536];
        while ((count = await socket.ReceiveAsync(buffer).WaitAsync(Patience)) > 0)
            total += count;
        Assert.InRange(total, 1, 15 * 1024 * 1024);
    }

    [Fact]
    public async Task A_document_is_made_once_for_all_who_ask_at_a_time_and_takes_a_twentieth_of_it()
    {
        int made = 0;
        var gate = new TaskCompletionSource();
        var document = new StatusDocument(
            async () =>
            {
                await gate.Task;
                _time.Advance(TimeSpan.FromMilliseconds(30));
                return [(byte)Interlocked.Increment(ref made)];
            },
            _time);
        var asked = Enumerable.Range(0, 100).Select(_ => document.GetAsync()).ToArray();
        gate.SetResult();
        foreach (var answer in asked)
            Assert.Equal([1], await answer.WaitAsync(Patience));
        _time.Advance(TimeSpan.FromMilliseconds(599));
        Assert.Equal([1], await document.GetAsync());
        _time.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Equal([2], await document.GetAsync());
    }

    [Fact]
    public async Task A_document_that_was_slow_to_make_stands_for_a_second_at_most()
    {
        byte made = 0;
        var document = new StatusDocument(
            () =>
            {
                _time.Advance(TimeSpan.FromSeconds(5));
                return Task.FromResult<byte[]>([++made]);
            },
            _time);
        Assert.Equal([1], await document.GetAsync());
        _time.Advance(TimeSpan.FromMilliseconds(999));
        Assert.Equal([1], await document.GetAsync());
        _time.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Equal([2], await document.GetAsync());
    }

    [Fact]
    public async Task A_document_that_failed_is_made_again()
    {
        int attempts = 0;
        var document = new StatusDocument(() => ++attempts == 1 ? throw new TimeoutException() : Task.FromResult<byte[]>([7]), _time);
        await Assert.ThrowsAsync<TimeoutException>(() => document.GetAsync());
        Assert.Equal([7], await document.GetAsync());
    }

    [Fact]
    public async Task Mail_is_in_the_status_while_there_is_any()
    {
        Daemon.Notifications.AlertQueueReport? mail = null;
        var create = StatusDocuments.Create(new() { ConfigurationPath = "test.conf" }, () => [], () => Task.FromResult(DirectorSnapshot.Empty), () => mail, _time)[StatusDocuments.Status];
        Assert.EndsWith(",\"mail\":null}", Encoding.UTF8.GetString(await create()), StringComparison.Ordinal);

        mail = new()
        {
            Waiting = 3, Unanswered = 1, HeldBack = 96, Delivered = 5, GivenUp = 2, LastDelivery = null, LastError = "mx:25: connection refused", LastErrorTime = DateTimeOffset.UnixEpoch, Problem = "mx:25 connect",
        };
        Assert.EndsWith(
            """
            ,"mail":{"waiting":3,"unanswered":1,"heldBack":96,"delivered":5,"givenUp":2,"lastDelivery":null,"lastError":"mx:25: connection refused","lastErrorTime":"1970-01-01T00:00:00+00:00"}}
            """,
            Encoding.UTF8.GetString(await create()),
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_a_path_nothing_is_served()
    {
        using var service = new StatusService(new() { ConfigurationPath = "test.conf" }, Documents(() => Task.FromResult(DirectorSnapshot.Empty)), _time, NullLogger<StatusService>.Instance);
        await service.StartAsync(default);
        await service.StopAsync(default);
        Assert.Empty(_folder.GetFileSystemInfos());
    }

    private static Dictionary<string, Func<Task<byte[]>>> Documents(Func<Task<DirectorSnapshot>> director) =>
        StatusDocuments.Create(new() { ConfigurationPath = "test.conf" }, () => [], director, () => null, TimeProvider.System);

    private DirectorReport Ask() => StatusClient.Get(SocketPath, StatusDocuments.Ipvs, StatusJson.Compact.DirectorReport);

    private async Task<StatusService> StartAsync(string? path = null, Warnings? log = null, Dictionary<string, Func<Task<byte[]>>>? documents = null)
    {
        var service = new StatusService(
            new DaemonRun { ConfigurationPath = "test.conf", StatusSocketPath = path ?? SocketPath },
            documents ?? new() { ["/v1/status"] = () => Task.FromResult("{\"document\":1}"u8.ToArray()) },
            _time,
            log ?? (ILogger<StatusService>)NullLogger<StatusService>.Instance);
        await service.StartAsync(default);
        return service;
    }

    private async Task<Socket> ConnectAsync()
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint(SocketPath));
        return socket;
    }

    private async Task<(string Status, string Body)> GetAsync(string request)
    {
        using var socket = await ConnectAsync();
        await socket.SendAsync(Encoding.ASCII.GetBytes(request));
        using var answer = new MemoryStream();
        byte[] buffer = new byte[4096];
        int count;
        while ((count = await socket.ReceiveAsync(buffer).WaitAsync(Patience)) > 0)
            answer.Write(buffer, 0, count);
        string text = Encoding.UTF8.GetString(answer.ToArray());
        int body = text.IndexOf("\r\n\r\n", StringComparison.Ordinal) + 4;
        Assert.Contains($"Content-Length: {text.Length - body}\r\n", text, StringComparison.Ordinal);
        return (text.Split(' ')[1], text[body..]);
    }

    /// <summary>As a process leaves its socket that is killed: renamed, it is not the one that the framework removes.</summary>
    private static void Leave(string path)
    {
        using (var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
        {
            socket.Bind(new UnixDomainSocketEndPoint(path + ".living"));
            socket.Listen();
            File.Move(path + ".living", path);
        }

        Assert.True(File.Exists(path));
    }

    private sealed class Warnings : ILogger<StatusService>
    {
        public List<string> Lines { get; } = [];

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            Assert.Equal(LogLevel.Warning, logLevel);
            lock (Lines)
                Lines.Add(formatter(state, exception));
        }
    }

    /// <summary>Time that stands still until it is advanced.</summary>
    private sealed class HeldTime : TimeProvider
    {
        private readonly Lock _lock = new();
        private readonly List<Timer> _timers = [];
        private readonly List<(int Count, TaskCompletionSource Reached)> _waiting = [];
        private long _ticks;
        private int _created;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => Volatile.Read(ref _ticks);

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            var timer = new Timer(() => callback(state));
            lock (_lock)
            {
                timer.Due = dueTime == Timeout.InfiniteTimeSpan ? long.MaxValue : _ticks + dueTime.Ticks;
                _timers.Add(timer);
                _created++;
                foreach (var (count, reached) in _waiting)
                {
                    if (_created >= count)
                        reached.TrySetResult();
                }
            }

            return timer;
        }

        public void Advance(TimeSpan time)
        {
            Timer[] due;
            lock (_lock)
            {
                _ticks += time.Ticks;
                due = [.. _timers.Where(timer => timer.Due <= _ticks)];
                foreach (var timer in due)
                    timer.Due = long.MaxValue;
            }

            foreach (var timer in due)
                timer.Fire();
        }

        /// <summary>Waits until so many timers have ever been made.</summary>
        public Task WaitForTimersAsync(int count)
        {
            var reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            lock (_lock)
            {
                _waiting.Add((count, reached));
                if (_created >= count)
                    reached.TrySetResult();
            }

            return reached.Task.WaitAsync(Patience);
        }

        private sealed class Timer(Action fire) : ITimer
        {
            public long Due { get; set; }

            public void Fire() => fire();

            public bool Change(TimeSpan dueTime, TimeSpan period) => false;

            public void Dispose() => Due = long.MaxValue;

            public ValueTask DisposeAsync()
            {
                Dispose();
                return ValueTask.CompletedTask;
            }
        }
    }
}
