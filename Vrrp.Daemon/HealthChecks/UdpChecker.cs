using System.Collections.Immutable;
using System.Net.Sockets;
using System.Text;
using Vrrp.Daemon.Configuration.Model;

namespace Vrrp.Daemon.HealthChecks;

/// <summary>UDP_CHECK: an answer as it should be or, where none is asked for, no ICMP error within the time.</summary>
internal sealed class UdpChecker(UdpCheck check, TimeProvider time) : IHealthChecker
{
    private static readonly byte[] DefaultPayload = Encoding.ASCII.GetBytes("vrrp health check");

    // One octet more than may come shows that more came; the kernel cuts off the rest.
    private readonly byte[] _buffer = new byte[check.RequireReply ? Math.Max(check.MaximumReplyLength, (check.ReplyNibbles.Length + 1) / 2) + 1 : 1];

    /// <inheritdoc/>
    public async Task<CheckResult> CheckAsync(CancellationToken cancellationToken)
    {
        return await CheckSocket.WithinAsync(check.ConnectTimeout, "the answer", time, async token =>
        {
            using var socket = CheckSocket.Create(check, SocketType.Dgram, ProtocolType.Udp);
            await socket.ConnectAsync(CheckSocket.Target(check), token).ConfigureAwait(false);
            await socket.SendAsync(check.Payload.IsEmpty ? DefaultPayload : check.Payload.ToArray(), token).ConfigureAwait(false);
            try
            {
                int length = await socket.ReceiveAsync(_buffer, token).ConfigureAwait(false);
                return check.RequireReply ? Judge(_buffer.AsSpan(0, length)) : CheckResult.Success;
            }
            catch (OperationCanceledException) when (!check.RequireReply && !cancellationToken.IsCancellationRequested)
            {
                // An ICMP error comes as an exception of the socket; the end of the time without one is what was hoped for.
                return CheckResult.Success;
            }
        }, cancellationToken).ConfigureAwait(false);
    }

    private CheckResult Judge(ReadOnlySpan<byte> reply)
    {
        if (reply.Length < check.MinimumReplyLength || reply.Length > check.MaximumReplyLength)
            return CheckResult.Failure($"the answer has {reply.Length} octets, not {check.MinimumReplyLength} to {check.MaximumReplyLength}");
        return Matches(reply, check.ReplyNibbles) ? CheckResult.Success : CheckResult.Failure("the answer is another than require_reply asks for");
    }

    private static bool Matches(ReadOnlySpan<byte> reply, ImmutableArray<sbyte> nibbles)
    {
        if (reply.Length * 2 < nibbles.Length)
            return false;
        for (int i = 0; i < nibbles.Length; i++)
        {
            int nibble = i % 2 == 0 ? reply[i / 2] >> 4 : reply[i / 2] & 0xF;
            if (nibbles[i] >= 0 && nibbles[i] != nibble)
                return false;
        }

        return true;
    }
}
