using System.Globalization;
using Vrrp.Daemon.Ipvs;

namespace Vrrp.Daemon.Status;

/// <summary>Values as the documents spell them; forwarding methods and schedulers as ipvsadm does.</summary>
internal static class ReportText
{
    public const string Masquerade = "masq";

    public static string Family(IPFamily family) => family == IPFamily.IPv6 ? "ipv6" : "ipv4";

    public static string Forwarding(ForwardingMethod method) => method switch
    {
        ForwardingMethod.Masquerade => Masquerade,
        ForwardingMethod.Local => "local",
        ForwardingMethod.Tunnel => "tunnel",
        _ => "route",
    };

    public static string Tunnel(TunnelType type) => type switch
    {
        TunnelType.Gue => "gue",
        TunnelType.Gre => "gre",
        _ => "ipip",
    };

    public static string? Checksum(TunnelChecksum checksum) => checksum switch
    {
        TunnelChecksum.Checksum => "csum",
        TunnelChecksum.Remote => "remcsum",
        _ => null,
    };

    /// <summary>Null: there is none.</summary>
    public static string? Address(IPAddressValue address) => address.IsNone ? null : address.ToString();

    /// <summary>An address with its port; IPv6 in brackets.</summary>
    public static string Endpoint(string address, int port) =>
        string.Create(CultureInfo.InvariantCulture, $"{(address.Contains(':', StringComparison.Ordinal) ? $"[{address}]" : address)}:{port}");
}
