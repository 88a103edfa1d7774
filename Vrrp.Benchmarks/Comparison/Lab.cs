using System.Globalization;
using System.Text;
using Vrrp.Linux;
using Vrrp.Netlink;

namespace Vrrp.Benchmarks.Comparison;

/// <summary>
/// Two directors and an observer in namespaces of their own, joined by one bridge for each segment; the observer is the host of the
/// bridges and the client. A VRID names one router of an interface, so many routers need several segments.
/// </summary>
internal sealed class Lab : IDisposable
{
    /// <summary>VRIDs used of each segment when there are several.</summary>
    public const int RoutersPerSegment = 250;

    private readonly NetworkNamespace _lan = NetworkNamespace.Create();
    private readonly NetworkNamespace[] _directors = [NetworkNamespace.Create(), NetworkNamespace.Create()];
    private readonly List<RunningDaemon> _daemons = [];

    /// <param name="segments">How many bridges.</param>
    /// <param name="note">Gets what the capture sees; null: the capture keeps it.</param>
    public Lab(int segments = 1, Action<Sighting>? note = null)
    {
        using var lan = LinkBuilder.In(_lan);
        using var first = LinkBuilder.In(_directors[0]);
        using var second = LinkBuilder.In(_directors[1]);
        LinkBuilder[] builders = [first, second];
        List<int> bridges = [];
        lan.SetUp("lo");
        first.SetUp("lo");
        second.SetUp("lo");
        for (int segment = 0; segment < segments; segment++)
        {
            string bridge = $"lan{segment}";
            lan.CreateBridge(bridge);
            lan.SetAutomaticLinkLocal(bridge, false);
            lan.SetUp(bridge);
            lan.AddAddress(bridge, IPAddressValue.Parse($"10.{90 + segment}.0.9"), 16);
            bridges.Add(lan.IndexOf(bridge));
            for (int director = 0; director < 2; director++)
            {
                string port = $"p{segment}{director}";
                lan.CreateVeth(port, $"e{segment}", _directors[director]);
                lan.SetMaster(port, bridge);
                lan.SetUp(port);
                builders[director].SetMac($"e{segment}", MacAddress.Read([2, 0, 0, 0, (byte)segment, (byte)(director + 1)]));
                builders[director].SetAutomaticLinkLocal($"e{segment}", false);
                builders[director].SetUp($"e{segment}");
                builders[director].AddAddress($"e{segment}", IPAddressValue.Parse($"10.{90 + segment}.0.{director + 1}"), 24);
            }
        }

        foreach (var network in _directors)
        {
            // As on any director: otherwise the interface that does not hold an address answers for it.
            _ = network.TryWriteSysctl("ipv4/conf/all/arp_ignore", "1");
        }

        Capture = new Capture(_lan, bridges, note);
        lock (Open)
            Open.Add(this);
    }

    private static readonly List<Lab> Open = [];

    /// <summary>Ends every daemon that runs, for an interrupted comparison; the namespaces go with this process.</summary>
    public static void KillAll()
    {
        lock (Open)
        {
            foreach (var daemon in Open.SelectMany(lab => lab._daemons))
                daemon.Dispose();
        }
    }

    public Capture Capture { get; }

    /// <summary>Where the client is.</summary>
    public NetworkNamespace Client => _lan;

    /// <summary>Address of the first router.</summary>
    public static IPAddressValue FirstAddress => IPAddressValue.Parse("10.90.1.1");

    /// <summary>A configuration that both daemons read.</summary>
    public static string Configuration(int routers, int version, TimeSpan interval, int priority, string routerId = "lab")
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"global_defs {{\n router_id {routerId}\n}}\n");
        for (int number = 1; number <= routers; number++)
        {
            int segment = routers > 255 ? (number - 1) / RoutersPerSegment : 0;
            int id = routers > 255 ? ((number - 1) % RoutersPerSegment) + 1 : number;
            text.Append(CultureInfo.InvariantCulture, $$"""
                vrrp_instance VI_{{number}} {
                  state BACKUP
                  interface e{{segment}}
                  version {{version}}
                  virtual_router_id {{id}}
                  priority {{priority}}
                  advert_int {{interval.TotalSeconds}}
                  virtual_ipaddress {
                    10.{{90 + segment}}.1.{{id}}
                  }
                }

                """);
        }

        return text.ToString();
    }

    /// <summary>Starts a daemon on director 0 or 1.</summary>
    public RunningDaemon Start(Contender contender, int director, string configuration)
    {
        var daemon = contender.Start(_directors[director], configuration);
        _daemons.Add(daemon);
        return daemon;
    }

    /// <summary>Starts a process on director 0 or 1.</summary>
    public NetworkNamespace Director(int director) => _directors[director];

    public void Dispose()
    {
        lock (Open)
            Open.Remove(this);
        foreach (var daemon in _daemons)
            daemon.Dispose();
        Capture.Dispose();
        foreach (var network in _directors)
            network.Dispose();
        _lan.Dispose();
    }
}
