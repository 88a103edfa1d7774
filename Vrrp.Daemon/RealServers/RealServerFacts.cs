using System.Collections.Immutable;

namespace Vrrp.Daemon.RealServers;

/// <summary>A network device.</summary>
/// <param name="Name">Its name.</param>
/// <param name="IsUp">Whether it is set up.</param>
/// <param name="SpeaksArp">Whether it asks and answers for addresses: not lo, not a tunnel.</param>
internal sealed record DeviceFacts(string Name, bool IsUp, bool SpeaksArp);

/// <summary>An address on a device.</summary>
internal readonly record struct AddressFacts(string Device, IPAddressValue Address, byte PrefixLength)
{
    public override string ToString() => $"{Address}/{PrefixLength}";
}

/// <summary>What the kernel has at a moment, of all that concerns a real server.</summary>
internal sealed record RealServerFacts(
    ImmutableArray<DeviceFacts> Devices,
    ImmutableArray<AddressFacts> Addresses,
    ImmutableDictionary<KernelSetting, int> Settings)
{
    public DeviceFacts? Device(string name) => Devices.FirstOrDefault(device => device.Name == name);

    public bool Has(RealServerVip vip) => Addresses.Contains(new(vip.Device, vip.Address, vip.PrefixLength));

    /// <summary>What a setting has; null when there is no such device.</summary>
    public int? Find(KernelSetting setting) => Settings.TryGetValue(setting, out int value) ? value : null;

    /// <summary>These facts, but only of some addresses, if any are named, and without the devices that a mode does not look at.</summary>
    public RealServerFacts Only(ImmutableArray<IPAddressValue> addresses, RealServerMode? mode) => this with
    {
        Devices = Devices.RemoveAll(device => mode switch
        {
            RealServerMode.DirectRoute => device.Name is RealServerVip.IPv4Tunnel or RealServerVip.IPv6Tunnel,
            RealServerMode.Tunnel => device.Name is RealServerVip.Loopback,
            _ => false,
        }),
        Addresses = addresses.IsEmpty ? Addresses : Addresses.RemoveAll(address => !addresses.Contains(address.Address)),
    };
}
