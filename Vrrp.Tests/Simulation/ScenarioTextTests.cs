using Vrrp.Simulation;

namespace Vrrp.Tests.Simulation;

/// <summary>The text form of scenarios, what running one gives, and the shrinker's test to paste.</summary>
public class ScenarioTextTests
{
    private const string Pair = """
        node A
          router web vrid 51 priority 200 address 10.0.0.254
        node B
          router web vrid 51 address 10.0.0.254

        """;

    [Fact]
    public void A_crash_is_survived_and_told()
    {
        var result = Scenario.Parse(Pair + """
            at 10s crash A    # after its seventh advertisement
            at 20s start A
            end 1m
            """).Run();

        Assert.Empty(result.Violations);
        Assert.Contains("12.828225 s  B    web  Backup → Master (MasterSilent)", result.Timeline, StringComparison.Ordinal);
        Assert.Equal(1, result.Disturbances[ScenarioDisturbanceKind.Crash]);
        Assert.Equal(1, result.Transitions[new(VrrpState.Backup, VrrpState.Master, TransitionReason.Preempted)]);
        // Both for a minute, but for the ten seconds in which A did not run.
        Assert.Equal(110, result.RouterTime.TotalSeconds, precision: 3);
        // At the start, after the crash, after the return.
        Assert.Equal(3, result.Convergences);
    }

    [Fact]
    public void Every_seed_gives_a_scenario_that_its_text_gives_back()
    {
        for (int seed = 0; seed < 500; seed++)
        {
            var scenario = RandomScenario.Create(seed);
            string text = scenario.ToString();
            var read = Scenario.Parse(text);
            Assert.Equal(text, read.ToString());
            Assert.Equal(scenario, read);
            foreach (var (one, other) in scenario.Disturbances.Zip(read.Disturbances))
                Assert.Equal(one, other);
        }
    }

    [Fact]
    public void A_text_runs_as_what_it_was_made_of()
    {
        for (int seed = 0; seed < 5; seed++)
        {
            var scenario = RandomScenario.Create(seed);
            Assert.Equal(scenario.Run().Timeline, Scenario.Parse(scenario.ToString()).Run().Timeline);
        }
    }

    [Fact]
    public void Every_word_of_a_router_is_read_and_written()
    {
        const string Router = "  router web start 2s v2 vrid 51 priority 200 interval 3s nopreempt preempt-delay 1m down-adverts 5 noanswer "
            + "advertise-before-yield noaccept message-checksum password track eth1:-50,eth0:0:reverse group both peers 10.0.0.2,10.0.0.3 address 10.0.0.254/24,10.0.0.253 excluded 2001:db8::1";
        var scenario = Scenario.Parse($"seed -3\ndelay 20us\njitter 1.5ms\nnode A clock 0.98\n{Router}\nend 1d\n");

        Assert.Contains(Router, scenario.ToString(), StringComparison.Ordinal);
        var config = scenario.Nodes[0].Routers[0].Config;
        Assert.Equal(VrrpVersion.V2, config.Version);
        Assert.Equal(AdvertisementInterval.FromSeconds(3), config.AdvertisementInterval);
        Assert.Equal(TimeSpan.FromMinutes(1), config.PreemptDelay);
        Assert.Equal(24, config.VirtualAddresses[0].PrefixLength);
        Assert.Equal([new("eth1", -50), new("eth0", 0, Reverse: true)], config.TrackedInterfaces.ToArray());
        Assert.Equal("both", config.SyncGroup);
        Assert.Equal((-3, 0.98, TimeSpan.FromDays(1)), (scenario.Seed, scenario.Nodes[0].ClockRate, scenario.End));
    }

    [Fact]
    public void Every_disturbance_is_read_and_written()
    {
        foreach (var kind in Enum.GetValues<ScenarioDisturbanceKind>())
        {
            var disturbance = new ScenarioDisturbance
            {
                At = TimeSpan.FromSeconds(1.5),
                Kind = kind,
                Node = "A",
                Target = "web",
                Value = 1,
                Duration = TimeSpan.FromMilliseconds(20),
                Words = kind switch
                {
                    ScenarioDisturbanceKind.Malformed => "flip17",
                    ScenarioDisturbanceKind.Tracked => "faulty",
                    ScenarioDisturbanceKind.LinkDown or ScenarioDisturbanceKind.LinkUp => "eth1",
                    ScenarioDisturbanceKind.Reconfigure => "interval 2s nopreempt",
                    ScenarioDisturbanceKind.Misconfigure => "vrid 52 nopreempt",
                    _ => "10.0.0.254",
                },
            };
            string line = (disturbance.IsOfWay ? disturbance with { Target = "B" } : disturbance).ToString();

            var read = Assert.Single(Scenario.Parse(Pair + line).Disturbances);
            Assert.Equal((kind, line), (read.Kind, read.ToString()));
        }
    }

    [Fact]
    public void Conditions_are_of_the_LAN_or_of_one_way()
    {
        string[] lines =
        [
            "at 1s loss 0.3", "at 1s loss 0.3 A B", "at 1s delay 20ms B A", "at 1s jitter 20ms", "at 1s duplication 1 A B",
            "at 1s reordering 0.2 2s", "at 1s reordering 0.2 2s A B", "at 1s down A", "at 1s down A eth1",
        ];
        var scenario = Scenario.Parse(Pair + string.Join('\n', lines));
        Assert.Equal(lines, scenario.Disturbances.Select(disturbance => disturbance.ToString()));
        Assert.Equal((null, null), (scenario.Disturbances[0].Node, scenario.Disturbances[0].Target));
        Assert.Equal(("A", "B"), (scenario.Disturbances[1].Node, scenario.Disturbances[1].Target));
        Assert.Equal(TimeSpan.FromSeconds(2), scenario.Disturbances[6].Duration);
    }

    [Fact]
    public void One_way_loses_everything_and_heals()
    {
        var result = Scenario.Parse(Pair + """
            at 10s loss 1 A B
            at 20s heal
            end 1m
            """).Run();

        // B hears nothing and is Master as well; A hears B and answers in vain.
        Assert.Empty(result.Violations);
        Assert.Equal(1, result.Transitions[new(VrrpState.Backup, VrrpState.Master, TransitionReason.MasterSilent)] - 1);
        Assert.Equal(1, result.Transitions[new(VrrpState.Master, VrrpState.Backup, TransitionReason.HigherPriorityHeard)]);
    }

    [Fact]
    public void A_tracked_interface_moves_the_master()
    {
        var result = Scenario.Parse("""
            node A
              router web vrid 51 priority 200 track eth1:-150 address 10.0.0.254
            node B
              router web vrid 51 track eth1:0 address 10.0.0.254
            at 20s down A eth1
            at 40s down B eth1
            at 60s up A eth1
            end 2m
            """).Run();

        Assert.Empty(result.Violations);
        Assert.Equal(1, result.Transitions[new(VrrpState.Backup, VrrpState.Master, TransitionReason.Preempted)]);
        Assert.Equal(1, result.Transitions[new(VrrpState.Master, VrrpState.Fault, TransitionReason.FaultBegan)]);
        Assert.Equal(1, result.Transitions[new(VrrpState.Backup, VrrpState.Master, TransitionReason.MasterLeft)]);
    }

    [Fact]
    public void What_the_program_tracks_moves_the_master_and_outlives_the_process()
    {
        string[] lines =
        [
            "at 20s tracked A web -150", "at 40s tracked B web 0 faulty", "at 60s crash A", "at 1m tracked A web 0 pending", "at 65s start A",
            "at 80s tracked A web 20", "end 2m",
        ];
        var scenario = Scenario.Parse(Pair + string.Join('\n', lines));
        Assert.Equal(lines[..^1].Select(line => line.Replace("60s", "1m", StringComparison.Ordinal)), scenario.Disturbances.Select(disturbance => disturbance.ToString()));
        var result = scenario.Run();

        Assert.Empty(result.Violations);
        Assert.Equal(
            [
                "3.218750 s  A    web  Backup → Master (MasterSilent)", "22.828225 s  B    web  Backup → Master (Preempted)",
                "40.804787 s  A    web  Backup → Master (MasterLeft)", "83.140625 s  A    web  Backup → Master (MasterSilent)",
            ],
            result.Timeline.Split('\n').Where(line => line.Contains("→ Master", StringComparison.Ordinal)).Select(line => line.Trim()));
        // It is told before its process runs, and then not again.
        Assert.Equal(3, result.Disturbances[ScenarioDisturbanceKind.Tracked]);
    }

    [Theory]
    [InlineData("node A\nrouter web vrid 51 address 10.0.0.1\nat 5s tracked A web", "line 3: a number is missing at the end")]
    [InlineData("node A\nrouter web vrid 51 address 10.0.0.1\nat 5s tracked A web 10001", "line 3: '10001' is no whole number from -10000 to 10000")]
    [InlineData("node A\nrouter web vrid 51 address 10.0.0.1\nat 5s tracked A web 0 odd", "line 3: 'odd' is nothing that is tracked; there are faulty and pending")]
    [InlineData("nod A", "line 1: 'nod' is not a statement: seed, delay, jitter, node, router, at and end are")]
    [InlineData("router web vrid 51 address 10.0.0.1", "line 1: a router belongs to a node: write 'node NAME' before it")]
    [InlineData("node A\n\nnode A", "line 3: there is a node 'A' already")]
    [InlineData("node A\nrouter web vrid 51", "line 2: VRRP version 3 needs at least one virtual address.")]
    [InlineData("node A\nrouter web vrid 256 address 10.0.0.1", "line 2: '256' is no whole number from 1 to 255")]
    [InlineData("node A\nrouter web vrid 51 adress 10.0.0.1", "line 2: 'adress' is no setting of a router")]
    [InlineData("node A\nrouter a vrid 51 address 10.0.0.1\nrouter b vrid 51 address 10.0.0.2", "line 3: VRID 51 is taken on node A")]
    [InlineData("node A\nrouter web vrid 51 interval 5ms address 10.0.0.1", "line 2: 5ms is no interval: 10ms to 255s in steps of 10ms")]
    [InlineData("node A\nat 5 crash A", "line 2: '5' is no time: a number and, without a space, one of d, h, m, s, ms, us")]
    [InlineData("node A\nat 5s crash B", "line 2: there is no node 'B'")]
    [InlineData("node A\nat 5s crash A 3 4", "line 2: '4' is one word too many")]
    [InlineData("node A\nat 5s freeze A", "line 2: a time is missing at the end")]
    [InlineData("node A\nat 5s crash A\nat 4s start A", "line 3: 4s comes before 5s, the time of the disturbance above")]
    [InlineData("node A\nend 4s\nat 5s crash A\n\n", "line 2: the end at 4s comes before the last disturbance at 5s")]
    [InlineData("node A\nat 5s leave A web", "line 2: node A has no router 'web'")]
    [InlineData("node A\nat 5s take A nothing", "line 2: 'nothing' is no address")]
    [InlineData("at 5s loss 2", "line 1: '2' is no number from 0 to 1")]
    [InlineData("node A\nat 5s loss 0.2 A", "line 2: another node is missing at the end")]
    [InlineData("node A\nat 5s loss 0.2 A A", "line 2: A has no way to itself")]
    [InlineData("node A\nat 5s reordering 0.2", "line 2: a time is missing at the end")]
    [InlineData("node A\nat 5s down A eth2", "line 2: 'eth2' is no interface; there are eth0 and eth1")]
    [InlineData("node A\nrouter web vrid 51 track eth2:5 address 10.0.0.1", "line 2: 'eth2' is no interface; there are eth0 and eth1")]
    [InlineData("node A\nrouter web vrid 51 track eth1:300 address 10.0.0.1", "line 2: '300' is no weight from -253 to 253")]
    [InlineData("node A\nrouter web vrid 51 track eth1:5:5 address 10.0.0.1", "line 2: 'eth1:5:5' is no interface with a weight, as in eth1:-50")]
    public void What_cannot_be_is_told_with_its_line(string text, string message) =>
        Assert.Equal(message, Assert.Throws<FormatException>(() => Scenario.Parse(text)).Message);

    [Fact]
    public void An_unknown_word_is_told_with_those_there_are()
    {
        string verb = Assert.Throws<FormatException>(() => Scenario.Parse(Pair + "at 5s explode A")).Message;
        Assert.StartsWith("line 5: 'explode' is no disturbance; there are heal, loss, ", verb, StringComparison.Ordinal);
        string packet = Assert.Throws<FormatException>(() => Scenario.Parse(Pair + "at 5s malformed A web odd")).Message;
        Assert.StartsWith("line 5: 'odd' is no way for a packet to be malformed; there are source, cast, ", packet, StringComparison.Ordinal);
    }

    [Fact]
    public void A_shrunk_scenario_comes_as_a_test_to_paste()
    {
        string test = ScenarioShrinker.ToTest(Scenario.Parse(Pair + "at 10s crash A\nend 20s"), "A_crash_is_survived");

        Assert.Equal(
            """"
                [Fact]
                public void A_crash_is_survived() =>
                    Assert.Empty(Scenario.Parse("""
                        node A
                          router web vrid 51 priority 200 address 10.0.0.254
                        node B
                          router web vrid 51 address 10.0.0.254
                        at 10s crash A
                        end 20s
                        """).Run().Violations);

            """",
            test);
    }

    [Fact]
    public void What_does_not_fail_cannot_be_shrunk() =>
        Assert.Throws<ArgumentException>(() => ScenarioShrinker.Shrink(Scenario.Parse(Pair), _ => false));
}
