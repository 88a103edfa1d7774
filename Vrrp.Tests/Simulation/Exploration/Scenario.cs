using System.Collections.Immutable;

namespace Vrrp.Tests.Simulation.Exploration;

/// <summary>
/// What may happen to which routers. Time is counted in ticks: intervals and skews are whole ticks, so states repeat and can be counted.
/// A quarter of a second does it for intervals of whole seconds and priorities that are multiples of 64: their skew in version 2 and at
/// one second is (256 − priority) / 256 s. A deadline between two ticks counts as the later one, which changes nothing: the machine only
/// asks whether it has passed, and nobody looks between ticks.
/// </summary>
internal sealed record Scenario
{
    public required string Name { get; init; }

    /// <summary>Virtual routers, node by node; those of one node are members of its sync group, each on a LAN of its own.</summary>
    public required ImmutableArray<VirtualRouterConfig> Routers { get; init; }

    /// <summary>Virtual routers of a node: 1, or the size of the sync group.</summary>
    public int RoutersPerNode { get; init; } = 1;

    public long TickNanoseconds { get; init; } = 250_000_000;

    /// <summary>Advertisements that can be on the way from one router to another. One more is lost; an older one can be lost before.</summary>
    public int PacketsPerLink { get; init; } = 1;

    /// <summary>Ticks by which a timer may fire late.</summary>
    public int Lateness { get; init; }

    public bool Losses { get; init; }

    /// <summary>A packet may be delivered and still be on the way.</summary>
    public bool Duplicates { get; init; }

    /// <summary>The process is killed: its addresses stay on the host until it starts again.</summary>
    public bool Crashes { get; init; }

    public bool Stops { get; init; }

    public bool HandOvers { get; init; }

    public bool Faults { get; init; }

    /// <summary>A Master finds that it was not scheduled.</summary>
    public bool Stalls { get; init; }

    /// <summary>Somebody takes the addresses off a Master.</summary>
    public bool AddressLosses { get; init; }

    /// <summary>Priorities that trackers may set.</summary>
    public ImmutableArray<int> Priorities { get; init; } = [];

    /// <summary>Longest sequence of events; what is complete before needs no limit.</summary>
    public int Depth { get; init; } = int.MaxValue;

    public int Nodes => Routers.Length / RoutersPerNode;

    /// <summary>
    /// Within this time after the last disturbance the election is over: an interval until a Master that suspects itself has yielded, one
    /// longest master-down interval until there is a Master, and with a preempt delay that delay and another one until it is preempted.
    /// </summary>
    public int RecoveryTicks
    {
        get
        {
            int interval = Routers.Max(router => Ticks(Nanoseconds(router.AdvertisementInterval)));
            int hold = Routers.Max(router => Ticks(router.PreemptDelay.Ticks * 100));
            return interval + LongestDownTicks + (hold > 0 ? hold + LongestDownTicks : 0);
        }
    }

    /// <summary>Master-down interval of the lowest priority after the longest interval.</summary>
    public int LongestDownTicks
    {
        get
        {
            var interval = Routers.Max(router => router.AdvertisementInterval);
            int lowest = Priorities.Concat(Routers.Select(router => (int)router.Priority.Value)).Min();
            return Routers.Max(router => DownTicks(router, new(lowest), interval));
        }
    }

    /// <summary>A router of priority <paramref name="priority"/> and the defaults, but for what <paramref name="change"/> sets.</summary>
    public static VirtualRouterConfig Router(int priority, Func<VirtualRouterConfig, VirtualRouterConfig>? change = null)
    {
        var config = new VirtualRouterConfig
        {
            Name = "test",
            Interface = "eth0",
            VirtualRouterId = new(51),
            Priority = new(priority),
            VirtualAddresses = [VirtualAddress.Host(IPAddressValue.Parse("10.0.0.254"))],
        };
        return change is null ? config : change(config);
    }

    public static long Nanoseconds(AdvertisementInterval interval) => interval.Centiseconds * 10_000_000L;

    /// <summary>The master-down interval.</summary>
    public int DownTicks(VirtualRouterConfig router, Priority priority, AdvertisementInterval interval)
    {
        var down = VrrpTimers.MasterDownInterval(router.Version, priority, interval, router.DownTimerAdverts);
        return Ticks(down.Ticks * 100);
    }

    /// <summary>Whole ticks, rounded up.</summary>
    public int Ticks(long nanoseconds) => (int)((nanoseconds + TickNanoseconds - 1) / TickNanoseconds);
}
