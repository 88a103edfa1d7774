using System.Globalization;
using Vrrp.Tests.LaboratoryMachine;
using Vrrp.Tests.Linux.Lab;
using Xunit.Abstractions;

namespace Vrrp.Tests.Linux.Chaos;

/// <summary>
/// Real daemons under a seeded sequence of faults. A short run by itself; with VRRP_CHAOS_MINUTES a long one, of which docs/reliability.md
/// tells. VRRP_CHAOS_SEED changes the seed, VRRP_CHAOS_MARGIN_MS the margin, VRRP_CHAOS_REPORTS the folder that reports are written to.
/// </summary>
public abstract class ChaosSet(ITestOutputHelper output)
{
    private protected static readonly VirtualRouterSpec[] IPv4AndIPv6 = [new(), new() { Name = "VI_6", Vrid = 52, Addresses = ["fe80::100", "fd77:0::100"] }];

    // What the other interoperation tests allow a busy machine; and what one needs that is emulated.
    private static readonly TimeSpan UsualMargin = TimeSpan.FromSeconds(LaboratoryNeed.IsInside ? 6 : 1.5);

    internal abstract ChaosCluster Cluster { get; }

    /// <summary>The length of the short run.</summary>
    private protected virtual TimeSpan ShortLength => TimeSpan.FromSeconds(30);

    /// <summary>What can happen in the short run.</summary>
    private protected abstract IReadOnlyCollection<ChaosFaultKind> ShortKinds { get; }

    /// <summary>What can happen in the long run.</summary>
    private protected virtual IReadOnlyCollection<ChaosFaultKind> Kinds => ShortKinds;

    private const int UsualSeed = 1;

    /// <summary>A machine that was too slow for most of a run to be judged may be faster the next time.</summary>
    private const int MostRuns = 4;

    /// <summary>How long the long run is, in minutes.</summary>
    internal const string MinutesVariable = "VRRP_CHAOS_MINUTES";

    private protected ChaosPlan ShortPlan(int seed = UsualSeed) => ChaosPlan.Create(Cluster, ShortKinds, seed, ShortLength, UsualMargin);

    private protected async Task PlayAsync()
    {
        var seed = (int)(Number("VRRP_CHAOS_SEED") ?? UsualSeed);
        var margin = Number("VRRP_CHAOS_MARGIN_MS") is { } milliseconds ? TimeSpan.FromMilliseconds(milliseconds) : UsualMargin;
        var plan = Number(MinutesVariable) is { } minutes
            ? ChaosPlan.Create(Cluster, Kinds, seed, TimeSpan.FromMinutes(minutes), margin)
            : ShortPlan(seed);
        output.WriteLine(plan.ToString());
        ChaosReport report;
        int left = MostRuns;
        do
        {
            report = await ChaosRun.PlayAsync(plan, margin);
            output.WriteLine(report.ToString());
            await SaveAsync(plan, report);
            Assert.True(!report.Ours.Any(), report.ToString());
        }
        while (!IsJudged(report) && --left > 0);
        Assert.True(IsJudged(report), report.ToString());
    }

    private static bool IsJudged(ChaosReport report) => report.NotJudged <= report.Outcomes.Count / 3;

    private static double? Number(string variable) =>
        Environment.GetEnvironmentVariable(variable) is { Length: > 0 } text ? double.Parse(text, CultureInfo.InvariantCulture) : null;

    private static async Task SaveAsync(ChaosPlan plan, ChaosReport report)
    {
        var folder = Environment.GetEnvironmentVariable("VRRP_CHAOS_REPORTS") ?? Path.Combine(AppContext.BaseDirectory, "chaos");
        Directory.CreateDirectory(folder);
        var name = string.Create(CultureInfo.InvariantCulture, $"{plan.Cluster.Name}, seed {plan.Seed}.txt").Replace(' ', '_');
        await File.WriteAllTextAsync(Path.Combine(folder, name), $"{report}\n{plan}");
    }
}

/// <summary>What every kernel can do.</summary>
public abstract class ChaosTest(ITestOutputHelper output) : ChaosSet(output)
{
    private static readonly ChaosFaultKind[] EverywhereKinds =
    [
        ChaosFaultKind.Kill, ChaosFaultKind.KillStarting, ChaosFaultKind.Freeze, ChaosFaultKind.Leave, ChaosFaultKind.LinkDown,
        ChaosFaultKind.CableOut, ChaosFaultKind.InterfaceRemoved, ChaosFaultKind.AddressRemoved, ChaosFaultKind.AdvertLoss,
        ChaosFaultKind.Partition, ChaosFaultKind.OneWayPartition, ChaosFaultKind.DiskFull, ChaosFaultKind.BrokenReload,
        ChaosFaultKind.LowerPriority, ChaosFaultKind.FurtherAddress,
    ];

    private protected override IReadOnlyCollection<ChaosFaultKind> ShortKinds => Kinds;

    private protected override IReadOnlyCollection<ChaosFaultKind> Kinds =>
        MemoryGroup.IsAvailable ? [.. EverywhereKinds, ChaosFaultKind.MemoryPressure] : EverywhereKinds;

    [Fact]
    public Task The_address_is_answered_for_by_one_host_and_nothing_is_left_behind() => PlayAsync();
}

/// <summary>Frames are lost, late, twice, and in another order.</summary>
[Collection(LaboratoryTurn.Last)]
public sealed class ChaosOnBadNetworks(ITestOutputHelper output) : ChaosSet(output)
{
    internal override ChaosCluster Cluster { get; } = new()
    {
        Name = "vrrp and keepalived on a bad network, every second",
        Directors = [DirectorKind.Vrrp, DirectorKind.Keepalived],
        Routers = [new() { Interval = TimeSpan.FromSeconds(1) }],
    };

    private protected override TimeSpan ShortLength => TimeSpan.FromSeconds(45);

    private protected override IReadOnlyCollection<ChaosFaultKind> ShortKinds =>
        [ChaosFaultKind.FrameLoss, ChaosFaultKind.FrameDelay, ChaosFaultKind.Kill];

    [LaboratoryFact(LaboratoryNeed.Netem, Seconds = 900, SecondsFrom = MinutesVariable)]
    public Task The_address_is_answered_for_by_one_host_and_nothing_is_left_behind() => PlayAsync();
}

/// <summary>The clock is set, and the memory used up.</summary>
[Collection(LaboratoryTurn.Last)]
public sealed class ChaosOfMachines(ITestOutputHelper output) : ChaosSet(output)
{
    internal override ChaosCluster Cluster { get; } = new()
    {
        Name = "vrrp and keepalived on a machine that changes, every second",
        Directors = [DirectorKind.Vrrp, DirectorKind.Keepalived],
        Routers = [new() { Interval = TimeSpan.FromSeconds(1) }],
    };

    private protected override TimeSpan ShortLength => TimeSpan.FromSeconds(35);

    private protected override IReadOnlyCollection<ChaosFaultKind> ShortKinds =>
        [ChaosFaultKind.ClockStep, ChaosFaultKind.MemoryPressure];

    [LaboratoryFact(LaboratoryNeed.Machine, Seconds = 900, SecondsFrom = MinutesVariable)]
    public Task The_address_is_answered_for_by_one_host_and_nothing_is_left_behind() => PlayAsync();
}

public sealed class ChaosOfTwo(ITestOutputHelper output) : ChaosTest(output)
{
    internal override ChaosCluster Cluster { get; } = new()
    {
        Name = "vrrp and vrrp, IPv4 and IPv6 every 0.1 s",
        Directors = [DirectorKind.Vrrp, DirectorKind.Vrrp],
        Routers = IPv4AndIPv6,
    };

    private protected override TimeSpan ShortLength => TimeSpan.FromSeconds(75);

    [Fact]
    public void A_short_run_has_each_kind_of_fault() =>
        Assert.Equal(ShortKinds.Order(), ShortPlan().Episodes.SelectMany(episode => episode.Faults).Select(fault => fault.Kind).Distinct().Order());
}

public sealed class ChaosOfThree(ITestOutputHelper output) : ChaosTest(output)
{
    internal override ChaosCluster Cluster { get; } = new()
    {
        Name = "vrrp, vrrp and keepalived, every 0.1 s",
        Directors = [DirectorKind.Vrrp, DirectorKind.Vrrp, DirectorKind.Keepalived],
        Routers = [new()],
    };
}

public sealed class ChaosOfVrrpAboveKeepalived(ITestOutputHelper output) : ChaosTest(output)
{
    internal override ChaosCluster Cluster { get; } = new()
    {
        Name = "vrrp and keepalived, every 0.1 s",
        Directors = [DirectorKind.Vrrp, DirectorKind.Keepalived],
        Routers = [new()],
    };
}

public sealed class ChaosOfVrrpBelowKeepalived(ITestOutputHelper output) : ChaosTest(output)
{
    internal override ChaosCluster Cluster { get; } = new()
    {
        Name = "keepalived and vrrp, IPv4 and IPv6 every 0.1 s",
        Directors = [DirectorKind.Keepalived, DirectorKind.Vrrp],
        Routers = IPv4AndIPv6,
    };
}

public sealed class ChaosOfKeepalived(ITestOutputHelper output) : ChaosTest(output)
{
    internal override ChaosCluster Cluster { get; } = new()
    {
        Name = "keepalived and keepalived, every 0.1 s",
        Directors = [DirectorKind.Keepalived, DirectorKind.Keepalived],
        Routers = [new()],
    };
}

public sealed class ChaosOfVersion2(ITestOutputHelper output) : ChaosTest(output)
{
    internal override ChaosCluster Cluster { get; } = new()
    {
        Name = "vrrp and keepalived, version 2 every second",
        Directors = [DirectorKind.Vrrp, DirectorKind.Keepalived],
        Routers = [new() { Version = 2, Interval = TimeSpan.FromSeconds(1), Password = "33210" }],
    };

    private protected override TimeSpan ShortLength => TimeSpan.FromSeconds(30);

    // Few come in so short a time.
    private protected override IReadOnlyCollection<ChaosFaultKind> ShortKinds =>
        [ChaosFaultKind.Kill, ChaosFaultKind.Leave, ChaosFaultKind.CableOut, ChaosFaultKind.Partition];
}

public sealed class ChaosOfGroups(ITestOutputHelper output) : ChaosTest(output)
{
    internal override ChaosCluster Cluster { get; } = new()
    {
        Name = "vrrp and vrrp, sync group every 0.1 s",
        Directors = [DirectorKind.Vrrp, DirectorKind.Vrrp],
        Routers = [new() { Name = "VI_OUT" }, new() { Name = "VI_IN", Network = 1, Vrid = 52, Addresses = ["10.77.1.100"] }],
        IsSyncGroup = true,
    };
}

public sealed class ChaosOfCentiseconds(ITestOutputHelper output) : ChaosTest(output)
{
    internal override ChaosCluster Cluster { get; } = new()
    {
        Name = "vrrp and vrrp, every 0.01 s",
        Directors = [DirectorKind.Vrrp, DirectorKind.Vrrp],
        Routers = [new() { Interval = TimeSpan.FromMilliseconds(10) }],
        Globals = "vrrp_rt_priority 50",
    };
}
