using System.Globalization;
using System.Net;
using Vrrp.Linux;
using Vrrp.Netlink;
using Vrrp.Tests.Linux;
using Vrrp.Tests.Linux.Lab;

namespace Vrrp.Tests.LaboratoryMachine.Clusters;

/// <summary>
/// One machine of a cluster: a network namespace with an interface, eth0 and on, for each network that it is in. All is made by this process,
/// because on an emulated processor the start of a program takes longer than what it does.
/// </summary>
internal sealed class ClusterHost : IDisposable
{
    private const byte PrefixLength = 24;

    private readonly Host _host = new();

    /// <param name="name">Its name.</param>
    /// <param name="number">The last part of all its addresses.</param>
    /// <param name="networks">The networks that it is in.</param>
    public ClusterHost(string name, int number, params int[] networks)
    {
        Name = name;
        Number = number;
        Networks = networks;
    }

    public string Name { get; }

    public int Number { get; }

    public IReadOnlyList<int> Networks { get; }

    /// <summary>The gateway of its default route.</summary>
    public IPAddress? Gateway { get; init; }

    public bool IsRouter { get; init; }

    /// <summary>Its address in the first network that it is in.</summary>
    public IPAddress Address => AddressIn(Networks[0]);

    public NetworkNamespace Network => _host.Network;

    public LinkBuilder Links => _host.Links;

    /// <summary>The hardware address of its first interface.</summary>
    public MacAddress Mac => _host.FactsOf("eth0").MacAddress;

    public IPAddress AddressIn(int network) => AddressOf(network, Number);

    /// <summary>The addresses of all clusters, which are in namespaces of their own.</summary>
    public static IPAddress AddressOf(int network, int number) => IPAddress.Parse(string.Create(CultureInfo.InvariantCulture, $"10.81.{network}.{number}"));

    /// <summary>Joins the bridges and brings its interfaces up.</summary>
    /// <param name="bridges">The host that has a bridge, br0 and on, for each network.</param>
    public void Join(Host bridges)
    {
        Set("ipv6/conf/all/disable_ipv6", "1");
        // What the machine beneath has set is inherited: say it.
        Set("ipv4/conf/all/rp_filter", "0");
        Set("ipv4/ip_forward", IsRouter ? "1" : "0");
        for (int index = 0; index < Networks.Count; index++)
        {
            string device = $"eth{index}", port = Port(Networks[index]);
            bridges.Links.CreateVeth(port, device, Network);
            bridges.Links.SetMaster(port, $"br{Networks[index]}");
            bridges.Links.SetUp(port);
            Set($"ipv4/conf/{device}/rp_filter", "0");
            Set($"ipv4/conf/{device}/send_redirects", "0");
            // A neighbour entry follows every announcement.
            Set($"ipv4/neigh/{device}/locktime", "0");
            AddAddress(device, AddressIn(Networks[index]), PrefixLength);
            Links.SetUp(device);
        }

        if (Gateway is not null)
            Links.AddRoute(IPAddressValue.Parse("0.0.0.0"), 0, IPAddressValue.Parse(Gateway.ToString()), "eth0");
    }

    /// <summary>The cable of its first interface is pulled or plugged in again.</summary>
    public void SetCable(Host bridges, bool plugged)
    {
        if (plugged)
            bridges.Links.SetUp(Port(Networks[0]));
        else
            bridges.Links.SetDown(Port(Networks[0]));
    }

    public void AddAddress(string device, IPAddress address, byte prefixLength) =>
        Links.AddAddress(device, IPAddressValue.Parse(address.ToString()), prefixLength);

    /// <summary>Writes a setting under /proc/sys/net.</summary>
    public void Set(string path, string value) => Assert.True(Network.TryWriteSysctl(path, value), $"{path} of {Name} cannot be set to {value}");

    /// <summary>Runs a program here and returns what it printed.</summary>
    public Task<string> RunAsync(params string[] command) => Tool.RunAsync(command[0], command[1..], network: Network);

    public bool HasAddress(IPAddress address) => _host.Has(address.ToString());

    /// <summary>Its addresses, routes and neighbours, for a report.</summary>
    public async Task<string> DescribeAsync()
    {
        List<string> said = [];
        foreach (string about in (string[])["addr", "route", "neigh"])
        {
            var (_, output, error) = await Tool.TryRunAsync("ip", ["-4", "-br", about, "show"], network: Network);
            said.Add(output + error);
        }

        return string.Concat(said);
    }

    public void Dispose() => _host.Dispose();

    public override string ToString() => Name;

    private string Port(int network) => $"{Name}.{network}";
}
