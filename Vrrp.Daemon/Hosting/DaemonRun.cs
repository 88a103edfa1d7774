using Vrrp.Daemon.Configuration.Model;

namespace Vrrp.Daemon.Hosting;

/// <summary>What one run of the daemon was asked, and what it will exit with.</summary>
internal sealed class DaemonRun
{
    public required string ConfigurationPath { get; init; }

    /// <summary>Identifier for <c>@</c> lines; null: the host's name.</summary>
    public string? ConfigId { get; init; }

    /// <summary>What of a configuration is to run.</summary>
    public DaemonConfig Select(DaemonConfig config)
    {
        if (!RunsVrrp)
            config = config with { Instances = [], SyncGroups = [], StaticAddresses = [] };
        if (!RunsDirector)
            config = config with { VirtualServers = [], GlobalDefs = config.GlobalDefs with { LvsFlush = false, LvsFlushOnStop = LvsFlushOnStop.No, LvsSyncDaemon = null, LvsTimeouts = default } };
        // Of two processes each has its own half: neither makes the other's pipes, nor starts the scripts that read them.
        if (!RunsVrrp || !RunsDirector)
            config = config with { GlobalDefs = config.GlobalDefs with { NotifyFifos = [.. config.GlobalDefs.NotifyFifos.Where(IsOurs)] } };
        return config;
    }

    private bool IsOurs(NotifyFifo pipe) => pipe.Kind switch
    {
        NotifyFifoKind.Vrrp => RunsVrrp,
        NotifyFifoKind.Lvs => RunsDirector,
        _ => true,
    };

    /// <summary>File that records the addresses this daemon installs; null: none is kept.</summary>
    public string? LedgerPath { get; init; }

    /// <summary>Unix socket at which status is served; null: none is.</summary>
    public string? StatusSocketPath { get; init; }

    /// <summary>File that records the scripts that run; null: none is kept.</summary>
    public string? ScriptLedgerPath { get; init; }

    /// <summary>File that records the IPVS entries this daemon makes; null: none is kept.</summary>
    public string? DirectorLedgerPath { get; init; }

    /// <summary>Directory where mail alerts wait; null: in memory only.</summary>
    public string? MailSpoolPath { get; init; }

    /// <summary>Whether virtual routers run, and whether virtual servers do (<c>--vrrp</c> and <c>--check</c> leave one of them out).</summary>
    public bool RunsVrrp { get; init; } = true;

    public bool RunsDirector { get; init; } = true;

    /// <summary>What a configuration lacks that is empty for this run.</summary>
    public string NothingToRun => (RunsVrrp, RunsDirector) switch
    {
        (true, false) => "no vrrp_instance",
        (false, true) => "no virtual_server",
        _ => "no vrrp_instance and no virtual_server",
    };

    public int ExitCode { get; set; }
}
