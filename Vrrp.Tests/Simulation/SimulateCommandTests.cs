using System.CommandLine;
using System.Text.RegularExpressions;
using Vrrp.Daemon.Commands;
using Vrrp.Simulation;

namespace Vrrp.Tests.Simulation;

/// <summary><c>vrrp simulate</c>: what it prints, and its exit status.</summary>
public class SimulateCommandTests
{
    private const string Sound = """
        node A
          router web vrid 51 priority 200 address 10.0.0.254
        node B
          router web vrid 51 address 10.0.0.254
        at 10s crash A
        at 20s start A
        end 1m
        """;

    private static (int Status, string Output, string Error) Run(params string[] arguments)
    {
        var (output, error) = (new StringWriter(), new StringWriter());
        int status = SimulateCommand.Create().Parse(arguments).Invoke(new() { Output = output, Error = error });
        return (status, output.ToString(), error.ToString());
    }

    [Fact]
    public void A_seed_is_replayed_with_its_timeline()
    {
        var (status, output, _) = Run("--seed", "7", "--timeline");

        Assert.Equal(SimulateCommand.Sound, status);
        Assert.StartsWith(RandomScenario.Create(7).Run().Timeline, output, StringComparison.Ordinal);
        Assert.Contains("seed 7: 1 scenario, ", output, StringComparison.Ordinal);
        Assert.Matches(@"violations +0", output);
    }

    [Fact]
    public void Seeds_run_until_the_count_or_the_days_are_full()
    {
        Assert.Contains("seeds 3 to 7: 5 scenarios, ", Run("--seed", "3", "--count", "5").Output, StringComparison.Ordinal);
        string output = Run("--days", "2").Output;
        Assert.True(double.Parse(Regex.Match(output, @"([\d.]+) router-days").Groups[1].Value, null) >= 2, output);
    }

    [Fact]
    public void A_file_is_run_and_summed_up()
    {
        using var file = new TemporaryFile(Sound);
        var (status, output, _) = Run("--scenario", file.Path);

        Assert.Equal(SimulateCommand.Sound, status);
        Assert.Contains($"{file.Path}: 1 scenario, 0.00 router-days", output, StringComparison.Ordinal);
        Assert.Matches(@"disturbances +2\s+1  Crash\s+1  Start\s", output);
        Assert.Matches(@"1  Backup → Master \(Preempted\)", output);
        Assert.DoesNotContain("crashes", output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_that_cannot_be_read_is_told_with_the_line()
    {
        using var file = new TemporaryFile(Sound.Replace("at 10s", "at ten", StringComparison.Ordinal));
        var (status, output, error) = Run("--scenario", file.Path);
        Assert.Equal(SimulateCommand.Unusable, status);
        Assert.StartsWith($"error: {file.Path}: line 5: 'ten' is no time", error, StringComparison.Ordinal);
        Assert.Empty(output);
        Assert.Equal(SimulateCommand.Unusable, Run("--scenario", file.Path + ".none").Status);
    }

    [Theory]
    [InlineData("--timeline")]
    [InlineData("--timeline", "--seed", "1", "--count", "2")]
    [InlineData("--scenario", "x", "--seed", "1")]
    [InlineData("--count", "1", "--days", "1")]
    [InlineData("--count", "many")]
    [InlineData("--days", "many")]
    [InlineData("--count", "0")]
    [InlineData("--count", "-3")]
    [InlineData("--days", "0")]
    [InlineData("--days", "-1")]
    [InlineData("--days", "NaN")]
    [InlineData("--days", "1e400")]
    [InlineData("--days", "1000001")]
    [InlineData("--seed", "2147483647", "--count", "2")]
    [InlineData("--seed", "2147483647", "--days", "1000000")]
    [InlineData("--scenario", "")]
    [InlineData("--scenario", " ")]
    public void A_command_line_that_makes_no_sense_is_refused(params string[] arguments)
    {
        var (status, output, error) = Run(arguments);
        Assert.Equal(SimulateCommand.Unusable, status);
        Assert.NotEmpty(error);
        Assert.DoesNotContain("Unhandled", error, StringComparison.Ordinal);
        Assert.DoesNotContain("scenario, ", output, StringComparison.Ordinal);
    }

    /// <summary>What it takes, in words, and nothing of what it is made of.</summary>
    [Theory]
    [InlineData("--seed", "abc", "--seed takes a whole number from -2147483648 to 2147483647, not 'abc'.")]
    [InlineData("--seed", "2147483648", "--seed takes a whole number from -2147483648 to 2147483647, not '2147483648'.")]
    [InlineData("--count", "0", "--count takes a whole number from 1 to 2147483647, not '0'.")]
    [InlineData("--days", "many", "--days takes a number above 0 and up to 1000000, not 'many'.")]
    public void A_number_that_is_none_is_told_with_its_range(string option, string value, string expected)
    {
        var (_, output, error) = Run(option, value);
        Assert.StartsWith(expected, error, StringComparison.Ordinal);
        Assert.DoesNotContain("System.", error + output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_directory_is_no_scenario()
    {
        var (status, output, error) = Run("--scenario", Path.GetTempPath());
        Assert.Equal((SimulateCommand.Unusable, ""), (status, output));
        Assert.Equal($"error: {Path.GetTempPath()} is a directory: --scenario takes the name of a file\n", error);
    }

    [Theory]
    [InlineData("end 1m", "", "")]
    [InlineData("end 1m", "end 20s", "the run ends with the last disturbance, after 20 s, so nothing is checked that would come after.")]
    [InlineData("end 1m", " ", "the run ends with the last disturbance, after 20 s, so nothing is checked that would come after.")]
    [InlineData("at 10s crash A\nat 20s start A\nend 1m", " ", "the run ends as it begins, so nothing is checked that would come after.")]
    public void A_run_that_ends_too_soon_says_so(string old, string now, string expected)
    {
        using var file = new TemporaryFile(now.Length == 0 ? Sound : Sound.ReplaceLineEndings("\n").Replace(old, now, StringComparison.Ordinal));
        var (status, _, error) = Run("--scenario", file.Path);
        Assert.Equal(SimulateCommand.Sound, status);
        Assert.Equal(expected.Length == 0 ? "" : $"warning: {file.Path}: {expected} Say when, as in 'end 1m'.\n", error);
    }

    [Fact]
    public void The_last_seed_there_is_is_run() =>
        Assert.Contains("seed 2147483647: 1 scenario, ", Run("--seed", "2147483647", "--count", "1").Output, StringComparison.Ordinal);

    [Theory]
    [InlineData("# nothing\n")]
    [InlineData("node A\nnode B\nend 1h\n")]
    public void A_file_without_a_router_is_refused(string text)
    {
        using var file = new TemporaryFile(text);
        var (status, output, error) = Run("--scenario", file.Path);
        Assert.Equal((SimulateCommand.Unusable, ""), (status, output));
        Assert.Contains("there is no router in it", error, StringComparison.Ordinal);
    }

    [Fact]
    public void The_help_names_every_option_and_the_exit_statuses()
    {
        var root = new RootCommand { SimulateCommand.Create() };
        var output = new StringWriter();
        root.Parse(["simulate", "--help"]).Invoke(new() { Output = output });
        foreach (string word in (string[])["--seed", "--count", "--days", "--scenario", "--shrink", "--timeline", "Exit status: 0", "2 one was"])
            Assert.Contains(word, output.ToString(), StringComparison.Ordinal);
    }

    private sealed class TemporaryFile : IDisposable
    {
        public TemporaryFile(string text) => File.WriteAllText(Path, text);

        public string Path { get; } = System.IO.Path.GetTempFileName();

        public void Dispose() => File.Delete(Path);
    }
}
