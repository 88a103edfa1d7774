using System.Collections.Immutable;
using Vrrp.Daemon.RealServers;

namespace Vrrp.Tests.RealServers;

/// <summary>A kernel in memory that refuses what it is told to refuse.</summary>
internal sealed class FakeRealServerKernel : IRealServerKernel
{
    public static readonly KernelSetting AllIgnore = new(KernelSetting.All, KernelSetting.ArpIgnore);
    public static readonly KernelSetting AllAnnounce = new(KernelSetting.All, KernelSetting.ArpAnnounce);
    public static readonly KernelSetting AllFilter = new(KernelSetting.All, KernelSetting.ReversePathFilter);
    public static readonly KernelSetting LoopbackIgnore = new(RealServerVip.Loopback, KernelSetting.ArpIgnore);
    public static readonly KernelSetting TunnelFilter = new(RealServerVip.IPv4Tunnel, KernelSetting.ReversePathFilter);

    public FakeRealServerKernel(params string[] tunnels)
    {
        Add(new("lo", IsUp: true, SpeaksArp: false), filter: 0);
        Add(new("eth0", IsUp: true, SpeaksArp: true), filter: 0);
        foreach (string tunnel in tunnels)
            Add(new(tunnel, IsUp: false, SpeaksArp: false), filter: 2);
        Set(AllIgnore, 0);
        Set(AllAnnounce, 0);
        Set(AllFilter, 1);
        Facts = Facts with { Addresses = [At("lo", "127.0.0.1", 8), At("lo", "::1", 128), At("eth0", "10.0.0.5", 24)] };
    }

    public RealServerFacts Facts { get; set; } = new([], [], ImmutableDictionary<KernelSetting, int>.Empty);

    public List<RealServerChange> Applied { get; } = [];

    /// <summary>Asked before each change, with how many there were; an exception refuses it.</summary>
    public Action<int, RealServerChange> Before { get; set; } = (_, _) => { };

    public static AddressFacts At(string device, string address, byte prefixLength) => new(device, IPAddressValue.Parse(address), prefixLength);

    public static RealServerVip Dr(string address) => new(IPAddressValue.Parse(address), RealServerMode.DirectRoute);

    public static RealServerVip Tun(string address) => new(IPAddressValue.Parse(address), RealServerMode.Tunnel);

    public void Set(KernelSetting setting, int value) => Facts = Facts with { Settings = Facts.Settings.SetItem(setting, value) };

    /// <summary>All of it, as text that can be compared.</summary>
    public override string ToString() => string.Join('\n',
    [
        .. Facts.Devices.Select(device => device.ToString()),
        .. Facts.Addresses.Select(address => address.Device + " " + address).Order(StringComparer.Ordinal),
        .. Facts.Settings.Select(setting => $"{setting.Key} {setting.Value}").Order(StringComparer.Ordinal),
    ]);

    public RealServerFacts Read() => Facts;

    public bool Apply(RealServerChange change)
    {
        Before(Applied.Count, change);
        Applied.Add(change);
        switch (change)
        {
            case RealServerChange.CreateTunnel create:
                Add(new(create.Device, IsUp: false, SpeaksArp: false), filter: 2);
                break;
            case RealServerChange.DeleteTunnel delete:
                Facts = Facts with
                {
                    Devices = Facts.Devices.RemoveAll(device => device.Name == delete.Device),
                    Addresses = Facts.Addresses.RemoveAll(address => address.Device == delete.Device),
                    Settings = Facts.Settings.RemoveRange(Facts.Settings.Keys.Where(setting => setting.Device == delete.Device)),
                };
                break;
            case RealServerChange.SetLink link:
                Facts = Facts with { Devices = [.. Facts.Devices.Select(device => device.Name == link.Device ? device with { IsUp = link.Up } : device)] };
                break;
            case RealServerChange.WriteSetting write:
                Set(write.Setting, write.To);
                break;
            case RealServerChange.AddAddress add:
                Facts = Facts with { Addresses = Facts.Addresses.Add(new(add.Vip.Device, add.Vip.Address, add.Vip.PrefixLength)) };
                break;
            case RealServerChange.RemoveAddress remove:
                Facts = Facts with { Addresses = Facts.Addresses.Remove(new(remove.Vip.Device, remove.Vip.Address, remove.Vip.PrefixLength)) };
                break;
        }

        return true;
    }

    private void Add(DeviceFacts device, int filter)
    {
        Facts = Facts with { Devices = Facts.Devices.Add(device) };
        Set(new(device.Name, KernelSetting.ArpIgnore), 0);
        Set(new(device.Name, KernelSetting.ArpAnnounce), 0);
        Set(new(device.Name, KernelSetting.ReversePathFilter), filter);
    }
}
