using System.Runtime.InteropServices;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Vrrp.Daemon.Hosting;

/// <summary>
/// SIGTERM and SIGINT stop with a hand-over, and a second one at once; SIGHUP reloads. It takes the place of the host's own lifetime, which
/// knows the first of these only.
/// </summary>
internal sealed class SignalLifetime(IHostApplicationLifetime lifetime, ReloadQueue reloads, SystemdNotifier systemd, ILogger<SignalLifetime> logger)
    : IHostLifetime, IDisposable
{
    private readonly CancellationTokenSource _atOnce = new();
    private readonly List<PosixSignalRegistration> _registrations = [];
    private int _stops;

    /// <summary>Cancelled by a second signal: nothing is waited for any more.</summary>
    public CancellationToken AtOnce => _atOnce.Token;

    public Task WaitForStartAsync(CancellationToken cancellationToken)
    {
        foreach (var signal in (PosixSignal[])[PosixSignal.SIGTERM, PosixSignal.SIGINT, PosixSignal.SIGQUIT])
            _registrations.Add(PosixSignalRegistration.Create(signal, Stop));
        _registrations.Add(PosixSignalRegistration.Create(PosixSignal.SIGHUP, context =>
        {
            context.Cancel = true;
            reloads.Request();
        }));
        lifetime.ApplicationStarted.Register(systemd.Ready);
        lifetime.ApplicationStopping.Register(systemd.Stopping);
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public void Dispose()
    {
        foreach (var registration in _registrations)
            registration.Dispose();
        _atOnce.Dispose();
    }

    private void Stop(PosixSignalContext context)
    {
        context.Cancel = true;
        if (Interlocked.Increment(ref _stops) == 1)
        {
            HostingLog.Stopping(logger, context.Signal.ToString());
            lifetime.StopApplication();
        }
        else
        {
            HostingLog.StoppingAtOnce(logger, context.Signal.ToString());
            _atOnce.Cancel();
        }
    }
}
