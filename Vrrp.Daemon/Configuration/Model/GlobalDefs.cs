using System.Collections.Immutable;
using System.Globalization;
using System.Net;
using Vrrp.Daemon.Ipvs;

namespace Vrrp.Daemon.Configuration.Model;

/// <summary>global_defs and the single keywords of the root. VRRP defaults here are already applied to the instances.</summary>
internal sealed record GlobalDefs
{
    /// <summary>Tag in mail subjects. Null: the host name.</summary>
    public string? RouterId { get; init; }

    /// <summary>Recipients; without one no mail is sent.</summary>
    public ImmutableArray<string> NotificationEmail { get; init; } = [];

    public string? NotificationEmailFrom { get; init; }

    /// <summary>Address or host name of the mail relay. Null: no mail.</summary>
    public string? SmtpServer { get; init; }

    /// <summary>Port number or service name.</summary>
    public string SmtpPort { get; init; } = "25";

    /// <summary>Further mail servers (<c>!vrrp smtp_server</c>), tried in order when those before cannot be used.</summary>
    public ImmutableArray<MailServer> FurtherMailServers { get; init; } = [];

    /// <summary>All mail servers in the order they are tried in; none: no mail.</summary>
    public ImmutableArray<MailServer> MailServers => SmtpServer is { } first ? [new(first, SmtpPort), .. FurtherMailServers] : FurtherMailServers;

    /// <summary>Encrypt by STARTTLS and check the certificate, or send nothing (<c>!vrrp smtp_starttls</c>).</summary>
    public bool SmtpStartTls { get; init; }

    /// <summary>PEM file of the authorities that may sign the servers' certificates (<c>!vrrp smtp_ca_file</c>). Null: the system's.</summary>
    public string? SmtpAuthorityFile { get; init; }

    /// <summary>Null: no authentication.</summary>
    public string? SmtpUserName { get; init; }

    /// <summary>File whose first line is the password; read when it is needed.</summary>
    public string? SmtpPasswordFile { get; init; }

    public TimeSpan SmtpConnectTimeout { get; init; } = TimeSpan.FromSeconds(30);

    public string? SmtpHeloName { get; init; }

    /// <summary>Null: not set, so each kind of alert has its own default.</summary>
    public bool? SmtpAlert { get; init; }

    public bool? SmtpAlertVrrp { get; init; }

    public bool? SmtpAlertChecker { get; init; }

    public bool NoEmailFaults { get; init; }

    public bool NoCheckerEmails { get; init; }

    public bool CheckerLogAllFailures { get; init; }

    public VrrpVersion VrrpVersion { get; init; } = VrrpVersion.V2;

    public IPAddressValue MulticastGroup4 { get; init; } = IPAddressValue.MulticastGroupIPv4;

    public IPAddressValue MulticastGroup6 { get; init; } = IPAddressValue.MulticastGroupIPv6;

    public bool Strict { get; init; }

    public bool SkipCheckAdvertisedAddresses { get; init; }

    public GarpSettings Announcements { get; init; } = new();

    public bool LowerPriorityNoAdvert { get; init; }

    public bool HigherPrioritySendAdvert { get; init; }

    public int DownTimerAdverts { get; init; } = 3;

    public bool? OwnerIgnoreAdverts { get; init; }

    public bool CheckUnicastSource { get; init; }

    /// <summary>Version 3 over IPv4 without the pseudo-header.</summary>
    public bool ChecksumAsVersion2 { get; init; }

    /// <summary>Time after the start of the process before instances begin.</summary>
    public TimeSpan StartupDelay { get; init; }

    /// <summary>The same, counted from the boot of the system.</summary>
    public TimeSpan DelayAfterBoot { get; init; }

    public bool LogUnknownVirtualRouterIds { get; init; }

    /// <summary>
    /// Interfaces need not exist at the start and may come back as others. We always behave so; this only records that it was asked for.
    /// </summary>
    public bool DynamicInterfaces { get; init; }

    /// <summary>Interface of static addresses that name none.</summary>
    public string DefaultInterface { get; init; } = "eth0";

    public bool NotifyPriorityChanges { get; init; }

    /// <summary>SCHED_RR priority of the engine thread, 1–99. Null: ordinary scheduling.</summary>
    public int? RealTimePriority { get; init; }

    /// <summary>Nice value, −20…19. Null: unchanged.</summary>
    public int? NicePriority { get; init; }

    /// <summary>
    /// Processor time the real-time thread may use without waiting; the kernel kills a process that exceeds it, addresses left behind.
    /// Null: no limit is set. keepalived sets 10 ms of its own accord; here it is set only when asked for.
    /// </summary>
    public TimeSpan? RealTimeLimit { get; init; }

    /// <summary>Lock memory.</summary>
    public bool NoSwap { get; init; }

    /// <summary>Processors the engine thread is pinned to. Empty: any.</summary>
    public ImmutableArray<int> CpuAffinity { get; init; } = [];

    /// <summary>Name of the nf_tables table for no_accept. Null: the daemon's own.</summary>
    public string? FilterTable { get; init; }

    /// <summary>Priority of that table's chains.</summary>
    public int FilterPriority { get; init; } = -1;

    /// <summary>Whether its rules count what they drop.</summary>
    public bool FilterCounters { get; init; }

    /// <summary>Remove every IPVS service at the start, whoever made it (<c>lvs_flush</c>).</summary>
    public bool LvsFlush { get; init; }

    public LvsFlushOnStop LvsFlushOnStop { get; init; }

    /// <summary>Timeouts of the kernel's IPVS; those that are null stay as they are.</summary>
    public IpvsTimeouts LvsTimeouts { get; init; }

    /// <summary>Synchronisation of connections between directors. Null: none.</summary>
    public LvsSyncDaemon? LvsSyncDaemon { get; init; }

    /// <summary>Run notify_up and notify_down and send mail for what real servers are at the start.</summary>
    public bool RealServerInitNotifies { get; init; }

    public bool EnableScriptSecurity { get; init; }

    public string? ScriptUser { get; init; }

    public string? ScriptGroup { get; init; }

    public bool UseSymlinkPaths { get; init; }

    /// <summary>Pipes that event lines are written to, and the scripts that read them.</summary>
    public ImmutableArray<NotifyFifo> NotifyFifos { get; init; } = [];

    /// <summary>Write the state of every instance and sync group to the pipes after a reload.</summary>
    public bool WriteStatesOnReload { get; init; }

    public ScriptCommand? StartupScript { get; init; }

    public ScriptCommand? ShutdownScript { get; init; }

    public TimeSpan StartupScriptTimeout { get; init; } = TimeSpan.FromSeconds(10);

    public TimeSpan ShutdownScriptTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Check a new configuration with the whole daemon's rules before a reload. We always do.</summary>
    public bool ReloadCheckConfig { get; init; }

    /// <summary>Name of this instance of the daemon (root keyword <c>instance</c>).</summary>
    public string? InstanceName { get; init; }

    /// <summary>Network namespace to run in (root keyword). Null: the one it was started in.</summary>
    public string? NetworkNamespace { get; init; }

    public bool UsePidDirectory { get; init; }
}

/// <summary>A mail server.</summary>
/// <param name="Host">Address or host name.</param>
/// <param name="Port">Port number or service name.</param>
internal sealed record MailServer(string Host, string Port = "25")
{
    /// <summary>The number of the port; null: it is neither one nor a service that mail goes by.</summary>
    public ushort? PortNumber => Port switch
    {
        "smtp" or "mail" => 25,
        "submission" => 587,
        _ => ushort.TryParse(Port, NumberStyles.None, CultureInfo.InvariantCulture, out ushort number) && number > 0 ? number : null,
    };

    /// <summary>Whether mail to it leaves this host for no network, as far as its name tells.</summary>
    public bool IsOnThisHost => IPAddress.TryParse(Host, out var address) ? IPAddress.IsLoopback(address) : Host.Equals("localhost", StringComparison.OrdinalIgnoreCase);

    public override string ToString() => Host.Contains(':', StringComparison.Ordinal) ? $"[{Host}]:{Port}" : $"{Host}:{Port}";
}

/// <summary>What becomes of the IPVS table at the end (<c>lvs_flush_on_stop</c>).</summary>
internal enum LvsFlushOnStop
{
    /// <summary>Our real servers and services are removed, one by one.</summary>
    No,

    /// <summary>Our services are removed with all they have.</summary>
    OwnServices,

    /// <summary>Everything is removed, whoever made it.</summary>
    All,
}

/// <summary>lvs_sync_daemon: the kernel's synchronisation of connections.</summary>
/// <param name="Interface">Where messages are sent and taken.</param>
/// <param name="Instance">The vrrp_instance whose state it follows. Null: it sends and takes all the time.</param>
/// <param name="Id">Both directors have the same, 0–255: the instance's VRID unless set.</param>
/// <param name="MaximumLength">Largest message; 0: what the interface gives.</param>
/// <param name="Port">0: the kernel's, 8848.</param>
/// <param name="Ttl">0: the kernel's, 1.</param>
/// <param name="Group">None: the kernel's, 224.0.0.81.</param>
internal sealed record LvsSyncDaemon(
    string Interface, string? Instance, byte Id, ushort MaximumLength = 0, ushort Port = 0, byte Ttl = 0, IPAddressValue Group = default);

internal enum NotifyFifoKind
{
    All,
    Vrrp,
    Lvs,
}

/// <summary>A named pipe for event lines, with the script that reads it.</summary>
internal sealed record NotifyFifo(NotifyFifoKind Kind, string? Path, string? User, string? Group, ScriptCommand? Script);
