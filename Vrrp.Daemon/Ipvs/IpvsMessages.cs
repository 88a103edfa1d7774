using System.Numerics;
using System.Runtime.InteropServices;
using Vrrp.Netlink;

namespace Vrrp.Daemon.Ipvs;

/// <summary>Encodes requests and decodes answers of the kernel's IPVS family. The numbers are <see cref="IpvsConstants"/>.</summary>
internal static class IpvsMessages
{
    /// <summary>Room that any one change needs.</summary>
    public const int MaximumChange = 512;

    /// <summary>Writes a message of a change.</summary>
    public static void WriteChange(ref NetlinkWriter writer, ushort family, uint sequence, IpvsChange change)
    {
        byte command = change.Kind switch
        {
            IpvsChangeKind.AddService => IpvsConstants.Command.NewService,
            IpvsChangeKind.UpdateService => IpvsConstants.Command.SetService,
            IpvsChangeKind.RemoveService => IpvsConstants.Command.DeleteService,
            IpvsChangeKind.AddDestination => IpvsConstants.Command.NewDestination,
            IpvsChangeKind.UpdateDestination => IpvsConstants.Command.SetDestination,
            _ => IpvsConstants.Command.DeleteDestination,
        };
        int message = Begin(ref writer, family, command, sequence);
        if (change.Kind is IpvsChangeKind.AddService or IpvsChangeKind.UpdateService)
            WriteService(ref writer, change.Service);
        else
            WriteServiceKey(ref writer, change.Service.Key);
        if (change.Destination is { } destination)
            WriteDestination(ref writer, destination, isWhole: change.Kind is not IpvsChangeKind.RemoveDestination);
        writer.EndMessage(message);
    }

    /// <summary>Writes a request without attributes.</summary>
    public static void WriteBare(ref NetlinkWriter writer, ushort family, uint sequence, byte command, bool isDump)
    {
        int message = Begin(ref writer, family, command, sequence, isDump);
        writer.EndMessage(message);
    }

    /// <summary>Writes a request that concerns one service: listing its destinations, zeroing its counters.</summary>
    public static void WriteKeyed(ref NetlinkWriter writer, ushort family, uint sequence, byte command, ServiceKey key, bool isDump)
    {
        int message = Begin(ref writer, family, command, sequence, isDump);
        WriteServiceKey(ref writer, key);
        writer.EndMessage(message);
    }

    /// <summary>Writes the request that sets timeouts. The kernel takes 0 for "as it is".</summary>
    public static void WriteTimeouts(ref NetlinkWriter writer, ushort family, uint sequence, IpvsTimeouts timeouts)
    {
        int message = Begin(ref writer, family, IpvsConstants.Command.SetConfig, sequence);
        writer.WriteUInt32(IpvsConstants.Attribute.TimeoutTcp, timeouts.Tcp ?? 0);
        writer.WriteUInt32(IpvsConstants.Attribute.TimeoutTcpFin, timeouts.TcpFin ?? 0);
        writer.WriteUInt32(IpvsConstants.Attribute.TimeoutUdp, timeouts.Udp ?? 0);
        writer.EndMessage(message);
    }

    /// <summary>Writes the request that starts or stops a synchronisation daemon.</summary>
    public static void WriteDaemon(ref NetlinkWriter writer, ushort family, uint sequence, bool isStart, SyncDaemon daemon)
    {
        byte command = isStart ? IpvsConstants.Command.NewDaemon : IpvsConstants.Command.DeleteDaemon;
        int message = Begin(ref writer, family, command, sequence);
        int nested = writer.BeginNested(IpvsConstants.Attribute.Daemon);
        writer.WriteUInt32(IpvsConstants.Daemon.State, (uint)daemon.Role);
        writer.WriteString(IpvsConstants.Daemon.MulticastInterface, daemon.Interface);
        writer.WriteUInt32(IpvsConstants.Daemon.SyncId, daemon.Id);
        if (isStart)
        {
            if (daemon.MaximumLength != 0)
                writer.WriteUInt16(IpvsConstants.Daemon.MaximumLength, daemon.MaximumLength);
            if (daemon.Group.Family == IPFamily.IPv4)
                writer.WriteAddress(IpvsConstants.Daemon.MulticastGroup, daemon.Group);
            else if (daemon.Group.Family == IPFamily.IPv6)
                writer.WriteAddress(IpvsConstants.Daemon.MulticastGroup6, daemon.Group);
            if (daemon.Port != 0)
                writer.WriteUInt16(IpvsConstants.Daemon.MulticastPort, daemon.Port);
            if (daemon.Ttl != 0)
                writer.WriteUInt8(IpvsConstants.Daemon.MulticastTtl, daemon.Ttl);
        }

        writer.EndNested(nested);
        writer.EndMessage(message);
    }

    /// <summary>Reads a service of a listing; null when it makes no sense.</summary>
    public static (VirtualService Service, IpvsStatistics Statistics)? ReadService(in NetlinkMessage message)
    {
        if (!TryFind(message, IpvsConstants.Attribute.Service, out var nested))
            return null;
        IPFamily family = 0;
        ushort protocol = 0, port = 0;
        uint mark = 0, flags = 0, timeout = 0;
        scoped ReadOnlySpan<byte> address = default, netmask = default;
        string scheduler = "";
        string? engine = null;
        IpvsStatistics statistics = default, statistics64 = default;
        bool has64 = false;
        var attributes = nested.Nested;
        while (attributes.Next(out var attribute))
        {
            switch (attribute.Type)
            {
                case IpvsConstants.Service.AddressFamily:
                    family = Family(attribute.ReadUInt16());
                    break;
                case IpvsConstants.Service.Protocol:
                    protocol = attribute.ReadUInt16();
                    break;
                case IpvsConstants.Service.Address:
                    address = attribute.Value;
                    break;
                case IpvsConstants.Service.Port:
                    port = attribute.ReadUInt16BigEndian();
                    break;
                case IpvsConstants.Service.FirewallMark:
                    mark = attribute.ReadUInt32();
                    break;
                case IpvsConstants.Service.SchedulerName:
                    scheduler = attribute.ReadString();
                    break;
                case IpvsConstants.Service.Flags:
                    flags = attribute.ReadUInt32();
                    break;
                case IpvsConstants.Service.Timeout:
                    timeout = attribute.ReadUInt32();
                    break;
                case IpvsConstants.Service.Netmask:
                    netmask = attribute.Value;
                    break;
                case IpvsConstants.Service.PersistenceEngineName:
                    engine = attribute.ReadString();
                    break;
                case IpvsConstants.Service.Stats:
                    statistics = ReadStatistics(attribute);
                    break;
                case IpvsConstants.Service.Stats64:
                    (statistics64, has64) = (ReadStatistics(attribute), true);
                    break;
            }
        }

        if (family == 0 || (mark == 0 && !TryReadAddress(address, family, out _)))
            return null;
        _ = TryReadAddress(address, family, out var value);
        var key = mark != 0 ? ServiceKey.ByMark(mark, family) : new ServiceKey(family, (TransportProtocol)protocol, value, port, 0);
        var service = new VirtualService
        {
            Key = key,
            Scheduler = scheduler,
            Flags = (ServiceFlags)flags & ServiceFlags.Settable,
            // The kernel goes on showing a timeout and a mask for a service that is not persistent.
            PersistenceTimeout = (flags & (uint)ServiceFlags.Persistent) != 0 ? timeout : 0,
            PersistencePrefix = ReadPrefix(netmask, family),
            PersistenceEngine = engine,
        };
        return (service, has64 ? statistics64 : statistics);
    }

    /// <summary>Reads a destination of a listing; null when it makes no sense.</summary>
    /// <param name="message">The message.</param>
    /// <param name="serviceFamily">Family of its service, for kernels that do not say it.</param>
    public static DestinationEntry? ReadDestination(in NetlinkMessage message, IPFamily serviceFamily)
    {
        if (!TryFind(message, IpvsConstants.Attribute.Destination, out var nested))
            return null;
        var family = serviceFamily;
        scoped ReadOnlySpan<byte> address = default;
        ushort port = 0, tunnelPort = 0, tunnelFlags = 0;
        byte tunnelType = 0;
        uint method = 0, upper = 0, lower = 0, active = 0, inactive = 0, persistent = 0;
        int weight = 0;
        IpvsStatistics statistics = default, statistics64 = default;
        bool has64 = false;
        var attributes = nested.Nested;
        while (attributes.Next(out var attribute))
        {
            switch (attribute.Type)
            {
                case IpvsConstants.Destination.AddressFamily:
                    family = Family(attribute.ReadUInt16());
                    break;
                case IpvsConstants.Destination.Address:
                    address = attribute.Value;
                    break;
                case IpvsConstants.Destination.Port:
                    port = attribute.ReadUInt16BigEndian();
                    break;
                case IpvsConstants.Destination.ForwardingMethod:
                    method = attribute.ReadUInt32();
                    break;
                case IpvsConstants.Destination.Weight:
                    weight = attribute.ReadInt32();
                    break;
                case IpvsConstants.Destination.UpperThreshold:
                    upper = attribute.ReadUInt32();
                    break;
                case IpvsConstants.Destination.LowerThreshold:
                    lower = attribute.ReadUInt32();
                    break;
                case IpvsConstants.Destination.ActiveConnections:
                    active = attribute.ReadUInt32();
                    break;
                case IpvsConstants.Destination.InactiveConnections:
                    inactive = attribute.ReadUInt32();
                    break;
                case IpvsConstants.Destination.PersistentConnections:
                    persistent = attribute.ReadUInt32();
                    break;
                case IpvsConstants.Destination.TunnelType:
                    tunnelType = attribute.ReadUInt8();
                    break;
                case IpvsConstants.Destination.TunnelPort:
                    tunnelPort = attribute.ReadUInt16BigEndian();
                    break;
                case IpvsConstants.Destination.TunnelFlags:
                    tunnelFlags = attribute.ReadUInt16();
                    break;
                case IpvsConstants.Destination.Stats:
                    statistics = ReadStatistics(attribute);
                    break;
                case IpvsConstants.Destination.Stats64:
                    (statistics64, has64) = (ReadStatistics(attribute), true);
                    break;
            }
        }

        if (!TryReadAddress(address, family, out var value))
            return null;
        var kind = (ForwardingMethod)(method & IpvsConstants.ForwardingMask);
        var destination = new Destination
        {
            Key = new(value, port),
            Forwarding = kind == ForwardingMethod.Tunnel
                ? new(kind, (TunnelType)tunnelType, tunnelPort, (TunnelChecksum)tunnelFlags)
                : new(kind),
            Weight = weight,
            UpperThreshold = upper,
            LowerThreshold = lower,
        };
        return new(destination, active, inactive, persistent, has64 ? statistics64 : statistics);
    }

    /// <summary>Reads the timeouts.</summary>
    public static IpvsTimeouts ReadTimeouts(in NetlinkMessage message)
    {
        IpvsTimeouts timeouts = default;
        var attributes = message.Attributes<GenericNetlink.Header>();
        while (attributes.Next(out var attribute))
        {
            timeouts = attribute.Type switch
            {
                IpvsConstants.Attribute.TimeoutTcp => timeouts with { Tcp = attribute.ReadUInt32() },
                IpvsConstants.Attribute.TimeoutTcpFin => timeouts with { TcpFin = attribute.ReadUInt32() },
                IpvsConstants.Attribute.TimeoutUdp => timeouts with { Udp = attribute.ReadUInt32() },
                _ => timeouts,
            };
        }

        return timeouts;
    }

    /// <summary>Reads what the table is.</summary>
    public static IpvsInfo ReadInfo(in NetlinkMessage message)
    {
        IpvsInfo info = default;
        var attributes = message.Attributes<GenericNetlink.Header>();
        while (attributes.Next(out var attribute))
        {
            info = attribute.Type switch
            {
                IpvsConstants.Info.Version => info with { Version = attribute.ReadUInt32() },
                IpvsConstants.Info.ConnectionTableSize => info with { ConnectionTableSize = attribute.ReadUInt32() },
                _ => info,
            };
        }

        return info;
    }

    /// <summary>Reads a synchronisation daemon of a listing; null when it makes no sense.</summary>
    public static SyncDaemon? ReadDaemon(in NetlinkMessage message)
    {
        if (!TryFind(message, IpvsConstants.Attribute.Daemon, out var nested))
            return null;
        var daemon = new SyncDaemon(0, "", 0);
        var attributes = nested.Nested;
        while (attributes.Next(out var attribute))
        {
            daemon = attribute.Type switch
            {
                IpvsConstants.Daemon.State => daemon with { Role = (SyncDaemonRole)attribute.ReadUInt32() },
                IpvsConstants.Daemon.MulticastInterface => daemon with { Interface = attribute.ReadString() },
                IpvsConstants.Daemon.SyncId => daemon with { Id = (byte)attribute.ReadUInt32() },
                IpvsConstants.Daemon.MaximumLength => daemon with { MaximumLength = attribute.ReadUInt16() },
                IpvsConstants.Daemon.MulticastGroup or IpvsConstants.Daemon.MulticastGroup6 => daemon with { Group = attribute.ReadAddress() },
                IpvsConstants.Daemon.MulticastPort => daemon with { Port = attribute.ReadUInt16() },
                IpvsConstants.Daemon.MulticastTtl => daemon with { Ttl = attribute.ReadUInt8() },
                _ => daemon,
            };
        }

        return daemon.Role is SyncDaemonRole.Master or SyncDaemonRole.Backup ? daemon : null;
    }

    private static int Begin(ref NetlinkWriter writer, ushort family, byte command, uint sequence, bool isDump = false)
    {
        ushort flags = Nlmsg.NLM_F_REQUEST;
        flags |= isDump ? Nlmsg.NLM_F_DUMP : Nlmsg.NLM_F_ACK;
        int message = writer.BeginMessage(family, flags, sequence);
        writer.WriteStruct(new GenericNetlink.Header { Command = command, Version = IpvsConstants.Version });
        return message;
    }

    private static void WriteService(ref NetlinkWriter writer, VirtualService service)
    {
        int nested = writer.BeginNested(IpvsConstants.Attribute.Service);
        WriteIdentity(ref writer, service.Key);
        writer.WriteString(IpvsConstants.Service.SchedulerName, service.Scheduler);
        writer.WriteStruct(IpvsConstants.Service.Flags, new FlagsAndMask { Flags = (uint)service.Flags, Mask = uint.MaxValue });
        writer.WriteUInt32(IpvsConstants.Service.Timeout, service.PersistenceTimeout);
        if (service.Key.Family == IPFamily.IPv4)
            writer.WriteUInt32BigEndian(IpvsConstants.Service.Netmask, service.PersistencePrefix == 0 ? 0 : uint.MaxValue << (32 - service.PersistencePrefix));
        else
            writer.WriteUInt32(IpvsConstants.Service.Netmask, service.PersistencePrefix);
        if (service.PersistenceEngine is { } engine)
            writer.WriteString(IpvsConstants.Service.PersistenceEngineName, engine);
        writer.EndNested(nested);
    }

    private static void WriteServiceKey(ref NetlinkWriter writer, ServiceKey key)
    {
        int nested = writer.BeginNested(IpvsConstants.Attribute.Service);
        WriteIdentity(ref writer, key);
        writer.EndNested(nested);
    }

    private static void WriteIdentity(ref NetlinkWriter writer, ServiceKey key)
    {
        writer.WriteUInt16(IpvsConstants.Service.AddressFamily, Number(key.Family));
        if (key.FirewallMark != 0)
        {
            writer.WriteUInt32(IpvsConstants.Service.FirewallMark, key.FirewallMark);
            return;
        }

        writer.WriteUInt16(IpvsConstants.Service.Protocol, (ushort)key.Protocol);
        WritePaddedAddress(ref writer, IpvsConstants.Service.Address, key.Address);
        writer.WriteUInt16BigEndian(IpvsConstants.Service.Port, key.Port);
    }

    private static void WriteDestination(ref NetlinkWriter writer, Destination destination, bool isWhole)
    {
        int nested = writer.BeginNested(IpvsConstants.Attribute.Destination);
        WritePaddedAddress(ref writer, IpvsConstants.Destination.Address, destination.Key.Address);
        writer.WriteUInt16BigEndian(IpvsConstants.Destination.Port, destination.Key.Port);
        writer.WriteUInt16(IpvsConstants.Destination.AddressFamily, Number(destination.Key.Address.Family));
        if (isWhole)
        {
            writer.WriteUInt32(IpvsConstants.Destination.ForwardingMethod, (uint)destination.Forwarding.Method);
            writer.WriteInt32(IpvsConstants.Destination.Weight, destination.Weight);
            writer.WriteUInt32(IpvsConstants.Destination.UpperThreshold, destination.UpperThreshold);
            writer.WriteUInt32(IpvsConstants.Destination.LowerThreshold, destination.LowerThreshold);
            if (destination.Forwarding is { Method: ForwardingMethod.Tunnel, Tunnel: not TunnelType.IPIP } tunnel)
            {
                writer.WriteUInt8(IpvsConstants.Destination.TunnelType, (byte)tunnel.Tunnel);
                writer.WriteUInt16BigEndian(IpvsConstants.Destination.TunnelPort, tunnel.TunnelPort);
                writer.WriteUInt16(IpvsConstants.Destination.TunnelFlags, (ushort)tunnel.Checksum);
            }
        }

        writer.EndNested(nested);
    }

    // The kernel's union is 16 octets for either family.
    private static void WritePaddedAddress(ref NetlinkWriter writer, ushort type, IPAddressValue address)
    {
        Span<byte> octets = stackalloc byte[16];
        octets.Clear();
        address.Write(octets[..address.Length]);
        writer.WriteBytes(type, octets);
    }

    private static bool TryReadAddress(ReadOnlySpan<byte> octets, IPFamily family, out IPAddressValue address)
    {
        int length = family == IPFamily.IPv4 ? 4 : 16;
        address = family != 0 && octets.Length >= length ? IPAddressValue.Read(octets[..length]) : default;
        return !address.IsNone;
    }

    private static byte ReadPrefix(ReadOnlySpan<byte> netmask, IPFamily family)
    {
        if (netmask.Length < 4)
            return (byte)(family == IPFamily.IPv4 ? 32 : 128);
        return family == IPFamily.IPv4
            ? (byte)BitOperations.PopCount(MemoryMarshal.Read<uint>(netmask))
            : (byte)Math.Min(MemoryMarshal.Read<uint>(netmask), 128);
    }

    private static IpvsStatistics ReadStatistics(NetlinkAttribute nested)
    {
        IpvsStatistics statistics = default;
        var attributes = nested.Nested;
        while (attributes.Next(out var attribute))
        {
            // The older structure has counters of 32 bits; a shorter value fills the lower half on every machine we run on.
            ulong value = attribute.Value.Length >= 8 ? attribute.ReadUInt64() : attribute.ReadUInt32();
            statistics = attribute.Type switch
            {
                IpvsConstants.Stats.Connections => statistics with { Connections = value },
                IpvsConstants.Stats.IncomingPackets => statistics with { IncomingPackets = value },
                IpvsConstants.Stats.OutgoingPackets => statistics with { OutgoingPackets = value },
                IpvsConstants.Stats.IncomingBytes => statistics with { IncomingBytes = value },
                IpvsConstants.Stats.OutgoingBytes => statistics with { OutgoingBytes = value },
                IpvsConstants.Stats.ConnectionRate => statistics with { ConnectionRate = value },
                IpvsConstants.Stats.IncomingPacketRate => statistics with { IncomingPacketRate = value },
                IpvsConstants.Stats.OutgoingPacketRate => statistics with { OutgoingPacketRate = value },
                IpvsConstants.Stats.IncomingByteRate => statistics with { IncomingByteRate = value },
                IpvsConstants.Stats.OutgoingByteRate => statistics with { OutgoingByteRate = value },
                _ => statistics,
            };
        }

        return statistics;
    }

    private static bool TryFind(in NetlinkMessage message, ushort type, out NetlinkAttribute found)
    {
        var attributes = message.Attributes<GenericNetlink.Header>();
        while (attributes.Next(out found))
        {
            if (found.Type == type)
                return true;
        }

        return false;
    }

    private static ushort Number(IPFamily family) => family == IPFamily.IPv6 ? IpvsConstants.AF_INET6 : IpvsConstants.AF_INET;

    private static IPFamily Family(ushort number) => number switch
    {
        IpvsConstants.AF_INET => IPFamily.IPv4,
        IpvsConstants.AF_INET6 => IPFamily.IPv6,
        _ => 0,
    };

    /// <summary>ip_vs_flags.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct FlagsAndMask
    {
        public uint Flags;
        public uint Mask;
    }
}
