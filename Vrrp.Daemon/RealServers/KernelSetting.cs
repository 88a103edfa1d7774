using System.Globalization;

namespace Vrrp.Daemon.RealServers;

/// <summary>One of the settings under net.ipv4.conf that decide about ARP and about packets out of a tunnel.</summary>
/// <remarks>
/// IPv6 has none of them and needs none: the kernel answers a neighbour solicitation only on the interface that has the address, solicits
/// with addresses of the interface only, and filters no sources.
/// </remarks>
/// <param name="Device">A device, or <see cref="All"/>. What is in force on a device is the greater of both.</param>
/// <param name="Key">One of the keys below.</param>
internal readonly record struct KernelSetting(string Device, string Key)
{
    public const string All = "all";

    /// <summary>Which ARP requests are answered.</summary>
    public const string ArpIgnore = "arp_ignore";

    /// <summary>Which address an ARP request of our own names as its sender.</summary>
    public const string ArpAnnounce = "arp_announce";

    /// <summary>Whether a packet is dropped that came another way than its answer would go.</summary>
    public const string ReversePathFilter = "rp_filter";

    public static readonly string[] Keys = [ArpIgnore, ArpAnnounce, ReversePathFilter];

    /// <summary>What it is set to, unless what it has will do.</summary>
    public int Wanted => Key switch
    {
        ArpIgnore => 1,
        ArpAnnounce => 2,
        _ => 0,
    };

    /// <summary>What will do, in words.</summary>
    public string WantedText => Key == ArpIgnore ? "1, 2 or 8" : Wanted.ToString(CultureInfo.InvariantCulture);

    public string Path => $"/proc/sys/net/ipv4/conf/{Device}/{Key}";

    /// <summary>Whether a value will do. arp_ignore 3 answers for addresses on lo, unlike the stricter 2 and 8; arp_announce above 2 is as 0.</summary>
    public bool Accepts(int value) => Key == ArpIgnore ? value is 1 or 2 or 8 : value == Wanted;

    /// <summary>As sysctl(8) spells it: dots in a device's name become slashes.</summary>
    public override string ToString() => $"net.ipv4.conf.{Device.Replace('.', '/')}.{Key}";
}
