using System.Collections.Immutable;

namespace Vrrp.Simulation;

/// <summary>Configurations by what they say: lists by their elements, an address by the prefix length that counts.</summary>
internal static class ScenarioConfig
{
    /// <summary>Settings that a text may have no word for, or not for every value.</summary>
    private static readonly (string Name, Func<VirtualRouterConfig, VirtualRouterConfig, bool> AreEqual)[] Settings =
    [
        (nameof(VirtualRouterConfig.SourceAddress), (left, right) => left.SourceAddress == right.SourceAddress),
        (nameof(VirtualRouterConfig.TrackSourceAddress), (left, right) => left.TrackSourceAddress == right.TrackSourceAddress),
        (nameof(VirtualRouterConfig.UnicastPeers), (left, right) => AreSame(left.UnicastPeers, right.UnicastPeers)),
        (nameof(VirtualRouterConfig.UnicastHopLimit), (left, right) => left.UnicastHopLimit == right.UnicastHopLimit),
        (nameof(VirtualRouterConfig.CheckUnicastSource), (left, right) => left.CheckUnicastSource == right.CheckUnicastSource),
        (nameof(VirtualRouterConfig.MulticastGroup), (left, right) => left.MulticastGroup == right.MulticastGroup),
        (nameof(VirtualRouterConfig.RequireSameChecksum), (left, right) => left.RequireSameChecksum == right.RequireSameChecksum),
        (nameof(VirtualRouterConfig.OwnerIgnoresAdvertisements), (left, right) => left.OwnerIgnoresAdvertisements == right.OwnerIgnoresAdvertisements),
        (nameof(VirtualRouterConfig.AddressListCheck), (left, right) => left.AddressListCheck == right.AddressListCheck),
        (nameof(VirtualRouterConfig.RequireLinkLocalFirst), (left, right) => left.RequireLinkLocalFirst == right.RequireLinkLocalFirst),
        (nameof(VirtualRouterConfig.Announcements), (left, right) => left.Announcements == right.Announcements),
        (nameof(VirtualRouterConfig.TrackedInterfaces), (left, right) => AreSame(left.TrackedInterfaces, right.TrackedInterfaces)),
        (nameof(VirtualRouterConfig.TrackPrimaryInterface), (left, right) => left.TrackPrimaryInterface == right.TrackPrimaryInterface),
        (nameof(VirtualRouterConfig.Password), (left, right) => left.Password == right.Password),
        (nameof(VirtualRouterConfig.SyncGroup), (left, right) => left.SyncGroup == right.SyncGroup),
        (nameof(VirtualRouterConfig.VirtualAddresses), (left, right) => AreSameAddresses(left.VirtualAddresses, right.VirtualAddresses)),
        (nameof(VirtualRouterConfig.ExcludedAddresses), (left, right) => AreSameAddresses(left.ExcludedAddresses, right.ExcludedAddresses)),
    ];

    public static bool AreSame(VirtualRouterConfig left, VirtualRouterConfig right) =>
        WithoutLists(left) == WithoutLists(right)
        && AreSame(left.UnicastPeers, right.UnicastPeers) && AreSame(left.TrackedInterfaces, right.TrackedInterfaces)
        && AreSameAddresses(left.VirtualAddresses, right.VirtualAddresses) && AreSameAddresses(left.ExcludedAddresses, right.ExcludedAddresses);

    /// <summary>Settings in which two configurations differ, by name, for a message.</summary>
    public static string Differences(VirtualRouterConfig left, VirtualRouterConfig right)
    {
        string names = string.Join(", ", Settings.Where(setting => !setting.AreEqual(left, right)).Select(setting => setting.Name));
        return names.Length > 0 ? names : "a setting";
    }

    private static VirtualRouterConfig WithoutLists(VirtualRouterConfig config) =>
        config with { UnicastPeers = [], TrackedInterfaces = [], VirtualAddresses = [], ExcludedAddresses = [] };

    private static bool AreSame<T>(ImmutableArray<T> left, ImmutableArray<T> right)
        where T : IEquatable<T> => left.AsSpan().SequenceEqual(right.AsSpan());

    private static bool AreSameAddresses(ImmutableArray<VirtualAddress> left, ImmutableArray<VirtualAddress> right)
    {
        if (left.Length != right.Length)
            return false;
        for (int i = 0; i < left.Length; i++)
        {
            if (WithPrefix(left[i]) != WithPrefix(right[i]))
                return false;
        }

        return true;
    }

    private static VirtualAddress WithPrefix(VirtualAddress address) => address with { PrefixLength = address.PrefixLength };
}
