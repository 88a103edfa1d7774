using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Vrrp.Daemon.Configuration;
using Vrrp.Daemon.Configuration.Model;
using Vrrp.Daemon.Hosting;

namespace Vrrp.Daemon.Failover;

/// <summary>Owns the node: the configuration becomes virtual routers, at the start and at every reload, by comparing with those that run.</summary>
internal sealed class VrrpService(
    DaemonConfig initial,
    DaemonRun run,
    NotificationLogger notifications,
    IHostApplicationLifetime lifetime,
    ILogger<VrrpService> logger) : IHostedService
{
    /// <summary>Mark of the daemon's addresses, apart from those of programs that use the library beside it.</summary>
    private const byte AddressMark = 113;

    private DaemonConfig _running = new() { Path = initial.Path };
    private VrrpNode? _node;
    private Task _reading = Task.CompletedTask;

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        var globals = initial.GlobalDefs;
        _node = VrrpNode.Start(new VrrpNodeOptions
        {
            AddressMark = AddressMark,
            AcceptFilter = RouterMapping.MapFilter(globals),
            RealTimePriority = globals.RealTimePriority,
            RealTimeLimit = globals.RealTimeLimit,
            Nice = globals.NicePriority,
            Processors = globals.CpuAffinity,
            LockMemory = globals.NoSwap,
        });
        _reading = ReadAsync(_node.ReadNotificationsAsync(CancellationToken.None));
        _ = WatchAsync(_node);
        await ApplyAsync(initial, StartDelay(globals), cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Makes the running routers those of a configuration. One that stays keeps its state.</summary>
    public async Task ApplyAsync(DaemonConfig config, TimeSpan delay, CancellationToken cancellationToken)
    {
        var node = _node ?? throw new InvalidOperationException("The service has not started.");
        notifications.LogsUnknownVirtualRouterIds = config.GlobalDefs.LogUnknownVirtualRouterIds;
        await node.SetStaticAddressesAsync(
            config.StaticAddresses.Select(entry => entry.Address), cancellationToken).ConfigureAwait(false);

        var wanted = RouterMapping.Map(config).ToDictionary(router => router.Name, StringComparer.Ordinal);
        var diff = ConfigDiff.Create(_running, config);
        _running = config;
        // Those that leave answer for their addresses until a successor is heard; the reload does not wait for that.
        foreach (var change in diff.Instances)
        {
            if (change.Kind is InstanceChangeKind.Removed or InstanceChangeKind.Restarted)
                Watch(node.RemoveAsync(change.Old!.Name, handOver: true, CancellationToken.None));
        }

        var tasks = new List<Task>();
        foreach (var change in diff.Instances)
        {
            if (change.Kind is InstanceChangeKind.Added or InstanceChangeKind.Restarted)
                tasks.Add(node.AddAsync(wanted[change.New!.Name], delay, cancellationToken));
            else if (change.Kind is InstanceChangeKind.Changed || IsTouched(change, diff))
                tasks.Add(node.ReconfigureAsync(change.Old!.Name, wanted[change.New!.Name], cancellationToken));
        }

        await Task.WhenAll(tasks).ConfigureAwait(false);
        FailoverLog.Applied(logger, wanted.Count, config.Path);
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        if (_node is null)
            return;
        if (!_node.Completion.IsCompleted)
        {
            FailoverLog.Stopping(logger);
            await _node.StopAsync(handOver: true, cancellationToken).ConfigureAwait(false);
        }

        await _reading.ConfigureAwait(false);
        FailoverLog.AllStopped(logger);
    }

    /// <summary>A router whose block is the same can still be another: by its name, its group's trackers, or the globals.</summary>
    private static bool IsTouched(InstanceChange change, ConfigDiff diff) =>
        change.Kind == InstanceChangeKind.Unchanged
        && (change.Renamed || diff.GlobalsChanged || (change.New!.SyncGroup is { } group && diff.ChangedGroups.Contains(group)));

    private void Watch(Task removal) => removal.ContinueWith(
        failed => FailoverLog.RemovalFailed(logger, failed.Exception!.GetBaseException().Message),
        CancellationToken.None,
        TaskContinuationOptions.OnlyOnFaulted,
        TaskScheduler.Default);

    private static TimeSpan StartDelay(GlobalDefs globals)
    {
        var sinceBoot = TimeSpan.FromMilliseconds(Environment.TickCount64);
        var afterBoot = globals.DelayAfterBoot - sinceBoot;
        return afterBoot > globals.StartupDelay ? afterBoot : globals.StartupDelay;
    }

    private async Task ReadAsync(IAsyncEnumerable<VrrpNotification> stream)
    {
        await foreach (var notification in stream.ConfigureAwait(false))
            notifications.Log(notification);
    }

    private async Task WatchAsync(VrrpNode node)
    {
        try
        {
            await node.Completion.ConfigureAwait(false);
        }
#pragma warning disable CA1031 // The engine's failure, whatever it was, ends the daemon with a status that a supervisor restarts on.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            FailoverLog.EngineFailed(logger, exception);
            run.ExitCode = ExitCode.InternalError;
            lifetime.StopApplication();
        }
    }
}
