using System.Collections.Immutable;
using Vrrp.Linux;
using Vrrp.Netlink;

namespace Vrrp.Daemon.Ipvs;

/// <summary>The kernel's IPVS over generic netlink, in the network namespace in which it was opened.</summary>
internal sealed class NetlinkIpvsTable : IIpvsTable
{
    // One datagram holds some 200 KiB; what is behind it waits for the acknowledgements of what is before.
    private const int BatchLength = 192 * 1024;

    private readonly NetlinkSocket _socket;
    private readonly ushort _family;
    private readonly byte[] _buffer = new byte[BatchLength];

    private NetlinkIpvsTable(NetlinkSocket socket, ushort family)
    {
        _socket = socket;
        _family = family;
    }

    /// <summary>Opens the table.</summary>
    /// <exception cref="IpvsUnavailableException">The kernel has no IPVS, and the module could not be loaded by asking for it.</exception>
    /// <exception cref="LinuxException">There is no netlink here.</exception>
    public static NetlinkIpvsTable Open()
    {
        var socket = new NetlinkSocket(Nlmsg.NETLINK_GENERIC);
        try
        {
            int error = GenericNetlink.TryResolve(socket, IpvsConstants.FamilyName, out ushort family);
            if (error == Errno.ENOENT)
                throw new IpvsUnavailableException("This kernel has no IPVS: its module ip_vs is not loaded.");
            if (error != 0)
                throw new IpvsUnavailableException($"The kernel does not let us at IPVS: {new LinuxException("find it", error).Message}");
            return new(socket, family);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Calls into the kernel so far.</summary>
    public int SystemCalls => _socket.SystemCalls;

    /// <inheritdoc/>
    public IpvsSnapshot Read()
    {
        var services = new ServiceSink();
        Query("list virtual servers", services, (ref NetlinkWriter writer, uint sequence) =>
            IpvsMessages.WriteBare(ref writer, _family, sequence, IpvsConstants.Command.GetService, isDump: true));
        var entries = ImmutableArray.CreateBuilder<ServiceEntry>(services.Found.Count);
        foreach (var (service, statistics) in services.Found)
            entries.Add(new(service, statistics, ReadDestinations(service.Key)));
        return new(entries.DrainToImmutable());
    }

    /// <inheritdoc/>
    public ServiceEntry? Read(ServiceKey service)
    {
        const int ESRCH = 3;
        var services = new ServiceSink();
        int error = TryQuery(services, (ref NetlinkWriter writer, uint sequence) =>
            IpvsMessages.WriteKeyed(ref writer, _family, sequence, IpvsConstants.Command.GetService, service, isDump: false));
        if (error == ESRCH || (error == 0 && services.Found.Count == 0))
            return null;
        if (error != 0)
            throw Failure($"read virtual server {service}", error);
        var (found, statistics) = services.Found[0];
        return new(found, statistics, ReadDestinations(service));
    }

    /// <inheritdoc/>
    public ImmutableArray<IpvsOutcome> Apply(ImmutableArray<IpvsChange> changes)
    {
        var outcomes = ImmutableArray.CreateBuilder<IpvsOutcome>(changes.Length);
        var errors = new int[changes.Length];
        for (int next = 0; next < changes.Length;)
        {
            int first = next;
            uint firstSequence = 0;
            var writer = new NetlinkWriter(_buffer);
            for (; next < changes.Length && writer.Remaining >= IpvsMessages.MaximumChange; next++)
            {
                uint sequence = _socket.NextSequence();
                firstSequence = next == first ? sequence : firstSequence;
                IpvsMessages.WriteChange(ref writer, _family, sequence, changes[next]);
            }

            _socket.RequestBatch(writer.Written, firstSequence, errors.AsSpan(first, next - first));
        }

        for (int i = 0; i < errors.Length; i++)
            outcomes.Add(errors[i] == 0 ? default : new(errors[i], IpvsErrorText.Describe(changes[i], errors[i])));
        return outcomes.MoveToImmutable();
    }

    /// <inheritdoc/>
    public void Flush() => Request("remove all virtual servers", (ref NetlinkWriter writer, uint sequence) =>
        IpvsMessages.WriteBare(ref writer, _family, sequence, IpvsConstants.Command.Flush, isDump: false));

    /// <inheritdoc/>
    public void Zero(ServiceKey? service) => Request("set counters to zero", (ref NetlinkWriter writer, uint sequence) =>
    {
        if (service is { } key)
            IpvsMessages.WriteKeyed(ref writer, _family, sequence, IpvsConstants.Command.Zero, key, isDump: false);
        else
            IpvsMessages.WriteBare(ref writer, _family, sequence, IpvsConstants.Command.Zero, isDump: false);
    });

    /// <inheritdoc/>
    public IpvsTimeouts ReadTimeouts()
    {
        var sink = new TimeoutSink();
        Query("read timeouts", sink, (ref NetlinkWriter writer, uint sequence) =>
            IpvsMessages.WriteBare(ref writer, _family, sequence, IpvsConstants.Command.GetConfig, isDump: false));
        return sink.Timeouts;
    }

    /// <summary>Reads which IPVS it is, and how large its table of connections.</summary>
    public IpvsInfo ReadInfo()
    {
        var sink = new InfoSink();
        Query("read its version", sink, (ref NetlinkWriter writer, uint sequence) =>
            IpvsMessages.WriteBare(ref writer, _family, sequence, IpvsConstants.Command.GetInfo, isDump: false));
        return sink.Info;
    }

    /// <inheritdoc/>
    public void SetTimeouts(IpvsTimeouts timeouts) => Request("set timeouts", (ref NetlinkWriter writer, uint sequence) =>
        IpvsMessages.WriteTimeouts(ref writer, _family, sequence, timeouts));

    /// <inheritdoc/>
    public ImmutableArray<SyncDaemon> ReadSyncDaemons()
    {
        var sink = new DaemonSink();
        Query("list synchronisation daemons", sink, (ref NetlinkWriter writer, uint sequence) =>
            IpvsMessages.WriteBare(ref writer, _family, sequence, IpvsConstants.Command.GetDaemon, isDump: true));
        return [.. sink.Found];
    }

    /// <inheritdoc/>
    public void StartSyncDaemon(SyncDaemon daemon) => Request(
        $"start the {daemon.Role} synchronisation daemon on {daemon.Interface}",
        (ref NetlinkWriter writer, uint sequence) => IpvsMessages.WriteDaemon(ref writer, _family, sequence, isStart: true, daemon));

    /// <inheritdoc/>
    public void StopSyncDaemon(SyncDaemonRole role, byte id)
    {
        const int ESRCH = 3;
        int error = TryQuery(null, (ref NetlinkWriter writer, uint sequence) =>
            IpvsMessages.WriteDaemon(ref writer, _family, sequence, isStart: false, new(role, "", id)));
        if (error is not (0 or ESRCH))
            throw Failure($"stop the {role} synchronisation daemon", error);
    }

    /// <inheritdoc/>
    public void Dispose() => _socket.Dispose();

    private delegate void MessageWriter(ref NetlinkWriter writer, uint sequence);

    private void Request(string operation, MessageWriter write)
    {
        int error = TryQuery(null, write);
        if (error != 0)
            throw Failure(operation, error);
    }

    private void Query(string operation, INetlinkSink sink, MessageWriter write)
    {
        int error = TryQuery(sink, write);
        if (error != 0)
            throw Failure(operation, error);
    }

    private int TryQuery(INetlinkSink? sink, MessageWriter write)
    {
        Span<byte> buffer = stackalloc byte[IpvsMessages.MaximumChange];
        var writer = new NetlinkWriter(buffer);
        write(ref writer, _socket.NextSequence());
        return _socket.TryQuery(writer.Written, sink, out _);
    }

    // Of a service that is gone meanwhile the kernel lists none.
    private ImmutableArray<DestinationEntry> ReadDestinations(ServiceKey service)
    {
        var destinations = new DestinationSink(service.Family);
        Query($"list real servers of {service}", destinations, (ref NetlinkWriter writer, uint sequence) =>
            IpvsMessages.WriteKeyed(ref writer, _family, sequence, IpvsConstants.Command.GetDestination, service, isDump: true));
        return [.. destinations.Found];
    }

    // Without the module, the family's number is unknown to the kernel.
    private static IOException Failure(string operation, int error) => error is Errno.ENOENT
        ? new IpvsUnavailableException($"Cannot {operation}: the kernel has no IPVS any more.")
        : new NetlinkException(operation, error, null);

    private sealed class ServiceSink : INetlinkSink
    {
        public List<(VirtualService Service, IpvsStatistics Statistics)> Found { get; } = [];

        public void Restart() => Found.Clear();

        public void Message(in NetlinkMessage message)
        {
            if (IpvsMessages.ReadService(message) is { } found)
                Found.Add(found);
        }
    }

    private sealed class DestinationSink(IPFamily family) : INetlinkSink
    {
        public List<DestinationEntry> Found { get; } = [];

        public void Restart() => Found.Clear();

        public void Message(in NetlinkMessage message)
        {
            if (IpvsMessages.ReadDestination(message, family) is { } found)
                Found.Add(found);
        }
    }

    private sealed class TimeoutSink : INetlinkSink
    {
        public IpvsTimeouts Timeouts { get; private set; }

        public void Restart() => Timeouts = default;

        public void Message(in NetlinkMessage message) => Timeouts = IpvsMessages.ReadTimeouts(message);
    }

    private sealed class InfoSink : INetlinkSink
    {
        public IpvsInfo Info { get; private set; }

        public void Restart() => Info = default;

        public void Message(in NetlinkMessage message) => Info = IpvsMessages.ReadInfo(message);
    }

    private sealed class DaemonSink : INetlinkSink
    {
        public List<SyncDaemon> Found { get; } = [];

        public void Restart() => Found.Clear();

        public void Message(in NetlinkMessage message)
        {
            if (IpvsMessages.ReadDaemon(message) is { } found)
                Found.Add(found);
        }
    }
}
