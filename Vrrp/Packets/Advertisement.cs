namespace Vrrp.Packets;

/// <summary>Where an accepted advertisement differs from the own configuration without being dropped for it.</summary>
[Flags]
public enum AdvertisementNotes : byte
{
    /// <summary>Nowhere.</summary>
    None = 0,

    /// <summary>Version 3: another interval, which a Backup learns. Counted as interval error. RFC 9568 §7.1.</summary>
    IntervalDiffers = 1,

    /// <summary>Other addresses, the order disregarded. Counted as address list error. RFC 9568 §7.1.</summary>
    AddressListDiffers = 2,
}

/// <summary>A parsed advertisement. It borrows the packet's buffer and lives only as long as the packet.</summary>
public readonly ref struct Advertisement
{
    /// <summary>Version of the message.</summary>
    public required VrrpVersion Version { get; init; }

    /// <summary>The family of the packet and of every address in it.</summary>
    public required IPFamily Family { get; init; }

    /// <summary>The VRID; the default value if the packet had 0, which is never accepted.</summary>
    public required VirtualRouterId VirtualRouterId { get; init; }

    /// <summary>Priority of the sender, 0–255; 0 when it leaves.</summary>
    public required Priority Priority { get; init; }

    /// <summary>
    /// Interval in centiseconds: version 3 0–4095 with the reserved bits removed, version 2 its seconds times 100. 0 is never accepted.
    /// </summary>
    public required int IntervalCentiseconds { get; init; }

    /// <summary>Addresses in the list, 0–255.</summary>
    public required byte AddressCount { get; init; }

    /// <summary>The address list as on the wire: <see cref="AddressCount"/> times 4 or 16 octets.</summary>
    public required ReadOnlySpan<byte> Addresses { get; init; }

    /// <summary>Version 2: the authentication type field as it came. Version 3: 0.</summary>
    public byte AuthenticationType { get; init; }

    /// <summary>Version 2: the authentication data, first octet highest. It may be a password: not for logs. Version 3: 0.</summary>
    public ulong AuthenticationData { get; init; }

    /// <summary>
    /// The form in which the checksum verified. Version 2 is always <see cref="VrrpChecksum.MessageOnly"/>, IPv6 always
    /// <see cref="VrrpChecksum.WithPseudoHeader"/>.
    /// </summary>
    public required VrrpChecksum ChecksumForm { get; init; }

    /// <summary>Source address of the packet: the primary address of the sender (RFC 9568 §6.4.3 compares it).</summary>
    public required IPAddressValue Source { get; init; }

    /// <summary>Destination address of the packet: the group, or an address of this host.</summary>
    public required IPAddressValue Destination { get; init; }

    /// <summary>Differences from the configuration that did not get the packet dropped.</summary>
    public AdvertisementNotes Notes { get; init; }

    /// <summary>One address of the list.</summary>
    /// <param name="index">0 to <see cref="AddressCount"/> − 1.</param>
    /// <returns>The address.</returns>
    /// <exception cref="ArgumentOutOfRangeException">There is no such address.</exception>
    public IPAddressValue GetAddress(int index)
    {
        int length = Family == IPFamily.IPv4 ? 4 : 16;
        return IPAddressValue.Read(Addresses.Slice(index * length, length));
    }
}
