using System.Diagnostics.Tracing;
using Microsoft.Diagnostics.NETCore.Client;
using Microsoft.Diagnostics.Tracing;
using Microsoft.Diagnostics.Tracing.Parsers;
using Microsoft.Diagnostics.Tracing.Parsers.Clr;

namespace Vrrp.Benchmarks.Soak;

/// <summary>One garbage collection.</summary>
/// <param name="Generation">Oldest generation collected.</param>
/// <param name="PauseMilliseconds">How long no managed code ran, from the first thread asked to stop to the last let go.</param>
internal readonly record struct Collection(int Generation, double PauseMilliseconds);

/// <summary>
/// The garbage collections of another process, from the events its runtime sends over its diagnostics socket. The events are the runtime's
/// own native ones: nothing managed is allocated or run for them.
/// </summary>
internal sealed class RuntimeWatch : IDisposable
{
    private readonly EventPipeSession _session;
    private readonly EventPipeEventSource _source;
    private readonly Thread _thread;
    private readonly Lock _lock = new();
    private readonly List<Collection> _collections = [];
    private double _stopping = double.NaN;
    private int _generation = -1;
    private double _heapBytes = double.NaN;
    private double _heapHandles = double.NaN;
    private double _lost;

    public RuntimeWatch(int process)
    {
        var provider = new EventPipeProvider(ClrTraceEventParser.ProviderName, EventLevel.Informational, (long)ClrTraceEventParser.Keywords.GC);
        _session = new DiagnosticsClient(process).StartEventPipeSession([provider], requestRundown: false, circularBufferMB: 16);
        _source = new EventPipeEventSource(_session.EventStream);
        _source.Clr.GCSuspendEEStart += data => _stopping = data.TimeStampRelativeMSec;
        _source.Clr.GCStart += data => _generation = data.Depth;
        _source.Clr.GCHeapStats += OnHeap;
        _source.Clr.GCRestartEEStop += OnRestarted;
        _thread = new Thread(() => _source.Process()) { IsBackground = true, Name = "runtime events" };
        _thread.Start();
    }

    /// <summary>Bytes of the managed heap after the last collection, garbage of generations not collected included.</summary>
    public double HeapBytes
    {
        get
        {
            lock (_lock)
                return _heapBytes;
        }
    }

    /// <summary>Handles that the runtime keeps to objects, after the last collection.</summary>
    public double HeapHandles
    {
        get
        {
            lock (_lock)
                return _heapHandles;
        }
    }

    /// <summary>Events that found no room: pauses that are missing here.</summary>
    public double EventsLost
    {
        get
        {
            lock (_lock)
                return _lost;
        }
    }

    /// <summary>Those so far, and forgets them.</summary>
    public List<Collection> Take()
    {
        lock (_lock)
        {
            List<Collection> taken = [.. _collections];
            _collections.Clear();
            return taken;
        }
    }

    public void Dispose()
    {
        try
        {
            _session.Stop();
        }
        catch (Exception exception) when (exception is ServerNotAvailableException or EndOfStreamException or IOException)
        {
            // The process has ended, and the stream with it.
        }

        _thread.Join();
        _source.Dispose();
        _session.Dispose();
    }

    private void OnHeap(GCHeapStatsTraceData data)
    {
        lock (_lock)
        {
            _heapBytes = data.TotalHeapSize;
            _heapHandles = data.GCHandleCount;
        }
    }

    private void OnRestarted(GCNoUserDataTraceData data)
    {
        lock (_lock)
        {
            _lost = _source.EventsLost;
            // The runtime also stops for other reasons than a collection; a pause is a pause.
            if (!double.IsNaN(_stopping))
                _collections.Add(new(_generation, data.TimeStampRelativeMSec - _stopping));
            _stopping = double.NaN;
            _generation = -1;
        }
    }
}
