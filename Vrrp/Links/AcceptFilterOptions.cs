namespace Vrrp.Links;

/// <summary>The nf_tables table in which <see cref="VirtualRouterConfig.AcceptMode"/> false is enforced.</summary>
public sealed record AcceptFilterOptions
{
    /// <summary>Bytes of UTF-8 that a name may have.</summary>
    public const int MaximumTableLength = 255;

    /// <summary>Its name, in family inet. Null: "vrrp_" and the address mark. Processes in one network namespace need one each.</summary>
    public string? Table { get; init; }

    /// <summary>Priority of its chains; a lower one sees packets earlier. Default −1, before the host's own filter at 0.</summary>
    public int Priority { get; init; } = -1;

    /// <summary>Whether the rules count what they drop. Default false.</summary>
    public bool Counters { get; init; }
}
