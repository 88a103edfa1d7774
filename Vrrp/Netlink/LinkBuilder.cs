using Vrrp.Linux;
using static Vrrp.Netlink.RouteMessages;

namespace Vrrp.Netlink;

/// <summary>
/// Makes and changes interfaces in the network namespace in which it was opened: topologies for demonstrations and tests, macvlan
/// devices. Every method throws <see cref="NetlinkException"/> with the kernel's reason when it is refused.
/// </summary>
internal sealed class LinkBuilder : IDisposable
{
    private const ushort CreateFlags = Nlmsg.NLM_F_REQUEST | Nlmsg.NLM_F_ACK | Nlmsg.NLM_F_CREATE | Nlmsg.NLM_F_EXCL;
    private const ushort ChangeFlags = Nlmsg.NLM_F_REQUEST | Nlmsg.NLM_F_ACK;

    private readonly NetlinkSocket _socket = new(Nlmsg.NETLINK_ROUTE, receiveBuffer: 256 * 1024);
    private readonly byte[] _buffer = new byte[4096];

    /// <summary>Opens a builder inside a namespace; any thread may then use it.</summary>
    public static LinkBuilder In(NetworkNamespace network) => network.Run(() => new LinkBuilder());

    /// <summary>Creates a bridge, down.</summary>
    public void CreateBridge(string name)
    {
        var writer = Begin(RTM_NEWLINK, CreateFlags, 0, name, out int message);
        int info = writer.BeginNested(IFLA_LINKINFO);
        writer.WriteString(IFLA_INFO_KIND, "bridge");
        writer.EndNested(info);
        Send(ref writer, message, $"create bridge {name}");
    }

    /// <summary>Creates a pair of connected interfaces, both down, the second one at once in another namespace.</summary>
    /// <param name="name">The near end.</param>
    /// <param name="peerName">The far end.</param>
    /// <param name="peerNetwork">Where the far end is; null for here.</param>
    public void CreateVeth(string name, string peerName, NetworkNamespace? peerNetwork = null)
    {
        var writer = Begin(RTM_NEWLINK, CreateFlags, 0, name, out int message);
        int info = writer.BeginNested(IFLA_LINKINFO);
        writer.WriteString(IFLA_INFO_KIND, "veth");
        int data = writer.BeginNested(IFLA_INFO_DATA);
        int peer = writer.BeginNested(VETH_INFO_PEER);
        writer.WriteStruct(default(InterfaceHeader));
        writer.WriteString(IFLA_IFNAME, peerName);
        if (peerNetwork is not null)
            writer.WriteInt32(IFLA_NET_NS_FD, peerNetwork.Descriptor);
        writer.EndNested(peer);
        writer.EndNested(data);
        writer.EndNested(info);
        Send(ref writer, message, $"create veth {name} with peer {peerName}");
    }

    /// <summary>Creates a macvlan on an interface, down.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="parent">The interface below.</param>
    /// <param name="address">Its hardware address; null lets the kernel choose.</param>
    /// <param name="mode">MACVLAN_MODE_….</param>
    public void CreateMacvlan(string name, string parent, MacAddress? address = null, uint mode = MACVLAN_MODE_PRIVATE)
    {
        int parentIndex = IndexOf(parent);
        var writer = Begin(RTM_NEWLINK, CreateFlags, 0, name, out int message);
        writer.WriteInt32(IFLA_LINK, parentIndex);
        if (address is { } mac)
            writer.WriteMac(IFLA_ADDRESS, mac);
        int info = writer.BeginNested(IFLA_LINKINFO);
        writer.WriteString(IFLA_INFO_KIND, "macvlan");
        int data = writer.BeginNested(IFLA_INFO_DATA);
        writer.WriteUInt32(IFLA_MACVLAN_MODE, mode);
        writer.EndNested(data);
        writer.EndNested(info);
        Send(ref writer, message, $"create macvlan {name} on {parent}");
    }

    /// <summary>Creates a tunnel without ends of its own, down: it takes packets from any peer.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="kind">"ipip" or "ip6tnl".</param>
    public void CreateTunnel(string name, string kind)
    {
        var writer = Begin(RTM_NEWLINK, CreateFlags, 0, name, out int message);
        int info = writer.BeginNested(IFLA_LINKINFO);
        writer.WriteString(IFLA_INFO_KIND, kind);
        writer.EndNested(info);
        Send(ref writer, message, $"create tunnel {name}");
    }

    /// <summary>Deletes an interface; of a veth pair both ends go.</summary>
    public void Delete(string name)
    {
        var writer = Begin(RTM_DELLINK, ChangeFlags, IndexOf(name), null, out int message);
        Send(ref writer, message, $"delete {name}");
    }

    /// <summary>Sets an interface up.</summary>
    public void SetUp(string name) => SetFlags(name, IFF_UP);

    /// <summary>Sets an interface down.</summary>
    public void SetDown(string name) => SetFlags(name, 0);

    /// <summary>Makes an interface a port of a bridge.</summary>
    /// <param name="name">The interface.</param>
    /// <param name="master">The bridge; null takes it out.</param>
    public void SetMaster(string name, string? master)
    {
        int masterIndex = master is null ? 0 : IndexOf(master);
        var writer = Begin(RTM_NEWLINK, ChangeFlags, IndexOf(name), null, out int message);
        writer.WriteInt32(IFLA_MASTER, masterIndex);
        Send(ref writer, message, $"make {name} a port of {master ?? "no bridge"}");
    }

    /// <summary>Sets the hardware address.</summary>
    public void SetMac(string name, MacAddress address)
    {
        var writer = Begin(RTM_NEWLINK, ChangeFlags, IndexOf(name), null, out int message);
        writer.WriteMac(IFLA_ADDRESS, address);
        Send(ref writer, message, $"give {name} the hardware address {address}");
    }

    /// <summary>Sets the largest packet.</summary>
    public void SetMtu(string name, int mtu)
    {
        var writer = Begin(RTM_NEWLINK, ChangeFlags, IndexOf(name), null, out int message);
        writer.WriteInt32(IFLA_MTU, mtu);
        Send(ref writer, message, $"give {name} the MTU {mtu}");
    }

    /// <summary>Renames an interface.</summary>
    public void Rename(string name, string newName)
    {
        var writer = Begin(RTM_NEWLINK, ChangeFlags, IndexOf(name), newName, out int message);
        Send(ref writer, message, $"rename {name} to {newName}");
    }

    /// <summary>Stops or restores the automatic link-local address of an interface.</summary>
    public void SetAutomaticLinkLocal(string name, bool enabled)
    {
        var writer = Begin(RTM_NEWLINK, ChangeFlags, IndexOf(name), null, out int message);
        int families = writer.BeginNested(IFLA_AF_SPEC);
        int family = writer.BeginNested(AF_INET6);
        writer.WriteUInt8(IFLA_INET6_ADDR_GEN_MODE, enabled ? (byte)0 : IN6_ADDR_GEN_MODE_NONE);
        writer.EndNested(family);
        writer.EndNested(families);
        Send(ref writer, message, $"change how {name} makes link-local addresses");
    }

    /// <summary>Adds an address without duplicate address detection and without any mark.</summary>
    public void AddAddress(string name, IPAddressValue address, byte prefixLength) =>
        ChangeAddress(RTM_NEWADDR, CreateFlags, name, address, prefixLength, "add");

    /// <summary>Removes an address, whoever added it.</summary>
    public void RemoveAddress(string name, IPAddressValue address, byte prefixLength) =>
        ChangeAddress(RTM_DELADDR, ChangeFlags, name, address, prefixLength, "remove");

    /// <summary>Adds a route to the main table.</summary>
    /// <param name="destination">The prefix.</param>
    /// <param name="prefixLength">Its length.</param>
    /// <param name="gateway">The next hop; default value for none.</param>
    /// <param name="name">The interface; null lets the gateway decide.</param>
    public void AddRoute(IPAddressValue destination, byte prefixLength, IPAddressValue gateway, string? name)
    {
        int index = name is null ? 0 : IndexOf(name);
        uint sequence = _socket.NextSequence();
        var writer = new NetlinkWriter(_buffer);
        WriteRoute(ref writer, RTM_NEWROUTE, CreateFlags, sequence, destination, prefixLength, gateway, index);
        _socket.Request(writer.Written, $"add a route to {destination}/{prefixLength}");
    }

    /// <summary>Index of an interface.</summary>
    public int IndexOf(string name)
    {
        var finder = new Finder();
        var writer = Begin(RTM_GETLINK, ChangeFlags, 0, name, out int message);
        writer.EndMessage(message);
        _socket.Query(writer.Written, finder, $"find interface {name}");
        return finder.Index;
    }

    /// <summary>Closes the builder; what it built stays.</summary>
    public void Dispose() => _socket.Dispose();

    private void SetFlags(string name, uint flags)
    {
        int index = IndexOf(name);
        var writer = new NetlinkWriter(_buffer);
        int message = writer.BeginMessage(RTM_NEWLINK, ChangeFlags, _socket.NextSequence());
        writer.WriteStruct(new InterfaceHeader { Index = index, Flags = flags, Change = IFF_UP });
        Send(ref writer, message, $"set {name} {(flags == 0 ? "down" : "up")}");
    }

    private void ChangeAddress(ushort type, ushort flags, string name, IPAddressValue address, byte prefixLength, string verb)
    {
        AddressRecord record = new()
        {
            InterfaceIndex = IndexOf(name),
            Local = address,
            Address = address,
            PrefixLength = prefixLength,
            Flags = address.Family == IPFamily.IPv6 ? IFA_F_NODAD : 0,
        };
        var writer = new NetlinkWriter(_buffer);
        WriteAddress(ref writer, type, flags, _socket.NextSequence(), record);
        _socket.Request(writer.Written, $"{verb} {address}/{prefixLength} on {name}");
    }

    // The index is looked up before: that uses the same buffer.
    private NetlinkWriter Begin(ushort type, ushort flags, int index, string? name, out int message)
    {
        var writer = new NetlinkWriter(_buffer);
        message = writer.BeginMessage(type, flags, _socket.NextSequence());
        writer.WriteStruct(new InterfaceHeader { Index = index });
        if (name is not null)
            writer.WriteString(IFLA_IFNAME, name);
        return writer;
    }

    private void Send(ref NetlinkWriter writer, int message, string operation)
    {
        writer.EndMessage(message);
        _socket.Request(writer.Written, operation);
    }

    private sealed class Finder : INetlinkSink
    {
        public int Index { get; private set; }

        public void Restart()
        {
        }

        public void Message(in NetlinkMessage message)
        {
            if (TryReadLink(message, out var link))
                Index = link.Index;
        }
    }
}
