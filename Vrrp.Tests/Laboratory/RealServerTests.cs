using Vrrp.Tests.Linux.Lab;
using Vrrp.Tests.RealServers;
using static Vrrp.Tests.RealServers.RealServerHosts;

namespace Vrrp.Tests.LaboratoryMachine;

/// <summary><c>vrrp realserver --mode tun</c>: what a peer encapsulates for the VIP is taken and answered, past that peer.</summary>
[Collection(LaboratoryTurn.Last)]
public sealed class RealServerTests
{
    private const string OnlyFirst = "/proc/sys/net/core/fb_tunnels_only_for_init_net";

    private static readonly Family IPv4 = new("10.99.0.100", "192.0.2.1", DirectorAddress, ServerAddress, "tunl0", "ipip", []);
    private static readonly Family IPv6 = new("2001:db8:99::100", "2001:db8::1", DirectorAddress6, ServerAddress6, "ip6tnl0", "ip6tnl", ["encaplimit", "none"]);

    [LaboratoryFact(LaboratoryNeed.Ipip)]
    public Task IPv4_through_the_tunnel_of_the_kernel() => ServeAsync(IPv4, hasOwnDevice: true);

    [LaboratoryFact("ip6_tunnel")]
    public Task IPv6_through_the_tunnel_of_the_kernel() => ServeAsync(IPv6, hasOwnDevice: true);

    [LaboratoryFact(LaboratoryNeed.Ipip, "ip6_tunnel", LaboratoryNeed.Machine)]
    public async Task Without_a_tunnel_of_the_kernel_one_is_made_and_removed()
    {
        string before = await File.ReadAllTextAsync(OnlyFirst);
        await File.WriteAllTextAsync(OnlyFirst, "1");
        try
        {
            await ServeAsync(IPv4, hasOwnDevice: false);
            await ServeAsync(IPv6, hasOwnDevice: false);
        }
        finally
        {
            await File.WriteAllTextAsync(OnlyFirst, before);
        }
    }

    [LaboratoryFact(LaboratoryNeed.Ipip, LaboratoryNeed.Machine)]
    public async Task Module_that_is_missing_is_loaded()
    {
        await Tool.RunAsync("modprobe", ["-r", "ipip"]);
        using var hosts = new RealServerHosts();
        Assert.Null(hosts.Setting("ipv4/conf/tunl0/rp_filter"));
        hosts.Do("up", "--mode", "tun", "--vip", IPv4.Vip);
        hosts.Do("check");
        hosts.Do("down");
        // It came with the module, and belongs to the kernel.
        Assert.Contains("<NOARP>", Run(hosts.Server, "ip", "link", "show", "tunl0"), StringComparison.Ordinal);
        Assert.Equal((0, 0), (hosts.Setting("ipv4/conf/all/arp_ignore"), hosts.Setting("ipv4/conf/all/arp_announce")));
    }

    [LaboratoryFact(LaboratoryNeed.Ipip)]
    public void Another_tunnel_that_takes_all_packets_is_in_the_way()
    {
        using var hosts = new RealServerHosts();
        if (hosts.Setting("ipv4/conf/tunl0/rp_filter") is not null)
        {
            // The kernel's own cannot be removed, but be called something else.
            Run(hosts.Server, "ip", "link", "set", "tunl0", "name", "mine");
        }
        else
        {
            Run(hosts.Server, "ip", "link", "add", "mine", "type", "ipip");
        }

        string before = hosts.State();
        var (status, output) = hosts.Vrrp("up", "--mode", "tun", "--vip", IPv4.Vip);
        Assert.True(status == 70 && output.Contains("another ipip device takes packets from any peer already", StringComparison.Ordinal), $"{status}: {output}");
        Assert.Equal(before, hosts.State());
    }

    private static async Task ServeAsync(Family family, bool hasOwnDevice)
    {
        using var hosts = new RealServerHosts();
        bool isIPv4 = family == IPv4;
        string length = isIPv4 ? "/32" : "/128";
        Assert.Equal(hasOwnDevice, hosts.Setting($"ipv4/conf/{family.Device}/rp_filter") is not null);
        // What distributions set: the filter is on for all that come, and through 'all'.
        hosts.Set("ipv4/conf/default/rp_filter", 1);
        hosts.Set("ipv4/conf/all/rp_filter", 1);
        if (hasOwnDevice)
            hosts.Set($"ipv4/conf/{family.Device}/rp_filter", 2);

        // The director's side: a client's address, and all for the VIP in packets to the real server.
        Run(hosts.Director, "ip", "address", "add", family.Client + length, "dev", "lo");
        Run(hosts.Director, "ip", ["link", "add", "enc", "type", family.Kind, "local", family.Director, "remote", family.Server, .. family.Options]);
        Run(hosts.Director, "ip", "link", "set", "enc", "up");
        Run(hosts.Director, "ip", "route", "add", family.Vip + length, "dev", "enc");
        Run(hosts.Server, "ip", "route", "add", family.Client + length, "via", family.Director);
        Assert.False(Pings(hosts.Director, family.Vip, family.Client));

        string before = hosts.State();
        hosts.Do("up", "--mode", "tun", "--vip", family.Vip);
        hosts.Do("check");
        Assert.True(Pings(hosts.Director, family.Vip, family.Client, attempts: 5));
        Assert.EndsWith(family.Vip, await hosts.GetPageAsync(family.Vip, family.Client), StringComparison.Ordinal);
        // What came was in the tunnel, what went was not.
        Assert.True(Packets(hosts, family.Device, "rx") >= 3);
        Assert.Equal(0, Packets(hosts, family.Device, "tx"));

        if (isIPv4)
        {
            // The kernel takes the maximum: 'all' alone would bring the filter back.
            hosts.Set("ipv4/conf/all/rp_filter", 1);
            Assert.False(Pings(hosts.Director, family.Vip, family.Client));
            Assert.Equal(2, hosts.Vrrp("check").Status);
            Assert.Contains("net.ipv4.conf.all.rp_filter: 1 -> 0\n", hosts.Do("up", "--mode", "tun", "--vip", family.Vip), StringComparison.Ordinal);
            Assert.True(Pings(hosts.Director, family.Vip, family.Client, attempts: 5));
        }

        // Nobody on the LAN hears of it.
        Run(hosts.Director, "ip", "route", "replace", family.Vip + length, "dev", "eth0");
        Assert.False(Pings(hosts.Director, family.Vip, family.Client));
        Assert.False(hosts.DirectorKnows(family.Vip));

        hosts.Do("down");
        Assert.Equal(before, hosts.State());
    }

    private static long Packets(RealServerHosts hosts, string device, string direction) => hosts.Server.Network.Run(() =>
    {
        // Octets and packets received are the first and second column, those sent the ninth and tenth.
        string[] columns = File.ReadLines("/proc/thread-self/net/dev").Select(line => line.Trim()).Single(line => line.StartsWith(device + ":", StringComparison.Ordinal))
            .Split((char[])[' ', ':'], StringSplitOptions.RemoveEmptyEntries);
        return long.Parse(columns[direction == "rx" ? 2 : 10], System.Globalization.CultureInfo.InvariantCulture);
    });

    private sealed record Family(string Vip, string Client, string Director, string Server, string Device, string Kind, string[] Options);
}
