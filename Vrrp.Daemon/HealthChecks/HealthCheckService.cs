using Microsoft.Extensions.Logging;
using Vrrp.Daemon.Configuration.Model;
using Vrrp.Daemon.Ipvs;

namespace Vrrp.Daemon.HealthChecks;

/// <summary>
/// Runs the checks: one asynchronous loop for each, so that a slow target delays no other. Starts are spread over the warm-up.
/// Whoever configures it is told of every probe; nothing waits for the listener.
/// </summary>
internal sealed class HealthCheckService(
    Func<HealthCheck, IHealthChecker> createChecker, TimeProvider time, Random random, ILogger<HealthCheckService> logger) : IAsyncDisposable
{
    /// <summary>The kernel and the network of a director that has just started get this long to settle.</summary>
    private static readonly TimeSpan Settling = TimeSpan.FromSeconds(1);

    private readonly CheckRhythm _rhythm = new(time);
    private readonly Lock _lock = new();
    private readonly Dictionary<CheckId, Probe> _probes = [];
    private readonly List<Task> _ended = [];

    /// <summary>
    /// Told what each probe makes of its check, and whether that is news: up or down as before, with the weight as before, is none.
    /// Called on any thread.
    /// </summary>
    public Action<CheckId, HealthCheck, HealthState, bool>? Probed { get; set; }

    /// <summary>Makes the running checks those given. One that is as it was goes on undisturbed.</summary>
    public void Configure(IReadOnlyCollection<(CheckId Id, HealthCheck Check)> wanted)
    {
        lock (_lock)
        {
            var left = new HashSet<CheckId>(_probes.Keys);
            foreach (var (id, check) in wanted)
            {
                left.Remove(id);
                if (_probes.TryGetValue(id, out var running))
                {
                    if (running.Check.IsSameAs(check))
                        continue;
                    End(id, running);
                }

                var probe = new Probe(id, check, HealthState.Initial(check, time.GetUtcNow()));
                _probes.Add(id, probe);
                probe.Running = RunAsync(probe, FirstDelay(check));
            }

            foreach (var id in left)
                End(id, _probes[id]);
        }
    }

    /// <summary>Lets the checks of these virtual servers rest and all others go on.</summary>
    public void Suspend(IReadOnlySet<string> virtualServers)
    {
        lock (_lock)
        {
            foreach (var (id, probe) in _probes)
                probe.Suspend(virtualServers.Contains(id.VirtualServer));
        }
    }

    /// <summary>What is known of a check; null when there is no such check.</summary>
    public HealthState? Find(CheckId id)
    {
        lock (_lock)
            return _probes.TryGetValue(id, out var probe) ? probe.State : null;
    }

    /// <summary>Ends all checks and waits until none runs.</summary>
    public async ValueTask DisposeAsync()
    {
        Task[] ended;
        lock (_lock)
        {
            foreach (var (id, probe) in _probes.ToArray())
                End(id, probe);
            ended = [.. _ended];
        }

        await Task.WhenAll(ended).ConfigureAwait(false);
        _rhythm.Dispose();
    }

    private TimeSpan FirstDelay(HealthCheck check) => Settling + (check.WarmUp * random.NextDouble());

    private void End(CheckId id, Probe probe)
    {
        _probes.Remove(id);
        _ended.RemoveAll(task => task.IsCompleted);
        probe.Cancellation.Cancel();
        _ended.Add(probe.Running);
    }

    private async Task RunAsync(Probe probe, TimeSpan first)
    {
        var token = probe.Cancellation.Token;
        IHealthChecker? checker = null;
        try
        {
            checker = createChecker(probe.Check);
            await _rhythm.WaitAsync(first, token).ConfigureAwait(false);
            while (true)
            {
                await probe.Resumed.WaitAsync(token).ConfigureAwait(false);
                var result = await checker.CheckAsync(token).ConfigureAwait(false);
                var before = probe.State;
                var state = probe.Publish(result, time.GetUtcNow(), out var wait);
                Probed?.Invoke(probe.Id, probe.Check, state, !before.HasResult || before.IsUp != state.IsUp || before.Weight != state.Weight);
                await _rhythm.WaitAsync(wait, token).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (token.IsCancellationRequested)
        {
            // Configured no more.
        }
        catch (Exception exception)
        {
            // Ours to mend, and until then a server that nobody watches does not serve.
            HealthLog.CheckerFailed(logger, exception, probe.Check.Kind, probe.Id.RealServer.ToString(), probe.Id.VirtualServer);
            var state = probe.Publish(CheckResult.Failure($"the checker itself failed: {exception.Message}"), time.GetUtcNow(), out _);
            Probed?.Invoke(probe.Id, probe.Check, state with { IsUp = false }, true);
        }
        finally
        {
            (checker as IDisposable)?.Dispose();
        }
    }

    private sealed class Probe(CheckId id, HealthCheck check, HealthState initial)
    {
        private readonly Lock _lock = new();
        private HealthState _state = initial;
        private TaskCompletionSource? _suspended;

        public CheckId Id => id;

        public HealthCheck Check => check;

        /// <summary>Without a timer and a handle it needs no disposal, and a check that failed in itself is still to be ended.</summary>
        public CancellationTokenSource Cancellation { get; } = new();

        public Task Running { get; set; } = Task.CompletedTask;

        public HealthState State
        {
            get
            {
                lock (_lock)
                    return _state;
            }
        }

        /// <summary>Completes when the check need not rest.</summary>
        public Task Resumed
        {
            get
            {
                lock (_lock)
                    return _suspended?.Task ?? Task.CompletedTask;
            }
        }

        public HealthState Publish(CheckResult result, DateTimeOffset now, out TimeSpan wait)
        {
            lock (_lock)
                return _state = _state.After(check, result, now, out wait);
        }

        public void Suspend(bool isSuspended)
        {
            lock (_lock)
            {
                if (isSuspended)
                {
                    _suspended ??= new(TaskCreationOptions.RunContinuationsAsynchronously);
                    return;
                }

                _suspended?.SetResult();
                _suspended = null;
            }
        }
    }
}
