using System.Text.Json;
using Vrrp.Daemon.RealServers;
using Vrrp.Linux;
using Vrrp.Tests.Linux;
using static Vrrp.Tests.RealServers.RealServerHosts;

namespace Vrrp.Tests.RealServers;

/// <summary><c>vrrp realserver</c> for direct routing on the running kernel: settings, addresses and neighbour discovery belong to a namespace.</summary>
public sealed class DirectRouteTests : IDisposable
{
    private const string Vip = "10.0.0.100";
    private const string Vip6 = "fd77::100";

    private readonly RealServerHosts _hosts = new();

    public void Dispose() => _hosts.Dispose();

    [Fact]
    public async Task Frames_for_the_address_are_taken_and_requests_for_it_are_not_answered()
    {
        // Without the settings the real server would answer: the test can fail.
        Run(_hosts.Server, "ip", "address", "add", $"{Vip}/32", "dev", "lo");
        Assert.True(Pings(_hosts.Director, Vip, DirectorAddress, attempts: 3));
        Assert.True(AnswersArp(_hosts.Director, Vip));
        Run(_hosts.Server, "ip", "address", "del", $"{Vip}/32", "dev", "lo");
        _hosts.DirectorForgets();

        string before = _hosts.State();
        _hosts.Do("up", "--mode", "dr", "--vip", Vip, Vip6);
        Assert.False(AnswersArp(_hosts.Director, Vip));
        Assert.True(AnswersArp(_hosts.Director, ServerAddress));
        Assert.False(Pings(_hosts.Director, Vip, DirectorAddress));
        Assert.False(Pings(_hosts.Director, Vip6, DirectorAddress6));
        Assert.False(_hosts.DirectorKnows(Vip));
        Assert.False(_hosts.DirectorKnows(Vip6));
        Assert.True(Pings(_hosts.Director, ServerAddress, DirectorAddress, attempts: 3));
        Assert.True(Pings(_hosts.Director, ServerAddress6, DirectorAddress6, attempts: 3));

        // As a director does: to the hardware address, whatever the destination.
        foreach (string vip in (string[])[Vip, Vip6])
            Run(_hosts.Director, "ip", "neigh", "replace", vip, "lladdr", _hosts.MacOfServer(), "dev", "eth0", "nud", "permanent");
        Assert.True(Pings(_hosts.Director, Vip, DirectorAddress, attempts: 3));
        Assert.True(Pings(_hosts.Director, Vip6, DirectorAddress6, attempts: 3));
        Assert.EndsWith(Vip, await _hosts.GetPageAsync(Vip, DirectorAddress), StringComparison.Ordinal);
        Assert.EndsWith(Vip6, await _hosts.GetPageAsync(Vip6, DirectorAddress6), StringComparison.Ordinal);

        _hosts.Do("down");
        Assert.Equal(before, _hosts.State());
    }

    [Fact]
    public void Questions_of_the_real_server_never_name_the_address_as_their_sender()
    {
        _hosts.Do("up", "--mode", "dr", "--vip", Vip, Vip6);
        AskFrom(Vip, DirectorAddress);
        AskFrom(Vip6, DirectorAddress6);
        Assert.False(_hosts.DirectorKnows(Vip));
        Assert.False(_hosts.DirectorKnows(Vip6));
        // Without arp_announce it would have: what shows that the test can fail.
        _hosts.Set("ipv4/conf/all/arp_announce", 0);
        AskFrom(Vip, DirectorAddress);
        Assert.True(_hosts.DirectorKnows(Vip));

        void AskFrom(string source, string target)
        {
            Run(_hosts.Server, "ip", "neigh", "flush", "dev", "eth0", "nud", "all");
            Pings(_hosts.Server, target, source);
        }
    }

    [Fact]
    public void IPv6_address_is_never_chosen_where_the_host_has_another()
    {
        _hosts.Do("up", "--mode", "dr", "--vip", Vip6);
        Assert.Contains("deprecated", Run(_hosts.Server, "ip", "-6", "address", "show", "dev", "lo"), StringComparison.Ordinal);
        Assert.Contains($"src {ServerAddress6}", Run(_hosts.Server, "ip", "-6", "route", "get", DirectorAddress6), StringComparison.Ordinal);
    }

    [Fact]
    public void Check_tells_every_value_and_its_exit_status_the_verdict()
    {
        var (status, output) = _hosts.Vrrp("check", "--mode", "dr", "--vip", Vip, Vip6);
        Assert.Equal(2, status);
        Assert.Equal(
            """
            VALUE                           WANTED     FOUND
            lo                              up         up
            net.ipv4.conf.all.arp_ignore    1, 2 or 8  0        differs
            net.ipv4.conf.lo.arp_ignore     1, 2 or 8  0        differs
            net.ipv4.conf.all.arp_announce  2          0        differs
            net.ipv4.conf.lo.arp_announce   2          0        differs
            10.0.0.100/32                   on lo      missing  differs
            fd77::100/128                   on lo      missing  differs
            6 of 7 values differ.

            """,
            output);
        _hosts.Do("up", "--mode", "dr", "--vip", Vip, Vip6);
        Assert.EndsWith("All 7 values are as they must be.\n", _hosts.Do("check"), StringComparison.Ordinal);
        Assert.Equal("Nothing to do: all is as it must be.\n", _hosts.Do("up", "--mode", "dr", "--vip", Vip6, Vip));

        _hosts.Set("ipv4/conf/lo/arp_announce", 1);
        Run(_hosts.Server, "ip", "address", "del", $"{Vip6}/128", "dev", "lo");
        (status, output) = _hosts.Vrrp("check", "--json");
        Assert.Equal(2, status);
        using var json = JsonDocument.Parse(output);
        Assert.False(json.RootElement.GetProperty("matches").GetBoolean());
        Assert.Equal(2, json.RootElement.GetProperty("exitStatus").GetInt32());
        Assert.Equal(
            ["net.ipv4.conf.lo.arp_announce=1", "fd77::100/128=missing"],
            json.RootElement.GetProperty("values").EnumerateArray().Where(value => !value.GetProperty("matches").GetBoolean())
                .Select(value => $"{value.GetProperty("value").GetString()}={value.GetProperty("found").GetString()}"));

        Assert.Equal("net.ipv4.conf.lo.arp_announce: 1 -> 2\nfd77::100/128: added to lo\n", _hosts.Do("up", "--mode", "dr", "--vip", Vip6, Vip));
        _hosts.Do("check");
    }

    /// <summary>As after a reboot: it is a difference, not a mistake of whoever asks.</summary>
    [Fact]
    public void Check_before_any_up_differs()
    {
        const string Advice = "here since the machine started; to check by what there must be name it with both --vip and --mode.\n";
        string[][] lines = [[], ["--mode", "dr"], ["--vip", Vip], ["--json"]];
        foreach (string[] arguments in lines)
        {
            var (status, output) = _hosts.Vrrp(["check", .. arguments]);
            Assert.Equal(2, status);
            Assert.StartsWith($"error: 'up' has not put up {(arguments is ["--vip", _] ? Vip : "anything")} {Advice}", output, StringComparison.Ordinal);
            Assert.True(arguments is ["--json"] || output.EndsWith("1 of 1 value differs.\n", StringComparison.Ordinal), output);
        }

        using var json = JsonDocument.Parse(_hosts.Vrrp("check", "--json").Output.Split('\n', 2)[1]);
        Assert.Equal((false, 2), (json.RootElement.GetProperty("matches").GetBoolean(), json.RootElement.GetProperty("exitStatus").GetInt32()));
    }

    [Fact]
    public void Check_takes_the_mode_from_up_and_either_option_by_itself()
    {
        _hosts.Do("up", "--mode", "dr", "--vip", Vip, Vip6);
        Assert.EndsWith("All 6 values are as they must be.\n", _hosts.Do("check", "--vip", Vip), StringComparison.Ordinal);
        Assert.EndsWith("All 7 values are as they must be.\n", _hosts.Do("check", "--mode", "dr"), StringComparison.Ordinal);
        Assert.Equal(2, _hosts.Vrrp("check", "--mode", "tun").Status);
        var (status, output) = _hosts.Vrrp("check", "--vip", Vip, "10.0.0.101");
        Assert.Equal(2, status);
        Assert.Matches(@"\n10\.0\.0\.101 +put up +not by 'up' +differs\n", output);
        Assert.EndsWith("1 of 7 values differs.\n", output, StringComparison.Ordinal);
    }

    [Fact]
    public void Down_of_what_is_not_up_says_so_and_takes_the_rest_down()
    {
        string before = _hosts.State();
        _hosts.Do("up", "--mode", "dr", "--vip", Vip);
        Assert.Equal("Nothing to do.\n", _hosts.Do("down", "--mode", "tun"));
        var (status, output) = _hosts.Vrrp("down", "--vip", "10.0.0.101", Vip);
        Assert.Equal(2, status);
        Assert.Contains("10.0.0.100/32: removed from lo\n", output, StringComparison.Ordinal);
        Assert.Contains("note: 10.0.0.101: not put up by 'vrrp realserver up'; it is left as it is\n", output, StringComparison.Ordinal);
        Assert.Equal(before, _hosts.State());
        Assert.Equal("Nothing to do.\n", _hosts.Do("down"));
    }

    [Fact]
    public void Show_wants_nothing()
    {
        Assert.EndsWith("'vrrp realserver up' has put nothing up here.\n", _hosts.Do("show"), StringComparison.Ordinal);
        _hosts.Do("up", "--mode", "dr", "--vip", Vip);
        string[] lines = _hosts.Do("show", "--mode", "dr").Split('\n');
        Assert.Contains(lines, line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries) is ["lo", "up", "1", "2", "0", .. var addresses] && addresses.Contains($"{Vip}/32"));
        Assert.Contains(lines, line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries) is [Vip, "dr", "lo", "there", "removed"]);
        using var json = JsonDocument.Parse(_hosts.Do("show", "--json", "--vip", Vip));
        Assert.Equal(1, json.RootElement.GetProperty("all").GetProperty("arp_ignore").GetInt32());
        Assert.Equal(
            [$"{Vip}/32"],
            json.RootElement.GetProperty("devices").EnumerateArray().SelectMany(device => device.GetProperty("addresses").EnumerateArray()).Select(a => a.GetString()));
        Assert.Equal(Vip, json.RootElement.GetProperty("remembered").GetProperty("vips")[0].GetProperty("address").GetString());
    }

    [Fact]
    public void What_was_there_and_what_others_changed_stays()
    {
        Run(_hosts.Server, "ip", "address", "add", $"{Vip}/32", "dev", "lo");
        _hosts.Do("up", "--mode", "dr", "--vip", Vip, "10.0.0.101");
        _hosts.Set("ipv4/conf/all/arp_ignore", 8);
        Assert.Equal("10.0.0.101/32: removed from lo\n", _hosts.Do("down", "--vip", "10.0.0.101"));
        string output = _hosts.Do("down", "--vip", Vip, "--mode", "dr");
        Assert.Contains("note: 10.0.0.100/32: was on lo before 'up'; it stays\n", output, StringComparison.Ordinal);
        Assert.Contains("note: net.ipv4.conf.all.arp_ignore: stays 8; someone changed it", output, StringComparison.Ordinal);
        Assert.Equal((8, 0, 0, 0), (_hosts.Setting("ipv4/conf/all/arp_ignore"), _hosts.Setting("ipv4/conf/lo/arp_ignore"),
            _hosts.Setting("ipv4/conf/all/arp_announce"), _hosts.Setting("ipv4/conf/lo/arp_announce")));
        Assert.True(_hosts.Server.Has(Vip));
        Assert.Equal((2, "note: 10.0.0.100: not put up by 'vrrp realserver up'; it is left as it is\nNothing to do.\n"), _hosts.Vrrp("down", "--vip", Vip));
        Assert.True(_hosts.Server.Has(Vip));
    }

    [Fact]
    public void Address_that_would_be_announced_is_refused_and_nothing_is_changed()
    {
        Run(_hosts.Server, "ip", "address", "add", $"{Vip}/24", "dev", "eth0");
        string before = _hosts.State();
        var (status, output) = _hosts.Vrrp("up", "--mode", "dr", "--vip", Vip);
        Assert.Equal(2, status);
        Assert.Contains("Remove it: ip address del 10.0.0.100/24 dev eth0", output, StringComparison.Ordinal);
        Assert.Equal(before, _hosts.State());
        Assert.Equal(2, _hosts.Vrrp("check", "--mode", "dr", "--vip", Vip).Status);
    }

    [Fact]
    public void IPv6_that_is_disabled_is_a_reason_and_what_was_done_is_put_back()
    {
        _hosts.Set("ipv6/conf/lo/disable_ipv6", 1);
        string before = _hosts.State();
        var (status, output) = _hosts.Vrrp("up", "--mode", "dr", "--vip", Vip, Vip6);
        Assert.Equal(4, status);
        Assert.Contains("IPv6 is disabled there. Enable it: sysctl -w net.ipv6.conf.lo.disable_ipv6=0. What had been changed was put back: ", output, StringComparison.Ordinal);
        Assert.Equal(before, _hosts.State());
        Assert.False(File.Exists(_hosts.StatePath));
    }

    [Fact]
    public void Read_only_settings_of_a_container_are_a_reason()
    {
        string before = _hosts.State();
        var (status, output) = TryRun(_hosts.Server, "unshare", "--mount", "sh", "-c",
            "mount --bind /proc/sys /proc/sys && mount -o remount,bind,ro /proc/sys && exec \"$@\"", "sh",
            Linux.Lab.Director.VrrpCommand(), "realserver", "up", "--mode", "dr", "--vip", Vip, "--state", _hosts.StatePath);
        Assert.Equal(70, status);
        Assert.Contains("In a container /proc/sys is read-only", output, StringComparison.Ordinal);
        Assert.Contains("Nothing was changed.", output, StringComparison.Ordinal);
        Assert.Equal(before, _hosts.State());
    }

    [Fact]
    public void Without_the_permission_it_says_so()
    {
        var (status, output) = TryRun(_hosts.Server, "setpriv", "--bounding-set", "-net_admin", "--inh-caps", "-net_admin",
            Linux.Lab.Director.VrrpCommand(), "realserver", "up", "--mode", "dr", "--vip", Vip, "--state", _hosts.StatePath);
        Assert.Equal(4, status);
        Assert.Contains("CAP_NET_ADMIN is missing", output, StringComparison.Ordinal);
        Assert.Contains("Run it as root.", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("up", "--mode", "dr")]
    [InlineData("up", "--vip", Vip)]
    [InlineData("up", "--vip", Vip, "--mode", "nat")]
    [InlineData("up", "--mode", "dr", "--vip", "10.0.0.100/32")]
    [InlineData("up", "--mode", "dr", "--vip", "127.0.0.1")]
    [InlineData("check", "--mode", "nat")]
    [InlineData("check", "--vip", "web")]
    [InlineData("sideways")]
    public void Wrong_command_line_changes_nothing(params string[] arguments)
    {
        string before = _hosts.State();
        Assert.Equal(1, _hosts.Vrrp(arguments).Status);
        Assert.Equal(before, _hosts.State());
    }

    [Fact]
    public void Address_up_in_one_mode_cannot_be_taken_down_or_put_up_in_the_other()
    {
        _hosts.Do("up", "--mode", "dr", "--vip", Vip);
        string before = _hosts.State();
        Assert.Equal(1, _hosts.Vrrp("down", "--mode", "tun", "--vip", Vip).Status);
        Assert.Equal(2, _hosts.Vrrp("up", "--mode", "tun", "--vip", Vip).Status);
        Assert.Equal(before, _hosts.State());
    }

    [Fact]
    public void Each_namespace_has_a_state_of_its_own()
    {
        string server = _hosts.Server.Network.Run(RealServerStore.DefaultPath);
        Assert.StartsWith("/run/vrrp.realserver-", server, StringComparison.Ordinal);
        Assert.Equal(server, _hosts.Server.Network.Run(RealServerStore.DefaultPath));
        Assert.NotEqual(server, _hosts.Director.Network.Run(RealServerStore.DefaultPath));
    }
}
