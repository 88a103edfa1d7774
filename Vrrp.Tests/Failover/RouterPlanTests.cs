using System.Collections.Immutable;
using Vrrp.Daemon.Failover;
using Vrrp.Packets;

namespace Vrrp.Tests.Failover;

/// <summary>What a reload does to the routers that run, and in which order.</summary>
public class RouterPlanTests
{
    private static readonly VirtualRouterConfig A = Router("A", 51, "10.0.0.1");
    private static readonly VirtualRouterConfig B = Router("B", 52, "10.0.0.2");
    private static readonly ImmutableArray<UnicastPeer> Peers = [new(IPAddressValue.Parse("10.0.0.8"), 0, 255)];

    private static VirtualRouterConfig Router(string name, int id, string address) => new()
    {
        Name = name,
        Interface = "eth0",
        VirtualRouterId = new(id),
        VirtualAddresses = [VirtualAddress.Host(IPAddressValue.Parse(address))],
    };

    private static RouterPlan Plan(VirtualRouterConfig[] running, params VirtualRouterConfig[] wanted) => RouterPlan.Create(running, wanted);

    /// <summary>The steps as <c>A->B after C</c>; <c>+B</c> starts.</summary>
    private static string[] Steps(RouterPlan plan) =>
        [.. plan.Steps.Select(s => $"{(s.From is null ? "+" : s.From + "->")}{s.To.Name}{(s.After.IsEmpty ? "" : " after " + string.Join(",", s.After))}")];

    /// <summary>Does what a plan says as the node does it; what is posted without its predecessors awaited is refused as the node refuses it.</summary>
    private static Dictionary<string, VirtualRouterConfig> Perform(VirtualRouterConfig[] running, RouterPlan plan)
    {
        var node = running.ToDictionary(r => r.Name, StringComparer.Ordinal);
        var isOver = new HashSet<string>(StringComparer.Ordinal);
        var todo = plan.Steps.ToList();
        // Removals end last, when nothing else can go on.
        var leaving = new Queue<string>(plan.Removals.ToArray());
        while (todo.Count > 0 || leaving.Count > 0)
        {
            var next = todo.Find(s => s.After.All(isOver.Contains));
            if (next is null)
            {
                Assert.True(leaving.TryDequeue(out string? gone), "the steps wait for each other: " + string.Join("; ", Steps(plan)));
                Assert.True(node.Remove(gone));
                isOver.Add(gone);
                continue;
            }

            todo.Remove(next);
            if (next.From is { } from)
            {
                Assert.True(node.Remove(from, out var before), $"there is no {from}");
                Assert.True(VrrpNode.CanReconfigure(before, next.To));
                Assert.DoesNotContain(node.Values, next.To.ConflictsWith);
                isOver.Add(from);
            }
            else
            {
                Assert.DoesNotContain(node.Values, next.To.ConflictsWith);
            }

            Assert.True(node.TryAdd(next.To.Name, next.To), $"{next.To.Name} is taken");
        }

        return node;
    }

    private static void AssertLeadsTo(VirtualRouterConfig[] running, VirtualRouterConfig[] wanted)
    {
        var result = Perform(running, Plan(running, wanted));
        Assert.Equal(wanted.Select(r => r.Name).Order(StringComparer.Ordinal), result.Keys.Order(StringComparer.Ordinal));
        Assert.All(wanted, r => Assert.True(RouterPlan.Same(r, result[r.Name])));
    }

    [Fact]
    public void The_same_again_is_no_step_at_all()
    {
        var plan = Plan([A, B], Router("A", 51, "10.0.0.1"), Router("B", 52, "10.0.0.2"));

        Assert.Empty(plan.Steps);
        Assert.Empty(plan.Removals);
    }

    [Fact]
    public void A_setting_changes_in_place_and_others_are_left_alone() =>
        Assert.Equal(["B->B"], Steps(Plan([A, B], A, B with { Priority = new(90) })));

    public static TheoryData<string> Restarts => ["unicast", "multicast", "group", "owner", "no owner", "version", "interface", "VRID"];

    [Theory]
    [MemberData(nameof(Restarts))]
    public void What_cannot_change_in_place_leaves_first_and_holds_nobody_up(string what)
    {
        var (old, now) = what switch
        {
            "unicast" => (A, A with { UnicastPeers = Peers }),
            "multicast" => (A with { UnicastPeers = Peers }, A),
            "group" => (A, A with { MulticastGroup = IPAddressValue.Parse("224.0.0.99") }),
            "owner" => (A, A with { Priority = Priority.Owner }),
            "no owner" => (A with { Priority = Priority.Owner }, A),
            "version" => (A, A with { Version = VrrpVersion.V2 }),
            "interface" => (A, A with { Interface = "eth1" }),
            _ => (A, A with { VirtualRouterId = new(99) }),
        };
        var plan = Plan([old, B], now, B with { Priority = new(7) });

        Assert.Equal(["A"], plan.Removals.ToArray());
        Assert.Equal(["B->B", "+A after A"], Steps(plan));
        AssertLeadsTo([old, B], [now, B with { Priority = new(7) }]);
    }

    [Fact]
    public void Another_name_is_no_other_router() => Assert.Equal(["A->C"], Steps(Plan([A], A with { Name = "C" })));

    [Fact]
    public void A_restarted_router_may_have_another_name_and_waits_for_its_vrid()
    {
        var plan = Plan([A], A with { Name = "C", Priority = Priority.Owner });

        Assert.Equal(["A"], plan.Removals.ToArray());
        Assert.Equal(["+C after A"], Steps(plan));
    }

    [Fact]
    public void An_address_that_goes_to_another_vrid_is_let_go_first() =>
        Assert.Equal(["+C after A"], Steps(Plan([A], Router("C", 77, "10.0.0.1"))));

    [Fact]
    public void Swapped_names_step_aside()
    {
        VirtualRouterConfig[] wanted = [A with { Name = "B", Interface = "eth0" }, B with { Name = "A" }];
        // By name both would be other routers; by what peers see both stay.
        Assert.Empty(Plan([A, B], wanted).Removals);
        Assert.Equal(["A->A (renamed)", "B->A after A", "A (renamed)->B after A,B"], Steps(Plan([A, B], wanted)));
        AssertLeadsTo([A, B], wanted);
    }

    [Fact]
    public void Names_passed_on_in_a_row_and_round()
    {
        var c = Router("C", 53, "10.0.0.3");
        AssertLeadsTo([A, B, c], [A with { Name = "B" }, B with { Name = "C" }, c with { Name = "D" }]);
        AssertLeadsTo([A, B, c], [A with { Name = "B" }, B with { Name = "C" }, c with { Name = "A" }]);
        // The name of one that leaves, and of one that was renamed to it.
        AssertLeadsTo([A, B, c], [A with { Name = "B" }, c with { Name = "A" }]);
        AssertLeadsTo([A, B, c], [A with { Name = "B" }, Router("A", 60, "10.0.0.9")]);
    }

    [Fact]
    public void Any_set_becomes_any_other()
    {
        var random = new Random(1);
        for (int i = 0; i < 3000; i++)
        {
            var running = Any(random);
            AssertLeadsTo(running, Any(random));
        }
    }

    [Fact]
    public void Twins_are_told_apart_by_their_peers()
    {
        var x = A with { UnicastPeers = Peers };
        var y = A with { Name = "Y", UnicastPeers = [new(IPAddressValue.Parse("10.0.0.9"), 0, 255)] };

        Assert.Empty(Plan([x, y], x, y).Steps);
        Assert.Equal(["A->Z"], Steps(Plan([x, y], x with { Name = "Z" }, y)));
        Assert.Equal(["Y"], Plan([x, y], x).Removals.ToArray());
    }

    [Fact]
    public void Peers_passed_on_are_free_first_and_peers_swapped_restart_one()
    {
        var x = A with { UnicastPeers = Peers };
        var y = B with { VirtualRouterId = A.VirtualRouterId, UnicastPeers = [new(IPAddressValue.Parse("10.0.0.9"), 0, 255)] };
        UnicastPeer third = new(IPAddressValue.Parse("10.0.0.7"), 0, 255);

        Assert.Equal(["B->B", "A->A after B"], Steps(Plan([x, y], x with { UnicastPeers = y.UnicastPeers }, y with { UnicastPeers = [third] })));
        Assert.Equal(["A->A after B"], Steps(Plan([x, y], x with { UnicastPeers = [.. x.UnicastPeers, .. y.UnicastPeers] })));
        VirtualRouterConfig[] swapped = [x with { UnicastPeers = y.UnicastPeers }, y with { UnicastPeers = x.UnicastPeers }];
        Assert.Equal(["A"], Plan([x, y], swapped).Removals.ToArray());
        AssertLeadsTo([x, y], swapped);
    }

    [Fact]
    public void A_set_that_cannot_run_changes_nothing()
    {
        var conflict = Plan([A], A, B with { VirtualRouterId = A.VirtualRouterId });
        Assert.Equal("B: VRID 51 on eth0 is that of A.", Assert.Single(conflict.Problems));
        Assert.Empty(conflict.Removals);
        Assert.Empty(conflict.Steps);

        Assert.Contains("no authentication", Assert.Single(Plan([], A with { Password = SimplePassword.From("x") }).Problems), StringComparison.Ordinal);
        Assert.Contains("twice", Assert.Single(Plan([], A, B with { Name = "A" }).Problems), StringComparison.Ordinal);
    }

    [Fact]
    public void Every_list_of_a_router_is_compared_by_what_it_holds()
    {
        // Others would be compared by identity, and a reload would touch every router.
        Assert.Equal(
            ["ExcludedAddresses", "TrackedInterfaces", "UnicastPeers", "VirtualAddresses"],
            typeof(VirtualRouterConfig).GetProperties()
                .Where(p => p.PropertyType.IsGenericType && p.PropertyType.GetGenericTypeDefinition() == typeof(ImmutableArray<>))
                .Select(p => p.Name).Order(StringComparer.Ordinal));
    }

    /// <summary>One to five routers without conflicts, of few names, VRIDs and addresses, so that sets overlap.</summary>
    private static VirtualRouterConfig[] Any(Random random)
    {
        var result = new List<VirtualRouterConfig>();
        for (int i = random.Next(1, 6); i > 0; i--)
        {
            var router = Router(((char)('A' + random.Next(6))).ToString(), random.Next(1, 5), $"10.0.0.{random.Next(1, 5)}") with
            {
                Interface = random.Next(4) == 0 ? "eth1" : "eth0",
                Priority = random.Next(4) == 0 ? Priority.Owner : new(random.Next(1, 255)),
                UnicastPeers = [.. Enumerable.Range(8, 4).Where(_ => random.Next(5) == 0).Select(n => new UnicastPeer(IPAddressValue.Parse($"10.0.0.{n}")))],
            };
            if (!result.Exists(r => r.Name == router.Name || r.ConflictsWith(router)))
                result.Add(router);
        }

        return [.. result];
    }
}
