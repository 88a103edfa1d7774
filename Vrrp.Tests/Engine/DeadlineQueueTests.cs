namespace Vrrp.Tests.Engine;

public class DeadlineQueueTests
{
    [Fact]
    public void It_gives_what_a_sorted_list_gives()
    {
        for (int seed = 0; seed < 100; seed++)
        {
            var random = new Random(seed);
            var queue = new DeadlineQueue();
            var model = new List<(Instant At, int Owner)>();
            for (int i = 0; i < 500; i++)
            {
                if (random.Next(3) != 0)
                {
                    var entry = (At: new Instant(random.Next(200)), Owner: i);
                    queue.Add(entry.At, entry.Owner);
                    model.Add(entry);
                }
                else
                {
                    var now = new Instant(random.Next(200));
                    bool isDue = queue.TryTake(now, out var at, out int owner);
                    var earliest = model.Count == 0 ? Instant.Never : model.Min(entry => entry.At);
                    Assert.True(isDue == earliest <= now, $"seed {seed}, step {i}");
                    if (isDue)
                        Assert.True(at == earliest && model.Remove((at, owner)), $"seed {seed}, step {i}");
                    else
                        Assert.Equal((Instant.Never, -1), (at, owner));
                }

                Assert.Equal(model.Count, queue.Count);
                Assert.Equal(model.Count == 0 ? Instant.Never : model.Min(entry => entry.At), queue.Earliest);
            }
        }
    }

    [Fact]
    public void Entries_of_a_busy_router_do_not_pile_up()
    {
        var lan = new ScenarioLan();
        var (a, b) = (lan.AddNode("A"), lan.AddNode("B"));
        a.Add(ScenarioNode.Config(200) with { Announcements = new() { Refresh = TimeSpan.FromSeconds(0.7) } });
        b.Add(ScenarioNode.Config(100));
        lan.RunTo(2000);

        Assert.InRange(a.Engine.QueuedDeadlines, 1, 4);
        Assert.InRange(b.Engine.QueuedDeadlines, 1, 2);
    }
}
