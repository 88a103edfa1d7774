using Vrrp.Tests.Linux.Lab;
using Xunit.Abstractions;

namespace Vrrp.Tests.LaboratoryMachine.Clusters;

/// <summary>What a reload, a kill and another's hand in the table change, and what they leave alone.</summary>
[Collection(LaboratoryTurn.Last)]
public sealed class ContinuityTests(ITestOutputHelper output)
{
    [LaboratoryTheory(LaboratoryNeed.Ipvs, "ip_vs_rr")]
    [InlineData(DirectorKind.Keepalived)]
    [InlineData(DirectorKind.Vrrp)]
    public Task Reload_adds_drains_and_removes_and_disturbs_nobody_else(DirectorKind kind) => Cluster.RunAsync(
        output, ClusterForm.DirectRoute, servers: 3, story: async cluster =>
        {
            string Configuration(params string[] servers) => cluster.Instance() + cluster.VirtualServer("rr", "", servers);
            await cluster.A.StartAsync(kind, Configuration(cluster.Server(0), cluster.Server(1)));
            await cluster.A.WaitForVipAsync();
            await cluster.A.WaitForTableAsync(cluster.Table("rr", (0, 1), (1, 1)));
            using var one = await cluster.Web.ConnectAsync(cluster.Service);
            using var other = await cluster.Web.ConnectAsync(cluster.Service);
            Assert.Equal(["rs1", "rs2"], new[] { one.Server, other.Server }.Order());
            var (drained, kept) = one.Server == "rs1" ? (one, other) : (other, one);

            await cluster.A.ReloadAsync(Configuration(cluster.Server(0, weight: 0), cluster.Server(1), cluster.Server(2)));
            await cluster.A.WaitForTableAsync(cluster.Table("rr", (0, 0), (1, 1), (2, 1)));
            await drained.TalkAsync(3);
            await kept.TalkAsync(3);
            Assert.Equal("rs2 10, rs3 10", await cluster.AskAsync(20));

            await cluster.A.ReloadAsync(Configuration(cluster.Server(1), cluster.Server(2)));
            await cluster.A.WaitForTableAsync(cluster.Table("rr", (1, 1), (2, 1)));
            await kept.TalkAsync(3);
            Assert.Equal("rs2 10, rs3 10", await cluster.AskAsync(20));
            // Counted since the start: the service was never taken out.
            await cluster.A.WaitForConnectionsAsync(42, (1, 21));
            Assert.True(cluster.A.Host.HasAddress(cluster.Vip));
        });

    [LaboratoryFact(LaboratoryNeed.Ipvs, "ip_vs_rr")]
    public Task Killed_director_finds_its_table_again_and_connections_survive() => Cluster.RunAsync(
        output, ClusterForm.DirectRoute, servers: 3, story: async cluster =>
        {
            string Configuration(params string[] servers) => cluster.Instance() + cluster.VirtualServer("rr", "", servers);
            string table = cluster.Table("rr", (0, 1), (1, 1));
            await cluster.A.StartAsync(DirectorKind.Vrrp, Configuration(cluster.Server(0), cluster.Server(1)));
            await cluster.A.WaitForVipAsync();
            await cluster.A.WaitForTableAsync(table);
            using var one = await cluster.Web.ConnectAsync(cluster.Service);
            using var other = await cluster.Web.ConnectAsync(cluster.Service);
            Assert.Equal(["rs1", "rs2"], new[] { one.Server, other.Server }.Order());

            await cluster.A.KillAsync();
            // The kernel goes on forwarding.
            Assert.Equal(table, await cluster.A.TableAsync());
            await one.TalkAsync(3);
            await other.TalkAsync(3);

            // While nobody looks: a weight is changed, a server taken out, a service of somebody else added.
            string service = $"{cluster.Vip}:80", foreign = $"{cluster.Vip}:8080";
            await cluster.A.IpvsadmAsync("-e", "-t", service, "-r", cluster.Destination(0), "-g", "-w", "7");
            await cluster.A.IpvsadmAsync("-A", "-t", foreign, "-s", "rr");
            await cluster.A.StartAsync(DirectorKind.Vrrp, Configuration(cluster.Server(0), cluster.Server(1)));
            string left = $"{table}\nTCP {foreign} rr";
            await cluster.A.WaitForTableAsync(left);
            await cluster.A.WaitForVipAsync();
            await one.TalkAsync(3);
            await other.TalkAsync(3);
            Assert.Equal("rs1 10, rs2 10", await cluster.AskAsync(20));
            // The service was not taken out and put in again.
            await cluster.A.WaitForConnectionsAsync(22, (0, 11), (1, 11));

            // Killed again, and started with another server: what is no longer wanted goes, although this process did not put it there.
            await cluster.A.KillAsync();
            await cluster.A.StartAsync(DirectorKind.Vrrp, Configuration(cluster.Server(1), cluster.Server(2)));
            await cluster.A.WaitForTableAsync($"{cluster.Table("rr", (1, 1), (2, 1))}\nTCP {foreign} rr");
            await cluster.A.WaitForVipAsync();
            await (one.Server == "rs2" ? one : other).TalkAsync(3);

            Assert.Equal(0, await cluster.A.StopAsync());
            Assert.Equal($"TCP {foreign} rr", await cluster.A.TableAsync());
        });

    [LaboratoryFact(LaboratoryNeed.Ipvs, "ip_vs_rr")]
    public Task Foreign_hand_in_the_table_is_reported_and_corrected() => Cluster.RunAsync(output, ClusterForm.DirectRoute, async cluster =>
    {
        string table = cluster.Table("rr", (0, 1), (1, 1));
        await cluster.A.StartAsync(DirectorKind.Vrrp, cluster.Instance() + cluster.VirtualServer("rr", "", cluster.Server(0), cluster.Server(1)));
        await cluster.A.WaitForVipAsync();
        await cluster.A.WaitForTableAsync(table);

        string service = $"{cluster.Vip}:80";
        foreach (string[] change in (string[][])[["-d", "-t", service, "-r", cluster.Destination(0)], ["-e", "-t", service, "-r", cluster.Destination(0), "-g", "-w", "9"], ["-D", "-t", service]])
        {
            int since = cluster.A.Log.Count;
            await cluster.A.IpvsadmAsync(change);
            await cluster.UntilAsync(
                () => $"a report of ipvsadm {string.Join(' ', change)}", () => Task.FromResult(cluster.A.Log.Contains("someone else changed the IPVS table", since)));
            await cluster.A.WaitForTableAsync(table);
        }

        Assert.Equal("rs1 10, rs2 10", await cluster.AskAsync(20));
    });
}
