using System.Globalization;
using System.Net;
using System.Net.NetworkInformation;
using System.Text.Json;

namespace Vrrp.Tests.Linux.Lab;

/// <summary>One machine of the laboratory: a network namespace with a port on each bridge.</summary>
internal sealed class LabHost : IAsyncDisposable
{
    private readonly Laboratory _lab;
    private readonly HashSet<(string Device, IPAddress Address)> _addresses = [];
    private BackgroundProcess? _monitor;

    public LabHost(Laboratory lab, string name, int number)
    {
        _lab = lab;
        Name = name;
        Number = number;
        Namespace = $"{lab.Prefix}{name}";
        AddressLog = new LineLog(lab.Changed);
    }

    public string Name { get; }

    /// <summary>The last part of all its addresses. Of two hosts, the one with the higher number wins a tie.</summary>
    public int Number { get; }

    public string Namespace { get; }

    /// <summary>Each address that came or went, as <c>ip monitor</c> says it.</summary>
    public LineLog AddressLog { get; }

    public static string Device(int network) => $"eth{network}";

    public PhysicalAddress Mac(int network) => new([2, 0, 0, 0, (byte)network, (byte)Number]);

    public IPAddress IPv4(int network) => IPAddress.Parse($"10.77.{network}.{Number}");

    public IPAddress IPv6(int network) => IPAddress.Parse($"fd77:{network}::{Number}");

    public IPAddress LinkLocal(int network) => IPAddress.Parse($"fe80::ff:fe00:{(network << 8) | Number:x}");

    public bool HasAddress(IPAddress address, int network = 0) => HasAddress(address, Device(network));

    public bool HasAddress(IPAddress address, string device)
    {
        lock (_addresses)
            return _addresses.Contains((device, address));
    }

    public async Task StartAsync(int networks)
    {
        _monitor = BackgroundProcess.Start("ip", ["-n", Namespace, "-o", "monitor", "address"], AddressLog, _lab.Changed);
        // The monitor does not say when it has begun to listen.
        await _lab.Changed.PokeUntilAsync(
            $"address monitor of {Name}", () => IpAsync("addr add 127.0.0.2/32 dev lo\naddr del 127.0.0.2/32 dev lo"), () => AddressLog.Count > 0);
        AddressLog.Added += Apply;
        for (var network = 0; network < networks; network++)
            await ConfigureInterfaceAsync(network);
        await _lab.Changed.WaitForAsync(
            $"addresses of {Name}", Laboratory.Patience,
            () => Enumerable.Range(0, networks).All(network => HasAddress(LinkLocal(network), network) && HasAddress(IPv4(network), network)));
    }

    /// <summary>An interface with a cable to the bridge; a new one has the hardware address of the one before it.</summary>
    public Task AddInterfaceAsync(int network)
    {
        var mac = string.Join(':', Mac(network).GetAddressBytes().Select(octet => octet.ToString("x2", CultureInfo.InvariantCulture)));
        return _lab.SwitchAsync($"""
            link add {Port(network)} type veth peer name {Device(network)} address {mac} netns {Namespace}
            link set {Port(network)} master br{network} up
            """);
    }

    /// <summary>Takes an interface out, with its cable and all its addresses.</summary>
    public Task RemoveInterfaceAsync(int network) => IpAsync($"link del {Device(network)}");

    /// <summary>Brings a new interface up with this host's own addresses.</summary>
    public async Task ConfigureInterfaceAsync(int network)
    {
        var device = Device(network);
        // No duplicate address detection: link-local addresses are ready at once. No lock time: a neighbour entry follows every ARP.
        await InsideAsync(
            "sh", "-c", $"echo 0 >/proc/sys/net/ipv6/conf/{device}/accept_dad; echo 0 >/proc/sys/net/ipv4/neigh/{device}/locktime");
        await IpAsync($"""
            link set {device} up
            addr add {IPv4(network)}/24 dev {device}
            addr add {IPv6(network)}/64 dev {device} nodad
            """);
    }

    /// <summary>Runs iproute2 commands, one a line.</summary>
    public Task IpAsync(string batch) => Tool.RunAsync("ip", ["-n", Namespace, "-batch", "-"], batch);

    public Task<string> InsideAsync(params string[] command) => Tool.RunAsync("ip", ["netns", "exec", Namespace, .. command]);

    public Task SetLinkAsync(int network, bool up) => IpAsync($"link set {Device(network)} {(up ? "up" : "down")}");

    /// <summary>The cable between this host and the bridge: without it the link stays up and the carrier goes.</summary>
    public Task SetCableAsync(int network, bool plugged) => _lab.SwitchAsync($"link set {Port(network)} {(plugged ? "up" : "down")}");

    /// <summary>What comes to this host is delayed, lost or reordered as netem says; the capture of the bridge sees it before that.</summary>
    /// <param name="network">The bridge it comes from.</param>
    /// <param name="netem">netem's words; empty ends it.</param>
    public Task SetNetemAsync(int network, string netem) => netem.Length == 0
        ? _lab.SwitchQueueAsync("del", "dev", Port(network), "root")
        : _lab.SwitchQueueAsync(["replace", "dev", Port(network), "root", "netem", .. netem.Split(' ')]);

    /// <summary>Isolated hosts reach all others but not each other, with their links up.</summary>
    public Task SetIsolatedAsync(int network, bool isolated) =>
        _lab.SwitchAsync($"link set {Port(network)} type bridge_slave isolated {(isolated ? "on" : "off")}");

    public string Port(int network) => $"{Name}{network}";

    /// <summary>Whether an address answers one of three requests: the first may be lost while neighbours are resolved.</summary>
    public async Task<bool> PingAsync(IPAddress address)
    {
        for (var attempt = 0; attempt < 3; attempt++)
        {
            var (exitCode, _, _) = await Tool.TryRunAsync("ip", ["netns", "exec", Namespace, "ping", "-n", "-c", "1", "-W", "1", address.ToString()]);
            if (exitCode == 0)
                return true;
        }
        return false;
    }

    /// <summary>Asks for an address every 10 ms until disposed; the capture has the answers.</summary>
    public BackgroundProcess StartProbe(IPAddress address) => BackgroundProcess.Start(
        "ip", ["netns", "exec", Namespace, "ping", "-n", "-q", "-i", "0.01", address.ToString()], new LineLog(_lab.Changed), _lab.Changed);

    /// <summary>Where this host thinks that an address is.</summary>
    public async Task<PhysicalAddress?> NeighborAsync(IPAddress address)
    {
        using var entries = JsonDocument.Parse(await Tool.RunAsync("ip", ["-n", Namespace, "-j", "neigh", "show", address.ToString()]));
        return entries.RootElement.EnumerateArray()
            .Where(entry => entry.TryGetProperty("lladdr", out _))
            .Select(entry => PhysicalAddress.Parse(entry.GetProperty("lladdr").GetString()))
            .FirstOrDefault();
    }

    /// <summary>The addresses of a device as the kernel lists them now.</summary>
    public async Task<IPAddress[]> ReadAddressesAsync(int network)
    {
        using var links = JsonDocument.Parse(await Tool.RunAsync("ip", ["-n", Namespace, "-j", "addr", "show", "dev", Device(network)]));
        return [.. links.RootElement.EnumerateArray()
            .SelectMany(link => link.GetProperty("addr_info").EnumerateArray())
            .Select(address => IPAddress.Parse(address.GetProperty("local").GetString()!))];
    }

    public async ValueTask DisposeAsync()
    {
        if (_monitor is not null)
            await _monitor.DisposeAsync();
    }

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Name} (.{Number})");

    /// <summary><c>[Deleted ]2: eth0    inet 10.77.0.11/24 …</c></summary>
    private void Apply(string line)
    {
        var words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        var gone = words is ["Deleted", ..];
        if (gone)
            words = words[1..];
        if (words is not [_, var device, "inet" or "inet6", var prefix, ..] || !IPAddress.TryParse(prefix.Split('/')[0], out var address))
            return;
        lock (_addresses)
        {
            if (gone)
                _addresses.Remove((device, address));
            else
                _addresses.Add((device, address));
        }
    }
}
