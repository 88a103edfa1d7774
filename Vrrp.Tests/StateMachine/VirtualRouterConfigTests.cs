using Vrrp.Packets;

namespace Vrrp.Tests.StateMachine;

/// <summary>What a virtual router may be told, and what it is when it is told nothing.</summary>
public class VirtualRouterConfigTests
{
    private static readonly IPAddressValue LinkLocal = IPAddressValue.Parse("fe80::254");

    private static readonly VirtualRouterConfig Valid = new()
    {
        Name = "test",
        Interface = "eth0",
        VirtualRouterId = new(51),
        VirtualAddresses = [VirtualAddress.Host(IPAddressValue.Parse("192.0.2.254"))],
    };

    /// <summary>One mistake each, and a part of what is said about it.</summary>
    private static readonly Dictionary<string, VirtualRouterConfig> Mistakes = new()
    {
        ["needs a name"] = Valid with { Name = " " },
        ["needs an interface"] = Valid with { Interface = "" },
        ["VRID from 1 to 255"] = Valid with { VirtualRouterId = default },
        ["Priority 0"] = Valid with { Priority = default },
        ["IPv6 needs version 3"] = Valid with
        {
            Version = VrrpVersion.V2, Family = IPFamily.IPv6, VirtualAddresses = [VirtualAddress.Host(LinkLocal)],
        },
        ["in whole seconds"] = Valid with { Version = VrrpVersion.V2, AdvertisementInterval = AdvertisementInterval.FromCentiseconds(150) },
        ["every 10 ms to 40.95 s"] = Valid with { AdvertisementInterval = AdvertisementInterval.FromCentiseconds(4096) },
        ["has no authentication"] = Valid with { Password = SimplePassword.From("secret") },
        ["An empty password"] = Valid with { Version = VrrpVersion.V2, Password = default(SimplePassword) },
        ["at least one virtual address"] = Valid with { VirtualAddresses = [] },
        ["at most 255 addresses"] = Valid with
        {
            VirtualAddresses = [.. Enumerable.Range(0, 256).Select(i => VirtualAddress.Host(IPAddressValue.FromIPv4(0x0A00_0000u + (uint)i)))],
        },
        ["is not of family IPv4"] = Valid with { VirtualAddresses = [VirtualAddress.Host(LinkLocal)] },
        ["cannot be a virtual address"] = Valid with { ExcludedAddresses = [VirtualAddress.Host(IPAddressValue.Parse("224.0.0.18"))] },
        ["too long for"] = Valid with { VirtualAddresses = [Valid.VirtualAddresses[0] with { PrefixLength = 33 }] },
        ["Unicast peer"] = Valid with { UnicastPeers = [new(LinkLocal)] },
        ["no unicast peer"] = Valid with { UnicastPeers = [new(IPAddressValue.MulticastGroupIPv4)] },
        ["Source address"] = Valid with { SourceAddress = LinkLocal },
        ["no multicast group"] = Valid with { MulticastGroup = IPAddressValue.Parse("192.0.2.1") },
        ["cannot be negative"] = Valid with { Announcements = new() { Refresh = TimeSpan.FromSeconds(-1) } },
        ["counts 1 to 100"] = Valid with { DownTimerAdverts = 0 },
        ["preempt delay"] = Valid with { PreemptDelay = TimeSpan.FromSeconds(-1) },
        ["announced at least once"] = Valid with { Announcements = new() { Repeat = 0 } },
    };

    public static TheoryData<string> MistakeTexts => [.. Mistakes.Keys];

    [Fact] // VR-071, VR-237, VR-240
    public void Defaults_are_those_of_the_standard_but_for_accept_mode()
    {
        Assert.Equal(100, Valid.Priority.Value);
        Assert.Equal(100, Valid.AdvertisementInterval.Centiseconds);
        Assert.True(Valid is { Version: VrrpVersion.V3, Preempt: true, DownTimerAdverts: 3, AnswerLowerPriority: true, AdvertiseBeforeYield: false });
        Assert.Equal((TimeSpan.Zero, null), (Valid.PreemptDelay, Valid.Password));
        Assert.True(Valid.AcceptMode);
        Assert.Equal(IPAddressValue.MulticastGroupIPv4, Valid.Group);
        Assert.Equal(IPAddressValue.MulticastGroupIPv6, (Valid with { Family = IPFamily.IPv6 }).Group);
    }

    [Theory, MemberData(nameof(MistakeTexts))]
    public void A_mistake_is_refused_with_one_sentence(string text) =>
        Assert.Contains(text, Assert.Single(Mistakes[text].Validate()), StringComparison.Ordinal);

    [Theory] // VR-018, VR-069, VR-070
    [InlineData(VrrpVersion.V2, 99, false)]
    [InlineData(VrrpVersion.V2, 100, true)]
    [InlineData(VrrpVersion.V2, 101, false)]
    [InlineData(VrrpVersion.V2, 25500, true)]
    [InlineData(VrrpVersion.V3, 1, true)]
    [InlineData(VrrpVersion.V3, 101, true)]
    [InlineData(VrrpVersion.V3, 4095, true)]
    [InlineData(VrrpVersion.V3, 4100, false)]
    public void An_interval_is_one_that_its_version_can_express(VrrpVersion version, int centiseconds, bool isValid) =>
        Assert.Equal(
            isValid,
            (Valid with { Version = version, AdvertisementInterval = AdvertisementInterval.FromCentiseconds(centiseconds) }).Validate().Count == 0);

    [Fact]
    public void Numbers_beyond_their_field_cannot_be_made()
    {
        foreach (int beyond in (int[])[0, 256, -1])
            Assert.Throws<ArgumentOutOfRangeException>(() => new VirtualRouterId(beyond));
        foreach (int beyond in (int[])[256, -1])
            Assert.Throws<ArgumentOutOfRangeException>(() => new Priority(beyond));
        foreach (int beyond in (int[])[0, 25501, -1])
            Assert.Throws<ArgumentOutOfRangeException>(() => AdvertisementInterval.FromCentiseconds(beyond));
        Assert.Throws<ArgumentOutOfRangeException>(() => AdvertisementInterval.FromSeconds(256));
    }
}
