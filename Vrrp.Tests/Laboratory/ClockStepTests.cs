using Vrrp.Tests.Linux.Lab;
using Xunit.Abstractions;

namespace Vrrp.Tests.LaboratoryMachine;

[Collection(LaboratoryTurn.Last)]
public sealed class ClockStepTests(ITestOutputHelper output)
{
    private static readonly VirtualRouterSpec Router = new() { Interval = TimeSpan.FromMilliseconds(500) };

    [LaboratoryFact(LaboratoryNeed.Machine)]
    public Task Setting_the_clock_by_an_hour_forward_and_back_changes_nothing() => LaboratoryPair.RunAsync(output, Router, async pair =>
    {
        await pair.ElectAsync();
        int elected = pair.Lab.Captures[0].Mark;
        foreach (string step in (string[])["+1 hour", "-1 hour", "-1 hour", "+1 hour"])
        {
            var before = TimeProvider.System.GetUtcNow();
            await Tool.RunAsync("date", ["--set", step]);
            Assert.True((TimeProvider.System.GetUtcNow() - before).Duration() > TimeSpan.FromMinutes(50), $"the clock was not set {step}");
            // The Backup would have missed three adverts by then.
            await pair.WaitForAdvertsAsync(pair.A, 5);
        }

        pair.AssertUndisturbed(elected);

        int killed = pair.Lab.Captures[0].Mark;
        await pair.A.KillAsync();
        await pair.WaitForMasterAsync(pair.B, killed);
        output.WriteLine($"takeover after {(await pair.AssertTakeoverAsync(pair.Lab.Captures[0], downAdverts: 3)).TotalMilliseconds:0} ms");
    });
}
