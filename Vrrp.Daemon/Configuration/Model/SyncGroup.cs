using System.Collections.Immutable;
using Vrrp.Daemon.Configuration.Syntax;

namespace Vrrp.Daemon.Configuration.Model;

/// <summary>Instances that are Master together or not at all.</summary>
internal sealed record SyncGroup
{
    public required string Name { get; init; }

    public SourceSpan Span { get; init; }

    /// <summary>Names of members that exist and belong to no earlier group, in the file's order.</summary>
    public ImmutableArray<string> Members { get; init; } = [];

    /// <summary>Tracked for every member; the members' own lists hold them already.</summary>
    public ImmutableArray<TrackedInterface> TrackInterfaces { get; init; } = [];

    /// <summary>Tracked for every member; the members' own lists hold them already.</summary>
    public ImmutableArray<TrackedObject> TrackedObjects { get; init; } = [];

    /// <summary>Weights of members' trackers count. False: they are ignored.</summary>
    public bool TrackingWeight { get; init; }

    public NotifyScripts Notify { get; init; } = new();

    public bool SmtpAlert { get; init; }

    public bool NotifyPriorityChanges { get; init; }
}
