using Vrrp.Linux;

namespace Vrrp.Daemon.Notifications;

/// <summary>Changes of the mail spool's directory.</summary>
internal class SpoolDisk
{
    /// <summary>Ending of a file that is being written.</summary>
    public const string Unfinished = ".new";

    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private const int O_RDONLY_CLOEXEC = 0x80000;

    /// <summary>Finds out whether the directory can be changed, also on a disk that is full.</summary>
    /// <exception cref="IOException">It cannot.</exception>
    /// <exception cref="UnauthorizedAccessException">It cannot.</exception>
    public virtual void Probe(string directory, DateTime now) => Directory.SetLastWriteTimeUtc(directory, now);

    /// <summary>Puts a file in its place, whole or not at all.</summary>
    /// <param name="path">Its place.</param>
    /// <param name="content">All that is in it.</param>
    /// <param name="isDurable">Whether it is to be whole after a power cut as well.</param>
    public virtual void Write(string path, byte[] content, bool isDurable)
    {
        string next = path + Unfinished;
        using (var stream = new FileStream(next, new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write, UnixCreateMode = OwnerOnly }))
        {
            stream.Write(content);
            stream.Flush(isDurable);
        }

        File.Move(next, path, overwrite: true);
    }

    /// <summary>Gives a file another name.</summary>
    public virtual void Move(string from, string to) => File.Move(from, to, overwrite: true);

    /// <summary>Removes a file that may be there.</summary>
    public virtual void Delete(string path) => File.Delete(path);

    /// <summary>What was written, moved and deleted in a directory is so after a power cut as well.</summary>
    public virtual void Sync(string directory)
    {
        int descriptor = Errno.Check(NativeMethods.Open(directory, O_RDONLY_CLOEXEC, 0), $"open {directory}");
        try
        {
            // Some file systems have no such thing for a directory.
            if (NativeMethods.FileSync(descriptor) < 0 && Errno.Last != Errno.EINVAL)
                throw new LinuxException($"put {directory} on disk", Errno.Last);
        }
        finally
        {
            _ = NativeMethods.Close(descriptor);
        }
    }
}
