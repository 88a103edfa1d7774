using Vrrp.Daemon.Notifications;
using Xunit;

namespace Vrrp.Tests.Notifications;

public class AlertThrottleTests
{
    private readonly AlertThrottle _throttle = new();
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
        Assert.Equal("[R1] 950 alerts of 950 subjects in one", _mails[^1].Subject);
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
    public void Ten_quiet_minutes_end_an_hour_of_flapping_and_the_next_alert_leaves_at_once()
    {
        for (int i = 0; i < 4000; i++)
        {
            Offer("VRRP Instance A", i % 2 == 0 ? "Entering MASTER state" : "Entering BACKUP state");
            Pass(TimeSpan.FromSeconds(1));
        }

        int mails = _mails.Count;
        Pass(TimeSpan.FromMinutes(10) - TimeSpan.FromSeconds(1) - TimeSpan.FromTicks(1));
        Assert.Equal(mails, _mails.Count);
        Pass(TimeSpan.FromTicks(1));
        Assert.StartsWith("[R1] VRRP Instance A - Entering BACKUP state (", Assert.Single(_mails.Skip(mails)).Subject, StringComparison.Ordinal);
        Assert.Equal(4000, _mails.Sum(mail => mail.Count));

        Pass(TimeSpan.FromMinutes(5));
        Assert.True(_throttle.Offer(MailTesting.Alert("VRRP Instance A", "Entering FAULT state"), _now));
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

        Assert.Equal("[R1] 6 alerts of 2 subjects in one", last.Subject);
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
