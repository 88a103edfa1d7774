// Rehearses a failover: two routers on a simulated LAN that loses every fifth packet, and the Master is killed.
//   RehearseFailover [SEED]
using Vrrp;
using Vrrp.Simulation;

long seed = args.Length > 0 ? long.Parse(args[0], null) : 1;
var lan = new SimulatedLan(seed)
{
    Conditions = new LinkConditions { Delay = TimeSpan.FromMilliseconds(0.2), Jitter = TimeSpan.FromMilliseconds(0.5), Loss = 0.2 },
};
var web = new VirtualRouterConfig
{
    Name = "web",
    Interface = "eth0",
    VirtualRouterId = new VirtualRouterId(51),
    VirtualAddresses = [VirtualAddress.Host(IPAddressValue.Parse("10.0.0.254"))],
};
var director1 = lan.AddNode("director1");
var director2 = lan.AddNode("director2");
director1.Add(web with { Priority = new Priority(200) });
director2.Add(web with { Priority = new Priority(100) });

lan.Schedule(TimeSpan.FromSeconds(60), director1.Crash);
lan.Schedule(TimeSpan.FromSeconds(120), () => director1.Restart());
try
{
    // At no moment may a node that is not Master have the address.
    lan.TurnEnded += _ => SimulationAssertions.AddressOnlyOnMaster(lan, web.VirtualRouterId);
    lan.RunUntil(TimeSpan.FromSeconds(180));

    SimulationAssertions.ExactlyOneMaster(lan, web.VirtualRouterId);
    // Three advertisements and the skew of priority 100, counted from the last one that was heard, and a packet's time.
    SimulationAssertions.NoMasterlessGapLongerThan(lan, web.VirtualRouterId, TimeSpan.FromSeconds(3.61));
}
catch (SimulationAssertionException exception)
{
    Console.Error.WriteLine(exception.Message);
    return 1;
}

Console.Write(lan.Trace);
return 0;
