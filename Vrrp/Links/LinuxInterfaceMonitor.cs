using Vrrp.Linux;
using Vrrp.Netlink;
using static Vrrp.Netlink.RouteMessages;

namespace Vrrp.Links;

/// <summary>Hears of interfaces and addresses of the network namespace in which it was opened, over rtnetlink. Needs no capability.</summary>
public sealed class LinuxInterfaceMonitor : IInterfaceMonitor, INetlinkSink
{
    private readonly AddressMarks _marks;
    private readonly NetlinkSocket _events;
    private readonly NetlinkSocket _requests;
    private readonly byte[] _buffer = new byte[64];
    private readonly InterfaceMessages _messages;
    private readonly List<AddressRecord> _listedAddresses = [];
    private readonly List<InterfaceFacts> _listedLinks = [];
    private readonly Lister _lister;
    private IInterfaceSink? _sink;

    /// <summary>Opens a monitor of the calling thread's network namespace.</summary>
    /// <param name="mark">The mark of the address table whose addresses are to be told as ours.</param>
    /// <exception cref="LinuxException">Out of descriptors or memory.</exception>
    public LinuxInterfaceMonitor(byte mark = AddressMarks.Default)
        : this(new AddressMarks(mark))
    {
    }

    internal LinuxInterfaceMonitor(AddressMarks marks, int receiveBuffer = 8 * 1024 * 1024)
    {
        _marks = marks;
        _messages = new(marks);
        _lister = new(this);
        // Subscribed first, listed later: nothing can happen between the two unheard.
        _events = new(Nlmsg.NETLINK_ROUTE, [RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR], receiveBuffer);
        try
        {
            _requests = new(Nlmsg.NETLINK_ROUTE);
        }
        catch
        {
            _events.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public int Descriptor => _events.Descriptor;

    /// <inheritdoc/>
    public void List(IInterfaceSink sink)
    {
        ArgumentNullException.ThrowIfNull(sink);
        // What happened before the listing is in it.
        _events.Discard();
        var writer = new NetlinkWriter(_buffer);
        WriteLinkDump(ref writer, _requests.NextSequence());
        _requests.Query(writer.Written, _lister, "list interfaces");
        writer = new NetlinkWriter(_buffer);
        WriteAddressDump(ref writer, _requests.NextSequence(), AF_UNSPEC, 0);
        _lister.IsListingAddresses = true;
        try
        {
            _requests.Query(writer.Written, _lister, "list addresses");
        }
        finally
        {
            _lister.IsListingAddresses = false;
        }

        sink.ListingStarted();
        _messages.Forget();
        foreach (var facts in _listedLinks)
            _messages.Tell(facts, sink);

        foreach (var record in _listedAddresses)
            sink.AddressAdded(LinuxAddressTable.ToInterfaceAddress(record, _marks.IsOurs(record)));
        sink.ListingEnded();
    }

    /// <inheritdoc/>
    public void Receive(IInterfaceSink sink)
    {
        ArgumentNullException.ThrowIfNull(sink);
        _sink = sink;
        bool complete = _events.ReceiveNotifications(this);
        _sink = null;
        if (!complete)
            List(sink);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _events.Dispose();
        _requests.Dispose();
    }

    void INetlinkSink.Restart()
    {
    }

    void INetlinkSink.Message(in NetlinkMessage message) => _messages.Read(message, _sink!);

    // Dumps are collected before they are told: one that was interrupted starts anew.
    private sealed class Lister(LinuxInterfaceMonitor owner) : INetlinkSink
    {
        public bool IsListingAddresses { get; set; }

        public void Restart()
        {
            if (IsListingAddresses)
                owner._listedAddresses.Clear();
            else
                owner._listedLinks.Clear();
        }

        public void Message(in NetlinkMessage message)
        {
            if (IsListingAddresses && TryReadAddress(message, out var address))
                owner._listedAddresses.Add(address);
            else if (!IsListingAddresses && InterfaceMessages.TryReadFacts(message, out var facts))
                owner._listedLinks.Add(facts);
        }
    }
}
