using Vrrp.Daemon.Configuration;
using Vrrp.Daemon.Failover;
using Vrrp.Packets;

namespace Vrrp.Tests.Failover;

/// <summary>The configuration's instances as virtual routers: nothing an operator wrote is lost on the way.</summary>
public class RouterMappingTests
{
    private static VirtualRouterConfig Map(string body, string globals = "", Func<IPAddressValue, string?>? interfaceOf = null)
    {
        var loaded = ConfigLoader.LoadText(
            $"global_defs {{\n{globals}\n}}\nvrrp_instance VI_1 {{\nvirtual_router_id 51\n{body}\n}}\n", "test.conf");
        Assert.NotNull(loaded.Config);
        var router = Assert.Single(RouterMapping.Map(loaded.Config, interfaceOf));
        Assert.Empty(router.Validate());
        return router;
    }

    [Fact]
    public void Defaults_are_those_of_keepalived()
    {
        var router = Map("interface eth0\nvirtual_ipaddress {\n192.0.2.254\n}");

        Assert.Equal(VrrpVersion.V2, router.Version);
        Assert.Equal(Priority.Default, router.Priority);
        Assert.Equal(AdvertisementInterval.OneSecond, router.AdvertisementInterval);
        Assert.True(router.Preempt);
        Assert.True(router.AcceptMode);
        Assert.Null(router.Password);
        Assert.Equal(new AnnouncementSettings(), router.Announcements);
        Assert.Equal("192.0.2.254/32", Assert.Single(router.VirtualAddresses).ToString());
    }

    [Fact]
    public void A_password_is_cut_to_what_goes_over_the_wire()
    {
        var router = Map("interface eth0\nauthentication {\nauth_type PASS\nauth_pass it.163.com\n}\nvirtual_ipaddress {\n192.0.2.254\n}");

        Assert.Equal(Vrrp.Packets.SimplePassword.From("it.163.c"), router.Password);
    }

    [Fact]
    public void Settings_reach_the_router()
    {
        var router = Map(
            """
            interface eth0
            version 3
            priority 150
            advert_int 0.25
            nopreempt
            garp_master_delay 3
            garp_master_repeat 2
            garp_master_refresh 60
            garp_master_refresh_repeat 4
            garp_lower_prio_delay 7
            garp_lower_prio_repeat 1
            lower_prio_no_advert
            down_timer_adverts 5
            track_interface {
            eth1 weight -20
            }
            virtual_ipaddress {
            192.0.2.254/24 dev eth2 label eth2:1
            }
            virtual_ipaddress_excluded {
            2001:db8::5
            }
            """,
            "vrrp_garp_interval 0.002");

        Assert.Equal(VrrpVersion.V3, router.Version);
        Assert.Equal(150, router.Priority.Value);
        Assert.Equal(25, router.AdvertisementInterval.Centiseconds);
        Assert.False(router.Preempt);
        Assert.False(router.AnswerLowerPriority);
        Assert.Equal(5, router.DownTimerAdverts);
        Assert.Equal(
            new AnnouncementSettings
            {
                Delay = TimeSpan.FromSeconds(3),
                Repeat = 2,
                Refresh = TimeSpan.FromSeconds(60),
                RefreshRepeat = 4,
                LowerPriorityDelay = TimeSpan.FromSeconds(7),
                LowerPriorityRepeat = 1,
                Spacing = TimeSpan.FromMilliseconds(2),
            },
            router.Announcements);
        Assert.Contains(new TrackedInterface("eth1", -20), router.TrackedInterfaces);
        // Where an address goes is watched, too.
        Assert.Contains(new TrackedInterface("eth2"), router.TrackedInterfaces);
        Assert.Equal("192.0.2.254/24 dev eth2", Assert.Single(router.VirtualAddresses).ToString());
        Assert.Equal(IPFamily.IPv6, Assert.Single(router.ExcludedAddresses).Address.Family);
    }

    [Theory]
    [InlineData("", "", AddressListCheck.LogOnly)]
    [InlineData("skip_check_adv_addr", "", AddressListCheck.Off)]
    [InlineData("", "vrrp_skip_check_adv_addr", AddressListCheck.Off)]
    [InlineData("", "vrrp_skip_check_adv_addr off", AddressListCheck.LogOnly)]
    public void Address_lists_are_compared_unless_told_otherwise(string line, string globals, AddressListCheck expected) =>
        Assert.Equal(expected, Map($"interface eth0\n{line}\nvirtual_ipaddress {{\n192.0.2.254\n}}", globals).AddressListCheck);

    [Theory]
    [InlineData("", false)]
    [InlineData("owner_ignore_adverts", true)]
    [InlineData("strict_mode", true)]
    public void An_owner_ignores_others_when_told_to(string line, bool expected)
    {
        foreach (int version in (int[])[2, 3])
        {
            var router = Map($"interface eth0\nstate MASTER\npriority 255\nversion {version}\n{line}\nvirtual_ipaddress {{\n192.0.2.254\n}}");
            Assert.Equal(expected, router.OwnerIgnoresAdvertisements);
        }
    }

    [Theory] // VR-140
    [InlineData("", false)]
    [InlineData("strict_mode", true)]
    public void Strict_mode_drops_lists_that_do_not_begin_with_a_link_local_address(string line, bool expected) =>
        Assert.Equal(expected, Map($"interface eth0\nversion 3\n{line}\nvirtual_ipaddress {{\nfe80::254\n}}").RequireLinkLocalFirst);

    [Fact]
    public void Hop_limits_of_a_peer_mean_that_only_peers_are_heard()
    {
        const string Peer = "interface eth0\nunicast_src_ip 192.0.2.1\nunicast_peer {\n192.0.2.2 min_ttl 250 max_ttl 255\n}\nvirtual_ipaddress {\n192.0.2.254\n}";
        var router = Map(Peer);

        Assert.True(router.CheckUnicastSource);
        Assert.Equal(250, Assert.Single(router.UnicastPeers).MinHopLimit);
        Assert.False(Map(Peer.Replace(" min_ttl 250 max_ttl 255", "", StringComparison.Ordinal)).CheckUnicastSource);
    }

    [Fact]
    public void A_unicast_instance_without_interface_is_where_its_source_address_is()
    {
        const string Body = "unicast_src_ip 192.0.2.1\nunicast_peer {\n192.0.2.2\n}\nvirtual_ipaddress {\n192.0.2.254\n}";

        Assert.Equal("lan7", Map(Body, interfaceOf: address => address.ToString() == "192.0.2.1" ? "lan7" : null).Interface);
        Assert.Equal("eth0", Map(Body, interfaceOf: _ => null).Interface);
    }
}
