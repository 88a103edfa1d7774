using Vrrp.Daemon.HealthChecks;

namespace Vrrp.Tests.HealthChecks;

/// <summary>Waits on one timer.</summary>
public sealed class CheckRhythmTests : IDisposable
{
    private readonly ManualTime _time = new();
    private readonly CheckRhythm _rhythm;

    public CheckRhythmTests() => _rhythm = new(_time);

    public void Dispose() => _rhythm.Dispose();

    [Fact]
    public void Each_wait_ends_in_its_order_never_early_and_at_most_a_grain_late()
    {
        var random = new Random(3);
        var ended = new List<(TimeSpan Wanted, TimeSpan At)>();
        for (int i = 0; i < 1000; i++)
        {
            var wanted = TimeSpan.FromMicroseconds(random.Next(5_000_000));
            _ = NoteAsync(wanted);
        }

        _time.Advance(TimeSpan.FromSeconds(6));
        Assert.Equal(1000, ended.Count);
        Assert.All(ended, wait => Assert.InRange(wait.At - wait.Wanted, TimeSpan.Zero, TimeSpan.FromMilliseconds(10)));
        Assert.Equal(ended.Select(wait => wait.At).Order(), ended.Select(wait => wait.At));
        // On one grid, so that few awakenings serve them all.
        Assert.InRange(ended.Select(wait => wait.At).Distinct().Count(), 1, 501);

        async Task NoteAsync(TimeSpan wanted)
        {
            await _rhythm.WaitAsync(wanted, default).ConfigureAwait(false);
            ended.Add((wanted, TimeSpan.FromTicks(_time.GetTimestamp())));
        }
    }

    [Fact]
    public async Task A_wait_that_is_given_up_ends_at_once_and_one_that_is_shorter_comes_first()
    {
        using var end = new CancellationTokenSource();
        var given = _rhythm.WaitAsync(TimeSpan.FromHours(1), end.Token);
        var later = _rhythm.WaitAsync(TimeSpan.FromSeconds(2), default);
        var sooner = _rhythm.WaitAsync(TimeSpan.FromSeconds(1), default);
        await end.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => given);
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal((true, false), (sooner.IsCompletedSuccessfully, later.IsCompleted));
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.True(later.IsCompletedSuccessfully);
    }
}
