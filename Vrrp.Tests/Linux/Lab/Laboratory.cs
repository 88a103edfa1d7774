using System.Globalization;
using System.Text;
using Vrrp.Tests.LaboratoryMachine;

namespace Vrrp.Tests.Linux.Lab;

/// <summary>
/// Hosts in network namespaces on one or more bridges, each bridge under capture: two directors, <see cref="A"/> and <see cref="B"/>,
/// and a client. All is gone when it is disposed; what a killed test run left behind goes when the next one starts.
/// </summary>
internal sealed class Laboratory : IAsyncDisposable
{
    /// <summary>For what should happen within a second or is bounded by the protocol: machines may be slow, an emulated one is.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(LaboratoryNeed.IsInside ? 300 : 20);

    private const string NamePrefix = "vrrplab.";

    // More at once would be in each other's way on a small machine.
    private static readonly SemaphoreSlim Places = new(4);
    private static readonly Lazy<Task> LeftoversRemoved = new(RemoveLeftoversAsync);
    private static readonly string RootFolder = Path.Combine(Path.GetTempPath(), "vrrp-lab");
    private static int s_count;

    private readonly string _switch;
    private readonly List<string> _namespaces = [];
    private readonly List<LabCapture> _captures = [];
    private readonly List<Director> _directors = [];
    private readonly List<string> _volumes = [];

    private Laboratory(bool hasThird)
    {
        var id = string.Create(CultureInfo.InvariantCulture, $"{Environment.ProcessId}.{Interlocked.Increment(ref s_count)}");
        Prefix = $"{NamePrefix}{id}.";
        Folder = Path.Combine(RootFolder, id);
        _switch = $"{Prefix}sw";
        A = new LabHost(this, "a", 11);
        B = new LabHost(this, "b", 12);
        Third = hasThird ? new LabHost(this, "d", 13) : null;
        Client = new LabHost(this, "c", 50);
    }

    public string Prefix { get; }

    /// <summary>Configurations, pid files and captures.</summary>
    public string Folder { get; }

    public Signal Changed { get; } = new();

    public LabHost A { get; }

    public LabHost B { get; }

    /// <summary>A further director's machine, where asked for.</summary>
    public LabHost? Third { get; }

    public LabHost Client { get; }

    public IReadOnlyList<LabCapture> Captures => _captures;

    public IReadOnlyList<Director> Directors => _directors;

    /// <summary>All machines, the client last.</summary>
    public IEnumerable<LabHost> Hosts => Third is null ? [A, B, Client] : [A, B, Third, Client];

    /// <param name="networks">How many bridges there are; each host has a port on each.</param>
    /// <param name="hasThird">Whether there is a third director's machine.</param>
    /// <param name="captured">What is captured, in tcpdump's words; everything when empty.</param>
    public static async Task<Laboratory> CreateAsync(int networks = 1, bool hasThird = false, string captured = "")
    {
        LabRequirements.Demand();
        await LeftoversRemoved.Value;
        await Places.WaitAsync();
        var lab = new Laboratory(hasThird);
        try
        {
            await lab.BuildAsync(networks, captured);
            return lab;
        }
        catch
        {
            await lab.DisposeAsync();
            throw;
        }
    }

    public Director AddDirector(LabHost host, DirectorKind kind, string? stateFolder = null, IReadOnlyList<string>? launcher = null)
    {
        var director = Director.Create(this, host, kind, stateFolder, launcher);
        _directors.Add(director);
        return director;
    }

    /// <summary>A small file system in memory that can be filled without harm to the machine.</summary>
    public async Task<string> AddVolumeAsync(string name, int kibibytes)
    {
        var path = Path.Combine(Folder, name);
        Directory.CreateDirectory(path);
        await Tool.RunAsync("mount", ["-t", "tmpfs", "-o", string.Create(CultureInfo.InvariantCulture, $"size={kibibytes}k"), "vrrp-lab", path]);
        _volumes.Add(path);
        return path;
    }

    /// <summary>Packet filter rules of the switch, through which all frames between hosts pass.</summary>
    public Task SwitchFilterAsync(string rules) => Tool.RunAsync("ip", ["netns", "exec", _switch, "nft", "-f", "-"], rules);

    /// <summary>Queueing on the switch, towards the hosts.</summary>
    public Task SwitchQueueAsync(params string[] arguments) => Tool.RunAsync("tc", ["-n", _switch, "qdisc", .. arguments]);

    public Task TryRemoveSwitchQueueAsync(string port) => Tool.TryRunAsync("tc", ["-n", _switch, "qdisc", "del", "dev", port, "root"]);

    public Task SwitchAsync(string batch) => Tool.RunAsync("ip", ["-n", _switch, "-batch", "-"], batch);

    public Task WaitForAsync(string what, Func<bool> condition) => WaitForAsync(what, Patience, condition);

    /// <summary>Waits for a condition; a director that ends although nobody asked it to is noticed at once.</summary>
    public async Task WaitForAsync(string what, TimeSpan timeout, Func<bool> condition)
    {
        Director? dead = null;
        await Changed.WaitForAsync(what, timeout, () => condition() || (dead = _directors.FirstOrDefault(director => director.HasDied)) is not null);
        if (dead is not null && !condition())
            throw new InvalidOperationException($"Director {dead} has ended while waiting for: {what}");
    }

    /// <summary>Ends all directors and captures, so that the captures can be judged.</summary>
    public async Task StopAsync()
    {
        foreach (var director in _directors)
            await director.KillAsync();
        foreach (var capture in _captures)
            await capture.StopAsync();
    }

    /// <summary>All there is to know about a failed scenario.</summary>
    public async Task<string> ReportAsync()
    {
        var report = new StringBuilder();
        foreach (var director in _directors)
        {
            report.AppendLine(CultureInfo.InvariantCulture, $"===== {director}: configuration");
            report.AppendLine(director.Config);
            report.AppendLine(CultureInfo.InvariantCulture, $"===== {director}: log");
            report.AppendLine(director.Log.ToString());
            report.AppendLine(CultureInfo.InvariantCulture, $"===== {director}: addresses");
            report.AppendLine(director.Host.AddressLog.ToString());
        }
        try
        {
            await StopAsync();
            foreach (var capture in _captures)
            {
                report.AppendLine(CultureInfo.InvariantCulture, $"===== {capture.Path}");
                report.AppendLine(await Dissection.SummaryAsync(capture.Path));
            }
        }
        catch (Exception failure) when (failure is InvalidOperationException or LabTimeoutException or TimeoutException)
        {
            report.AppendLine(CultureInfo.InvariantCulture, $"No dissection: {failure.Message}");
        }
        return report.ToString();
    }

    public async ValueTask DisposeAsync()
    {
        try
        {
            foreach (var director in _directors)
                await director.DisposeAsync();
            foreach (var capture in _captures)
                await capture.DisposeAsync();
            foreach (var host in Hosts)
                await host.DisposeAsync();
            foreach (var name in _namespaces)
                await Tool.TryRunAsync("ip", ["netns", "del", name]);
            foreach (var volume in _volumes)
                await Tool.RunAsync("umount", [volume]);
            Directory.Delete(Folder, recursive: true);
        }
        finally
        {
            Places.Release();
        }
    }

    private async Task BuildAsync(int networks, string captured)
    {
        Directory.CreateDirectory(Folder);
        _namespaces.AddRange([_switch, .. Hosts.Select(host => host.Namespace)]);
        await Tool.RunAsync("ip", ["-batch", "-"], string.Join('\n', _namespaces.Select(name => $"netns add {name}")));
        for (var network = 0; network < networks; network++)
        {
            await SwitchAsync($"link add br{network} type bridge mcast_snooping 0 stp_state 0 forward_delay 0\nlink set br{network} up");
            foreach (var host in Hosts)
                await host.AddInterfaceAsync(network);
            _captures.Add(await LabCapture.StartAsync(_switch, $"br{network}", Path.Combine(Folder, $"br{network}.pcap"), Changed, captured));
        }
        foreach (var host in Hosts)
        {
            await host.IpAsync("link set lo up");
            await host.StartAsync(networks);
        }
    }

    private static async Task RemoveLeftoversAsync()
    {
        var listing = await Tool.RunAsync("ip", ["netns", "list"]);
        foreach (var line in listing.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            var name = line.Split(' ')[0];
            if (!name.StartsWith(NamePrefix, StringComparison.Ordinal) || IsRunning(name.Split('.')[1]))
                continue;
            var inside = (await Tool.TryRunAsync("ip", ["netns", "pids", name])).Output;
            foreach (var id in inside.Split('\n', StringSplitOptions.RemoveEmptyEntries))
                Tool.SendSignal(int.Parse(id, CultureInfo.InvariantCulture), PosixSignalNumber.Kill);
            await Tool.TryRunAsync("ip", ["netns", "del", name]);
        }
        if (!Directory.Exists(RootFolder))
            return;
        foreach (var folder in Directory.GetDirectories(RootFolder).Where(folder => !IsRunning(Path.GetFileName(folder).Split('.')[0])))
        {
            var volumes = File.ReadLines("/proc/mounts").Select(line => line.Split(' ')[1]).Where(path => path.StartsWith(folder + "/", StringComparison.Ordinal));
            foreach (var volume in volumes.ToArray())
                await Tool.RunAsync("umount", [volume]);
            Directory.Delete(folder, recursive: true);
        }
    }

    // A process id is used again one day; only a test run counts.
    private static bool IsRunning(string processId)
    {
        try
        {
            return File.ReadAllText($"/proc/{processId}/comm").Trim() is "dotnet" or "testhost";
        }
        catch (IOException)
        {
            return false;
        }
    }
}
