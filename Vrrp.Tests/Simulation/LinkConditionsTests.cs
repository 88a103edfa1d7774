using Vrrp.Simulation;
using static Vrrp.Tests.Simulation.Rehearsal;

namespace Vrrp.Tests.Simulation;

/// <summary>What a way does to packets: delay, jitter, loss, duplication, reordering.</summary>
public class LinkConditionsTests
{
    /// <summary>a sends an advertisement every 10 ms, b only listens; what was sent, and what arrived at b.</summary>
    private static (List<double> Sent, List<double> Arrived, SimulatedLan Lan) Stream(LinkConditions conditions, double seconds = 20, long seed = 1)
    {
        var lan = new SimulatedLan(seed);
        var (a, b) = (lan.AddNode("a"), lan.AddNode("b"));
        a.Add(Config(200) with { AdvertisementInterval = AdvertisementInterval.FromCentiseconds(1) });
        b.Add(Config() with { DownTimerAdverts = 100 });
        lan.Run(Seconds(1));
        lan.SetConditions(a, b, conditions);
        var sent = lan.Times(SimulationEventKinds.AdvertisementSent, a);
        var arrived = lan.Times(SimulationEventKinds.PacketDelivered, b);
        lan.Run(Seconds(seconds));
        return (sent, arrived, lan);
    }

    /// <summary>In which order b gets 154 advertisements of a, sent every 10 ms with priorities from 101 up.</summary>
    private static List<int> Order(LinkConditions conditions)
    {
        var lan = new SimulatedLan(1);
        var (a, b) = (lan.AddNode("a"), lan.AddNode("b"));
        a.Add(Config(100) with { AdvertisementInterval = AdvertisementInterval.FromCentiseconds(1) });
        b.Add(Config(1) with { DownTimerAdverts = 100 });
        lan.Run(Seconds(1));
        lan.Conditions = conditions;
        var order = new List<int>();
        lan.Observe(SimulationEventKinds.PacketDelivered, (in SimulationEvent what) =>
        {
            if (what.PriorityOctet > 100)
                order.Add(what.PriorityOctet);
        });
        for (int priority = 101; priority <= 254; priority++)
        {
            int next = priority;
            lan.Schedule(lan.Elapsed + TimeSpan.FromMilliseconds(10 * (priority - 100)), () => a.SetPriority("web", new(next)));
        }

        lan.Schedule(lan.Elapsed + TimeSpan.FromMilliseconds(1545), () => a.Remove("web", handOver: false));
        lan.Run(Seconds(2));
        return order;
    }

    [Fact]
    public void Without_conditions_packets_arrive_at_once_and_once()
    {
        var (sent, arrived, _) = Stream(LinkConditions.Ideal);
        Assert.Equal(2000, sent.Count);
        Assert.Equal(sent, arrived);
    }

    [Fact]
    public void Delay_is_the_same_for_every_packet()
    {
        var (sent, arrived, _) = Stream(new() { Delay = TimeSpan.FromMilliseconds(3) });
        Assert.Equal(sent.Select(at => at + 0.003), arrived, (left, right) => Math.Abs(left - right) < 1e-7);
    }

    [Fact]
    public void Jitter_spreads_arrivals_and_keeps_the_order()
    {
        var (sent, arrived, _) = Stream(new() { Delay = TimeSpan.FromMilliseconds(1), Jitter = TimeSpan.FromMilliseconds(4) });
        var travelled = sent.Zip(arrived, (from, to) => to - from).ToList();
        Assert.All(travelled, time => Assert.InRange(time, 0.001, 0.0050001));
        Assert.InRange(travelled.Average(), 0.0028, 0.0032);

        // More than the time between two packets: none overtakes another.
        Assert.Equal(Enumerable.Range(101, 154), Order(new() { Jitter = TimeSpan.FromMilliseconds(50) }));
    }

    [Fact]
    public void Loss_is_as_frequent_as_it_was_said_to_be()
    {
        var (sent, arrived, lan) = Stream(new() { Loss = 0.25 });
        Assert.InRange(arrived.Count, (int)(sent.Count * 0.72), (int)(sent.Count * 0.78));
        Assert.Empty(arrived.Except(sent));
        (sent, arrived, lan) = Stream(new() { Loss = 1 });
        Assert.NotEmpty(sent);
        Assert.Empty(arrived);
        Assert.NotNull(lan);
    }

    [Fact]
    public void Duplicates_arrive_beside_the_originals()
    {
        var (sent, arrived, lan) = Stream(new() { Duplication = 0.25, Jitter = TimeSpan.FromMilliseconds(1) });
        Assert.InRange(arrived.Count, (int)(sent.Count * 1.22), (int)(sent.Count * 1.28));
        Assert.Equal(VrrpState.Backup, lan.Nodes[1].State());
        Assert.Equal(2 * 2000, Stream(new() { Duplication = 1 }).Arrived.Count);
    }

    [Fact]
    public void Reordering_lets_later_packets_overtake()
    {
        var order = Order(new() { Delay = TimeSpan.FromMilliseconds(1), Reordering = 0.2, ReorderingDelay = TimeSpan.FromMilliseconds(30) });
        Assert.Equal(Enumerable.Range(101, 154), order.Order());
        int overtaken = order.Zip(order.Skip(1), (left, right) => left > right).Count(isBehind => isBehind);
        Assert.InRange(overtaken, 10, 50);
    }

    [Fact]
    public void Each_way_has_its_own()
    {
        var (lan, a, b) = RunningPair();
        var c = lan.AddNode("c");
        c.Add(Config(50));
        lan.Conditions = new() { Delay = TimeSpan.FromMilliseconds(1) };
        lan.SetConditions(a, b, new() { Delay = TimeSpan.FromMilliseconds(2) });
        var (atB, atC) = (lan.Times(SimulationEventKinds.PacketDelivered, b), lan.Times(SimulationEventKinds.PacketDelivered, c));
        lan.Run(Seconds(1.5));
        Assert.Equal((11.22075, 11.21975), (Assert.Single(atB), Assert.Single(atC)));

        lan.SetConditions(a, b, null);
        lan.Run(Seconds(1));
        Assert.Equal((12.21975, 12.21975), (atB[^1], atC[^1]));
    }

    [Fact]
    public void A_packet_under_way_arrives_although_the_way_is_cut_behind_it()
    {
        var (lan, a, b) = RunningPair();
        lan.Conditions = new() { Delay = TimeSpan.FromMilliseconds(100) };
        var arrived = lan.Times(SimulationEventKinds.PacketDelivered, b);
        var lost = lan.Times(SimulationEventKinds.PacketLost, b);
        lan.Schedule(Seconds(11.25), () => lan.Cut(a, b));
        lan.RunUntil(Seconds(13));

        Assert.Equal([11.31875], arrived);
        Assert.Equal([12.21875], lost);
    }

    [Fact]
    public void What_makes_no_sense_is_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new LinkConditions { Delay = Seconds(-1) });
        Assert.Throws<ArgumentOutOfRangeException>(() => new LinkConditions { Delay = TimeSpan.MaxValue });
        Assert.Throws<ArgumentOutOfRangeException>(() => new LinkConditions { Jitter = Seconds(-1) });
        Assert.Throws<ArgumentOutOfRangeException>(() => new LinkConditions { ReorderingDelay = Seconds(-1) });
        Assert.Throws<ArgumentOutOfRangeException>(() => new LinkConditions { Loss = 1.01 });
        Assert.Throws<ArgumentOutOfRangeException>(() => new LinkConditions { Duplication = -0.01 });
        Assert.Throws<ArgumentOutOfRangeException>(() => new LinkConditions { Reordering = double.NaN });
        Assert.Equal(LinkConditions.Ideal, new());
    }
}
