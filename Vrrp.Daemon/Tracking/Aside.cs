namespace Vrrp.Daemon.Tracking;

/// <summary>What may hang has a thread of its own: on the pool it would take the place of what others wait for.</summary>
internal static class Aside
{
    private const int StackSize = 256 * 1024;

    /// <summary>Does something on a thread of its own; on the pool when there can be no more threads.</summary>
    /// <returns>Fails as the action does.</returns>
    public static Task RunAsync(Action action)
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        try
        {
            new Thread(Run, StackSize) { IsBackground = true, Name = "vrrp-aside" }.Start();
        }
        catch (Exception exception) when (exception is OutOfMemoryException or ThreadStartException)
        {
            // So the runtime tells of a limit.
            ThreadPool.QueueUserWorkItem(_ => Run());
        }

        return done.Task;

        void Run()
        {
            try
            {
                action();
                done.SetResult();
            }
#pragma warning disable CA1031 // Whoever awaits it is told.
            catch (Exception exception)
#pragma warning restore CA1031
            {
                done.SetException(exception);
            }
        }
    }
}
