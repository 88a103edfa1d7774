using System.Numerics;

namespace Vrrp.Tests.Simulation.Exploration;

/// <summary>The distinct states in the order in which they were found: a number for each, and the state of each number.</summary>
internal sealed class StateTable
{
    private UInt128[] _states = new UInt128[1 << 10];
    private int[] _slots = new int[1 << 11];

    public int Count { get; private set; }

    public UInt128 this[int number] => _states[number];

    /// <summary>Finds a state or adds it.</summary>
    /// <returns>Whether it is new.</returns>
    public bool TryAdd(UInt128 state, out int number)
    {
        int mask = _slots.Length - 1;
        int slot = Hash(state) & mask;
        for (; _slots[slot] != 0; slot = (slot + 1) & mask)
        {
            number = _slots[slot] - 1;
            if (_states[number] == state)
                return false;
        }

        number = Count++;
        if (number == _states.Length)
            Array.Resize(ref _states, 2 * number);
        _states[number] = state;
        _slots[slot] = Count;
        if (2 * Count > _slots.Length)
            Grow();
        return true;
    }

    private void Grow()
    {
        _slots = new int[2 * _slots.Length];
        int mask = _slots.Length - 1;
        for (int i = 0; i < Count; i++)
        {
            int slot = Hash(_states[i]) & mask;
            while (_slots[slot] != 0)
                slot = (slot + 1) & mask;
            _slots[slot] = i + 1;
        }
    }

    private static int Hash(UInt128 state)
    {
        ulong mixed = ((ulong)state * 0x9E37_79B9_7F4A_7C15) ^ BitOperations.RotateLeft((ulong)(state >> 64) * 0xC2B2_AE3D_27D4_EB4F, 31);
        mixed ^= mixed >> 29;
        mixed *= 0xBF58_476D_1CE4_E5B9;
        return (int)(mixed >> 32);
    }
}
