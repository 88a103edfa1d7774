using Vrrp.Daemon.Tracking;

namespace Vrrp.Tests.Tracking;

public class ScriptCommandLineTests
{
    [Theory]
    [InlineData("/bin/true", "/bin/true")]
    [InlineData("  /bin/a  b\tc ", "/bin/a|b|c")]
    [InlineData("/bin/a 'b c' \"d e\"", "/bin/a|b c|d e")]
    [InlineData("/bin/a b\\ c '\\' \"\\\"\"", "/bin/a|b c|\\|\"")]
    [InlineData("/bin/a '' $HOME;*", "/bin/a||$HOME;*")]
    [InlineData("", "")]
    public void Words_are_split_without_a_shell(string command, string expected) =>
        Assert.Equal(expected, string.Join('|', ScriptCommandLine.Split(command)!));

    [Fact]
    public void A_quote_that_is_not_closed_is_no_command() => Assert.Null(ScriptCommandLine.Split("/bin/a 'b"));
}
