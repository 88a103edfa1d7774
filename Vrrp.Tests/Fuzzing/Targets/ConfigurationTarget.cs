using System.Text;
using System.Text.Json;
using Vrrp.Daemon.Configuration;
using Vrrp.Daemon.Configuration.Diagnostics;
using Vrrp.Daemon.Configuration.Model;
using Vrrp.Daemon.Configuration.Syntax;
using Vrrp.Daemon.Failover;

namespace Vrrp.Tests.Fuzzing.Targets;

/// <summary>
/// A configuration from its octets to the model and to printed findings. There is a model exactly when there is no error; findings
/// point into their files and print without control characters; what is loaded can run, and equals itself when it is loaded again.
/// </summary>
internal sealed class ConfigurationTarget(Func<byte[], LoadResult> load) : IFuzzTarget
{
    /// <summary>For what is made whatever the file: tables, the printer's buffer.</summary>
    private const long BoundBase = 1024 * 1024;

    /// <summary>For each octet of the file: characters with their origin, tokens, statements, a finding with its line and a caret.</summary>
    private const long BoundForOctet = 4 * 1024;

    /// <summary>Where definitions, repetitions or other files multiply the text, the preprocessor's own bounds are the bound.</summary>
    private const long BoundExpanded = 8L * 1024 * 1024 * 1024;

    /// <summary>A word that is a password wherever it stands.</summary>
    public const string Password = "Zq9sesame";

    public ConfigurationTarget()
        : this(Load)
    {
    }

    public string Name => "configuration";

    public int Executions => 4_000;

    public int MaxLength => 8 * 1024;

    public bool IsText => true;

    public IReadOnlyList<byte[]> Seeds { get; } =
        [.. Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "Configuration", "Samples"), "*.conf").Order(StringComparer.Ordinal).Select(File.ReadAllBytes)];

    public static LoadResult Load(byte[] content) =>
        ConfigLoader.Load(
            FuzzFiles.MainPath,
            new()
            {
                ConfigId = "host",
                RandomSeed = 1,
                Scripts = FuzzScripts.Instance,
            },
            new FuzzFiles(content));

    public void Mutate(FuzzInput input, ReadOnlySpan<byte> other, FuzzRandom random) => ConfigurationGrammar.Apply(input, other, random);

    public void Execute(ReadOnlySpan<byte> input, FuzzContext context)
    {
        byte[] content = input.ToArray();
        long before = GC.GetAllocatedBytesForCurrentThread();
        var result = load(content);
        string text = DiagnosticPrinter.ToText(result.Diagnostics);
        bool multiplies = input.IndexOfAny((byte)'$', (byte)'~') >= 0 || input.IndexOf("include"u8) >= 0;
        context.Allocated(GC.GetAllocatedBytesForCurrentThread() - before, multiplies ? BoundExpanded : BoundBase + (BoundForOctet * input.Length));

        bool hasErrors = false;
        foreach (var diagnostic in result.Diagnostics)
        {
            context.Reached(diagnostic.Code);
            hasErrors |= diagnostic.Severity == DiagnosticSeverity.Error;
            LookAt(diagnostic.Span, diagnostic.Message);
            foreach (var related in diagnostic.Related)
                LookAt(related.Span, related.Message);
        }

        if (result.Config is null != hasErrors)
            throw new BrokenPromiseException("a configuration with errors was taken, or one without was not");
        if (text.AsSpan().IndexOfAnyExcept(FindingText.Printable) is >= 0 and var at)
            throw new BrokenPromiseException($"a control character is printed: {(int)text[at]:x}");
        string json = CheckJson(result);
        if (IsHidden(input) && (text.Contains(Password, StringComparison.Ordinal) || json.Contains(Password, StringComparison.Ordinal)))
            throw new BrokenPromiseException("a password is shown");
        context.Reached("loaded", result.Config is null ? 0 : 1);
        if (result.Config is not { } config)
            return;
        context.ReachedCount("instances", config.Instances.Length);
        context.ReachedCount("groups", config.SyncGroups.Length);
        context.ReachedCount("static addresses", config.StaticAddresses.Length);
        var routers = RouterMapping.Map(config, _ => "eth9");
        foreach (var router in routers)
        {
            context.Reached($"router of version {(int)router.Version}", (long)router.Family);
            if (router.Validate() is { Count: > 0 } problems)
                throw new BrokenPromiseException($"what is loaded cannot run: {problems[0]}");
        }

        if (load(content).Config is not { } again || !ConfigDiff.Create(config, again).IsEmpty)
            throw new BrokenPromiseException("a file differs from itself");
    }

    private static void LookAt(SourceSpan span, string message)
    {
        if (span.File is { } file && (span.Start < 0 || span.Length < 0 || span.End > file.Text.Length))
            throw new BrokenPromiseException($"a finding points outside its file: {span.Start}+{span.Length} of {file.Text.Length}, {message}");
    }

    /// <summary>Whether the password stands nowhere but behind its keyword.</summary>
    private static bool IsHidden(ReadOnlySpan<byte> input)
    {
        bool isThere = false;
        foreach (string line in Encoding.Latin1.GetString(input).Split('\n'))
        {
            if (!line.Contains(Password, StringComparison.Ordinal))
                continue;
            isThere = true;
            if (!line.TrimStart().StartsWith("auth_pass ", StringComparison.Ordinal))
                return false;
        }

        return isThere;
    }

    private static string CheckJson(LoadResult result)
    {
        using var stream = new MemoryStream();
        using (var writer = new Utf8JsonWriter(stream))
            DiagnosticPrinter.WriteJson(writer, result.Diagnostics);
        using var document = JsonDocument.Parse(stream.GetBuffer().AsMemory(0, (int)stream.Length));
        if (document.RootElement.GetArrayLength() != result.Diagnostics.Length)
            throw new BrokenPromiseException("JSON holds another number of findings");
        return Encoding.UTF8.GetString(stream.GetBuffer(), 0, (int)stream.Length);
    }
}

/// <summary>The same on every host: some scripts cannot run, and there is no account for them.</summary>
internal sealed class FuzzScripts : IScriptHost
{
    public static FuzzScripts Instance { get; } = new();

    public bool HasDefaultUser => false;

    public string? FindProblem(ScriptCommand command, bool isSecure) =>
        command.CommandLine.Contains("missing", StringComparison.Ordinal) ? $"there is no {command.CommandLine}" : null;
}
