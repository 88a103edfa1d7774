namespace Vrrp.Daemon.Failover;

/// <summary>The file in which keepalived leaves its statistics: <c>keepalived.stats</c> in /tmp, or in $TMPDIR.</summary>
internal static class StatisticsFile
{
    public static string DefaultPath => Path.Combine(Path.GetTempPath(), "keepalived.stats");

    /// <summary>Puts a new file in the place of what has that name. Everyone may write to /tmp: no link is followed, no file of others is written to.</summary>
    /// <exception cref="IOException">It cannot be written, or a directory has the name.</exception>
    /// <exception cref="UnauthorizedAccessException">The directory is not ours to write.</exception>
    public static void Write(string path, string text)
    {
        string next = $"{path}.{Path.GetRandomFileName()}";
        var options = new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.Write,
            UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
        };
        using (var writer = new StreamWriter(next, options))
            writer.Write(text);
        try
        {
            File.Move(next, path, overwrite: true);
        }
        catch
        {
            File.Delete(next);
            throw;
        }
    }
}
