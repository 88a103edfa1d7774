using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Text;
using Vrrp.Tests.Linux;
using Vrrp.Tests.Linux.Lab;
using Xunit.Abstractions;

namespace Vrrp.Tests.LaboratoryMachine.Clusters;

/// <summary>How a cluster is laid out, which is what its forwarding method asks for.</summary>
public enum ClusterForm
{
    /// <summary>Directors and real servers on one network behind a router; answers go to the router at once.</summary>
    DirectRoute,

    /// <summary>The same with private addresses only: the router sends the one public address into their network.</summary>
    DirectRoutePublic,

    /// <summary>Real servers in a network of their own behind the router, reached through tunnels; answers go to the router at once.</summary>
    Tunnel,

    /// <summary>Real servers behind the director, which all answers pass.</summary>
    Masquerade,
}

/// <summary>
/// A client, a router, directors and real servers, each in a network namespace, on bridges in one more. All is gone when it is disposed.
/// </summary>
internal sealed class Cluster : IAsyncDisposable
{
    private const int ClientNetwork = 0, DirectorNetwork = 1, ServerNetwork = 2;

    private static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(200);

    // A dead server refuses at once; one that answers late has no processor to do it sooner.
    private const string TcpCheck = """
        TCP_CHECK {
                    connect_timeout 30
                }
        """;

    private readonly Host _bridges = new();

    private Cluster(ClusterForm form, int directors, int servers)
    {
        Form = form;
        Folder = Directory.CreateTempSubdirectory("vrrp-cluster-").FullName;
        int[] routed = form == ClusterForm.Tunnel ? [ClientNetwork, DirectorNetwork, ServerNetwork] : [ClientNetwork, DirectorNetwork];
        bool isMasquerade = form == ClusterForm.Masquerade;
        int serverNetwork = isMasquerade || form == ClusterForm.Tunnel ? ServerNetwork : DirectorNetwork;
        int[] directed = isMasquerade ? [DirectorNetwork, ServerNetwork] : [DirectorNetwork];

        Router = new("router", 1, routed) { IsRouter = true };
        Client = new("client", 50, ClientNetwork) { Gateway = Router.AddressIn(ClientNetwork) };
        Directors = [.. Enumerable.Range(0, directors).Select(index => new ClusterDirector(
            this, new($"{(char)('a' + index)}", 11 + index, directed) { Gateway = Router.AddressIn(DirectorNetwork), IsRouter = isMasquerade }))];
        var gateway = isMasquerade ? Directors[0].Host.AddressIn(ServerNetwork) : Router.AddressIn(serverNetwork);
        RealServers = [.. Enumerable.Range(1, servers).Select(number => new RealServer(
            this, new(string.Create(CultureInfo.InvariantCulture, $"rs{number}"), 20 + number, serverNetwork) { Gateway = gateway }))];
    }

    public ClusterForm Form { get; }

    public ClusterHost Client { get; }

    public ClusterHost Router { get; }

    public IReadOnlyList<ClusterDirector> Directors { get; }

    /// <summary>The first director, often the only one.</summary>
    public ClusterDirector A => Directors[0];

    public ClusterDirector B => Directors[1];

    public IReadOnlyList<RealServer> RealServers { get; }

    /// <summary>Configurations and pid files, and what scripts leave.</summary>
    public string Folder { get; }

    public Signal Changed { get; } = new();

    public IPAddress Vip => Form == ClusterForm.DirectRoutePublic ? IPAddress.Parse("198.51.100.10") : ClusterHost.AddressOf(DirectorNetwork, 100);

    public int Port { get; private init; } = 80;

    /// <summary>Where the real servers listen, which only a director that masquerades can make another port.</summary>
    public int ServerPort => Form == ClusterForm.Masquerade ? 8080 : Port;

    public IPEndPoint Service => new(Vip, Port);

    /// <summary>The name of the forwarding method in a configuration.</summary>
    public string Method => Form switch
    {
        ClusterForm.Tunnel => "TUN",
        ClusterForm.Masquerade => "NAT",
        _ => "DR",
    };

    /// <summary>The name of the forwarding method in ipvsadm's listing.</summary>
    public string Forward => Form switch
    {
        ClusterForm.Tunnel => "Tunnel",
        ClusterForm.Masquerade => "Masq",
        _ => "Route",
    };

    public WebClient Web => new(Client.Network);

    private IEnumerable<ClusterHost> Hosts =>
        [Client, Router, .. Directors.Select(director => director.Host), .. RealServers.Select(server => server.Host)];

    /// <summary>Builds the cluster, tells the story, and says all there is to know if it fails.</summary>
    /// <param name="output">Where.</param>
    /// <param name="form">How it is laid out.</param>
    /// <param name="story">What happens.</param>
    /// <param name="directors">How many there are.</param>
    /// <param name="servers">How many real servers there are.</param>
    /// <param name="port">Where clients ask.</param>
    /// <param name="bare">How many real servers, from the first, get the VIP from the story itself.</param>
    public static async Task RunAsync(
        ITestOutputHelper output, ClusterForm form, Func<Cluster, Task> story, int directors = 1, int servers = 2, int port = 80,
        int bare = 0)
    {
        LabRequirements.Demand();
        var watch = Stopwatch.StartNew();
        await using var cluster = new Cluster(form, directors, servers) { Port = port };
        try
        {
            cluster.Build(bare);
            output.WriteLine($"built after {watch.Elapsed.TotalSeconds:0.0} s");
            await story(cluster);
            output.WriteLine($"told after {watch.Elapsed.TotalSeconds:0.0} s");
        }
        catch
        {
            output.WriteLine($"failed after {watch.Elapsed.TotalSeconds:0.0} s");
            output.WriteLine(await cluster.ReportAsync());
            throw;
        }
    }

    /// <summary>A virtual router that holds the VIP.</summary>
    public string Instance(int priority = 150) => $$"""
        vrrp_instance VI_1 {
            interface eth0
            version 3
            virtual_router_id 51
            priority {{priority}}
            advert_int 0.5
            virtual_ipaddress {
                {{Vip}}
            }
        }

        """;

    /// <summary>The virtual server of the VIP.</summary>
    /// <param name="scheduler">Its scheduler.</param>
    /// <param name="settings">Further lines.</param>
    /// <param name="servers">Its real servers, of <see cref="Server"/>.</param>
    public string VirtualServer(string scheduler, string settings, params string[] servers) => $$"""
        virtual_server {{Vip}} {{Port}} {
            delay_loop 1
            lb_algo {{scheduler}}
            lb_kind {{Method}}
            protocol TCP
            {{settings}}
        {{string.Concat(servers)}}
        }

        """;

    /// <summary>A real server of the virtual server, which a connection that is accepted shows to be alive.</summary>
    public string Server(int index, int weight = 1, string settings = "", string check = TcpCheck) => $$"""
            real_server {{RealServers[index].Address}} {{ServerPort}} {
                weight {{weight}}
                {{settings}}
                {{check}}
            }

        """;

    /// <summary>The address and port of a real server, as ipvsadm names it.</summary>
    public string Destination(int server) => string.Create(CultureInfo.InvariantCulture, $"{RealServers[server].Address}:{ServerPort}");

    /// <summary>The table with one service, as <see cref="ClusterDirector.WaitForTableAsync"/> wants it.</summary>
    /// <param name="scheduler">Its scheduler.</param>
    /// <param name="destinations">Indexes of its real servers in their order, with weights.</param>
    public string Table(string scheduler, params (int Server, int Weight)[] destinations) => string.Join('\n', (string[])
        [
            string.Create(CultureInfo.InvariantCulture, $"TCP {Vip}:{Port} {scheduler}"),
            .. destinations.Select(pair => string.Create(CultureInfo.InvariantCulture, $"-> {Destination(pair.Server)} {Forward} {pair.Weight}")),
        ]);

    /// <summary>Sends requests to the VIP and counts who answered.</summary>
    public Task<string> AskAsync(int count) => Web.AskAsync(Service, count);

    /// <summary>Looks again and again until a condition is true; a director that ends although nobody asked it to is noticed at once.</summary>
    public async Task UntilAsync(Func<string> what, Func<Task<bool>> condition)
    {
        var watch = Stopwatch.StartNew();
        while (!await condition())
        {
            if (Directors.FirstOrDefault(director => director.HasDied) is { } dead)
                throw new InvalidOperationException($"{dead} has ended while waiting for {what()}");
            if (watch.Elapsed > Laboratory.Patience)
                throw new LabTimeoutException($"Waited {watch.Elapsed.TotalSeconds:0} s in vain for {what()}");
            await Task.Delay(PollInterval);
        }
    }

    /// <summary>A cable is pulled or plugged in again.</summary>
    public void SetCable(ClusterHost host, bool plugged) => host.SetCable(_bridges, plugged);

    public async ValueTask DisposeAsync()
    {
        foreach (var director in Directors)
            await director.DisposeAsync();
        foreach (var server in RealServers)
            server.Dispose();
        foreach (var host in Hosts)
            host.Dispose();
        _bridges.Dispose();
        Directory.Delete(Folder, recursive: true);
    }

    private void Build(int bare)
    {
        foreach (int network in Hosts.SelectMany(host => host.Networks).Distinct())
        {
            _bridges.Links.CreateBridge($"br{network}");
            _bridges.Links.SetUp($"br{network}");
        }

        foreach (var host in Hosts)
            host.Join(_bridges);
        if (Form == ClusterForm.DirectRoutePublic)
            Router.Links.AddRoute(IPAddressValue.Parse(Vip.ToString()), 32, default, "eth1");
        foreach (var server in RealServers.Skip(bare))
            server.AcceptVip();
        foreach (var server in RealServers)
            server.Serve();
    }

    private async Task<string> ReportAsync()
    {
        var report = new StringBuilder();
        foreach (var director in Directors)
            report.AppendLine(await director.DescribeAsync());
        foreach (var host in Hosts)
            report.AppendLine(CultureInfo.InvariantCulture, $"===== {host}\n{await host.DescribeAsync()}");
        return report.ToString();
    }
}
