using System.Net;
using Vrrp.Tests.Linux.Lab;

namespace Vrrp.Tests.LaboratoryMachine.Clusters;

/// <summary>What passes a host, as tcpdump says it, a line a packet.</summary>
internal sealed class TrafficCapture : IAsyncDisposable
{
    private readonly Cluster _cluster;
    private readonly ClusterHost _host;
    private readonly BackgroundProcess _tcpdump;

    private TrafficCapture(Cluster cluster, ClusterHost host, BackgroundProcess tcpdump)
    {
        _cluster = cluster;
        _host = host;
        _tcpdump = tcpdump;
    }

    public LineLog Packets => _tcpdump.Log;

    /// <summary>Returns when packets are being captured, on all of the host's interfaces.</summary>
    /// <param name="cluster">The cluster.</param>
    /// <param name="host">Where.</param>
    /// <param name="filter">What, in tcpdump's words. Echo requests are captured as well.</param>
    public static async Task<TrafficCapture> StartAsync(Cluster cluster, ClusterHost host, string filter)
    {
        var log = new LineLog(cluster.Changed);
        // The buffer has room for thousands of headers, and for a few dozen packets of the greatest length.
        var tcpdump = BackgroundProcess.Start(
            "tcpdump", ["-l", "-n", "-i", "any", "-s", "160", "-B", "8192", "--immediate-mode", $"icmp[icmptype] == icmp-echo or {filter}"],
            log, cluster.Changed, network: host.Network);
        var capture = new TrafficCapture(cluster, host, tcpdump);
        await cluster.Changed.WaitForAsync($"tcpdump on {host}", Laboratory.Patience, () => log.Contains("listening on") || tcpdump.HasEnded);
        Assert.False(tcpdump.HasEnded, log.ToString());
        return capture;
    }

    /// <summary>Waits until all is captured that has passed by now.</summary>
    public async Task SettleAsync(IPAddress neighbor)
    {
        int since = Packets.Count;
        // It comes after all others, so it is captured after them.
        await _host.RunAsync("ping", "-n", "-c", "1", "-W", "10", neighbor.ToString());
        await _cluster.Changed.WaitForAsync(
            $"an echo request to {neighbor} in the capture of {_host}", Laboratory.Patience,
            () => Packets.Since(since).Any(line => line.Contains($"> {neighbor}: ICMP echo request", StringComparison.Ordinal)));
    }

    public int Count(string text) => Packets.Since(0).Count(line => line.Contains(text, StringComparison.Ordinal));

    public ValueTask DisposeAsync() => _tcpdump.DisposeAsync();
}
