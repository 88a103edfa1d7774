namespace Vrrp;

/// <summary>
/// Min-heap of deadlines by owner's number. An owner whose deadline moves later keeps its entry, which is corrected when it surfaces;
/// one whose deadline moves earlier gets a second entry and the first becomes stale. Nothing is ever searched for or removed.
/// </summary>
internal sealed class DeadlineQueue
{
    private (Instant At, int Owner)[] _heap = new (Instant, int)[64];
    private int _count;

    /// <summary>The earliest entry, stale or not.</summary>
    public Instant Earliest => _count == 0 ? Instant.Never : _heap[0].At;

    public int Count => _count;

    public void Add(Instant at, int owner)
    {
        if (_count == _heap.Length)
            Array.Resize(ref _heap, _heap.Length * 2);
        int child = _count++;
        while (child > 0)
        {
            int parent = (child - 1) / 2;
            if (_heap[parent].At <= at)
                break;
            _heap[child] = _heap[parent];
            child = parent;
        }

        _heap[child] = (at, owner);
    }

    /// <summary>Takes the earliest entry if it is not later than <paramref name="now"/>.</summary>
    public bool TryTake(Instant now, out Instant at, out int owner)
    {
        if (_count == 0 || _heap[0].At > now)
        {
            (at, owner) = (Instant.Never, -1);
            return false;
        }

        (at, owner) = _heap[0];
        var last = _heap[--_count];
        int parent = 0;
        while (true)
        {
            int child = (2 * parent) + 1;
            if (child >= _count)
                break;
            if (child + 1 < _count && _heap[child + 1].At < _heap[child].At)
                child++;
            if (_heap[child].At >= last.At)
                break;
            _heap[parent] = _heap[child];
            parent = child;
        }

        _heap[parent] = last;
        return true;
    }
}
