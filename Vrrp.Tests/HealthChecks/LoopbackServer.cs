using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Vrrp.Tests.HealthChecks;

/// <summary>A server on loopback that does with each connection what a test wants.</summary>
internal sealed class LoopbackServer : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _ending = new();
    private readonly Func<NetworkStream, CancellationToken, Task> _serve;
    private readonly Task _accepting;

    public LoopbackServer(Func<NetworkStream, CancellationToken, Task> serve)
    {
        _serve = serve;
        _listener.Start();
        Port = (ushort)((IPEndPoint)_listener.LocalEndpoint).Port;
        _accepting = AcceptAsync();
    }

    public ushort Port { get; }

    /// <summary>What clients sent, of each connection as much as was read of it.</summary>
    public List<string> Requests { get; } = [];

    /// <summary>A server that reads up to an empty line and answers with a text.</summary>
    public static LoopbackServer Answering(string answer) => Answering(_ => answer);

    /// <summary>The same with an answer to the request.</summary>
    public static LoopbackServer Answering(Func<string, string> answer)
    {
        LoopbackServer? server = null;
        server = new(async (stream, token) =>
        {
            string request = await ReadRequestAsync(stream, token);
            lock (server!.Requests)
                server.Requests.Add(request);
            await stream.WriteAsync(Encoding.Latin1.GetBytes(answer(request)), token);
        });
        return server;
    }

    /// <summary>Reads up to an empty line.</summary>
    public static async Task<string> ReadRequestAsync(Stream stream, CancellationToken token)
    {
        var text = new StringBuilder();
        var octet = new byte[1];
        while (!text.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal))
        {
            if (await stream.ReadAsync(octet, token) == 0)
                break;
            text.Append((char)octet[0]);
        }

        return text.ToString();
    }

    public async ValueTask DisposeAsync()
    {
        await _ending.CancelAsync();
        _listener.Stop();
        await _accepting;
        _ending.Dispose();
    }

    private async Task AcceptAsync()
    {
        var serving = new List<Task>();
        try
        {
            while (true)
                serving.Add(ServeAsync(await _listener.AcceptSocketAsync(_ending.Token)));
        }
        catch (Exception exception) when (exception is OperationCanceledException or SocketException or InvalidOperationException)
        {
            await Task.WhenAll(serving);
        }
    }

    private async Task ServeAsync(Socket socket)
    {
        await using var stream = new NetworkStream(socket, ownsSocket: true);
        try
        {
            await _serve(stream, _ending.Token);
        }
        catch (Exception exception) when (exception is IOException or OperationCanceledException)
        {
            // The checker has heard enough, or the test is over.
        }
    }
}
