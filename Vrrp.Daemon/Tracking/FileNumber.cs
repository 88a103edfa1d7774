using System.Runtime.InteropServices;
using Vrrp.Linux;
using static Vrrp.Linux.NativeMethods;

namespace Vrrp.Daemon.Tracking;

/// <summary>The number at the beginning of a file that others may write: little is read of it, and nothing but a regular file is opened.</summary>
internal static unsafe class FileNumber
{
    private const int Limit = 128;
    private const int O_RDONLY = 0;
    private const int O_NOCTTY = 0x100;
    private const int O_NONBLOCK = 0x800;
    private const int O_CLOEXEC = 0x80000;
    private const int AT_FDCWD = -100;
    private const int AT_EMPTY_PATH = 0x1000;
    private const uint STATX_TYPE = 1;
    private const ushort S_IFMT = 0xF000;
    private const ushort S_IFREG = 0x8000;

    /// <summary>Reads it.</summary>
    /// <param name="path">The file; links are followed.</param>
    /// <param name="problem">Why a file that is there is not read, as a clause; null: nothing is wrong.</param>
    /// <returns>0 for a file that is missing, empty or cannot be read, as with keepalived.</returns>
    public static long Read(string path, out string? problem) => Read(path, out problem, out _);

    /// <summary>Reads it, and says why there is none.</summary>
    /// <param name="path">The file; links are followed.</param>
    /// <param name="problem">As above.</param>
    /// <param name="lack">Why it has no number, which may be as it should, as a clause; null: it has one, or the problem says why not.</param>
    /// <returns>0 for a file that is missing, empty or cannot be read, as with keepalived.</returns>
    public static long Read(string path, out string? problem, out string? lack)
    {
        byte* start = stackalloc byte[Limit];
        int length = ReadStart(path, start, out problem);
        if (length < 0)
        {
            lack = problem is null ? "the file does not exist" : null;
            return 0;
        }

        long number = Parse(new(start, length), out bool hasNumber);
        lack = hasNumber ? null : length == 0 ? "the file is empty" : "the file does not begin with a number";
        return number;
    }

    /// <summary>Whether a file can be opened for reading; nothing but a regular file is.</summary>
    /// <returns>What is in the way, as a clause; null: nothing.</returns>
    public static string? FindProblem(string path)
    {
        byte* start = stackalloc byte[Limit];
        return ReadStart(path, start, out string? problem) < 0 ? problem ?? "it does not exist" : null;
    }

    /// <summary>The C library's way to read a number: blanks, a sign, then decimal digits, 0x and hexadecimal ones, or 0 and octal ones.</summary>
    /// <returns>0 without a number; one that is larger than 32 bits hold is none of theirs, if not the one that was written.</returns>
    public static long Parse(ReadOnlySpan<byte> text) => Parse(text, out _);

    private static long Parse(ReadOnlySpan<byte> text, out bool hasNumber)
    {
        int at = 0;
        while (at < text.Length && text[at] is 0x20 or (>= 0x09 and <= 0x0D))
            at++;
        bool isNegative = at < text.Length && text[at] == '-';
        if (at < text.Length && text[at] is (byte)'-' or (byte)'+')
            at++;
        int radix = 10;
        if (at + 2 < text.Length && text[at] == '0' && text[at + 1] is (byte)'x' or (byte)'X' && char.IsAsciiHexDigit((char)text[at + 2]))
            (radix, at) = (16, at + 2);
        else if (at < text.Length && text[at] == '0')
            radix = 8;
        hasNumber = at < text.Length && (radix == 16 || char.IsAsciiDigit((char)text[at]));
        long value = 0;
        for (; at < text.Length && char.IsAsciiHexDigit((char)text[at]); at++)
        {
            int digit = text[at] <= '9' ? text[at] - '0' : (text[at] | 0x20) - 'a' + 10;
            if (digit >= radix)
                break;
            value = Math.Min((value * radix) + digit, uint.MaxValue);
        }

        return isNegative ? -value : value;
    }

    /// <returns>How many octets; negative: it is not there, or the problem says why it is not read.</returns>
    private static int ReadStart(string path, byte* start, out string? problem)
    {
        problem = null;
        // A device must not even be opened: that alone can do something.
        if (!IsRegular(AT_FDCWD, path, 0, out bool isRegular))
        {
            problem = Errno.Last is Errno.ENOENT or Errno.ENOTDIR ? null : $"it cannot be read: {Marshal.GetPInvokeErrorMessage(Errno.Last)}";
            return -1;
        }

        int descriptor = isRegular ? Open(path, O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC, 0) : -1;
        if (descriptor < 0)
        {
            problem = !isRegular ? "it is not a regular file"
                : Errno.Last == Errno.ENOENT ? null : $"it cannot be read: {Marshal.GetPInvokeErrorMessage(Errno.Last)}";
            return -1;
        }

        try
        {
            if (!IsRegular(descriptor, "", AT_EMPTY_PATH, out isRegular) || !isRegular)
            {
                problem = "it is not a regular file";
                return -1;
            }

            int length = (int)NativeMethods.Read(descriptor, start, Limit);
            if (length < 0)
                problem = $"it cannot be read: {Marshal.GetPInvokeErrorMessage(Errno.Last)}";
            return length;
        }
        finally
        {
            _ = Close(descriptor);
        }
    }

    private static bool IsRegular(int directory, string path, int flags, out bool isRegular)
    {
        byte* status = stackalloc byte[256];
        bool found = StatX(directory, path, flags, STATX_TYPE, status) == 0;
        isRegular = (*(ushort*)(status + 28) & S_IFMT) == S_IFREG;
        return found;
    }
}
