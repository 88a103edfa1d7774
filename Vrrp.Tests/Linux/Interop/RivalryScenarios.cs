using Vrrp.Tests.Linux.Lab;
using Xunit.Abstractions;

namespace Vrrp.Tests.Linux.Interop;

/// <summary>The directors cannot hear each other, both are Master, and then they can: one yields and the other announces itself again.</summary>
public abstract class RivalryScenario(ITestOutputHelper output) : InteropScenario(output)
{
    private protected override IReadOnlyList<VirtualRouterSpec> Routers { get; } = [new() { Interval = TimeSpan.FromMilliseconds(200) }];

    private protected async Task PlayAsync(int priorityOfB, Func<Director> winner)
    {
        await BecomeMasterAsync(A, HighPriority);
        await JoinAsBackupAsync(B, priorityOfB);
        var parted = Mark();
        await A.Host.SetIsolatedAsync(0, isolated: true);
        await B.Host.SetIsolatedAsync(0, isolated: true);
        await WaitForMasterAsync(B, parted);
        await WaitForAdvertsAsync(A, 2);
        Assert.All(Router.Vips, vip => Assert.True(A.Host.HasAddress(vip) && B.Host.HasAddress(vip)));

        await A.Host.SetIsolatedAsync(0, isolated: false);
        var healed = Mark();
        var logged = winner().Log.Count;
        await B.Host.SetIsolatedAsync(0, isolated: false);
        await AssertOnlyHolderAsync(winner());
        var yielded = Mark();
        await WaitForAdvertsAsync(winner(), 3);
        AssertSilent(Peer(winner()), yielded);
        Assert.False(winner().Log.Contains("Entering BACKUP STATE", logged), "the winner stepped down for a while");
        // Had the loser yielded to an advert before it sent one, the winner would know nothing of it.
        if (AdvertsOf(Peer(winner()), Router, healed).Any())
            await WaitForAnnouncementsAsync(winner(), healed);
    }
}

public sealed class TieBrokenByAddress(ITestOutputHelper output) : RivalryScenario(output)
{
    // B has the higher address.
    private protected override Task PlayAsync() => PlayAsync(HighPriority, () => B);
}

public sealed class PartitionHealed(ITestOutputHelper output) : RivalryScenario(output)
{
    private protected override Task PlayAsync() => PlayAsync(LowPriority, () => A);
}

/// <summary>
/// Version 2 directors that were given different intervals drop each other's adverts (RFC 3768 §7.1): both end as Master, both keep
/// running, and once the interval is right they agree.
/// </summary>
public sealed class IntervalMismatch(ITestOutputHelper output) : InteropScenario(output)
{
    private protected override IReadOnlyList<VirtualRouterSpec> Routers { get; } = [new() { Version = 2, Interval = TimeSpan.FromSeconds(1) }];

    private protected override async Task PlayAsync()
    {
        await BecomeMasterAsync(A, HighPriority);
        var joined = Mark();
        await StartAsync(B, LowPriority, [Router with { Interval = TimeSpan.FromSeconds(2) }]);
        await WaitForMasterAsync(B, joined);
        await WaitForAdvertsAsync(A, 2);
        // keepalived 2.2.7 restarts its advert timer when it drops an advert; one that comes more often than its own silences it.
        if (B.Kind == DirectorKind.Vrrp)
            await WaitForAdvertsAsync(B, 1);
        Assert.True(A.IsRunning && B.IsRunning);
        Assert.All(Router.Vips, vip => Assert.True(A.Host.HasAddress(vip) && B.Host.HasAddress(vip)));
        Assert.Equal(0, await B.StopAsync());
        await AssertOnlyHolderAsync(A);
    }
}
