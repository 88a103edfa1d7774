using System.Buffers.Binary;
using System.Runtime.InteropServices;
using static Vrrp.Netlink.Nftables;

namespace Vrrp.Netlink;

/// <summary>Numbers of &lt;linux/netfilter/nf_tables.h&gt; and &lt;linux/netfilter/nfnetlink.h&gt; under their names.</summary>
internal static class Nftables
{
    public const ushort NFNL_MSG_BATCH_BEGIN = 16;
    public const ushort NFNL_MSG_BATCH_END = 17;
    public const ushort NFNL_SUBSYS_NFTABLES = 10;

    public const byte NFPROTO_INET = 1;
    public const byte NFPROTO_IPV4 = 2;
    public const byte NFPROTO_IPV6 = 10;
    public const uint NF_DROP = 0;
    public const uint NF_ACCEPT = 1;
    public const uint NF_INET_LOCAL_IN = 1;
    public const uint NF_INET_LOCAL_OUT = 3;

    public const ushort NFT_MSG_NEWTABLE = 0;
    public const ushort NFT_MSG_GETTABLE = 1;
    public const ushort NFT_MSG_DELTABLE = 2;
    public const ushort NFT_MSG_NEWCHAIN = 3;
    public const ushort NFT_MSG_NEWRULE = 6;
    public const ushort NFT_MSG_NEWSET = 9;
    public const ushort NFT_MSG_NEWSETELEM = 12;
    public const ushort NFT_MSG_GETSETELEM = 13;
    public const ushort NFT_MSG_DELSETELEM = 14;

    public const ushort NFTA_LIST_ELEM = 1;
    public const ushort NFTA_TABLE_NAME = 1;
    public const ushort NFTA_TABLE_FLAGS = 2;
    public const uint NFT_TABLE_F_OWNER = 2;
    public const uint NFT_TABLE_F_PERSIST = 4;

    public const ushort NFTA_CHAIN_TABLE = 1;
    public const ushort NFTA_CHAIN_NAME = 3;
    public const ushort NFTA_CHAIN_HOOK = 4;
    public const ushort NFTA_CHAIN_POLICY = 5;
    public const ushort NFTA_CHAIN_TYPE = 7;
    public const ushort NFTA_HOOK_HOOKNUM = 1;
    public const ushort NFTA_HOOK_PRIORITY = 2;

    public const ushort NFTA_SET_TABLE = 1;
    public const ushort NFTA_SET_NAME = 2;
    public const ushort NFTA_SET_FLAGS = 3;
    public const ushort NFTA_SET_KEY_TYPE = 4;
    public const ushort NFTA_SET_KEY_LEN = 5;
    public const ushort NFTA_SET_ID = 10;
    public const ushort NFTA_SET_ELEM_LIST_TABLE = 1;
    public const ushort NFTA_SET_ELEM_LIST_SET = 2;
    public const ushort NFTA_SET_ELEM_LIST_ELEMENTS = 3;
    public const ushort NFTA_SET_ELEM_KEY = 1;

    public const ushort NFTA_RULE_TABLE = 1;
    public const ushort NFTA_RULE_CHAIN = 2;
    public const ushort NFTA_RULE_EXPRESSIONS = 4;
    public const ushort NFTA_EXPR_NAME = 1;
    public const ushort NFTA_EXPR_DATA = 2;
    public const ushort NFTA_DATA_VALUE = 1;
    public const ushort NFTA_DATA_VERDICT = 2;
    public const ushort NFTA_VERDICT_CODE = 1;
    public const ushort NFTA_META_DREG = 1;
    public const ushort NFTA_META_KEY = 2;
    public const ushort NFTA_CMP_SREG = 1;
    public const ushort NFTA_CMP_OP = 2;
    public const ushort NFTA_CMP_DATA = 3;
    public const ushort NFTA_PAYLOAD_DREG = 1;
    public const ushort NFTA_PAYLOAD_BASE = 2;
    public const ushort NFTA_PAYLOAD_OFFSET = 3;
    public const ushort NFTA_PAYLOAD_LEN = 4;
    public const ushort NFTA_LOOKUP_SET = 1;
    public const ushort NFTA_LOOKUP_SREG = 2;
    public const ushort NFTA_IMMEDIATE_DREG = 1;
    public const ushort NFTA_IMMEDIATE_DATA = 2;

    public const uint NFT_REG_VERDICT = 0;
    public const uint NFT_REG_1 = 1;
    public const uint NFT_REG_2 = 2;
    public const uint NFT_META_IIF = 4;
    public const uint NFT_META_OIF = 5;
    public const uint NFT_META_NFPROTO = 15;
    public const uint NFT_META_L4PROTO = 16;
    public const uint NFT_CMP_EQ = 0;
    public const uint NFT_CMP_LTE = 3;
    public const uint NFT_CMP_GTE = 5;
    public const uint NFT_PAYLOAD_NETWORK_HEADER = 1;
    public const uint NFT_PAYLOAD_TRANSPORT_HEADER = 2;
}

/// <summary>struct nfgenmsg.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct NetfilterHeader
{
    public byte Family;
    public byte Version;

    /// <summary>Resource, in network order.</summary>
    public ushort Resource;
}

/// <summary>What a set of a filter holds.</summary>
internal enum FilterSet : byte
{
    IPv4,
    IPv6,

    /// <summary>IPv6 link-local addresses, each with its interface: without one they say nothing.</summary>
    LinkLocal,
}

/// <summary>An element of a filter's sets.</summary>
/// <param name="Address">The address.</param>
/// <param name="InterfaceIndex">The interface of a link-local address; 0 for all others, which are the host's wherever a packet comes in.</param>
internal readonly record struct FilteredAddress(IPAddressValue Address, int InterfaceIndex)
{
    /// <summary>The element that stands for an address on an interface.</summary>
    public static FilteredAddress Of(IPAddressValue address, int interfaceIndex) =>
        new(address, address.IsIPv6LinkLocal ? interfaceIndex : 0);

    public FilterSet Set => Address.Family == IPFamily.IPv4 ? FilterSet.IPv4 : Address.IsIPv6LinkLocal ? FilterSet.LinkLocal : FilterSet.IPv6;
}

/// <summary>Writes changes of one nf_tables table, family inet, that come into force together or not at all.</summary>
internal ref struct NftablesTransaction
{
    /// <summary>Elements in one message: an attribute holds less than 64 KiB.</summary>
    private const int MaximumElements = 1024;

    private const byte IPPROTO_ICMPV6 = 58;

    // RFC 4861: router solicitation and advertisement, neighbour solicitation and advertisement, redirect.
    private const byte FirstNeighborDiscoveryType = 133;
    private const byte LastNeighborDiscoveryType = 137;

    private readonly Span<byte> _buffer;
    private readonly NetlinkSocket _socket;
    private readonly string _table;
    private NetlinkWriter _writer;
    private int _last;

    /// <summary>Begins a transaction in a buffer; see <see cref="RoomFor"/>.</summary>
    public NftablesTransaction(Span<byte> buffer, NetlinkSocket socket, string table)
    {
        _buffer = buffer;
        _socket = socket;
        _table = table;
        _writer = new(buffer);
        WriteMark(NFNL_MSG_BATCH_BEGIN);
    }

    /// <summary>Octets that suffice for a whole filter with that many addresses.</summary>
    public static int RoomFor(int addresses) => 16 * 1024 + (addresses * 40);

    /// <summary>Number of the message that <see cref="NetlinkSocket.Transact"/> waits for.</summary>
    public uint Confirming { get; private set; }

    /// <summary>Makes the table; without flags one that exists is left as it is.</summary>
    public void AddTable(uint? flags)
    {
        int message = Begin(NFT_MSG_NEWTABLE, Nlmsg.NLM_F_CREATE);
        _writer.WriteString(NFTA_TABLE_NAME, _table);
        if (flags is { } set)
            _writer.WriteUInt32BigEndian(NFTA_TABLE_FLAGS, set);
        _writer.EndMessage(message);
    }

    /// <summary>Deletes the table with all in it.</summary>
    public void DeleteTable()
    {
        int message = Begin(NFT_MSG_DELTABLE, 0);
        _writer.WriteString(NFTA_TABLE_NAME, _table);
        _writer.EndMessage(message);
    }

    /// <summary>Makes a chain that packets pass at a hook; what it does not drop goes on.</summary>
    public void AddChain(string name, uint hook, int priority)
    {
        int message = Begin(NFT_MSG_NEWCHAIN, Nlmsg.NLM_F_CREATE);
        _writer.WriteString(NFTA_CHAIN_TABLE, _table);
        _writer.WriteString(NFTA_CHAIN_NAME, name);
        int at = _writer.BeginNested(NFTA_CHAIN_HOOK);
        _writer.WriteUInt32BigEndian(NFTA_HOOK_HOOKNUM, hook);
        _writer.WriteUInt32BigEndian(NFTA_HOOK_PRIORITY, (uint)priority);
        _writer.EndNested(at);
        _writer.WriteUInt32BigEndian(NFTA_CHAIN_POLICY, NF_ACCEPT);
        _writer.WriteString(NFTA_CHAIN_TYPE, "filter");
        _writer.EndMessage(message);
    }

    /// <summary>Makes an empty set.</summary>
    public void AddSet(FilterSet set)
    {
        // nft's numbers for ipv4_addr (7), ipv6_addr (8) and iface_index (20), six bits each: the kernel keeps them for nft to show.
        (uint keyType, uint keyLength) = set switch
        {
            FilterSet.IPv4 => (7u, 4u),
            FilterSet.IPv6 => (8u, 16u),
            _ => ((8u << 6) | 20u, 20u),
        };
        int message = Begin(NFT_MSG_NEWSET, Nlmsg.NLM_F_CREATE);
        _writer.WriteString(NFTA_SET_TABLE, _table);
        _writer.WriteString(NFTA_SET_NAME, NameOf(set));
        _writer.WriteUInt32BigEndian(NFTA_SET_FLAGS, 0);
        _writer.WriteUInt32BigEndian(NFTA_SET_KEY_TYPE, keyType);
        _writer.WriteUInt32BigEndian(NFTA_SET_KEY_LEN, keyLength);
        _writer.WriteUInt32BigEndian(NFTA_SET_ID, (uint)set + 1);
        _writer.EndMessage(message);
    }

    /// <summary>Puts addresses into their sets; one that is there already stays.</summary>
    public void AddElements(scoped ReadOnlySpan<FilteredAddress> elements) => WriteElements(NFT_MSG_NEWSETELEM, Nlmsg.NLM_F_CREATE, elements);

    /// <summary>Takes addresses out of their sets; one that is not there fails the transaction.</summary>
    public void DeleteElements(scoped ReadOnlySpan<FilteredAddress> elements) => WriteElements(NFT_MSG_DELSETELEM, 0, elements);

    /// <summary>Rule: neighbour discovery passes, whatever its addresses (RFC 9568 §6.1).</summary>
    public void AddNeighborDiscoveryRule(string chain)
    {
        var rule = BeginRule(chain);
        CompareMeta(NFT_META_NFPROTO, NFPROTO_IPV6);
        CompareMeta(NFT_META_L4PROTO, IPPROTO_ICMPV6);
        LoadPayload(NFT_PAYLOAD_TRANSPORT_HEADER, 0, 1);
        Compare(NFT_CMP_GTE, FirstNeighborDiscoveryType);
        Compare(NFT_CMP_LTE, LastNeighborDiscoveryType);
        EndRule(rule, NF_ACCEPT);
    }

    /// <summary>Rule: what is for an address of a set, or from one when it leaves, is dropped.</summary>
    public void AddDropRule(string chain, FilterSet set, bool outgoing, bool counting)
    {
        var rule = BeginRule(chain);
        bool isIPv4 = set == FilterSet.IPv4;
        CompareMeta(NFT_META_NFPROTO, isIPv4 ? NFPROTO_IPV4 : NFPROTO_IPV6);
        uint source = isIPv4 ? 12u : 8u;
        uint length = isIPv4 ? 4u : 16u;
        LoadPayload(NFT_PAYLOAD_NETWORK_HEADER, outgoing ? source : source + length, length);
        if (set == FilterSet.LinkLocal)
            LoadMeta(outgoing ? NFT_META_OIF : NFT_META_IIF, NFT_REG_2);
        var lookup = BeginExpression("lookup");
        _writer.WriteString(NFTA_LOOKUP_SET, NameOf(set));
        _writer.WriteUInt32BigEndian(NFTA_LOOKUP_SREG, NFT_REG_1);
        EndExpression(lookup);
        if (counting)
            EndExpression(BeginExpression("counter"));
        EndRule(rule, NF_DROP);
    }

    /// <summary>Ends the transaction.</summary>
    /// <returns>What to send.</returns>
    public ReadOnlySpan<byte> End()
    {
        MemoryMarshal.Write(_buffer[(_last + 6)..], (ushort)(MemoryMarshal.Read<ushort>(_buffer[(_last + 6)..]) | Nlmsg.NLM_F_ACK));
        WriteMark(NFNL_MSG_BATCH_END);
        return _writer.Written;
    }

    /// <summary>Name of a set in the kernel.</summary>
    public static string NameOf(FilterSet set) => set switch
    {
        FilterSet.IPv4 => "ipv4",
        FilterSet.IPv6 => "ipv6",
        _ => "link_local",
    };

    private void WriteMark(ushort type)
    {
        int message = _writer.BeginMessage(type, Nlmsg.NLM_F_REQUEST, _socket.NextSequence());
        ushort subsystem = BitConverter.IsLittleEndian ? BinaryPrimitives.ReverseEndianness(NFNL_SUBSYS_NFTABLES) : NFNL_SUBSYS_NFTABLES;
        _writer.WriteStruct(new NetfilterHeader { Resource = subsystem });
        _writer.EndMessage(message);
    }

    private int Begin(ushort type, ushort flags)
    {
        Confirming = _socket.NextSequence();
        _last = _writer.BeginMessage((ushort)((NFNL_SUBSYS_NFTABLES << 8) | type), (ushort)(Nlmsg.NLM_F_REQUEST | flags), Confirming);
        _writer.WriteStruct(new NetfilterHeader { Family = NFPROTO_INET });
        return _last;
    }

    private void WriteElements(ushort type, ushort flags, scoped ReadOnlySpan<FilteredAddress> elements)
    {
        foreach (var set in (ReadOnlySpan<FilterSet>)[FilterSet.IPv4, FilterSet.IPv6, FilterSet.LinkLocal])
        {
            for (int next = 0; next < elements.Length;)
            {
                if (elements[next].Set == set)
                    WriteElements(type, flags, set, elements, ref next);
                else
                    next++;
            }
        }
    }

    private void WriteElements(ushort type, ushort flags, FilterSet set, scoped ReadOnlySpan<FilteredAddress> elements, ref int next)
    {
        int message = Begin(type, flags);
        _writer.WriteString(NFTA_SET_ELEM_LIST_TABLE, _table);
        _writer.WriteString(NFTA_SET_ELEM_LIST_SET, NameOf(set));
        int list = _writer.BeginNested(NFTA_SET_ELEM_LIST_ELEMENTS);
        Span<byte> value = stackalloc byte[20];
        for (int count = 0; next < elements.Length && count < MaximumElements; next++)
        {
            if (elements[next].Set != set)
                continue;
            count++;
            var address = elements[next].Address;
            address.Write(value);
            // A register holds an interface in host order.
            MemoryMarshal.Write(value[16..], elements[next].InterfaceIndex);
            int element = _writer.BeginNested(NFTA_LIST_ELEM);
            int key = _writer.BeginNested(NFTA_SET_ELEM_KEY);
            _writer.WriteBytes(NFTA_DATA_VALUE, set == FilterSet.LinkLocal ? value : value[..address.Length]);
            _writer.EndNested(key);
            _writer.EndNested(element);
        }

        _writer.EndNested(list);
        _writer.EndMessage(message);
    }

    private (int Message, int Expressions) BeginRule(string chain)
    {
        int message = Begin(NFT_MSG_NEWRULE, Nlmsg.NLM_F_CREATE | Nlmsg.NLM_F_APPEND);
        _writer.WriteString(NFTA_RULE_TABLE, _table);
        _writer.WriteString(NFTA_RULE_CHAIN, chain);
        return (message, _writer.BeginNested(NFTA_RULE_EXPRESSIONS));
    }

    private void EndRule((int Message, int Expressions) rule, uint verdict)
    {
        var immediate = BeginExpression("immediate");
        _writer.WriteUInt32BigEndian(NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
        int data = _writer.BeginNested(NFTA_IMMEDIATE_DATA);
        int value = _writer.BeginNested(NFTA_DATA_VERDICT);
        _writer.WriteUInt32BigEndian(NFTA_VERDICT_CODE, verdict);
        _writer.EndNested(value);
        _writer.EndNested(data);
        EndExpression(immediate);
        _writer.EndNested(rule.Expressions);
        _writer.EndMessage(rule.Message);
    }

    private (int Element, int Data) BeginExpression(string name)
    {
        int element = _writer.BeginNested(NFTA_LIST_ELEM);
        _writer.WriteString(NFTA_EXPR_NAME, name);
        return (element, _writer.BeginNested(NFTA_EXPR_DATA));
    }

    private readonly void EndExpression((int Element, int Data) expression)
    {
        _writer.EndNested(expression.Data);
        _writer.EndNested(expression.Element);
    }

    private void LoadMeta(uint key, uint register)
    {
        var meta = BeginExpression("meta");
        _writer.WriteUInt32BigEndian(NFTA_META_DREG, register);
        _writer.WriteUInt32BigEndian(NFTA_META_KEY, key);
        EndExpression(meta);
    }

    private void CompareMeta(uint key, byte value)
    {
        LoadMeta(key, NFT_REG_1);
        Compare(NFT_CMP_EQ, value);
    }

    private void LoadPayload(uint header, uint offset, uint length)
    {
        var payload = BeginExpression("payload");
        _writer.WriteUInt32BigEndian(NFTA_PAYLOAD_DREG, NFT_REG_1);
        _writer.WriteUInt32BigEndian(NFTA_PAYLOAD_BASE, header);
        _writer.WriteUInt32BigEndian(NFTA_PAYLOAD_OFFSET, offset);
        _writer.WriteUInt32BigEndian(NFTA_PAYLOAD_LEN, length);
        EndExpression(payload);
    }

    private void Compare(uint operation, byte value)
    {
        var compare = BeginExpression("cmp");
        _writer.WriteUInt32BigEndian(NFTA_CMP_SREG, NFT_REG_1);
        _writer.WriteUInt32BigEndian(NFTA_CMP_OP, operation);
        int data = _writer.BeginNested(NFTA_CMP_DATA);
        _writer.WriteBytes(NFTA_DATA_VALUE, [value]);
        _writer.EndNested(data);
        EndExpression(compare);
    }
}
