namespace Vrrp.Tests.Engine;

/// <summary>A process that was not scheduled: what waits in its sockets counts before silence does, and nothing comes in bursts.</summary>
public class StallTests
{
    private readonly ScenarioLan _lan = new();

    private (ScenarioNode A, ScenarioNode B) StartPair()
    {
        var (a, b) = (_lan.AddNode("A"), _lan.AddNode("B"));
        a.Add(ScenarioNode.Config(200));
        b.Add(ScenarioNode.Config(100));
        _lan.RunTo(10.3m);
        _lan.AssertStates(VrrpState.Master, VrrpState.Backup);
        _lan.Mark();
        a.TakeLog();
        return (a, b);
    }

    [Fact]
    public void A_stalled_master_yields_to_the_one_that_was_elected_meanwhile()
    {
        var (a, b) = StartPair();
        a.Freeze(20);
        _lan.RunTo(20.0001m);

        Assert.Equal(VrrpState.Backup, a.State());
        Assert.Equal("-10.0.0.254", a.TakeLog());
        Assert.Equal(TransitionReason.ReplacedWhileStalled, a.Take<RouterTransition>()[^1].Reason);
        Assert.True(Assert.Single(a.Take<EngineStalled>()).Lateness > TimeSpan.FromSeconds(18));
        // It is still the higher one, and comes back in the ordinary way.
        _lan.RunTo(30);
        _lan.AssertStates(VrrpState.Master, VrrpState.Backup);
        Assert.False(b.Has("10.0.0.254"));
    }

    [Fact]
    public void A_stalled_master_that_lost_an_address_reads_its_sockets_before_it_puts_it_back()
    {
        var (a, b) = StartPair();
        a.Freeze(20);
        _lan.RunTo(10);
        a.TakeAway("10.0.0.254");
        _lan.RunTo(20.0001m);

        Assert.Equal(VrrpState.Backup, a.State());
        Assert.Equal("", a.TakeLog());
        Assert.Equal(VrrpState.Master, b.State());
    }

    [Fact]
    public void A_master_stalled_alone_puts_its_address_back_when_it_has_heard_nobody()
    {
        var a = _lan.AddNode("A");
        a.Add(ScenarioNode.Config());
        _lan.RunTo(10);
        a.TakeLog();
        a.Freeze(20);
        a.TakeAway("10.0.0.254");
        _lan.RunTo(30.0001m);

        Assert.Equal("+10.0.0.254, adv 100, arp 10.0.0.254", a.TakeLog());
        // It has advertised: what it hears of lower ones now is no longer a successor's.
        a.Hear(50);
        Assert.Equal(VrrpState.Master, a.State());
    }

    [Theory]
    [InlineData(true, "", VrrpState.Backup)]
    [InlineData(false, "+10.0.0.254, adv 100, arp 10.0.0.254", VrrpState.Master)]
    public void A_master_without_its_address_says_nothing_before_it_has_it_again(bool hearsHigher, string log, VrrpState state)
    {
        var a = _lan.AddNode("A");
        a.Add(ScenarioNode.Config() with { AdvertiseBeforeYield = true });
        _lan.RunTo(10);
        a.TakeLog();
        a.Freeze(0.5m);
        a.TakeAway("10.0.0.254");
        a.Arrive(ScenarioNode.Packet(50, "10.0.0.200"));
        if (hearsHigher)
            a.Arrive(ScenarioNode.Packet(200, "10.0.0.201"));
        _lan.RunTo(10.5m);

        Assert.Equal((log, state), (a.TakeLog(), a.State()));
    }

    [Fact]
    public void A_stalled_master_answers_no_goodbye_but_advertises_once()
    {
        var a = _lan.AddNode("A");
        a.Add(ScenarioNode.Config());
        _lan.RunTo(10);
        a.TakeLog();
        a.Freeze(20);
        for (int i = 0; i < 5; i++)
            a.Arrive(ScenarioNode.Packet(0, "10.0.0.200"));
        _lan.RunTo(30.0001m);

        Assert.Equal("adv 100", a.TakeLog());
        Assert.Equal(VrrpState.Master, a.State());
    }

    [Fact]
    public void A_master_stalled_alone_sends_one_advertisement_and_goes_on()
    {
        var a = _lan.AddNode("A");
        a.Add(ScenarioNode.Config());
        _lan.RunTo(10);
        a.TakeLog();
        a.Freeze(100);
        _lan.RunTo(110.5m);
        Assert.Equal("adv 100", a.TakeLog());
        _lan.RunTo(111);
        Assert.Equal("adv 100", a.TakeLog());
    }

    [Fact]
    public void A_master_stalled_for_less_than_the_down_interval_stays()
    {
        var (a, _) = StartPair();
        a.Freeze(2.2m);
        _lan.RunTo(10);

        _lan.AssertTransitions();
        Assert.Single(a.Take<EngineStalled>());
        // One that costs no advertisement is nothing to wake anyone for.
        a.Freeze(0.9m);
        _lan.Run(90);
        Assert.Empty(a.Take<EngineStalled>());
    }

    [Fact] // VR-075
    public void A_stalled_backup_reads_its_sockets_before_it_takes_over()
    {
        var (_, b) = StartPair();
        b.Freeze(30);
        _lan.RunTo(60);

        _lan.AssertTransitions();
    }

    [Fact]
    public void Sockets_are_read_in_a_turn_that_only_a_deadline_began()
    {
        var (_, b) = StartPair();
        // The waiter saw the deadline alone: the packets are in the socket but nobody reported them.
        b.Arrive(ScenarioNode.Packet(200, "10.0.0.1"));
        var late = b.Router().State.Deadline.AddNanoseconds(25_000_000);
        b.Engine.BeginTurn(late);
        b.Engine.EndTurn();

        Assert.Equal(VrrpState.Backup, b.State());
    }

    [Fact] // VR-074
    public void The_period_does_not_drift_with_lateness()
    {
        var a = _lan.AddNode("A");
        a.Add(ScenarioNode.Config());
        _lan.RunTo(3.7m);
        var first = a.Router().State.Deadline;
        for (int i = 0; i < 100; i++)
        {
            var late = a.Router().State.Deadline.AddNanoseconds(5_000_000);
            a.Engine.BeginTurn(late);
            a.Engine.EndTurn();
        }

        Assert.Equal(first.AddNanoseconds(100 * 1_000_000_000L), a.Router().State.Deadline);
        Assert.Equal(TimeSpan.FromMilliseconds(5), a.Router().Counters.MaxLateness);
    }

    [Fact]
    public void Lateness_is_that_of_the_timer_and_not_of_the_wake_up_before_it()
    {
        var (_, b) = StartPair();
        b.Freeze(0.9m);
        _lan.RunTo(60);

        Assert.Equal(TimeSpan.Zero, b.Router().Counters.MaxLateness);
    }
}
