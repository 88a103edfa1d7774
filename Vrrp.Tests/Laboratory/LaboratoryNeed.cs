using System.Collections.Concurrent;
using Vrrp.Tests.Linux.Chaos;
using Vrrp.Tests.Linux.Lab;

namespace Vrrp.Tests.LaboratoryMachine;

/// <summary>What a test may need of the kernel. Any other name is that of a module.</summary>
public static class LaboratoryNeed
{
    /// <summary>Delay, loss and reordering on a link.</summary>
    public const string Netem = "sch_netem";

    /// <summary>Interfaces with nothing behind them.</summary>
    public const string Dummy = "dummy";

    /// <summary>The load balancer, for each network namespace its own.</summary>
    public const string Ipvs = "ip_vs";

    /// <summary>IPv4 in IPv4.</summary>
    public const string Ipip = "ipip";

    /// <summary>Limits on the memory of a group of processes.</summary>
    public const string MemoryGroups = "memory control groups";

    /// <summary>A machine that nobody else uses: its clock may be set and its memory used up.</summary>
    public const string Machine = "a machine of its own";

    private static readonly ConcurrentDictionary<string, Task<bool>> Found = [];
    private static int s_count;

    /// <summary>Whether this is the laboratory's machine. Its kernel was told: anybody can set a variable, and here tests may do damage.</summary>
    public static bool IsInside { get; } = File.ReadAllText("/proc/cmdline").Contains("VRRP_LABORATORY=1", StringComparison.Ordinal);

    /// <summary>The first of the needs that is not met here; null if all are.</summary>
    /// <exception cref="InvalidOperationException">Something is missing in the laboratory's machine, where nothing may be.</exception>
    public static async Task<string?> FindMissingAsync(IEnumerable<string> needs)
    {
        LabRequirements.Demand();
        foreach (string need in needs)
        {
            if (await Found.GetOrAdd(need, ProbeAsync))
                continue;
            return IsInside ? throw new InvalidOperationException($"The laboratory's machine lacks {need}.") : need;
        }

        return null;
    }

    private static async Task<bool> ProbeAsync(string need)
    {
        if (!IsInside && Environment.GetEnvironmentVariable("LABORATORY_ONLY") == "1")
            return false;
        if (need is Machine or MemoryGroups)
            return need == Machine ? IsInside : MemoryGroup.IsAvailable;
        bool loaded = (await Tool.TryRunAsync("modprobe", ["--quiet", need])).ExitCode == 0;
        // A kernel with all built in may have no list of modules to tell so: what counts is that the thing can be made.
        return need switch
        {
            Netem => await CanAsync("tc", "qdisc", "add", "dev", "lo", "root", "netem", "delay", "1ms"),
            Dummy => await CanAsync("ip", "link", "add", "probe", "type", "dummy"),
            Ipip => await CanAsync("ip", "link", "add", "probe", "type", "ipip", "local", "127.0.0.1", "remote", "127.0.0.2"),
            Ipvs => await CanAsync("ipvsadm", "-A", "-t", "127.0.0.1:1"),
            _ => loaded,
        };
    }

    /// <summary>Whether a command succeeds in a network namespace of its own.</summary>
    private static async Task<bool> CanAsync(params string[] command)
    {
        string name = $"vrrp-probe-{Environment.ProcessId}-{Interlocked.Increment(ref s_count)}";
        await Tool.RunAsync("ip", ["netns", "add", name]);
        try
        {
            return (await Tool.TryRunAsync("ip", ["netns", "exec", name, .. command])).ExitCode == 0;
        }
        finally
        {
            await Tool.RunAsync("ip", ["netns", "del", name]);
        }
    }
}
