using Vrrp.Daemon.Configuration.Model;
using Vrrp.Daemon.HealthChecks;
using Vrrp.Daemon.Ipvs;
using Vrrp.Daemon.Status;
using Vrrp.Tests.Ipvs;

namespace Vrrp.Tests.Status;

/// <summary>A table and what a daemon knows of it.</summary>
internal static class StatusSamples
{
    public const string Namespace = "net:[4026531840]";

    public static readonly DateTimeOffset Now = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);

    private static readonly ServiceKey s_dns = ServiceKey.ByAddress(TransportProtocol.Udp, IPAddressValue.Parse("2001:db8::1"), 53);

    /// <summary>Out of order, as the kernel's hash has them: a mark, a tunnel and a service with real servers of which one is gone.</summary>
    public static IpvsSnapshot Table { get; } = new(
    [
        new(
            new() { Key = ServiceKey.ByMark(5, IPFamily.IPv4), Scheduler = "rr" },
            new(3, 30, 20, 3000, 2000, 0, 0, 0, 0, 0),
            [new(Target("192.0.2.9", 8080, new(ForwardingMethod.Masquerade), 1), 0, 0, 0, default)]),
        new(
            new()
            {
                Key = s_dns,
                Scheduler = "sh",
                Flags = ServiceFlags.OnePacket | ServiceFlags.Scheduler1 | ServiceFlags.Scheduler2,
                PersistencePrefix = 128,
            },
            new(7, 7, 0, 490, 0, 1, 1, 0, 70, 0),
            [new(Target("2001:db8::2", 53, new(ForwardingMethod.Tunnel, TunnelType.Gue, 6080, TunnelChecksum.Checksum), 1), 0, 0, 0, new(7, 7, 0, 490, 0, 1, 1, 0, 70, 0))]),
        new(
            new()
            {
                Key = DirectorSamples.Web,
                Scheduler = "wrr",
                Flags = ServiceFlags.Persistent,
                PersistenceTimeout = 50,
                PersistencePrefix = 24,
                PersistenceEngine = "sip",
            },
            new(18446744073709551615, 5000000001, 4, 6000000000, 5, 12, 34, 5, 67890, 6),
            [
                new(
                    Target("10.0.1.2", 80, new(ForwardingMethod.DirectRoute), 4) with { UpperThreshold = 1000, LowerThreshold = 750 },
                    17, 230, 3, new(400, 4000, 0, 40000, 0, 8, 20, 0, 40000, 0)),
                new(Target("10.0.1.1", 80, new(ForwardingMethod.DirectRoute), 2), 9, 110, 0, new(200, 2000, 0, 20000, 0, 4, 14, 0, 27890, 0)),
            ]),
    ]);

    public static VirtualServerStatus WebStatus { get; } = new(
        DirectorSamples.Server(DirectorSamples.Real(1, 2), DirectorSamples.Real(2, 4), DirectorSamples.Real(3)) with { Quorum = 3, Hysteresis = 1 },
        HasQuorum: true,
        [
            new(DirectorSamples.Real(1, 2), IsUp: true, Weight: 2, [new() { IsUp = true, HasResult = true, Since = Now.AddHours(-27), LastProbe = Now.AddSeconds(-1) }]),
            new(
                DirectorSamples.Real(2, 4), IsUp: true, Weight: 4,
                [
                    new()
                    {
                        IsUp = true, HasResult = true, Since = Now.AddSeconds(-303), LastProbe = Now.AddSeconds(-2), Failures = 1, LastError = "no answer within 5 s",
                    },
                ]),
            new(
                DirectorSamples.Real(3), IsUp: false, Weight: 1,
                [new() { HasResult = true, Since = Now.AddSeconds(-12), LastProbe = Now, Failures = 3, LastError = "connection \u001brefused" }]),
        ]);

    /// <summary>One that the kernel has not, with a sorry server.</summary>
    public static VirtualServerStatus MailStatus { get; } = new(
        new VirtualServer
        {
            Name = "mail",
            Services = [ServiceKey.ByAddress(TransportProtocol.Tcp, IPAddressValue.Parse("10.0.0.254"), 25)],
            SorryServer = new(IPAddressValue.Parse("10.0.1.9"), 25, new(ForwardingMethod.DirectRoute), Inhibit: false),
        },
        HasQuorum: false,
        []);

    public static DirectorReport Director { get; } = DirectorReport.Create(new([WebStatus, MailStatus], null), 4711, Namespace, Now);

    public static IpvsReport Report(DirectorReport? director) => IpvsReport.Create(
        new(0x010201, 4096),
        new(900, 120, 300),
        [
            new(SyncDaemonRole.Backup, "eth1", 7, default, 8848, 1, 1472),
            new(SyncDaemonRole.Master, "eth0", 7, IPAddressValue.Parse("224.0.0.81"), 8848, 1, 1472),
        ],
        Table,
        director is null
            ? new() { Socket = "/run/vrrp.sock", ProcessId = null, Problem = "no vrrp runs that serves /run/vrrp.sock" }
            : new() { Socket = "/run/vrrp.sock", ProcessId = director.ProcessId, Problem = director.Problem },
        director);

    private static Destination Target(string address, ushort port, Forwarding forwarding, int weight) =>
        new() { Key = new(IPAddressValue.Parse(address), port), Forwarding = forwarding, Weight = weight };
}
