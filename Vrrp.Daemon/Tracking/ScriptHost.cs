using Vrrp.Daemon.Configuration;
using Vrrp.Daemon.Configuration.Model;

namespace Vrrp.Daemon.Tracking;

/// <summary>Whether scripts could run on this host, as it is now.</summary>
internal sealed class ScriptHost : IScriptHost
{
    public bool HasDefaultUser => UserAccount.HasDefaultScriptUser;

    public string? FindProblem(ScriptCommand command, bool isSecure) => new ScriptRunner(TimeProvider.System) { IsSecure = isSecure }.FindProblem(command);
}
