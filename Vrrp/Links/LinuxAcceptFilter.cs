using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using Vrrp.Linux;
using Vrrp.Netlink;
using static Vrrp.Netlink.Nftables;

namespace Vrrp.Links;

/// <summary>
/// One nf_tables table of the network namespace in which the filter was opened: a chain at the input hook and one at the output hook, and
/// the blocked addresses in sets. It is made when it is first needed, in place of one that a killed process left, and deleted at the end.
/// </summary>
/// <remarks>
/// Since Linux 5.12 the table belongs to this process: reloading the host's firewall (nft flush ruleset) leaves it alone, and a second
/// process that wants the same name is refused. Since 6.9 it stays when the process is killed, with the addresses; before, it goes.
/// </remarks>
internal sealed class LinuxAcceptFilter : IAcceptFilter
{
    private const string Input = "input";
    private const string Output = "output";

    private readonly string _table;
    private readonly AcceptFilterOptions _options;
    private readonly NetlinkSocket? _socket;
    private readonly string _openFailure = "";
    private readonly Dictionary<FilteredAddress, int> _holders = [];
    private readonly List<FilteredAddress> _changed = [];
    private byte[] _buffer = [];
    private bool _isBuilt;

    /// <summary>Opens the filter of the calling thread's network namespace; that it cannot be used is said when it is.</summary>
    public LinuxAcceptFilter(string table, AcceptFilterOptions options)
    {
        _table = table;
        _options = options;
        try
        {
            _socket = new NetlinkSocket(Nlmsg.NETLINK_NETFILTER, receiveBuffer: 256 * 1024);
        }
        catch (LinuxException exception)
        {
            _openFailure = Describe(exception.Error, null);
        }
    }

    /// <summary>Flags that the table is made with, as far as the kernel knows them.</summary>
    internal uint TableFlags { get; set; } = NFT_TABLE_F_OWNER | NFT_TABLE_F_PERSIST;

    /// <inheritdoc/>
    public bool TryBlock(ReadOnlySpan<AddressAssignment> addresses, [NotNullWhen(false)] out string? failure)
    {
        failure = _openFailure;
        if (_socket is null)
            return false;
        _changed.Clear();
        foreach (ref readonly var assignment in addresses)
        {
            var element = ElementOf(assignment);
            ref int holders = ref CollectionsMarshal.GetValueRefOrAddDefault(_holders, element, out _);
            if (++holders == 1)
                _changed.Add(element);
        }

        failure = Apply(isBlocking: true);
        if (failure is null)
            return true;
        foreach (ref readonly var assignment in addresses)
            Release(ElementOf(assignment));
        return false;
    }

    /// <inheritdoc/>
    public bool TryUnblock(ReadOnlySpan<AddressAssignment> addresses, [NotNullWhen(false)] out string? failure)
    {
        failure = _openFailure;
        if (_socket is null)
            return false;
        _changed.Clear();
        foreach (ref readonly var assignment in addresses)
        {
            var element = ElementOf(assignment);
            if (Release(element))
                _changed.Add(element);
        }

        failure = Apply(isBlocking: false);
        return failure is null;
    }

    /// <inheritdoc/>
    public void RemoveLeftBehind()
    {
        // A failure means that there is no nf_tables, or that a running process owns the table: nothing was left behind.
        if (!_isBuilt)
            _ = DeleteTable();
    }

    /// <summary>Deletes the table and closes the filter.</summary>
    public void Dispose()
    {
        if (_isBuilt)
            _ = DeleteTable();
        _isBuilt = false;
        _socket?.Dispose();
    }

    private static FilteredAddress ElementOf(in AddressAssignment assignment) =>
        FilteredAddress.Of(assignment.Address.Address, assignment.InterfaceIndex);

    private bool Release(FilteredAddress element)
    {
        ref int holders = ref CollectionsMarshal.GetValueRefOrNullRef(_holders, element);
        if (System.Runtime.CompilerServices.Unsafe.IsNullRef(ref holders) || --holders > 0)
            return false;
        _holders.Remove(element);
        return true;
    }

    // A change that the kernel refuses means that the table is not as we left it: it is then made anew as it ought to be.
    private string? Apply(bool isBlocking)
    {
        string? explanation;
        if (_isBuilt)
        {
            if (_changed.Count == 0)
                return null;
            var transaction = Begin(_changed.Count);
            if (isBlocking)
                transaction.AddElements(CollectionsMarshal.AsSpan(_changed));
            else
                transaction.DeleteElements(CollectionsMarshal.AsSpan(_changed));
            if (_socket!.Transact(transaction.End(), transaction.Confirming, out explanation) == 0)
                return null;
        }

        int error = Build(out explanation);
        _isBuilt |= error == 0;
        return error == 0 ? null : Describe(error, explanation);
    }

    private int Build(out string? explanation)
    {
        FilteredAddress[] blocked = [.. _holders.Keys];
        while (true)
        {
            var transaction = Begin(blocked.Length);
            // Made if it is not there, so that it can be deleted in any case: one transaction, no packet slips through between two tables.
            transaction.AddTable(flags: null);
            transaction.DeleteTable();
            transaction.AddTable(TableFlags);
            foreach (var set in (ReadOnlySpan<FilterSet>)[FilterSet.IPv4, FilterSet.IPv6, FilterSet.LinkLocal])
                transaction.AddSet(set);
            transaction.AddElements(blocked);
            foreach (bool outgoing in (ReadOnlySpan<bool>)[false, true])
            {
                string chain = outgoing ? Output : Input;
                transaction.AddChain(chain, outgoing ? NF_INET_LOCAL_OUT : NF_INET_LOCAL_IN, _options.Priority);
                transaction.AddNeighborDiscoveryRule(chain);
                foreach (var set in (ReadOnlySpan<FilterSet>)[FilterSet.IPv4, FilterSet.IPv6, FilterSet.LinkLocal])
                    transaction.AddDropRule(chain, set, outgoing, _options.Counters);
            }

            int error = _socket!.Transact(transaction.End(), transaction.Confirming, out explanation);
            if (error is not (Errno.EOPNOTSUPP or Errno.EINVAL) || TableFlags == 0)
                return error;
            // An older kernel: owned but not persistent, then neither.
            TableFlags = TableFlags == NFT_TABLE_F_OWNER ? 0 : NFT_TABLE_F_OWNER;
        }
    }

    private int DeleteTable()
    {
        if (_socket is null)
            return Errno.EPROTONOSUPPORT;
        var transaction = Begin(0);
        transaction.AddTable(flags: null);
        transaction.DeleteTable();
        return _socket.Transact(transaction.End(), transaction.Confirming, out _);
    }

    private NftablesTransaction Begin(int addresses)
    {
        int room = NftablesTransaction.RoomFor(addresses);
        if (_buffer.Length < room)
            _buffer = new byte[room];
        return new(_buffer, _socket!, _table);
    }

    private string Describe(int error, string? explanation)
    {
        string reason = error switch
        {
            Errno.EPERM => $"the nf_tables table '{_table}' belongs to another running process",
            Errno.EOPNOTSUPP or Errno.EPROTONOSUPPORT or Errno.EAFNOSUPPORT or Errno.EINVAL => "the kernel has no nf_tables for this",
            _ => $"the kernel refused the nf_tables table '{_table}'",
        };
        return $"{reason} ({Marshal.GetPInvokeErrorMessage(error)}{(explanation is null ? "" : ": " + explanation)})";
    }
}
