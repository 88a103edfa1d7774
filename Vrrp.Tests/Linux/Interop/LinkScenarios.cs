using Vrrp.Tests.Linux.Lab;
using Xunit.Abstractions;

namespace Vrrp.Tests.Linux.Interop;

/// <summary>The Master loses its link and is out of service until it is back; the Backup takes over in between.</summary>
public abstract class LinkScenario(ITestOutputHelper output) : InteropScenario(output)
{
    private protected override IReadOnlyList<VirtualRouterSpec> Routers { get; } = [new() { Interval = TimeSpan.FromMilliseconds(200) }];

    private protected abstract Task SetAsync(bool up);

    private protected override async Task PlayAsync()
    {
        await ElectAsync();

        var down = Mark();
        var log = A.Log.Count;
        await SetAsync(up: false);
        await A.WaitForLogAsync($"({Router.Name}) Entering FAULT STATE", log);
        await AssertTakeoverFromSilenceAsync(A, B, LowPriority, down);
        await AssertOnlyHolderAsync(B);
        await AssertClientReachesAsync(B);

        var up = Mark();
        await SetAsync(up: true);
        await WaitForMasterAsync(A, up);
        await WaitForAnnouncementsAsync(A, up);
        await AssertOnlyHolderAsync(A);
        var yielded = Mark();
        await WaitForAdvertsAsync(A, 3);
        AssertSilent(B, yielded);
        await AssertClientReachesAsync(A);
    }
}

public sealed class CablePulled(ITestOutputHelper output) : LinkScenario(output)
{
    private protected override Task SetAsync(bool up) => A.Host.SetCableAsync(0, up);
}

public sealed class LinkTakenDown(ITestOutputHelper output) : LinkScenario(output)
{
    private protected override Task SetAsync(bool up) => A.Host.SetLinkAsync(0, up);
}

/// <summary>Two virtual routers on two networks that are Master together: when one loses its link, the other leaves with it.</summary>
public sealed class SyncGroupOfTwo(ITestOutputHelper output) : InteropScenario(output)
{
    private protected override IReadOnlyList<VirtualRouterSpec> Routers { get; } =
    [
        new() { Name = "VI_OUT", Interval = TimeSpan.FromMilliseconds(200) },
        new() { Name = "VI_IN", Network = 1, Vrid = 52, Interval = TimeSpan.FromMilliseconds(200), Addresses = ["10.77.1.100", "10.77.1.101"] },
    ];

    private protected override string FurtherBlocks => """
        vrrp_sync_group VG_1 {
            group {
                VI_OUT
                VI_IN
            }
        }

        """;

    private protected override async Task PlayAsync()
    {
        await ElectAsync();

        var down = Mark();
        await A.Host.SetCableAsync(0, plugged: false);
        await WaitForMasterAsync(B, down);
        await WaitForAnnouncementsAsync(B, down);
        await AssertOnlyHolderAsync(B);
        // The network that still works hears that the Master leaves.
        Assert.Contains(AdvertsOf(A, Routers[1], down), frame => frame.Advert!.Priority == 0);
        await AssertClientReachesAsync(B);

        var up = Mark();
        await A.Host.SetCableAsync(0, plugged: true);
        await WaitForMasterAsync(A, up);
        await WaitForAnnouncementsAsync(A, up);
        await AssertOnlyHolderAsync(A);
        await AssertClientReachesAsync(A);

        var killed = Mark();
        await A.KillAsync();
        await AssertTakeoverFromSilenceAsync(A, B, LowPriority, killed);
    }
}
