using Vrrp.Daemon.Notifications;
using Xunit;

namespace Vrrp.Tests.Notifications;

public class AlertThrottleTests
{
    private readonly AlertThrottle _throttle = new("r1.example.org");
    private readonly List<Alert> _mails = [];
    private TimeSpan _now;

    [Fact]
    public void The_first_four_of_a_subject_pass_at_once()
    {
        for (int i = 0; i < 4; i++)
            Assert.True(_throttle.Offer(MailTesting.Alert("VRRP Instance A"), _now));
        Assert.False(_throttle.Offer(MailTesting.Alert("VRRP Instance A"), _now));
        Assert.True(_throttle.Offer(MailTesting.Alert("VRRP Instance B"), _now));
    }

    [Fact]
    public void What_is_held_back_is_told_by_one_mail_that_ends_as_the_last_of_them()
    {
        for (int i = 0; i < 10; i++)
            Offer("VRRP Instance A", i % 2 == 0 ? "Entering MASTER state" : "Entering BACKUP state");

        Assert.Equal(TimeSpan.FromMinutes(1), _throttle.NextDue);
        Pass(TimeSpan.FromMinutes(1));

        var digest = _mails[^1];
        Assert.Equal((5, 6), (_mails.Count, digest.Count));
        Assert.Equal("[R1] VRRP Instance A - Entering BACKUP state (6 alerts in one)", digest.Subject);
        Assert.Contains("     3 x Entering BACKUP state\n       3 x Entering MASTER state\n", digest.Body, StringComparison.Ordinal);
        Assert.Contains("  2026-03-01 04:05:06.789 +02:00  Entering BACKUP state: a test\n", digest.Body, StringComparison.Ordinal);
    }

    [Fact]
    public void Ten_thousand_transitions_of_a_router_in_an_hour_are_a_handful_of_mails_that_count_them_all()
    {
        for (int i = 0; i < 10_000; i++)
        {
            Offer("VRRP Instance A", i % 2 == 0 ? "Entering MASTER state" : "Entering BACKUP state");
            Pass(TimeSpan.FromMilliseconds(360));
        }

        Pass(TimeSpan.FromHours(2));

        Assert.InRange(_mails.Count, 5, 10);
        Assert.Equal(10_000, _mails.Sum(mail => mail.Count));
        Assert.False(_throttle.HasHeld);
    }

    [Fact]
    public void A_thousand_routers_at_once_are_a_bounded_number_of_mails_that_count_them_all()
    {
        for (int i = 0; i < 1000; i++)
            Offer($"VRRP Instance V{i}", "Entering MASTER state");
        Pass(TimeSpan.FromMinutes(5));

        Assert.Equal(AlertThrottle.Burst + 1, _mails.Count);
        Assert.Equal(1000, _mails.Sum(mail => mail.Count));
        Assert.Equal("[R1] 950 alerts of 950 subjects in one - 950 x Entering MASTER state", _mails[^1].Subject);
        Assert.Contains("VRRP Instance V100 - Entering MASTER state", _mails[^1].Body, StringComparison.Ordinal);
        Assert.Contains("and 750 more, with 750 alerts", _mails[^1].Body, StringComparison.Ordinal);
    }

    [Fact]
    public void Many_that_flap_for_an_hour_stay_bounded_and_are_all_counted()
    {
        for (int i = 0; i < 100_000; i++)
        {
            Offer($"VRRP Instance V{i % 100}", "Entering MASTER state");
            Pass(TimeSpan.FromMilliseconds(36));
        }

        Pass(TimeSpan.FromHours(3));

        Assert.InRange(_mails.Count, AlertThrottle.Burst, AlertThrottle.Burst + 200);
        Assert.Equal(100_000, _mails.Sum(mail => mail.Count));
    }

    [Fact]
    public void After_a_quiet_while_a_subject_begins_anew()
    {
        for (int i = 0; i < 4; i++)
            Offer("VRRP Instance A", "Entering MASTER state");
        Pass(TimeSpan.FromMinutes(10));

        Assert.True(_throttle.Offer(MailTesting.Alert("VRRP Instance A"), _now));
    }

    [Fact]
    public void A_failover_some_minutes_after_the_start_is_not_held_back_for_the_mails_of_the_start()
    {
        string[] start = ["Entering BACKUP state", "Entering MASTER state"], failover = ["Entering FAULT state", "Entering BACKUP state", "Entering MASTER state"];
        foreach (string[] events in (string[][])[start, failover, failover])
        {
            foreach (string happened in events)
            {
                Offer("VRRP Instance A", happened);
                Pass(TimeSpan.FromSeconds(4));
            }

            Pass(TimeSpan.FromMinutes(4));
        }

        Assert.Equal(8, _mails.Count);
        Assert.All(_mails, mail => Assert.Equal(1, mail.Count));
    }

    [Theory]
    [InlineData(61, 40)]
    [InlineData(120, 40)]
    [InlineData(300, 40)]
    public void One_that_flaps_slowly_for_a_night_is_held_back_too(int seconds, int limit)
    {
        int count = 8 * 3600 / seconds;
        for (int i = 0; i < count; i++)
        {
            Offer("VRRP Instance A", i % 2 == 0 ? "Entering MASTER state" : "Entering BACKUP state");
            Pass(TimeSpan.FromSeconds(seconds));
        }

        Pass(TimeSpan.FromHours(2));

        Assert.InRange(_mails.Count, 5, limit);
        Assert.Equal(count, _mails.Sum(mail => mail.Count));
    }

    [Fact]
    public void How_an_hour_of_flapping_ended_is_told_after_ten_quiet_minutes_and_what_follows_at_once()
    {
        for (int i = 0; i < 7200; i++)
        {
            Offer("VRRP Instance A", i % 2 == 0 ? "Entering MASTER state" : "Entering BACKUP state");
            Pass(TimeSpan.FromSeconds(1));
        }

        Assert.True(_throttle.HasHeld);
        Pass(TimeSpan.FromMinutes(10));
        Assert.False(_throttle.HasHeld);
        Assert.Equal("Entering BACKUP state", _mails[^1].Event);
        Pass(TimeSpan.FromMinutes(1));

        Assert.True(_throttle.Offer(MailTesting.Alert("VRRP Instance A", "Entering FAULT state"), _now));
    }

    [Fact]
    public void A_mail_of_several_subjects_names_their_states_in_its_subject_and_the_host_in_its_text()
    {
        for (int i = 0; i < AlertThrottle.Burst; i++)
            Offer($"Realserver {i}", "UP");
        for (int i = 0; i < 3; i++)
            Offer($"VRRP Instance V{i}", i == 0 ? "Entering MASTER state" : "Entering FAULT state");
        Pass(TimeSpan.FromSeconds(20));

        Assert.Equal("[R1] 3 alerts of 3 subjects in one - 2 x Entering FAULT state, 1 x Entering MASTER state", _mails[^1].Subject);
        Assert.Contains("\nHost:           r1.example.org\n", _mails[^1].Body, StringComparison.Ordinal);
    }

    [Fact]
    public void While_there_is_no_room_everything_is_held_back()
    {
        Assert.False(_throttle.Offer(MailTesting.Alert("VRRP Instance A"), _now, isFull: true));
        Pass(TimeSpan.FromSeconds(10));
        Assert.Equal("[R1] VRRP Instance A - Entering MASTER state", Assert.Single(_mails).Subject);
    }

    [Fact]
    public void At_the_end_one_mail_tells_of_all_that_is_held_back()
    {
        for (int i = 0; i < 7; i++)
        {
            Offer("VRRP Instance A", "Entering MASTER state");
            Offer("VRRP Instance B", "Entering MASTER state");
        }

        var last = _throttle.TakeAll("R1", _now)!;

        Assert.Equal("[R1] 6 alerts of 2 subjects in one - 2 x Entering MASTER state", last.Subject);
        Assert.Equal(["VRRP Instance A", "VRRP Instance B"], last.Abouts!.Value.ToArray());
        Assert.Null(_throttle.TakeAll("R1", _now));
    }

    private void Offer(string about, string happened)
    {
        var alert = MailTesting.Alert(about, happened);
        if (_throttle.Offer(alert, _now))
            _mails.Add(alert);
    }

    private void Pass(TimeSpan span)
    {
        var end = _now + span;
        while (_throttle.NextDue is { } due && due <= end)
        {
            _now = due > _now ? due : _now;
            Assert.NotNull(_throttle.TakeDue("R1", _now) is { } mail ? Add(mail) : null);
        }

        _now = end;
    }

    private Alert Add(Alert mail)
    {
        _mails.Add(mail);
        return mail;
    }
}
