using System.Net.Sockets;
using Vrrp.Daemon.Hosting;

namespace Vrrp.Daemon.Status;

/// <summary>A status socket that listens, and the lock by which no other process takes its name for one that was left.</summary>
internal sealed class StatusListener(Socket socket, LockFile held) : IDisposable
{
    public Socket Accept() => socket.Accept();

    /// <summary>The file goes first: until then nobody else may make one of that name, which would go in its place.</summary>
    public void Dispose()
    {
        socket.Dispose();
        held.Dispose();
    }
}
