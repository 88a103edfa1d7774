using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Vrrp.Daemon.Status;

/// <summary>Asks a running daemon.</summary>
internal static class StatusClient
{
    /// <summary>Ten thousand real servers are some five million octets.</summary>
    private const int MaximumLength = 64 * 1024 * 1024;

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(15);

    /// <summary>Gets a document.</summary>
    /// <exception cref="IOException">No daemon answers there, or not so; the message is a clause.</exception>
    public static T Get<T>(string socketPath, string document, JsonTypeInfo<T> type)
    {
        using var socket = StatusSocket.Connect(socketPath);
        socket.SendTimeout = socket.ReceiveTimeout = (int)s_patience.TotalMilliseconds;
        byte[] answer;
        try
        {
            socket.Send(Encoding.ASCII.GetBytes($"GET {document} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"));
            answer = ReadAll(socket);
        }
        catch (SocketException exception)
        {
            throw new IOException($"the vrrp at {socketPath} does not answer: {exception.Message}", exception);
        }

        if (answer.Length == 0)
            throw new IOException($"the vrrp at {socketPath} has closed the connection without an answer; it is overloaded, or stopping");
        int bodyAt = answer.AsSpan().IndexOf("\r\n\r\n"u8) + 4;
        string firstLine = Encoding.ASCII.GetString(answer.AsSpan(0, Math.Max(answer.AsSpan().IndexOf((byte)'\r'), 0)));
        try
        {
            if (bodyAt >= 4 && firstLine.StartsWith("HTTP/1.1 200 ", StringComparison.Ordinal)
                && JsonSerializer.Deserialize(answer.AsSpan(bodyAt), type) is { } value)
                return value;
            if (bodyAt >= 4 && JsonSerializer.Deserialize(answer.AsSpan(bodyAt), StatusJson.Compact.ErrorReport) is { } error)
                throw new IOException($"the vrrp at {socketPath} answers: {error.Error}");
        }
        catch (JsonException exception)
        {
            throw new IOException($"what answers at {socketPath} is not this version of vrrp ({firstLine})", exception);
        }

        throw new IOException($"what answers at {socketPath} is no vrrp");
    }

    private static byte[] ReadAll(Socket socket)
    {
        using var all = new MemoryStream();
        byte[] buffer = new byte[64 * 1024];
        int count;
        while ((count = socket.Receive(buffer)) > 0)
        {
            all.Write(buffer, 0, count);
            if (all.Length > MaximumLength)
                throw new IOException("the answer has no end");
        }

        return all.ToArray();
    }
}
