using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Vrrp.Linux;

namespace Vrrp.Tests.Notifications;

/// <summary>A mail server on loopback that behaves, and misbehaves where a test says so.</summary>
internal sealed class SmtpServerDouble : IAsyncDisposable
{
    private readonly TcpListener _listener;
    private readonly CancellationTokenSource _ending = new();
    private readonly Task _accepting;

    public SmtpServerDouble(IPAddress? address = null)
    {
        _listener = new(address ?? IPAddress.Loopback, 0);
        _listener.Start();
        Port = (ushort)((IPEndPoint)_listener.LocalEndpoint).Port;
        _accepting = AcceptAsync();
    }

    public ushort Port { get; }

    /// <summary>One on the loopback interface of a network namespace.</summary>
    public static SmtpServerDouble Inside(string network)
    {
        using var inside = NetworkNamespace.OpenNamed(network);
        return inside.Run(() => new SmtpServerDouble());
    }

    /// <summary>The answer to a step: GREETING, EHLO, HELO, MAIL, RCPT, DATA, the MESSAGE after its dot, AUTH. Null: the usual one; "DROP": none, the line is cut; "HANG": none ever.</summary>
    public Func<string, string, string?> Answer { get; set; } = (_, _) => null;

    /// <summary>What EHLO offers besides its greeting.</summary>
    public List<string> Offers { get; } = [];

    /// <summary>Certificate of STARTTLS.</summary>
    public X509Certificate2? Certificate { get; set; }

    /// <summary>Cuts the line in the middle of a message that many times.</summary>
    public int CutsInData { get; set; }

    /// <summary>Messages it took over, as they came, unstuffed; each with its recipients.</summary>
    public List<(string[] Recipients, string Text)> Messages { get; } = [];

    /// <summary>Every line of every client.</summary>
    public List<string> Lines { get; } = [];

    public int Connections { get; private set; }

    /// <summary>Subjects of what it took over, in their order.</summary>
    public string[] Subjects => [.. Texts.Select(text => text.Split('\n').First(line => line.StartsWith("Subject: ", StringComparison.Ordinal))[9..])];

    public string[] Texts
    {
        get
        {
            lock (Messages)
                return [.. Messages.Select(message => message.Text)];
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _ending.CancelAsync();
        _listener.Stop();
        await _accepting;
        _ending.Dispose();
    }

    private async Task AcceptAsync()
    {
        var serving = new List<Task>();
        try
        {
            while (true)
            {
                var socket = await _listener.AcceptSocketAsync(_ending.Token);
                Connections++;
                serving.Add(ServeAsync(socket));
            }
        }
        catch (Exception exception) when (exception is OperationCanceledException or SocketException or InvalidOperationException)
        {
            await Task.WhenAll(serving);
        }
    }

    private async Task ServeAsync(Socket socket)
    {
        Stream stream = new NetworkStream(socket, ownsSocket: true);
        try
        {
            if (!await SayAsync(stream, Answer("GREETING", "") ?? "220 double ESMTP"))
                return;
            var recipients = new List<string>();
            while (await ReadLineAsync(stream) is { } line)
            {
                lock (Lines)
                    Lines.Add(line);
                string verb = line.Split(' ', ':')[0].ToUpperInvariant();
                string answer = Answer(verb, line) ?? verb switch
                {
                    "EHLO" => string.Join("\r\n", ["250-double", .. Offers.Select(offer => $"250-{offer}"), "250 8BITMIME"]),
                    "STARTTLS" => "220 go ahead",
                    "DATA" => "354 go ahead",
                    "QUIT" => "221 bye",
                    "AUTH" => "235 welcome",
                    _ => "250 ok",
                };
                if (verb == "RCPT" && answer[0] == '2')
                    recipients.Add(line[9..^1]);
                if (!await SayAsync(stream, answer) || verb == "QUIT")
                    return;
                if (verb == "STARTTLS" && answer[0] == '2')
                {
                    var tls = new SslStream(stream);
                    stream = tls;
                    await tls.AuthenticateAsServerAsync(new SslServerAuthenticationOptions { ServerCertificate = Certificate }, _ending.Token);
                }

                if (verb == "DATA" && answer[0] == '3' && !await TakeAsync(stream, recipients))
                    return;
            }
        }
        catch (Exception exception) when (exception is IOException or OperationCanceledException or System.Security.Authentication.AuthenticationException)
        {
            // The client has heard enough, or the test is over.
        }
        finally
        {
            await stream.DisposeAsync();
        }
    }

    private async Task<bool> TakeAsync(Stream stream, List<string> recipients)
    {
        var text = new StringBuilder();
        while (await ReadLineAsync(stream) is { } line)
        {
            if (CutsInData > 0)
            {
                CutsInData--;
                return false;
            }

            if (line == ".")
            {
                string answer = Answer("MESSAGE", text.ToString()) ?? "250 queued";
                if (answer[0] == '2')
                {
                    lock (Messages)
                        Messages.Add(([.. recipients], text.ToString()));
                }

                recipients.Clear();
                return await SayAsync(stream, answer);
            }

            text.Append(line.StartsWith('.') ? line[1..] : line).Append('\n');
        }

        return false;
    }

    private async Task<bool> SayAsync(Stream stream, string answer)
    {
        if (answer == "HANG")
            await Task.Delay(Timeout.Infinite, _ending.Token);
        if (answer == "DROP")
            return false;
        await stream.WriteAsync(Encoding.UTF8.GetBytes(answer + "\r\n"), _ending.Token);
        return true;
    }

    private async Task<string?> ReadLineAsync(Stream stream)
    {
        var line = new List<byte>();
        var octet = new byte[1];
        while (await stream.ReadAsync(octet, _ending.Token) == 1)
        {
            if (octet[0] == '\n')
                return Encoding.UTF8.GetString([.. line]).TrimEnd('\r');
            line.Add(octet[0]);
        }

        return null;
    }
}
