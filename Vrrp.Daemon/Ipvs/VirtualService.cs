namespace Vrrp.Daemon.Ipvs;

/// <summary>Flags of a service as &lt;linux/ip_vs.h&gt; numbers them (IP_VS_SVC_F_…).</summary>
[Flags]
internal enum ServiceFlags : uint
{
    None = 0,

    /// <summary>Connections of one client stay with one real server.</summary>
    Persistent = 0x1,

    /// <summary>Set by the kernel on every service it keeps; of no meaning in a request.</summary>
    Hashed = 0x2,

    /// <summary>Every packet is scheduled for itself (UDP).</summary>
    OnePacket = 0x4,

    /// <summary>sh-fallback and mh-fallback, flag-1.</summary>
    Scheduler1 = 0x8,

    /// <summary>sh-port and mh-port, flag-2.</summary>
    Scheduler2 = 0x10,

    Scheduler3 = 0x20,

    /// <summary>What a configuration can ask for, and so what is compared.</summary>
    Settable = Persistent | OnePacket | Scheduler1 | Scheduler2 | Scheduler3,
}

/// <summary>A virtual service of the kernel: identity and settings, without its destinations.</summary>
internal sealed record VirtualService
{
    public required ServiceKey Key { get; init; }

    /// <summary>Name of the scheduler, 1–15 characters.</summary>
    public required string Scheduler { get; init; }

    public ServiceFlags Flags { get; init; }

    /// <summary>How long a client stays with its real server, in seconds; 0 without persistence.</summary>
    public uint PersistenceTimeout { get; init; }

    /// <summary>Length of the prefix by which clients are taken for one, 1–32 or 1–128.</summary>
    public byte PersistencePrefix { get; init; } = 32;

    /// <summary>Persistence engine, as <c>sip</c>. Null: none.</summary>
    public string? PersistenceEngine { get; init; }
}
