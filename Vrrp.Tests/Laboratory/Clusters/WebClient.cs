using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Vrrp.Linux;

namespace Vrrp.Tests.LaboratoryMachine.Clusters;

/// <summary>A client that wants to know who answered.</summary>
internal sealed class WebClient(NetworkNamespace network)
{
    private const int FirstPort = 10_000;
    private const int Ports = 20_000;

    private static int s_ports;

    // Longer than a failover and several repeated SYNs.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(40);
    private static readonly byte[] Request = "GET / HTTP/1.1\r\nHost: cluster\r\n\r\n"u8.ToArray();

    /// <summary>Sends requests, each on a connection of its own, and counts who answered: "rs1 200, rs2 400".</summary>
    /// <param name="service">Who is asked.</param>
    /// <param name="count">How many requests.</param>
    public async Task<string> AskAsync(IPEndPoint service, int count)
    {
        var sockets = Sockets(count);
        string[] answers = new string[count];
        await Parallel.ForAsync(
            0, count, new ParallelOptions { MaxDegreeOfParallelism = 8 }, async (index, _) => answers[index] = await AskAsync(sockets[index], service));
        return Summary(answers);
    }

    /// <summary>Sends requests one after the other until it is told to end; returns the answers in their order.</summary>
    public async Task<IReadOnlyList<string>> AskUntilAsync(IPEndPoint service, CancellationToken end)
    {
        List<string> answers = [];
        while (!end.IsCancellationRequested)
            answers.Add(await AskAsync(Sockets(1)[0], service));
        return answers;
    }

    /// <summary>A connection that stays.</summary>
    public async Task<LongConnection> ConnectAsync(IPEndPoint service)
    {
        var socket = Sockets(1)[0];
        using var giveUp = new CancellationTokenSource(Patience);
        await socket.ConnectAsync(service, giveUp.Token);
        return await LongConnection.GreetAsync(socket);
    }

    public static string Summary(IEnumerable<string> answers) => string.Join(
        ", ",
        answers.CountBy(answer => answer).OrderBy(pair => pair.Key, StringComparer.Ordinal)
            .Select(pair => string.Create(CultureInfo.InvariantCulture, $"{pair.Key} {pair.Value}")));

    /// <summary>
    /// Sockets of the client's host, whichever thread uses them; each with a port of its own: a port that comes again within two minutes
    /// finds its old connection in a director that sees no replies, and goes to the same server without being scheduled.
    /// </summary>
    private Socket[] Sockets(int count) => network.Run(() => Enumerable.Range(0, count).Select(_ =>
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        socket.Bind(new IPEndPoint(IPAddress.Any, FirstPort + (Interlocked.Increment(ref s_ports) % Ports)));
        return socket;
    }).ToArray());

    private static async Task<string> AskAsync(Socket socket, IPEndPoint service)
    {
        using var giveUp = new CancellationTokenSource(Patience);
        try
        {
            using (socket)
            {
                await socket.ConnectAsync(service, giveUp.Token);
                await socket.SendAsync(Request, giveUp.Token);
                await using var stream = new NetworkStream(socket, ownsSocket: false);
                using var reader = new StreamReader(stream, Encoding.ASCII);
                string answer = await reader.ReadToEndAsync(giveUp.Token);
                int body = answer.IndexOf("\r\n\r\n", StringComparison.Ordinal);
                return body < 0 ? "nothing" : answer[(body + 4)..];
            }
        }
        catch (OperationCanceledException)
        {
            return "silence";
        }
        catch (Exception failure) when (failure is SocketException or IOException)
        {
            return (failure as SocketException ?? failure.InnerException as SocketException)?.SocketErrorCode.ToString() ?? failure.Message;
        }
    }
}

/// <summary>A connection over which a client talks to one real server, line by line.</summary>
internal sealed class LongConnection : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly NetworkStream _stream;
    private readonly StreamReader _reader;
    private int _count;

    private LongConnection(Socket socket)
    {
        _stream = new(socket, ownsSocket: true);
        _reader = new(_stream, Encoding.ASCII);
        Local = (IPEndPoint)socket.LocalEndPoint!;
    }

    /// <summary>The real server at the other end.</summary>
    public string Server { get; private set; } = "";

    /// <summary>The client's end.</summary>
    public IPEndPoint Local { get; }

    public static async Task<LongConnection> GreetAsync(Socket socket)
    {
        var connection = new LongConnection(socket);
        connection.Server = (await connection.SayAsync("hello")).Split(' ')[0];
        return connection;
    }

    /// <summary>Says something and demands that the same server repeats it.</summary>
    public async Task TalkAsync(int lines = 1)
    {
        for (int line = 0; line < lines; line++)
        {
            string text = string.Create(CultureInfo.InvariantCulture, $"line {++_count}");
            Assert.Equal($"{Server} {text}", await SayAsync(text));
        }
    }

    public void Dispose()
    {
        _reader.Dispose();
        _stream.Dispose();
    }

    public override string ToString() => $"{Local} to {Server}";

    private async Task<string> SayAsync(string text)
    {
        using var giveUp = new CancellationTokenSource(Patience);
        try
        {
            await _stream.WriteAsync(Encoding.ASCII.GetBytes(text + "\n"), giveUp.Token);
            return await _reader.ReadLineAsync(giveUp.Token) ?? throw new IOException("it was closed");
        }
        catch (Exception failure) when (failure is IOException or OperationCanceledException)
        {
            throw new IOException($"The connection from {this} has not survived: {failure.Message}", failure);
        }
    }
}
