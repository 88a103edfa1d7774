namespace Vrrp.Simulation;

/// <summary>Min-heap of things to come; of those for one instant, the one that was added first comes first.</summary>
internal sealed class EventQueue
{
    private (long At, long Number, object What)[] _heap = new (long, long, object)[64];
    private int _count;
    private long _number;

    /// <summary>When the first one is due, in nanoseconds; the largest number when there is none.</summary>
    public long Earliest => _count == 0 ? long.MaxValue : _heap[0].At;

    public void Add(long at, object what)
    {
        if (_count == _heap.Length)
            Array.Resize(ref _heap, _heap.Length * 2);
        int child = _count++;
        // The newest number is the highest: it stays behind its equals.
        while (child > 0)
        {
            int parent = (child - 1) / 2;
            if (_heap[parent].At <= at)
                break;
            _heap[child] = _heap[parent];
            child = parent;
        }

        _heap[child] = (at, _number++, what);
    }

    /// <summary>Takes the first one, which must be there.</summary>
    public object Take()
    {
        object taken = _heap[0].What;
        var last = _heap[--_count];
        _heap[_count] = default;
        if (_count == 0)
            return taken;
        int parent = 0;
        while (true)
        {
            int child = (2 * parent) + 1;
            if (child >= _count)
                break;
            if (child + 1 < _count && IsBefore(_heap[child + 1], _heap[child]))
                child++;
            if (!IsBefore(_heap[child], last))
                break;
            _heap[parent] = _heap[child];
            parent = child;
        }

        _heap[parent] = last;
        return taken;
    }

    private static bool IsBefore(in (long At, long Number, object What) left, in (long At, long Number, object What) right) =>
        left.At != right.At ? left.At < right.At : left.Number < right.Number;
}
