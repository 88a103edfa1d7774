namespace Vrrp.Tests.Linux.Lab;

/// <summary>Says that something in a laboratory has changed: a frame, a log line, an address, the end of a process.</summary>
internal sealed class Signal
{
    private volatile TaskCompletionSource _next = NewSource();

    public void Pulse() => Interlocked.Exchange(ref _next, NewSource()).SetResult();

    /// <summary>The one way to wait here: the condition is looked at again after each change, until the time is up.</summary>
    /// <exception cref="LabTimeoutException">The condition did not come true in time.</exception>
    public async Task WaitForAsync(string what, TimeSpan timeout, Func<bool> condition)
    {
        using var giveUp = new CancellationTokenSource(timeout);
        for (;;)
        {
            // Taken before the look, so that a change during the look is not lost.
            var next = _next.Task;
            if (condition())
                return;
            try
            {
                await next.WaitAsync(giveUp.Token);
            }
            catch (OperationCanceledException)
            {
                throw new LabTimeoutException($"Waited {timeout.TotalSeconds:0.#} s in vain for: {what}");
            }
        }
    }

    /// <summary>Repeats an action until it has an effect: for listeners that do not say when they have begun to listen.</summary>
    public async Task PokeUntilAsync(string what, Func<Task> poke, Func<bool> condition)
    {
        for (var attempt = 0; attempt < 50; attempt++)
        {
            await poke();
            try
            {
                await WaitForAsync(what, TimeSpan.FromMilliseconds(100), condition);
                return;
            }
            catch (LabTimeoutException)
            {
            }
        }
        throw new LabTimeoutException($"No poke had an effect: {what}");
    }

    private static TaskCompletionSource NewSource() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}

internal sealed class LabTimeoutException(string message) : Exception(message);
