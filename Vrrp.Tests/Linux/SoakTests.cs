using System.Globalization;
using Vrrp.Tests.Linux.Lab;

namespace Vrrp.Tests.Linux;

/// <summary>A short soak: dozens of reloads, after which the daemon has the handles and threads it had before.</summary>
public sealed class SoakTests : IAsyncLifetime
{
    private const int Routers = 20;
    private const int Cycles = 5;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("vrrp-reloads-");
    private readonly string _namespace = $"vrrp-reload-{Guid.NewGuid():N}"[..20];
    private readonly Signal _changed = new();
    private readonly LineLog _log;
    private BackgroundProcess? _daemon;

    public SoakTests() => _log = new(_changed);

    public async Task InitializeAsync()
    {
        LabRequirements.Demand();
        await Tool.RunAsync("ip", ["netns", "add", _namespace]);
        await Tool.RunAsync("ip", ["-n", _namespace, "-batch", "-"], """
            link add eth0 type veth peer name port0
            link add eth1 type veth peer name port1
            link set eth0 up
            link set eth1 up
            link set port0 up
            link set port1 up
            addr add 10.88.0.1/24 dev eth0
            addr add 10.88.1.1/24 dev eth1
            """);
    }

    public async Task DisposeAsync()
    {
        if (_daemon is not null)
            await _daemon.DisposeAsync();
        await Tool.TryRunAsync("ip", ["netns", "del", _namespace]);
        _folder.Delete(recursive: true);
    }

    [Fact]
    public async Task Dozens_of_reloads_leave_handles_threads_and_addresses_as_they_were()
    {
        var all = new Variant(Routers, 100, 1);
        Variant[] cycle =
        [
            all with { Priority = 120 }, all, all with { Addresses = 3 }, all, all with { Count = Routers / 2 }, all,
            all with { IsBroken = true, Priority = 50, Count = 3 }, all with { HasSecondInterface = false }, all with { Centiseconds = 2 }, all,
        ];
        await WriteAsync(all);
        _daemon = BackgroundProcess.Start("ip", [
            "netns", "exec", _namespace, Director.VrrpCommand(), "run", "-f", Path.Combine(_folder.FullName, "test.conf"), "-p", Path.Combine(_folder.FullName, "test.pid")],
            _log, _changed);
        await WaitForAddressesAsync(all);

        // The first cycle loads what a reload needs.
        await ReloadAsync(cycle);
        var (handles, threads) = (Handles(), Threads());
        await ReloadAsync([all with { HasSecondInterface = false }]);
        int without = Handles().GetValueOrDefault("socket");
        Assert.True(without < handles["socket"], $"{without} sockets without the second interface, {handles["socket"]} with it");
        for (int i = 1; i < Cycles; i++)
            await ReloadAsync(cycle);

        Assert.Equal(handles, Handles());
        // One that is about to end is no leak.
        await PollAsync(() => Task.FromResult(Text(Threads()) == Text(threads)));
        Assert.Equal(threads, Threads());

        _daemon.Send(PosixSignalNumber.Terminate);
        Assert.Equal(0, await _daemon.WaitForEndAsync());
        Assert.Empty(await AddressesAsync());
        Assert.Equal("", await Tool.RunAsync("ip", ["netns", "exec", _namespace, "nft", "list", "tables"]));
        Assert.Equal(["test.conf"], _folder.GetFiles().Select(file => file.Name));
    }

    private async Task ReloadAsync(Variant[] variants)
    {
        foreach (var variant in variants)
        {
            var before = await AddressesAsync();
            int since = _log.Count;
            await WriteAsync(variant);
            _daemon!.Send(PosixSignalNumber.Hangup);
            string end = variant.IsBroken ? " was not loaded: " : " reloaded /";
            await _changed.WaitForAsync(end, Patience, () => _log.Contains(end, since) || _daemon.HasEnded);
            Assert.True(_log.Contains(end, since), _log.ToString());
            if (variant.IsBroken)
                Assert.Equal(before, await AddressesAsync());
            else
                await WaitForAddressesAsync(variant);
        }
    }

    private async Task WaitForAddressesAsync(Variant variant)
    {
        string wanted = string.Join(' ', variant.AllAddresses().Order(StringComparer.Ordinal));
        string present = "";
        await PollAsync(async () => (present = string.Join(' ', await AddressesAsync())) == wanted || _daemon!.HasEnded);
        Assert.Equal(wanted, present);
    }

    /// <summary>Asks until it is so or patience ends; what is asserted then says what was missing.</summary>
    private static async Task PollAsync(Func<Task<bool>> isSo)
    {
        using var giveUp = new CancellationTokenSource(Patience);
        using var again = new PeriodicTimer(TimeSpan.FromMilliseconds(50));
        while (!await isSo() && !giveUp.IsCancellationRequested)
            await again.WaitForNextTickAsync();
    }

    /// <summary>The virtual addresses that the host has.</summary>
    private async Task<string[]> AddressesAsync()
    {
        string output = await Tool.RunAsync("ip", ["-n", _namespace, "-4", "-o", "addr", "show"]);
        return [.. output.Split('\n').Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries)).Where(words => words.Length > 3)
            .Select(words => words[3]).Where(address => address.EndsWith("/32", StringComparison.Ordinal)).Order(StringComparer.Ordinal)];
    }

    private Task WriteAsync(Variant variant) => File.WriteAllTextAsync(Path.Combine(_folder.FullName, "test.conf"), variant.Text());

    /// <summary>Open handles by kind; those of assemblies come when code first needs them, and stay.</summary>
    private SortedDictionary<string, int> Handles() => Count(Directory.GetFiles($"/proc/{_daemon!.Id}/fd")
        .Select(handle => new FileInfo(handle).LinkTarget)
        .Where(target => target is not null && !target.EndsWith(".dll", StringComparison.Ordinal))
        .Select(target => target![0] == '/' ? target : target.StartsWith("anon_inode", StringComparison.Ordinal) ? target : target.Split(':')[0]));

    /// <summary>Threads by name; the pool and the compiler have some more when there is work, which end when there is none.</summary>
    private SortedDictionary<string, int> Threads() => Count(Directory.GetDirectories($"/proc/{_daemon!.Id}/task")
        .Select(task => Path.Combine(task, "comm"))
        .Where(File.Exists)
        .Select(comm => File.ReadAllText(comm).Trim())
        .Where(name => !name.StartsWith(".NET TP ", StringComparison.Ordinal) && !name.StartsWith(".NET Tiered", StringComparison.Ordinal)));

    private static SortedDictionary<string, int> Count(IEnumerable<string> names)
    {
        var counts = new SortedDictionary<string, int>(StringComparer.Ordinal);
        foreach (string name in names)
            counts[name] = counts.GetValueOrDefault(name) + 1;
        return counts;
    }

    private static string Text(SortedDictionary<string, int> counts) =>
        string.Join(", ", counts.Select(count => string.Create(CultureInfo.InvariantCulture, $"{count.Value} {count.Key}")));

    /// <summary>A configuration: routers on eth0, and one on eth1.</summary>
    private sealed record Variant(int Count, int Priority, int Addresses)
    {
        public int Centiseconds { get; init; } = 1;

        public bool HasSecondInterface { get; init; } = true;

        public bool IsBroken { get; init; }

        public IEnumerable<string> AllAddresses() =>
            Enumerable.Range(1, Count).SelectMany(id => Own(id)).Concat(HasSecondInterface ? ["10.88.1.99/32"] : []);

        public string Text()
        {
            var routers = Enumerable.Range(1, Count).Select(id => Router($"VI_{id}", "eth0", id, string.Join('\n', Own(id))));
            if (HasSecondInterface)
                routers = routers.Append(Router("VI_B", "eth1", 1, "10.88.1.99/32"));
            return string.Concat(routers) + (IsBroken ? Router("VI_X", "eth0", 0, "10.88.9.9/32") : "");
        }

        private IEnumerable<string> Own(int id) => Enumerable.Range(1, Addresses).Select(net => $"10.88.{10 + net}.{id}/32");

        private string Router(string name, string device, int id, string addresses) => $$"""
            vrrp_instance {{name}} {
                version 3
                interface {{device}}
                virtual_router_id {{id}}
                priority {{Priority}}
                advert_int 0.0{{Centiseconds}}
                {{(id % 5 == 0 ? "no_accept" : "accept")}}
                virtual_ipaddress {
                    {{addresses}}
                }
            }

            """;
    }
}
