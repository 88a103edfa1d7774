using Vrrp.Daemon.Tracking;
using Vrrp.Linux;

namespace Vrrp.Daemon.Ipvs;

/// <summary>Loads a module, which a kernel that finds it by name does by itself and others do when told.</summary>
internal static class KernelModule
{
    private const string Setting = "/proc/sys/kernel/modprobe";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <summary>Loads ip_vs.</summary>
    /// <inheritdoc cref="LoadAsync(string, TimeProvider)"/>
    public static Task<string?> LoadAsync(TimeProvider time) => LoadAsync("ip_vs", time);

    /// <summary>Runs the system's modprobe.</summary>
    /// <returns>What went wrong, as a sentence; null when it was loaded.</returns>
    public static async Task<string?> LoadAsync(string module, TimeProvider time)
    {
        if (FindProgram() is not { } program)
            return $"The module {module} cannot be loaded: there is no modprobe on this host.";
        ChildProcess child;
        try
        {
            child = ChildProcess.Start(program, [program, "-q", module], [], null);
        }
        catch (LinuxException exception)
        {
            return $"The module {module} cannot be loaded: {exception.Message}";
        }

        try
        {
            var exit = await child.Exited.WaitAsync(Patience, time).ConfigureAwait(false);
            return exit is { Code: 0, IsSignal: false } ? null
                : $"'{program} {module}' failed: this kernel has no such module, or this process may not load one.";
        }
        catch (TimeoutException)
        {
            child.Signal(9);
            return $"'{program} {module}' has not ended after {Patience.TotalSeconds:0} s.";
        }
    }

    // The administrator may have switched it off, with an empty line or /bin/true.
    private static string? FindProgram()
    {
        try
        {
            string configured = File.ReadAllText(Setting).Trim();
            return configured.Length == 0 ? null : ScriptSecurity.FindProgram(configured, out _);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return ScriptSecurity.FindProgram("modprobe", out _);
        }
    }
}
