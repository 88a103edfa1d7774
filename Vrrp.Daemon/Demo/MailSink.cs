using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Vrrp.Linux;

namespace Vrrp.Daemon.Demo;

/// <summary>A mail that the directors sent to the operators.</summary>
/// <param name="At">When the mailbox had it, since the start of the demonstration.</param>
/// <param name="From">Who sent it.</param>
/// <param name="Subject">What it says.</param>
internal sealed record DemoMail(TimeSpan At, string From, string Subject);

/// <summary>The operators' mailbox: a mail server at the client, which takes whatever it is given.</summary>
internal sealed class MailSink : IAsyncDisposable
{
    /// <summary>Port 25 would need one more capability.</summary>
    public const int Port = 2525;

    private const int MaximumLine = 4096;
    private const int MaximumLines = 10_000;

    private readonly DemoClock _clock;
    private readonly Pulse _pulse;
    private readonly TcpListener _listener;
    private readonly CancellationTokenSource _ending = new();
    private readonly Task _accepting;
    private ImmutableArray<DemoMail> _mails = [];

    /// <exception cref="SocketException">The port is not to be had.</exception>
    public MailSink(DemoClock clock, NetworkNamespace network, Pulse pulse)
    {
        (_clock, _pulse) = (clock, pulse);
        // A socket stays in the namespace of the thread that made it, whoever uses it later.
        _listener = network.Run(() =>
        {
            var listener = new TcpListener(DemoPlan.ClientAddress.ToIPAddress(), Port);
            listener.Start();
            return listener;
        });
        _accepting = AcceptAsync();
    }

    /// <summary>What has come, in its order.</summary>
    public ImmutableArray<DemoMail> Mails => _mails;

    public async ValueTask DisposeAsync()
    {
        await _ending.CancelAsync().ConfigureAwait(false);
        await _accepting.ConfigureAwait(false);
        _listener.Dispose();
        _ending.Dispose();
    }

    private async Task AcceptAsync()
    {
        var serving = new List<Task>();
        try
        {
            while (true)
            {
                serving.RemoveAll(task => task.IsCompleted);
                serving.Add(ServeAsync(await _listener.AcceptTcpClientAsync(_ending.Token).ConfigureAwait(false)));
            }
        }
        catch (OperationCanceledException)
        {
            await Task.WhenAll(serving).ConfigureAwait(false);
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        using (client)
        {
            try
            {
                using var reader = new StreamReader(client.GetStream(), Encoding.Latin1, detectEncodingFromByteOrderMarks: false, leaveOpen: true);
                await SayAsync(client, "220 mailbox").ConfigureAwait(false);
                string from = "";
                while (await ReadAsync(reader).ConfigureAwait(false) is { } line)
                {
                    string verb = line.Split(' ', ':')[0].ToUpperInvariant();
                    if (verb == "MAIL")
                        from = line[(line.IndexOf('<', StringComparison.Ordinal) + 1)..].TrimEnd('>');
                    await SayAsync(client, verb switch { "DATA" => "354 go on", "QUIT" => "221 goodbye", _ => "250 good" }).ConfigureAwait(false);
                    if (verb == "QUIT")
                        return;
                    if (verb == "DATA" && !await TakeAsync(client, reader, from).ConfigureAwait(false))
                        return;
                }
            }
            catch (Exception exception) when (exception is IOException or OperationCanceledException or SocketException)
            {
                // A director was killed in mid-sentence, or the demonstration is over.
            }
        }
    }

    private async Task<bool> TakeAsync(TcpClient client, StreamReader reader, string from)
    {
        string? subject = null;
        for (int i = 0; i < MaximumLines; i++)
        {
            string? line = await ReadAsync(reader).ConfigureAwait(false);
            if (line is null)
                return false;
            if (line == ".")
            {
                // Before the answer: whoever sent it may count on its being here.
                var mail = new DemoMail(_clock.Now, from, subject ?? "");
                ImmutableInterlocked.Update(ref _mails, mails => mails.Add(mail));
                _pulse.Signal();
                await SayAsync(client, "250 taken").ConfigureAwait(false);
                return true;
            }

            if (subject is null && line.StartsWith("Subject: ", StringComparison.Ordinal))
                subject = line["Subject: ".Length..];
        }

        return false;
    }

    private async Task<string?> ReadAsync(StreamReader reader)
    {
        string? line = await reader.ReadLineAsync(_ending.Token).ConfigureAwait(false);
        return line?.Length > MaximumLine ? null : line;
    }

    private async Task SayAsync(TcpClient client, string line) =>
        await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes(line + "\r\n"), _ending.Token).ConfigureAwait(false);
}
