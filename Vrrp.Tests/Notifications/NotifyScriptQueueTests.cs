using System.Threading.Channels;
using Vrrp.Daemon.Configuration.Model;
using Vrrp.Daemon.Notifications;
using Vrrp.Daemon.Tracking;
using Vrrp.Tests.HealthChecks;

namespace Vrrp.Tests.Notifications;

/// <summary>The order and the bounds of scripts, with scripts that end when the test says so.</summary>
#pragma warning disable CA1001 // xunit calls DisposeAsync of IAsyncLifetime.
public sealed class NotifyScriptQueueTests : IAsyncLifetime
#pragma warning restore CA1001
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly ManualTime _time = new();
    private readonly Channel<Run> _started = Channel.CreateUnbounded<Run>();
    private readonly LogDouble _log = new();
    private readonly NotifyScriptQueue _queue;

    public NotifyScriptQueueTests() => _queue = new(RunAsync, _time, _log);

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        await _queue.StopAsync(new(canceled: true));
        _queue.Dispose();
    }

    private sealed record Run(string Text, TaskCompletionSource<ScriptResult> End, TimeSpan Limit, CancellationToken Cancelled)
    {
        public void Finish() => End.SetResult(new(ScriptEnd.Exited, 0, null));
    }

    // As the runner: what is cancelled has ended when the task is over.
    private Task<ScriptResult> RunAsync(
        ScriptCommand command, IReadOnlyList<string> arguments, IReadOnlyList<string> variables, TimeSpan timeout, CancellationToken timeUp, CancellationToken cancellationToken)
    {
        var end = new TaskCompletionSource<ScriptResult>(TaskCreationOptions.RunContinuationsAsynchronously);
        cancellationToken.Register(() => end.TrySetCanceled(cancellationToken));
        timeUp.Register(() => end.TrySetResult(new(ScriptEnd.TimedOut, 0, "its time was up")));
        _started.Writer.TryWrite(new(string.Join(' ', [command.CommandLine, .. arguments]), end, timeout, cancellationToken));
        return end.Task;
    }

    private async Task<Run> NextAsync() => await _started.Reader.ReadAsync().AsTask().WaitAsync(Patience);

    private static NotifyEvent Event(string name, NotifyWord word, int priority = 100, bool isGroup = false) => new()
    {
        Name = name,
        IsGroup = isGroup,
        Word = word,
        Priority = priority,
        Scripts = new() { Master = new("master"), Stop = new("stop"), Any = new("any"), MasterReceivedLowerPriority = new("lower") },
    };

    [Fact]
    public async Task Scripts_of_one_subject_run_one_after_another_and_of_others_beside_them()
    {
        _queue.Take(Event("A", NotifyWord.Master));
        _queue.Take(Event("A", NotifyWord.Backup));
        var first = await NextAsync();
        Assert.Equal(("master", NotifyScriptQueue.Limit), (first.Text, first.Limit));
        _queue.Take(Event("B", NotifyWord.Fault));
        var other = await NextAsync();
        Assert.Equal("any INSTANCE B FAULT 100", other.Text);
        _queue.Take(Event("A", NotifyWord.Fault, isGroup: true));
        Assert.Equal("any GROUP A FAULT 100", (await NextAsync()).Text);

        first.Finish();
        var second = await NextAsync();
        Assert.Equal("any INSTANCE A MASTER 100", second.Text);
        second.End.SetResult(new(ScriptEnd.TimedOut, 0, "it ran too long"));
        Assert.Equal("any INSTANCE A BACKUP 100", (await NextAsync()).Text);
        Assert.False(_started.Reader.TryRead(out _));
    }

    [Fact]
    public async Task Of_ten_thousand_changes_behind_a_script_that_hangs_the_last_state_is_told()
    {
        _queue.Take(Event("A", NotifyWord.Backup, 0));
        var hanging = await NextAsync();
        for (int i = 1; i <= 10_000; i++)
        {
            _queue.Take(Event("A", i % 2 == 0 ? NotifyWord.Backup : NotifyWord.Fault, i));
            _queue.Take(Event("A", NotifyWord.MasterReceivedLowerPriority, i));
        }

        hanging.Finish();
        var told = new List<string>();
        while (told.LastOrDefault() != "any INSTANCE A BACKUP 10000")
        {
            var next = await NextAsync();
            told.Add(next.Text);
            next.Finish();
        }

        Assert.InRange(told.Count, 1, NotifyScriptQueue.MaximumWaiting);
    }

    [Fact]
    public async Task No_more_than_a_number_of_scripts_run_at_once()
    {
        for (int i = 0; i < 2 * NotifyScriptQueue.MaximumRunning; i++)
            _queue.Take(Event($"A{i}", NotifyWord.Backup));
        var running = new List<Run>();
        for (int i = 0; i < NotifyScriptQueue.MaximumRunning; i++)
            running.Add(await NextAsync());

        // One too many begins by itself, a moment later: after one of so many ends it is seen.
        using var beat = new PeriodicTimer(TimeSpan.FromMilliseconds(5));
        int most = running.Count;
        for (int ended = 1; ended <= NotifyScriptQueue.MaximumRunning; ended++)
        {
            await beat.WaitForNextTickAsync();
            most = Math.Max(most, running.Count + _started.Reader.Count);
            running[0].Finish();
            running.RemoveAt(0);
            running.Add(await NextAsync());
        }

        Assert.Equal(NotifyScriptQueue.MaximumRunning, most);
        running.ForEach(run => run.Finish());
    }

    [Fact]
    public async Task A_start_that_hangs_does_not_hold_up_the_end()
    {
        using var scripts = new Tracking.StubbornScripts();
        using var queue = new NotifyScriptQueue(
            (command, arguments, variables, limit, timeUp, ending) => scripts.Runner.RunAsync(command, arguments, variables, limit, timeUp, ending), scripts.Time, _log);
        scripts.MayStart.Reset();
        queue.Take(Event("A", NotifyWord.Master) with { Scripts = new() { Any = Tracking.StubbornScripts.Command } });
        await scripts.NextAsync();
        queue.Take(Event("A", NotifyWord.Stop) with { Scripts = new() { Any = Tracking.StubbornScripts.Command } });
        var stopping = queue.StopAsync(default);
        await scripts.PassUntilAsync(() => stopping.IsCompleted);
        await stopping;
        scripts.MayStart.Set();
    }

    [Fact]
    public async Task At_the_end_the_last_state_of_each_is_told_and_what_hangs_is_ended()
    {
        _queue.Take(Event("A", NotifyWord.Master));
        _queue.Take(Event("A", NotifyWord.Backup));
        var hanging = await NextAsync();
        _queue.Take(Event("A", NotifyWord.Stop));
        var stopping = _queue.StopAsync(default);
        Assert.False(hanging.Cancelled.IsCancellationRequested);

        _time.Advance(NotifyScriptQueue.LimitOfEarlier);
        // The generic script of the earlier state is not begun any more.
        var stop = await NextAsync();
        Assert.Equal("stop", stop.Text);
        Assert.True(hanging.Cancelled.IsCancellationRequested);
        stop.Finish();
        var any = await NextAsync();
        Assert.Equal("any INSTANCE A STOP 100", any.Text);
        Assert.False(stopping.IsCompleted);

        // Whichever wait has begun by now, both are over.
        while (!stopping.IsCompleted)
        {
            _time.Advance(NotifyScriptQueue.LimitAtEnd);
            await Task.Yield();
        }

        await stopping.WaitAsync(Patience);
        Assert.True(any.Cancelled.IsCancellationRequested);
    }

    [Fact]
    public async Task One_that_nothing_waits_for_may_take_its_time_and_one_that_is_waited_for_a_minute()
    {
        _queue.Take(Event("A", NotifyWord.Backup));
        var promotion = await NextAsync();
        _time.Advance(TimeSpan.FromSeconds(400));
        Assert.False(promotion.End.Task.IsCompleted);
        promotion.Finish();

        _queue.Take(Event("B", NotifyWord.Backup));
        var hanging = await NextAsync();
        _time.Advance(TimeSpan.FromSeconds(10));
        _queue.Take(Event("B", NotifyWord.Fault));
        _time.Advance(TimeSpan.FromSeconds(4));
        Assert.DoesNotContain(_log.Lines, line => line.Contains("waits", StringComparison.Ordinal));
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Contains("Warning: notify of INSTANCE B has been running for 15 s, and what came after it waits", _log.Lines);
        _time.Advance(TimeSpan.FromSeconds(44));
        Assert.False(hanging.End.Task.IsCompleted);
        _time.Advance(TimeSpan.FromSeconds(1));
        var next = await NextAsync();
        Assert.Equal("any INSTANCE B FAULT 100", next.Text);
        Assert.Contains("Warning: notify of INSTANCE B: its time was up", _log.Lines);
        next.Finish();
    }

    [Fact]
    public async Task One_that_fails_in_itself_holds_up_nothing_behind_it()
    {
        _queue.Take(Event("A", NotifyWord.Master));
        (await NextAsync()).End.SetException(new InvalidOperationException("broken"));
        var any = await NextAsync();
        Assert.Equal("any INSTANCE A MASTER 100", any.Text);
        _queue.Take(Event("A", NotifyWord.Backup));
        any.End.SetException(new InvalidOperationException("broken"));

        Assert.Equal("any INSTANCE A BACKUP 100", (await NextAsync()).Text);
    }

    [Fact]
    public async Task One_that_cannot_be_ended_is_given_up_and_named_once_and_the_next_runs()
    {
        using var scripts = new Tracking.StubbornScripts();
        var log = new Tracking.Messages();
        using var queue = new NotifyScriptQueue(
            (command, arguments, variables, limit, timeUp, ending) => scripts.Runner.RunAsync(command, arguments, variables, limit, timeUp, ending), scripts.Time, log);
        NotifyEvent Told(NotifyWord word) => Event("A", word) with { Scripts = new() { Any = Tracking.StubbornScripts.Command } };
        queue.Take(Told(NotifyWord.Master));
        var stuck = await scripts.NextAsync();
        queue.Take(Told(NotifyWord.Backup));
        await scripts.PassUntilAsync(() => scripts.StartedCount > 0);

        Assert.Equal("15 9", stuck.Signals);
        Assert.Equal(
            "notify of INSTANCE A: it ran longer than 60 s and cannot be ended, for process 4711 heeds no signal; it is left alone: /bin/true",
            Assert.Single(log.Texts, text => !text.EndsWith("waits", StringComparison.Ordinal)));
        (await scripts.NextAsync()).Exit();
        await queue.StopAsync(default).WaitAsync(Patience);
        Assert.Equal(2, log.Texts.Count);
    }

    [Fact]
    public async Task At_once_nothing_is_waited_for()
    {
        _queue.Take(Event("A", NotifyWord.Stop));
        var running = await NextAsync();
        await _queue.StopAsync(new(canceled: true)).WaitAsync(Patience);

        Assert.True(running.Cancelled.IsCancellationRequested);
    }
}
