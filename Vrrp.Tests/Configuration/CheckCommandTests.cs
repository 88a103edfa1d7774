using System.CommandLine;
using System.Text.Json;
using Vrrp.Daemon.Commands;
using Vrrp.Daemon.Configuration.Diagnostics;
using static Vrrp.Tests.Configuration.ConfigurationTesting;

namespace Vrrp.Tests.Configuration;

public sealed class CheckCommandTests : IDisposable
{
    private readonly string _path = Path.GetTempFileName();

    public void Dispose() => File.Delete(_path);

    private (int Status, string Output) Check(string text, params string[] options)
    {
        File.WriteAllText(_path, text.ReplaceLineEndings("\n"));
        return Invoke(["-f", _path, .. options]);
    }

    private static (int Status, string Output) Invoke(params string[] options)
    {
        using var output = new StringWriter();
        int status = CheckCommand.Create().Parse(options).Invoke(new InvocationConfiguration { Output = output, Error = output });
        return (status, output.ToString());
    }

    [Theory]
    [InlineData("", "", 0)]
    [InlineData("bogus", "", 0)]
    [InlineData("bogus", "--strict", 5)]
    [InlineData("", "--strict", 5)]
    [InlineData("vrrp_instance V {\n}", "", 2)]
    [InlineData("vrrp_instance V {\n}", "--strict", 2)]
    [InlineData("", "--nonsense", 1)]
    public void Exit_status(string text, string option, int status) =>
        Assert.Equal(status, Check(text, option.Length == 0 ? [] : [option]).Status);

    [Fact]
    public void A_file_that_is_not_there()
    {
        var (status, output) = Invoke("-f", "/nonexistent/keepalived.conf");
        Assert.Equal(6, status);
        Assert.Equal("error VRRP0002: /nonexistent/keepalived.conf: there is no such file. Name the configuration with -f FILE, or create it there.\n1", output[..(output.IndexOf('\n', StringComparison.Ordinal) + 1)] + "1");
    }

    [Fact]
    public void Summary_counts()
    {
        var (_, output) = Check(InstanceText("nopreempt x"));
        Assert.EndsWith("1 warning, 0 errors; the configuration runs: 1 instance, 0 sync groups, 1 virtual address\n", output, StringComparison.Ordinal);
    }

    /// <summary>What starts with nothing to do and is no reload: the same is said before as when it happens.</summary>
    [Theory]
    [InlineData("", 1)]
    [InlineData("global_defs {\nprocess_names\n}", 1)]
    [InlineData("vrrp_sync_group G {\ngroup {\nV\n}\n}", 3)]
    [InlineData("virtual_server group none {\nlb_algo rr\n}", 2)]
    public void A_file_with_nothing_to_run_is_called_that(string text, int warnings)
    {
        var (status, output) = Check(text);

        Assert.Equal(CheckCommand.Runs, status);
        Assert.Contains($"warning VRRP0015: {_path} has no vrrp_instance, no static_ipaddress and no virtual_server that could run.", output, StringComparison.Ordinal);
        Assert.EndsWith(
            $"{warnings} warning{(warnings == 1 ? "" : "s")}, 0 errors; the configuration runs with nothing to do, and no reload accepts it while anything runs\n", output, StringComparison.Ordinal);
        using var json = JsonDocument.Parse(Check(text, "--json").Output);
        Assert.True(json.RootElement.GetProperty("runs").GetBoolean());
        Assert.False(json.RootElement.GetProperty("reloads").GetBoolean());
    }

    [Fact]
    public void Config_id_selects_lines()
    {
        Assert.Contains("1 warning,", Check("@a bogus", "-i", "b").Output, StringComparison.Ordinal);
        Assert.Contains("2 warnings,", Check("@a bogus", "--config-id", "a").Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Json_has_every_finding()
    {
        var (_, output) = Check("bogus\n  bogus2", "--json");
        using var json = JsonDocument.Parse(output);
        Assert.True(json.RootElement.GetProperty("runs").GetBoolean());
        var second = json.RootElement.GetProperty("diagnostics")[2];
        Assert.Equal(("VRRP0101", "warning", 2, 3, 9), (second.GetProperty("code").GetString(), second.GetProperty("severity").GetString(),
            second.GetProperty("line").GetInt32(), second.GetProperty("column").GetInt32(), second.GetProperty("endColumn").GetInt32()));
    }

    [Fact]
    public void A_caret_stands_under_the_word_also_after_tabs()
    {
        string text = DiagnosticPrinter.ToText(Load("global_defs {\n\t vrrp_version\t9\n}").Diagnostics);
        Assert.Equal("/etc/test.conf:2:16: warning VRRP0104: 'vrrp_version' takes 2 to 3, not '9'; the default holds, as with keepalived.\n    \t vrrp_version\t9\n    \t             \t^\n", text);
    }

    [Fact]
    public void Colour_is_off_unless_asked_for()
    {
        Assert.DoesNotContain('\u001b', Check("bogus").Output);
        Assert.Contains('\u001b', Check("bogus", "--color").Output);
    }

    [Fact]
    public void Control_characters_of_a_file_do_not_reach_the_terminal() =>
        Assert.DoesNotContain('\u001b', Check("bo\u001b[31mgus \u001b]0;x\a").Output);
}
