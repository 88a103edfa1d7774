using System.Globalization;
using System.Text;
using Vrrp.Tests.Fuzzing.Targets;
using Xunit.Abstractions;

namespace Vrrp.Tests.Fuzzing;

/// <summary>
/// Every target with its stored corpus and a fixed number of changed inputs from a fixed seed: nothing that is read throws, hangs,
/// allocates beyond its bound or breaks what the target promises. By hand, for longer: VRRP_FUZZ_SECONDS or VRRP_FUZZ_EXECUTIONS for each
/// target, VRRP_FUZZ_SEED, and VRRP_FUZZ_OUTPUT for a folder that takes findings and a corpus of the smallest inputs for all that was
/// reached.
/// </summary>
public class FuzzTests(ITestOutputHelper output)
{
    private const ulong Seed = 20260;

    public static TheoryData<string> Names => [.. FuzzTargets.Names];

    [Theory]
    [MemberData(nameof(Names))]
    public void Nothing_that_is_read_does_harm(string name)
    {
        using var target = FuzzTargets.Make(name);
        long? executions = Number("VRRP_FUZZ_EXECUTIONS");
        long? seconds = Number("VRRP_FUZZ_SECONDS");
        string? folder = Environment.GetEnvironmentVariable("VRRP_FUZZ_OUTPUT");
        bool isLong = executions is not null || seconds is not null;
        ulong seed = (ulong)(Number("VRRP_FUZZ_SEED") ?? (long)Seed) ^ Hash(name);
        using var fuzzer = new Fuzzer(target, seed) { OutputFolder = folder ?? Path.GetTempPath() };

        var known = fuzzer.Load(FuzzCorpus.Of(name).Select(entry => entry.Input).Concat(target.Seeds));
        if (!isLong)
            Assert.True(known is null, known?.ToString());
        long end = Environment.TickCount64 + ((seconds ?? 0) * 1000);
        var report = fuzzer.Run(
            executions ?? (seconds is null ? target.Executions : long.MaxValue / 2),
            seconds is null ? null : () => Environment.TickCount64 < end,
            stopsAtFinding: !isLong);
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{name}: {report.Executions} executions, {report.Features.Count} features, {report.CorpusSize} inputs, {report.Findings.Length} findings"));
        if (folder is not null)
            Write(fuzzer, report, Path.Combine(folder, name));
        Assert.True(report.Findings.IsEmpty, string.Join("\n\n", report.Findings));
    }

    [Fact]
    public void Every_folder_of_the_corpus_belongs_to_a_target_and_every_target_has_one() =>
        Assert.Equal(FuzzTargets.Names.Order(StringComparer.Ordinal), FuzzCorpus.Targets.Order(StringComparer.Ordinal));

    [Fact]
    public void Every_beginning_of_a_configuration_is_read()
    {
        using var target = new ConfigurationTarget();
        using var fuzzer = new Fuzzer(target, Seed);
        byte[] text = File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "Configuration", "Samples", "issue-lvs-devel.conf"));
        var finding = fuzzer.Load(Enumerable.Range(0, text.Length + 1).Select(length => text[..length]));
        Assert.True(finding is null, finding?.ToString());
    }

    private static void Write(Fuzzer fuzzer, FuzzReport report, string folder)
    {
        int number = 0;
        foreach (var finding in report.Findings)
            FuzzCorpus.Write(Path.Combine(folder, "findings"), $"finding-{++number}", finding.Kind, finding.Input);
        File.WriteAllLines(Path.Combine(Directory.CreateDirectory(folder).FullName, "features.txt"), report.Features.Select(f => f.ToString()).Order(StringComparer.Ordinal));
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (input, features) in fuzzer.Distill())
        {
            string name = Slug(features[0].ToString());
            for (int i = 2; !names.Add(name); i++)
                name = $"{Slug(features[0].ToString())}-{i}";
            FuzzCorpus.Write(Path.Combine(folder, "corpus"), name, "reaches " + string.Join(", ", features.Take(6)), input);
        }
    }

    private static string Slug(string text)
    {
        var slug = new StringBuilder();
        foreach (char c in text.ToLowerInvariant())
            slug.Append(char.IsAsciiLetterOrDigit(c) ? c : '-');
        return slug.ToString().Replace("--", "-", StringComparison.Ordinal).Trim('-');
    }

    private static long? Number(string variable) =>
        long.TryParse(Environment.GetEnvironmentVariable(variable), NumberStyles.None, CultureInfo.InvariantCulture, out long number) ? number : null;

    // The same on every run, unlike the framework's.
    private static ulong Hash(string name) => name.Aggregate(14695981039346656037UL, (hash, c) => (hash ^ c) * 1099511628211UL);
}
