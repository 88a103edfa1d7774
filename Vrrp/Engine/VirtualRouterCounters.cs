using Vrrp.Packets;

namespace Vrrp;

/// <summary>Counters of one virtual router, under the meanings of RFC 8347. They only grow while the router lives.</summary>
public sealed class VirtualRouterCounters
{
    // Made for the first packet that is dropped; most routers never drop one.
    private long[]? _dropped;

    internal VirtualRouterCounters()
    {
    }

    /// <summary>Entries into Master (master-transitions).</summary>
    public long MasterTransitions { get; internal set; }

    /// <summary>Advertisements that passed every check (advertisement-rcvd).</summary>
    public long AdvertisementsReceived { get; internal set; }

    /// <summary>Advertisements sent, one for each unicast peer, priority 0 included (advertisement-sent).</summary>
    public long AdvertisementsSent { get; internal set; }

    /// <summary>Advertisements with priority 0 received.</summary>
    public long PriorityZeroReceived { get; internal set; }

    /// <summary>Advertisements with priority 0 sent, a part of <see cref="AdvertisementsSent"/>.</summary>
    public long PriorityZeroSent { get; internal set; }

    /// <summary>Gratuitous ARP and unsolicited NA sent.</summary>
    public long AnnouncementsSent { get; internal set; }

    /// <summary>Packets the kernel did not take.</summary>
    public long SendFailures { get; internal set; }

    /// <summary>Advertisements of lower Masters heard while Master.</summary>
    public long LowerMastersHeard { get; internal set; }

    /// <summary>
    /// Advertisements used although their interval is not this router's. With those dropped for <see cref="PacketRejection.Interval"/>
    /// they are the interval-errors.
    /// </summary>
    public long IntervalsDiffering { get; internal set; }

    /// <summary>Advertisements used although their addresses are not this router's. With those dropped for it they are the address-list-errors.</summary>
    public long AddressListsDiffering { get; internal set; }

    /// <summary>Advertisements of another owner (priority 255) that this router, an owner too, heard; dropped ones included.</summary>
    public long OwnerConflicts { get; internal set; }

    /// <summary>Latest that a timer of this router was acted on.</summary>
    public TimeSpan MaxLateness { get; internal set; }

    /// <summary>Packets dropped for a reason.</summary>
    /// <param name="reason">The reason.</param>
    /// <returns>How many.</returns>
    public long Dropped(PacketRejection reason) => _dropped?[(byte)reason] ?? 0;

    /// <summary>Packets dropped, for whatever reason.</summary>
    internal long DroppedTotal { get; private set; }

    internal void CountDropped(PacketRejection reason)
    {
        DroppedTotal++;
        (_dropped ??= new long[256])[(byte)reason]++;
    }

    internal VirtualRouterCounters Copy() => new()
    {
        MasterTransitions = MasterTransitions,
        AdvertisementsReceived = AdvertisementsReceived,
        AdvertisementsSent = AdvertisementsSent,
        PriorityZeroReceived = PriorityZeroReceived,
        PriorityZeroSent = PriorityZeroSent,
        AnnouncementsSent = AnnouncementsSent,
        SendFailures = SendFailures,
        LowerMastersHeard = LowerMastersHeard,
        IntervalsDiffering = IntervalsDiffering,
        AddressListsDiffering = AddressListsDiffering,
        OwnerConflicts = OwnerConflicts,
        MaxLateness = MaxLateness,
        DroppedTotal = DroppedTotal,
        _dropped = (long[]?)_dropped?.Clone(),
    };
}
