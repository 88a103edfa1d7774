using Vrrp.Tests.Linux.Lab;
using Xunit.Abstractions;

namespace Vrrp.Tests.LaboratoryMachine;

[Collection(LaboratoryTurn.Last)]
public sealed class MemoryTests(ITestOutputHelper output)
{
    private static readonly VirtualRouterSpec Router = new() { Interval = TimeSpan.FromMilliseconds(500) };

    [LaboratoryFact(LaboratoryNeed.MemoryGroups)]
    public Task Who_takes_all_memory_beside_the_daemons_moves_no_address() => LaboratoryPair.RunAsync(output, Router, hasMemoryGroup: true, story: async pair =>
    {
        await pair.ElectAsync();
        int elected = pair.Lab.Captures[0].Mark;
        pair.Memory!.Press();
        await pair.WaitForAdvertsAsync(pair.A, 10);
        await pair.Lab.WaitForAsync("the memory to run out", () => pair.Memory.HasRunOut);
        await pair.WaitForAdvertsAsync(pair.A, 10);
        await pair.Memory.ReleaseAsync();
        output.WriteLine($"the kernel killed {pair.Memory.Kills} times for want of memory");

        pair.AssertUndisturbed(elected);
        Assert.True(pair.A.IsRunning && pair.B.IsRunning, "a daemon was killed");
    });
}
