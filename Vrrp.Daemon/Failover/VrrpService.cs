using System.Collections.Immutable;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
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

    private readonly Dictionary<string, VirtualRouterConfig> _running = new(StringComparer.Ordinal);
    private VrrpNode? _node;
    private Task _reading = Task.CompletedTask;

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        var globals = initial.GlobalDefs;
        _node = VrrpNode.Start(new VrrpNodeOptions
        {
            AddressMark = AddressMark,
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
            config.StaticAddresses.Select(entry => entry.Address.Interface is null
                ? entry.Address with { Interface = config.GlobalDefs.DefaultInterface }
                : entry.Address),
            cancellationToken).ConfigureAwait(false);

        var wanted = RouterMapping.Map(config);
        var changes = RouterChanges.Between(_running.Values, wanted);
        // Those that leave answer for their addresses until a successor is heard; the reload does not wait for that.
        foreach (string name in changes.Removed)
        {
            _running.Remove(name);
            var removal = node.RemoveAsync(name, handOver: true, CancellationToken.None);
            _ = removal.ContinueWith(
                failed => FailoverLog.EngineFailed(logger, failed.Exception!.GetBaseException()),
                CancellationToken.None,
                TaskContinuationOptions.OnlyOnFaulted,
                TaskScheduler.Default);
        }

        var tasks = new List<Task>();
        foreach (var (name, router) in changes.Changed)
        {
            _running.Remove(name);
            tasks.Add(node.ReconfigureAsync(name, router, cancellationToken));
        }

        foreach (var router in changes.Added)
            tasks.Add(node.AddAsync(router, delay, cancellationToken));
        await Task.WhenAll(tasks).ConfigureAwait(false);
        foreach (var router in wanted)
        {
            _running[router.Name] = router;
            if (!router.AcceptMode && !router.IsOwner)
                FailoverLog.AcceptModeIgnored(logger, router.Name);
        }

        FailoverLog.Applied(logger, wanted.Length, config.Path);
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
