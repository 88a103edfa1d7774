using System.Globalization;

namespace Vrrp.Simulation;

/// <summary>What holds on every LAN at all times, whatever happens to it.</summary>
public enum SimulationInvariant
{
    /// <summary>None: a value that no violation has.</summary>
    None = 0,

    /// <summary>
    /// I1: once nothing disturbs the LAN any more, every virtual router has exactly one Master within the time the RFC's arithmetic gives,
    /// the highest-ranked router that can be, or one that it may not preempt; and then nothing changes.
    /// </summary>
    OneMaster = 1,

    /// <summary>
    /// I2: the addresses are on the Master before it advertises or announces them, and gone from every other router that can still
    /// execute, but for a hand-over within its time.
    /// </summary>
    AddressesOnMaster = 2,

    /// <summary>I3: every packet is accepted or dropped for exactly one reason, and one that is dropped changes no state.</summary>
    PacketsAccounted = 3,

    /// <summary>I4: the members of a sync group are all Master or none is, except within one turn.</summary>
    GroupsTogether = 4,

    /// <summary>I5: a Master that can execute advertises every interval, neither later nor in bursts.</summary>
    AdvertisementsOnTime = 5,

    /// <summary>I6: after a crash at any instant and a start, the kernel has the wanted addresses, and nobody else's were touched.</summary>
    CleanAfterCrash = 6,

    /// <summary>I7: a change that is refused changes nothing.</summary>
    RefusalChangesNothing = 7,

    /// <summary>Two Masters that hear each other are one after an interval of theirs.</summary>
    MastersMeet = 8,

    /// <summary>Only a Master advertises; only one that leaves says goodbye. RFC 9568 §6.4.</summary>
    OnlyMastersAdvertise = 9,

    /// <summary>The nodes come to rest: no more than so much happens at one instant.</summary>
    Rest = 10,
}

/// <summary>Something that happened and must not.</summary>
/// <param name="At">When, from the start of the run.</param>
/// <param name="Invariant">What it violates.</param>
/// <param name="Where">The node, the router as node/router, or the virtual router.</param>
/// <param name="Detail">What happened, as a clause.</param>
public sealed record InvariantViolation(TimeSpan At, SimulationInvariant Invariant, string Where, string Detail)
{
    /// <summary>Time, place, what happened and what it violates, in one line.</summary>
    /// <returns>The line.</returns>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture, $"{At.Ticks / (decimal)TimeSpan.TicksPerSecond:0.000000} s {Where}: {Detail} ({Name(Invariant)})");

    private static string Name(SimulationInvariant invariant) =>
        invariant <= SimulationInvariant.RefusalChangesNothing ? string.Create(CultureInfo.InvariantCulture, $"I{(int)invariant} {invariant}") : invariant.ToString();
}
