namespace Vrrp.Daemon.Ipvs;

/// <summary>Numbers of &lt;linux/ip_vs.h&gt; under its names, shortened by what the class says.</summary>
internal static class IpvsConstants
{
    public const string FamilyName = "IPVS";
    public const byte Version = 1;

    public const ushort AF_INET = 2;
    public const ushort AF_INET6 = 10;

    /// <summary>IPVS_CMD_….</summary>
    public static class Command
    {
        public const byte NewService = 1;
        public const byte SetService = 2;
        public const byte DeleteService = 3;
        public const byte GetService = 4;
        public const byte NewDestination = 5;
        public const byte SetDestination = 6;
        public const byte DeleteDestination = 7;
        public const byte GetDestination = 8;
        public const byte NewDaemon = 9;
        public const byte DeleteDaemon = 10;
        public const byte GetDaemon = 11;
        public const byte SetConfig = 12;
        public const byte GetConfig = 13;
        public const byte GetInfo = 15;
        public const byte Zero = 16;
        public const byte Flush = 17;
    }

    /// <summary>IPVS_CMD_ATTR_….</summary>
    public static class Attribute
    {
        public const ushort Service = 1;
        public const ushort Destination = 2;
        public const ushort Daemon = 3;
        public const ushort TimeoutTcp = 4;
        public const ushort TimeoutTcpFin = 5;
        public const ushort TimeoutUdp = 6;
    }

    /// <summary>IPVS_INFO_ATTR_….</summary>
    public static class Info
    {
        public const ushort Version = 1;
        public const ushort ConnectionTableSize = 2;
    }

    /// <summary>IPVS_SVC_ATTR_….</summary>
    public static class Service
    {
        public const ushort AddressFamily = 1;
        public const ushort Protocol = 2;
        public const ushort Address = 3;
        public const ushort Port = 4;
        public const ushort FirewallMark = 5;
        public const ushort SchedulerName = 6;
        public const ushort Flags = 7;
        public const ushort Timeout = 8;
        public const ushort Netmask = 9;
        public const ushort Stats = 10;
        public const ushort PersistenceEngineName = 11;
        public const ushort Stats64 = 12;
    }

    /// <summary>IPVS_DEST_ATTR_….</summary>
    public static class Destination
    {
        public const ushort Address = 1;
        public const ushort Port = 2;
        public const ushort ForwardingMethod = 3;
        public const ushort Weight = 4;
        public const ushort UpperThreshold = 5;
        public const ushort LowerThreshold = 6;
        public const ushort ActiveConnections = 7;
        public const ushort InactiveConnections = 8;
        public const ushort PersistentConnections = 9;
        public const ushort Stats = 10;
        public const ushort AddressFamily = 11;
        public const ushort Stats64 = 12;
        public const ushort TunnelType = 13;
        public const ushort TunnelPort = 14;
        public const ushort TunnelFlags = 15;
    }

    /// <summary>IPVS_DAEMON_ATTR_….</summary>
    public static class Daemon
    {
        public const ushort State = 1;
        public const ushort MulticastInterface = 2;
        public const ushort SyncId = 3;
        public const ushort MaximumLength = 4;
        public const ushort MulticastGroup = 5;
        public const ushort MulticastGroup6 = 6;
        public const ushort MulticastPort = 7;
        public const ushort MulticastTtl = 8;
    }

    /// <summary>IPVS_STATS_ATTR_….</summary>
    public static class Stats
    {
        public const ushort Connections = 1;
        public const ushort IncomingPackets = 2;
        public const ushort OutgoingPackets = 3;
        public const ushort IncomingBytes = 4;
        public const ushort OutgoingBytes = 5;
        public const ushort ConnectionRate = 6;
        public const ushort IncomingPacketRate = 7;
        public const ushort OutgoingPacketRate = 8;
        public const ushort IncomingByteRate = 9;
        public const ushort OutgoingByteRate = 10;
    }

    /// <summary>Bits of a destination's forwarding attribute that are the method.</summary>
    public const uint ForwardingMask = 7;
}
