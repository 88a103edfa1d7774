namespace Vrrp.Simulation;

/// <summary>Where an interface of a node is plugged in; it stays when the interface goes, and is there for the next of that name.</summary>
internal sealed class NetworkPort(SimulatedNetwork network, int index, SimulatedNode node, string interfaceName)
{
    public SimulatedNetwork Network => network;

    public int Index => index;

    public SimulatedNode Node => node;

    public string InterfaceName => interfaceName;

    /// <summary>Null while the interface does not exist.</summary>
    public SimulatedInterface? Interface { get; set; }

    /// <summary>10.network.0.port, counted from 1.</summary>
    public IPAddressValue Address { get; } =
        IPAddressValue.FromIPv4((10u << 24) | ((uint)network.Index << 16) | (uint)(index + 1));

    public IPAddressValue LinkLocalAddress { get; } =
        IPAddressValue.Read([0xFE, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, (byte)((index + 1) >> 8), (byte)(index + 1)]);

    public MacAddress MacAddress { get; } =
        MacAddress.Read([2, 0, 0, (byte)network.Index, (byte)((index + 1) >> 8), (byte)(index + 1)]);
}

/// <summary>One Ethernet of a <see cref="SimulatedLan"/>: what one port sends, all others can hear.</summary>
internal sealed class SimulatedNetwork(string name, int index)
{
    public string Name => name;

    public int Index => index;

    public List<NetworkPort> Ports { get; } = [];

    public NetworkPort Plug(SimulatedNode node, string interfaceName)
    {
        foreach (var port in Ports)
        {
            if (port.Node == node && port.InterfaceName == interfaceName)
                return port;
        }

        if (Ports.Count == 65_000)
            throw new InvalidOperationException($"Network {name} is full.");
        var added = new NetworkPort(this, Ports.Count, node, interfaceName);
        Ports.Add(added);
        return added;
    }
}

/// <summary>A packet on its way to those ports of a network that it reaches at the same time. Used again after it arrived.</summary>
internal sealed class SimulatedDelivery
{
    public SimulatedPacket Packet { get; set; } = null!;

    public SimulatedNetwork Network { get; set; } = null!;

    /// <summary>Index of the port that the lowest bit of <see cref="Targets"/> stands for.</summary>
    public int FirstPort { get; set; }

    public ulong Targets { get; set; }
}

/// <summary>The way from one node to another.</summary>
internal struct LinkState
{
    /// <summary>Null: as everywhere on the LAN.</summary>
    public LinkConditions? Conditions;

    public bool IsCut;

    /// <summary>When the last packet that keeps its place arrives, in nanoseconds.</summary>
    public long LastArrival;
}
