using System.Collections.Immutable;
using System.Globalization;
using Vrrp.Links;
using Vrrp.Simulation;

namespace Vrrp.Tests.Engine;

/// <summary>A simulated kernel for a node with a thread of its own: there is no LAN, what the node sends goes nowhere.</summary>
internal sealed class RecordingPlatform : ISimulatedHost
{
    public RecordingPlatform() => Kernel = new(this, new());

    public SimulatedPlatform Kernel { get; }

    /// <summary>What the engine did, in order: +address, -address, adv priority.</summary>
    // The engine may write to it on a thread of its own.
    public ImmutableArray<string> Log { get; private set; } = [];

    /// <summary>Called on the engine's thread for each address that is installed: a kernel that takes its time.</summary>
    public Action Installing { get; set; } = () => { };

    public SimulatedInterface AddInterface(int index, string name, params string[] addresses)
    {
        var at = Kernel.AddInterface(index, name, MacAddress.Read([2, 0, 0, 0, 0, (byte)index]));
        foreach (string address in addresses)
            Kernel.AddAddress(at, IPAddressValue.Parse(address), 24);
        return at;
    }

    void ISimulatedHost.Wake()
    {
    }

    string ISimulatedHost.NameOf(int token) => "";

    void ISimulatedHost.Sent(SimulatedInterface at, SimulatedPacket packet) =>
        Log = Log.Add(string.Create(CultureInfo.InvariantCulture, $"adv {packet.Octet(2)}"));

    void ISimulatedHost.Announced(SimulatedInterface at, IPAddressValue address, string virtualRouter)
    {
    }

    void ISimulatedHost.Installed(SimulatedInterface at, in InterfaceAddress address)
    {
        Installing();
        Log = Log.Add($"+{address.Address}");
    }

    void ISimulatedHost.Removed(SimulatedInterface at, in InterfaceAddress address) => Log = Log.Add($"-{address.Address}");
}
