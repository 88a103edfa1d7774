using System.Net;
using Vrrp.Tests.Linux.Lab;
using Xunit.Abstractions;

namespace Vrrp.Tests.LaboratoryMachine;

[Collection(LaboratoryTurn.Last)]
public sealed class DummyTests(ITestOutputHelper output)
{
    private const string Dummy = "dummy0";

    // Nobody hears a virtual router on an interface with nothing behind it: it is Master wherever it runs.
    private static readonly IPAddress AloneVip = IPAddress.Parse("10.99.0.100");

    private static readonly string Alone = $$"""
        vrrp_instance ALONE {
            interface {{Dummy}}
            version 3
            virtual_router_id 52
            priority 100
            advert_int 0.5
            virtual_ipaddress {
                {{AloneVip}}
            }
        }

        """;

    private static readonly VirtualRouterSpec Router =
        new() { Interval = TimeSpan.FromMilliseconds(500), Addresses = [$"10.77.0.100/32 dev {Dummy}"] };

    [LaboratoryFact(LaboratoryNeed.Dummy)]
    public Task Address_on_a_dummy_moves_with_its_router_and_a_router_on_a_dummy_is_master() => LaboratoryPair.RunAsync(output, Router, async pair =>
    {
        foreach (var host in (LabHost[])[pair.Lab.A, pair.Lab.B])
            await host.IpAsync($"link add {Dummy} type dummy\nlink set {Dummy} up\naddr add 10.99.0.{host.Number}/24 dev {Dummy}");

        int started = pair.Lab.Captures[0].Mark;
        await pair.ElectAsync(following: Alone);
        foreach (var director in (Director[])[pair.A, pair.B])
            await pair.Lab.WaitForAsync($"{AloneVip} on {director}", () => director.Host.HasAddress(AloneVip, Dummy));
        pair.AssertUndisturbed(started);
        Assert.True(await pair.Lab.Client.PingAsync(pair.Vip));
        Assert.Equal(pair.Lab.A.Mac(0), await pair.Lab.Client.NeighborAsync(pair.Vip));

        int left = pair.Lab.Captures[0].Mark;
        Assert.Equal(0, await pair.A.StopAsync());
        await pair.WaitForMasterAsync(pair.B, left);
        await pair.Lab.WaitForAsync("no address on who left", () => !pair.HasVip(pair.A) && !pair.A.Host.HasAddress(AloneVip, Dummy));
        // The announcement goes where the address is, which is not the LAN: as with keepalived, a client finds out when it asks again.
        await pair.Lab.Client.IpAsync($"neigh flush dev {LabHost.Device(0)}");
        Assert.True(await pair.Lab.Client.PingAsync(pair.Vip));
        Assert.Equal(pair.Lab.B.Mac(0), await pair.Lab.Client.NeighborAsync(pair.Vip));
    });
}
