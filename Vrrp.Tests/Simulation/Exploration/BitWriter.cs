namespace Vrrp.Tests.Simulation.Exploration;

/// <summary>Small numbers side by side in 128 bits.</summary>
internal struct BitWriter
{
    private ulong _low;
    private ulong _high;
    private int _length;

    public readonly UInt128 Bits => new(_high, _low);

    /// <exception cref="InvalidOperationException">The number does not fit its width, or the whole does not fit.</exception>
    public void Write(int value, int width)
    {
        if ((uint)value >= 1u << width || _length + width > 128)
            throw new InvalidOperationException($"{value} does not fit in {width} bits at {_length}.");
        ulong bits = (uint)value;
        if (_length >= 64)
        {
            _high |= bits << (_length - 64);
        }
        else
        {
            _low |= bits << _length;
            if (_length + width > 64)
                _high |= bits >> (64 - _length);
        }

        _length += width;
    }

    public void Write(bool value) => Write(value ? 1 : 0, 1);
}

/// <summary>Reads what <see cref="BitWriter"/> wrote, in the same order.</summary>
internal struct BitReader(UInt128 bits)
{
    private ulong _low = (ulong)bits;
    private ulong _high = (ulong)(bits >> 64);

    public int Read(int width)
    {
        if (width == 0)
            return 0;
        int value = (int)_low & ((1 << width) - 1);
        _low = (_low >> width) | (_high << (64 - width));
        _high >>= width;
        return value;
    }

    public bool ReadFlag() => Read(1) != 0;
}
