using System.Collections.Immutable;
using Vrrp.Packets;

namespace Vrrp;

/// <summary>An interface whose state changes the priority of a virtual router or puts it in Fault.</summary>
/// <param name="Name">Name of the interface.</param>
/// <param name="Weight">
/// 0: Fault while it is down. Above: added to the priority while it is up. Below: added (so subtracted) while it is down. −253 to 253.
/// </param>
/// <param name="Reverse">
/// Weight 0: Fault while it is up. Else the sign is turned round: what would be added is subtracted, and the other way round, as keepalived
/// has it.
/// </param>
public sealed record TrackedInterface(string Name, int Weight = 0, bool Reverse = false)
{
    /// <summary>What it adds to the priority.</summary>
    internal int WeightWhen(bool isUp) => Weight > 0 != isUp ? 0 : Reverse ? -Weight : Weight;

    /// <summary>What it takes from the priority, or does not add, as a clause; null: it is as it should be.</summary>
    internal string? DescribeWeight(bool isUp) => Weight == 0 || isUp != Reverse ? null
        : $"interface {Name} is {(isUp ? "up" : "down")} {TrackedState.DescribeWeight(WeightWhen(isUp), WeightWhen(!isUp))}";
}

/// <summary>When gratuitous ARP and unsolicited NA are sent. Defaults are keepalived's.</summary>
public sealed record AnnouncementSettings
{
    /// <summary>Rounds over all addresses at a takeover, and again after <see cref="Delay"/>. Default 5, at least 1.</summary>
    public int Repeat { get; init; } = 5;

    /// <summary>Time from the takeover to the second set; zero: no second set. Default 5 s.</summary>
    public TimeSpan Delay { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Period of further sets while Master; zero: none. Default zero.</summary>
    public TimeSpan Refresh { get; init; }

    /// <summary>Rounds in each of those. Default 1.</summary>
    public int RefreshRepeat { get; init; } = 1;

    /// <summary>Rounds after a lower Master was heard, and again after <see cref="LowerPriorityDelay"/>; 0: none. Default 5.</summary>
    public int LowerPriorityRepeat { get; init; } = 5;

    /// <summary>Time to the second set of those; zero: no second set. Default 5 s.</summary>
    public TimeSpan LowerPriorityDelay { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Least time between two announcements of this router; zero: none. Default zero.</summary>
    public TimeSpan Spacing { get; init; }

    /// <summary>
    /// Target hardware address of a gratuitous ARP. Default broadcast, as keepalived has it; RFC 9568 §8.1.2 with errata 7947 and 7949 wants
    /// the sender's. Receivers ignore it.
    /// </summary>
    public ArpTargetAddress ArpTarget { get; init; }
}

/// <summary>What a packet must say to be for a router.</summary>
/// <param name="Interface">Where it comes in.</param>
/// <param name="Family">Its family.</param>
/// <param name="VirtualRouterId">Its VRID.</param>
/// <param name="IsUnicast">Whether it is for this host alone.</param>
/// <param name="Address">The group, or the peer it comes from.</param>
internal readonly record struct WireIdentity(
    string Interface, IPFamily Family, VirtualRouterId VirtualRouterId, bool IsUnicast, IPAddressValue Address);

/// <summary>What an operator sets for one virtual router. Immutable; <see cref="Validate"/> finds what makes no sense.</summary>
public sealed record VirtualRouterConfig
{
    /// <summary>A name for logs and status; unique within a node.</summary>
    public required string Name { get; init; }

    /// <summary>Interface that carries the advertisements and, unless they say otherwise, the addresses.</summary>
    public required string Interface { get; init; }

    /// <summary>VRID: 1–255.</summary>
    public required VirtualRouterId VirtualRouterId { get; init; }

    /// <summary>Protocol version. Default 3.</summary>
    public VrrpVersion Version { get; init; } = VrrpVersion.V3;

    /// <summary>Address family. Default IPv4; IPv6 needs version 3.</summary>
    public IPFamily Family { get; init; } = IPFamily.IPv4;

    /// <summary>Rank: 1–254, 255 for the owner of the addresses. Default 100.</summary>
    public Priority Priority { get; init; } = Priority.Default;

    /// <summary>Time between ADVERTISEMENTs sent while Master. Default 1 s. RFC 9568 §6.1.</summary>
    /// <value>10 ms to 40.95 s in steps of 10 ms for version 3; whole seconds to 255 s for version 2.</value>
    public AdvertisementInterval AdvertisementInterval { get; init; } = AdvertisementInterval.OneSecond;

    /// <summary>Addresses that are advertised and held, in the order they are advertised; all of <see cref="Family"/>.</summary>
    public ImmutableArray<VirtualAddress> VirtualAddresses { get; init; } = [];

    /// <summary>Addresses that are held but not advertised; of any family.</summary>
    public ImmutableArray<VirtualAddress> ExcludedAddresses { get; init; } = [];

    /// <summary>Preempt_Mode: take over from a lower-priority Master. Default true. RFC 9568 §6.1.</summary>
    public bool Preempt { get; init; } = true;

    /// <summary>Time a lower-priority Master is tolerated before it is preempted. Default zero.</summary>
    public TimeSpan PreemptDelay { get; init; }

    /// <summary>
    /// Accept_Mode: take packets addressed to the virtual addresses although they are not this host's own. RFC 9568 §6.1.
    /// Default true, unlike the RFC's: an address that services are reached at must be answered for. False: while Master and not
    /// owner, packets to and from the addresses are dropped, but for neighbour discovery and ARP. Linux needs nf_tables for it; without,
    /// the router runs, its addresses answer, and an <see cref="AcceptModeUnenforced"/> says so.
    /// </summary>
    public bool AcceptMode { get; init; } = true;

    /// <summary>Version 2's simple password; null: no authentication. RFC 2338 §5.3.6.</summary>
    public SimplePassword? Password { get; init; }

    /// <summary>Source of advertisements. Default value: the interface's first address, or its link-local one for IPv6.</summary>
    public IPAddressValue SourceAddress { get; init; }

    /// <summary>Whether the router is in Fault while <see cref="SourceAddress"/> is not on the interface. Default false.</summary>
    public bool TrackSourceAddress { get; init; }

    /// <summary>Peers that get advertisements by unicast; empty: the group gets them.</summary>
    public ImmutableArray<UnicastPeer> UnicastPeers { get; init; } = [];

    /// <summary>TTL or hop limit of unicast advertisements. Default 255.</summary>
    public byte UnicastHopLimit { get; init; } = 255;

    /// <summary>Whether unicast advertisements are taken from configured peers only. Default false, as keepalived has it.</summary>
    public bool CheckUnicastSource { get; init; }

    /// <summary>Group of multicast advertisements. Default value: 224.0.0.18 or ff02::12.</summary>
    public IPAddressValue MulticastGroup { get; init; }

    /// <summary>Form of the checksum sent in version 3 over IPv4. Both are accepted unless <see cref="RequireSameChecksum"/> is set.</summary>
    public VrrpChecksum Checksum { get; init; }

    /// <summary>
    /// Whether advertisements of version 3 over IPv4 are dropped unless their checksum has the form of <see cref="Checksum"/>. Default false:
    /// peers that are set differently understand each other.
    /// </summary>
    public bool RequireSameChecksum { get; init; }

    /// <summary>Advertisements to miss before the Master counts as gone. Default 3. RFC 9568 §6.1.</summary>
    public int DownTimerAdverts { get; init; } = 3;

    /// <summary>Whether a Master answers a lower-priority advertisement at once. Default true. RFC 9568 §6.4.3.</summary>
    public bool AnswerLowerPriority { get; init; } = true;

    /// <summary>
    /// Whether a Master sends one more advertisement before it yields. Default false. Where its interval is a fraction of the successor's, a third
    /// router goes by that last word, takes over before the successor speaks again, and yields in turn, again and again.
    /// </summary>
    public bool AdvertiseBeforeYield { get; init; }

    /// <summary>
    /// Whether an owner drops advertisements of its virtual router. Null: in version 2 (RFC 3768 §7.1) but not in version 3 (erratum 8298).
    /// </summary>
    public bool? OwnerIgnoresAdvertisements { get; init; }

    /// <summary>What a difference between the advertised addresses and ours leads to. Default: a note.</summary>
    public AddressListCheck AddressListCheck { get; init; } = AddressListCheck.LogOnly;

    /// <summary>
    /// Whether an IPv6 advertisement whose first address is not link-local is dropped, as erratum 8300 to RFC 9568 has it.
    /// Default false: keepalived sends such lists.
    /// </summary>
    public bool RequireLinkLocalFirst { get; init; }

    /// <summary>When announcements are repeated.</summary>
    public AnnouncementSettings Announcements { get; init; } = new();

    /// <summary>Interfaces that change the priority or lead to Fault.</summary>
    public ImmutableArray<TrackedInterface> TrackedInterfaces { get; init; } = [];

    /// <summary>Whether <see cref="Interface"/> going down leads to Fault. Default true.</summary>
    public bool TrackPrimaryInterface { get; init; } = true;

    /// <summary>Name of the sync group this router belongs to; null: none. Members are Master all together or not at all.</summary>
    public string? SyncGroup { get; init; }

    /// <summary>Whether this router is the owner of its addresses. RFC 9568 §5.2.4.</summary>
    public bool IsOwner => Priority.IsOwner;

    internal IPAddressValue Group => !MulticastGroup.IsNone ? MulticastGroup
        : Family == IPFamily.IPv4 ? IPAddressValue.MulticastGroupIPv4 : IPAddressValue.MulticastGroupIPv6;

    /// <summary>
    /// What a packet must say to be for this router: two routers conflict exactly when they have one of these in common. For sets of
    /// thousands, where each cannot be compared with each.
    /// </summary>
    internal IEnumerable<WireIdentity> WireIdentities => UnicastPeers.IsEmpty
        ? [new(Interface, Family, VirtualRouterId, false, Group)]
        : UnicastPeers.Select(peer => new WireIdentity(Interface, Family, VirtualRouterId, true, peer.Address));

    /// <summary>
    /// Whether two routers cannot run side by side because their advertisements could not be told apart: one VRID for one family on one
    /// interface and group. Unicast routers may share a VRID when no peer is common to both.
    /// </summary>
    /// <param name="other">Another router of the same host.</param>
    /// <returns>True when only one of them can run.</returns>
    public bool ConflictsWith(VirtualRouterConfig other)
    {
        ArgumentNullException.ThrowIfNull(other);
        if (Interface != other.Interface || Family != other.Family || VirtualRouterId != other.VirtualRouterId)
            return false;
        bool isUnicast = UnicastPeers.Length > 0;
        // What comes by multicast is for one, what comes by unicast for the other.
        if (isUnicast != other.UnicastPeers.Length > 0)
            return false;
        return isUnicast
            ? UnicastPeers.Any(peer => other.UnicastPeers.Any(theirs => theirs.Address == peer.Address))
            : Group == other.Group;
    }

    /// <summary>Finds what contradicts itself or the protocol.</summary>
    /// <returns>One sentence for each problem; empty when the configuration can run.</returns>
    public IReadOnlyList<string> Validate()
    {
        var problems = new List<string>();
        if (string.IsNullOrWhiteSpace(Name))
            problems.Add("A virtual router needs a name.");
        if (string.IsNullOrWhiteSpace(Interface))
            problems.Add("A virtual router needs an interface.");
        if (VirtualRouterId.Value == 0)
            problems.Add("A virtual router needs a VRID from 1 to 255.");
        if (Priority.Value == 0)
            problems.Add("Priority 0 says that a Master leaves; configure 1 to 254, or 255 for the owner of the addresses.");
        if (Version == VrrpVersion.V2 && Family == IPFamily.IPv6)
            problems.Add("VRRP version 2 knows IPv4 only; IPv6 needs version 3.");
        if (Version == VrrpVersion.V2 && !AdvertisementInterval.IsWholeSeconds)
            problems.Add("VRRP version 2 advertises in whole seconds, 1 to 255.");
        if (Version == VrrpVersion.V3 && !AdvertisementInterval.FitsVersion3)
            problems.Add("VRRP version 3 advertises every 10 ms to 40.95 s.");
        if (Version == VrrpVersion.V3 && Password is not null)
            problems.Add("VRRP version 3 has no authentication; leave the password out.");
        else if (Password is { IsEmpty: true })
            problems.Add("An empty password protects nothing; null means that there is no authentication.");
        if (Version == VrrpVersion.V3 && VirtualAddresses.Length == 0)
            problems.Add("VRRP version 3 needs at least one virtual address.");
        if (VirtualAddresses.Length > 255)
            problems.Add("An advertisement holds at most 255 addresses; move the rest to the excluded addresses.");
        foreach (var address in VirtualAddresses)
        {
            if (address.Address.Family != Family)
                problems.Add($"Virtual address {address.Address} is not of family {Family}.");
        }

        foreach (var address in VirtualAddresses.Concat(ExcludedAddresses))
        {
            if (address.Address.IsNone || address.Address.IsUnspecified || address.Address.IsMulticast)
                problems.Add($"'{address.Address}' cannot be a virtual address.");
            else if (address.PrefixLength > address.Address.Length * 8)
                problems.Add($"Prefix length {address.PrefixLength} is too long for {address.Address}.");
        }

        foreach (var peer in UnicastPeers)
        {
            if (peer.Address.Family != Family)
                problems.Add($"Unicast peer {peer.Address} is not of family {Family}.");
            else if (peer.Address.IsMulticast || peer.Address.IsUnspecified)
                problems.Add($"'{peer.Address}' is no unicast peer: it is not the address of one router.");
        }

        if (!SourceAddress.IsNone && SourceAddress.Family != Family)
            problems.Add($"Source address {SourceAddress} is not of family {Family}.");
        if (!MulticastGroup.IsNone && (MulticastGroup.Family != Family || !MulticastGroup.IsMulticast))
            problems.Add($"'{MulticastGroup}' is no multicast group of family {Family}.");
        if (Announcements.Refresh < TimeSpan.Zero || Announcements.Delay < TimeSpan.Zero || Announcements.Spacing < TimeSpan.Zero)
            problems.Add("The times between announcements cannot be negative.");
        if (DownTimerAdverts is < 1 or > 100)
            problems.Add("The down timer counts 1 to 100 advertisements.");
        if (PreemptDelay < TimeSpan.Zero)
            problems.Add("The preempt delay cannot be negative.");
        if (Announcements.Repeat < 1)
            problems.Add("Addresses are announced at least once.");
        return problems;
    }
}
