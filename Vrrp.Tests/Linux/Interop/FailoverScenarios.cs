using Vrrp.Tests.Linux.Lab;
using Xunit.Abstractions;

namespace Vrrp.Tests.Linux.Interop;

/// <summary>
/// The Master is killed, the Backup takes over when three adverts and its skew time are missed, and the killed one comes back,
/// finds its address still there, and takes over again by its priority.
/// </summary>
public abstract class FailoverScenario(ITestOutputHelper output) : InteropScenario(output)
{
    private protected override async Task PlayAsync()
    {
        await ElectAsync();

        var killed = Mark();
        await A.KillAsync();
        await AssertTakeoverFromSilenceAsync(A, B, LowPriority, killed);
        await AssertClientReachesAsync(B);

        var back = Mark();
        await StartAsync(A, HighPriority);
        await WaitForMasterAsync(A, back);
        await WaitForAnnouncementsAsync(A, back);
        await AssertOnlyHolderAsync(A);
        var yielded = Mark();
        await WaitForAdvertsAsync(A, 2);
        AssertSilent(B, yielded);
        await AssertClientReachesAsync(A);
    }
}

public sealed class Version2WithPassword(ITestOutputHelper output) : FailoverScenario(output)
{
    private protected override IReadOnlyList<VirtualRouterSpec> Routers { get; } =
        [new() { Version = 2, Interval = TimeSpan.FromSeconds(1), Password = "33210" }];
}

public sealed class Version2WithoutPassword(ITestOutputHelper output) : FailoverScenario(output)
{
    private protected override IReadOnlyList<VirtualRouterSpec> Routers { get; } = [new() { Version = 2, Interval = TimeSpan.FromSeconds(1) }];
}

public sealed class Version2WithPasswordCutToEight(ITestOutputHelper output) : FailoverScenario(output)
{
    private protected override IReadOnlyList<VirtualRouterSpec> Routers { get; } =
        [new() { Version = 2, Interval = TimeSpan.FromSeconds(1), Password = "it.163.com" }];
}

public sealed class Version2Unicast(ITestOutputHelper output) : FailoverScenario(output)
{
    private protected override IReadOnlyList<VirtualRouterSpec> Routers { get; } =
        [new() { Version = 2, Interval = TimeSpan.FromSeconds(1), Password = "1111", Unicast = true }];
}

public sealed class Version3OverIPv4(ITestOutputHelper output) : FailoverScenario(output)
{
    private protected override IReadOnlyList<VirtualRouterSpec> Routers { get; } =
        [new() { Interval = TimeSpan.FromMilliseconds(500), Addresses = ["10.77.0.100/24", "10.77.0.101"] }];
}

public sealed class Version3OverIPv6(ITestOutputHelper output) : FailoverScenario(output)
{
    private protected override IReadOnlyList<VirtualRouterSpec> Routers { get; } =
        [new() { Interval = TimeSpan.FromMilliseconds(500), Addresses = ["fe80::100", "fd77:0::100"] }];
}

public sealed class Version3Unicast(ITestOutputHelper output) : FailoverScenario(output)
{
    private protected override IReadOnlyList<VirtualRouterSpec> Routers { get; } =
        [new() { Interval = TimeSpan.FromMilliseconds(500), Unicast = true }];
}

public sealed class Version3UnicastOverIPv6(ITestOutputHelper output) : FailoverScenario(output)
{
    private protected override IReadOnlyList<VirtualRouterSpec> Routers { get; } =
        [new() { Interval = TimeSpan.FromMilliseconds(500), Unicast = true, Addresses = ["fe80::100", "fd77:0::100"] }];
}

public sealed class Version3EveryTenthOfASecond(ITestOutputHelper output) : FailoverScenario(output)
{
    private protected override IReadOnlyList<VirtualRouterSpec> Routers { get; } = [new() { Interval = TimeSpan.FromMilliseconds(100) }];
}

public sealed class Version3EveryTwentiethOfASecond(ITestOutputHelper output) : FailoverScenario(output)
{
    private protected override IReadOnlyList<VirtualRouterSpec> Routers { get; } = [new() { Interval = TimeSpan.FromMilliseconds(50) }];
}

public sealed class SixteenAddresses(ITestOutputHelper output) : FailoverScenario(output)
{
    private protected override IReadOnlyList<VirtualRouterSpec> Routers { get; } =
    [
        // Not in numerical order: adverts carry them as configured.
        new() { Interval = TimeSpan.FromMilliseconds(200), Addresses = [.. Enumerable.Range(0, 16).Select(n => $"10.77.0.{100 + (n * 7 % 16)}")] },
    ];
}
