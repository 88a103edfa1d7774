namespace Vrrp.Daemon.Status;

/// <summary>
/// A document that is put together when someone asks. However many ask, only one is being made at a time, and making it takes at most a
/// twentieth of the time: until then they get the last one.
/// </summary>
internal sealed class StatusDocument(Func<Task<byte[]>> create, TimeProvider time)
{
    private const int Share = 20;

    private static readonly TimeSpan s_shortest = TimeSpan.FromMilliseconds(100);

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
        long now = time.GetTimestamp();
        long shortest = (long)(s_shortest.TotalSeconds * time.TimestampFrequency);
        lock (_lock)
            _validUntil = now + Math.Max(shortest, (now - began) * Share);
        return document;
    }
}
