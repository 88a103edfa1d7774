using Vrrp.Packets;
using Vrrp.Tests.LaboratoryMachine;

namespace Vrrp.Tests.Linux;

/// <summary>I5 on a real kernel: nothing outside the engine's thread can keep an advertisement.</summary>
// The pool that it jams is that of all tests.
[Collection(LaboratoryTurn.Last)]
public sealed class NodeIsolationTests : IDisposable
{
    private readonly TwoHosts _hosts = new();

    public void Dispose() => _hosts.Dispose();

    [Fact]
    public async Task With_the_thread_pool_jammed_and_readers_that_block_a_router_takes_over_and_advertises()
    {
        using var end = new ManualResetEventSlim();
        await using var node = _hosts.A.Network.Run(() => VrrpNode.Start());
        var transitions = node.ReadTransitionsAsync();
        // One reader that is never read, and one that blocks with the first that it is told.
        _ = node.ReadNotificationsAsync();
        var notifications = node.ReadNotificationsAsync();
        var reader = new Thread(() =>
        {
            foreach (var _ in notifications.ToBlockingEnumerable())
                end.Wait();
        });
        reader.Start();
        using var link = _hosts.B.OpenLink("eth0", IPFamily.IPv4);
        link.JoinGroup(IPAddressValue.MulticastGroupIPv4);
        var heard = new SeenPackets();
        bool hasRun = false;
        try
        {
            // The pool grows by a thread or two in a second: what comes behind these waits for long.
            for (int i = 0; i < 500; i++)
                ThreadPool.UnsafeQueueUserWorkItem(static end => end.Wait(), end, preferLocal: false);
            ThreadPool.UnsafeQueueUserWorkItem(_ => Volatile.Write(ref hasRun, true), null);
            _ = node.AddAsync(new VirtualRouterConfig
            {
                Name = "web",
                Interface = "eth0",
                VirtualRouterId = new(51),
                AdvertisementInterval = AdvertisementInterval.FromCentiseconds(1),
                VirtualAddresses = [VirtualAddress.Host(IPAddressValue.Parse("10.0.0.254"))],
            });
            heard.Wait(link, 30);

            Assert.False(Volatile.Read(ref hasRun), "The pool was not jammed.");
            Assert.True(_hosts.A.Has("10.0.0.254"));
        }
        finally
        {
            end.Set();
        }

        Assert.Equal(VrrpState.Backup, await First(transitions));
        await node.StopAsync(handOver: false);
        reader.Join();
    }

    private static async Task<VrrpState> First(IAsyncEnumerable<RouterTransition> transitions)
    {
        await foreach (var transition in transitions)
            return transition.To;
        throw new InvalidOperationException("The node stopped.");
    }
}
