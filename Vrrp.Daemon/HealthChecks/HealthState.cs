using Vrrp.Daemon.Configuration.Model;

namespace Vrrp.Daemon.HealthChecks;

/// <summary>What is known of one check of one real server. Pure: results in, state and the wait before the next probe out.</summary>
internal readonly record struct HealthState
{
    /// <summary>Whether the server counts as up by this check.</summary>
    public bool IsUp { get; init; }

    /// <summary>Whether a probe has ended yet.</summary>
    public bool HasResult { get; init; }

    /// <summary>Since when it is up or down, on the clock of the operator; the start until the first change.</summary>
    public DateTimeOffset Since { get; init; }

    /// <summary>When the last probe ended. Null: none has.</summary>
    public DateTimeOffset? LastProbe { get; init; }

    /// <summary>Failures in a row.</summary>
    public int Failures { get; init; }

    /// <summary>Why the last failure was one. Null: none has failed since the last success.</summary>
    public string? LastError { get; init; }

    /// <summary>Weight that the target asked for last. Null: the configured one.</summary>
    public int? Weight { get; init; }

    /// <summary>Before the first probe: up, unless the check is to prove itself first (alpha).</summary>
    public static HealthState Initial(HealthCheck check, DateTimeOffset now) => new() { IsUp = !check.Alpha, Since = now };

    /// <summary>Takes a result.</summary>
    /// <param name="check">The check's rhythm.</param>
    /// <param name="result">What the probe found.</param>
    /// <param name="now">When it ended.</param>
    /// <param name="wait">Time to the next probe.</param>
    /// <returns>The state after it.</returns>
    public HealthState After(HealthCheck check, CheckResult result, DateTimeOffset now, out TimeSpan wait)
    {
        if (result.IsSuccess)
        {
            wait = check.Interval;
            return new()
            {
                IsUp = true,
                HasResult = true,
                Since = IsUp ? Since : now,
                LastProbe = now,
                Weight = result.Weight ?? Weight,
            };
        }

        // The first probe decides at once: until then nobody knew that the server works. Later ones may be repeated.
        bool isRepeated = IsUp && HasResult && Failures < check.Retries;
        wait = isRepeated ? check.RetryDelay : check.Interval;
        return this with
        {
            IsUp = isRepeated,
            HasResult = true,
            Since = IsUp && !isRepeated ? now : Since,
            LastProbe = now,
            Failures = Failures + 1,
            LastError = result.Message,
        };
    }
}
