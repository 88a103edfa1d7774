using Vrrp.Daemon.Ipvs;
using static Vrrp.Tests.Ipvs.DirectorSamples;

namespace Vrrp.Tests.Ipvs;

public class IpvsPlanTests
{
    private static WantedService Wanted(params int[] weights)
    {
        var server = Server([.. weights.Select((weight, i) => Real(i + 1, weight))]);
        return WantedService.Create(server, [.. weights.Select(weight => new RealServerHealth(true, weight))], hasQuorum: true).Single();
    }

    private static string Changes(WantedService[] wanted, IpvsSnapshot actual, IpvsOwnership ours) =>
        Describe(IpvsPlan.Create([.. wanted], actual, ours).Changes);

    [Fact]
    public void An_empty_table_gets_the_service_and_then_its_servers()
    {
        Assert.Equal(
            "AddService [10.0.0.254]:tcp:80; AddDestination [10.0.1.1]:80 2; AddDestination [10.0.1.2]:80 4",
            Changes([Wanted(2, 4)], IpvsSnapshot.Empty, new()));
    }

    [Fact]
    public void A_table_as_wanted_is_left_alone()
    {
        Assert.Equal("", Changes([Wanted(2, 4)], Applied(Wanted(2, 4)), Own(Wanted(2, 4))));
    }

    [Fact]
    public void Servers_come_before_others_go()
    {
        var before = Wanted(1, 1);
        var after = before with { Destinations = [before.Destinations[1], before.Destinations[0] with { Key = new(IPAddressValue.Parse("10.0.1.9"), 80) }] };

        Assert.Equal("AddDestination [10.0.1.9]:80 1; RemoveDestination [10.0.1.1]:80 1", Changes([after], Applied(before), Own(before)));
    }

    [Fact]
    public void A_changed_weight_is_an_update()
    {
        Assert.Equal("UpdateDestination [10.0.1.2]:80 0", Changes([Wanted(2, 0)], Applied(Wanted(2, 4)), Own(Wanted(2, 4))));
    }

    [Fact]
    public void A_changed_scheduler_is_an_update_of_the_service_alone()
    {
        var other = Wanted(1);
        other = other with { Service = other.Service with { Scheduler = "rr" } };

        Assert.Equal("UpdateService [10.0.0.254]:tcp:80", Changes([Wanted(1)], Applied(other), Own(other)));
    }

    [Fact]
    public void Persistence_settings_count_only_with_persistence()
    {
        var other = Wanted(1);
        other = other with { Service = other.Service with { PersistenceTimeout = 360, PersistencePrefix = 24 } };
        Assert.Equal("", Changes([Wanted(1)], Applied(other), Own(other)));

        var persistent = Wanted(1);
        persistent = persistent with { Service = persistent.Service with { Flags = ServiceFlags.Persistent, PersistenceTimeout = 50 } };
        Assert.Equal("UpdateService [10.0.0.254]:tcp:80", Changes([persistent], Applied(other), Own(other)));
    }

    [Fact]
    public void Our_services_that_nobody_wants_go_and_those_of_others_stay()
    {
        Assert.Equal("RemoveService [10.0.0.254]:tcp:80", Changes([], Applied(Wanted(1)), Own(Wanted(1))));
        Assert.Equal("", Changes([], Applied(Wanted(1)), new()));
    }

    [Fact]
    public void A_destination_of_someone_else_in_our_service_stays_and_is_named()
    {
        var plan = IpvsPlan.Create([Wanted(1)], Applied(Wanted(1, 1)), Own(Wanted(1)));

        Assert.Empty(plan.Changes);
        Assert.Equal((Web, new DestinationKey(IPAddressValue.Parse("10.0.1.2"), 80)), Assert.Single(plan.Foreign));
    }

    [Fact]
    public void A_service_by_mark_is_another_for_each_family()
    {
        var ipv4 = Wanted(1) with { Service = Wanted(1).Service with { Key = ServiceKey.ByMark(5, IPFamily.IPv4) }, Destinations = [] };
        var ipv6 = ipv4 with { Service = ipv4.Service with { Key = ServiceKey.ByMark(5, IPFamily.IPv6) } };

        Assert.Equal("AddService FWM 5 IPv6", Changes([ipv4, ipv6], Applied(ipv4), Own(ipv4)));
    }
}
