using System.Diagnostics;
using System.Runtime.ExceptionServices;
using static Vrrp.Linux.NativeMethods;

namespace Vrrp.Linux;

/// <summary>
/// A network namespace without a name, alive while this object or a process or socket in it is. Needs CAP_SYS_ADMIN.
/// Sockets belong to the namespace in which they were made, whichever thread uses them later.
/// </summary>
internal sealed class NetworkNamespace : IDisposable
{
    private const int CLONE_NEWNET = 0x4000_0000;
    private const int O_RDONLY_CLOEXEC = 0x80000;

    private int _descriptor;

    private NetworkNamespace(int descriptor) => _descriptor = descriptor;

    /// <summary>Descriptor of the namespace, as IFLA_NET_NS_FD wants it.</summary>
    public int Descriptor => _descriptor >= 0 ? _descriptor : throw new ObjectDisposedException(nameof(NetworkNamespace));

    /// <summary>Makes a namespace; it has a loopback interface, which is down.</summary>
    /// <exception cref="LinuxException">CAP_SYS_ADMIN is missing.</exception>
    public static NetworkNamespace Create() => new(OnOwnThread(() =>
    {
        if (Unshare(CLONE_NEWNET) < 0)
            throw Capabilities.Failure("create a network namespace", Errno.Last, Capability.SysAdmin);
        return OpenCurrent();
    }));

    /// <summary>A namespace that <c>ip netns add</c> made.</summary>
    /// <param name="name">Its name.</param>
    /// <exception cref="LinuxException">There is none of that name.</exception>
    public static NetworkNamespace OpenNamed(string name)
    {
        int descriptor = Open("/run/netns/" + name, O_RDONLY_CLOEXEC, 0);
        return descriptor >= 0 ? new(descriptor) : throw new LinuxException($"open the network namespace '{name}'", Errno.Last);
    }

    /// <summary>The namespace of a process.</summary>
    /// <param name="process">Its number; 1 is the first of this host, or of this container.</param>
    /// <exception cref="LinuxException">There is none of that number, or it is not shown.</exception>
    public static NetworkNamespace OfProcess(int process)
    {
        int descriptor = Open(FormattableString.Invariant($"/proc/{process}/ns/net"), O_RDONLY_CLOEXEC, 0);
        return descriptor >= 0 ? new(descriptor) : throw new LinuxException($"open the network namespace of process {process}", Errno.Last);
    }

    /// <summary>The namespace of the calling thread.</summary>
    public static NetworkNamespace Current() => new(OpenCurrent());

    /// <summary>Runs something inside, on a thread of its own, and waits for it. It must not await: its continuation would be outside.</summary>
    /// <param name="action">What to run; what it throws is thrown here.</param>
    public void Run(Action action) => Run<object?>(() =>
    {
        action();
        return null;
    });

    /// <summary>As <see cref="Run(Action)"/>, with a result.</summary>
    public T Run<T>(Func<T> function) => OnOwnThread(() =>
    {
        Enter();
        return function();
    });

    /// <summary>Starts a thread inside and returns it.</summary>
    /// <param name="action">Must not throw.</param>
    /// <param name="name">The thread's name.</param>
    public Thread StartThread(Action action, string name)
    {
        using var entered = new ManualResetEventSlim();
        ExceptionDispatchInfo? failure = null;
        var thread = new Thread(() =>
        {
            try
            {
                Enter();
            }
            catch (LinuxException e)
            {
                failure = ExceptionDispatchInfo.Capture(e);
                return;
            }
            finally
            {
                entered.Set();
            }

            action();
        })
        { IsBackground = true, Name = name };
        thread.Start();
        entered.Wait();
        failure?.Throw();
        return thread;
    }

    /// <summary>Starts a process inside: a child belongs to the namespace of the thread that forked it.</summary>
    /// <param name="startInfo">The process; without shell execution.</param>
    public Process Start(ProcessStartInfo startInfo) => Run(() =>
        Process.Start(startInfo) ?? throw new InvalidOperationException($"'{startInfo.FileName}' was not started."));

    /// <summary>Moves the calling thread inside for good: for threads made for the purpose, never one of the pool.</summary>
    /// <exception cref="LinuxException">CAP_SYS_ADMIN is missing.</exception>
    public void Enter()
    {
        if (SetNs(Descriptor, CLONE_NEWNET) < 0)
            throw Capabilities.Failure("enter a network namespace", Errno.Last, Capability.SysAdmin);
    }

    /// <summary>Writes a setting under /proc/sys/net of this namespace.</summary>
    /// <param name="path">As in "ipv4/conf/all/promote_secondaries".</param>
    /// <param name="value">The value.</param>
    /// <returns>False when the setting does not exist or may not be written here.</returns>
    public bool TryWriteSysctl(string path, string value) => Run(() =>
    {
        try
        {
            // The path is resolved in the namespace of the thread that opens it.
            File.WriteAllText("/proc/sys/net/" + path, value);
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    });

    /// <summary>Lets go of the namespace.</summary>
    public void Dispose()
    {
        int descriptor = Interlocked.Exchange(ref _descriptor, -1);
        if (descriptor >= 0)
            _ = Close(descriptor);
    }

    private static int OpenCurrent() => Errno.Check(Open("/proc/thread-self/ns/net", O_RDONLY_CLOEXEC, 0), "open the network namespace");

    private static T OnOwnThread<T>(Func<T> function)
    {
        T result = default!;
        ExceptionDispatchInfo? failure = null;
        var thread = new Thread(() =>
        {
            try
            {
                result = function();
            }
            catch (Exception e)
            {
                failure = ExceptionDispatchInfo.Capture(e);
            }
        })
        { IsBackground = true, Name = "network namespace" };
        thread.Start();
        thread.Join();
        failure?.Throw();
        return result;
    }
}
