using Vrrp.Linux;

namespace Vrrp.Daemon.Failover;

/// <summary>Which keyword of the file asked for what the kernel refused. Pure.</summary>
internal static class SchedulingText
{
    public static string Keyword(LinuxException refused) => refused.Operation switch
    {
        var o when o.StartsWith("set real-time priority", StringComparison.Ordinal) => "vrrp_rt_priority",
        var o when o.StartsWith("set nice", StringComparison.Ordinal) => "vrrp_priority",
        var o when o.StartsWith("lock memory", StringComparison.Ordinal) => "vrrp_no_swap",
        var o when o.StartsWith("bind the thread", StringComparison.Ordinal) => "vrrp_cpu_affinity",
        var o when o.Contains("RLIMIT_RTTIME", StringComparison.Ordinal) => "vrrp_rlimit_rttime",
        _ => "a setting of the engine thread",
    };

    /// <summary>The refusal, with the capability that would lift it also where the kernel's error speaks of a limit.</summary>
    public static string Reason(LinuxException refused) =>
        refused.IsPermission ? refused.Message
        : Keyword(refused) == "vrrp_no_swap" ? refused.Message + " CAP_IPC_LOCK lifts the limit on locked memory."
        : refused.Message;
}
