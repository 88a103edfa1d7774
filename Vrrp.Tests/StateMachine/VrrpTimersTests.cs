namespace Vrrp.Tests.StateMachine;

public class VrrpTimersTests
{
    // Sections 2.2 of the checklist and `timers` of the vector file: exact to the nanosecond (VR-055..059).
    [Theory]
    [InlineData(255, 1, 3_906_250L, 3_003_906_250L)]
    [InlineData(254, 1, 7_812_500L, 3_007_812_500L)]
    [InlineData(200, 1, 218_750_000L, 3_218_750_000L)]
    [InlineData(150, 1, 414_062_500L, 3_414_062_500L)]
    [InlineData(100, 1, 609_375_000L, 3_609_375_000L)]
    [InlineData(90, 1, 648_437_500L, 3_648_437_500L)]
    [InlineData(1, 1, 996_093_750L, 3_996_093_750L)]
    [InlineData(100, 3, 609_375_000L, 9_609_375_000L)]
    [InlineData(100, 255, 609_375_000L, 765_609_375_000L)]
    public void Version_2_has_a_skew_that_does_not_grow_with_the_interval(int priority, int seconds, long skew, long down)
    {
        long interval = AdvertisementInterval.FromSeconds(seconds).Nanoseconds;

        Assert.Equal(skew, VrrpTimers.SkewNanoseconds(VrrpVersion.V2, new(priority), interval));
        Assert.Equal(down, VrrpTimers.MasterDownNanoseconds(VrrpVersion.V2, new(priority), interval, adverts: 3));
    }

    [Theory]
    [InlineData(255, 100, 3_906_250L, 3_003_906_250L)]
    [InlineData(254, 100, 7_812_500L, 3_007_812_500L)]
    [InlineData(200, 100, 218_750_000L, 3_218_750_000L)]
    [InlineData(150, 100, 414_062_500L, 3_414_062_500L)]
    [InlineData(100, 100, 609_375_000L, 3_609_375_000L)]
    [InlineData(90, 100, 648_437_500L, 3_648_437_500L)]
    [InlineData(1, 100, 996_093_750L, 3_996_093_750L)]
    [InlineData(100, 300, 1_828_125_000L, 10_828_125_000L)]
    [InlineData(254, 10, 781_250L, 300_781_250L)]
    [InlineData(100, 10, 60_937_500L, 360_937_500L)]
    [InlineData(100, 1, 6_093_750L, 36_093_750L)]
    [InlineData(1, 1, 9_960_937L, 39_960_937L)] // .5 ns is below the resolution
    [InlineData(100, 4095, 24_953_906_250L, 147_803_906_250L)]
    [InlineData(1, 4095, 40_790_039_062L, 163_640_039_062L)]
    [InlineData(255, 1, 39_062L, 30_039_062L)]
    public void Version_3_has_a_skew_that_scales_with_the_learned_interval(int priority, int centiseconds, long skew, long down)
    {
        long interval = AdvertisementInterval.FromCentiseconds(centiseconds).Nanoseconds;

        Assert.Equal(skew, VrrpTimers.SkewNanoseconds(VrrpVersion.V3, new(priority), interval));
        Assert.Equal(down, VrrpTimers.MasterDownNanoseconds(VrrpVersion.V3, new(priority), interval, adverts: 3));
    }

    [Fact]
    public void At_one_centisecond_no_two_priorities_have_the_same_skew()
    {
        var skews = Enumerable.Range(1, 255)
            .Select(priority => VrrpTimers.SkewNanoseconds(VrrpVersion.V3, new(priority), 10_000_000))
            .ToArray();

        Assert.All(skews.Zip(skews.Skip(1)), pair => Assert.InRange(pair.First - pair.Second, 39_062, 39_063));
    }

    [Fact]
    public void The_public_durations_are_the_same_times()
    {
        var interval = AdvertisementInterval.OneSecond;

        Assert.Equal(TimeSpan.FromMicroseconds(609_375), VrrpTimers.SkewTime(VrrpVersion.V3, new(100), interval));
        Assert.Equal(TimeSpan.FromMicroseconds(3_609_375), VrrpTimers.MasterDownInterval(VrrpVersion.V3, new(100), interval));
        Assert.Equal(TimeSpan.FromMicroseconds(5_609_375), VrrpTimers.MasterDownInterval(VrrpVersion.V3, new(100), interval, adverts: 5));
    }
}
