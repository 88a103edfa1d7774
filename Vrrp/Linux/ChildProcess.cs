using System.Collections.Concurrent;
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
/// /dev/null and its directory is /. The credentials are dropped before the program begins: by a thread that exists for this one
/// start, for on Linux each thread has its own.
/// </summary>
internal sealed unsafe class ChildProcess
{
    private const int POSIX_SPAWN_SETSIGDEF = 0x04;
    private const int POSIX_SPAWN_SETSIGMASK = 0x08;
    private const int POSIX_SPAWN_SETSID = 0x80;
    private const int P_PIDFD = 3;
    private const int WNOHANG = 1;
    private const int WEXITED = 4;
    private const int O_RDWR = 2;
    private const int ENOMEM = 12;
    private const int PR_CAP_AMBIENT = 47;
    private const int PR_CAP_AMBIENT_CLEAR_ALL = 4;

    // The C library's structures are some 340, 80 and 128 octets long.
    private const int SpawnStructure = 1024;

    private static readonly nint PidFdOpen = 434;

    private readonly int _descriptor;
    private readonly TaskCompletionSource<ExitStatus> _exited = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private ChildProcess(int id, int descriptor)
    {
        Id = id;
        _descriptor = descriptor;
    }

    /// <summary>Process id, and id of its process group.</summary>
    public int Id { get; }

    /// <summary>Completes when the process has ended.</summary>
    public Task<ExitStatus> Exited => _exited.Task;

    /// <summary>Starts a program.</summary>
    /// <param name="path">The program; no search.</param>
    /// <param name="arguments">Its arguments, its own name first.</param>
    /// <param name="environment">NAME=value.</param>
    /// <param name="credentials">Whom it runs as. Null: as this process.</param>
    /// <exception cref="LinuxException">It cannot be started.</exception>
    public static ChildProcess Start(string path, IReadOnlyList<string> arguments, IReadOnlyList<string> environment, Credentials? credentials)
    {
        int id = 0;
        LinuxException? failure = null;
        var reaper = Reaper.Get();
        var thread = new Thread(() =>
        {
            try
            {
                if (credentials is { } wanted)
                    Drop(wanted);
                _ = PrCtl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
                id = Spawn(path, arguments, environment);
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
        int descriptor = (int)SystemCall(PidFdOpen, id, 0, 0);
        if (descriptor < 0)
        {
            int error = Errno.Last;
            _ = Kill(-id, 9);
            throw new LinuxException($"watch process {id} of {path}", error);
        }

        var child = new ChildProcess(id, descriptor);
        try
        {
            reaper.Watch(child);
        }
        catch (LinuxException)
        {
            _ = Kill(-id, 9);
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
        // siginfo_t: what happened at octet 8, the process at 16, the status at 24.
        byte* information = stackalloc byte[128];
        new Span<byte>(information, 128).Clear();
        const int CLD_EXITED = 1;
        int result = WaitId(P_PIDFD, _descriptor, information, WEXITED | WNOHANG);
        int error = result < 0 ? Errno.Last : 0;
        if (result == 0 && *(int*)(information + 16) == 0)
            return false;
        // Not left to the close: a child that is about to begin its program holds a copy, and the old event would stay.
        waiter.Remove(_descriptor);
        _ = Close(_descriptor);
        if (result < 0)
            _exited.SetException(new LinuxException($"wait for process {Id}", error));
        else
            _exited.SetResult(new(*(int*)(information + 24), *(int*)(information + 8) != CLD_EXITED));
        return true;
    }

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
