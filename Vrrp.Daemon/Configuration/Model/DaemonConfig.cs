using System.Collections.Immutable;
using Vrrp.Daemon.Configuration.Syntax;

namespace Vrrp.Daemon.Configuration.Model;

/// <summary>The whole configuration as one immutable value, defaults resolved: nobody needs to look at the globals for an instance.</summary>
internal sealed record DaemonConfig
{
    /// <summary>The path it was loaded from.</summary>
    public required string Path { get; init; }

    public GlobalDefs GlobalDefs { get; init; } = new();

    /// <summary>In the order of the file; names are unique.</summary>
    public ImmutableArray<VrrpInstance> Instances { get; init; } = [];

    /// <summary>Groups that have members left after unknown ones were dropped.</summary>
    public ImmutableArray<SyncGroup> SyncGroups { get; init; } = [];

    /// <summary>Scripts, files and processes that instances and groups may follow, in the order of the file; a kind's names are unique.</summary>
    public ImmutableArray<Tracker> Trackers { get; init; } = [];

    public ImmutableArray<StaticAddress> StaticAddresses { get; init; } = [];

    /// <summary>In the order of the file; no service is in two of them.</summary>
    public ImmutableArray<VirtualServer> VirtualServers { get; init; } = [];

    /// <summary>Whether there is nothing that could run: such a file starts a daemon that waits for a better one, and replaces no other.</summary>
    public bool IsEmpty => Instances.IsEmpty && StaticAddresses.IsEmpty && VirtualServers.IsEmpty;

    /// <summary>Blocks that were understood but do nothing in this version, such as vrrp_script.</summary>
    public ImmutableArray<InactiveBlock> InactiveBlocks { get; init; } = [];
}

/// <summary>A block that was recognised and does nothing in this version.</summary>
/// <param name="Keyword">The block's keyword, as <c>vrrp_script</c>.</param>
/// <param name="Name">The words after it.</param>
/// <param name="Span">The keyword's place.</param>
internal sealed record InactiveBlock(string Keyword, string Name, SourceSpan Span);

/// <summary>An address that is there as long as the daemon runs (<c>static_ipaddress</c>).</summary>
internal sealed record StaticAddress
{
    /// <summary>The address; its interface is always set, from <c>dev</c> or <c>default_interface</c>.</summary>
    public required VirtualAddress Address { get; init; }

    /// <summary>Name of the track_group whose instances fail when the address is missing. Null: none.</summary>
    public string? TrackGroup { get; init; }
}
