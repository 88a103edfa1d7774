using System.Net;
using Vrrp.Tests.Linux.Lab;

namespace Vrrp.Tests.LaboratoryMachine.Clusters;

/// <summary>A real server: a host, set up as the guides to LVS do it, and its web server.</summary>
internal sealed class RealServer(Cluster cluster, ClusterHost host) : IDisposable
{
    private WebServer? _web;

    public ClusterHost Host => host;

    public string Name => host.Name;

    public IPAddress Address => host.Address;

    /// <summary>What a client's answers from it are.</summary>
    public override string ToString() => Name;

    /// <summary>Starts its web server, or starts it again.</summary>
    public void Serve(params int[] ports) => _web = WebServer.Start(host.Network, Name, ports.Length == 0 ? [cluster.ServerPort] : ports);

    /// <summary>Its web server dies.</summary>
    public void Die() => _web?.Dispose();

    /// <summary>Takes packets for the VIP without telling its neighbours of it.</summary>
    public void AcceptVip()
    {
        if (cluster.Form != ClusterForm.Masquerade)
            AcceptVip(cluster.Form == ClusterForm.Tunnel ? "tunl0" : "lo");
    }

    /// <summary>Runs <c>vrrp realserver</c> with the cluster's VIP and method; returns its exit code and what it said.</summary>
    public async Task<(int ExitCode, string Said)> CommandAsync(string verb)
    {
        string state = Path.Combine(cluster.Folder, $"{Name}.state");
        var (exitCode, output, error) = await Tool.TryRunAsync(
            Director.VrrpCommand(),
            ["realserver", verb, "--vip", cluster.Vip.ToString(), "--mode", cluster.Form == ClusterForm.Tunnel ? "tun" : "dr", "--state", state],
            network: host.Network);
        return (exitCode, output + error);
    }

    public void Dispose() => _web?.Dispose();

    private void AcceptVip(string device)
    {
        foreach (string interfaces in (string[])["all", device])
        {
            host.Set($"ipv4/conf/{interfaces}/arp_ignore", "1");
            host.Set($"ipv4/conf/{interfaces}/arp_announce", "2");
        }

        // What comes out of the tunnel has the client's address, which is not behind it; the kernel takes the maximum of both.
        host.Set("ipv4/conf/all/rp_filter", "0");
        host.Set($"ipv4/conf/{device}/rp_filter", "0");
        host.AddAddress(device, cluster.Vip, 32);
        host.Links.SetUp(device);
    }
}
