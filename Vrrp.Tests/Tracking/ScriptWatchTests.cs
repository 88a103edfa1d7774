using Vrrp.Daemon.Configuration.Model;
using Vrrp.Daemon.Tracking;
using Vrrp.Tests.HealthChecks;

namespace Vrrp.Tests.Tracking;

/// <summary>What the log says of a script.</summary>
public class ScriptWatchTests
{
    private readonly ManualTime _time = new();

    [Fact]
    public async Task One_that_stays_down_says_each_reason_once_until_it_is_up_again()
    {
        var log = new Messages();
        var script = new ScriptTracker { Name = "b", Command = new("/b") };
        var results = new Queue<string?>(["status 1", "status 1", "status 2", "status 1", "not a program", "status 2", null, "status 2", "status 1"]);
        int changes = 0;
        var watch = new ScriptWatch(
            script, default, (_, _, _) => Task.FromResult(results.Dequeue() is { } problem ? new ScriptResult(ScriptEnd.Exited, 1, problem) : default), _time, log)
        {
            Changed = _ => changes++,
        };
        watch.Start();
        _time.Advance(TimeSpan.FromSeconds(4.5));
        Assert.Equal(new TrackerReading(false, 0, "not a program"), watch.Reading);
        _time.Advance(TimeSpan.FromSeconds(4));
        await watch.StopAsync();

        Assert.Equal(
            [
                "vrrp_script b is down: status 1", "vrrp_script b is still down: status 2", "vrrp_script b is still down: not a program", "vrrp_script b is up",
                "vrrp_script b is down: status 2", "vrrp_script b is still down: status 1",
            ],
            log.Texts);
        Assert.Equal(6, changes);
    }

    [Fact]
    public async Task One_that_is_down_from_the_start_says_why()
    {
        var log = new Messages();
        var script = new ScriptTracker { Name = "b", Command = new("/b"), InitFail = true };
        var watch = new ScriptWatch(
            script, new(false), (_, _, _) => Task.FromResult(new ScriptResult(ScriptEnd.Exited, 1, "it exited with status 1")), _time, log);
        watch.Start();
        await watch.StopAsync();

        Assert.Equal("vrrp_script b is still down: it exited with status 1", Assert.Single(log.Texts));
    }
}
