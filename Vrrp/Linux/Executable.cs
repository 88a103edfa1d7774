using System.Runtime.InteropServices;
using System.Text;
using static Vrrp.Linux.NativeMethods;

namespace Vrrp.Linux;

/// <summary>Whether the kernel would execute a file for a user. Who starts it by way of another program learns that too late, or never: some give it to a shell.</summary>
internal static unsafe class Executable
{
    private const int AT_FDCWD = -100;
    private const int AT_EACCESS = 0x200;
    private const int X_OK = 1;
    private const int O_NOCTTY = 0x100;
    private const int O_NONBLOCK = 0x800;
    private const int O_CLOEXEC = 0x80000;
    private const int ENOEXEC = 8;
    private const int ELOOP = 40;
    private const string OtherFormats = "/proc/sys/fs/binfmt_misc";

    // What the kernel reads of it, and interpreters of interpreters that it follows.
    private const int HeadLength = 256;
    private const int MaximumDepth = 5;

    private static readonly nint FileAccessAt2 = 439;

    /// <summary>
    /// Looks at a file as a user. Of this thread only the ids for files change meanwhile, which gives nobody a right over it, and its
    /// groups, for good.
    /// </summary>
    /// <exception cref="LinuxException">The program cannot be started, as execve(2) would say.</exception>
    public static void Verify(string path, Credentials user)
    {
        bool isArm = RuntimeInformation.ProcessArchitecture == Architecture.Arm64;
        nint setGroups = isArm ? 159 : 116, setUser = isArm ? 151 : 122, setGroup = isArm ? 152 : 123;
        uint group = user.Group;
        if (SystemCall(setGroups, 1, (nint)(&group), 0) < 0)
            throw new LinuxException("set the groups of a script", Errno.Last);
        Assume(setGroup, user.Group, "set the group of a script");
        try
        {
            Assume(setUser, user.User, "set the user of a script");
            Verify(path, path, 0);
        }
        finally
        {
            _ = SystemCall(setUser, 0, 0, 0);
            _ = SystemCall(setGroup, 0, 0, 0);
        }
    }

    private static void Assume(nint call, uint id, string operation)
    {
        // They return what was before, also when they fail; an id that nobody has changes nothing.
        _ = SystemCall(call, (nint)id, 0, 0);
        if ((uint)SystemCall(call, -1, 0, 0) != id)
            throw new LinuxException(operation, Errno.EPERM);
    }

    private static void Verify(string program, string file, int depth)
    {
        if (depth > MaximumDepth)
            throw Problem(ELOOP);
        // Kernels before 5.8, and some containers, do not know the call.
        if (AccessAt(FileAccessAt2, AT_FDCWD, file, X_OK, AT_EACCESS) < 0 && Errno.Last is not (Errno.ENOSYS or Errno.EPERM))
            throw Problem(Errno.Last);
        Span<byte> head = stackalloc byte[HeadLength];
        if (!TryRead(file, ref head) || head.StartsWith("\x7F"u8 + "ELF"u8))
            return;
        if (!head.StartsWith("#!"u8))
        {
            if (!HasOtherFormats())
                throw Problem(ENOEXEC);
            return;
        }

        int end = head.IndexOf((byte)'\n');
        var line = (end < 0 ? head : head[..end])[2..].TrimStart(" \t"u8);
        int length = line.IndexOfAny((byte)' ', (byte)'\t', (byte)0);
        // A name that goes on behind what was read is none.
        if (line.Length == 0 || length == 0 || (length < 0 && end < 0 && head.Length == HeadLength))
            throw Problem(ENOEXEC);
        // From the directory that it starts in.
        Verify(program, Path.Combine("/", Encoding.UTF8.GetString(length < 0 ? line : line[..length])), depth + 1);

        LinuxException Problem(int error) => new($"start {program}", error);
    }

    /// <returns>False: it may not be read, which is not needed to execute it.</returns>
    private static bool TryRead(string file, ref Span<byte> head)
    {
        int descriptor = Open(file, O_NOCTTY | O_NONBLOCK | O_CLOEXEC, 0);
        if (descriptor < 0)
            return false;
        nint count;
        fixed (byte* buffer = head)
            count = Read(descriptor, buffer, (nuint)head.Length);
        _ = Close(descriptor);
        if (count < 0)
            return false;
        head = head[..(int)count];
        return true;
    }

    /// <summary>Whether someone taught the kernel more formats.</summary>
    private static bool HasOtherFormats()
    {
        try
        {
            return Directory.EnumerateFiles(OtherFormats).Any(file => Path.GetFileName(file) is not ("register" or "status"));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }
}
