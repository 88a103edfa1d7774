using Vrrp.Tests.Linux.Lab;
using Xunit.Abstractions;

namespace Vrrp.Tests.LaboratoryMachine.Clusters;

/// <summary>Each forwarding method carries requests to the real servers and answers back, with keepalived as director and with ours.</summary>
[Collection(LaboratoryTurn.Last)]
public sealed class ForwardingTests(ITestOutputHelper output)
{
    private const string HttpGet = """
        HTTP_GET {
                    url {
                        path /
                        status_code 200
                    }
                    connect_timeout 30
                }
        """;

    [LaboratoryTheory(LaboratoryNeed.Ipvs, LaboratoryNeed.Ipip, "ip_vs_rr")]
    [InlineData(DirectorKind.Keepalived)]
    [InlineData(DirectorKind.Vrrp)]
    public Task Tunnelled_requests_are_answered_past_the_director(DirectorKind kind) => Cluster.RunAsync(output, ClusterForm.Tunnel, async cluster =>
    {
        await StartAsync(cluster, kind, "rr", cluster.Server(0), cluster.Server(1));
        await cluster.A.WaitForTableAsync(cluster.Table("rr", (0, 1), (1, 1)));

        await using var atDirector = await TrafficCapture.StartAsync(cluster, cluster.A.Host, "host 10.81.0.50 or proto 4");
        await using var atClient = await TrafficCapture.StartAsync(cluster, cluster.Client, "tcp");
        Assert.Equal("rs1 10, rs2 10", await cluster.AskAsync(20));

        await atDirector.SettleAsync(cluster.Router.AddressIn(1));
        await atClient.SettleAsync(cluster.Router.AddressIn(0));
        string request = $"IP {cluster.Client.Address}.", answer = $"IP {cluster.Vip}.80 > {cluster.Client.Address}.";
        foreach (var server in cluster.RealServers)
        {
            // Each request is there twice: as it came, and within the packet to the real server.
            Assert.InRange(atDirector.Count($"IP {cluster.A.Host.Address} > {server.Address}: {request}"), 20, int.MaxValue);
        }

        Assert.InRange(atClient.Count(answer), 40, int.MaxValue);
        Assert.Equal(0, atDirector.Count(answer));
    });

    [LaboratoryTheory(LaboratoryNeed.Ipvs, "ip_vs_wrr")]
    [InlineData(DirectorKind.Keepalived)]
    [InlineData(DirectorKind.Vrrp)]
    public Task Weights_split_requests_exactly_as_the_scheduler_does(DirectorKind kind) => Cluster.RunAsync(output, ClusterForm.DirectRoute, async cluster =>
    {
        await StartAsync(cluster, kind, "wrr", cluster.Server(0, weight: 2, check: HttpGet), cluster.Server(1, weight: 4, check: HttpGet));
        await cluster.A.WaitForTableAsync(cluster.Table("wrr", (0, 2), (1, 4)));

        Assert.Equal("rs1 200, rs2 400", await cluster.AskAsync(600));
        await cluster.A.WaitForConnectionsAsync(600, (0, 200), (1, 400));
    });

    [LaboratoryTheory(LaboratoryNeed.Ipvs, "ip_vs_rr")]
    [InlineData(DirectorKind.Keepalived)]
    [InlineData(DirectorKind.Vrrp)]
    public Task The_one_public_address_is_behind_a_router_and_all_others_are_private(DirectorKind kind) =>
        Cluster.RunAsync(output, ClusterForm.DirectRoutePublic, async cluster =>
        {
            await StartAsync(cluster, kind, "rr", cluster.Server(0), cluster.Server(1));
            await cluster.A.WaitForTableAsync(cluster.Table("rr", (0, 1), (1, 1)));

            await using var atDirector = await TrafficCapture.StartAsync(cluster, cluster.A.Host, "host 10.81.0.50");
            Assert.Equal("rs1 10, rs2 10", await cluster.AskAsync(20));
            await atDirector.SettleAsync(cluster.Router.AddressIn(1));
            Assert.InRange(atDirector.Count($"> {cluster.Vip}.80: Flags [S]"), 20, int.MaxValue);
            Assert.Equal(0, atDirector.Count($"IP {cluster.Vip}.80 >"));

            // Nobody but the director says that it has the address.
            string neighbors = await cluster.Router.RunAsync("ip", "-4", "neigh", "show", cluster.Vip.ToString());
            Assert.Contains($"lladdr {cluster.A.Host.Mac} ", neighbors, StringComparison.OrdinalIgnoreCase);
        });

    [LaboratoryTheory(LaboratoryNeed.Ipvs, "ip_vs_rr")]
    [InlineData(DirectorKind.Keepalived)]
    [InlineData(DirectorKind.Vrrp)]
    public Task Masqueraded_requests_change_their_port_and_are_answered_through_the_director(DirectorKind kind) =>
        Cluster.RunAsync(output, ClusterForm.Masquerade, async cluster =>
        {
            await StartAsync(cluster, kind, "rr", cluster.Server(0), cluster.Server(1));
            await cluster.A.WaitForTableAsync(cluster.Table("rr", (0, 1), (1, 1)));

            await using var atDirector = await TrafficCapture.StartAsync(cluster, cluster.A.Host, "host 10.81.0.50");
            Assert.Equal("rs1 10, rs2 10", await cluster.AskAsync(20));
            await atDirector.SettleAsync(cluster.Router.AddressIn(1));
            Assert.InRange(atDirector.Count($"IP {cluster.Vip}.80 > {cluster.Client.Address}."), 40, int.MaxValue);
            foreach (var server in cluster.RealServers)
                Assert.InRange(atDirector.Count($"> {server.Address}.8080: Flags [S]"), 10, int.MaxValue);

            // A director that leaves takes its services with it.
            Assert.Equal(0, await cluster.A.StopAsync());
            Assert.Equal("", await cluster.A.TableAsync());
        });

    [LaboratoryTheory(LaboratoryNeed.Ipvs, LaboratoryNeed.Ipip, "ip_vs_rr")]
    [InlineData(ClusterForm.DirectRoute)]
    [InlineData(ClusterForm.Tunnel)]
    public Task Real_server_that_the_command_set_up_is_as_good_as_one_set_up_by_hand(ClusterForm form) => Cluster.RunAsync(output, form, bare: 1, story: async cluster =>
    {
        var (byCommand, byHand) = (cluster.RealServers[0], cluster.RealServers[1]);
        await StartAsync(cluster, DirectorKind.Vrrp, "rr", cluster.Server(0), cluster.Server(1));
        await cluster.A.WaitForTableAsync(cluster.Table("rr", (0, 1), (1, 1)));

        await ExpectAsync(byCommand, "up", 0);
        await ExpectAsync(byCommand, "check", 0);
        await ExpectAsync(byHand, "check", 0);
        Assert.Equal("rs1 10, rs2 10", await cluster.AskAsync(20));

        await ExpectAsync(byCommand, "down", 0);
        Assert.False(byCommand.Host.HasAddress(cluster.Vip));

        static async Task ExpectAsync(RealServer server, string verb, int exitCode)
        {
            var found = await server.CommandAsync(verb);
            Assert.True(found.ExitCode == exitCode, $"{verb} of {server} ended with {found.ExitCode}: {found.Said}");
        }
    });

    private static async Task StartAsync(Cluster cluster, DirectorKind kind, string scheduler, params string[] servers)
    {
        await cluster.A.StartAsync(kind, cluster.Instance() + cluster.VirtualServer(scheduler, "", servers));
        await cluster.A.WaitForVipAsync();
    }
}
