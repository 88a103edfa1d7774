using System.Text;
using Vrrp.Daemon.Configuration.Model;

namespace Vrrp.Daemon.Configuration;

internal enum FileKind
{
    Missing,
    Regular,

    /// <summary>keepalived skips a file with any execute bit: it could be a program named by mistake.</summary>
    Executable,
    Directory,

    /// <summary>A device, socket or pipe.</summary>
    Special,
}

/// <summary>What the loader asks of a file system; tests bring their own.</summary>
internal interface IConfigurationFiles
{
    FileKind GetKind(string path);

    /// <summary>Content, or null with the reason why it cannot be read.</summary>
    byte[]? Read(string path, int limit, out string? problem);

    /// <summary>Names in a directory; empty when it cannot be listed.</summary>
    IReadOnlyList<string> List(string directory);
}

/// <summary>The file system of this host.</summary>
internal sealed class HostFiles : IConfigurationFiles
{
    public static HostFiles Instance { get; } = new();

    public FileKind GetKind(string path)
    {
        try
        {
            if (Directory.Exists(path))
                return FileKind.Directory;
            var info = new FileInfo(path);
            if (!info.Exists)
                return FileKind.Missing;
            var target = info.LinkTarget is null ? info : info.ResolveLinkTarget(returnFinalTarget: true) as FileInfo ?? info;
            if ((target.Attributes & FileAttributes.Device) != 0)
                return FileKind.Special;
            const UnixFileMode execute = UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;
            return (target.UnixFileMode & execute) != 0 ? FileKind.Executable : FileKind.Regular;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return FileKind.Missing;
        }
    }

    public byte[]? Read(string path, int limit, out string? problem)
    {
        try
        {
            using var file = File.OpenRead(path);
            using var content = new MemoryStream();
            Span<byte> buffer = stackalloc byte[4096];
            while (file.Read(buffer) is var count and > 0)
            {
                if (content.Length + count > limit)
                {
                    problem = $"it is larger than {limit / (1024 * 1024)} MiB";
                    return null;
                }

                content.Write(buffer[..count]);
            }

            problem = null;
            return content.ToArray();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            problem = e switch
            {
                UnauthorizedAccessException => "permission denied",
                FileNotFoundException or DirectoryNotFoundException => "there is no such file",
                _ => e.Message,
            };
            return null;
        }
    }

    public IReadOnlyList<string> List(string directory)
    {
        try
        {
            return [.. Directory.EnumerateFileSystemEntries(directory).Select(p => Path.GetFileName(p))];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return [];
        }
    }
}

/// <summary>How a configuration is read.</summary>
internal sealed record LoadOptions
{
    /// <summary>What <c>@ID</c> lines compare with. Null: the host name up to its first dot.</summary>
    public string? ConfigId { get; init; }

    /// <summary>Seed of <c>${_RANDOM}</c>. Null: different at each load.</summary>
    public int? RandomSeed { get; init; }

    /// <summary>Treat plain includes as strictly as includea (<c>-e</c>).</summary>
    public bool StrictIncludes { get; init; }

    /// <summary>The host on which scripts would run; null: whether they could is not asked.</summary>
    public IScriptHost? Scripts { get; init; }
}

/// <summary>What the loader asks of a host that is to run scripts; tests bring their own.</summary>
internal interface IScriptHost
{
    /// <summary>Whether there is an account for scripts that name no user.</summary>
    bool HasDefaultUser { get; }

    /// <summary>What is in the way of a script, as a clause; null: nothing.</summary>
    /// <param name="command">The script.</param>
    /// <param name="isSecure">With <c>enable_script_security</c>.</param>
    string? FindProblem(ScriptCommand command, bool isSecure);
}

/// <summary>Bytes to text such that a password can be turned back into the same bytes.</summary>
internal static class ConfigurationEncoding
{
    private static readonly UTF8Encoding s_strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    public static (string Text, Encoding Encoding) Decode(byte[] content)
    {
        try
        {
            return (s_strict.GetString(content), s_strict);
        }
        catch (DecoderFallbackException)
        {
            return (Encoding.Latin1.GetString(content), Encoding.Latin1);
        }
    }
}
