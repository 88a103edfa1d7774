namespace Vrrp.Tests.Fuzzing;

/// <summary>An input while it is being changed: octets of a length that no change takes beyond its capacity.</summary>
internal sealed class FuzzInput(int capacity)
{
    private readonly byte[] _octets = new byte[capacity];

    public int Capacity => _octets.Length;

    public int Length { get; private set; }

    public Span<byte> Span => _octets.AsSpan(0, Length);

    public void Set(ReadOnlySpan<byte> octets)
    {
        Length = Math.Min(octets.Length, Capacity);
        octets[..Length].CopyTo(_octets);
    }

    /// <summary>Puts octets in the place of others; what no longer fits at the end is lost.</summary>
    public void Replace(int start, int count, ReadOnlySpan<byte> with)
    {
        // The source may lie in this very input.
        byte[] copy = with.ToArray();
        byte[] tail = Span[(start + count)..].ToArray();
        int room = Capacity - start;
        int taken = Math.Min(copy.Length, room);
        copy.AsSpan(0, taken).CopyTo(_octets.AsSpan(start));
        int kept = Math.Min(tail.Length, room - taken);
        tail.AsSpan(0, kept).CopyTo(_octets.AsSpan(start + taken));
        Length = start + taken + kept;
    }

    public void Insert(int at, ReadOnlySpan<byte> octets) => Replace(at, 0, octets);

    public void Remove(int start, int count) => Replace(start, count, []);

    public void Truncate(int length) => Length = Math.Min(Length, length);
}
