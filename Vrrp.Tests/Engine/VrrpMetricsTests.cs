using System.Diagnostics.Metrics;
using System.Globalization;
using Vrrp.Packets;

namespace Vrrp.Tests.Engine;

/// <summary>The instruments of the meter "Vrrp": their names, their tags, and that they say what the counters say.</summary>
public sealed class VrrpMetricsTests : IDisposable
{
    private const string Router = "virtual_router=vr interface=eth0 vrid=51 family=ipv4";

    private readonly ScenarioLan _lan = new();
    private readonly ScenarioNode _node;
    private readonly VrrpMetrics _metrics;

    public VrrpMetricsTests()
    {
        _node = _lan.AddNode("A");
        _metrics = new(_node.Engine, () => _lan.Now);
    }

    public void Dispose() => _metrics.Dispose();

    /// <summary>Every measurement as name, tags in order and value.</summary>
    private Dictionary<(string Name, string Tags), double> Read()
    {
        var found = new Dictionary<(string, string), double>();
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, listening) =>
        {
            if (instrument.Meter == _metrics.Meter)
                listening.EnableMeasurementEvents(instrument);
        };
        listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => found.Add((instrument.Name, Text(tags)), value));
        listener.SetMeasurementEventCallback<int>((instrument, value, tags, _) => found.Add((instrument.Name, Text(tags)), value));
        listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => found.Add((instrument.Name, Text(tags)), value));
        listener.Start();
        listener.RecordObservableInstruments();
        return found;
    }

    private static string Text(ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        var words = new List<string>();
        foreach (var (key, value) in tags)
            words.Add(string.Create(CultureInfo.InvariantCulture, $"{key}={value}"));
        return string.Join(' ', words);
    }

    [Fact] // VR-249, VR-250
    public void Names_are_those_of_RFC_8347_and_for_authentication_of_RFC_2787()
    {
        _node.Add(ScenarioNode.Config());
        string[] names = [.. Read().Keys.Select(key => key.Name).Distinct()];

        Assert.All(names, name => Assert.Matches("^vrrp_[a-z0-9_]+$", name));
        string[] counters =
        [
            "vrrp_master_transitions_total", "vrrp_advertisement_rcvd_total", "vrrp_advertisement_sent_total", "vrrp_interval_errors_total",
            "vrrp_priority_zero_pkts_rcvd_total", "vrrp_priority_zero_pkts_sent_total", "vrrp_invalid_type_pkts_rcvd_total",
            "vrrp_address_list_errors_total", "vrrp_packet_length_errors_total", "vrrp_checksum_errors_total", "vrrp_version_errors_total",
            "vrrp_vrid_errors_total", "vrrp_ip_ttl_errors_total",
            "vrrp_auth_failures_total", "vrrp_invalid_auth_type_total", "vrrp_auth_type_mismatch_total",
        ];
        Assert.Empty(counters.Except(names));
        Assert.Empty(new[] { "vrrp_master_down_interval", "vrrp_skew_time", "vrrp_new_master_reason", "vrrp_advertise_interval_centi_sec" }.Except(names));
    }

    [Fact] // VR-249, VR-252, VR-253, VR-255, VR-256, VR-261
    public void Measurements_are_what_the_router_counts_and_is()
    {
        _node.Add(ScenarioNode.Config() with { AdvertisementInterval = AdvertisementInterval.FromSeconds(3) });
        Assert.Equal(2, Read()[("vrrp_state", Router)]);
        _node.Hear(200, centiseconds: 100);
        _lan.RunTo(20);
        _node.Hear(0);

        var counters = _node.Router().Counters;
        var read = Read();
        Assert.Equal(3, read[("vrrp_state", Router)]);
        Assert.Equal(1, read[("vrrp_state_info", Router + " state=master")]);
        Assert.Equal(3, read[("vrrp_new_master_reason", Router)]);
        Assert.Equal(100, read[("vrrp_priority", Router)]);
        Assert.Equal(300, read[("vrrp_advertise_interval_centi_sec", Router)]);
        // Learned from the Master before: 3 s and a skew of 0.609375 s.
        Assert.Equal(360, read[("vrrp_master_down_interval", Router)]);
        Assert.Equal(609375, read[("vrrp_skew_time", Router)]);
        Assert.Equal(1, read[("vrrp_master_transitions_total", Router)]);
        Assert.Equal(2, read[("vrrp_advertisement_rcvd_total", Router)]);
        Assert.Equal((2, 1), (read[("vrrp_interval_errors_total", Router)], read[("vrrp_priority_zero_pkts_rcvd_total", Router)]));
        Assert.Equal(counters.AdvertisementsSent, read[("vrrp_advertisement_sent_total", Router)]);
        Assert.Equal(counters.AnnouncementsSent, read[("vrrp_announcements_sent_total", Router)]);
        Assert.Equal(1, read[("vrrp_peer_checksum_info", Router + " form=pseudo_header")]);
        Assert.Equal(20, read[("vrrp_counters_age_seconds", Router)]);
        Assert.Equal((1, 1), (read[("vrrp_virtual_routers", "")], read[("vrrp_interfaces", "")]));
    }

    [Fact] // VR-251
    public void Every_drop_counts_under_one_name()
    {
        _node.Add(ScenarioNode.Config());
        foreach (var reason in Enum.GetValues<PacketRejection>().Where(reason => reason != PacketRejection.None))
        {
            var before = Read();
            _node.Router().Counters.CountDropped(reason);
            _node.Engine.Counters.CountDropped(reason);
            var changed = Read().Where(entry => entry.Value != before[entry.Key]).ToArray();

            Assert.Equal(2, changed.Length);
            Assert.Single(changed.Select(entry => entry.Key.Name).Distinct());
            Assert.Equal(["", Router], changed.Select(entry => entry.Key.Tags).Order(StringComparer.Ordinal));
            Assert.All(changed, entry => Assert.Equal(before[entry.Key] + 1, entry.Value));
        }
    }

    [Fact] // VR-257
    public void What_belongs_to_no_router_has_no_tags()
    {
        _node.Hear(100);
        _node.Add(ScenarioNode.Config());
        _node.Hear(100, virtualRouterId: 77);
        _node.Hear(100, source: "10.0.0.1");
        var tooShort = ScenarioNode.Packet(100, "10.0.0.200");
        _node.Read(tooShort with { Message = tooShort.Message[..1] });

        var read = Read();
        Assert.Equal(1, read[("vrrp_vrid_errors_total", "")]);
        Assert.Equal(1, read[("vrrp_packet_length_errors_total", "")]);
        Assert.Equal(1, read[("vrrp_own_address_heard_total", "")]);
        Assert.Equal((0, 0), (read[("vrrp_vrid_errors_total", Router)], read[("vrrp_packet_length_errors_total", Router)]));
    }

    [Fact] // VR-252, VR-260
    public void Routers_come_and_go_and_begin_at_zero()
    {
        _node.Add(ScenarioNode.Config());
        _lan.RunTo(10);
        _node.Declare(isFaulty: true);
        var read = Read();
        Assert.Equal((1, 1), (read[("vrrp_state", Router)], read[("vrrp_state_info", Router + " state=fault")]));
        _node.Remove();
        Assert.DoesNotContain(Read().Keys, key => key.Tags.StartsWith("virtual_router", StringComparison.Ordinal));
        _node.Add(ScenarioNode.Config());
        _lan.Run(2);

        read = Read();
        Assert.Equal((0, 2), (read[("vrrp_master_transitions_total", Router)], read[("vrrp_counters_age_seconds", Router)]));
        Assert.Equal(0, read[("vrrp_new_master_reason", Router)]);
    }

    [Fact] // VR-258
    public void A_password_is_in_no_tag()
    {
        _node.Add(ScenarioNode.Config() with { Version = VrrpVersion.V2, Password = SimplePassword.From("hunter2") });
        Assert.DoesNotContain(Read().Keys, key => (key.Name + key.Tags).Contains("hunter2", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(TransitionReason.None, 0)]
    [InlineData(TransitionReason.AddressOwner, 1)]
    [InlineData(TransitionReason.MasterLeft, 1)]
    [InlineData(TransitionReason.SyncGroup, 1)]
    [InlineData(TransitionReason.Preempted, 2)]
    [InlineData(TransitionReason.MasterSilent, 3)]
    public void Reasons_have_the_numbers_of_RFC_6527(TransitionReason reason, int number) => Assert.Equal(number, VrrpMetrics.ReasonNumber(reason));
}
