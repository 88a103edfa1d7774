using System.Collections.Immutable;
using Vrrp.Daemon.Configuration.Syntax;

namespace Vrrp.Daemon.Configuration.Model;

internal enum TrackedObjectKind
{
    Script,
    File,
    Process,
    Bfd,
}

/// <summary>A reference to a tracker, with the weight that holds for it.</summary>
/// <param name="Kind">Of what kind the tracker is.</param>
/// <param name="Name">Its name.</param>
/// <param name="Weight">0: it is a fault while it is down. Else it changes the priority; a file's number times this is added.</param>
/// <param name="Reverse">Weight 0: it is a fault while it is up. Else what would be added is taken away, and the other way round.</param>
internal sealed record TrackedObject(TrackedObjectKind Kind, string Name, int Weight, bool Reverse);

/// <summary>Something outside VRRP that instances follow.</summary>
internal abstract record Tracker
{
    public required string Name { get; init; }

    /// <summary>The block's keyword and name.</summary>
    public SourceSpan Span { get; init; }

    public abstract TrackedObjectKind Kind { get; }

    /// <summary>For references that give none.</summary>
    public int Weight { get; init; }

    public bool Reverse { get; init; }

    /// <summary>Whether another definition asks for the same: whatever watches it can go on.</summary>
    public abstract bool IsSameAs(Tracker other);
}

/// <summary>vrrp_script: up while a command succeeds.</summary>
internal sealed record ScriptTracker : Tracker
{
    public override TrackedObjectKind Kind => TrackedObjectKind.Script;

    public required ScriptCommand Command { get; init; }

    /// <summary>Nothing is run: it succeeds while this file can be opened (<c>script "&lt;PATH"</c>).</summary>
    public string? OpenedPath { get; init; }

    public TimeSpan Interval { get; init; } = TimeSpan.FromSeconds(1);

    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Successes in a row from which it is up.</summary>
    public int Rise { get; init; } = 1;

    /// <summary>Failures in a row from which it is down.</summary>
    public int Fall { get; init; } = 1;

    /// <summary>It is down until it has risen. False: until its first result nobody knows.</summary>
    public bool InitFail { get; init; }

    public override bool IsSameAs(Tracker other) => other is ScriptTracker && (this with { Span = other.Span }).Equals(other);
}

/// <summary>track_file: the number at the beginning of a file.</summary>
internal sealed record FileTracker : Tracker
{
    public override TrackedObjectKind Kind => TrackedObjectKind.File;

    /// <summary>Absolute.</summary>
    public required string Path { get; init; }

    /// <summary>Written to the file at the start if it is missing. Null: it is left alone.</summary>
    public int? InitialValue { get; init; }

    /// <summary>Whether <see cref="InitialValue"/> is written in any case.</summary>
    public bool Overwrite { get; init; }

    public override bool IsSameAs(Tracker other) => other is FileTracker && (this with { Span = other.Span }).Equals(other);
}

/// <summary>How the parameters of a process are compared.</summary>
internal enum ParameterMatch
{
    /// <summary>Not at all when none is configured, else all of them.</summary>
    Default,

    /// <summary>All of them, also when none is configured.</summary>
    Exact,

    /// <summary>The first ones are those configured.</summary>
    Partial,

    /// <summary>As <see cref="Exact"/>, but the last one may be longer.</summary>
    Initial,
}

/// <summary>vrrp_track_process: up while as many processes run as should.</summary>
internal sealed record ProcessTracker : Tracker
{
    public override TrackedObjectKind Kind => TrackedObjectKind.Process;

    public required string Process { get; init; }

    public ImmutableArray<string> Parameters { get; init; } = [];

    public ParameterMatch Match { get; init; }

    /// <summary>The command line is compared, not the name that the kernel has.</summary>
    public bool FullCommand { get; init; }

    public int Quorum { get; init; } = 1;

    /// <summary>Null: there cannot be too many.</summary>
    public int? QuorumMax { get; init; }

    /// <summary>From a process that begins to its consequence.</summary>
    public TimeSpan ForkDelay { get; init; }

    /// <summary>From a process that ends to its consequence.</summary>
    public TimeSpan TerminateDelay { get; init; }

    public override bool IsSameAs(Tracker other) => other is ProcessTracker process && Parameters.SequenceEqual(process.Parameters)
        && (this with { Span = other.Span, Parameters = process.Parameters }).Equals(other);
}
