using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.RegularExpressions;
using Vrrp.Daemon.Configuration.Model;
using Vrrp.Daemon.HealthChecks;
using Vrrp.Daemon.Tracking;

namespace Vrrp.Tests.HealthChecks;

/// <summary>Each checker against a server on loopback that behaves, and against those that do not.</summary>
public sealed class CheckerTests : IDisposable
{
    private static readonly IPAddressValue Loopback = IPAddressValue.Parse("127.0.0.1");

    /// <summary>Long enough for a machine that is busy.</summary>
    private static readonly TimeSpan Patient = TimeSpan.FromSeconds(60);

    /// <summary>For servers that never answer.</summary>
    private static readonly TimeSpan Impatient = TimeSpan.FromMilliseconds(300);

    private readonly string _file = Path.Combine(Path.GetTempPath(), $"vrrp-test-{Guid.NewGuid():N}");

    public void Dispose() => File.Delete(_file);

    private static HttpCheck Http(LoopbackServer server, HttpUrl url) =>
        new() { Address = Loopback, Port = server.Port, ConnectTimeout = Patient, Urls = [url] };

    private static async Task<CheckResult> RunAsync(HealthCheck check)
    {
        using var checkers = new HealthCheckers(TimeProvider.System, new ScriptRunner(TimeProvider.System));
        var checker = checkers.Create(check);
        using (checker as IDisposable)
        {
            var result = await checker.CheckAsync(CancellationToken.None).ConfigureAwait(false);
            // Not on the thread of the checks, which ends here.
            await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
            return result;
        }
    }

    private static HealthCheck Kind(string kind, ushort port, TimeSpan timeout) => kind switch
    {
        "TCP" => new TcpCheck { Address = Loopback, Port = port, ConnectTimeout = timeout },
        "HTTP" => new HttpCheck { Address = Loopback, Port = port, ConnectTimeout = timeout, Urls = [new() { Path = "/" }] },
        "DIGEST" => new HttpCheck { Address = Loopback, Port = port, ConnectTimeout = timeout, Urls = [new() { Path = "/", Digest = new('0', 32) }] },
        "SSL" => new HttpCheck { Address = Loopback, Port = port, ConnectTimeout = timeout, IsTls = true, Urls = [new() { Path = "/" }] },
        "SMTP" => new SmtpCheck { Address = Loopback, Port = port, ConnectTimeout = timeout },
        "DNS" => new DnsCheck { Address = Loopback, Port = port, ConnectTimeout = timeout },
        "UDP" => new UdpCheck { Address = Loopback, Port = port, ConnectTimeout = timeout, RequireReply = true },
        _ => throw new ArgumentException(kind),
    };

    [Fact]
    public async Task Tcp_is_up_where_someone_listens_and_nowhere_else()
    {
        await using var server = new LoopbackServer((_, _) => Task.CompletedTask);
        Assert.Equal(CheckResult.Success, await RunAsync(Kind("TCP", server.Port, Patient)));

        // Taken, so that no other test listens there either.
        using var silent = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        silent.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        Assert.Equal(CheckResult.Failure("connection refused"), await RunAsync(Kind("TCP", (ushort)((IPEndPoint)silent.LocalEndPoint!).Port, Patient)));
    }

    [Theory]
    [InlineData("HTTP")]
    [InlineData("DIGEST")]
    [InlineData("SSL")]
    [InlineData("SMTP")]
    public async Task Who_answers_garbage_closes_or_says_nothing_has_failed(string kind)
    {
        await using (var garbage = new LoopbackServer(async (stream, token) => await stream.WriteAsync("\0\u0001garbage\r\n\r\n"u8.ToArray(), token)))
            AssertFailure(await RunAsync(Kind(kind, garbage.Port, Patient)));
        await using (var closing = new LoopbackServer((_, _) => Task.CompletedTask))
            AssertFailure(await RunAsync(Kind(kind, closing.Port, Patient)));
        await using (var silent = new LoopbackServer((_, token) => Task.Delay(Timeout.Infinite, token)))
            Assert.Contains("took longer than", AssertFailure(await RunAsync(Kind(kind, silent.Port, Impatient))), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("HTTP", "x")]
    [InlineData("HTTP", "HTTP/1.0 200 OK\r\nX: y\r\n")]
    [InlineData("SSL", "\u0016\u0003\u0001")]
    [InlineData("SMTP", "220-more\r\n")]
    [InlineData("SMTP", "x")]
    public async Task Who_floods_has_failed_before_much_is_kept(string kind, string unit)
    {
        long sent = 0;
        byte[] block = [.. Enumerable.Repeat(Encoding.Latin1.GetBytes(unit), 4096).SelectMany(octets => octets)];
        await using var server = new LoopbackServer(async (stream, token) =>
        {
            while (true)
            {
                await stream.WriteAsync(block, token);
                Interlocked.Add(ref sent, block.Length);
            }
        });
        AssertFailure(await RunAsync(Kind(kind, server.Port, Patient)));
        // What the sockets of both sides hold is some megabytes.
        Assert.InRange(Interlocked.Read(ref sent), 0, 64 * 1024 * 1024);
    }

    [Fact]
    public async Task A_body_without_an_end_is_read_to_a_limit()
    {
        byte[] block = new byte[64 * 1024];
        await using var server = new LoopbackServer(async (stream, token) =>
        {
            await LoopbackServer.ReadRequestAsync(stream, token);
            await stream.WriteAsync("HTTP/1.0 200 OK\r\n\r\n"u8.ToArray(), token);
            while (true)
                await stream.WriteAsync(block, token);
        });
        Assert.Contains("the body is longer than", AssertFailure(await RunAsync(Kind("DIGEST", server.Port, Patient))), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("HTTP", "HTTP/1.0 200 OK\r\n")]
    [InlineData("DIGEST", "HTTP/1.0 200 OK\r\n\r\n")]
    [InlineData("SMTP", "220 hello\r")]
    public async Task Who_sends_an_octet_now_and_then_is_not_waited_for_longer_than_the_time(string kind, string text)
    {
        await using var server = new LoopbackServer(async (stream, token) =>
        {
            await stream.WriteAsync(Encoding.Latin1.GetBytes(text), token);
            while (true)
            {
                await stream.WriteAsync("x"u8.ToArray(), token);
                await Task.Delay(20, token);
            }
        });
        var clock = Stopwatch.StartNew();
        AssertFailure(await RunAsync(Kind(kind, server.Port, Impatient)));
        Assert.True(clock.Elapsed < Patient, clock.Elapsed.ToString());
    }

    [Theory]
    [InlineData("", 200, true)]
    [InlineData("", 204, true)]
    [InlineData("", 302, false)]
    [InlineData("", 404, false)]
    [InlineData("302", 302, true)]
    [InlineData("302", 200, false)]
    [InlineData("200-204 401", 401, true)]
    [InlineData("200-204 401", 205, false)]
    public async Task A_status_counts_when_it_is_in_a_range(string ranges, int status, bool isSuccess)
    {
        await using var server = LoopbackServer.Answering($"HTTP/1.0 {status} Some reason\r\nLocation: /elsewhere\r\n\r\nbody");
        ImmutableArray<(int, int)> codes =
        [
            .. ranges.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(range => range.Split('-'))
                .Select(range => (int.Parse(range[0], CultureInfo.InvariantCulture), int.Parse(range[^1], CultureInfo.InvariantCulture))),
        ];
        var result = await RunAsync(Http(server, new() { Path = "/", StatusCodes = codes }));

        Assert.Equal(isSuccess ? CheckResult.Success : CheckResult.Failure($"/: status {status}"), result);
        Assert.Single(server.Requests);
    }

    [Theory]
    [InlineData("Http10", null, "GET /a?b=%20c HTTP/1.0\r\nHost: 127.0.0.1:{0}\r\nUser-Agent: KeepAliveClient\r\n\r\n")]
    [InlineData("Http10Close", "www.example.com", "GET /a?b=%20c HTTP/1.0\r\nHost: www.example.com\r\nConnection: close\r\nUser-Agent: KeepAliveClient\r\n\r\n")]
    [InlineData("Http11", "www.example.com:81", "GET /a?b=%20c HTTP/1.1\r\nHost: www.example.com:81\r\nConnection: close\r\nUser-Agent: KeepAliveClient\r\n\r\n")]
    public async Task A_request_is_as_configured(string protocol, string? host, string expected)
    {
        await using var server = LoopbackServer.Answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        var check = Http(server, new() { Path = "/a?b=%20c" }) with { Protocol = Enum.Parse<HttpProtocol>(protocol), VirtualHost = host };

        Assert.Equal(CheckResult.Success, await RunAsync(check));
        Assert.Equal(
            Ordered(string.Format(CultureInfo.InvariantCulture, expected, server.Port)), Ordered(Assert.Single(server.Requests)));

        // The order of headers means nothing.
        static string[] Ordered(string request) => [.. request.Split("\r\n").Take(1), .. request.Split("\r\n").Skip(1).Order(StringComparer.Ordinal)];
    }

    [Fact]
    public async Task A_url_may_have_a_virtual_host_of_its_own_and_the_first_failure_counts()
    {
        await using var server = LoopbackServer.Answering(request =>
            request.Contains("/bad", StringComparison.Ordinal) ? "HTTP/1.0 500 No\r\n\r\n" : "HTTP/1.0 200 OK\r\n\r\n");
        var check = Http(server, new() { Path = "/good", VirtualHost = "a.example" }) with { VirtualHost = "b.example" };
        check = check with { Urls = [.. check.Urls, new() { Path = "/bad" }, new() { Path = "/never" }] };

        Assert.Equal(CheckResult.Failure("/bad: status 500"), await RunAsync(check));
        Assert.Contains("Host: a.example", server.Requests[0], StringComparison.Ordinal);
        Assert.Contains("Host: b.example", server.Requests[1], StringComparison.Ordinal);
        Assert.Equal(2, server.Requests.Count);
        Assert.Equal(CheckResult.Success, await RunAsync(check with { FastRecovery = true }));
    }

    [Fact]
    public async Task A_body_must_have_its_digest()
    {
        await using var server = LoopbackServer.Answering("HTTP/1.0 200 OK\r\n\r\nhello");
        const string Hello = "5d41402abc4b2a76b9719d911017c592";

        Assert.Equal(CheckResult.Success, await RunAsync(Http(server, new() { Path = "/", Digest = Hello })));
        Assert.Equal(
            CheckResult.Failure($"/: digest {Hello}, not {new string('0', 32)}"), await RunAsync(Http(server, new() { Path = "/", Digest = new('0', 32) })));
    }

    [Theory]
    [InlineData("w[ao]rld", false, 0, 0, true)]
    [InlineData("W[ao]rld", false, 0, 0, false)]
    [InlineData("world", true, 0, 0, false)]
    [InlineData("nothing", true, 0, 0, true)]
    [InlineData("hello", false, 1, 0, false)]
    [InlineData("world", false, 0, 8, false)]
    [InlineData("world", false, 6, 11, true)]
    [InlineData("x", false, 100, 0, false)]
    public async Task A_pattern_is_looked_for_where_it_may_be(string pattern, bool mustNotMatch, int from, int to, bool isSuccess)
    {
        await using var server = LoopbackServer.Answering("HTTP/1.0 200 OK\r\n\r\nhello world and more");
        var url = new HttpUrl
        {
            Path = "/",
            PatternText = pattern,
            Pattern = new Regex(pattern, RegexOptions.CultureInvariant, Patient),
            PatternMustNotMatch = mustNotMatch,
            PatternMinimumOffset = from,
            PatternMaximumOffset = to,
        };

        Assert.Equal(isSuccess, (await RunAsync(Http(server, url))).IsSuccess);
    }

    [Fact]
    public async Task A_pattern_that_takes_for_ever_is_a_failure()
    {
        await using var server = LoopbackServer.Answering($"HTTP/1.0 200 OK\r\n\r\n{new string('a', 5000)}!");
        var url = new HttpUrl
        {
            Path = "/",
            PatternText = "(a+)+$",
            Pattern = new Regex("(a+)+$", RegexOptions.None, TimeSpan.FromMilliseconds(50)),
        };

        Assert.Equal(CheckResult.Failure("/: looking for the pattern took too long"), await RunAsync(Http(server, url)));
    }

    [Theory]
    [InlineData(false, "")]
    [InlineData(true, "www.example.com")]
    public async Task Tls_works_by_whatever_certificate_and_names_the_host_when_asked_to(bool namesHost, string expected)
    {
        string? named = null;
        using var key = RSA.Create(2048);
        using var certificate = new CertificateRequest("CN=nobody", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1)
            .CreateSelfSigned(DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch.AddDays(1));
        await using var server = new LoopbackServer(async (stream, token) =>
        {
            await using var secure = new SslStream(stream);
            await secure.AuthenticateAsServerAsync(
                (_, greeting, _, _) =>
                {
                    named = greeting.ServerName;
                    return ValueTask.FromResult(new SslServerAuthenticationOptions { ServerCertificate = certificate });
                },
                null,
                token);
            await LoopbackServer.ReadRequestAsync(secure, token);
            await secure.WriteAsync("HTTP/1.0 200 OK\r\n\r\n"u8.ToArray(), token);
        });
        var check = Http(server, new() { Path = "/" }) with { IsTls = true, VirtualHost = "www.example.com", EnableSni = namesHost };

        Assert.Equal(CheckResult.Success, await RunAsync(check));
        Assert.Equal(expected, named);
    }

    [Theory]
    [InlineData("220 hello\r\n", "250 you\r\n", null)]
    [InlineData("220-hello\r\n220-more\r\n220 end\r\n", "250-you\r\n250 SIZE 5\r\n", null)]
    [InlineData("554 no\r\n", "", "the greeting is 554, not 220")]
    [InlineData("220 hello\r\n", "502 what?\r\n", "the answer to HELO is 502, not 250")]
    [InlineData("hello\r\n", "", "the greeting is not SMTP")]
    [InlineData("220 hello\r\n", "", "the server closed the connection before the answer to HELO")]
    public async Task Smtp_is_a_dialogue(string greeting, string answer, string? problem)
    {
        var heard = new StringBuilder();
        await using var server = new LoopbackServer(async (stream, token) =>
        {
            await stream.WriteAsync(Encoding.ASCII.GetBytes(greeting), token);
            using var reader = new StreamReader(stream);
            heard.Append(await reader.ReadLineAsync(token)).Append(';');
            await stream.WriteAsync(Encoding.ASCII.GetBytes(answer), token);
            if (answer.StartsWith("250", StringComparison.Ordinal))
                heard.Append(await reader.ReadLineAsync(token)).Append(';');
        });
        var result = await RunAsync(new SmtpCheck { Address = Loopback, Port = server.Port, ConnectTimeout = Patient, HeloName = "lb.example.com" });

        Assert.Equal(problem, result.Message);
        if (problem is null)
            Assert.Equal("HELO lb.example.com;QUIT;", heard.ToString());
    }

    [Fact]
    public async Task Dns_answers_count_by_their_number_and_code()
    {
        byte[]? query = null;
        byte code = 0;
        using var server = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        server.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        ushort port = (ushort)((IPEndPoint)server.LocalEndPoint!).Port;
        var check = new DnsCheck { Address = Loopback, Port = port, ConnectTimeout = Patient, RecordType = 1, Name = "www.example.com" };
        foreach (byte answer in (byte[])[0, 2, 3])
        {
            code = answer;
            var probe = RunAsync(check);
            await AnswerAsync();
            var result = await probe;
            Assert.Equal(answer == 0 ? null : $"the server answers: {(answer == 2 ? "server failure" : "no such name")}", result.Message);
        }

        Assert.Equal("01000001000000000000", Convert.ToHexString(query.AsSpan(2, 10)));
        Assert.Equal("\u0003www\u0007example\u0003com\0\0\u0001\0\u0001", Encoding.ASCII.GetString(query.AsSpan(12)));

        async Task AnswerAsync()
        {
            var buffer = new byte[512];
            var from = await server.ReceiveFromAsync(buffer, new IPEndPoint(IPAddress.Any, 0));
            query = buffer[..from.ReceivedBytes];
            // Neither a stray datagram nor an answer to another question is the answer.
            await server.SendToAsync(new byte[3], from.RemoteEndPoint);
            byte[] reply = [.. query];
            reply[0] ^= 1;
            await server.SendToAsync(reply, from.RemoteEndPoint);
            BinaryPrimitives.WriteUInt16BigEndian(reply, BinaryPrimitives.ReadUInt16BigEndian(query));
            await server.SendToAsync(reply, from.RemoteEndPoint);
            reply[2] |= 0x80;
            reply[3] = code;
            await server.SendToAsync(reply, from.RemoteEndPoint);
        }
    }

    [Theory]
    [InlineData("", 0, 255, "anything", null)]
    [InlineData("68xx6c", 0, 255, "hello", null)]
    [InlineData("68xx6d", 0, 255, "hello", "the answer is another than require_reply asks for")]
    [InlineData("", 6, 255, "hello", "the answer has 5 octets, not 6 to 255")]
    [InlineData("", 0, 4, "hello", "the answer has 5 octets, not 0 to 4")]
    public async Task Udp_answers_are_judged(string nibbles, int minimum, int maximum, string reply, string? problem)
    {
        using var server = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        server.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        var probe = RunAsync(new UdpCheck
        {
            Address = Loopback,
            Port = (ushort)((IPEndPoint)server.LocalEndPoint!).Port,
            ConnectTimeout = Patient,
            RequireReply = true,
            Payload = [1, 2, 3],
            ReplyNibbles = [.. nibbles.Select(nibble => nibble == 'x' ? (sbyte)-1 : sbyte.Parse(nibble.ToString(), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture))],
            MinimumReplyLength = minimum,
            MaximumReplyLength = maximum,
        });
        var buffer = new byte[512];
        var from = await server.ReceiveFromAsync(buffer, new IPEndPoint(IPAddress.Any, 0));
        Assert.Equal([1, 2, 3], buffer[..from.ReceivedBytes]);
        await server.SendToAsync(Encoding.ASCII.GetBytes(reply), from.RemoteEndPoint);

        Assert.Equal(problem, (await probe).Message);
    }

    [Fact]
    public async Task Udp_without_a_reply_is_up_unless_the_host_says_no()
    {
        ushort port;
        using (var server = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp))
        {
            server.Bind(new IPEndPoint(IPAddress.Loopback, 0));
            port = (ushort)((IPEndPoint)server.LocalEndPoint!).Port;
            Assert.Equal(CheckResult.Success, await RunAsync(new UdpCheck { Address = Loopback, Port = port, ConnectTimeout = Impatient }));
            Assert.Contains("took longer than", AssertFailure(await RunAsync(Kind("UDP", port, Impatient))), StringComparison.Ordinal);
            Assert.Contains("took longer than", AssertFailure(await RunAsync(Kind("DNS", port, Impatient))), StringComparison.Ordinal);
        }

        Assert.Equal(CheckResult.Failure("connection refused"), await RunAsync(new UdpCheck { Address = Loopback, Port = port, ConnectTimeout = Patient }));
        Assert.Equal(CheckResult.Failure("connection refused"), await RunAsync(Kind("DNS", port, Patient)));
    }

    [Fact]
    public async Task Ping_is_up_on_loopback_of_either_family()
    {
        Assert.Equal(CheckResult.Success, await RunAsync(new PingCheck { Address = Loopback, ConnectTimeout = Patient }));
        Assert.Equal(CheckResult.Success, await RunAsync(new PingCheck { Address = IPAddressValue.Parse("::1"), ConnectTimeout = Patient }));
    }

    [Theory]
    [InlineData("/bin/true", false, null, null)]
    [InlineData("/bin/false", false, "it exited with status 1", null)]
    [InlineData("/bin/sh -c 'exit 7'", false, "it exited with status 7", null)]
    [InlineData("/bin/sh -c 'exit 7'", true, null, 5)]
    [InlineData("/bin/sh -c 'exit 1'", true, "it exited with status 1", null)]
    [InlineData("/bin/true", true, null, null)]
    [InlineData("/no/such/program", false, "there is no file /no/such/program", null)]
    public async Task Misc_is_what_the_script_says(string command, bool isDynamic, string? problem, int? weight)
    {
        var result = await RunAsync(new MiscCheck { Command = new(command, "0"), Timeout = Patient, IsDynamic = isDynamic });

        Assert.Equal((problem, weight), (result.Message, result.Weight));
    }

    [Fact]
    public async Task Misc_that_does_not_end_is_ended_with_all_that_it_started()
    {
        var result = await RunAsync(new MiscCheck
        {
            Command = new($"/bin/sh -c 'trap \"\" TERM; sleep 1000 & echo $! > {_file}; wait; wait'", "0"),
            Timeout = TimeSpan.FromSeconds(2),
        });

        Assert.Equal("it ran longer than 2 s and was ended", result.Message);
        // The kernel ends it a moment after the signal.
        using var limit = new CancellationTokenSource(Patient);
        using var beat = new PeriodicTimer(TimeSpan.FromMilliseconds(10));
        string started = File.ReadAllText(_file).Trim();
        while (Runs(started))
            await beat.WaitForNextTickAsync(limit.Token);

        static bool Runs(string process)
        {
            try
            {
                return !File.ReadAllText($"/proc/{process}/stat").Contains(") Z ", StringComparison.Ordinal);
            }
            catch (IOException)
            {
                return false;
            }
        }
    }

    [Fact]
    public async Task Misc_that_cannot_be_ended_fails_at_its_time_and_is_not_started_beside_itself()
    {
        using var scripts = new Tracking.StubbornScripts();
        var checker = new MiscChecker(new() { Command = Tracking.StubbornScripts.Command, Timeout = TimeSpan.FromSeconds(5) }, scripts.Runner);
        var first = checker.CheckAsync(default);
        var process = await scripts.NextAsync();
        scripts.Time.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal("it ran longer than 5 s and was ended", (await first.WaitAsync(Patient)).Message);

        for (int i = 0; i < 3; i++)
        {
            scripts.Time.Advance(TimeSpan.FromSeconds(10));
            Assert.Equal("the script still runs although its time was up; it is not started a second time", (await checker.CheckAsync(default).WaitAsync(Patient)).Message);
        }

        process.Exit();
        CheckResult? last = null;
        await scripts.PassUntilAsync(() =>
        {
            if (scripts.StartedCount == 0)
                _ = RunAgainAsync();
            return scripts.StartedCount > 0;
        });
        (await scripts.NextAsync()).Exit();
        await scripts.PassUntilAsync(() => last is { IsSuccess: true });

        async Task RunAgainAsync()
        {
            var result = await checker.CheckAsync(default);
            if (result.IsSuccess)
                last = result;
        }
    }

    [Theory]
    [InlineData("0", 0, null, null)]
    [InlineData("3", 0, "says 3", null)]
    [InlineData("-3 and words", 10, null, 70)]
    [InlineData("words", 10, null, 100)]
    [InlineData("-20", 10, null, 0)]
    [InlineData("99999999999999", 1, null, int.MaxValue)]
    [InlineData(null, 10, null, 100)]
    public async Task A_file_says_how_much(string? text, int factor, string? problem, int? weight)
    {
        if (text is not null)
            await File.WriteAllTextAsync(_file, text);
        var result = await RunAsync(new FileCheck { TrackFile = "f", Path = _file, WeightFactor = factor, BaseWeight = 100 });

        Assert.Equal(problem is null ? null : $"{_file} {problem}", result.Message);
        Assert.Equal(weight, result.Weight);
    }

    [Fact]
    public async Task A_check_that_is_called_off_ends_at_once_and_without_a_result()
    {
        await using var server = new LoopbackServer((_, token) => Task.Delay(Timeout.Infinite, token));
        using var stop = new CancellationTokenSource();
        using var checker = new HttpChecker((HttpCheck)Kind("HTTP", server.Port, Patient), TimeProvider.System);
        var probe = checker.CheckAsync(stop.Token);
        await stop.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => probe);
    }

    private static string AssertFailure(CheckResult result)
    {
        Assert.False(result.IsSuccess);
        Assert.False(string.IsNullOrWhiteSpace(result.Message));
        Assert.DoesNotContain('\n', result.Message);
        return result.Message;
    }
}
