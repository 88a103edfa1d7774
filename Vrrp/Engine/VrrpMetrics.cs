using System.Diagnostics.Metrics;
using Vrrp.Linux;
using Vrrp.Packets;

namespace Vrrp;

/// <summary>
/// A node's counters and states as instruments of the meter "Vrrp", under the names of RFC 8347 (ietf-vrrp) in snake case with the prefix
/// <c>vrrp_</c>, counters with the suffix <c>_total</c>; what that module lacks has a name of its own. They are read when a listener asks,
/// from what the engine has published: it neither waits for that nor allocates for it.
/// </summary>
/// <remarks>
/// Each measurement of a virtual router has the tags <c>virtual_router</c> (its name), <c>interface</c>, <c>vrid</c> and <c>family</c>
/// (<c>ipv4</c>, <c>ipv6</c>). One without tags belongs to the node: packets for which there was no virtual router. No password is in any.
/// </remarks>
public sealed class VrrpMetrics : IDisposable
{
    /// <summary>The meter's name.</summary>
    public const string MeterName = "Vrrp";

    private static readonly PacketRejection[] Rejections = [.. Enum.GetValues<PacketRejection>().Where(reason => reason != PacketRejection.None)];

    private readonly VrrpEngine _engine;
    private readonly Func<Instant> _clock;

    /// <summary>Makes the instruments; they vanish when this is disposed or the node has stopped.</summary>
    /// <param name="node">The node they tell of.</param>
    public VrrpMetrics(VrrpNode node)
        : this((node ?? throw new ArgumentNullException(nameof(node))).Engine, () => MonotonicClock.Now)
    {
        _ = node.Completion.ContinueWith(_ => Dispose(), CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
    }

    internal VrrpMetrics(VrrpEngine engine, Func<Instant> clock)
    {
        _engine = engine;
        _clock = clock;
        Meter = new Meter(MeterName);
        CreateCounters();
        CreateErrorCounters();
        CreateGauges();
    }

    internal Meter Meter { get; }

    /// <inheritdoc/>
    public void Dispose() => Meter.Dispose();

    /// <summary>RFC 2787 and RFC 6527: initialize 1, backup 2, master 3. Fault is Initialize there: the router takes no part.</summary>
    internal static int StateNumber(VrrpState state) => state switch
    {
        VrrpState.Backup => 2,
        VrrpState.Master => 3,
        _ => 1,
    };

    /// <summary>
    /// RFC 6527's numbers: not-master 0, priority 1 (an owner's start, or after a farewell), preempted 2 (a lower Master was heard),
    /// no-response 3 (silence). What brought a sync group along is told by the member that it happened to.
    /// </summary>
    internal static int ReasonNumber(TransitionReason reason) => reason switch
    {
        TransitionReason.None => 0,
        TransitionReason.Preempted => 2,
        TransitionReason.MasterSilent => 3,
        _ => 1,
    };

    private void CreateCounters()
    {
        Count("vrrp_master_transitions_total", "Entries into Master.", counters => counters.MasterTransitions);
        Count("vrrp_advertisement_rcvd_total", "Advertisements that passed every check.", counters => counters.AdvertisementsReceived);
        Count("vrrp_advertisement_sent_total", "Advertisements sent, one for each unicast peer.", counters => counters.AdvertisementsSent);
        Count("vrrp_priority_zero_pkts_rcvd_total", "Advertisements of Masters that leave.", counters => counters.PriorityZeroReceived);
        Count("vrrp_priority_zero_pkts_sent_total", "Advertisements sent on leaving.", counters => counters.PriorityZeroSent);
        Count("vrrp_announcements_sent_total", "Gratuitous ARP and unsolicited neighbour advertisements.", counters => counters.AnnouncementsSent);
        Count("vrrp_send_failures_total", "Packets that the system did not take.", counters => counters.SendFailures);
        Count("vrrp_lower_masters_heard_total", "Advertisements of lower Masters heard while Master.", counters => counters.LowerMastersHeard);
        Count("vrrp_owner_conflicts_total", "Advertisements of other owners heard by an owner.", counters => counters.OwnerConflicts);
        Meter.CreateObservableCounter(
            "vrrp_own_address_heard_total", () => _engine.Counters.OwnAddressHeard, description: "Packets that came from an address of this host.");
    }

    /// <summary>Every reason for dropping a packet is in one of these.</summary>
    private void CreateErrorCounters()
    {
        foreach (var leaf in Rejections.Where(reason => reason.Rfc8347Counter() is not null).GroupBy(reason => reason.Rfc8347Counter()!))
        {
            CountDropped(
                leaf.Key.Replace('-', '_'),
                [.. leaf],
                leaf.Key switch
                {
                    "interval-errors" => counters => counters.IntervalsDiffering,
                    "address-list-errors" => counters => counters.AddressListsDiffering,
                    _ => _ => 0,
                });
        }

        CountDropped("auth_failures", [PacketRejection.AuthenticationFailure]);
        CountDropped("invalid_auth_type", [PacketRejection.InvalidAuthenticationType]);
        CountDropped("auth_type_mismatch", [PacketRejection.AuthenticationTypeMismatch]);
        CountDropped("source_errors", [PacketRejection.BadSource, PacketRejection.NotAPeer]);
        CountDropped("cast_mode_errors", [PacketRejection.WrongCastMode]);
        CountDropped("ignored_by_owner", [PacketRejection.OwnerReceives]);
    }

    private void CreateGauges()
    {
        Gauge("vrrp_state", "1 initialize (or in fault), 2 backup, 3 master.", null, vitals => StateNumber(vitals.State));
        Describe("vrrp_state_info", "1, with the state as text.", "state", vitals => vitals.State switch
        {
            VrrpState.Backup => "backup",
            VrrpState.Master => "master",
            VrrpState.Fault => "fault",
            _ => "initialize",
        });
        Gauge("vrrp_new_master_reason", "Of the last entry into Master: 0 never, 1 priority, 2 preempted, 3 no response.", null, vitals => ReasonNumber(vitals.MasterReason));
        Gauge("vrrp_priority", "The priority in force.", null, vitals => vitals.EffectivePriority.Value);
        Gauge("vrrp_advertise_interval_centi_sec", "The own advertisement interval.", "cs", vitals => vitals.Config.AdvertisementInterval.Centiseconds);
        Gauge("vrrp_master_down_interval", "Silence after which a Backup takes over.", "cs", vitals => MasterDownNanoseconds(vitals) / 10_000_000);
        Gauge("vrrp_skew_time", "How much of that is due to the priority.", "us", vitals =>
            VrrpTimers.SkewNanoseconds(vitals.Config.Version, vitals.EffectivePriority, AwaitedNanoseconds(vitals)) / 1000);
        Describe("vrrp_peer_checksum_info", "1, with the form of the checksum heard last in version 3 over IPv4.", "form", vitals => vitals.PeerChecksum switch
        {
            VrrpChecksum.MessageOnly => "message_only",
            VrrpChecksum.WithPseudoHeader => "pseudo_header",
            VrrpChecksum.WithMulticastPseudoHeader => "multicast_pseudo_header",
            _ => null,
        });
        Meter.CreateObservableGauge(
            "vrrp_counters_age_seconds",
            () => _engine.Roster.Select(router => Measure((_clock() - router.AddedAt).TotalSeconds, router.Vitals)),
            "s",
            "Time since the counters of a virtual router began at zero.");
        Meter.CreateObservableGauge(
            "vrrp_max_lateness_seconds",
            () => _engine.Roster.Select(router => Measure(router.Counters.MaxLateness.TotalSeconds, router.Vitals)),
            "s",
            "Latest that a timer of a virtual router was acted on.");
        Meter.CreateObservableGauge("vrrp_virtual_routers", () => _engine.Roster.Count, description: "Virtual routers of the node.");
        Meter.CreateObservableGauge(
            "vrrp_interfaces",
            () => _engine.Roster.Select(router => router.Vitals.Config.Interface).Distinct(StringComparer.Ordinal).Count(),
            description: "Interfaces that they are on.");
    }

    private void Count(string name, string description, Func<VirtualRouterCounters, long> read) => Meter.CreateObservableCounter(
        name, () => _engine.Roster.Select(router => Measure(read(router.Counters), router.Vitals)), description: description);

    private void CountDropped(string name, PacketRejection[] reasons, Func<VirtualRouterCounters, long>? noted = null) => Meter.CreateObservableCounter(
        $"vrrp_{name}_total",
        () => _engine.Roster
            .Select(router => Measure(reasons.Sum(router.Counters.Dropped) + (noted?.Invoke(router.Counters) ?? 0), router.Vitals))
            .Append(new Measurement<long>(reasons.Sum(_engine.Counters.Dropped))),
        description: string.Join("; ", reasons.Select(reason => reason.Describe())));

    private void Gauge(string name, string description, string? unit, Func<RouterVitals, long> read) => Meter.CreateObservableGauge(
        name, () => _engine.Roster.Select(router => router.Vitals).Select(vitals => Measure(read(vitals), vitals)), unit, description);

    private void Describe(string name, string description, string tag, Func<RouterVitals, string?> read) => Meter.CreateObservableGauge(
        name,
        () => _engine.Roster.Select(router => router.Vitals)
            .Where(vitals => read(vitals) is not null)
            .Select(vitals => new Measurement<long>(1, [.. Tags(vitals), new(tag, read(vitals))])),
        description: description);

    private static Measurement<T> Measure<T>(T value, RouterVitals vitals)
        where T : struct => new(value, Tags(vitals));

    private static KeyValuePair<string, object?>[] Tags(RouterVitals vitals) =>
    [
        new("virtual_router", vitals.Config.Name),
        new("interface", vitals.Config.Interface),
        new("vrid", (int)vitals.Config.VirtualRouterId.Value),
        new("family", vitals.Config.Family == IPFamily.IPv4 ? "ipv4" : "ipv6"),
    ];

    private static long AwaitedNanoseconds(RouterVitals vitals) =>
        (vitals.Config.Version == VrrpVersion.V3 ? vitals.MasterAdverInterval : vitals.Config.AdvertisementInterval).Nanoseconds;

    private static long MasterDownNanoseconds(RouterVitals vitals) => VrrpTimers.MasterDownNanoseconds(
        vitals.Config.Version, vitals.EffectivePriority, AwaitedNanoseconds(vitals), vitals.Config.DownTimerAdverts);
}
