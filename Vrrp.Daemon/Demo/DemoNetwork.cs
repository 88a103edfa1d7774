using System.Net;
using System.Net.Sockets;
using Vrrp.Linux;
using Vrrp.Netlink;

namespace Vrrp.Daemon.Demo;

/// <summary>
/// Two directors and a client at a switch, each a network namespace without a name. Nothing is made in the host's namespace, and all of it
/// ends with the last process in it.
/// </summary>
internal sealed class DemoNetwork : IDisposable
{
    private const string Bridge = "br0";
    private const string ClientPort = "client";

    private readonly List<NetworkNamespace> _namespaces = [];
    private readonly NetworkNamespace _switch;
    private readonly LinkBuilder _switchLinks;

    /// <exception cref="LinuxException">A capability is missing, or a sandbox refuses.</exception>
    /// <exception cref="NetlinkException">The kernel refuses a link.</exception>
    public DemoNetwork()
    {
        try
        {
            _switch = Add();
            _switchLinks = LinkBuilder.In(_switch);
            _switchLinks.CreateBridge(Bridge);
            _switchLinks.SetUp(Bridge);
            Client = Add();
            Connect(Client, ClientPort, DemoPlan.ClientAddress, null);
            Directors = [Add(), Add()];
            foreach (var director in DemoPlan.Directors)
                Connect(Directors[director.Index], director.Name, director.Address, director.Mac);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public NetworkNamespace Client { get; }

    public NetworkNamespace[] Directors { get; }

    /// <summary>Takes a director's cable out, at the switch.</summary>
    public void Unplug(DirectorPlan director) => _switchLinks.SetDown(director.Name);

    public void Plug(DirectorPlan director) => _switchLinks.SetUp(director.Name);

    /// <summary>Whether the kernel of a director has the virtual address: only then may a socket be bound to it.</summary>
    public bool HasVirtualAddress(DirectorPlan director) => Directors[director.Index].Run(() =>
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        try
        {
            socket.Bind(new IPEndPoint(DemoPlan.VirtualAddress.ToIPAddress(), 0));
            return true;
        }
        catch (SocketException exception) when (exception.SocketErrorCode == SocketError.AddressNotAvailable)
        {
            return false;
        }
    });

    public void Dispose()
    {
        _switchLinks?.Dispose();
        foreach (var network in _namespaces)
            network.Dispose();
    }

    private NetworkNamespace Add()
    {
        var network = NetworkNamespace.Create();
        _namespaces.Add(network);
        return network;
    }

    private void Connect(NetworkNamespace host, string port, IPAddressValue address, MacAddress? mac)
    {
        _switchLinks.CreateVeth(port, DemoPlan.Interface, host);
        _switchLinks.SetMaster(port, Bridge);
        _switchLinks.SetUp(port);
        using var links = LinkBuilder.In(host);
        if (mac is { } hardwareAddress)
            links.SetMac(DemoPlan.Interface, hardwareAddress);
        links.SetUp("lo");
        links.AddAddress(DemoPlan.Interface, address, DemoPlan.PrefixLength);
        links.SetUp(DemoPlan.Interface);
    }
}
