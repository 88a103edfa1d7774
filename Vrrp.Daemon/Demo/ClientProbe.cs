using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Vrrp.Links;
using Vrrp.Linux;
using Vrrp.Packets;
using static Vrrp.Linux.NativeMethods;

namespace Vrrp.Daemon.Demo;

/// <summary>
/// The client: pings the virtual address at a steady pace and listens to its own wire, on one thread. The times of what it hears are the
/// kernel's, taken when a frame arrived.
/// </summary>
internal sealed unsafe class ClientProbe : IDisposable
{
    public const int NumberOffset = 8;
    public const int MessageLength = 16;

    private const int ETH_P_ALL = 3;
    private const int SO_TIMESTAMPNS = 35;
    private const int PacketTypeOffset = 10;
    private const byte PACKET_OUTGOING = 4;
    private const byte EchoRequest = 8;

    private readonly DemoPlan _plan;
    private readonly DemoClock _clock;
    private readonly WireLog _log;
    private readonly Socket _ping;
    private readonly int _capture;
    private readonly EpollWaiter _waiter = new();
    private readonly ReceiveBatch _batch = new();
    private readonly Thread _thread;
    private volatile bool _stopping;

    /// <exception cref="LinuxException">CAP_NET_RAW is missing.</exception>
    public ClientProbe(DemoPlan plan, DemoClock clock, WireLog log, NetworkNamespace network)
    {
        (_plan, _clock, _log) = (plan, clock, log);
        (_ping, _capture) = network.Run(() => (new Socket(AddressFamily.InterNetwork, SocketType.Raw, ProtocolType.Icmp), OpenCapture()));
        _ping.Blocking = false;
        _waiter.Add(_capture, 0);
        _thread = new Thread(Run) { IsBackground = true, Name = "demo client" };
        _thread.Start();
    }

    /// <summary>What ended the thread before its time; null as long as all is well.</summary>
    public Exception? Failure { get; private set; }

    public void Dispose()
    {
        _stopping = true;
        _waiter.Wake();
        _thread.Join();
        _ping.Dispose();
        _ = Close(_capture);
        _waiter.Dispose();
        _batch.Dispose();
    }

    private static int OpenCapture()
    {
        ushort everything = BinaryPrimitives.ReverseEndianness((ushort)ETH_P_ALL);
        int descriptor = Socket(
            SocketNumbers.AF_PACKET, SocketNumbers.SOCK_RAW | SocketNumbers.SOCK_CLOEXEC | SocketNumbers.SOCK_NONBLOCK, everything);
        if (descriptor < 0)
            throw Capabilities.Failure("open a packet socket", Errno.Last, Capability.NetRaw);
        int one = 1;
        if (SetSockOpt(descriptor, SocketNumbers.SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof(int)) >= 0)
            return descriptor;
        int error = Errno.Last;
        _ = Close(descriptor);
        throw new LinuxException("have frames timestamped", error);
    }

    private void Run()
    {
        try
        {
            RealTime.SetTimerSlack();
            var target = new IPEndPoint(DemoPlan.VirtualAddress.ToIPAddress(), 0);
            Span<int> ready = stackalloc int[1];
            var next = MonotonicClock.Now;
            while (!_stopping)
            {
                if (_waiter.Wait(next, ready) > 0)
                    Listen();
                var now = MonotonicClock.Now;
                if (now < next)
                    continue;
                Send(target);
                // After a stall the pace goes on from now: a burst would tell nothing more.
                next += _plan.ProbeInterval;
                if (next < now)
                    next = now + _plan.ProbeInterval;
            }
        }
#pragma warning disable CA1031 // It ends the demonstration with its message instead of the process with a stack trace.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            Failure = exception;
        }
    }

    private void Send(IPEndPoint target)
    {
        Span<byte> message = stackalloc byte[MessageLength];
        message.Clear();
        int number = _log.Sending(_clock.Now);
        message[0] = EchoRequest;
        BinaryPrimitives.WriteUInt16BigEndian(message[6..], (ushort)number);
        BinaryPrimitives.WriteInt32BigEndian(message[NumberOffset..], number);
        BinaryPrimitives.WriteUInt16BigEndian(message[2..], InternetChecksum.Complete(InternetChecksum.Add(0, message)));
        try
        {
            _ping.SendTo(message, target);
        }
        catch (SocketException)
        {
            // Nobody answers ARP for the address: a lost probe like any other.
        }
    }

    private void Listen()
    {
        for (int count = ReceiveBatch.Slots; count == ReceiveBatch.Slots;)
        {
            count = _batch.Receive(_capture, ReceiveBatch.Slots);
            for (int i = 0; i < count; i++)
            {
                var sender = _batch.Name(i);
                if (sender.Length <= PacketTypeOffset || sender[PacketTypeOffset] == PACKET_OUTGOING)
                    continue;
                if (MemoryMarshal.TryRead(_batch.Control(i, SocketNumbers.SOL_SOCKET, SO_TIMESTAMPNS), out TimeSpec time))
                    _log.Heard(_clock.At(time.Seconds, time.Nanoseconds), _batch.Packet(i));
            }
        }
    }
}
