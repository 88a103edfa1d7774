using System.Reflection;
using System.Text.RegularExpressions;
using Vrrp.Daemon.Configuration.Diagnostics;
using Vrrp.Packets;
using Vrrp.Tests.Fuzzing.Targets;

namespace Vrrp.Tests.Fuzzing;

/// <summary>The stored corpus reaches every reason to reject a packet and every finding that the text of a configuration can have.</summary>
public partial class CoverageTests
{
    /// <summary>Findings that no text of a file leads to.</summary>
    private static readonly Dictionary<string, string> s_unreachable = new()
    {
        ["VRRP0002"] = "the file is missing",
        ["VRRP0003"] = "the file cannot be read",
        ["VRRP0004"] = "the file is executable",
        ["VRRP0005"] = "the name matches several files",
        ["VRRP0527"] = "a group of 65,536 services is more than an execution may take",
    };

    [Theory]
    [InlineData("frame")]
    [InlineData("engine")]
    public void Every_reason_to_reject_a_packet_is_in_the_corpus(string target)
    {
        var reached = ReachedBy(target);
        // The engine counts reasons; that a packet was accepted is another counter.
        var expected = Enum.GetValues<PacketRejection>().Where(reason => target == "frame" || reason != PacketRejection.None);

        Assert.Equal([], expected.Except(Enum.GetValues<PacketRejection>().Where(reason => reached.Contains(new Feature(RejectionFeatures.Of(reason), 0)))));
    }

    [Fact]
    public void Every_finding_that_a_text_can_have_is_in_the_corpus()
    {
        var reached = ReachedBy("configuration").Select(feature => feature.What).ToHashSet();

        Assert.Empty(Catalogue().Select(entry => entry.Code).Distinct().Except(s_unreachable.Keys).Except(reached));
        Assert.Empty(s_unreachable.Keys.Intersect(reached));
    }

    [Fact]
    public void Every_code_is_that_of_one_finding()
    {
        Assert.True(Catalogue().Count() > 100);
        Assert.All(Catalogue().GroupBy(entry => entry.Code), group => Assert.Equal([group.First().Method], group.Select(entry => entry.Method)));
    }

    /// <summary>Rarer things that inputs lead to, so that the corpus and the changes to it stay good for something.</summary>
    [Theory]
    [InlineData("frame", "header: IPv4 with options", 0)]
    [InlineData("frame", "header: IPv6 with more headers", 0)]
    [InlineData("frame", "header: IPv6 cut short", 0)]
    [InlineData("frame", "accepted with addresses", 8)]
    [InlineData("frame", "accepted with notes", 3)]
    [InlineData("frame", "accepted with checksum", (long)VrrpChecksum.WithMulticastPseudoHeader)]
    [InlineData("engine", "SecondMasterHeard", 0)]
    [InlineData("engine", "OwnAddressHeard", 0)]
    [InlineData("engine", "AdvertisementDiffers", 0)]
    [InlineData("engine", "accepted by delayed as Master", 0)]
    [InlineData("engine", "ends member b as Backup", 0)]
    [InlineData("engine", "ends v6 as Backup", 0)]
    [InlineData("datagram", "hop limit", -1)]
    [InlineData("datagram", "hop limit", 255)]
    [InlineData("netlink", "answer: words", 0)]
    [InlineData("netlink", "verdict: failed with words", 0)]
    [InlineData("netlink", "notifications: complete", 0)]
    [InlineData("netlink", "record with label", 1)]
    [InlineData("netlink", "told of ours", 1)]
    [InlineData("netlink", "told of interfaces gone", 1)]
    [InlineData("announcement", "written", 0)]
    [InlineData("announcement", "written", 6)]
    [InlineData("announcement", "refused for its room", 3)]
    [InlineData("announcement", "refused for its arguments", 5)]
    [InlineData("reload", "change", (long)Daemon.Configuration.InstanceChangeKind.Restarted)]
    [InlineData("reload", "renamed", 0)]
    [InlineData("reload", "ends", (long)VrrpState.Master)]
    [InlineData("printer", "hidden", 1)]
    public void The_corpus_leads_far(string target, string what, long number) =>
        Assert.Contains(new Feature(what, number), ReachedBy(target));

    private static HashSet<Feature> ReachedBy(string name)
    {
        using var target = FuzzTargets.Make(name);
        using var fuzzer = new Fuzzer(target, 1);
        return [.. FuzzCorpus.Of(name).SelectMany(entry => fuzzer.Reaches(entry.Input))];
    }

    /// <summary>The codes in the methods that report them, as they are compiled.</summary>
    private static IEnumerable<(string Code, string Method)> Catalogue()
    {
        const byte loadString = 0x72;
        foreach (var method in typeof(DiagnosticBag).GetMethods(BindingFlags.Public | BindingFlags.Instance | BindingFlags.DeclaredOnly))
        {
            byte[] code = method.GetMethodBody()?.GetILAsByteArray() ?? [];
            for (int i = 0; i + 4 < code.Length; i++)
            {
                int token = BitConverter.ToInt32(code, i + 1);
                if (code[i] == loadString && token >> 24 == 0x70 && CodePattern().IsMatch(method.Module.ResolveString(token)))
                    yield return (method.Module.ResolveString(token), method.Name);
            }
        }
    }

    [GeneratedRegex("^VRRP[0-9]{4}$")]
    private static partial Regex CodePattern();
}
