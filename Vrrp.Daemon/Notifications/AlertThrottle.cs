using System.Collections.Immutable;
using System.Globalization;
using System.Text;

namespace Vrrp.Daemon.Notifications;

/// <summary>Alerts of one subject that are held back: how many of what kind, and the last of them.</summary>
internal sealed record HeldAlerts
{
    /// <summary>Lines that are kept of the last of them.</summary>
    public const int MaximumRecent = 10;

    /// <summary>Names it in the spool: a mail that tells of it says so.</summary>
    public string Id { get; init; } = Guid.NewGuid().ToString("N");

    public required Alert Last { get; init; }

    public required DateTimeOffset Since { get; init; }

    /// <summary>All of them, the last included.</summary>
    public int Count { get; init; } = 1;

    /// <summary>How many of each event.</summary>
    public required ImmutableSortedDictionary<string, int> Events { get; init; }

    /// <summary>The last few, a line each.</summary>
    public required ImmutableQueue<string> Recent { get; init; }

    public int RecentCount { get; init; } = 1;

    public static HeldAlerts Begin(Alert alert) => new()
    {
        Last = alert,
        Since = alert.At,
        Events = ImmutableSortedDictionary<string, int>.Empty.WithComparers(StringComparer.Ordinal).Add(alert.Event, 1),
        Recent = [Line(alert)],
    };

    public HeldAlerts Add(Alert alert) => this with
    {
        Last = alert,
        Count = Count + 1,
        Events = Events.SetItem(alert.Event, Events.GetValueOrDefault(alert.Event) + 1),
        Recent = (RecentCount == MaximumRecent ? Recent.Dequeue() : Recent).Enqueue(Line(alert)),
        RecentCount = Math.Min(RecentCount + 1, MaximumRecent),
    };

    /// <summary>With what was held back later; by the name of the earlier, which may be on disk.</summary>
    public HeldAlerts Join(HeldAlerts newer)
    {
        var events = Events;
        foreach (var (happened, count) in newer.Events)
            events = events.SetItem(happened, events.GetValueOrDefault(happened) + count);
        string[] recent = [.. Recent.Concat(newer.Recent).TakeLast(MaximumRecent)];
        return this with { Last = newer.Last, Count = Count + newer.Count, Events = events, Recent = [.. recent], RecentCount = recent.Length };
    }

    private static string Line(Alert alert) => $"{AlertText.Time(alert.At)}  {alert.Event}: {alert.Reason}";
}

/// <summary>
/// Keeps a flood of alerts from becoming a flood of mails: the first few of a subject pass, then they are held back and told by one mail
/// after a while, which grows as long as it goes on. Also all subjects together have a bound, beyond which one mail tells of several.
/// Nothing is lost but repetition: what a mail stands for is counted in it. Pure but for being changed in place; for one thread at a time.
/// </summary>
/// <param name="hostName">This host, for mails that tell of several subjects.</param>
internal sealed class AlertThrottle(string hostName)
{
    /// <summary>Mails at once of all subjects together, and how long one more takes.</summary>
    public const int Burst = 50;

    /// <summary>Mails of a subject that leave at once.</summary>
    private const int FreeMails = 4;

    /// <summary>Subjects that a mail lists.</summary>
    private const int MaximumListed = 200;

    /// <summary>Kinds of states that its subject names.</summary>
    private const int MaximumStates = 4;

    /// <summary>Subjects beyond which those that are quiet are forgotten.</summary>
    private const int MaximumQuiet = 4096;

    private static readonly TimeSpan Refill = TimeSpan.FromSeconds(20);

    /// <summary>When there are too many subjects at once, for the others to come.</summary>
    private static readonly TimeSpan Gather = TimeSpan.FromSeconds(10);

    /// <summary>Quiet after which a subject begins anew.</summary>
    private static readonly TimeSpan Quiet = TimeSpan.FromMinutes(10);

    /// <summary>Quiet that gives one of the first mails back: a failover minutes after the start is not held back for the mails of the start.</summary>
    private static readonly TimeSpan QuietForOne = TimeSpan.FromMinutes(1);

    /// <summary>How often that may happen at once, and how long one more takes: else one that flaps slowly would never be held back.</summary>
    private const int Spares = 10;

    private static readonly TimeSpan SpareRefill = TimeSpan.FromHours(1);

    /// <summary>Least time from each mail of a subject to its next.</summary>
    private static readonly ImmutableArray<TimeSpan> s_pauses =
        [default, default, default, default, TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(5), TimeSpan.FromMinutes(15), TimeSpan.FromHours(1)];

    private readonly Dictionary<string, Subject> _subjects = new(StringComparer.Ordinal);
    private readonly List<Subject> _held = [];
    private double _tokens = Burst;
    private TimeSpan _refilled;

    /// <summary>Of each subject what is held back.</summary>
    public IEnumerable<HeldAlerts> Held => _held.Select(subject => subject.Held!);

    public bool HasHeld => _held.Count > 0;

    // Sums of fractions are not exact.
    private bool HasToken => _tokens > 0.999999;

    /// <summary>When the next mail for what is held back is due. Null: nothing is held.</summary>
    public TimeSpan? NextDue
    {
        get
        {
            TimeSpan? next = null;
            foreach (var subject in _held)
                next = next is null || DueOf(subject) < next ? DueOf(subject) : next;
            if (next is null || HasToken)
                return next;
            var token = _refilled + ((1 - _tokens) * Refill);
            return token > next ? token : next;
        }
    }

    /// <summary>Takes an alert.</summary>
    /// <param name="alert">The alert.</param>
    /// <param name="now">Time on a clock that never goes back.</param>
    /// <param name="isFull">Whether there is no room for another mail.</param>
    /// <returns>True: it is to be mailed as it is. False: it is held back.</returns>
    public bool Offer(Alert alert, TimeSpan now, bool isFull = false)
    {
        RefillTokens(now);
        var subject = Find(alert.About, now);
        GiveBack(subject, now);
        subject.LastOffered = now;
        if (subject.Held is { } held)
        {
            subject.Held = held.Add(alert);
            return false;
        }

        var due = subject.Step == 0 ? now : subject.LastSent + s_pauses[subject.Step];
        if (due <= now && HasToken && !isFull)
        {
            Sent(subject, now);
            return true;
        }

        subject.Held = HeldAlerts.Begin(alert);
        subject.Due = due <= now ? now + Gather : due;
        _held.Add(subject);
        return false;
    }

    /// <summary>Takes what was held back when the daemon last ended.</summary>
    public void Restore(HeldAlerts held, TimeSpan now)
    {
        var subject = Find(held.Last.About, now);
        if (subject.Held is { } newer)
        {
            subject.Held = held.Join(newer);
            return;
        }

        subject.Held = held;
        subject.LastOffered = now;
        subject.Due = now + Gather;
        _held.Add(subject);
    }

    /// <summary>The next mail that is due for what was held back. Null: none.</summary>
    public Alert? TakeDue(string routerId, TimeSpan now)
    {
        RefillTokens(now);
        if (!HasToken)
            return null;
        Subject[] due = [.. _held.Where(subject => DueOf(subject) <= now)];
        return due.Length == 0 ? null : due.Length <= _tokens + 0.000001 ? Take([due[0]], routerId, now) : Take(due, routerId, now);
    }

    /// <summary>One mail for all that is held back, at the end. Null: nothing is.</summary>
    public Alert? TakeAll(string routerId, TimeSpan now) => _held.Count == 0 ? null : Take([.. _held], routerId, now);

    // When it has been quiet for so long, it is over, and how it ended is what somebody waits for.
    private static TimeSpan DueOf(Subject subject) => subject.LastOffered + Quiet < subject.Due ? subject.LastOffered + Quiet : subject.Due;

    private static void GiveBack(Subject subject, TimeSpan now)
    {
        subject.Spare = Math.Min(Spares, subject.Spare + ((now - subject.LastOffered) / SpareRefill));
        var quiet = now - subject.LastOffered;
        if (quiet >= Quiet)
        {
            subject.Step = 0;
            return;
        }

        // A flood that pauses for a minute is still one.
        if (subject.Step > FreeMails)
            return;
        int back = Math.Min(Math.Min((int)(quiet / QuietForOne), (int)subject.Spare), subject.Step);
        subject.Step -= back;
        subject.Spare -= back;
    }

    private Alert Take(Subject[] subjects, string routerId, TimeSpan now)
    {
        HeldAlerts[] held = [.. subjects.Select(subject => subject.Held!)];
        foreach (var subject in subjects)
        {
            subject.Held = null;
            _held.Remove(subject);
            Sent(subject, now);
        }

        // One mail was paid for each subject, but it is only one.
        _tokens += subjects.Length - 1;
        return held.Length == 1 ? DigestOfOne(held[0]) : DigestOfSeveral(held, routerId, hostName);
    }

    private static Alert DigestOfOne(HeldAlerts held)
    {
        if (held.Count == 1)
            return held.Last with { Parts = [held.Id] };
        var text = new StringBuilder(held.Last.Body);
        text.Append(CultureInfo.InvariantCulture, $"\nThis mail tells of {held.Count} alerts, {held.Count - 1} of which were held back since {AlertText.Time(held.Since)}:\n");
        foreach (var (happened, count) in held.Events)
            text.Append(CultureInfo.InvariantCulture, $"  {count,6} x {happened}\n");
        text.Append(held.Count > held.RecentCount ? $"The last {held.RecentCount.ToString(CultureInfo.InvariantCulture)} of them:\n" : "In their order:\n");
        foreach (string line in held.Recent)
            text.Append("  ").Append(line).Append('\n');
        return held.Last with
        {
            Count = held.Count,
            Parts = [held.Id],
            Subject = string.Create(CultureInfo.InvariantCulture, $"{held.Last.Subject} ({held.Count} alerts in one)"),
            Body = text.ToString(),
        };
    }

    private static Alert DigestOfSeveral(HeldAlerts[] held, string routerId, string hostName)
    {
        int count = held.Sum(one => one.Count);
        var last = held.MaxBy(one => one.Last.At)!.Last;
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"=> {count} alerts of {held.Length} subjects were held back since {AlertText.Time(held.Min(one => one.Since))} <=\n\n");
        text.Append(CultureInfo.InvariantCulture, $"{"Router:",-16}{AlertText.OneLine(routerId)}\n{"Host:",-16}{AlertText.OneLine(hostName)}\n\n");
        text.Append("What each of them is now:\n");
        foreach (var one in held.OrderBy(one => one.Last.About, StringComparer.Ordinal).Take(MaximumListed))
        {
            text.Append(CultureInfo.InvariantCulture, $"  {AlertText.OneLine(one.Last.About)} - {one.Last.Event}, {AlertText.Time(one.Last.At)}: {one.Last.Reason}");
            text.Append(one.Count == 1 ? "\n" : $" ({one.Count.ToString(CultureInfo.InvariantCulture)} alerts)\n");
        }

        if (held.Length > MaximumListed)
            text.Append(CultureInfo.InvariantCulture, $"  and {held.Length - MaximumListed} more, with {held.OrderBy(one => one.Last.About, StringComparer.Ordinal).Skip(MaximumListed).Sum(one => one.Count)} alerts\n");
        // A filter, and who reads it on a telephone, looks for the states in the subject.
        var now = held.GroupBy(one => one.Last.Event, StringComparer.Ordinal).OrderByDescending(group => group.Count()).ThenBy(group => group.Key, StringComparer.Ordinal);
        string states = string.Join(", ", now.Take(MaximumStates).Select(group => string.Create(CultureInfo.InvariantCulture, $"{group.Count()} x {group.Key}")));
        string subject = string.Create(CultureInfo.InvariantCulture, $"[{routerId}] {count} alerts of {held.Length} subjects in one - {states}");
        return new("", "held back", last.Reason, last.At, AlertText.OneLine(subject), text.ToString())
        {
            Count = count,
            Parts = [.. held.Select(one => one.Id)],
            Abouts = [.. held.Select(one => one.Last.About)],
        };
    }

    private Subject Find(string about, TimeSpan now)
    {
        if (_subjects.TryGetValue(about, out var subject))
            return subject;
        if (_subjects.Count >= MaximumQuiet)
        {
            foreach (var (name, _) in _subjects.Where(pair => pair.Value.Held is null && now - pair.Value.LastOffered >= Quiet).ToArray())
                _subjects.Remove(name);
        }

        return _subjects[about] = new Subject { LastOffered = now };
    }

    private void Sent(Subject subject, TimeSpan now)
    {
        subject.LastSent = now;
        subject.Step = Math.Min(subject.Step + 1, s_pauses.Length - 1);
        _tokens--;
    }

    private void RefillTokens(TimeSpan now)
    {
        _tokens = Math.Min(Burst, _tokens + ((now - _refilled) / Refill));
        _refilled = now;
    }

    private sealed class Subject
    {
        /// <summary>Mails of it since it was last quiet, as an index of the pauses.</summary>
        public int Step { get; set; }

        public TimeSpan LastSent { get; set; }

        public TimeSpan LastOffered { get; set; }

        /// <summary>How often a quiet minute may still give one back.</summary>
        public double Spare { get; set; } = Spares;

        public HeldAlerts? Held { get; set; }

        public TimeSpan Due { get; set; }
    }
}
