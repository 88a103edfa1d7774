using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Vrrp.Daemon.Configuration;
using Vrrp.Daemon.Configuration.Model;
using Vrrp.Daemon.Failover;

namespace Vrrp.Daemon.Hosting;

/// <summary>Reloads the configuration when asked. One with errors replaces nothing.</summary>
internal sealed class ReloadService(
    DaemonRun run, DaemonConfig initial, ReloadQueue requests, VrrpService vrrp, SystemdNotifier systemd, ILogger<ReloadService> logger)
    : BackgroundService
{
    private GlobalDefs _started = initial.GlobalDefs;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await foreach (bool _ in requests.ReadAllAsync(stoppingToken).ConfigureAwait(false))
        {
            HostingLog.Reloading(logger, run.ConfigurationPath);
            systemd.Reloading();
            await ReloadAsync(stoppingToken).ConfigureAwait(false);
            systemd.Ready();
        }
    }

    private async Task ReloadAsync(CancellationToken cancellationToken)
    {
        var result = ConfigLoader.Load(run.ConfigurationPath, new LoadOptions { ConfigId = run.ConfigId });
        DiagnosticLog.Write(logger, result.Diagnostics);
        if (result.Config is not { } config)
        {
            HostingLog.ReloadRefused(logger, run.ConfigurationPath, DiagnosticLog.CountErrors(result.Diagnostics));
            return;
        }

        if (config.GlobalDefs.NetworkNamespace != initial.GlobalDefs.NetworkNamespace)
        {
            HostingLog.ReloadFailed(logger, "net_namespace cannot change while the daemon runs; what was running goes on unchanged");
            return;
        }

        TellWhatNeedsRestart(config.GlobalDefs);
        try
        {
            await vrrp.ApplyAsync(config, TimeSpan.Zero, cancellationToken).ConfigureAwait(false);
            HostingLog.Reloaded(logger, run.ConfigurationPath);
        }
        catch (ArgumentException exception)
        {
            // The binder lets nothing through that the node refuses; should it ever, the operator hears of it and the rest runs on.
            HostingLog.ReloadFailed(logger, exception.Message);
        }
    }

    private void TellWhatNeedsRestart(GlobalDefs now)
    {
        Tell("vrrp_rt_priority", _started.RealTimePriority != now.RealTimePriority);
        Tell("vrrp_rlimit_rttime", _started.RealTimeLimit != now.RealTimeLimit);
        Tell("vrrp_priority", _started.NicePriority != now.NicePriority);
        Tell("vrrp_no_swap", _started.NoSwap != now.NoSwap);
        Tell("vrrp_cpu_affinity", !_started.CpuAffinity.SequenceEqual(now.CpuAffinity));
        Tell("nftables", _started.FilterTable != now.FilterTable);
        Tell("nftables_priority", _started.FilterPriority != now.FilterPriority);
        Tell("nftables_counters", _started.FilterCounters != now.FilterCounters);
        _started = now;

        void Tell(string keyword, bool hasChanged)
        {
            if (hasChanged)
                HostingLog.NeedsRestart(logger, keyword);
        }
    }
}
