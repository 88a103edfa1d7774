using System.Globalization;
using Microsoft.Extensions.Logging;

namespace Vrrp.Daemon.Ipvs;

/// <summary>
/// The services and destinations this daemon may have put into the kernel, in a file beside the pid file: the kernel keeps no marks on
/// them. After a SIGKILL the next start knows by it what is its own to correct or remove.
/// </summary>
internal sealed class IpvsLedger(string path, ILogger logger)
{
    private const int MaxLines = 1_000_000;

    private string? _toldProblem;
    private (IpvsOwnership Ours, long Version) _written;

    /// <summary>What an earlier process left in the file.</summary>
    public IpvsOwnership Read()
    {
        var ours = new IpvsOwnership();
        try
        {
            // Lines that are not ours to understand are skipped: a wrong one must not remove an entry.
            foreach (string line in File.ReadLines(path).Take(MaxLines))
                Parse(line, ours);
        }
        catch (Exception exception) when (exception is FileNotFoundException or DirectoryNotFoundException)
        {
            return ours;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            IpvsLog.LedgerFailed(logger, path, exception.Message);
        }

        return ours;
    }

    /// <summary>Before entries are made, and after they are gone.</summary>
    public void Write(IpvsOwnership ours)
    {
        if (_written == (ours, ours.Version))
            return;
        try
        {
            string next = path + ".new";
            var options = new FileStreamOptions
            {
                Mode = FileMode.Create,
                Access = FileAccess.Write,
                UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
            };
            using (var writer = new StreamWriter(next, options))
                writer.Write(Format(ours));
            File.Move(next, path, overwrite: true);
            _written = (ours, ours.Version);
            _toldProblem = null;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            if (_toldProblem != exception.Message)
                IpvsLog.LedgerFailed(logger, path, exception.Message);
            _toldProblem = exception.Message;
        }
    }

    /// <summary>After a clean stop nothing is left to be found.</summary>
    public void Delete()
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            IpvsLog.LedgerFailed(logger, path, exception.Message);
        }
    }

    internal static string Format(IpvsOwnership ours)
    {
        var lines = new List<string>();
        foreach (var service in ours.Services)
        {
            string name = Format(service);
            lines.Add(name);
            foreach (var destination in ours.Destinations(service))
                lines.Add(string.Create(CultureInfo.InvariantCulture, $"{name} {destination.Address} {destination.Port}"));
        }

        lines.Sort(StringComparer.Ordinal);
        return string.Concat(lines.Select(line => line + "\n"));
    }

    internal static void Parse(string line, IpvsOwnership ours)
    {
        string[] words = line.Split(' ');
        if (words.Length is not (3 or 5) || ParseService(words) is not { } service)
            return;
        if (words.Length == 3)
            ours.Add(service);
        else if (IPAddressValue.TryParse(words[3], out var address) && ParsePort(words[4]) is { } port)
            ours.Add(service, new(address, port));
    }

    // "fwmark 5 IPv4" or "tcp 10.0.0.1 80": three words either way.
    private static string Format(ServiceKey service) => service.FirewallMark != 0
        ? string.Create(CultureInfo.InvariantCulture, $"fwmark {service.FirewallMark} {service.Family}")
        : string.Create(CultureInfo.InvariantCulture, $"{ServiceKey.ProtocolName(service.Protocol)} {service.Address} {service.Port}");

    private static ServiceKey? ParseService(string[] words)
    {
        if (words[0] == "fwmark")
        {
            return uint.TryParse(words[1], NumberStyles.None, CultureInfo.InvariantCulture, out uint mark) && mark != 0
                && words[2] is ("IPv4" or "IPv6")
                ? ServiceKey.ByMark(mark, words[2] == "IPv4" ? IPFamily.IPv4 : IPFamily.IPv6) : null;
        }

        TransportProtocol? protocol = words[0] switch
        {
            "tcp" => TransportProtocol.Tcp,
            "udp" => TransportProtocol.Udp,
            "sctp" => TransportProtocol.Sctp,
            _ => null,
        };
        return protocol is { } known && IPAddressValue.TryParse(words[1], out var address) && ParsePort(words[2]) is { } port
            ? ServiceKey.ByAddress(known, address, port) : null;
    }

    private static ushort? ParsePort(string word) =>
        ushort.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out ushort port) ? port : null;
}
