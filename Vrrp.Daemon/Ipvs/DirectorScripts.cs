using Microsoft.Extensions.Logging;
using Vrrp.Daemon.Configuration.Model;
using Vrrp.Daemon.Tracking;

namespace Vrrp.Daemon.Ipvs;

/// <summary>
/// notify_up and notify_down of real servers, quorum_up and quorum_down: those of one virtual server one after another, so that the last
/// to run tells what is so now; those of different ones side by side.
/// </summary>
internal sealed class DirectorScripts(ScriptRunner runner, TimeProvider time, ILogger<DirectorScripts> logger) : IAsyncDisposable
{
    /// <summary>What waits behind a script that does not end.</summary>
    private const int MaximumWaiting = 100;

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    /// <summary>At the end of the daemon, for all of them together.</summary>
    private static readonly TimeSpan LimitAtEnd = TimeSpan.FromSeconds(5);

    private readonly Lock _lock = new();
    private readonly Dictionary<string, (Task Last, int Count)> _queues = new(StringComparer.Ordinal);
    private readonly CancellationTokenSource _ending = new();

    /// <summary>Queues the script of an event, if it has one. Returns at once.</summary>
    public void Take(DirectorEvent happened)
    {
        if (Choose(happened) is not ({ } command, { } keyword, { } subject))
            return;
        string name = happened.VirtualServer.Name;
        lock (_lock)
        {
            var (last, count) = _queues.GetValueOrDefault(name, (Task.CompletedTask, 0));
            if (count == MaximumWaiting)
                IpvsLog.ScriptDropped(logger, name, keyword, subject);
            else
                _queues[name] = (RunAsync(last, name, command, keyword, subject), count + 1);
        }
    }

    /// <summary>Waits for those that run, for a short while, and ends the rest.</summary>
    public async ValueTask DisposeAsync()
    {
        Task[] running;
        lock (_lock)
            running = [.. _queues.Values.Select(queue => queue.Last)];
        var all = Task.WhenAll(running);
        try
        {
            await all.WaitAsync(LimitAtEnd, time).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            await _ending.CancelAsync().ConfigureAwait(false);
            await all.ConfigureAwait(false);
        }

        _ending.Dispose();
    }

    private static (ScriptCommand? Command, string Keyword, string Subject) Choose(DirectorEvent happened) => happened switch
    {
        RealServerChanged { IsUp: true } up => (up.RealServer.NotifyUp, "notify_up", DirectorState.KeyOf(up.RealServer).ToString()),
        RealServerChanged down => (down.RealServer.NotifyDown, "notify_down", DirectorState.KeyOf(down.RealServer).ToString()),
        QuorumChanged { HasQuorum: true } gained => (gained.VirtualServer.QuorumUp, "quorum_up", "the quorum"),
        QuorumChanged lost => (lost.VirtualServer.QuorumDown, "quorum_down", "the quorum"),
        _ => (null, "", ""),
    };

    private async Task RunAsync(Task before, string name, ScriptCommand command, string keyword, string subject)
    {
        // Not on the caller's loop: starting a process takes milliseconds.
        await before.ConfigureAwait(ConfigureAwaitOptions.ForceYielding | ConfigureAwaitOptions.SuppressThrowing);
        try
        {
            var result = await runner.RunAsync(command, [], [], Limit, _ending.Token).ConfigureAwait(false);
            if (result.Problem is { } problem)
                IpvsLog.ScriptFailed(logger, keyword, subject, name, problem);
        }
        catch (OperationCanceledException)
        {
            IpvsLog.ScriptFailed(logger, keyword, subject, name, "it was ended, because the daemon stops");
        }
#pragma warning disable CA1031 // What follows is to be run all the same, and the stop awaits all of them.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            IpvsLog.ScriptFailed(logger, keyword, subject, name, exception.Message);
        }
        finally
        {
            lock (_lock)
            {
                var (last, count) = _queues[name];
                if (count == 1)
                    _queues.Remove(name);
                else
                    _queues[name] = (last, count - 1);
            }
        }
    }
}
