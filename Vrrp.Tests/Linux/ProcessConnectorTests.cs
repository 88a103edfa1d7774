using Vrrp.Linux;
using Vrrp.Netlink;

namespace Vrrp.Tests.Linux;

/// <summary>Datagrams of the kernel's process connector, as they came from Linux 6.18, and the connector itself where there is one.</summary>
public class ProcessConnectorTests
{
    private const string Header = "4c000000030000000000000000000000" + "0100000001000000000000000000000028000000";

    [Theory]
    [InlineData("0000000000000000a24af8cc98200000" + "0000000000000000", ProcessEventKind.Answer, 0, 0)]
    [InlineData("0000000000000000a24af8cc98200000" + "0100000000000000", ProcessEventKind.Answer, 0, 1)]
    [InlineData("0100000001000000fd24cbcc98200000" + "180c0000180c0000420c0000420c0000", ProcessEventKind.Began, 0xc42, 0)]
    [InlineData("0200000000000000a24af8cc98200000" + "420c0000420c0000", ProcessEventKind.Changed, 0xc42, 0)]
    [InlineData("0002000000000000a24af8cc98200000" + "430c0000420c0000", ProcessEventKind.Changed, 0xc42, 0)]
    [InlineData("0000008001000000950f02cd98200000" + "420c0000420c00000000000011000000180c0000180c0000", ProcessEventKind.Ended, 0xc42, 0)]
    public void An_event(string octets, object kind, int id, int error)
    {
        byte[] datagram = Convert.FromHexString(Header + octets);
        Assert.True(ProcessConnector.TryRead(datagram, out var happened));
        Assert.Equal(new ProcessEvent((ProcessEventKind)kind, id, error), happened);
        // Cut short anywhere it is none, or the same.
        for (int length = 0; length < datagram.Length; length++)
        {
            if (ProcessConnector.TryRead(datagram.AsSpan(0, length), out var cut))
                Assert.Equal(happened, cut);
        }
    }

    [Theory]
    [InlineData("0100000001000000fd24cbcc98200000" + "180c0000180c0000430c0000420c0000")]
    [InlineData("0000008001000000950f02cd98200000" + "430c0000420c00000000000011000000180c0000180c0000")]
    [InlineData("0400000001000000950f02cd98200000" + "420c0000420c00000000000011000000180c0000180c0000")]
    [InlineData("")]
    public void A_thread_is_no_process_and_other_events_are_none(string octets) =>
        Assert.False(ProcessConnector.TryRead(Convert.FromHexString(Header + octets), out _));

    [Fact]
    public void Another_connector_is_none()
    {
        byte[] datagram = Convert.FromHexString(Header + "0200000000000000a24af8cc98200000" + "420c0000420c0000");
        datagram[16] = 2;
        Assert.False(ProcessConnector.TryRead(datagram, out _));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task The_kernel_tells_of_a_process_or_says_that_it_does_not(bool inNamespace)
    {
        ProcessConnector connector;
        try
        {
            if (inNamespace)
            {
                using var network = NetworkNamespace.Create();
                connector = network.Run(ProcessConnector.Open);
            }
            else
            {
                connector = ProcessConnector.Open();
            }
        }
        catch (LinuxException refused)
        {
            Assert.Contains(refused.Error, (int[])[Errno.EPERM, Errno.EACCES, Errno.ECONNREFUSED, Errno.EOPNOTSUPP, Errno.EPROTONOSUPPORT]);
            return;
        }

        using (connector)
        {
            using var process = System.Diagnostics.Process.Start("/bin/true");
            await process.WaitForExitAsync();
            var events = new List<ProcessEvent>();
            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
            using var beat = new PeriodicTimer(TimeSpan.FromMilliseconds(5));
            while (!events.Contains(new(ProcessEventKind.Ended, process.Id)))
            {
                connector.Receive(events);
                await beat.WaitForNextTickAsync(limit.Token);
            }

            Assert.Contains(new(ProcessEventKind.Changed, process.Id), events);
            Assert.Contains(new(ProcessEventKind.Began, process.Id), events);
        }
    }
}
