namespace Vrrp.Tests.Engine;

/// <summary>
/// Seeded disturbances of a LAN of two to four hosts: loss, duplication, delay, partitions, kills, restarts, stalls, faults, addresses
/// taken away. After healing the invariants hold (VR-263). A failure prints its seed.
/// </summary>
public class RandomizedLanTests
{
    [Theory]
    [InlineData(0, false)]
    [InlineData(1000, true)]
    public void After_healing_there_is_one_master_of_highest_rank(int firstSeed, bool areGroups)
    {
        for (int seed = firstSeed; seed < firstSeed + 150; seed++)
            Run(seed, areGroups);
    }

    [Fact]
    public void Equal_seeds_give_equal_traces()
    {
        Assert.Equal(Run(77, areGroups: false), Run(77, areGroups: false));
    }

    private static string Run(int seed, bool areGroups)
    {
        var random = new Random(seed);
        var lan = new TestLan();
        double loss = 0;
        double duplication = 0;
        var separated = new HashSet<(TestNode, TestNode)>();
        lan.Delivers = (from, to, _) => !separated.Contains((from, to)) && random.NextDouble() >= loss;
        lan.Copies = () => random.NextDouble() < duplication ? 2 : 1;
        lan.Delay = () => TimeSpan.FromMicroseconds(random.Next(20, 400));

        var configs = new List<VirtualRouterConfig[]>();
        int interval = random.Next(2) == 0 ? 100 : 10;
        for (int i = 0; i < random.Next(2, 5); i++)
        {
            // Equal priorities are part of it.
            int priority = random.Next(3) == 0 ? 100 : random.Next(1, 255);
            var config = TestNode.Config(priority, "m1") with { AdvertisementInterval = AdvertisementInterval.FromCentiseconds(interval) };
            configs.Add(areGroups
                ? [config with { SyncGroup = "group" }, Second(config) with { SyncGroup = "group" }]
                : [config]);
            Start(lan.AddNode($"N{i + 1}"), configs[i]);
        }

        for (int step = 0; step < 25; step++)
        {
            Disturb();
            lan.Run(random.Next(1, 40) * interval / 1000m);
            AssertTurn();
        }

        (loss, duplication) = (0, 0);
        separated.Clear();
        foreach (var (node, config) in lan.Nodes.Zip(configs))
        {
            if (!node.IsRunning)
            {
                node.Boot();
                Start(node, config);
            }

            foreach (var router in config)
                node.Declare(isFaulty: false, router.Name);
            node.Freeze(0);
        }

        // The longest stall still under way, a retry, one longest down interval to elect and one to preempt, and an interval (I1).
        lan.Run(6 + (9 * interval / 100m));
        AssertHealed();
        int sent = lan.Nodes.Sum(node => node.Sent.Count);
        lan.Run(10 * interval / 100m);
        AssertHealed();
        // No unbounded packet rate: one Master, one advertisement an interval for each of its routers.
        Check(lan.Nodes.Sum(node => node.Sent.Count) - sent <= 11 * configs[0].Length, "too many advertisements");
        return lan.Trace;

        void Disturb()
        {
            var node = lan.Nodes[random.Next(lan.Nodes.Count)];
            var config = configs[lan.Nodes.IndexOf(node)];
            switch (random.Next(11))
            {
                case 0 when node.IsRunning:
                    node.Kill();
                    break;
                case 1 or 2 when !node.IsRunning:
                    node.Boot();
                    Start(node, config);
                    break;
                case 3:
                    loss = random.NextDouble() * 0.7;
                    break;
                case 4:
                    duplication = random.NextDouble();
                    break;
                case 5:
                    separated.Add((node, lan.Nodes[random.Next(lan.Nodes.Count)]));
                    break;
                case 6:
                    separated.Clear();
                    loss = 0;
                    break;
                case 7:
                    node.Freeze(random.Next(1, 80) * interval / 1000m);
                    break;
                case 8 when node.IsRunning && !node.IsFrozen:
                    node.Declare(isFaulty: random.Next(2) == 0, config[^1].Name);
                    break;
                case 9 when node.IsRunning && !node.IsFrozen && node.Platform.Has("10.0.0.254"):
                    node.Platform.TakeAway("eth0", "10.0.0.254");
                    break;
                case 10 when node.IsRunning && !node.IsFrozen:
                    bool handOver = random.Next(2) == 0;
                    foreach (var router in config)
                        node.Remove(router.Name, handOver);
                    Start(node, config);
                    break;
            }
        }

        // I2: whoever can execute and is not Master, nor handing over, holds no virtual address; a Master holds all. I4.
        void AssertTurn()
        {
            foreach (var node in lan.Nodes.Where(node => node.IsRunning && !node.IsFrozen))
            {
                foreach (var router in node.Engine.Routers)
                {
                    bool isHolding = node.Platform.Has(router.Config.VirtualAddresses[0].Address.ToString());
                    Check(
                        isHolding == (router.State.State == VrrpState.Master || router.State.IsHandingOver),
                        $"{node.Name} is {router.State.State} and {(isHolding ? "holds" : "lacks")} its address");
                }

                if (areGroups)
                    Check(node.Engine.Routers.Select(router => router.State.State == VrrpState.Master).Distinct().Count() == 1, $"{node.Name} is divided");
            }
        }

        void AssertHealed()
        {
            AssertTurn();
            var best = lan.Nodes.MaxBy(node => (configs[lan.Nodes.IndexOf(node)][0].Priority, node.Address))!;
            var masters = lan.Nodes.Where(node => node.Engine.Routers.Any(router => router.State.State == VrrpState.Master)).ToArray();
            Check(masters.Length == 1, $"{masters.Length} Masters");
            // A Backup does not preempt an equal: rank is the priority alone unless two are Master at a time.
            Check(
                masters[0].Router("m1").State.EffectivePriority == best.Router("m1").State.EffectivePriority,
                $"{masters[0].Name} is Master and {best.Name} ranks higher");
        }

        void Check(bool condition, string what)
        {
            if (!condition)
                Assert.Fail($"Seed {seed}: {what}.{Environment.NewLine}{lan.Trace}");
        }
    }

    private static VirtualRouterConfig Second(VirtualRouterConfig config) => config with
    {
        Name = "m2",
        VirtualRouterId = new(52),
        VirtualAddresses = [VirtualAddress.Host(IPAddressValue.Parse("10.0.0.253"))],
    };

    private static void Start(TestNode node, VirtualRouterConfig[] configs)
    {
        foreach (var config in configs)
            node.Add(config);
    }
}
