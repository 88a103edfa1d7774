using Vrrp.Daemon.Configuration.Model;
using Vrrp.Daemon.Tracking;

namespace Vrrp.Daemon.HealthChecks;

/// <summary>A checker for each kind of check.</summary>
internal sealed class HealthCheckers(TimeProvider time, ScriptRunner scripts) : IDisposable
{
    private readonly CheckLoop _loop = new();

    /// <summary>The time of the checks: what waits for it goes on on their one thread.</summary>
    public TimeProvider Rhythm => _loop;

    /// <summary>Makes the checker of a check.</summary>
    public IHealthChecker Create(HealthCheck check) => check switch
    {
        TcpCheck tcp => new TcpChecker(tcp, _loop),
        HttpCheck http => new HttpChecker(http, time),
        SmtpCheck smtp => new SmtpChecker(smtp, time),
        DnsCheck dns => new DnsChecker(dns, time),
        UdpCheck udp => new UdpChecker(udp, time),
        PingCheck ping => new PingChecker(ping, time),
        MiscCheck misc => new MiscChecker(misc, scripts),
        FileCheck file => new FileChecker(file),
        _ => throw new ArgumentException($"There is no checker for {check.Kind}.", nameof(check)),
    };

    public void Dispose() => _loop.Dispose();
}
