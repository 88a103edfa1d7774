using Microsoft.Extensions.Logging;
using Vrrp.Daemon.Configuration.Model;

namespace Vrrp.Daemon.Tracking;

/// <summary>Runs a script to its end; one that runs too long is told of at its timeout, before it has ended.</summary>
internal delegate Task<ScriptResult> RunTrackedScript(ScriptTracker script, Action<ScriptResult> timedOut, CancellationToken cancellationToken);

/// <summary>
/// Runs a vrrp_script at its interval. One that still runs when its turn comes is not started again; that turn is left out, and is a failure
/// once the script was to be ended and cannot be.
/// </summary>
#pragma warning disable CA1001 // A source without a timer and a handle needs no disposal.
internal sealed class ScriptWatch(
    ScriptTracker script, TrackerReading reading, RunTrackedScript run, TimeProvider time, ILogger logger)
    : TrackerWatch(script, reading)
#pragma warning restore CA1001
{
    /// <summary>Reasons that are told of one that stays down.</summary>
    private const int MaximumProblems = 8;

    private readonly CancellationTokenSource _ending = new();
    private ScriptState _state = new(reading.IsUp);
    private Task _running = Task.CompletedTask;
    private Task _remains = Task.CompletedTask;
    private bool _hasFailed;
    private readonly HashSet<string> _toldProblems = new(StringComparer.Ordinal);

    public override void Start() => _running = RunAsync(_ending.Token);

    public override Task StopAsync()
    {
        _ending.Cancel();
        return _running;
    }

    private async Task RunAsync(CancellationToken cancellationToken)
    {
        try
        {
            long begun = time.GetTimestamp();
            long turn = 0;
            while (true)
            {
                if (_remains.IsCompleted)
                    await RunOnceAsync(cancellationToken).ConfigureAwait(false);
                else
                    Take(new(ScriptEnd.TimedOut, 0, "the run before cannot be ended"));
                // From turn to turn, whatever each took; a timer that fires early does not give the same turn twice.
                long passed = time.GetElapsedTime(begun).Ticks;
                turn = Math.Max(turn + 1, (passed / script.Interval.Ticks) + 1);
                // A delay is cut to whole milliseconds.
                long wait = ((turn * script.Interval.Ticks) - passed + TimeSpan.TicksPerMillisecond - 1) / TimeSpan.TicksPerMillisecond;
                await Task.Delay(TimeSpan.FromMilliseconds(wait), time, cancellationToken).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // Configured no more.
        }
    }

    private async Task RunOnceAsync(CancellationToken cancellationToken)
    {
        bool isTaken = false;
        try
        {
            var result = await run(script, TakeOnce, cancellationToken).ConfigureAwait(false);
            if (result.Remains is { } remains)
            {
                _remains = remains;
                TrackingLog.Problem(logger, Name, result.Problem!);
            }

            TakeOnce(result);
            _hasFailed = false;
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            throw;
        }
#pragma warning disable CA1031 // Ours to mend; what failed once may work at the next turn.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            // Once for all in a row.
            if (!_hasFailed)
                TrackingLog.Failed(logger, exception, Name);
            _hasFailed = true;
            TakeOnce(new(ScriptEnd.NotStarted, 0, exception.Message));
        }

        // At its timeout or at its end, not at both.
        void TakeOnce(ScriptResult result)
        {
            if (isTaken)
                return;
            isTaken = true;
            Take(result);
        }
    }

    private void Take(ScriptResult result)
    {
        var before = _state;
        _state = before.After(result.IsSuccess, script);
        string problem = result.Problem ?? "it failed";
        if (_state.IsUp == before.IsUp)
        {
            // It fails for another reason than before: each is told once until it is up again, however often they take turns.
            if (_state.IsUp == false && !result.IsSuccess && _toldProblems.Count < MaximumProblems && _toldProblems.Add(problem))
            {
                TrackingLog.StillDown(logger, Name, problem);
                Publish(new(false, 0, problem));
            }

            return;
        }

        if (_state.IsUp == true)
        {
            _toldProblems.Clear();
            TrackingLog.Up(logger, Name);
        }
        else
        {
            _toldProblems.Add(problem);
            TrackingLog.Down(logger, Name, problem);
        }

        Publish(new(_state.IsUp, 0, result.Problem));
    }
}
