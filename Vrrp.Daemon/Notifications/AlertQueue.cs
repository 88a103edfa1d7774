using System.Collections.Immutable;
using System.Globalization;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Vrrp.Mail;

namespace Vrrp.Daemon.Notifications;

/// <summary>
/// Alerts on their way to the mail server. Whoever has one hands it over and goes on; one loop puts mails on disk, another delivers them one
/// after another, those about the same in their order. While the server is away they wait; a flood becomes few mails. A server that has a mail
/// and does not say whether it takes it is waited for, and mails about something else go past that one.
/// </summary>
/// <param name="spool">Where mails that wait are kept. Null: in memory only.</param>
/// <param name="time">The clock.</param>
/// <param name="hostName">This host in Message-IDs.</param>
/// <param name="logger">Told when a problem begins and ends.</param>
/// <param name="bootTime">The clock by which mails of an earlier run age. Null: the host's.</param>
internal sealed class AlertQueue(AlertSpool? spool, TimeProvider time, string hostName, ILogger logger, Func<BootTime>? bootTime = null) : IAsyncDisposable
{
    /// <summary>Mails that wait at most; beyond that alerts are folded together.</summary>
    public const int Capacity = 500;

    /// <summary>From the first attempt to giving up.</summary>
    public static readonly TimeSpan Life = TimeSpan.FromDays(1);

    private const string AnswerLate = "answer late";

    /// <summary>Mails at most whose answer is waited for while others go past them.</summary>
    public const int MaximumLate = 16;

    /// <summary>At the end, before others go past a mail that a server has not answered.</summary>
    private static readonly TimeSpan PatienceAtEnd = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan FirstPause = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan LongestPause = TimeSpan.FromMinutes(5);

    /// <summary>A server that puts off a mail (greylisting) wants some minutes.</summary>
    private static readonly TimeSpan FirstDeferral = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan LongestDeferral = TimeSpan.FromMinutes(10);

    /// <summary>At the end, for a disk that hangs.</summary>
    private static readonly TimeSpan DiskLimit = TimeSpan.FromSeconds(5);

    /// <summary>Attempts, a quarter of an hour, after which a mail holds up none that tells of several, nor one of those any.</summary>
    private const int AttemptsInOrder = 5;

    /// <summary>A timer that late is set anew.</summary>
    private static readonly TimeSpan Slack = TimeSpan.FromMilliseconds(50);

    /// <summary>Between two writings of what is held back, which changes with each alert of a flood.</summary>
    private static readonly TimeSpan HeldPause = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();
    private readonly LinkedList<Entry> _mails = [];
    private readonly AlertThrottle _throttle = new(hostName);
    private readonly Channel<bool> _store = Wake();
    private readonly Channel<bool> _send = Wake();
    private readonly CancellationTokenSource _ending = new();
    private readonly HashSet<string> _told = new(StringComparer.Ordinal);
    private readonly List<long> _obsolete = [];
    private readonly long _origin = time.GetTimestamp();
    private readonly Func<BootTime> _bootTime = bootTime ?? BootTime.Read;
    private MailSettings? _settings;
    private IMailTransport? _transport;
    private string _routerId = "";
    private long _number;
    private bool _isHeldNew;
    private bool _hasStarted;
    private bool _isStopping;
    private bool _hasStored;
    private TimeSpan _usableFrom;
    private int _failures;
    private Entry? _suspect;
    private string? _failed;
    private long _delivered;
    private long _givenUp;
    private DateTimeOffset? _lastDelivery;
    private (string Problem, string Detail, DateTimeOffset Time)? _lastError;
    private Task _storing = Task.CompletedTask;
    private Task _sending = Task.CompletedTask;

    /// <summary>Mails that wait, and alerts that are held back.</summary>
    public (int Mails, int Held) Waiting
    {
        get
        {
            lock (_lock)
                return (_mails.Count, _throttle.Held.Sum(held => held.Count));
        }
    }

    /// <summary>What it has before it and what it has done. Null: there is nowhere to send mail to.</summary>
    public AlertQueueReport? Report
    {
        get
        {
            lock (_lock)
            {
                return _settings is null ? null : new()
                {
                    Waiting = _mails.Count,
                    Unanswered = _mails.Count(mail => mail.IsLate),
                    HeldBack = _throttle.Held.Sum(held => held.Count),
                    Delivered = _delivered,
                    GivenUp = _givenUp,
                    LastDelivery = _lastDelivery,
                    LastError = _lastError?.Detail,
                    LastErrorTime = _lastError?.Time,
                    Problem = _lastError is { } error && !(_lastDelivery > error.Time) ? error.Problem : null,
                };
            }
        }
    }

    private TimeSpan Now => time.GetElapsedTime(_origin);

    /// <summary>Takes new settings over, also for mails that wait. The first that there are make it begin, with what an earlier process left on disk.</summary>
    /// <param name="settings">Where mail goes; null: nowhere, and what waits is dropped.</param>
    /// <param name="transport">What brings it there; null as <paramref name="settings"/> is.</param>
    /// <param name="routerId">Tag of the subjects.</param>
    public void Configure(MailSettings? settings, IMailTransport? transport, string routerId)
    {
        lock (_lock)
        {
            if (!Equals(settings, _settings))
            {
                // What was wrong may be right now.
                (_usableFrom, _failures, _suspect, _lastError) = (default, 0, null, null);
                // That it is over is still to be told, and is when the first mail is delivered.
                if (_told.Count > 0)
                {
                    _told.Clear();
                    _told.Add("before");
                }

                foreach (var mail in _mails)
                    mail.NotBefore = default;
            }

            (_settings, _transport, _routerId) = (settings, transport, routerId);
            if (settings is null)
                Drop();
        }

        if (settings is not null && !_hasStarted)
        {
            _hasStarted = true;
            _storing = StoreAsync();
            _sending = SendAsync();
        }

        _store.Writer.TryWrite(true);
        _send.Writer.TryWrite(true);
    }

    /// <summary>Takes an alert and returns at once.</summary>
    public void Enqueue(Alert alert)
    {
        lock (_lock)
        {
            if (_settings is null)
                return;
            if (_throttle.Offer(alert, Now, isFull: _mails.Count >= Capacity))
                Add(alert);
            else
                _isHeldNew = true;
        }

        _store.Writer.TryWrite(true);
    }

    /// <summary>Delivers what can be delivered within a time; the rest stays on disk.</summary>
    public async Task StopAsync(TimeSpan limit, CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            if (_isStopping)
                return;
            _isStopping = true;
            if (_settings is not null && _throttle.TakeAll(_routerId, Now) is { } digest)
            {
                Add(digest);
                _isHeldNew = true;
            }

            // One more attempt for each, however long it has waited already.
            _usableFrom = default;
            foreach (var mail in _mails)
            {
                mail.NotBefore = default;
                if (mail.IsCommitted && mail.Passing is { } passing)
                    mail.IsLate = passing.TrySetResult() || mail.IsLate;
            }
        }

        _store.Writer.TryWrite(true);
        using var timeout = new CancellationTokenSource(limit, time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
        using var disk = new CancellationTokenSource(limit > DiskLimit ? limit : DiskLimit, time);
        bool isStored = await EndsAsync(_storing, disk.Token).ConfigureAwait(false);
        _send.Writer.TryWrite(true);
        if (!isStored || !await EndsAsync(_sending, both.Token).ConfigureAwait(false))
        {
            await _ending.CancelAsync().ConfigureAwait(false);
            await EndsAsync(_sending, disk.Token).ConfigureAwait(false);
        }

        lock (_lock)
        {
            int kept = _mails.Where(mail => spool?.Holds(mail.Mail.Number) == true).Sum(mail => mail.Mail.Count);
            int lost = _mails.Sum(mail => mail.Mail.Count) - kept;
            if (kept > 0)
                AlertLog.LeftInSpool(logger, kept, spool!.Directory);
            if (lost > 0)
                AlertLog.Lost(logger, lost);
        }
    }

    private static async Task<bool> EndsAsync(Task task, CancellationToken limit)
    {
        try
        {
            await task.WaitAsync(limit).ConfigureAwait(false);
            return true;
        }
        catch (OperationCanceledException)
        {
            return task.IsCompleted;
        }
    }

    /// <summary>Ends at once; what waits stays on disk.</summary>
    public async ValueTask DisposeAsync()
    {
        await StopAsync(TimeSpan.Zero, CancellationToken.None).ConfigureAwait(false);
        // A loop in a disk that hangs may come back to it.
        if (_storing.IsCompleted && _sending.IsCompleted)
            _ending.Dispose();
    }

    private static Channel<bool> Wake() =>
        Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite, SingleReader = true });

    private void Restore(AlertSpool spool)
    {
        var (mails, held, following) = spool.Open();
        lock (_lock)
        {
            _number = following;
            // Before those that came meanwhile.
            foreach (var mail in mails.Reverse())
            {
                var known = mail.Boot is { } boot ? _bootTime().Since(new(boot, mail.SinceBoot)) : null;
                var age = known ?? (time.GetUtcNow() - mail.Created);
                // A wall clock may have been set meanwhile: one that went back says nothing, one that jumped a day ahead does not cost a mail its last attempt.
                bool isDoubtful = known is null && age >= Life;
                var left = age < TimeSpan.Zero || isDoubtful ? Life : Life - age;
                _mails.AddFirst(new Entry(mail, Now + left) { IsStored = true, HasOneAttempt = isDoubtful });
            }

            foreach (var one in held)
                _throttle.Restore(one, Now);
            if (mails.Length + held.Length > 0)
                AlertLog.Restored(logger, mails.Sum(mail => mail.Count) + held.Sum(one => one.Count));
            // Mail was taken out of the configuration meanwhile.
            if (_settings is null)
                Drop();
        }

        _send.Writer.TryWrite(true);
    }

    // Under the lock. Its number it gets when it is stored: which are free is known only then.
    private void Add(Alert alert)
    {
        var (boot, sinceBoot) = _bootTime();
        var mail = new SpooledMail(
            -1, Guid.NewGuid().ToString("N"), alert.About, alert.Subject, alert.Body, alert.At, time.GetUtcNow(), alert.Count, [], alert.Parts, alert.Abouts, null, boot, sinceBoot);
        _mails.AddLast(new Entry(mail, Now + Life));
    }

    // Under the lock. Files go later: nobody who reloads is to wait for a disk.
    private void Drop()
    {
        int count = _mails.Sum(mail => mail.Mail.Count) + _throttle.Held.Sum(held => held.Count);
        if (count > 0)
            AlertLog.Unconfigured(logger, count);
        foreach (var mail in _mails)
            mail.IsDropped = true;
        _obsolete.AddRange(_mails.Where(mail => mail.IsStored).Select(mail => mail.Mail.Number));
        _mails.Clear();
        while (_throttle.TakeAll(_routerId, Now) is not null)
            _isHeldNew = true;
    }

    private async Task StoreAsync()
    {
        // Not on the thread that starts the daemon: a disk may hang.
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        if (spool is not null)
            Restore(spool);
        while (true)
        {
            TimeSpan? next;
            bool isLast;
            lock (_lock)
                (next, isLast) = (_mails.Count < Capacity ? _throttle.NextDue : null, _isStopping);
            if (!isLast)
                await WaitAsync(_store, next).ConfigureAwait(false);
            HeldAlerts[]? held = null;
            Entry[] fresh;
            long[] obsolete;
            lock (_lock)
            {
                isLast = _isStopping;
                while (_mails.Count < Capacity && _throttle.TakeDue(_routerId, Now) is { } digest)
                {
                    Add(digest);
                    _isHeldNew = true;
                }

                fresh = [.. _mails.Where(mail => !mail.IsStored)];
                foreach (var mail in fresh)
                    mail.Mail = mail.Mail with { Number = _number++ };
                if (_isHeldNew)
                    held = [.. _throttle.Held];
                _isHeldNew = false;
                obsolete = [.. _obsolete];
                _obsolete.Clear();
            }

            foreach (long number in obsolete)
                spool?.Remove(number);
            Store(fresh, held);
            lock (_lock)
            {
                foreach (var mail in fresh)
                    mail.IsStored = true;
                _hasStored = isLast;
            }

            // Mail was taken out of the configuration meanwhile.
            foreach (var mail in fresh.Where(mail => mail.IsDropped))
                spool?.Remove(mail.Mail.Number);

            if (fresh.Length > 0 || isLast)
                _send.Writer.TryWrite(true);
            if (isLast)
            {
                spool?.MakeUp();
                return;
            }

            if (held is { Length: > 0 } && spool is not null)
                await PauseAsync().ConfigureAwait(false);
        }
    }

    private void Store(Entry[] fresh, HeldAlerts[]? held)
    {
        if (spool is null)
            return;
        try
        {
            foreach (var mail in fresh)
                spool.Write(mail.Mail);
            // After the mails that tell of them, and before those can leave: whatever is killed in between, each is told once.
            if (held is not null)
                spool.WriteHeld(held);
        }
#pragma warning disable CA1031 // Mail that is not on disk is still mail.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            TellFailed(exception);
        }
    }

    // Only what is held back comes so often; a new mail is not kept waiting for long by it.
    private async Task PauseAsync()
    {
        using var pause = new CancellationTokenSource(HeldPause, time);
        while (!pause.IsCancellationRequested)
        {
            lock (_lock)
            {
                if (_isStopping || _mails.Any(mail => !mail.IsStored))
                {
                    // Back goes what woke us, or the mail would wait until something held is due.
                    _store.Writer.TryWrite(true);
                    return;
                }
            }

            try
            {
                await _store.Reader.ReadAsync(pause.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                _store.Writer.TryWrite(true);
                return;
            }
        }

        _store.Writer.TryWrite(true);
    }

    private async Task SendAsync()
    {
        // Not on the thread that starts the daemon.
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        var late = new List<Task>();
        while (!_ending.IsCancellationRequested)
        {
            Entry? mail;
            MailSettings? settings;
            IMailTransport? transport;
            TimeSpan? next;
            long[] old;
            bool isEnd;
            lock (_lock)
            {
                old = GiveUpOld();
                mail = Choose(out next);
                (settings, transport) = (_settings, _transport);
                isEnd = mail is null && _hasStored && !_mails.Any(one => one.Passing is not null);
            }

            foreach (long number in old)
                spool?.Remove(number);
            if (isEnd)
                break;
            if (mail is null || settings is null || transport is null)
            {
                await WaitAsync(_send, next).ConfigureAwait(false);
                continue;
            }

            late.RemoveAll(task => task.IsCompleted);
            var passing = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            var sending = SendAsync(mail, passing, settings, transport);
            if (await Task.WhenAny(sending, passing.Task).ConfigureAwait(false) != sending)
                late.Add(sending);
            else
                await sending.ConfigureAwait(false);
        }

        await Task.WhenAll(late).ConfigureAwait(false);
    }

    private async Task SendAsync(Entry entry, TaskCompletionSource passing, MailSettings settings, IMailTransport transport)
    {
        var mail = entry.Mail;
        ImmutableArray<string> recipients = [.. settings.To.Where(recipient => !mail.Settled.Contains(recipient))];
        var outcome = MailOutcome.Success;
        lock (_lock)
            (entry.Passing, entry.IsCommitted, entry.IsLate) = (passing, false, false);
        await using var patience = time.CreateTimer(_ => LetPass(entry, passing, settings), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        try
        {
            if (!recipients.IsEmpty)
            {
                outcome = await transport.DeliverAsync(
                    new OutgoingMail
                    {
                        MessageId = $"{mail.Id}@{hostName}",
                        Date = mail.At,
                        From = settings.From,
                        To = settings.To,
                        Recipients = recipients,
                        Subject = mail.Subject,
                        Body = mail.Body,
                    },
                    done =>
                    {
                        bool isStopping;
                        lock (_lock)
                            (entry.IsCommitted, isStopping) = (true, _isStopping);
                        spool?.Commit(mail with { Settled = [.. mail.Settled.Union(done)], Left = [.. recipients.Except(done)] });
                        patience.Change(isStopping ? PatienceAtEnd : settings.Timeout, Timeout.InfiniteTimeSpan);
                    },
                    _ending.Token).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (_ending.IsCancellationRequested)
        {
            // The server may have it: it stays marked so, and is none of those that wait.
            lock (_lock)
            {
                if (entry.IsCommitted && _mails.Remove(entry))
                    AlertLog.InDoubtAtEnd(logger, AlertText.OneLine(mail.Subject));
            }

            return;
        }
#pragma warning disable CA1031 // A transport that breaks its promise must not end the queue.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            TellFailed(exception);
            outcome = new(MailVerdict.Unavailable, $"failed {exception.Message}", exception.Message);
        }

        Settle(entry, outcome);
    }

    private void LetPass(Entry entry, TaskCompletionSource passing, MailSettings settings)
    {
        lock (_lock)
        {
            if (entry.Passing != passing)
                return;
            (entry.IsLate, entry.Problem) = (true, AnswerLate);
            string detail = string.Create(CultureInfo.InvariantCulture, $"the server has had it for {settings.Timeout.TotalSeconds:0.###} s and has not said whether it takes it");
            if (!_isStopping)
                _lastError = (AnswerLate, $"mail alert '{AlertText.OneLine(entry.Mail.Subject)}': {detail}", time.GetUtcNow());
            if (!_isStopping && _told.Add(AnswerLate))
                AlertLog.AnswerLate(logger, AlertText.OneLine(entry.Mail.Subject), detail);
        }

        passing.TrySetResult();
    }

    private void Settle(Entry entry, MailOutcome outcome)
    {
        long number = entry.Mail.Number;
        if (!outcome.Settled.IsEmpty)
            entry.Mail = entry.Mail with { Settled = [.. entry.Mail.Settled.Union(outcome.Settled)] };
        if (outcome.Verdict is MailVerdict.Delivered or MailVerdict.Refused)
            spool?.Remove(number);
        else if (entry.IsCommitted || !outcome.Settled.IsEmpty)
            spool?.Retry(entry.Mail);
        bool isDropped;
        lock (_lock)
        {
            switch (outcome.Verdict)
            {
                case MailVerdict.Delivered or MailVerdict.Refused:
                    _mails.Remove(entry);
                    (_failures, _usableFrom, _suspect) = (0, default, null);
                    break;
                case MailVerdict.Deferred:
                    PutOff(entry, outcome);
                    (_failures, _usableFrom, _suspect) = (0, default, null);
                    break;
                // Others went past it meanwhile, so it says nothing of them.
                case MailVerdict.Unavailable when entry.IsLate:
                    PutOff(entry, outcome);
                    break;
                // A server that fails over one mail may take any other; over two in a row, it is the server.
                case MailVerdict.Unavailable when outcome.CameWithMail:
                    PutOff(entry, outcome);
                    if (_suspect is not null && _suspect != entry)
                        Rest();
                    _suspect = entry;
                    break;
                default:
                    Rest();
                    break;
            }

            Count(outcome);
            Tell(entry.Mail, outcome);
            (entry.Passing, entry.IsCommitted, entry.IsLate, isDropped) = (null, false, false, entry.IsDropped);
        }

        // Mail was taken out of the configuration meanwhile.
        if (isDropped)
            spool?.Remove(number);
        // There may be room again for what is held back, and those behind it may leave.
        _store.Writer.TryWrite(true);
        _send.Writer.TryWrite(true);
    }

    // Under the lock. The others go on.
    private void PutOff(Entry entry, MailOutcome outcome)
    {
        entry.Problem = outcome.Problem;
        entry.NotBefore = _isStopping ? TimeSpan.MaxValue : Now + Pause(FirstDeferral, LongestDeferral, entry.Attempts++);
        if (entry.HasOneAttempt)
            entry.GiveUpAt = Now;
    }

    // Under the lock. All of them wait.
    private void Rest() => _usableFrom = _isStopping ? TimeSpan.MaxValue : Now + Pause(FirstPause, LongestPause, _failures++);

    private void TellFailed(Exception exception)
    {
        lock (_lock)
        {
            if (_failed == exception.Message)
                return;
            _failed = exception.Message;
        }

        AlertLog.Failed(logger, exception);
    }

    // Under the lock.
    private void Count(MailOutcome outcome)
    {
        if (outcome.Verdict == MailVerdict.Delivered)
            (_delivered, _lastDelivery) = (_delivered + 1, time.GetUtcNow());
        if (outcome.Verdict == MailVerdict.Refused)
            _givenUp++;
        if (outcome.Problem.Length > 0)
            _lastError = (outcome.Problem, outcome.Detail, time.GetUtcNow());
    }

    // Under the lock.
    private void Tell(SpooledMail mail, MailOutcome outcome)
    {
        // The same problem again says nothing new, whichever mail it meets.
        bool isNews = outcome.Problem.Length > 0 && _told.Add(outcome.Problem);
        switch (outcome.Verdict)
        {
            case MailVerdict.Delivered when outcome.Problem.Length == 0:
                // What another mail waits for is not over with this one.
                if (_told.RemoveWhere(problem => !_mails.Any(one => one.Problem == problem)) > 0)
                    AlertLog.DeliveredAgain(logger, _mails.Count);
                break;
            case MailVerdict.Delivered when isNews:
                AlertLog.RecipientRefused(logger, outcome.Detail);
                break;
            case MailVerdict.Refused when isNews:
                AlertLog.Refused(logger, AlertText.OneLine(mail.Subject), outcome.Detail);
                break;
            // The problem is told already, but not that it cost this one.
            case MailVerdict.Refused:
                AlertLog.RefusedToo(logger, AlertText.OneLine(mail.Subject));
                break;
            case MailVerdict.Deferred or MailVerdict.Unavailable when isNews:
                AlertLog.Undelivered(logger, outcome.Detail);
                break;
        }
    }

    // Under the lock, which is why the files go later: nobody who has an alert is to wait for a disk.
    private long[] GiveUpOld()
    {
        var old = new List<long>();
        for (var node = _mails.First; node is not null;)
        {
            var (mail, following) = (node.Value, node.Next);
            // What the server may have just now it may still take.
            if (mail.GiveUpAt <= Now && mail.IsStored && mail.Passing is null)
            {
                _givenUp++;
                AlertLog.GivenUp(logger, AlertText.OneLine(mail.Mail.Subject));
                old.Add(mail.Mail.Number);
                _mails.Remove(node);
            }

            node = following;
        }

        return [.. old];
    }

    // Under the lock. The first mail that may leave now; else when to look again.
    private Entry? Choose(out TimeSpan? next)
    {
        next = null;
        if (_mails.Count(mail => mail.IsLate) >= MaximumLate)
            return null;
        Entry? chosen = null;
        var now = Now;
        var (waiting, soon) = (new HashSet<string>(StringComparer.Ordinal), new HashSet<string>(StringComparer.Ordinal));
        foreach (var mail in _mails)
        {
            if (mail.Passing is null)
                Sooner(ref next, mail.GiveUpAt);
            if (!mail.IsStored)
                continue;
            // One that waits keeps those behind it that are about the same.
            var subjects = mail.Mail.Subjects;
            bool isOfOne = subjects.Length == 1;
            bool isNext = !subjects.Any((isOfOne ? waiting : soon).Contains);
            if (isOfOne || mail.Attempts < AttemptsInOrder)
                waiting.UnionWith(subjects);
            if (mail.Attempts < AttemptsInOrder)
                soon.UnionWith(subjects);
            if (!isNext || mail.Passing is not null)
                continue;
            var from = mail.NotBefore > _usableFrom ? mail.NotBefore : _usableFrom;
            if (from > now)
                Sooner(ref next, from);
            // Those that failed before are no reason to keep back what has not been tried.
            else if (chosen is null || mail.Attempts < chosen.Attempts)
                chosen = mail;
        }

        return chosen;
    }

    private static void Sooner(ref TimeSpan? next, TimeSpan at) => next = next is null || at < next ? at : next;

    private static TimeSpan Pause(TimeSpan first, TimeSpan longest, int attempts) =>
        TimeSpan.FromTicks(Math.Min(longest.Ticks, first.Ticks << Math.Min(attempts, 10)));

    private async Task WaitAsync(Channel<bool> wake, TimeSpan? until)
    {
        if (wake.Reader.TryRead(out _))
            return;
        using var timeout = new CancellationTokenSource(Timeout.InfiniteTimeSpan, time);
        if (until is { } at && at - Now < Life + Life)
        {
            TimeSpan left;
            do
            {
                left = at - Now;
                if (left <= TimeSpan.Zero)
                    return;
                timeout.CancelAfter(TimeSpan.FromMilliseconds(Math.Ceiling(left.TotalMilliseconds)));
            }
            // Held up between looking at the clock and setting the timer, it would wait for too long.
            while (at - Now < left - Slack || at <= Now);
        }

        using var both = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, _ending.Token);
        try
        {
            await wake.Reader.ReadAsync(both.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // Time to look, or to end.
        }
    }

    private sealed class Entry(SpooledMail mail, TimeSpan giveUpAt)
    {
        public SpooledMail Mail { get; set; } = mail;

        public TimeSpan GiveUpAt { get; set; } = giveUpAt;

        /// <summary>Whether it may be too old, so that one attempt more is all it gets.</summary>
        public bool HasOneAttempt { get; init; }

        /// <summary>What it waits for itself. Null: only for the server.</summary>
        public string? Problem { get; set; }

        /// <summary>Whether it is on disk, or need not be: before that it must not leave.</summary>
        public bool IsStored { get; set; }

        /// <summary>Whether nobody wants it any more, also if it is on its way.</summary>
        public bool IsDropped { get; set; }

        /// <summary>Not null while it is being delivered; completed when others may go past it.</summary>
        public TaskCompletionSource? Passing { get; set; }

        /// <summary>Whether the server may have it.</summary>
        public bool IsCommitted { get; set; }

        /// <summary>Whether the server has it and lets its answer wait.</summary>
        public bool IsLate { get; set; }

        public TimeSpan NotBefore { get; set; }

        public int Attempts { get; set; }
    }
}
