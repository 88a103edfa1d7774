namespace Vrrp.Daemon.HealthChecks;

/// <summary>One probe of one target. A target that fails is a result; what is thrown is our own mistake or cancellation.</summary>
internal interface IHealthChecker
{
    /// <summary>Probes once, bounded in time and memory by its own settings. Returns at once: one thread starts the checks of many.</summary>
    /// <param name="cancellationToken">The daemon stops or the check is no longer configured.</param>
    Task<CheckResult> CheckAsync(CancellationToken cancellationToken);
}

/// <summary>What a probe found.</summary>
/// <param name="IsSuccess">Whether the target does what it should.</param>
/// <param name="Message">Why not, in words for a log and a mail; null on success.</param>
/// <param name="Weight">Weight that the target asks for (misc_dynamic, track_file), else null.</param>
internal readonly record struct CheckResult(bool IsSuccess, string? Message, int? Weight = null)
{
    public static CheckResult Success { get; } = new(true, null);

    public static CheckResult Failure(string message) => new(false, message);
}
