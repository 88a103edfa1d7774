using System.CommandLine;
using System.Text.Json;
using Vrrp.Daemon.Hosting;
using Vrrp.Daemon.Ipvs;
using Vrrp.Daemon.Status;
using Vrrp.Linux;

namespace Vrrp.Daemon.Commands;

/// <summary><c>vrrp ipvs</c>: the kernel's table of virtual services, with the health that the running daemon knows.</summary>
internal static class IpvsCommand
{
    public const int NoIpvs = 3;

    public static Command Create()
    {
        var stats = new Option<bool>("--stats") { Description = "Counters: connections, packets and bytes, in and out." };
        var rate = new Option<bool>("--rate") { Description = "The same a second, over the last few seconds." };
        var thresholds = new Option<bool>("--thresholds") { Description = "Limits on connections." };
        var persistent = new Option<bool>("--persistent-conn") { Description = "Clients that are bound to a server." };
        var json = new Option<bool>("--json") { Description = "Print all of it as one JSON document." };
        var socket = new Option<string>("--status-socket")
        {
            Description = $"Status socket of the daemon, beside its pid file; '{StatusSocket.None}' to ask no daemon.",
            HelpName = "PATH",
            DefaultValueFactory = _ => StatusSocket.DefaultPath,
        };
        var command = new Command("ipvs", """
            List the kernel's virtual services and their real servers, with counters and rates as ipvsadm has them, numbers in full, and the
            health that the running daemon knows. Changes nothing. Without a daemon health is unknown, the rest is there.

            A real server that is down and was taken out of the table is shown with -- instead of ->.

            Exit status: 0 listed, 1 bad command line, 3 the kernel has no IPVS, 4 CAP_NET_ADMIN is missing, 70 the kernel's answer makes no sense.
            """)
        {
            stats, rate, thresholds, persistent, json, socket,
        };
        command.SetAction(parsed =>
        {
            var columns = (parsed.GetValue(stats) ? IpvsColumns.Totals : 0)
                | (parsed.GetValue(rate) ? IpvsColumns.Rates : 0)
                | (parsed.GetValue(thresholds) ? IpvsColumns.Thresholds : 0)
                | (parsed.GetValue(persistent) ? IpvsColumns.PersistentConnections : 0);
            return Run(columns, parsed.GetValue(json), parsed.GetValue(socket)!, parsed.InvocationConfiguration.Output, parsed.InvocationConfiguration.Error);
        });
        return command;
    }

    private static int Run(IpvsColumns columns, bool json, string socketPath, TextWriter output, TextWriter error)
    {
        try
        {
            Capabilities.Demand("read the IPVS table", Capability.NetAdmin);
            var report = Read(socketPath);
            output.Write(json ? JsonSerializer.Serialize(report, StatusJson.Indented.IpvsReport) + "\n" : IpvsText.Of(report, columns, TimeProvider.System.GetUtcNow()));
            return ExitCode.Success;
        }
        catch (IpvsUnavailableException exception)
        {
            error.WriteLine($"error: {exception.Message} Load it with 'modprobe ip_vs', or use a kernel that has it (CONFIG_IP_VS).");
            return NoIpvs;
        }
        catch (Exception exception) when (ExitCode.Of(exception) is { } status)
        {
            error.WriteLine($"error: {exception.Message}");
            return status;
        }
    }

    private static IpvsReport Read(string socketPath)
    {
        using var table = NetlinkIpvsTable.Open();
        var (health, director) = Ask(socketPath);
        return IpvsReport.Create(table.ReadInfo(), table.ReadTimeouts(), table.ReadSyncDaemons(), table.Read(), health, director);
    }

    private static (HealthSource Health, DirectorReport? Director) Ask(string socketPath)
    {
        if (socketPath == StatusSocket.None)
            return (new() { Socket = null, ProcessId = null, Problem = "no daemon was asked" }, null);
        try
        {
            var report = StatusClient.Get(socketPath, StatusDocuments.Ipvs, StatusJson.Compact.DirectorReport);
            return report.NetworkNamespace == StatusDocuments.NetworkNamespaceName()
                ? (new() { Socket = socketPath, ProcessId = report.ProcessId, Problem = report.Problem }, report)
                : (Unknown(FormattableString.Invariant($"the vrrp at {socketPath} (process {report.ProcessId}) works in another network namespace")), null);
        }
        catch (IOException exception)
        {
            return (Unknown(exception.Message), null);
        }

        HealthSource Unknown(string problem) => new() { Socket = socketPath, ProcessId = null, Problem = problem };
    }
}
