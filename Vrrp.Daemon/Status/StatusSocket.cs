using System.Net.Sockets;
using System.Runtime.InteropServices;
using Vrrp.Daemon.Hosting;
using Vrrp.Daemon.Tracking;
using Vrrp.Linux;

namespace Vrrp.Daemon.Status;

/// <summary>The file by which a daemon is asked for its status: who may connect is who may write to it, and nobody else may put another in its place.</summary>
internal static class StatusSocket
{
    public const string DefaultPath = "/run/vrrp.sock";

    /// <summary>In the place of a path: no status is served, none is asked for.</summary>
    public const string None = "none";

    private const ushort S_IFMT = 0xF000;
    private const ushort S_IFSOCK = 0xC000;
    private const ushort S_IFDIR = 0x4000;
    private const ushort S_IWGRP_IWOTH = 0x12;
    private const ushort S_ISVTX = 0x200;

    /// <summary>Beside the pid file, as what else the daemon keeps.</summary>
    public static string Beside(string pidFile) => Path.ChangeExtension(pidFile, ".sock");

    /// <summary>The file whose lock the process has that serves a socket, from before it looks for one that was left until its own is gone.</summary>
    public static string LockOf(string path) => path + ".lock";

    /// <summary>Listens. A socket that a killed process left is replaced; its file goes when the listener is disposed.</summary>
    /// <exception cref="IOException">A living process listens there or is about to, the path is something else, or others may write to its directory.</exception>
    /// <exception cref="SocketException">The kernel refused.</exception>
    /// <exception cref="UnauthorizedAccessException">The directory is not ours to write.</exception>
    public static StatusListener Listen(string path, int backlog)
    {
        path = Path.GetFullPath(path);
        var endPoint = ToEndPoint(path);
        if (FindWeakness(path) is { } weakness)
            throw new IOException(weakness);
        // Of two that find the same one left, the second would remove what the first has made.
        var held = LockFile.TryTake(LockOf(path)) ?? throw new IOException($"another process serves {path}");
        var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            RemoveStale(path, endPoint);
            listener.Bind(endPoint);
            // Nobody can connect before it listens, whatever the mode until then.
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
            listener.Listen(backlog);
            return new(listener, held);
        }
        catch
        {
            listener.Dispose();
            held.Dispose();
            throw;
        }
    }

    /// <summary>Connects to a daemon.</summary>
    /// <exception cref="IOException">There is none, or others than root could pretend to be it.</exception>
    public static Socket Connect(string path)
    {
        path = Path.GetFullPath(path);
        if (!File.Exists(path))
            throw new IOException($"no vrrp runs that serves {path}");
        if (FindWeakness(path) is { } weakness)
            throw new IOException(weakness);
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            socket.Connect(ToEndPoint(path));
            return socket;
        }
        catch (SocketException exception)
        {
            socket.Dispose();
            throw new IOException(
                exception.SocketErrorCode == SocketError.ConnectionRefused ? $"the vrrp that served {path} is gone" : $"cannot connect to {path}: {exception.Message}",
                exception);
        }
    }

    private static UnixDomainSocketEndPoint ToEndPoint(string path)
    {
        try
        {
            return new(path);
        }
        catch (ArgumentOutOfRangeException)
        {
            throw new IOException($"{path} is longer than the name of a socket can be, 107 characters");
        }
    }

    /// <summary>Who else could put a socket of that name there, as a clause; null: nobody.</summary>
    private static string? FindWeakness(string path)
    {
        string directory = Path.GetDirectoryName(path) ?? "/";
        for (string? part = directory; part is not null; part = Path.GetDirectoryName(part))
        {
            if (!ScriptSecurity.TryStat(part, follow: true, out uint owner, out ushort mode))
                return $"{part} cannot be looked at: {Marshal.GetPInvokeErrorMessage(Errno.Last)}";
            if ((mode & S_IFMT) != S_IFDIR)
                return $"{part} is not a directory";
            // Above, a sticky directory is enough: what is in it can be renamed by its owner only.
            bool isProtected = (mode & S_IWGRP_IWOTH) == 0 || (part != directory && (mode & S_ISVTX) != 0);
            if (!isProtected || (owner != 0 && owner != NativeMethods.GetEffectiveUser()))
                return $"others may write to {part}, so whoever answers at {path} may be anyone";
        }

        return null;
    }

    private static void RemoveStale(string path, UnixDomainSocketEndPoint endPoint)
    {
        if (!ScriptSecurity.TryStat(path, follow: false, out _, out ushort mode))
            return;
        if ((mode & S_IFMT) != S_IFSOCK)
            throw new IOException($"{path} exists and is no socket");
        using var probe = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified) { Blocking = false };
        try
        {
            probe.Connect(endPoint);
        }
        catch (SocketException exception) when (exception.SocketErrorCode == SocketError.ConnectionRefused)
        {
            File.Delete(path);
            return;
        }
        catch (SocketException exception) when (exception.SocketErrorCode is SocketError.WouldBlock or SocketError.TryAgain)
        {
            // Alive, and its queue is full.
        }

        throw new IOException($"another process serves {path}");
    }
}
