using System.Globalization;
using Vrrp.Linux;

namespace Vrrp.Tests.Linux.Chaos;

/// <summary>How much slower than usual the machine is, because others want its processors too.</summary>
internal sealed class MachineLoad : IAsyncDisposable
{
    private static readonly TimeSpan Period = TimeSpan.FromMilliseconds(200);

    // So many that want a processor are usual in a test run, and such a pause of the questioner.
    private const double UsualPerProcessor = 4;
    private static readonly TimeSpan UsualPause = TimeSpan.FromMilliseconds(250);

    private readonly List<(Instant Time, int Running)> _samples = [];
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _sampling;

    public MachineLoad() => _sampling = SampleAsync();

    /// <summary>By how much a usual margin is to be multiplied: 1 or more.</summary>
    /// <param name="since">From when on.</param>
    /// <param name="questions">The questions since then.</param>
    public double SlownessSince(Instant since, IReadOnlyList<ProbeSample> questions)
    {
        double running;
        lock (_samples)
            running = _samples.Where(sample => sample.Time >= since).Select(sample => (double)sample.Running).DefaultIfEmpty(0).Average();
        return Slowness(running / Environment.ProcessorCount, LongestPause(questions));
    }

    public static double Slowness(double runningPerProcessor, TimeSpan pause) =>
        Math.Max(1, Math.Max(runningPerProcessor / UsualPerProcessor, pause / UsualPause));

    public static TimeSpan LongestPause(IReadOnlyList<ProbeSample> questions) =>
        questions.Zip(questions.Skip(1), (first, second) => second.Time - first.Time).DefaultIfEmpty(TimeSpan.Zero).Max();

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _sampling;
        _stop.Dispose();
    }

    private async Task SampleAsync()
    {
        using var timer = new PeriodicTimer(Period);
        try
        {
            while (await timer.WaitForNextTickAsync(_stop.Token))
            {
                // "0.20 0.18 0.12 1/80 11206": the fourth is those that want a processor of all there are.
                var running = int.Parse((await File.ReadAllTextAsync("/proc/loadavg", _stop.Token)).Split(' ')[3].Split('/')[0], CultureInfo.InvariantCulture);
                lock (_samples)
                    _samples.Add((MonotonicClock.Now, running));
            }
        }
        catch (OperationCanceledException)
        {
        }
    }
}
