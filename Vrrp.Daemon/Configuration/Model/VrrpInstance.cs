using System.Collections.Immutable;
using Vrrp.Daemon.Configuration.Syntax;

namespace Vrrp.Daemon.Configuration.Model;

/// <summary>State an operator asks for at the start. It never shortens a non-owner's wait for an existing Master.</summary>
internal enum WantedState
{
    Backup,
    Master,
}

/// <summary>One virtual router as the file sets it, with every global default and every consequence of strict mode applied.</summary>
internal sealed record VrrpInstance
{
    public required string Name { get; init; }

    /// <summary>The block's keyword and name, for diagnostics that come later.</summary>
    public SourceSpan Span { get; init; }

    /// <summary>MASTER only when it stays in force: a sync group that is not all owners demotes it.</summary>
    public WantedState InitialState { get; init; }

    /// <summary>Interface of the adverts. Null only for unicast with <see cref="UnicastSource"/>. It need not exist yet.</summary>
    public string? Interface { get; init; }

    public required VirtualRouterId VirtualRouterId { get; init; }

    /// <summary>1–255. Default 100, and 255 when the state is MASTER and no priority is given, as keepalived has it.</summary>
    public Priority Priority { get; init; } = Priority.Default;

    /// <summary>Valid for <see cref="Version"/>: whole seconds for version 2, at most 40.95 s for version 3.</summary>
    public AdvertisementInterval AdvertisementInterval { get; init; } = AdvertisementInterval.OneSecond;

    public VrrpVersion Version { get; init; } = VrrpVersion.V2;

    public IPFamily Family { get; init; } = IPFamily.IPv4;

    /// <summary>Version 2 only. Null: none.</summary>
    public Authentication? Authentication { get; init; }

    /// <summary>Advertised addresses, in the file's order.</summary>
    public ImmutableArray<VirtualAddress> VirtualAddresses { get; init; } = [];

    /// <summary>Held while Master but not advertised; may be of the other family.</summary>
    public ImmutableArray<VirtualAddress> ExcludedAddresses { get; init; } = [];

    /// <summary>Adverts go to these by unicast. Empty: multicast.</summary>
    public ImmutableArray<UnicastPeer> UnicastPeers { get; init; } = [];

    /// <summary>Source of adverts (unicast_src_ip with peers). Null: the interface's primary address.</summary>
    public IPAddressValue? UnicastSource { get; init; }

    /// <summary>TTL or hop limit of unicast adverts, 0–255.</summary>
    public byte UnicastTtl { get; init; } = 255;

    /// <summary>Drop adverts from senders that are not peers.</summary>
    public bool CheckUnicastSource { get; init; }

    /// <summary>With a unicast keyword but no peers: Fault instead of multicast.</summary>
    public bool FaultWithoutPeers { get; init; }

    /// <summary>Source of multicast adverts. Null: the interface's primary address.</summary>
    public IPAddressValue? MulticastSource { get; init; }

    public IPAddressValue MulticastGroup { get; init; } = IPAddressValue.MulticastGroupIPv4;

    /// <summary>Fault while the configured source address is absent.</summary>
    public bool TrackSourceAddress { get; init; }

    public bool Preempt { get; init; } = true;

    /// <summary>0–1000 s before a Master of lower priority is preempted. Zero without <see cref="Preempt"/>.</summary>
    public TimeSpan PreemptDelay { get; init; }

    /// <summary>Interfaces of track_interface and those that carry virtual addresses (<c>dev</c> without <c>no_track</c>).</summary>
    public ImmutableArray<TrackedInterface> TrackInterfaces { get; init; } = [];

    /// <summary>Whether <see cref="Interface"/> going down is a fault. False with dont_track_primary.</summary>
    public bool TrackPrimaryInterface { get; init; } = true;

    /// <summary>Scripts, files and processes it follows, its sync group's included, with the weights in force.</summary>
    public ImmutableArray<TrackedObject> TrackedObjects { get; init; } = [];

    public GarpSettings Announcements { get; init; } = new();

    /// <summary>As Master, leave an advert of lower priority unanswered.</summary>
    public bool LowerPriorityNoAdvert { get; init; }

    /// <summary>One last advert when yielding to a higher priority.</summary>
    public bool HigherPrioritySendAdvert { get; init; }

    /// <summary>Missed adverts before a takeover, 1–100.</summary>
    public int DownTimerAdverts { get; init; } = 3;

    /// <summary>The form sent; version 3 over IPv4 only.</summary>
    public VrrpChecksum Checksum { get; init; }

    /// <summary>Do not compare the advertised addresses; keepalived still does when the Master changes.</summary>
    public bool SkipCheckAdvertisedAddresses { get; init; }

    /// <summary>RFC strictness; its consequences are already applied to the other properties.</summary>
    public bool Strict { get; init; }

    /// <summary>Accept packets for the addresses although not the owner.</summary>
    public bool Accept { get; init; } = true;

    /// <summary>As owner, ignore what others advertise.</summary>
    public bool OwnerIgnoreAdverts { get; init; }

    /// <summary>Set the sysctl that keeps other addresses of a removed address's subnet; recorded, not active yet.</summary>
    public bool PromoteSecondaries { get; init; }

    /// <summary>Name of the sync group it belongs to. Null: none.</summary>
    public string? SyncGroup { get; init; }

    /// <summary>Scripts that are told of its states.</summary>
    public NotifyScripts Notify { get; init; } = new();

    /// <summary>Mail on transitions.</summary>
    public bool SmtpAlert { get; init; }

    /// <summary>Write changes of the effective priority to the pipes.</summary>
    public bool NotifyPriorityChanges { get; init; }
}

/// <summary>A unicast peer; a TTL bound makes receivers check it and the sender's address.</summary>
internal sealed record UnicastPeer(IPAddressValue Address, byte? MinTtl = null, byte? MaxTtl = null);

internal enum AuthenticationType
{
    /// <summary>Type 1, clear text of at most eight bytes.</summary>
    Pass,
}

/// <summary>Version 2 authentication.</summary>
internal sealed record Authentication(AuthenticationType Type, Secret Password);

/// <summary>When ARP and NA are sent and repeated. Defaults are keepalived's.</summary>
internal sealed record GarpSettings
{
    /// <summary>Time to the second set after becoming Master; zero: no second set.</summary>
    public TimeSpan MasterDelay { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Announcements of each address in a set, 1 or more.</summary>
    public int MasterRepeat { get; init; } = 5;

    /// <summary>Period of refresh sets while Master; zero: none.</summary>
    public TimeSpan MasterRefresh { get; init; }

    public int MasterRefreshRepeat { get; init; } = 1;

    /// <summary>Time to the second set after an advert of lower priority; zero: no second set.</summary>
    public TimeSpan LowerPriorityDelay { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Announcements of each address in such a set; 0: none.</summary>
    public int LowerPriorityRepeat { get; init; } = 5;

    /// <summary>Gap between two gratuitous ARPs on the interface.</summary>
    public TimeSpan ArpInterval { get; init; }

    /// <summary>Gap between two neighbour advertisements on the interface.</summary>
    public TimeSpan NeighborInterval { get; init; }
}

/// <summary>A command to run, with the identity it runs as. Null user: the default script user.</summary>
internal sealed record ScriptCommand(string CommandLine, string? User = null, string? Group = null)
{
    /// <summary>Where it stands, which is no part of what it is.</summary>
    public SourceSpan Span { get; init; }

    public bool Equals(ScriptCommand? other) =>
        other is not null && (CommandLine, User, Group) == (other.CommandLine, other.User, other.Group);

    public override int GetHashCode() => HashCode.Combine(CommandLine, User, Group);
}

/// <summary>Scripts of an instance or group, by the event that runs them.</summary>
internal sealed record NotifyScripts
{
    public ScriptCommand? Master { get; init; }

    public ScriptCommand? Backup { get; init; }

    public ScriptCommand? Fault { get; init; }

    public ScriptCommand? Stop { get; init; }

    public ScriptCommand? Deleted { get; init; }

    /// <summary>Whether removal by a reload is reported as DELETED instead of FAULT, with or without a script.</summary>
    public bool ReportDeleted { get; init; }

    /// <summary>Run on every change.</summary>
    public ScriptCommand? Any { get; init; }

    public ScriptCommand? MasterReceivedLowerPriority { get; init; }

    /// <summary>Those there are, with their keywords.</summary>
    public IEnumerable<(string Keyword, ScriptCommand Command)> All()
    {
        (string, ScriptCommand?)[] all =
        [
            ("notify_master", Master), ("notify_backup", Backup), ("notify_fault", Fault), ("notify_stop", Stop), ("notify_deleted", Deleted), ("notify", Any),
            ("notify_master_rx_lower_pri", MasterReceivedLowerPriority),
        ];
        foreach (var (keyword, command) in all)
        {
            if (command is not null)
                yield return (keyword, command);
        }
    }
}
