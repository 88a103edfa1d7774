using Vrrp.Tests.Linux.Lab;
using Xunit.Abstractions;

namespace Vrrp.Tests.LaboratoryMachine.Clusters;

/// <summary>Two configurations as people run them, deprecated keywords and missing braces included, with the addresses of a cluster.</summary>
[Collection(LaboratoryTurn.Last)]
public sealed class SeedConfigurationTests(ITestOutputHelper output)
{
    [LaboratoryTheory(LaboratoryNeed.Ipvs, LaboratoryNeed.Ipip, "ip_vs_wrr")]
    [InlineData(DirectorKind.Keepalived)]
    [InlineData(DirectorKind.Vrrp)]
    public Task Tunnel_director(DirectorKind kind) => Cluster.RunAsync(output, ClusterForm.Tunnel, port: 205, story: async cluster =>
    {
        foreach (var server in cluster.RealServers)
        {
            // It is checked on another port than it serves.
            server.Die();
            server.Serve(205, 25);
        }

        await PlayAsync(cluster, kind, Adapt(cluster, "issue-master01.conf", "enp103s0f0", "9.9.9.9", "1.1.1.1", "2.2.2.2"), "wrr", weight: 10, inhibits: false);
    });

    [LaboratoryTheory(LaboratoryNeed.Ipvs, "ip_vs_rr")]
    [InlineData(DirectorKind.Vrrp)]
    public Task Direct_route_director(DirectorKind kind) => Cluster.RunAsync(output, ClusterForm.DirectRoute, cluster =>
        PlayAsync(
            cluster, kind, Adapt(cluster, "issue-lvs-devel.conf", "eth0", "192.168.1.169", "192.168.1.166", "192.168.1.167"), "rr", weight: 1, inhibits: true));

    private static async Task PlayAsync(Cluster cluster, DirectorKind kind, string configuration, string scheduler, int weight, bool inhibits)
    {
        await cluster.A.StartAsync(kind, configuration);
        await cluster.A.WaitForVipAsync();
        await cluster.A.WaitForTableAsync(cluster.Table(scheduler, (0, weight), (1, weight)));
        Assert.Equal("rs1 10, rs2 10", await cluster.AskAsync(20));

        // Six seconds to a look, and three more of them, three seconds apart, before it counts.
        cluster.RealServers[0].Die();
        await cluster.A.WaitForTableAsync(inhibits ? cluster.Table(scheduler, (0, 0), (1, weight)) : cluster.Table(scheduler, (1, weight)));
        Assert.Equal("rs2 10", await cluster.AskAsync(10));
    }

    /// <summary>The sample with the cluster's interface and addresses in place of its own.</summary>
    private static string Adapt(Cluster cluster, string sample, string device, string vip, params string[] servers)
    {
        string text = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Configuration", "Samples", sample));
        List<(string From, string To)> changes = [($"interface {device}", "interface eth0"), (vip, cluster.Vip.ToString())];
        changes.AddRange(servers.Select((server, index) => ($"real_server {server} ", $"real_server {cluster.RealServers[index].Address} ")));
        foreach (var (from, to) in changes)
        {
            Assert.Contains(from, text, StringComparison.Ordinal);
            text = text.Replace(from, to, StringComparison.Ordinal);
        }

        return text;
    }
}
