using System.Runtime.InteropServices;

namespace Vrrp.Linux;

/// <summary>The C library, for 64-bit Linux. Descriptors are plain numbers: their owners close them in Dispose.</summary>
internal static unsafe partial class NativeMethods
{
    private const string LibC = "libc";

    [LibraryImport(LibC, EntryPoint = "socket", SetLastError = true)]
    internal static partial int Socket(int domain, int type, int protocol);

    [LibraryImport(LibC, EntryPoint = "bind", SetLastError = true)]
    internal static partial int Bind(int descriptor, void* address, uint length);

    [LibraryImport(LibC, EntryPoint = "connect", SetLastError = true)]
    internal static partial int Connect(int descriptor, void* address, uint length);

    [LibraryImport(LibC, EntryPoint = "close", SetLastError = true)]
    internal static partial int Close(int descriptor);

    [LibraryImport(LibC, EntryPoint = "setsockopt", SetLastError = true)]
    internal static partial int SetSockOpt(int descriptor, int level, int option, void* value, uint length);

    [LibraryImport(LibC, EntryPoint = "getsockopt", SetLastError = true)]
    internal static partial int GetSockOpt(int descriptor, int level, int option, void* value, uint* length);

    [LibraryImport(LibC, EntryPoint = "sendmsg", SetLastError = true)]
    internal static partial nint SendMsg(int descriptor, MessageHeader* message, int flags);

    [LibraryImport(LibC, EntryPoint = "recvmsg", SetLastError = true)]
    internal static partial nint RecvMsg(int descriptor, MessageHeader* message, int flags);

    [LibraryImport(LibC, EntryPoint = "sendmmsg", SetLastError = true)]
    internal static partial int SendMMsg(int descriptor, BatchedMessage* messages, uint count, int flags);

    [LibraryImport(LibC, EntryPoint = "recvmmsg", SetLastError = true)]
    internal static partial int RecvMMsg(int descriptor, BatchedMessage* messages, uint count, int flags, TimeSpec* timeout);

    [LibraryImport(LibC, EntryPoint = "poll", SetLastError = true)]
    internal static partial int Poll(PollDescriptor* descriptors, nuint count, int milliseconds);

    [LibraryImport(LibC, EntryPoint = "epoll_create1", SetLastError = true)]
    internal static partial int EpollCreate(int flags);

    [LibraryImport(LibC, EntryPoint = "epoll_ctl", SetLastError = true)]
    internal static partial int EpollControl(int epoll, int operation, int descriptor, void* eventData);

    [LibraryImport(LibC, EntryPoint = "epoll_wait", SetLastError = true)]
    internal static partial int EpollWait(int epoll, void* events, int maximum, int milliseconds);

    // Called by number: C libraries older than the system call lack the name.
    [LibraryImport(LibC, EntryPoint = "syscall", SetLastError = true)]
    internal static partial nint EpollPWait2(
        nint number, nint epoll, void* events, nint maximum, TimeSpec* timeout, void* signalMask, nint signalMaskLength);

    [LibraryImport(LibC, EntryPoint = "eventfd", SetLastError = true)]
    internal static partial int EventFd(uint initial, int flags);

    [LibraryImport(LibC, EntryPoint = "timerfd_create", SetLastError = true)]
    internal static partial int TimerFdCreate(int clock, int flags);

    [LibraryImport(LibC, EntryPoint = "timerfd_settime", SetLastError = true)]
    internal static partial int TimerFdSet(int descriptor, int flags, TimerSpec* value, TimerSpec* old);

    [LibraryImport(LibC, EntryPoint = "read", SetLastError = true)]
    internal static partial nint Read(int descriptor, void* buffer, nuint length);

    [LibraryImport(LibC, EntryPoint = "write", SetLastError = true)]
    internal static partial nint Write(int descriptor, void* buffer, nuint length);

    [LibraryImport(LibC, EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int Open(string path, int flags, uint mode);

    [LibraryImport(LibC, EntryPoint = "fsync", SetLastError = true)]
    internal static partial int FileSync(int descriptor);

    [LibraryImport(LibC, EntryPoint = "clock_gettime", SetLastError = true)]
    internal static partial int ClockGetTime(int clock, TimeSpec* value);

    [LibraryImport(LibC, EntryPoint = "flock", SetLastError = true)]
    internal static partial int FileLock(int descriptor, int operation);

    [LibraryImport(LibC, EntryPoint = "prctl", SetLastError = true)]
    internal static partial int PrCtl(int option, nuint argument2, nuint argument3, nuint argument4, nuint argument5);

    [LibraryImport(LibC, EntryPoint = "sched_setscheduler", SetLastError = true)]
    internal static partial int SchedSetScheduler(int thread, int policy, int* priority);

    [LibraryImport(LibC, EntryPoint = "sched_getscheduler", SetLastError = true)]
    internal static partial int SchedGetScheduler(int thread);

    [LibraryImport(LibC, EntryPoint = "sched_setaffinity", SetLastError = true)]
    internal static partial int SchedSetAffinity(int thread, nuint length, void* mask);

    [LibraryImport(LibC, EntryPoint = "sched_getaffinity", SetLastError = true)]
    internal static partial int SchedGetAffinity(int thread, nuint length, void* mask);

    [LibraryImport(LibC, EntryPoint = "setpriority", SetLastError = true)]
    internal static partial int SetPriority(int which, int who, int nice);

    [LibraryImport(LibC, EntryPoint = "mlockall", SetLastError = true)]
    internal static partial int MLockAll(int flags);

    [LibraryImport(LibC, EntryPoint = "getrlimit", SetLastError = true)]
    internal static partial int GetRLimit(int resource, ResourceLimit* limit);

    [LibraryImport(LibC, EntryPoint = "setrlimit", SetLastError = true)]
    internal static partial int SetRLimit(int resource, ResourceLimit* limit);

    [LibraryImport(LibC, EntryPoint = "unshare", SetLastError = true)]
    internal static partial int Unshare(int flags);

    [LibraryImport(LibC, EntryPoint = "setns", SetLastError = true)]
    internal static partial int SetNs(int descriptor, int type);

    [LibraryImport(LibC, EntryPoint = "execve", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int ExecVe(string path, string?[] arguments, string?[] environment);

    [LibraryImport(LibC, EntryPoint = "getppid")]
    internal static partial int GetParentProcess();

    /// <summary>The default action of a signal.</summary>
    internal const nint SIG_DFL = 0;

    [LibraryImport(LibC, EntryPoint = "signal", SetLastError = true)]
    internal static partial nint SetSignal(int signal, nint handler);

    [LibraryImport(LibC, EntryPoint = "kill", SetLastError = true)]
    internal static partial int Kill(int process, int signal);

    [LibraryImport(LibC, EntryPoint = "getsid", SetLastError = true)]
    internal static partial int GetSession(int process);

    // Raw: the C library's own functions of these names change all threads of the process.
    [LibraryImport(LibC, EntryPoint = "syscall", SetLastError = true)]
    internal static partial nint SystemCall(nint number, nint argument1, nint argument2, nint argument3);

    [LibraryImport(LibC, EntryPoint = "syscall", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial nint AccessAt(nint number, nint directory, string path, nint mode, nint flags);

    [LibraryImport(LibC, EntryPoint = "posix_spawn")]
    internal static partial int PosixSpawn(int* process, byte* path, void* fileActions, void* attributes, byte** arguments, byte** environment);

    [LibraryImport(LibC, EntryPoint = "posix_spawnattr_init")]
    internal static partial int PosixSpawnAttributesInit(void* attributes);

    [LibraryImport(LibC, EntryPoint = "posix_spawnattr_destroy")]
    internal static partial int PosixSpawnAttributesDestroy(void* attributes);

    [LibraryImport(LibC, EntryPoint = "posix_spawnattr_setflags")]
    internal static partial int PosixSpawnSetFlags(void* attributes, short flags);

    [LibraryImport(LibC, EntryPoint = "posix_spawnattr_setsigmask")]
    internal static partial int PosixSpawnSetSignalMask(void* attributes, void* signals);

    [LibraryImport(LibC, EntryPoint = "posix_spawnattr_setsigdefault")]
    internal static partial int PosixSpawnSetDefaultSignals(void* attributes, void* signals);

    [LibraryImport(LibC, EntryPoint = "posix_spawn_file_actions_init")]
    internal static partial int PosixSpawnFileActionsInit(void* actions);

    [LibraryImport(LibC, EntryPoint = "posix_spawn_file_actions_destroy")]
    internal static partial int PosixSpawnFileActionsDestroy(void* actions);

    [LibraryImport(LibC, EntryPoint = "posix_spawn_file_actions_addopen", StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int PosixSpawnAddOpen(void* actions, int descriptor, string path, int flags, uint mode);

    [LibraryImport(LibC, EntryPoint = "posix_spawn_file_actions_addchdir_np", StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int PosixSpawnAddChangeDirectory(void* actions, string path);

    [LibraryImport(LibC, EntryPoint = "sigfillset")]
    internal static partial int SignalSetFill(void* signals);

    [LibraryImport(LibC, EntryPoint = "sigemptyset")]
    internal static partial int SignalSetEmpty(void* signals);

    [LibraryImport(LibC, EntryPoint = "waitid", SetLastError = true)]
    internal static partial int WaitId(int type, int id, void* information, int options);

    [LibraryImport(LibC, EntryPoint = "inotify_init1", SetLastError = true)]
    internal static partial int InotifyInit(int flags);

    [LibraryImport(LibC, EntryPoint = "inotify_add_watch", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int InotifyAddWatch(int descriptor, string path, uint mask);

    [LibraryImport(LibC, EntryPoint = "inotify_rm_watch", SetLastError = true)]
    internal static partial int InotifyRemoveWatch(int descriptor, int watch);

    [LibraryImport(LibC, EntryPoint = "mkfifo", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int MakeFifo(string path, uint mode);

    [LibraryImport(LibC, EntryPoint = "fchown", SetLastError = true)]
    internal static partial int ChangeOwner(int descriptor, uint user, uint group);

    [LibraryImport(LibC, EntryPoint = "statx", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int StatX(int directory, string path, int flags, uint mask, void* result);

    [LibraryImport(LibC, EntryPoint = "getpwnam_r", StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int GetPasswordByName(string name, void* entry, byte* buffer, nuint length, void** result);

    [LibraryImport(LibC, EntryPoint = "getpwuid_r")]
    internal static partial int GetPasswordById(uint id, void* entry, byte* buffer, nuint length, void** result);

    [LibraryImport(LibC, EntryPoint = "getgrnam_r", StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int GetGroupByName(string name, void* entry, byte* buffer, nuint length, void** result);

    [LibraryImport(LibC, EntryPoint = "geteuid")]
    internal static partial uint GetEffectiveUser();

    /// <summary>struct iovec.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct IOVector
    {
        public void* Base;
        public nuint Length;
    }

    /// <summary>struct msghdr.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct MessageHeader
    {
        public void* Name;
        public uint NameLength;
        public IOVector* Vectors;
        public nuint VectorCount;
        public void* Control;
        public nuint ControlLength;
        public int Flags;
    }

    /// <summary>struct mmsghdr.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct BatchedMessage
    {
        public MessageHeader Header;
        public uint Length;
    }

    /// <summary>struct cmsghdr; the data follows, aligned as a pointer is.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct ControlHeader
    {
        public nuint Length;
        public int Level;
        public int Type;
    }

    /// <summary>struct timespec.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct TimeSpec
    {
        public nint Seconds;
        public nint Nanoseconds;
    }

    /// <summary>struct itimerspec.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct TimerSpec
    {
        public TimeSpec Interval;
        public TimeSpec Value;
    }

    /// <summary>struct rlimit.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct ResourceLimit
    {
        public ulong Soft;
        public ulong Hard;
    }

    /// <summary>struct pollfd.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct PollDescriptor
    {
        public int Descriptor;
        public short Events;
        public short Returned;
    }

    /// <summary>struct sockaddr_nl.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct NetlinkAddress
    {
        public ushort Family;
        public ushort Padding;
        public uint Port;
        public uint Groups;
    }
}
