using System.Diagnostics;
using Vrrp.Daemon.Configuration;
using static Vrrp.Tests.Configuration.ConfigurationTesting;

namespace Vrrp.Tests.Configuration;

public class PreprocessorTests
{
    private static string[] Emails(string lines, string configId = "host", MemoryFiles? files = null)
    {
        var result = Load(lines, configId, files);
        return [.. result.Config!.GlobalDefs.NotificationEmail];
    }

    private static string List(string before, string inside) => $"{before}\nglobal_defs {{\nnotification_email {{\n{inside}\n}}\n}}\n";

    [Theory]
    [InlineData("$A=1", "$A", "1")]
    [InlineData("$A=  1 2 ", "$A", "1 2")]
    [InlineData("$A=1", "x${A}y", "x1y")]
    [InlineData("$A=1", "x.$A.y", "x.$A.y")]
    [InlineData("$A=1", "$A,$A", "1,1")]
    [InlineData("$A=1\n$B=${A}2", "$B", "12")]
    [InlineData("$B=${A}2\n$A=1", "$B", "12")]
    [InlineData("$A=1\n$A=2", "$A", "2")]
    [InlineData("$A=1\\\n2\\\n3", "$A", "1 2 3")]
    [InlineData("$A=x$N", "~SEQ(N, 3) $A", "x1 x2 x3")]
    [InlineData("", "~SEQ(N, -2) $N", "-1 -2")]
    [InlineData("", "~SEQ(N, 2, 4) $N", "2 3 4")]
    [InlineData("", "~SEQ(N, 4, 2) $N", "4 3 2")]
    [InlineData("", "~SEQ(N, 1, 3, 8) $N", "1 4 7")]
    [InlineData("", "~SEQx(N, 9, 11) a${N}", "a9 aa ab")]
    [InlineData("", "~LST(N, x, y) a${N}", "ax ay")]
    [InlineData("", "~LST({A,B}, {1,2}, {3}) <${A}-${B}>", "<1-2> <3->")]
    [InlineData("", "~SEQ(A, 2) ~SEQ(B, 2) ${A}${B}", "11 12 21 22")]
    [InlineData("$E=5", "~SEQ(N, 4, ${E}) $N", "4 5")]
    [InlineData("$S=~SEQ(N, 2) $N", "$S", "1 2")]
    [InlineData("", "${_INSTANCE}", "host")]
    [InlineData("", "@host yes\n@other no\n@^host no\n@^other also", "yes also")]
    [InlineData("@host $A=1\n@other $A=2", "$A", "1")]
    public void Definitions_conditions_and_repetitions(string before, string inside, string expected) =>
        Assert.Equal(expected, string.Join(' ', Emails(List(before, inside))));

    [Fact]
    public void Random_is_in_its_range_and_repeatable()
    {
        string first = Emails(List("", "${_RANDOM 5 9}"))[0];
        Assert.InRange(int.Parse(first, null), 5, 9);
        Assert.Equal(first, Emails(List("", "${_RANDOM 5 9}"))[0]);
    }

    [Theory]
    [InlineData("include a.conf", "a", "")]
    [InlineData("include sub/*.conf", "b c", "")]
    [InlineData("include {a,sub/b}.conf", "a b", "")]
    [InlineData("include sub/nested", "d c", "")]
    [InlineData("include missing.conf", "", "VRRP0010 Warning")]
    [InlineData("include none*.conf", "", "VRRP0011 Warning")]
    [InlineData("include exec.conf", "", "VRRP0012 Warning")]
    [InlineData("include secret.conf", "", "VRRP0012 Warning")]
    [InlineData("includer missing.conf", "", "VRRP0010 Warning")]
    [InlineData("includer secret.conf", null, "VRRP0012 Error")]
    [InlineData("includer sub", null, "VRRP0012 Error")]
    [InlineData("includem missing.conf", null, "VRRP0010 Error")]
    [InlineData("includem none*.conf", "", "VRRP0011 Warning")]
    [InlineData("includew none*.conf", null, "VRRP0011 Error")]
    [InlineData("includeb {a,missing}.conf", null, "VRRP0010 Error")]
    [InlineData("includeb missing.conf", "", "VRRP0010 Warning")]
    [InlineData("includea {a,missing}.conf", null, "VRRP0010 Error")]
    [InlineData("includea none*.conf", null, "VRRP0011 Error")]
    [InlineData("include", null, "VRRP0102 Error")]
    public void Include_forms_differ_in_what_must_exist(string line, string? words, string finding)
    {
        var files = new MemoryFiles()
            .Add("/etc/a.conf", "a").Add("/etc/sub/c.conf", "c").Add("/etc/sub/b.conf", "b").Add("/etc/sub/.hidden.conf", "h")
            .Add("/etc/sub/nested", "d\ninclude c.conf").Add("/etc/exec.conf", "x", FileKind.Executable).AddUnreadable("/etc/secret.conf");
        var result = Load(List("", line), files: files);
        Assert.Equal(words, result.Config is null ? null : string.Join(' ', result.Config.GlobalDefs.NotificationEmail));
        var findings = result.Diagnostics.Where(d => d.Code != "VRRP0601").Select(d => $"{d.Code} {d.Severity}");
        Assert.Equal(finding, string.Join(',', findings));
    }

    [Fact]
    public void A_finding_in_an_included_file_has_its_place_there()
    {
        var result = Load("include sub/*.conf", files: new MemoryFiles().Add("/etc/sub/x.conf", "\n\tbogus\n"));
        Assert.Equal("/etc/sub/x.conf:2:2", Assert.Single(result.Diagnostics).Span.ToString());
    }

    [Fact]
    public void A_finding_in_a_definition_names_definition_and_use()
    {
        var diagnostic = Assert.Single(Load("$X=30 bogus\nglobal_defs {\nvrrp_version $X\n}").Diagnostics, d => d.Code == "VRRP0104");
        Assert.Equal("/etc/test.conf:1:4", diagnostic.Span.ToString());
        Assert.Equal("/etc/test.conf:3:14", Assert.Single(diagnostic.Related).Span.ToString());
    }

    [Fact]
    public void Variables_of_the_shell_in_a_command_are_left_alone()
    {
        var result = Load("vrrp_script s {\nscript \"[ $x -gt ${HOME} ]\"\n}");
        Assert.Equal(["VRRP0318 1:13"], Findings(result));
    }

    [Theory]
    [InlineData("include self.conf")]
    [InlineData("$A=$A $A\n$A")]
    [InlineData("$A=$B $B $B $B\n$B=$A $A $A $A\n$A")]
    [InlineData("~SEQ(N, 1, 2000000000) $N")]
    [InlineData("~SEQ(A, 99999) ~SEQ(B, 99999) ~SEQ(C, 99999) x")]
    [InlineData("$A=~SEQ(N, 2) $A\n$A")]
    [InlineData("$A=x\\\n$A\\\n$A\n$A")]
    [InlineData("~SEQ(N, 99999) include {a,b,c,d,e,f,g,h}/{a,b,c,d,e,f,g,h}.conf")]
    [InlineData("include {{{{a,b},{c,d}},{e,f}}}{a,b,c}{a,b,c}{a,b,c}{a,b,c}{a,b,c}{a,b,c}{a,b,c}{a,b,c}{a,b,c}{a,b,c}")]
    public void Hostile_files_end_soon_with_a_finding(string text)
    {
        var clock = Stopwatch.StartNew();
        var result = Load(text, files: new MemoryFiles().Add("/etc/self.conf", "include self.conf\ninclude self.conf"));
        Assert.NotEmpty(result.Diagnostics);
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(20), clock.Elapsed.ToString());
    }

    [Theory]
    [InlineData("abc", "a*c", true)]
    [InlineData("abc", "a?c", true)]
    [InlineData("abc", "[a-b]*", true)]
    [InlineData("abc", "[!a]*", false)]
    [InlineData("abc", "*b", false)]
    [InlineData("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", "*a*a*a*a*a*a*a*a*c", false)]
    public void Globs(string name, string pattern, bool matches) =>
        Assert.Equal(matches, Daemon.Configuration.Syntax.PathGlob.Matches(name, pattern));
}
