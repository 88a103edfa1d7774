using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Vrrp.Daemon.Configuration.Model;
using Vrrp.Daemon.Hosting;
using Vrrp.Daemon.Ipvs;
using Vrrp.Daemon.Tracking;

namespace Vrrp.Daemon.Notifications;

/// <summary>Tells the operator's scripts and pipes what happens. Whoever tells this returns at once.</summary>
internal sealed class NotificationService(
    DaemonConfig initial, ScriptRunner runner, IHostApplicationLifetime lifetime, TimeProvider time, ILogger<NotificationService> logger)
    : IHostedService, IReloadObserver, IAsyncDisposable
{
    /// <summary>For pipes to open at the start; their owners may be in a directory that does not answer.</summary>
    private static readonly TimeSpan OpenLimit = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();
    private readonly NotifyEvents _events = new();
    private readonly NotifyScriptQueue _scripts = new(
        (command, arguments, variables, limit, timeUp, ending) => runner.RunAsync(command, arguments, variables, limit, timeUp, ending), time, logger);
    private readonly Dictionary<NotifyFifoKind, NotifyPipe> _pipes = [];
    private readonly List<Task> _leaving = [];
    private DaemonConfig _config = initial;
    private Task _opening = Task.CompletedTask;
    private bool _hasStopped;

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        var config = _config;
        Prepare(config);
        _ = Aside.RunAsync(() => TellUnusable(config));
        try
        {
            await _opening.WaitAsync(OpenLimit, time, cancellationToken).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            // VRRP does not wait for them; each keeps its lines until it is open.
        }
    }

    /// <summary>Tells what the engine tells.</summary>
    public void Take(VrrpNotification notification)
    {
        lock (_lock)
        {
            _events.IsStopping = lifetime.ApplicationStopping.IsCancellationRequested;
            Tell(_events.Take(notification));
        }
    }

    /// <summary>Tells what happens to real servers and quorums; their scripts are the director's own.</summary>
    public void Take(DirectorEvent happened)
    {
        if (LvsLine.Of(happened) is not { } line)
            return;
        lock (_lock)
            Write(NotifyFifoKind.Lvs, line.Subject, line.Text);
    }

    public void Prepare(DaemonConfig config)
    {
        lock (_lock)
        {
            _config = config;
            _events.Configure(config);
            var added = ChangePipes(config);
            // Not under the lock, and one after another: a path may pass from one to the next.
            if (added.Count > 0)
                _opening = OpenAsync(_opening, added);
        }
    }

    private static async Task OpenAsync(Task before, List<NotifyPipe> pipes)
    {
        await before.ConfigureAwait(ConfigureAwaitOptions.ForceYielding | ConfigureAwaitOptions.SuppressThrowing);
        foreach (var pipe in pipes)
            pipe.Open();
    }

    public void Complete()
    {
        lock (_lock)
        {
            Tell(_events.Release());
            if (_config.GlobalDefs.WriteStatesOnReload)
            {
                foreach (var told in _events.States)
                    Write(NotifyFifoKind.Vrrp, told.Subject, told.Line);
            }
        }

        var config = _config;
        _ = Aside.RunAsync(() => TellUnusable(config));
    }

    /// <summary>The routers and the director have stopped: the ends are told, and the scripts get a few seconds.</summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        Task[] ending;
        lock (_lock)
        {
            if (_hasStopped)
                return;
            _hasStopped = true;
            Tell(_events.Release());
            ending = [_scripts.StopAsync(cancellationToken), .. _pipes.Values.Distinct().Select(pipe => pipe.CloseAsync(cancellationToken)), .. _leaving];
            _pipes.Clear();
        }

        await Task.WhenAll(ending).ConfigureAwait(false);
        _scripts.Dispose();
    }

    /// <summary>Also after a start of the daemon that failed elsewhere no pipe is left.</summary>
    public async ValueTask DisposeAsync() => await StopAsync(new(canceled: true)).ConfigureAwait(false);

    private void Tell(IEnumerable<NotifyEvent> events)
    {
        foreach (var told in events)
        {
            // A change of the priority, or of a peer's, does not take the place of a state.
            Write(NotifyFifoKind.Vrrp, told.IsState ? told.Subject : $"{told.Word} {told.Subject}", told.Line);
            _scripts.Take(told);
        }
    }

    private void Write(NotifyFifoKind kind, string subject, string line)
    {
        NotifyPipe? written = null;
        foreach (var (of, pipe) in _pipes)
        {
            // Two kinds may share one.
            if ((of != kind && of != NotifyFifoKind.All) || pipe == written)
                continue;
            written = pipe;
            pipe.Write(subject, line);
        }
    }

    /// <summary>Pipes that stay as they are go on with the script that reads them.</summary>
    /// <returns>Those that are to be opened.</returns>
    private List<NotifyPipe> ChangePipes(DaemonConfig config)
    {
        var added = new List<NotifyPipe>();
        _leaving.RemoveAll(task => task.IsCompletedSuccessfully);
        var open = _pipes.Values.Distinct().ToList();
        _pipes.Clear();
        foreach (var pipe in open.Where(pipe => !config.GlobalDefs.NotifyFifos.Contains(pipe.Config)).ToArray())
        {
            _leaving.Add(pipe.CloseAsync(CancellationToken.None));
            open.Remove(pipe);
        }

        foreach (var fifo in config.GlobalDefs.NotifyFifos)
        {
            var pipe = open.Find(other => other.Config == fifo) ?? open.Find(other => other.Config.Path == fifo.Path);
            if (pipe is null)
            {
                pipe = new(
                    fifo, (command, arguments, variables, limit, ending) => runner.RunAsync(command, arguments, variables, limit, ending), time, logger);
                open.Add(pipe);
                added.Add(pipe);
            }

            _pipes.Add(fifo.Kind, pipe);
        }

        return added;
    }

    /// <summary>What would fail at the first failover is said now.</summary>
    private void TellUnusable(DaemonConfig config)
    {
        var known = new Dictionary<ScriptCommand, string?>();
        foreach (var instance in config.Instances)
            Tell($"INSTANCE {instance.Name}", instance.Notify);
        foreach (var group in config.SyncGroups)
            Tell($"GROUP {group.Name}", group.Notify);

        void Tell(string subject, NotifyScripts scripts)
        {
            foreach (var (keyword, command) in scripts.All())
            {
                if (!known.TryGetValue(command, out string? problem))
                    known[command] = problem = FindProblem(command);
                if (problem is not null)
                    NotifyLog.ScriptUnusable(logger, keyword, subject, problem);
            }
        }
    }

    private string? FindProblem(ScriptCommand command)
    {
        try
        {
            return runner.FindProblem(command);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return exception.Message;
        }
    }
}
