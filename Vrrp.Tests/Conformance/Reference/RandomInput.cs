namespace Vrrp.Tests.Conformance.Reference;

internal enum InputKind
{
    Clock,
    Advertisement,
    Startup,
    Shutdown,
    Priority,
    Interval,
    Preempt,

    // From here on only what the second layer knows.
    HandOver,
    Faults,
    AddressLost,
    Stalled,
    GroupBecomesMaster,
    GroupBecomesBackup,
    PreemptDelay,
}

/// <summary>When an input comes. Relative to the router's own timer, so that a sequence keeps its sense when inputs are left out.</summary>
internal enum Moment
{
    /// <summary>Time stands still.</summary>
    Same,

    /// <summary>A while later, whatever is due meanwhile.</summary>
    Later,

    JustBeforeDeadline,
    AtDeadline,
    JustAfterDeadline,

    /// <summary>The deadline has passed by a while: a stall.</summary>
    LongAfterDeadline,
}

/// <summary>How the priority of an advertisement relates to the router's own.</summary>
internal enum Relation
{
    Given,
    OneLower,
    Equal,
    OneHigher,
}

/// <summary>One input of a sequence. A plain value that prints itself.</summary>
internal readonly record struct RandomInput(
    InputKind Kind, Moment Moment, long Nanoseconds, Relation Relation, int Priority, int Interval, int Source, bool Flag)
{
    /// <summary>Inputs of the RFC's own table.</summary>
    private static readonly InputKind[] Plain =
    [
        InputKind.Clock, InputKind.Clock, InputKind.Clock, InputKind.Clock,
        InputKind.Advertisement, InputKind.Advertisement, InputKind.Advertisement, InputKind.Advertisement, InputKind.Advertisement,
        InputKind.Startup, InputKind.Startup, InputKind.Shutdown, InputKind.Priority, InputKind.Interval, InputKind.Preempt,
    ];

    private static readonly InputKind[] All =
    [
        .. Plain, .. Plain,
        InputKind.HandOver, InputKind.HandOver, InputKind.Faults, InputKind.Faults, InputKind.AddressLost, InputKind.Stalled,
        InputKind.GroupBecomesMaster, InputKind.GroupBecomesMaster, InputKind.GroupBecomesBackup, InputKind.PreemptDelay,
    ];

    public static RandomInput Next(Random random, bool isPlain)
    {
        var kinds = isPlain ? Plain : All;
        var kind = kinds[random.Next(kinds.Length)];
        var moment = (Moment)random.Next(kind == InputKind.Clock ? 1 : 0, 6);
        return new(
            kind,
            moment,
            // From one nanosecond to minutes, each order of magnitude as likely as the others.
            random.NextInt64(1L << random.Next(1, 38)),
            (Relation)Math.Max(0, random.Next(-2, 4)),
            kind == InputKind.Advertisement ? AnyPriority(random) : random.Next(1, 255),
            AnyInterval(random),
            random.Next(4),
            random.Next(2) == 0);
    }

    public static int AnyInterval(Random random) => random.Next(6) switch
    {
        0 => 1,
        1 => 4095,
        2 => 100,
        _ => random.Next(1, 4096),
    };

    private static int AnyPriority(Random random) => random.Next(5) switch
    {
        0 => 0,
        1 => 255,
        _ => random.Next(256),
    };
}
