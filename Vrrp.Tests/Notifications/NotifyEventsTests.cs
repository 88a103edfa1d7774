using Vrrp.Daemon.Configuration.Model;
using Vrrp.Daemon.Notifications;
using static Vrrp.Tests.Configuration.ConfigurationTesting;

namespace Vrrp.Tests.Notifications;

/// <summary>What scripts and pipes are told, by what the engine tells.</summary>
public sealed class NotifyEventsTests
{
    private readonly NotifyEvents _events = new();

    private static string Instance(string name, int vrid, string lines = "") => $$"""
        vrrp_instance {{name}} {
        interface eth0
        virtual_router_id {{vrid}}
        virtual_ipaddress {
        10.0.0.{{vrid}}
        }
        {{lines}}
        }

        """;

    private static string Scripts(string of) => $"""
        notify_master "/s {of}:master"
        notify_backup "/s {of}:backup"
        notify_fault "/s {of}:fault"
        notify_stop "/s {of}:stop"
        notify "/s {of}:any" daemon adm
        """;

    private static RouterTransition Move(
        string router, VrrpState from, VrrpState to, TransitionReason reason = TransitionReason.SyncGroup, VrrpFaults faults = VrrpFaults.None) =>
        new(default, router, from, to, reason, faults, new(150), IPAddressValue.Parse("10.0.0.9"), new(50), null);

    /// <summary>Each event as a pipe has it, and the command lines it runs.</summary>
    private string Take(VrrpNotification notification) => Text(_events.Take(notification));

    private static string Text(IEnumerable<NotifyEvent> events) => string.Concat(events.Select(
        told => told.Line + string.Concat(told.Runs().Select(run => $"  {run.Keyword}: {string.Join(' ', [run.Command.CommandLine, .. run.Arguments])}\n"))))
        .ReplaceLineEndings("\n");

    [Fact]
    public void The_script_of_the_state_has_its_own_arguments_and_the_generic_one_four_more()
    {
        _events.Configure(Config(Instance("V", 1, Scripts("V"))));

        Assert.Equal(
            """
            INSTANCE "V" BACKUP 150
              notify_backup: /s V:backup
              notify: /s V:any INSTANCE V BACKUP 150

            """,
            Take(Move("V", VrrpState.Initialize, VrrpState.Backup, TransitionReason.Started)));
        Assert.Equal(
            """
            INSTANCE "V" MASTER 150
              notify_master: /s V:master
              notify: /s V:any INSTANCE V MASTER 150

            """,
            Take(Move("V", VrrpState.Backup, VrrpState.Master, TransitionReason.MasterSilent)));
        Assert.Equal(
            """
            INSTANCE "V" FAULT 150
              notify_fault: /s V:fault
              notify: /s V:any INSTANCE V FAULT 150

            """,
            Take(Move("V", VrrpState.Master, VrrpState.Fault, TransitionReason.FaultBegan, VrrpFaults.LinkDown)));
        Assert.Equal("", Take(Move("unknown", VrrpState.Backup, VrrpState.Master)));
    }

    [Fact]
    public void A_group_is_told_after_its_members_with_priority_zero()
    {
        _events.Configure(Config($$"""
            vrrp_sync_group G {
            group {
            A
            B
            }
            {{Scripts("G")}}
            }

            """ + Instance("A", 1) + Instance("B", 2)));
        string all = Take(Move("A", VrrpState.Initialize, VrrpState.Backup, TransitionReason.Started))
            + Take(Move("B", VrrpState.Initialize, VrrpState.Backup, TransitionReason.Started))
            + Take(Move("B", VrrpState.Backup, VrrpState.Master, TransitionReason.MasterLeft));
        var group = Assert.Single(_events.Take(Move("A", VrrpState.Backup, VrrpState.Master)), told => told.IsGroup);

        Assert.Equal(
            """
            INSTANCE "A" BACKUP 150
            INSTANCE "B" BACKUP 150
            GROUP "G" BACKUP 0
              notify_backup: /s G:backup
              notify: /s G:any GROUP G BACKUP 0
            INSTANCE "B" MASTER 150

            """,
            all);
        Assert.Equal(
            """
            GROUP "G" MASTER 0
              notify_master: /s G:master
              notify: /s G:any GROUP G MASTER 0

            """,
            Text([group]));
        Assert.Equal("10.0.0.9 with priority 50 left (priority 0)", group.Reason);
    }

    [Fact]
    public void What_a_script_finds_in_its_environment()
    {
        _events.Configure(Config("""
            vrrp_sync_group G {
            group {
            V
            }
            }

            """ + Instance("V", 1)));
        _events.Take(Move("V", VrrpState.Initialize, VrrpState.Backup, TransitionReason.Started));
        var told = _events.Take(Move("V", VrrpState.Backup, VrrpState.Master, TransitionReason.MasterSilent));

        Assert.Equal(
            [
                "VRRP_GROUP=G", "VRRP_INSTANCE=V", "VRRP_NAME=V", "VRRP_PEER=10.0.0.9", "VRRP_PEER_PRIORITY=50", "VRRP_PREVIOUS_STATE=BACKUP", "VRRP_PRIORITY=150",
                "VRRP_REASON=10.0.0.9 with priority 50 fell silent", "VRRP_STATE=MASTER", "VRRP_TYPE=INSTANCE",
            ],
            told[0].Variables().Order(StringComparer.Ordinal));
        Assert.Contains("VRRP_TYPE=GROUP", told[1].Variables());
        Assert.Contains("VRRP_GROUP=G", told[1].Variables());
        Assert.DoesNotContain(told[1].Variables(), variable => variable.StartsWith("VRRP_INSTANCE", StringComparison.Ordinal));
    }

    [Fact]
    public void An_end_is_told_when_the_addresses_are_off()
    {
        _events.Configure(Config(Instance("V", 1, Scripts("V"))));
        Take(Move("V", VrrpState.Initialize, VrrpState.Backup, TransitionReason.Started));
        _events.IsStopping = true;

        Assert.Equal("", Take(Move("V", VrrpState.Backup, VrrpState.Initialize, TransitionReason.Stopped)));
        Assert.Equal(
            """
            INSTANCE "V" STOP 150
              notify_stop: /s V:stop
              notify: /s V:any INSTANCE V STOP 150

            """,
            Text(_events.Release()));
        Assert.Empty(_events.Release());
        Assert.Empty(_events.States);
    }

    [Fact]
    public void What_a_reload_removes_is_deleted_where_that_was_asked_for_and_else_in_fault()
    {
        string kept = Instance("K", 9);
        _events.Configure(Config(
            kept + Instance("A", 1, Scripts("A") + "\nnotify_deleted \"/s A:deleted\"") + Instance("B", 2, Scripts("B") + "\nnotify_deleted") + Instance("C", 3, Scripts("C"))));
        foreach (string name in (string[])["A", "B", "C"])
            Take(Move(name, VrrpState.Initialize, VrrpState.Backup, TransitionReason.Started));
        _events.Configure(Config(kept));
        foreach (string name in (string[])["A", "B", "C"])
            Assert.Equal("", Take(Move(name, VrrpState.Backup, VrrpState.Initialize, TransitionReason.Stopped)));

        Assert.Equal(
            """
            INSTANCE "A" DELETED 150
              notify_deleted: /s A:deleted
              notify: /s A:any INSTANCE A DELETED 150
            INSTANCE "B" DELETED 150
              notify: /s B:any INSTANCE B DELETED 150
            INSTANCE "C" FAULT 150
              notify: /s C:any INSTANCE C FAULT 150

            """,
            Text(_events.Release()));
        _events.Configure(Config(kept));
        Assert.Equal("", Take(Move("A", VrrpState.Initialize, VrrpState.Backup, TransitionReason.Started)));
    }

    [Fact]
    public void A_router_that_begins_anew_under_its_name_is_not_told_deleted_last()
    {
        _events.Configure(Config(Instance("V", 1)));
        Take(Move("V", VrrpState.Initialize, VrrpState.Master, TransitionReason.AddressOwner));
        _events.Configure(Config(Instance("V", 2)));
        Take(Move("V", VrrpState.Master, VrrpState.Initialize, TransitionReason.Stopped));

        Assert.Equal(
            "INSTANCE \"V\" FAULT 150\nINSTANCE \"V\" BACKUP 150\n", Take(Move("V", VrrpState.Initialize, VrrpState.Backup, TransitionReason.Started)));
        Assert.Empty(_events.Release());
    }

    [Fact]
    public void A_lower_Master_is_told_to_its_own_script_and_to_pipes()
    {
        _events.Configure(Config(Instance("V", 1, Scripts("V") + "\nnotify_master_rx_lower_pri \"/s V:lower\"")));
        Take(Move("V", VrrpState.Initialize, VrrpState.Master, TransitionReason.AddressOwner));

        Assert.Equal(
            "INSTANCE \"V\" MASTER_RX_LOWER_PRI 150\n  notify_master_rx_lower_pri: /s V:lower\n",
            Take(new SecondMasterHeard(default, "V", IPAddressValue.Parse("10.0.0.8"), new(20))));
        Assert.Equal("INSTANCE \"V\" MASTER 150\n", Assert.Single(_events.States).Line);
    }

    [Theory]
    [InlineData("", "", false)]
    [InlineData("notify_priority_changes", "", true)]
    [InlineData("", "notify_priority_changes", true)]
    public void Priorities_are_told_to_pipes_where_that_was_asked_for(string ofInstance, string ofGroup, bool isTold)
    {
        _events.Configure(Config($$"""
            vrrp_sync_group G {
            group {
            V
            }
            {{ofGroup}}
            }

            """ + Instance("V", 1, Scripts("V") + "\n" + ofInstance)));
        Take(Move("V", VrrpState.Initialize, VrrpState.Backup, TransitionReason.Started));
        string backup = Take(new PriorityChanged(default, "V", new(150), new(130)));
        Take(Move("V", VrrpState.Backup, VrrpState.Master, TransitionReason.MasterSilent) with { EffectivePriority = new(130) });
        string master = Take(new PriorityChanged(default, "V", new(130), new(140)));
        Take(Move("V", VrrpState.Master, VrrpState.Fault, TransitionReason.FaultBegan, VrrpFaults.LinkDown) with { EffectivePriority = new(140) });
        string fault = Take(new PriorityChanged(default, "V", new(140), new(150)));

        Assert.Equal(isTold ? "INSTANCE \"V\" BACKUP_PRIORITY 130\n" : "", backup);
        Assert.Equal(isTold ? "INSTANCE \"V\" MASTER_PRIORITY 140\n" : "", master);
        Assert.Equal("", fault);
    }

    [Fact]
    public void A_router_that_is_renamed_goes_on_under_its_new_name()
    {
        string Group(string member) => $$"""
            vrrp_sync_group G {
            group {
            {{member}}
            B
            }
            }

            """;
        _events.Configure(Config(Group("A") + Instance("A", 1) + Instance("B", 2)));
        Take(Move("A", VrrpState.Initialize, VrrpState.Backup, TransitionReason.Started));
        Take(Move("B", VrrpState.Initialize, VrrpState.Backup, TransitionReason.Started));
        _events.Configure(Config(Group("N") + Instance("N", 1) + Instance("B", 2)));

        Assert.Equal(
            ["GROUP \"G\" BACKUP 0\n", "INSTANCE \"B\" BACKUP 150\n", "INSTANCE \"N\" BACKUP 150\n"],
            _events.States.Select(told => told.Line).Order(StringComparer.Ordinal));
        Take(Move("N", VrrpState.Backup, VrrpState.Master, TransitionReason.MasterSilent));
        Assert.Equal("INSTANCE \"B\" MASTER 150\nGROUP \"G\" MASTER 0\n", Take(Move("B", VrrpState.Backup, VrrpState.Master)));
    }

    [Fact]
    public void Scripts_run_as_the_user_they_name_or_as_script_user()
    {
        var config = Config("global_defs {\nscript_user nobody nogroup\nnotify_fifo /run/a\nnotify_fifo_script /r\nlvs_notify_fifo /run/l root\nvrrp_notify_fifo_script /lone\n}\n"
            + Instance("V", 1, Scripts("V")));
        var scripts = config.Instances[0].Notify;

        Assert.Equal(("nobody", "nogroup"), (scripts.Master!.User, scripts.Master.Group));
        Assert.Equal(("daemon", "adm"), (scripts.Any!.User, scripts.Any.Group));
        Assert.Equal(
            [new(NotifyFifoKind.All, "/run/a", "nobody", "nogroup", new("/r", "nobody", "nogroup")), new(NotifyFifoKind.Lvs, "/run/l", "root", null, null)],
            config.GlobalDefs.NotifyFifos.AsEnumerable());
    }

    /// <summary>What keepalived 2.2.7 gave to a script for the same line.</summary>
    [Theory]
    [InlineData("""
        "/s \"a b\" c"
        """, "/s|a b|c", null)]
    [InlineData("""
        '/s "a b" c'
        """, "/s|a b|c", null)]
    [InlineData("""
        /s\ y root
        """, "/s|y", "root")]
    [InlineData("""
        "/s a\\b 'c\\d'"
        """, "/s|a\b|cd", null)]
    [InlineData("""
        "/s \"a\tb\" \\\"q"
        """, "/s|a\tb|\"q", null)]
    [InlineData("""
        "/s 'a\tb' a\x41\101" root
        """, "/s|a\tb|aAA", "root")]
    public void Words_of_a_command_are_those_that_keepalived_reads(string line, string words, string? user)
    {
        var command = Config(Instance("V", 1, "notify " + line)).Instances[0].Notify.Any!;

        Assert.Equal(words, string.Join('|', Vrrp.Daemon.Tracking.ScriptCommandLine.Split(command.CommandLine)!));
        Assert.Equal(user, command.User);
    }
}
