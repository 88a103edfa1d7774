using System.Globalization;
using System.Net.Sockets;

namespace Vrrp.Linux;

/// <summary>
/// Held by the one process of a network namespace that may take marked addresses for leftovers: what bears the mark while another lives
/// may be that one's. An abstract socket belongs to the namespace and ends with the process, however that ends.
/// </summary>
internal sealed class NamespaceLock : IDisposable
{
    private readonly Socket _socket;

    private NamespaceLock(Socket socket) => _socket = socket;

    /// <summary>Takes the lock in the namespace of the calling thread; null when another process has it.</summary>
    public static NamespaceLock? TryTake(byte mark)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        try
        {
            socket.Bind(new UnixDomainSocketEndPoint("\0vrrp-addresses-" + mark.ToString(CultureInfo.InvariantCulture)));
            return new(socket);
        }
        catch (SocketException exception) when (exception.SocketErrorCode == SocketError.AddressAlreadyInUse)
        {
            socket.Dispose();
            return null;
        }
    }

    public void Dispose() => _socket.Dispose();
}
