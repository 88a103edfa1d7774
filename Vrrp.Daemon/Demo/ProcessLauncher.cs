using System.Collections.Concurrent;
using System.Diagnostics;
using Vrrp.Linux;

namespace Vrrp.Daemon.Demo;

/// <summary>
/// Starts the daemons. They follow the thread that started them into death, so one thread starts them all and lives as long as this process.
/// </summary>
internal sealed class ProcessLauncher : IDisposable
{
    private readonly BlockingCollection<Action> _work = [];
    private readonly Thread _thread;

    public ProcessLauncher()
    {
        _thread = new Thread(() =>
        {
            foreach (var action in _work.GetConsumingEnumerable())
                action();
        })
        { IsBackground = true, Name = "demo launcher" };
        _thread.Start();
    }

    /// <summary>Starts a process in a network namespace: a child belongs to that of the thread that forked it.</summary>
    public Task<Process> StartAsync(NetworkNamespace network, ProcessStartInfo startInfo)
    {
        var started = new TaskCompletionSource<Process>(TaskCreationOptions.RunContinuationsAsynchronously);
        _work.Add(() =>
        {
            try
            {
                network.Enter();
                started.SetResult(Process.Start(startInfo)
                    ?? throw new InvalidOperationException($"'{startInfo.FileName}' was not started."));
            }
#pragma warning disable CA1031 // Whatever it was reaches the caller.
            catch (Exception exception)
#pragma warning restore CA1031
            {
                started.SetException(exception);
            }
        });
        return started.Task;
    }

    /// <summary>Ends the thread, and with it every daemon that still runs.</summary>
    public void Dispose()
    {
        _work.CompleteAdding();
        _thread.Join();
        _work.Dispose();
    }
}
