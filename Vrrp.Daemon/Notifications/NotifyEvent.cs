using System.Globalization;
using Vrrp.Daemon.Configuration.Model;

namespace Vrrp.Daemon.Notifications;

/// <summary>What scripts and pipes are told; the names are keepalived's words.</summary>
internal enum NotifyWord
{
    Master,
    Backup,
    Fault,
    Stop,
    Deleted,

    /// <summary>A Master heard an advertisement of lower priority: no state, and the generic script is not told.</summary>
    MasterReceivedLowerPriority,

    /// <summary>The priority in force changed while Master: for pipes alone.</summary>
    MasterPriority,

    /// <summary>The priority in force changed while Backup: for pipes alone.</summary>
    BackupPriority,
}

/// <summary>A script with what it is given beside its own words.</summary>
/// <param name="Keyword">The keyword it stands behind in the configuration.</param>
/// <param name="Command">The command.</param>
/// <param name="Arguments">Arguments that follow its own.</param>
internal readonly record struct NotifyScript(string Keyword, ScriptCommand Command, IReadOnlyList<string> Arguments);

/// <summary>Something that an instance or a sync group has to tell. Immutable and pure: the scripts it runs, what they are told, and the line in a pipe.</summary>
internal sealed record NotifyEvent
{
    public required string Name { get; init; }

    /// <summary>A sync group rather than an instance.</summary>
    public bool IsGroup { get; init; }

    public required NotifyWord Word { get; init; }

    /// <summary>Priority in force; 0 for a group.</summary>
    public int Priority { get; init; }

    /// <summary>The subject's scripts.</summary>
    public NotifyScripts Scripts { get; init; } = new();

    /// <summary>Whether a reload removed the instance, whichever word says so.</summary>
    public bool IsRemoval { get; init; }

    /// <summary>The state before; null when it had none.</summary>
    public string? Previous { get; init; }

    /// <summary>Why, as a clause; null when there is nothing to say.</summary>
    public string? Reason { get; init; }

    /// <summary>The sync group of an instance; null: none.</summary>
    public string? Group { get; init; }

    /// <summary>The other router it was about; null: none.</summary>
    public string? Peer { get; init; }

    public int PeerPriority { get; init; }

    /// <summary>Whether it tells a state, of which only the latest is of interest.</summary>
    public bool IsState => Word < NotifyWord.MasterReceivedLowerPriority;

    /// <summary>Whether it tells the end of its subject.</summary>
    public bool IsLast => IsRemoval || Word == NotifyWord.Stop;

    public string Type => IsGroup ? "GROUP" : "INSTANCE";

    /// <summary>Type and name, which no other subject has.</summary>
    public string Subject => $"{Type} {Name}";

    /// <summary>As a pipe has it: <c>INSTANCE "VI_1" MASTER 100</c>.</summary>
    public string Line => string.Create(CultureInfo.InvariantCulture, $"{Type} \"{Name}\" {Text} {Priority}\n");

    private string Text => Word switch
    {
        NotifyWord.Master => "MASTER",
        NotifyWord.Backup => "BACKUP",
        NotifyWord.Fault => "FAULT",
        NotifyWord.Stop => "STOP",
        NotifyWord.Deleted => "DELETED",
        NotifyWord.MasterReceivedLowerPriority => "MASTER_RX_LOWER_PRI",
        NotifyWord.MasterPriority => "MASTER_PRIORITY",
        _ => "BACKUP_PRIORITY",
    };

    /// <summary>The scripts to run, one after another: that of the state with its own arguments alone, then the generic one with four more.</summary>
    public IEnumerable<NotifyScript> Runs()
    {
        // One that a reload removes is told FAULT for want of notify_deleted, but has no fault: keepalived runs the generic script alone.
        var (keyword, own) = Word switch
        {
            NotifyWord.Master => ("notify_master", Scripts.Master),
            NotifyWord.Backup => ("notify_backup", Scripts.Backup),
            NotifyWord.Fault when !IsRemoval => ("notify_fault", Scripts.Fault),
            NotifyWord.Stop => ("notify_stop", Scripts.Stop),
            NotifyWord.Deleted => ("notify_deleted", Scripts.Deleted),
            NotifyWord.MasterReceivedLowerPriority => ("notify_master_rx_lower_pri", Scripts.MasterReceivedLowerPriority),
            _ => ("", null),
        };
        if (own is not null)
            yield return new(keyword, own, []);
        if (IsState && Scripts.Any is { } any)
            yield return new("notify", any, [Type, Name, Text, Priority.ToString(CultureInfo.InvariantCulture)]);
    }

    /// <summary>NAME=value, for the scripts' environment.</summary>
    public IReadOnlyList<string> Variables()
    {
        var variables = new List<string> { $"VRRP_TYPE={Type}", $"VRRP_NAME={Name}", $"VRRP_STATE={Text}", };
        Add("VRRP_INSTANCE", IsGroup ? null : Name);
        Add("VRRP_GROUP", IsGroup ? Name : Group);
        Add("VRRP_PREVIOUS_STATE", Previous);
        Add("VRRP_PRIORITY", Priority.ToString(CultureInfo.InvariantCulture));
        Add("VRRP_REASON", Reason);
        Add("VRRP_PEER", Peer);
        Add("VRRP_PEER_PRIORITY", Peer is null ? null : PeerPriority.ToString(CultureInfo.InvariantCulture));
        return variables;

        void Add(string name, string? value)
        {
            if (value is not null)
                variables.Add($"{name}={value}");
        }
    }
}
