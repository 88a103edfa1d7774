using Vrrp.Daemon.Configuration.Model;
using Vrrp.Daemon.Tracking;

namespace Vrrp.Daemon.HealthChecks;

/// <summary>FILE_CHECK: the number at the beginning of a file, times the weight, is added to the server's; without a weight any but 0 is down.</summary>
internal sealed class FileChecker(FileCheck check) : IHealthChecker
{
    /// <inheritdoc/>
    public Task<CheckResult> CheckAsync(CancellationToken cancellationToken) => Task.FromResult(Check());

    private CheckResult Check()
    {
        // As keepalived: a file that is not there says 0.
        long value = FileNumber.Read(check.Path, out string? problem);
        if (problem is not null)
            return CheckResult.Failure($"{check.Path}: {problem}");
        if (check.WeightFactor == 0)
            return value == 0 ? CheckResult.Success : CheckResult.Failure($"{check.Path} says {value}");
        long weight = check.BaseWeight + (value * check.WeightFactor);
        return CheckResult.Success with { Weight = (int)Math.Clamp(weight, 0, int.MaxValue) };
    }
}
