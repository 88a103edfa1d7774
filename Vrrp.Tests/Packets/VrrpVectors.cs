using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using Vrrp.Packets;

namespace Vrrp.Tests.Packets;

/// <summary>The vectors of vrrp-vectors.json: packets with the verdict of a given receiver, announcement frames, timer values.</summary>
public static class VrrpVectors
{
    private static readonly Lazy<Content> Loaded = new(Load);

    /// <summary>Adverts, accepted and dropped.</summary>
    public static ImmutableArray<PacketVector> Packets => Loaded.Value.Packets;

    /// <summary>ARP and NA frames.</summary>
    public static ImmutableArray<FrameVector> Frames => Loaded.Value.Frames;

    /// <summary>Skew and down intervals of version 2 and 3.</summary>
    public static ImmutableArray<TimerVector> Timers => Loaded.Value.Timers;

    public static PacketVector Packet(string name) => Packets.Single(vector => vector.Name == name);

    public static FrameVector Frame(string name) => Frames.Single(vector => vector.Name == name);

    private static Content Load()
    {
        using var stream = typeof(VrrpVectors).Assembly.GetManifestResourceStream("vrrp-vectors.json")!;
        using var document = JsonDocument.Parse(stream);
        var root = document.RootElement;
        return new Content(
            [.. root.GetProperty("vectors").EnumerateArray().Select(ReadPacket)],
            [.. root.GetProperty("announcement_frames").EnumerateArray().Select(ReadFrame)],
            [.. ReadTimers(root.GetProperty("timers"))]);
    }

    private static PacketVector ReadPacket(JsonElement element)
    {
        var family = element.GetProperty("address_family").GetString() == "ipv4" ? IPFamily.IPv4 : IPFamily.IPv6;
        var counters = element.GetProperty("counters");
        return new PacketVector
        {
            Name = element.GetProperty("name").GetString()!,
            Family = family,
            IPPacket = Hex(element, "ip_packet_hex"),
            Frame = Hex(element, "ethernet_frame_hex"),
            Message = Hex(element, "vrrp_hex"),
            IsAccepted = element.GetProperty("verdict").GetString() == "accept",
            ChecksumForm = Text(element, "checksum_form"),
            Decoded = ReadFields(element.GetProperty("decoded")),
            ReceiverVirtualRouterId = (byte)element.GetProperty("receiver").GetProperty("vrid").GetInt32(),
            Rules = ReadRules(element.GetProperty("receiver"), family),
            Rfc2787 = Texts(counters, "rfc2787"),
            Rfc6527 = Texts(counters, "rfc6527"),
            Rfc8347 = Texts(counters, "rfc8347"),
        };
    }

    private static DecodedFields? ReadFields(JsonElement element) => !element.TryGetProperty("vrid", out _) ? null : new DecodedFields
    {
        Source = IPAddressValue.Parse(Text(element, "ip_src")!),
        Destination = IPAddressValue.Parse(Text(element, "ip_dst")!),
        HopLimit = Number(element, "ttl") ?? Number(element, "hop_limit") ?? -1,
        Version = Number(element, "version")!.Value,
        Type = Number(element, "type")!.Value,
        VirtualRouterId = Number(element, "vrid")!.Value,
        Priority = Number(element, "priority")!.Value,
        Count = Number(element, "count")!.Value,
        AuthenticationType = Number(element, "auth_type"),
        IntervalCentiseconds = Number(element, "max_adver_int_cs") ?? Number(element, "adver_int_s") * 100 ?? -1,
        Reserved = Number(element, "reserved") ?? 0,
        Checksum = ushort.Parse(Text(element, "checksum")!.AsSpan(2), NumberStyles.HexNumber, CultureInfo.InvariantCulture),
        Addresses = [.. Texts(element, "addresses").Select(IPAddressValue.Parse)],
        AuthenticationData = Text(element, "auth_data_hex"),
    };

    private static ReceptionRules ReadRules(JsonElement element, IPFamily family)
    {
        var version = (VrrpVersion)element.GetProperty("version").GetInt32();
        var peers = Texts(element, "unicast_peers");
        return new ReceptionRules
        {
            Version = version,
            Family = family,
            AuthenticationType = (AuthenticationType)(Number(element, "auth_type") ?? 0),
            Password = Text(element, "password") is { } password ? SimplePassword.From(password) : default,
            AdvertisementInterval = Number(element, "advertisement_interval_s") is { } seconds
                ? AdvertisementInterval.FromSeconds(seconds)
                : AdvertisementInterval.FromCentiseconds(Number(element, "advertisement_interval_cs")!.Value),
            IsOwner = Number(element, "priority") == 255,
            AddressListCheck = Flag(element, "check_address_list") ? AddressListCheck.RejectUnlessOwner : AddressListCheck.Off,
            Addresses = [.. Texts(element, "addresses").Select(IPAddressValue.Parse)],
            IsUnicast = !peers.IsEmpty,
            UnicastPeers = [.. peers.Select(peer => new UnicastPeer(IPAddressValue.Parse(peer)))],
            CheckUnicastSource = !peers.IsEmpty,
            AcceptLegacyUnicastChecksum = Flag(element, "legacy_unicast_checksum"),
        };
    }

    private static FrameVector ReadFrame(JsonElement element) =>
        new(element.GetProperty("name").GetString()!, Hex(element, "ethernet_frame_hex"));

    private static IEnumerable<TimerVector> ReadTimers(JsonElement timers)
    {
        foreach (var row in timers.GetProperty("v2").EnumerateArray())
        {
            yield return new TimerVector(
                VrrpVersion.V2,
                new Priority(Number(row, "priority")!.Value),
                AdvertisementInterval.FromSeconds(Number(row, "advertisement_interval_s")!.Value),
                row.GetProperty("skew_time_us").GetDecimal(),
                row.GetProperty("master_down_interval_us").GetDecimal());
        }

        foreach (var row in timers.GetProperty("v3").EnumerateArray())
        {
            yield return new TimerVector(
                VrrpVersion.V3,
                new Priority(Number(row, "priority")!.Value),
                AdvertisementInterval.FromCentiseconds(Number(row, "active_adver_interval_cs")!.Value),
                row.GetProperty("skew_time_us").GetDecimal(),
                row.GetProperty("active_down_interval_us").GetDecimal());
        }
    }

    private static byte[] Hex(JsonElement element, string name) => Convert.FromHexString(element.GetProperty(name).GetString()!);

    private static string? Text(JsonElement element, string name) => element.TryGetProperty(name, out var value) ? value.GetString() : null;

    private static int? Number(JsonElement element, string name) => element.TryGetProperty(name, out var value) ? value.GetInt32() : null;

    private static bool Flag(JsonElement element, string name) => element.TryGetProperty(name, out var value) && value.GetBoolean();

    private static ImmutableArray<string> Texts(JsonElement element, string name) =>
        element.TryGetProperty(name, out var value) ? [.. value.EnumerateArray().Select(item => item.GetString()!)] : [];

    private sealed record Content(
        ImmutableArray<PacketVector> Packets, ImmutableArray<FrameVector> Frames, ImmutableArray<TimerVector> Timers);
}

/// <summary>A packet, its receiver and what must become of it.</summary>
public sealed record PacketVector
{
    public required string Name { get; init; }

    public required IPFamily Family { get; init; }

    public required byte[] IPPacket { get; init; }

    public required byte[] Frame { get; init; }

    public required byte[] Message { get; init; }

    public required bool IsAccepted { get; init; }

    /// <summary>Version 3: pseudo-header, message-only, pseudo-header-with-multicast-destination or none.</summary>
    public required string? ChecksumForm { get; init; }

    /// <summary>Null for packets too short to have fields.</summary>
    public required DecodedFields? Decoded { get; init; }

    /// <summary>The one VRID that the receiver has.</summary>
    public required byte ReceiverVirtualRouterId { get; init; }

    public required ReceptionRules Rules { get; init; }

    public required ImmutableArray<string> Rfc2787 { get; init; }

    public required ImmutableArray<string> Rfc6527 { get; init; }

    public required ImmutableArray<string> Rfc8347 { get; init; }

    /// <summary>The rules an engine finds for the octet peeked at: those of the receiver, or none.</summary>
    public ReceptionRules? RulesFor(byte virtualRouterId) => virtualRouterId == ReceiverVirtualRouterId ? Rules : null;

    public override string ToString() => Name;
}

/// <summary>The fields of a packet.</summary>
public sealed record DecodedFields
{
    public required IPAddressValue Source { get; init; }

    public required IPAddressValue Destination { get; init; }

    public required int HopLimit { get; init; }

    public required int Version { get; init; }

    public required int Type { get; init; }

    public required int VirtualRouterId { get; init; }

    public required int Priority { get; init; }

    public required int Count { get; init; }

    public required int? AuthenticationType { get; init; }

    public required int IntervalCentiseconds { get; init; }

    public required int Reserved { get; init; }

    public required ushort Checksum { get; init; }

    public required ImmutableArray<IPAddressValue> Addresses { get; init; }

    public required string? AuthenticationData { get; init; }
}

/// <summary>An announcement.</summary>
public sealed record FrameVector(string Name, byte[] Frame);

/// <summary>Skew_Time and Master_Down_Interval of a priority and the interval of the Master.</summary>
public sealed record TimerVector(
    VrrpVersion Version, Priority Priority, AdvertisementInterval Interval, decimal SkewMicroseconds, decimal MasterDownMicroseconds);
