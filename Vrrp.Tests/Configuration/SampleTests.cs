using System.Diagnostics;
using System.Runtime.CompilerServices;
using Vrrp.Daemon.Commands;
using Vrrp.Daemon.Configuration;
using Vrrp.Daemon.Configuration.Diagnostics;
using Vrrp.Daemon.Configuration.Model;

namespace Vrrp.Tests.Configuration;

/// <summary>
/// Every <c>.conf</c> of Samples has an <c>.expected</c> beside it: its findings as an operator sees them.
/// With VRRP_REWRITE_EXPECTED=1 the test writes it, and the difference is reviewed.
/// </summary>
public class SampleTests
{
    private static readonly string s_directory = Path.Combine(AppContext.BaseDirectory, "Configuration", "Samples");

    public static TheoryData<string> Samples => [.. Directory.GetFiles(s_directory, "*.conf").Select(f => Path.GetFileName(f)!).Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Samples))]
    public void Findings_are_as_expected(string name)
    {
        string text = File.ReadAllText(Path.Combine(s_directory, name));
        var result = ConfigLoader.LoadText(text, name, new() { ConfigId = "backup", RandomSeed = 1 }, new MemoryFiles());
        string actual = DiagnosticPrinter.ToText(result.Diagnostics) + CheckCommand.Summary(result) + "\n";
        string expected = Path.ChangeExtension(name, ".expected");
        if (Environment.GetEnvironmentVariable("VRRP_REWRITE_EXPECTED") == "1")
        {
            File.WriteAllText(Path.Combine(SourceDirectory(), "Samples", expected), actual);
            return;
        }

        Assert.Equal(File.ReadAllText(Path.Combine(s_directory, expected)), actual, ignoreLineEndingDifferences: true);
    }

    [Fact]
    public void First_configuration_of_operators_runs_with_its_missing_brace()
    {
        var result = LoadSample("issue-master01.conf");
        var instance = Assert.Single(result.Config!.Instances);
        Assert.Equal("VI_1", instance.Name);
        Assert.Equal("enp103s0f0", instance.Interface);
        Assert.Equal("9.9.9.9/32", Assert.Single(instance.VirtualAddresses).ToString());
        Assert.Equal("it.163.c"u8.ToArray(), instance.Authentication!.Password.Bytes.ToArray());
        Assert.Equal("master01", result.Config.GlobalDefs.RouterId);
        var server = Assert.Single(result.Config.VirtualServers);
        Assert.Equal("[9.9.9.9]:tcp:205", server.Name);
        Assert.Equal(2, server.RealServers.Length);
        Assert.All(server.RealServers, real => Assert.Equal(3, Assert.IsType<TcpCheck>(Assert.Single(real.Checks)).Retries));
    }

    [Fact]
    public void Second_configuration_of_operators_runs_with_both_missing_braces()
    {
        var result = LoadSample("issue-lvs-devel.conf");
        var instance = Assert.Single(result.Config!.Instances);
        Assert.Equal((51, 100), (instance.VirtualRouterId.Value, instance.Priority.Value));
        Assert.Equal("192.168.1.169/32", Assert.Single(instance.VirtualAddresses).ToString());
        Assert.Equal("VI_1", Assert.Single(Assert.Single(result.Config.SyncGroups).Members));
        Assert.Equal("VG1", instance.SyncGroup);
        var server = Assert.Single(result.Config.VirtualServers);
        Assert.Equal(("[192.168.1.169]:tcp:80", 2), (server.Name, server.RealServers.Length));
    }

    [Theory]
    [InlineData("issue-master01.conf", "it.163")]
    [InlineData("issue-lvs-devel.conf", "33210")]
    [InlineData("mistakes-keywords.conf", "1111")]
    [InlineData("leniency.conf", "correct")]
    public void No_password_is_ever_shown(string name, string password)
    {
        var result = LoadSample(name);
        Assert.DoesNotContain(password, DiagnosticPrinter.ToText(result.Diagnostics), StringComparison.Ordinal);
        if (result.Config is { } config)
            Assert.DoesNotContain(password, string.Concat(config.Instances.Select(i => i.ToString())), StringComparison.Ordinal);
    }

    [Fact]
    public void What_keepalived_accepts_gives_no_errors()
    {
        // Needs keepalived and a network namespace of its own; where they are missing there is nothing to compare with.
        if (!File.Exists("/usr/sbin/keepalived") || Environment.UserName != "root")
            return;
        string setup = "ip link set lo up; "
            + "for i in 0 2 4; do ip link add eth$i type veth peer name eth$((i+1)) && ip link set eth$i up && ip link set eth$((i+1)) up || exit 99; done; "
            + "ip addr add 10.0.0.9/24 dev eth0; ip addr add 192.168.1.2/24 dev eth1; ";
        using var shell = Process.Start(new ProcessStartInfo("unshare")
        {
            ArgumentList = { "-n", "sh", "-c", setup + "cd " + s_directory + "; for f in *.conf; do timeout 20 keepalived -t -i backup -f $PWD/$f >/dev/null 2>&1; echo $f $?; done" },
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        string output = shell.StandardOutput.ReadToEnd();
        shell.WaitForExit();
        if (shell.ExitCode == 99)
            return;
        string[] accepted = [.. output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Where(l => l.EndsWith(" 0", StringComparison.Ordinal)).Select(l => l.Split(' ')[0])];
        foreach (string name in accepted)
            Assert.Equal((name, 0), (name, LoadSample(name).Count(DiagnosticSeverity.Error)));
        Assert.True(output.Length == 0 || accepted.Length >= 4, output);
    }

    private static LoadResult LoadSample(string name) => ConfigLoader.Load(Path.Combine(s_directory, name), new() { ConfigId = "backup" });

    private static string SourceDirectory([CallerFilePath] string path = "") => Path.GetDirectoryName(path)!;
}
