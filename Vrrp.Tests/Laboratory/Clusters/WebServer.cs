using System.Net;
using System.Net.Sockets;
using System.Text;
using Vrrp.Linux;

namespace Vrrp.Tests.LaboratoryMachine.Clusters;

/// <summary>
/// What a real server serves: its name, on every address of its host. It answers a GET and closes, and it answers any other line with its
/// name and the line, for as long as the client likes.
/// </summary>
internal sealed class WebServer : IDisposable
{
    private const int Backlog = 512;

    private readonly string _name;
    private readonly Lock _lock = new();
    private readonly HashSet<Socket> _open = [];
    private bool _closed;

    private WebServer(string name) => _name = name;

    /// <param name="network">The host's namespace.</param>
    /// <param name="name">What it answers.</param>
    /// <param name="ports">Where it listens.</param>
    public static WebServer Start(NetworkNamespace network, string name, IEnumerable<int> ports)
    {
        var server = new WebServer(name);
        foreach (int port in ports)
        {
            var listener = network.Run(() => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp));
            server._open.Add(listener);
            // Connections of the one before it may linger.
            listener.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
            listener.Bind(new IPEndPoint(IPAddress.Any, port));
            listener.Listen(Backlog);
            _ = server.AcceptAsync(listener);
        }

        return server;
    }

    /// <summary>Ends as a killed process does: nobody listens, and all connections are closed.</summary>
    public void Dispose()
    {
        Socket[] open;
        lock (_lock)
        {
            _closed = true;
            open = [.. _open];
            _open.Clear();
        }

        foreach (var socket in open)
            socket.Dispose();
    }

    private async Task AcceptAsync(Socket listener)
    {
        try
        {
            for (;;)
                _ = ServeAsync(await listener.AcceptAsync());
        }
        catch (Exception end) when (end is SocketException or ObjectDisposedException)
        {
            // The listener was closed.
        }
    }

    private async Task ServeAsync(Socket socket)
    {
        if (!TryAdd(socket))
        {
            socket.Dispose();
            return;
        }

        try
        {
            await using var stream = new NetworkStream(socket, ownsSocket: false);
            using var reader = new StreamReader(stream, Encoding.ASCII);
            while (await reader.ReadLineAsync() is { } line)
            {
                bool isRequest = line.StartsWith("GET ", StringComparison.Ordinal);
                while (isRequest && await reader.ReadLineAsync() is { Length: > 0 })
                    continue;
                string answer = isRequest
                    ? $"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {_name.Length}\r\nConnection: close\r\n\r\n{_name}"
                    : $"{_name} {line}\n";
                await stream.WriteAsync(Encoding.ASCII.GetBytes(answer));
                if (isRequest)
                    return;
            }
        }
        catch (Exception end) when (end is IOException or SocketException or ObjectDisposedException)
        {
            // The client left, or this server was closed.
        }
        finally
        {
            lock (_lock)
                _open.Remove(socket);
            socket.Dispose();
        }
    }

    private bool TryAdd(Socket socket)
    {
        lock (_lock)
        {
            if (!_closed)
                _open.Add(socket);
            return !_closed;
        }
    }
}
