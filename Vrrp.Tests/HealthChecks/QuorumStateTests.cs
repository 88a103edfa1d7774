using Vrrp.Daemon.HealthChecks;
using Vrrp.Tests.Ipvs;

namespace Vrrp.Tests.HealthChecks;

public class QuorumStateTests
{
    [Theory]
    // quorum 4, hysteresis 1: gained at 5, lost below 3.
    [InlineData(false, 4, false)]
    [InlineData(false, 5, true)]
    [InlineData(true, 4, true)]
    [InlineData(true, 3, true)]
    [InlineData(true, 2, false)]
    public void Hysteresis_widens_the_step(bool had, long weight, bool has)
    {
        var server = DirectorSamples.Server(DirectorSamples.Real(1)) with { Quorum = 4, Hysteresis = 1 };

        Assert.Equal(has, QuorumState.After(server, had, weight));
    }

    [Fact]
    public void Nothing_alive_is_no_quorum()
    {
        var server = DirectorSamples.Server(DirectorSamples.Real(1)) with { Quorum = 1 };

        Assert.False(QuorumState.After(server, had: true, 0));
        Assert.True(QuorumState.After(server, had: false, 1));
    }
}
