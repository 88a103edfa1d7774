using System.Globalization;

namespace Vrrp.Benchmarks.Soak;

/// <summary>Follows the log of a daemon as it is written.</summary>
internal sealed class DaemonLog(string path) : IDisposable
{
    private readonly StreamReader _reader = new(new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete));
    private string _begun = "";

    /// <summary>Lines that say that the process did not run.</summary>
    public int Stalls { get; private set; }

    /// <summary>Lines of severity error, but for those of a refused file.</summary>
    public List<string> Errors { get; } = [];

    /// <summary>What has been written since the last call.</summary>
    public List<string> ReadNew()
    {
        List<string> lines = [];
        // What is not ended yet is kept for the next time.
        string text = _begun + _reader.ReadToEnd();
        int end = text.LastIndexOf('\n') + 1;
        _begun = text[end..];
        foreach (string line in text[..end].Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            lines.Add(line);
            if (line.Contains("this process did not run", StringComparison.Ordinal))
                Stalls++;
            else if (line.Contains(" error: ", StringComparison.Ordinal) && !line.Contains("keepalived.conf", StringComparison.Ordinal))
                Errors.Add(line);
        }

        return lines;
    }

    /// <summary>The time that a line begins with.</summary>
    public static DateTime TimeOf(string line) => DateTime.ParseExact(line[..23], "yyyy-MM-dd HH:mm:ss.fff", CultureInfo.InvariantCulture);

    public void Dispose() => _reader.Dispose();
}
