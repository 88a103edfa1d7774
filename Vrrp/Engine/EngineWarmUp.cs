using Vrrp.Links;
using Vrrp.Packets;

namespace Vrrp;

/// <summary>
/// Runs what a takeover runs before there is one. Code that has never run is compiled, bound and paged in when it first does, which takes
/// milliseconds; a Backup's first takeover is often its only one. Nothing leaves this process but requests that the kernel refuses.
/// </summary>
internal static class EngineWarmUp
{
    private static readonly IPAddressValue Own4 = IPAddressValue.FromIPv4(0xC000_0201);
    private static readonly IPAddressValue Peer4 = IPAddressValue.FromIPv4(0xC000_0202);
    private static readonly IPAddressValue Virtual4 = IPAddressValue.FromIPv4(0xC000_02FE);

    // What is compiled is compiled for the process: one node of it warms up for all.
    private static int s_hasBegun;

    /// <summary>Begins on a thread of its own, beside the engine's: a node that has to advertise at once does not wait for it.</summary>
    /// <param name="withLinux">Whether this host's own sockets are prepared too.</param>
    public static void Begin(bool withLinux)
    {
        if (Interlocked.Exchange(ref s_hasBegun, 1) != 0)
            return;
        new Thread(() =>
        {
            Run(withLinux);
            _ = SettleAsync(withLinux, TimeProvider.System);
        })
        { Name = "vrrp warm-up", IsBackground = true }.UnsafeStart();
    }

    /// <summary>
    /// The runtime counts the calls of a method, compiles it again after thirty, and starts a thread for that from whichever call it was:
    /// on the engine's thread in the midst of a takeover, if the counting does not end before. It begins when the start has calmed down.
    /// </summary>
    private static async Task SettleAsync(bool withLinux, TimeProvider time)
    {
        for (int round = 0; round < 4; round++)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(500), time).ConfigureAwait(false);
            for (int i = 0; i < 12; i++)
                Run(withLinux);
        }
    }

    internal static void Run(bool withLinux)
    {
        try
        {
            Live(VrrpVersion.V3, IPFamily.IPv4, withLinux);
            Live(VrrpVersion.V2, IPFamily.IPv4, withLinux);
            Live(VrrpVersion.V3, IPFamily.IPv6, withLinux);
        }
        catch (IOException)
        {
            // A socket that is refused here is refused again where it matters, and is told there.
        }
    }

    /// <summary>A router's life: it hears a Master, takes over, meets a lower Master, hands over and goes.</summary>
    private static void Live(VrrpVersion version, IPFamily family, bool withLinux)
    {
        var platform = new RehearsalPlatform(withLinux);
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
                Interface = RehearsalPlatform.Name,
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
            var source = isIPv6 ? LinkLocal(2) : Peer4;
            now = now.AddNanoseconds(10_000_000);
            engine.BeginTurn(now);
            ((IPacketSink)engine).PacketReceived(platform.Link, new()
            {
                Source = source,
                Destination = isIPv6 ? IPAddressValue.MulticastGroupIPv6 : IPAddressValue.MulticastGroupIPv4,
                HopLimit = 255,
                Message = Message(version, family, new Priority(priority), address, source, interval),
            });
            engine.EndTurn();
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

    /// <summary>
    /// An interface that does not exist. With Linux, link and table are the real classes: a call is bound to the class it met first.
    /// </summary>
    private sealed class RehearsalPlatform(bool withLinux) : IVrrpPlatform, IInterfaceMonitor, IAddressTable
    {
        public const string Name = "warm-up";

        // The kernel refuses every request for it.
        private const int NoInterface = int.MaxValue;

        public IVrrpLink Link { get; private set; } = null!;

        public int Descriptor => -1;

        public IInterfaceMonitor OpenMonitor() => this;

        public IAddressTable OpenAddressTable() =>
            withLinux ? new LinuxAddressTable(new AddressMarks(AddressMarks.Default), isRehearsal: true) : this;

        public IVrrpLink OpenLink(InterfaceFacts facts, IPFamily family)
        {
            Link = withLinux ? LinuxVrrpLink.Rehearsal(facts.Index, family) : new NoLink(facts.Index, family);
            return Link;
        }

        public void List(IInterfaceSink sink)
        {
            sink.ListingStarted();
            sink.InterfaceChanged(new()
            {
                Index = NoInterface,
                Name = Name,
                IsUp = true,
                MacAddress = MacAddress.Read([2, 0, 0, 0, 0, 1]),
                Mtu = 1500,
                SupportsMulticast = true,
            });
            sink.AddressAdded(new(NoInterface, Own4, 24, IsUsableSource: true, IsOurs: false));
            sink.AddressAdded(new(NoInterface, LinkLocal(1), 64, IsUsableSource: true, IsOurs: false));
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

    /// <summary>Takes everything and does nothing.</summary>
    private sealed class NoLink(int interfaceIndex, IPFamily family) : IVrrpLink
    {
        public int InterfaceIndex => interfaceIndex;

        public IPFamily Family => family;

        public int Descriptor => -1;

        public void JoinGroup(IPAddressValue group)
        {
        }

        public int Receive(IPacketSink sink, int limit) => 0;

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
