using System.Globalization;
using System.Text;
using Vrrp.Daemon.Configuration;
using Vrrp.Daemon.Configuration.Diagnostics;
using Vrrp.Daemon.Failover;
using Vrrp.Tests.Fuzzing.Targets;

namespace Vrrp.Tests.Fuzzing;

/// <summary>
/// Files that were made to be slow, of a size at which work that grows with its square takes minutes or gigabytes: processor time and
/// memory stay near those of an ordinary file of that size.
/// </summary>
public class HostileFileTests
{
    private const int Size = 2 * 1024 * 1024;
    private const long AllocationBound = 4L * 1024 * 1024 * 1024;

    private static readonly TimeSpan s_processorLimit = TimeSpan.FromSeconds(20);

    public static TheoryData<string> Names => [.. Files().Select(file => file.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void A_file_that_was_made_to_be_slow_is_read_soon(string name)
    {
        byte[] content = Encoding.ASCII.GetBytes(Files().Single(file => file.Name == name).Text());
        bool isSlow = false;
        long before = GC.GetAllocatedBytesForCurrentThread();
        using (new RunningWatch(s_processorLimit, () => isSlow = true))
        {
            var result = ConfigurationTarget.Load(content);
            Assert.NotNull(DiagnosticPrinter.ToText(result.Diagnostics));
        }

        Assert.False(isSlow, $"It takes more than {s_processorLimit.TotalSeconds} s of processor time.");
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, AllocationBound);
    }

    [Theory]
    [InlineData("the same", 0, true)]
    [InlineData("other routers", 4000, true)]
    [InlineData("passed on names", 1, true)]
    [InlineData("passed on names of twins", 1, false)]
    public void A_reload_of_thousands_of_routers_is_planned_soon(string what, int shift, bool areApart)
    {
        const int count = 4000;
        var before = ConfigurationTarget.Load(Encoding.ASCII.GetBytes(Instances(count, 0, areApart))).Config!;
        var after = ConfigurationTarget.Load(Encoding.ASCII.GetBytes(Instances(count, shift, areApart))).Config!;
        bool isSlow = false;
        using (new RunningWatch(s_processorLimit, () => isSlow = true))
        {
            Assert.Equal(shift == 0, ConfigDiff.Create(before, after).IsEmpty);
            Assert.Equal(shift == 0, RouterPlan.Create(RouterMapping.Map(before), RouterMapping.Map(after)).Steps.IsEmpty);
        }

        Assert.False(isSlow, what);
    }

    private static IEnumerable<(string Name, Func<string> Text)> Files()
    {
        yield return ("empty lines", () => Repeat("\n", Size));
        yield return ("unknown keywords", () => Repeat("vrrp_instanse a\n", Size / 16));
        yield return ("opening braces", () => Repeat("{\n", Size / 2));
        yield return ("one long line", () => new string('x', Size));
        yield return ("undefined names", () => Repeat(Repeat("${no}", 200) + "\n", Size / 1001));
        yield return ("a definition without end", () => "$A=$A$A\n" + Repeat("$A\n", Size / 3));
        yield return ("repetitions in repetitions", () => "~SEQ(N, 100) ~SEQ(M, 100) ~SEQ(O, 100) x$N\n");
        yield return ("files that are missing", () => $"~SEQ(N, 99999) include {{{Repeat("a,", 250)}b}}\n");
        yield return ("directories without end", () => Repeat("include maze/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*\n", 1000));
        yield return ("passwords and lines to quote", () =>
            $"vrrp_instance A {{\nauthentication {{\n{Repeat("auth_pass secret\n", 40_000)}}}\n{Repeat(new string('y', 900) + "\n", Size / 2 / 901)}}}\n");
        yield return ("mail addresses in blocks", () => $"global_defs {{\n{Repeat("notification_email {\na\n}\n", Size / 25)}}}\n");
        yield return ("tracked scripts", () =>
            $"{Numbered(30_000, i => $"vrrp_script s{i} {{\nscript x\n}}\n")}{Instance("A", 1, $"track_script {{\n{Numbered(30_000, i => $"s{i}\n")}}}\n")}");
        yield return ("blocks of tracked interfaces", () => Instance("A", 1, Numbered(60_000, i => $"track_interface {{\ne{i}\n}}\n")));
        yield return ("groups of interfaces", () =>
            $"{Numbered(40_000, i => $"garp_group {{\ninterface e{i}\n}}\n")}{Numbered(5_000, i => Instance($"A{i}", 1, "", $"f{i}"))}");
        yield return ("a group that tracks", () =>
            $"{Numbered(5_000, i => Instance($"A{i}", 1, "", $"f{i}"))}vrrp_sync_group G {{\ntrack_interface {{\n{Numbered(100_000, i => $"e{i}\n")}}}\n"
            + $"group {{\n{Numbered(5_000, i => $"A{i}\n")}}}\n}}\n");
        yield return ("peers of twins", () => Numbered(1_000, k =>
            Instance($"A{k}", 1, $"unicast_peer {{\n{Numbered(100, i => $"10.{k / 256}.{k % 256}.{i}\n")}}}\n")));
        yield return ("addresses", () =>
            Instance("A", 1, $"virtual_ipaddress {{\n{Numbered(100_000, i => string.Create(CultureInfo.InvariantCulture, $"10.{i / 65536}.{i / 256 % 256}.{i % 256} dev e{i}\n"))}}}\n"));
    }

    private static string Instances(int count, int shift, bool areApart) => Numbered(count, i =>
        areApart
            ? Instance($"A{i + shift}", 1 + ((i + (shift / count)) % 255), "", $"e{i / 255}")
            : Instance($"A{i + shift}", 1, $"unicast_peer {{\n11.0.{i / 256}.{i % 256}\n}}\n"));

    private static string Instance(string name, int virtualRouterId, string lines, string carrier = "e0") => string.Create(
        CultureInfo.InvariantCulture,
        $"vrrp_instance {name} {{\ninterface {carrier}\nvirtual_router_id {virtualRouterId}\nvirtual_ipaddress {{\n10.0.0.1\n}}\n{lines}}}\n");

    private static string Repeat(string text, int count) => new StringBuilder(text.Length * count).Insert(0, text, count).ToString();

    private static string Numbered(int count, Func<int, string> line)
    {
        var text = new StringBuilder();
        for (int i = 0; i < count; i++)
            text.Append(line(i));
        return text.ToString();
    }

    /// <summary>A watchdog over one execution.</summary>
    private sealed class RunningWatch : IDisposable
    {
        private readonly Watchdog _watchdog;

        public RunningWatch(TimeSpan processorLimit, Action hangs)
        {
            _watchdog = new(processorLimit, TimeSpan.FromMinutes(10), hangs);
            _watchdog.Begin();
        }

        public void Dispose()
        {
            _watchdog.End();
            _watchdog.Dispose();
        }
    }
}
