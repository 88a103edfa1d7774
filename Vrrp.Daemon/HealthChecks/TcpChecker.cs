using System.Net;
using Vrrp.Daemon.Configuration.Model;

namespace Vrrp.Daemon.HealthChecks;

/// <summary>TCP_CHECK: a connection can be made; it is closed at once.</summary>
internal sealed class TcpChecker(TcpCheck check, CheckLoop loop) : IHealthChecker
{
    private SocketAddress? _target;

    /// <inheritdoc/>
    public Task<CheckResult> CheckAsync(CancellationToken cancellationToken)
    {
        // The number of a link may be another the next time.
        if (_target is null || check.Address.IsIPv6LinkLocal)
            _target = CheckSocket.Target(check).Serialize();
        return loop.ConnectAsync(check, _target, cancellationToken);
    }
}
