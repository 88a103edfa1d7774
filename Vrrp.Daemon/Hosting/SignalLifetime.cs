using System.Globalization;
using System.Runtime.InteropServices;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Vrrp.Daemon.Failover;
using Vrrp.Daemon.Ipvs;
using Vrrp.Linux;

namespace Vrrp.Daemon.Hosting;

/// <summary>
/// SIGTERM and SIGINT stop with a hand-over, and a second one at once; SIGHUP reloads, SIGUSR1 logs what each router and virtual server is, SIGUSR2 writes keepalived's statistics file. Any other signal
/// that would end a process that does not expect it has no effect: the addresses would outlive it. It takes the place of the host's own
/// lifetime, which knows the first of these only.
/// </summary>
internal sealed class SignalLifetime(
    IHostApplicationLifetime lifetime, ReloadQueue reloads, VrrpService vrrp, DirectorService director, SystemdNotifier systemd, ILogger<SignalLifetime> logger)
    : IHostLifetime, IDisposable
{
    private const int SIGHUP = 1;
    private const int SIGTERM = 15;
    private const int SIGCHLD = 17;
    private const int SIGUSR1 = 10;
    private const int SIGUSR2 = 12;

    /// <summary>SIGRTMIN+2 as programs see it: the runtime and the C library keep those before it for themselves.</summary>
    private const int FirstRealTime = 36;
    private const int LastRealTime = 64;

    /// <summary>SIGSTKFLT, SIGALRM, SIGVTALRM, SIGPROF, SIGIO, SIGPWR and SIGXFSZ. SIGPIPE is ignored by the runtime, SIGXCPU is asked for.</summary>
    private static readonly int[] s_harmless = [14, 16, 25, 26, 27, 29, 30];

    // Never disposed.
    private static readonly List<PosixSignalRegistration> s_last = [];

    private readonly CancellationTokenSource _atOnce = new();
    private readonly List<PosixSignalRegistration> _registrations = [];
    private int _stops;

    /// <summary>Cancelled by a second signal: nothing is waited for any more.</summary>
    public CancellationToken AtOnce => _atOnce.Token;

    public Task WaitForStartAsync(CancellationToken cancellationToken)
    {
        HeedIgnored(SIGHUP, SIGTERM, SIGCHLD);
        foreach (var signal in (PosixSignal[])[PosixSignal.SIGTERM, PosixSignal.SIGINT, PosixSignal.SIGQUIT])
            _registrations.Add(PosixSignalRegistration.Create(signal, Stop));
        _registrations.Add(PosixSignalRegistration.Create(PosixSignal.SIGHUP, context =>
        {
            context.Cancel = true;
            reloads.Request();
        }));
        Register(SIGUSR1, "the state of each router and each virtual server follows", () =>
        {
            _ = vrrp.LogStatusAsync();
            _ = director.LogStatusAsync();
        });
        Register(SIGUSR2, "writing the statistics", () => _ = vrrp.WriteStatisticsAsync(StatisticsFile.DefaultPath));
        for (int signal = FirstRealTime; signal <= LastRealTime; signal++)
            Register(signal, "keepalived's dump for it is not active in this version");
        foreach (int signal in s_harmless)
            Register(signal, "it has no effect");
        lifetime.ApplicationStarted.Register(systemd.Ready);
        lifetime.ApplicationStopping.Register(systemd.Stopping);
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>
    /// From now to the end of the process no signal ends it before its time: a service manager that asks twice would read from the exit
    /// status that it was killed.
    /// </summary>
    public static void HeedNothingMore()
    {
        foreach (var signal in (PosixSignal[])[PosixSignal.SIGTERM, PosixSignal.SIGINT, PosixSignal.SIGQUIT, PosixSignal.SIGHUP])
            s_last.Add(PosixSignalRegistration.Create(signal, context => context.Cancel = true));
    }

    public void Dispose()
    {
        foreach (var registration in _registrations)
            registration.Dispose();
        _atOnce.Dispose();
    }

    /// <summary>nohup starts a program with SIGHUP ignored, and the framework leaves alone what is ignored: no reload would ever come. Where SIGCHLD is ignored, nobody learns how a child ended.</summary>
    private static void HeedIgnored(params ReadOnlySpan<int> signals)
    {
        string line = File.ReadLines("/proc/self/status").First(candidate => candidate.StartsWith("SigIgn:", StringComparison.Ordinal));
        ulong ignored = ulong.Parse(line["SigIgn:".Length..].Trim(), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
        foreach (int signal in signals)
        {
            if ((ignored & (1UL << (signal - 1))) != 0)
                _ = NativeMethods.SetSignal(signal, NativeMethods.SIG_DFL);
        }
    }

    private void Register(int number, string effect, Action? action = null)
    {
        string name = number switch { SIGUSR1 => "SIGUSR1", SIGUSR2 => "SIGUSR2", _ => string.Create(CultureInfo.InvariantCulture, $"signal {number}") };
        // The framework takes the kernel's own numbers where it has no name of its own.
        _registrations.Add(PosixSignalRegistration.Create((PosixSignal)number, context =>
        {
            context.Cancel = true;
            HostingLog.Received(logger, name, effect);
            action?.Invoke();
        }));
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
