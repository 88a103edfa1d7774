using System.Collections.Concurrent;
using Microsoft.Extensions.Logging.Abstractions;
using Vrrp.Daemon.Configuration.Model;
using Vrrp.Daemon.Tracking;
using Vrrp.Tests.HealthChecks;
using static Vrrp.Tests.Configuration.ConfigurationTesting;

namespace Vrrp.Tests.Tracking;

/// <summary>Scripts that a test answers for, in time that a test moves.</summary>
#pragma warning disable CA1001 // xunit calls DisposeAsync of IAsyncLifetime.
public sealed class TrackingServiceTests : IAsyncLifetime
#pragma warning restore CA1001
{
    private const string Scripts =
        """
        vrrp_script a {
        script /a
        interval 2
        fall 2
        rise 2
        weight -20
        }
        vrrp_script b {
        script /b
        }

        """;

    private readonly ManualTime _time = new();
    private readonly ConcurrentDictionary<string, int> _runs = [];
    private readonly Dictionary<string, TrackedState> _states = [];
    private readonly HashSet<string> _failing = [];
    private readonly Dictionary<string, TaskCompletionSource<ScriptResult>> _hanging = [];
    private readonly ConcurrentDictionary<string, Action<ScriptResult>> _timedOut = [];
    private readonly Messages _log = new();
    private TrackingService _service = null!;

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        foreach (var one in _hanging.Values)
            one.TrySetResult(default);
        await _service.DisposeAsync();
    }

    private static DaemonConfig Tracking(string lists, string scripts = Scripts) => Config(scripts + InstanceText(lists));

    private TrackingService Create(DaemonConfig config, Func<Tracker, TrackerReading, TrackerWatch>? watch = null) => _service = new(
        config,
        watch ?? Watch,
        (name, state) => _states[name] = state,
        _time,
        _log);

    private ScriptWatch Watch(Tracker tracker, TrackerReading reading) => new((ScriptTracker)tracker, reading, RunAsync, _time, _log);

    private async Task StartAsync(string lists, string scripts = Scripts) => await Create(Tracking(lists, scripts)).StartAsync(default);

    private Task<ScriptResult> RunAsync(ScriptTracker script, Action<ScriptResult> timedOut, CancellationToken cancellationToken)
    {
        _timedOut[script.Name] = timedOut;
        _runs.AddOrUpdate(script.Name, 1, (_, count) => count + 1);
        if (_hanging.TryGetValue(script.Name, out var hanging))
            return hanging.Task.WaitAsync(cancellationToken);
        return Task.FromResult(_failing.Contains(script.Name) ? new ScriptResult(ScriptEnd.Exited, 3, "it exited with status 3") : default);
    }

    private TrackedState State => _states["V"];

    private static TrackedState Lowered(int weight) => new(weight) { WeightDetail = $"vrrp_script a is down ({weight})" };

    private static TrackedState Says(int number) => new(number) { WeightDetail = $"track_file f says {number} (+{number})" };

    [Fact]
    public async Task A_script_runs_at_once_and_then_at_its_interval()
    {
        await StartAsync("track_script {\na\nb\n}");
        Assert.Equal((1, 1), (_runs["a"], _runs["b"]));
        _time.Advance(TimeSpan.FromSeconds(7.9));

        Assert.Equal((4, 8), (_runs["a"], _runs["b"]));
    }

    [Fact]
    public async Task A_timer_that_fires_early_gives_no_turn_twice()
    {
        int runs = 0;
        var config = Tracking("track_script {\na\n}");
        _service = new(
            config,
            (tracker, reading) => new ScriptWatch((ScriptTracker)tracker, reading, (_, _, _) =>
            {
                runs++;
                return Task.FromResult(default(ScriptResult));
            }, new EarlyTime(_time), NullLogger.Instance),
            (_, _) => { },
            _time,
            NullLogger.Instance);
        await _service.StartAsync(default);
        _time.Advance(TimeSpan.FromSeconds(7.9));

        Assert.Equal(4, runs);
    }

    [Fact]
    public async Task One_that_nobody_follows_is_never_run()
    {
        await StartAsync("track_script {\nb\n}");
        _time.Advance(TimeSpan.FromSeconds(10));

        Assert.Equal(["b"], _runs.Keys);
    }

    [Fact]
    public async Task Results_count_as_rise_and_fall_have_it()
    {
        await StartAsync("track_script {\na\n}");
        Assert.Equal(new TrackedState(0), State);
        _failing.Add("a");
        _time.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal(new TrackedState(0), State);
        _time.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal(Lowered(-20), State);
        _failing.Clear();
        _time.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal(Lowered(-20), State);
        _time.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal(new TrackedState(0), State);
    }

    [Fact]
    public async Task Without_weight_it_is_awaited_and_then_a_fault_until_it_succeeds()
    {
        _hanging["b"] = new();
        var config = Tracking("track_script {\nb\n}");
        var pending = new TrackedState(0, Detail: "vrrp_script b has no result yet") { IsPending = true };
        Assert.Equal(pending, Create(config).Prepare(config)("V"));
        await _service.StartAsync(default);
        Assert.Equal(pending, State);
        _failing.Add("b");
        _hanging.Remove("b", out var first);
        first!.SetResult(new(ScriptEnd.TimedOut, 0, "it ran longer than 1 s and was ended"));
        await UntilAsync(() => State.Detail == "vrrp_script b failed: it ran longer than 1 s and was ended");
        _failing.Clear();
        // The loop waits for its next turn on another thread by now, or soon.
        await UntilAsync(() =>
        {
            _time.Advance(TimeSpan.FromSeconds(1));
            return State == default;
        });
    }

    [Fact]
    public async Task One_that_hangs_delays_no_other_and_its_turns_are_left_out()
    {
        _hanging["a"] = new();
        await StartAsync("track_script {\na\nb\n}");
        _time.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal((1, 6), (_runs["a"], _runs["b"]));
        _hanging.Remove("a", out var hanging);
        hanging!.SetResult(default);
        // It goes on in its rhythm: at 6 seconds, whatever it missed.
        await UntilAsync(() =>
        {
            _time.Advance(TimeSpan.FromMilliseconds(100));
            return _runs["a"] == 2;
        });
    }

    [Fact]
    public async Task One_that_runs_too_long_counts_once_at_its_timeout_and_not_again_when_it_has_ended()
    {
        var result = new ScriptResult(ScriptEnd.TimedOut, 0, "it ran longer than 2 s and was ended");
        await StartAsync("track_script {\na\n}");
        var first = _hanging["a"] = new();
        _time.Advance(TimeSpan.FromSeconds(2));
        _timedOut["a"](result);
        _hanging["a"] = new();
        first.SetResult(result);
        await UntilAsync(() =>
        {
            _time.Advance(TimeSpan.FromSeconds(2));
            return _runs["a"] == 3;
        });
        // One of the two failures that it takes.
        Assert.Equal(new TrackedState(0), State);

        _timedOut["a"](result);
        Assert.Equal(Lowered(-20), State);
        _time.Advance(TimeSpan.FromSeconds(20));
        Assert.Equal(3, _runs["a"]);
    }

    [Fact]
    public async Task One_that_cannot_be_ended_fails_at_each_turn_and_runs_again_when_it_is_gone()
    {
        var remains = new TaskCompletionSource();
        await StartAsync("track_script {\na\n}");
        var stuck = _hanging["a"] = new();
        _time.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal(2, _runs["a"]);
        stuck.SetResult(new(ScriptEnd.TimedOut, 0, "process 1 heeds no signal") { Remains = remains.Task });
        _hanging.Remove("a");
        await UntilAsync(() => _log.Texts.Contains("vrrp_script a: process 1 heeds no signal"));
        // One of the two failures that it takes.
        Assert.Equal(new TrackedState(0), State);
        await UntilAsync(() =>
        {
            _time.Advance(TimeSpan.FromSeconds(2));
            return State == Lowered(-20);
        });
        Assert.Equal(2, _runs["a"]);
        remains.SetResult();
        await UntilAsync(() =>
        {
            _time.Advance(TimeSpan.FromSeconds(2));
            return State == new TrackedState(0);
        });
    }

    [Fact]
    public async Task One_that_fails_in_itself_counts_as_down_until_it_works_again()
    {
        _hanging["b"] = new();
        _hanging["b"].SetException(new InvalidOperationException("broken"));
        await StartAsync("track_script {\nb\n}");

        await UntilAsync(() => State == new TrackedState(0, true, "vrrp_script b failed: broken"));
        _hanging.Remove("b");
        await UntilAsync(() =>
        {
            _time.Advance(TimeSpan.FromSeconds(1));
            return State == default;
        });
    }

    [Fact]
    public async Task A_reload_keeps_what_stays_and_begins_what_is_new()
    {
        _failing.Add("a");
        await StartAsync("track_script {\na\n}");
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(Lowered(-20), State);
        string changed = Scripts.Replace("weight -20", "weight -30\ntimeout 5", StringComparison.Ordinal);
        var next = Tracking("track_script {\na\nb weight 7\n}", changed);
        // Known at once, without a run: a by its name, b not at all.
        Assert.Equal(Lowered(-30), _service.Prepare(next)("V"));
        _service.Apply(next);
        Assert.Equal(Lowered(-30) with { Weight = -23 }, State);
        Assert.Equal((2, 1), (_runs["a"], _runs["b"]));

        _service.Apply(Config(changed + InstanceText("track_script {\na\nb weight 7\n}\npriority 90")));
        Assert.Equal((2, 1), (_runs["a"], _runs["b"]));
        _service.Apply(Config(InstanceText("")));
        Assert.Equal(default, State);
        _time.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal((2, 1), (_runs["a"], _runs["b"]));
    }

    [Fact]
    public async Task One_script_of_many_instances_runs_once()
    {
        string second = InstanceText("track_script {\nb weight 5\n}").Replace("instance V", "instance W", StringComparison.Ordinal)
            .Replace("router_id 51", "router_id 52", StringComparison.Ordinal).Replace("10.0.0.1\n", "10.0.0.2\n", StringComparison.Ordinal);
        await Create(Config(Scripts + InstanceText("track_script {\nb\n}") + "\n" + second)).StartAsync(default);

        Assert.Equal((1, default(TrackedState), new TrackedState(5)), (_runs["b"], State, _states["W"]));
    }

    [Fact]
    public async Task One_that_cannot_be_watched_is_down_and_the_others_go_on()
    {
        var config = Tracking("track_script {\na\nb\n}");
        Create(config, (tracker, reading) => tracker.Name == "b" ? throw new InvalidOperationException("broken") : Watch(tracker, reading));
        await _service.StartAsync(default);
        _time.Advance(TimeSpan.FromSeconds(3));
        Assert.Equal((2, new TrackedState(0, true, "vrrp_script b failed: broken")), (_runs["a"], State));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task One_that_hangs_holds_up_neither_the_start_nor_the_end(bool atStart)
    {
        using var release = new ManualResetEventSlim();
        var file = Config("track_file f {\nfile /f\n}\n" + InstanceText("track_file {\nf weight 1\n}"));
        var watch = new HangingWatch(file.Trackers.Single(), atStart, release);
        await Create(file, (_, _) => watch).StartAsync(default);
        await _service.StopAsync(default);
        Assert.Null(watch.Changed);
        var disposed = _service.DisposeAsync().AsTask();
        _time.Advance(TimeSpan.FromSeconds(2));
        await disposed;
        release.Set();
        await watch.Ended.Task;
    }

    [Theory]
    [InlineData("weight 2", 10)]
    [InlineData("weight 0", 0)]
    public async Task A_file_that_does_not_answer_holds_up_no_start_and_its_own_instances_alone(string weight, int expected)
    {
        using var release = new ManualResetEventSlim();
        string other = InstanceText("").Replace("instance V", "instance W", StringComparison.Ordinal)
            .Replace("router_id 51", "router_id 52", StringComparison.Ordinal).Replace("10.0.0.1\n", "10.0.0.2\n", StringComparison.Ordinal);
        var config = Config("track_file f {\nfile /f\n}\n" + InstanceText($"track_file {{\nf {weight}\n}}") + "\n" + other);
        var monitor = new FileMonitor(() => throw new IOException("none"), _time, NullLogger.Instance);
        long Read(string path, out string? problem, out string? lack)
        {
            (problem, lack) = (null, null);
            release.Wait();
            return expected == 0 ? 0 : 5;
        }

        Create(config, (tracker, reading) => new FileWatch((FileTracker)tracker, reading, monitor, _log, Read));
        var awaited = new TrackedState(0, Detail: "track_file f has no result yet") { IsPending = true };
        var begin = _service.Prepare(config);
        Assert.Equal((awaited, default), (begin("V"), begin("W")));
        await _service.StartAsync(default);
        Assert.Equal((awaited, default), (State, _states["W"]));
        Assert.Empty(_log.Texts);

        _time.Advance(TrackingService.FirstLimit);
        Assert.Equal(weight == "weight 0" ? awaited : default, State);
        Assert.StartsWith("track_file f has no result after 1 s, ", Assert.Single(_log.Texts), StringComparison.Ordinal);
        release.Set();
        await UntilAsync(() => State.Weight == expected && !State.IsPending);
        Assert.Equal(expected == 0 ? "track_file f says 0" : "track_file f says 5", _log.Texts.Last());
    }

    [Fact]
    public async Task Another_file_by_the_same_name_counts_when_it_has_been_read_and_the_one_before_until_then()
    {
        using var release = new ManualResetEventSlim();
        var monitor = new FileMonitor(() => throw new IOException("none"), _time, NullLogger.Instance);
        long Read(string path, out string? problem, out string? lack)
        {
            (problem, lack) = (null, null);
            if (path == "/g")
                release.Wait();
            return path == "/g" ? 7 : 5;
        }

        string text = "track_file f {\nfile /f\n}\n" + InstanceText("track_file {\nf weight 1\n}");
        await Create(Config(text), (tracker, reading) => new FileWatch((FileTracker)tracker, reading, monitor, _log, Read)).StartAsync(default);
        await UntilAsync(() => State == Says(5));
        var next = Config(text.Replace("/f", "/g", StringComparison.Ordinal));
        Assert.Equal((5, true), (_service.Prepare(next)("V").Weight, _service.Prepare(next)("V").IsPending));
        _service.Apply(next);
        _time.Advance(TrackingService.FirstLimit);
        Assert.Equal(Says(5), State);
        Assert.EndsWith("what it said before counts until then", _log.Texts.Last(), StringComparison.Ordinal);
        release.Set();
        await UntilAsync(() => State == Says(7));
    }

    private static async Task UntilAsync(Func<bool> condition)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        using var beat = new PeriodicTimer(TimeSpan.FromMilliseconds(5));
        while (!condition())
            await beat.WaitForNextTickAsync(limit.Token);
    }

    /// <summary>Its timers fire a part of a millisecond early, as those of the system may.</summary>
    private sealed class EarlyTime(TimeProvider time) : TimeProvider
    {
        private static readonly TimeSpan Early = TimeSpan.FromMicroseconds(600);

        public override long TimestampFrequency => time.TimestampFrequency;

        public override long GetTimestamp() => time.GetTimestamp();

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
            time.CreateTimer(callback, state, dueTime > Early ? dueTime - Early : dueTime, period);
    }

    /// <summary>Hangs at its start or at its end.</summary>
    private sealed class HangingWatch(Tracker tracker, bool atStart, ManualResetEventSlim release) : TrackerWatch(tracker, default)
    {
        public TaskCompletionSource Ended { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public override void Start()
        {
            if (atStart)
                release.Wait();
        }

        public override Task StopAsync()
        {
            release.Wait();
            Ended.SetResult();
            return Task.CompletedTask;
        }
    }
}
