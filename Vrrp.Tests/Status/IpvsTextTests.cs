using Vrrp.Daemon.Status;

namespace Vrrp.Tests.Status;

/// <summary>The table as <c>vrrp ipvs</c> prints it.</summary>
public class IpvsTextTests
{
    private const string Head = """
        IP Virtual Server version 1.2.1 (size=4096)
        Timeout (tcp tcpfin udp): 900 120 300
        master sync daemon (mcast=eth0, syncid=7, maxlen=1472, group=224.0.0.81, port=8848, ttl=1)
        backup sync daemon (mcast=eth1, syncid=7, maxlen=1472, group=none, port=8848, ttl=1)

        """;

    [Fact]
    public void Overview_has_a_bit_of_everything_and_the_health_of_each_server() => Assert.Equal(
        Head + """
        Health: as vrrp (process 4711) knows it

        Prot LocalAddress:Port                                                                  Conns CPS InBPS OutBPS  Scheduler Flags, Quorum
          -> RemoteAddress:Port Forward              Weight ActiveConn InActConn                                        Health
        TCP  10.0.0.254:80                                                       18446744073709551615  12 67890      6  wrr persistent 50 mask 255.255.255.0 pe sip, quorum (weight 6 of 3)
          -> 10.0.1.1:80        Route                     2          9       110                  200   4 27890      0  up for 1d 3h
          -> 10.0.1.2:80        Route                     4         17       230                  400   8 40000      0  up for 5m 3s; TCP_CHECK: no answer within 5 s
          -- 10.0.1.3:80                                                                                                down for 12s, not in the table; TCP_CHECK: connection ?refused
        UDP  [2001:db8::1]:53                                                                       7   1    70      0  sh (sh-fallback,sh-port) ops
          -> [2001:db8::2]:53   Tunnel-gue:6080-csum      1          0         0                    7   1    70      0  foreign
        FWM  5                                                                                      3   0     0      0  rr
          -> 192.0.2.9:8080     Masq                      1          0         0                    0   0     0      0  foreign
        TCP  10.0.0.254:25 is not in the table (virtual_server mail)

        """,
        IpvsText.Of(StatusSamples.Report(StatusSamples.Director), IpvsColumns.Overview, StatusSamples.Now));

    [Fact]
    public void Without_a_daemon_health_is_unknown_and_the_rest_is_there() => Assert.Equal(
        Head + """
        Health: unknown: no vrrp runs that serves /run/vrrp.sock

        Prot LocalAddress:Port                 Conns     InPkts OutPkts    InBytes OutBytes  Scheduler Flags
          -> RemoteAddress:Port
        TCP  10.0.0.254:80      18446744073709551615 5000000001       4 6000000000        5  wrr persistent 50 mask 255.255.255.0 pe sip
          -> 10.0.1.1:80                         200       2000       0      20000        0
          -> 10.0.1.2:80                         400       4000       0      40000        0
        UDP  [2001:db8::1]:53                      7          7       0        490        0  sh (sh-fallback,sh-port) ops
          -> [2001:db8::2]:53                      7          7       0        490        0
        FWM  5                                     3         30      20       3000     2000  rr
          -> 192.0.2.9:8080                        0          0       0          0        0

        """,
        IpvsText.Of(StatusSamples.Report(null), IpvsColumns.Totals, StatusSamples.Now));

    [Fact]
    public void Columns_are_those_asked_for_each_once()
    {
        Assert.Equal("CPS InPPS OutPPS InBPS OutBPS", Columns(IpvsColumns.Rates));
        Assert.Equal("Uthreshold Lthreshold ActiveConn InActConn", Columns(IpvsColumns.Thresholds));
        Assert.Equal("Uthreshold Lthreshold ActiveConn InActConn Weight PersistConn", Columns(IpvsColumns.Thresholds | IpvsColumns.PersistentConnections));
        Assert.Equal(
            "Conns InPkts OutPkts InBytes OutBytes CPS InPPS OutPPS InBPS OutBPS", Columns(IpvsColumns.Rates | IpvsColumns.Totals));
        Assert.Contains(
            "  -> 10.0.1.2:80              1000        750         17       230\n",
            IpvsText.Of(StatusSamples.Report(null), IpvsColumns.Thresholds, StatusSamples.Now),
            StringComparison.Ordinal);

        static string Columns(IpvsColumns wanted)
        {
            string[] lines = IpvsText.Of(StatusSamples.Report(null), wanted, StatusSamples.Now).Split('\n');
            int head = Array.FindIndex(lines, line => line.StartsWith("Prot ", StringComparison.Ordinal));
            return string.Join(' ', (lines[head] + lines[head + 1])
                .Replace("Scheduler Flags", "", StringComparison.Ordinal)
                .Split(' ', StringSplitOptions.RemoveEmptyEntries)
                .Where(word => word is not ("Prot" or "LocalAddress:Port" or "->" or "RemoteAddress:Port")));
        }
    }

    [Fact]
    public void A_daemon_that_cannot_reach_the_table_is_said_to()
    {
        var director = StatusSamples.Director with { Problem = "This kernel has no IPVS." };
        Assert.Contains(
            "Health: as vrrp (process 4711) knows it, which cannot reach the table: This kernel has no IPVS.\n",
            IpvsText.Of(StatusSamples.Report(director), IpvsColumns.Overview, StatusSamples.Now),
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(-1, "0s")]
    [InlineData(59.9, "59s")]
    [InlineData(60, "1m 0s")]
    [InlineData(3600, "1h 0m")]
    [InlineData(86400 * 400, "400d 0h")]
    public void Durations_have_their_two_largest_units(double seconds, string expected) =>
        Assert.Equal(expected, IpvsText.Duration(TimeSpan.FromSeconds(seconds)));
}
