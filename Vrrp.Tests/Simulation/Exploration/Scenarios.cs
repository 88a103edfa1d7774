using System.Collections.Immutable;

namespace Vrrp.Tests.Simulation.Exploration;

/// <summary>What is explored.</summary>
internal static class Scenarios
{
    /// <summary>Two routers of different rank and everything there is.</summary>
    public static Scenario Two { get; } = new()
    {
        Name = "two routers",
        Routers = [Scenario.Router(192), Scenario.Router(128)],
        Losses = true, Duplicates = true, Crashes = true, Stops = true, HandOvers = true, Faults = true, Stalls = true, AddressLosses = true,
        Lateness = 1, Priorities = [64, 128, 192],
    };

    /// <summary>More on the way at a time, so that old packets overtake and follow new ones.</summary>
    public static Scenario TwoWithQueues { get; } = new()
    {
        Name = "two routers, three packets on each way",
        Routers = [Scenario.Router(192), Scenario.Router(128)],
        PacketsPerLink = 3,
        Losses = true, Crashes = true, Stops = true, HandOvers = true, Lateness = 1,
    };

    public static Scenario TwoEqual { get; } = new()
    {
        Name = "two routers of equal priority, version 2",
        Routers = [Scenario.Router(128, Version2), Scenario.Router(128, Version2)],
        PacketsPerLink = 2,
        Losses = true, Crashes = true, Stops = true, HandOvers = true, Faults = true, Stalls = true, Lateness = 1,
    };

    public static Scenario TwoWithoutPreempt { get; } = new()
    {
        Name = "the higher without preempt",
        Routers = [Scenario.Router(192, router => router with { Preempt = false }), Scenario.Router(128)],
        Losses = true, Crashes = true, Stops = true, HandOvers = true, Faults = true, Priorities = [64, 192],
    };

    public static Scenario TwoWithDelay { get; } = new()
    {
        Name = "the higher with a preempt delay",
        Routers = [Scenario.Router(192, router => router with { PreemptDelay = TimeSpan.FromSeconds(1.5) }), Scenario.Router(128)],
        Losses = true, Crashes = true, Stops = true, Faults = true, Lateness = 1, Priorities = [64, 192],
    };

    /// <summary>The Backup learns: it waits for an interval of the Master, not of its own.</summary>
    public static Scenario TwoIntervals { get; } = new()
    {
        Name = "intervals of one and two seconds",
        Routers =
        [
            Scenario.Router(192, router => OneAdvertisement(router) with { AdvertisementInterval = AdvertisementInterval.FromSeconds(2) }),
            Scenario.Router(128, OneAdvertisement),
        ],
        Losses = true, Crashes = true, Stops = true, HandOvers = true, Priorities = [64],
    };

    /// <summary><c>lower_prio_no_advert</c> and <c>higher_prio_send_advert</c>.</summary>
    public static Scenario TwoWithOptions { get; } = new()
    {
        Name = "no answer to the lower, one more advertisement before yielding",
        Routers = [Scenario.Router(192, Options), Scenario.Router(128, Options)],
        PacketsPerLink = 2,
        Losses = true, Crashes = true, Stops = true, Stalls = true, Priorities = [64],
    };

    public static Scenario TwoOwners { get; } = new()
    {
        Name = "two owners and a backup, version 3",
        Routers = [Scenario.Router(255, OneAdvertisement), Scenario.Router(255, OneAdvertisement), Scenario.Router(128, OneAdvertisement)],
        Losses = true, Crashes = true,
    };

    public static Scenario DeafOwner { get; } = new()
    {
        Name = "an owner that drops what it hears, version 2",
        Routers = [Scenario.Router(255, Version2), Scenario.Router(128, Version2)],
        PacketsPerLink = 2,
        Losses = true, Crashes = true, Stops = true, HandOvers = true, Faults = true, Lateness = 1,
    };

    public static Scenario ThreeEqual { get; } = new()
    {
        Name = "three routers of equal priority",
        Routers = [Scenario.Router(128, OneAdvertisement), Scenario.Router(128, OneAdvertisement), Scenario.Router(128, OneAdvertisement)],
        TickNanoseconds = 500_000_000,
        Losses = true, Crashes = true,
    };

    public static Scenario Three { get; } = new()
    {
        Name = "three routers, the first 19 events",
        Routers = [Scenario.Router(192, OneAdvertisement), Scenario.Router(128, OneAdvertisement), Scenario.Router(64, OneAdvertisement)],
        Losses = true, Crashes = true, Stops = true,
        Depth = 19,
    };

    public static Scenario Group { get; } = new()
    {
        Name = "two sync groups of two",
        Routers = [Scenario.Router(192, Member), Scenario.Router(192, Member), Scenario.Router(128, Member), Scenario.Router(128, Member)],
        RoutersPerNode = 2,
        Losses = true, Crashes = true, Stops = true, Faults = true,
    };

    public static Scenario OwnerGroup { get; } = new()
    {
        Name = "a sync group of owners",
        Routers = [Scenario.Router(255, Member), Scenario.Router(255, Member), Scenario.Router(128, Member), Scenario.Router(128, Member)],
        RoutersPerNode = 2,
        Losses = true, Crashes = true, Faults = true,
    };

    public static Scenario ThreeToTheEnd { get; } = Three with { Name = "three routers, to the end", Depth = int.MaxValue };

    /// <summary>Three advertisements to miss, hand-overs and faults.</summary>
    public static Scenario ThreeInFull { get; } = new()
    {
        Name = "three routers in full",
        Routers = [Scenario.Router(192), Scenario.Router(128), Scenario.Router(64)],
        Losses = true, Crashes = true, Stops = true, HandOvers = true, Faults = true,
    };

    public static Scenario TwoInFull { get; } = Two with { Name = "two routers in full", PacketsPerLink = 2, Lateness = 2 };

    public static Scenario GroupInFull { get; } = Group with
    {
        Name = "two sync groups of two in full",
        Routers = [.. Group.Routers.Select(router => router with { DownTimerAdverts = 3 })],
        HandOvers = true,
    };

    public static ImmutableArray<Scenario> All { get; } =
    [
        Two, TwoWithQueues, TwoEqual, TwoWithoutPreempt, TwoWithDelay, TwoIntervals, TwoWithOptions, TwoOwners, DeafOwner, ThreeEqual, Three,
        Group, OwnerGroup, ThreeToTheEnd, TwoInFull, GroupInFull, ThreeInFull,
    ];

    private static VirtualRouterConfig Version2(VirtualRouterConfig router) => router with { Version = VrrpVersion.V2 };

    /// <summary>A short down interval: fewer states, the same decisions.</summary>
    private static VirtualRouterConfig OneAdvertisement(VirtualRouterConfig router) => router with { DownTimerAdverts = 1 };

    private static VirtualRouterConfig Member(VirtualRouterConfig router) => router with { SyncGroup = "group", DownTimerAdverts = 1 };

    private static VirtualRouterConfig Options(VirtualRouterConfig router) =>
        router with { AnswerLowerPriority = false, AdvertiseBeforeYield = true };
}
