using System.Globalization;
using System.Text;
using Vrrp.Daemon.Configuration.Model;

namespace Vrrp.Daemon.Tracking;

/// <summary>A process as the kernel shows it.</summary>
/// <param name="Name">At most 15 octets.</param>
/// <param name="CommandLine">The program's name as it was called, and its arguments; empty for the kernel's own, and when it was not asked for.</param>
internal sealed record ProcessFacts(string Name, IReadOnlyList<string> CommandLine)
{
    private const int LongestName = 15;

    /// <summary>Whether it is what a tracker looks for.</summary>
    public bool IsWanted(ProcessTracker tracker)
    {
        if (!NeedsCommandLine(tracker))
            return Name == tracker.Process;
        if (CommandLine.Count == 0)
            return false;
        // The kernel cuts a long name: the program's own is whole.
        if (CommandLine[0] != tracker.Process && (ComparesCommand(tracker) || Path.GetFileName(CommandLine[0]) != tracker.Process))
            return false;
        int wanted = tracker.Parameters.Length, there = CommandLine.Count - 1;
        if (tracker.Match == ParameterMatch.Default && wanted == 0)
            return true;
        if (tracker.Match == ParameterMatch.Partial ? there < wanted : there != wanted)
            return false;
        for (int i = 0; i < wanted; i++)
        {
            bool mayBeLonger = tracker.Match == ParameterMatch.Initial && i == wanted - 1;
            if (mayBeLonger ? !CommandLine[i + 1].StartsWith(tracker.Parameters[i], StringComparison.Ordinal) : CommandLine[i + 1] != tracker.Parameters[i])
                return false;
        }

        return true;
    }

    /// <summary>Whether the name alone does not tell.</summary>
    public static bool NeedsCommandLine(ProcessTracker tracker) =>
        ComparesCommand(tracker) || Encoding.UTF8.GetByteCount(tracker.Process) > LongestName;

    private static bool ComparesCommand(ProcessTracker tracker) =>
        tracker.FullCommand || !tracker.Parameters.IsEmpty || tracker.Match != ParameterMatch.Default;
}

/// <summary>The processes of this host, from /proc. A process that is gone while it is read is not there.</summary>
internal sealed class ProcessFiles(string root = "/proc")
{
    private const int LongestCommandLine = 16 * 1024;
    private const int ENOMEM = 12;
    private const int ENFILE = 23;
    private const int EMFILE = 24;

    public IEnumerable<int> List()
    {
        foreach (string directory in Directory.EnumerateDirectories(root))
        {
            if (int.TryParse(Path.GetFileName(directory.AsSpan()), NumberStyles.None, CultureInfo.InvariantCulture, out int id))
                yield return id;
        }
    }

    /// <summary>Reads what is to be known of one; null when it is gone, or dead and not yet buried.</summary>
    /// <exception cref="IOException">This process is out of descriptors, or the host of them or of memory.</exception>
    public ProcessFacts? Read(int id, bool withCommandLine = true)
    {
        try
        {
            // ID (NAME) STATE and numbers; a name may hold anything.
            string status = ReadText(id, "stat");
            int open = status.IndexOf('('), close = status.LastIndexOf(')');
            if (open < 0 || close < open)
                return null;
            if (status.AsSpan(close + 1).TrimStart() is ['Z' or 'X', ..])
                return null;
            string command = withCommandLine ? ReadText(id, "cmdline") : "";
            return new(status[(open + 1)..close], command.Length == 0 ? [] : command.TrimEnd('\0').Split('\0'));
        }
        catch (Exception exception) when (exception is IOException { HResult: not (ENOMEM or ENFILE or EMFILE) } or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private string ReadText(int id, string name)
    {
        using var file = File.OpenHandle(Path.Combine(root, id.ToString(CultureInfo.InvariantCulture), name));
        var buffer = new byte[1024];
        int length = 0;
        while (RandomAccess.Read(file, buffer.AsSpan(length), length) is > 0 and var read)
        {
            length += read;
            if (length == LongestCommandLine)
                break;
            if (length == buffer.Length)
                Array.Resize(ref buffer, buffer.Length * 4);
        }

        return Encoding.UTF8.GetString(buffer, 0, length);
    }
}
