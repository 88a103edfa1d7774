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
        ImmutableArray<VirtualRouterConfig> leaving = [.. running.Where(o => !staying.Contains(o))];
        var steps = new Sequence(leaving);
        steps.Change([.. wanted.Select((n, i) => (From: old[i]!, To: n)).Where(pair => pair.From is not null && !Same(pair.From, pair.To))]);
        for (int i = 0; i < wanted.Count; i++)
        {
            if (old[i] is null)
                steps.Start(wanted[i]);
        }

        return new() { Removals = [.. leaving.Select(o => o.Name)], Steps = [.. steps.Steps] };
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
        var onWire = new Dictionary<(string, VirtualRouterId), List<VirtualRouterConfig>>();
        foreach (var router in wanted)
        {
            foreach (string problem in router.Validate())
                problems.Add($"{router.Name}: {problem}");
            if (!names.Add(router.Name))
                problems.Add($"{router.Name}: the name is used twice.");
            if (!onWire.TryGetValue((router.Interface, router.VirtualRouterId), out var others))
                onWire[(router.Interface, router.VirtualRouterId)] = others = [];
            if (others.Find(router.ConflictsWith) is { } other)
                problems.Add($"{router.Name}: VRID {router.VirtualRouterId} on {router.Interface} is that of {other.Name}.");
            others.Add(router);
        }

        return problems.DrainToImmutable();
    }

    /// <summary>The running router that becomes each of the wanted; null where one starts. By its name first, then by what its peers see.</summary>
    private static VirtualRouterConfig?[] Match(IReadOnlyCollection<VirtualRouterConfig> running, IReadOnlyList<VirtualRouterConfig> wanted)
    {
        var matches = new VirtualRouterConfig?[wanted.Count];
        var onWire = running.ToLookup(o => (o.Interface, o.VirtualRouterId));
        var taken = new HashSet<VirtualRouterConfig>(ReferenceEqualityComparer.Instance);
        Pass((o, n) => o.Name == n.Name);
        Pass((o, n) => o.ConflictsWith(n) && o.SourceAddress == n.SourceAddress && o.UnicastPeers.SequenceEqual(n.UnicastPeers));
        Pass((o, n) => o.ConflictsWith(n));
        return matches;

        void Pass(Func<VirtualRouterConfig, VirtualRouterConfig, bool> fits)
        {
            for (int i = 0; i < matches.Length; i++)
            {
                var now = wanted[i];
                matches[i] ??= onWire[(now.Interface, now.VirtualRouterId)]
                    .FirstOrDefault(o => !taken.Contains(o) && fits(o, now) && VrrpNode.CanReconfigure(o, now));
                if (matches[i] is { } match)
                    taken.Add(match);
            }
        }
    }

    /// <summary>Puts steps in an order in which each finds its name, its VRID and its addresses free.</summary>
    private sealed class Sequence
    {
        private readonly ImmutableArray<VirtualRouterConfig> _leaving;
        private readonly HashSet<string> _freedNames;
        private readonly Dictionary<(IPAddressValue, string), string> _leavingAddresses = [];
        private readonly List<VirtualRouterConfig> _changed = [];

        public Sequence(ImmutableArray<VirtualRouterConfig> leaving)
        {
            _leaving = leaving;
            _freedNames = leaving.Select(o => o.Name).ToHashSet(StringComparer.Ordinal);
            foreach (var router in leaving)
            {
                foreach (var place in Places(router))
                    _leavingAddresses.TryAdd(place, router.Name);
            }
        }

        public List<RouterStep> Steps { get; } = [];

        public void Change(List<(VirtualRouterConfig From, VirtualRouterConfig To)> changes)
        {
            var givenUp = changes.Where(c => c.From.Name != c.To.Name).Select(c => c.From.Name).ToHashSet(StringComparer.Ordinal);
            while (changes.Count > 0)
            {
                var blocked = new List<(VirtualRouterConfig From, VirtualRouterConfig To)>();
                foreach (var (from, to) in changes)
                {
                    if (from.Name != to.Name && givenUp.Contains(to.Name))
                    {
                        blocked.Add((from, to));
                        continue;
                    }

                    Steps.Add(new(from.Name, to, from.Name != to.Name && _freedNames.Contains(to.Name) ? [to.Name] : []));
                    _changed.Add(from);
                    if (givenUp.Remove(from.Name))
                        _freedNames.Add(from.Name);
                }

                // Names that go round in a circle: one of them steps aside.
                if (blocked.Count == changes.Count)
                {
                    var (from, to) = blocked[0];
                    var aside = to with { Name = $"{from.Name} (renamed)" };
                    Steps.Add(new(from.Name, aside, []));
                    givenUp.Remove(from.Name);
                    _freedNames.Add(from.Name);
                    blocked[0] = (aside, to);
                }

                changes = blocked;
            }
        }

        public void Start(VirtualRouterConfig router)
        {
            var after = new SortedSet<string>(StringComparer.Ordinal);
            if (_freedNames.Contains(router.Name))
                after.Add(router.Name);
            after.UnionWith(_leaving.Where(router.ConflictsWith).Select(o => o.Name));
            after.UnionWith(_changed.Where(router.ConflictsWith).Select(o => o.Name));
            foreach (var place in Places(router))
            {
                if (_leavingAddresses.TryGetValue(place, out string? holder))
                    after.Add(holder);
            }

            Steps.Add(new(null, router, [.. after]));
        }

        private static IEnumerable<(IPAddressValue, string)> Places(VirtualRouterConfig router) =>
            router.VirtualAddresses.Concat(router.ExcludedAddresses).Select(address => (address.Address, address.Interface ?? router.Interface));
    }
}
