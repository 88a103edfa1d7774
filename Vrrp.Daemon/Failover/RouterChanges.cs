using System.Collections.Immutable;

namespace Vrrp.Daemon.Failover;

/// <summary>What turns the virtual routers that run into those that are wanted. Pure.</summary>
/// <param name="Removed">Names of those that leave.</param>
/// <param name="Changed">Those that stay and take a new configuration, with their present names.</param>
/// <param name="Added">Those that are new, or differ so much that they start anew.</param>
internal sealed record RouterChanges(
    ImmutableArray<string> Removed, ImmutableArray<(string Name, VirtualRouterConfig Config)> Changed, ImmutableArray<VirtualRouterConfig> Added)
{
    /// <summary>Routers are the same when the wire says so: interface, family, VRID and group; the name is only a name.</summary>
    public static RouterChanges Between(IEnumerable<VirtualRouterConfig> running, ImmutableArray<VirtualRouterConfig> wanted)
    {
        var left = running.ToList();
        var changed = ImmutableArray.CreateBuilder<(string, VirtualRouterConfig)>();
        var added = ImmutableArray.CreateBuilder<VirtualRouterConfig>();
        foreach (var router in wanted)
        {
            int match = left.FindIndex(candidate => candidate.Name == router.Name && VrrpNode.CanReconfigure(candidate, router));
            if (match < 0)
                match = left.FindIndex(candidate => VrrpNode.CanReconfigure(candidate, router) && !wanted.Any(other => other.Name == candidate.Name));
            if (match < 0)
            {
                added.Add(router);
                continue;
            }

            changed.Add((left[match].Name, router));
            left.RemoveAt(match);
        }

        return new([.. left.Select(router => router.Name)], changed.ToImmutable(), added.ToImmutable());
    }
}
