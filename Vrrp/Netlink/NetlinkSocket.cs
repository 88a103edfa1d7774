using System.Runtime.InteropServices;
using Vrrp.Linux;
using static Vrrp.Linux.NativeMethods;

namespace Vrrp.Netlink;

/// <summary>Takes the messages that answer a query, or notifications.</summary>
internal interface INetlinkSink
{
    /// <summary>A listing begins, or begins anew because the kernel's table changed under it: forget what came before.</summary>
    void Restart();

    /// <summary>One message; valid during the call.</summary>
    void Message(in NetlinkMessage message);
}

/// <summary>Takes one datagram; valid during the call.</summary>
internal delegate void NetlinkDatagram(ReadOnlySpan<byte> datagram);

/// <summary>
/// A netlink socket of the namespace in which it was made. For one thread at a time. It never waits for anyone but the kernel,
/// which answers requests within the call that sends them.
/// </summary>
internal sealed unsafe class NetlinkSocket : IDisposable
{
    private const int AF_NETLINK = 16;
    private const int SOCK_RAW_NONBLOCK_CLOEXEC = 3 | 0x800 | 0x80000;
    private const int SOL_SOCKET = 1;
    private const int SO_SNDBUF = 7;
    private const int SO_RCVBUF = 8;
    private const int SO_SNDBUFFORCE = 32;
    private const int SO_RCVBUFFORCE = 33;
    private const int SOL_NETLINK = 270;
    private const int NETLINK_ADD_MEMBERSHIP = 1;
    private const int NETLINK_CAP_ACK = 10;
    private const int NETLINK_EXT_ACK = 11;
    private const int NETLINK_GET_STRICT_CHK = 12;
    private const int MSG_TRUNC = 0x20;

    private const int BufferLength = 128 * 1024;
    private const int AckLength = 512;
    private const int AckSlots = BufferLength / AckLength;
    private const int DumpAttempts = 16;

    private readonly int _descriptor;
    private readonly byte* _buffer;
    private readonly BatchedMessage* _acks;
    private readonly IOVector* _vectors;
    private readonly NetlinkAddress* _senders;
    private uint _sequence;
    private bool _disposed;

    /// <summary>Opens a socket.</summary>
    /// <param name="protocol">NETLINK_ROUTE, NETLINK_NETFILTER, NETLINK_GENERIC.</param>
    /// <param name="groups">Numbers of multicast groups to hear.</param>
    /// <param name="receiveBuffer">Octets of kernel memory for what waits; a small one makes losses likely.</param>
    /// <exception cref="LinuxException">The kernel refused.</exception>
    public NetlinkSocket(int protocol, ReadOnlySpan<int> groups = default, int receiveBuffer = 8 * 1024 * 1024)
    {
        _descriptor = Errno.Check(Socket(AF_NETLINK, SOCK_RAW_NONBLOCK_CLOEXEC, protocol), "open a netlink socket");
        try
        {
            SetBuffer(SO_RCVBUFFORCE, SO_RCVBUF, receiveBuffer);
            SetBuffer(SO_SNDBUFFORCE, SO_SNDBUF, 1024 * 1024);
            // Older kernels lack these three; the answers are then longer, unexplained and unfiltered, which is handled.
            _ = TrySetOption(NETLINK_EXT_ACK, 1);
            _ = TrySetOption(NETLINK_CAP_ACK, 1);
            _ = TrySetOption(NETLINK_GET_STRICT_CHK, 1);
            NetlinkAddress local = new() { Family = AF_NETLINK };
            _ = Errno.Check(Bind(_descriptor, &local, (uint)sizeof(NetlinkAddress)), "bind a netlink socket");
            foreach (int group in groups)
            {
                if (!TrySetOption(NETLINK_ADD_MEMBERSHIP, group))
                    throw new LinuxException($"join netlink group {group}", Errno.Last);
            }
        }
        catch
        {
            _ = Close(_descriptor);
            throw;
        }

        _buffer = (byte*)NativeMemory.Alloc(BufferLength);
        _acks = (BatchedMessage*)NativeMemory.AllocZeroed(AckSlots, (nuint)sizeof(BatchedMessage));
        _vectors = (IOVector*)NativeMemory.Alloc(AckSlots, (nuint)sizeof(IOVector));
        _senders = (NetlinkAddress*)NativeMemory.AllocZeroed(AckSlots, (nuint)sizeof(NetlinkAddress));
        for (int i = 0; i < AckSlots; i++)
        {
            _vectors[i] = new() { Base = _buffer + (i * AckLength), Length = AckLength };
            _acks[i].Header.Vectors = _vectors + i;
            _acks[i].Header.VectorCount = 1;
            _acks[i].Header.Name = _senders + i;
        }
    }

    /// <summary>Descriptor that polls readable when a notification waits.</summary>
    public int Descriptor => _descriptor;

    /// <summary>Calls into the kernel so far.</summary>
    public int SystemCalls { get; private set; }

    /// <summary>A number for the next message; consecutive calls give consecutive numbers.</summary>
    public uint NextSequence() => ++_sequence;

    /// <summary>Sends one request that has NLM_F_ACK and takes its acknowledgement.</summary>
    /// <param name="request">The message.</param>
    /// <param name="operation">What it does, for the exception.</param>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    public void Request(ReadOnlySpan<byte> request, string operation)
    {
        int error = TryQuery(request, null, out string? explanation);
        if (error != 0)
            throw new NetlinkException(operation, error, explanation);
    }

    /// <summary>Sends one request and hands its answers, a dump in parts or single messages, to a sink.</summary>
    /// <param name="request">The message, with NLM_F_DUMP or NLM_F_ACK.</param>
    /// <param name="sink">Takes the answers; restarted when the kernel says that the dump was not consistent.</param>
    /// <param name="operation">What it does, for the exception.</param>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    public void Query(ReadOnlySpan<byte> request, INetlinkSink sink, string operation)
    {
        int error = TryQuery(request, sink, out string? explanation);
        if (error != 0)
            throw new NetlinkException(operation, error, explanation);
    }

    /// <summary>As <see cref="Query"/>, but returns the errno.</summary>
    /// <returns>0, or the errno.</returns>
    public int TryQuery(ReadOnlySpan<byte> request, INetlinkSink? sink, out string? explanation)
    {
        explanation = null;
        // A dump that is always interrupted would mean a table that never rests; the last reading then has to do.
        for (int attempt = 1; ; attempt++)
        {
            sink?.Restart();
            uint sequence = MemoryMarshal.Read<uint>(request[8..]);
            int error = Send(request);
            if (error != 0)
                return error;
            bool interrupted = false;
            error = ReadAnswers(sequence, sink, ref interrupted, ref explanation);
            if (error != 0 || !interrupted || attempt == DumpAttempts)
                return error;
        }
    }

    /// <summary>Sends requests, each with NLM_F_ACK, in one datagram and takes their acknowledgements.</summary>
    /// <param name="requests">The messages; at most what one datagram may hold, some 200 KiB.</param>
    /// <param name="firstSequence">Number of the first; the others follow consecutively.</param>
    /// <param name="errors">One errno for each, 0 when acknowledged. ENOBUFS: the acknowledgement was lost and the outcome is unknown.</param>
    public void RequestBatch(ReadOnlySpan<byte> requests, uint firstSequence, Span<int> errors)
    {
        if (errors.IsEmpty)
            return;
        errors.Fill(Errno.ENOBUFS);
        int error = Send(requests);
        if (error != 0)
        {
            errors.Fill(error);
            return;
        }

        int missing = errors.Length;
        bool lost = false;
        while (missing > 0)
        {
            for (int i = 0; i < AckSlots; i++)
                _acks[i].Header.NameLength = (uint)sizeof(NetlinkAddress);
            SystemCalls++;
            int count = RecvMMsg(_descriptor, _acks, (uint)Math.Min(missing, AckSlots), 0, null);
            if (count < 0)
            {
                // What was acknowledged before a loss still waits; only what is not found stays ENOBUFS.
                lost |= Errno.Last == Errno.ENOBUFS;
                if (Errno.Last is Errno.EINTR or Errno.ENOBUFS || (Errno.Last == Errno.EAGAIN && !lost && WaitForInput()))
                    continue;
                return;
            }

            for (int i = 0; i < count; i++)
            {
                if (_senders[i].Port != 0)
                    continue;
                missing -= NetlinkAnswers.ReadAcknowledgements(
                    new(_vectors[i].Base, (int)Math.Min(_acks[i].Length, AckLength)), firstSequence, errors);
            }
        }
    }

    /// <summary>Sends messages that the kernel applies together or not at all, and takes its verdict.</summary>
    /// <param name="messages">From the mark that begins the transaction to the one that ends it.</param>
    /// <param name="confirming">Number of a message with NLM_F_ACK, the last one between the marks.</param>
    /// <param name="explanation">The kernel's own words on a failure, if it gave any.</param>
    /// <returns>0 when all of it is in force, else the errno of the first failure; nothing has changed then, but for ENOBUFS.</returns>
    public int Transact(ReadOnlySpan<byte> messages, uint confirming, out string? explanation)
    {
        explanation = null;
        int error = Send(messages);
        if (error != 0)
            return error;
        var verdict = new TransactionVerdict(confirming);
        while (true)
        {
            nint length = Receive(out _);
            if (length < 0 && Errno.Last == Errno.ENOBUFS)
                continue;
            // All answers were there when the request returned: nothing more is waited for.
            if (length < 0)
            {
                explanation = verdict.Explanation;
                return verdict.Error;
            }

            verdict.Read(new(_buffer, (int)length));
        }
    }

    /// <summary>Hands waiting notifications to a sink, without waiting.</summary>
    /// <param name="sink">Takes them.</param>
    /// <returns>False when the kernel lost some since the last call: the listener has to list anew.</returns>
    public bool ReceiveNotifications(INetlinkSink sink)
    {
        bool complete = true;
        while (true)
        {
            nint length = Receive(out bool truncated);
            if (length < 0)
            {
                if (Errno.Last != Errno.ENOBUFS)
                    return complete;
                complete = false;
                continue;
            }

            complete &= NetlinkAnswers.ReadNotifications(new(_buffer, (int)length), sink) && !truncated;
        }
    }

    /// <summary>Hands waiting datagrams over as they are, without waiting: for families whose messages are none of the protocol's kinds.</summary>
    /// <param name="take">Takes them.</param>
    /// <returns>False when the kernel lost some since the last call.</returns>
    public bool ReceiveDatagrams(NetlinkDatagram take)
    {
        bool complete = true;
        while (true)
        {
            nint length = Receive(out bool truncated);
            if (length < 0)
            {
                if (Errno.Last != Errno.ENOBUFS)
                    return complete;
                complete = false;
                continue;
            }

            complete &= !truncated;
            take(new(_buffer, (int)length));
        }
    }

    /// <summary>Sends a message and waits for no answer.</summary>
    /// <returns>0, or the errno.</returns>
    public int TrySend(ReadOnlySpan<byte> message) => Send(message);

    /// <summary>Throws away what waits.</summary>
    public void Discard()
    {
        while (Receive(out _) >= 0 || Errno.Last == Errno.ENOBUFS)
        {
        }
    }

    /// <summary>Closes the socket.</summary>
    public void Dispose()
    {
        if (_disposed)
            return;
        _disposed = true;
        _ = Close(_descriptor);
        NativeMemory.Free(_buffer);
        NativeMemory.Free(_acks);
        NativeMemory.Free(_vectors);
        NativeMemory.Free(_senders);
    }

    private int ReadAnswers(uint sequence, INetlinkSink? sink, ref bool interrupted, ref string? explanation)
    {
        while (true)
        {
            nint length = Receive(out bool truncated);
            if (length < 0)
            {
                if (Errno.Last == Errno.EAGAIN && WaitForInput())
                    continue;
                return Errno.Last == Errno.EAGAIN ? Errno.ETIMEDOUT : Errno.Last;
            }

            if (truncated)
                return Errno.ENOBUFS;
            if (NetlinkAnswers.TryReadAnswer(new(_buffer, (int)length), sequence, sink, ref interrupted, out int error, out explanation))
                return error;
        }
    }

    private int Send(ReadOnlySpan<byte> octets)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        SystemCalls++;
        fixed (byte* start = octets)
        {
            NetlinkAddress kernel = new() { Family = AF_NETLINK };
            IOVector vector = new() { Base = start, Length = (nuint)octets.Length };
            MessageHeader message = new() { Name = &kernel, NameLength = (uint)sizeof(NetlinkAddress), Vectors = &vector, VectorCount = 1 };
            while (SendMsg(_descriptor, &message, 0) < 0)
            {
                if (Errno.Last != Errno.EINTR)
                    return Errno.Last;
            }

            return 0;
        }
    }

    // Anyone may send to a netlink port; only port 0 is the kernel.
    private nint Receive(out bool truncated)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        SystemCalls++;
        truncated = false;
        while (true)
        {
            NetlinkAddress sender;
            IOVector vector = new() { Base = _buffer, Length = BufferLength };
            MessageHeader message = new() { Name = &sender, NameLength = (uint)sizeof(NetlinkAddress), Vectors = &vector, VectorCount = 1 };
            nint length = RecvMsg(_descriptor, &message, 0);
            if (length < 0 && Errno.Last == Errno.EINTR)
                continue;
            if (length >= 0 && sender.Port != 0)
                continue;
            truncated = (message.Flags & MSG_TRUNC) != 0;
            return length;
        }
    }

    // The answer is there when the request returns; this is for kernels yet to come.
    private bool WaitForInput()
    {
        PollDescriptor poll = new() { Descriptor = _descriptor, Events = 1 };
        bool ready = Poll(&poll, 1, 1000) > 0;
        if (!ready)
            Marshal.SetLastPInvokeError(Errno.EAGAIN);
        return ready;
    }

    private bool TrySetOption(int option, int value) => SetSockOpt(_descriptor, SOL_NETLINK, option, &value, sizeof(int)) == 0;

    private void SetBuffer(int force, int option, int length)
    {
        // The plain option is capped by net.core.rmem_max; the other one needs CAP_NET_ADMIN.
        if (SetSockOpt(_descriptor, SOL_SOCKET, force, &length, sizeof(int)) < 0)
            _ = SetSockOpt(_descriptor, SOL_SOCKET, option, &length, sizeof(int));
    }
}
