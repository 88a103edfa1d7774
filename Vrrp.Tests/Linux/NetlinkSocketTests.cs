using Vrrp.Linux;
using Vrrp.Netlink;

namespace Vrrp.Tests.Linux;

public sealed class NetlinkSocketTests : IDisposable
{
    private readonly Host _host = new();

    public void Dispose() => _host.Dispose();

    [Fact]
    public void Refusal_has_errno_operation_and_the_kernels_words()
    {
        _host.Links.CreateBridge("br");
        _host.Links.CreateVeth("one", "two");
        var e = Assert.Throws<NetlinkException>(() => _host.Links.SetMaster("one", "two"));
        Assert.Equal(Errno.EOPNOTSUPP, e.Error);
        e = Assert.Throws<NetlinkException>(() => _host.Links.SetMtu("one", 1_000_000));
        Assert.Equal(Errno.EINVAL, e.Error);
        Assert.Equal("give one the MTU 1000000", e.Operation);
        Assert.Contains("mtu", e.Explanation, StringComparison.OrdinalIgnoreCase);
        Assert.Contains(e.Explanation!, e.Message, StringComparison.Ordinal);
        e = Assert.Throws<NetlinkException>(() => _host.Links.IndexOf("nobody"));
        Assert.Equal(Errno.ENODEV, e.Error);
    }

    [Fact]
    public void Socket_goes_on_after_a_refusal()
    {
        Assert.Throws<NetlinkException>(() => _host.Links.Delete("nobody"));
        Assert.Equal(1, _host.Links.IndexOf("lo"));
    }

    [Fact]
    public void Acknowledgements_that_do_not_fit_are_an_unknown_outcome_not_a_success()
    {
        using var socket = _host.Network.Run(() => new NetlinkSocket(Nlmsg.NETLINK_ROUTE, receiveBuffer: 1));
        byte[] buffer = new byte[64 * 1024];
        var writer = new NetlinkWriter(buffer);
        uint first = 0;
        int[] errors = new int[200];
        for (int i = 0; i < errors.Length; i++)
        {
            uint sequence = socket.NextSequence();
            first = i == 0 ? sequence : first;
            var address = IPAddressValue.FromIPv4(0x0A000000u + (uint)i);
            AddressRecord record = new() { InterfaceIndex = 1, Local = address, Address = address, PrefixLength = 32 };
            RouteMessages.WriteAddress(ref writer, RouteMessages.RTM_NEWADDR, Nlmsg.NLM_F_REQUEST | Nlmsg.NLM_F_ACK | Nlmsg.NLM_F_CREATE, sequence, record);
        }

        socket.RequestBatch(writer.Written, first, errors);
        Assert.Contains(0, errors);
        Assert.Contains(Errno.ENOBUFS, errors);
        Assert.All(errors, e => Assert.True(e is 0 or Errno.ENOBUFS));
    }

    [Fact]
    public void Long_dump_comes_in_parts_and_complete()
    {
        for (int i = 0; i < 300; i++)
            _host.Links.CreateVeth($"a{i}", $"b{i}");
        using var monitor = _host.OpenMonitor();
        var seen = new SeenInterfaces();
        monitor.List(seen);
        Assert.Equal(601, seen.Interfaces.Count);
    }
}
