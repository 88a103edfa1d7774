using System.Runtime.InteropServices;

namespace Vrrp.Netlink;

/// <summary>Address, link and route messages of &lt;linux/rtnetlink.h&gt;, with its numbers under its names.</summary>
internal static class RouteMessages
{
    public const ushort RTM_NEWLINK = 16;
    public const ushort RTM_DELLINK = 17;
    public const ushort RTM_GETLINK = 18;
    public const ushort RTM_SETLINK = 19;
    public const ushort RTM_NEWADDR = 20;
    public const ushort RTM_DELADDR = 21;
    public const ushort RTM_GETADDR = 22;
    public const ushort RTM_NEWROUTE = 24;
    public const ushort RTM_DELROUTE = 25;
    public const ushort RTM_GETROUTE = 26;

    public const int RTNLGRP_LINK = 1;
    public const int RTNLGRP_IPV4_IFADDR = 5;
    public const int RTNLGRP_IPV6_IFADDR = 9;

    public const byte AF_UNSPEC = 0;
    public const byte AF_INET = 2;
    public const byte AF_BRIDGE = 7;
    public const byte AF_INET6 = 10;

    public const ushort IFA_ADDRESS = 1;
    public const ushort IFA_LOCAL = 2;
    public const ushort IFA_LABEL = 3;
    public const ushort IFA_BROADCAST = 4;
    public const ushort IFA_CACHEINFO = 6;
    public const ushort IFA_FLAGS = 8;
    public const ushort IFA_RT_PRIORITY = 9;
    public const ushort IFA_PROTO = 11;

    public const uint IFA_F_SECONDARY = 0x01;
    public const uint IFA_F_NODAD = 0x02;
    public const uint IFA_F_OPTIMISTIC = 0x04;
    public const uint IFA_F_DADFAILED = 0x08;
    public const uint IFA_F_HOMEADDRESS = 0x10;
    public const uint IFA_F_DEPRECATED = 0x20;
    public const uint IFA_F_TENTATIVE = 0x40;
    public const uint IFA_F_PERMANENT = 0x80;
    public const uint IFA_F_MANAGETEMPADDR = 0x100;
    public const uint IFA_F_NOPREFIXROUTE = 0x200;
    public const uint IFA_F_MCAUTOJOIN = 0x400;

    public const ushort IFLA_ADDRESS = 1;
    public const ushort IFLA_IFNAME = 3;
    public const ushort IFLA_MTU = 4;
    public const ushort IFLA_LINK = 5;
    public const ushort IFLA_MASTER = 10;
    public const ushort IFLA_LINKINFO = 18;
    public const ushort IFLA_AF_SPEC = 26;
    public const ushort IFLA_NET_NS_FD = 28;
    public const ushort IFLA_EXT_MASK = 29;
    public const ushort IFLA_INFO_KIND = 1;
    public const ushort IFLA_INFO_DATA = 2;
    public const ushort IFLA_MACVLAN_MODE = 1;
    public const ushort IFLA_INET6_ADDR_GEN_MODE = 8;
    public const ushort VETH_INFO_PEER = 1;
    public const uint RTEXT_FILTER_SKIP_STATS = 8;
    public const uint MACVLAN_MODE_PRIVATE = 1;
    public const uint MACVLAN_MODE_BRIDGE = 4;
    public const byte IN6_ADDR_GEN_MODE_NONE = 1;

    public const uint IFF_UP = 0x1;
    public const uint IFF_LOOPBACK = 0x8;
    public const uint IFF_RUNNING = 0x40;
    public const uint IFF_MULTICAST = 0x1000;

    public const ushort RTA_DST = 1;
    public const ushort RTA_OIF = 4;
    public const ushort RTA_GATEWAY = 5;
    public const ushort RTA_PREFSRC = 7;
    public const byte RT_TABLE_MAIN = 254;
    public const byte RTPROT_STATIC = 4;
    public const byte RT_SCOPE_UNIVERSE = 0;
    public const byte RT_SCOPE_LINK = 253;
    public const byte RTN_UNICAST = 1;

    /// <summary>A lifetime without end.</summary>
    public const uint INFINITY_LIFE_TIME = 0xFFFF_FFFF;

    /// <summary>An upper bound of what one address message takes.</summary>
    public const int MaximumAddressMessage = 192;

    /// <summary>AF_INET or AF_INET6.</summary>
    public static byte AddressFamilyOf(IPFamily family) => family == IPFamily.IPv6 ? AF_INET6 : AF_INET;

    /// <summary>Writes RTM_NEWADDR or RTM_DELADDR.</summary>
    public static void WriteAddress(ref NetlinkWriter writer, ushort type, ushort flags, uint sequence, in AddressRecord record)
    {
        bool isIPv4 = record.Local.Family == IPFamily.IPv4;
        int message = writer.BeginMessage(type, flags, sequence);
        writer.WriteStruct(new InterfaceAddressHeader
        {
            Family = AddressFamilyOf(record.Local.Family),
            PrefixLength = record.PrefixLength,
            Scope = record.Scope,
            Index = record.InterfaceIndex,
        });
        writer.WriteAddress(IFA_LOCAL, record.Local);
        writer.WriteAddress(IFA_ADDRESS, record.Address);
        if (type == RTM_NEWADDR)
        {
            if (isIPv4 && !record.Broadcast.IsNone)
                writer.WriteAddress(IFA_BROADCAST, record.Broadcast);
            if (isIPv4 && record.Label is not null)
                writer.WriteString(IFA_LABEL, record.Label);
            if (record.Flags != 0)
                writer.WriteUInt32(IFA_FLAGS, record.Flags);
            if (record.Metric != 0)
                writer.WriteUInt32(IFA_RT_PRIORITY, record.Metric);
            if (record.HasLifetime)
                writer.WriteStruct(IFA_CACHEINFO, new AddressLifetime { Preferred = record.Preferred, Valid = record.Valid });
            if (record.Protocol != 0)
                writer.WriteUInt8(IFA_PROTO, record.Protocol);
        }

        writer.EndMessage(message);
    }

    /// <summary>Writes RTM_GETADDR for all addresses of a family, or of one interface where the kernel filters.</summary>
    public static void WriteAddressDump(ref NetlinkWriter writer, uint sequence, byte family, int interfaceIndex)
    {
        int message = writer.BeginMessage(RTM_GETADDR, Nlmsg.NLM_F_REQUEST | Nlmsg.NLM_F_DUMP, sequence);
        writer.WriteStruct(new InterfaceAddressHeader { Family = family, Index = interfaceIndex });
        writer.EndMessage(message);
    }

    /// <summary>Writes RTM_GETLINK for all interfaces.</summary>
    public static void WriteLinkDump(ref NetlinkWriter writer, uint sequence)
    {
        int message = writer.BeginMessage(RTM_GETLINK, Nlmsg.NLM_F_REQUEST | Nlmsg.NLM_F_DUMP, sequence);
        writer.WriteStruct(default(InterfaceHeader));
        writer.WriteUInt32(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
        writer.EndMessage(message);
    }

    /// <summary>Writes RTM_NEWROUTE or RTM_DELROUTE for the main table.</summary>
    /// <param name="writer">The writer.</param>
    /// <param name="type">The message type.</param>
    /// <param name="flags">NLM_F_….</param>
    /// <param name="sequence">The sequence number.</param>
    /// <param name="destination">The prefix; an unspecified address of the family with length 0 for the default route.</param>
    /// <param name="prefixLength">Its length.</param>
    /// <param name="gateway">The next hop; none for a prefix on the link.</param>
    /// <param name="interfaceIndex">The interface, 0 to let the gateway decide.</param>
    public static void WriteRoute(
        ref NetlinkWriter writer, ushort type, ushort flags, uint sequence,
        IPAddressValue destination, byte prefixLength, IPAddressValue gateway, int interfaceIndex)
    {
        int message = writer.BeginMessage(type, flags, sequence);
        writer.WriteStruct(new RouteHeader
        {
            Family = AddressFamilyOf(destination.Family),
            DestinationLength = prefixLength,
            Table = RT_TABLE_MAIN,
            Protocol = RTPROT_STATIC,
            Scope = gateway.IsNone && destination.Family == IPFamily.IPv4 ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE,
            Type = RTN_UNICAST,
        });
        if (prefixLength > 0)
            writer.WriteAddress(RTA_DST, destination);
        if (!gateway.IsNone)
            writer.WriteAddress(RTA_GATEWAY, gateway);
        if (interfaceIndex != 0)
            writer.WriteInt32(RTA_OIF, interfaceIndex);
        writer.EndMessage(message);
    }

    /// <summary>Reads RTM_NEWADDR or RTM_DELADDR.</summary>
    /// <returns>False when it is another message, another family, or has no address.</returns>
    public static bool TryReadAddress(in NetlinkMessage message, out AddressRecord record)
    {
        record = default;
        if (message.Type is not (RTM_NEWADDR or RTM_DELADDR)
            || !message.TryReadHeader(out InterfaceAddressHeader header)
            || header.Family is not (AF_INET or AF_INET6))
            return false;
        record.InterfaceIndex = header.Index;
        record.PrefixLength = header.PrefixLength;
        record.Scope = header.Scope;
        record.Flags = header.Flags;
        int length = header.Family == AF_INET ? 4 : 16;
        var attributes = message.Attributes<InterfaceAddressHeader>();
        while (attributes.Next(out var attribute))
        {
            switch (attribute.Type)
            {
                case IFA_ADDRESS when attribute.Value.Length == length:
                    record.Address = attribute.ReadAddress();
                    break;
                case IFA_LOCAL when attribute.Value.Length == length:
                    record.Local = attribute.ReadAddress();
                    break;
                case IFA_BROADCAST when attribute.Value.Length == length:
                    record.Broadcast = attribute.ReadAddress();
                    break;
                case IFA_FLAGS:
                    record.Flags = attribute.ReadUInt32();
                    break;
                case IFA_RT_PRIORITY:
                    record.Metric = attribute.ReadUInt32();
                    break;
                case IFA_CACHEINFO:
                    var lifetime = attribute.Read<AddressLifetime>();
                    (record.HasLifetime, record.Preferred, record.Valid) = (true, lifetime.Preferred, lifetime.Valid);
                    break;
                case IFA_PROTO:
                    record.Protocol = attribute.ReadUInt8();
                    break;
            }
        }

        // IPv6 leaves out IFA_LOCAL unless there is a peer.
        if (record.Local.IsNone)
            record.Local = record.Address;
        if (record.Address.IsNone)
            record.Address = record.Local;
        return !record.Local.IsNone;
    }

    /// <summary>Reads the label of an address message; null when there is none. Apart, because it makes a string.</summary>
    public static string? ReadLabel(in NetlinkMessage message)
    {
        var attributes = message.Attributes<InterfaceAddressHeader>();
        while (attributes.Next(out var attribute))
        {
            if (attribute.Type == IFA_LABEL)
                return attribute.ReadString();
        }

        return null;
    }

    /// <summary>Reads RTM_NEWLINK or RTM_DELLINK.</summary>
    /// <returns>False for other messages, also those of bridges about their ports, which say nothing of the interface itself.</returns>
    public static bool TryReadLink(in NetlinkMessage message, out LinkRecord record)
    {
        record = default;
        if (message.Type is not (RTM_NEWLINK or RTM_DELLINK)
            || !message.TryReadHeader(out InterfaceHeader header)
            || header.Family != AF_UNSPEC
            || header.Index <= 0)
            return false;
        record.Index = header.Index;
        record.Flags = header.Flags;
        var attributes = message.Attributes<InterfaceHeader>();
        while (attributes.Next(out var attribute))
        {
            switch (attribute.Type)
            {
                case IFLA_IFNAME:
                    record.Name = attribute.ReadText();
                    break;
                case IFLA_MTU:
                    record.Mtu = attribute.ReadUInt32();
                    break;
                case IFLA_ADDRESS:
                    record.MacAddress = attribute.ReadMac();
                    break;
                case IFLA_MASTER:
                    record.Master = attribute.ReadInt32();
                    break;
            }
        }

        return true;
    }
}

/// <summary>struct ifaddrmsg.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct InterfaceAddressHeader
{
    public byte Family;
    public byte PrefixLength;
    public byte Flags;
    public byte Scope;
    public int Index;
}

/// <summary>struct ifinfomsg.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct InterfaceHeader
{
    public byte Family;
    public byte Padding;
    public ushort Type;
    public int Index;
    public uint Flags;
    public uint Change;
}

/// <summary>struct rtmsg.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct RouteHeader
{
    public byte Family;
    public byte DestinationLength;
    public byte SourceLength;
    public byte TypeOfService;
    public byte Table;
    public byte Protocol;
    public byte Scope;
    public byte Type;
    public uint Flags;
}

/// <summary>struct ifa_cacheinfo: seconds that are left, and two time stamps.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct AddressLifetime
{
    public uint Preferred;
    public uint Valid;
    public uint Created;
    public uint Updated;
}

/// <summary>What an address message says.</summary>
internal record struct AddressRecord
{
    public int InterfaceIndex;
    public IPAddressValue Local;

    /// <summary>The prefix's address: the peer's on a point-to-point link, else the same as <see cref="Local"/>.</summary>
    public IPAddressValue Address;
    public IPAddressValue Broadcast;
    public byte PrefixLength;
    public byte Scope;
    public byte Protocol;
    public bool HasLifetime;
    public uint Flags;
    public uint Metric;
    public uint Preferred;
    public uint Valid;
    public string? Label;

    /// <summary>What the kernel tells addresses apart by: IPv6 has an address once an interface, IPv4 once a prefix.</summary>
    public readonly AddressKey Key => AddressKey.Of(InterfaceIndex, Local, PrefixLength);
}

/// <summary>Identity of an address in the kernel's table, but for IPv4 addresses that differ in their peer alone.</summary>
internal readonly record struct AddressKey(int InterfaceIndex, IPAddressValue Local, byte PrefixLength)
{
    /// <summary>Makes the key; an IPv6 address has none of its prefix length in it.</summary>
    public static AddressKey Of(int interfaceIndex, IPAddressValue local, byte prefixLength) =>
        new(interfaceIndex, local, local.Family == IPFamily.IPv6 ? (byte)0 : prefixLength);
}

/// <summary>What a link message says; borrows the message.</summary>
internal ref struct LinkRecord
{
    public int Index;
    public uint Flags;
    public ReadOnlySpan<byte> Name;
    public uint Mtu;
    public MacAddress MacAddress;
    public int Master;
}
