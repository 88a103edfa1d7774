using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace Vrrp.Daemon.Hosting;

/// <summary>Tells systemd what the daemon is doing (sd_notify), when the unit asks for it.</summary>
internal sealed class SystemdNotifier
{
    private readonly string? _path = Environment.GetEnvironmentVariable("NOTIFY_SOCKET");

    public void Ready() => Send("READY=1");

    public void Reloading()
    {
        // Units of Type=notify-reload want the time of the reload on the monotonic clock.
        long microseconds = System.Diagnostics.Stopwatch.GetTimestamp() / (System.Diagnostics.Stopwatch.Frequency / 1_000_000);
        Send(string.Create(CultureInfo.InvariantCulture, $"RELOADING=1\nMONOTONIC_USEC={microseconds}"));
    }

    public void Stopping() => Send("STOPPING=1");

    private void Send(string state)
    {
        if (string.IsNullOrEmpty(_path))
            return;
        try
        {
            using var socket = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified) { SendTimeout = 1000 };
            // A leading @ is systemd's way to write an abstract socket.
            socket.SendTo(Encoding.UTF8.GetBytes(state), new UnixDomainSocketEndPoint(_path[0] == '@' ? "\0" + _path[1..] : _path));
        }
        catch (SocketException exception)
        {
            Console.Error.WriteLine($"cannot tell systemd '{state.Split('\n')[0]}': {exception.Message}");
        }
    }
}
