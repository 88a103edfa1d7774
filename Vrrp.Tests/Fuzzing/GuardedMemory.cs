using System.Runtime.InteropServices;

namespace Vrrp.Tests.Fuzzing;

/// <summary>
/// Memory with a page behind it that may not be touched. It is backed by a file in the temporary directory, so that what was being read
/// survives a fault, which ends the process: octets 0 to 7 of the file are the length, the input stands at its end.
/// </summary>
internal sealed unsafe partial class GuardedMemory : IDisposable
{
    private const int Header = sizeof(long);
    private const int ReadWrite = 3;
    private const int SharedFixed = 0x11;
    private const int PrivateAnonymous = 0x22;

    private readonly string _path = Path.Combine(Path.GetTempPath(), $"vrrp-fuzz-{Guid.NewGuid():N}.input");
    private readonly nuint _size;
    private readonly byte* _start;
    private readonly byte* _end;
    private bool _disposed;

    public GuardedMemory(int capacity)
    {
        nuint page = (nuint)Environment.SystemPageSize;
        nuint room = ((nuint)(capacity + Header) + page - 1) / page * page;
        _size = room + page;
        // First all of it inaccessible, then the file over all but the last page.
        nint start = Map(0, _size, 0, PrivateAnonymous, -1, 0);
        using var file = File.OpenHandle(_path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.Read);
        RandomAccess.SetLength(file, (long)room);
        if (start == -1 || Map(start, room, ReadWrite, SharedFixed, (int)file.DangerousGetHandle(), 0) == -1)
            throw new IOException($"Cannot map guarded memory (errno {Marshal.GetLastPInvokeError()}).");
        _start = (byte*)start;
        _end = _start + room;
    }

    /// <summary>The first address that may not be touched.</summary>
    public byte* End => _end;

    public ReadOnlySpan<byte> Put(ReadOnlySpan<byte> octets)
    {
        var room = Room(octets.Length);
        octets.CopyTo(room);
        return room;
    }

    public Span<byte> Room(int length)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (length > _end - _start - Header)
            throw new ArgumentOutOfRangeException(nameof(length));
        *(long*)_start = length;
        return new(_end - length, length);
    }

    /// <summary>What was put last; for another thread, while the one that put it is busy with it.</summary>
    public byte[] Last() => new ReadOnlySpan<byte>(_end - *(long*)_start, (int)*(long*)_start).ToArray();

    public void Dispose()
    {
        if (_disposed)
            return;
        _disposed = true;
        _ = Unmap((nint)_start, _size);
        File.Delete(_path);
    }

    [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
    private static partial nint Map(nint address, nuint length, int protection, int flags, int descriptor, long offset);

    [LibraryImport("libc", EntryPoint = "munmap", SetLastError = true)]
    private static partial int Unmap(nint address, nuint length);
}
