using Vrrp.Tests.Linux.Lab;
using Xunit.Abstractions;

namespace Vrrp.Tests.LaboratoryMachine;

[Collection(LaboratoryTurn.Last)]
public sealed class NetemTests(ITestOutputHelper output)
{
    // With one advert in five lost, so many in a row are lost once in years.
    private const int DownAdverts = 12;

    private static readonly VirtualRouterSpec Router =
        new() { Interval = TimeSpan.FromMilliseconds(200), Extra = $"down_timer_adverts {DownAdverts}" };

    [LaboratoryFact(LaboratoryNeed.Netem)]
    public Task Loss_delay_and_reordering_move_no_address_and_a_takeover_comes_when_it_must() => LaboratoryPair.RunAsync(output, Router, async pair =>
    {
        int start = pair.Lab.Captures[0].Mark;
        await pair.ElectAsync();
        await using var atB = await LabCapture.StartAsync(pair.Lab.B.Namespace, LabHost.Device(0), Path.Combine(pair.Lab.Folder, "b.pcap"), pair.Lab.Changed);
        foreach (var host in (LabHost[])[pair.Lab.A, pair.Lab.B])
            await host.SetNetemAsync(0, "delay 50ms 20ms reorder 25% 50% loss 20%");

        int sent = pair.Lab.Captures[0].Mark;
        int received = atB.Mark;
        await pair.WaitForAdvertsAsync(pair.A, 60);
        pair.AssertUndisturbed(start);
        int arrived = LaboratoryPair.AdvertsOf(pair.A, atB, received).Count();
        Assert.InRange(arrived, 20, pair.AdvertsOf(pair.A, sent).Count() - 1);

        int killed = pair.Lab.Captures[0].Mark;
        await pair.A.KillAsync();
        await pair.WaitForMasterAsync(pair.B, killed);
        var gap = await pair.AssertTakeoverAsync(atB, DownAdverts);
        output.WriteLine($"{arrived} of 60 adverts arrived; takeover {gap.TotalMilliseconds:0} ms after the last that did");
        await pair.Lab.WaitForAsync(
            "the announcement of the address",
            () => pair.Lab.Captures[0].Since(killed).Any(frame => frame.Payload is AnnouncementPayload { IsUnsolicited: true } && frame.Source.Equals(pair.B.Host.Mac(0))));
    });
}
