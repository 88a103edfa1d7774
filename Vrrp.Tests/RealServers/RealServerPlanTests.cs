using System.Collections.Immutable;
using Vrrp.Daemon.RealServers;
using static Vrrp.Tests.RealServers.FakeRealServerKernel;

namespace Vrrp.Tests.RealServers;

public sealed class RealServerPlanTests
{
    private readonly FakeRealServerKernel _kernel = new(RealServerVip.IPv4Tunnel, RealServerVip.IPv6Tunnel);
    private RealServerMemory _memory = RealServerMemory.Empty;

    [Fact]
    public void Direct_routing_silences_arp_before_the_address_is_there() => Assert.Equal(
        [
            "net.ipv4.conf.all.arp_ignore: 0 -> 1",
            "net.ipv4.conf.lo.arp_ignore: 0 -> 1",
            "net.ipv4.conf.all.arp_announce: 0 -> 2",
            "net.ipv4.conf.lo.arp_announce: 0 -> 2",
            "10.0.0.100/32: added to lo",
        ],
        Up(Dr("10.0.0.100")));

    [Fact]
    public void Tunnel_also_drops_the_filter_of_which_the_kernel_takes_the_maximum() => Assert.Equal(
        [
            "net.ipv4.conf.all.arp_ignore: 0 -> 1",
            "net.ipv4.conf.tunl0.arp_ignore: 0 -> 1",
            "net.ipv4.conf.all.arp_announce: 0 -> 2",
            "net.ipv4.conf.tunl0.arp_announce: 0 -> 2",
            "net.ipv4.conf.all.rp_filter: 1 -> 0",
            "net.ipv4.conf.tunl0.rp_filter: 2 -> 0",
            "tunl0: down -> up",
            "10.0.0.100/32: added to tunl0",
            "note: eth0: had a reverse path filter through net.ipv4.conf.all.rp_filter only, and now has none; where that matters, set its own rp_filter",
        ],
        Up(Tun("10.0.0.100")));

    [Fact]
    public void IPv6_needs_no_settings()
    {
        Assert.Equal(["2001:db8::100/128: added to lo"], Up(Dr("2001:db8::100")));
        Assert.Equal(["ip6tnl0: down -> up", "2001:db8::101/128: added to ip6tnl0"], Up(Tun("2001:db8::101")));
    }

    [Fact]
    public void Missing_tunnel_is_made_before_anything_else_is_known()
    {
        _kernel.Facts = new FakeRealServerKernel().Facts;
        string before = _kernel.ToString();
        Assert.Equal(["tunl0: made"], Up(Tun("10.0.0.100")));
        Assert.Equal(8, Up(Tun("10.0.0.100")).Length - 1);
        Assert.Equal(
            ["10.0.0.100/32: removed from tunl0", "tunl0: up -> down", "net.ipv4.conf.all.arp_ignore: 1 -> 0",
                "net.ipv4.conf.all.arp_announce: 2 -> 0", "net.ipv4.conf.all.rp_filter: 0 -> 1", "tunl0: removed"],
            Down("10.0.0.100"));
        Assert.Equal(before, _kernel.ToString());
    }

    [Fact]
    public void Second_up_has_nothing_to_do()
    {
        RealServerVip[] vips = [Dr("10.0.0.100"), Tun("10.0.0.101"), Dr("2001:db8::100")];
        Up(vips);
        var memory = _memory;
        Assert.Empty(Up(vips));
        Assert.Same(memory, _memory);
    }

    [Fact]
    public void Settings_go_back_with_the_last_address_that_needs_them()
    {
        string before = _kernel.ToString();
        Up(Dr("10.0.0.100"), Dr("2001:db8::100"));
        Up(Tun("10.0.0.101"));
        Up(Dr("10.0.0.102"));
        Assert.Equal(["10.0.0.100/32: removed from lo"], Down("10.0.0.100"));
        Assert.Equal(
            ["10.0.0.101/32: removed from tunl0", "tunl0: up -> down", "net.ipv4.conf.tunl0.arp_ignore: 1 -> 0", "net.ipv4.conf.tunl0.arp_announce: 2 -> 0",
                "net.ipv4.conf.all.rp_filter: 0 -> 1", "net.ipv4.conf.tunl0.rp_filter: 0 -> 2"],
            Down("10.0.0.101"));
        Assert.Equal(
            ["10.0.0.102/32: removed from lo", "net.ipv4.conf.all.arp_ignore: 1 -> 0", "net.ipv4.conf.lo.arp_ignore: 1 -> 0",
                "net.ipv4.conf.all.arp_announce: 2 -> 0", "net.ipv4.conf.lo.arp_announce: 2 -> 0"],
            Down("10.0.0.102"));
        Assert.Equal(["2001:db8::100/128: removed from lo"], Down("2001:db8::100"));
        Assert.Equal(before, _kernel.ToString());
        Assert.True(_memory.IsEmpty);
    }

    [Fact]
    public void Address_that_was_there_stays()
    {
        _kernel.Facts = _kernel.Facts with { Addresses = _kernel.Facts.Addresses.Add(At("lo", "10.0.0.100", 32)) };
        string before = _kernel.ToString();
        Assert.DoesNotContain("10.0.0.100/32: added to lo", Up(Dr("10.0.0.100")));
        Assert.Empty(Up(Dr("10.0.0.100")));
        Assert.Contains("note: 10.0.0.100/32: was on lo before 'up'; it stays", Down("10.0.0.100"));
        Assert.Equal(before, _kernel.ToString());
    }

    [Fact]
    public void Value_that_someone_else_changed_stays_and_that_is_said()
    {
        Up(Dr("10.0.0.100"));
        _kernel.Set(AllIgnore, 2);
        Assert.Empty(Up(Dr("10.0.0.100")));
        string[] down = Down("10.0.0.100");
        Assert.Contains("note: net.ipv4.conf.all.arp_ignore: stays 2; someone changed it since 'up' had set it from 0 to 1", down);
        Assert.Equal(2, _kernel.Facts.Find(AllIgnore));
        Assert.Equal(0, _kernel.Facts.Find(AllAnnounce));
        Assert.True(_memory.IsEmpty);
    }

    [Fact]
    public void Value_put_right_again_goes_back_to_what_the_other_had_chosen()
    {
        Up(Dr("10.0.0.100"));
        _kernel.Set(AllIgnore, 3);
        Assert.Equal(["net.ipv4.conf.all.arp_ignore: 3 -> 1"], Up(Dr("10.0.0.100")));
        Down("10.0.0.100");
        Assert.Equal(3, _kernel.Facts.Find(AllIgnore));
    }

    [Fact]
    public void Value_that_someone_put_back_before_us_is_no_news()
    {
        Up(Dr("10.0.0.100"));
        foreach (var setting in (KernelSetting[])[AllIgnore, AllAnnounce])
            _kernel.Set(setting, 0);
        Assert.Equal(
            ["10.0.0.100/32: removed from lo", "net.ipv4.conf.lo.arp_ignore: 1 -> 0", "net.ipv4.conf.lo.arp_announce: 2 -> 0"], Down("10.0.0.100"));
    }

    [Fact]
    public void Stricter_value_will_do_and_stays()
    {
        _kernel.Set(AllIgnore, 2);
        Assert.DoesNotContain(Up(Dr("10.0.0.100")), line => line.StartsWith(AllIgnore.ToString(), StringComparison.Ordinal));
        Down("10.0.0.100");
        Assert.Equal(2, _kernel.Facts.Find(AllIgnore));
    }

    [Theory]
    [InlineData(KernelSetting.ArpIgnore, 3, 1)]
    [InlineData(KernelSetting.ArpAnnounce, 3, 2)]
    public void Interface_that_outvotes_all_is_changed_and_put_back(string key, int own, int wanted)
    {
        var setting = new KernelSetting("eth0", key);
        _kernel.Set(setting, own);
        Assert.Contains(new(setting.ToString(), setting.WantedText, "3", false), Compare(Dr("10.0.0.100")));
        Up(Dr("10.0.0.100"));
        Assert.Equal(wanted, _kernel.Facts.Find(setting));
        Assert.All(Compare(Dr("10.0.0.100")), row => Assert.True(row.Matches, row.ToString()));
        Up(Dr("10.0.0.101"));
        Down("10.0.0.100");
        Assert.Equal(wanted, _kernel.Facts.Find(setting));
        Down("10.0.0.101");
        Assert.Equal(own, _kernel.Facts.Find(setting));
    }

    [Fact]
    public void Device_with_other_addresses_stays_up()
    {
        Up(Tun("10.0.0.100"));
        _kernel.Facts = _kernel.Facts with { Addresses = _kernel.Facts.Addresses.Add(At("tunl0", "10.9.9.9", 32)) };
        Assert.Contains("note: tunl0: stays up, because it has other addresses by now: 10.9.9.9/32", Down("10.0.0.100"));
        Assert.True(_kernel.Facts.Device("tunl0")!.IsUp);
        Assert.True(_memory.IsEmpty);
    }

    [Fact]
    public void What_is_gone_already_is_said_and_forgotten()
    {
        Up(Tun("10.0.0.100"));
        _kernel.Apply(new RealServerChange.DeleteTunnel("tunl0"));
        Assert.Equal(
            ["net.ipv4.conf.all.arp_ignore: 1 -> 0", "net.ipv4.conf.all.arp_announce: 2 -> 0", "net.ipv4.conf.all.rp_filter: 0 -> 1",
                "note: 10.0.0.100/32: is gone from tunl0 already"],
            Down("10.0.0.100"));
        Assert.Equal(["note: 10.0.0.100: not put up by 'vrrp realserver up'; it is left as it is"], Down("10.0.0.100"));
    }

    [Theory]
    [InlineData("eth0", 32, "10.0.0.100/32 is on eth0, where this host answers ARP")]
    [InlineData("lo", 24, "10.0.0.100/24 is on lo, which makes all of that network local to this host.")]
    public void Address_in_a_wrong_place_is_in_the_way(string device, byte prefixLength, string message)
    {
        _kernel.Facts = _kernel.Facts with { Addresses = _kernel.Facts.Addresses.Add(At(device, "10.0.0.100", prefixLength)) };
        Assert.StartsWith(message, Assert.Single(Conflicts(Dr("10.0.0.100"))), StringComparison.Ordinal);
        Assert.Contains(Compare(Dr("10.0.0.100")), row => !row.Matches && row.Found == $"on {device}");
    }

    [Fact]
    public void Address_is_up_in_one_mode_at_a_time()
    {
        Up(Dr("10.0.0.100"));
        Assert.StartsWith("10.0.0.100 is up with --mode dr.", Assert.Single(Conflicts(Tun("10.0.0.100"))), StringComparison.Ordinal);
        Assert.Empty(Conflicts(Dr("10.0.0.100")));
    }

    [Fact]
    public void Comparison_has_every_value()
    {
        Assert.Equal(
            [
                "tunl0: up, down",
                "net.ipv4.conf.all.arp_ignore: 1, 2 or 8, 0",
                "net.ipv4.conf.tunl0.arp_ignore: 1, 2 or 8, 0",
                "net.ipv4.conf.all.arp_announce: 2, 0",
                "net.ipv4.conf.tunl0.arp_announce: 2, 0",
                "net.ipv4.conf.all.rp_filter: 0, 1",
                "net.ipv4.conf.tunl0.rp_filter: 0, 2",
                "10.0.0.100/32: on tunl0, missing",
            ],
            Compare(Tun("10.0.0.100")).Where(row => !row.Matches).Select(row => $"{row.What}: {row.Wanted}, {row.Found}"));
        Up(Tun("10.0.0.100"));
        Assert.Equal(8, Compare(Tun("10.0.0.100")).Length);
        Assert.All(Compare(Tun("10.0.0.100")), row => Assert.True(row.Matches, row.ToString()));
        Assert.Equal(["lo: up True", "2001:db8::2/128: missing False"], Compare(Dr("2001:db8::2")).Select(row => $"{row.What}: {row.Found} {row.Matches}"));
    }

    [Theory]
    [InlineData("10.0.0.1", null)]
    [InlineData("2001:db8::1", null)]
    [InlineData("0.0.0.0", "it is no host's address")]
    [InlineData("::", "it is no host's address")]
    [InlineData("224.0.0.18", "it is a multicast address")]
    [InlineData("ff02::1", "it is a multicast address")]
    [InlineData("fe80::1", "it is link-local, and clients come from elsewhere")]
    [InlineData("255.255.255.255", "it is the broadcast address")]
    [InlineData("127.0.0.5", "it is a loopback address")]
    [InlineData("::1", "it is a loopback address")]
    [InlineData("::ffff:10.0.0.1", "it is an IPv4 address written as IPv6")]
    public void What_can_be_a_virtual_address(string address, string? problem) =>
        Assert.Equal(problem, RealServerVip.FindProblem(IPAddressValue.Parse(address)));

    private string[] Up(params RealServerVip[] vips) => Apply(RealServerPlan.Up(_kernel.Facts, _memory, vips));

    private string[] Down(string address) => Apply(RealServerPlan.Down(_kernel.Facts, _memory, [IPAddressValue.Parse(address)]));

    private ImmutableArray<RealServerComparison> Compare(params RealServerVip[] vips) => RealServerPlan.Compare(_kernel.Facts, vips);

    private string[] Conflicts(params RealServerVip[] vips) => [.. RealServerPlan.FindConflicts(_kernel.Facts, _memory, vips)];

    private string[] Apply(RealServerPlan plan)
    {
        foreach (var change in plan.Changes)
            _kernel.Apply(change);
        _memory = plan.Memory;
        return [.. plan.Changes.Select(change => change.ToString()!), .. plan.Notes.Select(note => "note: " + note)];
    }
}
