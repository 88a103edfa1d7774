using System.Net.Sockets;
using System.Text.Json;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Vrrp.Daemon.Hosting;

namespace Vrrp.Daemon.Status;

/// <summary>
/// Answers HTTP requests at a Unix socket with JSON documents. It reads published values only, so that nobody who asks can make a virtual
/// router wait, and bounds what asking costs: connections at a time, the length of a request, the time of a connection, and how often a
/// document is made. One thread sleeps until somebody connects; a web server costs 10 MiB and a tenth of a second at the start, for this.
/// </summary>
internal sealed class StatusService(
    DaemonRun run, IReadOnlyDictionary<string, Func<Task<byte[]>>> documents, TimeProvider time, ILogger<StatusService> logger) : IHostedService, IDisposable
{
    private const int Connections = 16;
    private const int StackSize = 256 * 1024;

    /// <summary>From the first octet of the request to the last of the answer.</summary>
    internal static readonly TimeSpan TimeLimit = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan s_afterFailure = TimeSpan.FromSeconds(1);

    private readonly Dictionary<string, StatusDocument> _documents =
        documents.ToDictionary(pair => pair.Key, pair => new StatusDocument(pair.Value, time), StringComparer.Ordinal);

    private readonly SemaphoreSlim _free = new(Connections);
    private readonly CancellationTokenSource _stopping = new();
    private StatusListener? _listener;
    private Thread? _thread;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        if (run.StatusSocketPath is not { } path)
            return Task.CompletedTask;
        try
        {
            _listener = StatusSocket.Listen(path, Connections);
        }
        catch (Exception exception) when (exception is IOException or SocketException or UnauthorizedAccessException)
        {
            // Addresses matter more than being asked about them.
            StatusLog.NotServed(logger, path, exception.Message);
            return Task.CompletedTask;
        }

        _thread = new Thread(() => Accept(_listener), StackSize) { IsBackground = true, Name = "status" };
        _thread.Start();
        return Task.CompletedTask;
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await _stopping.CancelAsync().ConfigureAwait(false);
        _listener?.Dispose();
        _thread?.Join();
        _thread = null;
    }

    public void Dispose()
    {
        _stopping.Cancel();
        _listener?.Dispose();
        _thread?.Join();
    }

    private void Accept(StatusListener listener)
    {
        while (!_stopping.IsCancellationRequested)
        {
            try
            {
                _free.Wait(_stopping.Token);
            }
            catch (OperationCanceledException)
            {
                return;
            }

            try
            {
                _ = ServeAsync(listener.Accept());
            }
            catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
            {
                _free.Release();
                if (_stopping.IsCancellationRequested)
                    return;
                // No descriptor is left, mostly: not worth a busy loop.
                StatusLog.NotAccepted(logger, exception.Message);
                _stopping.Token.WaitHandle.WaitOne(s_afterFailure);
            }
        }
    }

    private async Task ServeAsync(Socket connection)
    {
        try
        {
            using var limit = new CancellationTokenSource(TimeLimit, time);
            using var end = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, _stopping.Token);
            if (await ReadAsync(connection, end.Token).ConfigureAwait(false) is not { } request)
                return;
            var (status, body) = await AnswerAsync(request, end.Token).ConfigureAwait(false);
            await SendAsync(connection, StatusRequest.AnswerHead(status, body.Length), end.Token).ConfigureAwait(false);
            await SendAsync(connection, body, end.Token).ConfigureAwait(false);
            connection.Shutdown(SocketShutdown.Send);
        }
        catch (Exception exception) when (exception is SocketException or OperationCanceledException or ObjectDisposedException)
        {
            // Whoever asked has left or is too slow: there is nobody to be told.
        }
        finally
        {
            connection.Dispose();
            _free.Release();
        }
    }

    /// <summary>Null: whoever connected has left before the request was complete.</summary>
    private static async Task<StatusRequest?> ReadAsync(Socket connection, CancellationToken cancellationToken)
    {
        byte[] buffer = new byte[StatusRequest.MaximumLength];
        for (int length = 0; ;)
        {
            int count = await connection.ReceiveAsync(buffer.AsMemory(length), cancellationToken).ConfigureAwait(false);
            length += count;
            if (StatusRequest.Parse(buffer.AsSpan(0, length)) is { } request)
                return request;
            if (count == 0)
                return null;
        }
    }

    private async Task<(int Status, byte[] Body)> AnswerAsync(StatusRequest request, CancellationToken cancellationToken)
    {
        if (request.Status != 200)
            return Refuse(request.Status, StatusRequest.Phrase(request.Status));
        if (!_documents.TryGetValue(request.Path, out var document))
            return Refuse(404, $"there is {string.Join(" and ", _documents.Keys.Order(StringComparer.Ordinal))}");
        try
        {
            return (200, await document.GetAsync().WaitAsync(cancellationToken).ConfigureAwait(false));
        }
        catch (TimeoutException exception)
        {
            return Refuse(503, exception.Message);
        }
#pragma warning disable CA1031 // Whatever it was, it is told, and nothing but this answer depends on it.
        catch (Exception exception) when (exception is not OperationCanceledException)
#pragma warning restore CA1031
        {
            StatusLog.DocumentFailed(logger, exception, request.Path);
            return Refuse(500, "an internal error, which is in the log");
        }
    }

    private static (int Status, byte[] Body) Refuse(int status, string error) =>
        (status, JsonSerializer.SerializeToUtf8Bytes(new ErrorReport(error), StatusJson.Compact.ErrorReport));

    private static async Task SendAsync(Socket connection, ReadOnlyMemory<byte> octets, CancellationToken cancellationToken)
    {
        while (!octets.IsEmpty)
            octets = octets[await connection.SendAsync(octets, cancellationToken).ConfigureAwait(false)..];
    }
}
