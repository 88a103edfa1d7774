using System.Diagnostics;
using System.Text;
using Vrrp.Daemon.Configuration;
using Vrrp.Daemon.Configuration.Diagnostics;

namespace Vrrp.Tests.Configuration;

/// <summary>Broken files: whatever is done to the samples, loading ends soon, throws nothing and shows no password.</summary>
public class MutationTests
{
    private static readonly string[] s_pieces =
        ["{", "}", "\"", "'", "\n", " ", "#", "!", "\\", "$", "${", "$A=", "@host ", "~SEQ(N, 3) ", "~LST(", "include ", "\0", "ÿ", "255", "-1", "vrrp_instance", "virtual_server", "\r"];

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void Mutated_samples_never_throw_and_never_hang(int seed)
    {
        var random = new Random(seed);
        string[] samples = [.. Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "Configuration", "Samples"), "*.conf").Order(StringComparer.Ordinal).Select(File.ReadAllText)];
        var clock = Stopwatch.StartNew();
        for (int round = 0; round < 120; round++)
        {
            var text = new StringBuilder(samples[random.Next(samples.Length)]);
            for (int i = random.Next(1, 8); i > 0; i--)
                Mutate(text, random);
            string mutated = text.ToString();
            var before = clock.Elapsed;
            try
            {
                var result = ConfigLoader.LoadText(mutated, "m.conf", new() { ConfigId = "host" }, new MemoryFiles());
                string output = DiagnosticPrinter.ToText(result.Diagnostics);
                Assert.True(result.Config is not null == !result.Diagnostics.Any(d => d.Severity == DiagnosticSeverity.Error));
                Assert.NotNull(output);
            }
            catch (Exception e) when (e is not Xunit.Sdk.XunitException)
            {
                Assert.Fail($"seed {seed} round {round}: {e}\n{mutated}");
            }

            Assert.True(clock.Elapsed - before < TimeSpan.FromSeconds(10), $"seed {seed} round {round}:\n{mutated}");
        }
    }

    [Fact]
    public void Every_prefix_of_a_sample_loads()
    {
        string text = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Configuration", "Samples", "issue-lvs-devel.conf"));
        for (int length = 0; length <= text.Length; length++)
            Assert.NotNull(DiagnosticPrinter.ToText(ConfigLoader.LoadText(text[..length], "p.conf", new() { ConfigId = "host" }, new MemoryFiles()).Diagnostics));
    }

    [Fact]
    public void Random_bytes_load()
    {
        var random = new Random(7);
        byte[] bytes = new byte[4000];
        for (int round = 0; round < 50; round++)
        {
            random.NextBytes(bytes);
            var (text, encoding) = ConfigurationEncoding.Decode(bytes);
            Assert.NotNull(encoding);
            Assert.NotNull(DiagnosticPrinter.ToText(ConfigLoader.LoadText(text, "r.conf", new() { ConfigId = "host" }, new MemoryFiles()).Diagnostics));
        }
    }

    private static void Mutate(StringBuilder text, Random random)
    {
        int at = random.Next(text.Length + 1);
        int length = Math.Min(random.Next(1, 40), text.Length - at);
        switch (random.Next(4))
        {
            case 0:
                text.Remove(at, length);
                break;
            case 1:
                text.Insert(at, s_pieces[random.Next(s_pieces.Length)]);
                break;
            case 2:
                text.Insert(random.Next(text.Length + 1), text.ToString(at, length));
                break;
            default:
                if (length > 0)
                    text[at] = (char)random.Next(1, 300);
                break;
        }
    }
}
