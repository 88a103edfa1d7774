using System.Text;

namespace Vrrp.Daemon.Status;

/// <summary>The head of an HTTP request, as much of it as status needs. Pure.</summary>
/// <param name="Status">200, or the status of the refusal.</param>
/// <param name="Path">The path asked for, without what follows a question mark.</param>
internal readonly record struct StatusRequest(int Status, string Path)
{
    /// <summary>Longest head that is read, in octets.</summary>
    public const int MaximumLength = 4096;

    /// <summary>Reads a head.</summary>
    /// <param name="received">All octets so far.</param>
    /// <returns>Null: it is not complete.</returns>
    public static StatusRequest? Parse(ReadOnlySpan<byte> received)
    {
        int end = received.IndexOf("\r\n\r\n"u8);
        if (end < 0)
            end = received.IndexOf("\n\n"u8);
        if (end < 0)
            return received.Length >= MaximumLength ? new(431, "") : null;
        int lineEnd = received.IndexOf((byte)'\n');
        var line = received[..lineEnd].TrimEnd((byte)'\r');
        int method = line.IndexOf((byte)' ');
        int target = line.LastIndexOf((byte)' ');
        if (method <= 0 || target <= method + 1 || line[method + 1] != '/' || !System.Text.Ascii.IsValid(line))
            return new(400, "");
        if (line[(target + 1)..] is not [(byte)'H', (byte)'T', (byte)'T', (byte)'P', (byte)'/', (byte)'1', (byte)'.', (byte)'0' or (byte)'1'])
            return new(505, "");
        if (!line[..method].SequenceEqual("GET"u8))
            return new(405, "");
        var path = line[(method + 1)..target];
        int query = path.IndexOf((byte)'?');
        return new(200, Encoding.ASCII.GetString(query < 0 ? path : path[..query]));
    }

    /// <summary>The head of an answer with a JSON body.</summary>
    public static byte[] AnswerHead(int status, int length) => Encoding.ASCII.GetBytes(FormattableString.Invariant(
        $"HTTP/1.1 {status} {Phrase(status)}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nCache-Control: no-store\r\n{(status == 405 ? "Allow: GET\r\n" : "")}Connection: close\r\n\r\n"));

    public static string Phrase(int status) => status switch
    {
        200 => "OK",
        400 => "Bad Request",
        404 => "Not Found",
        405 => "Method Not Allowed",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        503 => "Service Unavailable",
        _ => "HTTP Version Not Supported",
    };
}
