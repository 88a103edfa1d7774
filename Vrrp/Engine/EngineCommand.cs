namespace Vrrp;

/// <summary>Something another thread asks of the engine, and the task that waits for the answer.</summary>
internal sealed class EngineCommand(Action<VrrpEngine, Instant> action, TaskCompletionSource? done)
{
    public TaskCompletionSource? Done => done;

    public void Execute(VrrpEngine engine, Instant now)
    {
        try
        {
            action(engine, now);
        }
        catch (Exception exception)
        {
            done?.TrySetException(exception);
            // A caller's mistake is the caller's; anything else ends the engine, and whoever waits knows why.
            if (done is null || exception is not (ArgumentException or ObjectDisposedException))
                throw;
        }

        done?.TrySetResult();
    }
}
