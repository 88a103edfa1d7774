using BenchmarkDotNet.Attributes;
using Vrrp.Packets;

namespace Vrrp.Benchmarks.Micro;

/// <summary>A whole turn of the engine with nothing behind it: an advert heard by a Backup, an advert sent by a Master, a step of the machine.</summary>
[MemoryDiagnoser]
public class EngineBenchmarks : IDisposable
{
    private readonly NullPlatform _backupPlatform = new();
    private readonly NullPlatform _masterPlatform = new();
    private VrrpEngine _backup = null!;
    private VrrpEngine _master = null!;
    private VirtualRouterConfig _config = null!;
    private MachineState _state;
    private VrrpEvent _heard;
    private Instant _backupNow;
    private Instant _masterNow;

    /// <summary>Starts two engines, the one Backup, the other Master.</summary>
    [GlobalSetup]
    public void Prepare()
    {
        (_backup, _backupNow) = Start(_backupPlatform, new Priority(100));
        _backupPlatform.Link.Waiting = CodecBenchmarks.Message(VrrpVersion.V3, new Priority(200), 1);
        (_master, _masterNow) = Start(_masterPlatform, Priority.Owner);
        _config = Config(new Priority(100));
        _state = VrrpStateMachine.Instance.Step(_config, MachineState.Initial(_config), VrrpEvent.Startup, _backupNow).State;
        _heard = VrrpEvent.Advertisement(new Priority(200), _config.AdvertisementInterval, CodecBenchmarks.Peer, NullPlatform.Own);
    }

    /// <summary>A turn that receives one advert.</summary>
    [Benchmark]
    public void ReceiveAdvert()
    {
        _backupNow = _backupNow.AddNanoseconds(10_000_000);
        _backup.BeginTurn(_backupNow);
        _backup.Receive(_backupPlatform.Link);
        _backup.EndTurn();
    }

    /// <summary>A turn that sends one advert.</summary>
    /// <returns>Packets sent so far.</returns>
    [Benchmark]
    public long SendAdvert()
    {
        _masterNow = _master.NextDeadline;
        _master.BeginTurn(_masterNow);
        _master.EndTurn();
        return _masterPlatform.Link.Sent;
    }

    /// <summary>The machine alone: an advert heard by a Backup.</summary>
    /// <returns>When the Master would be down.</returns>
    [Benchmark]
    public Instant Step() => VrrpStateMachine.Instance.Step(_config, _state, _heard, _backupNow).State.Deadline;

    /// <summary>Stops both engines.</summary>
    [GlobalCleanup]
    public void Dispose()
    {
        _backup?.Dispose();
        _master?.Dispose();
        _backupPlatform.Dispose();
        _masterPlatform.Dispose();
        GC.SuppressFinalize(this);
    }

    private static (VrrpEngine Engine, Instant Now) Start(NullPlatform platform, Priority priority)
    {
        var engine = new VrrpEngine(platform, new VrrpFrameCodec(), VrrpStateMachine.Instance, static _ => { });
        var now = new Instant(1_000_000_000);
        engine.Start(now);
        engine.Add(Config(priority), now, now);
        engine.EndTurn();
        return (engine, now);
    }

    private static VirtualRouterConfig Config(Priority priority) => new()
    {
        Name = "benchmark",
        Interface = "e0",
        VirtualRouterId = new(51),
        Priority = priority,
        AdvertisementInterval = AdvertisementInterval.FromCentiseconds(1),
        VirtualAddresses = [VirtualAddress.Host(IPAddressValue.Parse("192.0.2.254"))],
        // Announcements repeated for ever would be counted as adverts.
        Announcements = new() { Repeat = 1, Delay = TimeSpan.Zero },
    };
}
