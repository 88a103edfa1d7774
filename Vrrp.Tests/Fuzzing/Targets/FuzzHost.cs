using Vrrp.Links;
using Vrrp.Simulation;

namespace Vrrp.Tests.Fuzzing.Targets;

/// <summary>A simulated kernel with two interfaces for an engine without a LAN: what it sends goes nowhere, what it does to addresses is counted.</summary>
internal sealed class FuzzHost : ISimulatedHost
{
    public FuzzHost()
    {
        Kernel = new(this, new());
        Add(2, "eth0", "192.0.2.2", "fe80::2");
        Add(3, "eth1", "198.51.100.2");
    }

    public SimulatedPlatform Kernel { get; }

    /// <summary>Addresses installed and removed.</summary>
    public int Changes { get; private set; }

    void ISimulatedHost.Wake()
    {
    }

    string ISimulatedHost.NameOf(int token) => "";

    void ISimulatedHost.Sent(SimulatedInterface at, SimulatedPacket packet)
    {
    }

    void ISimulatedHost.Announced(SimulatedInterface at, IPAddressValue address, string virtualRouter)
    {
    }

    void ISimulatedHost.Installed(SimulatedInterface at, in InterfaceAddress address) => Changes++;

    void ISimulatedHost.Removed(SimulatedInterface at, in InterfaceAddress address) => Changes++;

    private void Add(int index, string name, params string[] addresses)
    {
        var at = Kernel.AddInterface(index, name, MacAddress.Read([2, 0, 0, 0, 0, (byte)index]));
        foreach (string address in addresses)
            Kernel.AddAddress(at, IPAddressValue.Parse(address), 24);
    }
}
