using System.Collections.Immutable;
using Vrrp.Packets;

namespace Vrrp.Tests.Fuzzing.Targets;

/// <summary>Someone who receives: rules, the VRID they belong to, and the addresses of a peer and of this host.</summary>
internal sealed record Receiver(string Name, ReceptionRules? Rules, byte VirtualRouterId = 51)
{
    public string WasAccepted { get; } = $"accepted by: {Name}";

    public IPFamily Family => Rules?.Family ?? IPFamily.IPv4;

    public IPAddressValue Peer => Family == IPFamily.IPv4 ? Receivers.PeerIPv4 : Receivers.PeerIPv6;

    public IPAddressValue Destination => Rules switch
    {
        { IsUnicast: true } => Family == IPFamily.IPv4 ? Receivers.HostIPv4 : Receivers.HostIPv6,
        { Group.IsNone: false } => Rules.Group,
        _ => Family == IPFamily.IPv4 ? IPAddressValue.MulticastGroupIPv4 : IPAddressValue.MulticastGroupIPv6,
    };
}

/// <summary>What is reached when a packet is dropped for a reason.</summary>
internal static class RejectionFeatures
{
    private static readonly string[] s_names = [.. Enum.GetValues<PacketRejection>().Select(reason => $"rejection: {reason}")];

    public static string Of(PacketRejection reason) => (int)reason < s_names.Length ? s_names[(int)reason] : "rejection: unknown";
}

/// <summary>A receiver for each setting that decides over a packet.</summary>
internal static class Receivers
{
    public static IPAddressValue PeerIPv4 { get; } = IPAddressValue.Parse("192.0.2.1");

    public static IPAddressValue HostIPv4 { get; } = IPAddressValue.Parse("192.0.2.2");

    public static IPAddressValue PeerIPv6 { get; } = IPAddressValue.Parse("fe80::1");

    public static IPAddressValue HostIPv6 { get; } = IPAddressValue.Parse("fe80::2");

    public static SimplePassword Password { get; } = SimplePassword.From("secret");

    private static ImmutableArray<IPAddressValue> AddressesIPv4 { get; } =
        [IPAddressValue.Parse("192.0.2.254"), IPAddressValue.Parse("192.0.2.253"), IPAddressValue.Parse("198.51.100.254")];

    private static ImmutableArray<IPAddressValue> AddressesIPv6 { get; } = [IPAddressValue.Parse("fe80::254"), IPAddressValue.Parse("2001:db8::254")];

    private static ReceptionRules V2 { get; } = new()
    {
        Version = VrrpVersion.V2,
        Family = IPFamily.IPv4,
        AdvertisementInterval = AdvertisementInterval.OneSecond,
        Addresses = AddressesIPv4,
    };

    private static ReceptionRules V3 { get; } = V2 with { Version = VrrpVersion.V3 };

    private static ReceptionRules V6 { get; } = V3 with { Family = IPFamily.IPv6, Addresses = AddressesIPv6 };

    private static ReceptionRules V2Unicast { get; } = V2 with
    {
        IsUnicast = true,
        CheckUnicastSource = true,
        UnicastPeers = [new(PeerIPv4, 64, 128), new(IPAddressValue.Parse("192.0.2.3"))],
    };

    public static ImmutableArray<Receiver> All { get; } =
    [
        new("no virtual router", null),
        new("version 2", V2),
        new("version 2 with a password", V2 with { AuthenticationType = AuthenticationType.SimplePassword, Password = Password }),
        new("version 2, list checked", V2 with { AddressListCheck = AddressListCheck.RejectUnlessOwner }),
        new("version 2, list noted", V2 with { AddressListCheck = AddressListCheck.LogOnly }),
        new("version 2, owner", V2 with { IsOwner = true }),
        new("version 2, owner that listens", V2 with { IsOwner = true, IgnoreWhenOwner = false }),
        new("version 2, unicast, peers in a range", V2Unicast),
        new("version 2, unicast, anyone", V2Unicast with { CheckUnicastSource = false }),
        new("version 3", V3),
        new("version 3, list noted", V3 with { AddressListCheck = AddressListCheck.LogOnly }),
        new("version 3, list checked", V3 with { AddressListCheck = AddressListCheck.RejectUnlessOwner }),
        new("version 3, owner that does not listen", V3 with { IsOwner = true, IgnoreWhenOwner = true }),
        new("version 3, owner", V3 with { IsOwner = true }),
        new("version 3, message only", V3 with { StrictChecksumForm = VrrpChecksum.MessageOnly }),
        new("version 3, with pseudo-header", V3 with { StrictChecksumForm = VrrpChecksum.WithPseudoHeader }),
        new("version 3, unicast, pseudo-header of the group", V3 with { IsUnicast = true, StrictChecksumForm = VrrpChecksum.WithMulticastPseudoHeader }),
        new("version 3, unicast, legacy too", V3 with { IsUnicast = true, AcceptLegacyUnicastChecksum = true }),
        new("version 3, no address", V3 with { Addresses = [], AcceptEmptyAddressList = true, AddressListCheck = AddressListCheck.LogOnly }),
        new("version 3, a group of its own", V3 with { Group = IPAddressValue.Parse("224.0.0.99") }),
        new("version 3 over IPv6", V6 with { AddressListCheck = AddressListCheck.LogOnly }),
        new("version 3 over IPv6, lenient", V6 with { RequireLinkLocalFirst = false }),
        new("version 3 over IPv6, unicast", V6 with { IsUnicast = true, UnicastPeers = [new(PeerIPv6)] }),
        new("version 3, 40.95 s", V3 with { AdvertisementInterval = AdvertisementInterval.FromCentiseconds(4095) }),
    ];
}
