using System.Runtime.InteropServices;
using System.Text;
using Vrrp.Linux;
using static Vrrp.Linux.NativeMethods;

namespace Vrrp.Daemon.Tracking;

/// <summary>Whether someone other than root could change what is about to run as root.</summary>
internal static unsafe class ScriptSecurity
{
    private const int AT_FDCWD = -100;
    private const int AT_SYMLINK_NOFOLLOW = 0x100;
    private const uint STATX_MODE_OWNERS = 0x2 | 0x8 | 0x10;
    private const ushort S_IFMT = 0xF000;
    private const ushort S_IFLNK = 0xA000;
    private const ushort S_IFREG = 0x8000;
    private const ushort S_IFDIR = 0x4000;
    private const ushort S_IWGRP = 0x10;
    private const ushort S_IWOTH = 0x2;
    private const ushort S_IXUGO = 0x49;
    private const ushort S_ISVTX = 0x200;
    private const int MaximumLinks = 40;

    private static readonly string[] s_directories = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

    /// <summary>Looks a program up as a shell does, but in the system's directories alone.</summary>
    /// <param name="name">Its path from the root, or its name.</param>
    /// <param name="problem">Why there is none, as a clause; null when there is one.</param>
    public static string? FindProgram(string name, out string? problem)
    {
        if (name.Contains('/', StringComparison.Ordinal))
        {
            problem = Path.IsPathRooted(name) ? FindFault(name)
                : $"'{name}' does not begin with /: the daemon's directory is no place to rely on";
            return problem is null ? name : null;
        }

        problem = null;
        foreach (string directory in s_directories)
        {
            string path = Path.Combine(directory, name);
            string? fault = FindFault(path);
            if (fault is null)
            {
                problem = null;
                return path;
            }

            // One that is there but cannot be executed is more likely to be meant than none.
            if (TryStat(path, follow: true, out _, out _))
                problem ??= fault;
        }

        problem ??= $"there is no program '{name}' in {string.Join(", ", s_directories)}";
        return null;
    }

    /// <summary>Why the kernel would not execute a file that may be executed, as a clause; null: it would, or it cannot be read.</summary>
    public static string? FindUnreadableFormat(string path)
    {
        Span<byte> head = stackalloc byte[256];
        int length;
        try
        {
            using var file = File.OpenHandle(path);
            length = RandomAccess.Read(file, head, 0);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return null;
        }

        head = head[..length];
        if (head.StartsWith("\u007FELF"u8))
            return null;
        if (!head.StartsWith("#!"u8))
            return $"{path} does not begin with #! and is no program: its first line must name what runs it, as #!/bin/sh does";
        int end = head.IndexOf((byte)'\n');
        // The kernel reads no further than this either.
        string interpreter = Encoding.UTF8.GetString(head[2..(end < 0 ? length : end)]).TrimStart(' ', '\t').Split(' ', '\t')[0];
        if (interpreter.EndsWith('\r'))
            return $"the first line of {path} ends with a carriage return, as Windows writes lines, and there is no program of such a name: remove them (sed -i 's/\\r$//')";
        return interpreter.Length == 0 ? $"{path} names no program behind #!"
            : TryStat(interpreter, follow: true, out _, out _) ? null
            : $"the first line of {path} names {interpreter}, and there is no such program";
    }

    /// <summary>The first part of a path, links followed, that others than root own or may write to, as a clause; null: there is none.</summary>
    public static string? FindWeakness(string path) => FindWeakness(Path.GetFullPath(path), 0);

    private static string? FindWeakness(string path, int links)
    {
        if (links > MaximumLinks)
            return $"{path} is a link without an end";
        string current = "/";
        foreach (string part in path.Split('/', StringSplitOptions.RemoveEmptyEntries).Prepend(""))
        {
            current = Path.Combine(current, part);
            if (!TryStat(current, follow: false, out uint owner, out uint group, out ushort mode))
                return $"{current} cannot be looked at: {Marshal.GetPInvokeErrorMessage(Errno.Last)}";
            if (owner != 0)
                return $"{current} does not belong to root";
            if ((mode & S_IFMT) == S_IFLNK)
            {
                // Anyone may read a link, nobody but its directory's writers may change it.
                string target = new FileInfo(current).LinkTarget ?? "";
                string rest = path.Length > current.Length ? path[(current.Length + 1)..] : "";
                return FindWeakness(Path.GetFullPath(Path.Combine(Path.GetDirectoryName(current) ?? "/", target, rest)), links + 1);
            }

            // In a sticky directory nobody but its owner replaces what is there.
            bool isSticky = (mode & S_ISVTX) != 0 && (mode & S_IFMT) == S_IFDIR;
            if (((mode & S_IWOTH) != 0 || ((mode & S_IWGRP) != 0 && group != 0)) && !isSticky)
                return $"others than root may write to {current}";
        }

        return null;
    }

    private static string? FindFault(string path) =>
        !TryStat(path, follow: true, out _, out ushort mode)
            ? Errno.Last == Errno.ENOENT ? $"there is no file {path}" : $"{path} cannot be looked at: {Marshal.GetPInvokeErrorMessage(Errno.Last)}"
        : (mode & S_IFMT) != S_IFREG ? $"{path} is no file that could be a program"
        : (mode & S_IXUGO) == 0 ? $"{path} may not be executed: chmod +x makes it so"
        : null;

    /// <summary>Owner and mode of a file; false: it cannot be looked at, and errno says why.</summary>
    public static bool TryStat(string path, bool follow, out uint owner, out ushort mode) => TryStat(path, follow, out owner, out _, out mode);

    private static bool TryStat(string path, bool follow, out uint owner, out uint group, out ushort mode)
    {
        byte* status = stackalloc byte[256];
        bool found = StatX(AT_FDCWD, path, follow ? 0 : AT_SYMLINK_NOFOLLOW, STATX_MODE_OWNERS, status) == 0;
        owner = *(uint*)(status + 20);
        group = *(uint*)(status + 24);
        mode = *(ushort*)(status + 28);
        return found;
    }
}
