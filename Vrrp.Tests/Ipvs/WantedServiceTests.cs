using Vrrp.Daemon.Configuration.Model;
using Vrrp.Daemon.Ipvs;
using static Vrrp.Tests.Ipvs.DirectorSamples;

namespace Vrrp.Tests.Ipvs;

public class WantedServiceTests
{
    private static readonly SorryServer Sorry = new(IPAddressValue.Parse("10.0.1.99"), 80, new(ForwardingMethod.DirectRoute), Inhibit: false);

    private static string Wanted(VirtualServer server, bool hasQuorum, params bool[] up) => string.Join(
        "; ",
        WantedService.Create(server, [.. server.RealServers.Select((real, i) => new RealServerHealth(up[i], real.Weight))], hasQuorum)
            .Single().Destinations.Select(destination => $"{destination.Key} {destination.Weight}"));

    [Fact]
    public void A_server_that_is_down_is_not_in_the_table()
    {
        Assert.Equal("[10.0.1.2]:80 4", Wanted(Server(Real(1, 2), Real(2, 4)), true, false, true));
    }

    [Fact]
    public void An_inhibited_server_that_is_down_has_weight_zero()
    {
        Assert.Equal(
            "[10.0.1.1]:80 0; [10.0.1.2]:80 4",
            Wanted(Server(Real(1, 2) with { InhibitOnFailure = true }, Real(2, 4)), true, false, true));
    }

    [Fact]
    public void Without_quorum_and_sorry_server_those_that_are_up_go_on_serving()
    {
        Assert.Equal("[10.0.1.2]:80 1", Wanted(Server(Real(1), Real(2)), false, false, true));
    }

    [Fact]
    public void Without_quorum_the_sorry_server_serves_alone()
    {
        var server = Server(Real(1) with { InhibitOnFailure = true }, Real(2)) with { SorryServer = Sorry };

        Assert.Equal("[10.0.1.1]:80 0; [10.0.1.99]:80 1", Wanted(server, false, true, true));
        Assert.Equal("[10.0.1.1]:80 1; [10.0.1.2]:80 1", Wanted(server, true, true, true));
    }

    [Fact]
    public void An_inhibited_sorry_server_waits_with_weight_zero()
    {
        var server = Server(Real(1)) with { SorryServer = Sorry with { Inhibit = true } };

        Assert.Equal("[10.0.1.1]:80 1; [10.0.1.99]:80 0", Wanted(server, true, true));
        Assert.Equal("[10.0.1.99]:80 1", Wanted(server, false, false));
    }

    [Fact]
    public void Only_nat_keeps_a_port_of_its_own()
    {
        var real = Real(1) with { Port = 8080 };

        Assert.Equal("[10.0.1.1]:80 1", Wanted(Server(real), true, true));
        Assert.Equal("[10.0.1.1]:8080 1", Wanted(Server(real with { Forwarding = new(ForwardingMethod.Masquerade) }), true, true));
    }
}
