using Vrrp.Linux;

namespace Vrrp.Daemon.RealServers;

/// <summary>Modules of the kernel, by the one external program that has no counterpart in it.</summary>
internal static class KernelModule
{
    private const int SIGKILL = 9;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private static readonly string[] Programs = ["/usr/sbin/modprobe", "/sbin/modprobe"];

    /// <summary>Asks modprobe for a module, and waits for it.</summary>
    /// <returns>Why it is not loaded, as a clause; null when it is.</returns>
    public static string? TryLoad(string module)
    {
        if (Programs.FirstOrDefault(File.Exists) is not { } program)
            return "there is no modprobe here";
        try
        {
            var child = ChildProcess.Start(program, [program, "--quiet", module], [], null);
            if (!child.Exited.Wait(Patience))
            {
                child.Signal(SIGKILL);
                return $"{program} did not end within {Patience.TotalSeconds:0} s";
            }

            var status = child.Exited.Result;
            return status is { Code: 0, IsSignal: false } ? null : $"'{program} {module}' failed";
        }
        catch (LinuxException exception)
        {
            return exception.Message.TrimEnd('.');
        }
    }
}
