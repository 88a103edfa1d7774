using System.Collections.Immutable;
using Vrrp.Links;
using Vrrp.Packets;

namespace Vrrp;

/// <summary>How a <see cref="VrrpNode"/> runs. The defaults suit a program that needs root's capabilities and nothing else.</summary>
public sealed record VrrpNodeOptions
{
    /// <summary>The mark of <see cref="AddressMark"/> when none is given: VRRP's protocol number.</summary>
    public const byte DefaultAddressMark = 112;

    /// <summary>
    /// Value of the kernel's address protocol attribute (IFA_PROTO) on addresses this node installs, so that a process restarted after
    /// it was killed knows them again. 4–255. Programs that share a network namespace may share it; only configured addresses are touched.
    /// </summary>
    public byte AddressMark { get; init; } = DefaultAddressMark;

    /// <summary>The packet filter for routers with <see cref="VirtualRouterConfig.AcceptMode"/> false; there is none without such a router.</summary>
    public AcceptFilterOptions AcceptFilter { get; init; } = new();

    /// <summary>SCHED_RR priority of the engine thread, 1–99. Null: ordinary scheduling. Needs CAP_SYS_NICE.</summary>
    public int? RealTimePriority { get; init; }

    /// <summary>Processor time the engine thread may use without waiting once, under real-time scheduling. Null: the system's limit.</summary>
    public TimeSpan? RealTimeLimit { get; init; }

    /// <summary>Nice value of the engine thread, −20 to 19. Null: unchanged.</summary>
    public int? Nice { get; init; }

    /// <summary>Processors the engine thread may run on. Empty: all.</summary>
    public ImmutableArray<int> Processors { get; init; } = [];

    /// <summary>Whether the process locks its memory, so that no page of it is ever swapped out.</summary>
    public bool LockMemory { get; init; }

    /// <summary>
    /// Told of each of the settings above that the system refuses, on the engine's thread, and the node starts without it.
    /// Null: a refusal is thrown by <see cref="VrrpNode.Start"/>.
    /// </summary>
    public Action<Linux.LinuxException>? SchedulingRefused { get; init; }

    /// <summary>Sockets, addresses and interfaces. Null: those of this Linux host.</summary>
    public IVrrpPlatform? Platform { get; init; }

    /// <summary>Reads and writes packets. Null: <see cref="VrrpFrameCodec"/>.</summary>
    public IFrameCodec? Codec { get; init; }

    /// <summary>Decides. Null: <see cref="VrrpStateMachine"/>.</summary>
    public IVrrpStateMachine? StateMachine { get; init; }
}
