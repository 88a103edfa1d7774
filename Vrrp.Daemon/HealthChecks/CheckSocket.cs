using System.Buffers.Binary;
using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;
using Vrrp.Daemon.Configuration.Model;
using Vrrp.Linux;

namespace Vrrp.Daemon.HealthChecks;

/// <summary>Sockets of the checks, as their bindto, bind_port, bind_if and fwmark want them, and their failures in words.</summary>
internal static class CheckSocket
{
    private const int SOL_SOCKET = 1;
    private const int SO_MARK = 36;
    private const int SO_BINDTODEVICE = 25;

    /// <summary>Makes a socket and binds it.</summary>
    /// <exception cref="SocketException">The system refused.</exception>
    public static Socket Create(NetworkCheck check, SocketType type, ProtocolType protocol)
    {
        var family = check.Address.Family == IPFamily.IPv6 ? AddressFamily.InterNetworkV6 : AddressFamily.InterNetwork;
        var socket = new Socket(family, type, protocol);
        try
        {
            if (check.FirewallMark != 0)
            {
                Span<byte> mark = stackalloc byte[4];
                BitConverter.TryWriteBytes(mark, check.FirewallMark);
                socket.SetRawSocketOption(SOL_SOCKET, SO_MARK, mark);
            }

            if (check.BindInterface is { } device)
                socket.SetRawSocketOption(SOL_SOCKET, SO_BINDTODEVICE, Encoding.UTF8.GetBytes(device + "\0"));
            if (!check.BindAddress.IsNone || check.BindPort != 0)
            {
                if (check.BindPort != 0)
                    socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
                socket.Bind(Source(check));
            }

            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Where a check comes from, if its bindto or bind_port say so.</summary>
    public static IPEndPoint Source(NetworkCheck check)
    {
        var any = check.Address.Family == IPFamily.IPv6 ? IPAddress.IPv6Any : IPAddress.Any;
        return new(check.BindAddress.IsNone ? any : check.BindAddress.ToIPAddress(), check.BindPort);
    }

    /// <summary>Where a check goes; a link-local address needs the number of its link.</summary>
    public static IPEndPoint Target(NetworkCheck check)
    {
        var address = check.Address.ToIPAddress();
        if (check.Address.IsIPv6LinkLocal && check.BindInterface is { } device)
        {
            var card = NetworkInterface.GetAllNetworkInterfaces().FirstOrDefault(card => card.Name == device);
            if (card is not null)
                address = new IPAddress(address.GetAddressBytes(), card.GetIPProperties().GetIPv6Properties().Index);
        }

        return new(address, check.Port);
    }

    /// <summary>
    /// Runs a probe within a time. What the network does to it is a failure in words; only the daemon's own wish to stop is thrown.
    /// </summary>
    public static async Task<CheckResult> WithinAsync(
        TimeSpan limit, string what, TimeProvider time, Func<CancellationToken, Task<CheckResult>> probe, CancellationToken cancellationToken)
    {
        // Whoever starts many checks does not do their work.
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        using var timeout = new CancellationTokenSource(limit, time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
        try
        {
            return await probe(both.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (timeout.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            return CheckResult.Failure(TookTooLong(what, limit));
        }
        catch (SocketException exception)
        {
            return CheckResult.Failure(Describe(exception));
        }
        catch (IOException exception) when (exception.InnerException is SocketException inner)
        {
            return CheckResult.Failure(Describe(inner));
        }
    }

    /// <summary>A time that is up.</summary>
    public static string TookTooLong(string what, TimeSpan limit) => $"{what} took longer than {limit.TotalSeconds:0.###} s";

    /// <summary>The same for an error of the system.</summary>
    public static string Describe(int error) => error switch
    {
        Errno.ECONNREFUSED => "connection refused",
        Errno.EHOSTUNREACH => "no route to host",
        Errno.ENETUNREACH => "network unreachable",
        Errno.ECONNRESET => "connection reset",
        Errno.ETIMEDOUT => "connection timed out",
        Errno.EADDRNOTAVAIL => "the address to connect from is not on this host",
        _ => Marshal.GetPInvokeErrorMessage(error),
    };

    /// <summary>The usual failures by the words operators use.</summary>
    public static string Describe(SocketException exception) => exception.SocketErrorCode switch
    {
        SocketError.ConnectionRefused => "connection refused",
        SocketError.HostUnreachable => "no route to host",
        SocketError.NetworkUnreachable => "network unreachable",
        SocketError.ConnectionReset => "connection reset",
        SocketError.TimedOut => "connection timed out",
        SocketError.AddressNotAvailable => "the address to connect from is not on this host",
        _ => exception.Message,
    };
}
