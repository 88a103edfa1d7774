using System.Runtime.InteropServices;
using System.Text;
using static Vrrp.Linux.NativeMethods;

namespace Vrrp.Linux;

/// <summary>Something that happened in a directory.</summary>
/// <param name="Directory">Number of the directory; negative when the kernel lost events.</param>
/// <param name="Mask">IN_….</param>
/// <param name="Name">Of the file; empty for the directory itself.</param>
internal readonly record struct FileEvent(int Directory, uint Mask, string Name)
{
    /// <summary>Events were lost: anything may have happened.</summary>
    public bool IsOverflow => (Mask & Inotify.IN_Q_OVERFLOW) != 0;

    /// <summary>The directory is gone, or somewhere else.</summary>
    public bool IsDirectoryGone => (Mask & (Inotify.IN_IGNORED | Inotify.IN_DELETE_SELF | Inotify.IN_MOVE_SELF)) != 0;

    /// <summary>A file was made that may not be written yet.</summary>
    public bool IsCreation => (Mask & Inotify.IN_CREATE) != 0;
}

/// <summary>The kernel's word of changes in directories, files in the midst of being written left out.</summary>
internal sealed unsafe class Inotify : IDisposable
{
    public const uint IN_CLOSE_WRITE = 0x8;
    public const uint IN_MOVED_FROM = 0x40;
    public const uint IN_MOVED_TO = 0x80;
    public const uint IN_CREATE = 0x100;
    public const uint IN_DELETE = 0x200;
    public const uint IN_DELETE_SELF = 0x400;
    public const uint IN_MOVE_SELF = 0x800;
    public const uint IN_Q_OVERFLOW = 0x4000;
    public const uint IN_IGNORED = 0x8000;
    private const uint IN_ONLYDIR = 0x1000000;
    private const int NonBlockCloseOnExec = 0x80800;
    private const int HeaderLength = 16;
    private const int BufferLength = 16 * 1024;

    private int _descriptor = Errno.Check(InotifyInit(NonBlockCloseOnExec), "watch files");

    /// <summary>Polls readable when something happened.</summary>
    public int Descriptor => _descriptor;

    /// <summary>Watches a directory.</summary>
    /// <returns>Its number; negative when it cannot be watched, and errno says why.</returns>
    public int Add(string directory) => InotifyAddWatch(
        _descriptor, directory,
        IN_CLOSE_WRITE | IN_MOVED_FROM | IN_MOVED_TO | IN_CREATE | IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR);

    /// <summary>Watches it no more; one that is gone is no error.</summary>
    public void Remove(int directory) => _ = InotifyRemoveWatch(_descriptor, directory);

    /// <summary>Takes what waits, without waiting.</summary>
    public void Receive(List<FileEvent> events)
    {
        byte* buffer = stackalloc byte[BufferLength];
        while ((int)Read(_descriptor, buffer, BufferLength) is > 0 and var length)
            Parse(new(buffer, length), events);
    }

    /// <summary>Reads events, as many as are whole.</summary>
    public static void Parse(ReadOnlySpan<byte> octets, List<FileEvent> events)
    {
        while (octets.Length >= HeaderLength)
        {
            uint length = MemoryMarshal.Read<uint>(octets[12..]);
            if (length > octets.Length - HeaderLength)
                return;
            var name = octets.Slice(HeaderLength, (int)length);
            int end = name.IndexOf((byte)0);
            events.Add(new(MemoryMarshal.Read<int>(octets), MemoryMarshal.Read<uint>(octets[4..]), Encoding.UTF8.GetString(end < 0 ? name : name[..end])));
            octets = octets[(HeaderLength + (int)length)..];
        }
    }

    /// <summary>Ends all watching.</summary>
    public void Dispose()
    {
        if (_descriptor >= 0)
            _ = Close(_descriptor);
        _descriptor = -1;
    }
}
