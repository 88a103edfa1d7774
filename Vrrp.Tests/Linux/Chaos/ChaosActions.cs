using System.Globalization;
using Vrrp.Tests.LaboratoryMachine;
using Vrrp.Tests.Linux.Lab;

namespace Vrrp.Tests.Linux.Chaos;

/// <summary>Does what a plan says to the hosts and daemons of a laboratory, and takes it back.</summary>
internal sealed class ChaosActions(ChaosCluster cluster, Laboratory lab, IReadOnlyList<ChaosHost> hosts)
{
    // A processor that is emulated takes a minute for what one that compiles at run time does in a second.
    private static readonly TimeSpan StartPatience = TimeSpan.FromMinutes(LaboratoryNeed.IsInside ? 6 : 2);

    private int _tables;

    /// <summary>Starts a daemon and returns when it runs: how long that takes is the machine's affair and not judged.</summary>
    public async Task StartAsync(ChaosHost host)
    {
        var director = host.Director;
        await director.StartAsync(host.Config);
        var line = director.Kind == DirectorKind.Vrrp ? " virtual router" : "Startup complete";
        await lab.WaitForAsync($"{director} to run", StartPatience, () => director.Log.Contains(line, director.LogStart));
    }

    /// <summary>Starts a fault and returns what heals it.</summary>
    public async Task<Func<Task>> BeginAsync(ChaosFault fault)
    {
        var host = hosts[fault.Host];
        var machine = host.Machine;
        switch (fault.Kind)
        {
            case ChaosFaultKind.Kill:
                await host.Director.KillAsync();
                return () => StartAsync(host);

            case ChaosFaultKind.KillStarting:
                await host.Director.KillAsync();
                return async () =>
                {
                    await host.Director.StartAsync(host.Config);
                    await Task.Delay(TimeSpan.FromMilliseconds(fault.Amount), TimeProvider.System);
                    await host.Director.KillAsync();
                    await StartAsync(host);
                };

            case ChaosFaultKind.Freeze:
                host.Director.Freeze();
                return Now(host.Director.Thaw);

            case ChaosFaultKind.Leave:
                host.Director.Terminate();
                return async () =>
                {
                    host.ExitCodes.Add(await host.Director.StopAsync());
                    await StartAsync(host);
                };

            case ChaosFaultKind.LinkDown:
                await machine.SetLinkAsync(fault.Network, up: false);
                return async () =>
                {
                    await machine.SetLinkAsync(fault.Network, up: true);
                    // Linux takes IPv6 addresses off an interface that goes down; who configured them puts them back.
                    await host.ReplaceOwnAddressesAsync(fault.Network);
                };

            case ChaosFaultKind.CableOut:
                await machine.SetCableAsync(fault.Network, plugged: false);
                return () => machine.SetCableAsync(fault.Network, plugged: true);

            case ChaosFaultKind.InterfaceRemoved:
                await machine.RemoveInterfaceAsync(fault.Network);
                return async () =>
                {
                    await machine.AddInterfaceAsync(fault.Network);
                    await machine.ConfigureInterfaceAsync(fault.Network);
                    await host.ReplaceOwnAddressesAsync(fault.Network);
                };

            case ChaosFaultKind.AddressRemoved:
                var addresses = cluster.Routers.Where(router => router.Network == fault.Network).SelectMany(router => router.Vips);
                // Once: "flush" would take away what is put back, until none is. Not there at all when something else happens meanwhile.
                foreach (var vip in addresses)
                    await Tool.TryRunAsync("ip", ["-n", machine.Namespace, "addr", "del", vip.ToString(), "dev", LabHost.Device(fault.Network)]);
                return Nothing;

            case ChaosFaultKind.AdvertLoss:
                return await FilterAsync(fault.Host, string.Create(CultureInfo.InvariantCulture, $"numgen random mod 100 < {fault.Amount} drop"), bothWays: true);

            case ChaosFaultKind.Partition:
                return await FilterAsync(fault.Host, "drop", bothWays: true);

            case ChaosFaultKind.OneWayPartition:
                return await FilterAsync(fault.Host, "drop", bothWays: false);

            case ChaosFaultKind.DiskFull:
                host.Volume!.Fill();
                await host.Director.KillAsync();
                // Back while the disk is still full.
                await Task.Delay(fault.Duration / 2, TimeProvider.System);
                await StartAsync(host);
                return Now(host.Volume.Free);

            case ChaosFaultKind.BrokenReload:
                return await ReloadBrokenAsync(host, cluster.BrokenConfigs(machine, ChaosCluster.Priority(fault.Host))[fault.Amount]);

            case ChaosFaultKind.LowerPriority:
                await host.Director.ReloadAsync(cluster.ToConfig(machine, ChaosCluster.LowestPriority));
                return () => host.Director.ReloadAsync(host.Config);

            case ChaosFaultKind.FurtherAddress:
                await ReloadAsync(host, cluster.ToConfig(machine, ChaosCluster.Priority(fault.Host), ChaosCluster.FurtherAddress));
                return async () =>
                {
                    await host.Director.KillAsync();
                    await StartAsync(host);
                };

            case ChaosFaultKind.MemoryPressure:
                host.Memory!.Press();
                await lab.WaitForAsync($"{host.Director} to be short of memory", () => host.Memory.HasRunOut);
                return host.Memory.ReleaseAsync;

            case ChaosFaultKind.FrameLoss:
                return await QueueAsync(machine, "loss", Percent(fault.Amount));

            case ChaosFaultKind.FrameDelay:
                // Half of it always, half of it by chance: frames overtake each other.
                var half = string.Create(CultureInfo.InvariantCulture, $"{fault.Amount / 2.0:0.0}ms");
                return await QueueAsync(machine, "delay", half, half, "duplicate", "5%", "reorder", "10%");

            case ChaosFaultKind.ClockStep:
                await StepClockAsync(fault.Amount);
                return () => StepClockAsync(-fault.Amount);

            default:
                throw new InvalidOperationException($"Nobody knows how to do this: {fault}");
        }
    }

    private static Func<Task> Nothing { get; } = () => Task.CompletedTask;

    private static Func<Task> Now(Action action) => () =>
    {
        action();
        return Task.CompletedTask;
    };

    private static async Task StepClockAsync(int seconds)
    {
        if (!LaboratoryNeed.IsInside)
            throw new InvalidOperationException("The clock of a machine that others use is not set.");
        await Tool.RunAsync("date", ["--set", string.Create(CultureInfo.InvariantCulture, $"{seconds:+0;-0} seconds")]);
    }

    private static string Percent(int amount) => string.Create(CultureInfo.InvariantCulture, $"{amount}%");

    /// <summary>A reload that must be refused.</summary>
    private async Task<Func<Task>> ReloadBrokenAsync(ChaosHost host, string broken)
    {
        var log = host.Director.Log.Count;
        await host.Director.ReloadAsync(broken);
        await lab.WaitForAsync(
            $"{host.Director} to refuse the file",
            () => host.Director.Log.Contains("goes on unchanged", log) || host.Director.Log.Contains("reloaded ", log));
        if (host.Director.Log.Contains("reloaded ", log))
            throw new InvalidOperationException($"{host.Director} took a broken file:\n{broken}");
        return () => ReloadAsync(host, host.Config);
    }

    /// <summary>A reload of one of ours that must be taken.</summary>
    private static async Task ReloadAsync(ChaosHost host, string config)
    {
        var log = host.Director.Log.Count;
        await host.Director.ReloadAsync(config);
        await host.Director.WaitForLogAsync("reloaded ", log);
    }

    /// <summary>A rule for frames from a host to the other directors, and back.</summary>
    private async Task<Func<Task>> FilterAsync(int host, string verdict, bool bothWays)
    {
        var table = string.Create(CultureInfo.InvariantCulture, $"chaos{++_tables}");
        var rules = from other in Enumerable.Range(0, hosts.Count)
                    where other != host
                    from network in Enumerable.Range(0, cluster.Networks)
                    let ports = (From: hosts[host].Machine.Port(network), To: hosts[other].Machine.Port(network))
                    from rule in bothWays ? [ports, (From: ports.To, To: ports.From)] : new[] { ports }
                    select $"iifname {rule.From} oifname {rule.To} {verdict}";
        await lab.SwitchFilterAsync($$"""
            table bridge {{table}} {
                chain forward {
                    type filter hook forward priority 0;
                    {{string.Join("\n", rules)}}
                }
            }
            """);
        return () => lab.SwitchFilterAsync($"delete table bridge {table}");
    }

    /// <summary>Queueing on both ends of all cables of a host.</summary>
    private async Task<Func<Task>> QueueAsync(LabHost machine, params string[] settings)
    {
        for (var network = 0; network < cluster.Networks; network++)
        {
            await lab.SwitchQueueAsync(["add", "dev", machine.Port(network), "root", "netem", .. settings]);
            await Tool.RunAsync("tc", ["-n", machine.Namespace, "qdisc", "add", "dev", LabHost.Device(network), "root", "netem", .. settings]);
        }
        return async () =>
        {
            // An interface that was removed meanwhile took its queue with it.
            for (var network = 0; network < cluster.Networks; network++)
            {
                await Tool.TryRunAsync("tc", ["-n", machine.Namespace, "qdisc", "del", "dev", LabHost.Device(network), "root"]);
                await lab.TryRemoveSwitchQueueAsync(machine.Port(network));
            }
        };
    }
}

/// <summary>One director's machine and what belongs to it in a run.</summary>
internal sealed record ChaosHost(LabHost Machine, Director Director, string Config)
{
    /// <summary>Where its state file is; null for a daemon that has none.</summary>
    public StateVolume? Volume { get; init; }

    /// <summary>The memory it shares with what is to press it; null where there are no such groups.</summary>
    public MemoryGroup? Memory { get; init; }

    /// <summary>What it left with when it was stopped.</summary>
    public List<int> ExitCodes { get; } = [];

    /// <summary>Addresses beside the machine's usual ones that no daemon may touch.</summary>
    public IEnumerable<string> OwnAddresses(int network) =>
        [$"10.77.{network}.{200 + Machine.Number}/24", $"fd77:{network}::f:{Machine.Number}/64"];

    public Task ReplaceOwnAddressesAsync(int network)
    {
        var device = LabHost.Device(network);
        var addresses = OwnAddresses(network).Append($"{Machine.IPv6(network)}/64");
        return Machine.IpAsync(string.Join('\n', addresses.Select(
            address => $"addr replace {address} dev {device}{(address.Contains(':', StringComparison.Ordinal) ? " nodad" : "")}")));
    }
}

/// <summary>The small file system that a daemon keeps its state in.</summary>
internal sealed class StateVolume(string path)
{
    public const int Kibibytes = 128;

    public string Path => path;

    private string Filling => System.IO.Path.Combine(path, "filling");

    /// <summary>Takes all that is free.</summary>
    public void Fill()
    {
        using var file = new FileStream(Filling, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0);
        var page = new byte[4096];
        try
        {
            for (var i = 0; i <= Kibibytes / 4; i++)
                file.Write(page);
        }
        catch (IOException) when (new DriveInfo(path).AvailableFreeSpace == 0)
        {
            return;
        }
        throw new InvalidOperationException($"{path} does not fill up.");
    }

    public void Free() => File.Delete(Filling);
}
