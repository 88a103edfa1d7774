using System.Buffers.Binary;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using Vrrp.Daemon.Configuration.Model;

namespace Vrrp.Daemon.HealthChecks;

/// <summary>DNS_CHECK: a query over UDP is answered without an error; records are not asked for.</summary>
internal sealed class DnsChecker(DnsCheck check, TimeProvider time) : IHealthChecker
{
    private const int HeaderLength = 12;

    private static readonly string[] ResponseCodes = ["no error", "format error", "server failure", "no such name", "not implemented", "refused"];

    // The kernel cuts off what is longer; only the header counts.
    private readonly byte[] _buffer = new byte[64];

    /// <inheritdoc/>
    public Task<CheckResult> CheckAsync(CancellationToken cancellationToken) =>
        CheckSocket.WithinAsync(check.ConnectTimeout, "the answer", time, AskAsync, cancellationToken);

    private async Task<CheckResult> AskAsync(CancellationToken cancellationToken)
    {
        using var socket = CheckSocket.Create(check, SocketType.Dgram, ProtocolType.Udp);
        await socket.ConnectAsync(CheckSocket.Target(check), cancellationToken).ConfigureAwait(false);
        ushort id = (ushort)RandomNumberGenerator.GetInt32(65536);
        await socket.SendAsync(WriteQuery(id, check.Name, check.RecordType), cancellationToken).ConfigureAwait(false);
        while (true)
        {
            int length = await socket.ReceiveAsync(_buffer, cancellationToken).ConfigureAwait(false);
            if (ReadAnswer(_buffer.AsSpan(0, length), id) is { } result)
                return result;
        }
    }

    /// <summary>Writes a recursive query for one name.</summary>
    internal static byte[] WriteQuery(ushort id, string name, ushort type)
    {
        var query = new List<byte>(HeaderLength + name.Length + 6);
        Span<byte> header = stackalloc byte[HeaderLength];
        header.Clear();
        BinaryPrimitives.WriteUInt16BigEndian(header, id);
        header[2] = 1;
        header[5] = 1;
        query.AddRange(header);
        foreach (string label in name.Split('.', StringSplitOptions.RemoveEmptyEntries))
        {
            query.Add((byte)label.Length);
            query.AddRange(Encoding.ASCII.GetBytes(label));
        }

        query.AddRange([0, (byte)(type >> 8), (byte)type, 0, 1]);
        return [.. query];
    }

    /// <summary>Judges a datagram; null: it does not answer our query.</summary>
    internal static CheckResult? ReadAnswer(ReadOnlySpan<byte> datagram, ushort id)
    {
        if (datagram.Length < HeaderLength || BinaryPrimitives.ReadUInt16BigEndian(datagram) != id || (datagram[2] & 0x80) == 0)
            return null;
        int code = datagram[3] & 0xF;
        return code == 0 ? CheckResult.Success
            : CheckResult.Failure($"the server answers: {(code < ResponseCodes.Length ? ResponseCodes[code] : $"error {code}")}");
    }
}
