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

    /// <summary>When the run ends. Default zero, which is right after the last disturbance.</summary>
    public TimeSpan End { get; init; }

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
    public override string ToString() => ScenarioText.Format(this);

    /// <summary>Runs it in virtual time and checks every invariant after every turn.</summary>
    /// <param name="options">How; null for the defaults.</param>
    /// <returns>What happened and what was violated.</returns>
    /// <exception cref="ArgumentException">A disturbance names a node or a router that is not there.</exception>
    public ScenarioResult Run(ScenarioOptions? options = null) => new ScenarioRun(this, options ?? new()).Run();

    /// <summary>The address of a node's interface.</summary>
    internal static IPAddressValue AddressOf(int index, IPFamily family) =>
        IPAddressValue.Parse(family == IPFamily.IPv4
            ? string.Create(CultureInfo.InvariantCulture, $"10.0.0.{index + 1}")
            : string.Create(CultureInfo.InvariantCulture, $"fe80::{index + 1:x}"));

    /// <inheritdoc/>
    public bool Equals(Scenario? other) => other is not null && ToString() == other.ToString();

    /// <inheritdoc/>
    public override int GetHashCode() => ToString().GetHashCode(StringComparison.Ordinal);
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
}

/// <summary>One virtual router of a <see cref="ScenarioNode"/>.</summary>
/// <param name="Config">
/// What the operator set. The text form has what matters to the protocol and leaves the rest as it is by default: labels, scopes,
/// announcements.
/// </param>
/// <param name="StartAfter">Time from the start of the node to that of the router.</param>
public sealed record ScenarioRouter(VirtualRouterConfig Config, TimeSpan StartAfter = default);
