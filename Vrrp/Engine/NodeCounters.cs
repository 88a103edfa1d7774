using Vrrp.Packets;

namespace Vrrp;

/// <summary>Counters of a node that belong to no virtual router (the global group of RFC 8347). They only grow while the node lives.</summary>
public sealed class NodeCounters
{
    private readonly long[] _dropped = new long[256];

    internal NodeCounters()
    {
    }

    /// <summary>Packets that came from an address of this host: another host has it too, or the network sends our packets back.</summary>
    public long OwnAddressHeard { get; internal set; }

    /// <summary>Packets dropped for a reason before a virtual router was found for them.</summary>
    /// <param name="reason">The reason.</param>
    /// <returns>How many.</returns>
    public long Dropped(PacketRejection reason) => _dropped[(byte)reason];

    /// <summary>Packets dropped before a virtual router was found for them, for whatever reason.</summary>
    internal long DroppedTotal { get; private set; }

    internal void CountDropped(PacketRejection reason)
    {
        DroppedTotal++;
        _dropped[(byte)reason]++;
    }

    internal NodeCounters Copy()
    {
        var copy = new NodeCounters { OwnAddressHeard = OwnAddressHeard, DroppedTotal = DroppedTotal };
        _dropped.CopyTo(copy._dropped, 0);
        return copy;
    }
}
