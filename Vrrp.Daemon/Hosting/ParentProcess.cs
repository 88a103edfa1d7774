using Vrrp.Linux;

namespace Vrrp.Daemon.Hosting;

/// <summary>Ties this process to the one that started it, however that ends.</summary>
internal static class ParentProcess
{
    private const int PR_SET_PDEATHSIG = 1;
    private const int SIGKILL = 9;

    /// <summary>
    /// Has the kernel kill this process when the thread that started it ends. To be called on the main thread: the setting belongs to the
    /// calling thread and ends with it.
    /// </summary>
    /// <returns>False when the parent has ended already.</returns>
    public static bool TryFollow(int parent)
    {
        _ = Errno.Check(NativeMethods.PrCtl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0), "follow the parent process");
        return NativeMethods.GetParentProcess() == parent;
    }
}
