using System.Collections.Immutable;
using System.Net.NetworkInformation;
using Vrrp.Daemon.Configuration.Model;
using Vrrp.Links;
using Vrrp.Packets;

namespace Vrrp.Daemon.Failover;

/// <summary>The configuration's instances as the library's virtual routers. Pure but for the look-up of an interface by its address.</summary>
internal static class RouterMapping
{
    public static ImmutableArray<VirtualRouterConfig> Map(DaemonConfig config, Func<IPAddressValue, string?>? interfaceOf = null)
    {
        interfaceOf ??= InterfaceOf;
        return [.. config.Instances.Select(instance => Map(instance, config.GlobalDefs, interfaceOf))];
    }

    /// <summary>The table's name is keepalived's keyword with a default of our own: its tables are of other families and stay apart in any case.</summary>
    public static AcceptFilterOptions MapFilter(GlobalDefs globals) => new()
    {
        Table = globals.FilterTable ?? "vrrp",
        Priority = globals.FilterPriority,
        Counters = globals.FilterCounters,
    };

    public static VirtualRouterConfig Map(
        VrrpInstance instance, GlobalDefs globals, Func<IPAddressValue, string?> interfaceOf) => new()
    {
        Name = instance.Name,
        Interface = instance.Interface ?? FindInterface(instance, globals, interfaceOf),
        VirtualRouterId = instance.VirtualRouterId,
        Version = instance.Version,
        Family = instance.Family,
        Priority = instance.Priority,
        AdvertisementInterval = instance.AdvertisementInterval,
        VirtualAddresses = instance.VirtualAddresses,
        ExcludedAddresses = instance.ExcludedAddresses,
        Preempt = instance.Preempt,
        PreemptDelay = instance.PreemptDelay,
        AcceptMode = instance.Accept,
        Password = instance.Authentication is { } authentication ? SimplePassword.From(authentication.Password.Bytes) : null,
        SourceAddress = instance.UnicastSource ?? instance.MulticastSource ?? default,
        TrackSourceAddress = instance.TrackSourceAddress,
        UnicastPeers = [.. instance.UnicastPeers.Select(peer =>
            new Packets.UnicastPeer(peer.Address, peer.MinTtl ?? 0, peer.MaxTtl ?? 255))],
        UnicastHopLimit = instance.UnicastTtl,
        // A range of hop limits belongs to a peer, so naming one means that only peers are listened to.
        CheckUnicastSource = instance.CheckUnicastSource || instance.UnicastPeers.Any(peer => peer.MinTtl is not null || peer.MaxTtl is not null),
        MulticastGroup = instance.MulticastGroup,
        Checksum = instance.Checksum,
        DownTimerAdverts = instance.DownTimerAdverts,
        AnswerLowerPriority = !instance.LowerPriorityNoAdvert,
        AdvertiseBeforeYield = instance.HigherPrioritySendAdvert,
        OwnerIgnoresAdvertisements = instance.OwnerIgnoreAdverts,
        // keepalived compares when the Master changes; a difference is no more than a note there and here.
        AddressListCheck = instance.SkipCheckAdvertisedAddresses ? AddressListCheck.Off : AddressListCheck.LogOnly,
        RequireLinkLocalFirst = instance.Strict,
        Announcements = new()
        {
            Repeat = instance.Announcements.MasterRepeat,
            Delay = instance.Announcements.MasterDelay,
            Refresh = instance.Announcements.MasterRefresh,
            RefreshRepeat = instance.Announcements.MasterRefreshRepeat,
            LowerPriorityRepeat = instance.Announcements.LowerPriorityRepeat,
            LowerPriorityDelay = instance.Announcements.LowerPriorityDelay,
            Spacing = instance.Family == IPFamily.IPv4 ? instance.Announcements.ArpInterval : instance.Announcements.NeighborInterval,
        },
        TrackedInterfaces = instance.TrackInterfaces,
        TrackPrimaryInterface = instance.TrackPrimaryInterface,
        SyncGroup = instance.SyncGroup,
    };

    /// <summary>A unicast instance may leave its interface out: then it is where its source address is, or where its first address goes.</summary>
    private static string FindInterface(VrrpInstance instance, GlobalDefs globals, Func<IPAddressValue, string?> interfaceOf) =>
        (instance.UnicastSource is { } source ? interfaceOf(source) : null)
        ?? instance.VirtualAddresses.FirstOrDefault(address => address.Interface is not null)?.Interface
        ?? globals.DefaultInterface;

    private static string? InterfaceOf(IPAddressValue address)
    {
        var wanted = address.ToIPAddress();
        return NetworkInterface.GetAllNetworkInterfaces()
            .FirstOrDefault(candidate => candidate.GetIPProperties().UnicastAddresses.Any(unicast => unicast.Address.Equals(wanted)))?.Name;
    }
}
