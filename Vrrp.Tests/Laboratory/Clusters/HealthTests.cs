using Vrrp.Tests.Linux.Lab;
using Xunit.Abstractions;

namespace Vrrp.Tests.LaboratoryMachine.Clusters;

/// <summary>Real servers that die and come back, under requests.</summary>
[Collection(LaboratoryTurn.Last)]
public sealed class HealthTests(ITestOutputHelper output)
{
    [LaboratoryTheory(LaboratoryNeed.Ipvs, "ip_vs_wrr")]
    [InlineData(DirectorKind.Keepalived, false)]
    [InlineData(DirectorKind.Vrrp, false)]
    [InlineData(DirectorKind.Keepalived, true)]
    [InlineData(DirectorKind.Vrrp, true)]
    public Task Dead_server_gets_no_requests_until_it_is_back(DirectorKind kind, bool inhibit) => Cluster.RunAsync(output, ClusterForm.DirectRoute, async cluster =>
    {
        string settings = inhibit ? "inhibit_on_failure" : "";
        await cluster.A.StartAsync(
            kind, cluster.Instance() + cluster.VirtualServer("wrr", "", cluster.Server(0, settings: settings), cluster.Server(1, 3, settings)));
        await cluster.A.WaitForVipAsync();
        await cluster.A.WaitForTableAsync(cluster.Table("wrr", (0, 1), (1, 3)));
        Assert.Equal("rs1 10, rs2 30", await cluster.AskAsync(40));

        var dead = cluster.RealServers[1];
        dead.Die();
        await cluster.A.WaitForTableAsync(inhibit ? cluster.Table("wrr", (0, 1), (1, 0)) : cluster.Table("wrr", (0, 1)));
        Assert.Equal("rs1 20", await cluster.AskAsync(20));

        dead.Serve();
        await cluster.A.WaitForTableAsync(cluster.Table("wrr", (0, 1), (1, 3)));
        Assert.Equal("rs1 10, rs2 30", await cluster.AskAsync(40));
        await cluster.A.WaitForConnectionsAsync(100);
    });

    [LaboratoryTheory(LaboratoryNeed.Ipvs, "ip_vs_rr")]
    [InlineData(DirectorKind.Keepalived)]
    [InlineData(DirectorKind.Vrrp)]
    public Task Sorry_server_answers_while_there_is_no_quorum(DirectorKind kind) => Cluster.RunAsync(
        output, ClusterForm.DirectRoute, servers: 3, story: async cluster =>
        {
            var sorry = cluster.RealServers[2];
            string Mark(string name) => Path.Combine(cluster.Folder, name);
            await cluster.A.StartAsync(kind, $$"""
                global_defs {
                    script_user root
                }
                {{cluster.Instance()}}
                {{cluster.VirtualServer(
                    "rr",
                    $"""
                    quorum 2
                    quorum_up "/bin/touch {Mark("up")}"
                    quorum_down "/bin/touch {Mark("down")}"
                    sorry_server {sorry.Address} 80
                    """,
                    cluster.Server(0), cluster.Server(1))}}
                """);
            await cluster.A.WaitForVipAsync();
            await cluster.A.WaitForTableAsync(cluster.Table("rr", (0, 1), (1, 1)));
            Assert.Equal("rs1 10, rs2 10", await cluster.AskAsync(20));

            var dead = cluster.RealServers[0];
            dead.Die();
            await cluster.A.WaitForTableAsync(cluster.Table("rr", (2, 1)));
            await cluster.UntilAsync(() => "the quorum_down script", () => Task.FromResult(File.Exists(Mark("down"))));
            File.Delete(Mark("up"));
            Assert.Equal("rs3 20", await cluster.AskAsync(20));

            dead.Serve();
            await cluster.A.WaitForTableAsync(cluster.Table("rr", (0, 1), (1, 1)));
            await cluster.UntilAsync(() => "the quorum_up script", () => Task.FromResult(File.Exists(Mark("up"))));
            Assert.Equal("rs1 10, rs2 10", await cluster.AskAsync(20));
        });
}
