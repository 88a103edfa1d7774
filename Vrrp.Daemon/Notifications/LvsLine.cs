using Vrrp.Daemon.Configuration.Model;
using Vrrp.Daemon.Ipvs;

namespace Vrrp.Daemon.Notifications;

/// <summary>What a pipe is told of the director: <c>VS [10.0.0.1]:tcp:80 UP</c>, <c>RS [10.0.1.1]:tcp:80 [10.0.0.1]:tcp:80 DOWN</c>. Pure.</summary>
/// <param name="Subject">What it is about.</param>
/// <param name="Text">The line.</param>
internal readonly record struct LvsLine(string Subject, string Text)
{
    /// <summary>Null: no line tells of it.</summary>
    public static LvsLine? Of(DirectorEvent happened) => happened switch
    {
        QuorumChanged quorum => Create($"VS {NameOf(quorum.VirtualServer)}", quorum.HasQuorum),
        RealServerChanged real => Create($"RS {NameOf(real.RealServer, real.VirtualServer)} {NameOf(real.VirtualServer)}", real.IsUp),
        _ => null,
    };

    private static LvsLine Create(string subject, bool isUp) => new(subject, $"{subject} {(isUp ? "UP" : "DOWN")}\n");

    private static string NameOf(VirtualServer server) => server.GroupName is { } group ? $"[{group}]:0" : server.Services[0].ToString();

    private static string NameOf(RealServer real, VirtualServer server) =>
        ServiceKey.ByAddress(server.Services[0].Protocol, real.Address, real.Port).ToString();
}
