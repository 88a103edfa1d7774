using System.Text;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Vrrp.Daemon.Configuration.Model;
using Vrrp.Daemon.Notifications;
using Vrrp.Daemon.Tracking;
using Vrrp.Tests.HealthChecks;

namespace Vrrp.Tests.Notifications;

/// <summary>Pipes of the kernel, with scripts that end when the test says so.</summary>
public sealed class NotifyPipeTests : IAsyncLifetime
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("vrrp-pipe-test-");
    private readonly ManualTime _time = new();
    private readonly Channel<(string Command, TaskCompletionSource<ScriptResult> End, CancellationToken Cancelled)> _started =
        Channel.CreateUnbounded<(string, TaskCompletionSource<ScriptResult>, CancellationToken)>();
    private readonly Lines _log = new();
    private readonly List<NotifyPipe> _pipes = [];

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        foreach (var pipe in _pipes)
            await pipe.CloseAsync(new(canceled: true));
        _folder.Delete(recursive: true);
    }

    private string PathOf(string name) => Path.Combine(_folder.FullName, name);

    private NotifyPipe Open(string name, ScriptCommand? script = null, string? user = null)
    {
        var pipe = new NotifyPipe(new(NotifyFifoKind.All, PathOf(name), user, null, script), RunAsync, _time, _log);
        _pipes.Add(pipe);
        pipe.Open();
        return pipe;
    }

    private Task<ScriptResult> RunAsync(
        ScriptCommand command, IReadOnlyList<string> arguments, IReadOnlyList<string> variables, TimeSpan timeout, CancellationToken cancellationToken)
    {
        Assert.Equal(Timeout.InfiniteTimeSpan, timeout);
        var end = new TaskCompletionSource<ScriptResult>(TaskCreationOptions.RunContinuationsAsynchronously);
        cancellationToken.Register(() => end.TrySetCanceled(cancellationToken));
        _started.Writer.TryWrite((string.Join(' ', [command.CommandLine, .. arguments]), end, cancellationToken));
        return end.Task;
    }

    private static async Task<string> ReadLinesAsync(StreamReader reader, int count)
    {
        var lines = new StringBuilder();
        for (int i = 0; i < count; i++)
            lines.Append(await reader.ReadLineAsync().WaitAsync(Patience)).Append('\n');
        return lines.ToString();
    }

    [Fact]
    public async Task Lines_that_come_before_it_is_open_are_kept()
    {
        var pipe = new NotifyPipe(new(NotifyFifoKind.All, PathOf("p"), null, null, null), RunAsync, _time, _log);
        _pipes.Add(pipe);
        pipe.Write("A", "A 1\n");
        pipe.Write("B", "B 1\n");
        pipe.Write("A", "A 2\n");
        pipe.Open();
        pipe.Write("A", "A 3\n");

        using var reader = new StreamReader(PathOf("p"));
        Assert.Equal("B 1\nA 2\nA 3\n", await ReadLinesAsync(reader, 3));
        // The look for it; nothing is owed.
        Assert.Equal(1, _time.TimerCount);
    }

    [Fact]
    public async Task One_that_is_closed_before_it_is_open_leaves_nothing()
    {
        var pipe = new NotifyPipe(new(NotifyFifoKind.All, PathOf("p"), null, null, null), RunAsync, _time, _log);
        await pipe.CloseAsync(default);
        pipe.Open();

        Assert.Empty(_folder.GetFiles());
    }

    [Fact]
    public async Task A_pipe_is_made_for_its_owner_alone_holds_lines_for_a_reader_that_comes_later_and_goes_with_us()
    {
        string path = PathOf("a");
        var pipe = Open("a");
        Assert.True(ScriptSecurity.TryStat(path, follow: false, out _, out ushort mode));
        Assert.Equal(0x1000 | 0x180, mode);
        pipe.Write("I V", "INSTANCE \"V\" BACKUP 100\n");
        pipe.Write("I V", "INSTANCE \"V\" MASTER 100\n");

        using var reader = new StreamReader(path);
        Assert.Equal("INSTANCE \"V\" BACKUP 100\nINSTANCE \"V\" MASTER 100\n", await ReadLinesAsync(reader, 2));
        pipe.Write("I V", "INSTANCE \"V\" STOP 100\n");
        await pipe.CloseAsync(default);
        Assert.Equal("INSTANCE \"V\" STOP 100\n", await reader.ReadToEndAsync().WaitAsync(Patience));
        Assert.False(File.Exists(path));
        pipe.Write("I V", "no more\n");
        Assert.Empty(_log.All);
    }

    [Fact]
    public async Task A_pipe_that_was_there_is_used_and_stays_but_nothing_else_is()
    {
        var maker = Open("there");
        string path = PathOf("there");
        var second = Open("there");
        await second.CloseAsync(default);
        Assert.True(File.Exists(path));
        await maker.CloseAsync(default);
        Assert.Empty(_log.All);

        await File.WriteAllTextAsync(PathOf("file"), "kept");
        File.CreateSymbolicLink(PathOf("link"), "/dev/null");
        Open("file", new("/script")).Write("V", "line\n");
        Open("link");
        Open("no/such/folder");
        Open("owner", user: "no-such-user");

        Assert.Equal("kept", await File.ReadAllTextAsync(PathOf("file")));
        Assert.False(_started.Reader.TryRead(out _));
        Assert.False(File.Exists(PathOf("owner")));
        Assert.Collection(
            _log.All,
            line => Assert.EndsWith("something is there that is no pipe", line, StringComparison.Ordinal),
            line => Assert.EndsWith("something is there that is no pipe", line, StringComparison.Ordinal),
            line => Assert.Contains("it cannot be made: No such file", line, StringComparison.Ordinal),
            line => Assert.EndsWith("there is no user 'no-such-user'", line, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_pipe_that_is_taken_away_is_made_again_and_its_script_started_anew(bool leavesByItself)
    {
        string path = PathOf("lost");
        var pipe = Open("lost", new("/reader"));
        var first = await _started.Reader.ReadAsync().AsTask().WaitAsync(Patience);
        using var old = new StreamReader(path);
        File.Delete(path);
        pipe.Write("A", "A 1\n");
        _time.Advance(NotifyPipe.LookInterval);
        Assert.True(ScriptSecurity.TryStat(path, follow: false, out _, out ushort mode));
        Assert.Equal(0x1000 | 0x180, mode);
        Assert.Equal($"the pipe {path} was taken away: it is there again, and its script is started anew", Assert.Single(_log.All));
        pipe.Write("A", "A 2\n");

        // Nothing is lost: who had it open finds its end behind the last line.
        Assert.Equal("A 1\n", await old.ReadToEndAsync().WaitAsync(Patience));
        if (leavesByItself)
            first.End.SetResult(new(ScriptEnd.Exited, 0, null));
        else
            _time.Advance(NotifyPipe.LimitAtEnd);
        var second = await _started.Reader.ReadAsync().AsTask().WaitAsync(Patience);
        Assert.Equal(($"/reader {path}", !leavesByItself, false), (second.Command, first.Cancelled.IsCancellationRequested, second.Cancelled.IsCancellationRequested));
        using (var reader = new StreamReader(path))
        {
            Assert.Equal("A 2\n", await ReadLinesAsync(reader, 1));
            _time.Advance(10 * NotifyPipe.LookInterval);
            second.End.SetResult(new(ScriptEnd.Exited, 0, null));
            await pipe.CloseAsync(default).WaitAsync(Patience);
            Assert.Null(await reader.ReadLineAsync().WaitAsync(Patience));
        }

        Assert.False(File.Exists(path));
        Assert.DoesNotContain("taken away", string.Concat(_log.All.Skip(1)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_pipe_that_cannot_be_made_again_is_said_once_and_tried_until_it_can()
    {
        string path = PathOf("lost");
        var pipe = Open("lost");
        File.Delete(path);
        await File.WriteAllTextAsync(path, "in its place");
        _time.Advance(3 * NotifyPipe.LookInterval);
        Assert.Equal(
            $"the pipe {path} was taken away and cannot be made again: something is there that is no pipe; only who has it open still reads it", Assert.Single(_log.All));
        File.Delete(path);
        _time.Advance(NotifyPipe.LookInterval);
        Assert.EndsWith("was taken away: it is there again, and its script is started anew", _log.All[^1], StringComparison.Ordinal);
        // What others put there is theirs.
        File.Delete(path);
        await File.WriteAllTextAsync(path, "in its place");
        await pipe.CloseAsync(default);
        Assert.Equal("in its place", await File.ReadAllTextAsync(path));
        _time.Advance(NotifyPipe.LookInterval);
        Assert.Equal("in its place", await File.ReadAllTextAsync(path));
    }

    [Fact]
    public async Task A_pipe_that_nobody_reads_holds_up_nobody_and_its_reader_finds_the_last_state_of_each()
    {
        var pipe = Open("full");
        for (int i = 0; i <= 20_000; i++)
        {
            pipe.Write("A", $"INSTANCE \"A\" state {i}\n");
            pipe.Write("B", $"INSTANCE \"B\" state {i}\n");
        }

        Assert.Contains("is full", Assert.Single(_log.All), StringComparison.Ordinal);
        using var reader = new StreamReader(PathOf("full"));
        var last = new Dictionary<char, string>();
        while (last.Count < 2 || last.Values.Any(line => !line.EndsWith(" 20000", StringComparison.Ordinal)))
        {
            // What was kept comes with the next try.
            var line = reader.ReadLineAsync();
            while (!line.IsCompleted)
            {
                _time.Advance(NotifyPipe.RetryInterval);
                await Task.Yield();
            }

            string text = (await line)!;
            last[text[10]] = text;
        }

        Assert.Contains("is read again", _log.All[^1], StringComparison.Ordinal);
        pipe.Write("A", "INSTANCE \"A\" after\n");
        Assert.Equal("INSTANCE \"A\" after\n", await ReadLinesAsync(reader, 1));
        Assert.Equal(2, _log.All.Count);
    }

    [Fact]
    public async Task The_script_that_reads_is_started_again_ever_more_seldom_and_ended_with_the_pipe()
    {
        var pipe = Open("script", new("/reader x"));
        string path = PathOf("script");
        foreach (int pause in (int[])[1, 2, 4, 8, 16, 32, 60])
        {
            var (command, end, _) = await _started.Reader.ReadAsync().AsTask().WaitAsync(Patience);
            Assert.Equal($"/reader x {path}", command);
            int said = _log.All.Count;
            int timers = _time.TimerCount;
            bool isNews = pause is 1 or 4 or 8;
            // To fail in itself is an end as any other, and told as what it is.
            if (pause == 4)
                end.SetException(new InvalidOperationException("it exited with status 3"));
            else
                end.SetResult(new(ScriptEnd.Exited, 3, "it exited with status 3"));
            // Ends, is told if it is news, and waits: in this order.
            await WaitForPauseAsync(timers);
            Assert.Equal(said + (isNews ? 1 : 0), _log.All.Count);
            if (isNews)
            {
                Assert.EndsWith(
                    pause == 4 ? "cannot be started (it exited with status 3): tried again in 4 s, and ever more seldom if that goes on"
                        : $"has ended (it exited with status 3): started again in {pause} s, and ever more seldom if that goes on",
                    _log.All[^1],
                    StringComparison.Ordinal);
            }

            while (_started.Reader.Count == 0)
            {
                _time.Advance(TimeSpan.FromSeconds(pause));
                await Task.Yield();
            }

        }

        // The last thing said holds for all that follow.
        var (_, again, _) = await _started.Reader.ReadAsync().AsTask().WaitAsync(Patience);
        int lines = _log.All.Count;
        int waiting = _time.TimerCount;
        again.SetResult(new(ScriptEnd.Exited, 3, "it exited with status 3"));
        await WaitForPauseAsync(waiting);
        while (_started.Reader.Count == 0)
        {
            _time.Advance(TimeSpan.FromSeconds(10));
            await Task.Yield();
        }

        Assert.Equal(lines, _log.All.Count);
        var (_, _, cancelled) = await _started.Reader.ReadAsync().AsTask().WaitAsync(Patience);
        var closing = pipe.CloseAsync(default);
        Assert.False(cancelled.IsCancellationRequested);
        while (!closing.IsCompleted)
        {
            _time.Advance(NotifyPipe.LimitAtEnd);
            await Task.Yield();
        }

        await closing;
        Assert.True(cancelled.IsCancellationRequested);
        Assert.Equal(0, _started.Reader.Count);
    }

    private async Task WaitForPauseAsync(int before)
    {
        using var limit = new CancellationTokenSource(Patience);
        while (_time.TimerCount <= before)
            await Task.Delay(1, limit.Token);
    }

    private sealed class Lines : ILogger
    {
        private readonly List<string> _lines = [];
        private readonly Channel<bool> _added = Channel.CreateUnbounded<bool>();

        public IReadOnlyList<string> All
        {
            get
            {
                lock (_lines)
                    return [.. _lines];
            }
        }

        public async Task WaitAsync(int count, TimeSpan patience)
        {
            while (All.Count < count)
                await _added.Reader.ReadAsync().AsTask().WaitAsync(patience);
        }

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            lock (_lines)
                _lines.Add(formatter(state, exception));
            _added.Writer.TryWrite(true);
        }

        public bool IsEnabled(LogLevel logLevel) => true;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;
    }
}
