using Vrrp.Simulation;

namespace Vrrp.Tests.Simulation;

/// <summary>The check of the invariants can fail: each broken part is found within a few seeds, by the invariant that it breaks.</summary>
public class MutantTests
{
    private const int Seeds = 80;

    public static TheoryData<string> Names => [.. Mutants.Names];

    [Theory]
    [MemberData(nameof(Names))]
    public void Every_mutant_is_found_by_the_invariant_that_it_breaks(string mutant)
    {
        for (int seed = 1; seed <= Seeds; seed++)
        {
            if (RandomScenario.Create(seed).Run(Mutants.Options(mutant)).Violations is not [var first, ..])
                continue;
            Assert.True(Mutants.Finds(mutant).Contains(first.Invariant), $"Seed {seed} finds '{mutant}' by another invariant: {first}");
            return;
        }

        Assert.Fail($"No seed from 1 to {Seeds} finds a machine that {mutant}.");
    }

    [Theory]
    [InlineData("never yields", 6)]
    [InlineData("keeps its addresses when it yields", 6)]
    [InlineData("says goodbye as Backup", 4)]
    [InlineData("hands over for ever", 6)]
    [InlineData("a member of a group goes alone", 6)]
    public void A_mutant_is_shrunk_to_a_handful_of_lines(string mutant, int lines)
    {
        var options = Mutants.Options(mutant);
        bool Fails(Scenario scenario) =>
            scenario.Run(options).Violations is [var first, ..] && Mutants.Finds(mutant).Contains(first.Invariant);
        var found = Enumerable.Range(1, Seeds).Select(RandomScenario.Create).First(Fails);

        var small = ScenarioShrinker.Shrink(found, Fails);

        Assert.True(Fails(small));
        Assert.True(small.ToString().Split('\n').Length - 1 <= lines, small.ToString());
        // What is pasted is what was found.
        Assert.Equal(small, Scenario.Parse(small.ToString()));
        // And the fault is the mutant's.
        Assert.Empty(small.Run().Violations);
    }

    [Fact]
    public void A_mutant_that_does_not_answer_a_goodbye_is_found()
    {
        var scenario = Scenario.Parse("""
            node A
              router web vrid 51 priority 200 address 10.0.0.254
            node B
              router web vrid 51 address 10.0.0.254
            at 10s part A
            at 20500ms heal
            at 20500ms leave B web
            end 30s
            """);
        Assert.Empty(scenario.Run().Violations);

        var violation = scenario.Run(Mutants.NeverAnswersGoodbyes).Violations[0];
        Assert.Equal((SimulationInvariant.LowerMastersAnswered, "does not answer the priority 0 of B"), (violation.Invariant, violation.Detail));
    }

    [Fact]
    public void What_a_dropped_packet_changes_is_found()
    {
        // Version 2 drops what has another interval.
        var scenario = Scenario.Parse("""
            node A
              router web v2 vrid 51 priority 200 address 10.0.0.254
            node B
              router web v2 vrid 51 interval 2s address 10.0.0.254
            end 1m
            """);
        Assert.Empty(scenario.Run().Violations);

        var broken = new ScenarioOptions
        {
            Prepare = (lan, _) => lan.Node("A").Told = told =>
            {
                if (told is PacketDropped && lan.Node("A").Router("web").Inner is var router)
                    router.State = router.State with { MasterPriority = new(7) };
            },
        };
        var violation = scenario.Run(broken).Violations[0];
        Assert.Equal((SimulationInvariant.PacketsAccounted, "A/web"), (violation.Invariant, violation.Where));
    }

    [Fact]
    public void What_runs_already_is_watched_as_it_is()
    {
        var lan = new SimulatedLan();
        var node = lan.AddNode("a");
        node.Add(Rehearsal.Config());
        lan.Run(TimeSpan.FromSeconds(10));
        var invariants = SimulationInvariants.Watch(lan);
        lan.Run(TimeSpan.FromSeconds(10));
        Assert.Empty(invariants.Violations);

        // Its timer is lost: it has no turn any more in which that could be seen.
        var router = node.Router("web").Inner;
        router.State = router.State with { Deadline = Instant.Never };
        lan.Run(TimeSpan.FromSeconds(10));
        Assert.Equal(SimulationInvariant.AdvertisementsOnTime, invariants.Violations[0].Invariant);
    }

    [Fact]
    public void What_a_refused_change_leaves_is_found()
    {
        var scenario = Scenario.Parse("""
            node A
              router web vrid 51 address 10.0.0.254
            at 10s misconfigure A web vrid 52
            """);
        Assert.Empty(scenario.Run().Violations);

        // The engine as it would be if it changed the priority before it looked at the rest.
        var broken = new ScenarioOptions
        {
            Prepare = (lan, _) => lan.Observe(SimulationEventKinds.Intervention, (in what) =>
            {
                if (what is { Text: "is reconfigured", Node: { } node })
                    node.Router("web").Inner.State = node.Router("web").Machine with { EffectivePriority = new(7) };
            }),
        };
        var violation = Assert.Single(scenario.Run(broken).Violations);
        Assert.Equal((SimulationInvariant.RefusalChangesNothing, "A/web"), (violation.Invariant, violation.Where));
    }

    [Fact]
    public void A_mutant_that_only_a_crash_within_a_turn_shows_is_found()
    {
        var scenario = Scenario.Parse("""
            node A
              router web vrid 51 priority 200 address 10.0.0.254,10.0.0.253
            node B
              router web vrid 51 address 10.0.0.254,10.0.0.253
            at 0s crash A 1
            at 10s start A
            end 30s
            """);
        Assert.Empty(scenario.Run().Violations);

        var violation = scenario.Run(Mutants.Options("looks for nothing that was left behind")).Violations[0];
        Assert.Equal(SimulationInvariant.AddressesOnMaster, violation.Invariant);
        Assert.Equal("is Backup and has 10.0.0.254", violation.Detail);
    }
}
