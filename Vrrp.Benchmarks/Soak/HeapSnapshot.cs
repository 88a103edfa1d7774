using System.Diagnostics.Tracing;
using Microsoft.Diagnostics.NETCore.Client;
using Microsoft.Diagnostics.Tracing;
using Microsoft.Diagnostics.Tracing.Parsers;

namespace Vrrp.Benchmarks.Soak;

/// <summary>Live objects of another process by type, after a full collection that is forced for it. The process stands still meanwhile.</summary>
internal sealed class HeapSnapshot
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    private readonly Dictionary<ulong, (long Count, long Bytes)> _byType = [];

    public long Objects { get; private set; }

    public long Bytes { get; private set; }

    /// <param name="process">Its number.</param>
    /// <param name="names">Names of types by their numbers. A runtime tells a name once: the next snapshot needs those of this one.</param>
    public static HeapSnapshot Take(int process, Dictionary<ulong, string> names)
    {
        var snapshot = new HeapSnapshot();
        var provider = new EventPipeProvider(ClrTraceEventParser.ProviderName, EventLevel.Verbose, (long)ClrTraceEventParser.Keywords.GCHeapSnapshot);
        using var session = new DiagnosticsClient(process).StartEventPipeSession([provider], requestRundown: false, circularBufferMB: 256);
        using var source = new EventPipeEventSource(session.EventStream);
        int collection = -1;
        var isComplete = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        source.Clr.TypeBulkType += data =>
        {
            for (int i = 0; i < data.Count; i++)
                names[data.Values(i).TypeID] = data.Values(i).TypeName;
        };
        source.Clr.GCStart += data =>
        {
            if (data.Depth == 2 && collection < 0)
                collection = data.Count;
        };
        source.Clr.GCBulkNode += data =>
        {
            for (int i = 0; i < data.Count; i++)
                snapshot.Add(data.Values(i).TypeID, (long)data.Values(i).Size);
        };
        source.Clr.GCStop += data =>
        {
            if (data.Count == collection)
                isComplete.TrySetResult();
        };
        var reading = Task.Run(source.Process);
        bool wasInTime = isComplete.Task.Wait(s_patience);
        session.Stop();
        reading.Wait();
        if (!wasInTime || source.EventsLost > 0)
            throw new InvalidOperationException($"The snapshot of the heap is not complete: {source.EventsLost} events were lost.");
        return snapshot;
    }

    /// <summary>Types of which more is alive than before, most first.</summary>
    public IEnumerable<(string Type, long Objects, long Bytes)> GrowthSince(HeapSnapshot before, IReadOnlyDictionary<ulong, string> names) =>
        _byType
            .GroupBy(entry => names.GetValueOrDefault(entry.Key) is { Length: > 0 } name ? name : $"(type {entry.Key:x})")
            .Select(group => (
                group.Key,
                group.Sum(entry => entry.Value.Count - before._byType.GetValueOrDefault(entry.Key).Count),
                group.Sum(entry => entry.Value.Bytes - before._byType.GetValueOrDefault(entry.Key).Bytes)))
            .Where(growth => growth.Item3 > 0)
            .OrderByDescending(growth => growth.Item3);

    private void Add(ulong type, long bytes)
    {
        var (count, total) = _byType.GetValueOrDefault(type);
        _byType[type] = (count + 1, total + bytes);
        Objects++;
        Bytes += bytes;
    }
}
