using System.Buffers.Binary;
using System.Text;
using Vrrp.Links;
using Vrrp.Netlink;
using static Vrrp.Netlink.RouteMessages;

namespace Vrrp.Tests.Fuzzing.Targets;

/// <summary>
/// Datagrams of the kernel to everything that reads them: answers, acknowledgements, verdicts on transactions, dumps of addresses and
/// links, notifications. An input is one datagram; the number of its first message is taken for that of the request.
/// </summary>
internal sealed class NetlinkTarget : IFuzzTarget
{
    private const int MaxDepth = 8;

    private static readonly ushort[] s_messageTypes =
        [Nlmsg.NLMSG_NOOP, Nlmsg.NLMSG_ERROR, Nlmsg.NLMSG_DONE, Nlmsg.NLMSG_OVERRUN, RTM_NEWLINK, RTM_DELLINK, RTM_NEWADDR, RTM_DELADDR, RTM_NEWROUTE, 0xA09];

    private static readonly ushort[] s_lengths = [0, 1, 3, 4, 5, 7, 8, 15, 16, 17, 20, 36, 0x7FFF, 0xFFFC, 0xFFFF];

    private readonly AddressMarks _marks = new(112);
    private readonly Sink _sink = new();

    public string Name => "netlink";

    public int Executions => 120_000;

    public IReadOnlyList<byte[]> Seeds { get; } = [.. WriteSeeds()];

    public void Mutate(FuzzInput input, ReadOnlySpan<byte> other, FuzzRandom random)
    {
        var places = FindPlaces(input.Span);
        if (places.Count == 0 || random.OneIn(4))
        {
            ByteMutations.Apply(input, other, [], random);
            return;
        }

        var (at, isMessage) = places[random.Next(places.Count)];
        switch (random.Next(7))
        {
            case 0:
                var length = input.Span[at..];
                ushort value = random.Pick((ushort)(input.Length - at), (ushort)(input.Length - at + 1), random.Pick<ushort>(s_lengths));
                BinaryPrimitives.WriteUInt16LittleEndian(length, value);
                if (isMessage)
                    BinaryPrimitives.WriteUInt16LittleEndian(length[2..], random.OneIn(8) ? (ushort)0xFFFF : (ushort)0);
                return;
            case 1 when isMessage:
                BinaryPrimitives.WriteUInt16LittleEndian(input.Span[(at + 4)..], random.Pick<ushort>(s_messageTypes));
                return;
            case 2 when isMessage:
                BinaryPrimitives.WriteUInt16LittleEndian(input.Span[(at + 6)..], random.Pick<ushort>(0, 2, 0x10, 0x100, 0x200, 0x300, 0xFFFF));
                return;
            case 1 or 2:
                BinaryPrimitives.WriteUInt16LittleEndian(input.Span[(at + 2)..], (ushort)(random.Next(32) | random.Pick(0, 0, 0x4000, 0x8000)));
                return;
            case 3:
                // An attribute in front, the lengths around it put right.
                input.Insert(isMessage ? Math.Min(at + 16, input.Length) : at, Attribute(random));
                FixLength(input.Span);
                return;
            case 4:
                int size = Math.Min(Math.Max(4, (int)BinaryPrimitives.ReadUInt16LittleEndian(input.Span[at..])), input.Length - at);
                if (random.OneIn(2))
                    input.Remove(at, size);
                else
                    input.Insert(at, input.Span.Slice(at, size));
                FixLength(input.Span);
                return;
            case 5:
                input.Insert(input.Length, other);
                return;
            default:
                // A value of another size than its type has.
                int grow = random.Pick(-4, -1, 1, 4, 12);
                if (grow > 0)
                    input.Insert(Math.Min(at + 4, input.Length), new byte[grow]);
                else
                    input.Remove(Math.Min(at + 4, input.Length), Math.Min(-grow, input.Length - Math.Min(at + 4, input.Length)));
                if (at + 2 <= input.Length)
                    BinaryPrimitives.WriteUInt16LittleEndian(input.Span[at..], (ushort)(BinaryPrimitives.ReadUInt16LittleEndian(input.Span[at..]) + grow));
                FixLength(input.Span);
                return;
        }
    }

    public void Execute(ReadOnlySpan<byte> input, FuzzContext context)
    {
        uint sequence = input.Length >= 12 ? BinaryPrimitives.ReadUInt32LittleEndian(input[8..]) : 0;
        Span<int> errors = stackalloc int[4];
        var listing = new LinuxAddressTable.AddressListing { WithLabels = true };
        var messages = new InterfaceMessages(_marks);
        _sink.Clear();

        long before = GC.GetAllocatedBytesForCurrentThread();
        bool interrupted = false;
        bool isEnd = NetlinkAnswers.TryReadAnswer(input, sequence, listing, ref interrupted, out int error, out string? explanation);
        int acknowledged = NetlinkAnswers.ReadAcknowledgements(input, sequence, errors);
        var verdict = new TransactionVerdict(sequence);
        verdict.Read(input);
        bool isComplete = NetlinkAnswers.ReadNotifications(input, _sink);
        var reader = new NetlinkReader(input);
        while (reader.Next(out var message))
            messages.Read(message, _sink);
        // Strings of names, labels and explanations, a record for each address and interface; lists that grow by doubling.
        context.Allocated(GC.GetAllocatedBytesForCurrentThread() - before, 2048 + (40L * input.Length));

        if (acknowledged > input.Length / Nlmsg.HeaderLength || listing.Records.Count > input.Length / Nlmsg.HeaderLength)
            throw new BrokenPromiseException("more messages were read than there can be");
        if (isEnd && error == 0 && explanation is not null)
            throw new BrokenPromiseException("a success is explained");
        context.Reached(isEnd ? error == 0 ? "answer: done" : "answer: failed" : "answer: no end");
        context.Reached("answer: interrupted", interrupted ? 1 : 0);
        context.Reached(explanation is null ? "answer: no words" : "answer: words");
        context.Reached("acknowledged", acknowledged > 0 ? 1 : 0);
        context.Reached(verdict.Error == 0 ? "verdict: in force" : verdict.Explanation is null ? "verdict: failed" : "verdict: failed with words");
        context.Reached("notifications: complete", isComplete ? 1 : 0);
        context.Reached("malformed", reader.IsMalformed ? 1 : 0);
        context.ReachedCount("records", listing.Records.Count);
        foreach (var record in listing.Records)
            LookAt(record, context);
        _sink.Tell(context);

        int octets = 0;
        var walk = new NetlinkReader(input);
        while (walk.Next(out var message))
        {
            octets += Nlmsg.HeaderLength + message.Body.Length;
            context.Reached("type", Array.IndexOf(s_messageTypes, message.Type));
            LookInto(message, context);
        }

        if (octets > input.Length)
            throw new BrokenPromiseException("more octets were read than there are");
    }

    private static void LookAt(in AddressRecord record, FuzzContext context)
    {
        context.Reached("record of family", (long)record.Local.Family);
        context.Reached("record with label", record.Label is null ? 0 : 1);
        context.Reached("record with lifetime", record.HasLifetime ? 1 : 0);
        if (record.Local.IsNone || record.Address.IsNone || record.Local.Family != record.Address.Family)
            throw new BrokenPromiseException("an address record has no address, or two families");
    }

    private static void LookInto(in NetlinkMessage message, FuzzContext context)
    {
        if (TryReadLink(message, out var link))
        {
            context.Reached("link");
            context.ReachedCount("link name", link.Name.Length);
            if (link.Index <= 0)
                throw new BrokenPromiseException("a link has an index that is none");
        }

        if (message.ReadError() < 0)
            throw new BrokenPromiseException("an errno is negative");
        _ = message.ReadExplanation();
        _ = ReadLabel(message);
        Descend(message.Attributes(0), 0, message.Body.Length);
        Descend(message.Attributes(int.MaxValue - 8), 0, 0);
        Descend(message.Attributes<AddressLifetime>(), 0, message.Body.Length);
    }

    private static void Descend(NetlinkAttributes attributes, int depth, int room)
    {
        int used = 0;
        while (attributes.Next(out var attribute))
        {
            used += Nlmsg.AttributeHeaderLength + attribute.Value.Length;
            if (used > room)
                throw new BrokenPromiseException("attributes reach beyond what holds them");
            _ = attribute.ReadUInt8() + attribute.ReadUInt16() + attribute.ReadUInt16BigEndian() + attribute.ReadUInt32() + attribute.ReadUInt32BigEndian()
                + attribute.ReadInt32();
            _ = attribute.ReadUInt64();
            _ = attribute.ReadAddress();
            _ = attribute.ReadMac();
            _ = attribute.ReadText();
            _ = attribute.Read<AddressLifetime>();
            if (depth < MaxDepth)
                Descend(attribute.Nested, depth + 1, attribute.Value.Length);
        }
    }

    private static byte[] Attribute(FuzzRandom random)
    {
        var buffer = new byte[80];
        var writer = new NetlinkWriter(buffer);
        ushort type = (ushort)random.Next(1, 30);
        switch (random.Next(6))
        {
            case 0:
                writer.WriteString(type, random.Pick("eth0", "", "a-name-of-15-chr", "eth0:1"));
                break;
            case 1:
                writer.WriteAddress(type, IPAddressValue.MulticastGroupIPv4);
                break;
            case 2:
                writer.WriteAddress(type, IPAddressValue.MulticastGroupIPv6);
                break;
            case 3:
                writer.WriteUInt32(type, random.Pick(0u, 1u, 112u, 0x7FFF_FFFFu, 0xFFFF_FFFFu));
                break;
            case 4:
                writer.WriteMac(type, MacAddress.Broadcast);
                break;
            default:
                int nested = writer.BeginNested(type);
                writer.WriteUInt8(1, 112);
                writer.EndNested(nested);
                break;
        }

        return writer.Written.ToArray();
    }

    /// <summary>Where messages and attributes begin, as far as the lengths lead.</summary>
    private static List<(int At, bool IsMessage)> FindPlaces(ReadOnlySpan<byte> input)
    {
        var places = new List<(int, bool)>();
        for (int at = 0; at + Nlmsg.HeaderLength <= input.Length && places.Count < 64;)
        {
            places.Add((at, true));
            int length = (int)Math.Clamp(BinaryPrimitives.ReadUInt32LittleEndian(input[at..]), Nlmsg.HeaderLength, (uint)(input.Length - at));
            int header = BinaryPrimitives.ReadUInt16LittleEndian(input[(at + 4)..]) is RTM_NEWLINK or RTM_DELLINK ? 16 : 8;
            for (int inner = at + Nlmsg.HeaderLength + header; inner + 4 <= at + length && places.Count < 64;)
            {
                places.Add((inner, false));
                inner += Math.Max(4, Nlmsg.Align(BinaryPrimitives.ReadUInt16LittleEndian(input[inner..])));
            }

            at += Nlmsg.Align(length);
        }

        return places;
    }

    // Of a datagram with one message.
    private static void FixLength(Span<byte> input)
    {
        if (input.Length >= Nlmsg.HeaderLength)
            BinaryPrimitives.WriteUInt32LittleEndian(input, (uint)input.Length);
    }

    private static IEnumerable<byte[]> WriteSeeds()
    {
        foreach (string address in (string[])["192.0.2.254", "2001:db8::254"])
        {
            var value = IPAddressValue.Parse(address);
            yield return Written((ref NetlinkWriter writer) => WriteAddress(ref writer, RTM_NEWADDR, 2, 7, new()
            {
                InterfaceIndex = 2,
                Local = value,
                Address = value,
                Broadcast = value,
                PrefixLength = 24,
                Flags = 0x80,
                Metric = 3,
                Label = "eth0:1",
                HasLifetime = true,
                Protocol = 112,
            }));
            yield return Written((ref NetlinkWriter writer) =>
                WriteAddress(ref writer, RTM_DELADDR, 0, 7, new() { InterfaceIndex = 2, Local = value, Address = value, PrefixLength = 32 }));
        }

        foreach (ushort type in (ushort[])[RTM_NEWLINK, RTM_DELLINK])
        {
            yield return Written((ref NetlinkWriter writer) =>
            {
                int message = writer.BeginMessage(type, 2, 7);
                writer.WriteStruct(new InterfaceHeader { Index = 2, Flags = IFF_UP | IFF_RUNNING | IFF_MULTICAST });
                writer.WriteString(IFLA_IFNAME, "eth0");
                writer.WriteUInt32(IFLA_MTU, 1500);
                writer.WriteMac(IFLA_ADDRESS, MacAddress.Broadcast);
                writer.WriteInt32(IFLA_MASTER, 3);
                writer.EndMessage(message);
            });
        }

        foreach (ushort type in (ushort[])[Nlmsg.NLMSG_ERROR, Nlmsg.NLMSG_DONE])
        {
            foreach (int error in (int[])[0, -22])
            {
                yield return Written((ref NetlinkWriter writer) =>
                {
                    int message = writer.BeginMessage(type, (ushort)(Nlmsg.NLM_F_ACK_TLVS | Nlmsg.NLM_F_CAPPED), 7);
                    writer.WriteStruct(error);
                    if (type == Nlmsg.NLMSG_ERROR)
                        writer.EndMessage(writer.BeginMessage(20, 5, 7));
                    writer.WriteString(Nlmsg.NLMSGERR_ATTR_MSG, "Invalid prefix length");
                    writer.WriteUInt32(Nlmsg.NLMSGERR_ATTR_OFFS, 24);
                    writer.EndMessage(message);
                });
            }
        }

        yield return Written((ref NetlinkWriter writer) => writer.EndMessage(writer.BeginMessage(Nlmsg.NLMSG_OVERRUN, 0, 0)));
    }

    private static byte[] Written(Writing write)
    {
        var writer = new NetlinkWriter(new byte[1024]);
        write(ref writer);
        return writer.Written.ToArray();
    }

    private delegate void Writing(ref NetlinkWriter writer);

    /// <summary>Counts what it is told.</summary>
    private sealed class Sink : INetlinkSink, IInterfaceSink
    {
        private int _messages;
        private int _changed;
        private int _removed;
        private int _added;
        private int _gone;
        private bool _hasOurs;

        public void Clear() => (_messages, _changed, _removed, _added, _gone, _hasOurs) = (0, 0, 0, 0, 0, false);

        public void Tell(FuzzContext context)
        {
            context.ReachedCount("told messages", _messages);
            context.ReachedCount("told of interfaces", _changed);
            context.ReachedCount("told of interfaces gone", _removed);
            context.ReachedCount("told of addresses", _added);
            context.ReachedCount("told of addresses gone", _gone);
            context.Reached("told of ours", _hasOurs ? 1 : 0);
        }

        public void Restart()
        {
        }

        public void Message(in NetlinkMessage message) => _messages++;

        public void InterfaceChanged(InterfaceFacts facts)
        {
            if (facts.Index <= 0 || facts.Name.Length == 0 || facts.Mtu < 0)
                throw new BrokenPromiseException("an interface without name or index is told");
            _changed++;
        }

        public void InterfaceRemoved(int index) => _removed++;

        public void AddressAdded(in InterfaceAddress address)
        {
            _added++;
            _hasOurs |= address.IsOurs;
        }

        public void AddressRemoved(in InterfaceAddress address) => _gone++;

        public void ListingStarted() => throw new BrokenPromiseException("a notification began a listing");

        public void ListingEnded() => throw new BrokenPromiseException("a notification ended a listing");
    }
}
