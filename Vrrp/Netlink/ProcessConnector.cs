using System.Runtime.InteropServices;
using Vrrp.Linux;

namespace Vrrp.Netlink;

/// <summary>What became of a process.</summary>
internal enum ProcessEventKind
{
    /// <summary>Nothing: the answer to a request, with its errno.</summary>
    Answer,

    /// <summary>It began, as a copy of another.</summary>
    Began,

    /// <summary>It runs another program now, or has another name.</summary>
    Changed,

    /// <summary>It ended.</summary>
    Ended,
}

/// <summary>One event of a process; its threads are left out.</summary>
/// <param name="Kind">What happened.</param>
/// <param name="Id">To which process; 0 for an answer.</param>
/// <param name="Error">Errno of an answer.</param>
internal readonly record struct ProcessEvent(ProcessEventKind Kind, int Id, int Error = 0);

/// <summary>Tells of processes that begin, change and end.</summary>
internal interface IProcessEvents : IDisposable
{
    /// <summary>Polls readable when something happened.</summary>
    int Descriptor { get; }

    /// <summary>Takes what waits, without waiting.</summary>
    /// <returns>False when some were lost.</returns>
    bool Receive(List<ProcessEvent> events);
}

/// <summary>
/// The kernel's process connector. It exists in the first network namespace alone, and answers in the first namespaces of processes and
/// users; it needs CAP_NET_ADMIN there.
/// </summary>
internal sealed class ProcessConnector : IProcessEvents
{
    private const int NETLINK_CONNECTOR = 11;
    private const uint CN_IDX_PROC = 1;
    private const uint CN_VAL_PROC = 1;
    private const uint PROC_CN_MCAST_LISTEN = 1;
    private const uint PROC_CN_MCAST_IGNORE = 2;
    private const uint PROC_EVENT_NONE = 0;
    private const uint PROC_EVENT_FORK = 1;
    private const uint PROC_EVENT_EXEC = 2;
    private const uint PROC_EVENT_COMM = 0x200;
    private const uint PROC_EVENT_EXIT = 0x80000000;

    // struct nlmsghdr, struct cn_msg, then struct proc_event, whose data follow a kind, a processor and a time.
    private const int EventOffset = Nlmsg.HeaderLength + 20;
    private const int DataOffset = EventOffset + 16;

    private readonly NetlinkSocket _socket;

    private ProcessConnector(NetlinkSocket socket) => _socket = socket;

    /// <inheritdoc/>
    public int Descriptor => _socket.Descriptor;

    /// <summary>Begins to listen, from the first network namespace if this one has no connector and that one may be entered.</summary>
    /// <exception cref="LinuxException">The kernel does not tell this process of others.</exception>
    public static ProcessConnector Open()
    {
        try
        {
            return OpenHere();
        }
        catch (LinuxException exception) when (exception.Error == Errno.ECONNREFUSED)
        {
            using var first = NetworkNamespace.OfProcess(1);
            return first.Run(OpenHere);
        }
    }

    /// <inheritdoc/>
    public bool Receive(List<ProcessEvent> events) => _socket.ReceiveDatagrams(datagram =>
    {
        if (TryRead(datagram, out var happened))
            events.Add(happened);
    });

    /// <summary>Reads one datagram.</summary>
    /// <returns>False when it is none of these events, or one of a thread.</returns>
    public static bool TryRead(ReadOnlySpan<byte> datagram, out ProcessEvent happened)
    {
        happened = default;
        if (datagram.Length < DataOffset + 4
            || MemoryMarshal.Read<uint>(datagram[Nlmsg.HeaderLength..]) != CN_IDX_PROC
            || MemoryMarshal.Read<uint>(datagram[(Nlmsg.HeaderLength + 4)..]) != CN_VAL_PROC)
        {
            return false;
        }

        var data = datagram[DataOffset..];
        switch (MemoryMarshal.Read<uint>(datagram[EventOffset..]))
        {
            case PROC_EVENT_NONE:
                happened = new(ProcessEventKind.Answer, 0, MemoryMarshal.Read<int>(data));
                return true;
            case PROC_EVENT_FORK when data.Length >= 16:
                // The parent's two numbers come first.
                return TryRead(data[8..], ProcessEventKind.Began, out happened);
            case PROC_EVENT_EXEC or PROC_EVENT_COMM:
                return TryRead(data, ProcessEventKind.Changed, out happened);
            case PROC_EVENT_EXIT:
                return TryRead(data, ProcessEventKind.Ended, out happened);
            default:
                return false;
        }
    }

    /// <summary>Ends listening.</summary>
    public void Dispose()
    {
        _ = _socket.TrySend(Request(PROC_CN_MCAST_IGNORE));
        _socket.Dispose();
    }

    private static bool TryRead(ReadOnlySpan<byte> data, ProcessEventKind kind, out ProcessEvent happened)
    {
        happened = default;
        if (data.Length < 8)
            return false;
        int thread = MemoryMarshal.Read<int>(data), process = MemoryMarshal.Read<int>(data[4..]);
        happened = new(kind, process);
        // Also a thread can exec: it takes over the process then.
        return thread == process || kind == ProcessEventKind.Changed;
    }

    private static ProcessConnector OpenHere()
    {
        const string operation = "listen to the kernel's process events";
        var socket = new NetlinkSocket(NETLINK_CONNECTOR, [(int)CN_IDX_PROC]);
        try
        {
            int error = socket.TrySend(Request(PROC_CN_MCAST_LISTEN));
            if (error != 0)
                throw new LinuxException(operation, error);
            // The answer is there when the request returns; to a process outside the first namespaces there is none.
            var connector = new ProcessConnector(socket);
            var events = new List<ProcessEvent>();
            _ = connector.Receive(events);
            int answer = events.FindIndex(one => one.Kind == ProcessEventKind.Answer);
            error = answer < 0 ? Errno.EOPNOTSUPP : events[answer].Error;
            return error == 0 ? connector : throw new LinuxException(operation, error);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static byte[] Request(uint operation)
    {
        var buffer = new byte[Nlmsg.HeaderLength + 24];
        var writer = new NetlinkWriter(buffer);
        int message = writer.BeginMessage(Nlmsg.NLMSG_DONE, Nlmsg.NLM_F_REQUEST, 1);
        writer.WriteStruct(new ConnectorRequest { Index = CN_IDX_PROC, Value = CN_VAL_PROC, Length = sizeof(uint), Operation = operation });
        writer.EndMessage(message);
        return buffer;
    }

    /// <summary>struct cn_msg with an enum proc_cn_mcast_op.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct ConnectorRequest
    {
        public uint Index;
        public uint Value;
        public uint Sequence;
        public uint Acknowledgement;
        public ushort Length;
        public ushort Flags;
        public uint Operation;
    }
}
