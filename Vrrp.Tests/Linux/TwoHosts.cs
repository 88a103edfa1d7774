using Vrrp.Links;
using Vrrp.Linux;
using Vrrp.Netlink;
using Vrrp.Packets;
using static Vrrp.Linux.NativeMethods;

namespace Vrrp.Tests.Linux;

/// <summary>A network namespace with what tests do in it.</summary>
internal sealed class Host : IDisposable
{
    public Host()
    {
        var capabilities = Capabilities.Read();
        foreach (var needed in new[] { Capability.SysAdmin, Capability.NetAdmin, Capability.NetRaw })
            Assert.True(capabilities.Has(needed), $"The Linux tests make network namespaces: run them as root ({Capabilities.NameOf(needed)} is missing).");
        Network = NetworkNamespace.Create();
        Links = LinkBuilder.In(Network);
        Links.SetUp("lo");
    }

    public NetworkNamespace Network { get; }

    public LinkBuilder Links { get; }

    public LinuxAddressTable OpenTable(byte mark = AddressMarks.Default) => Network.Run(() => new LinuxAddressTable(mark));

    public LinuxInterfaceMonitor OpenMonitor() => Network.Run(() => new LinuxInterfaceMonitor());

    public LinuxVrrpLink OpenLink(string name, IPFamily family)
    {
        var facts = FactsOf(name);
        return Network.Run(() => new LinuxVrrpLink(facts, family));
    }

    public InterfaceFacts FactsOf(string name)
    {
        using var monitor = OpenMonitor();
        var seen = new SeenInterfaces();
        monitor.List(seen);
        return seen.Named(name) ?? throw new InvalidOperationException($"There is no interface {name}.");
    }

    public IReadOnlyList<InterfaceAddress> Addresses()
    {
        using var monitor = OpenMonitor();
        var seen = new SeenInterfaces();
        monitor.List(seen);
        return [.. seen.Addresses.Values];
    }

    public bool Has(string address) => Addresses().Any(a => a.Address == IPAddressValue.Parse(address));

    public void WaitUntilUp(params string[] names)
    {
        using var monitor = OpenMonitor();
        var seen = new SeenInterfaces();
        monitor.List(seen);
        Await.Until(monitor.Descriptor, () => monitor.Receive(seen), () => names.All(n => seen.Named(n)?.IsUp == true), string.Join(", ", names) + " up");
    }

    public void Dispose()
    {
        Links.Dispose();
        Network.Dispose();
    }
}

/// <summary>Hosts a and b, joined by eth0 of each (10.0.0.1, fe80::1 and .2, ::2) and by eth1 of each (10.0.1.1 and .2).</summary>
internal sealed class TwoHosts : IDisposable
{
    public TwoHosts()
    {
        foreach (int cable in (int[])[0, 1])
        {
            string name = $"eth{cable}";
            A.Links.CreateVeth(name, name, B.Network);
            int number = 1;
            foreach (var host in (Host[])[A, B])
            {
                host.Links.SetAutomaticLinkLocal(name, false);
                host.Links.AddAddress(name, IPAddressValue.Parse($"10.0.{cable}.{number}"), 24);
                host.Links.SetUp(name);
                host.Links.AddAddress(name, IPAddressValue.Parse($"fe80::{number}"), 64);
                number++;
            }
        }

        A.WaitUntilUp("eth0", "eth1");
        B.WaitUntilUp("eth0", "eth1");
    }

    public Host A { get; } = new();

    public Host B { get; } = new();

    public void Dispose()
    {
        A.Dispose();
        B.Dispose();
    }
}

/// <summary>Waits on a descriptor for a condition, with an upper bound that only a failure reaches.</summary>
internal static unsafe class Await
{
    public static void Until(int descriptor, Action receive, Func<bool> condition, string what)
    {
        var limit = MonotonicClock.Now + TimeSpan.FromSeconds(20);
        receive();
        while (!condition())
        {
            Assert.True(MonotonicClock.Now < limit, $"Waited in vain for: {what}.");
            PollDescriptor poll = new() { Descriptor = descriptor, Events = 1 };
            _ = Poll(&poll, 1, 500);
            receive();
        }
    }
}

/// <summary>Keeps what a monitor told.</summary>
internal sealed class SeenInterfaces : IInterfaceSink
{
    public Dictionary<int, InterfaceFacts> Interfaces { get; } = [];

    public Dictionary<(int, IPAddressValue), InterfaceAddress> Addresses { get; } = [];

    public int Listings { get; private set; }

    public bool IsListing { get; private set; }

    public InterfaceFacts? Named(string name) => Interfaces.Values.FirstOrDefault(i => i.Name == name);

    public bool Has(string address) => Addresses.Keys.Any(k => k.Item2 == IPAddressValue.Parse(address));

    public void InterfaceChanged(InterfaceFacts facts) => Interfaces[facts.Index] = facts;

    public void InterfaceRemoved(int index) => Interfaces.Remove(index);

    public void AddressAdded(in InterfaceAddress address) => Addresses[(address.InterfaceIndex, address.Address)] = address;

    public void AddressRemoved(in InterfaceAddress address) => Addresses.Remove((address.InterfaceIndex, address.Address));

    public void ListingStarted()
    {
        Interfaces.Clear();
        Addresses.Clear();
        IsListing = true;
    }

    public void ListingEnded()
    {
        IsListing = false;
        Listings++;
    }
}

/// <summary>A packet, kept.</summary>
internal sealed record SeenPacket(IPAddressValue Source, IPAddressValue Destination, int HopLimit, string Message);

/// <summary>Keeps what a link received and what it failed to send.</summary>
internal sealed class SeenPackets : IPacketSink, ISendFailureSink
{
    public List<SeenPacket> Packets { get; } = [];

    public List<(int Token, int Errno)> Failures { get; } = [];

    public void PacketReceived(IVrrpLink link, in ReceivedPacket packet) =>
        Packets.Add(new(packet.Source, packet.Destination, packet.HopLimit, Convert.ToHexString(packet.Message)));

    public void SendFailed(int token, int errno) => Failures.Add((token, errno));

    public void Wait(IVrrpLink link, int count) =>
        Await.Until(link.Descriptor, () => link.Receive(this, 1000), () => Packets.Count >= count, $"{count} packets");
}
