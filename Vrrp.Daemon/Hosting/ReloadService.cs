using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Vrrp.Daemon.Configuration;
using Vrrp.Daemon.Configuration.Diagnostics;
using Vrrp.Daemon.Configuration.Model;
using Vrrp.Daemon.Failover;
using Vrrp.Daemon.Ipvs;
using Vrrp.Daemon.Tracking;

namespace Vrrp.Daemon.Hosting;

/// <summary>Reloads the configuration when asked. One with errors replaces nothing.</summary>
internal sealed class ReloadService(
    DaemonRun run,
    DaemonConfig initial,
    ReloadQueue requests,
    VrrpService vrrp,
    DirectorService director,
    TrackingService tracking,
    ScriptRunner scripts,
    IEnumerable<IReloadObserver> observers,
    SystemdNotifier systemd,
    ILogger<ReloadService> logger)
    : BackgroundService
{
    private DaemonConfig _applied = initial;

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
        if (result.Config is not { } loaded)
        {
            HostingLog.ReloadRefused(logger, run.ConfigurationPath, Counted.Of(result.Count(DiagnosticSeverity.Error), "error"));
            return;
        }

        var config = run.Select(loaded);

        if (config.GlobalDefs.NetworkNamespace != _applied.GlobalDefs.NetworkNamespace)
        {
            HostingLog.ReloadFailed(logger, "net_namespace cannot change while the daemon runs; what was running goes on unchanged");
            return;
        }

        if (config.IsEmpty && !_applied.IsEmpty)
        {
            HostingLog.ReloadFailed(
                logger, $"the file has {run.NothingToRun}, as one has that is empty or half written; what was running goes on unchanged. To stop it all, stop the daemon");
            return;
        }

        Tell(observer => observer.Prepare(config));
        try
        {
            await vrrp.ApplyAsync(config, TimeSpan.Zero, cancellationToken).ConfigureAwait(false);
        }
        catch (ArgumentException exception)
        {
            // Only what depends on this host gets here: on which interface an address is that an instance is named after.
            HostingLog.ReloadFailed(logger, exception.Message);
            Tell(observer => observer.Prepare(_applied));
            return;
        }

        scripts.IsSecure = config.GlobalDefs.EnableScriptSecurity;
        Guard(nameof(TrackingService), () => tracking.Apply(config));
        await director.ApplyAsync(config).WaitAsync(cancellationToken).ConfigureAwait(false);
        Tell(observer => observer.Complete());
        TellWhatChanged(ConfigDiff.Create(_applied, config));
        TellWhatNeedsRestart(_applied.GlobalDefs, config.GlobalDefs);
        _applied = config;
        HostingLog.Reloaded(logger, run.ConfigurationPath);
    }

    private void Tell(Action<IReloadObserver> what)
    {
        foreach (var observer in observers)
            Guard(observer.GetType().Name, () => what(observer));
    }

    private void Guard(string part, Action action)
    {
        try
        {
            action();
        }
#pragma warning disable CA1031 // What leaves this service ends the daemon, which would give all addresses up.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            HostingLog.ReloadPartFailed(logger, part, exception);
        }
    }

    private void TellWhatChanged(ConfigDiff diff)
    {
        foreach (var change in diff.Instances)
        {
            if (change.Kind != InstanceChangeKind.Unchanged || change.Renamed)
                HostingLog.InstanceChanged(logger, (change.New ?? change.Old!).Name, change.Describe());
        }

        const int Shown = 20;
        if (!diff.ChangedTrackers.IsEmpty)
        {
            string more = diff.ChangedTrackers.Length > Shown ? FormattableString.Invariant($" and {diff.ChangedTrackers.Length - Shown} more") : "";
            HostingLog.TrackersChanged(logger, string.Join(", ", diff.ChangedTrackers.Take(Shown)) + more);
        }

        foreach (var change in diff.VirtualServers)
            HostingLog.VirtualServerChanged(logger, change.Name, change.Describe());
    }

    private void TellWhatNeedsRestart(GlobalDefs before, GlobalDefs now)
    {
        Tell("vrrp_rt_priority", before.RealTimePriority != now.RealTimePriority);
        Tell("vrrp_rlimit_rttime", before.RealTimeLimit != now.RealTimeLimit);
        Tell("vrrp_priority", before.NicePriority != now.NicePriority);
        Tell("vrrp_no_swap", before.NoSwap != now.NoSwap);
        Tell("vrrp_cpu_affinity", !before.CpuAffinity.SequenceEqual(now.CpuAffinity));
        Tell("nftables", before.FilterTable != now.FilterTable);
        Tell("nftables_priority", before.FilterPriority != now.FilterPriority);
        Tell("nftables_counters", before.FilterCounters != now.FilterCounters);

        void Tell(string keyword, bool hasChanged)
        {
            if (hasChanged)
                HostingLog.NeedsRestart(logger, keyword);
        }
    }
}
