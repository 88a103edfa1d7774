using System.Buffers.Binary;

namespace Vrrp.Tests.Fuzzing;

/// <summary>Changes that know nothing of what the octets mean.</summary>
internal static class ByteMutations
{
    private static readonly byte[] s_octets = [0, 1, 2, 4, 7, 8, 15, 16, 31, 32, 63, 64, 127, 128, 129, 254, 255];
    private static readonly uint[] s_numbers =
        [0, 1, 3, 4, 5, 15, 16, 17, 255, 256, 4095, 4096, 0x7FFF, 0x8000, 0xFFFB, 0xFFFF, 0x10000, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFF0, 0xFFFF_FFFF];

    /// <summary>One change.</summary>
    /// <param name="input">What is changed.</param>
    /// <param name="other">Another input, to take pieces of.</param>
    /// <param name="tokens">Pieces that mean something in this format.</param>
    /// <param name="random">Chance.</param>
    public static void Apply(FuzzInput input, ReadOnlySpan<byte> other, IReadOnlyList<byte[]> tokens, FuzzRandom random)
    {
        int length = input.Length;
        int at = random.Next(length + 1);
        int count = Math.Min(1 + random.Next(random.OneIn(4) ? 64 : 8), length - at);
        switch (random.Next(tokens.Count > 0 ? 13 : 11))
        {
            case 0 when at < length:
                input.Span[at] ^= (byte)(1 << random.Next(8));
                break;
            case 1 when at < length:
                input.Span[at] = s_octets[random.Next(s_octets.Length)];
                break;
            case 2 when at < length:
                input.Span[at] += (byte)random.Next(-16, 17);
                break;
            case 3 when length - at >= 2:
                WriteNumber(input.Span[at..], random, random.OneIn(2) ? 2 : 4);
                break;
            case 4:
                input.Remove(at, count);
                break;
            case 5:
                input.Insert(random.Next(length + 1), input.Span.Slice(at, count));
                break;
            case 6:
                Span<byte> noise = stackalloc byte[1 + random.Next(16)];
                random.Fill(noise);
                input.Insert(at, noise);
                break;
            case 7 when count > 0:
                int from = random.Next(length - count + 1);
                input.Replace(at, count, input.Span.Slice(from, count));
                break;
            case 8:
                // The beginning of this one and the end of the other.
                int cut = random.Next(other.Length + 1);
                input.Replace(at, length - at, other[cut..]);
                break;
            case 9:
                input.Truncate(at);
                break;
            case 10:
                int begin = random.Next(other.Length + 1);
                input.Insert(at, other.Slice(begin, Math.Min(1 + random.Next(32), other.Length - begin)));
                break;
            case 11:
                input.Insert(at, tokens[random.Next(tokens.Count)]);
                break;
            case 12:
                input.Replace(at, count, tokens[random.Next(tokens.Count)]);
                break;
            default:
                input.Insert(at, [random.NextByte()]);
                break;
        }
    }

    private static void WriteNumber(Span<byte> at, FuzzRandom random, int size)
    {
        uint number = s_numbers[random.Next(s_numbers.Length)];
        if (size == 2 || at.Length < 4)
        {
            if (random.OneIn(2))
                BinaryPrimitives.WriteUInt16BigEndian(at, (ushort)number);
            else
                BinaryPrimitives.WriteUInt16LittleEndian(at, (ushort)number);
        }
        else if (random.OneIn(2))
        {
            BinaryPrimitives.WriteUInt32BigEndian(at, number);
        }
        else
        {
            BinaryPrimitives.WriteUInt32LittleEndian(at, number);
        }
    }
}
