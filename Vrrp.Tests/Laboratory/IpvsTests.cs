using Vrrp.Tests.Linux.Lab;

namespace Vrrp.Tests.LaboratoryMachine;

/// <summary>What a director with tunnels needs of the kernel is there.</summary>
[Collection(LaboratoryTurn.Last)]
public sealed class IpvsTests
{
    [LaboratoryFact(LaboratoryNeed.Ipvs, LaboratoryNeed.Ipip, "ip_vs_rr")]
    public async Task Service_with_a_tunnelled_server_can_be_made_in_a_namespace()
    {
        string name = $"vrrp-ipvs-{Environment.ProcessId}";
        await Tool.RunAsync("ip", ["netns", "add", name]);
        try
        {
            Task<string> InsideAsync(params string[] command) => Tool.RunAsync("ip", ["netns", "exec", name, .. command]);
            // Without it the kernel takes no address for unicast.
            await InsideAsync("ip", "link", "set", "lo", "up");
            await InsideAsync("ipvsadm", "-A", "-t", "10.0.0.1:80", "-s", "rr");
            await InsideAsync("ipvsadm", "-a", "-t", "10.0.0.1:80", "-r", "10.0.0.2:80", "--ipip");
            string table = await InsideAsync("ipvsadm", "-Sn");
            Assert.Equal(["-A -t 10.0.0.1:80 -s rr", "-a -t 10.0.0.1:80 -r 10.0.0.2:80 -i -w 1"], table.TrimEnd().Split('\n'));
            Assert.Contains("ipip", await InsideAsync("ip", "-d", "link", "show", "tunl0"), StringComparison.Ordinal);
        }
        finally
        {
            await Tool.RunAsync("ip", ["netns", "del", name]);
        }
    }
}
