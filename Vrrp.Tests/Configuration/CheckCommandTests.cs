using System.CommandLine;
using System.Text.Json;
using Vrrp.Daemon.Commands;
using Vrrp.Daemon.Configuration.Diagnostics;
using Vrrp.Daemon.Tracking;
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

    /// <summary>What makes a script fail on its first night, by what is in the file.</summary>
    [Theory]
    [InlineData(null, 0, "there is no file SCRIPT")]
    [InlineData("#!/bin/sh\n", 0x1A4, "SCRIPT may not be executed: chmod +x makes it so")]
    [InlineData("exit 0\n", 0x1ED, "SCRIPT does not begin with #! and is no program: its first line must name what runs it, as #!/bin/sh does")]
    [InlineData("#!/bin/sh\r\n", 0x1ED, "the first line of SCRIPT ends with a carriage return, as Windows writes lines, and there is no program of such a name: remove them (sed -i 's/\\r$//')")]
    [InlineData("#!/no/such/shell -e\n", 0x1ED, "the first line of SCRIPT names /no/such/shell, and there is no such program")]
    [InlineData("#! /bin/sh", 0x1ED, null)]
    public void A_script_that_cannot_run_here_is_named_with_its_reason(string? content, int mode, string? problem)
    {
        string script = _path + ".sh";
        try
        {
            if (content is not null)
            {
                File.WriteAllText(script, content);
                File.SetUnixFileMode(script, (UnixFileMode)mode);
            }

            var (status, output) = Check($"vrrp_script chk {{\nscript \"{script} a\"\nuser {Environment.UserName}\n}}\n" + InstanceText($"track_script {{\nchk\n}}\nnotify_master {script} {Environment.UserName}"));
            Assert.Equal(CheckCommand.Runs, status);
            if (problem is null)
            {
                Assert.DoesNotContain("VRRP03", output, StringComparison.Ordinal);
                return;
            }

            problem = problem.Replace("SCRIPT", script, StringComparison.Ordinal);
            Assert.Contains(
                $":2:8: warning VRRP0319: vrrp_script 'chk' cannot run on this host: {problem}. It counts as failed: V cannot leave FAULT. keepalived would leave it out.\n",
                output, StringComparison.Ordinal);
            Assert.Contains($"warning VRRP0320: 'notify_master' of V cannot run on this host: {problem}.\n", output, StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(script);
        }
    }

    [Theory]
    [InlineData("check.sh/x", "'check.sh/x' does not begin with /: the daemon's directory is no place to rely on")]
    [InlineData("no-such-program -0 haproxy", "there is no program 'no-such-program' in /usr/local/sbin, /usr/local/bin, /usr/sbin, /usr/bin, /sbin, /bin")]
    [InlineData("/etc", "/etc is no file that could be a program")]
    [InlineData("/bin/sh\"\nuser \"no-such-user", "there is no user 'no-such-user'")]
    public void A_command_that_leads_nowhere_is_named_with_its_reason(string command, string problem)
    {
        var (_, output) = Check($"vrrp_script chk {{\nweight 10\nscript \"{command}\"\n}}\n" + InstanceText("track_script {\nchk\n}"));
        Assert.Contains(
            $"vrrp_script 'chk' cannot run on this host: {problem}. It counts as failed: V never gets the 10 that it adds to the priority. keepalived would leave it out.\n",
            output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("pgrep -x nginx || exit 1", "||")]
    [InlineData("killall -0 nginx 2>/dev/null", "2>/dev/null")]
    [InlineData("/bin/sh -c 'pgrep nginx | grep -q .'", null)]
    public void A_command_that_needs_a_shell_is_named(string command, string? word)
    {
        var (_, output) = Check($"vrrp_script chk {{\nscript \"{command}\"\n}}\n" + InstanceText("track_script {\nchk\n}"));
        if (word is null)
            Assert.DoesNotContain("VRRP0322", output, StringComparison.Ordinal);
        else
            Assert.Contains($"VRRP0322: there is no shell, here as with keepalived: '{word}' is an argument of the command.", output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_program_can_run()
    {
        var (_, output) = Check("vrrp_script chk {\nscript \"true\"\n}\n" + InstanceText("track_script {\nchk\n}"));
        Assert.DoesNotContain("VRRP03", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", true)]
    [InlineData("script_user root", false)]
    public void Scripts_that_would_run_as_root_because_nobody_is_named_are_named(string line, bool isTold)
    {
        var (_, output) = Check($"global_defs {{\nenable_script_security\n{line}\n}}\n" + InstanceText("notify_master /bin/true"));
        Assert.Equal(isTold && !UserAccount.HasDefaultScriptUser, output.Contains("VRRP0321", StringComparison.Ordinal));
    }
}
