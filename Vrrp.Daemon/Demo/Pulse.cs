namespace Vrrp.Daemon.Demo;

/// <summary>Something was observed: whoever waits for a condition looks again.</summary>
internal sealed class Pulse
{
    private TaskCompletionSource _next = New();

    /// <summary>Any thread.</summary>
    public void Signal() => Interlocked.Exchange(ref _next, New()).TrySetResult();

    /// <summary>Waits for a condition, which is looked at after every signal.</summary>
    /// <returns>False when the time was over before.</returns>
    public async Task<bool> WaitAsync(Func<bool> condition, TimeSpan limit, CancellationToken cancellationToken)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        timeout.CancelAfter(limit);
        while (true)
        {
            var next = Volatile.Read(ref _next);
            if (condition())
                return true;
            try
            {
                await next.Task.WaitAsync(timeout.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                return condition();
            }
        }
    }

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
