using Vrrp.Daemon.Configuration;
using Vrrp.Daemon.Configuration.Model;
using Vrrp.Daemon.Ipvs;
using static Vrrp.Tests.Configuration.ConfigurationTesting;

namespace Vrrp.Tests.Configuration;

/// <summary>virtual_server and what belongs to it: the model it becomes, and what is wrong with it by file and line.</summary>
public class VirtualServerTests
{
    private static string Text(string lines, string real = "", string globals = "") => $$"""
        global_defs {
        {{globals}}
        }
        virtual_server 10.0.0.1 80 {
        lb_algo wrr
        lb_kind DR
        protocol TCP
        {{lines}}
        real_server 10.0.1.1 80 {
        {{real}}
        }
        }
        """;

    private static VirtualServer Server(string lines, string real = "", string globals = "")
    {
        var result = Load(Text(lines, real, globals));
        Assert.Empty(Findings(result));
        return Assert.Single(result.Config!.VirtualServers);
    }

    private static HealthCheck Check(string lines, string real) => Assert.Single(Assert.Single(Server(lines, real).RealServers).Checks);

    /// <summary>Findings and what of the file runs: a virtual server by its name and its real servers.</summary>
    private static string Outcome(string text)
    {
        var result = Load(text);
        string servers = result.Config is null ? "does not run" : string.Join("; ", result.Config.VirtualServers.Select(
            server => $"{server.Name} {server.Scheduler} {server.Forwarding.Method}: {string.Join(' ', server.RealServers.Select(DirectorState.KeyOf))}"));
        return $"{string.Join(", ", Findings(result))} => {servers}";
    }

    [Theory]
    // Unknown scheduler and method: the line is named, the default applies.
    [InlineData("lb_algo wrrr", "VRRP0504 8:9 => [10.0.0.1]:tcp:80 wrr DirectRoute: [10.0.1.1]:80")]
    [InlineData("lb_kind dr", "VRRP0505 8:9 => [10.0.0.1]:tcp:80 wrr DirectRoute: [10.0.1.1]:80")]
    [InlineData("lvs_method ROUTE", "VRRP0505 8:12 => [10.0.0.1]:tcp:80 wrr DirectRoute: [10.0.1.1]:80")]
    [InlineData("sorry_server 10.0.1.9 8080", "VRRP0520 8:23 => [10.0.0.1]:tcp:80 wrr DirectRoute: [10.0.1.1]:80")]
    [InlineData("protocol ICMP", "VRRP0531 8:10 => [10.0.0.1]:tcp:80 wrr DirectRoute: [10.0.1.1]:80")]
    // A quorum that could never be.
    [InlineData("quorum 2", "VRRP0521 8:8 => [10.0.0.1]:tcp:80 wrr DirectRoute: [10.0.1.1]:80")]
    [InlineData("hysteresis 1", "VRRP0522 8:12 => [10.0.0.1]:tcp:80 wrr DirectRoute: [10.0.1.1]:80")]
    // A real server twice.
    [InlineData("real_server 10.0.1.1 80 {\n}", "VRRP0518 10:13 => [10.0.0.1]:tcp:80 wrr DirectRoute: [10.0.1.1]:80")]
    // Families that the method cannot carry.
    [InlineData("real_server fd00::1 80 {\n}", "VRRP0519 8:13 => [10.0.0.1]:tcp:80 wrr DirectRoute: [10.0.1.1]:80")]
    [InlineData("sorry_server fd00::1 80", "VRRP0519 8:14 => [10.0.0.1]:tcp:80 wrr DirectRoute: [10.0.1.1]:80")]
    [InlineData("real_server fd00::1 80 {\nlvs_method TUN\n}", " => [10.0.0.1]:tcp:80 wrr DirectRoute: [fd00::1]:80 [10.0.1.1]:80")]
    // Ports that only NAT could rewrite.
    [InlineData("real_server 10.0.1.2 8080 {\n}", "VRRP0520 8:22 => [10.0.0.1]:tcp:80 wrr DirectRoute: [10.0.1.2]:80 [10.0.1.1]:80")]
    [InlineData("real_server 10.0.1.2 8080 {\nlvs_method NAT\n}", " => [10.0.0.1]:tcp:80 wrr DirectRoute: [10.0.1.2]:8080 [10.0.1.1]:80")]
    [InlineData("real_server 10.0.1.2 80 {\nuthreshold 5\nlthreshold 6\n}", "VRRP0523 10:12 => [10.0.0.1]:tcp:80 wrr DirectRoute: [10.0.1.2]:80 [10.0.1.1]:80")]
    [InlineData("real_server web 80 {\n}", "VRRP0502 8:13 => [10.0.0.1]:tcp:80 wrr DirectRoute: [10.0.1.1]:80")]
    [InlineData("real_server 10.0.1.2 http {\n}", "VRRP0502 8:22 => [10.0.0.1]:tcp:80 wrr DirectRoute: [10.0.1.1]:80")]
    [InlineData("ops", "VRRP0511 8:1 => [10.0.0.1]:tcp:80 wrr DirectRoute: [10.0.1.1]:80")]
    [InlineData("sh-port", "VRRP0514 8:1 => [10.0.0.1]:tcp:80 wrr DirectRoute: [10.0.1.1]:80")]
    [InlineData("sorry_server_inhibit", "VRRP0515 8:1 => [10.0.0.1]:tcp:80 wrr DirectRoute: [10.0.1.1]:80")]
    [InlineData("persistence_timeout 50\npersistence_granularity 255.0.255.0", "VRRP0513 9:25 => [10.0.0.1]:tcp:80 wrr DirectRoute: [10.0.1.1]:80")]
    [InlineData("nat_mask 255.255.255.0", "VRRP0124 8:1 => [10.0.0.1]:tcp:80 wrr DirectRoute: [10.0.1.1]:80")]
    // Neither a server nor the last resort can be the service itself.
    [InlineData("real_server 10.0.0.1 80 {\n}", "VRRP0545 8:13 => [10.0.0.1]:tcp:80 wrr DirectRoute: [10.0.0.1]:80 [10.0.1.1]:80")]
    [InlineData("real_server 10.0.0.1 80 {\nlvs_method TUN\n}", "VRRP0545 8:13 => [10.0.0.1]:tcp:80 wrr DirectRoute: [10.0.0.1]:80 [10.0.1.1]:80")]
    [InlineData("real_server 10.0.0.1 8080 {\nlvs_method NAT\n}", " => [10.0.0.1]:tcp:80 wrr DirectRoute: [10.0.0.1]:8080 [10.0.1.1]:80")]
    [InlineData("sorry_server 10.0.0.1 80", "VRRP0545 8:14 => [10.0.0.1]:tcp:80 wrr DirectRoute: [10.0.1.1]:80")]
    [InlineData("lb_kind TUN type gue", "VRRP0507 8:18 => [10.0.0.1]:tcp:80 wrr Tunnel: [10.0.1.1]:80")]
    public void What_is_wrong_is_named_by_its_place(string lines, string expected) => Assert.Equal(expected, Outcome(Text(lines)));

    [Theory]
    [InlineData("10.0.0.1 80", "VRRP0517 13:16 => [10.0.0.1]:tcp:80 wrr DirectRoute: [10.0.1.1]:80")]
    [InlineData("10.0.0.1 81", " => [10.0.0.1]:tcp:80 wrr DirectRoute: [10.0.1.1]:80; [10.0.0.1]:tcp:81 rr Masquerade: [10.0.1.9]:80")]
    [InlineData("group none", "VRRP0524 13:22 => [10.0.0.1]:tcp:80 wrr DirectRoute: [10.0.1.1]:80")]
    [InlineData("fwmark 0", "VRRP0104 13:23 => does not run")]
    [InlineData("web 80", "VRRP0501 13:16 => [10.0.0.1]:tcp:80 wrr DirectRoute: [10.0.1.1]:80")]
    [InlineData("10.0.0.2:80", "VRRP0501 13:16 => [10.0.0.1]:tcp:80 wrr DirectRoute: [10.0.1.1]:80")]
    public void Two_virtual_servers_cannot_share_a_service(string target, string expected) =>
        Assert.Equal(expected, Outcome(Text("") + $"\nvirtual_server {target} {{\nlb_algo rr\nlb_kind NAT\nprotocol TCP\nreal_server 10.0.1.9 80 {{\n}}\n}}"));

    [Fact]
    public void A_group_has_a_limit()
    {
        var result = Load("virtual_server_group big {\n10.1.0.0/16 80\n10.2.0.1 80\n}\nvirtual_server group big {\nlb_algo rr\nlb_kind DR\nprotocol TCP\nreal_server 10.0.1.1 80 {\n}\n}");

        Assert.Equal(["VRRP0527 3:1"], Findings(result));
        Assert.Equal(65_536, Assert.Single(result.Config!.VirtualServers).Services.Length);
    }

    /// <summary>As keepalived has it: the table cannot have another port than the service's, the check can.</summary>
    [Theory]
    [InlineData("10.0.0.1 80", "10.0.1.2 8080", 80, 8080)]
    [InlineData("10.0.0.1", "10.0.1.2 8080", 0, 8080)]
    [InlineData("10.0.0.1 80", "10.0.1.2", 80, 80)]
    public void A_check_goes_to_the_port_that_is_written(string service, string server, int port, int checkedPort)
    {
        var result = Load($"virtual_server {service} {{\nlb_algo rr\nlb_kind DR\nprotocol TCP\npersistence_timeout 50\nreal_server {server} {{\nTCP_CHECK {{\n}}\n}}\n}}");
        var real = Assert.Single(Assert.Single(result.Config!.VirtualServers).RealServers);

        Assert.Equal(port, real.Port);
        Assert.Equal(checkedPort, Assert.IsType<TcpCheck>(Assert.Single(real.Checks)).Port);
    }

    [Fact]
    public void A_group_that_contains_the_service_of_another_overlaps_with_it()
    {
        var result = Load(Text("") + """

            virtual_server_group web {
            10.0.0.0-2 80
            }
            virtual_server group web {
            lb_algo rr
            lb_kind DR
            protocol TCP
            real_server 10.0.1.9 80 {
            }
            }
            """);

        Assert.Equal(["VRRP0517 16:16"], Findings(result));
        Assert.Equal("[10.0.0.1]:tcp:80", Assert.Single(result.Config!.VirtualServers).Name);
        Assert.Equal(4, Assert.Single(Assert.Single(result.Diagnostics).Related).Span.Line);
    }

    [Theory]
    [InlineData("10.0.0.1-3 80", "[10.0.0.1]:tcp:80 [10.0.0.2]:tcp:80 [10.0.0.3]:tcp:80")]
    [InlineData("10.0.0.1-10.0.0.2 80", "[10.0.0.1]:tcp:80 [10.0.0.2]:tcp:80")]
    [InlineData("10.0.0.4/31 80", "[10.0.0.4]:tcp:80 [10.0.0.5]:tcp:80")]
    [InlineData("fd00::fffe-ffff 80", "[fd00::fffe]:tcp:80 [fd00::ffff]:tcp:80")]
    [InlineData("fwmark 7\nfwmark 7 inet6", "FWM 7 FWM 7 IPv6")]
    [InlineData("10.0.0.1 80\n10.0.0.1 443\n10.0.0.1 80", "[10.0.0.1]:tcp:80 [10.0.0.1]:tcp:443")]
    public void A_group_is_many_services(string entries, string expected)
    {
        var config = Config($$"""
            virtual_server_group web {
            {{entries}}
            }
            virtual_server group web {
            lb_algo rr
            lb_kind NAT
            protocol TCP
            real_server {{(entries.Contains("fd00", StringComparison.Ordinal) ? "fd00::9" : "10.1.0.1")}} 80 {
            }
            }
            """);
        var server = Assert.Single(config.VirtualServers);

        Assert.Equal("web", server.Name);
        Assert.Equal(expected, string.Join(' ', server.Services));
    }

    [Fact]
    public void Everything_has_its_place_in_the_model()
    {
        var server = Server(
            """
            persistence_timeout
            persistence_granularity 255.255.255.0
            persistence_engine sip
            sorry_server 10.0.1.9 80
            sorry_server_inhibit
            sorry_server_lvs_method NAT
            quorum 7
            hysteresis 2
            quorum_up "/bin/up a" nobody nogroup
            quorum_down /bin/down
            ha_suspend
            omega
            inhibit_on_failure
            weight 9
            """,
            """
            weight 7
            uthreshold 100
            lthreshold 50
            notify_up /bin/up
            lvs_method TUN type gue port 6080 csum
            """,
            "script_user daemon");

        Assert.Equal(ServiceFlags.Persistent, server.Flags);
        Assert.Equal((360u, (byte?)24, "sip"), (server.PersistenceTimeout, server.PersistencePrefix, server.PersistenceEngine));
        Assert.Equal(new(IPAddressValue.Parse("10.0.1.9"), 80, new(ForwardingMethod.Masquerade), Inhibit: true), server.SorryServer);
        Assert.Equal((7u, 2u, true, true), (server.Quorum, server.Hysteresis, server.HaSuspend, server.Omega));
        Assert.Equal(new ScriptCommand("/bin/up a", "nobody", "nogroup"), server.QuorumUp);
        Assert.Equal(new ScriptCommand("/bin/down", "daemon"), server.QuorumDown);
        var real = Assert.Single(server.RealServers);
        Assert.Equal((7, true, 100u, 50u), (real.Weight, real.InhibitOnFailure, real.UpperThreshold, real.LowerThreshold));
        Assert.Equal(new Forwarding(ForwardingMethod.Tunnel, TunnelType.Gue, 6080, TunnelChecksum.Checksum), real.Forwarding);
        Assert.Equal(new ScriptCommand("/bin/up", "daemon"), real.NotifyUp);
    }

    [Fact]
    public void The_rhythm_of_a_check_comes_from_the_check_the_real_server_or_the_virtual_server()
    {
        var check = Check("delay_loop 6\nretry 5\nconnect_timeout 4", "delay_before_retry 2\nTCP_CHECK {\nretry 1\nconnect_port 25\nconnect_ip 10.0.2.1\nbind_port 99\nbindto 10.0.0.9\nfwmark 3\n}");

        Assert.Equal(
            new TcpCheck
            {
                Span = check.Span,
                Address = IPAddressValue.Parse("10.0.2.1"),
                Port = 25,
                BindAddress = IPAddressValue.Parse("10.0.0.9"),
                BindPort = 99,
                FirewallMark = 3,
                Interval = TimeSpan.FromSeconds(6),
                WarmUp = TimeSpan.FromSeconds(6),
                Retries = 1,
                RetryDelay = TimeSpan.FromSeconds(2),
                ConnectTimeout = TimeSpan.FromSeconds(4),
            },
            check);
    }

    [Theory]
    [InlineData("TCP_CHECK", "VRRP0123")]
    [InlineData("SMTP_CHECK", "VRRP0123")]
    [InlineData("DNS_CHECK", "VRRP0123")]
    [InlineData("UDP_CHECK", "VRRP0123")]
    [InlineData("PING_CHECK", "VRRP0123")]
    [InlineData("HTTP_GET", "VRRP0123")]
    public void The_old_name_of_retry_is_taken_as_it_is_meant_and_reported(string kind, string code)
    {
        string url = kind == "HTTP_GET" ? "url {\npath /\n}\n" : "";
        var result = Load(Text("", $"{kind} {{\n{url}nb_get_retry 3\n}}"));

        Assert.Equal([code], result.Diagnostics.Select(finding => finding.Code));
        Assert.Equal(3, result.Config!.VirtualServers.Single().RealServers.Single().Checks.Single().Retries);
    }

    [Theory]
    [InlineData("HTTP_GET {\n}", "VRRP0543", "VRRP0530")]
    [InlineData("HTTP_GET {\nurl {\npath /\nstatus_code 200-99\n}\n}", "VRRP0533")]
    [InlineData("HTTP_GET {\nurl {\npath /\ndigest 12\n}\n}", "VRRP0532")]
    [InlineData("HTTP_GET {\nurl {\npath /\nregex \"a(\"\n}\n}", "VRRP0534")]
    [InlineData("MISC_CHECK {\n}", "VRRP0543", "VRRP0530")]
    [InlineData("DNS_CHECK {\ntype X\n}", "VRRP0531")]
    [InlineData("UDP_CHECK {\npayload 123\n}", "VRRP0538")]
    [InlineData("TCP_CHECK {\nbindto fd00::1\n}", "VRRP0540")]
    public void A_check_that_cannot_be_is_named(string check, params string[] codes) => Assert.Equal(codes, Codes(Text("", check)));

    [Fact]
    public void A_reload_tells_what_becomes_of_virtual_servers()
    {
        var before = Config(Text("quorum 1", "TCP_CHECK {\n}"));
        var moved = Config(Text("", "TCP_CHECK {\n}").ReplaceLineEndings("\n\n"));
        var after = Config(Text("lb_algo rr\nreal_server 10.0.1.2 80 {\n}", "weight 3\nTCP_CHECK {\n}"));
        var other = Config(Text("").Replace("10.0.1.1", "10.0.1.3", StringComparison.Ordinal));

        Assert.Empty(ConfigDiff.Create(before, moved).VirtualServers);
        Assert.True(ConfigDiff.Create(before, moved).IsEmpty);
        Assert.Equal(
            "changed: Scheduler; real servers added: [10.0.1.2]:80; real servers changed: [10.0.1.1]:80",
            Assert.Single(ConfigDiff.Create(before, after).VirtualServers).Describe());
        Assert.Equal(
            "real servers added: [10.0.1.3]:80; real servers removed: [10.0.1.1]:80", Assert.Single(ConfigDiff.Create(before, other).VirtualServers).Describe());
        var none = before with { VirtualServers = [] };
        Assert.Equal("added, real servers [10.0.1.1]:80", Assert.Single(ConfigDiff.Create(none, before).VirtualServers).Describe());
        Assert.Equal("removed", Assert.Single(ConfigDiff.Create(before, none).VirtualServers).Describe());
    }

    [Fact]
    public void No_setting_of_a_virtual_server_is_forgotten_when_two_are_compared() => Assert.Equal(
        typeof(VirtualServer).GetProperties().Select(property => property.Name).Except(["EqualityContract", "Span", "RealServers"]).Order(StringComparer.Ordinal),
        ConfigDiff.ServerSettings.Select(setting => setting.Name).Order(StringComparer.Ordinal));

    /// <summary>The message names what is used, and nothing says that a line is missing that is there.</summary>
    [Theory]
    [InlineData("lb_algo rr", "lb_kind dr", "protocol TCP", "VRRP0505 takes NAT, DR or TUN, in capitals, not 'dr'; the line is ignored and NAT used, as by keepalived.")]
    [InlineData("lb_algo rr", "lb_kind dr\nlb_kind TUN", "protocol TCP", "VRRP0505 takes NAT, DR or TUN, in capitals, not 'dr'; the line is ignored and TUN used, as by keepalived.")]
    [InlineData("lb_algo rrr", "lb_kind DR", "protocol TCP", "VRRP0504 there is no scheduler 'rrr'; the line is ignored and wlc used, as by keepalived.")]
    [InlineData("lb_algo rr", "lb_kind DR", "protocol tcpp", "VRRP0531 'protocol' takes TCP, UDP or SCTP, not 'tcpp'; the line is ignored and UDP used, as by keepalived.")]
    [InlineData("lb_algo rr", "lb_kind DR", "protocol tcp\ndelay_loop abc", "VRRP0107 'abc' is not a number of seconds: 'delay_loop' takes 0.000001 to 2678400; 60 s is used, as by keepalived.")]
    [InlineData("lb_algo rr", "lb_kind DR", "protocol tcp\nconnect_timeout 0", "VRRP0108 'connect_timeout' takes 0.000001 to 2678400 seconds, not '0'; 5 s is used, as by keepalived.")]
    public void A_wrong_value_says_what_is_used_instead(string scheduler, string method, string protocol, string expected)
    {
        var result = Load($"virtual_server 10.0.0.1 80 {{\n{scheduler}\n{method}\n{protocol}\nreal_server 10.0.1.1 80 {{\n}}\n}}");
        var finding = Assert.Single(result.Diagnostics);

        Assert.Equal(expected[..8], finding.Code);
        Assert.Contains(expected[9..], finding.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("delay_loop 2.5", "delay_loop abc", "", "; 2.5 s is used")]
    [InlineData("delay_loop 2.5", "delay_loop 3", "delay_loop abc", "; 3 s is used")]
    [InlineData("connect_timeout 7", "", "connect_timeout abc", "; 7 s is used")]
    [InlineData("retry 4", "retry abc", "", "; 4 is used")]
    [InlineData("weight 3", "weight abc", "", "; 3 is used")]
    [InlineData("retry abc", "", "", "; the default holds")]
    [InlineData("quorum abc", "", "", "; 1 is used")]
    [InlineData("hysteresis -1", "", "", "; 0 is used")]
    public void What_is_used_instead_may_come_from_the_block_around(string server, string real, string check, string expected)
    {
        var result = Load(Text(server, $"{real}\nTCP_CHECK {{\n{check}\n}}"));

        Assert.Contains(expected, Assert.Single(result.Diagnostics).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_real_server_keeps_the_method_of_its_virtual_server_and_is_told_which() =>
        Assert.Contains("ignored and DR used", Assert.Single(Load(Text("", "lvs_method dr")).Diagnostics).Message, StringComparison.Ordinal);

    /// <summary>Who has no check is taken to be up for ever: that is said unless nobody was meant to have one.</summary>
    [Theory]
    [InlineData("TCP_CHEK {\n}", "", "VRRP0543 9:13, VRRP0101 10:1")]
    [InlineData("TCP_CHEK", "", "VRRP0543 9:13, VRRP0101 10:1")]
    [InlineData("TCP_CHECK", "", "VRRP0543 9:13, VRRP0034 10:10")]
    [InlineData("check {\n}", "", "VRRP0543 9:13, VRRP0101 10:1")]
    [InlineData("HTTP_GET {\n}", "", "VRRP0543 9:13, VRRP0530 10:1")]
    [InlineData("BFD_CHECK {\nname b\n}", "", "VRRP0543 9:13, VRRP0402 10:1")]
    [InlineData("TCP_CHEK {\n}", "TCP_CHECK {\n}", "VRRP0543 9:13, VRRP0101 10:1")]
    [InlineData("TCP_CHEK {\n}\nTCP_CHECK {\n}", "TCP_CHECK {\n}", "VRRP0101 10:1")]
    [InlineData("weigth 3", "TCP_CHECK {\n}", "VRRP0544 9:13, VRRP0101 10:1")]
    [InlineData("weigth 3", "", "VRRP0101 10:1")]
    [InlineData("", "TCP_CHECK {\n}", "VRRP0544 9:13")]
    [InlineData("", "", "")]
    [InlineData("TCP_CHECK {\n}", "TCP_CHECK {\n}", "")]
    public void A_real_server_that_is_never_checked_is_named(string real, string other, string expected)
    {
        string text = Text("", real);
        var result = Load($"{text[..^1]}real_server 10.0.1.2 80 {{\n{other}\n}}\n}}");

        Assert.Equal(expected, string.Join(", ", Findings(result)));
    }

    [Theory]
    [InlineData("lvs_sync_daemon eth0", "fd00::1 80", "", "VRRP0552 2:1")]
    [InlineData("lvs_sync_daemon eth0", "10.0.1.2 80", "sorry_server fd00::1 80\nsorry_server_lvs_method TUN", "VRRP0552 2:1")]
    [InlineData("lvs_sync_daemon eth0 group ff02::81", "10.0.1.2 80", "", "")]
    [InlineData("", "fd00::1 80", "", "")]
    public void Connections_to_the_other_family_cannot_be_synchronised(string globals, string server, string lines, string expected) =>
        Assert.Equal(expected, string.Join(", ", Findings(Load(Text($"{lines}\nreal_server {server} {{\nlvs_method TUN\n}}", "", globals)))));

    /// <summary>The kernel would refuse a destination of that type without a port.</summary>
    [Fact]
    public void A_tunnel_of_type_gue_without_a_port_is_ipip() =>
        Assert.Equal(new Forwarding(ForwardingMethod.Tunnel), Assert.Single(Load(Text("lb_kind TUN type gue csum")).Config!.VirtualServers).Forwarding);
}
