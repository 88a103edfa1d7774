using Vrrp.Tests.Linux.Lab;
using Xunit.Abstractions;

namespace Vrrp.Tests.Linux.Interop;

/// <summary>Something that the Master tracks fails, the Backup takes over, and when it is well again the Master comes back.</summary>
public abstract class TrackingScenario(ITestOutputHelper output) : InteropScenario(output)
{
    private protected override IReadOnlyList<VirtualRouterSpec> Routers { get; } = [new() { Interval = TimeSpan.FromMilliseconds(200) }];

    /// <summary>What the Master's own tracking reads.</summary>
    private protected string Watched => Path.Combine(Lab.Folder, "watched");

    /// <summary>The Master's list.</summary>
    private protected abstract string List { get; }

    /// <summary>What it advertises while the tracked thing fails; null: nothing, for it is in Fault.</summary>
    private protected abstract int? FailingPriority { get; }

    private protected abstract Task FailAsync();

    private protected abstract Task RecoverAsync();

    private protected override async Task PlayAsync()
    {
        await BecomeMasterAsync(A, HighPriority, List);
        await JoinAsBackupAsync(B, LowPriority);
        if (FailingPriority is { } lower)
            Expect(A, lower, Routers);

        var failed = Mark();
        await FailAsync();
        await WaitForMasterAsync(B, failed);
        await WaitForAnnouncementsAsync(B, failed);
        await AssertOnlyHolderAsync(B);
        await AssertClientReachesAsync(B);
        if (FailingPriority is null)
            await AssertTakeoverFromGoodbyeAsync(A, B, LowPriority, failed);
        else
            Assert.Contains(AdvertsOf(A, Router, failed), frame => frame.Advert!.Priority == FailingPriority);
        var silent = Mark();
        await WaitForAdvertsAsync(B, 5);
        AssertSilent(A, silent);

        var well = Mark();
        await RecoverAsync();
        await WaitForMasterAsync(A, well);
        await WaitForAnnouncementsAsync(A, well);
        await AssertOnlyHolderAsync(A);
        await AssertClientReachesAsync(A);
    }
}

/// <summary>A check without weight puts the Master into FAULT.</summary>
public sealed class ScriptWithoutWeight(ITestOutputHelper output) : TrackingScenario(output)
{
    private protected override string FurtherBlocks => $$"""
        vrrp_script check {
            script "/usr/bin/test ! -e {{Watched}}"
            user root
            interval 1
            rise 2
            fall 2
        }

        """;

    private protected override string List => "track_script {\n check\n }";

    private protected override int? FailingPriority => null;

    private protected override Task FailAsync() => File.WriteAllTextAsync(Watched, "");

    private protected override Task RecoverAsync()
    {
        File.Delete(Watched);
        return Task.CompletedTask;
    }
}

/// <summary>A check that hangs and is ended counts as failed, and takes its weight from the priority.</summary>
public sealed class ScriptWithWeightThatHangs(ITestOutputHelper output) : TrackingScenario(output)
{
    private protected override string FurtherBlocks => $$"""
        vrrp_script check {
            script "/bin/sh -c 'test ! -e {{Watched}} || sleep 1000'"
            user root
            interval 1
            timeout 1
            weight -100
        }

        """;

    private protected override string List => "track_script {\n check\n }";

    private protected override int? FailingPriority => HighPriority - 100;

    private protected override Task FailAsync() => File.WriteAllTextAsync(Watched, "");

    private protected override Task RecoverAsync()
    {
        File.Delete(Watched);
        return Task.CompletedTask;
    }
}

/// <summary>A number in a file, times its weight, is added to the priority.</summary>
public sealed class FileWithWeight(ITestOutputHelper output) : TrackingScenario(output)
{
    private protected override string FurtherBlocks => $$"""
        track_file state {
            file "{{Watched}}"
            weight 2
        }

        """;

    private protected override string List => "track_file {\n state\n }";

    private protected override int? FailingPriority => HighPriority - 80;

    private protected override Task FailAsync() => File.WriteAllTextAsync(Watched, "-40\n");

    private protected override Task RecoverAsync()
    {
        File.Delete(Watched);
        return Task.CompletedTask;
    }
}

/// <summary>A check that takes no hint is ended and begun again and again; no advertisement is late for it.</summary>
public sealed class ScriptThatHangs(ITestOutputHelper output) : InteropScenario(output)
{
    private protected override IReadOnlyList<VirtualRouterSpec> Routers { get; } = [new() { Interval = TimeSpan.FromMilliseconds(200) }];

    // It ends by itself after a while: a keepalived that stops leaves it behind.
    private protected override string FurtherBlocks => """
        vrrp_script check {
            script "/bin/sh -c 'trap : TERM; sleep 5; sleep 5; sleep 5; sleep 5'"
            user root
            interval 1
            timeout 1
            weight 10
        }

        """;

    private protected override async Task PlayAsync()
    {
        await BecomeMasterAsync(A, HighPriority, "track_script {\n check\n }");
        await JoinAsBackupAsync(B, LowPriority);
        var hanging = Mark();
        await WaitForAdvertsAsync(A, 40);
        AssertNoneMissing(A, Router, hanging);
        AssertSilent(B, hanging);
    }
}
