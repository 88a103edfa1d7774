using System.Collections.Immutable;

namespace Vrrp.Daemon.Status;

/// <summary>The virtual routers of a daemon: the document <c>/v1/status</c>. Property names are a contract with its readers.</summary>
internal sealed record NodeReport
{
    /// <summary>Version of the program.</summary>
    public required string Version { get; init; }

    public required int ProcessId { get; init; }

    /// <summary>The network namespace it works in, as <c>net:[4026531840]</c>.</summary>
    public required string NetworkNamespace { get; init; }

    public required string ConfigurationFile { get; init; }

    /// <summary>When this was put together.</summary>
    public required DateTimeOffset Time { get; init; }

    /// <summary>By name.</summary>
    public required ImmutableArray<InstanceReport> Instances { get; init; }

    /// <summary>Null: there is no mail in the configuration, or nobody it could be sent to.</summary>
    public required MailReport? Mail { get; init; }
}

/// <summary>Mail alerts, counted since the daemon began.</summary>
internal sealed record MailReport
{
    /// <summary>Mails that are not delivered yet.</summary>
    public required int Waiting { get; init; }

    /// <summary>Those of them that a server has and has not answered in time.</summary>
    public required int Unanswered { get; init; }

    /// <summary>Alerts that a later mail will tell together.</summary>
    public required int HeldBack { get; init; }

    public required long Delivered { get; init; }

    /// <summary>Mails that were refused, or could not be delivered in a day.</summary>
    public required long GivenUp { get; init; }

    public required DateTimeOffset? LastDelivery { get; init; }

    /// <summary>In words. Null: there was none.</summary>
    public required string? LastError { get; init; }

    public required DateTimeOffset? LastErrorTime { get; init; }
}

/// <summary>One virtual router.</summary>
internal sealed record InstanceReport
{
    public required string Name { get; init; }

    public required string Interface { get; init; }

    public required int VirtualRouterId { get; init; }

    /// <summary>2 or 3.</summary>
    public required int Version { get; init; }

    /// <summary><c>ipv4</c> or <c>ipv6</c>.</summary>
    public required string Family { get; init; }

    /// <summary><c>INIT</c>, <c>BACKUP</c>, <c>MASTER</c> or <c>FAULT</c>.</summary>
    public required string State { get; init; }

    /// <summary>Why it is in fault, in words. Null: it is not.</summary>
    public required string? Fault { get; init; }

    public required int Priority { get; init; }

    /// <summary>Priority in force, with what trackers add.</summary>
    public required int EffectivePriority { get; init; }

    /// <summary>Milliseconds.</summary>
    public required double AdvertisementInterval { get; init; }

    public required string? SyncGroup { get; init; }

    /// <summary>Source of its advertisements. Null: it has none.</summary>
    public required string? PrimaryAddress { get; init; }

    /// <summary>The last other Master that was heard. Null: none was.</summary>
    public required string? MasterAddress { get; init; }

    public required int? MasterPriority { get; init; }

    /// <summary>Whether it holds its addresses, also while it hands over.</summary>
    public required bool HoldsAddresses { get; init; }

    public required ImmutableArray<string> VirtualAddresses { get; init; }

    public required long MasterTransitions { get; init; }

    public required long AdvertisementsReceived { get; init; }

    public required long AdvertisementsSent { get; init; }

    /// <summary>Packets for it that were dropped, for whatever reason.</summary>
    public required long PacketsDropped { get; init; }
}
