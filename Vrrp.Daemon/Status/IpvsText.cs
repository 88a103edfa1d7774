using System.Collections.Immutable;
using System.Globalization;
using System.Numerics;
using System.Text;

namespace Vrrp.Daemon.Status;

/// <summary>Which columns to print.</summary>
[Flags]
internal enum IpvsColumns
{
    /// <summary>The most telling of each kind.</summary>
    Overview = 0,

    /// <summary>Counters.</summary>
    Totals = 1,

    /// <summary>Rates a second.</summary>
    Rates = 2,

    /// <summary>Limits on connections, with those there are.</summary>
    Thresholds = 4,

    /// <summary>Clients that are bound to a server, with the connections there are.</summary>
    PersistentConnections = 8,
}

/// <summary>The table as text, laid out as operators know it from ipvsadm, numbers in full. Pure.</summary>
internal static class IpvsText
{
    private sealed record Column(string Name, Func<DestinationReport, string> Destination, Func<ServiceReport, string>? Service = null);

    private sealed record Line(string Start, ImmutableArray<string> Cells, string End);

    private static readonly Column s_forward = new("Forward", destination => ForwardingName(destination));
    private static readonly Column s_weight = new("Weight", destination => Number(destination.Weight));
    private static readonly Column s_active = new("ActiveConn", destination => Number(destination.ActiveConnections));
    private static readonly Column s_inactive = new("InActConn", destination => Number(destination.InactiveConnections));
    private static readonly Column s_persistent = new("PersistConn", destination => Number(destination.PersistentConnections));
    private static readonly Column s_upper = new("Uthreshold", destination => Number(destination.UpperThreshold));
    private static readonly Column s_lower = new("Lthreshold", destination => Number(destination.LowerThreshold));
    private static readonly Column s_connections = Counter("Conns", false, counters => counters.Connections);
    private static readonly Column s_connectionRate = Counter("CPS", true, counters => counters.Connections);
    private static readonly Column s_incomingByteRate = Counter("InBPS", true, counters => counters.IncomingBytes);
    private static readonly Column s_outgoingByteRate = Counter("OutBPS", true, counters => counters.OutgoingBytes);

    private static readonly Column[] s_overview =
        [s_forward, s_weight, s_active, s_inactive, s_connections, s_connectionRate, s_incomingByteRate, s_outgoingByteRate];

    private static readonly Column[] s_totals =
    [
        s_connections,
        Counter("InPkts", false, counters => counters.IncomingPackets),
        Counter("OutPkts", false, counters => counters.OutgoingPackets),
        Counter("InBytes", false, counters => counters.IncomingBytes),
        Counter("OutBytes", false, counters => counters.OutgoingBytes),
    ];

    private static readonly Column[] s_rates =
    [
        s_connectionRate,
        Counter("InPPS", true, counters => counters.IncomingPackets),
        Counter("OutPPS", true, counters => counters.OutgoingPackets),
        s_incomingByteRate,
        s_outgoingByteRate,
    ];

    /// <summary>The whole table.</summary>
    /// <param name="report">What to print.</param>
    /// <param name="wanted">Which columns.</param>
    /// <param name="now">The time, for how long servers are up or down.</param>
    public static string Of(IpvsReport report, IpvsColumns wanted, DateTimeOffset now)
    {
        var columns = Columns(wanted);
        bool hasHealth = report.Health.ProcessId is not null;
        var lines = new List<Line>
        {
            new("Prot LocalAddress:Port", [.. columns.Select(column => column.Service is null ? "" : column.Name)], "Scheduler Flags" + (hasHealth ? ", Quorum" : "")),
            new("  -> RemoteAddress:Port", [.. columns.Select(column => column.Service is null ? column.Name : "")], hasHealth ? "Health" : ""),
        };
        foreach (var service in report.Services)
        {
            lines.Add(new(Name(service.Name), [.. columns.Select(column => column.Service?.Invoke(service) ?? "")], Describe(service)));
            foreach (var destination in service.Destinations)
            {
                lines.Add(new(
                    "  -> " + ReportText.Endpoint(destination.Address, destination.Port),
                    [.. columns.Select(column => column.Destination(destination))],
                    hasHealth ? Describe(destination.Health, now) : ""));
            }

            foreach (var absent in service.AbsentServers)
                lines.Add(new("  -- " + ReportText.Endpoint(absent.Address, absent.Port), [.. columns.Select(_ => "")], Describe(absent, now, isAbsent: true)));
        }

        var text = new StringBuilder(Head(report));
        Write(text, lines, columns);
        foreach (var missing in report.MissingServices)
            text.Append(CultureInfo.InvariantCulture, $"{Name(missing.Name)} is not in the table (virtual_server {missing.VirtualServer})\n");
        return text.ToString();
    }

    private static Column[] Columns(IpvsColumns wanted)
    {
        var columns = new List<Column>();
        if (wanted == IpvsColumns.Overview)
            columns.AddRange(s_overview);
        if (wanted.HasFlag(IpvsColumns.Thresholds))
            columns.AddRange([s_upper, s_lower, s_active, s_inactive]);
        if (wanted.HasFlag(IpvsColumns.PersistentConnections))
            columns.AddRange([s_weight, s_persistent, s_active, s_inactive]);
        if (wanted.HasFlag(IpvsColumns.Totals))
            columns.AddRange(s_totals);
        if (wanted.HasFlag(IpvsColumns.Rates))
            columns.AddRange(s_rates);
        return [.. columns.Distinct()];
    }

    private static string Head(IpvsReport report)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"IP Virtual Server version {report.Version} (size={report.ConnectionTableSize})\n");
        var timeouts = report.Timeouts;
        text.Append(CultureInfo.InvariantCulture, $"Timeout (tcp tcpfin udp): {timeouts.Tcp} {timeouts.TcpFin} {timeouts.Udp}\n");
        foreach (var daemon in report.SyncDaemons)
        {
            text.Append(
                CultureInfo.InvariantCulture,
                $"{daemon.Role} sync daemon (mcast={daemon.Interface}, syncid={daemon.Id}, maxlen={daemon.MaximumLength}, group={daemon.Group ?? "none"}, port={daemon.Port}, ttl={daemon.Ttl})\n");
        }

        text.Append(report.Health switch
        {
            { ProcessId: { } process, Problem: { } problem } => FormattableString.Invariant($"Health: as vrrp (process {process}) knows it, which cannot reach the table: {problem}\n"),
            { ProcessId: { } process } => FormattableString.Invariant($"Health: as vrrp (process {process}) knows it\n"),
            _ => $"Health: unknown: {report.Health.Problem}\n",
        });
        return text.Append('\n').ToString();
    }

    private static void Write(StringBuilder text, List<Line> lines, Column[] columns)
    {
        int start = lines.Max(line => line.Start.Length);
        int[] widths = [.. columns.Select((_, column) => lines.Max(line => line.Cells[column].Length))];
        foreach (var line in lines)
        {
            int begin = text.Length;
            text.Append(line.Start.PadRight(start));
            for (int column = 0; column < columns.Length; column++)
            {
                text.Append(' ');
                // Words to the left, numbers to the right.
                text.Append(columns[column] == s_forward ? line.Cells[column].PadRight(widths[column]) : line.Cells[column].PadLeft(widths[column]));
            }

            if (line.End.Length > 0)
                text.Append("  ").Append(line.End);
            int end = text.Length;
            while (end > begin && text[end - 1] == ' ')
                end--;
            text.Length = end;
            text.Append('\n');
        }
    }

    private static Column Counter(string name, bool isRate, Func<CountersReport, ulong> read) => new(
        name,
        destination => Number(read(isRate ? destination.Rates : destination.Totals)),
        service => Number(read(isRate ? service.Rates : service.Totals)));

    private static string Number<T>(T value)
        where T : INumber<T> => value.ToString(null, CultureInfo.InvariantCulture);

    private static string Name(ServiceName name) => name.FirewallMark is { } mark
        ? FormattableString.Invariant($"FWM  {mark}{(name.Family == "ipv6" ? " IPv6" : "")}")
        : $"{name.Protocol!.ToUpperInvariant(),-4} {ReportText.Endpoint(name.Address!, name.Port!.Value)}";

    private static string ForwardingName(DestinationReport destination) => destination.Forwarding switch
    {
        ReportText.Masquerade => "Masq",
        "local" => "Local",
        "tunnel" when destination.Tunnel is { } tunnel and not "ipip" => FormattableString.Invariant(
            $"Tunnel-{tunnel}{(destination.TunnelPort is { } port ? $":{port}" : "")}{(destination.TunnelChecksum is { } checksum ? $"-{checksum}" : "")}"),
        "tunnel" => "Tunnel",
        _ => "Route",
    };

    private static string Describe(ServiceReport service)
    {
        var text = new StringBuilder(service.Scheduler);
        string[] schedulerFlags = [.. service.Flags.Where(flag => flag != "ops").Select(flag => SchedulerFlag(service.Scheduler, flag))];
        if (schedulerFlags.Length > 0)
            text.Append(" (").AppendJoin(',', schedulerFlags).Append(')');
        if (service.PersistenceTimeout is { } timeout)
        {
            text.Append(CultureInfo.InvariantCulture, $" persistent {timeout}");
            if (service.PersistencePrefix is { } prefix && prefix != (service.Name.Family == "ipv6" ? 128 : 32))
                text.Append(" mask ").Append(Mask(service.Name.Family, prefix));
        }

        if (service.PersistenceEngine is { } engine)
            text.Append(" pe ").Append(engine);
        if (service.Flags.Contains("ops"))
            text.Append(" ops");
        if (service.HasQuorum is { } hasQuorum)
            text.Append(CultureInfo.InvariantCulture, $", {(hasQuorum ? "quorum" : "NO QUORUM")} (weight {service.LiveWeight} of {service.Quorum})");
        return text.ToString();
    }

    // The kernel's numbers mean the same for both: hash the port too, and look further when the choice cannot serve.
    private static string SchedulerFlag(string scheduler, string flag) => (scheduler, flag) switch
    {
        ("sh" or "mh", "flag-1") => $"{scheduler}-fallback",
        ("sh" or "mh", "flag-2") => $"{scheduler}-port",
        _ => flag,
    };

    private static string Mask(string family, int prefix) => family == "ipv6"
        ? Number(prefix)
        : IPAddressValue.FromIPv4(prefix == 0 ? 0 : uint.MaxValue << (32 - prefix)).ToString();

    private static string Describe(DestinationHealth health, DateTimeOffset now, bool isAbsent = false)
    {
        switch (health.State)
        {
            case DestinationHealth.Sorry:
                return "sorry server";
            case DestinationHealth.Foreign:
                return "foreign";
            case DestinationHealth.Unknown:
                return "unknown";
        }

        var text = new StringBuilder(health.State);
        if (health.Since is { } since)
            text.Append(" for ").Append(Duration(now - since));
        if (isAbsent)
            text.Append(", not in the table");
        if (health.Checks.IsEmpty)
            return text.Append(", not checked").ToString();
        if (health.Checks.All(check => check.LastProbe is null))
            text.Append(", not probed yet");
        foreach (var check in health.Checks.Where(check => check.LastError is not null))
            text.Append(CultureInfo.InvariantCulture, $"; {check.Kind}: {Printable(check.LastError!)}");
        return text.ToString();
    }

    // What a target answered may be in it.
    private static string Printable(string text) =>
        text.Any(char.IsControl) ? string.Concat(text.Select(c => char.IsControl(c) ? '?' : c)) : text;

    /// <summary>The two largest units: <c>3d 4h</c>, <c>5m 3s</c>, <c>12s</c>.</summary>
    public static string Duration(TimeSpan time)
    {
        if (time < TimeSpan.Zero)
            time = TimeSpan.Zero;
        return time switch
        {
            { TotalDays: >= 1 } => FormattableString.Invariant($"{(int)time.TotalDays}d {time.Hours}h"),
            { TotalHours: >= 1 } => FormattableString.Invariant($"{time.Hours}h {time.Minutes}m"),
            { TotalMinutes: >= 1 } => FormattableString.Invariant($"{time.Minutes}m {time.Seconds}s"),
            _ => FormattableString.Invariant($"{time.Seconds}s"),
        };
    }
}
