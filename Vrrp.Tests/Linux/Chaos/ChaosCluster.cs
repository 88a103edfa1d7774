using System.Globalization;
using Vrrp.Tests.Linux.Lab;

namespace Vrrp.Tests.Linux.Chaos;

/// <summary>Which daemons share which virtual routers. The first has the highest priority and is Master when all is well.</summary>
internal sealed record ChaosCluster
{
    /// <summary>Lower than that of any daemon.</summary>
    public const int LowestPriority = 10;

    public const int BrokenConfigCount = 6;

    /// <summary>Of the network and family of the first virtual router, which is IPv4 wherever it is used.</summary>
    public const string FurtherAddress = "10.77.0.150";

    /// <summary>In words for reports, and part of file names.</summary>
    public required string Name { get; init; }

    public required IReadOnlyList<DirectorKind> Directors { get; init; }

    public required IReadOnlyList<VirtualRouterSpec> Routers { get; init; }

    /// <summary>The virtual routers are Master together.</summary>
    public bool IsSyncGroup { get; init; }

    /// <summary>Further lines of global_defs, for all daemons.</summary>
    public string Globals { get; init; } = "";

    public int Networks => Routers.Max(router => router.Network) + 1;

    public TimeSpan Interval => Routers.Max(router => router.Interval);

    /// <summary>How long the lowest of all waits for a silent Master.</summary>
    public TimeSpan LongestDownInterval => DownInterval(Directors.Count - 1);

    /// <summary>How long the lowest of all waits after a farewell.</summary>
    public TimeSpan LongestSkew => Routers.Max(router => router.Skew(Priority(Directors.Count - 1)));

    public static int Priority(int host) => 200 - (50 * host);

    public TimeSpan DownInterval(int host) => Routers.Max(router => router.DownInterval(Priority(host)));

    /// <param name="host">Whose file it is.</param>
    /// <param name="priority">Its priority.</param>
    /// <param name="further">An address that the first virtual router has besides.</param>
    public string ToConfig(LabHost host, int priority, string? further = null)
    {
        var routers = further is null ? Routers : [Routers[0] with { Addresses = [.. Routers[0].Addresses, further] }, .. Routers.Skip(1)];
        var group = !IsSyncGroup ? "" : $$"""
            vrrp_sync_group VG_1 {
                group {
                    {{string.Join("\n        ", Routers.Select(router => router.Name))}}
                }
            }

            """;
        return $$"""
            global_defs {
                router_id lab
                dynamic_interfaces
                {{Globals}}
            }

            """ + group + string.Concat(routers.Select(router => router.ToBlock(host, host, priority)));
    }

    /// <summary>Files that a reload must refuse, each for another reason.</summary>
    public IReadOnlyList<string> BrokenConfigs(LabHost host, int priority)
    {
        var good = ToConfig(host, priority);
        var number = priority.ToString(CultureInfo.InvariantCulture);
        return
        [
            "",
            good.Replace($"priority {number}", "priority 300", StringComparison.Ordinal),
            good.Replace("virtual_router_id ", "virtual_router_id 3", StringComparison.Ordinal),
            good.Replace(LabHost.Device(0), "", StringComparison.Ordinal),
            good + Routers[0].ToBlock(host, host, priority).Replace(Routers[0].Name, "VI_AGAIN", StringComparison.Ordinal),
            good[..good.IndexOf("virtual_router_id", StringComparison.Ordinal)],
        ];
    }

    public override string ToString() => Name;
}
