using Vrrp.Links;
using Vrrp.Packets;

namespace Vrrp.Benchmarks.Micro;

/// <summary>A system that takes everything and does nothing, so that what is measured is the engine alone.</summary>
internal sealed class NullPlatform : IVrrpPlatform, IInterfaceMonitor, IAddressTable
{
    public static readonly IPAddressValue Own = IPAddressValue.Parse("192.0.2.1");

    public NullLink Link { get; } = new();

    public int Descriptor => -1;

    public IInterfaceMonitor OpenMonitor() => this;

    public IAddressTable OpenAddressTable() => this;

    public IVrrpLink OpenLink(InterfaceFacts facts, IPFamily family) => Link;

    public void List(IInterfaceSink sink)
    {
        sink.ListingStarted();
        sink.InterfaceChanged(new() { Index = 1, Name = "e0", IsUp = true, MacAddress = MacAddress.Read([2, 0, 0, 0, 0, 1]), Mtu = 1500, SupportsMulticast = true });
        sink.AddressAdded(new(1, Own, 24, IsUsableSource: true, IsOurs: false));
        sink.ListingEnded();
    }

    public void Receive(IInterfaceSink sink)
    {
    }

    public bool Install(ReadOnlySpan<AddressAssignment> addresses, Span<AddressOutcome> outcomes) => Done(outcomes[..addresses.Length]);

    public bool Remove(ReadOnlySpan<AddressAssignment> addresses, Span<AddressOutcome> outcomes) => Done(outcomes[..addresses.Length]);

    public void Dispose()
    {
    }

    private static bool Done(Span<AddressOutcome> outcomes)
    {
        outcomes.Fill(new(AddressStatus.Done, 0));
        return true;
    }
}

/// <summary>Counts what is sent.</summary>
internal sealed class NullLink : IVrrpLink
{
    public int InterfaceIndex => 1;

    public IPFamily Family => IPFamily.IPv4;

    public int Descriptor => -1;

    public long Sent { get; private set; }

    public byte[] Waiting { get; set; } = [];

    public void JoinGroup(IPAddressValue group)
    {
    }

    public int Receive(IPacketSink sink, int limit)
    {
        if (Waiting.Length == 0)
            return 0;
        sink.PacketReceived(this, new()
        {
            Source = CodecBenchmarks.Peer,
            Destination = IPAddressValue.MulticastGroupIPv4,
            HopLimit = 255,
            Message = Waiting,
        });
        return 1;
    }

    public void SendAdvertisement(int token, IPAddressValue source, IPAddressValue destination, byte hopLimit, ReadOnlySpan<byte> message) => Sent++;

    public void SendFrame(int token, ReadOnlySpan<byte> frame) => Sent++;

    public void Flush(ISendFailureSink sink)
    {
    }

    public void Dispose()
    {
    }
}
