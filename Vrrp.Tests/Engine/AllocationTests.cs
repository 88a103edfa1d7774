namespace Vrrp.Tests.Engine;

/// <summary>Nothing is allocated per advertisement in steady state.</summary>
public class AllocationTests
{
    private const int Count = 1000;

    private readonly TestLan _lan = new();

    [Fact]
    public void A_backup_allocates_nothing_for_an_advertisement_it_hears()
    {
        var node = _lan.AddNode("A");
        node.Add(TestNode.Config(100));
        var link = node.Platform.Links.Single(link => link.Family == IPFamily.IPv4);
        var packet = TestNode.Packet(200, "10.0.0.200");
        link.Incoming.EnsureCapacity(4);
        var now = _lan.Now;

        long allocated = Measure(() =>
        {
            now = now.AddNanoseconds(1_000_000_000);
            link.Incoming.Enqueue(packet);
            node.Engine.BeginTurn(now);
            node.Engine.Receive(link);
            node.Engine.EndTurn();
        });

        Assert.Equal(0, allocated);
        Assert.Equal(VrrpState.Backup, node.State());
        Assert.Equal(2 * Count, node.Router().Counters.AdvertisementsReceived);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_master_allocates_nothing_for_an_advertisement_it_sends(bool inGroup)
    {
        var node = _lan.AddNode("A");
        node.Add(TestNode.Config(100) with { SyncGroup = inGroup ? "group" : null });
        _lan.RunTo(10);
        Assert.Equal(VrrpState.Master, node.State());
        node.Platform.IsQuiet = true;
        long sent = node.Router().Counters.AdvertisementsSent;

        long allocated = Measure(() =>
        {
            var now = node.Engine.NextDeadline;
            node.Engine.BeginTurn(now);
            node.Engine.EndTurn();
        });

        Assert.Equal(0, allocated);
        Assert.Equal(2 * Count, node.Router().Counters.AdvertisementsSent - sent);
    }

    [Fact]
    public void A_dropped_packet_that_is_not_told_allocates_nothing()
    {
        var node = _lan.AddNode("A");
        node.Add(TestNode.Config(100));
        var link = node.Platform.Links.Single(link => link.Family == IPFamily.IPv4);
        var packet = TestNode.Packet(200, "10.0.0.200");
        packet.Message[7] ^= 1;

        long allocated = Measure(() =>
        {
            link.Incoming.Enqueue(packet);
            node.Engine.BeginTurn(_lan.Now);
            node.Engine.Receive(link);
            node.Engine.EndTurn();
        });

        Assert.Equal(0, allocated);
    }

    private static long Measure(Action turn)
    {
        // The first half warms up: jitted code, caches, buffers.
        for (int i = 0; i < Count; i++)
            turn();
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < Count; i++)
            turn();
        return GC.GetAllocatedBytesForCurrentThread() - before;
    }
}
