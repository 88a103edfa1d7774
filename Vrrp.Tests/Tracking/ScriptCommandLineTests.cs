using Vrrp.Daemon.Tracking;

namespace Vrrp.Tests.Tracking;

public class ScriptCommandLineTests
{
    [Theory]
    [InlineData("/bin/true", "/bin/true")]
    [InlineData("  /bin/a  b\tc ", "/bin/a|b|c")]
    [InlineData("/bin/a 'b c' \"d e\"", "/bin/a|b c|d e")]
    [InlineData("/bin/a b\\ c '\\\\' \"\\\"\"", "/bin/a|b c|\\|\"")]
    [InlineData("/bin/a 'a\\tb' a\\x41\\101 \"d\\\"q\" e\\zf 'it''s' \"x\"y", "/bin/a|a\tb|aAA|d\"q|ezf|its|xy")]
    [InlineData("/bin/a \\n\\E\\cA\\0 \\x4 \\xg \\\\", "/bin/a|\n\u001b\u0001\0|\u0004|xg|\\")]
    [InlineData("/bin/a '' $HOME;*", "/bin/a||$HOME;*")]
    [InlineData("", "")]
    public void Words_are_split_without_a_shell(string command, string expected) =>
        Assert.Equal(expected, string.Join('|', ScriptCommandLine.Split(command)!));

    [Fact]
    public void A_quote_that_is_not_closed_is_no_command() => Assert.Null(ScriptCommandLine.Split("/bin/a 'b"));
}
