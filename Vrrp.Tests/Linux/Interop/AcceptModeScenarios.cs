using Vrrp.Tests.Linux.Lab;
using Xunit.Abstractions;

namespace Vrrp.Tests.Linux.Interop;

/// <summary>
/// no_accept: the addresses answer ARP or neighbour solicitations, so that packets are routed, and nothing else, on whichever director
/// they are. Ours and keepalived do the same.
/// </summary>
public abstract class NoAcceptScenario(ITestOutputHelper output) : InteropScenario(output)
{
    private protected override async Task PlayAsync()
    {
        await BecomeMasterAsync(A, HighPriority);
        await JoinAsBackupAsync(B, LowPriority);
        await AssertOnlyHolderAsync(A);
        await AssertRefusesAsync(A);

        var stopped = Mark();
        Assert.Equal(0, await A.StopAsync());
        await WaitForMasterAsync(B, stopped);
        await WaitForAnnouncementsAsync(B, stopped);
        await AssertOnlyHolderAsync(B);
        await AssertRefusesAsync(B);
        Assert.Equal("", await A.Host.InsideAsync("nft", "list", "ruleset"));
    }

    private async Task AssertRefusesAsync(Director director)
    {
        foreach (var vip in Router.Vips.Where(vip => !vip.IsIPv6LinkLocal))
        {
            await Lab.Client.IpAsync($"neigh flush dev {LabHost.Device(0)}");
            Assert.False(await Lab.Client.PingAsync(vip), $"{vip} answers the client");
            Assert.Equal(director.Host.Mac(0), await Lab.Client.NeighborAsync(vip));
        }

        // Its own addresses are not concerned.
        Assert.True(await Lab.Client.PingAsync(director.Host.IPv4(0)));
        Assert.True(await Lab.Client.PingAsync(director.Host.IPv6(0)));
    }
}

public sealed class NoAcceptOverIPv4(ITestOutputHelper output) : NoAcceptScenario(output)
{
    private protected override IReadOnlyList<VirtualRouterSpec> Routers { get; } = [new() { Extra = "no_accept" }];
}

public sealed class NoAcceptOverIPv6(ITestOutputHelper output) : NoAcceptScenario(output)
{
    private protected override IReadOnlyList<VirtualRouterSpec> Routers { get; } =
        [new() { Extra = "no_accept", Addresses = ["fe80::100", "fd77:0::100"] }];
}

public sealed class StrictModeVersion2(ITestOutputHelper output) : NoAcceptScenario(output)
{
    private protected override IReadOnlyList<VirtualRouterSpec> Routers { get; } =
        [new() { Version = 2, Interval = TimeSpan.FromSeconds(1), Extra = "strict_mode" }];
}

/// <summary>The daemon is killed while it drops packets: what it left goes when it is back.</summary>
public sealed class NoAcceptAndKill
{
    [Fact, Trait("Director", "Vrrp")]
    public async Task Nothing_of_a_killed_process_stays()
    {
        await using var lab = await Laboratory.CreateAsync();
        var director = lab.AddDirector(lab.A, DirectorKind.Vrrp);
        var router = new VirtualRouterSpec { Extra = "no_accept" };
        var vip = router.Vips[0];

        await director.StartAsync(router.ToConfig(lab.A, lab.B, 100));
        await lab.WaitForAsync("the address", () => lab.A.HasAddress(vip));
        Assert.Contains("elements = { 10.77.0.100 }", await lab.A.InsideAsync("nft", "list", "table", "inet", "vrrp"), StringComparison.Ordinal);
        Assert.False(await lab.Client.PingAsync(vip));

        // The same again: what was left is replaced.
        await director.KillAsync();
        Assert.True(lab.A.HasAddress(vip));
        await RestartAsync(router);
        Assert.Equal("elements = { 10.77.0.100 }", await ElementsAsync());
        Assert.False(await lab.Client.PingAsync(vip));

        // With another address and table: nothing of the old stays in the way.
        await director.KillAsync();
        await RestartAsync(router with { Extra = "accept" });
        Assert.Equal("", await lab.A.InsideAsync("nft", "list", "ruleset"));
        Assert.True(await lab.Client.PingAsync(vip));

        // A reload changes it in place, both ways, and the end removes it.
        await director.ReloadAsync(router.ToConfig(lab.A, lab.B, 100));
        await director.WaitForLogAsync("reloaded", director.LogStart);
        Assert.Equal("elements = { 10.77.0.100 }", await ElementsAsync());
        Assert.False(await lab.Client.PingAsync(vip));
        Assert.Equal(0, await director.StopAsync());
        Assert.Equal("", await lab.A.InsideAsync("nft", "list", "ruleset"));

        async Task RestartAsync(VirtualRouterSpec spec)
        {
            await director.StartAsync(spec.ToConfig(lab.A, lab.B, 100));
            await director.WaitForLogAsync("Entering MASTER STATE", director.LogStart);
        }

        async Task<string> ElementsAsync() =>
            (await lab.A.InsideAsync("nft", "list", "ruleset")).Split('\n').Single(line => line.Contains("elements = { 10", StringComparison.Ordinal)).Trim();
    }
}
