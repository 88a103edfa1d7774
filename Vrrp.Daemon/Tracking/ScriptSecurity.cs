using System.Runtime.InteropServices;
using Vrrp.Linux;
using static Vrrp.Linux.NativeMethods;

namespace Vrrp.Daemon.Tracking;

/// <summary>Whether someone other than root could change what is about to run as root.</summary>
internal static unsafe class ScriptSecurity
{
    private const int AT_FDCWD = -100;
    private const int AT_SYMLINK_NOFOLLOW = 0x100;
    private const uint STATX_MODE_UID = 0x2 | 0x8;
    private const ushort S_IFMT = 0xF000;
    private const ushort S_IFLNK = 0xA000;
    private const ushort S_IFREG = 0x8000;
    private const ushort S_IWGRP = 0x10;
    private const ushort S_IWOTH = 0x2;
    private const ushort S_IXUGO = 0x49;
    private const ushort S_ISVTX = 0x200;
    private const int MaximumLinks = 40;

    /// <summary>Looks a program up as a shell does, but in the system's directories alone. Null: there is none.</summary>
    public static string? FindProgram(string name)
    {
        if (name.Contains('/', StringComparison.Ordinal))
            return Path.IsPathRooted(name) && IsProgram(name) ? name : null;
        foreach (string directory in (string[])["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"])
        {
            string path = Path.Combine(directory, name);
            if (IsProgram(path))
                return path;
        }

        return null;
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
            if (!TryStat(current, follow: false, out uint owner, out ushort mode))
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

            bool isSticky = (mode & S_ISVTX) != 0 && (mode & S_IFMT) != S_IFREG;
            if ((mode & (S_IWGRP | S_IWOTH)) != 0 && !isSticky)
                return $"others than root may write to {current}";
            if (isSticky && (mode & S_IWOTH) != 0)
                return $"anyone may put files into {current}";
        }

        return null;
    }

    private static bool IsProgram(string path) =>
        TryStat(path, follow: true, out _, out ushort mode) && (mode & S_IFMT) == S_IFREG && (mode & S_IXUGO) != 0;

    /// <summary>Owner and mode of a file; false: it cannot be looked at, and errno says why.</summary>
    public static bool TryStat(string path, bool follow, out uint owner, out ushort mode)
    {
        byte* status = stackalloc byte[256];
        bool found = StatX(AT_FDCWD, path, follow ? 0 : AT_SYMLINK_NOFOLLOW, STATX_MODE_UID, status) == 0;
        owner = *(uint*)(status + 20);
        mode = *(ushort*)(status + 28);
        return found;
    }
}
