using System.Net;
using System.Net.Sockets;
using Vrrp.Packets;

namespace Vrrp.Tests.Linux;

/// <summary>
/// What a host with a virtual router answers, announces and leaves alone, frame by frame. That something is not answered shows in a later
/// request that is: the kernel takes them in order.
/// </summary>
public sealed class LinuxDutyTests : IDisposable
{
    private const int Arp = 0x0806;
    private const int IPv4 = 0x0800;
    private const int IPv6 = 0x86DD;
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);
    private static readonly string[] OwnIPv6 = ["fe80::1", "fd00::1"];
    private static readonly string[] VirtualIPv6 = ["fe80::100", "fd00::100"];

    private readonly TwoHosts _hosts = new();
    private readonly SeenPackets _seen = new();
    private readonly FrameCapture _wire;
    private readonly Vrrp.Links.LinuxVrrpLink _asker;
    private readonly MacAddress _a;
    private readonly MacAddress _b;

    public LinuxDutyTests()
    {
        _hosts.A.Links.AddAddress("eth0", IPAddressValue.Parse("fd00::1"), 64);
        _hosts.B.Links.AddAddress("eth0", IPAddressValue.Parse("fd00::2"), 64);
        _a = _hosts.A.FactsOf("eth0").MacAddress;
        _b = _hosts.B.FactsOf("eth0").MacAddress;
        _wire = new FrameCapture(_hosts.B, "eth0");
        _asker = _hosts.B.OpenLink("eth0", IPFamily.IPv4);
    }

    public void Dispose()
    {
        _asker.Dispose();
        _wire.Dispose();
        _hosts.Dispose();
    }

    [Fact] // VR-111, VR-112, VR-114, VR-115
    public async Task A_backup_answers_for_none_of_its_addresses()
    {
        await using var node = await StartAsync(intervalCentiseconds: 4095, VrrpState.Backup);

        Send(ArpRequest("10.0.0.2", "10.0.0.100"), ArpRequest("10.0.0.2", "10.0.0.1"));
        Assert.Equal("10.0.0.1", Assert.Single(ArpReplies(until: "10.0.0.1")));

        foreach (var (own, virtualAddress) in OwnIPv6.Zip(VirtualIPv6))
        {
            Send(Solicitation(virtualAddress), Solicitation(own));
            Assert.Equal(own, Assert.Single(NeighborAdvertisements(until: own)).Target);
        }

        Send(Echo(_a, "10.0.0.100", 1), Echo(_a, "10.0.0.1", 2));
        Assert.Equal(2, Assert.Single(EchoReplies(until: 2)));
        // Whatever is sent to the virtual MAC is nobody's.
        Send(Echo(MacAddress.ForVirtualRouter(new(51), IPFamily.IPv4), "10.0.0.1", 3), Echo(_a, "10.0.0.1", 4));
        Assert.Equal(4, Assert.Single(EchoReplies(until: 4)));
        await node.StopAsync(handOver: false);
    }

    [Theory] // VR-165 to VR-168, VR-182 to VR-185
    [InlineData(ArpTargetAddress.Broadcast)]
    [InlineData(ArpTargetAddress.Sender)]
    [InlineData(ArpTargetAddress.Zero)]
    public async Task A_master_announces_its_addresses_with_the_interfaces_hardware_address(ArpTargetAddress target)
    {
        await using var node = await StartAsync(intervalCentiseconds: 2, VrrpState.Master, target);

        string mac = Convert.ToHexStringLower(Octets(_a));
        string targetAddress = target switch { ArpTargetAddress.Sender => mac, ArpTargetAddress.Zero => "000000000000", _ => "ffffffffffff" };
        Assert.Equal($"ffffffffffff{mac}08060001080006040001{mac}0a000064{targetAddress}0a000064", Convert.ToHexStringLower(FromA(Arp)));
        foreach (string address in VirtualIPv6)
        {
            string octets = Convert.ToHexStringLower(IPAddress.Parse(address).GetAddressBytes());
            byte[] frame = FromA(IPv6, frame => frame[20] == 58 && frame[54] == 136 && Target(frame) == address);
            string hex = Convert.ToHexStringLower(frame);
            Assert.Equal($"333300000001{mac}86dd6000000000203aff{octets}ff0200000000000000000000000000018800", hex[..112]);
            Assert.Equal($"a0000000{octets}0201{mac}", hex[116..]);
            uint pseudoHeader = InternetChecksum.PseudoHeader(IPAddressValue.Parse(address), IPAddressValue.AllNodesIPv6, 58, 32);
            Assert.Equal(InternetChecksum.Valid, InternetChecksum.Add(pseudoHeader, frame.AsSpan(54)));
        }

        await node.StopAsync(handOver: false);
    }

    [Fact] // VR-116 to VR-118, VR-121, VR-174 to VR-176, VR-188, VR-201
    public async Task A_master_answers_for_each_of_its_addresses_and_is_in_their_groups()
    {
        await using var node = await StartAsync(intervalCentiseconds: 2, VrrpState.Master);

        Send(ArpRequest("10.0.0.2", "10.0.0.100"));
        Assert.Equal("10.0.0.100", Assert.Single(ArpReplies(until: "10.0.0.100")));
        // A probe: someone asks whether it may take the address.
        Send(ArpRequest("0.0.0.0", "10.0.0.100"));
        Assert.Equal("10.0.0.100", Assert.Single(ArpReplies(until: "10.0.0.100")));
        foreach (string address in VirtualIPv6)
        {
            Assert.Contains("ff0200000000000000000001ff000100", GroupsOfA(), StringComparison.Ordinal);
            Send(Solicitation(address));
            var answer = NeighborAdvertisements(until: address)[^1];
            Assert.Equal((address, _a), (answer.Target, answer.Mac));
            Assert.True(answer.IsSolicited);
        }

        Send(Echo(_a, "10.0.0.100", 7));
        Assert.Equal(7, Assert.Single(EchoReplies(until: 7)));

        await node.StopAsync(handOver: false);
        Assert.DoesNotContain("ff0200000000000000000001ff000100", GroupsOfA(), StringComparison.Ordinal);
    }

    [Fact] // VR-206
    public async Task What_the_host_sends_itself_does_not_come_from_a_virtual_address()
    {
        await using var node = await StartAsync(intervalCentiseconds: 2, VrrpState.Master);

        Assert.True(_hosts.A.Has("10.0.0.100") && _hosts.A.Has("fd00::100"));
        Assert.Equal("10.0.0.1", SourceTowards("10.0.0.2"));
        Assert.Equal("fd00::1", SourceTowards("fd00::2"));
        await node.StopAsync(handOver: false);
    }

    [Fact] // VR-010
    public void A_router_in_between_forwards_no_advertisement()
    {
        foreach (string setting in (string[])["ipv4/conf/all/forwarding", "ipv6/conf/all/forwarding"])
            Assert.True(_hosts.B.Network.TryWriteSysctl(setting, "1"));
        _hosts.A.Links.AddAddress("eth1", IPAddressValue.Parse("fd01::1"), 64);
        _hosts.B.Links.AddAddress("eth1", IPAddressValue.Parse("fd01::2"), 64);
        using var beyond = new FrameCapture(_hosts.A, "eth1");
        using var four = _hosts.A.OpenLink("eth0", IPFamily.IPv4);
        using var six = _hosts.A.OpenLink("eth0", IPFamily.IPv6);
        four.SendAdvertisement(1, IPAddressValue.Parse("10.0.0.1"), IPAddressValue.MulticastGroupIPv4, 255, new byte[12]);
        six.SendAdvertisement(1, IPAddressValue.Parse("fe80::1"), IPAddressValue.MulticastGroupIPv6, 255, new byte[24]);
        four.Flush(_seen);
        six.Flush(_seen);

        // What is for a host on the other side goes there, so forwarding works.
        four.SendFrame(1, Datagram(_b, _a, "10.0.0.1", "10.0.1.1"));
        four.SendFrame(1, Datagram(_b, _a, "fd00::1", "fd01::1"));
        four.Flush(_seen);
        foreach (var (type, protocol) in ((int, int)[])[(IPv4, 23), (IPv6, 20)])
        {
            byte[] frame;
            do
            {
                frame = beyond.Next(type);
                Assert.NotEqual(VrrpPacket.Protocol, frame[protocol]);
            }
            while (frame[protocol] != 17);
        }

        Assert.Empty(_seen.Failures);
    }

    private async Task<VrrpNode> StartAsync(int intervalCentiseconds, VrrpState state, ArpTargetAddress target = ArpTargetAddress.Broadcast)
    {
        var config = new VirtualRouterConfig
        {
            Name = "four",
            Interface = "eth0",
            VirtualRouterId = new(51),
            AdvertisementInterval = AdvertisementInterval.FromCentiseconds(intervalCentiseconds),
            VirtualAddresses = [VirtualAddress.Host(IPAddressValue.Parse("10.0.0.100"))],
            Announcements = new() { ArpTarget = target },
        };
        var node = _hosts.A.Network.Run(() => VrrpNode.Start());
        using var giveUp = new CancellationTokenSource(Limit);
        var transitions = node.ReadTransitionsAsync(giveUp.Token);
        await node.AddAsync(config);
        await node.AddAsync(config with
        {
            Name = "six",
            Family = IPFamily.IPv6,
            VirtualAddresses = [.. VirtualIPv6.Select(address => VirtualAddress.Host(IPAddressValue.Parse(address)))],
        });
        int reached = 0;
        await foreach (var transition in transitions)
        {
            if (transition.To == state && ++reached == 2)
                break;
        }

        return node;
    }

    private void Send(params byte[][] frames)
    {
        foreach (byte[] frame in frames)
            _asker.SendFrame(1, frame);
        _asker.Flush(_seen);
        Assert.Empty(_seen.Failures);
    }

    /// <summary>The next frame of host A that meets a condition.</summary>
    private byte[] FromA(int etherType, Func<byte[], bool>? condition = null)
    {
        while (true)
        {
            byte[] frame = _wire.Next(etherType);
            if (MacAddress.Read(frame.AsSpan(6)) == _a && condition?.Invoke(frame) != false)
                return frame;
        }
    }

    /// <summary>Addresses that host A says in answers to have, with its own hardware address and no other.</summary>
    private List<string> ArpReplies(string until)
    {
        var found = new List<string>();
        while (found.Count == 0 || found[^1] != until)
        {
            byte[] frame = FromA(Arp, frame => frame[21] == 2);
            Assert.Equal(_a, MacAddress.Read(frame.AsSpan(22)));
            found.Add(new IPAddress(frame.AsSpan(28, 4)).ToString());
        }

        return found;
    }

    private List<(string Target, MacAddress Mac, bool IsSolicited)> NeighborAdvertisements(string until)
    {
        var found = new List<(string Target, MacAddress Mac, bool IsSolicited)>();
        while (found.Count == 0 || found[^1].Target != until)
        {
            byte[] frame = FromA(IPv6, frame => frame[20] == 58 && frame[54] == 136 && (frame[58] & 0x40) != 0);
            found.Add((Target(frame), MacAddress.Read(frame.AsSpan(80)), (frame[58] & 0x40) != 0));
        }

        return found;
    }

    private List<int> EchoReplies(int until)
    {
        var found = new List<int>();
        while (found.Count == 0 || found[^1] != until)
            found.Add(FromA(IPv4, frame => frame[23] == 1 && frame[34] == 0)[41]);
        return found;
    }

    private static string Target(byte[] frame) => new IPAddress(frame.AsSpan(62, 16)).ToString();

    private string GroupsOfA() => _hosts.A.Network.Run(() => File.ReadAllText("/proc/thread-self/net/igmp6"));

    private string SourceTowards(string destination) => _hosts.A.Network.Run(() =>
    {
        var address = IPAddress.Parse(destination);
        using var socket = new Socket(address.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        socket.Connect(address, 9);
        return ((IPEndPoint)socket.LocalEndPoint!).Address.ToString();
    });

    private byte[] ArpRequest(string from, string about)
    {
        byte[] frame = new byte[ArpPacket.PaddedFrameLength];
        ArpPacket.Write(
            frame, MacAddress.Broadcast, ArpOperation.Request, _b, IPAddressValue.Parse(from), default, IPAddressValue.Parse(about), padded: true);
        return frame;
    }

    /// <summary>To all nodes, so that it is heard without being a member of the address's own group.</summary>
    private byte[] Solicitation(string about)
    {
        byte[] message = [135, 0, 0, 0, 0, 0, 0, 0, .. IPAddress.Parse(about).GetAddressBytes(), 1, 1, .. Octets(_b)];
        var (from, to) = (IPAddressValue.Parse("fe80::2"), IPAddressValue.AllNodesIPv6);
        ushort checksum = InternetChecksum.Complete(InternetChecksum.Add(InternetChecksum.PseudoHeader(from, to, 58, message.Length), message));
        (message[2], message[3]) = ((byte)(checksum >> 8), (byte)checksum);
        byte[] packet = new byte[IPv6Header.Length];
        new IPv6Header { Source = from, Destination = to, NextHeader = 58, PayloadLength = message.Length }.Write(packet);
        return Frame(EthernetHeader.GroupAddress(to), _b, IPv6, [.. packet, .. message]);
    }

    private byte[] Echo(MacAddress mac, string address, byte sequence)
    {
        byte[] message = [8, 0, 0, 0, 0, 1, 0, sequence];
        ushort checksum = InternetChecksum.Compute(message);
        (message[2], message[3]) = ((byte)(checksum >> 8), (byte)checksum);
        byte[] packet = new byte[IPv4Header.MinLength];
        new IPv4Header
        {
            Source = IPAddressValue.Parse("10.0.0.2"), Destination = IPAddressValue.Parse(address), Protocol = 1, PayloadLength = message.Length,
        }.Write(packet);
        return Frame(mac, _b, IPv4, [.. packet, .. message]);
    }

    private static byte[] Datagram(MacAddress to, MacAddress from, string source, string destination)
    {
        var (sender, receiver) = (IPAddressValue.Parse(source), IPAddressValue.Parse(destination));
        byte[] packet = new byte[sender.Family == IPFamily.IPv4 ? IPv4Header.MinLength : IPv6Header.Length];
        if (sender.Family == IPFamily.IPv4)
            new IPv4Header { Source = sender, Destination = receiver, Protocol = 17, PayloadLength = 8, TimeToLive = 64 }.Write(packet);
        else
            new IPv6Header { Source = sender, Destination = receiver, NextHeader = 17, PayloadLength = 8, HopLimit = 64 }.Write(packet);
        return Frame(to, from, sender.Family == IPFamily.IPv4 ? IPv4 : IPv6, [.. packet, 0, 9, 0, 9, 0, 8, 0, 0]);
    }

    private static byte[] Frame(MacAddress to, MacAddress from, int etherType, byte[] packet)
    {
        byte[] frame = new byte[EthernetHeader.Length + packet.Length];
        new EthernetHeader(to, from, (ushort)etherType).Write(frame);
        packet.CopyTo(frame, EthernetHeader.Length);
        return frame;
    }

    private static byte[] Octets(MacAddress mac)
    {
        byte[] octets = new byte[MacAddress.Length];
        mac.Write(octets);
        return octets;
    }
}
