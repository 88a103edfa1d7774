using Vrrp.Daemon.Failover;
using Vrrp.Tests.Engine;

namespace Vrrp.Tests.Failover;

/// <summary>keepalived's statistics file: what programs that read it expect, in a directory that everyone may write to.</summary>
public sealed class StatisticsTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("vrrp-statistics-test-");

    private string StatsPath => Path.Combine(_folder.FullName, "keepalived.stats");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void The_counters_are_laid_out_as_keepalived_does()
    {
        var lan = new ScenarioLan();
        var node = lan.AddNode("A");
        node.Add(ScenarioNode.Config());
        lan.RunTo(10);
        Assert.Equal(VrrpState.Master, node.State());
        node.Hear(200);
        node.Hear(0);
        node.Arrive(ScenarioNode.Packet(90, "10.0.0.200") with { HopLimit = 64 });
        lan.RunTo(20);
        var status = node.Router().Snapshot();

        Assert.Equal(
            $"""
            VRRP Instance: vr
              Advertisements:
                Received: 2
                Sent: {status.Counters.AdvertisementsSent}
              Became master: 2
              Released master: 1
              Packet Errors:
                Length: 0
                TTL: 1
                Invalid Type: 0
                Advertisement Interval: 0
                Address List: 0
              Authentication Errors:
                Invalid Type: 0
                Type Mismatch: 0
                Failure: 0
              Priority Zero:
                Received: 1
                Sent: 0

            """,
            StatisticsText.Of([status]));
    }

    [Fact]
    public void A_link_with_its_name_is_replaced_and_not_followed()
    {
        string victim = Path.Combine(_folder.FullName, "shadow");
        File.WriteAllText(victim, "secret");
        File.CreateSymbolicLink(StatsPath, victim);
        StatisticsFile.Write(StatsPath, "first");
        StatisticsFile.Write(StatsPath, "second");

        Assert.Equal("secret", File.ReadAllText(victim));
        Assert.Equal("second", File.ReadAllText(StatsPath));
        Assert.Null(new FileInfo(StatsPath).LinkTarget);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(StatsPath));
        Assert.Equal(2, _folder.GetFiles().Length);
    }

    [Fact]
    public void A_file_of_another_is_not_written_to()
    {
        File.WriteAllText(StatsPath, "theirs");
        using var theirs = File.OpenText(StatsPath);
        StatisticsFile.Write(StatsPath, "ours");

        Assert.Equal("theirs", theirs.ReadToEnd());
        Assert.Equal("ours", File.ReadAllText(StatsPath));
    }

    [Fact]
    public void A_directory_in_its_place_is_an_error_that_leaves_nothing()
    {
        Directory.CreateDirectory(StatsPath);

        Assert.Throws<IOException>(() => StatisticsFile.Write(StatsPath, "text"));
        Assert.Empty(_folder.GetFiles());
    }
}
