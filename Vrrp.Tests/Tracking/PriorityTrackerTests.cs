using Vrrp.Daemon.Configuration.Model;
using Vrrp.Daemon.Tracking;

namespace Vrrp.Tests.Tracking;

/// <summary>What trackers do to a priority of 100: each row was seen with keepalived 2.2.7.</summary>
public class PriorityTrackerTests
{
    private static readonly TrackerReading s_up = new(true);
    private static readonly TrackerReading s_down = new(false);

    [Theory]
    [InlineData("up", 0, false, "")]
    [InlineData("up", 0, true, "fault")]
    [InlineData("up", 20, false, "20")]
    [InlineData("up", 20, true, "-20")]
    [InlineData("up", -20, false, "")]
    [InlineData("up", -20, true, "")]
    [InlineData("down", 0, false, "fault")]
    [InlineData("down", 0, true, "")]
    [InlineData("down", 20, false, "")]
    [InlineData("down", 20, true, "")]
    [InlineData("down", -20, false, "-20")]
    [InlineData("down", -20, true, "20")]
    [InlineData("unknown", 0, false, "pending")]
    [InlineData("unknown", 0, true, "pending")]
    [InlineData("unknown", 20, false, "")]
    [InlineData("unknown", 20, true, "")]
    [InlineData("unknown", -20, false, "")]
    [InlineData("unknown", -20, true, "")]
    public void A_script_or_process(string state, int weight, bool reverse, string expected)
    {
        var reading = state == "up" ? s_up : state == "down" ? s_down : TrackerReading.Unknown;
        Assert.Equal(expected, Text(PriorityTracker.Effect(new(TrackedObjectKind.Script, "s", weight, reverse), reading)));
        Assert.Equal(expected, Text(PriorityTracker.Effect(new(TrackedObjectKind.Process, "p", weight, reverse), reading)));
    }

    [Theory]
    [InlineData(5, 1, false, "5")]
    [InlineData(-5, 1, false, "-5")]
    [InlineData(0, 1, false, "")]
    [InlineData(300, 1, false, "253")]
    [InlineData(253, 1, false, "253")]
    [InlineData(254, 1, false, "253")]
    [InlineData(int.MaxValue, 1, false, "253")]
    [InlineData(-253, 1, false, "-253")]
    [InlineData(-254, 1, false, "fault")]
    [InlineData(-300, 1, false, "fault")]
    [InlineData(int.MinValue, 254, false, "fault")]
    [InlineData(5, 0, false, "fault")]
    [InlineData(5, 0, true, "")]
    [InlineData(-5, 0, false, "fault")]
    [InlineData(-5, 0, true, "")]
    [InlineData(0, 0, false, "")]
    [InlineData(0, 0, true, "fault")]
    [InlineData(5, 2, true, "-10")]
    [InlineData(5, -2, false, "-10")]
    [InlineData(5, -60, false, "fault")]
    [InlineData(5, 60, false, "253")]
    [InlineData(-5, 2, true, "10")]
    [InlineData(-5, -60, false, "253")]
    [InlineData(-5, 60, false, "fault")]
    public void A_file(int value, int weight, bool reverse, string expected) =>
        Assert.Equal(expected, Text(PriorityTracker.Effect(new(TrackedObjectKind.File, "f", weight, reverse), new(true, value))));

    [Theory]
    [InlineData(0, false, "pending")]
    [InlineData(0, true, "pending")]
    [InlineData(20, false, "")]
    public void A_file_that_nobody_could_read_yet_is_as_a_script_without_a_result(int weight, bool reverse, string expected)
    {
        TrackedObject file = new(TrackedObjectKind.File, "f", weight, reverse);
        Assert.Equal(expected, Text(PriorityTracker.Effect(file, TrackerReading.Unknown)));
        Assert.Equal("pending", Text(PriorityTracker.Effect(file, TrackerReading.Unknown with { IsAwaited = true })));
    }

    [Theory]
    [InlineData(20, false, true, null)]
    [InlineData(20, false, false, "vrrp_script s is down (+20 not added)")]
    [InlineData(20, true, true, "vrrp_script s is up (-20)")]
    [InlineData(20, true, false, null)]
    [InlineData(-20, false, true, null)]
    [InlineData(-20, false, false, "vrrp_script s is down (-20)")]
    [InlineData(-20, true, true, "vrrp_script s is up (+20 not added)")]
    [InlineData(-20, true, false, null)]
    [InlineData(20, false, null, null)]
    [InlineData(0, false, true, null)]
    public void The_state_of_the_lower_priority_is_named_with_its_weight(int weight, bool reverse, bool? isUp, string? expected) =>
        Assert.Equal(expected, PriorityTracker.Effect(new(TrackedObjectKind.Script, "s", weight, reverse), new(isUp)).WeightDetail);

    [Theory]
    [InlineData(5, 2, "track_file f says 5 (+10)")]
    [InlineData(-5, 2, "track_file f says -5 (-10)")]
    [InlineData(0, 2, null)]
    public void A_file_that_changes_the_priority_is_named_with_what_it_says(int value, int weight, string? expected) =>
        Assert.Equal(expected, PriorityTracker.Effect(new(TrackedObjectKind.File, "f", weight, false), new(true, value)).WeightDetail);

    [Fact]
    public void Weights_add_up_and_one_fault_is_enough()
    {
        TrackedObject[] tracked =
        [
            new(TrackedObjectKind.Script, "a", 20, false), new(TrackedObjectKind.Script, "b", -30, false), new(TrackedObjectKind.File, "f", 3, false),
            new(TrackedObjectKind.Script, "c", 0, false), new(TrackedObjectKind.Process, "d", 0, false),
        ];
        TrackerReading Read(TrackedObject one) => one.Name switch
        {
            "a" => s_up,
            "f" => new(true, 7),
            "c" => new(false, 0, "it exited with status 3"),
            _ => s_down,
        };

        const string Weights = "vrrp_script b is down (-30), track_file f says 7 (+21)";
        Assert.Equal(new TrackedState(11, true, "vrrp_script c failed: it exited with status 3") { WeightDetail = Weights }, PriorityTracker.Sum(tracked, Read));
        Assert.Equal(new TrackedState(11) { WeightDetail = Weights }, PriorityTracker.Sum(tracked.Take(3), Read));
        Assert.Equal(default, PriorityTracker.Sum([], Read));
        var unknown = new TrackedState(20, Detail: "vrrp_script x has no result yet") { IsPending = true };
        Assert.Equal(unknown, PriorityTracker.Sum([new(TrackedObjectKind.Script, "a", 20, false), new(TrackedObjectKind.Script, "x", 0, false)], one => one.Name == "a" ? s_up : default));
    }

    private static string Text(TrackedState effect) => effect.IsFaulty ? "fault" : effect.IsPending ? "pending" : effect.Weight == 0 ? "" : $"{effect.Weight}";

    [Theory]
    [InlineData(1, 1, false, "+-+", "+-+")]
    [InlineData(3, 1, false, "+", "+")]
    [InlineData(1, 9, false, "-", "-")]
    [InlineData(3, 2, false, "-++-+++", "------+")]
    [InlineData(1, 3, false, "+--+---", "++++++-")]
    [InlineData(3, 1, true, "++-+++", "-----+")]
    [InlineData(1, 1, true, "+", "+")]
    public void Results_have_to_come_in_a_row_but_the_first(int rise, int fall, bool initFail, string results, string states)
    {
        var script = new ScriptTracker { Name = "s", Command = new("/x"), Rise = rise, Fall = fall, InitFail = initFail };
        var state = ScriptState.Initial(script);
        Assert.Equal(initFail ? false : null, state.IsUp);
        string seen = "";
        foreach (char result in results)
        {
            state = state.After(result == '+', script);
            seen += state.IsUp == true ? '+' : '-';
        }

        Assert.Equal(states, seen);
    }
}
