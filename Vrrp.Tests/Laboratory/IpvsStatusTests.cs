using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Vrrp.Daemon.Ipvs;
using Vrrp.Daemon.Status;
using Vrrp.Linux;
using Vrrp.Tests.Linux.Lab;
using Xunit.Abstractions;

namespace Vrrp.Tests.LaboratoryMachine;

/// <summary>What <c>vrrp ipvs</c> shows is what the kernel counted, by ipvsadm's word.</summary>
[Collection(LaboratoryTurn.Last)]
public sealed partial class IpvsStatusTests(ITestOutputHelper output)
{
    private const string Vip = "10.99.0.1";
    private const string Server = "10.99.0.2";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);

    [LaboratoryFact(LaboratoryNeed.Ipvs, "ip_vs_rr", "ip_vs_sh")]
    public async Task Counters_rates_and_settings_are_those_that_ipvsadm_shows()
    {
        await using var hosts = await Hosts.CreateAsync();
        Task<string> DirectorAsync(params string[] command) => Tool.RunAsync("ip", ["netns", "exec", hosts.Director, .. command]);
        foreach (string line in (string[])
        [
            $"-A -u {Vip}:5000 -s rr",
            $"-a -u {Vip}:5000 -r {Server}:6000 -m -w 3",
            $"-A -t {Vip}:80 -s sh -b sh-fallback,sh-port -p 60 -M 255.255.255.0",
            $"-a -t {Vip}:80 -r {Server}:80 -g -w 0 -x 1000 -y 500",
            $"-a -t {Vip}:80 -r 10.99.0.3:80 -i",
            "-A -f 5 -s rr -o",
            "-a -f 5 -r 10.99.0.3:0 -g",
            "-A -t [fd99::1]:443 -s rr",
            "-a -t [fd99::1]:443 -r [fd99::2]:443 -i",
            "--set 800 100 200",
            "--start-daemon master --mcast-interface eth0 --syncid 5",
        ])
            await DirectorAsync(["ipvsadm", .. line.Split(' ')]);

        int exchanged = await ExchangeUntilRatedAsync(hosts);
        string stats = await DirectorAsync(Director.VrrpCommand(), "ipvs", "--stats", "--status-socket", "none");
        string expected = await DirectorAsync("ipvsadm", "-Ln", "--stats", "--exact");
        output.WriteLine($"{stats}\n{expected}");
        Assert.Contains($"UDP {Vip}:5000 1 {exchanged} {exchanged} {exchanged * 128} {exchanged * 128}", Counters(stats));
        Assert.Equal(Counters(expected).Order(), Counters(stats).Order());
        Assert.Equal(9, Counters(stats).Count);

        string overview = await DirectorAsync(Director.VrrpCommand(), "ipvs", "--status-socket", "none");
        string table = await DirectorAsync("ipvsadm", "-Ln");
        output.WriteLine($"{overview}\n{table}");
        Assert.Equal(table.Split('\n')[0], overview.Split('\n')[0]);
        Assert.Equal(Connections(table).Order(), Connections(overview).Order());
        Assert.Contains($"-> {Server}:6000 Masq 3 0 1", Connections(overview));
        Assert.Contains("Health: unknown: no daemon was asked\n", overview, StringComparison.Ordinal);
        foreach (string flags in (string[])["sh (sh-fallback,sh-port) persistent 60 mask 255.255.255.0", "rr ops"])
        {
            Assert.Contains(flags, table, StringComparison.Ordinal);
            Assert.Contains(flags, overview, StringComparison.Ordinal);
        }

        Assert.Contains((await DirectorAsync("ipvsadm", "-Ln", "--timeout")).TrimEnd(), overview, StringComparison.Ordinal);
        Assert.Contains((await DirectorAsync("ipvsadm", "-Ln", "--daemon")).TrimEnd(), overview, StringComparison.Ordinal);

        var json = JsonNode.Parse(await DirectorAsync(Director.VrrpCommand(), "ipvs", "--json", "--status-socket", "none"))!;
        Assert.Equal(
            ["10.99.0.1", "fd99::1", "10.99.0.1", "5"],
            json["services"]!.AsArray().Select(service => (service!["name"]!["address"] ?? service["name"]!["firewallMark"])!.ToString()));
        var web = json["services"]![0]!["destinations"]!.AsArray();
        Assert.Equal("1000 500 0", $"{web[0]!["upperThreshold"]} {web[0]!["lowerThreshold"]} {web[0]!["weight"]}");
        Assert.Equal("tunnel ipip", $"{web[1]!["forwarding"]} {web[1]!["tunnel"]}");
        var udp = json["services"]![2]!["totals"]!;
        Assert.Equal($"{exchanged * 128}", udp["incomingBytes"]!.ToString());
    }

    [LaboratoryFact(LaboratoryNeed.Ipvs, "ip_vs_rr")]
    public async Task Health_of_each_server_comes_from_the_running_daemon_of_this_namespace()
    {
        await using var hosts = await Hosts.CreateAsync();
        using var listener = Hosts.In(hosts.RealServer, () =>
        {
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            socket.Bind(new IPEndPoint(IPAddress.Parse(Server), 80));
            socket.Listen();
            return socket;
        });
        string configuration = Path.Combine(hosts.Folder.FullName, "test.conf");
        await File.WriteAllTextAsync(configuration, $$"""
            virtual_server {{Vip}} 80 {
                delay_loop 1
                lvs_sched rr
                lvs_method NAT
                protocol TCP
                warmup 0
                real_server {{Server}} 80 {
                    TCP_CHECK {
                        connect_timeout 5
                    }
                }
                real_server {{Server}} 81 {
                    TCP_CHECK {
                        connect_timeout 5
                        retry 0
                    }
                }
            }

            """);
        string[] run = ["netns", "exec", hosts.Director, Director.VrrpCommand(), "run", "-f", configuration, "-p", Path.Combine(hosts.Folder.FullName, "test.pid")];
        var changed = new Signal();
        var log = new LineLog(changed);
        await using var daemon = BackgroundProcess.Start("ip", run, log, changed);
        string socketPath = Path.Combine(hosts.Folder.FullName, "test.sock");
        await WaitAsync(
            () => TryAsk(socketPath)?.VirtualServers is [{ RealServers: [{ Checks: [{ LastProbe: not null }] }, { IsUp: false }] }],
            () => log.ToString());

        Task<(int ExitCode, string Output, string Error)> InAsync(string host) =>
            Tool.TryRunAsync("ip", ["netns", "exec", host, Director.VrrpCommand(), "ipvs", "--status-socket", socketPath]);
        var (exitCode, table, error) = await InAsync(hosts.Director);
        output.WriteLine(table + error + log);
        Assert.Equal(0, exitCode);
        Assert.Matches($@"\nTCP  {Vip}:80 .* rr, quorum \(weight 1 of 1\)\n", table);
        Assert.Matches($@"\n  -> {Server}:80 .* up for \d+s\n", table);
        Assert.Matches($@"\n  -- {Server}:81 .* down for \d+s, not in the table; TCP_CHECK: \S+", table);

        Assert.Contains("works in another network namespace", (await InAsync(hosts.RealServer)).Output, StringComparison.Ordinal);
        daemon.Send(PosixSignalNumber.Terminate);
        Assert.Equal(0, await daemon.WaitForEndAsync());
        Assert.Contains($"Health: unknown: no vrrp runs that serves {socketPath}", (await InAsync(hosts.Director)).Output, StringComparison.Ordinal);
    }

    /// <summary>Null: it does not listen yet, or an emulated processor was too slow for it to answer in time.</summary>
    private static DirectorReport? TryAsk(string socketPath)
    {
        try
        {
            return StatusClient.Get(socketPath, StatusDocuments.Ipvs, StatusJson.Compact.DirectorReport);
        }
        catch (IOException)
        {
            return null;
        }
    }

    /// <summary>Sends datagrams of 100 octets through the service, each answered, until the kernel shows a rate.</summary>
    private static async Task<int> ExchangeUntilRatedAsync(Hosts hosts)
    {
        Socket Udp(string address, int port)
        {
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
            socket.Bind(new IPEndPoint(IPAddress.Parse(address), port));
            return socket;
        }

        using var client = Hosts.In(hosts.Director, () => Udp(Vip, 0));
        using var server = Hosts.In(hosts.RealServer, () => Udp(Server, 6000));
        using var table = Hosts.In(hosts.Director, NetlinkIpvsTable.Open);
        var key = ServiceKey.ByAddress(TransportProtocol.Udp, IPAddressValue.Parse(Vip), 5000);
        byte[] datagram = new byte[100];
        var until = DateTime.UtcNow + Patience;
        int exchanged = 0;
        do
        {
            using var limit = new CancellationTokenSource(Patience);
            await client.SendToAsync(datagram, new IPEndPoint(IPAddress.Parse(Vip), 5000), limit.Token);
            var arrived = await server.ReceiveFromAsync(datagram, new IPEndPoint(IPAddress.Any, 0), limit.Token);
            Assert.Equal(100, arrived.ReceivedBytes);
            await server.SendToAsync(datagram, arrived.RemoteEndPoint, limit.Token);
            var answer = await client.ReceiveFromAsync(datagram, new IPEndPoint(IPAddress.Any, 0), limit.Token);
            Assert.Equal($"{Vip}:5000", answer.RemoteEndPoint.ToString());
            exchanged++;
            Assert.True(DateTime.UtcNow < until, "the kernel shows no rate");
        }
        while (table.Read(key)!.Destinations[0].Statistics is not { IncomingPacketRate: > 0, OutgoingPacketRate: > 0, IncomingByteRate: > 0, OutgoingByteRate: > 0 });
        return exchanged;
    }

    private static async Task WaitAsync(Func<bool> condition, Func<string> describe)
    {
        var until = DateTime.UtcNow + Patience;
        while (!condition())
        {
            Assert.True(DateTime.UtcNow < until, describe());
            await Task.Delay(TimeSpan.FromMilliseconds(200), TimeProvider.System);
        }
    }

    /// <summary>Each row with five numbers, spaces evened out.</summary>
    private static List<string> Counters(string text) => Rows(text, CountersRow());

    /// <summary>Each real server's method, weight and connections.</summary>
    private static List<string> Connections(string text) => Rows(text, ConnectionsRow());

    private static List<string> Rows(string text, Regex row) =>
        [.. text.Split('\n').Select(line => row.Match(line)).Where(match => match.Success).Select(match => Spaces().Replace(match.Value.Trim(), " "))];

    [GeneratedRegex(@"^(TCP|UDP|FWM|  ->)\s+\S+(\s+\d+){5}")]
    private static partial Regex CountersRow();

    [GeneratedRegex(@"^  -> \S+\s+(Masq|Route|Tunnel)(\s+\d+){3}")]
    private static partial Regex ConnectionsRow();

    [GeneratedRegex(@"\s+")]
    private static partial Regex Spaces();

    /// <summary>A director with the virtual address, and a real server, on one wire.</summary>
    private sealed class Hosts : IAsyncDisposable
    {
        public string Director { get; } = string.Create(CultureInfo.InvariantCulture, $"vrrp-st-d-{Environment.ProcessId}");

        public string RealServer { get; } = string.Create(CultureInfo.InvariantCulture, $"vrrp-st-r-{Environment.ProcessId}");

        public DirectoryInfo Folder { get; } = Directory.CreateTempSubdirectory("vrrp-status-lab-");

        public static async Task<Hosts> CreateAsync()
        {
            var hosts = new Hosts();
            await Tool.RunAsync("ip", ["netns", "add", hosts.Director]);
            await Tool.RunAsync("ip", ["netns", "add", hosts.RealServer]);
            await Tool.RunAsync("ip", ["-batch", "-"], $"""
                link add eth0 netns {hosts.Director} type veth peer name eth0 netns {hosts.RealServer}

                """);
            await Tool.RunAsync("ip", ["-n", hosts.Director, "-batch", "-"], $"""
                link set lo up
                link set eth0 up
                addr add {Vip}/24 dev eth0
                addr add fd99::1/64 dev eth0 nodad

                """);
            await Tool.RunAsync("ip", ["-n", hosts.RealServer, "-batch", "-"], $"""
                link set lo up
                link set eth0 up
                addr add {Server}/24 dev eth0

                """);
            return hosts;
        }

        public static T In<T>(string host, Func<T> make)
        {
            using var network = NetworkNamespace.OpenNamed(host);
            return network.Run(make);
        }

        public async ValueTask DisposeAsync()
        {
            await Tool.TryRunAsync("ip", ["netns", "del", Director]);
            await Tool.TryRunAsync("ip", ["netns", "del", RealServer]);
            Folder.Delete(recursive: true);
        }
    }
}
