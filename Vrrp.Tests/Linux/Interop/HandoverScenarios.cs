using Vrrp.Tests.Linux.Lab;
using Xunit.Abstractions;

namespace Vrrp.Tests.Linux.Interop;

/// <summary>
/// The Master is asked to leave: it says so with priority 0, and the Backup takes over after its skew time. keepalived's addresses
/// are gone until then; ours go on answering, so that hardly a probe is lost.
/// </summary>
public abstract class GracefulStopScenario(ITestOutputHelper output) : InteropScenario(output)
{
    private readonly ITestOutputHelper _output = output;

    private protected override async Task PlayAsync()
    {
        await ElectAsync();
        var probe = Lab.Client.StartProbe(Router.Vips[0]);
        await WaitForAdvertsAsync(A, 1);

        var stopped = Mark();
        Assert.Equal(0, await A.StopAsync());
        await AssertTakeoverFromGoodbyeAsync(A, B, LowPriority, stopped);
        Assert.False(File.Exists(A.PidPath), "the pid file is still there");

        await WaitForAdvertsAsync(B, 2);
        probe.Send(PosixSignalNumber.Interrupt);
        await probe.WaitForEndAsync();
        await AssertOnlyHolderAsync(B);
        await AssertClientReachesAsync(B);

        var lost = CountLost(stopped);
        _output.WriteLine($"{lost} probes lost in the handover, one every 10 ms");
        // One may be on its way to the old Master in the moment the new one announces itself.
        if (A.Kind == DirectorKind.Vrrp)
            Assert.InRange(lost, 0, 1);
    }

    private int CountLost(int[] since)
    {
        CapturedFrame[] echoes = [.. Lab.Captures[0].Since(since[0]).Where(frame => frame.Payload is EchoPayload)];
        var answered = echoes.Select(frame => (EchoPayload)frame.Payload!).Where(echo => echo.IsReply).Select(echo => (echo.Id, echo.Sequence)).ToHashSet();
        // The last one may have been cut off by the end of the probing.
        return echoes.Select(frame => (EchoPayload)frame.Payload!)
            .Where(echo => !echo.IsReply).SkipLast(1).Count(echo => !answered.Contains((echo.Id, echo.Sequence)));
    }
}

public sealed class GracefulStopVersion2(ITestOutputHelper output) : GracefulStopScenario(output)
{
    private protected override IReadOnlyList<VirtualRouterSpec> Routers { get; } =
        [new() { Version = 2, Interval = TimeSpan.FromSeconds(1), Password = "1111" }];
}

public sealed class GracefulStopVersion3(ITestOutputHelper output) : GracefulStopScenario(output)
{
    private protected override IReadOnlyList<VirtualRouterSpec> Routers { get; } = [new() { Interval = TimeSpan.FromSeconds(1) }];
}

public sealed class GracefulStopEveryTenthOfASecond(ITestOutputHelper output) : GracefulStopScenario(output)
{
    private protected override IReadOnlyList<VirtualRouterSpec> Routers { get; } = [new()];
}

/// <summary>A killed Master leaves its address behind; when it comes back with less priority, it must take it away.</summary>
public sealed class LeftoverAddress(ITestOutputHelper output) : InteropScenario(output)
{
    private protected override IReadOnlyList<VirtualRouterSpec> Routers { get; } = [new() { Addresses = ["10.77.0.100", "10.77.0.101/24"] }];

    private protected override async Task PlayAsync()
    {
        await ElectAsync();
        var killed = Mark();
        await A.KillAsync();
        await AssertTakeoverFromSilenceAsync(A, B, LowPriority, killed);
        Assert.All(Router.Vips, vip => Assert.True(A.Host.HasAddress(vip)));

        var back = Mark();
        await JoinAsBackupAsync(A, LowPriority - 50);
        await AssertOnlyHolderAsync(B);
        await WaitForAdvertsAsync(B, 5);
        AssertSilent(A, back);
        await AssertClientReachesAsync(B);
    }
}
