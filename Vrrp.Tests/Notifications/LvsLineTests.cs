using Vrrp.Daemon.Configuration.Model;
using Vrrp.Daemon.Ipvs;
using Vrrp.Daemon.Notifications;
using static Vrrp.Tests.Configuration.ConfigurationTesting;

namespace Vrrp.Tests.Notifications;

public sealed class LvsLineTests
{
    [Theory]
    [InlineData("10.0.0.1 80", "VS [10.0.0.1]:tcp:80", "RS [10.0.1.1]:tcp:8080 [10.0.0.1]:tcp:80")]
    [InlineData("fwmark 5", "VS FWM 5", "RS [10.0.1.1]:none:8080 FWM 5")]
    [InlineData("group web", "VS [web]:0", "RS [10.0.1.1]:tcp:8080 [web]:0")]
    public void Lines_name_servers_as_keepalived_does(string target, string virtualServer, string realServer)
    {
        var server = Assert.Single(Config($$"""
            virtual_server_group web {
            10.0.0.2 80
            }
            virtual_server {{target}} {
            lb_kind NAT
            {{(target.StartsWith("fwmark", StringComparison.Ordinal) ? "" : "protocol TCP")}}
            real_server 10.0.1.1 8080 {
            }
            }
            """).VirtualServers);

        Assert.Equal(virtualServer + " UP\n", LvsLine.Of(new QuorumChanged(server, HasQuorum: true, 1))?.Text);
        Assert.Equal(virtualServer + " DOWN\n", LvsLine.Of(new QuorumChanged(server, HasQuorum: false, 0))?.Text);
        Assert.Equal(realServer + " UP\n", LvsLine.Of(new RealServerChanged(server, server.RealServers[0], IsUp: true, null, null))?.Text);
        Assert.Equal(realServer + " DOWN\n", LvsLine.Of(new RealServerChanged(server, server.RealServers[0], IsUp: false, null, "refused"))?.Text);
        Assert.Null(LvsLine.Of(new WeightChanged(server, server.RealServers[0], 1, 2)));
    }
}
