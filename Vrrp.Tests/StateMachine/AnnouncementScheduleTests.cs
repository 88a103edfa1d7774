namespace Vrrp.Tests.StateMachine;

public class AnnouncementScheduleTests
{
    private static readonly Instant Takeover = new(7_000_000_000);

    /// <summary>Everything due until a time, as "second:address".</summary>
    private static string Run(
        AnnouncementSchedule schedule, AnnouncementSettings settings, int addresses, double seconds, double lowerMasterAt = -1)
    {
        var due = new List<string>();
        var end = Takeover + TimeSpan.FromSeconds(seconds);
        var lowerAt = lowerMasterAt < 0 ? Instant.Never : Takeover + TimeSpan.FromSeconds(lowerMasterAt);
        while (Instant.Min(schedule.NextAt, lowerAt) <= end && due.Count < 1000)
        {
            var now = Instant.Min(schedule.NextAt, lowerAt);
            if (lowerAt <= now)
            {
                schedule = schedule.AfterLowerMaster(settings, now);
                lowerAt = Instant.Never;
            }

            if (schedule.TryTake(settings, addresses, now, out int address))
                due.Add($"{(now - Takeover).TotalSeconds:0.##}:{(char)('A' + address)}");
        }

        return string.Join(' ', due);
    }

    private static string Run(AnnouncementSettings settings, int addresses, double seconds, double lowerMasterAt = -1) =>
        Run(AnnouncementSchedule.AfterTakeover(settings, Takeover), settings, addresses, seconds, lowerMasterAt);

    [Fact]
    public void Rounds_cover_all_addresses_before_they_repeat()
    {
        Assert.Equal("0:A 0:B 0:A 0:B 0:A 0:B", Run(new() { Repeat = 3, Delay = TimeSpan.Zero }, addresses: 2, seconds: 100));
    }

    [Fact]
    public void A_second_set_follows_after_the_delay()
    {
        Assert.Equal("0:A 0:A 5:A 5:A", Run(new() { Repeat = 2 }, addresses: 1, seconds: 100));
    }

    [Fact]
    public void Refreshes_begin_after_the_second_set_and_go_on()
    {
        var settings = new AnnouncementSettings { Repeat = 1, Refresh = TimeSpan.FromSeconds(10), RefreshRepeat = 2 };

        Assert.Equal("0:A 5:A 15:A 15:A 25:A 25:A", Run(settings, addresses: 1, seconds: 30));
    }

    [Fact]
    public void A_refresh_that_was_missed_is_not_caught_up_with()
    {
        var settings = new AnnouncementSettings { Repeat = 1, Delay = TimeSpan.Zero, Refresh = TimeSpan.FromSeconds(10) };
        var schedule = AnnouncementSchedule.AfterTakeover(settings, Takeover);
        Assert.True(schedule.TryTake(settings, 1, Takeover, out _));

        var late = Takeover + TimeSpan.FromSeconds(47);
        Assert.True(schedule.TryTake(settings, 1, late, out _));
        Assert.False(schedule.TryTake(settings, 1, late, out _));
        Assert.Equal(late + TimeSpan.FromSeconds(10), schedule.NextAt);
    }

    [Fact]
    public void Spacing_keeps_announcements_apart()
    {
        var settings = new AnnouncementSettings { Repeat = 2, Delay = TimeSpan.FromSeconds(5), Spacing = TimeSpan.FromSeconds(0.5) };

        Assert.Equal("0:A 0.5:B 1:A 1.5:B 5:A 5.5:B 6:A 6.5:B", Run(settings, addresses: 2, seconds: 100));
    }

    [Fact]
    public void Spacing_holds_when_a_lower_master_interrupts()
    {
        var settings = new AnnouncementSettings
        {
            Repeat = 2,
            Delay = TimeSpan.Zero,
            Spacing = TimeSpan.FromSeconds(1),
            LowerPriorityRepeat = 1,
            LowerPriorityDelay = TimeSpan.Zero,
        };

        Assert.Equal("0:A 1:A", Run(settings, addresses: 1, seconds: 100, lowerMasterAt: 0.25));
        Assert.Equal("0:A 1:A 2:A", Run(settings, addresses: 1, seconds: 100, lowerMasterAt: 1.25));
    }

    [Fact]
    public void A_lower_master_begins_a_set_and_a_second_one()
    {
        var settings = new AnnouncementSettings
        {
            Repeat = 1,
            Delay = TimeSpan.Zero,
            LowerPriorityRepeat = 2,
            LowerPriorityDelay = TimeSpan.FromSeconds(3),
        };

        Assert.Equal("0:A 10:A 10:A 13:A 13:A", Run(settings, addresses: 1, seconds: 100, lowerMasterAt: 10));
    }

    [Fact]
    public void A_lower_master_without_second_set_leaves_that_of_the_takeover()
    {
        var settings = new AnnouncementSettings { Repeat = 1, LowerPriorityRepeat = 1, LowerPriorityDelay = TimeSpan.Zero };

        Assert.Equal("0:A 2:A 5:A", Run(settings, addresses: 1, seconds: 100, lowerMasterAt: 2));
    }

    [Fact]
    public void A_lower_master_does_not_shorten_the_second_set_of_the_takeover()
    {
        var settings = new AnnouncementSettings { Repeat = 3, LowerPriorityRepeat = 1 };

        Assert.Equal("0:A 0:A 0:A 2:A 7:A 7:A 7:A", Run(settings, addresses: 1, seconds: 100, lowerMasterAt: 2));
    }

    [Fact]
    public void A_lower_master_is_no_reason_when_it_is_set_to_none()
    {
        var settings = new AnnouncementSettings { Repeat = 1, Delay = TimeSpan.Zero, LowerPriorityRepeat = 0 };

        Assert.Equal("0:A", Run(settings, addresses: 1, seconds: 100, lowerMasterAt: 2));
    }

    [Fact]
    public void Idle_and_without_addresses_nothing_is_ever_due()
    {
        Assert.True(AnnouncementSchedule.Idle.NextAt.IsNever);
        Assert.Equal("", Run(new(), addresses: 0, seconds: 100));
    }
}
