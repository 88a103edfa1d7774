namespace Vrrp.Packets;

/// <summary>What an advertisement to be sent says. RFC 9568 §5.2, RFC 3768 §5.3.</summary>
public readonly ref struct AdvertisementContent
{
    /// <summary>Version of the message; <see cref="VrrpVersion.V2"/> is for IPv4 only.</summary>
    public required VrrpVersion Version { get; init; }

    /// <summary>The family of the packet and of all <see cref="Addresses"/>.</summary>
    public required IPFamily Family { get; init; }

    /// <summary>The VRID.</summary>
    public required VirtualRouterId VirtualRouterId { get; init; }

    /// <summary>Priority; 0 when leaving.</summary>
    public required Priority Priority { get; init; }

    /// <summary>Interval: whole seconds for version 2, at most 40.95 s for version 3.</summary>
    public required AdvertisementInterval Interval { get; init; }

    /// <summary>
    /// At most 255 addresses in configured order; IPv6 begins with a link-local one (RFC 9568 §5.2.9). None at all is writable
    /// but breaks §5.2.5: receivers drop it unless told otherwise.
    /// </summary>
    public required ReadOnlySpan<IPAddressValue> Addresses { get; init; }

    /// <summary>Version 2: the authentication type. Version 3 must leave it <see cref="AuthenticationType.None"/>.</summary>
    public AuthenticationType AuthenticationType { get; init; }

    /// <summary>The password, written only with <see cref="AuthenticationType.SimplePassword"/>.</summary>
    public SimplePassword Password { get; init; }

    /// <summary>Form of the checksum of version 3 over IPv4; version 2 and IPv6 have one form each and disregard it.</summary>
    public VrrpChecksum Checksum { get; init; }
}
