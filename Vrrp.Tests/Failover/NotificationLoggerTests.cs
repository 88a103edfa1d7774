using Microsoft.Extensions.Logging;
using Vrrp.Daemon.Failover;
using Vrrp.Packets;

namespace Vrrp.Tests.Failover;

/// <summary>What operators read at night.</summary>
public class NotificationLoggerTests
{
    private static readonly IPAddressValue Peer = IPAddressValue.Parse("192.0.2.2");
    private readonly Lines _lines = new();

    private NotificationLogger Logger => new(_lines);

    private static RouterTransition Transition(VrrpState from, VrrpState to, TransitionReason reason, VrrpFaults faults = VrrpFaults.None, string? detail = null) =>
        new(default, "VI_1", from, to, reason, faults, new(100), Peer, new(50), detail);

    [Theory]
    [InlineData(VrrpState.Backup, VrrpState.Master, TransitionReason.MasterSilent, "(VI_1) Entering MASTER STATE: 192.0.2.2 with priority 50 fell silent (own priority 100, was BACKUP)")]
    [InlineData(VrrpState.Master, VrrpState.Backup, TransitionReason.HigherPriorityHeard, "(VI_1) Entering BACKUP STATE: 192.0.2.2 with priority 50 has the higher priority (own priority 100, was MASTER)")]
    [InlineData(VrrpState.Backup, VrrpState.Master, TransitionReason.MasterLeft, "(VI_1) Entering MASTER STATE: 192.0.2.2 with priority 50 left (priority 0) (own priority 100, was BACKUP)")]
    [InlineData(VrrpState.Backup, VrrpState.Master, TransitionReason.Preempted, "(VI_1) Entering MASTER STATE: 192.0.2.2 with priority 50 has the lower priority (own priority 100, was BACKUP)")]
    public void A_transition_is_one_line_with_its_reason(VrrpState from, VrrpState to, TransitionReason reason, string expected)
    {
        Logger.Log(Transition(from, to, reason));

        Assert.Equal((LogLevel.Information, expected), Assert.Single(_lines));
    }

    [Fact]
    public void A_fault_is_a_warning_with_what_is_wrong()
    {
        Logger.Log(Transition(VrrpState.Master, VrrpState.Fault, TransitionReason.FaultBegan, VrrpFaults.LinkDown, "interface eth0 went down"));
        Logger.Log(Transition(VrrpState.Initialize, VrrpState.Fault, TransitionReason.FaultBegan, VrrpFaults.InterfaceMissing | VrrpFaults.TrackedInterface));

        Assert.Equal(
            [
                (LogLevel.Warning, "(VI_1) Entering FAULT STATE: interface eth0 went down (own priority 100, was MASTER)"),
                (LogLevel.Warning, "(VI_1) Entering FAULT STATE: its interface does not exist; the router starts when it appears; a tracked interface is down (own priority 100, was INIT)"),
            ],
            _lines);
    }

    [Fact]
    public void The_end_of_a_fault_names_what_had_failed()
    {
        Logger.Log(Transition(VrrpState.Fault, VrrpState.Backup, TransitionReason.FaultEnded, VrrpFaults.Tracked) with { FaultDetail = "vrrp_script web failed" });

        Assert.StartsWith("(VI_1) Entering BACKUP STATE: over: vrrp_script web failed; waiting", Assert.Single(_lines).Text, StringComparison.Ordinal);
    }

    [Fact]
    public void A_priority_that_changed_names_what_changed_it()
    {
        Logger.Log(new PriorityChanged(default, "VI_1", new(80), new(50)) { Detail = "interface eth1 is down (-30)" });
        Logger.Log(new PriorityChanged(default, "VI_1", new(50), new(80)));

        Assert.Equal(
            ["(VI_1) effective priority changed from 80 to 50: interface eth1 is down (-30)", "(VI_1) effective priority changed from 50 to 80"],
            _lines.Select(line => line.Text));
    }

    [Fact]
    public void One_whose_goodbye_alone_was_heard_has_no_priority_to_tell()
    {
        Logger.Log(Transition(VrrpState.Backup, VrrpState.Master, TransitionReason.MasterLeft) with { PeerPriority = default });

        Assert.Contains(": 192.0.2.2 left (priority 0) (", Assert.Single(_lines).Text, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_reason_has_words_of_its_own()
    {
        foreach (var reason in Enum.GetValues<TransitionReason>())
        {
            if (reason != TransitionReason.None)
                Assert.DoesNotContain(reason.ToString(), TransitionText.Describe(Transition(VrrpState.Backup, VrrpState.Master, reason, VrrpFaults.LinkDown)), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void An_address_is_handed_over_only_when_somebody_took_it()
    {
        var address = VirtualAddress.Host(IPAddressValue.Parse("192.0.2.9"));
        Logger.Log(new AddressIncident(default, "VI_1", address, AddressIncidentKind.Released, Peer));
        Logger.Log(new AddressIncident(default, "VI_1", address, AddressIncidentKind.Released));

        Assert.Equal(["(VI_1) 192.0.2.9/32 handed over to 192.0.2.2", "(VI_1) 192.0.2.9/32 removed"], _lines.Select(line => line.Text));
    }

    [Fact] // VR-076
    public void A_restless_router_is_a_warning_with_what_to_look_for()
    {
        Logger.Log(new MasterRestless(default, "VI_1", 4, TimeSpan.FromSeconds(12.3)));

        Assert.Equal(
            (LogLevel.Warning, "(VI_1) became Master 4 times within 13 s: advertisements get lost or come late, or the settings of two routers do not fit"),
            Assert.Single(_lines));
    }

    [Fact]
    public void Adverts_of_unknown_routers_are_worth_a_line_only_when_asked_for()
    {
        var dropped = new PacketDropped(default, "", "eth0", PacketRejection.UnknownVirtualRouterId, Peer, 1, "VRID 7");
        var logger = Logger;
        logger.Log(dropped);
        logger.LogsUnknownVirtualRouterIds = true;
        logger.Log(dropped);

        Assert.Equal([LogLevel.Debug, LogLevel.Warning], _lines.Select(line => line.Level));
    }

    private sealed class Lines : List<(LogLevel Level, string Text)>, ILogger<NotificationLogger>
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            Add((logLevel, formatter(state, exception)));
    }
}
