using System.Collections.Immutable;
using System.Globalization;

namespace Vrrp.Daemon.Demo;

/// <summary>One of the two directors.</summary>
/// <param name="Index">0 or 1.</param>
/// <param name="Address">Its own address.</param>
/// <param name="Mac">Hardware address of its interface: tells who answers for the virtual address.</param>
/// <param name="Priority">Its priority.</param>
internal sealed record DirectorPlan(int Index, IPAddressValue Address, MacAddress Mac, Priority Priority)
{
    public string Name { get; } = string.Create(CultureInfo.InvariantCulture, $"director-{Index + 1}");
}

/// <summary>What is set up, and the times that the protocol gives for it. Pure.</summary>
/// <param name="Interval">Advertisement interval: whole seconds are VRRPv2 with a password, fractions need VRRPv3.</param>
internal sealed record DemoPlan(AdvertisementInterval Interval)
{
    public const string Interface = "eth0";
    public const string VirtualRouter = "VI_1";
    public const byte PrefixLength = 24;

    /// <summary>Where the directors' mails go.</summary>
    public const string Mailbox = "night.watch@example.org";

    public static VirtualRouterId VirtualRouterId { get; } = new(51);

    /// <summary>RFC 5737: a network for examples.</summary>
    public static IPAddressValue VirtualAddress { get; } = IPAddressValue.Parse("192.0.2.10");

    public static IPAddressValue ClientAddress { get; } = IPAddressValue.Parse("192.0.2.100");

    public static ImmutableArray<DirectorPlan> Directors { get; } =
    [
        new(0, IPAddressValue.Parse("192.0.2.11"), MacAddress.Read([2, 0, 0, 0, 0, 0x11]), new(100)),
        new(1, IPAddressValue.Parse("192.0.2.12"), MacAddress.Read([2, 0, 0, 0, 0, 0x12]), new(50)),
    ];

    public VrrpVersion Version => Interval.IsWholeSeconds ? VrrpVersion.V2 : VrrpVersion.V3;

    public TimeSpan ProbeInterval => TimeSpan.FromMilliseconds(Interval.Centiseconds >= 50 ? 5 : 2);

    /// <summary>A probe counts as lost when it is not answered within this: what arrives later helps no connection of a client.</summary>
    public static TimeSpan ProbeTimeout { get; } = TimeSpan.FromMilliseconds(200);

    /// <summary>How long each state is watched before the next thing happens.</summary>
    public TimeSpan Settle { get; } = Max(TimeSpan.FromSeconds(1), Interval.Duration * 3);

    public string ProtocolText => Version == VrrpVersion.V2 ? "VRRPv2 with a password" : "VRRPv3";

    /// <summary>What the whole story takes, with half a second for each start of a daemon.</summary>
    public TimeSpan Duration =>
        (2 * DownInterval(Directors[0])) + DownInterval(Directors[1]) + SkewTime(Directors[1])
        + (4 * (Settle + ProbeTimeout)) + TimeSpan.FromSeconds(2);

    public TimeSpan SkewTime(DirectorPlan director) => VrrpTimers.SkewTime(Version, director.Priority, Interval);

    public TimeSpan DownInterval(DirectorPlan director) => VrrpTimers.MasterDownInterval(Version, director.Priority, Interval);

    /// <summary>How long to wait for what takes that long by the protocol: generous, because machines that run tests are busy.</summary>
    public TimeSpan Patience(TimeSpan expected) => (2 * expected) + Interval.Duration + TimeSpan.FromSeconds(15);

    /// <summary>The director's keepalived.conf.</summary>
    public string Configuration(DirectorPlan director)
    {
        string seconds = (Interval.Centiseconds / 100m).ToString("0.##", CultureInfo.InvariantCulture);
        string version = Version == VrrpVersion.V2
            ? ""
            : """

                 vrrp_version 3
              """;
        string authentication = Version == VrrpVersion.V3
            ? ""
            : """

                  authentication {
                      auth_type PASS
                      auth_pass demo1234
                  }
              """;
        return $$"""
            ! Configuration File for keepalived
            global_defs {
               router_id {{director.Name}}{{version}}
               notification_email {
                   {{Mailbox}}
               }
               notification_email_from {{director.Name}}@example.org
               smtp_server {{ClientAddress}} {{MailSink.Port}}
               smtp_alert
            }

            vrrp_instance {{VirtualRouter}} {
                state {{(director.Index == 0 ? "MASTER" : "BACKUP")}}
                interface {{Interface}}
                virtual_router_id {{VirtualRouterId}}
                priority {{director.Priority}}
                advert_int {{seconds}}{{authentication}}
                virtual_ipaddress {
                    {{VirtualAddress}}
                }
            }

            """;
    }

    private static TimeSpan Max(TimeSpan left, TimeSpan right) => left > right ? left : right;
}
