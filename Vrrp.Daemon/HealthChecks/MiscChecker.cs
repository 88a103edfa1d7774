using Vrrp.Daemon.Configuration.Model;
using Vrrp.Daemon.Tracking;

namespace Vrrp.Daemon.HealthChecks;

/// <summary>MISC_CHECK: a script's exit status; with misc_dynamic 2–255 set the weight 0–253.</summary>
internal sealed class MiscChecker(MiscCheck check, ScriptRunner scripts) : IHealthChecker
{
    private Task _last = Task.CompletedTask;

    /// <inheritdoc/>
    public async Task<CheckResult> CheckAsync(CancellationToken cancellationToken)
    {
        // Starting a process takes milliseconds, and whoever starts many checks does not do their work.
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        if (!_last.IsCompleted)
            return CheckResult.Failure("the script still runs although its time was up; it is not started a second time");
        // At its timeout it has failed, however long it takes to end it.
        var timedOut = new TaskCompletionSource<ScriptResult>(TaskCreationOptions.RunContinuationsAsynchronously);
        var run = scripts.RunAsync(check.Command, [], [], check.Timeout, cancellationToken, timedOut.SetResult);
        _last = GoneAsync(run);
        var result = await (await Task.WhenAny(run, timedOut.Task).ConfigureAwait(false)).ConfigureAwait(false);
        if (result.IsSuccess)
            return CheckResult.Success;
        if (check.IsDynamic && result is { End: ScriptEnd.Exited, Status: >= 2 })
            return CheckResult.Success with { Weight = result.Status - 2 };
        return CheckResult.Failure(result.Problem!);
    }

    private static async Task GoneAsync(Task<ScriptResult> run)
    {
        await ((Task)run).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (run.IsCompletedSuccessfully && (await run.ConfigureAwait(false)).Remains is { } remains)
            await remains.ConfigureAwait(false);
    }
}
