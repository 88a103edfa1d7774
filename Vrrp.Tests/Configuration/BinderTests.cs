using Vrrp.Daemon.Configuration.Binding;
using Vrrp.Daemon.Configuration.Diagnostics;
using Vrrp.Daemon.Configuration.Model;
using Vrrp.Daemon.Failover;
using static Vrrp.Tests.Configuration.ConfigurationTesting;

namespace Vrrp.Tests.Configuration;

public class BinderTests
{
    [Fact]
    public void A_pipe_of_two_keywords_is_told()
    {
        var result = Load("global_defs {\nnotify_fifo /run/f\nnotify_fifo_script /run/f\nlvs_notify_fifo /run/g\nvrrp_notify_fifo /run/f\n}\n");
        var finding = Assert.Single(result.Diagnostics);
        Assert.StartsWith("'/run/f' is the pipe of another keyword already: it gets the lines of both", finding.Message, StringComparison.Ordinal);
        Assert.Equal(("VRRP0610", 3), (finding.Code, result.Config!.GlobalDefs.NotifyFifos.Length));
    }

    [Fact]
    public void Defaults_are_those_of_keepalived()
    {
        var instance = Instance("");
        Assert.Equal(WantedState.Backup, instance.InitialState);
        Assert.Equal(100, instance.Priority.Value);
        Assert.Equal(AdvertisementInterval.OneSecond, instance.AdvertisementInterval);
        Assert.Equal((VrrpVersion.V2, IPFamily.IPv4), (instance.Version, instance.Family));
        Assert.Equal(IPAddressValue.MulticastGroupIPv4, instance.MulticastGroup);
        Assert.True(instance is { Preempt: true, Accept: true, TrackPrimaryInterface: true, DownTimerAdverts: 3, UnicastTtl: 255, Strict: false });
        Assert.Equal(new GarpSettings(), instance.Announcements);
        Assert.Equal("10.0.0.1/32", instance.VirtualAddresses[0].ToString());
    }

    [Theory]
    [InlineData("priority 1", 1)]
    [InlineData("priority 255", 255)]
    [InlineData("priority 10\npriority 20", 20)]
    [InlineData("priority 150;", 150)]
    [InlineData("state MASTER", 255)]
    [InlineData("state MASTER\npriority 90", 90)]
    public void Priority(string lines, int expected) => Assert.Equal(expected, Instance(lines).Priority.Value);

    [Theory]
    [InlineData("", "BACKUP")]
    [InlineData("priority 255", "MASTER")]
    [InlineData("state BACKUP\npriority 255", "BACKUP")]
    [InlineData("state MASTER\npriority 100", "MASTER")]
    [InlineData("state MASTER\npriority 100\nstrict_mode", "BACKUP")]
    [InlineData("state BACKUP\npriority 255\nstrict_mode", "MASTER")]
    [InlineData("state master", "BACKUP")]
    public void State(string lines, string expected) =>
        Assert.Equal(expected == "MASTER" ? WantedState.Master : WantedState.Backup, Instance(lines).InitialState);

    [Theory]
    [InlineData("advert_int 3", "", 300)]
    [InlineData("advert_int 255", "", 25500)]
    [InlineData("advert_int 1.4", "", 100)]
    [InlineData("advert_int 1.5", "", 200)]
    [InlineData("advert_int 0.2", "", 100)]
    [InlineData("advert_int 0.01", "vrrp_version 3", 1)]
    [InlineData("advert_int 40.95", "vrrp_version 3", 4095)]
    [InlineData("advert_int 41", "vrrp_version 3", 4095)]
    [InlineData("advert_int 0.125", "vrrp_version 3", 13)]
    [InlineData("advert_int 0", "", 100)]
    [InlineData("advert_int 256", "", 100)]
    public void Interval(string lines, string globals, int centiseconds) =>
        Assert.Equal(centiseconds, Instance(lines, globals).AdvertisementInterval.Centiseconds);

    [Theory]
    [InlineData("version 3", "", VrrpVersion.V3)]
    [InlineData("", "vrrp_version 3", VrrpVersion.V3)]
    [InlineData("version 2", "vrrp_version 3", VrrpVersion.V2)]
    [InlineData("version 4", "vrrp_version 3", VrrpVersion.V3)]
    public void Version(string lines, string globals, VrrpVersion expected) => Assert.Equal(expected, Instance(lines, globals).Version);

    [Fact]
    public void Globals_below_the_instance_apply_to_it()
    {
        var instance = Config(InstanceText("") + "\nglobal_defs {\nvrrp_version 3\nvrrp_garp_master_delay 7\n}").Instances[0];
        Assert.Equal(VrrpVersion.V3, instance.Version);
        Assert.Equal((7, 7), (instance.Announcements.MasterDelay.TotalSeconds, instance.Announcements.LowerPriorityDelay.TotalSeconds));
    }

    [Fact]
    public void Announcements_resolve_instance_then_global_then_default()
    {
        var a = Instance(
            "garp_master_delay 1\ngarp_lower_prio_repeat 0",
            "vrrp_garp_master_delay 9\nvrrp_garp_master_repeat 8\nvrrp_garp_master_refresh 60\nvrrp_garp_master_refresh_repeat 2\nvrrp_garp_interval 0.001\nvrrp_gna_interval 0.002").Announcements;
        Assert.Equal(new GarpSettings
        {
            MasterDelay = TimeSpan.FromSeconds(1),
            MasterRepeat = 8,
            MasterRefresh = TimeSpan.FromSeconds(60),
            MasterRefreshRepeat = 2,
            LowerPriorityDelay = TimeSpan.FromSeconds(9),
            LowerPriorityRepeat = 0,
            ArpInterval = TimeSpan.FromMilliseconds(1),
            NeighborInterval = TimeSpan.FromMilliseconds(2),
        }, a);
        Assert.Equal((1, 0), (Instance("", "vrrp_min_garp").Announcements.MasterRepeat, Instance("", "vrrp_min_garp").Announcements.MasterDelay.TotalSeconds));
        Assert.Equal(1, Instance("garp_master_repeat 0").Announcements.MasterRepeat);
    }

    [Theory]
    [InlineData("nopreempt", false, 0)]
    [InlineData("nopreempt\npreempt", true, 0)]
    [InlineData("preempt_delay 2.5", true, 2500)]
    [InlineData("preempt_delay 1000", true, 1000000)]
    [InlineData("preempt_delay 1001", true, 0)]
    [InlineData("nopreempt\npreempt_delay 2", false, 0)]
    [InlineData("state MASTER\npriority 90\nnopreempt\npreempt_delay 2", true, 0)]
    [InlineData("priority 255\nnopreempt", true, 0)]
    [InlineData("strict_mode\npreempt_delay 2", true, 0)]
    public void Preemption(string lines, bool preempt, int delay)
    {
        var instance = Instance(lines);
        Assert.Equal((preempt, delay), (instance.Preempt, (int)instance.PreemptDelay.TotalMilliseconds));
    }

    [Theory]
    [InlineData("auth_type PASS\nauth_pass 1234", "1234", "")]
    [InlineData("auth_type PASS\nauth_pass 12345678", "12345678", "")]
    [InlineData("auth_type PASS\nauth_pass 123456789", "12345678", "VRRP0220")]
    [InlineData("auth_type PASS\nauth_pass \"a b\"", "a b", "")]
    [InlineData("auth_type PASS\nauth_pass \"\"", null, "VRRP0221")]
    [InlineData("auth_type PASS", null, "VRRP0221")]
    [InlineData("auth_pass 1234", null, "VRRP0222")]
    [InlineData("auth_type MD5\nauth_pass 1234", null, "VRRP0218")]
    [InlineData("auth_type PASS\nauth_pass a b", "a", "VRRP0122")]
    [InlineData("auth_type PASS\nauth_pas 1234", null, "VRRP0221,VRRP0101")]
    [InlineData("auth_type PASS\nauth_pass 12345678é", "12345678", "VRRP0220")]
    public void Authentication(string lines, string? password, string codes)
    {
        string text = InstanceText($"authentication {{\n{lines}\n}}");
        var secret = Config(text).Instances[0].Authentication?.Password;
        Assert.Equal(password, secret is null ? null : System.Text.Encoding.UTF8.GetString(secret.Bytes));
        Assert.Equal(codes, string.Join(',', Codes(text)));
    }

    [Theory]
    [InlineData("auth_pass\nhunter2")]
    [InlineData("auth_pas hunter2")]
    [InlineData("authpass hunter2")]
    [InlineData("auth_pass \"hunter2")]
    [InlineData("auth_pass $hunter2")]
    [InlineData("auth_pass hun{hunter2")]
    [InlineData("auth_type hunter2")]
    [InlineData("auth_type PASS hunter2")]
    [InlineData("auth_pass #hunter2")]
    public void A_password_in_the_wrong_place_is_not_shown(string line)
    {
        var result = Load(InstanceText($"authentication {{\n{line}\n}}"));
        Assert.NotEmpty(result.Diagnostics);
        Assert.DoesNotContain("hunter2", DiagnosticPrinter.ToText(result.Diagnostics), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("version 3")]
    [InlineData("strict_mode")]
    public void Authentication_is_dropped_where_the_protocol_has_none(string lines)
    {
        string text = InstanceText(lines + "\nauthentication {\nauth_type PASS\nauth_pass 1\n}");
        Assert.Null(Config(text).Instances[0].Authentication);
        Assert.Equal(["VRRP0217"], Codes(text));
    }

    [Fact]
    public void A_password_that_is_not_ASCII_is_an_error_at_its_place()
    {
        var result = Load(InstanceText("authentication {\nauth_type PASS\nauth_pass pässwor\n}"));
        Assert.Null(result.Config);
        Assert.Equal(["VRRP0236 12:11"], Findings(result));
    }

    [Theory]
    [InlineData("10.0.0.5/24", "10.0.0.5/24")]
    [InlineData("10.0.0.5/24 dev eth7", "10.0.0.5/24 dev eth7")]
    [InlineData("10.0.0.5/99", "10.0.0.5/32")]
    [InlineData("10.0.0.5/x", "10.0.0.5/32")]
    [InlineData("010.0.0.5", null)]
    [InlineData("10.0.0", null)]
    [InlineData("10.0.0.5 label 1234567890123456", null)]
    public void Addresses(string entry, string? expected) =>
        Assert.Equal(expected, Instance($"virtual_ipaddress {{\n{entry}\n}}").VirtualAddresses.Skip(1).FirstOrDefault()?.ToString());

    [Fact]
    public void Address_options()
    {
        var instance = Instance("virtual_ipaddress {\n10.0.0.5/24 brd + scope link label eth0:1 noprefixroute autojoin dev eth9 preferred_lft 5\n}\nvirtual_ipaddress_excluded {\nfe80::1 -nodad home mngtmpaddr dev eth8 no_track\n2001:db8::1/64\n}");
        Assert.Equal(new VirtualAddress
        {
            Address = IPAddressValue.Parse("10.0.0.5"),
            PrefixLength = 24,
            Broadcast = IPAddressValue.Parse("10.0.0.255"),
            Scope = AddressScope.Link,
            Label = "eth0:1",
            Interface = "eth9",
            PreferredLifetime = 5,
            Options = AddressOptions.NoPrefixRoute | AddressOptions.AutoJoin,
        }, instance.VirtualAddresses[1]);
        Assert.Equal(AddressOptions.DuplicateDetection | AddressOptions.Home | AddressOptions.ManageTemporary, instance.ExcludedAddresses[0].Options);
        Assert.Equal((0u, null), (instance.ExcludedAddresses[0].PreferredLifetime, instance.ExcludedAddresses[1].PreferredLifetime));
        Assert.Equal("eth9", Assert.Single(instance.TrackInterfaces).Name);
    }

    [Fact]
    public void Family_comes_from_the_first_address_and_brings_version_3()
    {
        var instance = Assert.Single(Config("vrrp_instance V {\ninterface eth0\nvirtual_router_id 1\nvirtual_ipaddress {\nfe80::1\n10.0.0.1\n}\n}").Instances);
        Assert.Equal((IPFamily.IPv6, VrrpVersion.V3, 1), (instance.Family, instance.Version, instance.VirtualAddresses.Length));
        Assert.Equal(IPAddressValue.MulticastGroupIPv6, instance.MulticastGroup);
    }

    [Fact]
    public void More_addresses_than_an_advert_holds_are_excluded_ones()
    {
        var entries = string.Join('\n', Enumerable.Range(0, 300).Select(i => $"10.1.{i / 250}.{i % 250}"));
        var instance = Instance($"virtual_ipaddress {{\n{entries}\n}}");
        Assert.Equal((255, 46), (instance.VirtualAddresses.Length, instance.ExcludedAddresses.Length));
    }

    [Fact]
    public void Unicast()
    {
        var instance = Instance("unicast_src_ip 10.0.0.9\nunicast_ttl 5\nunicast_peer {\n10.0.0.10\n10.0.0.11 min_ttl 3 max_ttl 4\nfe80::1\nx\n}");
        Assert.Equal("10.0.0.9", instance.UnicastSource.ToString());
        Assert.Equal(2, instance.UnicastPeers.Length);
        Assert.Equal(new UnicastPeer(IPAddressValue.Parse("10.0.0.11"), 3, 4), instance.UnicastPeers[1]);
        Assert.True(instance is { UnicastTtl: 5, CheckUnicastSource: true, MulticastSource: null });
        Assert.Equal("10.0.0.9", Instance("unicast_src_ip 10.0.0.9").MulticastSource.ToString());
        Assert.Equal("10.0.0.9", Instance("mcast_src_ip 10.0.0.9").MulticastSource.ToString());
        Assert.True(Instance("unicast_peer {\n}\nunicast_fault_no_peer").FaultWithoutPeers);
    }

    [Fact]
    public void Unicast_needs_no_interface_when_it_has_a_source()
    {
        var instance = Assert.Single(Config("vrrp_instance V {\nvirtual_router_id 1\nunicast_src_ip 10.0.0.9\nunicast_peer {\n10.0.0.8\n}\nvirtual_ipaddress {\n10.0.0.1\n}\n}").Instances);
        Assert.Null(instance.Interface);
    }

    [Theory]
    [InlineData("version 3", VrrpChecksum.WithPseudoHeader)]
    [InlineData("version 3\nv3_checksum_as_v2", VrrpChecksum.MessageOnly)]
    [InlineData("version 3\nold_unicast_checksum\nunicast_peer {\n10.0.0.8\n}", VrrpChecksum.WithMulticastPseudoHeader)]
    [InlineData("version 3\nold_unicast_checksum", VrrpChecksum.WithPseudoHeader)]
    public void Checksum(string lines, VrrpChecksum expected) => Assert.Equal(expected, Instance(lines).Checksum);

    [Theory]
    [InlineData("224.0.0.9")]
    [InlineData("0.0.0.0/0")]
    [InlineData("ff02::12")]
    [InlineData("::")]
    public void An_address_that_no_host_can_have_is_ignored(string address)
    {
        string text = InstanceText($"virtual_ipaddress_excluded {{\n{address}\n10.0.0.3\n}}\nunicast_peer {{\n10.0.0.8\n{address.Split('/')[0]}\n}}")
            + $"\nstatic_ipaddress {{\n{address} dev eth1\n}}\n";
        Assert.Equal(["VRRP0140", "VRRP0140", "VRRP0140"], Codes(text));
        Assert.Equal("10.0.0.3/32", Assert.Single(Config(text).Instances[0].ExcludedAddresses).ToString());
        Assert.Equal(
            ["VRRP0140", "VRRP0204"],
            Codes($"vrrp_instance V {{\nversion 3\ninterface eth0\nvirtual_router_id 1\nvirtual_ipaddress {{\n{address}\n}}\n}}").Order());
    }

    [Theory]
    [InlineData("vrrp_sync_group G {\ngroup {\nauth_pass Zq9sesame\n}\n}")]
    [InlineData("vrrp_instance V {\ntrack_interface {\nauth_pass Zq9sesame\n}\n}")]
    [InlineData("vrrp_instance V {\nvirtual_ipaddress {\n10.0.0.1 auth_pass Zq9sesame\n}\n}")]
    [InlineData("$P=Zq9sesame\nvrrp_instance V {\ntrack_interface {\nauth_pass $P\n}\n}")]
    [InlineData("auth_pass Zq9sesame\n")]
    public void A_password_in_another_block_is_not_shown(string text) =>
        Assert.DoesNotContain("Zq9sesame", DiagnosticPrinter.ToText(Load(text).Diagnostics), StringComparison.Ordinal);

    [Fact]
    public void No_more_is_tracked_than_every_member_of_a_group_can_track_too()
    {
        string list = $"track_interface {{\n{string.Join('\n', Enumerable.Range(0, 1002).Select(i => $"e{i}"))}\n}}";
        Assert.Equal(["VRRP0312", "VRRP0312"], Codes(InstanceText(list)));
        Assert.Equal(1000, Instance(list).TrackInterfaces.Length);
    }

    [Fact]
    public void The_first_peer_that_two_instances_have_in_common_is_a_conflict()
    {
        string text = string.Concat(Enumerable.Range(1, 3).Select(i => InstanceText($"unicast_peer {{\n10.0.0.{i}\n10.0.0.{i + 1}\n}}")
            .Replace("vrrp_instance V", $"vrrp_instance V{i}", StringComparison.Ordinal).Replace("10.0.0.1\n}\nunicast", $"10.0.1.{i}\n}}\nunicast", StringComparison.Ordinal) + "\n"));
        var conflicts = Load(text).Diagnostics.Where(d => d.Code == "VRRP0206").ToArray();
        Assert.Equal(2, conflicts.Length);
        Assert.Contains("used by 'V1'", conflicts[0].Message, StringComparison.Ordinal);
        Assert.Contains("used by 'V2'", conflicts[1].Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Strict_mode_has_its_consequences()
    {
        var instance = Instance(
            "strict_mode\naccept\ndown_timer_adverts 5\nhigher_prio_send_advert\nlower_prio_no_advert off\ngarp_lower_prio_repeat 3\ngarp_lower_prio_delay 3");
        Assert.True(instance is { Strict: true, Accept: false, DownTimerAdverts: 3, HigherPrioritySendAdvert: false, LowerPriorityNoAdvert: true });
        Assert.Equal((0, TimeSpan.Zero), (instance.Announcements.LowerPriorityRepeat, instance.Announcements.LowerPriorityDelay));
        Assert.True(Instance("strict_mode\nversion 3\naccept").Accept);
        Assert.True(Instance("strict_mode\npriority 255") is { Accept: true, OwnerIgnoreAdverts: true });
        Assert.False(Instance("strict_mode off", "vrrp_strict").Strict);
    }

    [Theory]
    [InlineData("fe80::1", "strict_mode", "")]
    [InlineData("2001:db8::1", "strict_mode", "VRRP0230")]
    [InlineData("2001:db8::1", "", "")]
    public void Strict_mode_wants_a_link_local_address_first(string address, string line, string codes) =>
        Assert.Equal(codes, string.Join(',', Codes($"vrrp_instance V {{\nversion 3\ninterface eth0\nvirtual_router_id 1\n{line}\nvirtual_ipaddress {{\n{address}\n}}\n}}")));

    [Fact]
    public void Switches()
    {
        var instance = Instance("lower_prio_no_advert\nhigher_prio_send_advert on\ndown_timer_adverts 100\nskip_check_adv_addr off\ndont_track_primary\nno_accept\npromote_secondaries\nkernel_rx_buf_size 9000\nsmtp_alert\ncheck_unicast_src");
        Assert.True(instance is
        {
            LowerPriorityNoAdvert: true, HigherPrioritySendAdvert: true, DownTimerAdverts: 100, SkipCheckAdvertisedAddresses: true,
            TrackPrimaryInterface: false, Accept: false, PromoteSecondaries: true, SmtpAlert: true, CheckUnicastSource: false,
        });
    }

    [Fact]
    public void The_table_for_no_accept()
    {
        var filter = RouterMapping.MapFilter(Globals("nftables filter_vips\nnftables_priority -32768\nnftables_counters\nnftables_ifindex"));
        Assert.Equal(("filter_vips", -32768, true), (filter.Table, filter.Priority, filter.Counters));
        Assert.Equal(new() { Table = "vrrp", Priority = -1 }, RouterMapping.MapFilter(Globals("nftables\nnftables_priority 32768")));
        Assert.Equal(new() { Table = "vrrp" }, RouterMapping.MapFilter(Globals($"nftables {new string('x', 256)}")));
        Assert.Contains("VRRP0139", Codes($"global_defs {{\nnftables {new string('x', 256)}\n}}\n"));
    }

    [Fact]
    public void Tracked_interfaces()
    {
        var trackers = Instance("track_interface {\neth1\neth2 weight -253\neth3 weight 253 reverse\neth4 weight 254\n}").TrackInterfaces;
        Assert.Equal([new("eth1"), new("eth2", -253), new("eth3", 253, Reverse: true), new("eth4")], trackers.ToArray());
    }

    [Theory]
    [InlineData("virtual_router_id 0", "VRRP0104 10:19")]
    [InlineData("virtual_router_id 256", "VRRP0104 10:19")]
    [InlineData("virtual_router_id -1", "VRRP0105 10:19")]
    [InlineData("virtual_router_id 99999999999999999999", "VRRP0104 10:19")]
    [InlineData("virtual_router_id", "VRRP0102 10:1")]
    [InlineData("priority 0", "VRRP0104 10:10")]
    [InlineData("priority 256", "VRRP0104 10:10")]
    [InlineData("priority high", "VRRP0105 10:10")]
    [InlineData("interface lo", "VRRP0203 10:11")]
    [InlineData("interface a/b", "VRRP0113 10:11,VRRP0234 10:11")]
    public void What_has_no_safe_meaning_is_an_error(string line, string finding)
    {
        var result = Load(InstanceText(line));
        Assert.Null(result.Config);
        Assert.Equal(finding, string.Join(',', Findings(result)));
        Assert.Equal(DiagnosticSeverity.Error, result.Diagnostics[^1].Severity);
    }

    [Theory]
    [InlineData("eth0", "", true)]
    [InlineData("eth1", "", false)]
    [InlineData("eth0", "mcast_dst_ip 224.0.0.99", false)]
    [InlineData("eth0", "unicast_peer {\n10.0.0.7\n}", false)]
    public void One_virtual_router_id_may_be_used_once(string other, string lines, bool error)
    {
        string second = InstanceText(lines).Replace("instance V", "instance W", StringComparison.Ordinal).Replace("eth0", other, StringComparison.Ordinal).Replace("10.0.0.1\n", "10.0.0.2\n", StringComparison.Ordinal);
        Assert.Equal(error, Codes(InstanceText("") + "\n" + second).Contains("VRRP0206"));
    }

    [Theory]
    [InlineData("unicast_src_ip 10.0.0.8\nunicast_peer {\n10.0.0.7\n}", "unicast_src_ip 10.0.0.9\nunicast_peer {\n10.0.0.7\n}", true)]
    [InlineData("unicast_src_ip 10.0.0.8\nunicast_peer {\n10.0.0.7\n}", "unicast_src_ip 10.0.0.8\nunicast_peer {\n10.0.0.6\n}", false)]
    [InlineData("mcast_dst_ip 224.0.0.99", "mcast_dst_ip 224.0.0.99", true)]
    public void What_passes_can_run_side_by_side(string first, string second, bool error)
    {
        string other = InstanceText(second).Replace("instance V", "instance W", StringComparison.Ordinal).Replace("10.0.0.1\n", "10.0.0.2\n", StringComparison.Ordinal);
        var result = Load(InstanceText(first) + "\n" + other);
        Assert.Equal(error, result.Config is null);
        if (result.Config is { } config)
            Assert.Empty(RouterPlan.Create([], RouterMapping.Map(config)).Problems);
    }

    [Fact]
    public void Sync_groups()
    {
        string two = InstanceText("state MASTER\npriority 90\ntrack_interface {\neth5 weight 5\n}") + "\n"
            + InstanceText("").Replace("instance V", "instance W", StringComparison.Ordinal).Replace("51", "52", StringComparison.Ordinal).Replace("10.0.0.1\n", "10.0.0.2\n", StringComparison.Ordinal);
        var config = Config("vrrp_sync_group G {\ngroup {\nV W X\n}\ntrack_interface {\neth6\n}\nnotify \"/x\"\nsmtp_alert\n}\n" + two);
        Assert.Equal(["V", "W"], config.SyncGroups[0].Members.ToArray());
        Assert.All(config.Instances, i => Assert.Equal("G", i.SyncGroup));
        Assert.All(config.Instances, i => Assert.Equal(WantedState.Backup, i.InitialState));
        Assert.Equal([new("eth5"), new("eth6")], config.Instances[0].TrackInterfaces.ToArray());
        Assert.Equal("/x", config.SyncGroups[0].Notify.Any!.CommandLine);
    }

    [Fact]
    public void Globals_of_mail_and_process()
    {
        var globals = Globals("smtp_server mx 587\nsmtp_connect_timeout 0\nnotification_email_from a@b\nvrrp_rt_priority 99\nvrrp_priority -20\nvrrp_no_swap\nvrrp_cpu_affinity 0 3\nvrrp_rlimit_rttime 5000\nvrrp_startup_delay 2.5\ndynamic_interfaces allow_if_changes\nscript_user nobody nogroup\nenable_script_security\nmax_auto_priority -1");
        Assert.Equal(("mx", "587", 1), (globals.SmtpServer, globals.SmtpPort, (int)globals.SmtpConnectTimeout.TotalSeconds));
        Assert.Equal((99, -20), (globals.RealTimePriority, globals.NicePriority));
        Assert.Equal([0, 3], globals.CpuAffinity.ToArray());
        Assert.True(globals is { NoSwap: true, DynamicInterfaces: true, EnableScriptSecurity: true, ScriptUser: "nobody", ScriptGroup: "nogroup" });
        Assert.Equal((5000d, 2.5), (globals.RealTimeLimit!.Value.TotalMicroseconds, globals.StartupDelay.TotalSeconds));
    }

    [Theory]
    [InlineData("vrrp_rt_priority 100", "VRRP0104")]
    [InlineData("vrrp_rt_priority 0", "VRRP0104")]
    [InlineData("vrrp_priority 20", "VRRP0104")]
    [InlineData("vrrp_cpu_affinity 0 1024", "VRRP0104")]
    [InlineData("vrrp_mcast_group4 10.0.0.1", "VRRP0112")]
    [InlineData("vrrp_mcast_group4 ff02::12", "VRRP0112")]
    [InlineData("vrrp_garp_interval 0", "VRRP0129")]
    [InlineData("vrrp_garp_master_delay x", "VRRP0107")]
    [InlineData("vrrp_down_timer_adverts 101", "VRRP0104")]
    [InlineData("router_id", "VRRP0103")]
    [InlineData("vrrp_strict perhaps", "VRRP0110")]
    [InlineData("default_interface a/b", "VRRP0113")]
    [InlineData("vrrp_no_swap now", "VRRP0122")]
    [InlineData("Router_Id x", "VRRP0101")]
    [InlineData("vrrp_startup_delay 1.0000001", "VRRP0109")]
    public void What_keepalived_ignores_is_a_warning(string line, string code)
    {
        var result = Load($"global_defs {{\n{line}\n}}");
        Assert.NotNull(result.Config);
        Assert.Equal(code, Assert.Single(result.Diagnostics).Code);
    }

    [Theory]
    [InlineData("bfd_instance b {\nneighbour_ip 10.0.0.1\nintervall 5\n}", "VRRP0401,VRRP0101")]
    [InlineData("bfd_instance b {\nmin_rx\n}", "VRRP0401,VRRP0102")]
    [InlineData("static_routes {\ndefault via 10.0.0.1\n}", "VRRP0401")]
    [InlineData("track_group t {\ngroup { V }\n}", "VRRP0401")]
    public void Blocks_of_later_versions_are_walked(string text, string codes) => Assert.Equal(codes, string.Join(',', Codes(text)));

    [Theory]
    [InlineData("bogus{0} x\n", 40_000)]
    [InlineData("vrrp_instance V {{\nunicast_peer {{\n", 1, "10.{1}.{2}.{3}\n", 40_000)]
    [InlineData("static_ipaddress {{\n", 1, "10.{1}.{2}.{3}\n", 40_000)]
    [InlineData("vrrp_instance V{0} {{\n}}\n", 15_000)]
    [InlineData("vrrp_sync_group G {{\ngroup {{\n", 1, "V{0}\n", 40_000)]
    [InlineData("vrrp_instance V {{\ntrack_interface {{\n", 1, "e{0}\n", 40_000)]
    public void A_huge_file_loads_soon(string head, int heads, string line = "", int lines = 0)
    {
        var text = new System.Text.StringBuilder();
        for (int i = 0; i < heads; i++)
            text.AppendFormat(null, head, i);
        for (int i = 0; i < lines; i++)
            text.AppendFormat(null, line, i, i >> 16 & 255, i >> 8 & 255, i & 255);
        var clock = System.Diagnostics.Stopwatch.StartNew();
        Assert.True(Load(text.ToString()).Diagnostics.Length < 2100);
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(30), clock.Elapsed.ToString());
    }

    [Fact]
    public void No_two_kinds_of_finding_share_a_code()
    {
        using var file = new StreamReader(Path.Combine(Root(), "Vrrp.Daemon", "Configuration", "Diagnostics", "DiagnosticBag.cs"));
        string[] codes = [.. System.Text.RegularExpressions.Regex.Matches(file.ReadToEnd(), "Add\\(\"(VRRP[0-9]{4})\"").Select(match => match.Groups[1].Value)];
        Assert.True(codes.Length > 100);
        Assert.Equal(codes.Distinct(), codes);

        static string Root()
        {
            string directory = AppContext.BaseDirectory;
            while (!File.Exists(Path.Combine(directory, "Vrrp.sln")))
                directory = Path.GetDirectoryName(directory) ?? throw new InvalidOperationException("The tests run from below the folder of Vrrp.sln.");
            return directory;
        }
    }

    [Fact]
    public void Every_keyword_of_the_table_is_known_where_it_belongs()
    {
        var missed = new List<string>();
        foreach (var keyword in KeywordTable.Blocks["global_defs"].Keywords.Where(k => k.Block is null && k.Status != KeywordStatus.Obsolete))
        {
            if (Codes($"global_defs {{\n{keyword.Name} 1 2 3\n}}").Any(c => c is "VRRP0101" or "VRRP0102"))
                missed.Add(keyword.Name);
        }

        foreach (var keyword in KeywordTable.Blocks["vrrp_instance"].Keywords)
        {
            string line = keyword.Block is null ? $"{keyword.Name} 1 2 3" : $"{keyword.Name} {{\n}}";
            if (Codes(InstanceText(line)).Any(c => c is "VRRP0101" or "VRRP0102"))
                missed.Add(keyword.Name);
        }

        Assert.Empty(missed);
    }

    [Theory]
    [InlineData("vrrp_instance", "prioritiy", "priority")]
    [InlineData("vrrp_instance", "virtual-router-id", "virtual_router_id")]
    [InlineData("vrrp_instance", "PRIORITY", "priority")]
    [InlineData("vrrp_instance", "no_preempt", "nopreempt")]
    [InlineData("vrrp_instance", "zzz", null)]
    public void Misspelt_keywords_get_a_suggestion(string block, string word, string? expected) =>
        Assert.Equal(expected, KeywordTable.Suggest(KeywordTable.Blocks[block], word));
}
