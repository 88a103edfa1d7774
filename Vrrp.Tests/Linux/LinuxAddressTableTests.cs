using Vrrp.Links;
using Vrrp.Linux;
using Vrrp.Netlink;

namespace Vrrp.Tests.Linux;

public sealed class LinuxAddressTableTests : IDisposable
{
    private readonly Host _host = new();
    private readonly int _lan;

    public LinuxAddressTableTests()
    {
        _host.Links.CreateVeth("lan", "far");
        _host.Links.SetUp("far");
        _host.Links.SetUp("lan");
        _lan = _host.Links.IndexOf("lan");
    }

    public void Dispose() => _host.Dispose();

    [Fact]
    public void Installed_addresses_are_there_at_once_and_ours_and_gone_after_removal()
    {
        using var table = _host.OpenTable();
        AddressAssignment[] addresses = [Host4("10.1.0.1"), Host4("10.1.0.2"), Host6("2001:db8::1"), Host6("fe80::5")];
        var outcomes = new AddressOutcome[4];
        Assert.True(table.Install(addresses, outcomes));
        Assert.All(outcomes, o => Assert.Equal(new(AddressStatus.Done, 0), o));
        Assert.True(table.MarksAreKept);
        foreach (var address in addresses)
        {
            var seen = _host.Addresses().Single(a => a.Address == address.Address.Address);
            Assert.True(seen.IsOurs);
            // No duplicate address detection: usable at once.
            Assert.True(seen.IsUsableSource);
            Assert.Equal(address.Address.PrefixLength, seen.PrefixLength);
        }

        Assert.True(table.Remove(addresses, outcomes));
        Assert.All(outcomes, o => Assert.Equal(new(AddressStatus.Done, 0), o));
        Assert.DoesNotContain(_host.Addresses(), a => a.IsOurs);
    }

    [Fact]
    public void Installing_and_removing_twice_is_done_both_times()
    {
        using var table = _host.OpenTable();
        AddressAssignment[] addresses = [Host4("10.1.0.1"), Host6("2001:db8::1")];
        Assert.Equal([AddressStatus.Done, AddressStatus.Done], Install(table, addresses));
        Assert.Equal([AddressStatus.Done, AddressStatus.Done], Install(table, addresses));
        Assert.Equal([AddressStatus.Done, AddressStatus.Done], Remove(table, addresses));
        Assert.Equal([AddressStatus.Done, AddressStatus.Done], Remove(table, addresses));
    }

    [Fact]
    public void What_was_there_and_is_taken_away_at_that_moment_is_installed()
    {
        AddressAssignment[] addresses = [Host4("10.1.0.1"), Host6("2001:db8::1"), Host6("fe80::5")];
        int looks = 0;
        using var table = _host.Network.Run(() => new LinuxAddressTable
        {
            Looking = () =>
            {
                if (looks++ > 0)
                    return;
                _host.Links.RemoveAddress("lan", addresses[0].Address.Address, 32);
                _host.Links.RemoveAddress("lan", addresses[2].Address.Address, 128);
            },
        });
        Install(table, addresses);
        Assert.Equal([AddressStatus.Done, AddressStatus.Done, AddressStatus.Done], Install(table, addresses));
        Assert.Equal(2, looks);
        Assert.All(addresses, address => Assert.True(_host.Has(address.Address.Address.ToString())));
    }

    [Fact]
    public void Foreign_address_serves_but_is_never_removed()
    {
        _host.Links.AddAddress("lan", IPAddressValue.Parse("10.1.0.1"), 32);
        _host.Links.AddAddress("lan", IPAddressValue.Parse("2001:db8::1"), 64);
        using var table = _host.OpenTable();
        AddressAssignment[] addresses = [Host4("10.1.0.1"), Host6("2001:db8::1"), Host4("10.1.0.2")];
        Assert.Equal([AddressStatus.Foreign, AddressStatus.Foreign, AddressStatus.Done], Install(table, addresses));
        Assert.Equal([AddressStatus.Foreign, AddressStatus.Foreign, AddressStatus.Done], Remove(table, addresses));
        Assert.True(_host.Has("10.1.0.1"));
        Assert.True(_host.Has("2001:db8::1"));
        Assert.False(_host.Has("10.1.0.2"));
    }

    [Fact]
    public void Address_that_someone_else_put_in_place_of_ours_is_not_ours()
    {
        using var table = _host.OpenTable();
        AddressAssignment[] addresses = [Host4("10.1.0.1")];
        Install(table, addresses);
        _host.Links.RemoveAddress("lan", addresses[0].Address.Address, 32);
        _host.Links.AddAddress("lan", addresses[0].Address.Address, 32);
        Assert.Equal([AddressStatus.Foreign], Remove(table, addresses));
        Assert.True(_host.Has("10.1.0.1"));
    }

    [Fact]
    public void Mark_survives_the_table_that_set_it()
    {
        AddressAssignment[] addresses = [Host4("10.1.0.1"), Host6("2001:db8::1")];
        using (var first = _host.OpenTable())
            Install(first, addresses);
        _host.Links.AddAddress("lan", IPAddressValue.Parse("10.1.0.9"), 32);

        using var second = _host.OpenTable();
        var marked = second.ListMarked();
        Assert.Equal(["10.1.0.1", "2001:db8::1"], marked.Select(a => a.Address.ToString()).Order(StringComparer.Ordinal));
        Assert.All(marked, a => Assert.True(a.IsOurs && a.InterfaceIndex == _lan));
        Assert.Equal([AddressStatus.Done, AddressStatus.Done], Install(second, addresses));

        using var stranger = _host.OpenTable(mark: 200);
        Assert.Empty(stranger.ListMarked());
        Assert.Equal([AddressStatus.Foreign, AddressStatus.Foreign], Remove(stranger, addresses));

        var outcomes = new AddressOutcome[2];
        Assert.True(second.RemoveMarked([.. marked], outcomes));
        Assert.Empty(second.ListMarked());
        Assert.True(_host.Has("10.1.0.9"));
    }

    [Fact]
    public void Kernel_that_keeps_no_marks_leaves_memory()
    {
        var marks = new AddressMarks(AddressMarks.Default) { AreKept = false };
        using var table = _host.Network.Run(() => new LinuxAddressTable(marks));
        _host.Links.AddAddress("lan", IPAddressValue.Parse("10.1.0.9"), 32);
        AddressAssignment[] addresses = [Host4("10.1.0.1"), Host4("10.1.0.9")];
        Assert.Equal([AddressStatus.Done, AddressStatus.Foreign], Install(table, addresses));
        Assert.Equal([AddressStatus.Done, AddressStatus.Foreign], Install(table, addresses));
        Assert.Equal(["10.1.0.1"], table.ListMarked().Select(a => a.Address.ToString()));
        Assert.Equal([AddressStatus.Done, AddressStatus.Foreign], Remove(table, addresses));
        Assert.True(_host.Has("10.1.0.9"));
        Assert.False(_host.Has("10.1.0.1"));
    }

    [Fact]
    public void Refusal_has_the_errno_and_does_not_hinder_the_others()
    {
        using var table = _host.OpenTable();
        AddressAssignment[] addresses =
        [
            Host4("10.1.0.1"),
            new(4711, VirtualAddress.Host(IPAddressValue.Parse("10.1.0.2"))),
            Host4("10.1.0.3"),
            new(_lan, new() { Address = IPAddressValue.Parse("10.1.0.4"), PrefixLength = 33 }),
        ];
        var outcomes = new AddressOutcome[4];
        Assert.False(table.Install(addresses, outcomes));
        Assert.Equal(
            [new(AddressStatus.Done, 0), new(AddressStatus.Refused, Errno.ENODEV), new(AddressStatus.Done, 0), new(AddressStatus.Refused, Errno.EINVAL)],
            outcomes);
    }

    [Fact]
    public void Address_of_an_interface_that_is_gone_is_gone()
    {
        using var table = _host.OpenTable();
        AddressAssignment[] addresses = [Host4("10.1.0.1"), Host6("2001:db8::1")];
        Install(table, addresses);
        _host.Links.Delete("lan");
        Assert.Equal([AddressStatus.Done, AddressStatus.Done], Remove(table, addresses));
    }

    [Fact]
    public void All_that_an_address_can_be_told_reaches_the_kernel()
    {
        using var table = _host.OpenTable();
        Install(table,
        [
            new(_lan, new()
            {
                Address = IPAddressValue.Parse("10.1.0.1"),
                PrefixLength = 24,
                Label = "lan:vip",
                Scope = AddressScope.Link,
                Broadcast = IPAddressValue.Parse("10.1.0.255"),
                Options = AddressOptions.NoPrefixRoute,
            }),
            new(_lan, new() { Address = IPAddressValue.Parse("10.2.0.1"), Peer = IPAddressValue.Parse("10.3.0.0"), PeerPrefixLength = 24, PreferredLifetime = 0 }),
            new(_lan, new() { Address = IPAddressValue.Parse("2001:db8::1"), PrefixLength = 64, Options = AddressOptions.Home | AddressOptions.NoPrefixRoute, PreferredLifetime = 3600 }),
        ]);
        var records = KernelAddresses();
        var first = records.Single(r => r.Local == IPAddressValue.Parse("10.1.0.1"));
        Assert.Equal(("lan:vip", 253, "10.1.0.255", 24), (first.Label, first.Scope, first.Broadcast.ToString(), first.PrefixLength));
        Assert.Equal(RouteMessages.IFA_F_NOPREFIXROUTE, first.Flags & RouteMessages.IFA_F_NOPREFIXROUTE);
        var second = records.Single(r => r.Local == IPAddressValue.Parse("10.2.0.1"));
        Assert.Equal(("10.3.0.0", 24, uint.MaxValue), (second.Address.ToString(), second.PrefixLength, second.Valid));
        Assert.NotEqual(0u, second.Flags & RouteMessages.IFA_F_DEPRECATED);
        var third = records.Single(r => r.Local == IPAddressValue.Parse("2001:db8::1"));
        const uint expected = RouteMessages.IFA_F_HOMEADDRESS | RouteMessages.IFA_F_NOPREFIXROUTE | RouteMessages.IFA_F_NODAD;
        Assert.Equal(expected, third.Flags & expected);
        Assert.InRange(third.Preferred, 3590u, 3600u);
        Assert.Equal(uint.MaxValue, third.Valid);
    }

    [Fact]
    public void Duplicate_address_detection_runs_when_asked_for()
    {
        // The cable's far end is in the same namespace and answers nothing: the address stays tentative for a second.
        using var table = _host.OpenTable();
        var address = Host6("2001:db8::1");
        Install(table, [address with { Address = address.Address with { Options = AddressOptions.DuplicateDetection } }]);
        var record = KernelAddresses().Single(r => r.Local == address.Address.Address);
        Assert.Equal(0u, record.Flags & RouteMessages.IFA_F_NODAD);
    }

    [Fact]
    public void Removing_the_first_address_of_a_subnet_loses_no_other()
    {
        using var table = _host.OpenTable();
        AddressAssignment[] first = [Subnet4("10.1.0.1")];
        AddressAssignment[] second = [Subnet4("10.1.0.2")];
        Install(table, first);
        Install(table, second);
        // Secondaries both: one ours, one of someone else, with a label.
        _host.Links.AddAddress("lan", IPAddressValue.Parse("10.1.0.3"), 24);
        Assert.Equal([AddressStatus.Done], Remove(table, first));
        Assert.False(_host.Has("10.1.0.1"));
        Assert.True(_host.Has("10.1.0.2"));
        Assert.True(_host.Has("10.1.0.3"));
        Assert.Equal(["10.1.0.2"], table.ListMarked().Select(a => a.Address.ToString()));
        Assert.Equal([AddressStatus.Done], Remove(table, second));
        Assert.False(_host.Has("10.1.0.2"));
        Assert.True(_host.Has("10.1.0.3"));
    }

    [Fact]
    public void Removing_a_whole_subnet_in_one_batch_removes_all_of_it()
    {
        using var table = _host.OpenTable();
        AddressAssignment[] addresses = [Subnet4("10.1.0.1"), Subnet4("10.1.0.2"), Subnet4("10.1.0.3")];
        Install(table, addresses);
        Assert.Equal([AddressStatus.Done, AddressStatus.Done, AddressStatus.Done], Remove(table, addresses));
        Assert.DoesNotContain(_host.Addresses(), a => a.IsOurs);
    }

    [Theory]
    [InlineData(IPFamily.IPv4)]
    [InlineData(IPFamily.IPv6)]
    public void Thousands_of_addresses_are_one_call(IPFamily family)
    {
        using var table = _host.OpenTable();
        var addresses = new AddressAssignment[2000];
        for (int i = 0; i < addresses.Length; i++)
            addresses[i] = family == IPFamily.IPv4 ? Host4($"10.1.{i / 250}.{i % 250}") : Host6($"2001:db8::{i + 1:x}");
        var outcomes = new AddressOutcome[addresses.Length];
        Assert.True(table.Install(addresses, outcomes));
        Assert.All(outcomes, o => Assert.Equal(AddressStatus.Done, o.Status));
        Assert.Equal(2000, table.ListMarked().Count);
        Assert.True(table.Install(addresses, outcomes));
        Assert.All(outcomes, o => Assert.Equal(AddressStatus.Done, o.Status));
        Assert.True(table.Remove(addresses, outcomes));
        Assert.All(outcomes, o => Assert.Equal(AddressStatus.Done, o.Status));
        Assert.Empty(table.ListMarked());
    }

    [Fact]
    public void Empty_batch_is_done_and_missing_room_is_a_mistake()
    {
        using var table = _host.OpenTable();
        Assert.True(table.Install([], []));
        Assert.True(table.Remove([], []));
        Assert.Throws<ArgumentException>(() => table.Install([Host4("10.1.0.1")], []));
        Assert.Throws<ArgumentOutOfRangeException>(() => new LinuxAddressTable(mark: 2));
    }

    private AddressAssignment Host4(string address) => new(_lan, VirtualAddress.Host(IPAddressValue.Parse(address)));

    private AddressAssignment Host6(string address) => Host4(address);

    private AddressAssignment Subnet4(string address) => new(_lan, new() { Address = IPAddressValue.Parse(address), PrefixLength = 24 });

    private static AddressStatus[] Install(LinuxAddressTable table, AddressAssignment[] addresses)
    {
        var outcomes = new AddressOutcome[addresses.Length];
        Assert.Equal(table.Install(addresses, outcomes), outcomes.All(o => o.Status != AddressStatus.Refused));
        return [.. outcomes.Select(o => o.Status)];
    }

    private static AddressStatus[] Remove(LinuxAddressTable table, AddressAssignment[] addresses)
    {
        var outcomes = new AddressOutcome[addresses.Length];
        table.Remove(addresses, outcomes);
        return [.. outcomes.Select(o => o.Status)];
    }

    private List<AddressRecord> KernelAddresses()
    {
        var sink = new RecordSink();
        using var socket = _host.Network.Run(() => new NetlinkSocket(Nlmsg.NETLINK_ROUTE));
        byte[] buffer = new byte[64];
        var writer = new NetlinkWriter(buffer);
        RouteMessages.WriteAddressDump(ref writer, socket.NextSequence(), 0, 0);
        socket.Query(writer.Written, sink, "list addresses");
        return sink.Records;
    }

    private sealed class RecordSink : INetlinkSink
    {
        public List<AddressRecord> Records { get; } = [];

        public void Restart() => Records.Clear();

        public void Message(in NetlinkMessage message)
        {
            if (RouteMessages.TryReadAddress(message, out var record))
                Records.Add(record with { Label = RouteMessages.ReadLabel(message) });
        }
    }

    [Fact]
    public void A_rehearsal_leaves_little_to_the_collector()
    {
        // Some two hundred lives are rehearsed at a start, and what they leave is resident until something is collected.
        const int Room = 96 * 1024;
        EngineWarmUp.Run(withLinux: true);
        long before = GC.GetAllocatedBytesForCurrentThread();
        EngineWarmUp.Run(withLinux: true);

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 1, Room);
    }
}
