using Vrrp.Daemon.Notifications;
using Vrrp.Mail;
using Vrrp.Tests.HealthChecks;
using Xunit;

namespace Vrrp.Tests.Notifications;

#pragma warning disable CA1001 // xunit calls DisposeAsync of IAsyncLifetime.
public sealed class AlertQueueTests : IAsyncLifetime
#pragma warning restore CA1001
{
    private static readonly MailOutcome s_away = new(MailVerdict.Unavailable, "mx connect", "mx: connection refused");

    private readonly ManualTime _time = new();
    private readonly TransportDouble _transport = new();
    private readonly LogDouble _log = new();
    private readonly SpoolDirectory _directory = new();
    private readonly DiskDouble _disk = new();
    private BootTime _boot = new("this", TimeSpan.FromMinutes(1));
    private AlertQueue _queue = null!;
    private int _deliveredBefore;

    public Task InitializeAsync()
    {
        _queue = Open();
        return Task.CompletedTask;
    }

    public async Task DisposeAsync()
    {
        await _queue.DisposeAsync();
        _directory.Dispose();
    }

    [Fact]
    public async Task An_alert_becomes_a_mail_and_leaves_nothing_behind()
    {
        _queue.Enqueue(MailTesting.Alert("VRRP Instance A"));
        await DeliveredAsync(1);

        var mail = _transport.Snapshot()[0];
        Assert.Equal("[R1] VRRP Instance A - Entering MASTER state", mail.Subject);
        Assert.Equal((MailTesting.At, "r1@example.org"), (mail.Date, mail.From));
        Assert.EndsWith("@r1.example.org", mail.MessageId, StringComparison.Ordinal);
        await MailTesting.UntilAsync(() => _directory.Files.IsEmpty, "the spool is empty");
        Assert.Empty(_log.Lines);
    }

    [Fact]
    public async Task That_mail_goes_again_is_told_also_when_a_reload_mended_it()
    {
        _transport.Answer = _ => s_away;
        _queue.Enqueue(MailTesting.Alert("VRRP Instance A"));
        await AttemptsAsync(1);
        await MailTesting.UntilAsync(() => _log.Lines.Length == 1, "the problem is told");
        _transport.Answer = _ => MailOutcome.Success;
        _queue.Configure(MailTesting.Settings(2525), _transport, "R1");
        await DeliveredAsync(1);

        await MailTesting.UntilAsync(() => _log.Lines.Length == 2, "the end of the problem is told");
        Assert.Equal("Information: mail alerts are delivered again; 0 more wait", _log.Lines[1]);
    }

    [Fact]
    public async Task While_the_server_is_away_mails_wait_and_the_pause_grows()
    {
        _transport.Answer = _ => s_away;
        _queue.Enqueue(MailTesting.Alert("VRRP Instance A", "Entering BACKUP state"));
        await AttemptsAsync(1);
        _queue.Enqueue(MailTesting.Alert("VRRP Instance A", "Entering MASTER state"));
        await MailTesting.UntilAsync(() => _directory.Files.Length == 2, "both are on disk");

        foreach (int pause in (int[])[5, 10, 20, 40, 80, 160, 300, 300])
        {
            int attempts = _transport.Attempts;
            await PauseAsync(TimeSpan.FromSeconds(pause) - TimeSpan.FromMilliseconds(1));
            Assert.Equal(attempts, _transport.Attempts);
            _time.Advance(TimeSpan.FromMilliseconds(1));
            await AttemptsAsync(attempts + 1);
        }

        _transport.Answer = _ => MailOutcome.Success;
        await PauseAsync(TimeSpan.FromMinutes(5));
        await DeliveredAsync(2);

        Assert.Equal(["Entering BACKUP state", "Entering MASTER state"], _transport.Snapshot().Select(mail => mail.Subject.Split(" - ")[1]));
        await MailTesting.UntilAsync(() => _log.Lines.Length == 2, "the end of the problem is logged");
        Assert.Equal(
            ["Warning: mail alerts are not delivered: mx: connection refused; they wait and are tried again", "Information: mail alerts are delivered again; 1 more wait"],
            _log.Lines);
    }

    [Fact]
    public async Task A_mail_that_is_put_off_holds_up_those_about_the_same_and_no_others()
    {
        _transport.Answer = mail => mail.Subject.Contains("Instance A", StringComparison.Ordinal) ? new(MailVerdict.Deferred, "mx 450", "mx: 450 greylisted") : MailOutcome.Success;
        _queue.Enqueue(MailTesting.Alert("VRRP Instance A", "Entering BACKUP state"));
        _queue.Enqueue(MailTesting.Alert("VRRP Instance A", "Entering MASTER state"));
        _queue.Enqueue(MailTesting.Alert("VRRP Instance B", "Entering MASTER state"));
        await DeliveredAsync(1);
        Assert.Contains("Instance B", _transport.Snapshot()[0].Subject, StringComparison.Ordinal);

        _transport.Answer = _ => MailOutcome.Success;
        await PauseAsync(TimeSpan.FromSeconds(30));
        await DeliveredAsync(3);
        Assert.Equal(["Entering BACKUP state", "Entering MASTER state"], _transport.Snapshot().Skip(1).Select(mail => mail.Subject.Split(" - ")[1]));
    }

    [Fact]
    public async Task Only_recipients_without_it_are_asked_for_again_also_after_a_restart()
    {
        _queue.Configure(MailTesting.Settings(25) with { To = ["a@example.org", "b@example.org"] }, _transport, "R1");
        _transport.Answer = _ => new(MailVerdict.Deferred, "mx RCPT 450", "mx: 450") { Settled = ["a@example.org"] };
        _queue.Enqueue(MailTesting.Alert("VRRP Instance A"));
        await AttemptsAsync(1);
        await MailTesting.UntilAsync(() => _directory.Files is [{ } name] && name.EndsWith(".mail", StringComparison.Ordinal) && File.ReadAllText(Path.Combine(_directory.Path, name)).Contains("\"Settled\":[\"a@", StringComparison.Ordinal), "it is noted");
        string[] files = await KillAsync();
        Assert.Single(files);

        _transport.Answer = _ => MailOutcome.Success;
        _queue.Configure(MailTesting.Settings(25) with { To = ["a@example.org", "b@example.org"] }, _transport, "R1");
        await DeliveredAsync(1);
        Assert.Equal(["b@example.org"], _transport.Snapshot()[0].Recipients.ToArray());
    }

    [Fact]
    public async Task Every_mail_that_is_refused_is_named_and_the_reason_told_once()
    {
        _transport.Answer = _ => new(MailVerdict.Refused, "mx RCPT 550", "mx: the recipient a@example.org was answered with 550 no such user");
        for (int i = 0; i < 20; i++)
            _queue.Enqueue(MailTesting.Alert($"VRRP Instance V{i}"));
        await AttemptsAsync(20);
        await MailTesting.UntilAsync(() => _queue.Waiting == (0, 0) && _directory.Files.IsEmpty, "all are given up");

        Assert.Equal(
            [
                "Error: mail alert '[R1] VRRP Instance V0 - Entering MASTER state' is given up: mx: the recipient a@example.org was answered with 550 no such user",
                .. Enumerable.Range(1, 19).Select(i => $"Error: mail alert '[R1] VRRP Instance V{i} - Entering MASTER state' is given up as well"),
            ],
            _log.Lines);
        Assert.Equal((0, 20), (_queue.Report!.Delivered, _queue.Report!.GivenUp));
    }

    [Fact]
    public async Task A_mail_the_server_does_not_answer_holds_up_only_those_about_the_same()
    {
        var answer = new TaskCompletionSource();
        _transport.Hold = mail => mail.Subject.Contains("Instance A", StringComparison.Ordinal) ? answer.Task : Task.CompletedTask;
        _queue.Enqueue(MailTesting.Alert("VRRP Instance A", "Entering BACKUP state"));
        _queue.Enqueue(MailTesting.Alert("VRRP Instance A", "Entering MASTER state"));
        _queue.Enqueue(MailTesting.Alert("VRRP Instance B"));
        await MailTesting.UntilAsync(() => _directory.Files is ["000000000000.sent", "000000000001.mail", "000000000002.mail"], "the server has the first");
        await PauseAsync(TimeSpan.FromSeconds(30) - TimeSpan.FromMilliseconds(1));
        Assert.Empty(_transport.Snapshot());
        _time.Advance(TimeSpan.FromMilliseconds(1));
        await DeliveredAsync(1);
        await MailTesting.UntilAsync(() => _directory.Files is ["000000000000.sent", "000000000001.mail"], "the other is told");
        _queue.Enqueue(MailTesting.Alert("VRRP Instance C"));
        await DeliveredAsync(2);
        await MailTesting.UntilAsync(() => _queue.Report is { Waiting: 2, Unanswered: 1, Delivered: 2 }, "the queue says so");

        answer.SetResult();
        await DeliveredAsync(4);
        Assert.Equal(["B MASTER", "C MASTER", "A BACKUP", "A MASTER"], _transport.Snapshot().Select(mail => $"{mail.Subject.Split(' ')[3]} {mail.Subject.Split(' ')[6]}"));
        await MailTesting.UntilAsync(() => _directory.Files.IsEmpty, "the spool is empty");
        Assert.Equal(
            "Warning: mail alert '[R1] VRRP Instance A - Entering BACKUP state': the server has had it for 30 s and has not said whether it takes it; its answer is awaited, "
            + "and mail about something else goes past it",
            _log.Lines[0]);
    }

    [Fact]
    public async Task While_one_server_does_not_answer_a_mail_the_next_one_gets_the_others()
    {
        var reached = new TaskCompletionSource();
        await using var first = new SmtpServerDouble
        {
            Answer = (verb, _) =>
            {
                if (verb != "MESSAGE")
                    return null;
                reached.TrySetResult();
                return "HANG";
            },
        };
        await using var second = new SmtpServerDouble();
        var settings = MailTesting.Settings(first.Port, second.Port);
        _queue.Configure(settings, AlertService.CreateTransport(settings, _time), "R1");
        _queue.Enqueue(MailTesting.Alert("VRRP Instance A"));
        await reached.Task;
        for (int i = 0; i < 10; i++)
            _queue.Enqueue(MailTesting.Alert($"VRRP Instance V{i}"));
        await MailTesting.UntilAsync(() => _directory.Files.Length == 11, "the others wait");
        // Time passes only while nothing else is said: a dialogue with the second server is not to be late.
        await AdvanceUntilAsync(TimeSpan.FromSeconds(1), () => _queue.Report!.Unanswered == 1, "the answer is late");
        await MailTesting.UntilAsync(() => second.Texts.Length == 10 && _queue.Report!.Waiting == 1, "the second server has the others");

        Assert.Equal(1, first.Connections);
        Assert.Equal(Enumerable.Range(0, 10).Select(i => $"[R1] VRRP Instance V{i} - Entering MASTER state"), second.Subjects);

        // Ten minutes after the dot the second stands in for the first here as well.
        await AdvanceUntilAsync(TimeSpan.FromSeconds(10), () => second.Connections == 11, "the second server is asked");
        await MailTesting.UntilAsync(() => second.Texts.Length == 11, "the second server has the first mail");
        await MailTesting.UntilAsync(() => _directory.Files.IsEmpty, "the spool is empty");
    }

    [Fact]
    public async Task So_many_answers_are_awaited_at_once_and_every_mail_comes_once()
    {
        var answer = new TaskCompletionSource();
        _transport.Hold = _ => answer.Task;
        for (int i = 0; i < 40; i++)
            _queue.Enqueue(MailTesting.Alert($"VRRP Instance V{i}"));
        for (int late = 1; late <= AlertQueue.MaximumLate; late++)
        {
            await MailTesting.UntilAsync(() => _directory.Files.Count(name => name.EndsWith(".sent", StringComparison.Ordinal)) == late && _time.TimerCount > 0, $"the server has {late}");
            _time.Advance(TimeSpan.FromSeconds(30));
            await MailTesting.UntilAsync(() => _queue.Report!.Unanswered == late, $"{late} are late");
        }

        _time.Advance(TimeSpan.FromMinutes(1));
        _queue.Enqueue(MailTesting.Alert("VRRP Instance V40"));
        await MailTesting.UntilAsync(() => _directory.Files.Length == 41, "one more waits");
        Assert.Equal(AlertQueue.MaximumLate, _directory.Files.Count(name => name.EndsWith(".sent", StringComparison.Ordinal)));

        answer.SetResult();
        await DeliveredAsync(41);
        await MailTesting.UntilAsync(() => _directory.Files.IsEmpty, "the spool is empty");
        Assert.Equal(41, _transport.Snapshot().Select(mail => mail.MessageId).Distinct().Count());
        Assert.Single(_log.Lines, line => line.Contains("its answer is awaited", StringComparison.Ordinal));
    }

    [Fact]
    public async Task An_answer_that_never_came_puts_off_only_that_mail()
    {
        var answer = new TaskCompletionSource();
        _transport.Hold = mail => mail.Subject.Contains("Instance A", StringComparison.Ordinal) ? answer.Task : Task.CompletedTask;
        _transport.Answer = mail => mail.Subject.Contains("Instance A", StringComparison.Ordinal) ? new(MailVerdict.Unavailable, "mx late", "mx: the answer took longer than 600 s") : MailOutcome.Success;
        _queue.Enqueue(MailTesting.Alert("VRRP Instance A"));
        await MailTesting.UntilAsync(() => _directory.Files is ["000000000000.sent"] && _time.TimerCount > 0, "the server has it");
        _time.Advance(TimeSpan.FromSeconds(30));
        answer.SetResult();
        await MailTesting.UntilAsync(() => _directory.Files is ["000000000000.mail"], "it waits again");
        _queue.Enqueue(MailTesting.Alert("VRRP Instance B"));
        // Not before it is settled: time that passes meanwhile would be the server's.
        await MailTesting.UntilAsync(() => _queue.Report is { Waiting: 1, Delivered: 1 }, "the other is told");

        _transport.Answer = _ => MailOutcome.Success;
        await PauseAsync(TimeSpan.FromSeconds(30));
        await DeliveredAsync(2);
        await MailTesting.UntilAsync(() => _queue.Report is { Waiting: 0, Delivered: 2, LastError: "mx: the answer took longer than 600 s", Problem: null }, "the queue says so");
    }

    [Fact]
    public async Task At_the_end_others_go_past_a_mail_that_is_not_answered()
    {
        _transport.Hold = mail => mail.Subject.Contains("Instance A", StringComparison.Ordinal) ? new TaskCompletionSource().Task : Task.CompletedTask;
        _queue.Enqueue(MailTesting.Alert("VRRP Instance A"));
        await MailTesting.UntilAsync(() => _directory.Files is ["000000000000.sent"], "the server has it");
        _queue.Enqueue(MailTesting.Alert("VRRP Instance B", "Stopping"));
        var stopping = _queue.StopAsync(TimeSpan.FromSeconds(5), default);
        await DeliveredAsync(1);
        await MailTesting.UntilAsync(
            () =>
            {
                _time.Advance(TimeSpan.FromSeconds(1));
                return stopping.IsCompleted;
            },
            "it has stopped");
        await stopping;

        Assert.Equal(["000000000000.sent"], _directory.Files.ToArray());
        Assert.Equal(
            "Warning: whether mail alert '[R1] VRRP Instance A - Entering MASTER state' was delivered is not known, the server has had it and has not answered before the end; it is not sent twice",
            _log.Lines[^1]);
    }

    [Fact]
    public async Task What_is_on_its_way_when_mail_leaves_the_configuration_leaves_no_file()
    {
        var answer = new TaskCompletionSource();
        _transport.Hold = _ => answer.Task;
        _transport.Answer = _ => s_away;
        _queue.Enqueue(MailTesting.Alert("VRRP Instance A"));
        await MailTesting.UntilAsync(() => _directory.Files is ["000000000000.sent"], "the server has it");
        _queue.Configure(null, null, "R1");
        await MailTesting.UntilAsync(() => _directory.Files.IsEmpty, "it is dropped");
        answer.SetResult();
        await _queue.StopAsync(TimeSpan.FromSeconds(5), default);

        Assert.Empty(_directory.Files);
        Assert.Null(_queue.Report);
    }

    [Fact]
    public async Task A_reload_that_takes_mail_out_does_not_wait_for_the_disk()
    {
        _transport.Answer = _ => s_away;
        _queue.Enqueue(MailTesting.Alert("VRRP Instance A"));
        await MailTesting.UntilAsync(() => _directory.Files is ["000000000000.mail"], "it is on disk");
        // A disk that hangs: the next mail is written into a pipe nobody reads.
        string pipe = Path.Combine(_directory.Path, "000000000001.mail.new");
        Assert.Equal(0, Vrrp.Linux.NativeMethods.MakeFifo(pipe, 0x180));
        _queue.Enqueue(MailTesting.Alert("VRRP Instance B"));
        await Task.Run(() => _queue.Configure(null, null, "R1")).WaitAsync(TimeSpan.FromSeconds(60));
        Assert.Equal((0, 0), _queue.Waiting);

        await using (new FileStream(pipe, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite))
            await MailTesting.UntilAsync(() => !Directory.EnumerateFiles(_directory.Path, "*.mail").Any(), "they are gone");
    }

    [Fact]
    public async Task The_queue_is_seen_in_the_metrics()
    {
        var seen = new Dictionary<string, long>();
        using var metrics = new AlertMetrics(() => _queue.Report);
        using var listener = new System.Diagnostics.Metrics.MeterListener();
        listener.InstrumentPublished = (instrument, it) =>
        {
            if (instrument.Meter == metrics.Meter)
                it.EnableMeasurementEvents(instrument);
        };
        listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => seen[instrument.Name + (tags.IsEmpty ? "" : $" {tags[0].Value}")] = value);
        listener.Start();
        _transport.Answer = _ => s_away;
        for (int i = 0; i < 10; i++)
            _queue.Enqueue(MailTesting.Alert("VRRP Instance A"));
        await AttemptsAsync(1);
        await MailTesting.UntilAsync(() => _queue.Report!.Problem is not null, "the attempt is over");
        listener.RecordObservableInstruments();

        Assert.Equal(
            new Dictionary<string, long>
            {
                ["vrrp_mail_waiting"] = 4,
                ["vrrp_mail_unanswered"] = 0,
                ["vrrp_mail_held_back"] = 6,
                ["vrrp_mail_delivered_total"] = 0,
                ["vrrp_mail_given_up_total"] = 0,
                ["vrrp_mail_problem_info mx connect"] = 1,
            },
            seen);

        // With another server nothing is known to be in the way.
        _transport.Gate = new TaskCompletionSource().Task;
        _queue.Configure(MailTesting.Settings(26), _transport, "R1");
        Assert.Equal((null, null), (_queue.Report!.Problem, _queue.Report.LastError));
        _queue.Configure(null, null, "R1");
        seen.Clear();
        listener.RecordObservableInstruments();
        Assert.Empty(seen);
    }

    [Fact]
    public async Task What_cannot_be_delivered_in_a_day_is_given_up_by_name()
    {
        _transport.Answer = _ => s_away;
        _queue.Enqueue(MailTesting.Alert("VRRP Instance A"));
        await AttemptsAsync(1);

        for (int i = 0; i < 24 * 12; i++)
            await PauseAsync(TimeSpan.FromMinutes(5));
        await MailTesting.UntilAsync(() => _log.Lines.Length == 2, "it is given up");

        Assert.Equal("Error: mail alert '[R1] VRRP Instance A - Entering MASTER state' is given up: it could not be delivered in a day", _log.Lines[1]);
        await MailTesting.UntilAsync(() => _directory.Files.IsEmpty, "the spool is empty");
    }

    [Fact]
    public async Task Ten_thousand_transitions_while_the_server_hangs_are_a_handful_of_mails_that_count_them_all()
    {
        var gate = new TaskCompletionSource();
        _transport.Gate = gate.Task;
        var composer = new AlertComposer("r1.example.org");
        composer.Configure(MailTesting.Config("global_defs {\nrouter_id R1\nsmtp_alert\n}\nvrrp_instance A {\ninterface eth0\nvirtual_router_id 5\nvirtual_ipaddress {\n10.0.0.5\n}\n}\n"));
        var state = VrrpState.Backup;
        for (int i = 0; i < 10_000; i++)
        {
            var next = state == VrrpState.Backup ? VrrpState.Master : VrrpState.Backup;
            var transition = new RouterTransition(default, "A", state, next, TransitionReason.MasterSilent, VrrpFaults.None, new Priority(100), default, new Priority(90), null);
            state = next;
            _queue.Enqueue(composer.Compose(transition, isStopping: false, MailTesting.At)!);
            // Twenty minutes without a quiet one, which would give a mail back.
            if (i % 100 == 99)
                _time.Advance(TimeSpan.FromSeconds(12));
        }

        gate.SetResult();
        await MailTesting.UntilAsync(
            () =>
            {
                _time.Advance(TimeSpan.FromMinutes(1));
                return _queue.Waiting == (0, 0);
            },
            "all are told");

        var mails = _transport.Snapshot();
        Assert.InRange(mails.Length, 5, 10);
        Assert.Equal(10_000, mails.Sum(CountIn));
        await MailTesting.UntilAsync(() => _directory.Files.IsEmpty, "the spool is empty");
    }

    [Fact]
    public async Task What_waits_and_what_is_held_back_survives_a_kill()
    {
        _transport.Answer = _ => s_away;
        for (int i = 0; i < 100; i++)
            _queue.Enqueue(MailTesting.Alert("VRRP Instance A", i % 2 == 0 ? "Entering MASTER state" : "Entering BACKUP state"));
        await HeldOnDiskAsync(96);
        await MailTesting.UntilAsync(() => _directory.Files.Length == 5, "all is on disk");
        await KillAsync();

        _transport.Answer = _ => MailOutcome.Success;
        _queue.Configure(MailTesting.Settings(25), _transport, "R1");
        await MailTesting.UntilAsync(
            () =>
            {
                _time.Advance(TimeSpan.FromSeconds(1));
                return _transport.Snapshot().Length == 5;
            },
            "all are told");

        Assert.Equal(100, _transport.Snapshot().Sum(CountIn));
        Assert.Contains("Information: 100 mail alerts of the last run wait to be delivered", _log.Lines);
        await MailTesting.UntilAsync(() => _directory.Files.IsEmpty, "the spool is empty");
    }

    [Fact]
    public async Task A_mail_the_server_may_have_when_the_process_is_killed_is_not_sent_twice()
    {
        _queue.Enqueue(MailTesting.Alert("VRRP Instance A"));
        await DeliveredAsync(1);
        await MailTesting.UntilAsync(() => _directory.Files.IsEmpty, "the spool is empty");
        // Killed between the dot and the server's answer.
        _transport.Hold = _ => new TaskCompletionSource().Task;
        _queue.Enqueue(MailTesting.Alert("VRRP Instance B"));
        await MailTesting.UntilAsync(() => _directory.Files is ["000000000001.sent"], "the server has it");
        await KillAsync();

        _transport.Hold = _ => Task.CompletedTask;
        _queue.Configure(MailTesting.Settings(25), _transport, "R1");
        _queue.Enqueue(MailTesting.Alert("VRRP Instance C"));
        await DeliveredAsync(2);

        Assert.Contains("Instance C", _transport.Snapshot()[1].Subject, StringComparison.Ordinal);
        Assert.Contains(_log.Lines, line => line.Contains("VRRP Instance B", StringComparison.Ordinal) && line.Contains("the daemon ended while the server was taking it", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Killed_while_the_server_takes_a_mail_for_some_the_others_still_get_it()
    {
        var settings = MailTesting.Settings(25) with { To = ["a@example.org", "late@example.org", "never@example.org"] };
        _queue.Configure(settings, _transport, "R1");
        _transport.Takes = _ => ["a@example.org", "never@example.org"];
        _transport.Hold = _ => new TaskCompletionSource().Task;
        _queue.Enqueue(MailTesting.Alert("VRRP Instance A"));
        await MailTesting.UntilAsync(() => _directory.Files is ["000000000000.sent"], "the server has it");
        await KillAsync();

        _transport.Hold = _ => Task.CompletedTask;
        _queue.Configure(settings, _transport, "R1");
        await DeliveredAsync(1);

        Assert.Equal(["late@example.org"], _transport.Snapshot()[0].Recipients.ToArray());
        Assert.Single(_log.Lines, line => line.Contains("the daemon ended while the server was taking it", StringComparison.Ordinal));
        await MailTesting.UntilAsync(() => _directory.Files.IsEmpty, "the spool is empty");
    }

    [Fact]
    public async Task A_mark_is_safe_from_a_power_cut_before_the_server_may_have_the_mail()
    {
        string[] before = [];
        _transport.Hold = _ => Task.Run(() => before = _disk.Changes);
        _queue.Enqueue(MailTesting.Alert("VRRP Instance A"));
        await DeliveredAsync(1);
        await MailTesting.UntilAsync(() => _directory.Files.IsEmpty, "the spool is empty");

        Assert.Equal(["probe", "write 000000000000.mail", "sync"], before[..3]);
        Assert.Equal(["probe", "write 000000000000.mail", "sync", "move 000000000000.mail to 000000000000.sent", "sync"], _disk.Changes[..5]);
    }

    [Fact]
    public async Task What_the_server_put_off_after_it_had_it_is_safe_from_a_power_cut_before_the_mark_goes()
    {
        var answer = new TaskCompletionSource();
        _transport.Hold = _ => answer.Task;
        _transport.Answer = _ => new(MailVerdict.Deferred, "mx 450", "mx: 450");
        _queue.Enqueue(MailTesting.Alert("VRRP Instance A"));
        await MailTesting.UntilAsync(() => _directory.Files is ["000000000000.sent"], "the server has it");
        int changes = 5;
        answer.SetResult();
        await MailTesting.UntilAsync(() => _directory.Files is ["000000000000.mail"], "it waits again");

        Assert.Equal(["write 000000000000.mail", "sync", "delete 000000000000.sent"], _disk.Changes[changes..]);
    }

    [Fact]
    public async Task A_spool_that_turned_read_only_does_not_send_again_what_was_delivered()
    {
        _transport.Answer = _ => s_away;
        _queue.Enqueue(MailTesting.Alert("VRRP Instance A"));
        await MailTesting.UntilAsync(() => _directory.Files is ["000000000000.mail"], "it is on disk");
        _disk.IsReadOnly = true;
        _transport.Answer = _ => MailOutcome.Success;
        await PauseAsync(TimeSpan.FromSeconds(5));
        await DeliveredAsync(1);
        await MailTesting.UntilAsync(() => _queue.Waiting == (0, 0), "it is done");
        await KillAsync();

        _queue.Configure(MailTesting.Settings(25), _transport, "R1");
        _queue.Enqueue(MailTesting.Alert("VRRP Instance B"));
        await DeliveredAsync(2);
        await _queue.StopAsync(TimeSpan.FromSeconds(5), default);

        Assert.Equal(["A", "B"], _transport.Snapshot().Select(mail => mail.Subject.Split(' ')[3]));
        Assert.Equal(2, _log.Lines.Count(line => line.Contains("cannot be used: Read-only file system", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task What_a_disk_refused_for_a_while_is_made_up_for()
    {
        _transport.Answer = _ => s_away;
        _queue.Enqueue(MailTesting.Alert("VRRP Instance A"));
        await MailTesting.UntilAsync(() => _directory.Files is ["000000000000.mail"], "it is on disk");
        _disk.IsReadOnly = true;
        _queue.Enqueue(MailTesting.Alert("VRRP Instance B"));
        await MailTesting.UntilAsync(() => _log.Lines.Any(line => line.Contains("Read-only", StringComparison.Ordinal)), "it is told");
        _transport.Answer = mail => mail.Subject.Contains("Instance A", StringComparison.Ordinal) ? MailOutcome.Success : s_away;
        await PauseAsync(TimeSpan.FromSeconds(5));
        await DeliveredAsync(1);
        await MailTesting.UntilAsync(() => _queue.Waiting == (1, 0), "the first is done");
        Assert.Equal(["000000000000.mail"], _directory.Files.ToArray());

        _disk.IsReadOnly = false;
        await _queue.StopAsync(TimeSpan.FromSeconds(5), default);
        Assert.Equal(["000000000001.mail"], _directory.Files.ToArray());
        Assert.Equal($"Warning: 1 mail alerts could not be delivered before the end; they wait in {_directory.Path}", _log.Lines[^1]);
    }

    [Fact]
    public async Task A_mail_the_server_cannot_be_got_to_take_does_not_hold_up_the_others()
    {
        _transport.Answer = mail => mail.Subject.Contains("Instance A", StringComparison.Ordinal) ? s_away with { CameWithMail = true } : MailOutcome.Success;
        _queue.Enqueue(MailTesting.Alert("VRRP Instance A", "Entering BACKUP state"));
        _queue.Enqueue(MailTesting.Alert("VRRP Instance A", "Entering MASTER state"));
        _queue.Enqueue(MailTesting.Alert("VRRP Instance B"));
        await DeliveredAsync(1);
        Assert.Equal(2, _transport.Attempts);

        _transport.Answer = _ => MailOutcome.Success;
        await PauseAsync(TimeSpan.FromSeconds(30));
        await DeliveredAsync(3);
        Assert.Equal(["B MASTER", "A BACKUP", "A MASTER"], _transport.Snapshot().Select(mail => $"{mail.Subject.Split(' ')[3]} {mail.Subject.Split(' ')[6]}"));
        await MailTesting.UntilAsync(() => _log.Lines.Length == 2, "the end of the problem is logged");
        Assert.StartsWith("Information: mail alerts are delivered again", _log.Lines[1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_server_that_fails_over_one_mail_after_the_other_gets_its_rest_and_each_mail_its_turn()
    {
        var attempts = new List<string>();
        _transport.Answer = mail =>
        {
            attempts.Add(mail.Subject.Split(' ')[3]);
            return mail.Subject.Contains("Instance V9", StringComparison.Ordinal) ? MailOutcome.Success : s_away with { CameWithMail = true };
        };
        for (int i = 0; i < 10; i++)
            _queue.Enqueue(MailTesting.Alert($"VRRP Instance V{i}"));
        await AttemptsAsync(2);
        await MailTesting.UntilAsync(() => _time.Next == TimeSpan.FromSeconds(5), "the server rests after the second");
        await MailTesting.UntilAsync(
            () =>
            {
                _time.Advance(TimeSpan.FromSeconds(5));
                return _transport.Snapshot().Length == 1;
            },
            "the last has its turn");

        Assert.Equal(["V0", "V1", "V2", "V3", "V4", "V5", "V6", "V7", "V8", "V9"], attempts.Take(10));
    }

    [Fact]
    public async Task A_mail_of_several_keeps_its_place_among_those_about_each_of_them()
    {
        _transport.Answer = mail => mail.Subject.Contains("Instance A", StringComparison.Ordinal) ? new(MailVerdict.Deferred, "mx 450", "mx: 450 greylisted") : MailOutcome.Success;
        _queue.Enqueue(MailTesting.Alert("VRRP Instance A"));
        _queue.Enqueue(MailTesting.Alert("both") with { About = "", Abouts = ["VRRP Instance A", "VRRP Instance B"] });
        _queue.Enqueue(MailTesting.Alert("VRRP Instance B"));
        _queue.Enqueue(MailTesting.Alert("VRRP Instance C"));
        await DeliveredAsync(1);
        Assert.Contains("Instance C", _transport.Snapshot()[0].Subject, StringComparison.Ordinal);
        await KillAsync();

        _transport.Answer = _ => MailOutcome.Success;
        _queue.Configure(MailTesting.Settings(25), _transport, "R1");
        await DeliveredAsync(4);
        Assert.Equal(["Instance A", "both", "Instance B"], _transport.Snapshot()[1..].Select(mail => mail.Subject["[R1] ".Length..].Replace("VRRP ", "", StringComparison.Ordinal).Split(" - ")[0]));
    }

    [Fact]
    public async Task A_mail_that_is_put_off_again_and_again_holds_up_one_of_several_for_a_quarter_of_an_hour()
    {
        var attempts = new List<string>();
        _transport.Answer = mail =>
        {
            attempts.Add(mail.Subject["[R1] ".Length..].Split(" - ")[0]);
            return mail.Subject.Contains("Instance A", StringComparison.Ordinal) ? new(MailVerdict.Deferred, "mx 450", "mx: 450 greylisted") : MailOutcome.Success;
        };
        _queue.Enqueue(MailTesting.Alert("Instance A"));
        _queue.Enqueue(MailTesting.Alert("both") with { About = "", Abouts = ["Instance A", "Instance B"] });
        _queue.Enqueue(MailTesting.Alert("Instance A"));
        _queue.Enqueue(MailTesting.Alert("Instance B"));
        await MailTesting.UntilAsync(
            () =>
            {
                if (_transport.Snapshot().Length < 2)
                    _time.Advance(TimeSpan.FromSeconds(10));
                return _transport.Snapshot().Length == 2;
            },
            "those of several subjects left");

        Assert.Equal([.. Enumerable.Repeat("Instance A", 5), "both", "Instance B"], attempts.Where(about => about != "Instance A" || attempts.IndexOf("both") > 0).Take(7));
    }

    [Theory]
    [InlineData("this", 60, 0, "none")]
    [InlineData("this", 25 * 60, 0, "given up")]
    [InlineData("this", 60, 20_000, "none")]
    [InlineData("another", 60, 23, "none")]
    [InlineData("another", 60, 20_000, "one attempt")]
    public async Task The_age_of_a_mail_is_that_since_the_boot_and_a_clock_that_was_set_costs_it_one_attempt_at_most(string boot, int minutes, int hours, string expected)
    {
        _transport.Answer = _ => s_away;
        _queue.Enqueue(MailTesting.Alert("VRRP Instance A"));
        await MailTesting.UntilAsync(() => _directory.Files is ["000000000000.mail"], "it is on disk");
        await KillAsync();
        _boot = new(boot, _boot.Elapsed + TimeSpan.FromMinutes(minutes));
        _time.Advance(TimeSpan.FromHours(hours));
        int before = _transport.Attempts;

        _transport.Answer = _ => new(MailVerdict.Deferred, "mx 450", "mx: 450 greylisted");
        _queue.Configure(MailTesting.Settings(25), _transport, "R1");
        if (expected != "given up")
            await AttemptsAsync(before + 1);
        if (expected == "none")
        {
            await PauseAsync(TimeSpan.FromSeconds(30));
            await AttemptsAsync(before + 2);
        }
        else
        {
            await MailTesting.UntilAsync(() => _directory.Files.IsEmpty, "it is given up");
            Assert.Equal("Error: mail alert '[R1] VRRP Instance A - Entering MASTER state' is given up: it could not be delivered in a day", _log.Lines[^1]);
            Assert.Equal(before + (expected == "one attempt" ? 1 : 0), _transport.Attempts);
        }
    }

    [Fact]
    public async Task A_transport_that_breaks_its_promise_is_told_once()
    {
        _transport.Answer = _ => throw new InvalidOperationException("a defect");
        _queue.Enqueue(MailTesting.Alert("VRRP Instance A"));
        foreach (int pause in (int[])[5, 10, 20])
        {
            await MailTesting.UntilAsync(() => _time.Next == TimeSpan.FromSeconds(pause), "one more attempt failed");
            _time.Advance(TimeSpan.FromSeconds(pause));
        }

        await AttemptsAsync(4);
        await MailTesting.UntilAsync(() => _time.Next == TimeSpan.FromSeconds(40), "the fourth failed as well");
        Assert.Single(_log.Lines, line => line.StartsWith("Critical", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_timer_that_was_set_late_is_not_waited_for()
    {
        _transport.Answer = _ =>
        {
            // The thread will stand still between looking at the clock and setting the timer.
            _time.Setting = () =>
            {
                _time.Setting = null;
                _time.Advance(TimeSpan.FromSeconds(4));
            };
            return s_away;
        };
        _queue.Enqueue(MailTesting.Alert("VRRP Instance A"));
        await AttemptsAsync(1);
        await MailTesting.UntilAsync(() => _time.Setting is null && _time.Next <= TimeSpan.FromSeconds(1), "the queue waits for no longer than it should");
    }

    [Fact]
    public async Task The_end_waits_a_little_for_the_last_alerts()
    {
        _queue.Enqueue(MailTesting.Alert("VRRP Instance A", "Stopping"));
        await _queue.StopAsync(TimeSpan.FromSeconds(5), default);

        Assert.Single(_transport.Snapshot());
        Assert.Empty(_directory.Files);
    }

    [Fact]
    public async Task The_end_does_not_wait_for_a_server_that_hangs_and_keeps_what_it_did_not_take()
    {
        _transport.Gate = new TaskCompletionSource().Task;
        _queue.Enqueue(MailTesting.Alert("VRRP Instance A", "Stopping"));
        var stopping = _queue.StopAsync(TimeSpan.FromSeconds(5), default);
        await MailTesting.UntilAsync(
            () =>
            {
                _time.Advance(TimeSpan.FromSeconds(1));
                return stopping.IsCompleted;
            },
            "it has stopped");
        await stopping;

        Assert.Single(_directory.Files);
        Assert.Equal($"Warning: 1 mail alerts could not be delivered before the end; they wait in {_directory.Path}", _log.Lines[^1]);
    }

    [Fact]
    public async Task A_directory_others_may_enter_is_not_used()
    {
        await _queue.DisposeAsync();
        File.SetUnixFileMode(_directory.Path, File.GetUnixFileMode(_directory.Path) | UnixFileMode.GroupExecute);
        _queue = Open();
        _queue.Enqueue(MailTesting.Alert("VRRP Instance A"));
        await DeliveredAsync(1);

        Assert.Contains(_log.Lines, line => line.Contains("others may enter it: chmod 700 ", StringComparison.Ordinal));
    }

    [Fact]
    public async Task What_is_damaged_in_the_spool_is_removed_and_told()
    {
        await _queue.DisposeAsync();
        foreach (string content in (string[])["", "{", "null", "[]", "{\"Number\":5}", new string('[', 5000)])
            File.WriteAllText(Path.Combine(_directory.Path, $"{content.Length:D12}.mail"), content);
        File.WriteAllText(Path.Combine(_directory.Path, "held.json"), "[{}]");
        _queue = Open();
        _queue.Enqueue(MailTesting.Alert("VRRP Instance A"));
        await DeliveredAsync(1);

        await MailTesting.UntilAsync(() => _directory.Files.IsEmpty, "all is gone");
        Assert.Equal(7, _log.Lines.Count(line => line.Contains("is damaged", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task A_file_that_cannot_be_read_keeps_its_place_and_the_others_are_delivered()
    {
        _transport.Answer = _ => s_away;
        _queue.Enqueue(MailTesting.Alert("VRRP Instance A"));
        await MailTesting.UntilAsync(() => _directory.Files.Length == 1, "it is on disk");
        await KillAsync();
        File.CreateSymbolicLink(Path.Combine(_directory.Path, "000000000012.mail"), "/no/such/file");
        _queue.Configure(MailTesting.Settings(25), _transport, "R1");
        _queue.Enqueue(MailTesting.Alert("VRRP Instance B"));
        await MailTesting.UntilAsync(() => _directory.Files.Length == 3, "the new one is on disk as well");

        Assert.Equal(["000000000000.mail", "000000000012.mail", "000000000013.mail"], _directory.Files.ToArray());
        Assert.Single(_log.Lines, line => line.Contains("000000000012.mail in the mail spool is left alone", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_disk_that_hangs_delays_neither_the_start_nor_the_end()
    {
        await _queue.DisposeAsync();
        string pipe = Path.Combine(_directory.Path, "000000000001.mail");
        Assert.Equal(0, Vrrp.Linux.NativeMethods.MakeFifo(pipe, 0x180));
        _queue = await Task.Run(Open).WaitAsync(TimeSpan.FromSeconds(60));
        _queue.Enqueue(MailTesting.Alert("VRRP Instance A"));
        var stopping = _queue.StopAsync(TimeSpan.FromSeconds(5), default);
        await MailTesting.UntilAsync(
            () =>
            {
                _time.Advance(TimeSpan.FromSeconds(1));
                return stopping.IsCompleted;
            },
            "it has stopped");
        await stopping;
        Assert.Empty(_transport.Snapshot());

        // A writer lets the reader go on.
        await using (new FileStream(pipe, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite))
        {
        }

        await MailTesting.UntilAsync(() => _directory.Files is ["000000000002.mail"], "what came meanwhile is on disk");
    }

    [Fact]
    public async Task Without_mail_in_the_configuration_nothing_waits()
    {
        _transport.Answer = _ => s_away;
        _queue.Enqueue(MailTesting.Alert("VRRP Instance A"));
        await AttemptsAsync(1);
        _queue.Configure(null, null, "R1");
        _queue.Enqueue(MailTesting.Alert("VRRP Instance B"));

        await MailTesting.UntilAsync(() => _directory.Files.IsEmpty, "the spool is empty");
        Assert.Equal((0, 0), _queue.Waiting);
        Assert.Contains("Warning: mail is configured no more: 1 mail alerts that waited are dropped", _log.Lines);
    }

    [Fact]
    public async Task A_subject_that_is_held_back_does_not_hold_up_another()
    {
        for (int i = 0; i < 5; i++)
            _queue.Enqueue(MailTesting.Alert("VRRP Instance A"));
        await DeliveredAsync(4);
        await MailTesting.UntilAsync(() => _time.TimerCount > 0 && _directory.Files is ["held.json"], "the pause has begun");

        _queue.Enqueue(MailTesting.Alert("VRRP Instance B"));
        await DeliveredAsync(5);
        Assert.Contains("Instance B", _transport.Snapshot()[4].Subject, StringComparison.Ordinal);
    }

    private static int CountIn(OutgoingMail mail) =>
        mail.Subject.EndsWith(" alerts in one)", StringComparison.Ordinal) ? int.Parse(mail.Subject.Split('(')[^1].Split(' ')[0], System.Globalization.CultureInfo.InvariantCulture) : 1;

    private AlertQueue Open()
    {
        var queue = Create();
        queue.Configure(MailTesting.Settings(25), _transport, "R1");
        return queue;
    }

    /// <summary>Ends the queue as a SIGKILL does: what is on disk is what stays. Opens another one, still without settings.</summary>
    private async Task<string[]> KillAsync()
    {
        string[] files = [.. _directory.Files.Select(name => Path.Combine(_directory.Path, name))];
        var contents = files.ToDictionary(file => file, File.ReadAllBytes);
        await _queue.DisposeAsync();
        foreach (string file in Directory.GetFiles(_directory.Path))
            File.Delete(file);
        foreach (var (file, content) in contents)
            File.WriteAllBytes(file, content);
        _queue = Create();
        return files;
    }

    private AlertQueue Create()
    {
        _deliveredBefore = _transport.Snapshot().Length;
        return new(new AlertSpool(_directory.Path, _log, _time, _disk), _time, "r1.example.org", _log, () => _boot);
    }

    /// <summary>Waits until so many alerts that are held back are on disk. After each writing the queue rests for a second, and only then is it let pass.</summary>
    private async Task HeldOnDiskAsync(int count)
    {
        for (int i = 0; i < 10 && HeldOnDisk() != count; i++)
        {
            await MailTesting.UntilAsync(() => HeldOnDisk() == count || _time.Next <= TimeSpan.FromSeconds(1), "what is held back was written");
            if (HeldOnDisk() != count)
                _time.Advance(TimeSpan.FromSeconds(1));
        }

        Assert.Equal(count, HeldOnDisk());
    }

    private int HeldOnDisk()
    {
        string path = Path.Combine(_directory.Path, "held.json");
        if (!File.Exists(path))
            return 0;
        string text = File.ReadAllText(path);
        int at = text.IndexOf("\"Count\":", StringComparison.Ordinal);
        return int.Parse(text[(at + 8)..text.IndexOf(',', at)], System.Globalization.CultureInfo.InvariantCulture);
    }

    // Also the queue is to know it: until then its patience with the server runs.
    private Task DeliveredAsync(int count) =>
        MailTesting.UntilAsync(() => _transport.Snapshot().Length >= count && _deliveredBefore + _queue.Report!.Delivered >= count, $"{count} are delivered");

    private Task AttemptsAsync(int count) => MailTesting.UntilAsync(() => _transport.Attempts >= count, $"{count} attempts were made");

    private Task AdvanceUntilAsync(TimeSpan step, Func<bool> condition, string what) => MailTesting.UntilAsync(
        () =>
        {
            if (condition())
                return true;
            _time.Advance(step);
            return false;
        },
        what);

    /// <summary>Lets time pass once the queue waits for it.</summary>
    private async Task PauseAsync(TimeSpan span)
    {
        await MailTesting.UntilAsync(() => _time.TimerCount > 0, "the queue waits");
        _time.Advance(span);
    }
}
