using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Vrrp.Packets;

namespace Vrrp.Simulation;

/// <summary>
/// Makes a scenario that fails small: leaves out disturbances, nodes and routers, and makes times, values and settings plain, as long as
/// it goes on failing.
/// </summary>
public static class ScenarioShrinker
{
    private static readonly long[] RoundTicks =
    [
        TimeSpan.TicksPerHour, 10 * TimeSpan.TicksPerMinute, TimeSpan.TicksPerMinute, 10 * TimeSpan.TicksPerSecond, TimeSpan.TicksPerSecond,
        TimeSpan.TicksPerSecond / 10, TimeSpan.TicksPerSecond / 100, TimeSpan.TicksPerMillisecond,
    ];

    private static readonly string[] PlainWords =
    [
        "v3", "ipv4", "nogroup", "preempt", "preempt-delay 0s", "answer", "accept", "interval 1s", "interval 10s", "down-adverts 3", "priority 100",
        "priority 200", "notrack",
    ];

    /// <summary>Shrinks a scenario.</summary>
    /// <param name="scenario">One that fails.</param>
    /// <param name="fails">Whether a scenario fails, for the same reason best of all. Must always give the same answer.</param>
    /// <param name="attempts">How often <paramref name="fails"/> is asked at most. Default 5000.</param>
    /// <returns>A scenario that fails and of which no single part can be left out; the given one if nothing can.</returns>
    /// <exception cref="ArgumentException"><paramref name="scenario"/> does not fail.</exception>
    public static Scenario Shrink(Scenario scenario, Func<Scenario, bool> fails, int attempts = 5000)
    {
        ArgumentNullException.ThrowIfNull(scenario);
        ArgumentNullException.ThrowIfNull(fails);
        scenario = scenario with { End = scenario.LastsUntil };
        if (!fails(scenario))
            throw new ArgumentException("Only a scenario that fails can be shrunk.", nameof(scenario));
        var shrinking = new Shrinking(scenario, fails, attempts);
        Scenario before;
        do
        {
            before = shrinking.Smallest;
            shrinking.CutShort();
            shrinking.LeaveOutDisturbances();
            shrinking.LeaveOutNodes();
            shrinking.LeaveOutRouters();
            shrinking.MakePlain();
            shrinking.Round();
        }
        while (shrinking.Smallest != before && shrinking.HasAttempts);
        return shrinking.Smallest;
    }

    /// <summary>A scenario as a test to paste: one that runs it and expects no violation.</summary>
    /// <param name="scenario">The scenario.</param>
    /// <param name="name">Name of the method; a sentence with underscores.</param>
    /// <returns>C# source of an xunit fact.</returns>
    public static string ToTest(Scenario scenario, string name)
    {
        ArgumentNullException.ThrowIfNull(scenario);
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"    [Fact]\n    public void {name}() =>\n        Assert.Empty(Scenario.Parse(\"\"\"\n");
        foreach (string line in scenario.ToString().TrimEnd('\n').Split('\n'))
            text.Append("            ").Append(line).Append('\n');
        return text.Append("            \"\"\").Run().Violations);\n").ToString();
    }

    private sealed class Shrinking(Scenario scenario, Func<Scenario, bool> fails, int attempts)
    {
        private int _attempts = attempts;

        public Scenario Smallest { get; private set; } = scenario;

        public bool HasAttempts => _attempts > 0;

        /// <summary>Ends earlier; what comes after the end goes.</summary>
        public void CutShort()
        {
            var shortest = TimeSpan.Zero;
            for (int i = 0; i < 12; i++)
            {
                var middle = shortest + ((Smallest.End - shortest) / 2);
                if (middle <= shortest || !Try(CutAt(Smallest, middle)))
                    shortest = middle;
            }
        }

        /// <summary>Leaves out half of the disturbances, a quarter, and so on to single ones.</summary>
        public void LeaveOutDisturbances()
        {
            for (int size = Math.Max(1, Smallest.Disturbances.Length / 2); ; size /= 2)
            {
                for (int at = Smallest.Disturbances.Length - size; at >= 0 && Smallest.Disturbances.Length > 0; at -= size)
                {
                    int count = Math.Min(size, Smallest.Disturbances.Length - at);
                    if (count > 0)
                        Try(Smallest with { Disturbances = Smallest.Disturbances.RemoveRange(at, count) });
                }

                if (size <= 1)
                    break;
            }
        }

        public void LeaveOutNodes()
        {
            foreach (string name in Smallest.Nodes.Select(node => node.Name).ToArray())
            {
                Try(Smallest with
                {
                    Nodes = WithoutNode(Smallest.Nodes, Smallest.Nodes.IndexOf(Smallest.Nodes.Single(node => node.Name == name))),
                    Disturbances = [.. Smallest.Disturbances.Select(disturbance => Without(disturbance, name)).OfType<ScenarioDisturbance>()],
                });
            }
        }

        public void LeaveOutRouters()
        {
            foreach (string name in Smallest.Nodes.SelectMany(node => node.Routers).Select(router => router.Config.Name).Distinct().ToArray())
                Try(WithoutRouter(Smallest, name, _ => true));
            foreach (string node in Smallest.Nodes.Select(node => node.Name))
            {
                foreach (string name in Smallest.Nodes.Single(other => other.Name == node).Routers.Select(router => router.Config.Name))
                    Try(WithoutRouter(Smallest, name, other => other == node));
            }
        }

        public void MakePlain()
        {
            Try(Smallest with { Seed = 0 });
            Try(Smallest with { Jitter = TimeSpan.Zero });
            Try(Smallest with { Delay = new Scenario().Delay });
            // For all routers of a virtual router at once, then one by one: what they must agree on changes only together.
            foreach (string name in Smallest.Nodes.SelectMany(node => node.Routers).Select(router => router.Config.Name).Distinct().ToArray())
            {
                foreach (string words in PlainWords)
                    TryConfig(words, (_, router) => router == name);
                TryConfig(config => config with { Password = null, UnicastPeers = [], ExcludedAddresses = [] }, (_, router) => router == name);
            }

            for (int i = 0; i < Smallest.Nodes.Length; i++)
            {
                string node = Smallest.Nodes[i].Name;
                Try(Smallest with { Nodes = Smallest.Nodes.SetItem(i, Smallest.Nodes[i] with { ClockRate = 1 }) });
                foreach (var router in Smallest.Nodes[i].Routers)
                {
                    string name = router.Config.Name;
                    foreach (string words in PlainWords)
                        TryConfig(words, (at, of) => at == node && of == name);
                    Try(Change(at => at == node, (_, other) => other.Config.Name == name ? other with { StartAfter = TimeSpan.Zero } : other));
                }
            }
        }

        /// <summary>Rounds times, brings disturbances forward, and rounds durations and values.</summary>
        public void Round()
        {
            for (int i = 0; i < Smallest.Disturbances.Length; i++)
            {
                var before = i == 0 ? TimeSpan.Zero : Smallest.Disturbances[i - 1].At;
                // All that follows comes earlier by as much, so that its distances stay.
                foreach (var gap in Rounded(Smallest.Disturbances[i].At - before))
                {
                    if (Try(MovedTo(i, before + gap)))
                        break;
                }

                foreach (var at in Rounded(Smallest.Disturbances[i].At))
                {
                    if (at >= before && Try(MovedTo(i, at)))
                        break;
                }

                foreach (var duration in Rounded(Smallest.Disturbances[i].Duration))
                {
                    if (Try(WithDisturbance(i, Smallest.Disturbances[i] with { Duration = duration })))
                        break;
                }

                foreach (int digits in (int[])[0, 1, 2])
                {
                    double value = Math.Round(Smallest.Disturbances[i].Value, digits);
                    if (value != Smallest.Disturbances[i].Value && Try(WithDisturbance(i, Smallest.Disturbances[i] with { Value = value })))
                        break;
                }
            }

            var last = Smallest.Disturbances.Length == 0 ? TimeSpan.Zero : Smallest.Disturbances[^1].At;
            foreach (var end in Rounded(Smallest.End))
            {
                if (end >= last && Try(Smallest with { End = end }))
                    break;
            }

            foreach (var delay in Rounded(Smallest.Delay))
            {
                // What need not be written is plainer than a round number.
                if (Smallest.Delay == new Scenario().Delay || Try(Smallest with { Delay = delay }))
                    break;
            }
        }

        private static IEnumerable<TimeSpan> Rounded(TimeSpan time)
        {
            if (time <= TimeSpan.Zero)
                yield break;
            yield return TimeSpan.Zero;
            foreach (long ticks in RoundTicks)
            {
                long down = time.Ticks / ticks * ticks;
                // Already as round as that: what comes next is finer.
                if (down == time.Ticks)
                    yield break;
                if (down > 0)
                    yield return TimeSpan.FromTicks(down);
                yield return TimeSpan.FromTicks(down + ticks);
            }
        }

        private bool Try(Scenario candidate)
        {
            if (_attempts <= 0 || candidate == Smallest || !IsSound(candidate))
                return false;
            _attempts--;
            if (!fails(candidate))
                return false;
            Smallest = candidate;
            return true;
        }

        /// <summary>Whether its text would be read: nothing is tried that cannot be pasted.</summary>
        private static bool IsSound(Scenario candidate)
        {
            try
            {
                return Scenario.Parse(candidate.ToString()) == candidate;
            }
            catch (Exception exception) when (exception is FormatException or NotSupportedException)
            {
                return false;
            }
        }

        private static Scenario CutAt(Scenario scenario, TimeSpan end) => scenario with
        {
            End = end,
            Disturbances = scenario.Disturbances.RemoveAll(disturbance => disturbance.At > end),
        };

        /// <summary>Those behind it move up, addresses and all.</summary>
        private static ImmutableArray<ScenarioNode> WithoutNode(ImmutableArray<ScenarioNode> nodes, int index)
        {
            return [.. nodes.RemoveAt(index).Select(node => node with { Routers = [.. node.Routers.Select(Renumbered)] })];

            ScenarioRouter Renumbered(ScenarioRouter router) => router with
            {
                Config = router.Config with { UnicastPeers = [.. router.Config.UnicastPeers.SelectMany(Renumber)] },
            };

            IEnumerable<UnicastPeer> Renumber(UnicastPeer peer)
            {
                for (int i = 0; i < nodes.Length; i++)
                {
                    if (i != index && peer.Address == Scenario.AddressOf(i, peer.Address.Family))
                        yield return peer with { Address = Scenario.AddressOf(i > index ? i - 1 : i, peer.Address.Family) };
                }
            }
        }

        private static ScenarioDisturbance? Without(ScenarioDisturbance disturbance, string node)
        {
            if (disturbance.Kind is ScenarioDisturbanceKind.Part)
            {
                string rest = string.Join(',', disturbance.Node!.Split(',').Where(name => name != node));
                return rest.Length == 0 ? null : disturbance with { Node = rest };
            }

            bool names = disturbance.Node == node || (disturbance.IsOfWay && disturbance.Target == node);
            return names ? null : disturbance;
        }

        private static Scenario WithoutRouter(Scenario scenario, string name, Func<string, bool> on) => scenario with
        {
            Nodes = [.. scenario.Nodes.Select(node => on(node.Name)
                ? node with { Routers = node.Routers.RemoveAll(router => router.Config.Name == name) } : node)],
            Disturbances = scenario.Disturbances.RemoveAll(disturbance => disturbance.Target == name && on(disturbance.Node!)
                && !disturbance.IsOfWay),
        };

        private Scenario WithDisturbance(int index, ScenarioDisturbance disturbance) =>
            Smallest with { Disturbances = Smallest.Disturbances.SetItem(index, disturbance) };

        private Scenario MovedTo(int index, TimeSpan at)
        {
            var shift = at - Smallest.Disturbances[index].At;
            if (shift > TimeSpan.Zero)
            {
                return index + 1 < Smallest.Disturbances.Length && at > Smallest.Disturbances[index + 1].At
                    ? Smallest : WithDisturbance(index, Smallest.Disturbances[index] with { At = at });
            }

            return Smallest with
            {
                Disturbances = [.. Smallest.Disturbances.Select((disturbance, i) => i < index ? disturbance : disturbance with { At = disturbance.At + shift })],
                End = Smallest.End + shift,
            };
        }

        private void TryConfig(string words, Func<string, string, bool> which) => TryConfig(config => ScenarioText.Change(config, words), which);

        private void TryConfig(Func<VirtualRouterConfig, VirtualRouterConfig> change, Func<string, string, bool> which) =>
            Try(Change(_ => true, (node, router) => which(node, router.Config.Name) ? router with { Config = change(router.Config) } : router));

        private Scenario Change(Func<string, bool> on, Func<string, ScenarioRouter, ScenarioRouter> change) => Smallest with
        {
            Nodes = [.. Smallest.Nodes.Select(node => on(node.Name)
                ? node with { Routers = [.. node.Routers.Select(router => change(node.Name, router))] } : node)],
        };
    }
}
