using System.Net;
using Vrrp.Tests.Linux.Chaos;
using Vrrp.Tests.Linux.Lab;
using Xunit.Abstractions;

namespace Vrrp.Tests.LaboratoryMachine;

/// <summary>Two of our directors that share a virtual router: A is its Master, B its Backup.</summary>
internal sealed class LaboratoryPair
{
    public const int HighPriority = 150;
    public const int LowPriority = 100;

    // A timer that runs exactly as long as the protocol says may look this much shorter: capture and reception are two moments.
    private static readonly TimeSpan EarlyTolerance = TimeSpan.FromMilliseconds(20);

    // For processors that are emulated, and shared with whatever else runs on the real ones.
    private static readonly TimeSpan LateTolerance = TimeSpan.FromSeconds(5);

    private LaboratoryPair(Laboratory lab, VirtualRouterSpec router, MemoryGroup? memory)
    {
        Lab = lab;
        Router = router;
        Memory = memory;
        A = lab.AddDirector(lab.A, DirectorKind.Vrrp, launcher: memory?.Launcher);
        B = lab.AddDirector(lab.B, DirectorKind.Vrrp, launcher: memory?.Launcher);
    }

    public Laboratory Lab { get; }

    public VirtualRouterSpec Router { get; }

    public Director A { get; }

    public Director B { get; }

    /// <summary>The memory that both share, if it was to be limited.</summary>
    public MemoryGroup? Memory { get; }

    public IPAddress Vip => Router.Vips[0];

    /// <summary>Builds the hosts, tells the story, and says all there is to know if it fails.</summary>
    public static async Task RunAsync(ITestOutputHelper output, VirtualRouterSpec router, Func<LaboratoryPair, Task> story, bool hasMemoryGroup = false)
    {
        await using var lab = await Laboratory.CreateAsync();
        await using var memory = hasMemoryGroup ? MemoryGroup.Create($"{lab.Prefix}pair", lab.Changed) : null;
        try
        {
            await story(new(lab, router, memory));
        }
        catch
        {
            output.WriteLine(await lab.ReportAsync());
            throw;
        }
        finally
        {
            // A group can go when nobody is in it.
            await lab.StopAsync();
        }
    }

    /// <summary>Starts both.</summary>
    /// <param name="following">Blocks that follow both instances.</param>
    public async Task ElectAsync(string following = "")
    {
        await A.StartAsync(Router.ToConfig(A.Host, B.Host, HighPriority) + following);
        await WaitForMasterAsync(A, since: 0);
        await B.StartAsync(Router.ToConfig(B.Host, A.Host, LowPriority) + following);
        await B.WaitForBackupAsync(Router.Name);
    }

    /// <summary>Whether the address is where the configuration wants it: on the interface that it names, or else on the virtual router's.</summary>
    public bool HasVip(Director director) =>
        director.Host.HasAddress(Vip, Router.Addresses[0].Split(" dev ") is [_, var device] ? device : LabHost.Device(Router.Network));

    public IEnumerable<CapturedFrame> AdvertsOf(Director director, int since = 0) => AdvertsOf(director, Lab.Captures[0], since);

    public static IEnumerable<CapturedFrame> AdvertsOf(Director director, LabCapture capture, int since = 0)
    {
        var mac = director.Host.Mac(0);
        return capture.Since(since).Where(frame => frame.Advert is not null && frame.Source.Equals(mac));
    }

    public Task WaitForMasterAsync(Director director, int since) => Lab.WaitForAsync(
        $"{director} to be Master",
        () => AdvertsOf(director, since).Any(frame => frame.Advert!.Priority > 0) && HasVip(director));

    public Task WaitForAdvertsAsync(Director director, int count)
    {
        int since = Lab.Captures[0].Mark;
        return Lab.WaitForAsync(
            $"{count} adverts of {director}", Laboratory.Patience + (5 * count * Router.Interval), () => AdvertsOf(director, since).Skip(count - 1).Any());
    }

    /// <summary>A has been Master and B Backup since the given frame, as the LAN and the kernels saw it.</summary>
    public void AssertUndisturbed(int since)
    {
        Assert.DoesNotContain(AdvertsOf(A, since), frame => frame.Advert!.Priority == 0);
        Assert.Empty(AdvertsOf(B, since));
        Assert.True(HasVip(A), $"{A} has lost {Vip}");
        Assert.False(HasVip(B), $"{B} has taken {Vip}");
    }

    /// <summary>B took over as long after the last advert that it got as the protocol says.</summary>
    /// <param name="seenByB">What arrived at B and what it sent.</param>
    /// <param name="downAdverts">How many intervals it waits.</param>
    public async Task<TimeSpan> AssertTakeoverAsync(LabCapture seenByB, int downAdverts)
    {
        // Each capture is read by a process of its own: what one has told another may not have told yet.
        await Lab.WaitForAsync($"the first advert of {B} in the capture", () => AdvertsOf(B, seenByB).Any());
        var first = AdvertsOf(B, seenByB).First();
        var last = AdvertsOf(A, seenByB).Last(frame => frame.Number < first.Number);
        var least = (downAdverts * Router.Interval) + Router.Skew(LowPriority);
        var gap = first.Time - last.Time;
        Assert.InRange(gap, least - EarlyTolerance, least + LateTolerance);
        return gap;
    }
}
