using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Vrrp.Hosting;

/// <summary>What a program's host runs.</summary>
public sealed class VrrpHostOptions
{
    /// <summary>How the node runs.</summary>
    public VrrpNodeOptions Node { get; set; } = new();

    /// <summary>The virtual routers it starts with.</summary>
    public IList<VirtualRouterConfig> VirtualRouters { get; } = [];
}

/// <summary>VRRP in the Generic Host.</summary>
public static class VrrpServiceCollectionExtensions
{
    /// <summary>
    /// Runs a node as a hosted service: it starts with the host, logs its transitions, has metrics (<see cref="VrrpMetrics"/>), and hands its
    /// addresses over when the host stops.
    /// <see cref="VrrpHostedService"/> can be asked for to reach the node.
    /// </summary>
    /// <param name="services">The services.</param>
    /// <param name="configure">Sets what runs.</param>
    /// <returns>The services.</returns>
    public static IServiceCollection AddVrrp(this IServiceCollection services, Action<VrrpHostOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(configure);
        var options = new VrrpHostOptions();
        configure(options);
        services.AddSingleton(provider => new VrrpHostedService(options, provider.GetRequiredService<ILogger<VrrpHostedService>>()));
        services.AddHostedService(provider => provider.GetRequiredService<VrrpHostedService>());
        return services;
    }
}

/// <summary>A <see cref="VrrpNode"/> that lives as long as the host.</summary>
public sealed partial class VrrpHostedService : IHostedService
{
    private readonly VrrpHostOptions _options;
    private readonly ILogger _logger;
    private VrrpNode? _node;
    private Task _logging = Task.CompletedTask;

    internal VrrpHostedService(VrrpHostOptions options, ILogger logger)
    {
        _options = options;
        _logger = logger;
    }

    /// <summary>The node.</summary>
    /// <exception cref="InvalidOperationException">The host has not started it yet.</exception>
    public VrrpNode Node => _node ?? throw new InvalidOperationException("The host has not started the node yet.");

    /// <inheritdoc/>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        _node = VrrpNode.Start(_options.Node);
        _ = new VrrpMetrics(_node);
        _logging = LogAsync(_node.ReadTransitionsAsync(CancellationToken.None));
        foreach (var router in _options.VirtualRouters)
            await _node.AddAsync(router, cancellationToken: cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        if (_node is null)
            return;
        await _node.StopAsync(handOver: true, cancellationToken).ConfigureAwait(false);
        await _logging.ConfigureAwait(false);
    }

    [LoggerMessage(1, LogLevel.Information, "{VirtualRouter} went from {From} to {To}: {Reason} {Detail}")]
    private static partial void LogTransition(
        ILogger logger, string virtualRouter, VrrpState from, VrrpState to, TransitionReason reason, string? detail);

    private async Task LogAsync(IAsyncEnumerable<RouterTransition> transitions)
    {
        await foreach (var transition in transitions.ConfigureAwait(false))
            LogTransition(_logger, transition.VirtualRouter, transition.From, transition.To, transition.Reason, transition.Detail);
    }
}
