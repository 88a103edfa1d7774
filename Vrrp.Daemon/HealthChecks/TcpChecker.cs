using System.Net.Sockets;
using Vrrp.Daemon.Configuration.Model;

namespace Vrrp.Daemon.HealthChecks;

/// <summary>TCP_CHECK: a connection can be made; it is closed at once.</summary>
internal sealed class TcpChecker(TcpCheck check, TimeProvider time) : IHealthChecker
{
    /// <inheritdoc/>
    public Task<CheckResult> CheckAsync(CancellationToken cancellationToken) =>
        CheckSocket.WithinAsync(check.ConnectTimeout, "connecting", time, ConnectAsync, cancellationToken);

    private async Task<CheckResult> ConnectAsync(CancellationToken cancellationToken)
    {
        using var socket = CheckSocket.Create(check, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(CheckSocket.Target(check), cancellationToken).ConfigureAwait(false);
        return CheckResult.Success;
    }
}
