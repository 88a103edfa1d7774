namespace Vrrp.Tests.Fuzzing;

/// <summary>Chance that is the same on every machine and framework for equal seeds: SplitMix64.</summary>
internal sealed class FuzzRandom(ulong seed)
{
    private ulong _state = seed;

    public ulong Next()
    {
        ulong z = _state += 0x9E37_79B9_7F4A_7C15;
        z = (z ^ (z >> 30)) * 0xBF58_476D_1CE4_E5B9;
        z = (z ^ (z >> 27)) * 0x94D0_49BB_1331_11EB;
        return z ^ (z >> 31);
    }

    /// <summary>0 to <paramref name="bound"/> − 1; 0 for a bound of 0.</summary>
    public int Next(int bound) => (int)Math.BigMul(Next(), (ulong)bound, out _);

    public int Next(int from, int bound) => from + Next(bound - from);

    public byte NextByte() => (byte)Next();

    /// <summary>True once in that many times.</summary>
    public bool OneIn(int times) => Next(times) == 0;

    public T Pick<T>(params ReadOnlySpan<T> from) => from[Next(from.Length)];

    public void Fill(Span<byte> octets)
    {
        foreach (ref byte octet in octets)
            octet = NextByte();
    }
}
