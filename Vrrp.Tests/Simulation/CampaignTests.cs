using System.Text;
using Vrrp.Simulation;

namespace Vrrp.Tests.Simulation;

/// <summary>Random scenarios under every invariant: a thousand router-days, on all processors.</summary>
public class CampaignTests
{
    private const int Seeds = 1500;
    private const double RouterDays = 1000;

    [Fact]
    public void A_thousand_router_days_violate_no_invariant()
    {
        var campaign = new Campaign();
        Parallel.For(1, Seeds + 1, (seed, loop) =>
        {
            if (!campaign.Run(seed))
                loop.Stop();
        });

        Assert.True(campaign.Failure is null, campaign.Failure);
        Assert.True(campaign.RouterTime.TotalDays >= RouterDays, $"{campaign.RouterTime.TotalDays:0.0} router-days are too few.");
        // What was not tried was not shown.
        Assert.Empty(Enum.GetValues<ScenarioDisturbanceKind>().Except(campaign.Disturbances));
        Assert.Empty(Expected.Except(campaign.Transitions));
        Assert.Empty(Dimensions.Keys.Except(campaign.Dimensions));
        Assert.True(campaign.Convergences > 10 * Seeds, $"{campaign.Convergences} convergences");
    }

    [Fact]
    public void Equal_seeds_give_equal_timelines()
    {
        for (int seed = 1; seed <= 10; seed++)
        {
            string timeline = RandomScenario.Create(seed).Run().Timeline;
            Assert.NotEmpty(timeline);
            Assert.Equal(timeline, RandomScenario.Create(seed).Run().Timeline);
        }
    }

    /// <summary>Every transition there is, with every reason that can lead to it.</summary>
    private static ScenarioTransition[] Expected =>
    [
        new(VrrpState.Initialize, VrrpState.Backup, TransitionReason.Started),
        new(VrrpState.Initialize, VrrpState.Master, TransitionReason.AddressOwner),
        new(VrrpState.Initialize, VrrpState.Fault, TransitionReason.FaultBegan),
        new(VrrpState.Backup, VrrpState.Master, TransitionReason.MasterSilent),
        new(VrrpState.Backup, VrrpState.Master, TransitionReason.MasterLeft),
        new(VrrpState.Backup, VrrpState.Master, TransitionReason.Preempted),
        new(VrrpState.Backup, VrrpState.Fault, TransitionReason.FaultBegan),
        new(VrrpState.Backup, VrrpState.Initialize, TransitionReason.Stopped),
        new(VrrpState.Master, VrrpState.Backup, TransitionReason.HigherPriorityHeard),
        new(VrrpState.Master, VrrpState.Backup, TransitionReason.HigherAddressHeard),
        new(VrrpState.Master, VrrpState.Backup, TransitionReason.ReplacedWhileStalled),
        new(VrrpState.Master, VrrpState.Backup, TransitionReason.SyncGroup),
        new(VrrpState.Master, VrrpState.Fault, TransitionReason.FaultBegan),
        new(VrrpState.Master, VrrpState.Initialize, TransitionReason.Stopped),
        new(VrrpState.Fault, VrrpState.Backup, TransitionReason.FaultEnded),
        new(VrrpState.Fault, VrrpState.Master, TransitionReason.AddressOwner),
        new(VrrpState.Fault, VrrpState.Initialize, TransitionReason.Stopped),
    ];

    /// <summary>What scenarios can be made of, each by what shows it in one.</summary>
    private static readonly Dictionary<string, Func<Scenario, IEnumerable<VirtualRouterConfig>, bool>> Dimensions = new()
    {
        ["version 2"] = (_, routers) => routers.Any(router => router.Version == VrrpVersion.V2),
        ["IPv6"] = (_, routers) => routers.Any(router => router.Family == IPFamily.IPv6),
        ["one VRID for both families"] = (_, routers) => routers.Any(one => routers.Any(other => one.VirtualRouterId == other.VirtualRouterId && one.Family != other.Family)),
        ["mixed intervals"] = (_, routers) => routers.Any(one => routers.Any(other => one.Name == other.Name && one.AdvertisementInterval != other.AdvertisementInterval)),
        ["10 ms"] = (_, routers) => routers.Any(router => router.AdvertisementInterval.Centiseconds == 1),
        ["40.95 s"] = (_, routers) => routers.Any(router => router.AdvertisementInterval.Centiseconds == 4095),
        ["255 s"] = (_, routers) => routers.Any(router => router.AdvertisementInterval.Centiseconds == 25500),
        ["equal priorities"] = (_, routers) => routers.Count(router => router.Priority == Priority.Default) > 1,
        ["an owner"] = (_, routers) => routers.Any(router => router.IsOwner),
        ["no preemption"] = (_, routers) => routers.Any(router => !router.Preempt),
        ["a preempt delay"] = (_, routers) => routers.Any(router => router.PreemptDelay > TimeSpan.Zero),
        ["a sync group"] = (_, routers) => routers.Any(router => router.SyncGroup is not null),
        ["unicast"] = (_, routers) => routers.Any(router => router.UnicastPeers.Length > 0),
        ["a password"] = (_, routers) => routers.Any(router => router.Password is not null),
        ["both checksums"] = (_, routers) => routers.Any(one => routers.Any(other => one.Name == other.Name && one.Checksum != other.Checksum)),
        ["Accept_Mode false"] = (_, routers) => routers.Any(router => !router.AcceptMode),
        ["excluded addresses"] = (_, routers) => routers.Any(router => router.ExcludedAddresses.Length > 0),
        ["advertising before yielding"] = (_, routers) => routers.Any(router => router.AdvertiseBeforeYield),
        ["not answering lower ones"] = (_, routers) => routers.Any(router => !router.AnswerLowerPriority),
        ["other down timers"] = (_, routers) => routers.Any(router => router.DownTimerAdverts != 3),
        ["eight virtual routers"] = (scenario, _) => scenario.Nodes.Any(node => node.Routers.Length == 8),
        ["five nodes"] = (scenario, _) => scenario.Nodes.Length == 5,
        ["a start that is put off"] = (scenario, _) => scenario.Nodes.Any(node => node.Routers.Any(router => router.StartAfter > TimeSpan.Zero)),
        ["clocks that differ"] = (scenario, _) => scenario.Nodes.Any(node => node.ClockRate != 1),
        ["jitter"] = (scenario, _) => scenario.Jitter > TimeSpan.Zero,
        ["a crash between two operations"] = (scenario, _) => Has(scenario, disturbance => disturbance is { Kind: ScenarioDisturbanceKind.Crash, Value: > 0 }),
        ["one address that is refused"] = (scenario, _) => Has(scenario, disturbance => disturbance is { Kind: ScenarioDisturbanceKind.AddressesRefused, Words: not null }),
        ["a tracked interface"] = (_, routers) => routers.Any(router => router.TrackedInterfaces.Any(tracked => tracked.Weight != 0)),
        ["one that ends the service"] = (_, routers) => routers.Any(router => router.TrackedInterfaces.Any(tracked => tracked is { Weight: 0, Reverse: false })),
        ["one that ends that of a group"] = (_, routers) => routers.Any(router => router.SyncGroup is not null && router.TrackedInterfaces.Length > 0),
        ["one that is to be down"] = (_, routers) => routers.Any(router => router.TrackedInterfaces.Any(tracked => tracked.Reverse)),
        ["a tracked link that fails"] = (scenario, _) => Has(scenario, disturbance => disturbance is { Kind: ScenarioDisturbanceKind.LinkDown, Words: not null }),
        ["a weight"] = (scenario, _) => Has(scenario, disturbance => disturbance is { Kind: ScenarioDisturbanceKind.Tracked, Value: > 0, Words: null }),
        ["a tracked failure"] = (scenario, _) => Has(scenario, disturbance => disturbance is { Kind: ScenarioDisturbanceKind.Tracked, Words: "faulty" }),
        ["what is not known yet"] = (scenario, _) => Has(scenario, disturbance => disturbance is { Kind: ScenarioDisturbanceKind.Tracked, Words: "pending" }),
        ["one way that loses"] = (scenario, _) => HasWay(scenario, ScenarioDisturbanceKind.Loss),
        ["one way that is slow"] = (scenario, _) => HasWay(scenario, ScenarioDisturbanceKind.Delay),
        ["one way that is slow at times"] = (scenario, _) => HasWay(scenario, ScenarioDisturbanceKind.Jitter),
        ["one way that duplicates"] = (scenario, _) => HasWay(scenario, ScenarioDisturbanceKind.Duplication),
        ["one way that reorders"] = (scenario, _) => HasWay(scenario, ScenarioDisturbanceKind.Reordering),
    };

    private static bool Has(Scenario scenario, Func<ScenarioDisturbance, bool> isWanted) => scenario.Disturbances.Any(isWanted);

    private static bool HasWay(Scenario scenario, ScenarioDisturbanceKind kind) => Has(scenario, disturbance => disturbance.Kind == kind && disturbance.Node is not null);

    private sealed class Campaign
    {
        private readonly Lock _lock = new();

        public TimeSpan RouterTime { get; private set; }

        public long Convergences { get; private set; }

        public HashSet<ScenarioDisturbanceKind> Disturbances { get; } = [];

        public HashSet<ScenarioTransition> Transitions { get; } = [];

        public HashSet<string> Dimensions { get; } = [];

        public string? Failure { get; private set; }

        public bool Run(int seed)
        {
            var scenario = RandomScenario.Create(seed);
            var result = scenario.Run(new() { Records = SimulationEventKinds.None });
            VirtualRouterConfig[] routers = [.. scenario.Nodes.SelectMany(node => node.Routers).Select(router => router.Config)];
            string[] dimensions = [.. CampaignTests.Dimensions.Where(dimension => dimension.Value(scenario, routers)).Select(dimension => dimension.Key)];
            string? failure = result.Violations is [var first, ..] ? Describe(seed, scenario, first) : null;
            lock (_lock)
            {
                RouterTime += result.RouterTime;
                Convergences += result.Convergences;
                Disturbances.UnionWith(result.Disturbances.Keys);
                Transitions.UnionWith(result.Transitions.Keys);
                Dimensions.UnionWith(dimensions);
                Failure ??= failure;
                return Failure is null;
            }
        }

        private static string Describe(int seed, Scenario scenario, InvariantViolation violation)
        {
            var small = ScenarioShrinker.Shrink(
                scenario,
                candidate => candidate.Run(new() { Records = SimulationEventKinds.None }).Violations is [var first, ..] && first.Invariant == violation.Invariant,
                attempts: 2000);
            return new StringBuilder()
                .AppendLine(null, $"Seed {seed} violates {violation.Invariant}: {violation}")
                .AppendLine(null, $"Replay it with: vrrp simulate --seed {seed} --timeline")
                .AppendLine("As small as it gets, for a file in Vrrp.Tests/Simulation/Regressions:")
                .AppendLine()
                .AppendLine(small.ToString())
                .AppendLine("or as a test:")
                .AppendLine()
                .AppendLine(ScenarioShrinker.ToTest(small, $"Seed_{seed}_violates_{violation.Invariant}"))
                .ToString();
        }
    }
}
