using Vrrp.Daemon.Tracking;
using Vrrp.Tests.Linux.Lab;

namespace Vrrp.Tests.Tracking;

/// <summary>Who may have a hand in what runs as root: what keepalived 2.2.7 refuses is refused, and nothing else.</summary>
public sealed class ScriptSecurityTests : IDisposable
{
    // Root's, and nobody else's.
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("vrrp-security-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Theory]
    [InlineData("0755", "root", "0755", "root", null)]
    [InlineData("0775", "root", "0755", "root", null)]
    [InlineData("0775", "adm", "0755", "root", "others than root may write to DIRECTORY")]
    [InlineData("1777", "root", "0755", "root", null)]
    [InlineData("1777", "adm", "0755", "root", null)]
    [InlineData("1775", "adm", "0755", "root", null)]
    [InlineData("0777", "root", "0755", "root", "others than root may write to DIRECTORY")]
    [InlineData("0755", "root", "0775", "root", null)]
    [InlineData("0755", "root", "0775", "adm", "others than root may write to SCRIPT")]
    [InlineData("0755", "root", "0757", "root", "others than root may write to SCRIPT")]
    [InlineData("0755", "root", "1757", "root", "others than root may write to SCRIPT")]
    public async Task Modes_and_groups(string directoryMode, string directoryGroup, string mode, string group, string? weakness)
    {
        string directory = Path.Combine(_folder.FullName, "d"), script = Path.Combine(directory, "s.sh");
        Directory.CreateDirectory(directory);
        await File.WriteAllTextAsync(script, "#!/bin/sh\n");
        await Tool.RunAsync("chgrp", [directoryGroup, directory]);
        await Tool.RunAsync("chmod", [directoryMode, directory]);
        await Tool.RunAsync("chgrp", [group, script]);
        await Tool.RunAsync("chmod", [mode, script]);

        Assert.Equal(
            weakness?.Replace("DIRECTORY", directory, StringComparison.Ordinal).Replace("SCRIPT", script, StringComparison.Ordinal),
            ScriptSecurity.FindWeakness(script));
    }

    [Fact]
    public async Task A_link_is_as_weak_as_where_it_leads()
    {
        string target = Path.Combine(_folder.FullName, "target"), link = Path.Combine(_folder.FullName, "link");
        await File.WriteAllTextAsync(target, "#!/bin/sh\n");
        File.CreateSymbolicLink(link, "target");
        Assert.Null(ScriptSecurity.FindWeakness(link));

        await Tool.RunAsync("chown", ["nobody", target]);
        Assert.Equal($"{target} does not belong to root", ScriptSecurity.FindWeakness(link));
    }

    [Fact]
    public void Accounts_that_are_there_are_found_and_others_are_not_taken_for_root()
    {
        Assert.NotNull(UserAccount.Resolve("nobody", null, out string? problem));
        Assert.Null(problem);
        Assert.Null(UserAccount.Resolve("no-such-user", null, out problem));
        Assert.Equal("there is no user 'no-such-user'", problem);
        Assert.Null(UserAccount.Resolve("nobody", "no-such-group", out problem));
        Assert.Equal("there is no group 'no-such-group'", problem);
    }
}
