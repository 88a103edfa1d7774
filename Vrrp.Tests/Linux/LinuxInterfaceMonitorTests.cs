using Vrrp.Links;
using Vrrp.Linux;

namespace Vrrp.Tests.Linux;

public sealed class LinuxInterfaceMonitorTests : IDisposable
{
    private readonly Host _host = new();
    private readonly SeenInterfaces _seen = new();
    private readonly LinuxInterfaceMonitor _monitor;

    public LinuxInterfaceMonitorTests()
    {
        _monitor = _host.OpenMonitor();
        _monitor.List(_seen);
    }

    public void Dispose()
    {
        _monitor.Dispose();
        _host.Dispose();
    }

    [Fact]
    public void Listing_tells_what_exists()
    {
        var loopback = _seen.Named("lo");
        Assert.NotNull(loopback);
        Assert.True(loopback.IsLoopback && loopback.IsUp && loopback.Mtu == 65536 && loopback.MacAddress.IsZero);
        Assert.True(_seen.Has("127.0.0.1"));
        Assert.Equal(1, _seen.Listings);
    }

    [Fact]
    public void Interface_is_heard_from_creation_to_deletion()
    {
        _host.Links.CreateVeth("lan", "far");
        Wait(() => _seen.Named("lan") is { IsUp: false, SupportsMulticast: true, IsLoopback: false, Mtu: 1500 }, "creation");
        int index = _host.Links.IndexOf("lan");
        Assert.Equal(index, _seen.Named("lan")!.Index);

        _host.Links.SetMac("lan", MacAddress.ForVirtualRouter(new(9), IPFamily.IPv4));
        Wait(() => _seen.Named("lan")!.MacAddress == MacAddress.ForVirtualRouter(new(9), IPFamily.IPv4), "hardware address");
        _host.Links.SetMtu("lan", 1400);
        Wait(() => _seen.Named("lan")!.Mtu == 1400, "MTU");
        _host.Links.SetUp("lan");
        _monitor.Receive(_seen);
        Assert.False(_seen.Named("lan")!.IsUp, "An interface without carrier is not up.");
        _host.Links.SetUp("far");
        Wait(() => _seen.Named("lan")!.IsUp, "carrier");
        _host.Links.SetDown("far");
        Wait(() => !_seen.Named("lan")!.IsUp, "loss of carrier");
        _host.Links.SetUp("far");
        Wait(() => _seen.Named("lan")!.IsUp, "carrier again");
        _host.Links.SetDown("lan");
        Wait(() => !_seen.Named("lan")!.IsUp, "down");
        _host.Links.Rename("lan", "wan");
        Wait(() => _seen.Named("wan")?.Index == index && _seen.Named("lan") is null, "rename");
        _host.Links.Delete("wan");
        Wait(() => !_seen.Interfaces.ContainsKey(index), "deletion");
        Assert.Equal(1, _seen.Listings);
    }

    [Fact]
    public void Port_that_leaves_a_bridge_is_not_gone()
    {
        _host.Links.CreateBridge("br");
        _host.Links.CreateVeth("port", "far");
        _host.Links.SetMaster("port", "br");
        _host.Links.SetMaster("port", null);
        _host.Links.SetMtu("port", 1300);
        Wait(() => _seen.Named("port")?.Mtu == 1300, "last change");
        Assert.NotNull(_seen.Named("br"));
    }

    [Fact]
    public void Addresses_are_heard_with_whose_they_are_and_whether_they_are_a_source()
    {
        _host.Links.CreateVeth("lan", "far");
        _host.Links.SetUp("far");
        _host.Links.SetUp("lan");
        int index = _host.Links.IndexOf("lan");
        _host.Links.AddAddress("lan", IPAddressValue.Parse("10.0.0.1"), 24);
        _host.Links.AddAddress("lan", IPAddressValue.Parse("10.0.0.2"), 24);
        _host.Links.AddAddress("lan", IPAddressValue.Parse("2001:db8::1"), 64);
        using var table = _host.OpenTable();
        table.Install([new(index, VirtualAddress.Host(IPAddressValue.Parse("10.0.0.3")))], new AddressOutcome[1]);
        // The kernel tells of IPv6 addresses from a work queue, later than it has them.
        Wait(() => _seen.Has("10.0.0.3") && _seen.Has("2001:db8::1"), "addresses");
        Assert.Equal(new(index, IPAddressValue.Parse("10.0.0.1"), 24, true, false), Of(index, "10.0.0.1"));
        Assert.Equal(new(index, IPAddressValue.Parse("10.0.0.2"), 24, true, false), Of(index, "10.0.0.2"));
        Assert.Equal(new(index, IPAddressValue.Parse("10.0.0.3"), 32, true, true), Of(index, "10.0.0.3"));
        Assert.Equal(new(index, IPAddressValue.Parse("2001:db8::1"), 64, true, false), Of(index, "2001:db8::1"));

        _host.Links.RemoveAddress("lan", IPAddressValue.Parse("2001:db8::1"), 64);
        Wait(() => !_seen.Has("2001:db8::1"), "removal");
        _host.Links.Delete("lan");
        Wait(() => !_seen.Addresses.Keys.Any(k => k.Item1 == index), "removal with the interface");
    }

    [Fact]
    public void Tentative_address_becomes_a_source_when_detection_is_over()
    {
        _host.Links.CreateVeth("lan", "far");
        _host.Links.SetUp("far");
        _host.Links.SetUp("lan");
        int index = _host.Links.IndexOf("lan");
        using var table = _host.OpenTable();
        var address = new VirtualAddress { Address = IPAddressValue.Parse("2001:db8::1"), PrefixLength = 64, Options = AddressOptions.DuplicateDetection };
        table.Install([new(index, address)], new AddressOutcome[1]);
        Wait(() => _seen.Has("2001:db8::1"), "tentative address");
        Wait(() => Of(index, "2001:db8::1").IsUsableSource, "end of detection");
    }

    [Fact]
    public void Lost_events_lead_to_a_listing()
    {
        using var deaf = _host.Network.Run(() => new LinuxInterfaceMonitor(new AddressMarks(AddressMarks.Default), receiveBuffer: 1));
        deaf.List(_seen);
        for (int i = 0; i < 100; i++)
            _host.Links.AddAddress("lo", IPAddressValue.FromIPv4(0x0A010000u + (uint)i), 32);
        _host.Links.RemoveAddress("lo", IPAddressValue.FromIPv4(0x0A010000u), 32);
        Await.Until(deaf.Descriptor, () => deaf.Receive(_seen), () => _seen.Listings == 3, "a listing");
        Assert.False(_seen.IsListing);
        Assert.Equal(99, _seen.Addresses.Keys.Count(k => k.Item2 >= IPAddressValue.FromIPv4(0x0A010000u) && k.Item2 < IPAddressValue.FromIPv4(0x0A020000u)));
    }

    private InterfaceAddress Of(int index, string address) => _seen.Addresses[(index, IPAddressValue.Parse(address))];

    private void Wait(Func<bool> condition, string what) =>
        Await.Until(_monitor.Descriptor, () => _monitor.Receive(_seen), condition, what);
}
