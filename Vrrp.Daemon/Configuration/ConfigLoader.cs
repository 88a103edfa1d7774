using System.Collections.Immutable;
using Vrrp.Daemon.Configuration.Binding;
using Vrrp.Daemon.Configuration.Diagnostics;
using Vrrp.Daemon.Configuration.Model;
using Vrrp.Daemon.Configuration.Syntax;

namespace Vrrp.Daemon.Configuration;

/// <summary>What came of a load.</summary>
/// <param name="Config">Null when there are errors: such a configuration neither starts nor replaces a running one.</param>
/// <param name="Diagnostics">All findings, in the order of the file.</param>
/// <param name="FileRead">Whether the file could be read at all.</param>
internal sealed record LoadResult(DaemonConfig? Config, ImmutableArray<Diagnostic> Diagnostics, bool FileRead)
{
    public int Count(DiagnosticSeverity severity) => Diagnostics.Count(d => d.Severity == severity);
}

/// <summary>Path in; configuration and diagnostics out. It throws for no content of any file.</summary>
internal static class ConfigLoader
{
    public const string DefaultPath = "/etc/keepalived/keepalived.conf";

    public static LoadResult Load(string path, LoadOptions? options = null, IConfigurationFiles? files = null)
    {
        files ??= HostFiles.Instance;
        var diagnostics = new DiagnosticBag();
        var kind = files.GetKind(path);
        if (kind == FileKind.Missing && PathGlob.HasWildcard(path) && PathGlob.Expand(files, path) is { Count: > 0 } matches)
            return Load(path, matches, options ?? new(), files, diagnostics);
        if (kind is FileKind.Missing)
            diagnostics.FileMissing(path);
        else if (kind is FileKind.Directory)
            diagnostics.FileUnreadable(path, "it is a directory");
        else
            return Load(path, [path], options ?? new(), files, diagnostics);
        return new(null, diagnostics.ToImmutable(), FileRead: false);
    }

    /// <summary>Loads text that is in no file, such as a generated configuration.</summary>
    public static LoadResult LoadText(string text, string path, LoadOptions? options = null, IConfigurationFiles? files = null)
    {
        var diagnostics = new DiagnosticBag();
        var tokens = new Preprocessor(files ?? HostFiles.Instance, options ?? new(), diagnostics).Read([new SourceText(path, text)]);
        return Finish(tokens, path, options ?? new(), diagnostics);
    }

    private static LoadResult Load(string path, List<string> paths, LoadOptions options, IConfigurationFiles files, DiagnosticBag diagnostics)
    {
        var texts = new List<SourceText>();
        foreach (string name in paths)
        {
            byte[]? content = files.Read(name, Preprocessor.MaxFileSize, out string? problem);
            if (content is null)
            {
                diagnostics.FileUnreadable(name, problem ?? "it cannot be read");
                continue;
            }

            var (text, encoding) = ConfigurationEncoding.Decode(content);
            bool marked = text.StartsWith('\uFEFF');
            var file = new SourceText(name, marked ? text[1..] : text, encoding);
            if (marked)
                diagnostics.ByteOrderMark(file);
            if (files.GetKind(name) == FileKind.Executable)
                diagnostics.FileExecutable(file);
            texts.Add(file);
        }

        if (texts.Count == 0)
            return new(null, diagnostics.ToImmutable(), FileRead: false);
        if (texts.Count > 1)
            diagnostics.SeveralFiles(texts[0], texts.Count);
        return Finish(new Preprocessor(files, options, diagnostics).Read(texts), path, options, diagnostics);
    }

    private static LoadResult Finish(List<Token> tokens, string path, LoadOptions options, DiagnosticBag diagnostics)
    {
        var tree = new Parser(tokens, diagnostics).Parse();
        var config = new Binder(diagnostics).Bind(tree, path);
        // Errors say more: without them there might have been something.
        if (config.IsEmpty && !diagnostics.HasErrors)
            diagnostics.NothingToRun(path);
        if (options.Scripts is { } host && !diagnostics.HasErrors)
            new ScriptFindings(diagnostics, host).Find(config);
        return new(diagnostics.HasErrors ? null : config, diagnostics.ToImmutable(), FileRead: true);
    }
}
