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
    public void Never_a_master_is_too_long_a_gap_whatever_is_allowed()
    {
        var lan = new SimulatedLan();
        lan.AddNode("a").Add(Config());
        lan.Run(Seconds(3));
        Assert.Equal("VRID 51 (IPv4, eth0) has had no Master at all.", Fails(() => SimulationAssertions.NoMasterlessGapLongerThan(lan, Id, Seconds(3))).Reason);
        Fails(() => SimulationAssertions.NoMasterlessGapLongerThan(lan, Id, Seconds(100), since: Seconds(2)));
    }

    [Fact]
    public void Every_family_and_every_network_unless_one_is_named()
    {
        var lan = new SimulatedLan();
        var (a, b) = (lan.AddNode("a", new() { Interfaces = ["eth0", "eth1"] }), lan.AddNode("b", new() { Interfaces = ["eth0", "eth1"] }));
        a.Add(Config());
        b.Add(Config() with { Interface = "eth1" });
        b.Add(Config() with { Name = "v6", Family = IPFamily.IPv6, VirtualAddresses = [VirtualAddress.Host(IPAddressValue.Parse("fe80::100"))] });
        lan.Run(Seconds(10));

        Assert.Equal([a, b], lan.Masters(Id));
        Assert.Equal([b], lan.Masters(Id, IPFamily.IPv6));
        Assert.Equal([a, b], lan.Masters(Id, IPFamily.IPv4));
        Assert.Equal([b], lan.Masters(Id, IPFamily.IPv4, "eth1"));
        Assert.Equal([a], lan.Masters(Id, IPFamily.IPv4, network: "eth0"));
        Assert.Equal([3, 2, 1, 0], [
            lan.MasterPeriods(Id).Count, lan.MasterPeriods(Id, IPFamily.IPv4).Count, lan.MasterPeriods(Id, network: "eth1").Count,
            lan.MasterPeriods(Id, IPFamily.IPv6, "eth1").Count,
        ]);
        SimulationAssertions.ExactlyOneMaster(lan, Id);
        lan.Partition(a);
        a.Crash();
        Fails(() => SimulationAssertions.ExactlyOneMaster(lan, Id));
        SimulationAssertions.ExactlyOneMaster(lan, Id, network: "eth1");
        lan.Run(Seconds(5));
        Fails(() => SimulationAssertions.NoMasterlessGapLongerThan(lan, Id, Seconds(4)));
        SimulationAssertions.NoMasterlessGapLongerThan(lan, Id, Seconds(4), network: "eth1");
        SimulationAssertions.AddressOnlyOnMaster(lan, Id, network: "eth1");
        Assert.Contains(
            "VRID 51 for IPv6 on eth1",
            Assert.Throws<ArgumentException>(() => SimulationAssertions.ExactlyOneMaster(lan, Id, IPFamily.IPv6, "eth1")).Message,
            StringComparison.Ordinal);
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
    public void Addresses_that_are_held_besides_are_on_the_master_alone()
    {
        var excluded = IPAddressValue.Parse("10.0.0.253");
        var lan = new SimulatedLan();
        var (a, b) = (lan.AddNode("a"), lan.AddNode("b"));
        var config = Config() with { ExcludedAddresses = [VirtualAddress.Host(excluded)] };
        a.Add(config with { Priority = new(200) });
        b.Add(config);
        lan.Run(Seconds(10));
        SimulationAssertions.AddressOnlyOnMaster(lan, Id);

        b.AddAddress("eth0", excluded);
        Assert.Equal(
            "b has 10.0.0.253 and is not Master of VRID 51 (IPv4, eth0).",
            Fails(() => SimulationAssertions.AddressOnlyOnMaster(lan, Id)).Reason);
        b.TakeAddressAway(excluded);
        a.TakeAddressAway(excluded);
        Assert.Equal(
            "a is Master of VRID 51 (IPv4, eth0) and has no 10.0.0.253.",
            Fails(() => SimulationAssertions.AddressOnlyOnMaster(lan, Id)).Reason);

        // What the kernel refuses it need not have, as long as it is not advertised.
        a.RefuseAddress(excluded);
        lan.Run(Seconds(10));
        SimulationAssertions.AddressOnlyOnMaster(lan, Id);
    }

    [Fact]
    public void What_a_router_that_is_no_more_left_behind_is_found()
    {
        var (lan, a, b) = RunningPair();
        a.Crash();
        a.Restart(withRouters: false);
        b.Remove("web");
        lan.Run(Seconds(10));
        Assert.Empty(a.Routers.Concat(b.Routers));
        Assert.Equal(
            "a has 10.0.0.254 and is not Master of VRID 51 (IPv4, eth0).",
            Fails(() => SimulationAssertions.AddressOnlyOnMaster(lan, Id)).Reason);

        // Whoever has it now may have it.
        a.TakeAddressAway(Address);
        b.AddAddress("eth0", Address);
        SimulationAssertions.AddressOnlyOnMaster(lan, Id);
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
