using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace Vrrp.Tests.Tracking;

/// <summary>A log that is kept.</summary>
internal class Messages : ILogger
{
    public ConcurrentQueue<string> Texts { get; } = [];

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
        Texts.Enqueue(formatter(state, exception));
}
