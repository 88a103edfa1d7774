using Vrrp.Links;
using Vrrp.Linux;
using Vrrp.Packets;

namespace Vrrp;

/// <summary>
/// Runs what a takeover runs before there is one. Code that has never run is compiled, bound and paged in when it first does, which takes
/// milliseconds; a Backup's first takeover is often its only one. Nothing leaves this process but requests that the kernel refuses.
/// </summary>
internal static class EngineWarmUp
{
    private const int NoInterface = int.MaxValue;
    private static readonly IPAddressValue Own4 = IPAddressValue.FromIPv4(0xC000_0201);
    private static readonly IPAddressValue Peer4 = IPAddressValue.FromIPv4(0xC000_0202);
    private static readonly IPAddressValue Virtual4 = IPAddressValue.FromIPv4(0xC000_02FE);

    /// <summary>Begins on a thread of its own, beside the engine's: a node that has to advertise at once does not wait for it.</summary>
    /// <param name="withLinux">Whether this host's own sockets are prepared too.</param>
    public static void Begin(bool withLinux) =>
        new Thread(() => Run(withLinux)) { Name = "vrrp warm-up", IsBackground = true }.UnsafeStart();

    internal static void Run(bool withLinux)
    {
        try
        {
            Live(VrrpVersion.V3, IPFamily.IPv4);
            Live(VrrpVersion.V2, IPFamily.IPv4);
            Live(VrrpVersion.V3, IPFamily.IPv6);
            if (withLinux)
                PrepareLinux();
        }
        catch (IOException)
        {
            // A socket that is refused here is refused again where it matters, and is told there.
        }
    }

    /// <summary>A router's life: it hears a Master, takes over, meets a lower Master, hands over and goes.</summary>
    private static void Live(VrrpVersion version, IPFamily family)
    {
        var platform = new MemoryPlatform();
        using var engine = new VrrpEngine(platform, new VrrpFrameCodec(), VrrpStateMachine.Instance, static _ => { });
        var now = Instant.Origin.AddNanoseconds(1_000_000_000);
        bool isIPv6 = family == IPFamily.IPv6;
        var interval = AdvertisementInterval.OneSecond;
        var address = isIPv6 ? LinkLocal(0xFE) : Virtual4;
        engine.Start(now);
        engine.Add(
            new VirtualRouterConfig
            {
                Name = "warm-up",
                Interface = MemoryPlatform.Name,
                VirtualRouterId = new(1),
                Version = version,
                Family = family,
                AdvertisementInterval = interval,
                VirtualAddresses = [VirtualAddress.Host(address)],
            },
            now,
            now);
        Turn(engine, platform.Link, now);
        foreach (byte priority in (ReadOnlySpan<byte>)[200, 0, 50, 200, 0])
        {
            platform.Link.Waiting = Message(version, family, new Priority(priority), address, isIPv6 ? LinkLocal(2) : Peer4, interval);
            now = now.AddNanoseconds(10_000_000);
            Turn(engine, platform.Link, now);
            // Silence for longer than any down interval.
            now = now.AddNanoseconds(4_000_000_000);
            Turn(engine, platform.Link, now);
        }

        engine.Remove("warm-up", handOver: true, static () => { }, now);
        now = now.AddNanoseconds(10_000_000_000);
        Turn(engine, platform.Link, now);
    }

    private static void Turn(VrrpEngine engine, IVrrpLink link, Instant now)
    {
        engine.BeginTurn(now);
        engine.Receive(link);
        engine.EndTurn();
    }

    private static byte[] Message(
        VrrpVersion version, IPFamily family, Priority priority, IPAddressValue address, IPAddressValue source, AdvertisementInterval interval)
    {
        Span<byte> buffer = stackalloc byte[64];
        int length = new VrrpFrameCodec().Write(
            new AdvertisementContent
            {
                Version = version,
                Family = family,
                VirtualRouterId = new(1),
                Priority = priority,
                Interval = interval,
                Addresses = [address],
            },
            source,
            family == IPFamily.IPv4 ? IPAddressValue.MulticastGroupIPv4 : IPAddressValue.MulticastGroupIPv6,
            buffer);
        return buffer[..length].ToArray();
    }

    private static IPAddressValue LinkLocal(byte last) =>
        IPAddressValue.Read([0xFE, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last]);

    private static void PrepareLinux()
    {
        // No interface has this index: the kernel reads the request and refuses it.
        AddressAssignment[] nowhere = [new(NoInterface, VirtualAddress.Host(Virtual4))];
        var outcomes = new AddressOutcome[1];
        using (var table = new LinuxAddressTable(new AddressMarks(AddressMarks.Default)))
        {
            table.Install(nowhere, outcomes);
            table.Remove(nowhere, outcomes);
            // Index 0 is all interfaces: their addresses are listed, and this one is not among them.
            table.Remove([new(0, nowhere[0].Address)], outcomes);
        }

        // Sent to no socket at all.
        using var queue = new SendQueue(16, 0);
        queue.Append(0, 64, out _, out _).Clear();
        queue.Send(-1, []);

        // Loopback exists everywhere, and what is only queued is never sent.
        using var link = new LinuxVrrpLink(new InterfaceFacts { Index = 1, Name = "lo", IsUp = true, IsLoopback = true }, IPFamily.IPv4);
        link.SendAdvertisement(0, Own4, IPAddressValue.MulticastGroupIPv4, 255, new byte[16]);
        link.SendFrame(0, new byte[ArpPacket.FrameLength]);
    }

    /// <summary>An interface, its addresses and a link in memory.</summary>
    private sealed class MemoryPlatform : IVrrpPlatform, IInterfaceMonitor, IAddressTable
    {
        public const string Name = "warm-up";

        public MemoryLink Link { get; private set; } = new(IPFamily.IPv4);

        public int Descriptor => -1;

        public IInterfaceMonitor OpenMonitor() => this;

        public IAddressTable OpenAddressTable() => this;

        public IVrrpLink OpenLink(InterfaceFacts facts, IPFamily family)
        {
            Link = new(family);
            return Link;
        }

        public void List(IInterfaceSink sink)
        {
            sink.ListingStarted();
            sink.InterfaceChanged(new() { Index = 1, Name = Name, IsUp = true, MacAddress = MacAddress.Read([2, 0, 0, 0, 0, 1]), Mtu = 1500, SupportsMulticast = true });
            sink.AddressAdded(new(1, Own4, 24, IsUsableSource: true, IsOurs: false));
            sink.AddressAdded(new(1, LinkLocal(1), 64, IsUsableSource: true, IsOurs: false));
            sink.ListingEnded();
        }

        public void Receive(IInterfaceSink sink)
        {
        }

        public bool Install(ReadOnlySpan<AddressAssignment> addresses, Span<AddressOutcome> outcomes)
        {
            outcomes[..addresses.Length].Fill(new(AddressStatus.Done, 0));
            return true;
        }

        public bool Remove(ReadOnlySpan<AddressAssignment> addresses, Span<AddressOutcome> outcomes) => Install(addresses, outcomes);

        public void Dispose()
        {
        }
    }

    /// <summary>Receives one message that waits, and sends nowhere.</summary>
    private sealed class MemoryLink(IPFamily family) : IVrrpLink
    {
        public int InterfaceIndex => 1;

        public IPFamily Family => family;

        public int Descriptor => -1;

        public byte[]? Waiting { get; set; }

        public void JoinGroup(IPAddressValue group)
        {
        }

        public int Receive(IPacketSink sink, int limit)
        {
            if (Waiting is not { } message)
                return 0;
            Waiting = null;
            bool isIPv6 = family == IPFamily.IPv6;
            sink.PacketReceived(this, new()
            {
                Source = isIPv6 ? LinkLocal(2) : Peer4,
                Destination = isIPv6 ? IPAddressValue.MulticastGroupIPv6 : IPAddressValue.MulticastGroupIPv4,
                HopLimit = 255,
                Message = message,
            });
            return 1;
        }

        public void SendAdvertisement(int token, IPAddressValue source, IPAddressValue destination, byte hopLimit, ReadOnlySpan<byte> message)
        {
        }

        public void SendFrame(int token, ReadOnlySpan<byte> frame)
        {
        }

        public void Flush(ISendFailureSink sink)
        {
        }

        public void Dispose()
        {
        }
    }
}
