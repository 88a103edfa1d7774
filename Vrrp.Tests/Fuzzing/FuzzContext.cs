using System.Numerics;

namespace Vrrp.Tests.Fuzzing;

/// <summary>Something an input made happen: a reason, a code, a branch, with a number where there are several.</summary>
internal readonly record struct Feature(string What, long Number)
{
    public override string ToString() => Number == 0 ? What : $"{What} {Number}";
}

/// <summary>A promise that an input broke.</summary>
internal sealed class BrokenPromiseException(string message) : Exception(message);

/// <summary>What one execution tells. It is made once and used for all executions of a run.</summary>
internal sealed class FuzzContext : IDisposable
{
    private const int MaxFeatures = 500;

    private readonly GuardedMemory _memory;

    public FuzzContext(int capacity)
    {
        _memory = new(capacity);
        Features.EnsureCapacity(2 * MaxFeatures);
    }

    /// <summary>What was reached, in order of its first time.</summary>
    public HashSet<Feature> Features { get; } = [];

    /// <summary>What was allocated beyond the bound; null: nothing.</summary>
    public string? Excess { get; private set; }

    /// <summary>All octets that were told to be allocated.</summary>
    public long TotalAllocated { get; private set; }

    public void Begin()
    {
        Features.Clear();
        Excess = null;
        TotalAllocated = 0;
    }

    /// <summary>Something happened. Of what can have many numbers, <see cref="ReachedCount"/> tells the order of magnitude.</summary>
    public void Reached(string what, long number = 0)
    {
        if (Features.Count < MaxFeatures)
            Features.Add(new(what, number));
    }

    /// <summary>Something happened so often, or is so long.</summary>
    public void ReachedCount(string what, long count) => Reached(what, count <= 0 ? 0 : BitOperations.Log2((ulong)count) + 1);

    /// <summary>What the code under test allocated, and what it may.</summary>
    public void Allocated(long octets, long bound)
    {
        TotalAllocated += octets;
        if (octets > bound)
            Excess ??= $"{octets} octets were allocated where {bound} are the bound";
    }

    /// <summary>A copy that ends where memory ends: reading one octet beyond it is a fault. One at a time.</summary>
    public ReadOnlySpan<byte> Guard(ReadOnlySpan<byte> octets) => _memory.Put(octets);

    /// <summary>As <see cref="Guard"/>, to be written to.</summary>
    public Span<byte> GuardedRoom(int length) => _memory.Room(length);

    public void Dispose() => _memory.Dispose();
}
