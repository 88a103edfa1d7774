namespace Vrrp;

/// <summary>
/// When gratuitous ARP and unsolicited NA go out: a set of rounds at a takeover, a second set after a delay, refreshes while Master.
/// A round covers all addresses. Pure: it is asked what is due and moves on.
/// </summary>
public record struct AnnouncementSchedule
{
    private int _roundsLeft;
    private int _nextAddress;
    private Instant _nextAt;
    private Instant _notBefore;
    private Instant _secondAt;
    private int _secondRounds;
    private Instant _refreshAt;

    /// <summary>Nothing to announce.</summary>
    public static AnnouncementSchedule Idle { get; } = new()
    {
        _nextAt = Instant.Never,
        _secondAt = Instant.Never,
        _refreshAt = Instant.Never,
    };

    /// <summary>When something is due next.</summary>
    public readonly Instant NextAt => Instant.Min(_nextAt, Instant.Min(_secondAt, _refreshAt));

    /// <summary>A takeover at <paramref name="now"/>.</summary>
    /// <param name="settings">The settings.</param>
    /// <param name="now">The moment of the takeover.</param>
    /// <returns>The schedule.</returns>
    public static AnnouncementSchedule AfterTakeover(AnnouncementSettings settings, Instant now)
    {
        ArgumentNullException.ThrowIfNull(settings);
        return new()
        {
            _roundsLeft = Math.Max(1, settings.Repeat),
            _nextAt = now,
            _secondRounds = Math.Max(1, settings.Repeat),
            _secondAt = settings.Delay > TimeSpan.Zero ? now + settings.Delay : Instant.Never,
            // The first refresh comes after the second set would have.
            _refreshAt = settings.Refresh > TimeSpan.Zero ? now + settings.Delay + settings.Refresh : Instant.Never,
        };
    }

    /// <summary>A lower Master was heard at <paramref name="now"/>; refreshes go on as they were.</summary>
    /// <param name="settings">The settings.</param>
    /// <param name="now">The moment.</param>
    /// <returns>The schedule.</returns>
    public readonly AnnouncementSchedule AfterLowerMaster(AnnouncementSettings settings, Instant now)
    {
        ArgumentNullException.ThrowIfNull(settings);
        if (settings.LowerPriorityRepeat <= 0)
            return this;
        return this with
        {
            // A set that is under way may be longer; it is not cut short.
            _roundsLeft = Math.Max(_roundsLeft, settings.LowerPriorityRepeat),
            _nextAt = Begin(now),
            // Nor does a second set that is still to come grow shorter, or vanish.
            _secondRounds = _secondAt.IsNever ? settings.LowerPriorityRepeat : Math.Max(_secondRounds, settings.LowerPriorityRepeat),
            _secondAt = settings.LowerPriorityDelay > TimeSpan.Zero ? now + settings.LowerPriorityDelay : _secondAt,
        };
    }

    /// <summary>A Master's settings changed: refreshes begin or end, what is under way goes on.</summary>
    /// <param name="settings">The new settings.</param>
    /// <param name="now">The moment.</param>
    /// <returns>The schedule.</returns>
    public readonly AnnouncementSchedule AfterReconfiguration(AnnouncementSettings settings, Instant now)
    {
        ArgumentNullException.ThrowIfNull(settings);
        return this with
        {
            _refreshAt = settings.Refresh > TimeSpan.Zero ? Instant.Min(_refreshAt, now + settings.Refresh) : Instant.Never,
        };
    }

    /// <summary>Takes the next announcement that is due.</summary>
    /// <param name="settings">The settings.</param>
    /// <param name="addressCount">How many addresses a round covers.</param>
    /// <param name="now">The present.</param>
    /// <param name="addressIndex">The address to announce.</param>
    /// <returns>False when nothing is due.</returns>
    public bool TryTake(AnnouncementSettings settings, int addressCount, Instant now, out int addressIndex)
    {
        ArgumentNullException.ThrowIfNull(settings);
        addressIndex = 0;
        if (addressCount == 0)
        {
            this = Idle;
            return false;
        }

        if (_secondAt <= now)
        {
            _roundsLeft = Math.Max(_roundsLeft, _secondRounds);
            _nextAt = Begin(now);
            _secondAt = Instant.Never;
        }

        if (_refreshAt <= now)
        {
            _roundsLeft = Math.Max(_roundsLeft, Math.Max(1, settings.RefreshRepeat));
            _nextAt = Begin(now);
            var next = _refreshAt + settings.Refresh;
            _refreshAt = settings.Refresh <= TimeSpan.Zero ? Instant.Never : next > now ? next : now + settings.Refresh;
        }

        if (_nextAt > now)
            return false;

        addressIndex = Math.Min(_nextAddress, addressCount - 1);
        _nextAddress++;
        if (_nextAddress >= addressCount)
        {
            _nextAddress = 0;
            _roundsLeft--;
        }

        _notBefore = now + settings.Spacing;
        _nextAt = _roundsLeft <= 0 ? Instant.Never : _notBefore;
        return true;
    }

    /// <summary>When a set that is wanted now begins: a set under way keeps its pace, and spacing holds between sets too.</summary>
    private readonly Instant Begin(Instant now) => Instant.Min(_nextAt, _notBefore > now ? _notBefore : now);
}
