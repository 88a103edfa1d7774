using System.Globalization;
using Vrrp.Tests.Conformance.Reference;
using Xunit.Abstractions;

namespace Vrrp.Tests.Simulation.Exploration;

/// <summary>
/// Everything that can happen between a few routers, to the end or to a depth: each order of sending, delivering and losing, of timers, kills, stops and
/// starts. In every state the invariants hold, and from every state the election ends in time once nothing more goes wrong.
/// </summary>
public sealed class ExplorationTests(ITestOutputHelper output)
{
    /// <summary>
    /// Name, distinct states, transitions, depth. The numbers are exact: another number is another state space, and worth a look. The last
    /// ones take minutes and are explored with VRRP_EXPLORE=full in the environment.
    /// </summary>
    public static TheoryData<string, int, long, int> Explored
    {
        get
        {
            var explored = new TheoryData<string, int, long, int>
            {
                { Scenarios.Two.Name, 378_225, 6_653_160, 46 },
                { Scenarios.TwoWithQueues.Name, 119_000, 1_587_210, 67 },
                { Scenarios.TwoEqual.Name, 63_504, 901_728, 58 },
                { Scenarios.TwoWithoutPreempt.Name, 123_500, 1_655_225, 51 },
                { Scenarios.TwoWithDelay.Name, 148_424, 1_778_653, 52 },
                { Scenarios.TwoIntervals.Name, 162_476, 1_653_282, 63 },
                { Scenarios.TwoWithOptions.Name, 286_200, 3_440_650, 58 },
                { Scenarios.TwoOwners.Name, 73_249, 690_044, 24 },
                { Scenarios.DeafOwner.Name, 25_920, 350_280, 35 },
                { Scenarios.ThreeEqual.Name, 50_653, 468_944, 21 },
                { Scenarios.Three.Name, 214_601, 1_600_175, 19 },
                { Scenarios.Group.Name, 329_344, 4_479_965, 64 },
                { Scenarios.OwnerGroup.Name, 232_765, 2_789_825, 62 },
            };
            if (Environment.GetEnvironmentVariable("VRRP_EXPLORE") == "full")
            {
                explored.Add(Scenarios.ThreeToTheEnd.Name, 2_449_440, 33_427_566, 41);
                explored.Add(Scenarios.GroupInFull.Name, 2_544_822, 38_128_092, 92);
            }

            return explored;
        }
    }

    /// <summary>Mistakes, and where they show.</summary>
    public static TheoryData<string, string> Mistakes => new()
    {
        { BrokenMachines.NoTieBreak.Fault, Scenarios.TwoEqual.Name },
        { BrokenMachines.PreemptConsultedInMaster.Fault, Scenarios.TwoWithoutPreempt.Name },
        { BrokenMachines.BackupDiscardsAll.Fault, Scenarios.Two.Name },
        { BrokenMachines.LearnsNothing.Fault, Scenarios.TwoIntervals.Name },
        { BrokenMachines.AdvertisesFirst.Fault, Scenarios.Two.Name },
        { BrokenMachines.KeepsAddresses.Fault, Scenarios.Two.Name },
        { BrokenMachines.BackupSaysFarewell.Fault, Scenarios.Two.Name },
        { BrokenMachines.NoTimerAfterYield.Fault, Scenarios.Two.Name },
        { BrokenMachines.NeverYields.Fault, Scenarios.Three.Name },
        { BrokenMachines.HandsOverForEver.Fault, Scenarios.Two.Name },
        { BrokenMachines.AdvertisesInFault.Fault, Scenarios.Two.Name },
        { BrokenMachines.GroupMemberGoesAlone.Fault, Scenarios.Group.Name },
        { BrokenMachines.WaitsTwice.Fault, Scenarios.Two.Name },
        { BrokenMachines.YieldsToAnyone.Fault, Scenarios.Two.Name },
        { BrokenMachines.StandsStillAfterFarewell.Fault, Scenarios.Two.Name },
    };

    [Theory, MemberData(nameof(Explored))]
    public void Everything_that_can_happen_is_safe_and_ends_in_an_election(string name, int states, long transitions, int depth)
    {
        var scenario = Find(name);
        var found = new Explorer(scenario, VrrpStateMachine.Instance).Run();

        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{found.States:N0} states, {found.Transitions:N0} transitions, depth {found.Depth}; two Masters in {found.StatesWithTwoMasters:N0}; "
            + $"elected after {found.LongestRecovery * scenario.TickNanoseconds / 1e9:0.00} s at worst, "
            + $"{scenario.RecoveryTicks * scenario.TickNanoseconds / 1e9:0.00} s allowed"));
        Assert.Equal(
            (states, transitions, depth, scenario.Depth == int.MaxValue), (found.States, found.Transitions, found.Depth, found.IsComplete));
    }

    [Theory, MemberData(nameof(Mistakes))]
    public void A_machine_with_a_mistake_is_found_with_a_shortest_sequence(string fault, string name)
    {
        var found = Assert.Throws<SafetyException>(() => new Explorer(Find(name), BrokenMachines.With(fault)).Run());

        output.WriteLine(found.Message);
    }

    [Fact]
    public void A_limit_of_depth_ends_the_exploration_there()
    {
        var found = new Explorer(Scenarios.DeafOwner with { Depth = 10 }, VrrpStateMachine.Instance).Run();

        Assert.Equal((10, false), (found.Depth, found.IsComplete));
    }

    /// <summary>States differ by what decides only; this is the proof that the rest does not.</summary>
    [Fact]
    public void What_a_state_leaves_out_decides_nothing()
    {
        var random = new Random(4);
        var config = Scenario.Router(100);
        var own = IPAddressValue.Parse("10.0.0.5");
        var state = MachineState.Initial(config);
        var now = new Instant(1_000_000_000_000);
        for (int i = 0; i < 100_000; i++)
        {
            var input = new VrrpEvent
            {
                Kind = (VrrpEventKind)random.Next(10),
                Priority = new(random.Next(3) == 0 ? 100 : random.Next(1, 255)),
                Interval = AdvertisementInterval.OneSecond,
                Source = IPAddressValue.FromIPv4(0x0A00_0000 + (uint)random.Next(10)),
                OwnAddress = own,
                Faults = random.Next(2) == 0 ? VrrpFaults.None : VrrpFaults.LinkDown,
                HandOver = random.Next(2) == 0,
            };
            now = random.Next(3) == 0 && !state.Deadline.IsNever ? state.Deadline : now.AddNanoseconds(random.Next(1_000_000_000));
            var told = VrrpStateMachine.Instance.Step(config, state, input, now);
            var untold = VrrpStateMachine.Instance.Step(config, WithoutReports(state), input, now);

            Assert.Equal(WithoutReports(told.State), WithoutReports(untold.State));
            Assert.Equal(told.Actions, untold.Actions);
            state = told.State;
        }
    }

    private static Scenario Find(string name) => Scenarios.All.Single(scenario => scenario.Name == name);

    private static MachineState WithoutReports(in MachineState state) =>
        state with { MasterAddress = default, MasterPriority = default, Awaited = AwaitedMaster.Silent };
}
