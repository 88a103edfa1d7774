using Vrrp.Daemon.Commands;

namespace Vrrp.Tests.Commands;

/// <summary>What is said of a command line that makes no sense: a line for each mistake, and one that says where the help is.</summary>
public class CommandLineTests
{
    private static async Task<(int Status, string Output, string Error)> RunAsync(params string[] arguments)
    {
        var (output, error) = (new StringWriter(), new StringWriter());
        int status = await CommandLine.InvokeAsync(arguments, new() { Output = output, Error = error });
        return (status, output.ToString(), error.ToString());
    }

    [Theory]
    [InlineData("check run.conf", "'run.conf' is one word too many. The file is named with -f: vrrp check -f run.conf", "vrrp check")]
    [InlineData("run run.conf", "'run.conf' is one word too many. The file is named with -f: vrrp run -f run.conf", "vrrp run")]
    [InlineData("run --vrpp", "there is no option '--vrpp'. Did you mean '--vrrp'?", "vrrp run")]
    [InlineData("run --nonsense", "there is no option '--nonsense'.", "vrrp run")]
    [InlineData("chekc", "there is no command 'chekc'. Did you mean 'check'?", "vrrp")]
    [InlineData("realserver upp", "there is no command 'upp'. Did you mean 'up'?", "vrrp realserver")]
    [InlineData("simulate 7", "'7' is one word too many.", "vrrp simulate")]
    [InlineData("simulate --seed abc", "--seed takes a whole number from -2147483648 to 2147483647, not 'abc'.", "vrrp simulate")]
    [InlineData("simulate --seed", "Required argument missing for option: '--seed'.", "vrrp simulate")]
    [InlineData("demo --interval x", "--interval takes 0.01 to 10 seconds, in steps of 0.01, not 'x'.", "vrrp demo")]
    [InlineData("demo --interval 11", "--interval takes 0.01 to 10 seconds, in steps of 0.01, not '11'.", "vrrp demo")]
    [InlineData("run --die-with-parent 0", "--die-with-parent takes a whole number from 1 to 2147483647, not '0'.", "vrrp run")]
    public async Task A_mistake_is_not_buried_under_the_help(string line, string mistake, string command)
    {
        var (status, output, error) = await RunAsync(line.Split(' '));

        Assert.Equal((1, ""), (status, output));
        Assert.Equal($"error: {mistake}\nSee '{command} --help'.\n", error);
    }

    [Fact]
    public async Task Every_mistake_is_named()
    {
        var (_, _, error) = await RunAsync("realserver", "up", "--nonsense", "--vip", "web");

        Assert.Equal(
            ["error: there is no option '--nonsense'.", "error: --vip takes addresses, as in 192.0.2.100, and 'web' is none.", "error: Option '--mode' is required.", "See 'vrrp realserver up --help'.", ""],
            error.Split('\n'));
    }

    [Theory]
    [InlineData("", 1, "realserver")]
    [InlineData("realserver", 1, "show")]
    [InlineData("--help", 0, "realserver")]
    [InlineData("run --help", 0, "--status-socket")]
    [InlineData("simulate -h", 0, "--timeline")]
    public async Task Help_is_there_for_who_asks_or_says_nothing(string line, int expected, string word)
    {
        var (status, output, error) = await RunAsync(line.Split(' ', StringSplitOptions.RemoveEmptyEntries));

        Assert.Equal(expected, status);
        Assert.Contains(word, output + error, StringComparison.Ordinal);
    }
}
