using Vrrp.Simulation;

namespace Vrrp.Tests.Fuzzing;

/// <summary>Chance from a seed, in the ways that changing inputs asks for.</summary>
internal sealed class FuzzRandom(ulong seed)
{
    private readonly SeededRandom _random = new((long)seed);

    /// <summary>0 to <paramref name="bound"/> − 1; 0 when there is nothing to choose from.</summary>
    public int Next(int bound) => bound < 1 ? 0 : _random.Next(bound);

    public int Next(int from, int bound) => from + Next(bound - from);

    public byte NextByte() => (byte)_random.NextBits();

    /// <summary>True once in that many times.</summary>
    public bool OneIn(int times) => Next(times) == 0;

    public T Pick<T>(params ReadOnlySpan<T> from) => from[Next(from.Length)];

    public void Fill(Span<byte> octets)
    {
        foreach (ref byte octet in octets)
            octet = NextByte();
    }
}
