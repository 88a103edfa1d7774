using System.Collections.Immutable;

namespace Vrrp.Daemon.Failover;

/// <summary>One command to the node.</summary>
/// <param name="From">Present name of the router that changes. Null: a new one starts.</param>
/// <param name="To">What it becomes.</param>
/// <param name="After">Present names of routers whose removal or change has to be over before: they have its name, its VRID or an address of it.</param>
internal sealed record RouterStep(string? From, VirtualRouterConfig To, ImmutableArray<string> After);

/// <summary>
/// From the routers that run to those wanted. A router that can become the wanted one stays and keeps its state; one that cannot leaves
/// with a hand-over, and only when that is complete its successor starts. Pure.
/// </summary>
internal sealed record RouterPlan
{
    /// <summary>What makes the wanted set impossible; then nothing is to be done at all.</summary>
    public ImmutableArray<string> Problems { get; init; } = [];

    /// <summary>Routers that leave, by their present names; nothing keeps any of them waiting.</summary>
    public ImmutableArray<string> Removals { get; init; } = [];

    /// <summary>What changes and starts. A step comes after those that it names.</summary>
    public ImmutableArray<RouterStep> Steps { get; init; } = [];

    public static RouterPlan Create(IReadOnlyCollection<VirtualRouterConfig> running, IReadOnlyList<VirtualRouterConfig> wanted)
    {
        var problems = FindProblems(wanted);
        if (!problems.IsEmpty)
            return new() { Problems = problems };

        var old = Match(running, wanted);
        var staying = old.Where(o => o is not null).ToHashSet(ReferenceEqualityComparer.Instance);
        var sequence = new Sequence();
        foreach (var router in running)
        {
            if (!staying.Contains(router))
                sequence.Remove(router);
        }

        var restarted = sequence.Change([.. wanted.Select((n, i) => (From: old[i]!, To: n)).Where(pair => pair.From is not null && !Same(pair.From, pair.To))]);
        foreach (var router in wanted.Where((_, i) => old[i] is null).Concat(restarted))
            sequence.Start(router);
        return new() { Removals = [.. sequence.Removals], Steps = [.. sequence.Steps] };
    }

    /// <summary>Whether two say the same; the record's own comparison takes arrays of equal content for different.</summary>
    internal static bool Same(VirtualRouterConfig a, VirtualRouterConfig b) =>
        a.VirtualAddresses.SequenceEqual(b.VirtualAddresses) && a.ExcludedAddresses.SequenceEqual(b.ExcludedAddresses)
        && a.UnicastPeers.SequenceEqual(b.UnicastPeers) && a.TrackedInterfaces.SequenceEqual(b.TrackedInterfaces)
        && a with
        {
            VirtualAddresses = b.VirtualAddresses,
            ExcludedAddresses = b.ExcludedAddresses,
            UnicastPeers = b.UnicastPeers,
            TrackedInterfaces = b.TrackedInterfaces,
        } == b;

    private static ImmutableArray<string> FindProblems(IReadOnlyList<VirtualRouterConfig> wanted)
    {
        var problems = ImmutableArray.CreateBuilder<string>();
        var names = new HashSet<string>(StringComparer.Ordinal);
        var onWire = new Dictionary<WireIdentity, VirtualRouterConfig>();
        foreach (var router in wanted)
        {
            foreach (string problem in router.Validate())
                problems.Add($"{router.Name}: {problem}");
            if (!names.Add(router.Name))
                problems.Add($"{router.Name}: the name is used twice.");
            VirtualRouterConfig? other = null;
            foreach (var identity in router.WireIdentities)
            {
                if (!onWire.TryAdd(identity, router) && !ReferenceEquals(onWire[identity], router))
                    other ??= onWire[identity];
            }

            if (other is not null)
                problems.Add($"{router.Name}: VRID {router.VirtualRouterId} on {router.Interface} is that of {other.Name}.");
        }

        return problems.DrainToImmutable();
    }

    /// <summary>The running router that becomes each of the wanted; null where one starts. By its name first, then by what its peers see.</summary>
    private static VirtualRouterConfig?[] Match(IReadOnlyCollection<VirtualRouterConfig> running, IReadOnlyList<VirtualRouterConfig> wanted)
    {
        var matches = new VirtualRouterConfig?[wanted.Count];
        var byName = running.ToDictionary(o => o.Name, StringComparer.Ordinal);
        var places = new Dictionary<VirtualRouterConfig, int>(ReferenceEqualityComparer.Instance);
        // Those that run do not conflict with each other: an identity is that of one.
        var onWire = new Dictionary<WireIdentity, VirtualRouterConfig>();
        foreach (var router in running)
        {
            places.Add(router, places.Count);
            foreach (var identity in router.WireIdentities)
                onWire.TryAdd(identity, router);
        }

        var taken = new HashSet<VirtualRouterConfig>(ReferenceEqualityComparer.Instance);
        Pass(n => byName.TryGetValue(n.Name, out var named) ? [named] : []);
        Pass(n => Rivals(n).Where(o => o.SourceAddress == n.SourceAddress && o.UnicastPeers.SequenceEqual(n.UnicastPeers)));
        Pass(Rivals);
        return matches;

        IEnumerable<VirtualRouterConfig> Rivals(VirtualRouterConfig router) => router.WireIdentities
            .Select(identity => onWire.GetValueOrDefault(identity)).OfType<VirtualRouterConfig>().OrderBy(o => places[o]);

        void Pass(Func<VirtualRouterConfig, IEnumerable<VirtualRouterConfig>> candidates)
        {
            for (int i = 0; i < matches.Length; i++)
            {
                var now = wanted[i];
                matches[i] ??= candidates(now).FirstOrDefault(o => !taken.Contains(o) && VrrpNode.CanReconfigure(o, now));
                if (matches[i] is { } match)
                    taken.Add(match);
            }
        }
    }

    /// <summary>Puts steps in an order in which each finds its name, its VRID and its addresses free.</summary>
    private sealed class Sequence
    {
        private readonly List<VirtualRouterConfig> _leaving = [];
        private readonly HashSet<string> _freedNames = new(StringComparer.Ordinal);
        private readonly Dictionary<(IPAddressValue, string), string> _leavingAddresses = [];
        private readonly Dictionary<WireIdentity, List<string>> _freed = [];

        public List<RouterStep> Steps { get; } = [];

        public IEnumerable<string> Removals => _leaving.Select(o => o.Name);

        public void Remove(VirtualRouterConfig router)
        {
            _leaving.Add(router);
            Free(router);
            _freedNames.Add(router.Name);
            foreach (var place in Places(router))
                _leavingAddresses.TryAdd(place, router.Name);
        }

        /// <returns>Those that could not change in place after all, because their peers go round in a circle; they start anew.</returns>
        public List<VirtualRouterConfig> Change(List<(VirtualRouterConfig From, VirtualRouterConfig To)> changes)
        {
            var restarted = new List<VirtualRouterConfig>();
            var givenUp = changes.Where(c => c.From.Name != c.To.Name).Select(c => c.From.Name).ToHashSet(StringComparer.Ordinal);
            while (changes.Count > 0)
            {
                var blocked = new List<(VirtualRouterConfig From, VirtualRouterConfig To)>();
                var pending = changes.ToLookup(c => (c.From.Interface, c.From.VirtualRouterId), c => c.From);
                var over = new HashSet<VirtualRouterConfig>(ReferenceEqualityComparer.Instance);
                foreach (var (from, to) in changes)
                {
                    if ((from.Name != to.Name && givenUp.Contains(to.Name)) || IsInTheWay(from, to))
                    {
                        blocked.Add((from, to));
                        continue;
                    }

                    Add(from, to);
                    over.Add(from);
                    if (from.Name != to.Name)
                        givenUp.Remove(from.Name);
                }

                if (blocked.Count == changes.Count)
                {
                    int aside = blocked.FindIndex(c => !IsInTheWay(c.From, c.To));
                    var (from, to) = blocked[Math.Max(aside, 0)];
                    givenUp.Remove(from.Name);
                    if (aside >= 0)
                    {
                        // Names that go round in a circle: one of them steps aside.
                        var named = to with { Name = $"{from.Name} (renamed)" };
                        Add(from, named);
                        blocked[aside] = (named, to);
                    }
                    else
                    {
                        blocked.RemoveAt(0);
                        Remove(from);
                        restarted.Add(to);
                    }
                }

                // Names passed on in a row: the other way round each finds its name free.
                blocked.Reverse();
                changes = blocked;

                bool IsInTheWay(VirtualRouterConfig from, VirtualRouterConfig to) =>
                    pending[(to.Interface, to.VirtualRouterId)].Any(o => o != from && !over.Contains(o) && to.ConflictsWith(o));
            }

            return restarted;
        }

        public void Start(VirtualRouterConfig router)
        {
            var after = Before(router, null);
            foreach (var place in Places(router))
            {
                if (_leavingAddresses.TryGetValue(place, out string? holder))
                    after.Add(holder);
            }

            Steps.Add(new(null, router, [.. after]));
        }

        private void Add(VirtualRouterConfig from, VirtualRouterConfig to)
        {
            Steps.Add(new(from.Name, to, [.. Before(to, from)]));
            Free(from);
            if (from.Name != to.Name)
                _freedNames.Add(from.Name);
        }

        /// <summary>Whose name or VRID it takes.</summary>
        private SortedSet<string> Before(VirtualRouterConfig to, VirtualRouterConfig? from)
        {
            var before = new SortedSet<string>(StringComparer.Ordinal);
            if (from?.Name != to.Name && _freedNames.Contains(to.Name))
                before.Add(to.Name);
            foreach (var identity in to.WireIdentities)
            {
                if (_freed.TryGetValue(identity, out var holders))
                    before.UnionWith(holders);
            }

            return before;
        }

        private void Free(VirtualRouterConfig router)
        {
            foreach (var identity in router.WireIdentities)
            {
                if (!_freed.TryGetValue(identity, out var holders))
                    _freed[identity] = holders = [];
                holders.Add(router.Name);
            }
        }

        private static IEnumerable<(IPAddressValue, string)> Places(VirtualRouterConfig router) =>
            router.VirtualAddresses.Concat(router.ExcludedAddresses).Select(address => (address.Address, address.Interface ?? router.Interface));
    }
}
