using Vrrp.Simulation;
using static Vrrp.Tests.Simulation.Rehearsal;

namespace Vrrp.Tests.Simulation;

/// <summary>Each assertion, holding and failing.</summary>
public class SimulationAssertionsTests
{
    private static SimulationAssertionException Fails(Action assertion) => Assert.Throws<SimulationAssertionException>(assertion);

    [Fact]
    public void Exactly_one_master()
    {
        var (lan, a, b) = Pair();
        Assert.Equal("VRID 51 (IPv4, eth0) has no Master.", Fails(() => SimulationAssertions.ExactlyOneMaster(lan, Id)).Reason);
        lan.Run(Seconds(5));
        SimulationAssertions.ExactlyOneMaster(lan, Id);
        lan.Partition(a);
        lan.Run(Seconds(5));
        var failure = Fails(() => SimulationAssertions.ExactlyOneMaster(lan, Id));
        Assert.Equal("VRID 51 (IPv4, eth0) has 2 Masters: a, b.", failure.Reason);
        Assert.StartsWith("At 10.000000 s (seed 1): VRID 51", failure.Message, StringComparison.Ordinal);
        Assert.EndsWith("b    web  Backup → Master (MasterSilent)\n", failure.Timeline, StringComparison.Ordinal);
        // One that is frozen or gone does not count.
        a.Freeze(Seconds(1));
        SimulationAssertions.ExactlyOneMaster(lan, Id);
        b.Crash();
        Fails(() => SimulationAssertions.ExactlyOneMaster(lan, Id));
    }

    [Fact]
    public void Exactly_one_master_of_each_family()
    {
        var (lan, a, _) = RunningPair();
        a.Add(Config() with { Name = "v6", Family = IPFamily.IPv6, VirtualAddresses = [VirtualAddress.Host(IPAddressValue.Parse("fe80::100"))] });
        SimulationAssertions.ExactlyOneMaster(lan, Id, IPFamily.IPv4);
        Fails(() => SimulationAssertions.ExactlyOneMaster(lan, Id, IPFamily.IPv6));
        Fails(() => SimulationAssertions.ExactlyOneMaster(lan, Id));
        lan.Run(Seconds(5));
        SimulationAssertions.ExactlyOneMaster(lan, Id);
    }

    [Fact]
    public void No_masterless_gap()
    {
        var (lan, a, b) = RunningPair();
        SimulationAssertions.NoMasterlessGapLongerThan(lan, Id, TimeSpan.Zero);
        Assert.Contains(
            "had no Master for 3.21875 s from 0.000000 s; 1 s is allowed",
            Fails(() => SimulationAssertions.NoMasterlessGapLongerThan(lan, Id, Seconds(1), since: TimeSpan.Zero)).Reason,
            StringComparison.Ordinal);

        a.Crash();
        lan.Run(Seconds(2));
        // It counts while it lasts.
        Fails(() => SimulationAssertions.NoMasterlessGapLongerThan(lan, Id, Seconds(1.9)));
        SimulationAssertions.NoMasterlessGapLongerThan(lan, Id, Seconds(2));
        lan.Run(Seconds(10));
        SimulationAssertions.NoMasterlessGapLongerThan(lan, Id, Seconds(3.609375));
        Assert.Equal(
            "VRID 51 (IPv4, eth0) had no Master for 3.609375 s from 10.218750 s; 3.609 s is allowed.",
            Fails(() => SimulationAssertions.NoMasterlessGapLongerThan(lan, Id, Seconds(3.609))).Reason);
        SimulationAssertions.NoMasterlessGapLongerThan(lan, Id, TimeSpan.Zero, since: Seconds(13.828125));

        // A Master that is frozen is none, and is one again.
        b.Freeze(Seconds(5));
        lan.Run(Seconds(10));
        SimulationAssertions.NoMasterlessGapLongerThan(lan, Id, Seconds(5), since: Seconds(20));
        Fails(() => SimulationAssertions.NoMasterlessGapLongerThan(lan, Id, Seconds(4.9), since: Seconds(20)));
    }

    [Fact]
    public void Overlapping_masters_leave_no_gap()
    {
        var (lan, a, _) = RunningPair();
        lan.Partition(a);
        lan.Run(Seconds(10));
        lan.Heal();
        lan.Run(Seconds(10));
        SimulationAssertions.NoMasterlessGapLongerThan(lan, Id, TimeSpan.Zero);
    }

    [Fact]
    public void Never_a_master_is_a_gap_of_the_whole_run()
    {
        var lan = new SimulatedLan();
        lan.AddNode("a").Add(Config());
        lan.Run(Seconds(3));
        SimulationAssertions.NoMasterlessGapLongerThan(lan, Id, Seconds(3));
        Fails(() => SimulationAssertions.NoMasterlessGapLongerThan(lan, Id, Seconds(2.9)));
    }

    [Fact]
    public void Address_only_on_the_master()
    {
        var (lan, a, b) = RunningPair();
        lan.TurnEnded += _ => SimulationAssertions.AddressOnlyOnMaster(lan, Id);
        // With its address in the kernel of a node that is gone.
        a.Crash();
        lan.Run(Seconds(10));
        a.Restart();
        lan.Run(Seconds(10));
        // And on two nodes while the first one hands over.
        a.Remove("web");
        lan.Run(Seconds(2));
        Assert.Equal(VrrpState.Master, b.State());

        a.AddAddress("eth0", Address);
        Assert.Equal(
            "a has 10.0.0.254 and is not Master of VRID 51 (IPv4, eth0).",
            Fails(() => SimulationAssertions.AddressOnlyOnMaster(lan, Id)).Reason);
        a.TakeAddressAway(Address);
        b.TakeAddressAway(Address);
        Assert.Equal(
            "b is Master of VRID 51 (IPv4, eth0) and has no 10.0.0.254.",
            Fails(() => SimulationAssertions.AddressOnlyOnMaster(lan, Id)).Reason);
    }

    [Fact]
    public void An_owner_has_its_address_always()
    {
        var lan = new SimulatedLan();
        var (owner, other) = (lan.AddNode("owner"), lan.AddNode("other"));
        owner.AddAddress("eth0", Address);
        owner.Add(Config(255));
        other.Add(Config(255) with { OwnerIgnoresAdvertisements = true });
        lan.Run(Seconds(5));
        SimulationAssertions.AddressOnlyOnMaster(lan, Id);
    }

    [Fact]
    public void A_virtual_router_that_never_was_is_a_mistake()
    {
        var (lan, _, _) = Pair();
        Assert.Throws<ArgumentException>(() => SimulationAssertions.ExactlyOneMaster(lan, new(52)));
        Assert.Throws<ArgumentException>(() => SimulationAssertions.NoMasterlessGapLongerThan(lan, new(52), TimeSpan.Zero));
        Assert.Throws<ArgumentException>(() => SimulationAssertions.AddressOnlyOnMaster(lan, Id, IPFamily.IPv6));
        Assert.Throws<ArgumentNullException>(() => SimulationAssertions.ExactlyOneMaster(null!, Id));
    }
}
