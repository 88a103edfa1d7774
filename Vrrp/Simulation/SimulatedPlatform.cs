using System.Diagnostics.CodeAnalysis;
using Vrrp.Links;
using Vrrp.Linux;

namespace Vrrp.Simulation;

/// <summary>What a <see cref="SimulatedPlatform"/> tells whoever it is part of.</summary>
internal interface ISimulatedHost
{
    /// <summary>Something waits to be read.</summary>
    void Wake();

    /// <summary>The name of the virtual router of a token.</summary>
    string NameOf(int token);

    /// <summary>A packet leaves; who keeps it adds a reference.</summary>
    void Sent(SimulatedInterface at, SimulatedPacket packet);

    /// <summary>An announcement leaves.</summary>
    void Announced(SimulatedInterface at, IPAddressValue address, string virtualRouter);

    /// <summary>The engine installed an address.</summary>
    void Installed(SimulatedInterface at, in InterfaceAddress address);

    /// <summary>The engine removed an address.</summary>
    void Removed(SimulatedInterface at, in InterfaceAddress address);
}

/// <summary>An interface of a simulated kernel.</summary>
internal sealed class SimulatedInterface(int index, string name, MacAddress macAddress)
{
    public InterfaceFacts Facts { get; set; } =
        new() { Index = index, Name = name, IsUp = true, MacAddress = macAddress, Mtu = 1500, SupportsMulticast = true };

    public List<InterfaceAddress> Addresses { get; } = [];

    /// <summary>Administratively up (IFF_UP).</summary>
    public bool IsEnabled { get; set; } = true;

    /// <summary>Carrier (IFF_RUNNING).</summary>
    public bool HasCarrier { get; set; } = true;

    public SimulatedLink? Link4 { get; set; }

    public SimulatedLink? Link6 { get; set; }

    /// <summary>Where it is plugged in; null outside a LAN.</summary>
    public NetworkPort? Port { get; set; }

    public SimulatedLink? Link(IPFamily family) => family == IPFamily.IPv4 ? Link4 : Link6;

    public bool Has(IPAddressValue address)
    {
        foreach (var present in Addresses)
        {
            if (present.Address == address)
                return true;
        }

        return false;
    }
}

/// <summary>
/// The kernel of one host: interfaces, their addresses, sockets, and the events it queues for the monitor. It outlives the engine, as a
/// kernel outlives a process that is killed.
/// </summary>
internal sealed class SimulatedPlatform(ISimulatedHost host, SimulatedPacketPool packets) : IVrrpPlatform
{
    // In the order of their indexes, which only grow.
    private readonly List<SimulatedInterface> _interfaces = [];
    private readonly Queue<Action<IInterfaceSink>> _events = new();
    private readonly Dictionary<IPAddressValue, int> _refused = [];

    public ISimulatedHost Host => host;

    public SimulatedPacketPool Packets => packets;

    public List<SimulatedLink> Links { get; } = [];

    /// <summary>Packets that a socket holds until they are read.</summary>
    public int SocketCapacity { get; set; } = 4096;

    /// <summary>The errno with which no address is removed; 0: they are.</summary>
    public int RemovalError { get; set; }

    /// <summary>The errno with which links cannot be opened; 0: they can.</summary>
    public int OpenError { get; set; }

    /// <summary>The errno with which advertisements fail; 0: they do not.</summary>
    public int AdvertisementError { get; set; }

    /// <summary>The errno with which announcements fail; 0: they do not.</summary>
    public int FrameError { get; set; }

    /// <summary>Why the packet filter refuses; null: it does not.</summary>
    public string? FilterFailure { get; set; }

    /// <summary>What the packet filter blocks, as often as it was told to.</summary>
    public List<IPAddressValue> Blocked { get; } = [];

    /// <summary>Told what the packet filter is asked for, in order: true for blocking.</summary>
    public Action<bool, IPAddressValue>? Filtered { get; set; }

    public bool HasLostEvents { get; private set; }

    /// <summary>Counts every change of interfaces and addresses, whoever made it.</summary>
    public long Version { get; private set; }

    /// <summary>Packets that processes have read from their sockets.</summary>
    public long ReceivedCount { get; set; }

    /// <summary>Addresses that were not its own and that the process removed all the same.</summary>
    public long ForeignRemovals { get; private set; }

    /// <summary>The process is killed in the first turn of more operations than this, after as many; null: it is not.</summary>
    public int? CrashAfter { get; set; }

    /// <summary>Addresses installed and removed and packets sent in the present turn.</summary>
    public int Operations { get; set; }

    public bool HasEvents => _events.Count > 0 || HasLostEvents;

    public List<SimulatedInterface> Interfaces => _interfaces;

    public SimulatedInterface? Find(int index)
    {
        foreach (var at in _interfaces)
        {
            if (at.Facts.Index == index)
                return at;
        }

        return null;
    }

    public SimulatedInterface? Find(string name)
    {
        foreach (var at in _interfaces)
        {
            if (at.Facts.Name == name)
                return at;
        }

        return null;
    }

    public SimulatedInterface Interface(string name) =>
        Find(name) ?? throw new ArgumentException($"There is no interface {name}.", nameof(name));

    /// <summary>Whether an address is on an interface.</summary>
    public bool Has(IPAddressValue address)
    {
        foreach (var at in _interfaces)
        {
            if (at.Has(address))
                return true;
        }

        return false;
    }

    public SimulatedInterface AddInterface(int index, string name, MacAddress macAddress)
    {
        var at = new SimulatedInterface(index, name, macAddress);
        _interfaces.Add(at);
        TellFacts(at);
        return at;
    }

    public void RemoveInterface(SimulatedInterface at)
    {
        _interfaces.Remove(at);
        foreach (var address in at.Addresses)
            Tell(sink => sink.AddressRemoved(address));
        Tell(sink => sink.InterfaceRemoved(at.Facts.Index));
    }

    public void Change(SimulatedInterface at, Func<InterfaceFacts, InterfaceFacts> change)
    {
        at.Facts = change(at.Facts);
        TellFacts(at);
    }

    /// <summary>After <see cref="SimulatedInterface.IsEnabled"/> or <see cref="SimulatedInterface.HasCarrier"/> changed.</summary>
    public void UpdateState(SimulatedInterface at)
    {
        bool isUp = at is { IsEnabled: true, HasCarrier: true };
        if (at.Facts.IsUp != isUp)
            Change(at, facts => facts with { IsUp = isUp });
    }

    /// <summary>Someone else, or a process that was killed, installs an address.</summary>
    public void AddAddress(SimulatedInterface at, IPAddressValue address, byte prefixLength, bool isOurs = false)
    {
        var added = new InterfaceAddress(at.Facts.Index, address, prefixLength, IsUsableSource: true, isOurs);
        at.Addresses.Add(added);
        Tell(sink => sink.AddressAdded(added));
    }

    /// <summary>Someone else removes an address.</summary>
    /// <returns>False when it is on no interface.</returns>
    public bool TakeAway(IPAddressValue address)
    {
        foreach (var at in _interfaces)
        {
            if (TakeAway(at, present => present.Address == address) > 0)
                return true;
        }

        return false;
    }

    public int TakeAway(SimulatedInterface at, Predicate<InterfaceAddress> isTaken)
    {
        int count = 0;
        for (int i = at.Addresses.Count - 1; i >= 0; i--)
        {
            var taken = at.Addresses[i];
            if (!isTaken(taken))
                continue;
            at.Addresses.RemoveAt(i);
            Tell(sink => sink.AddressRemoved(taken));
            count++;
        }

        return count;
    }

    public bool IsRefused(IPAddressValue address) => _refused.ContainsKey(address);

    /// <summary>The process is about to have the kernel do something.</summary>
    /// <exception cref="SimulatedCrashException">It does not come to that.</exception>
    public void Operate()
    {
        if (Operations >= CrashAfter)
            throw new SimulatedCrashException();
        Operations++;
    }

    /// <summary>From now on an address is refused; 0: no longer.</summary>
    public void Refuse(IPAddressValue address, int error)
    {
        if (error == 0)
            _refused.Remove(address);
        else
            _refused[address] = error;
    }

    /// <summary>The queue overflows: what is in it is gone, and the next reading is a listing.</summary>
    public void LoseEvents()
    {
        _events.Clear();
        HasLostEvents = true;
        host.Wake();
    }

    /// <summary>The process is gone, and its sockets with it.</summary>
    public void CloseAll()
    {
        while (Links.Count > 0)
            Close(Links[^1]);
        _events.Clear();
        HasLostEvents = false;
    }

    public void Close(SimulatedLink link)
    {
        link.Close();
        Links.Remove(link);
        foreach (var at in _interfaces)
        {
            if (at.Link4 == link)
                at.Link4 = null;
            if (at.Link6 == link)
                at.Link6 = null;
        }
    }

    public IInterfaceMonitor OpenMonitor()
    {
        _events.Clear();
        HasLostEvents = false;
        return new Monitor(this);
    }

    /// <summary>What the table is wrapped in; null: nothing.</summary>
    public Func<IAddressTable, IAddressTable>? AddressTable { get; init; }

    public IAddressTable OpenAddressTable() => AddressTable is null ? new Table(this) : AddressTable(new Table(this));

    public IVrrpLink OpenLink(InterfaceFacts facts, IPFamily family)
    {
        if (OpenError != 0)
            throw new LinuxException("open a raw socket", OpenError);
        var at = Find(facts.Index) ?? throw new LinuxException($"bind a raw socket to {facts.Name}", Errno.ENODEV);
        var link = new SimulatedLink(this, facts.Index, family);
        if (family == IPFamily.IPv4)
            at.Link4 = link;
        else
            at.Link6 = link;
        Links.Add(link);
        return link;
    }

    public IAcceptFilter OpenAcceptFilter() => new Filter(this);

    private void TellFacts(SimulatedInterface at)
    {
        var facts = at.Facts;
        Tell(sink => sink.InterfaceChanged(facts));
    }

    private void Tell(Action<IInterfaceSink> tell)
    {
        Version++;
        if (!HasLostEvents)
            _events.Enqueue(tell);
        host.Wake();
    }

    private sealed class Monitor(SimulatedPlatform platform) : IInterfaceMonitor
    {
        public int Descriptor => -1;

        public void List(IInterfaceSink sink)
        {
            platform._events.Clear();
            platform.HasLostEvents = false;
            sink.ListingStarted();
            foreach (var at in platform._interfaces.ToArray())
            {
                sink.InterfaceChanged(at.Facts);
                foreach (var address in at.Addresses.ToArray())
                    sink.AddressAdded(address);
            }

            sink.ListingEnded();
        }

        public void Receive(IInterfaceSink sink)
        {
            if (platform.HasLostEvents)
                List(sink);
            while (platform._events.TryDequeue(out var tell))
                tell(sink);
        }

        public void Dispose()
        {
        }
    }

    /// <summary>The rules are the kernel's: those of a process that was killed stay.</summary>
    private sealed class Filter(SimulatedPlatform platform) : IAcceptFilter
    {
        public bool TryBlock(ReadOnlySpan<AddressAssignment> addresses, [NotNullWhen(false)] out string? failure)
        {
            failure = platform.FilterFailure;
            if (failure is not null)
                return false;
            foreach (var assignment in addresses)
            {
                platform.Filtered?.Invoke(true, assignment.Address.Address);
                platform.Blocked.Add(assignment.Address.Address);
            }

            return true;
        }

        public bool TryUnblock(ReadOnlySpan<AddressAssignment> addresses, [NotNullWhen(false)] out string? failure)
        {
            failure = null;
            foreach (var assignment in addresses)
            {
                platform.Filtered?.Invoke(false, assignment.Address.Address);
                if (!platform.Blocked.Remove(assignment.Address.Address))
                    throw new InvalidOperationException($"{assignment.Address.Address} is unblocked and was not blocked.");
            }

            return true;
        }

        public void RemoveLeftBehind() => platform.Blocked.Clear();

        public void Dispose() => platform.Blocked.Clear();
    }

    private sealed class Table(SimulatedPlatform platform) : IAddressTable
    {
        public bool Install(ReadOnlySpan<AddressAssignment> addresses, Span<AddressOutcome> outcomes)
        {
            bool isComplete = true;
            for (int i = 0; i < addresses.Length; i++)
            {
                outcomes[i] = Install(addresses[i]);
                isComplete &= outcomes[i].Status != AddressStatus.Refused;
            }

            return isComplete;
        }

        public bool Remove(ReadOnlySpan<AddressAssignment> addresses, Span<AddressOutcome> outcomes)
        {
            if (platform.RemovalError != 0)
            {
                outcomes[..addresses.Length].Fill(new(AddressStatus.Refused, platform.RemovalError));
                return false;
            }

            for (int i = 0; i < addresses.Length; i++)
                outcomes[i] = new(Remove(addresses[i]), 0);
            return true;
        }

        /// <summary>As the kernel has it: what bears no mark goes as well, for who says that it bears ours is believed.</summary>
        public bool RemoveOwn(ReadOnlySpan<AddressAssignment> addresses, Span<AddressOutcome> outcomes)
        {
            if (platform.RemovalError != 0)
                return Remove(addresses, outcomes);
            for (int i = 0; i < addresses.Length; i++)
                outcomes[i] = new(Remove(addresses[i], isBelieved: true), 0);
            return true;
        }

        public void Dispose()
        {
        }

        private AddressOutcome Install(in AddressAssignment wanted)
        {
            var (address, prefix) = (wanted.Address.Address, wanted.Address.KernelPrefixLength);
            int error = platform._refused.GetValueOrDefault(address);
            var at = platform.Find(wanted.InterfaceIndex);
            if (at is null)
                error = Errno.ENODEV;
            if (error != 0)
                return new(AddressStatus.Refused, error);
            foreach (var present in at!.Addresses)
            {
                if (present.Address == address && present.PrefixLength == prefix)
                    return new(present.IsOurs ? AddressStatus.Done : AddressStatus.Foreign, 0);
            }

            var added = new InterfaceAddress(wanted.InterfaceIndex, address, prefix, IsUsableSource: true, IsOurs: true);
            platform.Operate();
            at.Addresses.Add(added);
            platform.Host.Installed(at, added);
            platform.Tell(sink => sink.AddressAdded(added));
            return new(AddressStatus.Done, 0);
        }

        private AddressStatus Remove(in AddressAssignment unwanted, bool isBelieved = false)
        {
            if (platform.Find(unwanted.InterfaceIndex) is not { } at)
                return AddressStatus.Done;
            foreach (var present in at.Addresses)
            {
                if (present.Address != unwanted.Address.Address || present.PrefixLength != unwanted.Address.KernelPrefixLength)
                    continue;
                if (!present.IsOurs && !isBelieved)
                    return AddressStatus.Foreign;
                platform.Operate();
                if (!present.IsOurs)
                    platform.ForeignRemovals++;
                at.Addresses.Remove(present);
                platform.Host.Removed(at, present);
                platform.Tell(sink => sink.AddressRemoved(present));
                return AddressStatus.Done;
            }

            return AddressStatus.Done;
        }
    }
}

/// <summary>The process is killed between two operations of the kernel.</summary>
internal sealed class SimulatedCrashException : Exception;
