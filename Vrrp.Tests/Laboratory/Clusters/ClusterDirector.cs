using System.Globalization;
using Vrrp.Tests.Linux.Lab;

namespace Vrrp.Tests.LaboratoryMachine.Clusters;

/// <summary>A director of a cluster: a host and the daemon on it, ours or keepalived with its health checks; both read the same configuration.</summary>
internal sealed class ClusterDirector : IAsyncDisposable
{
    private readonly Cluster _cluster;
    private readonly string _configPath;
    private BackgroundProcess? _process;
    private bool _endExpected;

    public ClusterDirector(Cluster cluster, ClusterHost host)
    {
        _cluster = cluster;
        Host = host;
        Log = new LineLog(cluster.Changed);
        _configPath = Path.Combine(cluster.Folder, $"{host.Name}.conf");
    }

    public ClusterHost Host { get; }

    public DirectorKind Kind { get; private set; }

    public LineLog Log { get; }

    /// <summary>The configuration it was started or reloaded with.</summary>
    public string Config { get; private set; } = "";

    /// <summary>Whether it ended although nobody asked it to.</summary>
    public bool HasDied => !_endExpected && _process is { HasEnded: true };

    public async Task StartAsync(DirectorKind kind, string config)
    {
        if (_process is not null)
            await _process.DisposeAsync();
        Kind = kind;
        await WriteConfigAsync(config);
        string pid = Path.Combine(_cluster.Folder, $"{Host.Name}.pid");
        // A killed child of keepalived counts as running until the machine's first process has reaped it: files of its own for each start. Without
        // -G it writes every line to the console as well, which is slow.
        string start = string.Create(CultureInfo.InvariantCulture, $"{Log.Count}");
        string[] command = kind switch
        {
            DirectorKind.Vrrp => [Director.VrrpCommand(), "run", "-f", _configPath, "--pid-file", pid],
            _ => ["keepalived", "-n", "-l", "-D", "-G", "-f", _configPath, "-p", $"{pid}{start}", "-r", $"{pid}.vrrp{start}", "-c", $"{pid}.checkers{start}"],
        };
        _process = BackgroundProcess.Start(command[0], command[1..], Log, _cluster.Changed, network: Host.Network);
        // Not before: the one that has ended was to end.
        _endExpected = false;
    }

    public async Task ReloadAsync(string config)
    {
        await WriteConfigAsync(config);
        _process!.Send(PosixSignalNumber.Hangup);
    }

    /// <summary>Asks it to leave and returns its exit code.</summary>
    public async Task<int> StopAsync()
    {
        _endExpected = true;
        _process!.Send(PosixSignalNumber.Terminate);
        return await _process.WaitForEndAsync();
    }

    public async Task KillAsync()
    {
        _endExpected = true;
        if (_process is not null)
            await _process.KillAsync();
    }

    /// <summary>Waits until it holds the address and ipvsadm lists exactly this, in any order.</summary>
    public async Task WaitForTableAsync(string table)
    {
        string wanted = IpvsListing.Normalize(table), found = "";
        await _cluster.UntilAsync(
            () => $"the table of {Host}:\n{wanted}\nLast found:\n{found}",
            async () => (found = await TableAsync()) == wanted);
    }

    public Task WaitForVipAsync() =>
        _cluster.UntilAsync(() => $"{_cluster.Vip} on {Host}", () => Task.FromResult(Host.HasAddress(_cluster.Vip)));

    /// <summary>See <see cref="IpvsListing.Table"/>.</summary>
    public async Task<string> TableAsync() => IpvsListing.Table(await IpvsadmAsync("-Ln"));

    /// <summary>
    /// Waits until the kernel has counted this many connections to the service since it was made, and to each of these real servers. The kernel adds
    /// its processors' counters up every other second. It remembers what it counted for a real server that was taken out and put in again, but not
    /// for a service.
    /// </summary>
    public async Task WaitForConnectionsAsync(long service, params (int Server, long Count)[] servers)
    {
        List<(string Address, long Count)> counts = [(_cluster.Service.ToString(), service)];
        counts.AddRange(servers.Select(pair => (_cluster.Destination(pair.Server), pair.Count)));
        string wanted = string.Join('\n', counts.Select(pair => string.Create(CultureInfo.InvariantCulture, $"{pair.Address} {pair.Count}")));
        string found = "";
        await _cluster.UntilAsync(
            () => $"connections counted on {Host}:\n{wanted}\nLast found:\n{found}",
            async () =>
            {
                var listed = IpvsListing.Connections(await IpvsadmAsync("-Ln", "--stats", "--exact"));
                found = string.Join('\n', listed.Select(pair => string.Create(CultureInfo.InvariantCulture, $"{pair.Key} {pair.Value}")));
                return counts.All(pair => listed.GetValueOrDefault(pair.Address) == pair.Count);
            });
    }

    public Task<string> IpvsadmAsync(params string[] arguments) => Host.RunAsync(["ipvsadm", .. arguments]);

    /// <summary>All there is to know about it after a failure.</summary>
    public async Task<string> DescribeAsync()
    {
        var found = new List<string>();
        foreach (string[] arguments in (string[][])[["-Ln"], ["-Ln", "--stats", "--exact"], ["-Lnc"], ["-L", "--daemon"]])
        {
            var (_, listed, error) = await Tool.TryRunAsync("ipvsadm", arguments, network: Host.Network);
            found.Add($"--- ipvsadm {string.Join(' ', arguments)}\n{listed}{error}");
        }

        return $"===== {Host} ({Kind}): configuration\n{Config}\n--- log\n{Log}\n{string.Join('\n', found)}";
    }

    public async ValueTask DisposeAsync()
    {
        _endExpected = true;
        if (_process is not null)
            await _process.DisposeAsync();
    }

    public override string ToString() => $"{Host} ({Kind})";

    private async Task WriteConfigAsync(string config)
    {
        Config = config;
        await File.WriteAllTextAsync(_configPath, config);
    }
}
