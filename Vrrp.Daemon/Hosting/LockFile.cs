using Microsoft.Win32.SafeHandles;
using Vrrp.Linux;
using static Vrrp.Linux.NativeMethods;

namespace Vrrp.Daemon.Hosting;

/// <summary>A lock of the kernel on a file that is there for nothing else: it ends with the process, however that ends, and leaves no file when it is given back.</summary>
internal sealed unsafe class LockFile : IDisposable
{
    private const int O_RDWR = 2;
    private const int O_CREAT = 0x40;
    private const int O_CLOEXEC = 0x80000;
    private const int LOCK_EX = 2;
    private const int LOCK_NB = 4;
    private const uint OwnerOnly = 0x180;

    private readonly string _path;
    private readonly SafeFileHandle _held;

    private LockFile(string path, SafeFileHandle held) => (_path, _held) = (path, held);

    /// <summary>Takes the lock; null when another process has it. The directory must be one that nobody else can write to.</summary>
    /// <exception cref="LinuxException">The file cannot be made or locked.</exception>
    public static LockFile? TryTake(string path)
    {
        while (true)
        {
            var held = new SafeFileHandle(Errno.Check(Open(path, O_RDWR | O_CREAT | O_CLOEXEC, OwnerOnly), $"write {path}"), ownsHandle: true);
            try
            {
                int descriptor = (int)held.DangerousGetHandle();
                while (FileLock(descriptor, LOCK_EX | LOCK_NB) < 0)
                {
                    int error = Errno.Last;
                    if (error == Errno.EAGAIN)
                    {
                        held.Dispose();
                        return null;
                    }

                    if (error != Errno.EINTR)
                        throw new LinuxException($"lock {path}", error);
                }

                // Who had it before has removed it meanwhile: then others lock another file of that name.
                if (IdentityOf(descriptor) is { } identity && identity == IdentityOf(path))
                    return new(path, held);
                held.Dispose();
            }
            catch
            {
                held.Dispose();
                throw;
            }
        }
    }

    /// <summary>Device and inode of what is open; null when they cannot be told.</summary>
    public static (ulong Device, ulong Inode)? IdentityOf(int descriptor)
    {
        const int AT_EMPTY_PATH = 0x1000;
        return IdentityOf(descriptor, "", AT_EMPTY_PATH);
    }

    /// <summary>Device and inode of a file, of a link itself; null when there is none.</summary>
    public static (ulong Device, ulong Inode)? IdentityOf(string path)
    {
        const int AT_FDCWD = -100;
        const int AT_SYMLINK_NOFOLLOW = 0x100;
        return IdentityOf(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW);
    }

    /// <summary>Removes the file while nobody else can have the lock, and gives it back.</summary>
    public void Dispose()
    {
        if (_held.IsClosed)
            return;
        try
        {
            File.Delete(_path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // An empty file stays, which locks nobody out.
        }
        finally
        {
            _held.Dispose();
        }
    }

    private static (ulong Device, ulong Inode)? IdentityOf(int directory, string path, int flags)
    {
        const uint STATX_INO = 0x100;
        byte* status = stackalloc byte[256];
        return StatX(directory, path, flags, STATX_INO, status) == 0 ? (*(ulong*)(status + 136), *(ulong*)(status + 32)) : null;
    }
}
