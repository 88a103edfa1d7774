using System.Globalization;
using System.Net;

namespace Vrrp.Tests.Linux.Lab;

/// <summary>One virtual router as both directors are to run it: the configuration is written from it, and the adverts are compared with it.</summary>
internal sealed record VirtualRouterSpec
{
    public string Name { get; init; } = "VI_1";

    public int Network { get; init; }

    public int Vrid { get; init; } = 51;

    public int Version { get; init; } = 3;

    public TimeSpan Interval { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>As configured; eight characters of it are sent.</summary>
    public string? Password { get; init; }

    public bool Unicast { get; init; }

    /// <summary>With or without a prefix length.</summary>
    public IReadOnlyList<string> Addresses { get; init; } = ["10.77.0.100"];

    /// <summary>Further lines of the instance.</summary>
    public string Extra { get; init; } = "";

    public IReadOnlyList<IPAddress> Vips => [.. Addresses.Select(address => IPAddress.Parse(address.Split('/')[0]))];

    public bool IsIPv6 => Addresses[0].Contains(':', StringComparison.Ordinal);

    public TimeSpan Skew(int priority) => (Version == 2 ? TimeSpan.FromSeconds(1) : Interval) * (256 - priority) / 256;

    /// <summary>How long a Backup waits for a silent Master: three intervals and the skew.</summary>
    public TimeSpan DownInterval(int priority) => (3 * Interval) + Skew(priority);

    public static string Global => """
        global_defs {
            router_id lab
        }

        """;

    public string ToConfig(LabHost host, LabHost peer, int priority, string extra = "") => Global + ToBlock(host, peer, priority, extra);

    public string ToBlock(LabHost host, LabHost peer, int priority, string extra = "")
    {
        var interval = Interval.TotalSeconds.ToString(CultureInfo.InvariantCulture);
        return $$"""
            vrrp_instance {{Name}} {
                interface {{LabHost.Device(Network)}}
                version {{Version}}
                virtual_router_id {{Vrid}}
                priority {{priority}}
                advert_int {{interval}}
                {{Extra}}
                {{extra}}
                {{Authentication()}}
                {{UnicastLines(host, peer)}}
                virtual_ipaddress {
                    {{string.Join("\n        ", Addresses)}}
                }
            }

            """;
    }

    private string Authentication() => Password is null ? "" : $$"""
        authentication {
                auth_type PASS
                auth_pass {{Password}}
            }
        """;

    private string UnicastLines(LabHost host, LabHost peer) => !Unicast ? "" : $$"""
        unicast_src_ip {{Source(host)}}
            unicast_peer {
                {{Source(peer)}}
            }
        """;

    /// <summary>The address that adverts of a host come from.</summary>
    public IPAddress Source(LabHost host) => IsIPv6 ? host.LinkLocal(Network) : host.IPv4(Network);
}
