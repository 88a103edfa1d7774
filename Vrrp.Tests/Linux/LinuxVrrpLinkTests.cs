using Vrrp.Links;
using Vrrp.Linux;
using Vrrp.Packets;
using static Vrrp.Linux.NativeMethods;

namespace Vrrp.Tests.Linux;

public sealed class LinuxVrrpLinkTests : IDisposable
{
    private static readonly byte[] Message = [0x31, 7, 100, 1, 0, 100, 0xAB, 0xCD, 10, 0, 0, 99];

    private readonly TwoHosts _hosts = new();
    private readonly SeenPackets _seen = new();

    public void Dispose() => _hosts.Dispose();

    [Theory]
    [InlineData("10.0.0.1", "224.0.0.18", 255)]
    [InlineData("10.0.0.1", "224.0.0.18", 254)]
    [InlineData("10.0.0.1", "10.0.0.2", 255)]
    [InlineData("10.0.0.1", "10.0.0.2", 3)]
    [InlineData("10.9.9.9", "224.0.0.18", 255)]
    [InlineData("fe80::1", "ff02::12", 255)]
    [InlineData("fe80::1", "ff02::12", 254)]
    [InlineData("fe80::1", "fe80::2", 255)]
    [InlineData("fe80::1", "fe80::2", 3)]
    public void Advertisement_arrives_with_its_addresses_hop_limit_and_message(string source, string destination, byte hopLimit)
    {
        var from = IPAddressValue.Parse(source);
        var to = IPAddressValue.Parse(destination);
        using var sender = _hosts.A.OpenLink("eth0", from.Family);
        using var receiver = _hosts.B.OpenLink("eth0", from.Family);
        Join(receiver);

        sender.SendAdvertisement(1, from, to, hopLimit, Message);
        sender.Flush(_seen);
        _seen.Wait(receiver, 1);

        Assert.Empty(_seen.Failures);
        Assert.Equal([new SeenPacket(from, to, hopLimit, Convert.ToHexString(Message))], _seen.Packets);
    }

    [Theory]
    [InlineData(IPFamily.IPv4)]
    [InlineData(IPFamily.IPv6)]
    public void Nothing_leaves_before_flush_and_then_in_order(IPFamily family)
    {
        using var sender = _hosts.A.OpenLink("eth0", family);
        using var receiver = _hosts.B.OpenLink("eth0", family);
        Join(receiver);
        Send(sender, family, [1]);
        Send(sender, family, [2]);
        Assert.Equal(0, receiver.Receive(_seen, 10));
        sender.Flush(_seen);
        _seen.Wait(receiver, 2);
        Assert.Equal(["01", "02"], _seen.Packets.Select(p => p.Message));
    }

    [Theory]
    [InlineData(IPFamily.IPv4)]
    [InlineData(IPFamily.IPv6)]
    public void Queue_that_is_full_empties_itself(IPFamily family)
    {
        using var sender = _hosts.A.OpenLink("eth0", family);
        using var receiver = _hosts.B.OpenLink("eth0", family);
        Join(receiver);
        byte[] longOne = new byte[1400];
        for (int i = 0; i < 200; i++)
        {
            longOne[0] = (byte)i;
            Send(sender, family, i % 2 == 0 ? [(byte)i] : longOne);
        }

        sender.Flush(_seen);
        _seen.Wait(receiver, 200);
        Assert.Empty(_seen.Failures);
        Assert.Equal(Enumerable.Range(0, 200).Select(i => ((byte)i).ToString("X2")), _seen.Packets.Select(p => p.Message[..2]));
        Assert.Equal(2800, _seen.Packets[^1].Message.Length);
    }

    [Theory]
    [InlineData(IPFamily.IPv4)]
    [InlineData(IPFamily.IPv6)]
    public void Receive_stops_at_its_limit(IPFamily family)
    {
        using var sender = _hosts.A.OpenLink("eth0", family);
        using var receiver = _hosts.B.OpenLink("eth0", family);
        Join(receiver);
        for (int i = 0; i < 100; i++)
            Send(sender, family, [(byte)i]);
        sender.Flush(_seen);
        Assert.Equal(1, receiver.Receive(_seen, 1));
        Assert.Equal(40, receiver.Receive(_seen, 40));
        Assert.Equal(59, receiver.Receive(_seen, 1000));
        Assert.Equal(Enumerable.Range(0, 100).Select(i => ((byte)i).ToString("X2")), _seen.Packets.Select(p => p.Message));
    }

    [Theory]
    [InlineData(IPFamily.IPv4)]
    [InlineData(IPFamily.IPv6)]
    public void Packets_of_other_interfaces_and_own_packets_are_not_delivered(IPFamily family)
    {
        using var sender = _hosts.A.OpenLink("eth0", family);
        using var second = _hosts.A.OpenLink("eth0", family);
        using var receiver = _hosts.B.OpenLink("eth0", family);
        using var other = _hosts.B.OpenLink("eth1", family);
        foreach (var link in (LinuxVrrpLink[])[sender, second, receiver, other])
            Join(link);
        Send(sender, family, [1]);
        sender.Flush(_seen);
        // veth delivers within the call that sends, at the latest before the receiver's packet is seen.
        _seen.Wait(receiver, 1);
        Assert.Equal(0, other.Receive(_seen, 10));
        Assert.Equal(0, sender.Receive(_seen, 10));
        Assert.Equal(0, second.Receive(_seen, 10));
    }

    [Theory]
    [InlineData(IPFamily.IPv4)]
    [InlineData(IPFamily.IPv6)]
    public void Without_membership_nothing_is_heard_of_a_group(IPFamily family)
    {
        using var sender = _hosts.A.OpenLink("eth0", family);
        using var member = _hosts.B.OpenLink("eth0", family);
        using var stranger = _hosts.B.OpenLink("eth0", family);
        Join(member);
        Send(sender, family, [1]);
        sender.Flush(_seen);
        _seen.Wait(member, 1);
        stranger.Receive(_seen, 10);
        Assert.Single(_seen.Packets);
    }

    [Fact]
    public void Wire_bytes_of_an_IPv4_advertisement()
    {
        using var capture = new FrameCapture(_hosts.B, "eth0");
        using var sender = _hosts.A.OpenLink("eth0", IPFamily.IPv4);
        Send(sender, IPFamily.IPv4, Message);
        Send(sender, IPFamily.IPv4, Message);
        sender.Flush(_seen);

        byte[] first = capture.Next(0x0800);
        byte[] second = capture.Next(0x0800);
        Assert.Equal("01005e000012", Convert.ToHexStringLower(first.AsSpan(0, 6)));
        Assert.Equal(0x45, first[14]);
        Assert.Equal(0xC0, first[15]);
        Assert.Equal([0, 32], first[16..18]);
        Assert.Equal([0, 1], first[18..20]);
        Assert.Equal([0, 0], first[20..22]);
        Assert.Equal([255, 112], first[22..24]);
        Assert.Equal([0, 2], second[18..20]);
        int sum = 0;
        for (int i = 14; i < 34; i += 2)
            sum += first[i] << 8 | first[i + 1];
        Assert.Equal(0xFFFF, (sum & 0xFFFF) + (sum >> 16));
        Assert.Equal(Message, first[34..]);
    }

    [Fact]
    public void Wire_bytes_of_an_IPv6_advertisement_keep_our_checksum_even_a_wrong_one()
    {
        using var capture = new FrameCapture(_hosts.B, "eth0");
        using var sender = _hosts.A.OpenLink("eth0", IPFamily.IPv6);
        Send(sender, IPFamily.IPv6, Message);
        sender.Flush(_seen);

        byte[] frame = capture.Next(0x86DD);
        // The kernel's own multicast listener reports come by as well.
        while (frame[20] != 112)
            frame = capture.Next(0x86DD);
        Assert.Equal("333300000012", Convert.ToHexStringLower(frame.AsSpan(0, 6)));
        Assert.Equal([0x6C, 0x00], [frame[14], (byte)(frame[15] & 0xF0)]);
        Assert.Equal([112, 255], frame[20..22]);
        Assert.Equal(Message, frame[54..]);
    }

    [Fact]
    public void Frames_leave_as_given_and_after_adverts()
    {
        using var capture = new FrameCapture(_hosts.B, "eth0");
        using var sender = _hosts.A.OpenLink("eth0", IPFamily.IPv4);
        byte[] frame = new byte[60];
        frame.AsSpan(0, 6).Fill(0xFF);
        MacAddress.ForVirtualRouter(new(7), IPFamily.IPv4).Write(frame.AsSpan(6));
        (frame[12], frame[13], frame[59]) = (0x08, 0x06, 0xAA);
        sender.SendFrame(1, frame);
        Send(sender, IPFamily.IPv4, Message);
        sender.Flush(_seen);

        Assert.Equal(0x0800, capture.NextEtherType(0x0800, 0x0806));
        Assert.Equal(frame, capture.Next(0x0806));
        Assert.Empty(_seen.Failures);
    }

    [Fact]
    public void Packet_that_fails_is_reported_with_its_token_and_the_others_are_sent()
    {
        using var sender = _hosts.A.OpenLink("eth0", IPFamily.IPv6);
        using var receiver = _hosts.B.OpenLink("eth0", IPFamily.IPv6);
        Join(receiver);
        var group = IPAddressValue.MulticastGroupIPv6;
        sender.SendAdvertisement(11, IPAddressValue.Parse("fe80::1"), group, 255, [1]);
        sender.SendAdvertisement(12, IPAddressValue.Parse("fe80::dead"), group, 255, [2]);
        sender.SendAdvertisement(13, IPAddressValue.Parse("fe80::1"), group, 255, [3]);
        sender.SendFrame(14, new byte[9000]);
        sender.SendFrame(15, new byte[60]);
        sender.Flush(_seen);
        _seen.Wait(receiver, 2);
        Assert.Equal([(12, Errno.EINVAL), (14, 90)], _seen.Failures);
        Assert.Equal(["01", "03"], _seen.Packets.Select(p => p.Message));

        sender.Flush(_seen);
        Assert.Equal(2, _seen.Failures.Count);
    }

    [Theory]
    [InlineData(IPFamily.IPv4)]
    [InlineData(IPFamily.IPv6)]
    public void Interface_that_is_down_or_gone_is_a_failure_of_each_packet(IPFamily family)
    {
        using var sender = _hosts.A.OpenLink("eth0", family);
        _hosts.A.Links.SetDown("eth0");
        Send(sender, family, [1]);
        sender.SendFrame(2, new byte[60]);
        sender.Flush(_seen);
        Assert.Equal([1, 2], _seen.Failures.Select(f => f.Token));
        Assert.DoesNotContain(0, _seen.Failures.Select(f => f.Errno));

        _hosts.A.Links.Delete("eth0");
        Send(sender, family, [1]);
        sender.SendFrame(2, new byte[60]);
        sender.Flush(_seen);
        Assert.Equal([1, 2, 1, 2], _seen.Failures.Select(f => f.Token));
        Assert.Equal(0, sender.Receive(_seen, 10));
    }

    [Fact]
    public void Joining_twice_is_one_membership_and_a_wrong_group_is_refused()
    {
        using var link = _hosts.A.OpenLink("eth0", IPFamily.IPv4);
        Join(link);
        Join(link);
        Assert.Throws<ArgumentException>(() => link.JoinGroup(IPAddressValue.MulticastGroupIPv6));
        Assert.Throws<ArgumentException>(() => link.JoinGroup(IPAddressValue.Parse("10.0.0.1")));
        using var six = _hosts.A.OpenLink("eth0", IPFamily.IPv6);
        Join(six);
        Join(six);
    }

    [Theory] // VR-011, VR-246
    [InlineData(IPFamily.IPv4, 0x0800)]
    [InlineData(IPFamily.IPv6, 0x86DD)]
    public void Joining_is_reported_to_the_switches(IPFamily family, int etherType)
    {
        using var capture = new FrameCapture(_hosts.B, "eth0");
        using var link = _hosts.A.OpenLink("eth0", family);
        Join(link);
        string group = family == IPFamily.IPv4 ? "e0000012" : "ff020000000000000000000000000012";
        string report;
        do
            report = Convert.ToHexStringLower(capture.Next(etherType));
        while (!report.Contains(group, StringComparison.Ordinal));
        // IGMP is protocol 2; MLD follows a hop-by-hop header with the router alert.
        Assert.Equal(family == IPFamily.IPv4 ? "02" : "00", family == IPFamily.IPv4 ? report[46..48] : report[40..42]);
        Assert.Equal(family == IPFamily.IPv4 ? "22" : "8f", family == IPFamily.IPv4 ? report[76..78] : report[124..126]);
    }

    [Fact] // VR-149, VR-225
    public void An_advertisement_is_taken_from_any_hardware_address()
    {
        using var receiver = _hosts.B.OpenLink("eth0", IPFamily.IPv4);
        using var sender = _hosts.A.OpenLink("eth0", IPFamily.IPv4);
        Join(receiver);
        foreach (var from in (MacAddress[])[MacAddress.ForVirtualRouter(new(7), IPFamily.IPv4), MacAddress.ForVirtualRouter(new(8), IPFamily.IPv4), _hosts.A.FactsOf("eth0").MacAddress])
            sender.SendFrame(1, ToGroup(from, VrrpPacket.Protocol, 0x31, 0x07));
        sender.Flush(_seen);
        _seen.Wait(receiver, 3);
        Assert.All(_seen.Packets, packet => Assert.Equal(("10.0.0.1", "3107"), (packet.Source.ToString(), packet.Message)));
    }

    [Fact] // VR-124, VR-243: HSRP and GLBP are UDP.
    public void Other_protocols_are_not_heard()
    {
        using var receiver = _hosts.B.OpenLink("eth0", IPFamily.IPv4);
        using var sender = _hosts.A.OpenLink("eth0", IPFamily.IPv4);
        Join(receiver);
        var mac = _hosts.A.FactsOf("eth0").MacAddress;
        foreach (byte protocol in (byte[])[17, 2, 51, VrrpPacket.Protocol])
            sender.SendFrame(1, ToGroup(mac, protocol, 0x31, protocol));
        sender.Flush(_seen);
        _seen.Wait(receiver, 1);
        receiver.Receive(_seen, 10);
        Assert.Equal("3170", Assert.Single(_seen.Packets).Message);
    }

    private static byte[] ToGroup(MacAddress from, byte protocol, params byte[] message)
    {
        byte[] frame = new byte[34 + message.Length];
        new EthernetHeader(EthernetHeader.GroupAddress(IPAddressValue.MulticastGroupIPv4), from, EthernetHeader.IPv4).Write(frame);
        new IPv4Header
        {
            Source = IPAddressValue.Parse("10.0.0.1"), Destination = IPAddressValue.MulticastGroupIPv4, Protocol = protocol, PayloadLength = message.Length,
        }.Write(frame.AsSpan(14));
        message.CopyTo(frame, 34);
        return frame;
    }

    [Fact]
    public void Link_that_is_closed_is_of_no_use()
    {
        var link = _hosts.A.OpenLink("eth0", IPFamily.IPv4);
        link.Dispose();
        link.Dispose();
        Assert.Throws<ObjectDisposedException>(() => Send(link, IPFamily.IPv4, [1]));
        Assert.Throws<ObjectDisposedException>(() => link.Receive(_seen, 1));
        Assert.Throws<ObjectDisposedException>(() => link.Flush(_seen));
    }

    [Fact]
    public void Link_survives_a_rename_of_its_interface()
    {
        using var sender = _hosts.A.OpenLink("eth0", IPFamily.IPv4);
        using var receiver = _hosts.B.OpenLink("eth0", IPFamily.IPv4);
        Join(receiver);
        _hosts.B.Links.Rename("eth0", "lan");
        Send(sender, IPFamily.IPv4, [1]);
        sender.Flush(_seen);
        _seen.Wait(receiver, 1);
    }

    [Fact]
    public void Interface_that_is_gone_cannot_be_opened()
    {
        var facts = _hosts.A.FactsOf("eth0") with { Index = 4711 };
        var e = Assert.Throws<LinuxException>(() => _hosts.A.Network.Run(() => new LinuxVrrpLink(facts, IPFamily.IPv4)));
        Assert.Equal(Errno.ENODEV, e.Error);
        var loopback = _hosts.A.FactsOf("lo");
        Assert.Throws<LinuxException>(() => new LinuxPlatform().OpenLink(loopback, IPFamily.IPv4));
    }

    [Theory]
    [InlineData(IPFamily.IPv4)]
    [InlineData(IPFamily.IPv6)]
    public void Largest_advertisement_passes_and_what_is_longer_is_cut_not_lost(IPFamily family)
    {
        foreach (var host in (Host[])[_hosts.A, _hosts.B])
            host.Links.SetMtu("eth0", 9000);
        using var sender = _hosts.A.OpenLink("eth0", family);
        using var receiver = _hosts.B.OpenLink("eth0", family);
        Join(receiver);
        int largest = family == IPFamily.IPv4 ? 8 + (255 * 4) + 8 : 8 + (255 * 16);
        Send(sender, family, new byte[largest]);
        Send(sender, family, new byte[5000]);
        sender.Flush(_seen);
        _seen.Wait(receiver, 2);
        Assert.Equal(largest, _seen.Packets[0].Message.Length / 2);
        Assert.InRange(_seen.Packets[1].Message.Length / 2, largest + 1, 4096);
    }

    [Fact]
    public void IPv4_fragments_are_put_together()
    {
        // A small MTU on the sender's side alone: the kernel does not fragment what has our header, the frame socket does as told.
        using var receiver = _hosts.B.OpenLink("eth0", IPFamily.IPv4);
        using var sender = _hosts.A.OpenLink("eth0", IPFamily.IPv4);
        byte[] target = new byte[6];
        _hosts.B.FactsOf("eth0").MacAddress.Write(target);
        sender.SendFrame(1, Fragment(target, 0, moreFragments: true));
        sender.SendFrame(1, Fragment(target, 8, moreFragments: false));
        sender.Flush(_seen);
        _seen.Wait(receiver, 1);
        Assert.Equal(new string('A', 32), _seen.Packets[0].Message);
        Assert.Equal(0, receiver.Receive(_seen, 10));
    }

    [Fact]
    public void IPv4_options_and_Ethernet_padding_are_not_part_of_the_message()
    {
        using var receiver = _hosts.B.OpenLink("eth0", IPFamily.IPv4);
        using var sender = _hosts.A.OpenLink("eth0", IPFamily.IPv4);
        byte[] frame = new byte[60];
        _hosts.B.FactsOf("eth0").MacAddress.Write(frame);
        (frame[12], frame[13]) = (8, 0);
        // Four octets of option (no-operations), then two of message; the rest is padding.
        byte[] header = [0x46, 0, 0, 26, 0, 9, 0, 0, 255, 112, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 1, 1, 1, 0, 0x31, 0x07];
        WriteChecksum(header.AsSpan(0, 24));
        header.CopyTo(frame, 14);
        frame.AsSpan(40).Fill(0xEE);
        sender.SendFrame(1, frame);
        sender.Flush(_seen);
        _seen.Wait(receiver, 1);
        Assert.Equal("3107", _seen.Packets[0].Message);
    }

    [Theory]
    [InlineData(IPFamily.IPv4)]
    [InlineData(IPFamily.IPv6)]
    public void Sending_and_receiving_allocate_nothing(IPFamily family)
    {
        using var sender = _hosts.A.OpenLink("eth0", family);
        using var receiver = _hosts.B.OpenLink("eth0", family);
        Join(receiver);
        var counter = new CountingSink();
        byte[] frame = new byte[60];
        Rounds(20);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Rounds(100);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.Equal(0, counter.Failures);
        Assert.Equal(120 * 10, counter.Packets);

        void Rounds(int count)
        {
            for (int round = 0; round < count; round++)
            {
                for (int i = 0; i < 10; i++)
                    Send(sender, family, Message);
                sender.SendFrame(2, frame);
                sender.Flush(counter);
                receiver.Receive(counter, 1000);
            }
        }
    }

    [Fact]
    public void Missing_capability_is_named()
    {
        var facts = _hosts.A.FactsOf("eth0");
        var e = Assert.Throws<LinuxException>(() => _hosts.A.Network.Run(() =>
        {
            DropCapabilities();
            return new LinuxPlatform().OpenLink(facts, IPFamily.IPv4);
        }));
        Assert.True(e.IsPermission);
        Assert.Contains("CAP_NET_RAW", e.Message, StringComparison.Ordinal);
        e = Assert.Throws<LinuxException>(() => _hosts.A.Network.Run(() =>
        {
            DropCapabilities();
            return new LinuxPlatform().OpenAddressTable();
        }));
        Assert.Contains("CAP_NET_ADMIN", e.Message, StringComparison.Ordinal);
    }

    private static void Join(LinuxVrrpLink link) =>
        link.JoinGroup(link.Family == IPFamily.IPv4 ? IPAddressValue.MulticastGroupIPv4 : IPAddressValue.MulticastGroupIPv6);

    private static void Send(LinuxVrrpLink link, IPFamily family, ReadOnlySpan<byte> message)
    {
        if (family == IPFamily.IPv4)
            link.SendAdvertisement(1, IPAddressValue.FromIPv4(0x0A000001), IPAddressValue.MulticastGroupIPv4, 255, message);
        else
            link.SendAdvertisement(1, LinkLocal, IPAddressValue.MulticastGroupIPv6, 255, message);
    }

    private static readonly IPAddressValue LinkLocal = IPAddressValue.Parse("fe80::1");

    private static byte[] Fragment(byte[] target, int offset, bool moreFragments)
    {
        byte[] frame = new byte[14 + 20 + 8];
        target.CopyTo(frame, 0);
        (frame[12], frame[13]) = (8, 0);
        byte[] header = [0x45, 0, 0, 28, 0, 9, (byte)(moreFragments ? 0x20 : 0), (byte)(offset / 8), 255, 112, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
        WriteChecksum(header);
        header.CopyTo(frame, 14);
        frame.AsSpan(34).Fill(0xAA);
        return frame;
    }

    private static void WriteChecksum(Span<byte> header)
    {
        int sum = 0;
        for (int i = 0; i < header.Length; i += 2)
            sum += header[i] << 8 | header[i + 1];
        sum = ~((sum & 0xFFFF) + (sum >> 16));
        (header[10], header[11]) = ((byte)(sum >> 8), (byte)sum);
    }

    private static void DropCapabilities() => ThreadCapabilities.DropAll();

    private sealed class CountingSink : IPacketSink, ISendFailureSink
    {
        public int Packets { get; private set; }

        public int Failures { get; private set; }

        public void PacketReceived(IVrrpLink link, in ReceivedPacket packet) => Packets++;

        public void SendFailed(int token, int errno) => Failures++;
    }
}

/// <summary>Takes a thread's effective capabilities away; the kernel keeps them for each thread apart.</summary>
internal static unsafe partial class ThreadCapabilities
{
    public static void DropAll()
    {
        // _LINUX_CAPABILITY_VERSION_3, two sets of effective, permitted, inheritable.
        uint* header = stackalloc uint[2] { 0x2008_0522, 0 };
        uint* sets = stackalloc uint[6];
        Assert.Equal(0, CapSet(header, sets));
    }

    [System.Runtime.InteropServices.LibraryImport("libc", EntryPoint = "capset", SetLastError = true)]
    private static partial int CapSet(uint* header, uint* sets);
}

/// <summary>All frames of an interface as its driver hands them over.</summary>
internal sealed unsafe class FrameCapture : IDisposable
{
    private readonly int _socket;

    public FrameCapture(Host host, string name)
    {
        int index = host.Links.IndexOf(name);
        _socket = host.Network.Run(() =>
        {
            // ETH_P_ALL in network order.
            int descriptor = Errno.Check(Socket(SocketNumbers.AF_PACKET, SocketNumbers.SOCK_RAW | SocketNumbers.SOCK_CLOEXEC | SocketNumbers.SOCK_NONBLOCK, 0x0300), "capture");
            ushort* address = stackalloc ushort[10];
            (address[0], address[1]) = (SocketNumbers.AF_PACKET, 0x0300);
            *(int*)(address + 2) = index;
            _ = Errno.Check(Bind(descriptor, address, 20), "capture");
            return descriptor;
        });
    }

    public byte[] Next(int etherType) => Take(etherType, etherType);

    public int NextEtherType(int one, int other)
    {
        byte[] frame = Take(one, other);
        return frame[12] << 8 | frame[13];
    }

    public void Dispose() => _ = Close(_socket);

    private byte[] Take(int one, int other)
    {
        byte[]? found = null;
        Await.Until(_socket, Receive, () => found is not null, "a frame");
        return found!;

        void Receive()
        {
            byte[] buffer = new byte[10000];
            fixed (byte* start = buffer)
            {
                while (found is null)
                {
                    nint length = Read(_socket, start, (nuint)buffer.Length);
                    if (length < 0)
                        return;
                    int type = buffer[12] << 8 | buffer[13];
                    if (type == one || type == other)
                        found = buffer[..(int)length];
                }
            }
        }
    }
}
