using System.Diagnostics;

namespace Vrrp.Tests.Engine;

/// <summary>The thread of a node: what others ask for and what it owes the wire.</summary>
public class NodeTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task Adverts_leave_between_the_changes_of_a_long_reload()
    {
        const int Changes = 50;
        var platform = new RecordingPlatform();
        platform.AddInterface(2, "eth0", "10.0.0.1");
        await using var node = VrrpNode.Start(new() { Platform = platform.Kernel });
        var transitions = node.ReadTransitionsAsync();
        var fast = ScenarioNode.Config(200, "fast") with { AdvertisementInterval = AdvertisementInterval.FromCentiseconds(1) };
        var slow = ScenarioNode.Config(100, "slow", 52, "10.0.0.100") with { AdvertisementInterval = AdvertisementInterval.FromCentiseconds(1) };
        await node.AddAsync(fast);
        await node.AddAsync(slow);
        await WaitForMastersAsync(transitions, 2);

        using var isPosted = new ManualResetEventSlim();
        int begun = 0;
        // The kernel takes two milliseconds for each address, and the first one waits until all the rest has been asked for.
        platform.Installing = () =>
        {
            begun = begun == 0 ? platform.Log.Length : begun;
            isPosted.Wait(Patience);
            long since = Stopwatch.GetTimestamp();
            while (Stopwatch.GetElapsedTime(since) < TimeSpan.FromMilliseconds(2))
                Thread.SpinWait(100);
        };
        Task[] changes = [.. Enumerable.Range(101, Changes).Select(host => node.ReconfigureAsync("slow", ScenarioNode.Config(100, "slow", 52, $"10.0.0.{host}")))];
        isPosted.Set();
        await Task.WhenAll(changes).WaitAsync(Patience);
        await node.StopAsync(handOver: false);

        int last = platform.Log.IndexOf($"+10.0.0.{100 + Changes}");
        Assert.Contains("adv 200", platform.Log[begun..last]);
    }

    private static async Task WaitForMastersAsync(IAsyncEnumerable<RouterTransition> transitions, int count)
    {
        using var giveUp = new CancellationTokenSource(Patience);
        await foreach (var transition in transitions.WithCancellation(giveUp.Token))
        {
            if (transition.To == VrrpState.Master && --count == 0)
                return;
        }
    }
}
