using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Vrrp.Daemon.Configuration;
using Vrrp.Daemon.Configuration.Diagnostics;
using Vrrp.Daemon.Configuration.Model;
using Vrrp.Daemon.Failover;
using Vrrp.Daemon.Ipvs;
using Vrrp.Daemon.Tracking;

namespace Vrrp.Daemon.Hosting;

/// <summary>Reloads the configuration when asked. One with errors replaces nothing, and one that fails is taken back.</summary>
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
    TimeProvider time,
    ILogger<ReloadService> logger)
    : BackgroundService
{
    /// <summary>For what nobody else may be held up by: then that is said.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private DaemonConfig _applied = initial;

    /// <summary>Reads a configuration.</summary>
    internal Func<string, LoadOptions, LoadResult> Load { get; init; } = (path, options) => ConfigLoader.Load(path, options);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await foreach (bool _ in requests.ReadAllAsync(stoppingToken).ConfigureAwait(false))
        {
            HostingLog.Reloading(logger, run.ConfigurationPath);
            try
            {
                systemd.Reloading();
                await ReloadAsync(stoppingToken).ConfigureAwait(false);
                systemd.Ready();
            }
#pragma warning disable CA1031 // What leaves this service ends the daemon, which would give all addresses up.
            catch (Exception exception) when (!stoppingToken.IsCancellationRequested)
#pragma warning restore CA1031
            {
                HostingLog.ReloadBroken(logger, exception);
            }
        }
    }

    private async Task ReloadAsync(CancellationToken cancellationToken)
    {
        var result = await LoadAsync(cancellationToken).ConfigureAwait(false);
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
            await ApplyAsync(config, cancellationToken).ConfigureAwait(false);
        }
        catch (ArgumentException exception)
        {
            // Only what depends on this host gets here: on which interface an address is that an instance is named after.
            HostingLog.ReloadFailed(logger, exception.Message);
            Tell(observer => observer.Prepare(_applied));
            return;
        }
#pragma warning disable CA1031 // Whatever failed, what ran before is to run again.
        catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
#pragma warning restore CA1031
        {
            HostingLog.ReloadUndone(logger, exception, exception.Message);
            await RestoreAsync(cancellationToken).ConfigureAwait(false);
            return;
        }

        var before = _applied;
        _applied = config;
        Tell(observer => observer.Complete());
        TellWhatChanged(ConfigDiff.Create(before, config));
        TellWhatNeedsRestart(before.GlobalDefs, config.GlobalDefs);
        HostingLog.Reloaded(logger, run.ConfigurationPath);
    }

    /// <summary>Reads the file on a thread of its own: a disk that does not answer must not keep the daemon from its end.</summary>
    private async Task<LoadResult> LoadAsync(CancellationToken cancellationToken)
    {
        LoadResult? result = null;
        var reading = Aside.RunAsync(() => result = Load(run.ConfigurationPath, new LoadOptions { ConfigId = run.ConfigId }));
        try
        {
            await reading.WaitAsync(Patience, time, cancellationToken).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            HostingLog.ReloadWaits(logger, run.ConfigurationPath);
            await reading.WaitAsync(cancellationToken).ConfigureAwait(false);
        }

        return result!;
    }

    /// <exception cref="ArgumentException">The routers cannot run side by side; nothing was changed.</exception>
    private async Task ApplyAsync(DaemonConfig config, CancellationToken cancellationToken)
    {
        await vrrp.ApplyAsync(config, TimeSpan.Zero, cancellationToken).ConfigureAwait(false);
        try
        {
            scripts.IsSecure = config.GlobalDefs.EnableScriptSecurity;
            tracking.Apply(config);
            await ApplyToDirectorAsync(config, cancellationToken).ConfigureAwait(false);
        }
        catch (ArgumentException exception)
        {
            // Here it is a mistake of ours, and the routers have changed.
            throw new InvalidOperationException(exception.Message, exception);
        }
    }

    private async Task ApplyToDirectorAsync(DaemonConfig config, CancellationToken cancellationToken)
    {
        try
        {
            await director.ApplyAsync(config).WaitAsync(Patience, time, cancellationToken).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            HostingLog.DirectorIsLate(logger, (long)Patience.TotalSeconds);
        }
    }

    /// <summary>What ran before runs again, as far as each part can: one that fails keeps no other from it.</summary>
    private async Task RestoreAsync(CancellationToken cancellationToken)
    {
        Tell(observer => observer.Prepare(_applied));
        bool isWhole = await GuardAsync(nameof(VrrpService), vrrp.ApplyAsync(_applied, TimeSpan.Zero, cancellationToken), cancellationToken).ConfigureAwait(false);
        scripts.IsSecure = _applied.GlobalDefs.EnableScriptSecurity;
        isWhole &= Guard(nameof(TrackingService), () => tracking.Apply(_applied));
        isWhole &= await GuardAsync(nameof(DirectorService), ApplyToDirectorAsync(_applied, cancellationToken), cancellationToken).ConfigureAwait(false);
        Tell(observer => observer.Complete());
        if (isWhole)
            HostingLog.ReloadRestored(logger);
        else
            HostingLog.ReloadNotRestored(logger);
    }

    private async Task<bool> GuardAsync(string part, Task work, CancellationToken cancellationToken)
    {
        try
        {
            await work.ConfigureAwait(false);
            return true;
        }
#pragma warning disable CA1031 // The other parts are restored all the same.
        catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
#pragma warning restore CA1031
        {
            HostingLog.ReloadPartFailed(logger, part, exception);
            return false;
        }
    }

    private void Tell(Action<IReloadObserver> what)
    {
        foreach (var observer in observers)
            Guard(observer.GetType().Name, () => what(observer));
    }

    private bool Guard(string part, Action action)
    {
        try
        {
            action();
            return true;
        }
#pragma warning disable CA1031 // What leaves this service ends the daemon, which would give all addresses up.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            HostingLog.ReloadPartFailed(logger, part, exception);
            return false;
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
