using Vrrp.Benchmarks.Comparison;

namespace Vrrp.Benchmarks.Soak;

/// <summary>
/// Lateness of adverts as the wire has it: how much longer than the announced interval the time to the next one is. Fed by the capture's
/// thread, asked by the run's.
/// </summary>
internal sealed class WireWatch
{
    private const byte Director = 1;
    private const long ReloadWindow = 1_000_000_000;

    private readonly Lock _lock = new();
    private readonly (long At, long Interval)[] _last = new (long, long)[256];
    private readonly byte[] _priorities = new byte[256];
    private readonly long[] _heardFromPeer = new long[256];
    private readonly bool[] _isSettledMaster = new bool[256];
    private readonly int _masterDownAdverts = 3;
    private long _reloadedAt;
    private bool _isMeasuring;

    /// <summary>In seconds without a reload.</summary>
    public Histogram Quiet { get; } = new();

    /// <summary>In the second that begins with a reload.</summary>
    public Histogram AtReload { get; } = new();

    /// <summary>The longest lateness after each reload, in microseconds.</summary>
    public List<double> WorstAtReload { get; } = [];

    /// <summary>Adverts of the director.</summary>
    public long Adverts { get; private set; }

    /// <summary>Pauses after which a Backup would have taken over.</summary>
    public long LongPauses { get; private set; }

    /// <summary>Times that the peer advertised a router of which the director was and stayed to be Master.</summary>
    public long FalseTakeovers { get; private set; }

    public bool IsMeasuring
    {
        get
        {
            lock (_lock)
                return _isMeasuring;
        }

        set
        {
            lock (_lock)
            {
                _isMeasuring = value;
                Array.Clear(_last);
                Array.Clear(_heardFromPeer);
            }
        }
    }

    /// <summary>Priority of the director's last advert of a VRID.</summary>
    public int PriorityOf(int id)
    {
        lock (_lock)
            return _priorities[id];
    }

    /// <summary>A reload begins; those of its routers that it leaves alone are to be Master before, during and after.</summary>
    public void Reloading(Func<int, bool> isSettledMaster)
    {
        lock (_lock)
        {
            _reloadedAt = Capture.RealTimeNow;
            for (int id = 0; id < _isSettledMaster.Length; id++)
                _isSettledMaster[id] = id > 0 && isSettledMaster(id);
            if (_isMeasuring)
                WorstAtReload.Add(0);
        }
    }

    public void See(Sighting sighting)
    {
        if (!sighting.IsAdvert)
            return;
        lock (_lock)
        {
            if (sighting.Source == Director)
                _priorities[sighting.Id] = sighting.Priority;
            if (!_isMeasuring)
                return;
            if (sighting.Source == Director)
                SeeDirector(sighting);
            else
                SeePeer(sighting);
        }
    }

    private void SeeDirector(in Sighting sighting)
    {
        Adverts++;
        _heardFromPeer[sighting.Id] = 0;
        ref var last = ref _last[sighting.Id];
        var (before, interval) = last;
        last = sighting.Priority == 0 ? default : (sighting.At, sighting.IntervalCentiseconds * 10_000_000L);
        if (before == 0)
            return;
        double late = Math.Max(0, (sighting.At - before - interval) / 1000.0);
        bool isAtReload = sighting.At - _reloadedAt < ReloadWindow && sighting.At >= _reloadedAt;
        (isAtReload ? AtReload : Quiet).Add(late);
        if (isAtReload && WorstAtReload.Count > 0)
            WorstAtReload[^1] = Math.Max(WorstAtReload[^1], late);
        // The skew of a Backup that is next in rank is shorter than an interval in any case.
        if (sighting.At - before > _masterDownAdverts * interval)
            LongPauses++;
    }

    private void SeePeer(in Sighting sighting)
    {
        // One that passed it on learns of it by a farewell or a higher priority; it is not the same Master's next advert.
        _last[sighting.Id] = default;
        if (sighting.Priority != 0 && _isSettledMaster[sighting.Id] && _heardFromPeer[sighting.Id] == 0)
            FalseTakeovers++;
        _heardFromPeer[sighting.Id] = sighting.At;
    }
}
