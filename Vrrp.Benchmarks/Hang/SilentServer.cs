using System.Net;
using System.Net.Sockets;

namespace Vrrp.Benchmarks.Hang;

/// <summary>Takes every connection and never says a word.</summary>
internal sealed class SilentServer : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly List<Socket> _connections = [];
    private readonly Thread _thread;

    public SilentServer()
    {
        _listener.Start(1024);
        Port = ((IPEndPoint)_listener.LocalEndpoint).Port;
        _thread = new Thread(Accept) { IsBackground = true, Name = "silent server" };
        _thread.Start();
    }

    public int Port { get; }

    public int Connections
    {
        get
        {
            lock (_connections)
                return _connections.Count;
        }
    }

    public void Dispose()
    {
        _listener.Stop();
        _thread.Join();
        foreach (var connection in _connections)
            connection.Dispose();
    }

    private void Accept()
    {
        try
        {
            while (true)
            {
                var connection = _listener.AcceptSocket();
                lock (_connections)
                    _connections.Add(connection);
            }
        }
        catch (Exception exception) when (exception is SocketException or InvalidOperationException)
        {
            // Stopped.
        }
    }
}
