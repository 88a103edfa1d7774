using System.Collections.Immutable;
using Vrrp.Daemon.Configuration.Model;
using Vrrp.Daemon.Ipvs;

namespace Vrrp.Tests.Ipvs;

/// <summary>Virtual servers, services and tables to begin from.</summary>
internal static class DirectorSamples
{
    public static readonly ServiceKey Web = ServiceKey.ByAddress(TransportProtocol.Tcp, IPAddressValue.Parse("10.0.0.254"), 80);

    public static RealServer Real(int number, int weight = 1) => new()
    {
        Address = IPAddressValue.Parse($"10.0.1.{number}"),
        Port = 80,
        Weight = weight,
        Forwarding = new(ForwardingMethod.DirectRoute),
        Checks = [new TcpCheck { Address = IPAddressValue.Parse($"10.0.1.{number}"), Port = 80 }],
    };

    public static VirtualServer Server(params RealServer[] reals) => new()
    {
        Name = Web.ToString(),
        Services = [Web],
        Scheduler = "wrr",
        Forwarding = new(ForwardingMethod.DirectRoute),
        RealServers = [.. reals],
    };

    public static CheckId Check(VirtualServer server, int real, int number = 0) =>
        new(server.Name, DirectorState.KeyOf(server.RealServers[real]), number);

    /// <summary>The kernel's view of what is wanted, once it has been applied.</summary>
    public static IpvsSnapshot Applied(params WantedService[] wanted) => new(
    [
        .. wanted.Select(want => new ServiceEntry(
            want.Service, default, [.. want.Destinations.Select(destination => new DestinationEntry(destination, 0, 0, 0, default))])),
    ]);

    public static IpvsOwnership Own(params WantedService[] wanted)
    {
        var ours = new IpvsOwnership();
        foreach (var want in wanted)
        {
            ours.Add(want.Service.Key);
            foreach (var destination in want.Destinations)
                ours.Add(want.Service.Key, destination.Key);
        }

        return ours;
    }

    public static string Describe(ImmutableArray<IpvsChange> changes) => string.Join(
        "; ",
        changes.Select(change => change.Destination is { } destination
            ? $"{change.Kind} {destination.Key} {destination.Weight}"
            : $"{change.Kind} {change.Service.Key}"));
}
