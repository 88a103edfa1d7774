using System.Collections.Immutable;
using Vrrp.Daemon.Ipvs;
using Vrrp.Linux;
using Vrrp.Tests.Ipvs;
using Vrrp.Tests.Linux.Lab;
using Xunit.Abstractions;

namespace Vrrp.Tests.LaboratoryMachine;

/// <summary>Our client of the kernel's table, with ipvsadm as another reader of the same table.</summary>
[Collection(LaboratoryTurn.Last)]
public sealed class IpvsTableTests(ITestOutputHelper output)
{
    private static readonly IPAddressValue Vip = IPAddressValue.Parse("10.0.0.1");
    private static readonly IPAddressValue Vip6 = IPAddressValue.Parse("2001:db8::1");
    private static readonly Forwarding Nat = new(ForwardingMethod.Masquerade);
    private static readonly Forwarding Route = new(ForwardingMethod.DirectRoute);
    private static readonly Forwarding Tunnel = new(ForwardingMethod.Tunnel);

    /// <summary>Services, what ipvsadm -Sn says of each, and the options of it that ipvsadm has no word for.</summary>
    private static readonly (VirtualService Service, string Line)[] Services =
    [
        .. from scheduler in (string[])["rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh", "fo", "ovf", "sed", "nq"]
           select (Service(Tcp(Number(scheduler)), scheduler), $"-A -t 10.0.0.1:{Number(scheduler)} -s {scheduler}"),
        (Service(Tcp(201), "sh") with { Flags = ServiceFlags.Scheduler1 }, "-A -t 10.0.0.1:201 -s sh -b sh-fallback"),
        (Service(Tcp(202), "sh") with { Flags = ServiceFlags.Scheduler2 }, "-A -t 10.0.0.1:202 -s sh -b sh-port"),
        // ipvsadm has no word for the third flag of sh.
        (Service(Tcp(203), "sh") with { Flags = ServiceFlags.Scheduler1 | ServiceFlags.Scheduler2 | ServiceFlags.Scheduler3 },
            "-A -t 10.0.0.1:203 -s sh -b sh-fallback,sh-port"),
        (Service(Tcp(204), "mh") with { Flags = ServiceFlags.Scheduler1 }, "-A -t 10.0.0.1:204 -s mh -b mh-fallback"),
        (Service(Tcp(205), "mh") with { Flags = ServiceFlags.Scheduler2 }, "-A -t 10.0.0.1:205 -s mh -b mh-port"),
        (Service(Tcp(301), "rr") with { Flags = ServiceFlags.Persistent, PersistenceTimeout = 50 }, "-A -t 10.0.0.1:301 -s rr -p 50"),
        (Service(Tcp(302), "rr") with { Flags = ServiceFlags.Persistent, PersistenceTimeout = 2678400, PersistencePrefix = 24 },
            "-A -t 10.0.0.1:302 -s rr -p 2678400 -M 255.255.255.0"),
        (Service(Tcp(0), "wlc") with { Flags = ServiceFlags.Persistent, PersistenceTimeout = 360 }, "-A -t 10.0.0.1:0 -s wlc -p 360"),
        (Service(ServiceKey.ByAddress(TransportProtocol.Udp, Vip, 53), "rr") with { Flags = ServiceFlags.OnePacket }, "-A -u 10.0.0.1:53 -s rr -o"),
        (Service(ServiceKey.ByAddress(TransportProtocol.Udp, Vip, 5060), "rr") with
        {
            Flags = ServiceFlags.Persistent, PersistenceTimeout = 60, PersistenceEngine = "sip",
        }, "-A -u 10.0.0.1:5060 -s rr -p 60 --pe sip"),
        (Service(ServiceKey.ByAddress(TransportProtocol.Sctp, Vip, 3868), "lc"), "-A --sctp-service 10.0.0.1:3868 -s lc"),
        (Service(ServiceKey.ByAddress(TransportProtocol.Tcp, Vip6, 443), "wrr"), "-A -t [2001:db8::1]:443 -s wrr"),
        (Service(ServiceKey.ByAddress(TransportProtocol.Udp, Vip6, 53), "rr") with
        {
            Flags = ServiceFlags.Persistent, PersistenceTimeout = 70, PersistencePrefix = 64,
        }, "-A -u [2001:db8::1]:53 -s rr -p 70 -M 64"),
        (Service(ServiceKey.ByMark(5, IPFamily.IPv4), "wlc"), "-A -f 5 -s wlc"),
        (Service(ServiceKey.ByMark(5, IPFamily.IPv6), "wlc"), "-A -f 5 -6 -s wlc"),
        (Service(ServiceKey.ByMark(int.MaxValue, IPFamily.IPv4), "rr"), "-A -f 2147483647 -s rr"),
    ];

    /// <summary>Real servers of 10.0.0.1:101 but for those that say otherwise, and what ipvsadm says of each.</summary>
    private static readonly (ServiceKey Service, Destination Destination, string Line)[] Destinations =
    [
        (Tcp(101), Real("10.0.1.1", 8080, Nat), "-r 10.0.1.1:8080 -m -w 1"),
        (Tcp(101), Real("10.0.1.2", 101, Route) with { Weight = 0 }, "-r 10.0.1.2:101 -g -w 0"),
        (Tcp(101), Real("10.0.1.3", 101, Route) with { Weight = int.MaxValue }, "-r 10.0.1.3:101 -g -w 2147483647"),
        (Tcp(101), Real("10.0.1.4", 101, Tunnel), "-r 10.0.1.4:101 -i -w 1 --tun-type ipip"),
        (Tcp(101), Real("10.0.1.5", 101, Tunnel with { Tunnel = TunnelType.Gre }), "-r 10.0.1.5:101 -i -w 1 --tun-type gre --tun-nocsum"),
        (Tcp(101), Real("10.0.1.6", 101, Tunnel with { Tunnel = TunnelType.Gre, Checksum = TunnelChecksum.Checksum }),
            "-r 10.0.1.6:101 -i -w 1 --tun-type gre --tun-csum"),
        (Tcp(101), Real("10.0.1.7", 101, Tunnel with { Tunnel = TunnelType.Gue, TunnelPort = 6080 }), "-r 10.0.1.7:101 -i -w 1 --tun-type gue --tun-port 6080 --tun-nocsum"),
        (Tcp(101), Real("10.0.1.8", 101, Tunnel with { Tunnel = TunnelType.Gue, TunnelPort = 6080, Checksum = TunnelChecksum.Checksum }),
            "-r 10.0.1.8:101 -i -w 1 --tun-type gue --tun-port 6080 --tun-csum"),
        (Tcp(101), Real("10.0.1.9", 101, Tunnel with { Tunnel = TunnelType.Gue, TunnelPort = 6081, Checksum = TunnelChecksum.Remote }),
            "-r 10.0.1.9:101 -i -w 1 --tun-type gue --tun-port 6081 --tun-remcsum"),
        (Tcp(101), Real("2001:db8::9", 101, Tunnel), "-r [2001:db8::9]:101 -i -w 1 --tun-type ipip"),
        (ServiceKey.ByAddress(TransportProtocol.Tcp, Vip6, 443), Real("2001:db8::2", 443, Route) with { Weight = 3 }, "-r [2001:db8::2]:443 -g -w 3"),
        (ServiceKey.ByAddress(TransportProtocol.Tcp, Vip6, 443), Real("10.0.1.1", 443, Tunnel), "-r 10.0.1.1:443 -i -w 1 --tun-type ipip"),
        (ServiceKey.ByMark(5, IPFamily.IPv4), Real("10.0.1.1", 0, Nat), "-r 10.0.1.1:0 -m -w 1"),
        (ServiceKey.ByMark(5, IPFamily.IPv6), Real("2001:db8::3", 0, Route), "-r [2001:db8::3]:0 -g -w 1"),
        (ServiceKey.ByAddress(TransportProtocol.Sctp, Vip, 3868), Real("10.0.1.1", 3868, Nat), "-r 10.0.1.1:3868 -m -w 1"),
    ];

    private static ServiceKey Tcp(int port) => ServiceKey.ByAddress(TransportProtocol.Tcp, Vip, (ushort)port);

    private static VirtualService Service(ServiceKey key, string scheduler) =>
        new() { Key = key, Scheduler = scheduler, PersistencePrefix = (byte)(key.Family == IPFamily.IPv4 ? 32 : 128) };

    private static int Number(string scheduler) => 101 + Array.IndexOf(["rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh", "fo", "ovf", "sed", "nq"], scheduler);

    private static Destination Real(string address, ushort port, Forwarding forwarding) =>
        new() { Key = new(IPAddressValue.Parse(address), port), Forwarding = forwarding };

    private static string NameOf(ServiceKey key) => key switch
    {
        { FirewallMark: not 0, Family: IPFamily.IPv6 } => $"-f {key.FirewallMark} -6",
        { FirewallMark: not 0 } => $"-f {key.FirewallMark}",
        _ => (key.Protocol switch { TransportProtocol.Tcp => "-t", TransportProtocol.Udp => "-u", _ => "--sctp-service" })
            + (key.Family == IPFamily.IPv6 ? $" [{key.Address}]:{key.Port}" : $" {key.Address}:{key.Port}"),
    };

    /// <summary>Runs a test in a namespace of its own: its table and the means to run a program there.</summary>
    private async Task InNamespaceAsync(Func<IIpvsTable, Func<string[], Task<string>>, Task> test)
    {
        string name = $"vrrp-table-{Environment.ProcessId}-{Guid.NewGuid().ToString("N")[..6]}";
        await Tool.RunAsync("ip", ["netns", "add", name]);
        try
        {
            Task<string> InsideAsync(string[] command) => Tool.RunAsync("ip", ["netns", "exec", name, .. command]);
            await InsideAsync(["ip", "link", "set", "lo", "up"]);
            await InsideAsync(["ip", "link", "add", "eth0", "type", "veth", "peer", "name", "eth1"]);
            await InsideAsync(["ip", "link", "set", "eth0", "up"]);
            await InsideAsync(["ip", "link", "set", "eth1", "up"]);
            await InsideAsync(["ip", "address", "add", "10.9.0.1/24", "dev", "eth0"]);
            using var network = NetworkNamespace.OpenNamed(name);
            using var table = network.Run(NetlinkIpvsTable.Open);
            await test(table, InsideAsync);
        }
        finally
        {
            await Tool.RunAsync("ip", ["netns", "del", name]);
        }
    }

    private static void Apply(IIpvsTable table, params ImmutableArray<IpvsChange> changes) =>
        Assert.All(table.Apply(changes), outcome => Assert.Null(outcome.Message));

    private static string[] Lines(string text) => [.. text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.TrimEnd()).Order(StringComparer.Ordinal)];

    [LaboratoryFact(LaboratoryNeed.Ipvs)]
    public Task Everything_that_can_be_set_is_read_back_by_another_reader_and_by_ourselves() => InNamespaceAsync(async (table, inside) =>
    {
        ImmutableArray<IpvsChange> changes =
        [
            .. Services.Select(entry => new IpvsChange(IpvsChangeKind.AddService, entry.Service)),
            .. Destinations.Select(entry => new IpvsChange(IpvsChangeKind.AddDestination, Service(entry.Service, "rr"), entry.Destination)),
        ];
        var refused = table.Apply(changes).Where(outcome => outcome.Message is not null).Select(outcome => outcome.Message).ToArray();
        string text = await inside(["ipvsadm", "-Sn"]);
        output.WriteLine(text);
        Assert.Empty(refused);
        string[] expected =
        [
            .. Services.Select(entry => entry.Line),
            .. Destinations.Select(entry => $"-a {NameOf(entry.Service)} {entry.Line}"),
        ];
        Assert.Equal(expected.Order(StringComparer.Ordinal), Lines(text));

        // What is read is what was wanted: applied once, the plan is empty.
        WantedService[] wanted =
        [
            .. Services.Select(entry => new WantedService(
                entry.Service, [.. Destinations.Where(real => real.Service == entry.Service.Key).Select(real => real.Destination)])),
        ];
        var snapshot = table.Read();
        Assert.Equal("", DirectorSamples.Describe(IpvsPlan.Create([.. wanted], snapshot, new()).Changes));
        foreach (var want in wanted)
            Assert.Equal(want.Service.Key, table.Read(want.Service.Key)!.Service.Key);
        Assert.Null(table.Read(Tcp(9999)));
    });

    [LaboratoryFact(LaboratoryNeed.Ipvs)]
    public Task Every_setting_can_be_changed_in_place() => InNamespaceAsync(async (table, inside) =>
    {
        var service = Service(Tcp(80), "wlc");
        Apply(
            table,
            new(IpvsChangeKind.AddService, service),
            new(IpvsChangeKind.AddDestination, service, Real("10.0.1.1", 80, Route)),
            new(IpvsChangeKind.AddDestination, service, Real("10.0.1.2", 80, Route)),
            new(IpvsChangeKind.UpdateService, service with
            {
                Scheduler = "sh", Flags = ServiceFlags.Persistent | ServiceFlags.Scheduler2, PersistenceTimeout = 30, PersistencePrefix = 16,
            }),
            new(IpvsChangeKind.UpdateDestination, service, Real("10.0.1.1", 80, Nat) with { Weight = 7, UpperThreshold = 1000, LowerThreshold = 900 }));
        Assert.Equal(
            ["-A -t 10.0.0.1:80 -s sh -p 30 -M 255.255.0.0 -b sh-port", "-a -t 10.0.0.1:80 -r 10.0.1.1:80 -m -w 7", "-a -t 10.0.0.1:80 -r 10.0.1.2:80 -g -w 1"],
            Lines(await inside(["ipvsadm", "-Sn"])));
        Assert.Matches(@"10\.0\.1\.1:80\s+1000\s+900\s", await inside(["ipvsadm", "-Ln", "--thresholds"]));

        // And back: what was switched on goes off again.
        Apply(
            table,
            new(IpvsChangeKind.UpdateService, service),
            new(IpvsChangeKind.UpdateDestination, service, Real("10.0.1.1", 80, Route)),
            new(IpvsChangeKind.RemoveDestination, service, Real("10.0.1.2", 80, Route)));
        Assert.Equal(["-A -t 10.0.0.1:80 -s wlc", "-a -t 10.0.0.1:80 -r 10.0.1.1:80 -g -w 1"], Lines(await inside(["ipvsadm", "-Sn"])));
        Assert.Matches(@"10\.0\.1\.1:80\s+0\s+0\s", await inside(["ipvsadm", "-Ln", "--thresholds"]));
        Apply(table, new IpvsChange(IpvsChangeKind.RemoveService, service));
        Assert.Empty(Lines(await inside(["ipvsadm", "-Sn"])));
    });

    [LaboratoryFact(LaboratoryNeed.Ipvs)]
    public Task What_another_tool_made_is_read_as_it_is() => InNamespaceAsync(async (table, inside) =>
    {
        await inside(["ipvsadm", "-A", "-t", "10.0.0.1:80", "-s", "wrr", "-p", "33", "-M", "255.255.255.0"]);
        await inside(["ipvsadm", "-a", "-t", "10.0.0.1:80", "-r", "10.0.1.1:80", "-i", "-w", "4", "-x", "20", "-y", "10", "--tun-type", "gue", "--tun-port", "6080", "--tun-nocsum"]);
        var entry = Assert.Single(table.Read().Services);

        Assert.Equal(
            new VirtualService { Key = Tcp(80), Scheduler = "wrr", Flags = ServiceFlags.Persistent, PersistenceTimeout = 33, PersistencePrefix = 24 }, entry.Service);
        Assert.Equal(
            Real("10.0.1.1", 80, Tunnel with { Tunnel = TunnelType.Gue, TunnelPort = 6080 }) with { Weight = 4, UpperThreshold = 20, LowerThreshold = 10 },
            Assert.Single(entry.Destinations).Destination);
        table.Zero(Tcp(80));
        table.Zero(null);
        table.Flush();
        Assert.Empty(table.Read().Services);
    });

    [LaboratoryFact(LaboratoryNeed.Ipvs)]
    public Task Timeouts_and_synchronisation_daemons_are_read_back() => InNamespaceAsync(async (table, inside) =>
    {
        table.SetTimeouts(new(800, null, 200));
        Assert.Equal("Timeout (tcp tcpfin udp): 800 120 200", (await inside(["ipvsadm", "-L", "--timeout"])).Trim());
        Assert.Equal(new IpvsTimeouts(800, 120, 200), table.ReadTimeouts());

        var master = new SyncDaemon(SyncDaemonRole.Master, "eth0", 7, IPAddressValue.Parse("239.1.2.3"), 8900, 3, 1000);
        table.StartSyncDaemon(master);
        table.StartSyncDaemon(new(SyncDaemonRole.Backup, "eth0", 9));
        string text = await inside(["ipvsadm", "-L", "--daemon"]);
        output.WriteLine(text);
        Assert.Contains("master sync daemon (mcast=eth0, syncid=7, maxlen=1000, group=239.1.2.3, port=8900, ttl=3)", text, StringComparison.Ordinal);
        Assert.Matches(@"backup sync daemon \(mcast=eth0, syncid=9, maxlen=\d+, group=224.0.0.81, port=8848, ttl=1\)", text);
        var read = table.ReadSyncDaemons();
        Assert.Equal(master, read.Single(daemon => daemon.Role == SyncDaemonRole.Master));
        Assert.Equal(9, read.Single(daemon => daemon.Role == SyncDaemonRole.Backup).Id);
        table.StopSyncDaemon(SyncDaemonRole.Master, 7);
        table.StopSyncDaemon(SyncDaemonRole.Backup, 9);
        table.StopSyncDaemon(SyncDaemonRole.Backup, 9);
        Assert.Equal("", (await inside(["ipvsadm", "-L", "--daemon"])).Trim());
        Assert.Empty(table.ReadSyncDaemons());
        Assert.Contains("eth7", Assert.ThrowsAny<IOException>(() => table.StartSyncDaemon(new(SyncDaemonRole.Backup, "eth7", 1))).Message, StringComparison.Ordinal);
    });

    [LaboratoryFact(LaboratoryNeed.Ipvs)]
    public Task Refusals_are_sentences_that_name_the_object_and_stop_nothing_behind_them() => InNamespaceAsync(async (table, inside) =>
    {
        var service = Service(Tcp(80), "rr");
        var outcomes = table.Apply(
        [
            new(IpvsChangeKind.AddService, Service(Tcp(81), "nosuch")),
            new(IpvsChangeKind.AddService, service),
            new(IpvsChangeKind.AddService, service),
            new(IpvsChangeKind.AddDestination, service, Real("10.0.1.1", 80, Route)),
            new(IpvsChangeKind.AddDestination, service, Real("10.0.1.1", 80, Route)),
            new(IpvsChangeKind.AddDestination, Service(Tcp(82), "rr"), Real("10.0.1.1", 82, Route)),
            new(IpvsChangeKind.RemoveDestination, service, Real("10.0.1.2", 80, Route)),
            new(IpvsChangeKind.AddDestination, service, Real("10.0.1.3", 80, Route) with { Weight = -1 }),
            new(IpvsChangeKind.AddDestination, service, Real("2001:db8::3", 80, Route)),
            new(IpvsChangeKind.RemoveService, Service(Tcp(83), "rr")),
            new(IpvsChangeKind.AddDestination, service, Real("10.0.1.4", 80, Route)),
        ]);
        foreach (var outcome in outcomes)
            output.WriteLine($"{outcome.Error} {outcome.Message}");
        Assert.Equal(
            [
                "The virtual server [10.0.0.1]:tcp:81 cannot be added: the kernel has no scheduler 'nosuch' (module ip_vs_nosuch).",
                null,
                "The virtual server [10.0.0.1]:tcp:80 cannot be added: it exists already.",
                null,
                "The real server [10.0.1.1]:80 of virtual server [10.0.0.1]:tcp:80 cannot be added: the service has it already.",
                "The real server [10.0.1.1]:82 of virtual server [10.0.0.1]:tcp:82 cannot be added: the kernel has no such virtual server.",
                "The real server [10.0.1.2]:80 of virtual server [10.0.0.1]:tcp:80 cannot be removed: the kernel has no such real server.",
                "The real server [10.0.1.3]:80 of virtual server [10.0.0.1]:tcp:80 cannot be added: its weight is negative or its lower threshold is above the upper one.",
                "The real server [2001:db8::3]:80 of virtual server [10.0.0.1]:tcp:80 cannot be added: IPv4 and IPv6 can be mixed only with TUN, and not while a synchronisation daemon runs.",
                "The virtual server [10.0.0.1]:tcp:83 cannot be removed: the kernel has no such virtual server.",
                null,
            ],
            outcomes.Select(outcome => outcome.Message));
        Assert.Equal(
            ["-A -t 10.0.0.1:80 -s rr", "-a -t 10.0.0.1:80 -r 10.0.1.1:80 -g -w 1", "-a -t 10.0.0.1:80 -r 10.0.1.4:80 -g -w 1"],
            Lines(await inside(["ipvsadm", "-Sn"])));
    });

    [LaboratoryFact(LaboratoryNeed.Ipvs)]
    public Task A_thousand_real_servers_take_a_handful_of_system_calls() => InNamespaceAsync(async (table, inside) =>
    {
        var service = Service(Tcp(80), "rr");
        ImmutableArray<IpvsChange> changes =
        [
            new(IpvsChangeKind.AddService, service),
            .. Enumerable.Range(0, 1000).Select(number =>
                new IpvsChange(IpvsChangeKind.AddDestination, service, Real($"10.1.{number / 250}.{1 + (number % 250)}", 80, Route) with { Weight = 1 + number })),
        ];
        Apply(table, changes);

        Assert.Equal(1001, Lines(await inside(["ipvsadm", "-Sn"])).Length);
        Assert.Contains("-a -t 10.0.0.1:80 -r 10.1.3.250:80 -g -w 1000", await inside(["ipvsadm", "-Sn"]), StringComparison.Ordinal);
        Assert.Equal(1000, table.Read(Tcp(80))!.Destinations.Length);
        int calls = ((NetlinkIpvsTable)table).SystemCalls;
        var again = table.Apply(changes);
        Assert.All(again, outcome => Assert.NotNull(outcome.Message));
        calls = ((NetlinkIpvsTable)table).SystemCalls - calls;
        output.WriteLine($"{calls} system calls");
        Assert.InRange(calls, 2, 12);
    });
}
