using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Vrrp.Linux;

namespace Vrrp.Benchmarks.Comparison;

/// <summary>A client that sends an echo request every millisecond and notes which are answered.</summary>
internal sealed class Probe : IDisposable
{
    private const long PeriodNanoseconds = 1_000_000;

    private readonly Socket _socket;
    private readonly Thread _sender;
    private readonly Thread _receiver;
    private readonly ConcurrentDictionary<int, bool> _answered = new();
    private readonly ushort _identifier = (ushort)Random.Shared.Next(1, ushort.MaxValue);
    private volatile bool _isStopping;
    private volatile int _sent;

    public Probe(NetworkNamespace network, IPAddressValue target)
    {
        _socket = network.Run(() => new Socket(AddressFamily.InterNetwork, SocketType.Raw, ProtocolType.Icmp));
        _socket.ReceiveTimeout = 200;
        _socket.ReceiveBufferSize = 1 << 20;
        _socket.Connect(target.ToIPAddress(), 0);
        _sender = new Thread(Send) { IsBackground = true, Name = "probe" };
        _receiver = new Thread(Receive) { IsBackground = true, Name = "probe answers" };
        _sender.Start();
        _receiver.Start();
    }

    /// <summary>Number of the next probe.</summary>
    public int Next => _sent;

    /// <summary>Stops, waits for late answers, and counts what was lost from that probe on.</summary>
    public int StopAndCountLost(int from)
    {
        int until = _sent;
        Task.Delay(300).Wait();
        Dispose();
        return Enumerable.Range(from, until - from).Count(number => !_answered.ContainsKey(number));
    }

    public void Dispose()
    {
        if (_isStopping)
            return;
        _isStopping = true;
        _sender.Join();
        _receiver.Join();
        _socket.Dispose();
    }

    private void Send()
    {
        using var waiter = new EpollWaiter();
        RealTime.SetTimerSlack();
        var due = MonotonicClock.Now;
        Span<int> none = stackalloc int[1];
        Span<byte> packet = stackalloc byte[16];
        while (!_isStopping)
        {
            packet.Clear();
            packet[0] = 8;
            BinaryPrimitives.WriteUInt16BigEndian(packet[4..], _identifier);
            BinaryPrimitives.WriteInt32BigEndian(packet[8..], _sent);
            BinaryPrimitives.WriteUInt16BigEndian(packet[2..], Checksum(packet));
            try
            {
                _socket.Send(packet);
            }
            catch (SocketException)
            {
                // An unreachable moment is a lost probe.
            }

            _sent++;
            due = due.AddNanoseconds(PeriodNanoseconds);
            waiter.Wait(due, none);
        }
    }

    private void Receive()
    {
        var packet = new byte[2048];
        while (!_isStopping)
        {
            int length;
            try
            {
                length = _socket.Receive(packet);
            }
            catch (SocketException)
            {
                continue;
            }

            if (length >= 36 && packet[20] == 0 && BinaryPrimitives.ReadUInt16BigEndian(packet.AsSpan(24)) == _identifier)
                _answered[BinaryPrimitives.ReadInt32BigEndian(packet.AsSpan(28))] = true;
        }
    }

    private static ushort Checksum(ReadOnlySpan<byte> octets)
    {
        uint sum = 0;
        for (int i = 0; i < octets.Length; i += 2)
            sum += BinaryPrimitives.ReadUInt16BigEndian(octets[i..]);
        while (sum >> 16 != 0)
            sum = (sum & 0xFFFF) + (sum >> 16);
        return (ushort)~sum;
    }
}
