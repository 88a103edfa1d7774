using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Vrrp.Daemon.Configuration;
using Vrrp.Daemon.Configuration.Model;
using Vrrp.Daemon.Hosting;
using Vrrp.Daemon.Ipvs;
using Vrrp.Mail;

namespace Vrrp.Daemon.Notifications;

/// <summary>Mail alerts of the daemon: what the engine and the director tell becomes mails, which a queue delivers in its own time.</summary>
internal sealed class AlertService : IHostedService, IReloadObserver, IAsyncDisposable
{
    /// <summary>For the last alerts at the end of the daemon.</summary>
    private static readonly TimeSpan LimitAtEnd = TimeSpan.FromSeconds(5);

    private readonly Lock _lock = new();
    private readonly GroupStates _groups = new();
    private readonly AlertComposer _composer;
    private readonly AlertQueue _queue;
    private readonly AlertMetrics _metrics;
    private readonly TimeProvider _time;
    private readonly string _hostName = HostName.Qualified;
    private readonly IHostApplicationLifetime _lifetime;
    private readonly DaemonConfig _initial;
    private DaemonConfig? _applied;

    public AlertService(DaemonConfig initial, DaemonRun run, IHostApplicationLifetime lifetime, TimeProvider time, ILogger<AlertService> logger)
    {
        (_initial, _time, _lifetime) = (initial, time, lifetime);
        _composer = new(_hostName);
        _queue = new(run.MailSpoolPath is { } path ? new(path, logger, time) : null, time, _hostName, logger);
        _metrics = new(() => _queue.Report);
    }

    /// <summary>How mail stands. Null: there is none in the configuration.</summary>
    public AlertQueueReport? Report => _queue.Report;

    /// <summary>Begins; before the services that tell what happens.</summary>
    public Task StartAsync(CancellationToken cancellationToken)
    {
        Prepare(_initial);
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public void Complete()
    {
        // What leaves the configuration is followed until it has told its end.
    }

    /// <inheritdoc/>
    public void Prepare(DaemonConfig config)
    {
        var settings = MailSettings.Create(config.GlobalDefs, _hostName);
        string routerId;
        lock (_lock)
        {
            foreach (var change in _applied is null ? [] : ConfigDiff.Create(_applied, config).Instances.Where(change => change.Renamed))
            {
                _groups.Rename(change.Old!.Name, change.New!.Name);
                _composer.Rename(change.Old.Name, change.New.Name);
            }

            _applied = config;
            _groups.Configure(config.SyncGroups);
            _composer.Configure(config);
            routerId = _composer.RouterId;
        }

        _queue.Configure(settings, settings is null ? null : CreateTransport(settings, _time), routerId);
    }

    /// <summary>Takes what the engine tells, and returns at once.</summary>
    public void Take(VrrpNotification notification)
    {
        if (notification is PriorityChanged changed)
        {
            lock (_lock)
                _composer.Note(changed);
        }

        if (notification is not RouterTransition transition)
            return;
        bool isStopping = _lifetime.ApplicationStopping.IsCancellationRequested;
        var at = _time.GetLocalNow();
        lock (_lock)
        {
            Enqueue(_composer.Compose(transition, isStopping, at));
            if (_groups.Take(transition) is { } group)
                Enqueue(_composer.Compose(group, isStopping, at));
        }
    }

    /// <summary>Takes what the director tells, and returns at once.</summary>
    public void Take(DirectorEvent happened)
    {
        var at = _time.GetLocalNow();
        lock (_lock)
            Enqueue(_composer.Compose(happened, at));
    }

    /// <summary>Takes that the director cannot do its work, or can again, and returns at once.</summary>
    public void TakeTrouble(string? problem)
    {
        var at = _time.GetLocalNow();
        lock (_lock)
            Enqueue(_composer.ComposeTrouble(problem, at));
    }

    /// <summary>The last alerts get a few seconds, or none when the end is to be at once.</summary>
    public Task StopAsync(CancellationToken cancellationToken) => _queue.StopAsync(LimitAtEnd, cancellationToken);

    /// <summary>Ends at once; what waits stays on disk.</summary>
    public ValueTask DisposeAsync()
    {
        _metrics.Dispose();
        return _queue.DisposeAsync();
    }

    /// <summary>The servers of a configuration, tried in their order.</summary>
    public static IMailTransport CreateTransport(MailSettings settings, TimeProvider time, Action<string>? dialogue = null)
    {
        IMailTransport[] transports = [.. settings.Servers.Select(server => new SmtpMailTransport(server, settings, time) { Dialogue = dialogue })];
        return transports.Length == 1 ? transports[0] : new SeveralMailTransports(transports, time);
    }

    // Under the lock, so that what is told in an order also waits in it.
    private void Enqueue(Alert? alert)
    {
        if (alert is not null)
            _queue.Enqueue(alert);
    }
}
