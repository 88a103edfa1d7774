using System.Collections.Immutable;

namespace Vrrp.Packets;

/// <summary>Whether received addresses are compared with the configured ones, and to what effect. The order never counts.</summary>
public enum AddressListCheck : byte
{
    /// <summary>Not compared.</summary>
    Off = 0,

    /// <summary>A difference is noted and the packet used: what keepalived does, and RFC 9568 §7.1 for version 3.</summary>
    LogOnly = 1,

    /// <summary>RFC 3768 §7.1: version 2 drops the packet unless its priority is 255. Version 3 notes it.</summary>
    RejectUnlessOwner = 2,
}

/// <summary>What one virtual router demands of a received packet: a part of its configuration, made once for each change of it.</summary>
public sealed record ReceptionRules
{
    private readonly ImmutableArray<IPAddressValue> _addresses = [];
    private readonly ImmutableArray<IPAddressValue> _sorted = [];
    private readonly ImmutableArray<byte> _octets = [];

    /// <summary>The one version taken; the other is a version error.</summary>
    public required VrrpVersion Version { get; init; }

    /// <summary>The family of the virtual router.</summary>
    public required IPFamily Family { get; init; }

    /// <summary>Version 2: the one authentication type taken. Default none.</summary>
    public AuthenticationType AuthenticationType { get; init; }

    /// <summary>Version 2: the password that <see cref="AuthenticationType.SimplePassword"/> demands.</summary>
    public SimplePassword Password { get; init; }

    /// <summary>The own interval. Version 2 drops others (RFC 3768 §7.1), version 3 notes them (RFC 9568 §7.1).</summary>
    public required AdvertisementInterval AdvertisementInterval { get; init; }

    /// <summary>Group that multicast advertisements come to. Default value: 224.0.0.18 or ff02::12.</summary>
    public IPAddressValue Group { get; init; }

    /// <summary>Whether this router owns the addresses (priority 255).</summary>
    public bool IsOwner { get; init; }

    /// <summary>
    /// Whether an owner drops what it hears. Null: by version — 2 does (RFC 3768 §7.1), 3 does not (erratum 8298 to RFC 9568).
    /// </summary>
    public bool? IgnoreWhenOwner { get; init; }

    /// <summary>Whether addresses are compared. Default off.</summary>
    public AddressListCheck AddressListCheck { get; init; }

    /// <summary>The advertised addresses of the virtual router. Used only if <see cref="AddressListCheck"/> is on.</summary>
    public ImmutableArray<IPAddressValue> Addresses
    {
        get => _addresses;
        init
        {
            _addresses = value.IsDefault ? [] : value;
            _sorted = [.. _addresses.Distinct().Order()];
            var octets = new byte[_addresses.Sum(address => address.Length)];
            int offset = 0;
            foreach (var address in _addresses)
            {
                address.Write(octets.AsSpan(offset));
                offset += address.Length;
            }

            _octets = [.. octets];
        }
    }

    /// <summary>Whether the virtual router speaks unicast: multicast is dropped then, and unicast otherwise.</summary>
    public bool IsUnicast { get; init; }

    /// <summary>The peers of a unicast router: their hop limit ranges, and the sources taken if <see cref="CheckUnicastSource"/>.</summary>
    public ImmutableArray<UnicastPeer> UnicastPeers { get; init; } = [];

    /// <summary>Whether a unicast router takes adverts of its peers only. Default false, as in keepalived; true is safer.</summary>
    public bool CheckUnicastSource { get; init; }

    /// <summary>
    /// Whether unicast of version 3 over IPv4 may carry a checksum computed for 224.0.0.18: keepalived up to 1.3.6. Default false.
    /// </summary>
    public bool AcceptLegacyUnicastChecksum { get; init; }

    /// <summary>The only checksum form taken of version 3 over IPv4. Null: with pseudo-header or message only.</summary>
    public VrrpChecksum? StrictChecksumForm { get; init; }

    /// <summary>
    /// Whether the first IPv6 address must be link-local (erratum 8300 to RFC 9568). Default true. keepalived sends and takes lists
    /// without one unless <c>vrrp_strict</c> is on.
    /// </summary>
    public bool RequireLinkLocalFirst { get; init; } = true;

    /// <summary>
    /// Whether version 3 may advertise no address at all (keepalived: <c>no_virtual_ipaddress</c>). Default false: erratum 8299.
    /// </summary>
    public bool AcceptEmptyAddressList { get; init; }

    internal bool DropsAsOwner => IsOwner && (IgnoreWhenOwner ?? Version == VrrpVersion.V2);

    /// <summary>Whether an address list has the members of <see cref="Addresses"/>, each once, in any order.</summary>
    /// <param name="list">The list as on the wire.</param>
    /// <returns>Whether the sets are equal.</returns>
    internal bool HasAddresses(ReadOnlySpan<byte> list)
    {
        // Peers are nearly always configured in the same order.
        if (list.SequenceEqual(_octets.AsSpan()))
            return true;
        int length = Family == IPFamily.IPv4 ? 4 : 16;
        int count = list.Length / length;
        if (count != _sorted.Length || count > byte.MaxValue)
            return false;
        Span<ulong> seen = stackalloc ulong[4];
        seen.Clear();
        for (int i = 0; i < count; i++)
        {
            int position = _sorted.AsSpan().BinarySearch(IPAddressValue.Read(list.Slice(i * length, length)));
            if (position < 0 || (seen[position >> 6] & (1UL << position)) != 0)
                return false;
            seen[position >> 6] |= 1UL << position;
        }

        return true;
    }

    /// <summary>Finds the peer with an address.</summary>
    internal bool TryGetPeer(IPAddressValue address, out UnicastPeer peer)
    {
        foreach (var candidate in UnicastPeers.AsSpan())
        {
            if (candidate.Address == address)
            {
                peer = candidate;
                return true;
            }
        }

        peer = default;
        return false;
    }
}
