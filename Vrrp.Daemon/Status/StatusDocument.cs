namespace Vrrp.Daemon.Status;

/// <summary>
/// A document that is put together when someone asks. However many ask, only one is being made at a time, and making it takes at most a
/// twentieth of the time: until then they get the last one, which is never older than a second.
/// </summary>
internal sealed class StatusDocument(Func<Task<byte[]>> create, TimeProvider time)
{
    private const int Share = 20;

    private static readonly TimeSpan s_shortest = TimeSpan.FromMilliseconds(100);

    /// <summary>The first document is slow to make, because its code is compiled with it, and must not stand for the state long after.</summary>
    private static readonly TimeSpan s_longest = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();
    private Task<byte[]>? _last;
    private long _validUntil;

    public Task<byte[]> GetAsync()
    {
        lock (_lock)
        {
            if (_last is { IsCompleted: false } || (_last is { IsCompletedSuccessfully: true } && time.GetTimestamp() < _validUntil))
                return _last;
            return _last = Task.Run(CreateAsync);
        }
    }

    private async Task<byte[]> CreateAsync()
    {
        long began = time.GetTimestamp();
        byte[] document = await create().ConfigureAwait(false);
        var validity = TimeSpan.FromTicks(Math.Clamp(time.GetElapsedTime(began).Ticks * Share, s_shortest.Ticks, s_longest.Ticks));
        lock (_lock)
            _validUntil = time.GetTimestamp() + (long)(validity.TotalSeconds * time.TimestampFrequency);
        return document;
    }
}
