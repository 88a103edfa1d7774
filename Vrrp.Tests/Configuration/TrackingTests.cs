using Vrrp.Daemon.Configuration;
using Vrrp.Daemon.Configuration.Diagnostics;
using Vrrp.Daemon.Configuration.Model;
using static Vrrp.Tests.Configuration.ConfigurationTesting;

namespace Vrrp.Tests.Configuration;

/// <summary>vrrp_script, track_file, vrrp_track_process and the lists that name them; what happens to weights was seen with keepalived 2.2.7.</summary>
public class TrackingTests
{
    private static ScriptTracker Script(string lines, string globals = "") =>
        Assert.IsType<ScriptTracker>(Assert.Single(Config($"global_defs {{\n{globals}\n}}\nvrrp_script s {{\nscript \"/bin/check a\"\n{lines}\n}}").Trackers));

    private static FileTracker File(string lines) =>
        Assert.IsType<FileTracker>(Assert.Single(Config($"track_file f {{\nfile /run/f\n{lines}\n}}").Trackers));

    private static ProcessTracker Process(string lines) =>
        Assert.IsType<ProcessTracker>(Assert.Single(Config($"vrrp_track_process p {{\n{lines}\n}}").Trackers));

    [Fact]
    public void A_script_has_the_defaults_of_keepalived()
    {
        var script = Script("");
        Assert.Equal(("s", new ScriptCommand("/bin/check a")), (script.Name, script.Command));
        Assert.Equal((1, 1, 1, 1, 0, false), (script.Interval.TotalSeconds, script.Timeout.TotalSeconds, script.Rise, script.Fall, script.Weight, script.InitFail));
        Assert.Equal(new ScriptCommand("/bin/check a", "nobody", "games"), Script("", "script_user nobody games").Command);
        Assert.Equal(new ScriptCommand("/bin/check a", "root"), Script("user root", "script_user nobody games").Command);
    }

    [Theory]
    [InlineData("interval 3", 3, 3, "")]
    [InlineData("interval 3\ntimeout 10", 3, 10, "")]
    [InlineData("timeout 0.5\ninterval 0.2", 0.2, 0.5, "")]
    [InlineData("interval 0", 1, 1, "VRRP0128")]
    [InlineData("interval 2\ntimeout 0", 2, 1, "VRRP0128")]
    [InlineData("interval 4295", 1, 1, "VRRP0108")]
    public void Times_of_a_script(string lines, double interval, double timeout, string codes)
    {
        var script = Script(lines);
        Assert.Equal((interval, timeout), (script.Interval.TotalSeconds, script.Timeout.TotalSeconds));
        Assert.Equal(codes, Without318($"vrrp_script s {{\nscript /x\n{lines}\n}}"));
    }

    [Theory]
    [InlineData("weight 253", 253, false, "")]
    [InlineData("weight -253 reverse", -253, true, "")]
    [InlineData("weight 254", 0, false, "VRRP0104")]
    [InlineData("weight 5 revers", 5, false, "VRRP0118")]
    [InlineData("rise 0", 0, false, "VRRP0104")]
    [InlineData("fall x", 0, false, "VRRP0105")]
    [InlineData("init_fail", 0, false, "")]
    public void Settings_of_a_script(string line, int weight, bool reverse, string codes)
    {
        var script = Script(line);
        Assert.Equal((weight, reverse, line == "init_fail", 1, 1), (script.Weight, script.Reverse, script.InitFail, script.Rise, script.Fall));
        Assert.Equal(codes, Without318($"vrrp_script s {{\nscript /x\n{line}\n}}"));
    }

    [Theory]
    [InlineData("vrrp_script s {\ninterval 5\n}", "VRRP0313")]
    [InlineData("vrrp_script s {\nscript \"\"\n}", "VRRP0313")]
    [InlineData("vrrp_script s {\nscript \"<x\"\n}", "VRRP0316")]
    [InlineData("vrrp_script s {\nscript\n}", "VRRP0102,VRRP0313")]
    [InlineData("vrrp_script {\nscript /x\n}", "VRRP0125")]
    [InlineData("vrrp_script s {\nscript /x y z\n}", "VRRP0122,VRRP0318")]
    [InlineData("vrrp_script s {\nscript /x\nintervall 5\n}", "VRRP0101,VRRP0318")]
    [InlineData("vrrp_script s {\nscript /x\n}\nvrrp_script s {\nscript /y\n}", "VRRP0318,VRRP0126")]
    [InlineData("track_file f {\nweight 1\n}", "VRRP0313")]
    [InlineData("track_file f {\nfile a/b\n}", "VRRP0313,VRRP0316")]
    [InlineData("vrrp_track_process p {\nquorum 2\n}", "VRRP0313")]
    public void What_is_wrong_with_a_block_is_told(string text, string codes) =>
        Assert.Equal(codes.Split(',').Order(), Load(text).Diagnostics.Select(d => d.Code).Order());

    [Fact]
    public void A_script_that_only_opens_a_file()
    {
        Assert.Equal("/run/lock file", Assert.IsType<ScriptTracker>(Config("vrrp_script s {\nscript \"</run/lock file\"\n}").Trackers[0]).OpenedPath);
        Assert.Null(Script("").OpenedPath);
    }

    [Theory]
    [InlineData("", 1, false, null, false)]
    [InlineData("weight -254 reverse", -254, true, null, false)]
    [InlineData("weight 255", 1, false, null, false)]
    [InlineData("init_file", 1, false, 0, false)]
    [InlineData("init_file -7", 1, false, -7, false)]
    [InlineData("init_file 9 overwrite", 1, false, 9, true)]
    [InlineData("init_file overwrite", 1, false, 0, true)]
    [InlineData("init_file x", 1, false, 0, false)]
    public void A_file(string line, int weight, bool reverse, int? initial, bool overwrite)
    {
        var file = File(line);
        Assert.Equal(("/run/f", weight, reverse, initial, overwrite), (file.Path, file.Weight, file.Reverse, file.InitialValue, file.Overwrite));
        Assert.IsType<FileTracker>(Assert.Single(Config("vrrp_track_file f {\nfile /run/f\n}").Trackers));
    }

    [Fact]
    public void A_process()
    {
        var process = Process("process \"/usr/sbin/my proxy\" -f \"a b\"\nparam_match initial\nfull_command\nweight 254 reverse\nquorum 2\nquorum_max 5\ndelay 2.5\nfork_delay 1");
        Assert.Equal("/usr/sbin/my proxy", process.Process);
        Assert.Equal(["-f", "a b"], process.Parameters.ToArray());
        Assert.True(process is { Match: ParameterMatch.Initial, FullCommand: true, Weight: 254, Reverse: true, Quorum: 2, QuorumMax: 5 });
        Assert.Equal((1, 2.5), (process.ForkDelay.TotalSeconds, process.TerminateDelay.TotalSeconds));
        Assert.True(Process("process x") is { Match: ParameterMatch.Default, FullCommand: false, Weight: 0, Quorum: 1, QuorumMax: null });
        Assert.Equal(ParameterMatch.Exact, Process("process x\nparam_match").Match);
        Assert.True(Process("process x\nquorum_max 0") is { Quorum: 0, QuorumMax: 0 });
        Assert.True(Process("process x\nquorum 3\nquorum_max 2") is { Quorum: 3, QuorumMax: null });
    }

    private const string Defined =
        """
        vrrp_script s {
        script /x
        weight 20
        }
        vrrp_script r {
        script /x
        weight 20 reverse
        }
        vrrp_script z {
        script /x
        }
        track_file f {
        file /f
        }
        vrrp_track_process p {
        process x
        weight -30
        }

        """;

    [Theory]
    [InlineData("track_script", "s", "s 20")]
    [InlineData("track_script", "s weight 5", "s 5")]
    [InlineData("track_script", "s weight 5 reverse", "s 5 reverse")]
    [InlineData("track_script", "r weight 5", "r 5 reverse")]
    [InlineData("track_script", "r weight 5 noreverse", "r 5")]
    [InlineData("track_script", "s weight x", "s 20")]
    [InlineData("track_script", "s weight 0", "s 0")]
    [InlineData("track_script", "s weight", "")]
    [InlineData("track_script", "s reverse", "")]
    [InlineData("track_script", "s weight 254", "")]
    [InlineData("track_script", "s\ns weight 5", "s 20")]
    [InlineData("track_script", "nothing", "")]
    [InlineData("track_file", "f", "f 1")]
    [InlineData("track_file", "f weight -254", "f -254")]
    [InlineData("track_process", "p weight 254", "p 254")]
    [InlineData("track_process", "p", "p -30")]
    public void A_reference(string list, string entry, string expected) =>
        Assert.Equal(expected, Tracked(Config(Defined + InstanceText($"{list} {{\n{entry}\n}}")).Instances[0]));

    [Fact]
    public void A_reference_above_the_definition_finds_nothing() =>
        Assert.Equal(["VRRP0311"], Codes(InstanceText("track_script {\ns\n}") + "\nvrrp_script s {\nscript /x\n}").Except(["VRRP0318"]));

    [Theory]
    [InlineData("s\nz", "", "", "z 0")]
    [InlineData("", "f\n", "", "f 0")]
    [InlineData("", "", "p", "")]
    public void An_owner_has_no_weights(string scripts, string files, string processes, string expected)
    {
        string text = Defined + InstanceText($"priority 255\ntrack_script {{\n{scripts}\n}}\ntrack_file {{\n{files}\n}}\ntrack_process {{\n{processes}\n}}");
        Assert.Equal(expected, Tracked(Config(text).Instances[0]));
        Assert.Contains("VRRP0307", Codes(text));
    }

    [Fact]
    public void An_owner_does_not_track_interfaces_with_a_weight_either() =>
        Assert.Equal("eth3", Assert.Single(Instance("priority 255\ntrack_interface {\neth2 weight -5\neth3\n}").TrackInterfaces).Name);

    [Theory]
    [InlineData("track_script {\ns\nz\n}\ntrack_file {\nf\n}\ntrack_process {\np\n}", "", "z 0, f 0, p -30", "")]
    [InlineData("track_script {\ns\n}", "sync_group_tracking_weight", "s 20", "")]
    [InlineData("", "track_script {\ns\nz\n}", "s 20, z 0", "s 20, z 0")]
    [InlineData("track_script {\ns\n}", "track_script {\ns weight -5\n}\nsync_group_tracking_weight", "s -5", "s -5")]
    [InlineData("track_script {\ns\n}", "track_script {\ns weight -5\n}", "s -5", "s -5")]
    [InlineData("track_script {\nz\n}", "track_script {\nz weight -9\n}", "z 0", "z -9")]
    [InlineData("track_file {\nf\n}", "track_file {\nf weight 3\n}", "f 0", "f 3")]
    [InlineData("track_file {\nf\n}", "track_file {\nf weight 4\n}\nsync_group_tracking_weight", "f 4", "f 4")]
    public void Members_of_a_group_have_its_trackers(string own, string group, string first, string second)
    {
        string text = Defined + $"vrrp_sync_group G {{\ngroup {{\nV W\n}}\n{group}\n}}\n" + InstanceText(own) + "\n" + Second("");
        var config = Config(text);
        Assert.Equal((first, second), (Tracked(config.Instances[0]), Tracked(config.Instances[1])));
    }

    [Fact]
    public void A_group_with_an_owner_has_no_weights()
    {
        string text = Defined + "vrrp_sync_group G {\ngroup {\nV W\n}\ntrack_script {\ns\n}\ntrack_file {\nf\n}\ntrack_process {\np\n}\n}\n"
            + InstanceText("priority 255") + "\n" + Second("");
        Assert.All(Config(text).Instances, instance => Assert.Equal("s 0, f 0, p 0", Tracked(instance)));
        Assert.Equal("s 0, f 0, p 0", Tracked(Config(text).SyncGroups[0].TrackedObjects));
        Assert.Contains("VRRP0308", Codes(text));
    }

    [Fact]
    public void Interfaces_of_a_group_count_unless_the_member_has_them_without_weight()
    {
        string group = "vrrp_sync_group G {\ngroup {\nV W\n}\ntrack_interface {\neth5 weight 4\neth6 weight 9\n}\nsync_group_tracking_weight\n}\n";
        var config = Config(group + InstanceText("track_interface {\neth5 weight 3\neth6\n}") + "\n" + Second(""));
        Assert.Equal([new("eth5", 4), new("eth6")], config.Instances[0].TrackInterfaces.ToArray());
        Assert.Equal([new("eth5", 4), new("eth6", 9)], config.Instances[1].TrackInterfaces.ToArray());
    }

    [Fact]
    public void A_changed_tracker_is_a_change()
    {
        var before = Config(Defined);
        Assert.Empty(ConfigDiff.Create(before, Config("\n\n" + Defined)).ChangedTrackers);
        var diff = ConfigDiff.Create(before, Config(Defined.Replace("-30", "-31", StringComparison.Ordinal) + "vrrp_script new {\nscript /x\n}"));
        Assert.Equal(["p", "new"], diff.ChangedTrackers.ToArray());
        Assert.False(diff.IsEmpty);
        Assert.Equal(["f", "p", "r", "s", "z"], ConfigDiff.Create(before, Config("")).ChangedTrackers.ToArray());
    }

    private static string Second(string lines) => InstanceText(lines).Replace("instance V", "instance W", StringComparison.Ordinal)
        .Replace("router_id 51", "router_id 52", StringComparison.Ordinal).Replace("10.0.0.1\n", "10.0.0.2\n", StringComparison.Ordinal);

    private static string Tracked(VrrpInstance instance) => Tracked(instance.TrackedObjects);

    private static string Tracked(IEnumerable<TrackedObject> tracked) =>
        string.Join(", ", tracked.Select(one => $"{one.Name} {one.Weight}{(one.Reverse ? " reverse" : "")}"));

    private static string Without318(string text) =>
        string.Join(',', Load(text).Diagnostics.Where(d => d.Severity != DiagnosticSeverity.Info).Select(d => d.Code));
}
