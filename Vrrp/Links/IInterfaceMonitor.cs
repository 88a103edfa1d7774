namespace Vrrp.Links;

/// <summary>What is known of one interface.</summary>
public sealed record InterfaceFacts
{
    /// <summary>Index.</summary>
    public required int Index { get; init; }

    /// <summary>Name.</summary>
    public required string Name { get; init; }

    /// <summary>Whether it is administratively up and has carrier (IFF_UP and IFF_RUNNING).</summary>
    public required bool IsUp { get; init; }

    /// <summary>Hardware address; zero when it has none of six octets.</summary>
    public MacAddress MacAddress { get; init; }

    /// <summary>Largest IP packet in octets.</summary>
    public int Mtu { get; init; }

    /// <summary>Whether it is a loopback interface, which cannot carry VRRP.</summary>
    public bool IsLoopback { get; init; }

    /// <summary>Whether it can multicast.</summary>
    public bool SupportsMulticast { get; init; }
}

/// <summary>An address seen on an interface.</summary>
/// <param name="InterfaceIndex">Index of the interface.</param>
/// <param name="Address">The address.</param>
/// <param name="PrefixLength">Its prefix length.</param>
/// <param name="IsUsableSource">False while tentative or failed: no source for advertisements.</param>
/// <param name="IsOurs">Whether it bears the mark of this node's address table.</param>
public readonly record struct InterfaceAddress(
    int InterfaceIndex, IPAddressValue Address, byte PrefixLength, bool IsUsableSource, bool IsOurs);

/// <summary>Takes what happens to interfaces and addresses.</summary>
public interface IInterfaceSink
{
    /// <summary>An interface appeared or changed.</summary>
    /// <param name="facts">All that is known of it now.</param>
    void InterfaceChanged(InterfaceFacts facts);

    /// <summary>An interface is gone.</summary>
    /// <param name="index">Its index.</param>
    void InterfaceRemoved(int index);

    /// <summary>An address appeared or changed.</summary>
    /// <param name="address">The address.</param>
    void AddressAdded(in InterfaceAddress address);

    /// <summary>An address is gone.</summary>
    /// <param name="address">The address.</param>
    void AddressRemoved(in InterfaceAddress address);

    /// <summary>The kernel dropped events: what follows is a complete listing, and what it does not name is gone.</summary>
    void ListingStarted();

    /// <summary>The listing is complete.</summary>
    void ListingEnded();
}

/// <summary>Hears of interfaces and addresses as they change; all calls come from the engine's thread.</summary>
public interface IInterfaceMonitor : IDisposable
{
    /// <summary>Descriptor that polls readable when something changed, or −1.</summary>
    int Descriptor { get; }

    /// <summary>Tells all that exists, between <see cref="IInterfaceSink.ListingStarted"/> and <see cref="IInterfaceSink.ListingEnded"/>.</summary>
    /// <param name="sink">The taker.</param>
    void List(IInterfaceSink sink);

    /// <summary>Tells what changed since the last call, without waiting; lists everything again when the kernel lost events.</summary>
    /// <param name="sink">The taker.</param>
    void Receive(IInterfaceSink sink);
}
