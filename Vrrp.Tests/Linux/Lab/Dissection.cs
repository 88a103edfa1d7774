using System.Globalization;
using System.Net;
using System.Net.NetworkInformation;

namespace Vrrp.Tests.Linux.Lab;

/// <summary>What tshark says about the frames of a capture: the dissector that knows nothing of either daemon.</summary>
internal sealed record Dissection(IReadOnlyList<DissectedFrame> Frames)
{
    private static readonly string[] Fields =
    [
        "frame.number", "eth.src", "eth.dst", "frame.protocols", "ip.src", "ipv6.src", "ip.dst", "ipv6.dst", "ip.ttl", "ipv6.hlim",
        "ip.checksum.status", "vrrp.checksum.status", "icmpv6.checksum.status", "_ws.malformed", "_ws.expert.severity", "_ws.expert.message",
        "vrrp.version", "vrrp.type", "vrrp.virt_rtr_id", "vrrp.prio", "vrrp.addr_count", "vrrp.auth_type", "vrrp.auth_string", "vrrp.adver_int",
        "vrrp.short_adver_int", "vrrp.ip_addr", "vrrp.ipv6_addr",
    ];

    private static readonly string[] Options = ["-n", "-o", "ip.check_checksum:TRUE"];

    /// <param name="path">The capture.</param>
    /// <param name="preferences">Further options of tshark.</param>
    public static async Task<Dissection> ReadAsync(string path, params string[] preferences)
    {
        string[] format = ["-T", "fields", "-E", "separator=/t", "-E", "occurrence=a", "-E", "aggregator=;"];
        var output = await Tool.RunAsync("tshark", [.. Options, .. preferences, "-r", path, .. format, .. Fields.SelectMany(field => new[] { "-e", field })]);
        return new Dissection([.. output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(ParseLine)]);
    }

    /// <summary>One line a frame, for people.</summary>
    public static Task<string> SummaryAsync(string path) => Tool.RunAsync("tshark", [.. Options, "-t", "r", "-r", path]);

    /// <summary>Fails if the dissector has anything to say against a frame that one of these sent.</summary>
    public void AssertSound(params IEnumerable<PhysicalAddress> senders)
    {
        var known = senders.ToHashSet();
        string[] problems = [.. Frames.Where(frame => known.Contains(frame.Source))
            .SelectMany(frame => frame.Problems.Select(problem => $"frame {frame.Number} ({frame.Protocols}): {problem}"))];
        Assert.True(problems.Length == 0, $"tshark finds fault:\n{string.Join('\n', problems)}");
    }

    private static DissectedFrame ParseLine(string line)
    {
        var values = line.Split('\t');
        string Get(string field) => values[Array.IndexOf(Fields, field)];
        int GetNumber(string field) => ParseNumber(Get(field));

        DissectedFrame Frame(IReadOnlyList<string> problems, DissectedAdvert? advert) => new(
            GetNumber("frame.number"), PhysicalAddress.Parse(Get("eth.src")), PhysicalAddress.Parse(Get("eth.dst")), Get("frame.protocols"),
            problems, advert);

        // An ICMP error quotes the beginning of somebody else's packet, such as an advert to a peer that is gone.
        if (Get("frame.protocols") is var protocols
            && (protocols.Contains(":icmp:ip", StringComparison.Ordinal) || protocols.Contains(":icmpv6:ipv6", StringComparison.Ordinal)))
        {
            return Frame([], null);
        }

        var addresses = Get("vrrp.ip_addr") + Get("vrrp.ipv6_addr");
        var advert = Get("vrrp.version").Length == 0 ? null : new DissectedAdvert
        {
            Version = GetNumber("vrrp.version"),
            Type = GetNumber("vrrp.type"),
            Vrid = GetNumber("vrrp.virt_rtr_id"),
            Priority = GetNumber("vrrp.prio"),
            AddressCount = GetNumber("vrrp.addr_count"),
            AuthType = GetNumber("vrrp.auth_type"),
            Password = Get("vrrp.auth_string"),
            Interval = Get("vrrp.short_adver_int").Length > 0
                ? TimeSpan.FromMilliseconds(10 * GetNumber("vrrp.short_adver_int"))
                : TimeSpan.FromSeconds(GetNumber("vrrp.adver_int")),
            Addresses = [.. addresses.Split(';', StringSplitOptions.RemoveEmptyEntries).Select(IPAddress.Parse)],
            From = IPAddress.Parse(Get("ip.src") + Get("ipv6.src")),
            To = IPAddress.Parse(Get("ip.dst") + Get("ipv6.dst")),
            HopLimit = ParseNumber(Get("ip.ttl") + Get("ipv6.hlim")),
        };

        List<string> problems = [];
        if (Get("_ws.malformed").Length > 0)
            problems.Add("malformed");
        foreach (var sum in new[] { "ip.checksum.status", "vrrp.checksum.status", "icmpv6.checksum.status" })
        {
            if (Get(sum) is not ("" or "1" or "Good"))
                problems.Add($"{sum} is {Get(sum)}");
        }
        if (advert is not null && Get("vrrp.checksum.status").Length == 0)
            problems.Add("VRRP checksum not verified");
        // After a failover two machines have used one address, rightly; that is all the dissector may wonder about.
        var warned = Get("_ws.expert.severity").Split(';', StringSplitOptions.RemoveEmptyEntries).Any(severity => ParseNumber(severity) >= Warning);
        if (warned && !Get("_ws.expert.message").StartsWith("Duplicate IP address configured", StringComparison.Ordinal))
            problems.Add(Get("_ws.expert.message"));

        return Frame(problems, advert);
    }

    // Wireshark's PI_WARN; errors are above it, notes and chat below.
    private const int Warning = 0x600000;

    private static int ParseNumber(string text) => text switch
    {
        "" => 0,
        _ when text.StartsWith("0x", StringComparison.Ordinal) => int.Parse(text.AsSpan(2), NumberStyles.HexNumber, CultureInfo.InvariantCulture),
        _ => int.Parse(text, CultureInfo.InvariantCulture),
    };
}

/// <summary>One frame and all that is wrong with it.</summary>
internal sealed record DissectedFrame(
    int Number, PhysicalAddress Source, PhysicalAddress Destination, string Protocols, IReadOnlyList<string> Problems, DissectedAdvert? Advert);

/// <summary>The fields of an advertisement.</summary>
internal sealed record DissectedAdvert
{
    public required int Version { get; init; }

    public required int Type { get; init; }

    public required int Vrid { get; init; }

    public required int Priority { get; init; }

    public required int AddressCount { get; init; }

    public required int AuthType { get; init; }

    public required string Password { get; init; }

    public required TimeSpan Interval { get; init; }

    public required IReadOnlyList<IPAddress> Addresses { get; init; }

    public required IPAddress From { get; init; }

    public required IPAddress To { get; init; }

    public required int HopLimit { get; init; }
}
