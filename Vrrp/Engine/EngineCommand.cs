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
            done?.TrySetResult();
        }
        catch (ArgumentException exception)
        {
            // A caller's mistake is the caller's; anything else ends the engine.
            if (done is null)
                throw;
            done.TrySetException(exception);
        }
    }
}
