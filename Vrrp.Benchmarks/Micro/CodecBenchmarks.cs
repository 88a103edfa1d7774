using BenchmarkDotNet.Attributes;
using Vrrp.Packets;

namespace Vrrp.Benchmarks.Micro;

/// <summary>One advertisement read, with every check, and one written with its checksum.</summary>
public class CodecBenchmarks
{
    internal static readonly IPAddressValue Peer = IPAddressValue.Parse("192.0.2.2");

    private readonly VrrpFrameCodec _codec = new();
    private readonly byte[] _buffer = new byte[128];
    private readonly IPAddressValue[] _addresses = [IPAddressValue.Parse("192.0.2.254")];
    private byte[] _message = [];
    private ReceptionRules _rules = null!;

    /// <summary>Protocol version.</summary>
    [Params(VrrpVersion.V2, VrrpVersion.V3)]
    public VrrpVersion Version { get; set; }

    /// <summary>Prepares a valid message.</summary>
    [GlobalSetup]
    public void Prepare()
    {
        _rules = new()
        {
            Version = Version,
            Family = IPFamily.IPv4,
            AdvertisementInterval = AdvertisementInterval.FromCentiseconds(100),
            Addresses = [.. _addresses],
            AddressListCheck = AddressListCheck.LogOnly,
        };
        _message = Message(Version, new Priority(200), 100);
        if (Read() != PacketRejection.None)
            throw new InvalidOperationException("The benchmark's packet is rejected.");
    }

    /// <summary>Reads.</summary>
    /// <returns>Nothing wrong.</returns>
    [Benchmark]
    public PacketRejection Read() => _codec.Read(
        new() { Source = Peer, Destination = IPAddressValue.MulticastGroupIPv4, HopLimit = 255, Message = _message }, IPFamily.IPv4, _rules, out _);

    /// <summary>Writes.</summary>
    /// <returns>The length.</returns>
    [Benchmark]
    public int Write() => _codec.Write(Content(Version, new Priority(200), 100, _addresses), Peer, IPAddressValue.MulticastGroupIPv4, _buffer);

    internal static byte[] Message(VrrpVersion version, Priority priority, ushort centiseconds)
    {
        var buffer = new byte[128];
        int length = new VrrpFrameCodec().Write(
            Content(version, priority, centiseconds, [IPAddressValue.Parse("192.0.2.254")]), Peer, IPAddressValue.MulticastGroupIPv4, buffer);
        return buffer[..length];
    }

    private static AdvertisementContent Content(VrrpVersion version, Priority priority, ushort centiseconds, ReadOnlySpan<IPAddressValue> addresses) => new()
    {
        Version = version,
        Family = IPFamily.IPv4,
        VirtualRouterId = new(51),
        Priority = priority,
        Interval = AdvertisementInterval.FromCentiseconds(centiseconds),
        Addresses = addresses,
    };
}
