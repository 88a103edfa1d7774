using Vrrp.Packets;
using Vrrp.Simulation;

namespace Vrrp.Tests.Engine;

/// <summary>Nothing is allocated per advertisement in steady state, by the engine or by the simulated kernel and LAN around it.</summary>
public class AllocationTests
{
    private const int Count = 1000;

    private readonly SimulatedLan _lan = new();
    private int _turns;

    public AllocationTests() => _lan.Trace.Records = SimulationEventKinds.None;

    [Fact]
    public void A_backup_allocates_nothing_for_an_advertisement_it_hears()
    {
        var node = _lan.AddNode("A");
        var router = node.Add(ScenarioNode.Config(100));
        var packet = ScenarioNode.Packet(200, "10.0.0.200");

        long allocated = Measure(() =>
        {
            node.Inject("eth0", packet.Source, packet.Destination, packet.Message);
            _lan.Run(TimeSpan.FromSeconds(1));
        });

        Assert.Equal(0, allocated);
        Assert.Equal(VrrpState.Backup, router.State);
        Assert.Equal(_turns, router.Counters.AdvertisementsReceived);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_master_allocates_nothing_for_an_advertisement_it_sends(bool inGroup)
    {
        var router = _lan.AddNode("A").Add(ScenarioNode.Config(100) with { SyncGroup = inGroup ? "group" : null });
        _lan.Run(TimeSpan.FromSeconds(10));
        Assert.Equal(VrrpState.Master, router.State);
        long sent = router.Counters.AdvertisementsSent;

        long allocated = Measure(() => _lan.Run(TimeSpan.FromSeconds(1)));

        Assert.Equal(0, allocated);
        Assert.Equal(_turns, router.Counters.AdvertisementsSent - sent);
    }

    [Fact]
    public void A_dropped_packet_that_is_not_told_allocates_nothing()
    {
        var node = _lan.AddNode("A");
        var router = node.Add(ScenarioNode.Config(100));
        var packet = ScenarioNode.Packet(200, "10.0.0.200");
        packet.Message[7] ^= 1;

        long allocated = Measure(() =>
        {
            node.Inject("eth0", packet.Source, packet.Destination, packet.Message);
            _lan.Run(TimeSpan.Zero);
        });

        Assert.Equal(0, allocated);
        Assert.Equal(_turns, router.Counters.Dropped(PacketRejection.Checksum));
    }

    [Fact]
    public void Nodes_that_hear_each_other_over_an_imperfect_lan_allocate_nothing()
    {
        _lan.Conditions = new()
        {
            Delay = TimeSpan.FromMilliseconds(1), Jitter = TimeSpan.FromMilliseconds(1), Loss = 0.01, Duplication = 0.1, Reordering = 0.1,
        };
        for (int i = 0; i < 3; i++)
            _lan.AddNode($"N{i}").Add(ScenarioNode.Config(100 + i) with { DownTimerAdverts = 10 });
        _lan.Run(TimeSpan.FromSeconds(30));

        Assert.Equal(0, Measure(() => _lan.Run(TimeSpan.FromSeconds(1))));
    }

    /// <summary>What a thousand turns allocate, once the runtime has compiled for good what it calls often: some of that is on this thread.</summary>
    private long Measure(Action turn)
    {
        long allocated = 0;
        for (int round = 0; round < 10; round++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            for (int i = 0; i < Count; i++)
                turn();
            allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            _turns += Count;
            if (round > 0 && allocated == 0)
                break;
        }

        return allocated;
    }
}
