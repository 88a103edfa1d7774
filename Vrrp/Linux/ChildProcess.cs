using System.Collections.Concurrent;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using static Vrrp.Linux.NativeMethods;

namespace Vrrp.Linux;

/// <summary>Whom a child process runs as. Null groups and users: as this process.</summary>
internal readonly record struct Credentials(uint User, uint Group);

/// <summary>How a child process ended.</summary>
/// <param name="Code">Exit status 0–255, or the signal's number.</param>
/// <param name="IsSignal">Whether a signal ended it.</param>
internal readonly record struct ExitStatus(int Code, bool IsSignal);

/// <summary>
/// A child process in a session of its own, so that it and all that it starts can be ended together. Its input and output are
/// /dev/null and its directory is /. It takes on its user by way of a <see cref="UserChanger"/>; where there is none, a thread that exists
/// for this one start does so for it, for on Linux each thread has its own ids.
/// </summary>
internal sealed unsafe class ChildProcess
{
    private const int POSIX_SPAWN_SETSIGDEF = 0x04;
    private const int POSIX_SPAWN_SETSIGMASK = 0x08;
    private const int POSIX_SPAWN_SETSID = 0x80;
    private const int P_PID = 1;
    private const int P_PIDFD = 3;
    private const int WNOHANG = 1;
    private const int WEXITED = 4;
    private const int WNOWAIT = 0x1000000;
    private const int CLD_EXITED = 1;
    private const int O_RDWR = 2;
    private const int ENOMEM = 12;
    private const int PR_CAP_AMBIENT = 47;
    private const int PR_CAP_AMBIENT_CLEAR_ALL = 4;

    // What those programs exit with, as shells do, when there is no such program.
    private const int NotFound = 127;

    // The C library's structures are some 340, 80 and 128 octets long.
    private const int SpawnStructure = 1024;

    // siginfo_t: what happened at octet 8, the process at 16, the status at 24.
    private const int InformationLength = 128;

    // Of a process's name the kernel keeps so many octets.
    private const int NameLength = 15;

    private static readonly nint PidFdOpen = 434;

    private readonly int _descriptor;
    private readonly Change? _change;
    private readonly TaskCompletionSource<ExitStatus> _exited = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private ChildProcess(int id, int descriptor, Change? change)
    {
        Id = id;
        _descriptor = descriptor;
        _change = change;
    }

    /// <summary>Process id, and id of its process group.</summary>
    public int Id { get; }

    /// <summary>Completes when the process has ended; fails with a <see cref="LinuxException"/> when the program could not be begun after all.</summary>
    public Task<ExitStatus> Exited => _exited.Task;

    /// <summary>Starts a program.</summary>
    /// <param name="path">The program; no search.</param>
    /// <param name="arguments">Its arguments, its own name first.</param>
    /// <param name="environment">NAME=value.</param>
    /// <param name="credentials">Whom it runs as. Null: as this process.</param>
    /// <exception cref="LinuxException">It cannot be started.</exception>
    public static ChildProcess Start(string path, IReadOnlyList<string> arguments, IReadOnlyList<string> environment, Credentials? credentials)
    {
        var changer = credentials is { } wanted && UserChanger.IsNeeded(wanted) ? UserChanger.Find() : null;
        return Start(path, arguments, environment, credentials, changer, OpenDescriptor);
    }

    /// <summary>The same by a way of the caller's choice.</summary>
    /// <param name="path">The program; no search.</param>
    /// <param name="arguments">Its arguments, its own name first.</param>
    /// <param name="environment">NAME=value.</param>
    /// <param name="credentials">Whom it runs as. Null: as this process.</param>
    /// <param name="changer">What takes on the credentials. Null: a thread of this process.</param>
    /// <param name="open">Makes a descriptor of a process; negative, with errno, when it cannot.</param>
    /// <exception cref="LinuxException">It cannot be started.</exception>
    internal static ChildProcess Start(
        string path, IReadOnlyList<string> arguments, IReadOnlyList<string> environment, Credentials? credentials, UserChanger? changer, Func<int, int> open)
    {
        int id = 0;
        LinuxException? failure = null;
        var reaper = Reaper.Get();
        var thread = new Thread(() =>
        {
            try
            {
                id = Start(path, arguments, environment, credentials, changer);
            }
            catch (LinuxException exception)
            {
                failure = exception;
            }
            catch (OutOfMemoryException)
            {
                failure = new($"start {path}", ENOMEM);
            }
        }, maxStackSize: 256 * 1024)
        {
            IsBackground = true,
            Name = "vrrp-spawn",
        };
        Begin(thread);
        thread.Join();
        if (failure is not null)
            throw failure;
        int descriptor = open(id);
        if (descriptor < 0)
        {
            int error = Errno.Last;
            Abandon(id);
            throw new LinuxException($"watch process {id} of {path}", error);
        }

        var child = new ChildProcess(id, descriptor, changer is not null && credentials is { } wanted ? new(changer, path, wanted.User) : null);
        try
        {
            reaper.Watch(child);
        }
        catch (LinuxException)
        {
            Abandon(id);
            _ = Close(descriptor);
            throw;
        }

        return child;
    }

    /// <summary>Sends a signal to the process and all of its group; one that has ended is no error.</summary>
    public void Signal(int signal) => _ = Kill(-Id, signal);

    /// <summary>Starts a thread; at a limit of threads the runtime says that memory is short.</summary>
    private static void Begin(Thread thread)
    {
        try
        {
            thread.Start();
        }
        catch (Exception exception) when (exception is OutOfMemoryException or ThreadStartException)
        {
            throw new LinuxException($"start the thread {thread.Name}", Errno.EAGAIN);
        }
    }

    /// <summary>On a thread of its own, whose credentials it changes.</summary>
    private static int Start(
        string path, IReadOnlyList<string> arguments, IReadOnlyList<string> environment, Credentials? credentials, UserChanger? changer)
    {
        if (credentials is { } wanted)
        {
            if (changer is null)
            {
                Drop(wanted);
            }
            else
            {
                Executable.Verify(path, wanted);
                (path, arguments) = (changer.Path, changer.Wrap(path, arguments.Skip(1), wanted));
            }
        }

        _ = PrCtl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
        try
        {
            return Spawn(path, arguments, environment);
        }
        catch (LinuxException exception) when (changer is not null && exception.Error == Errno.ENOENT)
        {
            // An upgrade took it away, or put it elsewhere.
            UserChanger.Forget();
            throw;
        }
    }

    private static int OpenDescriptor(int id) => (int)SystemCall(PidFdOpen, id, 0, 0);

    /// <summary>Ends a process that nobody will hear of, and waits for it: the system keeps the numbers of those that nobody waited for.</summary>
    private static void Abandon(int id)
    {
        _ = Kill(-id, 9);
        byte* information = stackalloc byte[InformationLength];
        while (WaitId(P_PID, id, information, WEXITED) < 0 && Errno.Last == Errno.EINTR)
        {
        }
    }

    private static void Drop(Credentials wanted)
    {
        bool isArm = RuntimeInformation.ProcessArchitecture == Architecture.Arm64;
        nint setGroups = isArm ? 159 : 116, setGroup = isArm ? 149 : 119, setUser = isArm ? 147 : 117;
        uint group = wanted.Group;
        Check(SystemCall(setGroups, 1, (nint)(&group), 0), "set the groups of a script");
        Check(SystemCall(setGroup, (nint)wanted.Group, (nint)wanted.Group, (nint)wanted.Group), "set the group of a script");
        Check(SystemCall(setUser, (nint)wanted.User, (nint)wanted.User, (nint)wanted.User), "set the user of a script");

        static void Check(nint result, string operation)
        {
            if (result < 0)
                throw new LinuxException(operation, Errno.Last);
        }
    }

    private static int Spawn(string path, IReadOnlyList<string> arguments, IReadOnlyList<string> environment)
    {
        byte* attributes = stackalloc byte[SpawnStructure];
        byte* actions = stackalloc byte[SpawnStructure];
        byte* signals = stackalloc byte[SpawnStructure];
        using var text = new NativeText();
        Verify(PosixSpawnAttributesInit(attributes));
        Verify(PosixSpawnFileActionsInit(actions));
        try
        {
            // The runtime ignores and blocks signals that a script expects to work.
            _ = SignalSetFill(signals);
            Verify(PosixSpawnSetDefaultSignals(attributes, signals));
            _ = SignalSetEmpty(signals);
            Verify(PosixSpawnSetSignalMask(attributes, signals));
            Verify(PosixSpawnSetFlags(attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSID));
            for (int descriptor = 0; descriptor < 3; descriptor++)
                Verify(PosixSpawnAddOpen(actions, descriptor, "/dev/null", O_RDWR, 0));
            Verify(PosixSpawnAddChangeDirectory(actions, "/"));
            int id;
            Verify(PosixSpawn(&id, text.Add(path), actions, attributes, text.Add(arguments), text.Add(environment)));
            return id;
        }
        finally
        {
            _ = PosixSpawnFileActionsDestroy(actions);
            _ = PosixSpawnAttributesDestroy(attributes);
        }

        void Verify(int error)
        {
            if (error != 0)
                throw new LinuxException($"start {path}", error);
        }
    }

    /// <returns>False while it has not ended.</returns>
    private bool TryReap(EpollWaiter waiter)
    {
        byte* information = stackalloc byte[InformationLength];
        // How it was called is known as long as nobody has waited for it.
        var failure = _change is { } change && Look(information, WNOWAIT) == 0 && Ended(information) is { IsSignal: false, Code: not 0 } first
            ? FindFailure(change, first.Code) : null;
        int result = Look(information, 0);
        int error = result < 0 ? Errno.Last : 0;
        var exit = Ended(information);
        if (result == 0 && exit is null)
            return false;
        // Not left to the close: a child that is about to begin its program holds a copy, and the old event would stay.
        waiter.Remove(_descriptor);
        _ = Close(_descriptor);
        if (result < 0)
            _exited.SetException(new LinuxException($"wait for process {Id}", error));
        else if (failure is not null)
            _exited.SetException(failure);
        else
            _exited.SetResult(exit!.Value);
        return true;
    }

    private int Look(byte* information, int option)
    {
        new Span<byte>(information, InformationLength).Clear();
        return WaitId(P_PIDFD, _descriptor, information, WEXITED | WNOHANG | option);
    }

    private static ExitStatus? Ended(byte* information) =>
        *(int*)(information + 16) == 0 ? null : new(*(int*)(information + 24), *(int*)(information + 8) != CLD_EXITED);

    /// <summary>Why the program did not begin; null: it did, for the process has its name. The status alone says nothing, a shell has the same ones.</summary>
    private LinuxException? FindFailure(Change change, int status)
    {
        string own = Shorten(change.Changer.Path);
        try
        {
            if (Shorten(change.Program) == own || File.ReadAllText($"/proc/{Id}/comm").TrimEnd('\n') != own)
                return null;
            const string Users = "Uid:\t";
            string users = File.ReadLines($"/proc/{Id}/status").First(line => line.StartsWith(Users, StringComparison.Ordinal));
            bool isUser = users[Users.Length..].Split('\t')[0] == change.User.ToString(CultureInfo.InvariantCulture);
            return !isUser ? new($"set the user of {change.Program} with {change.Changer.Path}", Errno.EPERM)
                : new($"start {change.Program} with {change.Changer.Path}", status == NotFound ? Errno.ENOENT : Errno.EACCES);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or InvalidOperationException)
        {
            return null;
        }

        static string Shorten(string path)
        {
            string name = Path.GetFileName(path);
            return name.Length <= NameLength ? name : name[..NameLength];
        }
    }

    /// <summary>What is to become another program.</summary>
    /// <param name="Changer">What it is at first.</param>
    /// <param name="Program">What it is to be.</param>
    /// <param name="User">As whom.</param>
    private sealed record Change(UserChanger Changer, string Program, uint User);

    /// <summary>Strings and vectors of the C library, freed together.</summary>
    private sealed class NativeText : IDisposable
    {
        private readonly List<nint> _blocks = [];

        public byte* Add(string value)
        {
            int length = Encoding.UTF8.GetByteCount(value);
            byte* block = Allocate(length + 1);
            _ = Encoding.UTF8.GetBytes(value, new Span<byte>(block, length));
            block[length] = 0;
            return block;
        }

        public byte** Add(IReadOnlyList<string> values)
        {
            byte** block = (byte**)Allocate((values.Count + 1) * sizeof(byte*));
            for (int i = 0; i < values.Count; i++)
                block[i] = Add(values[i]);
            block[values.Count] = null;
            return block;
        }

        public void Dispose()
        {
            foreach (nint block in _blocks)
                NativeMemory.Free((void*)block);
        }

        private byte* Allocate(int length)
        {
            byte* block = (byte*)NativeMemory.Alloc((nuint)length);
            _blocks.Add((nint)block);
            return block;
        }
    }

    /// <summary>One thread that learns of the end of every child.</summary>
#pragma warning disable CA1001 // It lives as long as the process.
    private sealed class Reaper
#pragma warning restore CA1001
    {
        private const int Batch = 64;

        private readonly EpollWaiter _waiter = new();
        private readonly ConcurrentDictionary<int, ChildProcess> _children = new();

        private static readonly Lock s_lock = new();
        private static Reaper? s_instance;

        private Reaper()
        {
            try
            {
                Begin(new(Run) { IsBackground = true, Name = "vrrp-reaper" });
            }
            catch
            {
                _waiter.Dispose();
                throw;
            }
        }

        /// <summary>The one; no static field makes it, for that would fail for ever after it failed once.</summary>
        public static Reaper Get()
        {
            lock (s_lock)
                return s_instance ??= new();
        }

        public void Watch(ChildProcess child)
        {
            _children[child._descriptor] = child;
            try
            {
                _waiter.Add(child._descriptor, child._descriptor);
            }
            catch
            {
                _children.TryRemove(child._descriptor, out _);
                throw;
            }
        }

        private void Run()
        {
            var ready = new int[Batch];
            while (true)
            {
                int count = _waiter.Wait(Instant.Never, ready);
                for (int i = 0; i < count; i++)
                {
                    // Out before its number is closed and may be another's.
                    if (_children.TryRemove(ready[i], out var child) && !child.TryReap(_waiter))
                        _children[ready[i]] = child;
                }
            }
        }
    }
}
