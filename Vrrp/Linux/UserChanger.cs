using static Vrrp.Linux.NativeMethods;

namespace Vrrp.Linux;

/// <summary>
/// A program of the system that takes on a user's ids and then executes another. No thread of this process may take them on while there
/// is one: kill(2) goes by the ids of the thread that it is given and ends the whole process, and so a script's user could.
/// </summary>
internal sealed class UserChanger
{
    private const string Probe = "/bin/true";

    private static readonly Lock s_lock = new();
    private static UserChanger? s_found;

    private readonly Func<Credentials, string[]> _options;

    private UserChanger(string path, Func<Credentials, string[]> options)
    {
        Path = path;
        _options = options;
    }

    /// <summary>Those that are known, the best first. That of coreutils asks no directory of users, which may not answer, for a number.</summary>
    public static IReadOnlyList<UserChanger> All { get; } =
    [
        Chroot("/usr/sbin/chroot"),
        Chroot("/usr/bin/chroot"),
        new("/usr/bin/setpriv", user => [$"--reuid={user.User}", $"--regid={user.Group}", $"--groups={user.Group}", "--"]),
    ];

    /// <summary>The program.</summary>
    public string Path { get; }

    /// <summary>The first that works here: not busybox's, which lack the options, and none without the capability it needs. Null: there is none.</summary>
    /// <exception cref="LinuxException">Now it cannot be told.</exception>
    public static UserChanger? Find()
    {
        lock (s_lock)
        {
            // That there is none is not kept: the machine may have been short of memory.
            return s_found ??= All.FirstOrDefault(changer => changer.Works());
        }
    }

    /// <summary>Whether another program is needed to run one as somebody: not for root, and a process that is not root could not hand its capabilities on.</summary>
    public static bool IsNeeded(Credentials wanted) => wanted.User != 0 && GetEffectiveUser() == 0;

    /// <summary>Looks again the next time.</summary>
    public static void Forget()
    {
        lock (s_lock)
            s_found = null;
    }

    /// <summary>Its arguments, its own name first, for running a program as a user.</summary>
    public IReadOnlyList<string> Wrap(string program, IEnumerable<string> arguments, Credentials wanted) => [Path, .. _options(wanted), program, .. arguments];

    /// <summary>Whether it is there and does what it must.</summary>
    /// <exception cref="LinuxException">Now it cannot be told.</exception>
    public bool Works()
    {
        try
        {
            // From root to root: a user who has too many processes is not to decide this.
            var child = ChildProcess.Start(Path, Wrap(Probe, [], new(0, 0)), [], null);
            return child.Exited.GetAwaiter().GetResult() == new ExitStatus(0, IsSignal: false);
        }
        catch (LinuxException exception) when (exception.Error is Errno.ENOENT or Errno.ENOTDIR or Errno.EACCES)
        {
            return false;
        }
    }

    private static UserChanger Chroot(string path) => new(path, user => [$"--userspec=+{user.User}:+{user.Group}", $"--groups=+{user.Group}", "/"]);
}
