using Vrrp.Daemon.Configuration;

namespace Vrrp.Tests.Fuzzing.Targets;

/// <summary>
/// A file system around one configuration: parts to include, one that includes itself, one that nobody may read, one that is executable,
/// a device, and a maze in which every directory holds the same directories again.
/// </summary>
internal sealed class FuzzFiles(byte[] main) : IConfigurationFiles
{
    public const string MainPath = "/etc/main.conf";

    private static readonly Dictionary<string, byte[]?> s_files = new(StringComparer.Ordinal)
    {
        ["/etc/part.conf"] = "$A=x y\nglobal_defs {\nrouter_id part\n}\n"u8.ToArray(),
        ["/etc/loop.conf"] = "include loop.conf\n"u8.ToArray(),
        ["/etc/latin1.conf"] = [.. "vrrp_instance "u8, 0xE9, .. " {\nauthentication {\nauth_pass p"u8, 0xE4, .. "ss\n}\n}\n"u8],
        ["/etc/secret.conf"] = null,
        ["/etc/run.conf"] = "router_id x\n"u8.ToArray(),
        ["/etc/conf.d/a.conf"] = "vrrp_script chk {\nscript \"/bin/true\"\n}\n"u8.ToArray(),
        ["/etc/conf.d/b.conf"] = "$B=1\\\n2\\\n3\n"u8.ToArray(),
        ["/etc/conf.d/.hidden.conf"] = "}\n"u8.ToArray(),
    };

    public FileKind GetKind(string path) => path switch
    {
        MainPath => FileKind.Regular,
        "/etc/run.conf" => FileKind.Executable,
        "/dev/zero" => FileKind.Special,
        "/etc" or "/etc/" or "/etc/conf.d" => FileKind.Directory,
        _ when s_files.ContainsKey(path) => FileKind.Regular,
        _ when IsMaze(path) => FileKind.Directory,
        _ => FileKind.Missing,
    };

    public byte[]? Read(string path, int limit, out string? problem)
    {
        byte[]? content = path == MainPath ? main : s_files.GetValueOrDefault(path);
        problem = content is null ? "permission denied" : content.Length > limit ? "it is too large" : null;
        return problem is null ? content : null;
    }

    public IReadOnlyList<string> List(string directory) => directory switch
    {
        "/etc/conf.d" => ["b.conf", "a.conf", ".hidden.conf"],
        "/etc" or "/etc/" => ["conf.d", "maze", "part.conf", "loop.conf", "secret.conf", "run.conf", "latin1.conf"],
        _ when IsMaze(directory) => ["left", "right"],
        _ => [],
    };

    private static bool IsMaze(string path) => path.StartsWith("/etc/maze", StringComparison.Ordinal) && path.Split('/').Skip(3).All(part => part is "left" or "right");
}
