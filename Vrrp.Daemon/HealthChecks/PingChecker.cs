using System.Buffers.Binary;
using System.Net.Sockets;
using System.Security.Cryptography;
using Vrrp.Daemon.Configuration.Model;
using Vrrp.Packets;

namespace Vrrp.Daemon.HealthChecks;

/// <summary>PING_CHECK: an ICMP echo is answered.</summary>
internal sealed class PingChecker(PingCheck check, TimeProvider time) : IHealthChecker
{
    private const int EchoLength = 24;
    private const byte EchoRequest4 = 8, EchoReply4 = 0, EchoRequest6 = 128, EchoReply6 = 129;

    private readonly byte[] _buffer = new byte[256];
    private ushort _sequence;

    /// <inheritdoc/>
    public Task<CheckResult> CheckAsync(CancellationToken cancellationToken) =>
        CheckSocket.WithinAsync(check.ConnectTimeout, "the echo", time, EchoAsync, cancellationToken);

    private async Task<CheckResult> EchoAsync(CancellationToken cancellationToken)
    {
        bool isIPv6 = check.Address.Family == IPFamily.IPv6;
        using var socket = CheckSocket.Create(check, SocketType.Raw, isIPv6 ? ProtocolType.IcmpV6 : ProtocolType.Icmp);
        // Connected, the kernel passes on what this host says, and nothing else.
        await socket.ConnectAsync(CheckSocket.Target(check), cancellationToken).ConfigureAwait(false);
        ulong cookie = BinaryPrimitives.ReadUInt64BigEndian(RandomNumberGenerator.GetBytes(8));
        var request = Write(isIPv6, (ushort)Environment.ProcessId, ++_sequence, cookie);
        await socket.SendAsync(request, cancellationToken).ConfigureAwait(false);
        while (true)
        {
            int length = await socket.ReceiveAsync(_buffer, cancellationToken).ConfigureAwait(false);
            if (IsReply(_buffer.AsSpan(0, length), isIPv6, cookie))
                return CheckResult.Success;
        }
    }

    /// <summary>Writes an echo request; of ICMPv6 the kernel computes the checksum.</summary>
    internal static byte[] Write(bool isIPv6, ushort id, ushort sequence, ulong cookie)
    {
        var echo = new byte[EchoLength];
        echo[0] = isIPv6 ? EchoRequest6 : EchoRequest4;
        BinaryPrimitives.WriteUInt16BigEndian(echo.AsSpan(4), id);
        BinaryPrimitives.WriteUInt16BigEndian(echo.AsSpan(6), sequence);
        BinaryPrimitives.WriteUInt64BigEndian(echo.AsSpan(8), cookie);
        if (!isIPv6)
            BinaryPrimitives.WriteUInt16BigEndian(echo.AsSpan(2), InternetChecksum.Compute(echo));
        return echo;
    }

    /// <summary>Whether a packet, with its IP header in IPv4, is the reply that bears our cookie.</summary>
    internal static bool IsReply(ReadOnlySpan<byte> packet, bool isIPv6, ulong cookie)
    {
        if (!isIPv6)
        {
            int header = packet.Length > 0 ? (packet[0] & 0xF) * 4 : 0;
            if (header < 20 || header > packet.Length)
                return false;
            packet = packet[header..];
        }

        return packet.Length >= 16 && packet[0] == (isIPv6 ? EchoReply6 : EchoReply4) && BinaryPrimitives.ReadUInt64BigEndian(packet[8..]) == cookie;
    }
}
