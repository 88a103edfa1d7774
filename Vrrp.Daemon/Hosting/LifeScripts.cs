using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Vrrp.Daemon.Configuration.Model;
using Vrrp.Daemon.Tracking;

namespace Vrrp.Daemon.Hosting;

/// <summary>
/// startup_script, before anything else of the daemon starts, and shutdown_script, when all else has stopped. What they find changes nothing;
/// each has its time, and then the daemon goes on.
/// </summary>
internal sealed class LifeScripts(DaemonConfig initial, ScriptRunner runner, ILogger<LifeScripts> logger) : IHostedService, IReloadObserver, IAsyncDisposable
{
    private volatile DaemonConfig _config = initial;
    private bool _hasBegun;

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        _hasBegun = true;
        await runner.BeginAsync().ConfigureAwait(false);
        var globals = _config.GlobalDefs;
        if (globals.ShutdownScript is { } later)
            _ = Aside.RunAsync(() => TellUnusable(later));
        if (globals.StartupScript is { } script)
            await RunAsync("startup_script", script, globals.StartupScriptTimeout, cancellationToken).ConfigureAwait(false);
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        if (!_hasBegun)
            return;
        _hasBegun = false;
        var globals = _config.GlobalDefs;
        if (globals.ShutdownScript is not { } script)
            return;
        try
        {
            await RunAsync("shutdown_script", script, globals.ShutdownScriptTimeout, cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            HostingLog.LifeScriptFailed(logger, "shutdown_script", "it was ended, because the daemon is to stop at once");
        }
    }

    /// <summary>Also after a start that failed elsewhere.</summary>
    public async ValueTask DisposeAsync() => await StopAsync(CancellationToken.None).ConfigureAwait(false);

    public void Prepare(DaemonConfig config) => _config = config;

    public void Complete()
    {
        if (_config.GlobalDefs.ShutdownScript is { } script)
            _ = Aside.RunAsync(() => TellUnusable(script));
    }

    private async Task RunAsync(string keyword, ScriptCommand script, TimeSpan limit, CancellationToken cancellationToken)
    {
        HostingLog.LifeScriptRuns(logger, keyword, (long)limit.TotalSeconds);
        // At its time the daemon goes on; it is ended beside that.
        var timedOut = new TaskCompletionSource<ScriptResult>(TaskCreationOptions.RunContinuationsAsynchronously);
        var run = runner.RunAsync(script, [], [], limit, cancellationToken, timedOut.SetResult);
        try
        {
            var result = await (await Task.WhenAny(run, timedOut.Task).ConfigureAwait(false)).ConfigureAwait(false);
            if (result.Problem is { } problem)
                HostingLog.LifeScriptFailed(logger, keyword, problem);
        }
#pragma warning disable CA1031 // Whatever is wrong with a script, the daemon starts and stops.
        catch (Exception exception) when (exception is not OperationCanceledException)
#pragma warning restore CA1031
        {
            HostingLog.LifeScriptFailed(logger, keyword, exception.Message);
        }
    }

    private void TellUnusable(ScriptCommand script)
    {
        try
        {
            if (runner.FindProblem(script) is { } problem)
                HostingLog.LifeScriptUnusable(logger, problem);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            HostingLog.LifeScriptUnusable(logger, exception.Message);
        }
    }
}
