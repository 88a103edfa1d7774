using System.Buffers;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.RegularExpressions;
using Vrrp.Daemon.Configuration.Model;

namespace Vrrp.Daemon.HealthChecks;

/// <summary>HTTP_GET and SSL_GET: each url is asked for and answered as it should be. A connection serves one request.</summary>
internal sealed class HttpChecker : IHealthChecker, IDisposable
{
    /// <summary>Octets of a body that are read; a longer one fails what needs all of it.</summary>
    private const int MaximumBody = 16 * 1024 * 1024;

    /// <summary>Octets of it that a pattern is looked for in.</summary>
    private const int MaximumText = 1024 * 1024;

    /// <summary>Kibibytes of headers.</summary>
    private const int MaximumHeaders = 64;

    private readonly HttpCheck _check;
    private readonly TimeProvider _time;
    private readonly HttpMessageInvoker _client;

    public HttpChecker(HttpCheck check, TimeProvider time)
    {
        _check = check;
        _time = time;
        _client = new(new SocketsHttpHandler
        {
            ConnectCallback = (_, token) => ConnectAsync(token),
            AllowAutoRedirect = false,
            UseProxy = false,
            UseCookies = false,
            AutomaticDecompression = DecompressionMethods.None,
            // Every probe proves that a connection can be made.
            PooledConnectionLifetime = TimeSpan.Zero,
            MaxResponseHeadersLength = MaximumHeaders,
            // What is left of a body when all is known is not waited for.
            MaxResponseDrainSize = 0,
            ActivityHeadersPropagator = null,
        });
    }

    /// <inheritdoc/>
    public async Task<CheckResult> CheckAsync(CancellationToken cancellationToken)
    {
        var result = CheckResult.Success;
        foreach (var url in _check.Urls)
        {
            result = await GetAsync(url, cancellationToken).ConfigureAwait(false);
            if (!result.IsSuccess)
                return result with { Message = $"{url.Path}: {result.Message}" };
            if (_check.FastRecovery)
                break;
        }

        return result;
    }

    /// <inheritdoc/>
    public void Dispose() => _client.Dispose();

    private async Task<CheckResult> GetAsync(HttpUrl url, CancellationToken cancellationToken)
    {
        try
        {
            // Connecting and answering have the time each: together twice of it.
            return await CheckSocket.WithinAsync(_check.ConnectTimeout * 2, "the answer", _time, token => AskAsync(url, token), cancellationToken).ConfigureAwait(false);
        }
        catch (HttpRequestException exception)
        {
            return CheckResult.Failure(Describe(exception));
        }
        catch (AuthenticationException exception)
        {
            return CheckResult.Failure($"no TLS session: {exception.Message}");
        }
        catch (IOException exception)
        {
            return CheckResult.Failure(exception.Message);
        }
    }

    private async Task<CheckResult> AskAsync(HttpUrl url, CancellationToken cancellationToken)
    {
        string authority = Authority();
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri($"http://{authority}{Target(url.Path)}", new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true }))
        {
            Version = _check.Protocol == HttpProtocol.Http11 ? HttpVersion.Version11 : HttpVersion.Version10,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        request.Headers.Host = url.VirtualHost ?? _check.VirtualHost ?? authority;
        request.Headers.TryAddWithoutValidation("User-Agent", "KeepAliveClient");
        request.Headers.ConnectionClose = _check.Protocol != HttpProtocol.Http10;
        using var response = await _client.SendAsync(request, cancellationToken).ConfigureAwait(false);
        int status = (int)response.StatusCode;
        if (!IsExpected(url, status))
            return CheckResult.Failure($"status {status}");
        return url.Digest is null && url.PatternText is null
            ? CheckResult.Success
            : await JudgeBodyAsync(url, await response.Content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false), cancellationToken).ConfigureAwait(false);
    }

    // A literal address carries its port; a name stands as it is.
    private string Authority()
    {
        string host = _check.Address.Family == IPFamily.IPv6 ? $"[{_check.Address}]" : _check.Address.ToString();
        return $"{host}:{_check.Port}";
    }

    private static string Target(string path) => path.StartsWith('/') ? path : "/" + path;

    private static bool IsExpected(HttpUrl url, int status)
    {
        if (!url.StatusCodes.IsEmpty)
            return url.StatusCodes.Any(range => status >= range.From && status <= range.To);
        return url.Digest is not null || url.PatternText is not null || status is >= 200 and <= 299;
    }

    private static async Task<CheckResult> JudgeBodyAsync(HttpUrl url, Stream body, CancellationToken cancellationToken)
    {
#pragma warning disable CA5351 // keepalived's digest is MD5; it tells pages apart, not friend from foe.
        using var digest = url.Digest is null ? null : IncrementalHash.CreateHash(HashAlgorithmName.MD5);
#pragma warning restore CA5351
        int limit = url.PatternMaximumOffset is > 0 and < MaximumText ? url.PatternMaximumOffset : MaximumText;
        var text = url.PatternText is null ? null : new ArrayBufferWriter<byte>();
        var buffer = ArrayPool<byte>.Shared.Rent(16 * 1024);
        try
        {
            long total = 0;
            while (true)
            {
                int count = await body.ReadAsync(buffer, cancellationToken).ConfigureAwait(false);
                if (count == 0)
                    break;
                total += count;
                if (total > MaximumBody)
                    return CheckResult.Failure($"the body is longer than {MaximumBody} octets");
                digest?.AppendData(buffer, 0, count);
                if (text is not null && text.WrittenCount < limit)
                    text.Write(buffer.AsSpan(0, Math.Min(count, limit - text.WrittenCount)));
                if (digest is null && text?.WrittenCount >= limit)
                    break;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }

        if (digest is not null)
        {
            string actual = Convert.ToHexStringLower(digest.GetHashAndReset());
            if (actual != url.Digest)
                return CheckResult.Failure($"digest {actual}, not {url.Digest}");
        }

        return text is null ? CheckResult.Success : Match(url, Encoding.Latin1.GetString(text.WrittenSpan));
    }

    private static CheckResult Match(HttpUrl url, string text)
    {
        try
        {
            bool isFound = url.PatternMinimumOffset <= text.Length && url.Pattern!.IsMatch(text, url.PatternMinimumOffset);
            if (isFound != url.PatternMustNotMatch)
                return CheckResult.Success;
            return CheckResult.Failure(isFound ? "the pattern is found" : "the pattern is not found");
        }
        catch (RegexMatchTimeoutException)
        {
            return CheckResult.Failure("looking for the pattern took too long");
        }
    }

    private async ValueTask<Stream> ConnectAsync(CancellationToken cancellationToken)
    {
        var socket = CheckSocket.Create(_check, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            using var timeout = new CancellationTokenSource(_check.ConnectTimeout, _time);
            using var both = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
            try
            {
                await socket.ConnectAsync(CheckSocket.Target(_check), both.Token).ConfigureAwait(false);
                var stream = new NetworkStream(socket, ownsSocket: true);
                return _check.IsTls ? await SecureAsync(stream, both.Token).ConfigureAwait(false) : stream;
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                throw new IOException($"connecting took longer than {_check.ConnectTimeout.TotalSeconds:0.###} s");
            }
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private async Task<Stream> SecureAsync(NetworkStream stream, CancellationToken cancellationToken)
    {
        // As keepalived: the question is whether the server works, by whatever certificate.
        var secure = new SslStream(stream, leaveInnerStreamOpen: false);
        var options = new SslClientAuthenticationOptions
        {
            TargetHost = _check.EnableSni ? _check.SniName ?? _check.VirtualHost ?? "" : "",
            CertificateRevocationCheckMode = X509RevocationMode.NoCheck,
#pragma warning disable CA5359 // see above
            RemoteCertificateValidationCallback = static (_, _, _, _) => true,
#pragma warning restore CA5359
        };
        if (_check.TlsClient is { } client)
            options.ClientCertificates = [Load(client)];
        await secure.AuthenticateAsClientAsync(options, cancellationToken).ConfigureAwait(false);
        return secure;
    }

    private static X509Certificate2 Load(TlsClient client) => client.Password is { } password
        ? X509Certificate2.CreateFromEncryptedPemFile(client.CertificateFile, Encoding.UTF8.GetString(password.Bytes), client.KeyFile)
        : X509Certificate2.CreateFromPemFile(client.CertificateFile, client.KeyFile);

    private static string Describe(HttpRequestException exception) => exception.InnerException switch
    {
        SocketException socket => CheckSocket.Describe(socket),
        AuthenticationException tls => $"no TLS session: {tls.Message}",
        IOException { InnerException: SocketException socket } => CheckSocket.Describe(socket),
        IOException io => io.Message,
        _ => exception.Message,
    };
}
