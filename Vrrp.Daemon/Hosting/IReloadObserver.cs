using Vrrp.Daemon.Configuration.Model;

namespace Vrrp.Daemon.Hosting;

/// <summary>Takes part in reloads beside the routers and the director.</summary>
internal interface IReloadObserver
{
    /// <summary>A configuration is about to be applied; what it makes happen comes after this. Called with the one before again if it is refused.</summary>
    void Prepare(DaemonConfig config);

    /// <summary>It has been applied, and what is not in it has ended.</summary>
    void Complete();
}
