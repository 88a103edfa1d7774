using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;
using Vrrp.Daemon.Hosting;
using Vrrp.Linux;
using static Vrrp.Linux.NativeMethods;

namespace Vrrp.Daemon.RealServers;

/// <summary>
/// What <c>up</c> has done, in a file that only root writes and that is replaced as a whole. Whoever may put links or files of their own
/// into its folder cannot make root follow or believe them.
/// </summary>
internal sealed unsafe class RealServerStore : IDisposable
{
    private const int AT_EMPTY_PATH = 0x1000;
    private const uint STATX_TYPE_MODE_UID = 0x1 | 0x2 | 0x8;
    private const ushort S_IFMT = 0xF000;
    private const ushort S_IFREG = 0x8000;
    private const ushort S_IWGRP_IWOTH = 0x12;
    private const int ELOOP = 40;
    private const int EROFS = 30;
    private const int O_WRONLY = 1;
    private const int O_RDWR = 2;
    private const int O_CREAT = 0x40;
    private const int O_EXCL = 0x80;
    private const int O_NONBLOCK = 0x800;
    private const int O_CLOEXEC = 0x80000;
    private const uint OwnerOnly = 0x180;
    private const int LOCK_EX = 2;
    private const int SO_NETNS_COOKIE = 71;
    private const int MaximumLength = 1024 * 1024;

    // The one flag of open(2) whose number differs between the processors this runs on.
    private static readonly int O_NOFOLLOW =
        RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? 0x8000 : 0x20000;

    private readonly SafeFileHandle? _lock;
    private bool _isEmpty;

    private RealServerStore(string path, SafeFileHandle? held) => (Path, _lock) = (path, held);

    public string Path { get; }

    /// <summary>Where the state of the calling thread's network namespace is: each has its own settings and addresses.</summary>
    public static string DefaultPath()
    {
        int descriptor = Errno.Check(Socket(SocketNumbers.AF_INET, 2 | SocketNumbers.SOCK_CLOEXEC, 0), "open a socket");
        ulong cookie;
        uint length = sizeof(ulong);
        bool known = GetSockOpt(descriptor, SocketNumbers.SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &length) == 0;
        _ = Close(descriptor);
        // A kernel before 5.14 has but the number of the namespace's inode, "net:[4026531840]", which a later namespace may get again.
        string name = known
            ? cookie.ToString(CultureInfo.InvariantCulture)
            : new string([.. (new FileInfo("/proc/thread-self/ns/net").LinkTarget ?? "").Where(char.IsAsciiDigit)]);
        return $"/run/vrrp.realserver-{name}";
    }

    /// <summary>Opens the state to read it.</summary>
    public static RealServerStore Open(string path) => new(path, null);

    /// <summary>Opens the state to change it, and waits until nobody else does.</summary>
    /// <exception cref="LinuxException">The folder cannot be written, or something strange is in the way.</exception>
    public static RealServerStore OpenLocked(string path)
    {
        while (true)
        {
            var handle = OpenFile(path + ".lock", O_RDWR | O_CREAT, "write");
            try
            {
                Demand(handle, path + ".lock");
                while (FileLock((int)handle.DangerousGetHandle(), LOCK_EX) < 0)
                {
                    if (Errno.Last != Errno.EINTR)
                        throw new LinuxException($"lock {path}.lock", Errno.Last);
                }

                // Who had it before may have removed it: then others lock another file of that name by now.
                if (LockFile.IdentityOf((int)handle.DangerousGetHandle()) is { } identity && identity == LockFile.IdentityOf(path + ".lock"))
                    return new(path, handle);
                handle.Dispose();
            }
            catch
            {
                handle.Dispose();
                throw;
            }
        }
    }

    /// <summary>What there is to put back; empty when there is no file.</summary>
    /// <exception cref="IOException">The file is not one that we wrote.</exception>
    public RealServerMemory Load()
    {
        SafeFileHandle handle;
        try
        {
            handle = OpenFile(Path, O_NONBLOCK, "read");
        }
        catch (LinuxException exception) when (exception.Error == Errno.ENOENT)
        {
            _isEmpty = true;
            return RealServerMemory.Empty;
        }

        using (handle)
        {
            _isEmpty = false;
            Demand(handle, Path);
            using var stream = new FileStream(handle, FileAccess.Read, bufferSize: 0);
            byte[] octets = new byte[Math.Min(stream.Length, MaximumLength + 1)];
            int length = stream.ReadAtLeast(octets, octets.Length, throwOnEndOfStream: false);
            return (length <= MaximumLength ? RealServerMemory.Parse(Encoding.UTF8.GetString(octets, 0, length), Boot()) : null)
                ?? throw new IOException($"{Path} is not a state file of 'vrrp realserver'. Look at it, and remove it: what 'up' did is then no longer known.");
        }
    }

    /// <summary>Replaces the file as a whole; nothing to remember is no file.</summary>
    /// <exception cref="IOException">It cannot be written; the earlier one is still there.</exception>
    public void Save(RealServerMemory memory)
    {
        if (_lock is null)
            throw new InvalidOperationException("The state is open for reading.");
        try
        {
            if (memory.IsEmpty)
                File.Delete(Path);
            else
                Replace(memory.Format(Boot()));
            _isEmpty = memory.IsEmpty;
        }
        catch (UnauthorizedAccessException exception)
        {
            throw new IOException(exception.Message, exception);
        }
    }

    /// <summary>Lets others have it. Where nothing is remembered no file is left.</summary>
    public void Dispose()
    {
        if (_lock is null || _lock.IsClosed)
            return;
        try
        {
            if (_isEmpty)
                File.Delete(Path + ".lock");
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // An empty file stays; what was asked for is done.
        }
        finally
        {
            _lock.Dispose();
        }
    }

    private void Replace(string text)
    {
        // A name of its own that nobody can have foreseen.
        string next = $"{Path}.{Guid.NewGuid():N}";
        using var stream = new FileStream(OpenFile(next, O_WRONLY | O_CREAT | O_EXCL, "write"), FileAccess.Write, bufferSize: 0);
        try
        {
            stream.Write(Encoding.UTF8.GetBytes(text));
            stream.Flush(flushToDisk: true);
            File.Move(next, Path, overwrite: true);
        }
        catch
        {
            File.Delete(next);
            throw;
        }
    }

    private static string Boot() => File.ReadAllText("/proc/sys/kernel/random/boot_id").Trim();

    private static SafeFileHandle OpenFile(string path, int flags, string verb)
    {
        int descriptor = NativeMethods.Open(path, flags | O_NOFOLLOW | O_CLOEXEC, OwnerOnly);
        if (descriptor >= 0)
            return new(descriptor, ownsHandle: true);
        var refusal = new LinuxException($"{verb} {path}", Errno.Last);
        throw refusal.Error switch
        {
            ELOOP => new RealServerException($"{path} is a symbolic link. Remove it: none belongs there.", refusal),
            EROFS => new RealServerException(refusal.Message + " What to put back has to be remembered: name a file that can be written with --state.", refusal),
            _ => refusal,
        };
    }

    private static void Demand(SafeFileHandle handle, string path)
    {
        byte* status = stackalloc byte[256];
        if (StatX((int)handle.DangerousGetHandle(), "", AT_EMPTY_PATH, STATX_TYPE_MODE_UID, status) < 0)
            throw new LinuxException($"look at {path}", Errno.Last);
        uint owner = *(uint*)(status + 20);
        ushort mode = *(ushort*)(status + 28);
        if ((mode & S_IFMT) != S_IFREG)
            throw new IOException($"{path} is not a regular file. Remove it: none of another kind belongs there.");
        if (owner != GetEffectiveUser() || (mode & S_IWGRP_IWOTH) != 0)
            throw new IOException($"{path} belongs to another user or can be written by others, so it is not believed. Look at it, and remove it.");
    }
}
