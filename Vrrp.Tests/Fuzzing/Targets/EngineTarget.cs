using System.Buffers.Binary;
using System.Collections.Immutable;
using Vrrp.Links;
using Vrrp.Packets;
using Vrrp.Simulation;

namespace Vrrp.Tests.Fuzzing.Targets;

/// <summary>
/// Frames to a whole engine, with time passing between them. Octet 0 says how the routers stand when the first arrives; then a record for
/// each frame: an octet for the time before it (bits 0–2) and the interface (bit 3), 2 octets of length, the frame. Of each packet exactly
/// one counter tells; a dropped one changes nothing else (I3); what holds after every turn (I2, I4) is looked at after every turn.
/// </summary>
internal sealed class EngineTarget(IFrameCodec codec) : IFuzzTarget
{
    private const int RecordHeader = 3;
    private const int MaxRecords = 8;
    private const int MaxTurns = 2000;

    /// <summary>What telling somebody of a packet may allocate: a notification and its words.</summary>
    private const int ToldBound = 16 * 1024;

    private static readonly long[] s_waits = [0, 1, 10, 100, 1000, 3700, 10_000, 61_000];

    private static readonly string[] s_transitions = [.. Enum.GetValues<TransitionReason>().Select(reason => $"transition: {reason}")];

    private static readonly ImmutableArray<VirtualRouterConfig> s_routers =
    [
        Config("v3", 10) with { AddressListCheck = AddressListCheck.LogOnly },
        Config("v2", 11) with { Version = VrrpVersion.V2 },
        Config("v2 password", 12) with { Version = VrrpVersion.V2, Password = Receivers.Password },
        Config("v2 strict", 13) with { Version = VrrpVersion.V2, AddressListCheck = AddressListCheck.RejectUnlessOwner },
        Config("v2 owner", 14) with { Version = VrrpVersion.V2, Priority = Priority.Owner },
        Config("v3 owner", 15) with { Priority = Priority.Owner },
        Config("own group", 16) with { MulticastGroup = IPAddressValue.Parse("224.0.0.99"), Preempt = false },
        Config("unicast p", 17) with { UnicastPeers = [new(Receivers.PeerIPv4, 64, 128)], CheckUnicastSource = true },
        Config("unicast q", 17) with { UnicastPeers = [new(IPAddressValue.Parse("192.0.2.3"))] },
        Config("unicast r", 20) with { UnicastPeers = [new(Receivers.PeerIPv4)], CheckUnicastSource = true },
        Config("member a", 18) with { SyncGroup = "group" },
        Config("member b", 19) with { SyncGroup = "group", Version = VrrpVersion.V2 },
        Config("v6", 10) with
        {
            Family = IPFamily.IPv6,
            VirtualAddresses = [VirtualAddress.Host(IPAddressValue.Parse("fe80::254")), VirtualAddress.Host(IPAddressValue.Parse("2001:db8::254"))],
            RequireLinkLocalFirst = true,
        },
        Config("delayed", 51) with { PreemptDelay = TimeSpan.FromSeconds(3), AdvertiseBeforeYield = true },
    ];

    public string Name => "engine";

    public int Executions => 8_000;

    public int MaxLength => 4096;

    public IReadOnlyList<byte[]> Seeds { get; } =
    [
        .. s_routers.Select((router, i) => (byte[])[(byte)(i % 2), .. Record(3, AdvertisementMutator.ValidFrame(ReceiverOf(router), 200))]),
        .. s_routers.Select(router => (byte[])[1, .. Record(5, AdvertisementMutator.ValidFrame(ReceiverOf(router), 50))]),
        .. Receivers.All.Select(receiver => (byte[])[0, .. Record(0, AdvertisementMutator.ValidFrame(receiver))]),
    ];

    public void Mutate(FuzzInput input, ReadOnlySpan<byte> other, FuzzRandom random)
    {
        var records = Read(input.Span);
        var others = Read(other);
        byte start = input.Length > 0 ? input.Span[0] : (byte)0;
        int at = random.Next(records.Count);
        switch (records.Count == 0 ? 0 : random.Next(10))
        {
            case 0 when others.Count > 0 && records.Count < MaxRecords:
                records.Insert(random.Next(records.Count + 1), others[random.Next(others.Count)]);
                break;
            case 1 when records.Count > 0:
                records.RemoveAt(at);
                break;
            case 2 when records.Count < MaxRecords && records.Count > 0:
                records.Insert(random.Next(records.Count + 1), records[at]);
                break;
            case 3 when records.Count > 0:
                records[at] = (random.NextByte(), records[at].Frame);
                break;
            case 4:
                start = random.NextByte();
                break;
            case > 4:
                var frame = new FuzzInput(MaxLength / MaxRecords);
                frame.Set(records[at].Frame);
                AdvertisementMutator.Apply(frame, 0, others.Count > 0 ? others[0].Frame : [], ReceiverOf(random.Pick(s_routers.AsSpan())), random);
                records[at] = (records[at].Control, frame.Span.ToArray());
                break;
        }

        input.Set([start, .. records.SelectMany(record => Record(record.Control, record.Frame))]);
    }

    public void Execute(ReadOnlySpan<byte> input, FuzzContext context)
    {
        if (input.IsEmpty)
            return;
        using var host = new Host(codec, context);
        host.Advance((input[0] & 1) == 0 ? 0 : 12_000);
        foreach (var (control, frame) in Read(input))
        {
            host.Advance(s_waits[control & 7]);
            host.Receive((control & 8) == 0 ? 2 : 3, frame);
        }

        host.Advance(500);
        host.TellStates();
    }

    private static VirtualRouterConfig Config(string name, int virtualRouterId) => new()
    {
        Name = name,
        Interface = "eth0",
        VirtualRouterId = new(virtualRouterId),
        VirtualAddresses = [VirtualAddress.Host(IPAddressValue.FromIPv4(0x0A01_0000 | ((uint)virtualRouterId << 8) | name[^1]))],
        Announcements = new() { Repeat = 1, Delay = TimeSpan.Zero, LowerPriorityRepeat = 1, LowerPriorityDelay = TimeSpan.Zero },
    };

    private static Receiver ReceiverOf(VirtualRouterConfig router) => new(
        router.Name,
        new ReceptionRules
        {
            Version = router.Version,
            Family = router.Family,
            AdvertisementInterval = router.AdvertisementInterval,
            AuthenticationType = router.Password is null ? AuthenticationType.None : AuthenticationType.SimplePassword,
            Password = router.Password ?? default,
            Addresses = [.. router.VirtualAddresses.Select(address => address.Address)],
            Group = router.Group,
            IsUnicast = !router.UnicastPeers.IsEmpty,
            UnicastPeers = router.UnicastPeers,
        },
        router.VirtualRouterId.Value);

    private static byte[] Record(byte control, ReadOnlySpan<byte> frame)
    {
        var record = new byte[RecordHeader + frame.Length];
        record[0] = control;
        BinaryPrimitives.WriteUInt16BigEndian(record.AsSpan(1), (ushort)frame.Length);
        frame.CopyTo(record.AsSpan(RecordHeader));
        return record;
    }

    private static List<(byte Control, byte[] Frame)> Read(ReadOnlySpan<byte> input)
    {
        var records = new List<(byte, byte[])>();
        int at = 1;
        while (at + RecordHeader <= input.Length && records.Count < MaxRecords)
        {
            int length = Math.Min(BinaryPrimitives.ReadUInt16BigEndian(input[(at + 1)..]), input.Length - at - RecordHeader);
            records.Add((input[at], input.Slice(at + RecordHeader, length).ToArray()));
            at += RecordHeader + length;
        }

        return records;
    }

    /// <summary>An engine with a router of each kind, and what it may do.</summary>
    private sealed class Host : IDisposable
    {
        private readonly FuzzHost _host = new();
        private readonly FuzzContext _context;
        private readonly VrrpEngine _engine;
        private readonly VirtualRouter[] _routers;
        private readonly Dictionary<IPFamily, SimulatedLink> _links = [];
        private readonly long[] _seen = new long[PacketRejections.Count];
        private Instant _now = new(1_000_000_000_000);
        private int _notifications;

        public Host(IFrameCodec codec, FuzzContext context)
        {
            _context = context;
            _engine = new(_host.Kernel, codec, VrrpStateMachine.Instance, notification =>
            {
                _notifications++;
                context.Reached(notification is RouterTransition transition ? s_transitions[(int)transition.Reason] : notification.GetType().Name);
            });
            _engine.Start(_now);
            foreach (var config in s_routers)
                _engine.Add(config, _now, _now);
            _routers = [.. _engine.Routers];
            foreach (var link in _host.Kernel.Links.Where(link => link.InterfaceIndex == 2))
                _links[link.Family] = link;
            Turn();
        }

        public void Advance(long milliseconds)
        {
            var end = _now.AddNanoseconds(milliseconds * 1_000_000);
            for (int turns = 0; _engine.NextDeadline <= end; turns++)
            {
                if (turns > MaxTurns)
                    throw new BrokenPromiseException("the engine does not come to rest");
                if (_engine.NextDeadline > _now)
                    _now = _engine.NextDeadline;
                Turn();
            }

            _now = end;
        }

        public void Receive(int interfaceIndex, ReadOnlySpan<byte> frame)
        {
            if (!EthernetHeader.TryParse(frame, out var ethernet))
                return;
            var octets = frame[EthernetHeader.Length..];
            ReceivedPacket packet;
            if (ethernet.EtherType == EthernetHeader.IPv4 && IPv4Header.TryParse(octets, out var ipv4))
            {
                var message = _context.Guard(ipv4.GetPayload(octets));
                packet = new() { Source = ipv4.Source, Destination = ipv4.Destination, HopLimit = ipv4.TimeToLive, Message = message };
            }
            else if (ethernet.EtherType == EthernetHeader.IPv6 && IPv6Header.TryParse(octets, out var ipv6)
                && ipv6.TryGetPayload(octets, out _, out var payload))
            {
                packet = new() { Source = ipv6.Source, Destination = ipv6.Destination, HopLimit = ipv6.HopLimit, Message = _context.Guard(payload) };
            }
            else
            {
                return;
            }

            // eth1 has no router: the engine knows the interface and drops what comes.
            var link = _links[packet.Source.Family];
            IVrrpLink at = interfaceIndex == 2 ? link : new SimulatedLink(_host.Kernel, interfaceIndex, link.Family);
            _engine.BeginTurn(_now);
            Receive(at, packet);
            _engine.EndTurn();
            if (_host.Kernel.HasEvents)
                Turn();
            CheckTurn();
            Advance(0);
        }

        public void Dispose() => _engine.Dispose();

        public void TellStates()
        {
            foreach (var router in _routers)
                _context.Reached($"ends {router.Config.Name} as {router.State.State}");
        }

        private void Receive(IVrrpLink link, in ReceivedPacket packet)
        {
            var states = Array.ConvertAll(_routers, router => (router.State, router.HoldsAddresses, router.StickyFaults, router.Announcements, Sent(router)));
            long[] accepts = Array.ConvertAll(_routers, router => router.Counters.AdvertisementsReceived);
            var (accepted, dropped, own) = Count();
            int changes = _host.Changes;
            int told = _notifications;
            long before = GC.GetAllocatedBytesForCurrentThread();
            ((IPacketSink)_engine).PacketReceived(link, packet);
            long allocated = GC.GetAllocatedBytesForCurrentThread() - before;

            var (acceptedNow, droppedNow, ownNow) = Count();
            bool isQuiet = told == _notifications && changes == _host.Changes;
            if (acceptedNow + droppedNow + ownNow - accepted - dropped - own != 1)
                throw new BrokenPromiseException("a packet is not counted exactly once");
            if (acceptedNow == accepted)
            {
                for (int i = 0; i < _routers.Length; i++)
                {
                    var router = _routers[i];
                    if (states[i] != (router.State, router.HoldsAddresses, router.StickyFaults, router.Announcements, Sent(router)))
                        throw new BrokenPromiseException($"a dropped packet changed a router: {router.Config.Name}");
                }

                if (changes != _host.Changes)
                    throw new BrokenPromiseException("a dropped packet did something to the host");
                _context.Allocated(allocated, isQuiet ? 0 : ToldBound);
            }
            else
            {
                // The first advertisement of a new priority is written, and the test host allocates for an address.
                _context.Allocated(allocated, ToldBound);
                for (int i = 0; i < _routers.Length; i++)
                {
                    if (accepts[i] != _routers[i].Counters.AdvertisementsReceived)
                        _context.Reached($"accepted by {_routers[i].Config.Name} as {states[i].State.State}");
                }
            }

            if (ownNow != own)
                _context.Reached("own address");
        }

        private static long Sent(VirtualRouter router) => router.Counters.AdvertisementsSent + router.Counters.AnnouncementsSent;

        /// <summary>What was counted so far: accepted, dropped for a known reason, from an own address.</summary>
        private (long Accepted, long Dropped, long Own) Count()
        {
            long accepted = 0, dropped = 0;
            for (int reason = 1; reason < PacketRejections.Count; reason++)
            {
                long count = _engine.Counters.Dropped((PacketRejection)reason);
                foreach (var router in _routers)
                    count += router.Counters.Dropped((PacketRejection)reason);
                if (count != _seen[reason])
                    _context.Reached(RejectionFeatures.Of((PacketRejection)reason));
                _seen[reason] = count;
                dropped += count;
            }

            foreach (var router in _routers)
                accepted += router.Counters.AdvertisementsReceived;
            return (accepted, dropped, _engine.Counters.OwnAddressHeard);
        }

        private void Turn()
        {
            _engine.BeginTurn(_now);
            if (_host.Kernel.HasEvents)
                _engine.ReceiveInterfaces();
            _engine.EndTurn();
            CheckTurn();
        }

        private void CheckTurn()
        {
            bool? isMaster = null;
            foreach (var router in _routers)
            {
                bool master = router.State.State == VrrpState.Master;
                if (master != router.HoldsAddresses)
                    throw new BrokenPromiseException($"state and addresses differ: {router.Config.Name} is {router.State.State}");
                if (router.Group is null)
                    continue;
                if (isMaster is { } others && others != master)
                    throw new BrokenPromiseException("the members of a group differ");
                isMaster = master;
            }
        }
    }
}
