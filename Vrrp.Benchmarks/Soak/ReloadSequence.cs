using System.Globalization;
using System.Text;

namespace Vrrp.Benchmarks.Soak;

/// <summary>What a reload changes.</summary>
internal enum ReloadKind
{
    Unchanged,
    Priority,
    Interval,
    MoreAddresses,
    FewerAddresses,
    Removal,
    Addition,
    Broken,
}

/// <summary>One configuration of the sequence.</summary>
/// <param name="Kind">What it changes.</param>
/// <param name="Text">The file.</param>
/// <param name="Touched">VRIDs that it changes.</param>
internal sealed record Reload(ReloadKind Kind, string Text, IReadOnlySet<int> Touched);

/// <summary>
/// The configurations of a soak, from a seed. They come in cycles, and each cycle ends with as many routers and addresses as it began with:
/// what grows from one cycle to the next is a leak.
/// </summary>
internal sealed class ReloadSequence
{
    /// <summary>The peer's, between those of the director's Masters and Backups.</summary>
    public const int PeerPriority = 150;

    private const int HighPriority = 200;
    private const int LowPriority = 100;
    private const int RoleStep = 80;
    private const int MaxExtraAddresses = 2;

    private static readonly ReloadKind[] s_cycle =
    [
        ReloadKind.Priority, ReloadKind.Unchanged, ReloadKind.MoreAddresses, ReloadKind.Removal, ReloadKind.Broken,
        ReloadKind.Interval, ReloadKind.FewerAddresses, ReloadKind.Addition, ReloadKind.Interval, ReloadKind.Priority,
    ];

    private readonly Random _random;
    private readonly SoakOptions _options;
    private readonly bool _hasPeer;
    private readonly Router[] _routers;
    private int _next;

    /// <param name="options">Same seed, same files; a few routers have twice the interval for a while.</param>
    /// <param name="hasPeer">Whether every second router is Backup to a peer.</param>
    public ReloadSequence(SoakOptions options, bool hasPeer)
    {
        // Not a secret: the same run again is what is wanted.
#pragma warning disable CA5394
        _random = new Random(options.Seed);
#pragma warning restore CA5394
        (_options, _hasPeer) = (options, hasPeer);
        _routers = [.. Enumerable.Range(1, options.Routers).Select(id => new Router(id) { Base = hasPeer && id % 2 == 0 ? LowPriority : HighPriority })];
    }

    /// <summary>Reloads of one cycle.</summary>
    public static int CycleLength => s_cycle.Length;

    /// <summary>Whether the next one begins a cycle.</summary>
    public bool IsAtStart => _next == 0;

    /// <summary>VRIDs configured now.</summary>
    public IEnumerable<int> Present => _routers.Where(router => router.IsPresent).Select(router => router.Id);

    /// <summary>Whether the director is to be Master of a VRID.</summary>
    public bool IsMaster(int id) => _routers[id - 1] is { IsPresent: true } router && (!_hasPeer || router.Priority > PeerPriority);

    /// <summary>The priority that the director is to advertise for a VRID.</summary>
    public int Priority(int id) => _routers[id - 1].Priority;

    /// <summary>The virtual addresses that the director is to hold.</summary>
    public IEnumerable<string> Addresses() =>
        _routers.Where(router => IsMaster(router.Id)).SelectMany(router => router.Addresses);

    /// <summary>The file as it is now.</summary>
    public string Text() => Text(_routers.Where(router => router.IsPresent));

    /// <summary>The file of the peer: all routers, unchanged throughout.</summary>
    public static string PeerText(SoakOptions options) =>
        Text(Enumerable.Range(1, options.Routers).Select(id => new Router(id) { Base = PeerPriority }), options);

    public Reload Next()
    {
        var kind = s_cycle[_next];
        _next = (_next + 1) % s_cycle.Length;
        var touched = new HashSet<int>();
        switch (kind)
        {
            case ReloadKind.Priority:
                if (_routers.Any(router => router.Boost != 0))
                    Restore(router => router with { Boost = 0 });
                else
                    foreach (var router in Some())
                        Touch(router, router with { Boost = Boost(router) });
                break;
            case ReloadKind.Interval:
                if (_routers.Any(router => router.IsSlow))
                    Restore(router => router with { IsSlow = false });
                else
                    foreach (var router in Some())
                        Touch(router, router with { IsSlow = true });
                break;
            case ReloadKind.MoreAddresses:
                foreach (var router in Some())
                    Touch(router, router with { Extra = 1 + Number(MaxExtraAddresses) });
                break;
            case ReloadKind.FewerAddresses:
                Restore(router => router with { Extra = 0 });
                break;
            case ReloadKind.Removal:
                foreach (var router in Some())
                    Touch(router, router with { IsPresent = false });
                break;
            case ReloadKind.Addition:
                Restore(router => router with { IsPresent = true });
                break;
            case ReloadKind.Broken:
                return new(kind, Break(Text()), touched);
        }

        return new(kind, Text(), touched);

        void Touch(Router before, Router after)
        {
            if (before == after)
                return;
            _routers[before.Id - 1] = after;
            touched.Add(before.Id);
        }

        void Restore(Func<Router, Router> change)
        {
            foreach (var router in _routers.ToArray())
                Touch(router, change(router));
        }
    }

    /// <summary>Beside a peer every other change lets the two change roles.</summary>
    private int Boost(Router router)
    {
        int within = 1 + Number(20);
        return !_hasPeer || Number(2) == 0 ? within : router.Base == HighPriority ? within - RoleStep : within + RoleStep;
    }

    /// <summary>A tenth of the routers.</summary>
    private List<Router> Some()
    {
        var chosen = _routers.ToArray();
        Shuffle(chosen);
        return [.. chosen.Take(Math.Max(1, _routers.Length / 10))];
    }

#pragma warning disable CA5394 // As above.
    private void Shuffle(Router[] routers) => _random.Shuffle(routers);

    private int Number(int limit) => _random.Next(limit);
#pragma warning restore CA5394

    /// <summary>Most of the file is as it was, one line is not: half of what a careless reload would apply.</summary>
    private string Break(string text)
    {
        var lines = text.Split('\n').ToList();
        int at = lines.FindIndex(lines.Count / 2, line => line.TrimStart().StartsWith("virtual_router_id", StringComparison.Ordinal));
        lines[at] = Number(2) == 0 ? "  virtual_router_id 0" : "  virtual_router_id none";
        return string.Join('\n', lines.Select(line => line.Replace("priority 2", "priority 1", StringComparison.Ordinal)));
    }

    private string Text(IEnumerable<Router> routers) => Text(routers, _options);

    private static string Text(IEnumerable<Router> routers, SoakOptions options)
    {
        var text = new StringBuilder("global_defs {\n router_id soak\n");
        if (options.RealTimePriority > 0)
            text.Append(CultureInfo.InvariantCulture, $" vrrp_rt_priority {options.RealTimePriority}\n");
        text.Append("}\n");
        foreach (var router in routers)
        {
            var every = router.IsSlow ? options.Interval * 2 : options.Interval;
            text.Append(CultureInfo.InvariantCulture, $$"""
                vrrp_instance VI_{{router.Id}} {
                  state BACKUP
                  interface e0
                  version 3
                  virtual_router_id {{router.Id}}
                  priority {{router.Priority}}
                  advert_int {{every.TotalSeconds}}
                  {{(router.IsFiltered ? "no_accept" : "accept")}}
                  virtual_ipaddress {
                    {{string.Join("\n    ", router.Addresses)}}
                  }
                }

                """);
        }

        return text.ToString();
    }

    private sealed record Router(int Id)
    {
        public bool IsPresent { get; init; } = true;

        public int Base { get; init; }

        public int Boost { get; init; }

        public int Priority => Base + Boost;

        public bool IsSlow { get; init; }

        /// <summary>Addresses besides the first.</summary>
        public int Extra { get; init; }

        /// <summary>Some have their addresses in the packet filter.</summary>
        public bool IsFiltered => Id % 10 == 0;

        public IEnumerable<string> Addresses => Enumerable.Range(1, 1 + Extra).Select(net => $"10.90.{net}.{Id}");
    }
}
