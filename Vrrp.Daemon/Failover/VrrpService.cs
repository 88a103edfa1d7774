using System.Collections.Immutable;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Vrrp.Daemon.Configuration.Model;
using Vrrp.Daemon.Hosting;
using Vrrp.Links;

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

    /// <summary>Told what the engine tells, in order, off its thread: whoever takes long hands it on.</summary>
    internal Action<VrrpNotification>? Notified { get; init; }

    /// <summary>What is tracked for the instances of a configuration when it is applied, by their names. Null: nothing.</summary>
    internal Func<DaemonConfig, Func<string, TrackedState>>? Tracked { get; init; }

    /// <summary>Sockets, addresses and interfaces. Null: those of this host.</summary>
    internal IVrrpPlatform? Platform { get; init; }

    private readonly AddressLedger? _ledger = run.LedgerPath is { } path ? new(path, logger) : null;
    private readonly Lock _runningLock = new();
    private readonly Dictionary<string, VirtualRouterConfig> _running = new(StringComparer.Ordinal);
    private readonly HashSet<string> _declaredFaulty = new(StringComparer.Ordinal);
    private VirtualAddress[] _statics = [];
    private VrrpNode? _node;
    private Task _reading = Task.CompletedTask;
    private Task _watching = Task.CompletedTask;

    /// <summary>All virtual routers as of the engine's last turn; none before the start. What they publish may be read on any thread.</summary>
    public IReadOnlyList<VirtualRouter> Routers => _node?.Engine.Roster ?? [];

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        var globals = initial.GlobalDefs;
        var node = VrrpNode.Start(new VrrpNodeOptions
        {
            Platform = Platform,
            AddressMark = AddressMark,
            AcceptFilter = RouterMapping.MapFilter(globals),
            RealTimePriority = globals.RealTimePriority,
            RealTimeLimit = globals.RealTimeLimit,
            Nice = globals.NicePriority,
            Processors = globals.CpuAffinity,
            LockMemory = globals.NoSwap,
            SchedulingRefused = refused => FailoverLog.SchedulingRefused(logger, SchedulingText.Keyword(refused), SchedulingText.Reason(refused)),
        });
        _node = node;
        // They end with the node.
        _ = new VrrpMetrics(node);
        if (!node.IsAloneInNamespace)
            FailoverLog.NotAlone(logger);
        _reading = ReadAsync(node.ReadNotificationsAsync(CancellationToken.None));
        _watching = WatchAsync(node);
        try
        {
            if (_ledger is not null)
                await node.RemoveLeftBehindAsync(_ledger.Read(), cancellationToken).ConfigureAwait(false);
            await ApplyAsync(initial, StartDelay(globals), cancellationToken).ConfigureAwait(false);
            // The engine may have been faster than whoever called it off.
            cancellationToken.ThrowIfCancellationRequested();
        }
        catch
        {
            // Nobody stops a service that did not start, and addresses outlive the process.
            // A failure of the engine itself is told by who watches it.
            await node.StopAsync(handOver: false, CancellationToken.None).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await _watching.ConfigureAwait(false);
            await _reading.ConfigureAwait(false);
            ForgetAddresses(node);
            throw;
        }
    }

    /// <summary>Makes the running routers those of a configuration. One that stays keeps its state; one that leaves is waited for.</summary>
    /// <exception cref="ArgumentException">The routers cannot run side by side; nothing was changed.</exception>
    public async Task ApplyAsync(DaemonConfig config, TimeSpan delay, CancellationToken cancellationToken)
    {
        var node = _node ?? throw new InvalidOperationException("The service has not started.");
        var wanted = RouterMapping.Map(config);
        VirtualRouterConfig[] running;
        lock (_runningLock)
            running = [.. _running.Values];
        var plan = RouterPlan.Create(running, wanted);
        if (!plan.Problems.IsEmpty)
            throw new ArgumentException(string.Join(' ', plan.Problems), nameof(config));

        try
        {
            await PerformAsync(node, config, running, wanted, plan, delay, cancellationToken).ConfigureAwait(false);
        }
        catch (ArgumentException exception)
        {
            // From here on it is a mistake of ours, and something may have changed.
            throw new InvalidOperationException(exception.Message, exception);
        }
    }

    private async Task PerformAsync(
        VrrpNode node, DaemonConfig config, VirtualRouterConfig[] running, ImmutableArray<VirtualRouterConfig> wanted, RouterPlan plan, TimeSpan delay,
        CancellationToken cancellationToken)
    {
        notifications.LogsUnknownVirtualRouterIds = config.GlobalDefs.LogUnknownVirtualRouterIds;
        VirtualAddress[] statics = [.. config.StaticAddresses.Select(entry => entry.Address)];
        // Recorded before they are installed, and until they are off: the process may be killed between the two.
        _ledger?.Write([.. AddressesOf(running), .. _statics, .. AddressesOf(wanted), .. statics]);
        await node.SetStaticAddressesAsync(statics, cancellationToken).ConfigureAwait(false);

        var tracked = Tracked?.Invoke(config) ?? (_ => default);
        var faulty = config.Instances.Where(instance => instance.FaultWithoutPeers).Select(instance => instance.Name).ToHashSet(StringComparer.Ordinal);
        var done = plan.Removals.ToDictionary(name => name, name => RemoveAsync(node, name, cancellationToken), StringComparer.Ordinal);
        var tasks = new List<Task>(done.Values);
        foreach (var step in plan.Steps)
        {
            Task[] before = [.. step.After.Select(name => done[name])];
            var task = PerformAsync(node, step, before, tracked, faulty.Contains(step.To.Name), delay, cancellationToken);
            tasks.Add(task);
            if (step.From is { } from)
                done[from] = task;
        }

        await Task.WhenAll(tasks).ConfigureAwait(false);
        await DeclareFaultsAsync(node, faulty, wanted, cancellationToken).ConfigureAwait(false);
        _statics = statics;
        _ledger?.Write([.. AddressesOf(wanted), .. statics]);
        // Where there never was one, nobody wants to read about virtual routers.
        if (wanted.Length + running.Length > 0)
            FailoverLog.Applied(logger, Counted.Of(wanted.Length, "virtual router"), config.Path);
    }

    /// <summary>Takes what is tracked for a router; in force when the engine has its next turn. One that is not there any more is not told.</summary>
    public void SetTracked(string name, TrackedState tracked)
    {
        if (_node is { } node)
            _ = SendAsync(node, name, tracked);
    }

    private static async Task SendAsync(VrrpNode node, string name, TrackedState tracked)
    {
        try
        {
            await node.SetTrackedAsync(name, tracked).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is ArgumentException or ObjectDisposedException)
        {
            // It has left, or all of them have.
        }
    }

    /// <summary>Logs one line for each router: what it is now.</summary>
    public async Task LogStatusAsync()
    {
        if (_node is not { } node)
            return;
        try
        {
            foreach (var router in (await node.GetStatusAsync().ConfigureAwait(false)).OrderBy(router => router.Config.Name, StringComparer.Ordinal))
                FailoverLog.Status(logger, router.Config.Name, TransitionText.Describe(router));
        }
        catch (ObjectDisposedException)
        {
            // The node stopped meanwhile: there is no status any more.
        }
    }

    /// <summary>Writes the counters of all routers to a file, and logs how late the latest of their timers was.</summary>
    public async Task WriteStatisticsAsync(string path)
    {
        if (_node is not { } node)
            return;
        try
        {
            VirtualRouterStatus[] routers = [.. (await node.GetStatusAsync().ConfigureAwait(false)).OrderBy(router => router.Config.Name, StringComparer.Ordinal)];
            StatisticsFile.Write(path, StatisticsText.Of(routers));
            var latest = routers.MaxBy(router => router.Counters.MaxLateness);
            FailoverLog.StatisticsWritten(logger, path, latest?.Counters.MaxLateness.TotalMilliseconds ?? 0, latest?.Config.Name ?? "-");
        }
        catch (ObjectDisposedException)
        {
            // The node stopped meanwhile: there are no counters any more.
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            FailoverLog.StatisticsFailed(logger, path, exception.Message);
        }
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        if (_node is null)
            return;
        if (!_node.Completion.IsCompleted)
        {
            bool isRunning;
            lock (_runningLock)
                isRunning = _running.Count > 0;
            if (isRunning)
                FailoverLog.Stopping(logger);
            // A failure of the engine itself is told by who watches it.
            await _node.StopAsync(handOver: true, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        await _watching.ConfigureAwait(false);
        await _reading.ConfigureAwait(false);
        ForgetAddresses(_node);
        FailoverLog.AllStopped(logger);
    }

    /// <summary>After a clean end none is left to be found; after another the record says which may be.</summary>
    private void ForgetAddresses(VrrpNode node)
    {
        if (node.Completion.IsCompletedSuccessfully)
            _ledger?.Delete();
    }

    private static IEnumerable<VirtualAddress> AddressesOf(IEnumerable<VirtualRouterConfig> routers) => routers.SelectMany(
        router => router.VirtualAddresses.Concat(router.ExcludedAddresses)
            .Select(address => address.Interface is null ? address with { Interface = router.Interface } : address));

    private async Task RemoveAsync(VrrpNode node, string name, CancellationToken cancellationToken)
    {
        await node.RemoveAsync(name, handOver: true, cancellationToken).ConfigureAwait(false);
        lock (_runningLock)
        {
            _running.Remove(name);
            _declaredFaulty.Remove(name);
        }
    }

    private async Task PerformAsync(
        VrrpNode node, RouterStep step, Task[] before, Func<string, TrackedState> tracked, bool isFaulty, TimeSpan delay, CancellationToken cancellationToken)
    {
        if (before.Length > 0)
            await Task.WhenAll(before).ConfigureAwait(false);
        var router = step.To;
        if (step.From is { } from)
        {
            await node.ReconfigureAsync(from, router, tracked(router.Name), cancellationToken).ConfigureAwait(false);
        }
        else
        {
            var added = node.AddAsync(router, tracked(router.Name), delay, cancellationToken);
            // Posted behind it in the same breath, so that it has no time to serve.
            var declared = isFaulty ? DeclareAsync(node, router.Name, isFaulty: true, cancellationToken) : Task.CompletedTask;
            await Task.WhenAll(added, declared).ConfigureAwait(false);
        }

        lock (_runningLock)
        {
            bool wasFaulty = step.From is not null && _declaredFaulty.Remove(step.From);
            if (step.From is not null)
                _running.Remove(step.From);
            _running[router.Name] = router;
            if (wasFaulty || (isFaulty && step.From is null))
                _declaredFaulty.Add(router.Name);
        }
    }

    private async Task DeclareFaultsAsync(
        VrrpNode node, HashSet<string> faulty, IEnumerable<VirtualRouterConfig> wanted, CancellationToken cancellationToken)
    {
        foreach (var router in wanted)
        {
            bool isFaulty = faulty.Contains(router.Name);
            lock (_runningLock)
            {
                if (isFaulty ? !_declaredFaulty.Add(router.Name) : !_declaredFaulty.Remove(router.Name))
                    continue;
            }

            await DeclareAsync(node, router.Name, isFaulty, cancellationToken).ConfigureAwait(false);
        }
    }

    private static Task DeclareAsync(VrrpNode node, string name, bool isFaulty, CancellationToken cancellationToken) =>
        node.DeclareFaultAsync(name, isFaulty, isFaulty ? "there is no unicast peer (unicast_fault_no_peer)" : null, cancellationToken);

    private static TimeSpan StartDelay(GlobalDefs globals)
    {
        var sinceBoot = TimeSpan.FromMilliseconds(Environment.TickCount64);
        var afterBoot = globals.DelayAfterBoot - sinceBoot;
        return afterBoot > globals.StartupDelay ? afterBoot : globals.StartupDelay;
    }

    private async Task ReadAsync(IAsyncEnumerable<VrrpNotification> stream)
    {
        await foreach (var notification in stream.ConfigureAwait(false))
        {
            Handlers.Tell(notifications.Log, notification, logger);
            Handlers.Tell(Notified, notification, logger);
        }
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
