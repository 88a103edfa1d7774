using System.Globalization;
using System.Net.NetworkInformation;
using Microsoft.Extensions.Logging;

namespace Vrrp.Daemon.Failover;

/// <summary>
/// The addresses this daemon may have put on interfaces, in a file beside the pid file. After a SIGKILL the next start finds by it what is
/// no longer configured, and, on a kernel that keeps no marks (before 5.18), what is ours at all. What was there before us is never in it.
/// </summary>
internal sealed class AddressLedger(string path, ILogger logger)
{
    private const int MaxLines = 100_000;
    private const int MaxOctets = 8 * 1024 * 1024;

    private HashSet<string> _ours = new(StringComparer.Ordinal);
    private bool _isWritten = true;

    /// <summary>What an earlier process left in the file.</summary>
    public IReadOnlyList<VirtualAddress> Read()
    {
        try
        {
            if (new FileInfo(path).Length > MaxOctets)
            {
                FailoverLog.LedgerFailed(logger, path, "it is larger than any record of ours");
                return [];
            }

            // Lines that are not ours to understand are skipped: a wrong one must not remove an address.
            return [.. File.ReadLines(path).Take(MaxLines).Select(Parse).OfType<VirtualAddress>()];
        }
        catch (Exception exception) when (exception is FileNotFoundException or DirectoryNotFoundException)
        {
            return [];
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            FailoverLog.LedgerFailed(logger, path, exception.Message);
            return [];
        }
    }

    /// <summary>Before addresses are installed: notes those that nobody else has put there.</summary>
    public void Write(IEnumerable<VirtualAddress> wanted)
    {
        var present = Present();
        var ours = wanted.Select(Format).Where(line => _ours.Contains(line) || !present.Contains(line)).ToHashSet(StringComparer.Ordinal);
        if (_isWritten && ours.SetEquals(_ours))
            return;
        _ours = ours;
        _isWritten = false;
        string next = path + ".new";
        try
        {
            var options = new FileStreamOptions
            {
                Mode = FileMode.Create,
                Access = FileAccess.Write,
                UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
            };
            using (var writer = new StreamWriter(next, options))
            {
                foreach (string line in ours.Order(StringComparer.Ordinal))
                    writer.WriteLine(line);
            }

            File.Move(next, path, overwrite: true);
            _isWritten = true;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            FailoverLog.LedgerFailed(logger, path, exception.Message);
            // On a full disk it holds a part of the space that the next attempt needs.
            if (File.Exists(next))
                Delete(next);
        }
    }

    /// <summary>After a clean stop nothing is left to be found.</summary>
    public void Delete() => Delete(path);

    private void Delete(string file)
    {
        try
        {
            File.Delete(file);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            FailoverLog.LedgerFailed(logger, path, exception.Message);
        }
    }

    internal static string Format(VirtualAddress address) =>
        string.Create(CultureInfo.InvariantCulture, $"{address.Interface} {address.Address}/{address.PrefixLength}");

    internal static VirtualAddress? Parse(string line)
    {
        string[] words = line.Split(' ');
        if (words.Length != 2 || words[0].Length is 0 or > 15)
            return null;
        string[] parts = words[1].Split('/');
        return parts.Length == 2
            && IPAddressValue.TryParse(parts[0], out var address)
            && byte.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out byte prefix)
            && prefix <= address.Length * 8
            ? new VirtualAddress { Address = address, PrefixLength = prefix, Interface = words[0] } : null;
    }

    private static HashSet<string> Present() =>
    [
        .. from card in NetworkInterface.GetAllNetworkInterfaces()
           from unicast in card.GetIPProperties().UnicastAddresses
           select string.Create(
               CultureInfo.InvariantCulture, $"{card.Name} {IPAddressValue.From(unicast.Address)}/{unicast.PrefixLength}"),
    ];
}
