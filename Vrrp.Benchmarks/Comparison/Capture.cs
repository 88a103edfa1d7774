using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Vrrp.Links;
using Vrrp.Linux;
using static Vrrp.Linux.NativeMethods;
using static Vrrp.Linux.SocketNumbers;

namespace Vrrp.Benchmarks.Comparison;

/// <summary>An advert or a gratuitous ARP as the kernel saw it.</summary>
/// <param name="At">The kernel's receive time, nanoseconds of the real-time clock.</param>
/// <param name="Segment">Which segment of the lab.</param>
/// <param name="IsAdvert">Advert, else ARP.</param>
/// <param name="Source">Last octet of the sender: the source address of an advert, the hardware address of an ARP.</param>
/// <param name="Id">The VRID of an advert, the last octet of the address an ARP announces.</param>
/// <param name="Priority">Priority of an advert.</param>
/// <param name="IntervalCentiseconds">Interval that an advert of version 3 announces.</param>
internal readonly record struct Sighting(long At, byte Segment, bool IsAdvert, byte Source, byte Id, byte Priority, ushort IntervalCentiseconds = 0);

/// <summary>Listens on the bridges of a lab, with time stamps of the kernel; nothing here runs in either daemon's time.</summary>
internal sealed unsafe class Capture : IDisposable
{
    private const int SO_TIMESTAMPNS = 35;
    private const int SOL_PACKET = 263;
    private const int PACKET_STATISTICS = 6;
    private const ushort ETH_P_ALL_NETWORK_ORDER = 0x0300;

    private readonly List<int> _sockets = [];
    private readonly List<Sighting> _sightings = [];
    private readonly object _lock = new();
    private readonly Action<Sighting> _note;
    private readonly Thread _thread;
    private volatile bool _isStopping;

    /// <summary>Listens on interfaces of a namespace.</summary>
    /// <param name="network">The namespace.</param>
    /// <param name="interfaces">Their indexes.</param>
    /// <param name="note">Gets each sighting, on the capture's thread; null keeps them all.</param>
    public Capture(NetworkNamespace network, IReadOnlyList<int> interfaces, Action<Sighting>? note = null)
    {
        _note = note ?? _sightings.Add;
        network.Run(() =>
        {
            foreach (int index in interfaces)
            {
                int descriptor = Errno.Check(Socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, ETH_P_ALL_NETWORK_ORDER), "open a capture");
                LinkLayerAddress address = new() { Family = AF_PACKET, Protocol = ETH_P_ALL_NETWORK_ORDER, Index = index };
                _ = Errno.Check(Bind(descriptor, &address, (uint)sizeof(LinkLayerAddress)), "bind a capture");
                int value = 64 * 1024 * 1024;
                _ = SetSockOpt(descriptor, SOL_SOCKET, SO_RCVBUFFORCE, &value, sizeof(int));
                value = 1;
                _ = Errno.Check(SetSockOpt(descriptor, SOL_SOCKET, SO_TIMESTAMPNS, &value, sizeof(int)), "ask for time stamps");
                _sockets.Add(descriptor);
            }
        });
        _thread = new Thread(Run) { IsBackground = true, Name = "capture" };
        _thread.Start();
    }

    /// <summary>The clock of the sightings.</summary>
    public static long RealTimeNow => (DateTime.UtcNow - DateTime.UnixEpoch).Ticks * 100;

    /// <summary>While true nothing is noted: what is measured then is processor time.</summary>
    public bool IsPaused { get; set; }

    /// <summary>All seen so far, or since <paramref name="from"/>.</summary>
    public List<Sighting> Since(long from = 0)
    {
        lock (_lock)
            return _sightings.FindAll(sighting => sighting.At >= from);
    }

    /// <summary>Frames that found no room since this was last asked.</summary>
    public long TakeDropped()
    {
        long dropped = 0;
        // struct tpacket_stats: seen and dropped; reading clears them.
        var statistics = stackalloc uint[2];
        foreach (int descriptor in _sockets)
        {
            uint length = 2 * sizeof(uint);
            _ = Errno.Check(GetSockOpt(descriptor, SOL_PACKET, PACKET_STATISTICS, statistics, &length), "read the statistics of a capture");
            dropped += statistics[1];
        }

        return dropped;
    }

    /// <summary>Forgets.</summary>
    public void Clear()
    {
        lock (_lock)
            _sightings.Clear();
    }

    /// <summary>Waits for something to be seen.</summary>
    /// <returns>The first match; null when the time is over.</returns>
    public Sighting? Await(long from, TimeSpan limit, Func<Sighting, bool> match)
    {
        long end = Environment.TickCount64 + (long)limit.TotalMilliseconds;
        lock (_lock)
        {
            for (int next = 0; ; next++)
            {
                while (next >= _sightings.Count)
                {
                    long left = end - Environment.TickCount64;
                    if (left <= 0)
                        return null;
                    Monitor.Wait(_lock, (int)left);
                }

                if (_sightings[next].At >= from && match(_sightings[next]))
                    return _sightings[next];
            }
        }
    }

    public void Dispose()
    {
        _isStopping = true;
        _thread.Join();
        foreach (int descriptor in _sockets)
            _ = Close(descriptor);
    }

    private void Run()
    {
        using var batch = new ReceiveBatch();
        var polls = stackalloc PollDescriptor[_sockets.Count];
        for (int i = 0; i < _sockets.Count; i++)
            polls[i] = new() { Descriptor = _sockets[i], Events = 1 };
        while (!_isStopping)
        {
            if (Poll(polls, (nuint)_sockets.Count, 50) <= 0)
                continue;
            lock (_lock)
            {
                for (int i = 0; i < _sockets.Count; i++)
                {
                    if (polls[i].Returned == 0)
                        continue;
                    int count = batch.Receive(_sockets[i], ReceiveBatch.Slots);
                    for (int slot = 0; slot < count && !IsPaused; slot++)
                        Note(batch, slot, (byte)i);
                }

                Monitor.PulseAll(_lock);
            }
        }
    }

    private void Note(ReceiveBatch batch, int slot, byte segment)
    {
        var frame = batch.Packet(slot);
        var stamp = batch.Control(slot, SOL_SOCKET, SO_TIMESTAMPNS);
        if (frame.Length < 42 || stamp.Length < 16)
            return;
        long at = (MemoryMarshal.Read<long>(stamp) * 1_000_000_000) + MemoryMarshal.Read<long>(stamp[8..]);
        int type = BinaryPrimitives.ReadUInt16BigEndian(frame[12..]);
        if (type == 0x0800 && frame[23] == IPPROTO_VRRP && frame[14] == 0x45)
            _note(new(at, segment, true, frame[29], frame[35], frame[36], (ushort)(BinaryPrimitives.ReadUInt16BigEndian(frame[38..]) & 0xFFF)));
        else if (type == 0x0806 && frame[28..32].SequenceEqual(frame[38..42]))
            _note(new(at, segment, false, frame[11], frame[31], 0));
    }

    // struct sockaddr_ll.
    [StructLayout(LayoutKind.Sequential)]
    private struct LinkLayerAddress
    {
        public ushort Family;
        public ushort Protocol;
        public int Index;
        public ushort HardwareType;
        public byte PacketType;
        public byte HardwareAddressLength;
        public fixed byte HardwareAddress[8];
    }
}
