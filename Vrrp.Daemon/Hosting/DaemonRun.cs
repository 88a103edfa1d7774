namespace Vrrp.Daemon.Hosting;

/// <summary>What one run of the daemon was asked, and what it will exit with.</summary>
internal sealed class DaemonRun
{
    public required string ConfigurationPath { get; init; }

    /// <summary>Identifier for <c>@</c> lines; null: the host's name.</summary>
    public string? ConfigId { get; init; }

    /// <summary>File that records the addresses this daemon installs; null: none is kept.</summary>
    public string? LedgerPath { get; init; }

    /// <summary>Unix socket at which status is served; null: none is.</summary>
    public string? StatusSocketPath { get; init; }

    public int ExitCode { get; set; }
}
