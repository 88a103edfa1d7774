using System.Collections.Immutable;
using Vrrp.Packets;
using Vrrp.Simulation;
using Kind = Vrrp.Simulation.ScenarioDisturbanceKind;

namespace Vrrp.Tests.Simulation;

/// <summary>What a scenario has to be so that it runs, and what makes two of them equal.</summary>
public class ScenarioRulesTests
{
    private static readonly Scenario Pair = Scenario.Parse("""
        node A
          router web vrid 51 priority 200 address 10.0.0.254
          router own vrid 52 priority 255 address 10.0.0.1
        node B
          router web vrid 51 address 10.0.0.254
        end 10s
        """);

    [Fact]
    public void A_run_refuses_what_a_text_could_not_say()
    {
        static ScenarioDisturbance At(int seconds, Kind kind, string? node = null, string? target = null, string? words = null, double value = 0) =>
            new() { At = TimeSpan.FromSeconds(seconds), Kind = kind, Node = node, Target = target, Words = words, Value = value };
        var crash = At(5, Kind.Crash, "A");
        Refused("Disturbances[1]: there is no node 'C'", crash, At(6, Kind.Crash, "C"));
        Refused("Disturbances[0]: it names no node", At(6, Kind.Crash));
        Refused("Disturbances[0]: node A has no router 'ftp'", At(1, Kind.Leave, "A", "ftp"));
        Refused("Disturbances[0]: node A has no router 'ftp'", At(1, Kind.Rejoin, "A", "ftp"));
        Refused("Disturbances[0]: it names no router", At(1, Kind.Rejoin, "A"));
        Refused("Disturbances[0]: a setting is missing at the end", At(1, Kind.Reconfigure, "A", "web"));
        Refused("Disturbances[0]: 'odd' is no setting of a router", At(1, Kind.Reconfigure, "A", "web", "odd"));
        Refused("Disturbances[1]: 4s comes before 5s, the time of the disturbance above", crash, At(4, Kind.Start, "A"));
        Refused("End: the end at 10s comes before the last disturbance at 11s", At(11, Kind.Start, "A"));
        Refused("Disturbances[0]: '2' is no number from 0 to 1", At(1, Kind.Loss, value: 2));
        Refused("Disturbances[0]: 'NaN' is no number from 0 to 1", At(1, Kind.Loss, value: double.NaN));
        Refused("Disturbances[0]: '7.5' is no whole number from 1 to 254", At(1, Kind.Priority, "A", "web", value: 7.5));
        Refused("Disturbances[0]: it has to last", At(1, Kind.Freeze, "A"));
        Refused("Disturbances[0]: A has no way to itself", At(1, Kind.Cut, "A", "A"));
        Refused("Disturbances[0]: '' is no address", At(1, Kind.AddressTaken, "A"));
        Refused("Disturbances[0]: it names no node that sends", At(1, Kind.Loss, target: "B", value: 0.5));
        Refused("Disturbances[0]: it names no other node", At(1, Kind.Loss, "A", value: 0.5));
        Refused("Disturbances[0]: A has no way to itself", At(1, Kind.Reordering, "A", "A", value: 0.5));
        Refused("Disturbances[0]: 'eth2' is no interface", At(1, Kind.LinkUp, "A", words: "eth2"));
        Refused("Disturbances[0]: it names no node", At(1, Kind.RemovalsRefused));
        Refused("Disturbances[0]: there is no node 'C'", At(1, Kind.EventsLost, "C"));
        Refuse("Nodes[0].Routers[0]: 'eth2' is no interface", Tracking(new TrackedInterface("eth2")));
        Refuse("Nodes[0].Routers[0]: '-254' is no weight from -253 to 253", Tracking(new TrackedInterface("eth1", -254)));
        Refused("Disturbances[0]: '999' is no disturbance", At(1, (Kind)999));
        Refuse("Delay: 2d is too long", Pair with { Delay = TimeSpan.FromDays(2) });
        Refuse("End: ", Pair with { End = TimeSpan.MaxValue });
        Refuse("End: -1000000us is no time", Pair with { End = TimeSpan.FromSeconds(-1) });
        Refuse("Nodes[1]: there is a node 'A' already", Pair with { Nodes = [Pair.Nodes[0], Pair.Nodes[0]] });
        Refuse("Nodes[0]: 'A B' cannot be a name", Pair with { Nodes = [Pair.Nodes[0] with { Name = "A B" }] });
        Refuse("Nodes[0].Routers[1]: node A has a router 'web' already", Pair with
        {
            Nodes = [Pair.Nodes[0] with { Routers = [Pair.Nodes[0].Routers[0], Pair.Nodes[0].Routers[0]] }],
        });
        Refuse("Nodes: there is no list", Pair with { Nodes = default });

        static Scenario Tracking(TrackedInterface tracked) => Pair with
        {
            Nodes = [Pair.Nodes[0] with { Routers = [new(Pair.Nodes[0].Routers[0].Config with { TrackedInterfaces = [tracked] })] }],
        };
        static void Refused(string message, params ScenarioDisturbance[] disturbances) => Refuse(message, Pair with { Disturbances = [.. disturbances] });
        static void Refuse(string message, Scenario scenario) =>
            Assert.StartsWith(message, Assert.Throws<ArgumentException>(() => scenario.Run()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_end_that_was_not_named_is_the_last_disturbance()
    {
        var crash = new ScenarioDisturbance { At = TimeSpan.FromSeconds(5), Kind = Kind.Crash, Node = "A" };
        var scenario = Pair with { End = TimeSpan.Zero, Disturbances = [crash] };
        Assert.EndsWith("at 5s crash A\nend 5s\n", scenario.ToString(), StringComparison.Ordinal);
        Assert.Equal(scenario, Scenario.Parse(scenario.ToString()));
        // Three routers, of which two end with the crash.
        Assert.Equal(15, scenario.Run().RouterTime.TotalSeconds);
    }

    [Theory]
    [InlineData("end 100000000d", "'100000000d' is too long: no time is longer than 36500d")]
    [InlineData("end 36501d", "'36501d' is too long")]
    [InlineData("at 1s freeze A 999999999999999999999d", "'999999999999999999999d' is too long")]
    [InlineData("at 99999999d heal", "'99999999d' is too long")]
    [InlineData("delay 2d", "2d is too long: a packet is under way for 0s to 1d")]
    [InlineData("jitter 1000000ms\ndelay 25h", "25h is too long")]
    [InlineData("at 1s delay 2d", "2d is too long")]
    [InlineData("at 1s jitter 2d", "2d is too long")]
    [InlineData("at 1s freeze A 0s", "it has to last")]
    [InlineData("at 1s cut A A", "A has no way to itself")]
    [InlineData("at 1s clock A 100\nend 1000d", "the fastest clock would come to more than 36500d")]
    [InlineData("at 1s reconfigure A web vrid 9", "interface, VRID, family, version, group, ownership and unicast of a running router cannot change")]
    [InlineData("at 1s reconfigure A web priority 255", "interface, VRID")]
    [InlineData("at 1s priority A own 100", "router own of node A is the owner of its addresses")]
    [InlineData("at 1s reconfigure A web interval 200s", "VRRP version 3 advertises every 10 ms to 40.95 s.")]
    [InlineData("at 1s misconfigure A web priority 50", "'priority 50' would not be refused; such a change is 'reconfigure'")]
    [InlineData("at 1s misconfigure A web name ftp", "'name ftp' would not be refused")]
    [InlineData("at 1s reconfigure A web preempt-delay 366d", "366d is too long: a router waits for 0s to 365d")]
    [InlineData("at 1s part A,C", "there is no node 'C'")]
    [InlineData("at 1s reordering 0.5 2d", "2d is too long: a packet is under way for 0s to 1d")]
    [InlineData("at 1s reordering 0.5 2s A C", "there is no node 'C'")]
    [InlineData("at 1s reconfigure A web track eth2", "'eth2' is no interface; there are eth0 and eth1")]
    [InlineData("at 1s reconfigure A web track eth1:254", "'254' is no weight from -253 to 253")]
    [InlineData("at 1s reconfigure A web track eth1:much", "'much' is no weight")]
    public void What_the_text_decides_is_refused_with_its_line(string lines, string message)
    {
        string before = string.Concat(Pair.ToString().Split('\n').SkipLast(2).Select(line => line + "\n"));
        int line = (before + lines).Split('\n').Length;
        Assert.StartsWith($"line {line}: {message}", Assert.Throws<FormatException>(() => Scenario.Parse(before + lines)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_longest_times_there_are_can_be_run()
    {
        var result = Scenario.Parse("""
            node A clock 0.01
              router web start 365d vrid 51 preempt-delay 365d address 10.0.0.254
            at 1s crash A
            at 36500d freeze A 36500d
            """).Run();
        Assert.Empty(result.Violations);
        Assert.Contains("'freeze A 36500d' has no effect", result.Timeline, StringComparison.Ordinal);
    }

    [Fact]
    public void What_only_the_run_decides_is_told_when_it_has_no_effect()
    {
        var result = Scenario.Parse("""
            node A
              router web vrid 51 priority 200 address 10.0.0.254
              router ftp vrid 52 address 10.0.0.253
            node B
              router web vrid 51 address 10.0.0.254
            at 1s start A
            at 2s leave A ftp
            at 3s misconfigure A web name ftp
            at 4s handover A ftp
            at 5s freeze A 2s
            at 6s priority A web 50
            at 8s reconfigure A web name www
            at 9s rejoin A web
            at 10s rejoin A ftp
            at 11s reconfigure A ftp name www
            at 12s crash A 1
            end 20s
            """).Run();

        Assert.Empty(result.Violations);
        Assert.Equal(
            [
                "1.000000 s  A         'start A' has no effect", "3.000000 s  A         'misconfigure A web name ftp' has no effect",
                "4.000000 s  A         'handover A ftp' has no effect", "6.000000 s  A         'priority A web 50' has no effect",
                "9.000000 s  A         'rejoin A web' has no effect", "11.000000 s  A         'reconfigure A ftp name www' has no effect",
            ],
            result.Timeline.Split('\n').Where(line => line.EndsWith("has no effect", StringComparison.Ordinal)).Select(line => line.Trim()));
        Assert.Equal(1, result.Disturbances[Kind.Rejoin]);
        Assert.DoesNotContain(Kind.Misconfigure, result.Disturbances);
    }

    [Fact]
    public void Small_numbers_are_written_as_they_are_read()
    {
        foreach (double value in (double[])[0.00001, 1E-10, 0.1234567890123456, 1 / 3.0, 1E-30, double.Epsilon, 1])
        {
            string line = new ScenarioDisturbance { At = TimeSpan.Zero, Kind = Kind.Loss, Value = value }.ToString();
            Assert.Equal(value, Assert.Single(Scenario.Parse(line).Disturbances).Value);
        }

        Assert.Equal("at 0s loss 0.00001", new ScenarioDisturbance { At = TimeSpan.Zero, Kind = Kind.Loss, Value = 0.00001 }.ToString());
    }

    /// <summary>Each setting of a router, and a value that is not the default.</summary>
    public static TheoryData<string> Settings => [.. Changes.Keys];

    private static readonly Dictionary<string, Func<VirtualRouterConfig, VirtualRouterConfig>> Changes = new()
    {
        ["Name"] = config => config with { Name = "other" },
        ["Interface"] = config => config with { Interface = "eth1" },
        ["VirtualRouterId"] = config => config with { VirtualRouterId = new(7) },
        ["Version"] = config => config with { Version = VrrpVersion.V2 },
        ["Family"] = config => config with { Family = IPFamily.IPv6, VirtualAddresses = [VirtualAddress.Host(IPAddressValue.Parse("fe80::100"))] },
        ["Priority"] = config => config with { Priority = new(7) },
        ["AdvertisementInterval"] = config => config with { AdvertisementInterval = AdvertisementInterval.FromSeconds(7) },
        ["VirtualAddresses"] = config => config with { VirtualAddresses = [config.VirtualAddresses[0] with { Label = "eth0:1" }] },
        ["ExcludedAddresses"] = config => config with { ExcludedAddresses = [VirtualAddress.Host(IPAddressValue.Parse("10.0.0.9"))] },
        ["Preempt"] = config => config with { Preempt = false },
        ["PreemptDelay"] = config => config with { PreemptDelay = TimeSpan.FromSeconds(7) },
        ["AcceptMode"] = config => config with { AcceptMode = false },
        ["Password"] = config => config with { Version = VrrpVersion.V2, Password = SimplePassword.From("other") },
        ["SourceAddress"] = config => config with { SourceAddress = IPAddressValue.Parse("10.0.0.1") },
        ["TrackSourceAddress"] = config => config with { TrackSourceAddress = true },
        ["UnicastPeers"] = config => config with { UnicastPeers = [new(IPAddressValue.Parse("10.0.0.2"), 1, 64)] },
        ["UnicastHopLimit"] = config => config with { UnicastHopLimit = 64 },
        ["CheckUnicastSource"] = config => config with { CheckUnicastSource = true },
        ["MulticastGroup"] = config => config with { MulticastGroup = IPAddressValue.Parse("224.0.0.99") },
        ["Checksum"] = config => config with { Checksum = VrrpChecksum.MessageOnly },
        ["RequireSameChecksum"] = config => config with { RequireSameChecksum = true },
        ["DownTimerAdverts"] = config => config with { DownTimerAdverts = 7 },
        ["AnswerLowerPriority"] = config => config with { AnswerLowerPriority = false },
        ["AdvertiseBeforeYield"] = config => config with { AdvertiseBeforeYield = true },
        ["OwnerIgnoresAdvertisements"] = config => config with { OwnerIgnoresAdvertisements = true },
        ["AddressListCheck"] = config => config with { AddressListCheck = AddressListCheck.Off },
        ["RequireLinkLocalFirst"] = config => config with { RequireLinkLocalFirst = true },
        ["Announcements"] = config => config with { Announcements = new() { Repeat = 1 } },
        ["TrackedInterfaces"] = config => config with { TrackedInterfaces = [new("eth1")] },
        ["TrackPrimaryInterface"] = config => config with { TrackPrimaryInterface = false },
        ["SyncGroup"] = config => config with { SyncGroup = "both" },
    };

    [Fact]
    public void No_setting_is_forgotten() => Assert.Equal(
        typeof(VirtualRouterConfig).GetProperties().Where(property => property.CanWrite).Select(property => property.Name).Order(),
        Changes.Keys.Order());

    [Theory]
    [MemberData(nameof(Settings))]
    public void A_scenario_that_differs_in_a_setting_is_another_and_its_text_says_so(string setting)
    {
        var plain = With(config => config);
        Assert.Equal(plain, With(config => config with { VirtualAddresses = [.. config.VirtualAddresses] }));
        var changed = With(Changes[setting]);

        Assert.NotEqual(plain, changed);
        Assert.Equal(changed, With(Changes[setting]));
        Assert.Equal(changed.GetHashCode(), With(Changes[setting]).GetHashCode());
        string? text = null;
        try
        {
            text = changed.ToString();
        }
        catch (NotSupportedException exception)
        {
            Assert.Contains($"Router A/web cannot be written: there is no word for {setting}.", exception.Message, StringComparison.Ordinal);
        }

        if (text is not null)
            Assert.Equal(changed, Scenario.Parse(text));

        static Scenario With(Func<VirtualRouterConfig, VirtualRouterConfig> change) => new()
        {
            Nodes = [new() { Name = "A", Routers = [new(change(Rehearsal.Config()))] }],
        };
    }

    [Fact]
    public void The_shrinker_keeps_what_it_cannot_write()
    {
        var scenario = Pair with
        {
            Nodes = Pair.Nodes.SetItem(1, Pair.Nodes[1] with
            {
                Routers = [new(Pair.Nodes[1].Routers[0].Config with { MulticastGroup = IPAddressValue.Parse("224.0.0.99") })],
            }),
        };
        bool Fails(Scenario candidate) => candidate.Nodes.Any(node => node.Routers.Any(router => !router.Config.MulticastGroup.IsNone));
        Assert.Equal(scenario, ScenarioShrinker.Shrink(scenario, Fails));
        // Without that router it can be made smaller.
        Assert.Single(ScenarioShrinker.Shrink(scenario, candidate => candidate.Nodes.Any(node => node.Name == "A")).Nodes);
    }
}
