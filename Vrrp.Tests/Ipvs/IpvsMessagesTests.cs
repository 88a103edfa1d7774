using Vrrp.Daemon.Ipvs;
using Vrrp.Netlink;

namespace Vrrp.Tests.Ipvs;

/// <summary>Requests to the kernel's IPVS family and its answers, which have the same attributes.</summary>
public class IpvsMessagesTests
{
    private static readonly IPAddressValue Vip = IPAddressValue.Parse("10.0.0.1");
    private static readonly IPAddressValue Vip6 = IPAddressValue.Parse("2001:db8::1");

    public static TheoryData<int> Seeds => [.. Enumerable.Range(1, 8)];

    private static VirtualService Service(Random random)
    {
        var key = random.Next(4) switch
        {
            0 => ServiceKey.ByMark((uint)random.Next(1, int.MaxValue), IPFamily.IPv4),
            1 => ServiceKey.ByMark((uint)random.Next(1, int.MaxValue), IPFamily.IPv6),
            2 => ServiceKey.ByAddress(TransportProtocol.Sctp, Vip, (ushort)random.Next(65536)),
            _ => ServiceKey.ByAddress(TransportProtocol.Udp, Vip6, (ushort)random.Next(65536)),
        };
        bool isPersistent = random.Next(2) == 0;
        return new()
        {
            Key = key,
            Scheduler = random.Next(2) == 0 ? "wlc" : "fifteen_letters",
            Flags = (isPersistent ? ServiceFlags.Persistent : 0) | (ServiceFlags)(random.Next(16) << 2),
            PersistenceTimeout = isPersistent ? (uint)random.Next(1, 2678400) : 0,
            PersistencePrefix = (byte)random.Next(1, key.Family == IPFamily.IPv4 ? 33 : 129),
            PersistenceEngine = random.Next(2) == 0 ? "sip" : null,
        };
    }

    private static Destination Destination(Random random) => new()
    {
        Key = new(random.Next(2) == 0 ? Vip : Vip6, (ushort)random.Next(65536)),
        Forwarding = random.Next(4) switch
        {
            0 => new(ForwardingMethod.Masquerade),
            1 => new(ForwardingMethod.DirectRoute),
            2 => new(ForwardingMethod.Tunnel),
            _ => new(ForwardingMethod.Tunnel, TunnelType.Gue, (ushort)random.Next(1, 65536), (TunnelChecksum)random.Next(3)),
        },
        Weight = random.Next(),
        UpperThreshold = (uint)random.Next(),
        LowerThreshold = (uint)random.Next(),
    };

    private static byte[] Write(IpvsChange change)
    {
        var buffer = new byte[IpvsMessages.MaximumChange];
        buffer.AsSpan().Fill(0xEE);
        var writer = new NetlinkWriter(buffer);
        IpvsMessages.WriteChange(ref writer, family: 0x1f, sequence: 7, change);
        return writer.Written.ToArray();
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void What_is_written_is_read(int seed)
    {
        var random = new Random(seed);
        for (int i = 0; i < 200; i++)
        {
            var service = Service(random);
            var destination = Destination(random);
            byte[] octets = Write(new(IpvsChangeKind.UpdateDestination, service, destination));
            Assert.Equal(destination, Read(octets, message => IpvsMessages.ReadDestination(message, service.Key.Family)?.Destination));
            var (read, _) = Read(Write(new(IpvsChangeKind.AddService, service)), message => IpvsMessages.ReadService(message))!.Value;
            Assert.Equal(service with { Flags = service.Flags & ServiceFlags.Settable }, read);
        }
    }

    [Fact]
    public void A_service_is_what_the_kernel_expects()
    {
        byte[] octets = Write(new(IpvsChangeKind.AddService, new()
        {
            Key = ServiceKey.ByAddress(TransportProtocol.Tcp, Vip, 80),
            Scheduler = "rr",
            Flags = ServiceFlags.Persistent,
            PersistenceTimeout = 50,
            PersistencePrefix = 24,
        }));

        // On a machine whose first octet is the lowest.
        Assert.True(BitConverter.IsLittleEndian);
        Assert.Equal(
            "680000001F00050007000000" + "00000000" // nlmsghdr: 104 octets, family 0x1f, request and acknowledge, number 7
            + "01010000" // genlmsghdr: new service, version 1
            + "54000180" // nested service
            + "0600010002000000" + "0600020006000000" + "140003000A000001000000000000000000000000" + "0600040000500000"
            + "0700060072720000" + "0C00070001000000FFFFFFFF" + "0800080032000000" + "08000900FFFFFF00",
            Convert.ToHexString(octets));
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void A_broken_answer_is_no_entry_or_another_and_never_an_exception(int seed)
    {
        var random = new Random(seed);
        for (int i = 0; i < 2000; i++)
        {
            byte[] octets = Write(random.Next(2) == 0
                ? new(IpvsChangeKind.AddService, Service(random)) : new(IpvsChangeKind.AddDestination, Service(random), Destination(random)));
            for (int flips = random.Next(1, 6); flips > 0; flips--)
                octets[random.Next(16, octets.Length)] = (byte)random.Next(256);
            if (random.Next(4) == 0)
            {
                int length = random.Next(16, octets.Length);
                BitConverter.TryWriteBytes(octets, length);
                octets = octets[..length];
            }

            _ = Read(octets, message => IpvsMessages.ReadService(message));
            _ = Read(octets, message => IpvsMessages.ReadDestination(message, IPFamily.IPv6));
            _ = Read(octets, message => IpvsMessages.ReadDaemon(message));
            _ = Read(octets, message => (IpvsTimeouts?)IpvsMessages.ReadTimeouts(message));
        }
    }

    private delegate T Reader<T>(NetlinkMessage message);

    private static T? Read<T>(byte[] octets, Reader<T> read)
    {
        var reader = new NetlinkReader(octets);
        return reader.Next(out var message) ? read(message) : default;
    }
}
