using Microsoft.Extensions.Logging;
using Vrrp.Daemon.Configuration.Model;
using Vrrp.Daemon.Tracking;

namespace Vrrp.Daemon.Notifications;

/// <summary>Runs a command to its end, as <see cref="ScriptRunner.RunAsync"/> does.</summary>
internal delegate Task<ScriptResult> RunScript(
    ScriptCommand command, IReadOnlyList<string> arguments, IReadOnlyList<string> variables, TimeSpan timeout, CancellationToken cancellationToken);

/// <summary>The same; when <paramref name="timeUp"/> is cancelled its time is up, whatever its timeout.</summary>
internal delegate Task<ScriptResult> RunHurriedScript(
    ScriptCommand command, IReadOnlyList<string> arguments, IReadOnlyList<string> variables, TimeSpan timeout, CancellationToken timeUp, CancellationToken cancellationToken);

/// <summary>
/// Runs the scripts of instances and groups: those of one subject one after another, so that the last to run tells what is so now;
/// those of different ones side by side.
/// </summary>
internal sealed class NotifyScriptQueue(RunHurriedScript run, TimeProvider time, ILogger logger) : IDisposable
{
    /// <summary>Events that wait behind a script that does not end; of more the oldest go, the last one stays.</summary>
    internal const int MaximumWaiting = 32;

    /// <summary>Scripts at once: a failover of a thousand instances starts no thousand processes.</summary>
    internal const int MaximumRunning = 32;

    /// <summary>For one that nothing waits for: to mount a file system or to promote a database may take minutes.</summary>
    internal static readonly TimeSpan Limit = TimeSpan.FromMinutes(10);

    /// <summary>For one that a later change of the same subject waits for.</summary>
    internal static readonly TimeSpan LimitWhenWaitedFor = TimeSpan.FromSeconds(60);

    /// <summary>Then it is said what is waited for.</summary>
    internal static readonly TimeSpan LimitOfSilence = TimeSpan.FromSeconds(5);

    /// <summary>At the end of the daemon, for what still runs for an earlier state.</summary>
    internal static readonly TimeSpan LimitOfEarlier = TimeSpan.FromSeconds(1);

    /// <summary>At the end of the daemon, for all of them together.</summary>
    internal static readonly TimeSpan LimitAtEnd = TimeSpan.FromSeconds(5);

    private readonly Lock _lock = new();
    private readonly Dictionary<string, Subject> _subjects = new(StringComparer.Ordinal);
    private readonly SemaphoreSlim _places = new(MaximumRunning);
    private readonly CancellationTokenSource _hurrying = new();
    private readonly CancellationTokenSource _ending = new();

    /// <summary>Queues the scripts of an event, if it has any. Returns at once.</summary>
    public void Take(NotifyEvent told)
    {
        if (!told.Runs().Any())
            return;
        lock (_lock)
        {
            if (!_subjects.TryGetValue(told.Subject, out var subject))
            {
                subject = new();
                _subjects.Add(told.Subject, subject);
                subject.Waiting.Add(told);
                subject.Running = RunAsync(told.Subject, subject);
                return;
            }

            subject.Waiting.Add(told);
            // A promotion is not ended for the news that another Master is heard.
            if (told.IsState)
                subject.Current?.Hurry();
            if (subject.Waiting.Count > MaximumWaiting)
                Shorten(told.Subject, subject);
        }
    }

    /// <summary>Runs what is still to be told, for a few seconds at most: of each subject only the last state.</summary>
    /// <param name="atOnce">Ends the wait.</param>
    public async Task StopAsync(CancellationToken atOnce)
    {
        Task all;
        lock (_lock)
        {
            foreach (var subject in _subjects.Values)
            {
                int last = subject.Waiting.FindLastIndex(told => told.IsState);
                subject.Waiting.RemoveAll(told => !told.IsState);
                if (last >= 0)
                    subject.Waiting.RemoveRange(0, subject.Waiting.Count - 1);
            }

            all = Task.WhenAll(_subjects.Values.Select(subject => subject.Running));
        }

        if (!await HasEndedAsync(all, LimitOfEarlier, atOnce).ConfigureAwait(false))
            await _hurrying.CancelAsync().ConfigureAwait(false);
        if (!await HasEndedAsync(all, LimitAtEnd - LimitOfEarlier, atOnce).ConfigureAwait(false))
            await _ending.CancelAsync().ConfigureAwait(false);
        await all.ConfigureAwait(false);
    }

    public void Dispose()
    {
        _places.Dispose();
        _hurrying.Dispose();
        _ending.Dispose();
    }

    private async Task<bool> HasEndedAsync(Task all, TimeSpan limit, CancellationToken atOnce)
    {
        try
        {
            await all.WaitAsync(limit, time, atOnce).ConfigureAwait(false);
            return true;
        }
        catch (Exception exception) when (exception is TimeoutException or OperationCanceledException)
        {
            return all.IsCompleted;
        }
    }

    private void Shorten(string name, Subject subject)
    {
        int least = subject.Waiting.FindIndex(told => !told.IsState);
        subject.Waiting.RemoveAt(Math.Max(least, 0));
        if (!subject.IsBehind)
            NotifyLog.ScriptsBehind(logger, name);
        subject.IsBehind = true;
    }

    private async Task RunAsync(string name, Subject subject)
    {
        // Not on the caller's thread: starting a process takes milliseconds.
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        while (true)
        {
            NotifyEvent told;
            lock (_lock)
            {
                if (subject.Waiting.Count == 0)
                {
                    _subjects.Remove(name);
                    return;
                }

                told = subject.Waiting[0];
                subject.Waiting.RemoveAt(0);
            }

            foreach (var script in told.Runs())
                await RunAsync(subject, told, script).ConfigureAwait(false);
        }
    }

    private async Task RunAsync(Subject subject, NotifyEvent told, NotifyScript script)
    {
        bool hasPlace = false;
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(_ending.Token, told.IsLast ? CancellationToken.None : _hurrying.Token);
        using var current = new Current(told.Subject, script.Keyword, time, logger);
        try
        {
            await _places.WaitAsync(stop.Token).ConfigureAwait(false);
            hasPlace = true;
            lock (_lock)
            {
                subject.Current = current;
                current.Begin(isWaitedFor: subject.Waiting.Exists(waiting => waiting.IsState));
            }

            var result = await run(script.Command, script.Arguments, told.Variables(), Limit, current.Token, stop.Token).ConfigureAwait(false);
            if (result.Problem is { } problem)
                NotifyLog.ScriptFailed(logger, script.Keyword, told.Subject, problem);
        }
        catch (OperationCanceledException)
        {
            NotifyLog.ScriptFailed(logger, script.Keyword, told.Subject, hasPlace ? "it was ended, because the daemon stops" : "it was not run, because the daemon stops");
        }
#pragma warning disable CA1031 // What follows, of this subject above all, is to be told all the same.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            NotifyLog.ScriptFailed(logger, script.Keyword, told.Subject, exception.Message);
        }
        finally
        {
            lock (_lock)
                subject.Current = null;
            if (hasPlace)
                _places.Release();
        }
    }

    /// <summary>A script that runs. Under the queue's lock.</summary>
    private sealed class Current(string subject, string keyword, TimeProvider time, ILogger logger) : IDisposable
    {
        private readonly CancellationTokenSource _impatience = new(Timeout.InfiniteTimeSpan, time);
        private ITimer? _silence;
        private long _begun;

        public CancellationToken Token => _impatience.Token;

        public void Begin(bool isWaitedFor)
        {
            _begun = time.GetTimestamp();
            if (isWaitedFor)
                Hurry();
        }

        /// <summary>Something waits for it from now on.</summary>
        public void Hurry()
        {
            if (_silence is not null)
                return;
            var left = LimitWhenWaitedFor - time.GetElapsedTime(_begun);
            _impatience.CancelAfter(left > TimeSpan.Zero ? left : TimeSpan.Zero);
            _silence = time.CreateTimer(
                _ => NotifyLog.ScriptWaitedFor(logger, keyword, subject, (long)time.GetElapsedTime(_begun).TotalSeconds), null, LimitOfSilence, Timeout.InfiniteTimeSpan);
        }

        public void Dispose()
        {
            _silence?.Dispose();
            _impatience.Dispose();
        }
    }

    private sealed class Subject
    {
        public List<NotifyEvent> Waiting { get; } = [];

        public Task Running { get; set; } = Task.CompletedTask;

        /// <summary>What runs now.</summary>
        public Current? Current { get; set; }

        /// <summary>Whether it was said that some are told to none.</summary>
        public bool IsBehind { get; set; }
    }
}
