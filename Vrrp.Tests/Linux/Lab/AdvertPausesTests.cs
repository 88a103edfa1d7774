namespace Vrrp.Tests.Linux.Lab;

public sealed class AdvertPausesTests
{
    [Fact]
    public void A_pause_of_one_daemon_alone_is_found() =>
        Assert.Equal(["was silent for 2.000 s, the control for 0.100 s of them"], AdvertPauses.Find([.. Every100ms(10), .. Every100ms(10, 2.9)], Control(0, 5)));

    [Fact]
    public void A_pause_of_both_is_the_machines() => Assert.Empty(AdvertPauses.Find([.. Every100ms(10), .. Every100ms(10, 2.9)], [.. Control(0, 1.2), .. Control(2.4, 5)]));

    [Fact]
    public void Many_short_pauses_are_found() =>
        Assert.Equal(["advertised 10 times, a router of the control 46 times"], AdvertPauses.Find([.. Enumerable.Range(0, 10).Select(i => TimeSpan.FromSeconds(i * 0.5))], Control(0, 5)));

    [Fact]
    public void The_usual_lateness_is_no_pause() => Assert.Empty(AdvertPauses.Find([.. Every100ms(10), .. Every100ms(10, 1.5)], Control(0, 5)));

    [Fact]
    public async Task A_daemon_that_waits_is_found_on_the_wire()
    {
        await using var lab = await Laboratory.CreateAsync();
        await AdvertPauses.StartControlAsync(lab);
        var director = lab.AddDirector(lab.A, DirectorKind.Vrrp);
        await director.StartAsync("vrrp_instance V1 {\ninterface eth0\nversion 3\nvirtual_router_id 1\nadvert_int 0.1\nvirtual_ipaddress {\n10.77.0.101\n}\n}\n");
        int mark = lab.Captures[0].Mark;
        await AdvertPauses.WaitForAdvertsAsync(lab, [1], mark, 5);

        director.Freeze();
        await AdvertPauses.WaitForControlAsync(lab, lab.Captures[0].Mark, 60);
        director.Thaw();
        await AdvertPauses.WaitForAdvertsAsync(lab, [1], lab.Captures[0].Mark, 5);

        Assert.Contains(AdvertPauses.Find(lab, [1], mark), pause => pause.StartsWith("VRID 1 was silent for ", StringComparison.Ordinal));
    }

    private static IEnumerable<TimeSpan> Every100ms(int count, double from = 0) => Enumerable.Range(0, count).Select(i => TimeSpan.FromSeconds(from + (i * 0.1)));

    /// <summary>All routers of the control at a time, each tenth of a second.</summary>
    private static TimeSpan[] Control(double from, double to) =>
        [.. Every100ms((int)((to - from) * 10), from).SelectMany(time => Enumerable.Repeat(time, AdvertPauses.ControlRouters))];
}
