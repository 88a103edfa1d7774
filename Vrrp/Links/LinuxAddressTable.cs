using System.Runtime.InteropServices;
using Vrrp.Linux;
using Vrrp.Netlink;
using static Vrrp.Netlink.RouteMessages;

namespace Vrrp.Links;

/// <summary>
/// Addresses of the network namespace in which the table was opened, over rtnetlink: many in one datagram, each acknowledged.
/// Ours bear a mark in the kernel, so that the next process finds what a killed one left behind (<see cref="ListMarked"/>).
/// </summary>
/// <remarks>
/// Removing the first IPv4 address of a subnet makes the kernel remove the subnet's other addresses too, unless the interface has
/// promote_secondaries. Host addresses (/32, the default) are a subnet each and not concerned. For others the table reads the
/// interface again and puts back what vanished unasked; routes that had such an address as their source are lost.
/// </remarks>
public sealed class LinuxAddressTable : IAddressTable
{
    // Below what one datagram may hold, with room for the acknowledgements in the receive buffer.
    private const int BufferLength = 64 * 1024;
    private const int MaximumBatch = 512;
    private const int Attempts = 3;
    private const int RehearsalBufferLength = 1024;
    private const int RehearsalBatch = 4;
    private const uint LastingFlags = IFA_F_NODAD | IFA_F_HOMEADDRESS | IFA_F_MANAGETEMPADDR | IFA_F_NOPREFIXROUTE | IFA_F_MCAUTOJOIN;

    private readonly AddressMarks _marks;
    private readonly NetlinkSocket _socket;
    private readonly bool _isRehearsal;
    private readonly byte[] _buffer;
    private readonly int[] _errors;
    private readonly int[] _positions;
    private readonly AddressListing _before = new();
    private readonly AddressListing _after = new();
    private readonly HashSet<AddressKey> _unwanted = [];

    /// <summary>Opens the table of the calling thread's network namespace.</summary>
    /// <param name="mark">Address protocol that ours bear, 4–255; every process that may clean up after another uses the same.</param>
    /// <exception cref="LinuxException">CAP_NET_ADMIN is missing.</exception>
    public LinuxAddressTable(byte mark = AddressMarks.Default)
        : this(new AddressMarks(mark))
    {
    }

    /// <param name="marks">Shared with the monitor.</param>
    /// <param name="isRehearsal">Whether a refusal counts as done: it asks for what cannot be.</param>
    internal LinuxAddressTable(AddressMarks marks, bool isRehearsal = false)
    {
        _isRehearsal = isRehearsal;
        // Rehearsals are many and short; what they leave to the collector stays resident until it runs.
        _buffer = new byte[isRehearsal ? RehearsalBufferLength : BufferLength];
        _errors = new int[isRehearsal ? RehearsalBatch : MaximumBatch];
        _positions = new int[_errors.Length];
        if (!isRehearsal)
            Capabilities.Demand("change the addresses of interfaces", Capability.NetAdmin);
        _marks = marks;
        _socket = new NetlinkSocket(Nlmsg.NETLINK_ROUTE);
    }

    /// <summary>Whether the kernel keeps our mark; null before the first address was added. Without, only this process knows ours.</summary>
    internal bool? MarksAreKept
    {
        get
        {
            if (_marks.AreKept is null && ReadListing(_before, ListingScope.All, withLabels: false) == 0)
            {
                foreach (ref readonly var record in CollectionsMarshal.AsSpan(_before.Records))
                    _ = _marks.IsOurs(record);
            }

            return _marks.AreKept;
        }
    }

    /// <summary>Called between the kernel's refusal and the look at what is there: a test's chance to change it.</summary>
    internal Action? Looking { get; init; }

    /// <inheritdoc/>
    public bool Install(ReadOnlySpan<AddressAssignment> addresses, Span<AddressOutcome> outcomes)
    {
        CheckLengths(addresses.Length, outcomes.Length);
        // While someone takes addresses away, one may be there when it is to be added and gone when it is looked at.
        for (int attempt = 0; attempt < Attempts && !TryInstall(addresses, outcomes); attempt++)
        {
        }

        return NoneRefused(outcomes[..addresses.Length]);
    }

    // False if an address was there and is not.
    private bool TryInstall(ReadOnlySpan<AddressAssignment> addresses, Span<AddressOutcome> outcomes)
    {
        bool needListing = false;
        for (int next = 0; next < addresses.Length;)
        {
            int first = next;
            uint sequence = 0;
            var writer = new NetlinkWriter(_buffer);
            for (; next < addresses.Length && next - first < _errors.Length && writer.Remaining >= MaximumAddressMessage; next++)
            {
                uint number = _socket.NextSequence();
                sequence = next == first ? number : sequence;
                const ushort flags = Nlmsg.NLM_F_REQUEST | Nlmsg.NLM_F_ACK | Nlmsg.NLM_F_CREATE | Nlmsg.NLM_F_EXCL;
                WriteAddress(ref writer, RTM_NEWADDR, flags, number, ToRecord(addresses[next], _marks.Mark));
            }

            var errors = _errors.AsSpan(0, next - first);
            _socket.RequestBatch(writer.Written, sequence, errors);
            for (int i = 0; i < errors.Length; i++)
            {
                outcomes[first + i] = errors[i] == 0 || _isRehearsal ? new(AddressStatus.Done, 0) : new(AddressStatus.Refused, errors[i]);
                needListing |= errors[i] is Errno.EEXIST or Errno.ENOBUFS;
                if ((errors[i] == 0 || _isRehearsal) && _marks.AreKept != true)
                    _marks.Added(ToRecord(addresses[first + i], 0).Key);
            }
        }

        return !needListing || Recognise(addresses, outcomes);
    }

    /// <inheritdoc/>
    public bool Remove(ReadOnlySpan<AddressAssignment> addresses, Span<AddressOutcome> outcomes)
    {
        CheckLengths(addresses.Length, outcomes.Length);
        var scope = ListingScope.None;
        foreach (ref readonly var assignment in addresses)
            scope = scope.With(assignment.InterfaceIndex, assignment.Address.Address.Family);
        if (!TryListBefore(scope, outcomes[..addresses.Length]))
            return addresses.IsEmpty;

        for (int i = 0; i < addresses.Length; i++)
            outcomes[i] = Condemn(ToRecord(addresses[i], 0).Key);
        return RemoveCondemned(scope, outcomes[..addresses.Length]);
    }

    /// <inheritdoc/>
    public void Adopt(ReadOnlySpan<AddressAssignment> addresses)
    {
        // Where the kernel keeps marks it knows better than any record.
        if (_marks.AreKept == true)
            return;
        foreach (ref readonly var assignment in addresses)
            _marks.Added(ToRecord(assignment, 0).Key);
    }

    /// <inheritdoc/>
    public bool RemoveOwn(ReadOnlySpan<AddressAssignment> addresses, Span<AddressOutcome> outcomes)
    {
        CheckLengths(addresses.Length, outcomes.Length);
        foreach (ref readonly var assignment in addresses)
        {
            // Others may go with an IPv4 address that has a subnet: that needs looking at.
            if (assignment.Address.Address.Family == IPFamily.IPv4 && assignment.Address.KernelPrefixLength < 32)
                return Remove(addresses, outcomes);
        }

        for (int next = 0; next < addresses.Length;)
        {
            int first = next;
            uint sequence = 0;
            var writer = new NetlinkWriter(_buffer);
            for (; next < addresses.Length && next - first < _errors.Length && writer.Remaining >= MaximumAddressMessage; next++)
            {
                uint number = _socket.NextSequence();
                sequence = next == first ? number : sequence;
                WriteAddress(ref writer, RTM_DELADDR, Nlmsg.NLM_F_REQUEST | Nlmsg.NLM_F_ACK, number, ToRecord(addresses[next], _marks.Mark));
            }

            var errors = _errors.AsSpan(0, next - first);
            _socket.RequestBatch(writer.Written, sequence, errors);
            for (int i = 0; i < errors.Length; i++)
            {
                bool isGone = errors[i] is 0 or Errno.EADDRNOTAVAIL or Errno.ENODEV;
                outcomes[first + i] = isGone ? new(AddressStatus.Done, 0) : new(AddressStatus.Refused, errors[i]);
                if (isGone)
                    _marks.Removed(ToRecord(addresses[first + i], 0).Key);
            }
        }

        return NoneRefused(outcomes[..addresses.Length]);
    }

    /// <summary>Lists all addresses of the namespace that bear the mark: at a start, what a process that was killed left behind.</summary>
    /// <returns>The addresses, of both families.</returns>
    /// <exception cref="IOException">The kernel did not answer.</exception>
    public IReadOnlyList<InterfaceAddress> ListMarked()
    {
        int error = ReadListing(_before, ListingScope.All, withLabels: false);
        if (error != 0)
            throw new NetlinkException("list addresses", error, null);
        List<InterfaceAddress> marked = [];
        foreach (ref readonly var record in CollectionsMarshal.AsSpan(_before.Records))
        {
            if (_marks.IsOurs(record))
                marked.Add(ToInterfaceAddress(record, isOurs: true));
        }

        return marked;
    }

    /// <summary>Removes addresses that <see cref="ListMarked"/> returned, as far as they still bear the mark.</summary>
    /// <param name="addresses">What to remove.</param>
    /// <param name="outcomes">One outcome for each, same order.</param>
    /// <returns>True when none was refused.</returns>
    public bool RemoveMarked(ReadOnlySpan<InterfaceAddress> addresses, Span<AddressOutcome> outcomes)
    {
        CheckLengths(addresses.Length, outcomes.Length);
        var scope = ListingScope.None;
        foreach (ref readonly var address in addresses)
            scope = scope.With(address.InterfaceIndex, address.Address.Family);
        if (!TryListBefore(scope, outcomes[..addresses.Length]))
            return addresses.IsEmpty;

        for (int i = 0; i < addresses.Length; i++)
            outcomes[i] = Condemn(AddressKey.Of(addresses[i].InterfaceIndex, addresses[i].Address, addresses[i].PrefixLength));
        return RemoveCondemned(scope, outcomes[..addresses.Length]);
    }

    /// <summary>Closes the table. Addresses stay as they are.</summary>
    public void Dispose() => _socket.Dispose();

    internal static InterfaceAddress ToInterfaceAddress(in AddressRecord record, bool isOurs)
    {
        const uint unusable = IFA_F_TENTATIVE | IFA_F_DADFAILED;
        return new(record.InterfaceIndex, record.Local, record.PrefixLength, (record.Flags & unusable) == 0, isOurs);
    }

    private static AddressRecord ToRecord(in AddressAssignment assignment, byte mark)
    {
        var address = assignment.Address;
        bool isIPv6 = address.Address.Family == IPFamily.IPv6;
        bool hasPeer = !address.Peer.IsNone;
        uint flags = 0;
        if (isIPv6)
        {
            flags |= (address.Options & AddressOptions.DuplicateDetection) == 0 ? IFA_F_NODAD : 0;
            flags |= (address.Options & AddressOptions.Home) != 0 ? IFA_F_HOMEADDRESS : 0;
            flags |= (address.Options & AddressOptions.ManageTemporary) != 0 ? IFA_F_MANAGETEMPADDR : 0;
        }

        flags |= (address.Options & AddressOptions.NoPrefixRoute) != 0 ? IFA_F_NOPREFIXROUTE : 0;
        flags |= (address.Options & AddressOptions.AutoJoin) != 0 ? IFA_F_MCAUTOJOIN : 0;
        return new()
        {
            InterfaceIndex = assignment.InterfaceIndex,
            Local = address.Address,
            Address = hasPeer ? address.Peer : address.Address,
            // A peer without a prefix length is one host.
            PrefixLength = !hasPeer ? address.PrefixLength
                : address.PeerPrefixLength != 0 ? address.PeerPrefixLength : (byte)(address.Peer.Length * 8),
            Scope = isIPv6 ? (byte)0 : (byte)address.Scope,
            Broadcast = address.Broadcast,
            Label = address.Label,
            Flags = flags,
            HasLifetime = address.PreferredLifetime is not null,
            Preferred = address.PreferredLifetime ?? INFINITY_LIFE_TIME,
            Valid = INFINITY_LIFE_TIME,
            Protocol = mark,
        };
    }

    // What was there already, and what the kernel's answer was lost for; false if of the former one is gone.
    private bool Recognise(ReadOnlySpan<AddressAssignment> addresses, Span<AddressOutcome> outcomes)
    {
        var scope = ListingScope.None;
        for (int i = 0; i < addresses.Length; i++)
        {
            if (outcomes[i].Error is Errno.EEXIST or Errno.ENOBUFS)
                scope = scope.With(addresses[i].InterfaceIndex, addresses[i].Address.Address.Family);
        }

        Looking?.Invoke();
        if (ReadListing(_before, scope, withLabels: false) != 0)
            return true;
        bool areThere = true;
        for (int i = 0; i < addresses.Length; i++)
        {
            if (outcomes[i].Error is not (Errno.EEXIST or Errno.ENOBUFS))
                continue;
            if (_before.TryFind(ToRecord(addresses[i], 0).Key, _marks, out int position))
                outcomes[i] = new(_marks.IsOurs(_before.Records[position]) ? AddressStatus.Done : AddressStatus.Foreign, 0);
            else
                areThere &= outcomes[i].Error != Errno.EEXIST;
        }

        return areThere;
    }

    private bool TryListBefore(ListingScope scope, Span<AddressOutcome> outcomes)
    {
        _unwanted.Clear();
        if (outcomes.IsEmpty)
            return false;
        int error = ReadListing(_before, scope, withLabels: true);
        if (error == 0)
            return true;
        outcomes.Fill(new(AddressStatus.Refused, error));
        return false;
    }

    // Done: it is gone. None: to be removed, see _unwanted.
    private AddressOutcome Condemn(AddressKey key)
    {
        if (!_before.TryFind(key, _marks, out int position))
        {
            _marks.Removed(key);
            return new(AddressStatus.Done, 0);
        }

        if (!_marks.IsOurs(_before.Records[position]))
            return new(AddressStatus.Foreign, 0);
        _unwanted.Add(key);
        // The position travels in the field for the error until the request is written.
        return new(AddressStatus.None, position);
    }

    private bool RemoveCondemned(ListingScope scope, Span<AddressOutcome> outcomes)
    {
        bool lookAgain = false;
        for (int next = 0; next < outcomes.Length;)
        {
            int count = 0;
            uint sequence = 0;
            var writer = new NetlinkWriter(_buffer);
            for (; next < outcomes.Length && count < _errors.Length && writer.Remaining >= MaximumAddressMessage; next++)
            {
                if (outcomes[next].Status != AddressStatus.None)
                    continue;
                ref readonly var record = ref CollectionsMarshal.AsSpan(_before.Records)[outcomes[next].Error];
                uint number = _socket.NextSequence();
                sequence = count == 0 ? number : sequence;
                WriteAddress(ref writer, RTM_DELADDR, Nlmsg.NLM_F_REQUEST | Nlmsg.NLM_F_ACK, number, record);
                lookAgain |= record.Local.Family == IPFamily.IPv4 && record.PrefixLength < 32;
                _positions[count++] = next;
            }

            _socket.RequestBatch(writer.Written, sequence, _errors.AsSpan(0, count));
            for (int i = 0; i < count; i++)
            {
                ref var outcome = ref outcomes[_positions[i]];
                var key = _before.Records[outcome.Error].Key;
                // Gone in the meantime, by itself or with its interface.
                bool isGone = _errors[i] is 0 or Errno.EADDRNOTAVAIL or Errno.ENODEV;
                outcome = isGone ? new(AddressStatus.Done, 0) : new(AddressStatus.Refused, _errors[i]);
                lookAgain |= _errors[i] == Errno.ENOBUFS;
                if (isGone)
                    _marks.Removed(key);
            }
        }

        if (lookAgain)
            PutBackVanished(scope);
        return NoneRefused(outcomes);
    }

    private void PutBackVanished(ListingScope scope)
    {
        if (ReadListing(_after, scope, withLabels: false) != 0)
            return;
        int next = 0;
        var records = CollectionsMarshal.AsSpan(_before.Records);
        while (next < records.Length)
        {
            int count = 0;
            uint sequence = 0;
            var writer = new NetlinkWriter(_buffer);
            for (; next < records.Length && count < _errors.Length && writer.Remaining >= MaximumAddressMessage; next++)
            {
                ref var record = ref records[next];
                if (record.Local.Family != IPFamily.IPv4 || _unwanted.Contains(record.Key) || _after.Contains(record.Key))
                    continue;
                // The kernel reports a permanent IPv4 address that is deprecated as preferred for ever.
                record.Preferred = (record.Flags & IFA_F_DEPRECATED) != 0 ? 0 : record.Preferred;
                record.Flags &= LastingFlags;
                uint number = _socket.NextSequence();
                sequence = count == 0 ? number : sequence;
                const ushort flags = Nlmsg.NLM_F_REQUEST | Nlmsg.NLM_F_ACK | Nlmsg.NLM_F_CREATE | Nlmsg.NLM_F_EXCL;
                WriteAddress(ref writer, RTM_NEWADDR, flags, number, record);
                count++;
            }

            // A refusal means that the interface is gone or someone was faster: either way there is nothing left to save.
            _socket.RequestBatch(writer.Written, sequence, _errors.AsSpan(0, count));
        }
    }

    private int ReadListing(AddressListing listing, ListingScope scope, bool withLabels)
    {
        listing.WithLabels = withLabels;
        var writer = new NetlinkWriter(_buffer);
        byte family = scope.Family == 0 ? AF_UNSPEC : AddressFamilyOf(scope.Family);
        WriteAddressDump(ref writer, _socket.NextSequence(), family, Math.Max(0, scope.InterfaceIndex));
        int error = _socket.TryQuery(writer.Written, listing, out _);
        // An interface that is gone has no addresses.
        if (error == Errno.ENODEV)
        {
            listing.Restart();
            return 0;
        }

        return error;
    }

    private static bool NoneRefused(ReadOnlySpan<AddressOutcome> outcomes)
    {
        foreach (var outcome in outcomes)
        {
            if (outcome.Status == AddressStatus.Refused)
                return false;
        }

        return true;
    }

    private static void CheckLengths(int addresses, int outcomes)
    {
        if (outcomes < addresses)
            throw new ArgumentException("There must be room for an outcome of each address.", nameof(outcomes));
    }

    // What to list: 0 is everything, so that a batch on one interface does not read those of all others.
    private readonly record struct ListingScope(int InterfaceIndex, IPFamily Family, bool IsEmpty)
    {
        public static ListingScope None => new(0, 0, true);

        public static ListingScope All => default;

        public ListingScope With(int interfaceIndex, IPFamily family) => IsEmpty
            ? new(interfaceIndex, family, false)
            : new(interfaceIndex == InterfaceIndex ? interfaceIndex : 0, family == Family ? family : 0, false);
    }

    /// <summary>Addresses as the kernel lists them.</summary>
    internal sealed class AddressListing : INetlinkSink
    {
        private readonly Dictionary<AddressKey, int> _index = [];
        private bool _isIndexed;
        private int _lookups;

        public List<AddressRecord> Records { get; } = [];

        public bool WithLabels { get; set; }

        public void Restart()
        {
            Records.Clear();
            _index.Clear();
            _isIndexed = false;
            _lookups = 0;
        }

        public void Message(in NetlinkMessage message)
        {
            if (message.Type != RTM_NEWADDR || !TryReadAddress(message, out var record))
                return;
            if (WithLabels && record.Local.Family == IPFamily.IPv4 && record.PrefixLength < 32)
                record.Label = ReadLabel(message);
            Records.Add(record);
        }

        public bool Contains(AddressKey key) => TryFind(key, null, out _);

        public bool TryFind(AddressKey key, AddressMarks? marks, out int position)
        {
            var records = CollectionsMarshal.AsSpan(Records);
            // A router has a few addresses: looking through the list is then cheaper than making an index of it.
            if (!_isIndexed && ++_lookups <= 4)
                return TryScan(records, key, marks, out position);
            if (!_isIndexed)
            {
                _isIndexed = true;
                for (int i = 0; i < records.Length; i++)
                {
                    // Of addresses that differ in their peer alone, ours.
                    if (!_index.TryAdd(records[i].Key, i) && marks is not null && marks.IsOurs(records[i]))
                        _index[records[i].Key] = i;
                }
            }

            return _index.TryGetValue(key, out position);
        }

        private static bool TryScan(ReadOnlySpan<AddressRecord> records, AddressKey key, AddressMarks? marks, out int position)
        {
            position = -1;
            for (int i = 0; i < records.Length; i++)
            {
                if (records[i].Key != key)
                    continue;
                position = i;
                if (marks is null || marks.IsOurs(records[i]))
                    break;
            }

            return position >= 0;
        }
    }
}
