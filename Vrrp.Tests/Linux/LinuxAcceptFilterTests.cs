using System.Runtime.InteropServices;
using Vrrp.Links;
using Vrrp.Linux;
using Vrrp.Netlink;
using Vrrp.Tests.Linux.Lab;
using static Vrrp.Netlink.Nftables;

namespace Vrrp.Tests.Linux;

/// <summary>The packet filter against the kernel, with packets from another host.</summary>
public sealed class LinuxAcceptFilterTests : IDisposable
{
    private const string Table = "vrrp_112";
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    private readonly TwoHosts _hosts = new();
    private readonly int _eth0;

    public LinuxAcceptFilterTests() => _eth0 = _hosts.A.Links.IndexOf("eth0");

    public void Dispose() => _hosts.Dispose();

    [Fact] // VR-123, VR-199, VR-200
    public async Task A_master_drops_what_is_for_its_addresses_and_answers_ARP_and_neighbour_discovery()
    {
        await using var node = _hosts.A.Network.Run(() => VrrpNode.Start());
        await RunAsync(node, Config("four", IPFamily.IPv4, "10.0.0.100", "10.0.0.101"));
        await RunAsync(node, Config("six", IPFamily.IPv6, "fe80::100", "fd00::100"));
        Assert.Equal(["10.0.0.100", "10.0.0.101", "fd00::100", $"fe80::100%{_eth0}"], Blocked());
        await RouteAsync("-6", "fd00::/64");

        foreach (string address in (string[])["10.0.0.100", "10.0.0.101", "fe80::100%eth0", "fd00::100"])
        {
            Assert.False(await PingAsync(address), $"{address} answers");
            Assert.Equal(_hosts.A.FactsOf("eth0").MacAddress, await NeighborAsync(address));
        }

        // Its own addresses are not concerned.
        Assert.True(await PingAsync("10.0.0.1"));
        Assert.True(await PingAsync("fe80::1%eth0"));

        await node.ReconfigureAsync("four", Config("four", IPFamily.IPv4, "10.0.0.100", "10.0.0.101") with { AcceptMode = true });
        await node.ReconfigureAsync("six", Config("six", IPFamily.IPv6, "fe80::100", "fd00::100") with { AcceptMode = true });
        Assert.Equal([], Blocked());
        foreach (string address in (string[])["10.0.0.100", "10.0.0.101", "fe80::100%eth0", "fd00::100"])
            Assert.True(await PingAsync(address), $"{address} does not answer");

        await node.RemoveAsync("four", handOver: false);
        await node.RemoveAsync("six", handOver: false);
        Assert.NotNull(Blocked());
        await node.StopAsync(handOver: false);
        Assert.Null(Blocked());
    }

    [Fact] // VR-199
    public async Task An_owner_and_a_router_with_accept_mode_make_no_table()
    {
        await using var node = _hosts.A.Network.Run(() => VrrpNode.Start());
        await RunAsync(node, Config("owner", IPFamily.IPv4, "10.0.0.100") with { Priority = Priority.Owner, VirtualRouterId = new(1) });
        await RunAsync(node, Config("accepting", IPFamily.IPv4, "10.0.0.101") with { AcceptMode = true, VirtualRouterId = new(2) });
        Assert.Null(Blocked());
        Assert.True(await PingAsync("10.0.0.100"));
        Assert.True(await PingAsync("10.0.0.101"));

        // What the host has itself stays reachable beside what it holds for others, also under one router.
        _hosts.A.Links.AddAddress("eth0", IPAddressValue.Parse("10.0.0.3"), 24);
        await RunAsync(node, Config("mixed", IPFamily.IPv4, "10.0.0.3", "10.0.0.102") with { VirtualRouterId = new(3) });
        Assert.Equal(["10.0.0.102"], Blocked());
        Assert.True(await PingAsync("10.0.0.3"));
        Assert.False(await PingAsync("10.0.0.102"));
    }

    [Fact]
    public async Task A_router_that_leaves_takes_its_elements_out_and_not_those_of_others()
    {
        await using var node = _hosts.A.Network.Run(() => VrrpNode.Start());
        await RunAsync(node, Config("first", IPFamily.IPv4, "10.0.0.100") with { VirtualRouterId = new(1) });
        await RunAsync(node, Config("second", IPFamily.IPv4, "10.0.0.101") with { VirtualRouterId = new(2) });
        await node.DeclareFaultAsync("first", isFaulty: true);
        Assert.False(_hosts.A.Has("10.0.0.100"));
        Assert.Equal(["10.0.0.101"], Blocked());
        await node.DeclareFaultAsync("second", isFaulty: true);
        Assert.Equal([], Blocked());
    }

    [Fact]
    public void Nft_reads_what_was_meant()
    {
        using var filter = Open(new() { Priority = -7, Counters = true });
        Assert.True(filter.TryBlock([On("10.0.0.100"), On("fd00::100"), On("fe80::100")], out string? failure), failure);
        string ruleset = Nft("list", "table", "inet", Table);
        foreach (string expected in (string[])
        [
            "type filter hook input priority filter - 7; policy accept;",
            "type filter hook output priority filter - 7; policy accept;",
            "elements = { 10.0.0.100 }",
            "elements = { fd00::100 }",
            "type ipv6_addr . iface_index",
            "elements = { fe80::100 . \"eth0\" }",
            "ip daddr @ipv4 counter packets 0 bytes 0 drop",
            "ip6 daddr @ipv6 counter packets 0 bytes 0 drop",
            "ip6 daddr . iif @link_local counter packets 0 bytes 0 drop",
            "ip saddr @ipv4 counter packets 0 bytes 0 drop",
            "ip6 saddr @ipv6 counter packets 0 bytes 0 drop",
            "ip6 saddr . oif @link_local counter packets 0 bytes 0 drop",
        ])
            Assert.Contains(expected, ruleset, StringComparison.Ordinal);
        // Once a chain, and before all that drops.
        string[] lines = [.. ruleset.Split('\n').Where(line => line.EndsWith("accept", StringComparison.Ordinal) || line.EndsWith("drop", StringComparison.Ordinal))];
        Assert.Equal(8, lines.Length);
        Assert.All([lines[0], lines[4]], line => Assert.Contains("icmpv6 type", line, StringComparison.Ordinal));
    }

    [Fact]
    public void A_firewall_that_is_reloaded_leaves_the_table_alone()
    {
        using var filter = Open();
        Assert.True(filter.TryBlock([On("10.0.0.100")], out _));
        Nft("flush", "ruleset");
        Assert.Equal(["10.0.0.100"], Blocked());
    }

    [Fact]
    public void A_second_process_with_the_same_table_is_refused_and_disturbs_nothing()
    {
        using var first = Open();
        Assert.True(first.TryBlock([On("10.0.0.100")], out _));
        using (var second = Open())
        {
            second.RemoveLeftBehind();
            Assert.False(second.TryBlock([On("10.0.0.101")], out string? failure));
            Assert.Contains("belongs to another running process", failure, StringComparison.Ordinal);
        }

        Assert.Equal(["10.0.0.100"], Blocked());
        using var apart = Open(new() { Table = "other" });
        Assert.True(apart.TryBlock([On("10.0.0.101")], out _));
        Assert.Equal(["10.0.0.101"], Blocked("other"));
    }

    [Fact]
    public void A_table_that_was_left_behind_is_replaced_when_something_is_blocked_and_removed_when_not()
    {
        Nft("add", "table", "inet", Table);
        Nft("add", "set", "inet", Table, "ipv4", "{ type ipv4_addr; elements = { 10.0.0.99 } ; }");
        Nft("add", "chain", "inet", Table, "odd", "{ type filter hook input priority 0 ; policy drop ; }");
        using (var filter = Open())
        {
            Assert.True(filter.TryBlock([On("10.0.0.100")], out _));
            Assert.Equal(["10.0.0.100"], Blocked());
            Assert.DoesNotContain("odd", Nft("list", "ruleset"), StringComparison.Ordinal);
            // From now on it is its own.
            filter.RemoveLeftBehind();
            Assert.Equal(["10.0.0.100"], Blocked());
        }

        Assert.Null(Blocked());
        Nft("add", "table", "inet", Table);
        using var next = Open();
        next.RemoveLeftBehind();
        Assert.Equal("", Nft("list", "ruleset"));
        next.RemoveLeftBehind();
        Assert.Equal("", Nft("list", "ruleset"));
    }

    [Fact]
    public void An_address_that_two_routers_block_stays_blocked_until_both_have_left()
    {
        using var filter = Open();
        int eth1 = _hosts.A.Links.IndexOf("eth1");
        Assert.True(filter.TryBlock([On("10.0.0.100"), On("fe80::100")], out _));
        Assert.True(filter.TryBlock([On("10.0.0.100", eth1), On("fe80::100", eth1)], out _));
        Assert.Equal(["10.0.0.100", $"fe80::100%{_eth0}", $"fe80::100%{eth1}"], Blocked());
        Assert.True(filter.TryUnblock([On("10.0.0.100"), On("fe80::100")], out _));
        Assert.Equal(["10.0.0.100", $"fe80::100%{eth1}"], Blocked());
        Assert.True(filter.TryUnblock([On("10.0.0.100", eth1), On("fe80::100", eth1)], out _));
        Assert.Equal([], Blocked());
    }

    [Fact]
    public void Thousands_of_addresses_are_one_transaction()
    {
        using var filter = Open();
        var addresses = Enumerable.Range(0, 3000).Select(i => On($"10.1.{i / 250}.{i % 250}"))
            .Concat(Enumerable.Range(1, 3000).Select(i => On($"fd00::{i:x}"))).ToArray();
        Assert.True(filter.TryBlock(addresses, out string? failure), failure);
        Assert.Equal(6000, Blocked()!.Count);
        Assert.True(filter.TryUnblock(addresses.AsSpan(1), out failure), failure);
        Assert.Equal(["10.1.0.0"], Blocked());
    }

    [Fact]
    public void What_someone_took_out_is_put_back_with_the_next_change()
    {
        // Owned by nobody, as on kernels before 5.12, so that someone can.
        using var filter = Open(tableFlags: 0);
        Assert.True(filter.TryBlock([On("10.0.0.100"), On("10.0.0.101")], out string? failure), failure);
        Nft("delete", "element", "inet", Table, "ipv4", "{ 10.0.0.100, 10.0.0.101 }");
        Assert.True(filter.TryUnblock([On("10.0.0.100")], out failure), failure);
        Assert.Equal(["10.0.0.101"], Blocked());
        Nft("flush", "ruleset");
        Assert.Null(Blocked());
        Assert.True(filter.TryBlock([On("fd00::100")], out failure), failure);
        Assert.Equal(["10.0.0.101", "fd00::100"], Blocked());
    }

    [Fact]
    public void A_transaction_that_fails_changes_nothing_and_has_the_first_errno()
    {
        using var socket = _hosts.A.Network.Run(() => new NetlinkSocket(Nlmsg.NETLINK_NETFILTER));
        var transaction = new NftablesTransaction(new byte[NftablesTransaction.RoomFor(1)], socket, Table);
        transaction.AddTable(0);
        transaction.AddElements([new(IPAddressValue.Parse("10.0.0.101"), 0)]);
        transaction.AddChain("input", NF_INET_LOCAL_IN, 0);
        Assert.Equal(Errno.ENOENT, socket.Transact(transaction.End(), transaction.Confirming, out _));
        Assert.Null(Blocked());
    }

    private LinuxAcceptFilter Open(AcceptFilterOptions? options = null, uint tableFlags = NFT_TABLE_F_OWNER | NFT_TABLE_F_PERSIST) =>
        _hosts.A.Network.Run(() => new LinuxAcceptFilter(options?.Table ?? Table, options ?? new()) { TableFlags = tableFlags });

    private AddressAssignment On(string address, int? index = null) => new(index ?? _eth0, VirtualAddress.Host(IPAddressValue.Parse(address)));

    private static VirtualRouterConfig Config(string name, IPFamily family, params string[] addresses) => new()
    {
        Name = name,
        Interface = "eth0",
        VirtualRouterId = new(51),
        Family = family,
        AdvertisementInterval = AdvertisementInterval.FromCentiseconds(2),
        VirtualAddresses = [.. addresses.Select(address => VirtualAddress.Host(IPAddressValue.Parse(address)))],
        AcceptMode = false,
    };

    private static async Task RunAsync(VrrpNode node, VirtualRouterConfig config)
    {
        using var giveUp = new CancellationTokenSource(Limit);
        var transitions = node.ReadTransitionsAsync(giveUp.Token);
        await node.AddAsync(config);
        await foreach (var transition in transitions)
        {
            if (transition.VirtualRouter == config.Name && transition.To == VrrpState.Master)
                return;
        }
    }

    /// <summary>All elements of a table's sets in order; null when there is no table.</summary>
    private IReadOnlyList<string>? Blocked(string table = Table)
    {
        using var socket = _hosts.A.Network.Run(() => new NetlinkSocket(Nlmsg.NETLINK_NETFILTER));
        byte[] buffer = new byte[1024];
        var sink = new ElementSink();
        foreach (var set in Enum.GetValues<FilterSet>())
        {
            var writer = new NetlinkWriter(buffer);
            int message = writer.BeginMessage((NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_GETSETELEM, Nlmsg.NLM_F_REQUEST | Nlmsg.NLM_F_DUMP, socket.NextSequence());
            writer.WriteStruct(new NetfilterHeader { Family = NFPROTO_INET });
            writer.WriteString(NFTA_SET_ELEM_LIST_TABLE, table);
            writer.WriteString(NFTA_SET_ELEM_LIST_SET, NftablesTransaction.NameOf(set));
            writer.EndMessage(message);
            sink.Keep();
            int error = socket.TryQuery(writer.Written, sink, out _);
            if (error == Errno.ENOENT)
                return null;
            Assert.Equal(0, error);
        }

        sink.Keep();
        return [.. sink.Elements.Order(StringComparer.Ordinal)];
    }

    private string Nft(params string[] arguments)
    {
        using var process = _hosts.A.Network.Start(Tool.StartInfo("nft", arguments));
        process.StandardInput.Close();
        string output = process.StandardOutput.ReadToEnd();
        string error = process.StandardError.ReadToEnd();
        Assert.True(process.WaitForExit(Limit));
        Assert.True(process.ExitCode == 0, error);
        return output;
    }

    private async Task RouteAsync(string family, string prefix) =>
        Assert.Equal(0, (await OnBAsync("ip", family, "route", "add", prefix, "dev", "eth0")).ExitCode);

    /// <summary>One request with a second's patience; the neighbour is resolved anew for it.</summary>
    private async Task<bool> PingAsync(string address)
    {
        await OnBAsync("ip", "neigh", "flush", "dev", "eth0");
        return (await OnBAsync("ping", "-n", "-c", "1", "-W", "1", address)).ExitCode == 0;
    }

    private async Task<MacAddress?> NeighborAsync(string address)
    {
        var (_, output) = await OnBAsync("ip", "neigh", "show", address.Split('%')[0]);
        string[] words = output.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        int at = Array.IndexOf(words, "lladdr");
        return at < 0 ? null : MacAddress.Read(Convert.FromHexString(words[at + 1].Replace(":", "", StringComparison.Ordinal)));
    }

    private async Task<(int ExitCode, string Output)> OnBAsync(string file, params string[] arguments)
    {
        using var process = _hosts.B.Network.Start(Tool.StartInfo(file, arguments));
        process.StandardInput.Close();
        var error = process.StandardError.ReadToEndAsync();
        string output = await process.StandardOutput.ReadToEndAsync();
        await error;
        using var giveUp = new CancellationTokenSource(Limit);
        await process.WaitForExitAsync(giveUp.Token);
        return (process.ExitCode, output);
    }

    private sealed class ElementSink : INetlinkSink
    {
        private readonly List<string> _current = [];

        public List<string> Elements { get; } = [];

        public void Keep()
        {
            Elements.AddRange(_current);
            _current.Clear();
        }

        public void Restart() => _current.Clear();

        public void Message(in NetlinkMessage message)
        {
            var attributes = message.Attributes<NetfilterHeader>();
            while (attributes.Next(out var attribute))
            {
                if (attribute.Type != NFTA_SET_ELEM_LIST_ELEMENTS)
                    continue;
                var elements = attribute.Nested;
                while (elements.Next(out var element))
                {
                    var fields = element.Nested;
                    while (fields.Next(out var field))
                    {
                        if (field.Type != NFTA_SET_ELEM_KEY)
                            continue;
                        var data = field.Nested;
                        Assert.True(data.Next(out var value));
                        _current.Add(value.Value.Length == 20
                            ? $"{IPAddressValue.Read(value.Value[..16])}%{MemoryMarshal.Read<int>(value.Value[16..])}"
                            : IPAddressValue.Read(value.Value).ToString());
                    }
                }
            }
        }
    }
}
