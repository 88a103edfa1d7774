using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;
using Vrrp.Daemon.Configuration.Model;
using Vrrp.Daemon.Failover;
using Vrrp.Daemon.HealthChecks;
using Vrrp.Daemon.Ipvs;
using Vrrp.Daemon.Notifications;
using Vrrp.Daemon.Status;
using Vrrp.Daemon.Tracking;

namespace Vrrp.Daemon.Hosting;

/// <summary>The one place that registers services.</summary>
internal static class DaemonServices
{
    public static IHost Build(DaemonRun run, DaemonConfig config, LogLevel logLevel)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
        builder.Logging.SetMinimumLevel(logLevel);
        // The host's own remarks on its life say nothing that ours do not.
        builder.Logging.AddFilter("Microsoft", LogLevel.Critical);
        // Not AddConsole: that makes a formatter of each kind, and the one for JSON loads a library of its own.
        builder.Services.AddSingleton<ILoggerProvider, ConsoleLoggerProvider>();
        builder.Services.Configure<ConsoleLoggerOptions>(options =>
        {
            options.FormatterName = LineFormatter.FormatterName;
            // A reader of our output that stops reading must not stop us.
            options.QueueFullMode = ConsoleLoggerQueueFullMode.DropWrite;
        });
        builder.Services.AddSingleton(TimeProvider.System);
        builder.Services.AddSingleton<ConsoleFormatter, LineFormatter>();
        builder.Services.AddSingleton(run);
        builder.Services.AddSingleton(config);
        builder.Services.AddSingleton<SystemdNotifier>();
        builder.Services.AddSingleton<ReloadQueue>();
        builder.Services.AddSingleton<NotificationLogger>();
        builder.Services.AddSingleton<SignalLifetime>();
        builder.Services.AddSingleton<IHostLifetime>(services => services.GetRequiredService<SignalLifetime>());
        AddLifeScripts(builder.Services);
        AddDirector(builder.Services, run, config);
        AddAlerts(builder.Services);
        AddNotifications(builder.Services);
        AddTracking(builder.Services, config);
        builder.Services.AddSingleton(services => new VrrpService(
            config,
            run,
            services.GetRequiredService<NotificationLogger>(),
            services.GetRequiredService<IHostApplicationLifetime>(),
            services.GetRequiredService<ILogger<VrrpService>>())
        {
            Notified = services.GetRequiredService<DirectorService>().Take + (Action<VrrpNotification>)services.GetRequiredService<NotificationService>().Take
                + services.GetRequiredService<AlertService>().Take,
            Tracked = services.GetRequiredService<TrackingService>().Prepare,
        });
        // They stop in the opposite order: an address that is answered to until the successor has it needs its virtual servers until then.
        builder.Services.AddHostedService(services => services.GetRequiredService<DirectorService>());
        builder.Services.AddHostedService(services => services.GetRequiredService<VrrpService>());
        builder.Services.AddHostedService(services => services.GetRequiredService<TrackingService>());
        builder.Services.AddHostedService<ReloadService>();
        // After the routers have started, and stopped before them.
        builder.Services.AddHostedService(services => new StatusService(
            run,
            StatusDocuments.Create(
                run,
                () => services.GetRequiredService<VrrpService>().Routers,
                services.GetRequiredService<DirectorService>().GetSnapshotAsync,
                () => services.GetRequiredService<AlertService>().Report,
                services.GetRequiredService<TimeProvider>()),
            services.GetRequiredService<TimeProvider>(),
            services.GetRequiredService<ILogger<StatusService>>()));
        // A hand-over waits at most the longest skew time plus half a second to two seconds; a second signal ends it.
        builder.Services.Configure<HostOptions>(options => options.ShutdownTimeout = Timeout.InfiniteTimeSpan);
        return builder.Build();
    }

    // Before and after everything else.
    private static void AddLifeScripts(IServiceCollection services)
    {
        services.AddSingleton<LifeScripts>();
        services.AddSingleton<IReloadObserver>(provider => provider.GetRequiredService<LifeScripts>());
        services.AddHostedService(provider => provider.GetRequiredService<LifeScripts>());
    }

    // The first to start and the last to stop, so that it misses nothing.
    private static void AddAlerts(IServiceCollection services)
    {
        services.AddSingleton<AlertService>();
        services.AddSingleton<IReloadObserver>(provider => provider.GetRequiredService<AlertService>());
        services.AddHostedService(provider => provider.GetRequiredService<AlertService>());
    }

    private static void AddTracking(IServiceCollection services, DaemonConfig config)
    {
        services.AddSingleton(provider => new TrackerSources(
            provider.GetRequiredService<ScriptRunner>(), provider.GetRequiredService<TimeProvider>(), provider.GetRequiredService<ILogger<TrackingService>>()));
        services.AddSingleton(provider =>
        {
            var sources = provider.GetRequiredService<TrackerSources>();
            return new TrackingService(
                config,
                sources.Watch,
                (name, tracked) => provider.GetRequiredService<VrrpService>().SetTracked(name, tracked),
                provider.GetRequiredService<TimeProvider>(),
                provider.GetRequiredService<ILogger<TrackingService>>());
        });
    }

    private static void AddDirector(IServiceCollection services, DaemonRun run, DaemonConfig config)
    {
        // Made by the container, which ends what still runs when all others have gone.
        services.AddSingleton(provider => new ScriptRunner(
            provider.GetRequiredService<TimeProvider>(),
            ledger: run.ScriptLedgerPath is { } path ? new(path, provider.GetRequiredService<ILogger<TrackingService>>()) : null)
        {
            IsSecure = config.GlobalDefs.EnableScriptSecurity,
        });
        services.AddSingleton<HealthCheckers>();
        services.AddSingleton(provider => new HealthCheckService(
            provider.GetRequiredService<HealthCheckers>().Create,
            provider.GetRequiredService<HealthCheckers>().Rhythm,
            new Random(),
            provider.GetRequiredService<ILogger<HealthCheckService>>()));
        services.AddSingleton<DirectorScripts>();
        services.AddSingleton(provider =>
        {
            var time = provider.GetRequiredService<TimeProvider>();
            var logger = provider.GetRequiredService<ILogger<DirectorService>>();
            var host = new DirectorHost { LoadModule = () => KernelModule.LoadAsync(time), WatchAddresses = AddressWatch.Start };
            return new DirectorService(
                config,
                run.DirectorLedgerPath is { } path ? new(path, logger) : null,
                host,
                provider.GetRequiredService<HealthCheckService>(),
                time,
                logger)
            {
                Occurred = provider.GetRequiredService<DirectorScripts>().Take + (Action<DirectorEvent>)provider.GetRequiredService<NotificationService>().Take
                    + provider.GetRequiredService<AlertService>().Take,
                Troubled = provider.GetRequiredService<AlertService>().TakeTrouble,
            };
        });
    }

    // Like the alerts, but it stops before mail has its last seconds.
    private static void AddNotifications(IServiceCollection services)
    {
        services.AddSingleton<NotificationService>();
        services.AddSingleton<IReloadObserver>(provider => provider.GetRequiredService<NotificationService>());
        services.AddHostedService(provider => provider.GetRequiredService<NotificationService>());
    }
}
