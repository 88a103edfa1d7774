using System.Net;
using System.Net.NetworkInformation;
using Vrrp.Tests.Linux.Lab;
using Xunit.Abstractions;

namespace Vrrp.Tests.Linux.Interop;

/// <summary>
/// One story with two directors, told with each pair of daemons. Whatever the story, at its end tshark must have found every frame of
/// both directors sound, and every advert must carry what its director was configured with. Times are those of the capture.
/// </summary>
public abstract class InteropScenario(ITestOutputHelper output)
{
    private protected const int HighPriority = 150;
    private protected const int LowPriority = 100;

    // A timer that runs exactly as long as the protocol says may look this much shorter: capture and reception are two moments.
    private static readonly TimeSpan EarlyTolerance = TimeSpan.FromMilliseconds(5);

    // How late a takeover may be on a busy machine; the benchmark measures how late it is.
    private static readonly TimeSpan LateTolerance = TimeSpan.FromSeconds(1.5);

    private static readonly PhysicalAddress Group4 = PhysicalAddress.Parse("01:00:5e:00:00:12");
    private static readonly PhysicalAddress Group6 = PhysicalAddress.Parse("33:33:00:00:00:12");

    private readonly Dictionary<(PhysicalAddress Source, int Vrid), (VirtualRouterSpec Router, Director Director)> _expected = [];
    private readonly HashSet<(Director Director, int Priority)> _priorities = [];

    private protected Laboratory Lab { get; private set; } = null!;

    private protected Director A { get; private set; } = null!;

    private protected Director B { get; private set; } = null!;

    /// <summary>The virtual routers of the story.</summary>
    private protected abstract IReadOnlyList<VirtualRouterSpec> Routers { get; }

    private protected VirtualRouterSpec Router => Routers[0];

    /// <summary>Configuration blocks beside the instances.</summary>
    private protected virtual string FurtherBlocks => "";

    [Theory, Trait("Director", "Keepalived")]
    [InlineData(DirectorKind.Keepalived, DirectorKind.Keepalived)]
    public Task Keepalived_with_itself(DirectorKind a, DirectorKind b) => RunAsync(a, b);

    [Theory, Trait("Director", "Vrrp")]
    [InlineData(DirectorKind.Keepalived, DirectorKind.Vrrp)]
    [InlineData(DirectorKind.Vrrp, DirectorKind.Keepalived)]
    [InlineData(DirectorKind.Vrrp, DirectorKind.Vrrp)]
    public Task Vrrp_with(DirectorKind a, DirectorKind b) => RunAsync(a, b);

    private protected abstract Task PlayAsync();

    /// <summary>A is Master, B is Backup, and the client knows where the addresses are.</summary>
    private protected async Task ElectAsync()
    {
        await BecomeMasterAsync(A, HighPriority);
        await JoinAsBackupAsync(B, LowPriority);
        await AssertOnlyHolderAsync(A);
        await AssertClientReachesAsync(A);
    }

    private protected async Task BecomeMasterAsync(Director director, int priority, string extra = "")
    {
        var mark = Mark();
        await StartAsync(director, priority, extra);
        await WaitForMasterAsync(director, mark);
        await WaitForAnnouncementsAsync(director, mark);
    }

    private protected async Task JoinAsBackupAsync(Director director, int priority, string extra = "")
    {
        var mark = Mark();
        await StartAsync(director, priority, extra);
        foreach (var router in Routers)
            await director.WaitForBackupAsync(router.Name);
        await WaitForAdvertsAsync(Peer(director), 1);
        AssertSilent(director, mark);
    }

    private protected Task StartAsync(Director director, int priority, string extra = "") => StartAsync(director, priority, Routers, extra);

    private protected Task StartAsync(Director director, int priority, IReadOnlyList<VirtualRouterSpec> routers, string extra = "") =>
        director.StartAsync(Configure(director, priority, routers, extra));

    /// <summary>Writes a configuration and remembers what the adverts must look like from now on.</summary>
    private protected string Configure(Director director, int priority, IReadOnlyList<VirtualRouterSpec> routers, string extra = "")
    {
        Expect(director, priority, routers);
        var blocks = routers.Select(router => router.ToBlock(director.Host, Peer(director).Host, priority, extra));
        return VirtualRouterSpec.Global + FurtherBlocks + string.Concat(blocks);
    }

    private protected void Expect(Director director, int priority, IReadOnlyList<VirtualRouterSpec> routers)
    {
        _priorities.Add((director, priority));
        foreach (var router in routers)
            _expected[(director.Host.Mac(router.Network), router.Vrid)] = (router, director);
    }

    private protected Director Peer(Director director) => director == A ? B : A;

    private protected int[] Mark() => [.. Lab.Captures.Select(capture => capture.Mark)];

    private protected IEnumerable<CapturedFrame> FramesOf(Director director, int network, int[]? since = null)
    {
        var mac = director.Host.Mac(network);
        return Lab.Captures[network].Since(since?[network] ?? 0).Where(frame => frame.Source.Equals(mac));
    }

    private protected IEnumerable<CapturedFrame> AdvertsOf(Director director, VirtualRouterSpec router, int[]? since = null) =>
        FramesOf(director, router.Network, since).Where(frame => frame.Advert is { } advert && advert.Vrid == router.Vrid);

    /// <summary>The director advertises and holds the addresses of all virtual routers.</summary>
    private protected Task WaitForMasterAsync(Director director, int[] since) => Lab.WaitForAsync(
        $"{director} to be Master",
        () => Routers.All(router =>
            AdvertsOf(director, router, since).Any(frame => frame.Advert!.Priority > 0)
            && router.Vips.All(vip => director.Host.HasAddress(vip, router.Network))));

    /// <summary>Each address is announced on the LAN after the first advert of the takeover, or with it.</summary>
    private protected Task WaitForAnnouncementsAsync(Director director, int[] since) => Lab.WaitForAsync(
        $"{director} to announce all addresses",
        () => Routers.All(router => router.Vips.All(vip => FramesOf(director, router.Network, since)
            .Any(frame => frame.Payload is AnnouncementPayload { IsUnsolicited: true } announcement && announcement.Address.Equals(vip)))));

    /// <summary>The next adverts of each virtual router, as many as given.</summary>
    private protected Task WaitForAdvertsAsync(Director director, int count)
    {
        var mark = Mark();
        return Lab.WaitForAsync(
            $"{count} adverts of {director}", Laboratory.Patience + (count * Router.Interval),
            () => Routers.All(router => AdvertsOf(director, router, mark).Take(count).Count() == count));
    }

    private protected void AssertSilent(Director director, int[] since)
    {
        foreach (var router in Routers)
            Assert.True(!AdvertsOf(director, router, since).Any(), $"{director} has sent an advert of {router.Name}");
    }

    /// <summary>The addresses come to be on this director and not on the other, as the kernels say.</summary>
    private protected async Task AssertOnlyHolderAsync(Director director)
    {
        var other = Peer(director);
        await Lab.WaitForAsync(
            $"the addresses on {director} and not on {other}",
            () => Routers.All(router => router.Vips.All(
                vip => director.Host.HasAddress(vip, router.Network) && !other.Host.HasAddress(vip, router.Network))));
        foreach (var router in Routers)
        {
            var held = await director.Host.ReadAddressesAsync(router.Network);
            var elsewhere = await other.Host.ReadAddressesAsync(router.Network);
            Assert.All(router.Vips, vip => Assert.Single(held, vip));
            Assert.Empty(elsewhere.Intersect(router.Vips));
        }
    }

    /// <summary>The client gets answers from the addresses and has the director's hardware address for them.</summary>
    private protected async Task AssertClientReachesAsync(Director director)
    {
        foreach (var router in Routers)
        {
            foreach (var vip in router.Vips.Where(vip => !vip.IsIPv6LinkLocal))
            {
                Assert.True(await Lab.Client.PingAsync(vip), $"{vip} does not answer the client");
                Assert.Equal(director.Host.Mac(router.Network), await Lab.Client.NeighborAsync(vip));
            }
        }
    }

    /// <summary>B takes over from a Master that fell silent: not before the down interval is over, and not long after it.</summary>
    private protected Task AssertTakeoverFromSilenceAsync(Director from, Director to, int toPriority, int[] since) =>
        AssertTakeoverAsync(from, to, since, router => router.DownInterval(toPriority), lastPriorityZero: false);

    /// <summary>B takes over from a Master that said goodbye: not before the skew time is over, and not long after it.</summary>
    private protected Task AssertTakeoverFromGoodbyeAsync(Director from, Director to, int toPriority, int[] since) =>
        AssertTakeoverAsync(from, to, since, router => router.Skew(toPriority), lastPriorityZero: true);

    /// <summary>The gaps between adverts in which one would be missing.</summary>
    private protected void AssertNoneMissing(Director director, VirtualRouterSpec router, int[] since)
    {
        CapturedFrame[] adverts = [.. AdvertsOf(director, router, since)];
        Assert.All(adverts.Zip(adverts.Skip(1)), pair => Assert.InRange(pair.Second.Time - pair.First.Time, TimeSpan.Zero, 1.8 * router.Interval));
    }

    private async Task AssertTakeoverAsync(
        Director from, Director to, int[] since, Func<VirtualRouterSpec, TimeSpan> least, bool lastPriorityZero)
    {
        await WaitForMasterAsync(to, since);
        await WaitForAnnouncementsAsync(to, since);
        foreach (var router in Routers)
        {
            var first = AdvertsOf(to, router, since).First();
            var last = AdvertsOf(from, router).Last(frame => frame.Number < first.Number);
            Assert.Equal(lastPriorityZero, last.Advert!.Priority == 0);
            var gap = first.Time - last.Time;
            output.WriteLine($"{router.Name}: {to} took over {gap.TotalMilliseconds:0.0} ms after the last advert; least {least(router).TotalMilliseconds:0.0} ms");
            Assert.InRange(gap, least(router) - EarlyTolerance, least(router) + LateTolerance);
        }
    }

    private async Task RunAsync(DirectorKind a, DirectorKind b)
    {
        await using var lab = await Laboratory.CreateAsync(Routers.Max(router => router.Network) + 1);
        Lab = lab;
        A = lab.AddDirector(lab.A, a);
        B = lab.AddDirector(lab.B, b);
        try
        {
            await PlayAsync();
            await lab.StopAsync();
            for (var network = 0; network < lab.Captures.Count; network++)
                AssertOnTheWire(await Dissection.ReadAsync(lab.Captures[network].Path), network);
        }
        catch
        {
            output.WriteLine(await lab.ReportAsync());
            throw;
        }
    }

    private void AssertOnTheWire(Dissection dissection, int network)
    {
        dissection.AssertSound(A.Host.Mac(network), B.Host.Mac(network));
        foreach (var frame in dissection.Frames)
        {
            if (frame.Advert is not { } advert)
                continue;
            Assert.True(_expected.TryGetValue((frame.Source, advert.Vrid), out var expected), $"frame {frame.Number}: nobody was to send {advert}");
            var (router, director) = expected;
            Assert.Contains((director, advert.Priority), _priorities.Append((director, 0)));
            Assert.Equal(Expected(router, director, advert.Priority), advert with { Addresses = [] });
            Assert.Equal(router.Vips, advert.Addresses);
            Assert.Equal(router.Unicast ? Peer(director).Host.Mac(network) : router.IsIPv6 ? Group6 : Group4, frame.Destination);
        }
    }

    private DissectedAdvert Expected(VirtualRouterSpec router, Director director, int priority) => new()
    {
        Version = router.Version,
        Type = 1,
        Vrid = router.Vrid,
        Priority = priority,
        AddressCount = router.Vips.Count,
        AuthType = router.Password is null ? 0 : 1,
        Password = router.Password is { } password ? password[..Math.Min(8, password.Length)] : "",
        Interval = router.Interval,
        Addresses = [],
        From = router.Source(director.Host),
        To = router.Unicast ? router.Source(Peer(director).Host) : IPAddress.Parse(router.IsIPv6 ? "ff02::12" : "224.0.0.18"),
        // keepalived 2.2.7 leaves the hop limit of IPv6 unicast to the kernel.
        HopLimit = router is { Unicast: true, IsIPv6: true } && director.Kind == DirectorKind.Keepalived ? 64 : 255,
    };
}
