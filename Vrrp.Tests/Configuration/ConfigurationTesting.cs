using System.Text;
using Vrrp.Daemon.Configuration;
using Vrrp.Daemon.Configuration.Diagnostics;
using Vrrp.Daemon.Configuration.Model;

namespace Vrrp.Tests.Configuration;

/// <summary>Short ways to a configuration and its findings.</summary>
internal static class ConfigurationTesting
{
    /// <summary>That there is nothing to run: true of most fragments, and of interest in none.</summary>
    private const string NothingToRun = "VRRP0015";

    public static LoadResult Load(string text, string configId = "host", MemoryFiles? files = null)
    {
        var result = ConfigLoader.LoadText(text.ReplaceLineEndings("\n"), "/etc/test.conf", new() { ConfigId = configId, RandomSeed = 1 }, files ?? new MemoryFiles());
        return result with { Diagnostics = result.Diagnostics.RemoveAll(finding => finding.Code == NothingToRun) };
    }

    /// <summary>Loads a whole file that must have no errors.</summary>
    public static DaemonConfig Config(string text)
    {
        var result = Load(text);
        Assert.True(result.Config is not null, DiagnosticPrinter.ToText(result.Diagnostics));
        return result.Config;
    }

    /// <summary>An instance that is complete but for the given lines.</summary>
    public static string InstanceText(string lines, string globals = "") => $$"""
        global_defs {
        {{globals}}
        }
        vrrp_instance V {
        interface eth0
        virtual_router_id 51
        virtual_ipaddress {
        10.0.0.1
        }
        {{lines}}
        }
        """;

    public static VrrpInstance Instance(string lines, string globals = "") => Assert.Single(Config(InstanceText(lines, globals)).Instances);

    public static GlobalDefs Globals(string lines) => Config($"global_defs {{\n{lines}\n}}\n").GlobalDefs;

    /// <summary>Code and place of every finding, as <c>VRRP0104 2:12</c>.</summary>
    public static string[] Findings(LoadResult result) =>
        [.. result.Diagnostics.Select(d => $"{d.Code} {d.Span.Line}:{d.Span.Column}")];

    public static string[] Codes(string text) => [.. Load(text).Diagnostics.Select(d => d.Code)];
}

/// <summary>Files that exist in memory only.</summary>
internal sealed class MemoryFiles : IConfigurationFiles
{
    private readonly Dictionary<string, (byte[]? Content, FileKind Kind)> _files = new(StringComparer.Ordinal);

    public MemoryFiles Add(string path, string content, FileKind kind = FileKind.Regular)
    {
        _files[path] = (Encoding.UTF8.GetBytes(content.ReplaceLineEndings("\n")), kind);
        return this;
    }

    public MemoryFiles AddUnreadable(string path)
    {
        _files[path] = (null, FileKind.Regular);
        return this;
    }

    public FileKind GetKind(string path) =>
        _files.TryGetValue(path, out var file) ? file.Kind
        : _files.Keys.Any(f => f.StartsWith(path.TrimEnd('/') + "/", StringComparison.Ordinal)) ? FileKind.Directory
        : FileKind.Missing;

    public byte[]? Read(string path, int limit, out string? problem)
    {
        byte[]? content = _files.GetValueOrDefault(path).Content;
        problem = content is null ? "permission denied" : null;
        return content;
    }

    public IReadOnlyList<string> List(string directory)
    {
        string prefix = directory.TrimEnd('/') + "/";
        return [.. _files.Keys.Where(f => f.StartsWith(prefix, StringComparison.Ordinal)).Select(f => f[prefix.Length..].Split('/')[0]).Distinct()];
    }
}
