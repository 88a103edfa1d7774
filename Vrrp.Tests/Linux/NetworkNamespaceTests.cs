using Vrrp.Linux;
using Vrrp.Netlink;

namespace Vrrp.Tests.Linux;

public sealed class NetworkNamespaceTests
{
    [Fact]
    public void Inside_is_another_network_and_outside_stays_as_it_was()
    {
        using var host = new Host();
        host.Links.CreateVeth("only-inside", "far");
        string outside = File.ReadAllText("/proc/thread-self/net/dev");
        string inside = host.Network.Run(() => File.ReadAllText("/proc/thread-self/net/dev"));
        Assert.Contains("only-inside", inside, StringComparison.Ordinal);
        Assert.DoesNotContain("only-inside", outside, StringComparison.Ordinal);
        Assert.Equal(outside.Split('\n').Length, File.ReadAllText("/proc/thread-self/net/dev").Split('\n').Length);
    }

    [Fact]
    public void Child_process_runs_inside()
    {
        using var host = new Host();
        host.Links.CreateVeth("only-inside", "far");
        using var process = host.Network.Start(new("cat", "/proc/self/net/dev") { RedirectStandardOutput = true });
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
        Assert.Contains("only-inside", output, StringComparison.Ordinal);
    }

    [Fact]
    public void What_fails_inside_is_thrown_outside()
    {
        using var host = new Host();
        var e = Assert.Throws<InvalidOperationException>(() => host.Network.Run(() => throw new InvalidOperationException("inside")));
        Assert.Equal("inside", e.Message);
        host.Network.Dispose();
        Assert.Throws<ObjectDisposedException>(() => host.Network.Run(() => { }));
    }

    [Fact]
    public void Thread_started_inside_is_inside()
    {
        using var host = new Host();
        host.Links.CreateVeth("only-inside", "far");
        string? seen = null;
        host.Network.StartThread(() => seen = File.ReadAllText("/proc/thread-self/net/dev"), "test").Join();
        Assert.Contains("only-inside", seen, StringComparison.Ordinal);
    }

    [Fact]
    public void Settings_are_those_of_the_namespace()
    {
        using var one = new Host();
        using var other = new Host();
        Assert.True(one.Network.TryWriteSysctl("ipv4/conf/all/promote_secondaries", "1"));
        Assert.True(other.Network.TryWriteSysctl("ipv4/conf/all/promote_secondaries", "0"));
        Assert.Equal("1", one.Network.Run(() => File.ReadAllText("/proc/sys/net/ipv4/conf/all/promote_secondaries").Trim()));
        Assert.False(one.Network.TryWriteSysctl("ipv4/no_such_setting", "1"));
    }

    [Fact]
    public void Three_hosts_on_a_bridge_hear_one_another()
    {
        using var lan = new Host();
        lan.Links.CreateBridge("br");
        lan.Links.SetUp("br");
        var hosts = new Host[3];
        for (int i = 0; i < 3; i++)
        {
            hosts[i] = new();
            lan.Links.CreateVeth($"port{i}", "eth0", hosts[i].Network);
            lan.Links.SetMaster($"port{i}", "br");
            lan.Links.SetUp($"port{i}");
            hosts[i].Links.AddAddress("eth0", IPAddressValue.FromIPv4(0x0A000001u + (uint)i), 24);
            hosts[i].Links.SetUp("eth0");
        }

        lan.WaitUntilUp("port0", "port1", "port2", "br");
        foreach (var host in hosts)
            host.WaitUntilUp("eth0");
        using var sender = hosts[0].OpenLink("eth0", IPFamily.IPv4);
        foreach (var host in hosts[1..])
        {
            using var receiver = host.OpenLink("eth0", IPFamily.IPv4);
            receiver.JoinGroup(IPAddressValue.MulticastGroupIPv4);
            var seen = new SeenPackets();
            // A port learns to forward a moment after it is up: sent again until it arrives.
            Await.Until(
                receiver.Descriptor,
                () =>
                {
                    if (receiver.Receive(seen, 10) > 0)
                        return;
                    sender.SendAdvertisement(1, IPAddressValue.FromIPv4(0x0A000001), IPAddressValue.MulticastGroupIPv4, 255, [1]);
                    sender.Flush(seen);
                },
                () => seen.Packets.Count > 0,
                "an advert over the bridge");
        }

        foreach (var host in hosts)
            host.Dispose();
    }

    [Fact]
    public void Macvlan_has_the_address_of_the_virtual_router()
    {
        using var host = new Host();
        host.Links.CreateVeth("lan", "far");
        var mac = MacAddress.ForVirtualRouter(new(51), IPFamily.IPv4);
        host.Links.CreateMacvlan("vrrp.51", "lan", mac, RouteMessages.MACVLAN_MODE_PRIVATE);
        Assert.Equal(mac, host.FactsOf("vrrp.51").MacAddress);
        host.Links.AddRoute(IPAddressValue.Parse("127.1.2.3"), 32, default, "lo");
    }
}
