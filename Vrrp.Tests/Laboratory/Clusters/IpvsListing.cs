using System.Globalization;

namespace Vrrp.Tests.LaboratoryMachine.Clusters;

/// <summary>What ipvsadm lists: an independent reader of the kernel's table.</summary>
internal static class IpvsListing
{
    /// <summary>
    /// The table of <c>ipvsadm -Ln</c> without its headings and counters, sorted: "TCP 10.0.0.1:80 wrr", then "-> 10.0.0.2:80 Route 2" for each of
    /// its destinations.
    /// </summary>
    public static string Table(string listing) => string.Join('\n', Services(listing)
        .Select(service => (Line: string.Join(' ', service.Service), Destinations: service.Destinations.Select(words => string.Join(' ', words[..4]))))
        .OrderBy(service => service.Line, StringComparer.Ordinal)
        .SelectMany(service => (string[])[service.Line, .. service.Destinations.Order(StringComparer.Ordinal)]));

    /// <summary>From <c>ipvsadm -Ln --stats --exact</c>: the connections of each service and destination.</summary>
    public static IReadOnlyDictionary<string, long> Connections(string listing) => Services(listing)
        .SelectMany(service => service.Destinations.Prepend(service.Service))
        .ToDictionary(words => words[1], words => long.Parse(words[2], CultureInfo.InvariantCulture));

    /// <summary>The same text with the indentation and the order of this class's own.</summary>
    public static string Normalize(string table) => string.Join('\n', table.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries));

    private static List<(string[] Service, List<string[]> Destinations)> Services(string listing)
    {
        List<(string[] Service, List<string[]> Destinations)> services = [];
        foreach (string line in listing.Split('\n'))
        {
            string[] words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (words is ["TCP" or "UDP" or "SCTP" or "FWM", ..])
                services.Add((words, []));
            else if (words is ["->", var address, ..] && address != "RemoteAddress:Port")
                services[^1].Destinations.Add(words);
        }

        return services;
    }
}
