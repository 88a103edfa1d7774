using System.Globalization;
using Vrrp.Tests.Linux.Lab;

namespace Vrrp.Tests.Linux.Chaos;

public sealed class ChaosPlanTests
{
    private static readonly ChaosFaultKind[] Kinds = Enum.GetValues<ChaosFaultKind>();

    // Priorities 200 and 150: the longest down interval is 3 × 100 ms + 100 ms × 106/256 = 341.4 ms, the skew 41.4 ms.
    private static readonly ChaosCluster Two = new()
    {
        Name = "two",
        Directors = [DirectorKind.Vrrp, DirectorKind.Keepalived],
        Routers = [new()],
    };

    [Fact]
    public void The_same_seed_gives_the_same_plan_and_another_one_another()
    {
        var plan = ChaosPlan.Create(Two, Kinds, 7, TimeSpan.FromMinutes(5)).ToString();
        Assert.Equal(plan, ChaosPlan.Create(Two, Kinds, 7, TimeSpan.FromMinutes(5)).ToString());
        Assert.NotEqual(plan, ChaosPlan.Create(Two, Kinds, 8, TimeSpan.FromMinutes(5)).ToString());
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Episodes_follow_each_other_have_time_to_settle_and_do_what_can_be_done(int seed)
    {
        var length = TimeSpan.FromMinutes(10);
        var plan = ChaosPlan.Create(Two, Kinds, seed, length);
        Assert.InRange(plan.Episodes.Count, 150, 600);
        Assert.Equal(Kinds.Except([ChaosFaultKind.FurtherAddress]).Order(), plan.Episodes.SelectMany(episode => episode.Faults).Select(fault => fault.Kind).Distinct().Order());
        var end = TimeSpan.Zero;
        foreach (var episode in plan.Episodes)
        {
            Assert.True(episode.At >= end, episode.ToString());
            Assert.True(episode.Until >= episode.HealedAt + Two.DownInterval(0) + Two.Interval, episode.ToString());
            end = episode.Until;
            Assert.All(episode.Faults, fault =>
            {
                Assert.InRange(fault.Host, 0, 1);
                Assert.True(fault.Duration >= TimeSpan.Zero);
                if (fault.Kind is ChaosFaultKind.DiskFull or ChaosFaultKind.BrokenReload)
                    Assert.Equal(DirectorKind.Vrrp, Two.Directors[fault.Host]);
            });
            if (episode.Faults is [var first, var second])
            {
                Assert.InRange(second.At, first.At, first.HealedAt);
                Assert.True(first.Host != second.Host || first.Subject != second.Subject, episode.ToString());
            }
        }
        Assert.True(end <= length);
    }

    [Fact]
    public void Each_kind_comes_before_any_comes_again()
    {
        // Of one subject, and of one that happens once at a time, so that no two meet.
        ChaosFaultKind[] kinds = [ChaosFaultKind.AdvertLoss, ChaosFaultKind.OneWayPartition, ChaosFaultKind.Partition];
        var drawn = ChaosPlan.Create(Two, kinds, 1, TimeSpan.FromMinutes(10)).Episodes.Select(episode => episode.Faults.Single().Kind).ToArray();
        Assert.InRange(drawn.Length, 100, 1000);
        Assert.All(drawn.Chunk(3).SkipLast(1), three => Assert.Equal(kinds.Order(), three.Order()));
    }

    [Theory]
    // ours, then keepalived: how long nobody may answer, how long two may
    [InlineData(nameof(ChaosFaultKind.Kill), 341.4, 341.4, 1000)]
    [InlineData(nameof(ChaosFaultKind.KillStarting), 341.4, 341.4, 1000)]
    [InlineData(nameof(ChaosFaultKind.FurtherAddress), 341.4, 341.4, 1000)]
    [InlineData(nameof(ChaosFaultKind.Freeze), 0, 0, 1000)]
    [InlineData(nameof(ChaosFaultKind.Leave), 0, 41.4, 0)]
    [InlineData(nameof(ChaosFaultKind.LinkDown), 341.4, 341.4, 0)]
    [InlineData(nameof(ChaosFaultKind.CableOut), 341.4, 341.4, 0)]
    [InlineData(nameof(ChaosFaultKind.InterfaceRemoved), 341.4, 341.4, 0)]
    [InlineData(nameof(ChaosFaultKind.AddressRemoved), 0, 341.4, 0)]
    [InlineData(nameof(ChaosFaultKind.AdvertLoss), 0, 0, 1100)]
    [InlineData(nameof(ChaosFaultKind.Partition), 0, 0, 1100)]
    [InlineData(nameof(ChaosFaultKind.OneWayPartition), 0, 0, 1100)]
    [InlineData(nameof(ChaosFaultKind.DiskFull), 341.4, 341.4, 1000)]
    [InlineData(nameof(ChaosFaultKind.BrokenReload), 0, 0, 0)]
    [InlineData(nameof(ChaosFaultKind.LowerPriority), 0, 0, 0)]
    [InlineData(nameof(ChaosFaultKind.MemoryPressure), 0, 0, 1000)]
    // 20 % lost each way: 36 % of the questions are not answered, and a run of 21 of them comes once in a billion.
    [InlineData(nameof(ChaosFaultKind.FrameLoss), 105, 105, 1100)]
    [InlineData(nameof(ChaosFaultKind.FrameDelay), 80, 80, 1180)]
    [InlineData(nameof(ChaosFaultKind.ClockStep), 0, 0, 0)]
    public void The_allowance_is_the_protocols(string kind, double oursGap, double keepalivedGap, double two)
    {
        var ours = new ChaosFault(Enum.Parse<ChaosFaultKind>(kind), 0, TimeSpan.FromSeconds(3), TimeSpan.FromSeconds(1), 20);
        Assert.Equal(oursGap, ChaosAllowance.Gap(Two, [ours]).TotalMilliseconds, 0.1);
        Assert.Equal(keepalivedGap, ChaosAllowance.Gap(Two, [ours with { Host = 1 }]).TotalMilliseconds, 0.1);
        Assert.Equal(two, ChaosAllowance.TwoHosts(Two, [ours]).TotalMilliseconds, 0.1);
    }

    [Fact]
    public void While_no_host_is_able_to_answer_none_has_to()
    {
        ChaosFault[] faults =
        [
            new(ChaosFaultKind.CableOut, 0, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(2)),
            new(ChaosFaultKind.Kill, 1, TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(3)),
        ];
        // Two down intervals, and the second in which both are out.
        Assert.Equal((2 * 341.4) + 1000, ChaosAllowance.Gap(Two, faults).TotalMilliseconds, 0.1);
        Assert.Equal(2 * 341.4, ChaosAllowance.Gap(Two, [faults[0], faults[1] with { At = TimeSpan.FromSeconds(3) }]).TotalMilliseconds, 0.1);
    }

    [Fact]
    public void A_router_that_was_given_the_lowest_priority_waits_longer()
    {
        ChaosFault[] faults =
        [
            new(ChaosFaultKind.LowerPriority, 1, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(3)),
            new(ChaosFaultKind.CableOut, 0, TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(1)),
        ];
        Assert.Equal(300 + (100 * 246 / 256.0), ChaosAllowance.Gap(Two, faults).TotalMilliseconds, 0.1);
    }

    [Fact]
    public void A_plan_says_what_it_allows()
    {
        var text = ChaosPlan.Create(Two, [ChaosFaultKind.CableOut], 1, TimeSpan.FromSeconds(5)).ToString();
        Assert.Contains("cable out", text, StringComparison.Ordinal);
        Assert.Contains(string.Create(CultureInfo.InvariantCulture, $"dark at most {0.341:0.000} s, two hosts at most 0.000 s"), text, StringComparison.Ordinal);
    }

    [Fact]
    public void Gaps_reach_from_the_first_unanswered_question_to_the_next_answered_one()
    {
        Assert.Equal([(5, 15), (25, 30)], Runs(ProbeTrack.Gaps(Samples(1, 0, 0, 1, 2, 0, 1))));
        Assert.Empty(ProbeTrack.Gaps(Samples(1, 2, 3)));
        // Still open: as long as it was looked at.
        Assert.Equal([(5, 15)], Runs(ProbeTrack.Gaps(Samples(1, 0, 0, 0))));
    }

    [Fact]
    public void Two_hosts_are_one_moment_when_few_questions_are_between()
    {
        Assert.Equal([(5, 10)], Runs(ProbeTrack.TwoHosts(Samples(1, 3, 1, 1, 1, 1))));
        Assert.Equal([(5, 25)], Runs(ProbeTrack.TwoHosts(Samples(1, 3, 1, 1, 5, 1, 1, 1, 1))));
        Assert.Equal([(5, 10), (30, 35)], Runs(ProbeTrack.TwoHosts(Samples(1, 6, 1, 1, 1, 1, 3, 1, 1, 1, 1))));
        Assert.Empty(ProbeTrack.TwoHosts(Samples(1, 2, 4, 0)));
    }

    [Fact]
    public void An_answer_counts_for_the_latest_question()
    {
        var track = new ProbeTrack();
        track.Answered(1);
        track.Asked(At(0));
        track.Answered(1);
        track.Answered(2);
        track.Asked(At(5));
        Assert.Equal([new(At(0), 3), new(At(5), 0)], track.Since(At(0)));
        Assert.Equal([new(At(5), 0)], track.Since(At(1)));
    }

    [Theory]
    // As many as usual, twice as many, and a questioner that paused four times as long as is usual.
    [InlineData(3, 20, 1)]
    [InlineData(8, 20, 2)]
    [InlineData(8, 1000, 4)]
    public void A_margin_grows_with_what_else_the_machine_does(double runningPerProcessor, int pause, double slowness) =>
        Assert.Equal(slowness, MachineLoad.Slowness(runningPerProcessor, TimeSpan.FromMilliseconds(pause)));

    [Fact]
    public void A_pause_is_the_longest_time_between_two_questions()
    {
        Assert.Equal(TimeSpan.FromMilliseconds(7), MachineLoad.LongestPause([new(At(0), 1), new(At(5), 0), new(At(12), 1)]));
        Assert.Equal(TimeSpan.Zero, MachineLoad.LongestPause([new(At(0), 1)]));
    }

    [Fact]
    public void A_solicitation_goes_to_the_solicited_node_group_with_a_sound_checksum()
    {
        var source = IPAddressValue.Parse("fe80::1");
        var target = IPAddressValue.Parse("fd77::12:3456");
        var frame = NeighborSolicitation.Write(MacAddress.Read([2, 0, 0, 0, 0, 1]), source, target);
        // 33:33 and the last four octets of ff02::1:ff12:3456
        Assert.Equal([0x33, 0x33, 0xFF, 0x12, 0x34, 0x56, 2, 0, 0, 0, 0, 1, 0x86, 0xDD], frame[..14]);
        var group = IPAddressValue.Parse("ff02::1:ff12:3456");
        Assert.Equal(group, IPAddressValue.Read(frame.AsSpan(38, 16)));
        Assert.Equal(target, IPAddressValue.Read(frame.AsSpan(62, 16)));
        var sum = Vrrp.Packets.InternetChecksum.PseudoHeader(source, group, 58, 32);
        Assert.Equal(Vrrp.Packets.InternetChecksum.Valid, Vrrp.Packets.InternetChecksum.Add(sum, frame.AsSpan(54)));
    }

    private static ProbeSample[] Samples(params byte[] hosts) => [.. hosts.Select((host, index) => new ProbeSample(At(5 * index), host))];

    private static Instant At(int milliseconds) => new(milliseconds * 1_000_000L);

    private static IEnumerable<(int From, int To)> Runs(IEnumerable<ProbeRun> runs) =>
        runs.Select(run => ((int)(run.From.Nanoseconds / 1_000_000), (int)(run.To.Nanoseconds / 1_000_000)));
}
