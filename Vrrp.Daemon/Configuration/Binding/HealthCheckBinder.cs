using System.Collections.Immutable;
using System.Globalization;
using System.Text.RegularExpressions;
using Vrrp.Daemon.Configuration.Diagnostics;
using Vrrp.Daemon.Configuration.Model;
using Vrrp.Daemon.Configuration.Syntax;

namespace Vrrp.Daemon.Configuration.Binding;

/// <summary>Defaults that a checker takes from its real server, and that from its virtual server. Null: not set there.</summary>
internal sealed record CheckDefaults
{
    public TimeSpan? Interval { get; init; }

    public TimeSpan? ConnectTimeout { get; init; }

    public int? Retries { get; init; }

    public TimeSpan? RetryDelay { get; init; }

    public TimeSpan? WarmUp { get; init; }

    public bool? Alpha { get; init; }

    public string? VirtualHost { get; init; }
}

/// <summary>TCP_CHECK, HTTP_GET, SSL_GET, SMTP_CHECK, DNS_CHECK, UDP_CHECK, PING_CHECK, MISC_CHECK and FILE_CHECK.</summary>
internal sealed class HealthCheckBinder(DiagnosticBag diagnostics, BlockReader reader, ValueReaders values, TrackingBinder tracking)
{
    /// <summary>Time one search of a body may take, so that no pattern and no body can hold a thread.</summary>
    private static readonly TimeSpan MatchTimeout = TimeSpan.FromSeconds(1);

    /// <summary>Whether a keyword of real_server begins a checker.</summary>
    public static bool IsCheck(string keyword) => keyword is "TCP_CHECK" or "HTTP_GET" or "SSL_GET" or "SMTP_CHECK" or "DNS_CHECK" or "UDP_CHECK"
        or "PING_CHECK" or "MISC_CHECK" or "FILE_CHECK";

    /// <summary>Whether a word begins a checker, or was meant to.</summary>
    public static bool LooksLikeCheck(BlockSpec realServer, string word) =>
        word.EndsWith("CHECK", StringComparison.OrdinalIgnoreCase) || word.EndsWith("GET", StringComparison.OrdinalIgnoreCase)
        || (KeywordTable.Suggest(realServer, word) is { } meant && IsCheck(meant));

    /// <summary>Reads a checker block. What it yields is nothing when the block is unusable, and several checks for old SMTP_CHECK hosts.</summary>
    public IEnumerable<HealthCheck> Bind(
        StatementSyntax block, IPAddressValue address, ushort port, CheckDefaults defaults, TimeSpan serverInterval, TlsClient? tls, string? scriptUser, string? scriptGroup)
    {
        var draft = new Draft(block, address, port, defaults);
        string kind = block.Name.Text;
        foreach (var statement in reader.Read(block.Block, kind))
        {
            if (!BindCommon(draft, statement) && !BindHttp(draft, statement) && !BindOther(draft, statement))
                throw new InvalidOperationException($"The keyword table lets '{statement.Name.Text}' into {kind}, and nobody reads it.");
        }

        return Complete(draft, kind, serverInterval, tls, scriptUser, scriptGroup);
    }

    private IEnumerable<HealthCheck> Complete(Draft d, string kind, TimeSpan serverInterval, TlsClient? tls, string? scriptUser, string? scriptGroup)
    {
        var interval = d.Interval ?? d.Defaults.Interval ?? VirtualServerBinder.DefaultInterval;
        var warmUp = d.WarmUp ?? d.Defaults.WarmUp ?? interval;
        int retries = d.Retries ?? d.Defaults.Retries ?? kind switch { "MISC_CHECK" => 0, "DNS_CHECK" => 3, _ => 1 };
        var retryDelay = d.RetryDelay ?? d.Defaults.RetryDelay ?? kind switch
        {
            "HTTP_GET" or "SSL_GET" => TimeSpan.FromSeconds(3),
            "DNS_CHECK" => interval,
            _ => TimeSpan.FromSeconds(1),
        };
        bool alpha = d.Alpha ?? d.Defaults.Alpha ?? false;
        T Rhythm<T>(T check) where T : HealthCheck => check with
        {
            Span = d.Block.Span,
            Interval = interval,
            WarmUp = warmUp,
            Retries = retries,
            RetryDelay = retryDelay,
            Alpha = alpha,
            LogAllFailures = d.LogAllFailures,
        };
        switch (kind)
        {
            case "MISC_CHECK":
                if (d.Command is null)
                {
                    diagnostics.CheckWithout(d.Block.Name, "misc_path");
                    return [];
                }

                var command = d.Command with { User = d.User ?? scriptUser, Group = d.User is null ? scriptGroup : d.Group };
                return [Rhythm(new MiscCheck { Command = command, Timeout = d.Timeout ?? serverInterval, IsDynamic = d.IsDynamic })];
            case "FILE_CHECK":
                if (d.TrackFile is not { } file)
                {
                    diagnostics.CheckWithout(d.Block.Name, "track_file");
                    return [];
                }

                if (tracking.FindFile(file.Text) is not { } tracked)
                {
                    diagnostics.TrackedUnknown(file, "FILE_CHECK");
                    return [];
                }

                return [Rhythm(new FileCheck { TrackFile = file.Text, Path = tracked.Path, WeightFactor = d.FileWeight ?? tracked.Weight })];
            case "HTTP_GET" or "SSL_GET":
                if (d.Urls.Count == 0)
                {
                    diagnostics.CheckWithout(d.Block.Name, "url { path … }");
                    return [];
                }

                return [Target(d, Rhythm(new HttpCheck
                {
                    Address = d.Address,
                    IsTls = kind == "SSL_GET",
                    Protocol = d.HttpProtocol,
                    VirtualHost = d.VirtualHost ?? d.Defaults.VirtualHost,
                    EnableSni = d.EnableSni,
                    SniName = d.SniName,
                    TlsCompliant = d.TlsCompliant,
                    FastRecovery = d.FastRecovery,
                    TlsClient = kind == "SSL_GET" ? tls : null,
                    Urls = [.. d.Urls],
                }))];
            case "SMTP_CHECK" when d.Hosts.Count > 0:
                return [.. d.Hosts.Select(host => Target(host, Rhythm(new SmtpCheck { Address = host.Address, HeloName = d.HeloName })))];
            case "SMTP_CHECK":
                return [Target(d, Rhythm(new SmtpCheck { Address = d.Address, HeloName = d.HeloName }))];
            case "DNS_CHECK":
                return [Target(d, Rhythm(new DnsCheck { Address = d.Address, RecordType = d.RecordType.Number, RecordTypeName = d.RecordType.Name, Name = d.DnsName }))];
            case "UDP_CHECK":
                if (d.MaximumReplyLength < d.MinimumReplyLength)
                {
                    diagnostics.ReplyLengthsCrossed(d.Block.Name);
                    d.MaximumReplyLength = d.MinimumReplyLength;
                }

                return [Target(d, Rhythm(new UdpCheck
                {
                    Address = d.Address,
                    Payload = d.Payload,
                    RequireReply = d.RequireReply,
                    ReplyNibbles = d.ReplyNibbles,
                    MinimumReplyLength = d.MinimumReplyLength,
                    MaximumReplyLength = d.MaximumReplyLength,
                }))];
            case "PING_CHECK":
                return [Target(d, Rhythm(new PingCheck { Address = d.Address })) with { Port = 0 }];
            default:
                return [Target(d, Rhythm(new TcpCheck { Address = d.Address }))];
        }
    }

    private T Target<T>(Draft d, T check) where T : NetworkCheck
    {
        if (!d.BindAddress.IsNone && d.BindAddress.Family != d.Address.Family)
        {
            diagnostics.BindFamily(d.BindPlace!, d.Address);
            d.BindAddress = default;
        }

        if (d.Address.IsIPv6LinkLocal && d.BindInterface is null)
            diagnostics.LinkLocalWithoutInterface(d.Block.Name, d.Address);
        return check with
        {
            Port = d.Port,
            BindAddress = d.BindAddress,
            BindPort = d.BindPort,
            BindInterface = d.BindInterface,
            ConnectTimeout = d.ConnectTimeout ?? d.Defaults.ConnectTimeout ?? VirtualServerBinder.DefaultConnectTimeout,
            FirewallMark = d.FirewallMark,
        };
    }

    private bool BindCommon(Draft d, StatementSyntax s)
    {
        switch (s.Name.Text)
        {
            case "connect_ip":
                d.Address = values.Address(s.Words[1], s.Name.Text) ?? d.Address;
                return true;
            case "connect_port":
                d.Port = (ushort?)values.Integer(s, 1, 65535) ?? d.Port;
                return true;
            case "bindto":
                d.BindAddress = values.Address(s.Words[1], s.Name.Text) ?? d.BindAddress;
                d.BindPlace = s.Words[1];
                return true;
            case "bind_port":
                d.BindPort = (ushort?)values.Integer(s, 1, 65535) ?? d.BindPort;
                return true;
            case "bind_if":
                d.BindInterface = values.InterfaceName(s.Words[1]) ?? d.BindInterface;
                return true;
            case "connect_timeout":
                string timeout = VirtualServerBinder.Used(d.ConnectTimeout ?? d.Defaults.ConnectTimeout, VirtualServerBinder.DefaultConnectTimeout);
                d.ConnectTimeout = values.Seconds(s, 0.000001m, VirtualServerBinder.MaxSeconds, timeout) ?? d.ConnectTimeout;
                return true;
            case "fwmark":
                d.FirewallMark = (uint?)values.Integer(s, 0, int.MaxValue) ?? d.FirewallMark;
                return true;
            case "retry" or "nb_get_retry":
                d.Retries = values.Integer(s, 0, int.MaxValue) ?? d.Retries;
                return true;
            case "delay_before_retry":
                d.RetryDelay = values.Seconds(s, 0, VirtualServerBinder.MaxSeconds) ?? d.RetryDelay;
                return true;
            case "delay_loop":
                string interval = VirtualServerBinder.Used(d.Interval ?? d.Defaults.Interval, VirtualServerBinder.DefaultInterval);
                d.Interval = values.Seconds(s, 0.000001m, VirtualServerBinder.MaxSeconds, interval) ?? d.Interval;
                return true;
            case "warmup":
                d.WarmUp = values.Seconds(s, 0, VirtualServerBinder.MaxSeconds) ?? d.WarmUp;
                return true;
            case "alpha":
                d.Alpha = values.Switch(s) ?? d.Alpha;
                return true;
            case "log_all_failures":
                d.LogAllFailures = values.Switch(s) ?? d.LogAllFailures;
                return true;
            default:
                return false;
        }
    }

    private bool BindHttp(Draft d, StatementSyntax s)
    {
        switch (s.Name.Text)
        {
            case "url":
                if (BindUrl(s) is { } url)
                    d.Urls.Add(url);
                return true;
            case "virtualhost":
                d.VirtualHost = HeaderText(s.Words[1], s.Name.Text) ?? d.VirtualHost;
                return true;
            case "http_protocol":
                switch (s.Words[1].Text)
                {
                    case "1.0":
                        d.HttpProtocol = HttpProtocol.Http10;
                        break;
                    case "1.0C" or "1.0c":
                        d.HttpProtocol = HttpProtocol.Http10Close;
                        break;
                    case "1.1":
                        d.HttpProtocol = HttpProtocol.Http11;
                        break;
                    default:
                        diagnostics.UnknownChoice(s.Words[1], s.Name.Text, "1.0, 1.0C or 1.1");
                        break;
                }

                return true;
            case "sni_name":
                d.SniName = HeaderText(s.Words[1], s.Name.Text) ?? d.SniName;
                return true;
            case "enable_sni":
                d.EnableSni = true;
                return true;
            case "tls_compliant":
                d.TlsCompliant = true;
                return true;
            case "fast_recovery":
                d.FastRecovery = true;
                return true;
            default:
                return false;
        }
    }

    private bool BindOther(Draft d, StatementSyntax s)
    {
        switch (s.Name.Text)
        {
            case "helo_name":
                d.HeloName = HeaderText(s.Words[1], s.Name.Text) ?? d.HeloName;
                return true;
            case "host":
                var host = new Draft(s, d.Address, d.Port, d.Defaults);
                foreach (var statement in reader.Read(s.Block, "host"))
                    BindCommon(host, statement);
                d.Hosts.Add(host);
                return true;
            case "type":
                BindRecordType(d, s.Words[1]);
                return true;
            case "name":
                BindDnsName(d, s.Words[1]);
                return true;
            case "payload":
                d.Payload = Hex(s.Words[1], s.Name.Text, wildcards: false) is { } octets ? Octets(octets) : d.Payload;
                return true;
            case "require_reply":
                d.RequireReply = true;
                if (s.Words.Length > 1 && Hex(s.Words[1], s.Name.Text, wildcards: true) is { } nibbles)
                    d.ReplyNibbles = nibbles;
                return true;
            case "min_reply_length":
                d.MinimumReplyLength = values.Integer(s, 0, 65535) ?? d.MinimumReplyLength;
                return true;
            case "max_reply_length":
                d.MaximumReplyLength = values.Integer(s, 0, 65535) ?? d.MaximumReplyLength;
                return true;
            case "misc_path":
                d.Command = new(s.Words[1].Text) { Span = s.Words[1].Span };
                return true;
            case "misc_timeout":
                d.Timeout = values.Integer(s, 1, (int)VirtualServerBinder.MaxSeconds) is { } seconds ? TimeSpan.FromSeconds(seconds) : d.Timeout;
                return true;
            case "misc_dynamic":
                d.IsDynamic = true;
                return true;
            case "user":
                (d.User, d.Group) = (s.Words[1].Text, s.Words.Length > 2 ? s.Words[2].Text : null);
                return true;
            case "track_file":
                d.TrackFile = s.Words[1];
                return true;
            case "weight":
                if (values.Integer(s, -int.MaxValue, int.MaxValue) is { } weight)
                    d.FileWeight = s.Words.Length > 2 && s.Words[2].Text == "reverse" ? -weight : weight;
                return true;
            default:
                return false;
        }
    }

    private HttpUrl? BindUrl(StatementSyntax block)
    {
        string? path = null, host = null, digest = null, pattern = null;
        Token? patternPlace = null;
        var options = RegexOptions.CultureInvariant;
        bool mustNotMatch = false, tlsCompliant = false;
        int from = 0, to = 0;
        var codes = ImmutableArray.CreateBuilder<(int, int)>();
        foreach (var s in reader.Read(block.Block, "url"))
        {
            switch (s.Name.Text)
            {
                case "path":
                    path = HeaderText(s.Words[1], s.Name.Text) ?? path;
                    break;
                case "virtualhost":
                    host = HeaderText(s.Words[1], s.Name.Text) ?? host;
                    break;
                case "digest":
                    if (s.Words[1].Text is { Length: 32 } text && text.All(char.IsAsciiHexDigit))
                        digest = text.ToLowerInvariant();
                    else
                        diagnostics.NotADigest(s.Words[1]);
                    break;
                case "status_code":
                    foreach (var word in s.Words.Skip(1))
                    {
                        if (StatusCodes(word) is { } range)
                            codes.Add(range);
                    }

                    break;
                case "regex":
                    (pattern, patternPlace) = (s.Words[1].Text, s.Words[1]);
                    break;
                case "regex_no_match":
                    mustNotMatch = true;
                    break;
                case "regex_options":
                    foreach (var word in s.Words.Skip(1))
                        options |= PatternOption(word);
                    break;
                case "regex_min_offset":
                    from = values.Integer(s, 0, int.MaxValue) ?? from;
                    break;
                case "regex_max_offset":
                    to = values.Integer(s, 0, int.MaxValue) ?? to;
                    break;
                case "tls_compliant":
                    tlsCompliant = true;
                    break;
            }
        }

        if (path is null)
        {
            diagnostics.CheckWithout(block.Name, "path");
            return null;
        }

        return new()
        {
            Path = path,
            VirtualHost = host,
            StatusCodes = codes.DrainToImmutable(),
            Digest = digest,
            Pattern = pattern is null ? null : Pattern(patternPlace!, pattern, options),
            PatternText = pattern,
            PatternMustNotMatch = mustNotMatch,
            PatternMinimumOffset = from,
            PatternMaximumOffset = to,
            TlsCompliant = tlsCompliant,
        };
    }

    private Regex? Pattern(Token place, string pattern, RegexOptions options)
    {
        try
        {
            // Linear in the body where the pattern allows it; else bounded by time.
            return new Regex(pattern, options | RegexOptions.NonBacktracking, MatchTimeout);
        }
        catch (NotSupportedException)
        {
            return new Regex(pattern, options, MatchTimeout);
        }
        catch (ArgumentException exception)
        {
            diagnostics.BadPattern(place, exception.Message);
            return null;
        }
    }

    private RegexOptions PatternOption(Token word)
    {
        switch (word.Text)
        {
            case "caseless":
                return RegexOptions.IgnoreCase;
            case "dotall":
                return RegexOptions.Singleline;
            case "multiline":
                return RegexOptions.Multiline;
            case "extended":
                return RegexOptions.IgnorePatternWhitespace;
            case "no_auto_capture":
                return RegexOptions.ExplicitCapture;
            default:
                diagnostics.PatternOptionWithoutEffect(word);
                return RegexOptions.None;
        }
    }

    private (int From, int To)? StatusCodes(Token word)
    {
        string[] parts = word.Text.Split('-');
        if (parts.Length <= 2 && Code(parts[0]) is { } from && Code(parts[^1]) is { } to && from <= to)
            return (from, to);
        diagnostics.NotAStatusCode(word);
        return null;

        static int? Code(string text) =>
            int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int code) && code is >= 100 and <= 599 ? code : null;
    }

    // What goes into a request line or header must not be able to end it.
    private string? HeaderText(Token word, string keyword)
    {
        if (word.Text.Length > 0 && !word.Text.Any(c => char.IsControl(c) || c == ' '))
            return word.Text;
        diagnostics.NotForAHeader(word, keyword);
        return null;
    }

    private void BindRecordType(Draft d, Token word)
    {
        ushort number = word.Text.ToUpperInvariant() switch
        {
            "A" => 1,
            "NS" => 2,
            "CNAME" => 5,
            "SOA" => 6,
            "MX" => 15,
            "TXT" => 16,
            "AAAA" => 28,
            "RRSIG" => 46,
            "DNSKEY" => 48,
            _ => 0,
        };
        if (number == 0)
            diagnostics.UnknownChoice(word, "type", "A, NS, CNAME, SOA, MX, TXT, AAAA, RRSIG or DNSKEY");
        else
            d.RecordType = (number, word.Text.ToUpperInvariant());
    }

    private void BindDnsName(Draft d, Token word)
    {
        string name = word.Text.TrimEnd('.');
        if (name.Length > 253 || (name.Length > 0 && name.Split('.').Any(label => label.Length is 0 or > 63 || label.Any(c => c is <= ' ' or > '~'))))
            diagnostics.NotADomainName(word);
        else
            d.DnsName = name;
    }

    private ImmutableArray<sbyte>? Hex(Token word, string keyword, bool wildcards)
    {
        var nibbles = ImmutableArray.CreateBuilder<sbyte>(word.Text.Length);
        foreach (char c in word.Text)
        {
            if (char.IsAsciiHexDigit(c))
                nibbles.Add((sbyte)Convert.ToInt32(c.ToString(), 16));
            else if (wildcards && c is 'x' or 'X')
                nibbles.Add(-1);
            else
                break;
        }

        if (nibbles.Count == word.Text.Length && nibbles.Count % 2 == 0 && nibbles.Count > 0)
            return nibbles.DrainToImmutable();
        diagnostics.NotHex(word, keyword, wildcards);
        return null;
    }

    private static ImmutableArray<byte> Octets(ImmutableArray<sbyte> nibbles) =>
        [.. Enumerable.Range(0, nibbles.Length / 2).Select(i => (byte)(((byte)nibbles[2 * i] << 4) | (byte)nibbles[(2 * i) + 1]))];

    private sealed class Draft(StatementSyntax block, IPAddressValue address, ushort port, CheckDefaults defaults)
    {
        public StatementSyntax Block => block;

        public CheckDefaults Defaults => defaults;

        public IPAddressValue Address { get; set; } = address;

        public ushort Port { get; set; } = port;

        public IPAddressValue BindAddress { get; set; }

        public Token? BindPlace { get; set; }

        public ushort BindPort { get; set; }

        public string? BindInterface { get; set; }

        public TimeSpan? ConnectTimeout { get; set; }

        public uint FirewallMark { get; set; }

        public TimeSpan? Interval { get; set; }

        public int? Retries { get; set; }

        public TimeSpan? RetryDelay { get; set; }

        public TimeSpan? WarmUp { get; set; }

        public bool? Alpha { get; set; }

        public bool LogAllFailures { get; set; }

        public List<HttpUrl> Urls { get; } = [];

        public HttpProtocol HttpProtocol { get; set; }

        public string? VirtualHost { get; set; }

        public string? SniName { get; set; }

        public bool EnableSni { get; set; }

        public bool TlsCompliant { get; set; }

        public bool FastRecovery { get; set; }

        public string HeloName { get; set; } = "smtpchecker.keepalived.org";

        public List<Draft> Hosts { get; } = [];

        public (ushort Number, string Name) RecordType { get; set; } = (6, "SOA");

        public string DnsName { get; set; } = "";

        public ImmutableArray<byte> Payload { get; set; } = [];

        public bool RequireReply { get; set; }

        public ImmutableArray<sbyte> ReplyNibbles { get; set; } = [];

        public int MinimumReplyLength { get; set; }

        public int MaximumReplyLength { get; set; } = 255;

        public ScriptCommand? Command { get; set; }

        public TimeSpan? Timeout { get; set; }

        public bool IsDynamic { get; set; }

        public string? User { get; set; }

        public string? Group { get; set; }

        public Token? TrackFile { get; set; }

        public int? FileWeight { get; set; }
    }
}
