using System.Net.Sockets;
using System.Text;
using Vrrp.Daemon.Configuration.Model;

namespace Vrrp.Daemon.HealthChecks;

/// <summary>SMTP_CHECK: a greeting 220, 250 to HELO, and QUIT.</summary>
internal sealed class SmtpChecker(SmtpCheck check, TimeProvider time) : IHealthChecker
{
    /// <summary>Octets of one reply, all its lines.</summary>
    private const int MaximumReply = 8192;

    private readonly byte[] _buffer = new byte[MaximumReply];

    /// <inheritdoc/>
    public async Task<CheckResult> CheckAsync(CancellationToken cancellationToken)
    {
        try
        {
            using var socket = CheckSocket.Create(check, SocketType.Stream, ProtocolType.Tcp);
            var result = await StepAsync("connecting", async token =>
            {
                await socket.ConnectAsync(CheckSocket.Target(check), token).ConfigureAwait(false);
                return CheckResult.Success;
            }).ConfigureAwait(false);
            if (result.IsSuccess)
                result = await StepAsync("the greeting", token => ExpectAsync(socket, "the greeting", 220, token)).ConfigureAwait(false);
            if (result.IsSuccess)
                result = await StepAsync("the answer to HELO", token => SayAsync(socket, $"HELO {check.HeloName}\r\n", "the answer to HELO", 250, token)).ConfigureAwait(false);
            if (result.IsSuccess)
                await StepAsync("QUIT", token => SayAsync(socket, "QUIT\r\n", "the answer to QUIT", 221, token)).ConfigureAwait(false);
            // The server works; how it says goodbye does not matter.
            return result;
        }
        catch (SocketException exception)
        {
            return CheckResult.Failure(CheckSocket.Describe(exception));
        }

        Task<CheckResult> StepAsync(string what, Func<CancellationToken, Task<CheckResult>> step) =>
            CheckSocket.WithinAsync(check.ConnectTimeout, what, time, step, cancellationToken);
    }

    private async Task<CheckResult> SayAsync(Socket socket, string line, string what, int code, CancellationToken cancellationToken)
    {
        await socket.SendAsync(Encoding.UTF8.GetBytes(line), cancellationToken).ConfigureAwait(false);
        return await ExpectAsync(socket, what, code, cancellationToken).ConfigureAwait(false);
    }

    private async Task<CheckResult> ExpectAsync(Socket socket, string what, int code, CancellationToken cancellationToken)
    {
        int length = 0;
        while (true)
        {
            if (length == _buffer.Length)
                return CheckResult.Failure($"{what} is longer than {MaximumReply} octets");
            int count = await socket.ReceiveAsync(_buffer.AsMemory(length), cancellationToken).ConfigureAwait(false);
            if (count == 0)
                return CheckResult.Failure($"the server closed the connection before {what}");
            length += count;
            if (TryReadReply(_buffer.AsSpan(0, length), out int status))
                return status == code ? CheckResult.Success : CheckResult.Failure(status < 0 ? $"{what} is not SMTP" : $"{what} is {status}, not {code}");
        }
    }

    /// <summary>Reads a reply, perhaps of several lines; false: its last line has not come yet.</summary>
    /// <param name="octets">What has come so far.</param>
    /// <param name="status">The code; −1: this is no reply.</param>
    internal static bool TryReadReply(ReadOnlySpan<byte> octets, out int status)
    {
        status = -1;
        while (true)
        {
            int end = octets.IndexOf((byte)'\n');
            if (end < 0)
                return false;
            var line = octets[..end].TrimEnd((byte)'\r');
            octets = octets[(end + 1)..];
            if (line.Length < 3 || !char.IsAsciiDigit((char)line[0]) || !char.IsAsciiDigit((char)line[1]) || !char.IsAsciiDigit((char)line[2]))
                return true;
            if (line.Length > 3 && line[3] == '-')
                continue;
            if (line.Length == 3 || line[3] == ' ')
                status = ((line[0] - '0') * 100) + ((line[1] - '0') * 10) + (line[2] - '0');
            return true;
        }
    }
}
