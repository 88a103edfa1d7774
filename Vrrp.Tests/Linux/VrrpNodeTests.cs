using System.Diagnostics.Metrics;

namespace Vrrp.Tests.Linux;

/// <summary>The node and its thread, between two network namespaces.</summary>
public sealed class VrrpNodeTests : IDisposable
{
    private readonly TwoHosts _hosts = new();

    public void Dispose() => _hosts.Dispose();

    [Fact] // VR-110
    public async Task Whatever_is_asked_from_many_threads_happens_on_one_and_one_at_a_time()
    {
        var machine = new WatchedMachine();
        await using var node = _hosts.A.Network.Run(() => VrrpNode.Start(new() { StateMachine = machine }));
        await using var peer = _hosts.B.Network.Run(() => VrrpNode.Start());
        await node.AddAsync(Config(100));
        // Both advertise a hundred times a second, so that packets and timers come between.
        await peer.AddAsync(Config(100));

        await Task.WhenAll(Enumerable.Range(0, 8).Select(thread => Task.Run(async () =>
        {
            for (int i = 0; i < 100; i++)
            {
                await node.ReconfigureAsync("web", Config(90 + ((thread + i) % 20)));
                Assert.Single(await node.GetStatusAsync());
                await node.DeclareFaultAsync("web", isFaulty: i % 10 == 9);
            }
        })));
        await node.StopAsync(handOver: false);

        Assert.True(machine.Steps > 800);
        Assert.Equal((1, 0), (machine.Threads.Count, machine.Overlaps));
    }

    [Fact]
    public async Task Metrics_end_with_the_node()
    {
        var node = _hosts.A.Network.Run(() => VrrpNode.Start());
        var metrics = new VrrpMetrics(node);
        await node.AddAsync(Config(100));
        Assert.Contains("vrrp_state", Instruments(metrics));
        await node.DisposeAsync();
        // What the node's end leads to may come a moment after it.
        Assert.True(SpinWait.SpinUntil(() => Instruments(metrics).Count == 0, TimeSpan.FromSeconds(20)));
    }

    private static List<string> Instruments(VrrpMetrics metrics)
    {
        var names = new List<string>();
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, _) =>
        {
            if (instrument.Meter == metrics.Meter)
                names.Add(instrument.Name);
        };
        listener.Start();
        return names;
    }

    private static VirtualRouterConfig Config(int priority) => new()
    {
        Name = "web",
        Interface = "eth0",
        VirtualRouterId = new(51),
        Priority = new(priority),
        AdvertisementInterval = AdvertisementInterval.FromCentiseconds(1),
        VirtualAddresses = [VirtualAddress.Host(IPAddressValue.Parse("10.0.0.100"))],
    };

    /// <summary>The machine, with a look at who calls it.</summary>
    private sealed class WatchedMachine : IVrrpStateMachine
    {
        private int _inside;

        public int Steps { get; private set; }

        public int Overlaps { get; private set; }

        public HashSet<int> Threads { get; } = [];

        public Transition Step(VirtualRouterConfig config, in MachineState state, in VrrpEvent input, Instant now)
        {
            if (Interlocked.Increment(ref _inside) != 1)
                Overlaps++;
            lock (Threads)
                Threads.Add(Environment.CurrentManagedThreadId);
            Steps++;
            var transition = VrrpStateMachine.Instance.Step(config, state, input, now);
            Interlocked.Decrement(ref _inside);
            return transition;
        }
    }
}
