using System.Collections.Immutable;
using System.Text.RegularExpressions;
using Vrrp.Daemon.Configuration.Syntax;

namespace Vrrp.Daemon.Configuration.Model;

/// <summary>A checker block: its rhythm. Defaults of the real server, the virtual server and its kind are applied.</summary>
internal abstract record HealthCheck
{
    /// <summary>The block's keyword, as <c>TCP_CHECK</c>.</summary>
    public abstract string Kind { get; }

    public SourceSpan Span { get; init; }

    /// <summary>Between checks (<c>delay_loop</c>).</summary>
    public TimeSpan Interval { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Further attempts before a server that was up is down.</summary>
    public int Retries { get; init; } = 1;

    /// <summary>Pause before each of them.</summary>
    public TimeSpan RetryDelay { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Upper bound of the random delay before the first check.</summary>
    public TimeSpan WarmUp { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Down until a check has succeeded.</summary>
    public bool Alpha { get; init; }

    public bool LogAllFailures { get; init; }

    /// <summary>Whether another check probes the same thing in the same manner, wherever in the file it stands.</summary>
    public abstract bool IsSameAs(HealthCheck other);
}

/// <summary>A check that talks to an address.</summary>
internal abstract record NetworkCheck : HealthCheck
{
    /// <summary>Address to probe: the real server's unless set.</summary>
    public required IPAddressValue Address { get; init; }

    /// <summary>Port to probe; 0 where ports mean nothing.</summary>
    public ushort Port { get; init; }

    /// <summary>Local address. None: the system's choice.</summary>
    public IPAddressValue BindAddress { get; init; }

    /// <summary>Local port; 0: the system's choice.</summary>
    public ushort BindPort { get; init; }

    public string? BindInterface { get; init; }

    /// <summary>Bound of connecting, and again of each answer.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Mark on what is sent (SO_MARK); 0: none.</summary>
    public uint FirewallMark { get; init; }
}

internal sealed record TcpCheck : NetworkCheck
{
    public override string Kind => "TCP_CHECK";

    public override bool IsSameAs(HealthCheck other) => other is TcpCheck && (this with { Span = other.Span }).Equals(other);
}

internal enum HttpProtocol
{
    /// <summary>HTTP/1.0 without a Connection header.</summary>
    Http10,

    /// <summary>HTTP/1.0 with <c>Connection: close</c>.</summary>
    Http10Close,

    Http11,
}

internal sealed record HttpCheck : NetworkCheck
{
    public override string Kind => IsTls ? "SSL_GET" : "HTTP_GET";

    public override bool IsSameAs(HealthCheck other) => other is HttpCheck http && Urls.Length == http.Urls.Length
        && Urls.Zip(http.Urls).All(pair => pair.First.IsSameAs(pair.Second))
        && (this with { Span = http.Span, Urls = http.Urls }).Equals(http);

    public bool IsTls { get; init; }

    public HttpProtocol Protocol { get; init; }

    /// <summary>Host header where an url gives none. Null: the address.</summary>
    public string? VirtualHost { get; init; }

    /// <summary>Send the name in the TLS greeting.</summary>
    public bool EnableSni { get; init; }

    /// <summary>The name to send. Null: the virtual host.</summary>
    public string? SniName { get; init; }

    /// <summary>Insist on a proper end of the TLS session.</summary>
    public bool TlsCompliant { get; init; }

    /// <summary>Up after the first url that succeeds, instead of after all.</summary>
    public bool FastRecovery { get; init; }

    /// <summary>Client certificate (root block SSL). Null: none.</summary>
    public TlsClient? TlsClient { get; init; }

    /// <summary>Probed in order; the first failure ends the check.</summary>
    public ImmutableArray<HttpUrl> Urls { get; init; } = [];
}

/// <summary>The root block SSL.</summary>
internal sealed record TlsClient(Secret? Password, string? AuthorityFile, string CertificateFile, string KeyFile);

/// <summary>One request and what its answer must be.</summary>
internal sealed record HttpUrl
{
    public required string Path { get; init; }

    public string? VirtualHost { get; init; }

    /// <summary>Accepted status codes. Empty: 200–299, when nothing else is asked for either.</summary>
    public ImmutableArray<(int From, int To)> StatusCodes { get; init; } = [];

    /// <summary>MD5 of the body, 32 hexadecimal digits in lower case. Null: any.</summary>
    public string? Digest { get; init; }

    /// <summary>Pattern to be found in the body. Null: none.</summary>
    public Regex? Pattern { get; init; }

    /// <summary>The text <see cref="Pattern"/> was made of, by which two configurations are compared.</summary>
    public string? PatternText { get; init; }

    /// <summary>The pattern must not be found.</summary>
    public bool PatternMustNotMatch { get; init; }

    /// <summary>Octet of the body from which a match may begin.</summary>
    public int PatternMinimumOffset { get; init; }

    /// <summary>Octet of the body at which searching ends; 0: the end.</summary>
    public int PatternMaximumOffset { get; init; }

    public bool TlsCompliant { get; init; }

    /// <summary>Whether another asks for the same and expects the same.</summary>
    public bool IsSameAs(HttpUrl other) => StatusCodes.SequenceEqual(other.StatusCodes) && Pattern?.Options == other.Pattern?.Options
        && (this with { StatusCodes = other.StatusCodes, Pattern = other.Pattern }).Equals(other);
}

internal sealed record SmtpCheck : NetworkCheck
{
    public override string Kind => "SMTP_CHECK";

    public override bool IsSameAs(HealthCheck other) => other is SmtpCheck && (this with { Span = other.Span }).Equals(other);

    public string HeloName { get; init; } = "smtpchecker.keepalived.org";
}

internal sealed record DnsCheck : NetworkCheck
{
    public override string Kind => "DNS_CHECK";

    public override bool IsSameAs(HealthCheck other) => other is DnsCheck && (this with { Span = other.Span }).Equals(other);

    /// <summary>Number of the record type; SOA by default.</summary>
    public ushort RecordType { get; init; } = 6;

    public string RecordTypeName { get; init; } = "SOA";

    /// <summary>Name asked for, without the final dot; empty: the root.</summary>
    public string Name { get; init; } = "";
}

internal sealed record UdpCheck : NetworkCheck
{
    public override string Kind => "UDP_CHECK";

    public override bool IsSameAs(HealthCheck other) => other is UdpCheck udp && Payload.SequenceEqual(udp.Payload) && ReplyNibbles.SequenceEqual(udp.ReplyNibbles)
        && (this with { Span = udp.Span, Payload = udp.Payload, ReplyNibbles = udp.ReplyNibbles }).Equals(udp);

    /// <summary>What to send. Empty: text of our own.</summary>
    public ImmutableArray<byte> Payload { get; init; } = [];

    /// <summary>Whether an answer is needed; else only an ICMP error is a failure.</summary>
    public bool RequireReply { get; init; }

    /// <summary>What the answer must begin with, nibble by nibble; −1: any. Empty: anything.</summary>
    public ImmutableArray<sbyte> ReplyNibbles { get; init; } = [];

    public int MinimumReplyLength { get; init; }

    public int MaximumReplyLength { get; init; } = 255;
}

internal sealed record PingCheck : NetworkCheck
{
    public override string Kind => "PING_CHECK";

    public override bool IsSameAs(HealthCheck other) => other is PingCheck && (this with { Span = other.Span }).Equals(other);
}

internal sealed record MiscCheck : HealthCheck
{
    public override string Kind => "MISC_CHECK";

    public override bool IsSameAs(HealthCheck other) => other is MiscCheck && (this with { Span = other.Span }).Equals(other);

    public required ScriptCommand Command { get; init; }

    /// <summary>Then SIGTERM, and two seconds later SIGKILL.</summary>
    public TimeSpan Timeout { get; init; }

    /// <summary>The exit status sets the weight: 2–255 mean weight 0–253.</summary>
    public bool IsDynamic { get; init; }
}

internal sealed record FileCheck : HealthCheck
{
    public override string Kind => "FILE_CHECK";

    public override bool IsSameAs(HealthCheck other) => other is FileCheck && (this with { Span = other.Span }).Equals(other);

    /// <summary>Name of the track_file.</summary>
    public required string TrackFile { get; init; }

    /// <summary>Path of that file.</summary>
    public required string Path { get; init; }

    /// <summary>The file's number times this is added to the server's weight; 0: any number but 0 is down.</summary>
    public int WeightFactor { get; init; }

    /// <summary>The server's weight, to which it is added.</summary>
    public int BaseWeight { get; init; }
}
