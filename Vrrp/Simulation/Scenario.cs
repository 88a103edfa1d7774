using System.Collections.Immutable;
using System.Globalization;

namespace Vrrp.Simulation;

/// <summary>
/// A LAN, the routers on it, and what happens to them at what time: plain data with a readable text form (<c>*.scenario</c>).
/// Equal scenarios run equally, to the last packet.
/// </summary>
/// <example>
/// <code>
/// var result = Scenario.Parse("""
///     node A
///       router web vrid 51 priority 200 address 10.0.0.254
///     node B
///       router web vrid 51 priority 100 address 10.0.0.254
///     at 10s crash A
///     end 20s
///     """).Run();
/// Console.WriteLine(result.Timeline);
/// </code>
/// </example>
public sealed record Scenario
{
    /// <summary>Where the LAN's chance begins: which packet is lost, how long one travels. Default 0.</summary>
    public int Seed { get; init; }

    /// <summary>How long a packet travels on the healthy LAN. Default 100 µs.</summary>
    public TimeSpan Delay { get; init; } = TimeSpan.FromMicroseconds(100);

    /// <summary>How much longer it may travel, by chance, on the healthy LAN. Default zero.</summary>
    public TimeSpan Jitter { get; init; }

    /// <summary>The hosts; the Nth has 10.0.0.N and fe80::N on its interface eth0.</summary>
    public ImmutableArray<ScenarioNode> Nodes { get; init; } = [];

    /// <summary>What happens, in the order of its times.</summary>
    public ImmutableArray<ScenarioDisturbance> Disturbances { get; init; } = [];

    /// <summary>When the run ends, not before the last disturbance. Default zero, which is right after it.</summary>
    public TimeSpan End { get; init; }

    /// <summary>When the run ends, also when nothing was said about it.</summary>
    internal TimeSpan LastsUntil => End == TimeSpan.Zero && !Disturbances.IsDefaultOrEmpty ? Disturbances[^1].At : End;

    /// <summary>Reads the text form.</summary>
    /// <param name="text">The text; <c>#</c> begins a comment.</param>
    /// <returns>The scenario.</returns>
    /// <exception cref="FormatException">A line says something that cannot be; the message begins with its number.</exception>
    public static Scenario Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return ScenarioText.Parse(text);
    }

    /// <summary>The text form, which <see cref="Parse"/> reads back to an equal scenario.</summary>
    /// <returns>The text, with a line feed at its end.</returns>
    /// <exception cref="NotSupportedException">A setting of a router has no word; the message names it.</exception>
    public override string ToString() => ScenarioText.Format(this);

    /// <summary>Runs it in virtual time and checks every invariant after every turn.</summary>
    /// <param name="options">How; null for the defaults.</param>
    /// <returns>What happened and what was violated.</returns>
    /// <exception cref="ArgumentException">
    /// It says something that <see cref="Parse"/> would not read: a disturbance of a node or router that is not there, one before the one
    /// above it, an end before the last one, a change that a running router cannot make. The message begins with the member and its index.
    /// </exception>
    public ScenarioResult Run(ScenarioOptions? options = null)
    {
        ScenarioRules.ThrowIfInvalid(this);
        return new ScenarioRun(this, options ?? new()).Run();
    }

    /// <summary>The address of a node's interface.</summary>
    internal static IPAddressValue AddressOf(int index, IPFamily family) =>
        IPAddressValue.Parse(family == IPFamily.IPv4
            ? string.Create(CultureInfo.InvariantCulture, $"10.0.0.{index + 1}")
            : string.Create(CultureInfo.InvariantCulture, $"fe80::{index + 1:x}"));

    /// <summary>Whether both run alike: the same nodes and routers with the same configuration, and the same lines of disturbances.</summary>
    /// <param name="other">Another scenario.</param>
    /// <returns>True if they do.</returns>
    public bool Equals(Scenario? other) => other is not null
        && (Seed, Delay, Jitter, LastsUntil) == (other.Seed, other.Delay, other.Jitter, other.LastsUntil)
        && Nodes.AsSpan().SequenceEqual(other.Nodes.AsSpan())
        && AreSame(Disturbances.AsSpan(), other.Disturbances.AsSpan());

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Seed, Delay, Jitter, LastsUntil, Nodes.AsSpan().Length, Disturbances.AsSpan().Length);

    /// <summary>By their lines: what else a disturbance has means nothing.</summary>
    private static bool AreSame(ReadOnlySpan<ScenarioDisturbance> left, ReadOnlySpan<ScenarioDisturbance> right)
    {
        if (left.Length != right.Length)
            return false;
        for (int i = 0; i < left.Length; i++)
        {
            if (left[i] != right[i] && left[i].ToString() != right[i].ToString())
                return false;
        }

        return true;
    }
}

/// <summary>One host of a <see cref="Scenario"/>.</summary>
public sealed record ScenarioNode
{
    /// <summary>Its name: a word.</summary>
    public required string Name { get; init; }

    /// <summary>How fast its clock runs. Default 1; 0.5 is a clock that counts one second in two.</summary>
    public double ClockRate { get; init; } = 1;

    /// <summary>The virtual routers it runs when it starts.</summary>
    public ImmutableArray<ScenarioRouter> Routers { get; init; } = [];

    /// <summary>Whether both have the same name, clock and routers.</summary>
    /// <param name="other">Another node.</param>
    /// <returns>True if they have.</returns>
    public bool Equals(ScenarioNode? other) => other is not null
        && (Name, ClockRate) == (other.Name, other.ClockRate) && Routers.AsSpan().SequenceEqual(other.Routers.AsSpan());

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Name, ClockRate, Routers.AsSpan().Length);
}

/// <summary>One virtual router of a <see cref="ScenarioNode"/>.</summary>
/// <param name="Config">What the operator set. The text form has words for what matters to the protocol; <see cref="Scenario.ToString"/> throws for the rest.</param>
/// <param name="StartAfter">Time from the start of the node to that of the router.</param>
public sealed record ScenarioRouter(VirtualRouterConfig Config, TimeSpan StartAfter = default)
{
    /// <summary>Whether both have the same configuration, lists and all, and start alike.</summary>
    /// <param name="other">Another router.</param>
    /// <returns>True if they have.</returns>
    public bool Equals(ScenarioRouter? other) =>
        other is not null && StartAfter == other.StartAfter && ScenarioConfig.AreSame(Config, other.Config);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Config.Name, StartAfter);
}
