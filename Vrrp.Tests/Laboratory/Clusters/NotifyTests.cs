using Vrrp.Tests.Linux.Lab;
using Xunit.Abstractions;

namespace Vrrp.Tests.LaboratoryMachine.Clusters;

/// <summary>What the pipe of the director is told, by keepalived and by ours.</summary>
[Collection(LaboratoryTurn.Last)]
public sealed class NotifyTests(ITestOutputHelper output)
{
    [LaboratoryTheory(LaboratoryNeed.Ipvs, "ip_vs_rr", Seconds = 600)]
    [InlineData(DirectorKind.Keepalived)]
    [InlineData(DirectorKind.Vrrp)]
    public Task A_pipe_is_told_of_servers_and_quorums(DirectorKind kind) => Cluster.RunAsync(output, ClusterForm.DirectRoute, async cluster =>
    {
        string told = Path.Combine(cluster.Folder, "told"), script = Path.Combine(cluster.Folder, "read.sh");
        // keepalived ends each line with a NUL besides.
        await File.WriteAllTextAsync(script, $"#!/bin/sh\ntr -d '\\000' < \"$1\" | while read -r line; do echo \"$line\" >> {told}; done\n");
        File.SetUnixFileMode(script, (UnixFileMode)0x1ED);
        await cluster.A.StartAsync(kind, $$"""
            global_defs {
                script_user root
                lvs_notify_fifo {{cluster.Folder}}/lvs.fifo
                lvs_notify_fifo_script "/usr/bin/stdbuf -o0 {{script}}"
            }
            {{cluster.Instance()}}
            {{cluster.VirtualServer("rr", "quorum 2", cluster.Server(0), cluster.Server(1))}}
            """);
        await cluster.A.WaitForVipAsync();
        await cluster.A.WaitForTableAsync(cluster.Table("rr", (0, 1), (1, 1)));
        cluster.RealServers[1].Die();
        await cluster.A.WaitForTableAsync(cluster.Table("rr", (0, 1)));
        cluster.RealServers[1].Serve();
        await cluster.A.WaitForTableAsync(cluster.Table("rr", (0, 1), (1, 1)));

        string server = $"[{cluster.RealServers[1].Address}]:tcp:{cluster.ServerPort}", service = $"[{cluster.Vip}]:tcp:{cluster.Port}";
        string[] expected =
        [
            $"VS {service} UP",
            $"RS {server} {service} DOWN",
            $"VS {service} DOWN",
            $"RS {server} {service} UP",
            $"VS {service} UP",
        ];
        string[] Lines() => File.Exists(told) ? File.ReadAllLines(told) : [];
        await cluster.UntilAsync(() => $"the pipe's lines, which are {string.Join(" | ", Lines())}", () => Task.FromResult(Lines().Length >= expected.Length));
        Assert.Equal(expected, Lines());
    });
}
