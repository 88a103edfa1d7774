using System.Diagnostics.CodeAnalysis;
using System.Text;
using Vrrp.Netlink;
using static Vrrp.Netlink.RouteMessages;

namespace Vrrp.Links;

/// <summary>Link and address messages of the kernel to what the engine is told; it remembers each interface, because the kernel repeats itself.</summary>
internal sealed class InterfaceMessages(AddressMarks marks)
{
    private readonly Dictionary<int, InterfaceFacts> _known = [];

    /// <summary>Before a listing.</summary>
    public void Forget() => _known.Clear();

    /// <summary>Tells of an interface, whether or not it is news.</summary>
    public void Tell(InterfaceFacts facts, IInterfaceSink sink)
    {
        _known[facts.Index] = facts;
        sink.InterfaceChanged(facts);
    }

    /// <summary>Tells what a notification says that is not known yet.</summary>
    public void Read(in NetlinkMessage message, IInterfaceSink sink)
    {
        if (TryReadAddress(message, out var address))
        {
            var seen = LinuxAddressTable.ToInterfaceAddress(address, marks.IsOurs(address));
            if (message.Type == RTM_NEWADDR)
                sink.AddressAdded(seen);
            else
                sink.AddressRemoved(seen);
        }
        else if (message.Type == RTM_DELLINK)
        {
            if (TryReadLink(message, out var link) && _known.Remove(link.Index))
                sink.InterfaceRemoved(link.Index);
        }
        else if (TryReadFacts(message, out var facts) && (!_known.TryGetValue(facts.Index, out var known) || known != facts))
        {
            Tell(facts, sink);
        }
    }

    /// <summary>Reads what a link message says of an interface.</summary>
    /// <returns>False when it is another message, or one that does not name the interface.</returns>
    public static bool TryReadFacts(in NetlinkMessage message, [NotNullWhen(true)] out InterfaceFacts? facts)
    {
        facts = null;
        if (!TryReadLink(message, out var link) || link.Name.IsEmpty)
            return false;
        facts = new()
        {
            Index = link.Index,
            Name = Encoding.UTF8.GetString(link.Name),
            IsUp = (link.Flags & (IFF_UP | IFF_RUNNING)) == (IFF_UP | IFF_RUNNING),
            MacAddress = link.MacAddress,
            Mtu = (int)Math.Min(link.Mtu, int.MaxValue),
            IsLoopback = (link.Flags & IFF_LOOPBACK) != 0,
            SupportsMulticast = (link.Flags & IFF_MULTICAST) != 0,
        };
        return true;
    }
}
