using Vrrp.Daemon.Configuration;
using Vrrp.Daemon.Configuration.Model;
using static Vrrp.Tests.Configuration.ConfigurationTesting;

namespace Vrrp.Tests.Configuration;

public class ConfigDiffTests
{
    private const string Old = "priority 100\nauthentication {\nauth_type PASS\nauth_pass 1234\n}\ntrack_interface {\neth1\n}";

    [Theory]
    [InlineData(Old, "", "Unchanged", "")]
    [InlineData(Old + "\npriority 90", "", "Changed", "Priority")]
    [InlineData(Old + "\nvirtual_ipaddress {\n10.0.0.2\n}", "", "Changed", "VirtualAddresses")]
    [InlineData(Old + "\nadvert_int 2\nnopreempt", "", "Changed", "AdvertisementInterval,Preempt")]
    [InlineData(Old, "vrrp_garp_master_delay 9", "Changed", "Announcements")]
    [InlineData(Old + "\nvirtual_router_id 52", "", "Restarted", "VirtualRouterId")]
    [InlineData(Old + "\ninterface eth9", "", "Restarted", "Interface")]
    [InlineData(Old + "\nunicast_peer {\n10.0.0.8\n}", "", "Restarted", "UnicastPeers")]
    [InlineData("state MASTER\npriority 255\nauthentication {\nauth_type PASS\nauth_pass 1234\n}\ntrack_interface {\neth1\n}", "", "Restarted", "InitialState,Priority")]
    public void An_instance(string lines, string globals, string kind, string settings)
    {
        var change = Assert.Single(ConfigDiff.Create(Config(InstanceText(Old)), Config(InstanceText(lines, globals))).Instances);
        Assert.Equal((kind, settings), (change.Kind.ToString(), string.Join(',', change.Settings)));
    }

    [Fact]
    public void A_new_version_restarts() =>
        Assert.Equal(InstanceChangeKind.Restarted, ConfigDiff.Create(Config(InstanceText("")), Config(InstanceText("version 3"))).Instances[0].Kind);

    [Fact]
    public void A_password_alone_is_a_change()
    {
        var diff = ConfigDiff.Create(Config(InstanceText(Old)), Config(InstanceText(Old.Replace("1234", "4321", StringComparison.Ordinal))));
        Assert.Equal("Authentication", Assert.Single(diff.Instances[0].Settings));
    }

    [Fact]
    public void A_renamed_instance_is_the_same_router()
    {
        var diff = ConfigDiff.Create(Config(InstanceText(Old)), Config(InstanceText(Old).Replace("instance V", "instance W", StringComparison.Ordinal)));
        var change = Assert.Single(diff.Instances);
        Assert.True(change is { Kind: InstanceChangeKind.Unchanged, Renamed: true });
        Assert.False(diff.IsEmpty);
    }

    [Fact]
    public void Swapped_names_follow_the_router_not_the_name()
    {
        string Two(string a, string b) => InstanceText("").Replace("instance V", "instance " + a, StringComparison.Ordinal) + "\n"
            + InstanceText("").Replace("instance V", "instance " + b, StringComparison.Ordinal).Replace("51", "52", StringComparison.Ordinal).Replace("10.0.0.1\n", "10.0.0.2\n", StringComparison.Ordinal);
        var diff = ConfigDiff.Create(Config(Two("A", "B")), Config(Two("B", "A")));
        Assert.All(diff.Instances, i => Assert.True(i is { Kind: InstanceChangeKind.Unchanged, Renamed: true }));
        Assert.All(diff.Instances, i => Assert.Equal(i.Old!.VirtualRouterId, i.New!.VirtualRouterId));
    }

    [Fact]
    public void Added_removed_groups_statics_and_globals()
    {
        var empty = Config("");
        var full = Config(InstanceText("", "router_id x") + "\nvrrp_sync_group G {\ngroup { V }\n}\nstatic_ipaddress {\n10.9.0.1/24 dev eth1\n}");
        var added = ConfigDiff.Create(empty, full);
        Assert.Equal(InstanceChangeKind.Added, Assert.Single(added.Instances).Kind);
        Assert.Equal(("G", 1, true), (Assert.Single(added.ChangedGroups), added.AddedAddresses.Length, added.GlobalsChanged));
        var removed = ConfigDiff.Create(full, empty);
        Assert.Equal(InstanceChangeKind.Removed, Assert.Single(removed.Instances).Kind);
        Assert.Equal(("G", 1, true), (Assert.Single(removed.ChangedGroups), removed.RemovedAddresses.Length, removed.GlobalsChanged));
        Assert.True(ConfigDiff.Create(full, Config(InstanceText("", "router_id x") + "\n\nvrrp_sync_group G {\ngroup { V }\n}\nstatic_ipaddress {\n10.9.0.1/24 dev eth1\n}")).IsEmpty);
    }

    [Fact]
    public void Every_setting_of_an_instance_is_compared()
    {
        var properties = typeof(VrrpInstance).GetProperties().Select(p => p.Name).Except([nameof(VrrpInstance.Span), "EqualityContract"]).Order();
        Assert.Equal(properties, ConfigDiff.Settings.Select(s => s.Name).Order());
    }
}
