using Vrrp.Daemon.Configuration.Model;
using Vrrp.Daemon.Tracking;

namespace Vrrp.Daemon.HealthChecks;

/// <summary>MISC_CHECK: a script's exit status; with misc_dynamic 2–255 set the weight 0–253.</summary>
internal sealed class MiscChecker(MiscCheck check, ScriptRunner scripts) : IHealthChecker
{
    /// <inheritdoc/>
    public async Task<CheckResult> CheckAsync(CancellationToken cancellationToken)
    {
        // Starting a process takes milliseconds, and whoever starts many checks does not do their work.
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        var result = await scripts.RunAsync(check.Command, [], [], check.Timeout, cancellationToken).ConfigureAwait(false);
        if (result.IsSuccess)
            return CheckResult.Success;
        if (check.IsDynamic && result is { End: ScriptEnd.Exited, Status: >= 2 })
            return CheckResult.Success with { Weight = result.Status - 2 };
        return CheckResult.Failure(result.Problem!);
    }
}
