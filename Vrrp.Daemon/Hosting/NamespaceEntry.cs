using System.Collections;
using Vrrp.Linux;

namespace Vrrp.Daemon.Hosting;

/// <summary>
/// <c>net_namespace</c>: a namespace belongs to a thread, and this process has several by now. So one thread enters it and starts the
/// program again in place of the process; the number of the process stays the same.
/// </summary>
internal static class NamespaceEntry
{
    private const string Entered = "VRRP_NET_NAMESPACE";

    /// <summary>Does not return, unless the process is inside already.</summary>
    /// <exception cref="LinuxException">There is no such namespace, or CAP_SYS_ADMIN is missing.</exception>
    public static void Enter(string name)
    {
        if (Environment.GetEnvironmentVariable(Entered) == name)
            return;
        if (name.Length == 0 || name is "." or ".." || name.Contains('/', StringComparison.Ordinal))
            throw new LinuxException($"enter the network namespace '{name}'", Errno.EINVAL);
        using var network = NetworkNamespace.OpenNamed(name);
        network.Run(() =>
        {
            string[] arguments = File.ReadAllText("/proc/self/cmdline").TrimEnd('\0').Split('\0');
            var environment = Environment.GetEnvironmentVariables().Cast<DictionaryEntry>()
                .Where(entry => (string)entry.Key != Entered)
                .Select(entry => (string?)$"{entry.Key}={entry.Value}")
                .Append($"{Entered}={name}");
            _ = NativeMethods.ExecVe("/proc/self/exe", [.. arguments, null], [.. environment, null]);
            throw new LinuxException("start again in the network namespace", Errno.Last);
        });
    }
}
