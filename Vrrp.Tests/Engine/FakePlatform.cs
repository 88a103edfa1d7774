using System.Diagnostics.CodeAnalysis;
using Vrrp.Links;
using Vrrp.Packets;

namespace Vrrp.Tests.Engine;

/// <summary>A packet as it leaves or reaches a <see cref="FakeLink"/>.</summary>
internal sealed record FakePacket(IPAddressValue Source, IPAddressValue Destination, int HopLimit, byte[] Message);

/// <summary>
/// The kernel of one host: interfaces, their addresses, and the events it queues for the monitor. It outlives the engine, as a kernel
/// outlives a process that is killed.
/// </summary>
internal sealed class FakePlatform : IVrrpPlatform
{
    private readonly SortedDictionary<int, FakeInterface> _interfaces = [];
    private readonly Queue<Action<IInterfaceSink>> _events = new();

    /// <summary>What the engine did to the outside, in order: +address, -address, adv priority, arp address, na address.</summary>
    public List<string> Log { get; } = [];

    public List<FakeLink> Links { get; } = [];

    /// <summary>The errno with which an address is refused; 0: none.</summary>
    public Func<IPAddressValue, int> Refusal { get; set; } = _ => 0;

    /// <summary>The errno with which no address is removed; 0: they are.</summary>
    public int RemovalError { get; set; }

    /// <summary>The errno with which links cannot be opened; 0: they can.</summary>
    public int OpenError { get; set; }

    /// <summary>The errno with which advertisements and frames fail; 0: they do not.</summary>
    public int AdvertisementError { get; set; }

    public int FrameError { get; set; }

    /// <summary>Why the packet filter refuses; null: it does not.</summary>
    public string? FilterFailure { get; set; }

    /// <summary>What the packet filter blocks, as often as it was told to.</summary>
    public List<string> Blocked { get; } = [];

    /// <summary>Neither logs nor passes packets on, so that what is left allocates nothing.</summary>
    public bool IsQuiet { get; set; }

    public bool HasLostEvents { get; private set; }

    /// <summary>A packet left.</summary>
    public Action<FakeLink, FakePacket>? Sent { get; set; }

    public bool HasEvents => _events.Count > 0 || HasLostEvents;

    public IEnumerable<FakeInterface> Interfaces => _interfaces.Values;

    public FakeInterface Interface(string name) => _interfaces.Values.Single(at => at.Facts.Name == name);

    public void AddInterface(int index, string name, bool isUp = true, params string[] addresses)
    {
        var octets = new byte[] { 2, 0, 0, 0, (byte)index, 1 };
        var at = new FakeInterface(new() { Index = index, Name = name, IsUp = isUp, MacAddress = MacAddress.Read(octets), Mtu = 1500 });
        _interfaces.Add(index, at);
        TellFacts(at);
        foreach (string address in addresses)
            AddAddress(name, address);
    }

    public void RemoveInterface(string name)
    {
        var at = Interface(name);
        _interfaces.Remove(at.Facts.Index);
        foreach (var address in at.Addresses)
            Tell(sink => sink.AddressRemoved(address));
        Tell(sink => sink.InterfaceRemoved(at.Facts.Index));
    }

    public void SetUp(string name, bool isUp) => Change(name, facts => facts with { IsUp = isUp });

    public void Rename(string name, string newName) => Change(name, facts => facts with { Name = newName });

    public void Change(string name, Func<InterfaceFacts, InterfaceFacts> change)
    {
        var at = Interface(name);
        at.Facts = change(at.Facts);
        TellFacts(at);
    }

    /// <summary>Someone else, or a process that was killed, installs an address.</summary>
    public void AddAddress(string name, string address, bool isOurs = false)
    {
        var at = Interface(name);
        var value = IPAddressValue.Parse(address);
        var added = new InterfaceAddress(at.Facts.Index, value, (byte)(value.Length * 8), IsUsableSource: true, isOurs);
        at.Addresses.Add(added);
        Tell(sink => sink.AddressAdded(added));
    }

    /// <summary>Someone else removes an address.</summary>
    public void TakeAway(string name, string address)
    {
        var at = Interface(name);
        var taken = at.Addresses.Single(present => present.Address == IPAddressValue.Parse(address));
        at.Addresses.Remove(taken);
        Tell(sink => sink.AddressRemoved(taken));
    }

    /// <summary>The queue overflows: what is in it is gone, and the next reading is a listing.</summary>
    public void LoseEvents()
    {
        _events.Clear();
        HasLostEvents = true;
    }

    /// <summary>Whether an address is on an interface.</summary>
    public bool Has(string address, string? name = null) => _interfaces.Values.Any(at => (name is null || at.Facts.Name == name)
        && at.Addresses.Any(present => present.Address == IPAddressValue.Parse(address)));

    /// <summary>What was done since the last call.</summary>
    public string TakeLog()
    {
        string log = string.Join(", ", Log);
        Log.Clear();
        return log;
    }

    public IInterfaceMonitor OpenMonitor()
    {
        _events.Clear();
        HasLostEvents = false;
        return new Monitor(this);
    }

    public IAddressTable OpenAddressTable() => new Table(this);

    public IVrrpLink OpenLink(InterfaceFacts facts, IPFamily family)
    {
        if (OpenError != 0)
            throw new Vrrp.Linux.LinuxException("open a socket", OpenError);
        var link = new FakeLink(this, facts.Index, family);
        Links.Add(link);
        return link;
    }

    public IAcceptFilter OpenAcceptFilter() => new Filter(this);

    private void TellFacts(FakeInterface at)
    {
        var facts = at.Facts;
        Tell(sink => sink.InterfaceChanged(facts));
    }

    private void Tell(Action<IInterfaceSink> tell)
    {
        if (!HasLostEvents)
            _events.Enqueue(tell);
    }

    private sealed class Monitor(FakePlatform platform) : IInterfaceMonitor
    {
        public int Descriptor => -1;

        public void List(IInterfaceSink sink)
        {
            platform._events.Clear();
            platform.HasLostEvents = false;
            sink.ListingStarted();
            foreach (var at in platform._interfaces.Values.ToArray())
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

    private sealed class Filter(FakePlatform platform) : IAcceptFilter
    {
        public bool TryBlock(ReadOnlySpan<AddressAssignment> addresses, [NotNullWhen(false)] out string? failure)
        {
            failure = platform.FilterFailure;
            if (failure is not null)
                return false;
            foreach (var assignment in addresses)
            {
                platform.Log.Add($"block {assignment.Address.Address}");
                platform.Blocked.Add(assignment.Address.Address.ToString());
            }

            return true;
        }

        public bool TryUnblock(ReadOnlySpan<AddressAssignment> addresses, [NotNullWhen(false)] out string? failure)
        {
            failure = null;
            foreach (var assignment in addresses)
            {
                platform.Log.Add($"unblock {assignment.Address.Address}");
                Assert.True(platform.Blocked.Remove(assignment.Address.Address.ToString()));
            }

            return true;
        }

        public void RemoveLeftBehind() => platform.Blocked.Clear();

        public void Dispose() => platform.Blocked.Clear();
    }

    private sealed class Table(FakePlatform platform) : IAddressTable
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
                outcomes.Fill(new(AddressStatus.Refused, platform.RemovalError));
                return false;
            }

            for (int i = 0; i < addresses.Length; i++)
                outcomes[i] = new(Remove(addresses[i]), 0);
            return true;
        }

        public void Dispose()
        {
        }

        private AddressOutcome Install(in AddressAssignment wanted)
        {
            var (address, prefix) = (wanted.Address.Address, wanted.Address.PrefixLength);
            int error = platform.Refusal(address);
            if (!platform._interfaces.TryGetValue(wanted.InterfaceIndex, out var at))
                error = 19;
            if (error != 0)
                return new(AddressStatus.Refused, error);
            foreach (var present in at!.Addresses)
            {
                if (present.Address == address && present.PrefixLength == prefix)
                    return new(present.IsOurs ? AddressStatus.Done : AddressStatus.Foreign, 0);
            }

            var added = new InterfaceAddress(wanted.InterfaceIndex, address, prefix, IsUsableSource: true, IsOurs: true);
            at.Addresses.Add(added);
            platform.Log.Add($"+{address}");
            platform.Tell(sink => sink.AddressAdded(added));
            return new(AddressStatus.Done, 0);
        }

        private AddressStatus Remove(in AddressAssignment unwanted)
        {
            if (!platform._interfaces.TryGetValue(unwanted.InterfaceIndex, out var at))
                return AddressStatus.Done;
            foreach (var present in at.Addresses)
            {
                if (present.Address != unwanted.Address.Address || present.PrefixLength != unwanted.Address.PrefixLength)
                    continue;
                if (!present.IsOurs)
                    return AddressStatus.Foreign;
                at.Addresses.Remove(present);
                platform.Log.Add($"-{present.Address}");
                platform.Tell(sink => sink.AddressRemoved(present));
                return AddressStatus.Done;
            }

            return AddressStatus.Done;
        }
    }
}

/// <summary>An interface of a <see cref="FakePlatform"/>.</summary>
internal sealed class FakeInterface(InterfaceFacts facts)
{
    public InterfaceFacts Facts { get; set; } = facts;

    public List<InterfaceAddress> Addresses { get; } = [];
}

/// <summary>Two queues: what the engine sends until it flushes, and what waits to be received.</summary>
internal sealed class FakeLink(FakePlatform platform, int interfaceIndex, IPFamily family) : IVrrpLink
{
    private readonly List<(int Token, FakePacket Packet)> _adverts = [];
    private readonly List<(int Token, byte[] Frame)> _frames = [];

    public int InterfaceIndex => interfaceIndex;

    public IPFamily Family => family;

    public int Descriptor => -1;

    public Queue<FakePacket> Incoming { get; } = new();

    public HashSet<IPAddressValue> Groups { get; } = [];

    public bool IsOpen { get; private set; } = true;

    /// <summary>Packets of any kind that were flushed.</summary>
    public int SentCount { get; private set; }

    public void JoinGroup(IPAddressValue group) => Groups.Add(group);

    public int Receive(IPacketSink sink, int limit)
    {
        int count = 0;
        while (count < limit && Incoming.TryDequeue(out var packet))
        {
            count++;
            sink.PacketReceived(
                this,
                new() { Source = packet.Source, Destination = packet.Destination, HopLimit = packet.HopLimit, Message = packet.Message });
        }

        return count;
    }

    public void SendAdvertisement(int token, IPAddressValue source, IPAddressValue destination, byte hopLimit, ReadOnlySpan<byte> message)
    {
        if (platform.IsQuiet)
            SentCount++;
        else
            _adverts.Add((token, new(source, destination, hopLimit, message.ToArray())));
    }

    public void SendFrame(int token, ReadOnlySpan<byte> frame)
    {
        if (platform.IsQuiet)
            SentCount++;
        else
            _frames.Add((token, frame.ToArray()));
    }

    public void Flush(ISendFailureSink sink)
    {
        if (_adverts.Count + _frames.Count == 0)
            return;
        var adverts = _adverts.ToArray();
        var frames = _frames.ToArray();
        _adverts.Clear();
        _frames.Clear();
        foreach (var (token, packet) in adverts)
        {
            if (platform.AdvertisementError != 0)
            {
                sink.SendFailed(token, platform.AdvertisementError);
                continue;
            }

            SentCount++;
            platform.Log.Add($"adv {packet.Message[2]}");
            platform.Sent?.Invoke(this, packet);
        }

        foreach (var (token, frame) in frames)
        {
            if (platform.FrameError != 0)
            {
                sink.SendFailed(token, platform.FrameError);
                continue;
            }

            SentCount++;
            bool isArp = frame[12] == 0x08 && frame[13] == 0x06;
            platform.Log.Add(isArp ? $"arp {IPAddressValue.Read(frame.AsSpan(28, 4))}" : $"na {IPAddressValue.Read(frame.AsSpan(62, 16))}");
        }
    }

    public void Dispose()
    {
        IsOpen = false;
        platform.Links.Remove(this);
    }
}
