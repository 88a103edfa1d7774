using Vrrp.Tests.Linux.Lab;
using Xunit.Abstractions;

namespace Vrrp.Tests.Linux.Interop;

/// <summary>A director of higher priority arrives and takes over from the Master, which yields without a word.</summary>
public sealed class Preempt(ITestOutputHelper output) : InteropScenario(output)
{
    private protected override IReadOnlyList<VirtualRouterSpec> Routers { get; } = [new() { Interval = TimeSpan.FromMilliseconds(200) }];

    private protected override async Task PlayAsync()
    {
        await BecomeMasterAsync(B, LowPriority);
        await AssertClientReachesAsync(B);

        var arrived = Mark();
        var before = Lab.Captures[0].Frames[^1].Time;
        await StartAsync(A, HighPriority);
        await WaitForMasterAsync(A, arrived);
        await WaitForAnnouncementsAsync(A, arrived);
        Assert.True(AdvertsOf(A, Router, arrived).First().Time - before >= Router.DownInterval(HighPriority), "took over too early");
        await AssertOnlyHolderAsync(A);
        Assert.DoesNotContain(AdvertsOf(B, Router, arrived), frame => frame.Advert!.Priority == 0);

        var yielded = Mark();
        await WaitForAdvertsAsync(A, 3);
        AssertSilent(B, yielded);
        await AssertClientReachesAsync(A);
    }
}

/// <summary>A director of higher priority that must not preempt waits until the Master is gone.</summary>
public sealed class NoPreempt(ITestOutputHelper output) : InteropScenario(output)
{
    private protected override IReadOnlyList<VirtualRouterSpec> Routers { get; } = [new()];

    private protected override async Task PlayAsync()
    {
        await BecomeMasterAsync(B, LowPriority);
        var arrived = Mark();
        await JoinAsBackupAsync(A, HighPriority, "nopreempt");
        // Three times as long as it would take to preempt.
        await WaitForAdvertsAsync(B, 12);
        AssertSilent(A, arrived);
        await AssertOnlyHolderAsync(B);

        var killed = Mark();
        await B.KillAsync();
        await AssertTakeoverFromSilenceAsync(B, A, HighPriority, killed);
        var back = Mark();
        await JoinAsBackupAsync(B, LowPriority);
        await AssertOnlyHolderAsync(A);
        AssertSilent(B, back);
        await AssertClientReachesAsync(A);

        // A Backup that leaves has nothing to say.
        Assert.Equal(0, await B.StopAsync());
        await WaitForAdvertsAsync(A, 2);
        AssertSilent(B, back);
    }
}

/// <summary>A director of higher priority takes over only after the delay; it takes over at once from a Master that has gone.</summary>
public sealed class PreemptDelay(ITestOutputHelper output) : InteropScenario(output)
{
    private static readonly TimeSpan Delay = TimeSpan.FromSeconds(2);

    private protected override IReadOnlyList<VirtualRouterSpec> Routers { get; } = [new()];

    private protected override async Task PlayAsync()
    {
        await BecomeMasterAsync(B, LowPriority);
        var arrived = Mark();
        var before = Lab.Captures[0].Frames[^1].Time;
        await JoinAsBackupAsync(A, HighPriority, "preempt_delay 2");
        await WaitForMasterAsync(A, arrived);
        Assert.InRange(AdvertsOf(A, Router, arrived).First().Time - before, Delay, Delay + TimeSpan.FromSeconds(8));
        await AssertOnlyHolderAsync(A);

        // Again as Backup, this time with the delay running and the Master killed under it.
        await A.StopAsync();
        await AssertOnlyHolderAsync(B);
        await JoinAsBackupAsync(A, HighPriority, "preempt_delay 1000");
        var killed = Mark();
        await B.KillAsync();
        await AssertTakeoverFromSilenceAsync(B, A, HighPriority, killed);
    }
}
