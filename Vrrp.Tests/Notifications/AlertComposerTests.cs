using Vrrp.Daemon.Configuration.Model;
using Vrrp.Daemon.Ipvs;
using Vrrp.Daemon.Notifications;
using Xunit;

namespace Vrrp.Tests.Notifications;

public class AlertComposerTests
{
    private const string Text = """
        global_defs {
            router_id R1
            notification_email { a@example.org }
            smtp_server 127.0.0.1
            smtp_alert
        }
        vrrp_sync_group G { group { V W } }
        vrrp_instance V {
            interface eth0
            virtual_router_id 5
            priority 90
            virtual_ipaddress { 10.9.0.5/24 }
        }
        vrrp_instance W {
            interface eth1
            virtual_router_id 6
            priority 90
            virtual_ipaddress { 10.8.0.5/24 }
        }
        virtual_server 10.9.0.5 80 {
            protocol TCP
            lb_kind NAT
            lb_algo rr
            quorum 2
            real_server 10.0.0.1 8080 {
                TCP_CHECK {
                }
            }
            real_server 10.0.0.2 8080 {
            }
        }
        """;

    [Fact]
    public void A_takeover_is_told_in_keepaliveds_words_and_with_what_an_operator_needs()
    {
        var alert = Composer().Compose(Transition("V", VrrpState.Backup, VrrpState.Master, TransitionReason.MasterSilent), false, MailTesting.At)!;

        Assert.Equal("[R1] VRRP Instance V - Entering MASTER state", alert.Subject);
        Assert.Equal(
            """
            => VRRP Instance is now owning VRRP VIPs <=

            State:          MASTER, was BACKUP
            Reason:         192.0.2.2 with priority 150 fell silent
            Time:           2026-03-01 04:05:06.789 +02:00
            Router:         R1
            Host:           r1.example.org, 192.0.2.1 on eth0
            Instance:       V on eth0, VRID 5, IPv4, VRRPv2
            Priority:       80 in force, 90 configured
            VIP:            10.9.0.5/24
            Peer:           192.0.2.2 with priority 150
            Sync group:     G: V, W

            """,
            alert.Body);
    }

    [Theory]
    [InlineData(VrrpState.Backup, false, "VRRP Instance V - Entering BACKUP state", "=> VRRP Instance is no longer owning VRRP VIPs <=")]
    [InlineData(VrrpState.Fault, false, "VRRP Instance V - Entering FAULT state", "=> VRRP Instance is no longer owning VRRP VIPs <=")]
    [InlineData(VrrpState.Initialize, true, "VRRP Instance V - Stopping", "=> VRRP Instance stopping <=")]
    [InlineData(VrrpState.Initialize, false, "VRRP Instance V - Deleted", "=> VRRP Deleted at reload <=")]
    public void Other_transitions_have_keepaliveds_words_too(VrrpState to, bool isStopping, string subject, string lead)
    {
        var composer = Composer();
        composer.Compose(Transition("V", VrrpState.Backup, VrrpState.Master, TransitionReason.MasterSilent), false, MailTesting.At);

        var alert = composer.Compose(Transition("V", VrrpState.Master, to, TransitionReason.Stopped), isStopping, MailTesting.At)!;

        Assert.Equal($"[R1] {subject}", alert.Subject);
        Assert.StartsWith(lead + "\n", alert.Body, StringComparison.Ordinal);
    }

    [Fact]
    public void Why_and_from_whom_a_takeover_was_stand_in_one_mail_without_contradiction()
    {
        var transition = Transition("V", VrrpState.Backup, VrrpState.Master, TransitionReason.Preempted) with
        {
            PeerPriority = new(50),
            PrimaryAddress = default,
            Detail = "vrrp_script chk_nginx is down (-10)",
        };
        string body = Composer().Compose(transition, false, MailTesting.At)!.Body;

        Assert.Contains("Reason:         192.0.2.2 with priority 50 has the lower priority; vrrp_script chk_nginx is down (-10)\n", body, StringComparison.Ordinal);
        Assert.Contains("Peer:           192.0.2.2 with priority 50\n", body, StringComparison.Ordinal);
        Assert.Contains("Host:           r1.example.org\n", body, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_mail_names_the_host()
    {
        var composer = Composer();
        var (server, transition) = (Config().VirtualServers[0], Transition("V", VrrpState.Backup, VrrpState.Master, TransitionReason.MasterSilent));
        Alert?[] alerts =
        [
            composer.Compose(transition, false, MailTesting.At),
            composer.Compose(new GroupTransition(default, Config().SyncGroups[0], VrrpState.Backup, VrrpState.Master, ["V", "W"], transition), false, MailTesting.At),
            composer.Compose(new RealServerChanged(server, server.RealServers[0], false, null, "x"), MailTesting.At),
            composer.Compose(new QuorumChanged(server, false, 1), MailTesting.At),
            composer.ComposeTrouble("x", MailTesting.At),
            composer.ComposeTest(MailTesting.At),
        ];

        Assert.All(alerts, alert => Assert.Single(alert!.Body.Split('\n'), line => line.StartsWith("Host:           r1.example.org", StringComparison.Ordinal)));
    }

    [Fact]
    public void A_group_is_told_with_its_members()
    {
        var composer = Composer();
        var first = Transition("W", VrrpState.Backup, VrrpState.Master, TransitionReason.MasterSilent);
        composer.Compose(first, false, MailTesting.At);

        var alert = composer.Compose(
            new GroupTransition(default, Config().SyncGroups[0], VrrpState.Backup, VrrpState.Master, ["V", "W"], first), false, MailTesting.At)!;

        Assert.Equal("[R1] VRRP Group G - Entering MASTER state", alert.Subject);
        Assert.StartsWith("=> All VRRP group instances are now in MASTER state <=\n", alert.Body, StringComparison.Ordinal);
        Assert.Contains("Reason:         W: 192.0.2.2 with priority 150 fell silent\n", alert.Body, StringComparison.Ordinal);
        Assert.Contains("Member:         V on eth0, VRID 5, IPv4, VRRPv2, VIP 10.9.0.5\n", alert.Body, StringComparison.Ordinal);
        Assert.Contains("Member:         W on eth1, VRID 6, IPv4, VRRPv2, priority 80, peer 192.0.2.2 with priority 150, VIP 10.8.0.5\n", alert.Body, StringComparison.Ordinal);
    }

    [Fact]
    public void Servers_and_quorums_are_told_in_keepaliveds_words()
    {
        var composer = Composer();
        var server = Config().VirtualServers[0];
        var real = server.RealServers[0];

        var down = composer.Compose(new RealServerChanged(server, real, false, real.Checks[0], "connection refused"), MailTesting.At)!;
        var up = composer.Compose(new RealServerChanged(server, real, true, real.Checks[0], null), MailTesting.At)!;
        var lost = composer.Compose(new QuorumChanged(server, false, 1), MailTesting.At)!;
        var gained = composer.Compose(new QuorumChanged(server, true, 2), MailTesting.At)!;

        Assert.Equal("[R1] Realserver [10.0.0.1]:tcp:8080 of virtual server [10.9.0.5]:tcp:80 - DOWN", down.Subject);
        Assert.StartsWith("=> TCP CHECK failed on service <=\n", down.Body, StringComparison.Ordinal);
        Assert.Contains("Reason:         connection refused\n", down.Body, StringComparison.Ordinal);
        Assert.Equal("[R1] Realserver [10.0.0.1]:tcp:8080 of virtual server [10.9.0.5]:tcp:80 - UP", up.Subject);
        Assert.StartsWith("=> TCP CHECK succeed on service <=\n", up.Body, StringComparison.Ordinal);
        Assert.Equal("[R1] Virtualserver [10.9.0.5]:tcp:80 - DOWN", lost.Subject);
        Assert.StartsWith("=> Lost quorum 2-0=2 > 1 <=\n", lost.Body, StringComparison.Ordinal);
        Assert.Equal("[R1] Virtualserver [10.9.0.5]:tcp:80 - UP", gained.Subject);
        Assert.StartsWith("=> Gained quorum 2+0=2 <= 2 <=\n", gained.Body, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", false, false, false, true)]
    [InlineData("smtp_alert", true, true, true, true)]
    [InlineData("smtp_alert_vrrp", true, true, false, true)]
    [InlineData("smtp_alert_checker", false, false, true, true)]
    [InlineData("smtp_alert on\nsmtp_alert_vrrp off", false, false, true, true)]
    [InlineData("smtp_alert on\nsmtp_alert_checker off", true, true, false, false)]
    [InlineData("smtp_alert off", false, false, false, false)]
    public void The_switches_have_keepaliveds_defaults(string switches, bool instance, bool group, bool quorum, bool real)
    {
        var config = MailTesting.Config(Text.Replace("smtp_alert\n", switches + "\n", StringComparison.Ordinal));
        var composer = new AlertComposer("r1.example.org");
        composer.Configure(config);
        var transition = Transition("V", VrrpState.Backup, VrrpState.Master, TransitionReason.MasterSilent);
        var server = config.VirtualServers[0];

        Assert.Equal(instance, composer.Compose(transition, false, MailTesting.At) is not null);
        Assert.Equal(group, composer.Compose(new GroupTransition(default, config.SyncGroups[0], VrrpState.Backup, VrrpState.Master, ["V", "W"], transition), false, MailTesting.At) is not null);
        Assert.Equal(quorum, composer.Compose(new QuorumChanged(server, false, 1), MailTesting.At) is not null);
        Assert.Equal(real, composer.Compose(new RealServerChanged(server, server.RealServers[0], false, null, "x"), MailTesting.At) is not null);
    }

    [Fact]
    public void A_fault_nobody_is_to_be_told_of_ends_without_a_word()
    {
        var composer = new AlertComposer("r1.example.org");
        composer.Configure(MailTesting.Config(Text.Replace("smtp_alert\n", "smtp_alert\nno_email_faults\n", StringComparison.Ordinal)));

        Assert.NotNull(composer.Compose(Transition("V", VrrpState.Initialize, VrrpState.Backup, TransitionReason.Started), false, MailTesting.At));
        Assert.Null(composer.Compose(Transition("V", VrrpState.Backup, VrrpState.Fault, TransitionReason.FaultBegan), false, MailTesting.At));
        Assert.Null(composer.Compose(Transition("V", VrrpState.Fault, VrrpState.Backup, TransitionReason.FaultEnded), false, MailTesting.At));
        Assert.NotNull(composer.Compose(Transition("V", VrrpState.Backup, VrrpState.Master, TransitionReason.MasterSilent), false, MailTesting.At));
    }

    [Fact]
    public void Trouble_of_the_director_itself_is_told_and_its_end()
    {
        var composer = Composer();

        var down = composer.ComposeTrouble("This kernel has no IPVS.", MailTesting.At)!;
        var up = composer.ComposeTrouble(null, MailTesting.At)!;

        Assert.Equal(("[R1] Healthcheckers - DOWN", "[R1] Healthcheckers - UP"), (down.Subject, up.Subject));
        Assert.Contains("Reason:         This kernel has no IPVS.\n", down.Body, StringComparison.Ordinal);
    }

    [Fact]
    public void An_instance_that_left_the_configuration_still_tells_its_end_and_no_more()
    {
        var composer = Composer();
        var master = Transition("V", VrrpState.Backup, VrrpState.Master, TransitionReason.MasterSilent);
        Assert.NotNull(composer.Compose(master, false, MailTesting.At));
        var config = Config();
        composer.Configure(config with { Instances = [config.Instances[1]], SyncGroups = [] });

        Assert.EndsWith("V - Deleted", composer.Compose(Transition("V", VrrpState.Master, VrrpState.Initialize, TransitionReason.Stopped), false, MailTesting.At)!.Subject, StringComparison.Ordinal);
        Assert.Null(composer.Compose(master, false, MailTesting.At));
    }

    [Fact]
    public void A_renamed_instance_is_the_same_one()
    {
        var composer = Composer();
        Assert.NotNull(composer.Compose(Transition("V", VrrpState.Backup, VrrpState.Master, TransitionReason.MasterSilent), false, MailTesting.At));
        composer.Note(new(default, "V", new(80), new(70)));
        var config = Config();
        composer.Rename("V", "WEB");
        composer.Configure(config with
        {
            Instances = [config.Instances[0] with { Name = "WEB" }, config.Instances[1]],
            SyncGroups = [config.SyncGroups[0] with { Members = ["WEB", "W"] }],
        });
        var silent = Transition("WEB", VrrpState.Master, VrrpState.Master, TransitionReason.MasterSilent);

        Assert.Null(composer.Compose(silent with { Peer = default }, false, MailTesting.At));
        var group = composer.Compose(
            new GroupTransition(default, config.SyncGroups[0], VrrpState.Backup, VrrpState.Master, ["WEB", "W"], silent), false, MailTesting.At)!;
        Assert.Contains("Member:         WEB on eth0, VRID 5, IPv4, VRRPv2, priority 80, peer 192.0.2.2 with priority 150, VIP", group.Body, StringComparison.Ordinal);
        Assert.EndsWith(
            "WEB - Stopping",
            composer.Compose(Transition("WEB", VrrpState.Master, VrrpState.Initialize, TransitionReason.Stopped), true, MailTesting.At)!.Subject,
            StringComparison.Ordinal);
    }

    [Fact]
    public void The_priority_in_force_of_a_member_is_the_one_it_has_now()
    {
        var composer = Composer();
        var first = Transition("V", VrrpState.Backup, VrrpState.Master, TransitionReason.MasterSilent);
        composer.Compose(first, false, MailTesting.At);
        composer.Note(new(default, "V", new(80), new(70)));

        string body = composer.Compose(new GroupTransition(default, Config().SyncGroups[0], VrrpState.Backup, VrrpState.Master, ["V", "W"], first), false, MailTesting.At)!.Body;

        Assert.Contains("Member:         V on eth0, VRID 5, IPv4, VRRPv2, priority 70, peer", body, StringComparison.Ordinal);
    }

    [Fact]
    public void Names_cannot_bring_lines_of_their_own()
    {
        var composer = new AlertComposer("r1.example.org");
        var config = Config();
        composer.Configure(config with
        {
            GlobalDefs = config.GlobalDefs with { RouterId = "R1\r\nBcc: evil@example.org" },
            Instances = [config.Instances[0] with { Name = "V\nX: y" }],
        });

        var alert = composer.Compose(Transition("V\nX: y", VrrpState.Backup, VrrpState.Master, TransitionReason.MasterSilent), false, MailTesting.At)!;

        Assert.Equal("[R1  Bcc: evil@example.org] VRRP Instance V X: y - Entering MASTER state", alert.Subject);
        Assert.DoesNotContain("\nX: y", alert.Body, StringComparison.Ordinal);
        Assert.DoesNotContain("\nBcc", alert.Body, StringComparison.Ordinal);
    }

    private static DaemonConfig Config() => MailTesting.Config(Text);

    private static AlertComposer Composer()
    {
        var composer = new AlertComposer("r1.example.org");
        composer.Configure(Config());
        return composer;
    }

    private static RouterTransition Transition(string name, VrrpState from, VrrpState to, TransitionReason reason)
    {
        Assert.True(IPAddressValue.TryParse("192.0.2.2", out var peer));
        return new(default, name, from, to, reason, VrrpFaults.None, new Priority(80), peer, new Priority(150), null)
        {
            PrimaryAddress = IPAddressValue.Parse("192.0.2.1"),
        };
    }
}
