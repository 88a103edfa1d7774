using System.Collections.Immutable;
using Vrrp.Daemon.Configuration.Diagnostics;
using Vrrp.Daemon.Configuration.Model;
using Vrrp.Daemon.Configuration.Syntax;
using Vrrp.Daemon.Ipvs;
using Vrrp.Daemon.Notifications;

namespace Vrrp.Daemon.Configuration.Binding;

/// <summary>global_defs and the single lines of the root. Several global_defs blocks add up.</summary>
internal sealed class GlobalDefsBinder(DiagnosticBag diagnostics, BlockReader reader, ValueReaders values)
{
    /// <summary>The engine's affinity mask ends there.</summary>
    private const int MaxProcessor = 1023;

    /// <summary>There the first octet is of TLS.</summary>
    private const int PortOfImplicitTls = 465;

    private readonly MailPlaces _mail = new();
    private readonly ImmutableArray<string>.Builder _emails = ImmutableArray.CreateBuilder<string>();
    private GlobalDefs _defs = new();
    private TimeSpan? _masterDelay;
    private int? _masterRepeat;
    private TimeSpan? _masterRefresh;
    private int? _masterRefreshRepeat;
    private TimeSpan? _lowerDelay;
    private int? _lowerRepeat;
    private TimeSpan _arpInterval;
    private TimeSpan _neighborInterval;
    private bool _minimal;
    private LvsSyncDaemon? _sync;
    private Token? _syncPlace;
    private Token? _syncInstance;
    private bool _syncHasId;

    /// <summary>What was read, with the defaults that depend on other keywords.</summary>
    public GlobalDefs Complete()
    {
        CheckMail();
        var masterDelay = _masterDelay ?? (_minimal ? TimeSpan.Zero : TimeSpan.FromSeconds(5));
        int masterRepeat = _masterRepeat ?? (_minimal ? 1 : 5);
        return _defs with
        {
            NotificationEmail = _emails.ToImmutable(),
            StartupScript = ValueReaders.AsScriptUser(_defs.StartupScript, _defs),
            ShutdownScript = ValueReaders.AsScriptUser(_defs.ShutdownScript, _defs),
            NotifyFifos = [.. _defs.NotifyFifos.Where(fifo => fifo.Path is not null).Select(AsScriptUser)],
            Announcements = new()
            {
                MasterDelay = masterDelay,
                MasterRepeat = masterRepeat,
                MasterRefresh = _masterRefresh ?? TimeSpan.Zero,
                MasterRefreshRepeat = _masterRefreshRepeat ?? 1,
                LowerPriorityDelay = _lowerDelay ?? masterDelay,
                LowerPriorityRepeat = _lowerRepeat ?? masterRepeat,
                ArpInterval = _arpInterval,
                NeighborInterval = _neighborInterval,
            },
        };
    }

    /// <summary>The globals with the synchronisation daemon, whose identifier is the VRID of the instance it follows.</summary>
    public GlobalDefs CompleteSyncDaemon(DaemonConfig config)
    {
        if (_sync is not { } sync)
            return config.GlobalDefs;
        CheckFamilies(config.VirtualServers);
        if (_syncInstance is not { } name)
            return config.GlobalDefs with { LvsSyncDaemon = sync };
        if (config.Instances.FirstOrDefault(instance => instance.Name == name.Text) is not { } followed)
        {
            diagnostics.SyncInstanceUnknown(name);
            return config.GlobalDefs;
        }

        return config.GlobalDefs with
        {
            LvsSyncDaemon = sync with { Instance = name.Text, Id = _syncHasId ? sync.Id : (byte)followed.VirtualRouterId.Value },
        };
    }

    /// <summary>The protocol of synchronisation knows one family a connection.</summary>
    private void CheckFamilies(IEnumerable<VirtualServer> servers)
    {
        foreach (var server in servers)
        {
            var mixed = server.RealServers.FirstOrDefault(real => server.Services.Any(service => service.Family != real.Address.Family));
            if (mixed is not null)
                diagnostics.SyncOfMixedFamilies(_syncPlace!, DirectorState.KeyOf(mixed).ToString(), mixed.Span);
            else if (server.SorryServer is { } sorry && server.Services.Any(service => service.Family != sorry.Address.Family))
                diagnostics.SyncOfMixedFamilies(_syncPlace!, sorry.Address.ToString(), server.Span);
            else
                continue;
            return;
        }
    }

    public void BindRootLine(StatementSyntax statement)
    {
        switch (statement.Name.Text)
        {
            case "instance":
                _defs = _defs with { InstanceName = statement.Words[1].Text };
                break;
            case "net_namespace":
                _defs = _defs with { NetworkNamespace = statement.Words[1].Text };
                break;
            case "use_pid_dir":
                _defs = _defs with { UsePidDirectory = true };
                break;
        }
    }

    public void Bind(BlockSyntax block)
    {
        foreach (var statement in reader.Read(block, "global_defs"))
            Bind(statement);
    }

    private void Bind(StatementSyntax s)
    {
        string? Word(int index) => s.Words.Length > index ? s.Words[index].Text : null;
        switch (s.Name.Text)
        {
            case "router_id":
                _defs = _defs with { RouterId = Word(1) };
                break;
            case "notification_email":
                if (s.Block is not null)
                {
                    foreach (var word in ValueReaders.Words(s.Block))
                        ReadRecipient(word);
                }

                break;
            case "notification_email_from":
                _defs = _defs with { NotificationEmailFrom = Word(1) };
                if (!MailAddresses.IsUsable(s.Words[1].Text))
                    diagnostics.NotAMailAddress(s.Words[1], "mail comes from the daemon's user and host instead");
                break;
            case "smtp_server":
                var server = ReadMailServer(s);
                _defs = _defs with { SmtpServer = server.Host, SmtpPort = server.Port };
                break;
            case "!vrrp smtp_server":
                _defs = _defs with { FurtherMailServers = _defs.FurtherMailServers.Add(ReadMailServer(s)) };
                break;
            case "!vrrp smtp_starttls":
                _defs = _defs with { SmtpStartTls = values.Switch(s) ?? _defs.SmtpStartTls };
                break;
            case "!vrrp smtp_ca_file":
                _defs = _defs with { SmtpAuthorityFile = Word(1) };
                _mail.AuthorityFile = s.Words[1];
                break;
            case "!vrrp smtp_username":
                _defs = _defs with { SmtpUserName = Word(1) };
                _mail.UserName = s.Words[1];
                break;
            case "!vrrp smtp_password_file":
                _defs = _defs with { SmtpPasswordFile = Word(1) };
                _mail.PasswordFile = s.Words[1];
                break;
            case "smtp_connect_timeout":
                if (values.Seconds(s, 0, 3600) is { } timeout)
                    _defs = _defs with { SmtpConnectTimeout = timeout == TimeSpan.Zero ? TimeSpan.FromSeconds(1) : timeout };
                break;
            case "smtp_helo_name":
                _defs = _defs with { SmtpHeloName = Word(1) };
                break;
            case "smtp_alert":
                _defs = _defs with { SmtpAlert = values.Switch(s) ?? _defs.SmtpAlert };
                break;
            case "smtp_alert_vrrp":
                _defs = _defs with { SmtpAlertVrrp = values.Switch(s) ?? _defs.SmtpAlertVrrp };
                break;
            case "smtp_alert_checker":
                _defs = _defs with { SmtpAlertChecker = values.Switch(s) ?? _defs.SmtpAlertChecker };
                break;
            case "no_email_faults":
                _defs = _defs with { NoEmailFaults = true };
                break;
            case "no_checker_emails":
                _defs = _defs with { NoCheckerEmails = true };
                break;
            case "checker_log_all_failures":
                _defs = _defs with { CheckerLogAllFailures = values.Switch(s) ?? _defs.CheckerLogAllFailures };
                break;
            case "lvs_flush":
                _defs = _defs with { LvsFlush = true };
                break;
            case "lvs_flush_on_stop" or "lvs_flush_onstop":
                _defs = _defs with { LvsFlushOnStop = Word(1) == "VS" ? LvsFlushOnStop.OwnServices : LvsFlushOnStop.All };
                break;
            case "lvs_timeouts":
                BindTimeouts(s);
                break;
            case "lvs_sync_daemon":
                BindSyncDaemon(s);
                break;
            case "fifo_write_vrrp_states_on_reload":
                _defs = _defs with { WriteStatesOnReload = true };
                break;
            case "rs_init_notifies":
                _defs = _defs with { RealServerInitNotifies = true };
                break;
            case "enable_script_security":
                _defs = _defs with { EnableScriptSecurity = true };
                break;
            case "script_user":
                _defs = _defs with { ScriptUser = Word(1), ScriptGroup = Word(2) };
                break;
            case "use_symlink_paths":
                _defs = _defs with { UseSymlinkPaths = values.Switch(s) ?? _defs.UseSymlinkPaths };
                break;
            case "notify_fifo" or "vrrp_notify_fifo" or "lvs_notify_fifo" or "notify_fifo_script" or "vrrp_notify_fifo_script" or "lvs_notify_fifo_script":
                BindFifo(s);
                break;
            case "startup_script":
                _defs = _defs with { StartupScript = ValueReaders.Command(s) };
                break;
            case "shutdown_script":
                _defs = _defs with { ShutdownScript = ValueReaders.Command(s) };
                break;
            case "startup_script_timeout":
                _defs = _defs with { StartupScriptTimeout = values.Seconds(s, 1, 1000) ?? _defs.StartupScriptTimeout };
                break;
            case "shutdown_script_timeout":
                _defs = _defs with { ShutdownScriptTimeout = values.Seconds(s, 1, 1000) ?? _defs.ShutdownScriptTimeout };
                break;
            case "reload_check_config":
                _defs = _defs with { ReloadCheckConfig = true };
                break;
            case "dynamic_interfaces":
                _defs = _defs with { DynamicInterfaces = true };
                break;
            case "default_interface":
                _defs = _defs with { DefaultInterface = values.InterfaceName(s.Words[1]) ?? _defs.DefaultInterface };
                break;
            default:
                if (!BindVrrp(s))
                    BindProcess(s);
                break;
        }
    }

    private void BindTimeouts(StatementSyntax s)
    {
        for (int i = 1; i < s.Words.Length; i += 2)
        {
            if (i + 1 == s.Words.Length)
            {
                diagnostics.OptionWithoutValue(s.Words[i], s.Name.Text);
                return;
            }

            // 0 leaves a timeout as it is.
            uint? seconds = values.Integer(s.Words[i + 1], s.Words[i].Text, 0, (int)VirtualServerBinder.MaxSeconds) is > 0 and { } given ? (uint)given : null;
            var timeouts = _defs.LvsTimeouts;
            switch (s.Words[i].Text)
            {
                case "tcp":
                    timeouts = timeouts with { Tcp = seconds };
                    break;
                case "tcpfin":
                    timeouts = timeouts with { TcpFin = seconds };
                    break;
                case "udp":
                    timeouts = timeouts with { Udp = seconds };
                    break;
                default:
                    diagnostics.UnknownOption(s.Words[i], s.Name.Text, secondAddress: false);
                    break;
            }

            _defs = _defs with { LvsTimeouts = timeouts };
        }
    }

    private void BindSyncDaemon(StatementSyntax s)
    {
        if (values.InterfaceName(s.Words[1]) is not { } device)
            return;
        var sync = new LvsSyncDaemon(device, null, 0);
        _syncInstance = null;
        _syncHasId = false;
        int i = 2;
        // The old form: INTERFACE INSTANCE [ID].
        if (s.Words.Length > 2 && s.Words[2].Text is not ("inst" or "id" or "maxlen" or "port" or "ttl" or "group"))
        {
            _syncInstance = s.Words[i++];
            if (s.Words.Length > 3 && char.IsAsciiDigit(s.Words[3].Text.FirstOrDefault()) && values.Integer(s.Words[i++], "id", 0, 255) is { } id)
                (sync, _syncHasId) = (sync with { Id = (byte)id }, true);
        }

        for (; i < s.Words.Length; i += 2)
        {
            var option = s.Words[i];
            if (i + 1 == s.Words.Length)
            {
                diagnostics.OptionWithoutValue(option, s.Name.Text);
                break;
            }

            var value = s.Words[i + 1];
            switch (option.Text)
            {
                case "inst":
                    _syncInstance = value;
                    break;
                case "id" when values.Integer(value, "id", 0, 255) is { } id:
                    (sync, _syncHasId) = (sync with { Id = (byte)id }, true);
                    break;
                case "maxlen" when values.Integer(value, "maxlen", 1, 65507) is { } length:
                    sync = sync with { MaximumLength = (ushort)length };
                    break;
                case "port" when values.Integer(value, "port", 1, 65535) is { } port:
                    sync = sync with { Port = (ushort)port };
                    break;
                case "ttl" when values.Integer(value, "ttl", 1, 255) is { } ttl:
                    sync = sync with { Ttl = (byte)ttl };
                    break;
                case "group" when values.Address(value, "group") is { } group:
                    if (group.IsMulticast)
                        sync = sync with { Group = group };
                    else
                        diagnostics.BadSyncDaemon(value, "'group' takes a multicast address");
                    break;
                case "id" or "maxlen" or "port" or "ttl" or "group":
                    // Reported where it was read.
                    break;
                default:
                    diagnostics.UnknownOption(option, s.Name.Text, secondAddress: false);
                    break;
            }
        }

        (_sync, _syncPlace) = (sync, s.Name);
    }

    private bool BindVrrp(StatementSyntax s)
    {
        switch (s.Name.Text)
        {
            case "vrrp_version":
                _defs = _defs with { VrrpVersion = values.Version(s) ?? _defs.VrrpVersion };
                return true;
            case "vrrp_mcast_group4":
                _defs = _defs with { MulticastGroup4 = values.MulticastAddress(s, IPFamily.IPv4) ?? _defs.MulticastGroup4 };
                return true;
            case "vrrp_mcast_group6":
                _defs = _defs with { MulticastGroup6 = values.MulticastAddress(s, IPFamily.IPv6) ?? _defs.MulticastGroup6 };
                return true;
            case "vrrp_strict":
                _defs = _defs with { Strict = values.Switch(s) ?? _defs.Strict };
                return true;
            case "vrrp_skip_check_adv_addr":
                _defs = _defs with { SkipCheckAdvertisedAddresses = values.Switch(s) ?? _defs.SkipCheckAdvertisedAddresses };
                return true;
            case "vrrp_lower_prio_no_advert":
                _defs = _defs with { LowerPriorityNoAdvert = values.Switch(s) ?? _defs.LowerPriorityNoAdvert };
                return true;
            case "vrrp_higher_prio_send_advert":
                _defs = _defs with { HigherPrioritySendAdvert = values.Switch(s) ?? _defs.HigherPrioritySendAdvert };
                return true;
            case "vrrp_down_timer_adverts":
                _defs = _defs with { DownTimerAdverts = values.Integer(s, 1, 100) ?? _defs.DownTimerAdverts };
                return true;
            case "vrrp_owner_ignore_adverts":
                _defs = _defs with { OwnerIgnoreAdverts = values.Switch(s) ?? _defs.OwnerIgnoreAdverts };
                return true;
            case "vrrp_check_unicast_src":
                _defs = _defs with { CheckUnicastSource = true };
                return true;
            case "v3_checksum_as_v2":
                _defs = _defs with { ChecksumAsVersion2 = values.Switch(s) ?? _defs.ChecksumAsVersion2 };
                return true;
            case "vrrp_startup_delay":
                _defs = _defs with { StartupDelay = values.Seconds(s, 0, 3600) ?? _defs.StartupDelay };
                return true;
            case "vrrp_delay_after_boot":
                _defs = _defs with { DelayAfterBoot = values.Seconds(s, 0, 3600) ?? _defs.DelayAfterBoot };
                return true;
            case "log_unknown_vrids":
                _defs = _defs with { LogUnknownVirtualRouterIds = true };
                return true;
            case "nftables":
                _defs = _defs with { FilterTable = values.TableName(s) ?? _defs.FilterTable };
                return true;
            case "nftables_priority":
                _defs = _defs with { FilterPriority = values.Integer(s, -32768, 32767) ?? _defs.FilterPriority };
                return true;
            case "nftables_counters":
                _defs = _defs with { FilterCounters = true };
                return true;
            case "vrrp_notify_priority_changes":
                _defs = _defs with { NotifyPriorityChanges = values.Switch(s) ?? _defs.NotifyPriorityChanges };
                return true;
            case "vrrp_garp_master_delay":
                _masterDelay = values.Seconds(s, 0, AnnouncementReader.MaxSeconds) ?? _masterDelay;
                return true;
            case "vrrp_garp_master_repeat":
                _masterRepeat = AnnouncementReader.Repeat(diagnostics, values, s) ?? _masterRepeat;
                return true;
            case "vrrp_garp_master_refresh":
                _masterRefresh = values.Seconds(s, 0, AnnouncementReader.MaxSeconds) ?? _masterRefresh;
                return true;
            case "vrrp_garp_master_refresh_repeat":
                _masterRefreshRepeat = AnnouncementReader.Repeat(diagnostics, values, s) ?? _masterRefreshRepeat;
                return true;
            case "vrrp_garp_lower_prio_delay":
                _lowerDelay = values.Seconds(s, 0, AnnouncementReader.MaxSeconds) ?? _lowerDelay;
                return true;
            case "vrrp_garp_lower_prio_repeat":
                _lowerRepeat = values.Integer(s, 0, int.MaxValue) ?? _lowerRepeat;
                return true;
            case "vrrp_garp_interval":
                _arpInterval = AnnouncementReader.Interval(diagnostics, values, s) ?? _arpInterval;
                return true;
            case "vrrp_gna_interval":
                _neighborInterval = AnnouncementReader.Interval(diagnostics, values, s) ?? _neighborInterval;
                return true;
            case "vrrp_min_garp":
                _minimal = values.Switch(s) ?? _minimal;
                return true;
            default:
                return false;
        }
    }

    private void BindProcess(StatementSyntax s)
    {
        switch (s.Name.Text)
        {
            case "vrrp_rt_priority":
                _defs = _defs with { RealTimePriority = values.Integer(s, 1, 99) ?? _defs.RealTimePriority };
                break;
            case "vrrp_priority":
                _defs = _defs with { NicePriority = values.Integer(s, -20, 19) ?? _defs.NicePriority };
                break;
            case "vrrp_rlimit_rttime" or "vrrp_rlimit_rtime":
                if (values.Integer(s, 1, int.MaxValue) is { } limit)
                    _defs = _defs with { RealTimeLimit = TimeSpan.FromMicroseconds(limit) };
                break;
            case "vrrp_no_swap":
                _defs = _defs with { NoSwap = true };
                break;
            case "vrrp_cpu_affinity":
                var processors = ImmutableArray.CreateBuilder<int>();
                foreach (var word in s.Words.Skip(1))
                {
                    if (values.Integer(word, s.Name.Text, 0, MaxProcessor) is { } processor && !processors.Contains(processor))
                        processors.Add(processor);
                }

                _defs = _defs with { CpuAffinity = processors.DrainToImmutable() };
                break;
        }
    }

    private MailServer ReadMailServer(StatementSyntax s)
    {
        _mail.Server ??= s.Name;
        var host = s.Words[1];
        if (Uri.CheckHostName(host.Text) == UriHostNameType.Unknown && !IPAddressValue.TryParse(host.Text, out _))
            diagnostics.NotAHost(host, s.Name.Text);
        var server = new MailServer(host.Text);
        if (s.Words.Length > 2)
        {
            // A second keyword on the line is taken for the port: a mistake that keepalived only reports at run time.
            if (KeywordTable.Blocks["global_defs"].Find(s.Words[2].Text) is { } second)
                diagnostics.SecondKeywordOnLine(s.Words[2], second.Name, s.Name.Text);
            else
                server = server with { Port = s.Words[2].Text };
            if (server.PortNumber is null)
                diagnostics.NotAMailPort(s.Words[2]);
            else if (server.PortNumber == PortOfImplicitTls)
                diagnostics.MailPortOfTls(s.Words[2]);
        }

        return server;
    }

    private void ReadRecipient(Token word)
    {
        _mail.Recipient ??= word;
        if (MailAddresses.IsUsable(word.Text))
            _mail.HasUsableRecipient = true;
        else
            diagnostics.NotAMailAddress(word, "it gets no mail");
        _emails.Add(word.Text);
    }

    /// <summary>What is missing for mail that the file asks for: said once.</summary>
    private void CheckMail()
    {
        bool hasServer = !_defs.MailServers.IsEmpty;
        if (hasServer && _mail.Recipient is null)
            diagnostics.MailIncomplete(_mail.Server!, "there are no recipients (notification_email)");
        else if (hasServer && !_mail.HasUsableRecipient)
            diagnostics.MailIncomplete(_mail.Recipient!, "none of the recipients is a mail address");
        else if (!hasServer && _mail.Recipient is { } recipient)
            diagnostics.MailIncomplete(recipient, "there is no mail server (smtp_server)");
        else if (!hasServer && reader.FirstAlert is { } alert)
            diagnostics.MailIncomplete(alert, "there are neither a mail server (smtp_server) nor recipients (notification_email)");
        if (_mail.UserName is { } user && _mail.PasswordFile is null)
            diagnostics.MailPasswordMissing(user);
        else if (_mail.UserName is { } name && !_defs.SmtpStartTls && !_defs.MailServers.All(server => server.IsOnThisHost))
            diagnostics.MailPasswordInClear(name);
        if (_mail.AuthorityFile is { } authorities && !File.Exists(authorities.Text))
            diagnostics.MailFileUnusable(authorities, $"there is no file {authorities.Text}");
        if (_mail.PasswordFile is { } file && PasswordFile.FindProblemWithin(file.Text) is { } problem)
            diagnostics.MailFileUnusable(file, problem);
    }

    /// <summary>Where the file speaks of mail, for what is found at the end.</summary>
    private sealed class MailPlaces
    {
        public Token? Server { get; set; }

        public Token? Recipient { get; set; }

        public bool HasUsableRecipient { get; set; }

        public Token? AuthorityFile { get; set; }

        public Token? UserName { get; set; }

        public Token? PasswordFile { get; set; }
    }

    /// <summary>The pipe belongs to whom its script runs as, unless told otherwise.</summary>
    private NotifyFifo AsScriptUser(NotifyFifo fifo) => (fifo.User is null ? fifo with { User = _defs.ScriptUser, Group = _defs.ScriptGroup } : fifo) with
    {
        Script = ValueReaders.AsScriptUser(fifo.Script, _defs),
    };

    private void BindFifo(StatementSyntax s)
    {
        string name = s.Name.Text;
        var kind = name[0] switch { 'v' => NotifyFifoKind.Vrrp, 'l' => NotifyFifoKind.Lvs, _ => NotifyFifoKind.All };
        int at = -1;
        for (int i = 0; i < _defs.NotifyFifos.Length; i++)
        {
            if (_defs.NotifyFifos[i].Kind == kind)
                at = i;
        }

        var fifo = at >= 0 ? _defs.NotifyFifos[at] : new(kind, null, null, null, null);
        if (!name.EndsWith("_script", StringComparison.Ordinal) && _defs.NotifyFifos.Any(other => other.Kind != kind && other.Path == s.Words[1].Text))
            diagnostics.PipeNamedTwice(s.Words[1]);
        fifo = name.EndsWith("_script", StringComparison.Ordinal)
            ? fifo with { Script = ValueReaders.Command(s) }
            : fifo with
            {
                Path = s.Words[1].Text,
                User = s.Words.Length > 2 ? s.Words[2].Text : null,
                Group = s.Words.Length > 3 ? s.Words[3].Text : null,
            };
        _defs = _defs with { NotifyFifos = at >= 0 ? _defs.NotifyFifos.SetItem(at, fifo) : _defs.NotifyFifos.Add(fifo) };
    }
}

/// <summary>The GARP keywords that globals, instances and groups share.</summary>
internal static class AnnouncementReader
{
    public const decimal MaxSeconds = 86_400 * 365;

    public static int? Repeat(DiagnosticBag diagnostics, ValueReaders values, StatementSyntax s)
    {
        if (values.Integer(s, 0, int.MaxValue) is not { } count)
            return null;
        if (count > 0)
            return count;
        diagnostics.RepeatRaisedToOne(s.Words[1], s.Name.Text);
        return 1;
    }

    /// <summary>keepalived calls an explicit 0 out of range although it means its own default: its shipped sample does so.</summary>
    public static TimeSpan? Interval(DiagnosticBag diagnostics, ValueReaders values, StatementSyntax s)
    {
        if (values.Seconds(s, 0, MaxSeconds) is not { } interval)
            return null;
        if (interval == TimeSpan.Zero)
            diagnostics.ZeroInterval(s.Words[1], s.Name.Text);
        return interval;
    }
}
