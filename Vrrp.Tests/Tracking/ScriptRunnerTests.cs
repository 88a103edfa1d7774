using Vrrp.Daemon.Tracking;

namespace Vrrp.Tests.Tracking;

/// <summary>Scripts that cannot be ended hold up nobody for long.</summary>
public sealed class ScriptRunnerTests : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    private readonly StubbornScripts _scripts = new();

    public void Dispose() => _scripts.Dispose();

    private Task<ScriptResult> RunAsync(Action<ScriptResult>? timedOut = null, CancellationToken cancellationToken = default) =>
        _scripts.Runner.RunAsync(StubbornScripts.Command, [], [], Limit, cancellationToken, timedOut);

    [Fact]
    public async Task One_that_heeds_no_signal_is_told_of_at_its_time_and_given_up_after_a_grace()
    {
        string? told = null;
        var running = RunAsync(result => told = result.Problem);
        var process = await _scripts.NextAsync();
        Assert.Equal(("", null), (process.Signals, told));
        await _scripts.PassUntilAsync(() => told is not null);
        Assert.Equal("it ran longer than 60 s and was ended", told);
        await _scripts.PassUntilAsync(() => running.IsCompleted);

        var result = await running;
        Assert.Equal("15 9", process.Signals);
        Assert.Equal("it ran longer than 60 s and cannot be ended, for process 4711 heeds no signal; it is left alone: /bin/true", result.Problem);
        Assert.Equal((ScriptEnd.TimedOut, false, false), (result.End, result.IsSuccess, result.Remains!.IsCompleted));
        process.Exit();
        await result.Remains;
    }

    [Fact]
    public async Task One_that_ends_when_told_leaves_nothing()
    {
        var running = RunAsync();
        var process = await _scripts.NextAsync();
        await _scripts.PassUntilAsync(() => process.Signals.Length > 0);
        process.Exited.SetResult(new(15, true));
        var result = await running.WaitAsync(Limit);

        Assert.Equal((ScriptEnd.TimedOut, "it ran longer than 60 s and was ended", null), (result.End, result.Problem, result.Remains));
        Assert.Equal("15 9", process.Signals);
    }

    [Fact]
    public async Task A_start_that_hangs_takes_no_longer_and_its_process_is_ended_when_it_comes()
    {
        _scripts.MayStart.Reset();
        var running = RunAsync();
        var process = await _scripts.NextAsync();
        await _scripts.PassUntilAsync(() => running.IsCompleted);
        var result = await running;
        Assert.Contains("the system does not even start it", result.Problem, StringComparison.Ordinal);
        Assert.Equal("", process.Signals);
        _scripts.MayStart.Set();
        await _scripts.PassUntilAsync(() => process.Signals == "9");
        process.Exit();
        await result.Remains!;
    }

    [Fact]
    public async Task Whoever_wants_it_ended_at_once_waits_for_three_seconds_at_most()
    {
        using var ending = new CancellationTokenSource();
        var running = RunAsync(cancellationToken: ending.Token);
        var process = await _scripts.NextAsync();
        await ending.CancelAsync();
        long before = _scripts.Time.GetTimestamp();
        await _scripts.PassUntilAsync(() => running.IsCompleted);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
        Assert.Equal("15 9", process.Signals);
        Assert.True(_scripts.Time.GetElapsedTime(before) < Limit);
    }

    [Fact]
    public async Task There_is_an_end_to_how_many_are_left_alone()
    {
        var processes = new List<StubbornScripts.Stubborn>();
        var runs = new List<Task<ScriptResult>>();
        for (int i = 0; i < ScriptRunner.MaximumRemains; i++)
        {
            runs.Add(RunAsync());
            processes.Add(await _scripts.NextAsync());
        }

        await _scripts.PassUntilAsync(() => runs.TrueForAll(run => run.IsCompleted));
        var refused = await RunAsync().WaitAsync(Limit);
        Assert.Equal((ScriptEnd.NotStarted, "64 scripts that cannot be ended are still there; none is started beside them"), (refused.End, refused.Problem));
        processes[7].Exit();
        await (await runs[7]).Remains!;
        var again = RunAsync();
        (await _scripts.NextAsync()).Exit();
        Assert.True((await again.WaitAsync(Limit)).IsSuccess);
    }

    [Fact]
    public async Task At_the_end_of_all_what_still_runs_is_killed()
    {
        var running = RunAsync();
        var process = await _scripts.NextAsync();
        await _scripts.PassUntilAsync(() => process.Signals.StartsWith("15", StringComparison.Ordinal));
        var other = RunAsync();
        var second = await _scripts.NextAsync();
        _scripts.Runner.Dispose();
        Assert.EndsWith("9", process.Signals, StringComparison.Ordinal);
        await _scripts.PassUntilAsync(() => second.Signals.Split(' ')[0] == "9");
        process.Exit();
        second.Exit();
        await Task.WhenAll(running, other).WaitAsync(Limit);
        Assert.Equal(ScriptEnd.NotStarted, (await RunAsync()).End);
    }
}
