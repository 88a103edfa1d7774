using System.Globalization;
using Vrrp.Tests.Linux.Lab;
using Xunit.Abstractions;

namespace Vrrp.Tests.LaboratoryMachine.Clusters;

/// <summary>A pair of directors that tell each other of their connections: those of clients survive the death of the Master.</summary>
[Collection(LaboratoryTurn.Last)]
public sealed class FailoverTests(ITestOutputHelper output)
{
    [LaboratoryTheory(LaboratoryNeed.Ipvs, "ip_vs_rr")]
    [InlineData(DirectorKind.Keepalived, DirectorKind.Keepalived)]
    [InlineData(DirectorKind.Vrrp, DirectorKind.Vrrp)]
    [InlineData(DirectorKind.Vrrp, DirectorKind.Keepalived)]
    [InlineData(DirectorKind.Keepalived, DirectorKind.Vrrp)]
    public Task Connections_go_on_when_the_master_is_dead(DirectorKind master, DirectorKind backup) => Cluster.RunAsync(
        output, ClusterForm.DirectRoute, directors: 2, story: async cluster =>
        {
            const string Sync = """
                global_defs {
                    lvs_sync_daemon eth0 VI_1
                }

                """;
            string server = cluster.VirtualServer("rr", "", cluster.Server(0), cluster.Server(1));
            string table = cluster.Table("rr", (0, 1), (1, 1));
            await cluster.A.StartAsync(master, Sync + cluster.Instance(150) + server);
            await cluster.A.WaitForVipAsync();
            await cluster.B.StartAsync(backup, Sync + cluster.Instance(100) + server);
            await cluster.A.WaitForTableAsync(table);
            await cluster.B.WaitForTableAsync(table);
            await WaitForSyncAsync(cluster, cluster.A, "master");
            await WaitForSyncAsync(cluster, cluster.B, "backup");

            List<LongConnection> connections = [];
            for (int count = 0; count < 4; count++)
                connections.Add(await cluster.Web.ConnectAsync(cluster.Service));
            Assert.Equal(["rs1", "rs1", "rs2", "rs2"], connections.Select(connection => connection.Server).Order());
            // The kernel tells of a connection when some packets have passed.
            await cluster.UntilAsync(() => $"the connections on {cluster.B}", async () =>
            {
                foreach (var connection in connections)
                    await connection.TalkAsync(3);
                string[] known = (await cluster.B.IpvsadmAsync("-Lnc")).Split('\n');
                return connections.All(connection => known.Any(line =>
                    line.Contains("ESTABLISHED", StringComparison.Ordinal) && line.Contains(connection.Local.ToString(), StringComparison.Ordinal)));
            });

            using var end = new CancellationTokenSource();
            var traffic = cluster.Web.AskUntilAsync(cluster.Service, end.Token);

            // The whole machine dies: nobody sends and nobody answers any more.
            cluster.SetCable(cluster.A.Host, plugged: false);
            await cluster.A.KillAsync();
            foreach (var connection in connections)
                await connection.TalkAsync(3);
            await cluster.B.WaitForVipAsync();
            await WaitForSyncAsync(cluster, cluster.B, "master");
            Assert.Equal(table, await cluster.B.TableAsync());

            await end.CancelAsync();
            var answers = await traffic;
            output.WriteLine($"meanwhile: {WebClient.Summary(answers)}");
            Assert.StartsWith("rs", answers[^1], StringComparison.Ordinal);
            // One request was under way at most when the Master died; one that had not begun is only late.
            Assert.InRange(answers.Count(answer => !answer.StartsWith("rs", StringComparison.Ordinal)), 0, 1);
            Assert.Equal("rs1 10, rs2 10", await cluster.AskAsync(20));
            foreach (var connection in connections)
            {
                await connection.TalkAsync(3);
                connection.Dispose();
            }
        });

    private static Task WaitForSyncAsync(Cluster cluster, ClusterDirector director, string state)
    {
        string found = "";
        return cluster.UntilAsync(
            () => string.Create(CultureInfo.InvariantCulture, $"the {state} sync daemon on {director}; found: {found}"),
            async () =>
            {
                found = (await director.IpvsadmAsync("-L", "--daemon")).Trim();
                // The id is the virtual router's, and there is no other daemon.
                return found.Split('\n') is [var only] && only.StartsWith($"{state} sync daemon", StringComparison.Ordinal)
                    && only.Contains("mcast=eth0, syncid=51", StringComparison.Ordinal);
            });
    }
}
