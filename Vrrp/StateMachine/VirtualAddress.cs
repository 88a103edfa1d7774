namespace Vrrp;

/// <summary>Scope of an IPv4 address, by the kernel's numbers.</summary>
public enum AddressScope : byte
{
    /// <summary>Valid everywhere. The default.</summary>
    Global = 0,

    /// <summary>Valid within the site (IPv6, deprecated).</summary>
    Site = 200,

    /// <summary>Valid on this link only.</summary>
    Link = 253,

    /// <summary>Valid within this host only.</summary>
    Host = 254,

    /// <summary>Valid nowhere.</summary>
    Nowhere = 255,
}

/// <summary>Kernel flags that a configuration may ask for on an address.</summary>
[Flags]
public enum AddressOptions : byte
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>Run Duplicate Address Detection (IPv6). Off by default: a takeover must not wait for it.</summary>
    DuplicateDetection = 1,

    /// <summary>Add no route for the prefix (<c>noprefixroute</c>).</summary>
    NoPrefixRoute = 2,

    /// <summary>Mark as mobile home address, IPv6 (<c>home</c>).</summary>
    Home = 4,

    /// <summary>Let the kernel manage temporary addresses made of it, IPv6 (<c>mngtmpaddr</c>).</summary>
    ManageTemporary = 8,

    /// <summary>Join multicast groups with it (<c>autojoin</c>).</summary>
    AutoJoin = 16,
}

/// <summary>An address that a virtual router holds while it is Master, with what the kernel is told about it.</summary>
public sealed record VirtualAddress
{
    private readonly byte? _prefixLength;

    /// <summary>The address.</summary>
    public required IPAddressValue Address { get; init; }

    /// <summary>Prefix length: 0–32 or 0–128. Default: the whole address (/32, /128).</summary>
    public byte PrefixLength
    {
        get => _prefixLength ?? (byte)(Address.Length * 8);
        init => _prefixLength = value;
    }

    /// <summary>Interface to carry the address. Null: the virtual router's own.</summary>
    public string? Interface { get; init; }

    /// <summary>IPv4 label, at most 15 characters, by custom beginning with the interface name. Null: none.</summary>
    public string? Label { get; init; }

    /// <summary>Scope; IPv4 only.</summary>
    public AddressScope Scope { get; init; }

    /// <summary>IPv4 broadcast address. Default value: none.</summary>
    public IPAddressValue Broadcast { get; init; }

    /// <summary>Address of the far end of a point-to-point link. Default value: none.</summary>
    public IPAddressValue Peer { get; init; }

    /// <summary>Prefix length of <see cref="Peer"/>.</summary>
    public byte PeerPrefixLength { get; init; }

    /// <summary>Flags.</summary>
    public AddressOptions Options { get; init; }

    /// <summary>
    /// Preferred lifetime in seconds, null for ever. An IPv6 /128 should have 0, so that the host does not choose it as a source.
    /// </summary>
    public uint? PreferredLifetime { get; init; }

    /// <summary>The prefix length by which the kernel names the address: with a far end, that of the far end.</summary>
    internal byte KernelPrefixLength =>
        Peer.IsNone ? PrefixLength : PeerPrefixLength != 0 ? PeerPrefixLength : (byte)(Peer.Length * 8);

    /// <summary>Makes a host address: /32, or /128 that is never chosen as a source.</summary>
    /// <param name="address">The address.</param>
    /// <returns>The virtual address.</returns>
    public static VirtualAddress Host(IPAddressValue address) => new()
    {
        Address = address,
        PrefixLength = (byte)(address.Length * 8),
        PreferredLifetime = address.Family == IPFamily.IPv6 ? 0u : null,
    };

    /// <inheritdoc/>
    public override string ToString() => $"{Address}/{PrefixLength}{(Interface is null ? "" : " dev " + Interface)}";
}
