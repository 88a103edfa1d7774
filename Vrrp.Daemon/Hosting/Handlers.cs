using Microsoft.Extensions.Logging;

namespace Vrrp.Daemon.Hosting;

/// <summary>Handlers of a notice, each by itself.</summary>
internal static class Handlers
{
    /// <summary>Calls each; one that throws is logged, and keeps neither the others nor the caller from going on.</summary>
    public static void Tell<T>(Action<T>? handlers, T notice, ILogger logger)
    {
        foreach (var handler in Delegate.EnumerateInvocationList(handlers))
        {
            try
            {
                handler(notice);
            }
#pragma warning disable CA1031 // Whatever it was: the loop that tells would end, and nobody would be told any more.
            catch (Exception exception)
#pragma warning restore CA1031
            {
                HostingLog.HandlerFailed(logger, handler.Target?.GetType().Name ?? handler.Method.Name, notice?.GetType().Name ?? "the end of a problem", exception);
            }
        }
    }
}
