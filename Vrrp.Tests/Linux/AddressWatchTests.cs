using System.Threading.Channels;
using Vrrp.Daemon.Ipvs;
using Vrrp.Linux;
using Vrrp.Tests.Linux.Lab;

namespace Vrrp.Tests.Linux;

/// <summary>Which addresses a host has, as ha_suspend wants to know it.</summary>
public sealed class AddressWatchTests
{
    private static readonly IPAddressValue Vip = IPAddressValue.Parse("10.0.0.100");

    [Fact]
    public async Task Addresses_are_told_at_once_and_as_they_come_and_go()
    {
        string name = $"vrrp-watch-{Guid.NewGuid():N}";
        var told = Channel.CreateUnbounded<IReadOnlySet<IPAddressValue>>();
        await Tool.RunAsync("ip", ["netns", "add", name]);
        try
        {
            await InsideAsync("link", "set", "lo", "up");
            await InsideAsync("link", "add", "eth0", "type", "veth", "peer", "name", "eth1");
            await InsideAsync("address", "add", $"{Vip}/32", "dev", "lo");
            using var network = NetworkNamespace.OpenNamed(name);
            using (network.Run(() => AddressWatch.Start(addresses => told.Writer.TryWrite(addresses), problem => told.Writer.Complete(new IOException(problem)))))
            {
                Assert.True(told.Reader.TryRead(out var first));
                Assert.Contains(Vip, first);
                Assert.Contains(IPAddressValue.Parse("127.0.0.1"), first);

                await InsideAsync("address", "del", $"{Vip}/32", "dev", "lo");
                await UntilAsync(addresses => !addresses.Contains(Vip));
                await InsideAsync("address", "add", $"{Vip}/32", "dev", "eth0");
                await InsideAsync("address", "add", "fd00::100/128", "dev", "eth0", "nodad");
                await UntilAsync(addresses => addresses.Contains(Vip) && addresses.Contains(IPAddressValue.Parse("fd00::100")));

                // On two interfaces it is here until it has left both.
                await InsideAsync("address", "add", $"{Vip}/32", "dev", "eth1");
                await InsideAsync("address", "del", $"{Vip}/32", "dev", "eth0");
                await InsideAsync("address", "add", "10.0.0.101/32", "dev", "eth0");
                await UntilAsync(addresses => addresses.Contains(IPAddressValue.Parse("10.0.0.101")), addresses => Assert.Contains(Vip, addresses));
                await InsideAsync("link", "del", "eth0");
                await UntilAsync(addresses => !addresses.Contains(Vip));
            }
        }
        finally
        {
            await Tool.RunAsync("ip", ["netns", "del", name]);
        }

        Task InsideAsync(params string[] command) => Tool.RunAsync("ip", ["-n", name, .. command]);

        async Task UntilAsync(Func<IReadOnlySet<IPAddressValue>, bool> isSo, Action<IReadOnlySet<IPAddressValue>>? always = null)
        {
            using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
            while (true)
            {
                var addresses = await told.Reader.ReadAsync(patience.Token);
                always?.Invoke(addresses);
                if (isSo(addresses))
                    return;
            }
        }
    }
}
