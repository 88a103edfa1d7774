using System.Text;
using Vrrp.Daemon.Configuration;
using Vrrp.Daemon.Configuration.Diagnostics;
using Vrrp.Daemon.Configuration.Syntax;
using static Vrrp.Tests.Configuration.ConfigurationTesting;

namespace Vrrp.Tests.Configuration;

public class SyntaxTests
{
    [Theory]
    [InlineData("router_id a#b", "a")]
    [InlineData("router_id a!b c", "a")]
    [InlineData(@"router_id a\#b\!c", "a#b!c")]
    [InlineData("router_id \"a # ! b\"", "a # ! b")]
    [InlineData("router_id \"\"", "")]
    [InlineData("router_id\ta\r", "a")]
    [InlineData("\f\v router_id   a   ", "a")]
    [InlineData("router_id ${_HASH}x${_BANG}", "#x!")]
    [InlineData("router_id Ünïcode", "Ünïcode")]
    public void Words_are_read_as_keepalived_reads_them(string line, string expected) => Assert.Equal(expected, Globals(line).RouterId);

    [Fact]
    public void A_quote_in_mid_word_ends_the_word() =>
        Assert.Equal(["a", "b c", "d"], Globals("notification_email { a\"b c\"d }").NotificationEmail.ToArray());

    [Theory]
    [InlineData("notify_master \"/x 'a b' c\" root", "/x 'a b' c")]
    [InlineData("notify_master '/x \"a b\" c' root", "/x \"a b\" c")]
    [InlineData("notify_master \"/x \"a\"\" root", "/x a")]
    [InlineData("notify_master /x\" a\"b root", "/x ab")]
    [InlineData("notify_master \"/x \"'q r'\" s\" root", "/x q r s")]
    public void Commands_take_both_kinds_of_quotes(string line, string command)
    {
        var script = Instance(line).Notify.Master!;
        Assert.Equal((command, "root"), (script.CommandLine, script.User));
    }

    [Theory]
    [InlineData("x {\n router_id a\n}")]
    [InlineData("x\n{\nrouter_id a }")]
    [InlineData("x { router_id a }")]
    [InlineData("x{router_id a}")]
    [InlineData("x # {\r\n {\r\n router_id a\r\n }\r\n")]
    public void Braces_split_lines_wherever_they_stand(string text)
    {
        var result = Load(text.Replace("x", "global_defs", StringComparison.Ordinal));
        Assert.Equal("a", result.Config!.GlobalDefs.RouterId);
        Assert.Empty(result.Diagnostics);
    }

    [Fact]
    public void Tokens_and_trivia_are_the_whole_file()
    {
        const string text = "! head\nglobal_defs { # one\n  router_id \"a b\"\t# two\n\n}\n";
        var tokens = new Preprocessor(new MemoryFiles(), new(), new DiagnosticBag()).Read([new SourceText("f", text)]);
        var rebuilt = new StringBuilder();
        foreach (var token in tokens.Where(t => t.Kind != TokenKind.EndOfLine))
        {
            rebuilt.Append(text.AsSpan(token.LeadingTrivia.Start, token.LeadingTrivia.Length));
            rebuilt.Append(text.AsSpan(token.Span.Start, token.Span.Length));
        }

        Assert.Equal(text[..(text.LastIndexOf('}') + 1)], rebuilt.ToString());
    }

    [Theory]
    [InlineData("router_id \"a", "VRRP0022 2:11")]
    [InlineData("router_id a\0b", "VRRP0021 2:1")]
    public void Lines_that_keepalived_ignores_are_ignored(string line, string finding)
    {
        var result = Load($"global_defs {{\n{line}\n}}");
        Assert.Null(result.Config!.GlobalDefs.RouterId);
        Assert.Equal([finding], Findings(result));
    }

    [Fact]
    public void A_line_too_long_is_ignored() =>
        Assert.Equal(["VRRP0020 1:1"], Findings(Load("router_id " + new string('x', 1024))));

    [Theory]
    [InlineData("global_defs {\nrouter_id a\n}\n}\n", "VRRP0032 4:1")]
    [InlineData("global_defs {\nrouter_id a\n", "VRRP0030 2:12")]
    [InlineData("global_defs {\nnotification_email {\n", "VRRP0030 2:21")]
    [InlineData("global_defs\nrouter_id a\n}", "VRRP0034 1:12")]
    [InlineData("{ x y }", "VRRP0033 1:1")]
    [InlineData("global_defs {\nvrrp_version 3 {\nrouter_id a\n}\n}", "VRRP0033 2:16")]
    public void Braces_are_recovered(string text, string findings) => Assert.Equal(findings, string.Join(',', Findings(Load(text))));

    [Fact]
    public void Unknown_block_is_skipped_as_a_whole()
    {
        var result = Load(InstanceText("mystery {\npriority 7\ninner {\n x\n}\n}\npriority 9"));
        Assert.Equal(["VRRP0101 10:1"], Findings(result));
        Assert.Equal(9, result.Config!.Instances[0].Priority.Value);
    }

    [Theory]
    [InlineData("vrrp_instance A {\ninterface eth0\nvirtual_router_id 1\nvirtual_ipaddress {\n10.0.0.1\n", "vrrp_instance B {\ninterface eth0\nvirtual_router_id 2\nvirtual_ipaddress {\n10.0.0.2\n}\n}\n", 2)]
    [InlineData("global_defs {\nrouter_id x\n", "vrrp_instance B {\ninterface eth0\nvirtual_router_id 2\nvirtual_ipaddress {\n10.0.0.2\n}\n}\n", 1)]
    public void A_block_of_the_root_inside_another_closes_it(string open, string next, int instances)
    {
        var result = Load(open + next);
        Assert.Equal(instances, result.Config!.Instances.Length);
        Assert.All(result.Diagnostics, d => Assert.Equal("VRRP0031", d.Code));
    }

    [Fact]
    public void A_block_of_the_instance_closes_a_forgotten_authentication()
    {
        var result = Load("vrrp_instance A {\ninterface eth0\nvirtual_router_id 1\nauthentication {\nauth_type PASS\nauth_pass x\nvirtual_ipaddress {\n10.0.0.1\n}\n}\n");
        Assert.Equal(["VRRP0031 6:12"], Findings(result));
        Assert.Single(result.Config!.Instances[0].VirtualAddresses);
        Assert.NotNull(result.Config.Instances[0].Authentication);
    }

    [Fact]
    public void Deep_nesting_is_bounded()
    {
        var result = Load(string.Concat(Enumerable.Repeat("a {\n", 10_000)));
        Assert.Contains(result.Diagnostics, d => d.Code == "VRRP0035");
    }

    [Fact]
    public void Latin1_bytes_of_a_password_survive()
    {
        var file = new SourceText("f", "pÿ", Encoding.Latin1);
        Assert.Equal([0x70, 0xff], file.Encoding.GetBytes(file.Text));
        var (text, encoding) = ConfigurationEncoding.Decode([0x70, 0xff]);
        Assert.Equal([0x70, 0xff], encoding.GetBytes(text));
    }
}
