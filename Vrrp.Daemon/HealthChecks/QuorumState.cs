using Vrrp.Daemon.Configuration.Model;

namespace Vrrp.Daemon.HealthChecks;

/// <summary>Whether a virtual server has enough live weight. Pure; hysteresis keeps it from flapping.</summary>
internal static class QuorumState
{
    /// <summary>Whether there is a quorum, given whether there was.</summary>
    /// <param name="server">Quorum and hysteresis.</param>
    /// <param name="had">Whether there was one.</param>
    /// <param name="liveWeight">Sum of the weights of the servers that are up.</param>
    public static bool After(VirtualServer server, bool had, long liveWeight) => had
        ? liveWeight > 0 && liveWeight >= (long)server.Quorum - server.Hysteresis
        : liveWeight >= (long)server.Quorum + server.Hysteresis;
}
