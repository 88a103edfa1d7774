using Vrrp.Daemon.Configuration.Model;
using Vrrp.Daemon.HealthChecks;
using Vrrp.Daemon.Ipvs;
using static Vrrp.Tests.Ipvs.DirectorSamples;

namespace Vrrp.Tests.Ipvs;

public class DirectorStateTests
{
    private static readonly HealthState Up = new() { IsUp = true, HasResult = true };
    private static readonly HealthState Down = new() { IsUp = false, HasResult = true, Failures = 1, LastError = "connection refused" };

    private readonly DirectorState _state = new();

    private static string Describe(IEnumerable<DirectorEvent> events) => string.Join("; ", events.Select(happened => happened switch
    {
        RealServerChanged real => $"{DirectorState.KeyOf(real.RealServer)} {(real.IsUp ? "up" : $"down ({real.Reason})")}",
        QuorumChanged quorum => $"quorum {(quorum.HasQuorum ? "gained" : "lost")} at {quorum.LiveWeight}",
        WeightChanged weight => $"weight {weight.From} to {weight.To}",
        _ => happened.ToString(),
    }));

    [Fact]
    public void The_last_server_that_dies_takes_the_quorum_with_it()
    {
        var server = Server(Real(1), Real(2));
        _state.Configure([server], isStart: true);

        Assert.Equal("[10.0.1.1]:80 down (connection refused)", Describe(_state.Take(Check(server, 0), Down)));
        Assert.Equal("[10.0.1.2]:80 down (connection refused); quorum lost at 0", Describe(_state.Take(Check(server, 1), Down)));
        Assert.Equal("[10.0.1.1]:80 up; quorum gained at 1", Describe(_state.Take(Check(server, 0), Up)));
    }

    [Fact]
    public void The_same_result_again_is_no_event()
    {
        var server = Server(Real(1), Real(2));
        _state.Configure([server], isStart: true);
        _state.Take(Check(server, 0), Down);

        Assert.Empty(_state.Take(Check(server, 0), Down));
    }

    [Fact]
    public void All_checks_must_be_up()
    {
        var real = Real(1);
        var server = Server(real with { Checks = [real.Checks[0], new PingCheck { Address = real.Address }] }, Real(2));
        _state.Configure([server], isStart: true);

        Assert.Equal("[10.0.1.1]:80 down (connection refused)", Describe(_state.Take(Check(server, 0, 1), Down)));
        Assert.Empty(_state.Take(Check(server, 0, 0), Up));
        Assert.Equal("[10.0.1.1]:80 up", Describe(_state.Take(Check(server, 0, 1), Up)));
    }

    [Fact]
    public void A_weight_that_a_check_asks_for_counts_for_the_quorum()
    {
        var server = Server(Real(1, 10)) with { Quorum = 5, Hysteresis = 1 };
        _state.Configure([server], isStart: true);

        Assert.Equal("weight 10 to 4", Describe(_state.Take(Check(server, 0), Up with { Weight = 4 })));
        Assert.Equal("weight 4 to 3; quorum lost at 3", Describe(_state.Take(Check(server, 0), Up with { Weight = 3 })));
        Assert.Equal("weight 3 to 5", Describe(_state.Take(Check(server, 0), Up with { Weight = 5 })));
        Assert.Equal("weight 5 to 6; quorum gained at 6", Describe(_state.Take(Check(server, 0), Up with { Weight = 6 })));
    }

    [Fact]
    public void A_reload_leaves_the_health_of_what_stays()
    {
        var server = Server(Real(1), Real(2));
        _state.Configure([server], isStart: true);
        _state.Take(Check(server, 0), Down);

        Assert.Empty(_state.Configure([Server(Real(1), Real(2), Real(3))], isStart: false));
        Assert.Equal(
            "[10.0.1.2]:80; [10.0.1.3]:80",
            string.Join("; ", _state.Wanted().Single().Destinations.Select(destination => destination.Key)));
    }

    [Fact]
    public void A_result_of_a_check_that_is_no_longer_configured_is_nothing()
    {
        var server = Server(Real(1), Real(2));
        _state.Configure([server], isStart: true);
        _state.Configure([Server(Real(2))], isStart: false);

        Assert.Empty(_state.Take(Check(server, 0), Down));
    }

    [Fact]
    public void Servers_that_must_prove_themselves_begin_without_a_quorum()
    {
        var real = Real(1);
        var server = Server(real with { Checks = [real.Checks[0] with { Alpha = true }] });

        Assert.Equal("[10.0.1.1]:80 down (); quorum lost at 0", Describe(_state.Configure([server], isStart: true)));
        Assert.Empty(_state.Wanted().Single().Destinations);
        Assert.Equal("[10.0.1.1]:80 up; quorum gained at 1", Describe(_state.Take(Check(server, 0), Up)));
    }

    [Fact]
    public void What_a_reload_removes_is_told_down_with_omega_alone()
    {
        var server = Server(Real(1), Real(2)) with { Omega = true };
        _state.Configure([server], isStart: true);

        Assert.Equal("[10.0.1.2]:80 down (it is configured no more)", Describe(_state.Configure([server with { RealServers = [Real(1)] }], isStart: false)));
        Assert.Equal("[10.0.1.1]:80 down (it is configured no more); quorum lost at 0", Describe(_state.Configure([], isStart: false)));
        _state.Configure([server with { Omega = false }], isStart: false);
        Assert.Empty(_state.Configure([], isStart: false));
    }
}
