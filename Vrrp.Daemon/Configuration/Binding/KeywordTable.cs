using System.Collections.Frozen;
using System.Collections.Immutable;

namespace Vrrp.Daemon.Configuration.Binding;

/// <summary>What becomes of a keyword in this version.</summary>
internal enum KeywordStatus
{
    /// <summary>In force.</summary>
    Active,

    /// <summary>Understood and accepted, but nothing is done with it yet.</summary>
    NotActiveYet,

    /// <summary>Accepted; it concerns something that this daemon does not have and does not need.</summary>
    NoEffect,

    /// <summary>An old spelling that keepalived still takes and reports; in force here.</summary>
    Deprecated,

    /// <summary>Common in old files, unknown to keepalived today.</summary>
    Obsolete,
}

internal enum BlockKind
{
    /// <summary>Statements that begin with keywords.</summary>
    Keywords,

    /// <summary>One entry a line.</summary>
    Entries,

    /// <summary>Words, any number a line.</summary>
    Words,
}

/// <summary>One keyword of one block.</summary>
/// <param name="Name">As written in the file; case counts.</param>
/// <param name="Status">What becomes of it.</param>
/// <param name="Tier">1: any ordinary file uses it; 2: common in production; 3: rare.</param>
/// <param name="Arguments">What follows it; brackets mark what may be left out.</param>
/// <param name="MinArguments">Arguments without which keepalived exits.</param>
/// <param name="Default">What holds without it.</param>
/// <param name="Replacement">The spelling to use instead, or why it has no effect.</param>
/// <param name="Block">What stands between its braces. Null: it takes none.</param>
internal sealed record Keyword(
    string Name, KeywordStatus Status, int Tier, string Arguments, int MinArguments, string? Default, string? Replacement, BlockSpec? Block)
{
    public override string ToString() => Name;
}

/// <summary>What may stand in a block.</summary>
internal sealed class BlockSpec(string name, BlockKind kind)
{
    private FrozenDictionary<string, Keyword> _keywords = FrozenDictionary<string, Keyword>.Empty;

    public string Name { get; } = name;

    public BlockKind Kind { get; } = kind;

    /// <summary>By name.</summary>
    public ImmutableArray<Keyword> Keywords { get; private set; } = [];

    public Keyword? Find(string name) => _keywords.GetValueOrDefault(name);

    public void SetKeywords(IEnumerable<Keyword> keywords)
    {
        _keywords = keywords.ToFrozenDictionary(k => k.Name, StringComparer.Ordinal);
        Keywords = [.. _keywords.Values.OrderBy(k => k.Name, StringComparer.Ordinal)];
    }
}

/// <summary>Every keyword of keepalived.conf with its block: the binder, the checks and the documentation read it.</summary>
internal static class KeywordTable
{
    // keyword[,same] STATUS TIER [{block] arguments [= default] [> replacement or reason]
    // A keyword of ours alone begins with '!', which stands for '!vrrp ' in a file.
    // STATUS: A active, Y not yet, N no effect, D deprecated, O obsolete. Arguments after the first '[' may be left out; '-' is none.
    private const string Text = """
        [root]
        global_defs A1 {global_defs -
        vrrp_instance A1 {vrrp_instance NAME
        vrrp_sync_group A1 {vrrp_sync_group NAME
        vrrp_script A1 {vrrp_script NAME
        vrrp_track_process A2 {vrrp_track_process NAME
        track_file A2 {track_file NAME
        vrrp_track_file A2 {track_file NAME
        track_group Y3 {track_group NAME
        static_ipaddress A2 {entries -
        static_routes Y2 {entries -
        static_rules Y2 {entries -
        garp_group A3 {garp_group -
        linkbeat_interfaces N3 {entries - > links are followed by netlink
        interface_up_down_delays Y2 {entries -
        bfd_instance Y3 {bfd_instance NAME
        virtual_server A1 {virtual_server ADDRESS [PORT]
        virtual_server_group A2 {entries NAME
        SSL A3 {SSL -
        net_namespace A2 NAME
        net_namespace_ipvs Y3 [NAME]
        namespace_with_ipsets N3 - > no ipsets are used
        instance Y3 NAME
        use_pid_dir Y3 -
        child_wait_time N3 SECONDS = 5 > there are no child processes to wait for
        linkbeat_use_polling N3 - > links are followed by netlink
        [global_defs]
        router_id A1 STRING = host name
        notification_email A1 {words -
        notification_email_from A1 ADDRESS
        smtp_server A1 HOST [PORT] = port 25
        smtp_connect_timeout A1 SECONDS = 30
        smtp_helo_name A2 STRING = host name
        smtp_alert,smtp_alert_vrrp,smtp_alert_checker A2 [bool]
        !smtp_server A3 HOST [PORT] = port 25
        !smtp_starttls A3 [bool] = off
        !smtp_ca_file A3 PATH = the system's
        !smtp_username A3 STRING
        !smtp_password_file A3 PATH
        no_email_faults A2 -
        no_checker_emails A3 -
        checker_log_all_failures A2 [bool] = off
        vrrp_version A1 2|3 = 2
        vrrp_mcast_group4 A2 ADDRESS = 224.0.0.18
        vrrp_mcast_group6 A2 ADDRESS = ff02::12
        vrrp_strict A1 [bool] = off
        vrrp_skip_check_adv_addr A1 [bool] = off
        vrrp_garp_master_delay A1 SECONDS = 5
        vrrp_garp_master_repeat A1 COUNT = 5
        vrrp_garp_master_refresh A1 SECONDS = 0
        vrrp_garp_master_refresh_repeat A1 COUNT = 1
        vrrp_garp_lower_prio_delay A2 SECONDS = vrrp_garp_master_delay
        vrrp_garp_lower_prio_repeat A2 COUNT = vrrp_garp_master_repeat
        vrrp_garp_interval A1 SECONDS = 0
        vrrp_gna_interval A1 SECONDS = 0
        vrrp_min_garp A2 [bool] = off
        vrrp_garp_extra_if Y3 [all] SECONDS
        vrrp_vmac_garp_intvl Y3 [all] SECONDS > vrrp_garp_extra_if
        vrrp_lower_prio_no_advert A2 [bool] = off
        vrrp_higher_prio_send_advert A2 [bool] = off
        vrrp_down_timer_adverts A2 COUNT = 3
        vrrp_owner_ignore_adverts A3 [bool]
        vrrp_check_unicast_src A2 -
        v3_checksum_as_v2 A3 [bool] = off
        vrrp_startup_delay A2 SECONDS = 0
        vrrp_delay_after_boot A3 SECONDS = 0
        log_unknown_vrids A3 -
        dynamic_interfaces A2 [allow_if_changes]
        default_interface A2 INTERFACE = eth0
        disable_local_igmp N3 - > no VMAC interfaces are used
        max_auto_priority N2 [NUMBER] > the daemon never raises its own priority; vrrp_rt_priority sets it
        min_auto_priority_delay N3 MICROSECONDS > the daemon never raises its own priority; vrrp_rt_priority sets it
        vrrp_notify_priority_changes A3 [bool] = off
        vmac_prefix,vmac_addr_prefix Y3 STRING
        vrrp_rx_bufs_policy N3 POLICY > receive buffers are sized by the daemon
        vrrp_rx_bufs_multiplier N3 COUNT > receive buffers are sized by the daemon
        vrrp_iptables,vrrp_ipsets N3 [NAME] > no_accept is kept with nf_tables
        nftables A3 [TABLE] = vrrp
        nftables_priority A3 NUMBER = -1
        nftables_counters A3 -
        nftables_ifindex N3 - > interfaces are always matched by index
        nftables_ipvs Y3 [TABLE]
        nftables_ipvs_priority,nftables_ipvs_start_fwmark Y3 NUMBER
        lvs_sync_daemon A2 INTERFACE [OPTIONS]
        lvs_timeouts A2 PROTOCOL SECONDS [PROTOCOL SECONDS]
        lvs_flush A2 -
        lvs_flush_on_stop A3 [VS]
        lvs_flush_onstop D3 [VS] > lvs_flush_on_stop
        rs_init_notifies A3 -
        lvs_netlink_cmd_rcv_bufs,lvs_netlink_monitor_rcv_bufs N3 BYTES > netlink buffers are sized by the daemon
        lvs_netlink_cmd_rcv_bufs_force,lvs_netlink_monitor_rcv_bufs_force N3 [bool] > netlink buffers are sized by the daemon
        snmp_vs_stats_update_interval,snmp_rs_stats_update_interval N3 SECONDS > there is no SNMP agent
        enable_script_security A1 -
        script_user A1 USER [GROUP]
        use_symlink_paths Y3 [bool]
        set_supplementary_groups Y3 [bool]
        notify_fifo,vrrp_notify_fifo,lvs_notify_fifo A2 PATH [USER [GROUP]]
        notify_fifo_script,vrrp_notify_fifo_script,lvs_notify_fifo_script A2 COMMAND [USER [GROUP]]
        fifo_write_vrrp_states_on_reload A3 -
        startup_script,shutdown_script A3 COMMAND [USER [GROUP]]
        startup_script_timeout,shutdown_script_timeout A3 SECONDS = 10
        process_names N3 - > there is one process
        process_name,vrrp_process_name,checker_process_name,lvs_process_name,bfd_process_name N3 NAME > there is one process
        vrrp_priority A2 NICE
        checker_priority,bfd_priority N2 NICE > there is one process
        vrrp_rt_priority A2 PRIORITY
        checker_rt_priority,bfd_rt_priority N2 PRIORITY > only the VRRP thread runs real-time
        vrrp_rlimit_rttime A3 MICROSECONDS = no limit
        vrrp_rlimit_rtime D3 MICROSECONDS > vrrp_rlimit_rttime
        checker_rlimit_rttime,bfd_rlimit_rttime,checker_rlimit_rtime,bfd_rlimit_rtime N3 MICROSECONDS > only the VRRP thread runs real-time
        vrrp_no_swap A3 -
        checker_no_swap,bfd_no_swap N3 - > there is one process; vrrp_no_swap locks all of it
        vrrp_cpu_affinity A3 CPU [CPU]
        checker_cpu_affinity,bfd_cpu_affinity N3 CPU [CPU] > only the VRRP thread is pinned
        vrrp_netlink_cmd_rcv_bufs,vrrp_netlink_monitor_rcv_bufs,process_monitor_rcv_bufs N3 BYTES > netlink buffers are sized by the daemon
        vrrp_netlink_cmd_rcv_bufs_force,vrrp_netlink_monitor_rcv_bufs_force,process_monitor_rcv_bufs_force N3 [bool] > netlink buffers are sized by the daemon
        umask N3 MASK > the service manager sets it
        random_seed A3 NUMBER
        reload_check_config A2 [FILE]
        reload_time_file Y3 PATH
        reload_repeat Y3 -
        reload_file Y3 [PATH]
        include_check A3 [CHECKS]
        config_save_dir Y3 DIRECTORY
        tmp_config_directory N3 DIRECTORY > no copy of the configuration is made
        data_use_instance N3 - > there are no dump files
        json_version N3 1|2 > there are no dump files
        state_dump_file,stats_dump_file,json_dump_file N3 PATH > there are no dump files
        iproute_usr_dir,iproute_etc_dir Y3 DIRECTORY
        snmp_socket N3 ADDRESS > there is no SNMP agent
        enable_traps,enable_snmp_vrrp,enable_snmp_keepalived,enable_snmp_checker,enable_snmp_rfc,enable_snmp_rfcv2,enable_snmp_rfcv3 N3 - > there is no SNMP agent
        enable_dbus N3 - > there is no DBus interface
        dbus_service_name,dbus_no_interface_name N3 NAME > there is no DBus interface
        instance,use_pid_dir,net_namespace O3 [NAME] > a line of the root, outside global_defs
        [vrrp_instance]
        state A1 MASTER|BACKUP = BACKUP
        interface A1 INTERFACE
        virtual_router_id A1 1-255
        priority A1 1-255 = 100
        advert_int A1 SECONDS = 1
        authentication A1 {authentication -
        auth_hmac Y3 {auth_hmac -
        virtual_ipaddress A1 {entries -
        virtual_ipaddress_excluded A2 {entries -
        no_virtual_ipaddress A3 -
        unicast_src_ip A1 ADDRESS
        unicast_peer A1 {entries -
        nopreempt A1 -
        preempt A2 -
        preempt_delay A1 SECONDS = 0
        version A1 2|3
        native_ipv6 A2 -
        mcast_src_ip A2 ADDRESS
        mcast_dst_ip A3 ADDRESS
        unicast_ttl A2 0-255 = 255
        check_unicast_src A2 -
        unicast_fault_no_peer A3 -
        old_unicast_checksum A3 [never]
        v3_checksum_as_v2 A3 [bool]
        track_src_ip A3 -
        skip_check_adv_addr A2 [bool]
        strict_mode A2 [bool]
        accept,no_accept A2 -
        debug N3 [LEVEL] > logging is set for the whole daemon
        track_interface A1 {entries -
        track_script A1 {entries -
        track_file,track_process A2 {entries -
        track_bfd Y3 {entries -
        dont_track_primary A2 -
        promote_secondaries Y3 -
        linkbeat_use_polling N3 - > links are followed by netlink
        notify_master,notify_backup,notify_fault,notify_stop,notify A1 COMMAND [USER [GROUP]]
        notify_deleted A3 [COMMAND [USER [GROUP]]]
        notify_master_rx_lower_pri A2 COMMAND [USER [GROUP]]
        smtp_alert A1 [bool]
        notify_priority_changes A3 [bool]
        garp_master_delay A1 SECONDS
        garp_master_repeat A1 COUNT
        garp_master_refresh A1 SECONDS
        garp_master_refresh_repeat A1 COUNT
        garp_lower_prio_delay A2 SECONDS
        garp_lower_prio_repeat A2 COUNT
        garp_extra_if Y3 [all] SECONDS
        vmac_garp_intvl Y3 [all] SECONDS > garp_extra_if
        lower_prio_no_advert A2 [bool]
        higher_prio_send_advert A2 [bool]
        down_timer_adverts A2 COUNT = 3
        owner_ignore_adverts A3 [bool]
        timer_expired_backup,thread_timer_expired N3 [PRIORITY] > a router whose timers ran late always listens before it takes over
        kernel_rx_buf_size N3 BYTES > receive buffers are sized by the daemon
        lvs_sync_daemon_interface Y3 INTERFACE > lvs_sync_daemon in global_defs
        use_vmac,use_ipvlan Y2 [OPTIONS]
        vmac_xmit_base Y2 -
        use_vmac_addr Y3 -
        vrf Y3 INTERFACE
        virtual_routes,virtual_rules Y2 {entries -
        [authentication]
        auth_type A1 PASS|AH
        auth_pass A1 PASSWORD
        [auth_hmac]
        key Y3 ID KEY
        active_key Y3 ID
        time_window Y3 SECONDS
        anti_replay,mode Y3 WORD
        [vrrp_sync_group]
        group A1 {words -
        notify_master,notify_backup,notify_fault,notify_stop,notify A1 COMMAND [USER [GROUP]]
        smtp_alert A1 [bool]
        track_interface A2 {entries -
        track_script,track_file,track_process A2 {entries -
        track_bfd Y3 {entries -
        sync_group_tracking_weight A2 -
        global_tracking D3 -
        notify_priority_changes A3 [bool]
        [vrrp_script]
        script A1 SCRIPT
        interval A1 SECONDS = 1
        timeout A1 SECONDS = interval
        weight A1 WEIGHT [reverse] = 0
        rise,fall A1 COUNT = 1
        user A2 USER [GROUP]
        init_fail A2 -
        [vrrp_track_process]
        process A2 NAME [PARAMETERS]
        param_match A3 [initial|partial]
        full_command A3 -
        weight A2 WEIGHT [reverse] = 0
        quorum A2 COUNT = 1
        quorum_max A2 COUNT
        delay,fork_delay,terminate_delay A3 SECONDS = 0
        [track_file]
        file A2 PATH
        weight A2 WEIGHT [reverse] = 1
        init_file A2 [VALUE] [overwrite]
        [track_group]
        group Y3 {words -
        [garp_group]
        garp_interval,gna_interval A3 SECONDS
        interface A3 INTERFACE
        interfaces A3 {words -
        [virtual_server]
        delay_loop A1 SECONDS = 60
        lb_algo,lvs_sched A1 SCHEDULER = wlc
        lb_kind,lvs_method A1 NAT|DR|TUN [OPTIONS] = NAT
        nat_mask O1 NETMASK > keepalived ignores it as an unknown keyword; IPVS has no use for it
        protocol A1 TCP|UDP|SCTP = UDP
        persistence_timeout A1 [SECONDS] = 360
        persistence_granularity A2 NETMASK
        persistence_engine A3 NAME
        sorry_server A1 ADDRESS [PORT]
        sorry_server_inhibit A2 -
        sorry_server_lvs_method A2 NAT|DR|TUN [OPTIONS]
        quorum A1 WEIGHT = 1
        hysteresis A2 WEIGHT = 0
        quorum_up,quorum_down A2 COMMAND [USER [GROUP]]
        ha_suspend,alpha,omega A1 -
        inhibit_on_failure A2 -
        weight A2 WEIGHT = 1
        connect_timeout,delay_before_retry,warmup A2 SECONDS
        retry A2 COUNT
        virtualhost A2 STRING
        smtp_alert A2 [bool]
        snmp_name N3 STRING > there is no SNMP agent
        ip_family A2 inet|inet6
        ops,hashed,flag-1,flag-2,flag-3,sh-port,sh-fallback,mh-port,mh-fallback A3 -
        real_server A1 {real_server ADDRESS [PORT]
        [real_server]
        weight A1 WEIGHT
        lvs_method A2 NAT|DR|TUN [OPTIONS]
        inhibit_on_failure A1 [bool]
        notify_up,notify_down A1 COMMAND [USER [GROUP]]
        smtp_alert A1 [bool]
        alpha A2 [bool]
        delay_loop,connect_timeout,delay_before_retry,warmup A2 SECONDS
        retry A2 COUNT
        uthreshold,lthreshold A2 COUNT
        virtualhost A2 STRING
        snmp_name N3 STRING > there is no SNMP agent
        TCP_CHECK A1 {TCP_CHECK -
        HTTP_GET A1 {HTTP_GET -
        SSL_GET A1 {HTTP_GET -
        SMTP_CHECK A2 {SMTP_CHECK -
        DNS_CHECK A2 {DNS_CHECK -
        UDP_CHECK A2 {UDP_CHECK -
        PING_CHECK A2 {PING_CHECK -
        MISC_CHECK A1 {MISC_CHECK -
        BFD_CHECK Y3 {BFD_CHECK -
        FILE_CHECK A3 {FILE_CHECK -
        [TCP_CHECK]
        @checker
        @nbget
        [HTTP_GET]
        @checker
        nb_get_retry D1 COUNT > retry
        url A1 {url -
        virtualhost,http_protocol,sni_name A2 STRING
        enable_sni,tls_compliant,fast_recovery A2 -
        [url]
        path,digest,virtualhost,regex A1 STRING
        status_code A1 CODE [CODE]
        regex_no_match,tls_compliant A3 -
        regex_options A3 OPTION [OPTION]
        regex_min_offset,regex_max_offset A3 BYTES
        regex_stack N3 START MAX > patterns are matched without a stack
        [SMTP_CHECK]
        @checker
        @nbget
        helo_name A2 STRING
        host D3 {TCP_CHECK - > one SMTP_CHECK a host
        [DNS_CHECK]
        @checker
        @nbget
        type,name A2 STRING
        [UDP_CHECK]
        @checker
        @nbget
        payload A2 HEX
        require_reply A2 [HEX]
        min_reply_length,max_reply_length A3 BYTES
        [PING_CHECK]
        @checker
        @nbget
        [MISC_CHECK]
        misc_path A1 COMMAND
        misc_timeout A2 SECONDS
        misc_dynamic A2 -
        user A2 USER [GROUP]
        retry A1 COUNT
        delay_before_retry,warmup,delay_loop A1 SECONDS
        alpha,log_all_failures A2 [bool]
        @nbget
        [BFD_CHECK]
        name Y3 NAME
        alpha Y3 [bool]
        [FILE_CHECK]
        track_file A3 NAME
        weight A3 WEIGHT [reverse]
        [SSL]
        password,ca,certificate,key A3 STRING
        [bfd_instance]
        neighbor_ip,neighbour_ip,source_ip Y3 ADDRESS
        min_rx,min_tx,idle_tx Y3 MILLISECONDS
        multiplier,ttl,hoplimit,max_hops Y3 NUMBER
        passive,vrrp,checker Y3 -
        multihop Y3 [bool]
        weight Y3 WEIGHT [reverse]
        """;

    /// <summary>
    /// Before the keywords that keepalived does not have: to it such a line is a comment. In the table they begin with its first character.
    /// </summary>
    public const string OwnPrefix = "!vrrp";

    private const string Checker = """
        connect_ip,bindto A1 ADDRESS
        connect_port,bind_port A1 PORT
        bind_if A3 INTERFACE
        connect_timeout,delay_before_retry,delay_loop,warmup A1 SECONDS
        fwmark A3 MARK
        retry A1 COUNT
        alpha,log_all_failures A2 [bool]
        """;

    private const string NbGet = "nb_get_retry D1 COUNT > retry";

    private static readonly Dictionary<string, BlockSpec> s_blocks = Build();

    public static BlockSpec Root => s_blocks["root"];

    public static IReadOnlyDictionary<string, BlockSpec> Blocks => s_blocks;

    /// <summary>Root blocks whose header cannot be mistaken for anything else, wherever it stands.</summary>
    public static bool IsUnmistakable(string keyword) =>
        keyword is "vrrp_instance" or "vrrp_sync_group" or "virtual_server" or "virtual_server_group" or "global_defs" or "vrrp_script" or "static_ipaddress";

    /// <summary>The keyword of a block that a misspelt one is nearest to. Null: none is near.</summary>
    public static string? Suggest(BlockSpec block, string word) => Nearest(block.Keywords.Select(keyword => keyword.Name), word);

    /// <summary>The name that a misspelt one is nearest to. Null: none is near.</summary>
    public static string? Nearest(IEnumerable<string> names, string word)
    {
        string? best = null;
        int bestDistance = Math.Max(1, word.Length / 4) + 1;
        if (word.Length > 40)
            return null;
        foreach (string name in names)
        {
            // No word is nearer to another than their lengths are.
            if (Math.Abs(word.Length - name.Length) >= bestDistance)
                continue;
            int distance = Distance(word, name);
            if (distance < bestDistance)
                (best, bestDistance) = (name, distance);
        }

        return best;
    }

    /// <summary>Blocks other than the given one that know a word, for a hint where it belongs.</summary>
    public static ImmutableArray<string> BlocksWith(string word) =>
        [.. s_blocks.Values.Where(b => b.Find(word) is { Status: not KeywordStatus.Obsolete }).Select(b => b.Name).Order(StringComparer.Ordinal)];

    private static int Distance(string a, string b)
    {
        if (Math.Abs(a.Length - b.Length) > 10)
            return int.MaxValue;
        Span<int> previous = stackalloc int[b.Length + 1];
        Span<int> before = stackalloc int[b.Length + 1];
        Span<int> row = stackalloc int[b.Length + 1];
        for (int j = 0; j <= b.Length; j++)
            previous[j] = j;
        for (int i = 1; i <= a.Length; i++)
        {
            row[0] = i;
            for (int j = 1; j <= b.Length; j++)
            {
                // Case alone is the mildest of mistakes: keywords are case sensitive.
                int cost = char.ToLowerInvariant(a[i - 1]) == char.ToLowerInvariant(b[j - 1]) || (a[i - 1] is '-' && b[j - 1] is '_') ? 0 : 1;
                row[j] = Math.Min(Math.Min(previous[j] + 1, row[j - 1] + 1), previous[j - 1] + cost);
                if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                    row[j] = Math.Min(row[j], before[j - 2] + 1);
            }

            previous.CopyTo(before);
            row.CopyTo(previous);
        }

        return previous[b.Length];
    }

    private static Dictionary<string, BlockSpec> Build()
    {
        var blocks = new Dictionary<string, BlockSpec>(StringComparer.Ordinal)
        {
            ["entries"] = new("entries", BlockKind.Entries),
            ["words"] = new("words", BlockKind.Words),
        };
        string text = Text.Replace("@checker", Checker, StringComparison.Ordinal).Replace("@nbget", NbGet, StringComparison.Ordinal);
        string[] lines = text.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        foreach (string line in lines)
        {
            if (line[0] == '[')
                blocks[line[1..^1]] = new(line[1..^1], BlockKind.Keywords);
        }

        BlockSpec? current = null;
        var keywords = new List<Keyword>();
        foreach (string line in lines.Append("[]"))
        {
            if (line[0] == '[')
            {
                current?.SetKeywords(keywords);
                keywords.Clear();
                current = blocks.GetValueOrDefault(line[1..^1]);
                continue;
            }

            string rest = line;
            string? replacement = Cut(ref rest, " > ");
            string? standard = Cut(ref rest, " = ");
            string[] words = rest.Split(' ');
            var status = words[1][0] switch
            {
                'A' => KeywordStatus.Active,
                'Y' => KeywordStatus.NotActiveYet,
                'N' => KeywordStatus.NoEffect,
                'D' => KeywordStatus.Deprecated,
                _ => KeywordStatus.Obsolete,
            };
            int from = words.Length > 2 && words[2][0] == '{' ? 3 : 2;
            var block = from == 3 ? blocks[words[2][1..]] : null;
            string[] arguments = words[from..];
            int min = 0;
            while (min < arguments.Length && arguments[min][0] is not ('[' or '-'))
                min++;
            string shown = arguments is ["-"] ? "" : string.Join(' ', arguments);
            foreach (string name in words[0].Split(','))
                keywords.Add(new(name[0] == '!' ? $"{OwnPrefix} {name[1..]}" : name, status, words[1][1] - '0', shown, min, standard, replacement, block));
        }

        return blocks;
    }

    private static string? Cut(ref string text, string mark)
    {
        int at = text.IndexOf(mark, StringComparison.Ordinal);
        if (at < 0)
            return null;
        string tail = text[(at + mark.Length)..];
        text = text[..at];
        return tail;
    }
}
